"""Hypothesis strategies for points at which gradients are tried: ordinary ones, tails and kinks.

hypothesis is imported when a strategy is made; without it that raises UnsupportedError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UnsupportedError
from ..primitives import Elementwise, Primitive, lookup
from ..types import Sizes, Value
from .points import LARGEST, SMALLEST, bounds, inside, shape_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy
    from numpy.typing import DTypeLike

__all__ = ["points", "points_of"]


def points(
    shape: Sizes | SearchStrategy[Value] = (),
    low: float | None = None,
    high: float | None = None,
    kinks: Iterable[float] = (),
    tails: bool = True,
    dtype: DTypeLike = float,
) -> SearchStrategy[Value]:
    """Points of that shape, an array or for () a number: ordinary entries, tails, and the given kinks.

    `low` and `high` bound the entries (they are not drawn themselves). `kinks` are values that some entries take
    exactly, such as 0.0 for relu; `tails` are sizes from 1e-12 to 1e4, or near the bounds. `shape` may be a strategy.

    >>> from hypothesis import given
    >>> @given(points((3,), low=0.0))
    ... def test_logarithm(x):
    ...     assert_gradients_agree(lambda x: np.sum(np.log(x)), x, gradient=lambda x: 1 / x)
    """
    st = strategies()
    entry = entries(st, low, high, tuple(kinks), tails)
    if hasattr(shape, "flatmap"):
        found: SearchStrategy[Value] = shape.flatmap(lambda s: arrays(st, entry, shape_of(s), dtype))
        return found
    return arrays(st, entry, shape_of(shape), dtype)


def points_of(row: str | Primitive, kinks: bool = True) -> SearchStrategy[Value]:
    """Tuples of operands of an elementwise row, from its own domain: ordinary values, its tails and branch points.

    `kinks=False` leaves the branch points out. Raises InputError for a name that is no row.

    >>> points_of("arcsin").example()  # doctest: +SKIP
    (np.float64(0.25),)
    """
    found = lookup(row) if isinstance(row, str) else row
    if not isinstance(found, Elementwise):
        raise UnsupportedError(f"points_of: {found.name} is not elementwise, so it has no domain for single numbers")
    st = strategies()
    operands = []
    for domain in found.domain:
        choices = [st.floats(domain.low, domain.high), *[st.just(v) for v in domain.tails]]
        choices += [st.just(v) for v in domain.branch_points] if kinks else []
        number = st.one_of(*choices)
        operands.append(number.map(lambda v: np.int64(round(v))) if domain.of == "whole" else number.map(np.float64))
    tuples: SearchStrategy[Value] = st.tuples(*operands)
    return tuples


def strategies() -> Value:
    try:
        from hypothesis import strategies as st
    except ImportError:
        raise UnsupportedError(
            "difflab.testing.strategies needs hypothesis, which is not installed: pip install hypothesis"
        ) from None
    return st


def entries(st: Any, low: float | None, high: float | None, kinks: tuple[float, ...], tails: bool) -> Value:
    """A strategy of single numbers."""
    a, b = bounds(low, high)
    strictly: Callable[[float], float] = lambda v: float(inside(v, low, high))
    choices = [st.floats(a, b).map(strictly)]
    if tails and low is None and high is None:
        size = st.floats(SMALLEST, LARGEST).map(lambda e: 10.0**e)
        choices += [size, size.map(lambda v: -v)]
    elif tails:
        near = st.floats(SMALLEST, LARGEST if low is None or high is None else 0.0).map(lambda e: 10.0**e)
        width = b - a if low is not None and high is not None else 1.0
        choices += [near.map(lambda d: strictly(low + width * d))] if low is not None else []
        choices += [near.map(lambda d: strictly(high - width * d))] if high is not None else []
    choices += [st.sampled_from(kinks)] if kinks else []
    return st.one_of(*choices)


def arrays(st: Any, entry: Value, shape: tuple[int, ...], dtype: DTypeLike) -> SearchStrategy[Value]:
    count = int(np.prod(shape))
    found: SearchStrategy[Value] = st.lists(entry, min_size=count, max_size=count).map(
        lambda v: np.array(v, dtype).reshape(shape)[()]
    )
    return found
