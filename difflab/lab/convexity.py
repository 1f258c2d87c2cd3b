"""convexity: whether a function is convex on a box, with a proof or a counterexample.

A function is convex where its values between two points never lie above the chord: f((a + b)/2) <= (f(a) + f(b))/2
for a continuous one. Two points that break this refute it. A function with two continuous derivatives is convex on a
box exactly where its Hessian is positive semidefinite there (Boyd and Vandenberghe, "Convex Optimization", 3.1.4), and
strongly convex with modulus m where every eigenvalue is at least m (9.1.2).
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..types import Value
from .convexity_result import Convexity, Violation


def convexity(function: Value, region: dict[str, tuple[Value, Value]], seconds: float = 10.0) -> Convexity:
    """Whether a scalar function is convex on a box, proven by ball arithmetic: a `Convexity`.

    `function` is text, a function, a graph or a sympy expression; `region` gives each input its (low, high), numbers or
    arrays of the input's shape. "not convex" comes with two points whose middle is proven to lie above the chord, the
    other two with enclosures of the Hessian on parts that cover the box. Where a part has no Hessian (a kink) or only a
    singular one, terms of a sum that are convex by the rules of composition (Grant, Boyd and Ye 2006) are left out of
    it. What neither settles within `seconds` of processor time is "undecided". In Python code the branch taken in the
    middle of the box must be the one taken everywhere. Functions are taken for the real-valued formulas that they are.

    >>> convexity("log(exp(x) + exp(-x)) + x**2 / 2", dict(x=(-2.0, 2.0))).verdict
    'strongly convex'
    >>> convexity("x**4 + abs(x)", dict(x=(-1.0, 1.0))).verdict
    'convex'
    >>> found = convexity("x**4 - x**2", dict(x=(-1.0, 1.0)))
    >>> found.verdict, found.violation.a, found.violation.b
    ('not convex', {'x': np.float64(-0.5)}, {'x': np.float64(0.5)})
    """
    from ..differentiate.problem import as_problem, time_limit
    from .convexity_proof import decide

    low, high = bounds(region)
    problem = as_problem(function, {name: low[name] + (high[name] - low[name]) / 2 for name in region})
    return decide(problem, low, high, time_limit(seconds))


def bounds(region: Value) -> tuple[dict[str, Value], dict[str, Value]]:
    """The lower and the upper ends of a region, as arrays of floats by name."""
    if not isinstance(region, dict) or not region:
        raise InputError(f"convexity: region={region!r}; give a dict of (low, high) for each input, as dict(x=(-1, 1))")
    low, high = {}, {}
    for name, pair in region.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"convexity: the region of {name} is {pair!r}; give (low, high)")
        try:
            a, b = (np.asarray(x, dtype=np.float64) for x in pair)
            a, b = (x[()] for x in np.broadcast_arrays(a, b))
        except (TypeError, ValueError):
            raise InputError(f"convexity: the region of {name} is {pair!r}; give two numbers, or two arrays") from None
        if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b)) and np.all(a < b)):
            raise InputError(f"convexity: the region of {name} is {pair!r}; give finite numbers, low < high")
        with np.errstate(over="ignore"):
            if not np.all(np.isfinite(b - a)):
                raise InputError(f"convexity: the region of {name} is {pair!r}, and its width is no float; give less")
        low[name], high[name] = a, b
    return low, high


__all__ = ["Convexity", "Violation", "convexity"]
