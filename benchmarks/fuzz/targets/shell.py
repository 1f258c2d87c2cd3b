"""The shell's command in this process: its status, and what it printed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator

from difflab.cli.app import INTERNAL, outcome, program, run as run_line

LONGEST = 5000


class InternalError(Exception):
    """A command ended with status 3."""


def command(*words: str) -> int:
    """Runs one command line in an empty folder. Raises its internal errors, and what the contract forbids."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), empty_folder():
        status = run_line(list(words))
        if status == INTERNAL:
            again(words)
    told = err.getvalue()
    if status not in (0, 1, 2):
        raise InternalError(f"status {status}: {told[:500]}")
    if len(told) > LONGEST or any(not c.isprintable() and c != "\n" for c in told):
        raise InternalError(f"{len(told)} characters on standard error: {told[:200]!r}")
    if status == 2 and not told.strip():
        raise InternalError("refused without a word")
    # draw writes no JSON: there the word can only be another option's value.
    if "--json" in words and words[0] != "draw" and out.getvalue().strip() and status < 2:
        json.loads(out.getvalue(), parse_constant=refuse)
    return status


def again(words: tuple[str, ...]) -> None:
    """The error itself, with its traceback."""
    try:
        with program.make_context("difflab", list(words)) as context:
            program.invoke(context)
    except BaseException as error:
        if outcome(error)[0] == INTERNAL:
            raise


def refuse(name: str) -> None:
    raise InternalError(f"{name} in JSON")


@contextlib.contextmanager
def empty_folder() -> Iterator[None]:
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
