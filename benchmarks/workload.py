"""What a workload is: the same computation by difflab and by its peers, checked to agree before anything is timed."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
    rounds: int = 9
    seconds: float = 0.1


@dataclass
class Result:
    """Medians in seconds, ratios to difflab, and who was left out and why."""

    name: str
    seconds: dict[str, float]
    ratios: dict[str, float]
    skipped: dict[str, str]


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
        if name in work.peers:
            check(work, name, leaves(found), want)
        runs[name] = run
    times = interleaved(runs, work.rounds, work.seconds)
    ratios = {n: statistics.median(a / b for a, b in zip(row, times["difflab"])) for n, row in times.items()}
    return Result(work.name, {n: statistics.median(row) for n, row in times.items()}, ratios, skipped)


def check(work: Workload, name: str, found: list[Any], want: list[Any]) -> None:
    if len(found) != len(want):
        raise AssertionError(f"{work.name}: {name} returns {len(found)} arrays, difflab {len(want)}")
    for a, b in zip(found, want):
        scale = np.max(np.abs(b)) if b.size else 0.0
        np.testing.assert_allclose(
            a.reshape(b.shape), b, rtol=work.rtol, atol=work.rtol * scale, err_msg=f"{work.name}: {name} disagrees"
        )


def show(result: Result) -> None:
    print(f"\n{result.name}")
    for name, seconds in sorted(result.seconds.items(), key=lambda p: p[1]):
        print(f"  {name:22s} {readable(seconds):>12s}   {result.ratios[name]:8.2f} x difflab")
    for name, why in result.skipped.items():
        print(f"  {name:22s} skipped: {why}")


def readable(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
