"""The shell command `difflab`: one file for each subcommand."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit status."""
    try:
        from . import signals
    except KeyboardInterrupt:
        sys.exit(130)
    status = signals.guarded(lambda: command(arguments))
    if status in signals.STATUSES or (status and os.environ.get("DIFFLAB_PROCESS")):  # no other process is waited for
        signals.leave(status)
    sys.exit(status)


def command(arguments: Sequence[str] | None) -> int:
    from .app import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
