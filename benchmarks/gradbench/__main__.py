"""python -m benchmarks.gradbench [FILE ...]: the family alone, with one thread, two, or as the environment says.

A process of its own for each number of threads, which is tied to as many processors: XLA, OpenBLAS, OpenMP, numba and
difflab read what they may use when they start. Its cache is empty, so that "auto" measures what it chooses. Results
are added to history.jsonl, unless `--quick`, where some elements show that all agree.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib import import_module

from .. import history
from ..measure import machine
from ..workload import Result, Workload, measure, show
from . import FILES
from .table import table

PACKAGES = ("numpy", "difflab", "jax", "torch", "autograd", "casadi", "numba")
COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "DIFFLAB_THREADS")


def options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gradbench")
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"some of {', '.join(FILES)}; all without one")
    parser.add_argument("--threads", nargs="+", type=int, default=[], help="a process for each number of threads")
    parser.add_argument("--quick", action="store_true", help="some elements each; nothing is added to the history")
    parser.add_argument("--rounds", type=int, help="turns of timing")
    parser.add_argument("--seconds", type=float, help="of a candidate in each turn")
    parser.add_argument("--without", nargs="+", default=[], metavar="PEER", help="peers to leave out")
    parser.add_argument("--only", default="", metavar="WORD", help="workloads whose name has the word")
    given = parser.parse_args(words)
    unknown = [f for f in given.files if f not in FILES]
    if unknown:
        parser.error(f"no file {unknown[0]!r}; there are {', '.join(FILES)}")
    return given


def chosen(given: argparse.Namespace) -> list[Workload]:
    found = []
    for file in given.files or FILES:
        for work in import_module(f"benchmarks.gradbench.{file}").workloads(given.quick):
            if given.only in work.name:
                peers = {n: make for n, make in work.peers.items() if n not in given.without}
                rounds, seconds = given.rounds or work.rounds, given.seconds or work.seconds
                found.append(replace(work, peers=peers, rounds=rounds, seconds=seconds))
    return found


def with_threads(count: int, words: list[str]) -> int:
    """The same command in a process that has `count` threads, and as many processors where that can be said."""
    every = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, **dict.fromkeys(COUNTS, str(count)), "DIFFLAB_CACHE": cache}
        command = [sys.executable, "-m", "benchmarks.gradbench", *words]
        if every:
            os.sched_setaffinity(0, every[:count])  # the child has what its parent has
        try:
            return subprocess.run(command, env=environment).returncode
        finally:
            if every:
                os.sched_setaffinity(0, every)


def main(words: list[str]) -> int:
    given = options(words)
    if given.threads:
        at = words.index("--threads")
        rest = words[:at] + words[at + 1 + len(given.threads) :]
        return max(with_threads(count, rest) for count in given.threads)
    threads = os.environ.get("OMP_NUM_THREADS", "any number of")
    where = f"{machine(*PACKAGES)}, {threads} threads"
    print(where, flush=True)
    results: list[Result] = []
    for work in chosen(given):
        results.append(measure(work))
        show(results[-1])
        sys.stdout.flush()
    print(f"\n{where}\n\n{table(results)}")
    if not given.quick:
        history.add(results, where)
    return int(any(r.wrong for r in results))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
