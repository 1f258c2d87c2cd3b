"""The names of a graph's inputs are those of the function's signature, read off its code where that says the same."""

from __future__ import annotations

import inspect
from functools import partial, wraps

import numpy as np
import pytest

import difflab as dl
from difflab.graph.trace import argument_names


def plain(x, y=2.0, /, z=3.0, *rest, k=1, **more):
    local = x
    return local


def wrapped(f):
    @wraps(f)
    def g(*args, **kwargs):
        return f(*args, **kwargs)

    return g


def signed(a, b):
    return a


signed.__signature__ = inspect.signature(lambda p, q: p)


def deep(f):
    for _ in range(30):
        f = wrapped(f)
    return f


def circle(u, v):
    return u


circle.__wrapped__ = circle


class Callable:
    def __call__(self, first, second):
        return first

    def method(self, m, n):
        return m

    @classmethod
    def of_class(cls, c, d):
        return c


FUNCTIONS = {
    "plain": plain,
    "only keywords": lambda *, k: k,
    "star alone": lambda *points: points,
    "keywords and star": lambda x, *points, k=1: x,
    "wrapped": wrapped(plain),
    "wrapped twice": wrapped(wrapped(plain)),
    "wrapped deep": deep(plain),
    "wrapped around a signature": wrapped(signed),
    "a signature": signed,
    "a gradient": dl.grad(plain),
    "partial": partial(plain, 1.0),
    "wrapped partial": wrapped(partial(plain, 1.0)),
    "method": Callable().method,
    "class method": Callable.of_class,
    "wrapped method": wrapped(Callable().method),
    "object": Callable(),
    "class": Callable,
    "builtin": abs,
    "ufunc": np.sin,
    "circle": circle,
}


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_names_are_those_of_the_signature(f):
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        parameters = ()
    want = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    for count in range(len(want) + 3):
        assert argument_names(f, count) == [*want[:count], *(f"{star}{k}" for k in range(count - len(want)))]
