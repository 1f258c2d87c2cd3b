"""python -m benchmarks.kills [COUNT]: kills a training run at random moments and resumes it, COUNT times (100).

At the end the parameters, states and losses must be those of a run that was never stopped, bit for bit.

With `--processes 2 4` the runs are of so many processes, training and planning by turns, and one of their processes or
of the supervisors is killed. Told in a table are the seconds in which all others have ended, their exit status, on how
many processes the work was taken up again, and how far the result is from that of a run that was never stopped.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from difflab import nn

from .killed_processes import table

RUN = """
import sys
from difflab.nn.training.recipes import Recipe, run
run(Recipe("cnn", "digits", epochs=40, seed=1), sys.argv[1], resume=True, progress=False)
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    """The run in a process of its own; it resumes what is in the folder."""
    return subprocess.Popen([sys.executable, "-c", RUN, str(folder)], stderr=subprocess.DEVNULL)


def arrays(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "last.npz") as file:
        return {name: file[name].tobytes() for name in file.files if name != "about"}


def losses(folder: Path) -> list[tuple[float, float]]:
    history = nn.load_checkpoint(folder / "last.npz").about["history"]
    return [(r["train_loss"], r["test_loss"]) for r in history]


def one_process(count: int) -> None:
    rng, kills = random.Random(0), 0
    with tempfile.TemporaryDirectory() as scratch:
        whole, parts = Path(scratch, "whole"), Path(scratch, "parts")
        began = time.perf_counter()
        start(whole).wait()
        seconds = time.perf_counter() - began
        while kills < count:
            process = start(parts)
            try:
                process.wait(timeout=rng.uniform(0.1, 0.4 * seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
                process.wait()
                kills += 1
                continue
            check(whole, parts)  # it came to its end: the next one starts afresh
            for file in parts.iterdir():
                file.unlink()
        start(parts).wait()
        check(whole, parts)
    print(f"{kills} kills, and every run that came to its end is bit-equal to the one that was never stopped")


def check(whole: Path, parts: Path) -> None:
    if arrays(whole) != arrays(parts) or losses(whole) != losses(parts):
        raise SystemExit("a resumed run differs from the one that was never stopped")


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.kills", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=None, help="kills: 100, or 20 of many processes")
    parser.add_argument("--processes", type=int, nargs="+", metavar="N", help="of runs of many processes")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.processes is None:
        one_process(given.count or 100)
        return
    for line in table(given.count or 20, given.processes, random.Random(given.seed)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
