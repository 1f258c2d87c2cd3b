"""Which backend the steps of a run go through: the one that was asked for, or the fastest, found before the first."""

from __future__ import annotations

import time
from importlib.util import find_spec

import numpy as np
import optree

from ...compile.program.program import NEEDS, compile
from ...errors import DifflabError
from ...progress import doing
from ...types import Array, Function, Tree

TURNS = 5


def fastest(update: Function, trees: Tree, x: Array, y: Array) -> str:
    """The backend whose step takes least, of those that are installed, on copies of the run's own arrays.

    It is found once, before the first update, because another backend rounds otherwise: a run keeps its own.
    """
    times: dict[str, float] = {}
    with doing("finding the fastest backend"):
        for name in ("numpy", *[name for name, package in NEEDS.items() if find_spec(package)]):
            try:
                times[name] = seconds(compile(update, donate_argnums=(0, 1, 2), backend=name), trees, x, y)
            except DifflabError:  # what this backend refuses, another one runs
                continue
    return min(times, key=lambda name: times[name])


def seconds(step: Function, trees: Tree, x: Array, y: Array) -> float:
    """The least time of some steps, each from copies, once the program is built."""
    best = float("inf")
    for turn in range(TURNS + 2):
        copies = optree.tree_map(np.array, trees)
        start = time.perf_counter()
        step(*copies, x, y)
        if turn > 1:  # the first is traced, and the second may be built
            best = min(best, time.perf_counter() - start)
    return best
