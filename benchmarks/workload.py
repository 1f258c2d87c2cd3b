"""What a workload is: the same computation by difflab and by its peers, checked to agree before anything is timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import difflab as dl
from difflab.differentiate.closed import entries

from .measure import interleaved

Make = Callable[[], Callable[[], Any]]


@dataclass
class Workload:
    """`difflab` and each peer make a function of no arguments that runs once and returns arrays to compare."""

    name: str
    difflab: Make
    peers: dict[str, Make]
    rtol: float = 1e-9
    floors: dict[str, Make] = field(default_factory=dict)  # parts of the work, for the roofline: not compared
    self_checked: tuple[str, ...] = ()  # peers whose maker compares, because they return something else
    gradient_of: tuple[Any, tuple[Any, ...], Any] | None = (
        None  # function, point, argnums: for the cheap-gradient ratio
    )
    rounds: int = 9
    seconds: float = 0.1
    longest: float = float("inf")  # seconds of a call; what takes longer is called once, and not in each round


@dataclass
class Result:
    """Medians in seconds, ratios to difflab, and who was left out and why."""

    name: str
    seconds: dict[str, float]
    ratios: dict[str, float]
    skipped: dict[str, str]
    floors: list[str] = field(default_factory=list)
    cheap: tuple[float, float] | None = None  # cost of value and gradient over cost of the value: time, flops
    wrong: dict[str, str] = field(default_factory=dict)  # who disagrees, and is not timed


def leaves(x: Any) -> list[np.ndarray[Any, Any]]:
    """All numbers in a result, as float64 arrays."""
    if isinstance(x, dict):
        return [a for k in sorted(x) for a in leaves(x[k])]
    if isinstance(x, list | tuple):
        return [a for y in x for a in leaves(y)]
    if hasattr(x, "toarray"):
        x = x.toarray()
    if hasattr(x, "detach"):
        x = x.detach().numpy()
    return [np.asarray(x, dtype=float)]


def measure(work: Workload) -> Result:
    """Agreement first, then interleaved rounds."""
    runs = {"difflab": work.difflab()}
    want = leaves(runs["difflab"]())
    want = leaves(runs["difflab"]())  # the second call runs the program
    skipped: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name, make in {**work.peers, **work.floors}.items():
        try:
            run = make()
            found = run()
        except ImportError as error:
            skipped[name] = str(error)
            continue
        except Exception as error:
            skipped[name] = f"{type(error).__name__}: {str(error)[:80]}"
            continue
        if name in work.peers and name not in work.self_checked:
            try:
                check(work, name, leaves(found), want)
            except AssertionError as error:
                wrong[name] = " ".join(str(error).split())
                continue
        runs[name] = run
    times = timed(work, runs)
    ratios = {n: statistics.median(a / b for a, b in zip(row, times["difflab"])) for n, row in times.items()}
    seconds = {n: statistics.median(row) for n, row in times.items()}
    return Result(work.name, seconds, ratios, skipped, list(work.floors), cheap_gradient(work), wrong)


def timed(work: Workload, runs: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Interleaved rounds; the one call of what takes too long stands for all of its rounds."""
    long = {}
    if work.longest < float("inf"):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            long[name] = time.perf_counter() - start
    rest = {n: run for n, run in runs.items() if long.get(n, 0.0) <= work.longest}
    times = interleaved(rest, work.rounds, work.seconds)
    return {n: times.get(n) or [long[n]] * work.rounds for n in runs}


def cheap_gradient(work: Workload) -> tuple[float, float] | None:
    """What value and gradient cost together, in units of the value alone: in time and in flops."""
    if work.gradient_of is None:
        return None
    f, point, argnums = work.gradient_of
    value, both = dl.compile(f), dl.compile(dl.value_and_grad(f, argnums=argnums))
    runs = {"value": lambda: value(*point), "both": lambda: both(*point)}
    for run in runs.values():
        run()
        run()
    times = interleaved(runs, 5, work.seconds)
    ratio = statistics.median(b / a for a, b in zip(times["value"], times["both"]))
    return ratio, flops(both) / flops(value)


def flops(program: Any) -> float:
    """The flops of a program's graph, each row counted as it says."""
    return float(sum(n.primitive.flops * entries(n) for n in program.program.graph.operations))


def check(work: Workload, name: str, found: list[Any], want: list[Any]) -> None:
    a, b = (np.concatenate([x.ravel() for x in arrays]) for arrays in (found, want))
    message = f"{work.name}: {name} disagrees"
    np.testing.assert_allclose(a, b, rtol=work.rtol, atol=work.rtol * np.max(np.abs(b)), err_msg=message)


def show(result: Result) -> None:
    print(f"\n{result.name}")
    for name, seconds in sorted(result.seconds.items(), key=lambda p: p[1]):
        print(f"  {name:22s} {readable(seconds):>12s}   {result.ratios[name]:8.2f} x difflab")
    if result.cheap:
        print(f"  value and gradient cost {result.cheap[0]:.1f} x the value in time, {result.cheap[1]:.1f} x in flops")
    for name, why in result.wrong.items():
        print(f"  {name:22s} WRONG, not timed: {why}")
    for name, why in result.skipped.items():
        print(f"  {name:22s} skipped: {why}")


def readable(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
