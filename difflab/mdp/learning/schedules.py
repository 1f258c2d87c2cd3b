"""Schedules: step sizes and exploration that change while learning goes on. Each is a function of a count from 0."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import InputError

Schedule = Callable[[int], float]


def constant(value: float) -> Schedule:
    """Always the value.

    >>> constant(0.1)(1000)
    0.1
    """
    return lambda count: value


def linear(first: float, last: float, steps: int) -> Schedule:
    """From first to last in so many steps, and last from then on.

    >>> [linear(1.0, 0.0, 4)(k) for k in (0, 2, 4, 9)]
    [1.0, 0.5, 0.0, 0.0]
    """
    if steps < 1:
        raise InputError(f"linear: steps={steps}; it must be at least 1")
    return lambda count: last if count >= steps else first + (last - first) * count / steps


def exponential(first: float, last: float, half_life: float) -> Schedule:
    """Towards last, half of the way in each `half_life` steps.

    >>> exponential(1.0, 0.0, 10)(20)
    0.25
    """
    if not half_life > 0:
        raise InputError(f"exponential: half_life={half_life}; it must be above 0")
    return lambda count: float(last + (first - last) * 0.5 ** (count / half_life))


def harmonic(first: float = 1.0, power: float = 1.0) -> Schedule:
    """first / (1 + count)^power: with 0.5 < power <= 1 the steps add up to infinity and their squares do not, which is
    what Q-learning needs to converge (Robbins and Monro 1951).

    >>> harmonic()(3)
    0.25
    """
    return lambda count: float(first / (1 + count) ** power)


def schedule_of(value: Schedule | float, name: str, most: float = 1.0) -> Schedule:
    """A number as a constant schedule; a function as it is, its first value checked."""
    found: Schedule = value if callable(value) else constant(value)
    try:
        first = float(found(0))
    except (TypeError, ValueError):
        raise InputError(f"{name}={value!r}; give a number or a function of a count, such as learning.linear") from None
    if not 0 <= first <= most:
        raise InputError(f"{name} starts at {first:g}; it must lie between 0 and {most:g}")
    return found
