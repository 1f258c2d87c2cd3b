"""Derivatives inside of derivatives: a charged particle that is steered to the origin, and a saddle point.

Both look for a minimum by descent, in a loop that goes on until it has come to rest, and what is minimised takes
derivatives itself. The two letters of a variant say by which mode the outer and the inner ones are taken, forward or
reverse. The outer one goes through a loop of unknown length that stands in another: in JAX reverse mode has no room of
known size for its steps, so it is forward here. autograd
and torch.func take minutes a call and are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..workload import Workload
from .family import in_libraries

Slope = Callable[[Any, Any], Any]  # of a function and a point: its value and gradient there


def reverse(lib: Any) -> Slope:
    def both(f: Any, x: Any) -> Any:
        return f(x), lib.grad(f)(x)

    return both


def forward(lib: Any) -> Slope:
    """One sweep for each element: of the points here these are few."""

    def both(f: Any, x: Any) -> Any:
        directions = [lib.constant(row) for row in np.eye(len(x))]
        swept = [lib.jvp(f, (x,), (row,)) for row in directions]
        return swept[0][0], lib.m.stack([d for _, d in swept])

    return both


MODES = {"f": forward, "r": reverse}


@dataclass(frozen=True)
class Accuracy:
    """Steps or slopes of length `rest` end a search; the first rate of descent; the time between two places."""

    rest: float = 1e-5
    rate: float = 1e-5
    time: float = 0.1


def lowest(lib: Any, to: Accuracy, slope: Slope, f: Any, start: Any) -> Any:
    """Where descent from `start` comes to rest.

    A step that leads lower is taken, and after ten of them the rate doubles; one that does not halves it.
    """
    m = lib.m
    y, g = slope(f, start)
    length = lambda v: m.sqrt(m.sum(v * v))

    def searching(state: Any) -> Any:
        return state[5] > 0.5

    def step(state: Any) -> Any:
        x, y, g, rate, taken, _ = state
        ahead = x - rate * g
        value, steep = slope(f, ahead)
        better = value < y
        moved, flat = length(ahead - x) > to.rest, length(steep) > to.rest
        goes_on = m.where(m.logical_and(moved, flat), 1.0, 0.0)
        full = taken >= 9.5
        return (
            m.where(better, ahead, x),
            m.where(better, value, y),
            m.where(better, steep, g),
            m.where(better, m.where(full, 2.0 * rate, rate), 0.5 * rate),
            m.where(better, m.where(full, 0.0, taken + 1.0), 0.0),
            goes_on,
        )

    none = 0.0 * y
    return lib.while_loop(searching, step, (start, y, g, none + to.rate, none, none + 1.0))[0]


def landing(lib: Any, to: Accuracy, inner: Slope, w: Any) -> Any:
    """The square of where the particle crosses the axis, when the second charge stands at (10, 10 - w)."""
    m = lib.m
    first = lib.constant(np.array([10.0, 0.0]))
    second = first + m.concatenate([0.0 * w, 10.0 - w])

    def potential(x: Any) -> Any:
        distance = lambda a: m.sqrt(m.sum((x - a) ** 2))
        return 1.0 / distance(first) + 1.0 / distance(second)

    def fall(state: Any) -> Any:
        x, v = state
        return x + to.time * v, v - to.time * inner(potential, x)[1]

    none = 0.0 * second
    start = none + lib.constant(np.array([0.0, 8.0])), none + lib.constant(np.array([0.75, 0.0]))
    x, v = lib.while_loop(lambda state: (state[0] + to.time * state[1])[1] > 0.0, fall, start)
    crossing = x[0] - x[1] / v[1] * v[0]
    return crossing * crossing


def particle(modes: str, to: Accuracy = Accuracy()) -> Any:
    def f(lib: Any, w: Any) -> Any:
        outer, inner = (MODES[c](lib) for c in modes)
        return lowest(lib, to, outer, lambda w: landing(lib, to, inner, w), w)

    return f


def saddle(modes: str, to: Accuracy = Accuracy()) -> Any:
    """The point x at which the largest |x|² - |y|² over y is least, and then that y."""

    def f(lib: Any, start: Any) -> Any:
        outer, inner = (MODES[c](lib) for c in modes)
        height = lambda x, y: lib.m.sum(x * x) - lib.m.sum(y * y)
        highest = lambda slope, x: lowest(lib, to, slope, lambda y: -height(x, y), start)
        x = lowest(lib, to, outer, lambda x: height(x, highest(inner, x)), start)
        return lib.m.concatenate([x, highest(outer, x)])

    return f


def workloads(quick: bool = False) -> list[Workload]:
    found, to = [], Accuracy(1e-2, 1e-2, 0.5) if quick else Accuracy()
    for name, f, start in (("particle", particle, np.zeros(1)), ("saddle", saddle, np.ones(2))):
        for modes in ("ff", "fr"):
            peers = ("JAX jit",)
            found.append(
                in_libraries(f"{name}, {modes}", f(modes, to), (start,), peers, rtol=1e-6, rounds=3, longest=1.0)
            )
    return found
