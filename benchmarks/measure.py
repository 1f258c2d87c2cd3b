"""Interleaved timing: the candidates take turns, and the ratio is taken round by round."""

from __future__ import annotations

import gc
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version


def interleaved(
    candidates: dict[str, Callable[[], object]], rounds: int = 15, seconds: float = 0.1
) -> dict[str, list[float]]:
    """Seconds a call for each candidate, one figure a round; calls are repeated to fill about `seconds`."""
    repeats = {}
    for name, run in candidates.items():
        run()
        start = time.perf_counter()
        run()
        repeats[name] = max(1, int(seconds / max(time.perf_counter() - start, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            gc.collect()
            start = time.perf_counter()
            for _ in range(repeats[name]):
                run()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return times


def report(title: str, times: dict[str, list[float]], reference: str = "difflab") -> dict[str, float]:
    """Prints medians and the ratios to the reference; returns the ratios."""
    print(f"\n{title}")
    ratios = {}
    for name, row in times.items():
        ratios[name] = statistics.median(a / b for a, b in zip(row, times[reference]))
        spread = f"{min(row) * 1e6:.1f} to {max(row) * 1e6:.1f}"
        print(f"  {name:12s} {statistics.median(row) * 1e6:12.1f} us   ({spread})   {ratios[name]:6.2f} x {reference}")
    return ratios


def machine(*packages: str) -> str:
    """The machine and the versions behind the figures."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return f"{platform.processor() or platform.machine()}, Python {sys.version.split()[0]}, {', '.join(found)}"
