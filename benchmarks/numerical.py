"""python -m benchmarks.numerical [SEED ...]: difflab's differences beside numdifftools and scipy.differentiate.

Each runs with its defaults on the functions of numerical_sets.py. Right: within 1e-6 of the true derivative,
relatively. Covered: the claimed error is no smaller than the true one, or there is a refusal. Tight: the claim is
within 100 times the larger of the true error and 1e-12 of the value. Evaluations are the points at which the function
was computed. Of scipy, what it returned counts, whether or not it says that it succeeded; a claim that is not finite
counts as a refusal.
"""

from __future__ import annotations

import math
import statistics
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import difflab as dl

from .measure import machine
from .numerical_sets import SETS, Case

RIGHT, TIGHT, SMALL = 1e-6, 100.0, 1e-12


@dataclass(frozen=True)
class Row:
    """One derivative: its value, claimed error and evaluations beside the truth."""

    value: float
    claim: float
    evaluations: int
    truth: float

    @property
    def refused(self) -> bool:
        return not (math.isfinite(self.value) and math.isfinite(self.claim))

    @property
    def error(self) -> float:
        return abs(self.value - self.truth)

    @property
    def right(self) -> bool:
        return self.error <= RIGHT * abs(self.truth)

    @property
    def covered(self) -> bool:
        return self.refused or self.error <= self.claim

    @property
    def tight(self) -> bool:
        return self.refused or self.claim <= TIGHT * max(self.error, SMALL * abs(self.value))


def by_difflab(f: Callable[[Any], Any], x: float) -> tuple[float, float]:
    found = dl.differentiate(f, x, method="numerical")
    return float(found.gradient), float(next(iter((found.claimed_error or {}).values())))


def by_numdifftools(f: Callable[[Any], Any], x: float) -> tuple[float, float]:
    import numdifftools

    found = numdifftools.Derivative(f, full_output=True)(x)
    return float(found.estimate), float(np.max(found.error_estimate))


def by_scipy(f: Callable[[Any], Any], x: float) -> tuple[float, float]:
    from scipy.differentiate import derivative

    found = derivative(f, x)
    return float(found.df), float(found.error)


METHODS = {"difflab": by_difflab, "numdifftools": by_numdifftools, "scipy": by_scipy}


def measured(method: Callable[..., tuple[float, float]], case: Case, truth: float) -> Row:
    """One method on one case, with the evaluations counted."""
    function, count = case.function(), 0

    def counted(x: Any) -> Any:
        nonlocal count
        if not hasattr(x, "primitive"):  # difflab's recording of the function is not an evaluation
            count += np.size(x)
        return function(x)

    value, claim = method(counted, np.float64(case.x))
    return Row(value, claim, count, truth)


def show(title: str, rows: dict[str, list[Row]]) -> None:
    print(f"\n{title}, {len(next(iter(rows.values())))} derivatives")
    print(f"  {'':14s}{'right':>9s}{'covered':>9s}{'tight':>9s}{'refused':>9s}{'evaluations':>13s}")
    for name, found in rows.items():
        shares = [f"{100 * share([getattr(r, k) for r in found]):8.1f}%" for k in ("right", "covered", "tight")]
        refusals = f"{100 * share([r.refused for r in found]):8.1f}%"
        print(f"  {name:14s}{''.join(shares)}{refusals}{statistics.median(r.evaluations for r in found):13.0f}")


def share(flags: Iterable[bool]) -> float:
    return statistics.fmean(map(float, flags))


def main(seeds: list[int]) -> None:
    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    print(machine("numpy", "scipy", "numdifftools", "mpmath"))
    for seed in seeds:
        pooled: dict[str, list[Row]] = {name: [] for name in METHODS}
        for title, make in SETS.items():
            cases = [(case, case.truth()) for case in make(seed)]
            rows = {name: [measured(m, case, truth) for case, truth in cases] for name, m in METHODS.items()}
            show(f"seed {seed}: {title}", rows)
            for name, found in rows.items():
                pooled[name] += found
        show(f"seed {seed}: pooled", pooled)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [0, 10, 11])
