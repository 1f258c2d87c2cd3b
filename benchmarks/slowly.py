"""Runs a command stopped most of the time, as a busy machine would run it: `python -m benchmarks.slowly COMMAND ...`.

All processes that the command starts stop and go on with it, so the machine is free meanwhile: nothing is to be said of
speed, and whatever looks at the clock on the wall sees work that takes ten times as long.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

RUNS, STOPS = 0.05, 0.45  # seconds


def descendants(pid: int) -> list[int]:
    """The process and what it has started, in sessions of their own too, parents first."""
    found = [pid]
    for known in found:
        with suppress(OSError):
            for thread in Path(f"/proc/{known}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def main(command: list[str]) -> int:
    program = subprocess.Popen(command)
    try:
        while program.poll() is None:
            stopped = descendants(program.pid)
            send(stopped, signal.SIGSTOP)
            time.sleep(STOPS)
            send(stopped[::-1], signal.SIGCONT)
            time.sleep(RUNS)
    except KeyboardInterrupt:
        program.send_signal(signal.SIGINT)
    return program.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
