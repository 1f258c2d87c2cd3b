"""`difflab.numpy.vectorize`: a function of numbers, called for each element; the elements may be traced."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Function, Params, Shape, Value
from .array_namespace import array, asarray, traced
from .traced import call


class vectorize(np.vectorize):
    """As `numpy.vectorize`, which it is for plain numbers; traced values have derivatives, through branches too.

    Every element runs `pyfunc` once, with the branches that its own value takes, and records what it does: of use where
    elements take different ways, which `dl.vmap` refuses. Elsewhere `dl.vmap(f)(x)` is faster.
    With `signature`, pieces of the stated dimensions take the place of the elements.

    >>> import difflab as dl, numpy as np
    >>> root = vectorize(lambda t: t**0.5 if t > 0 else 0.0)
    >>> root(np.array([4.0, -1.0])).tolist()
    [2.0, 0.0]
    >>> dl.grad(lambda x: root(x).sum())(np.array([4.0, -1.0])).tolist()
    [0.25, 0.0]
    """

    def __call__(self, *args: Value, **kwargs: Value) -> Value:
        if not traced(args, kwargs) or not hasattr(self, "_in_and_out_core_dims"):  # or it decorates a function
            return super().__call__(*args, **kwargs)
        places = [k for k in range(len(args)) if k not in self.excluded]
        names = [name for name in kwargs if name not in self.excluded]
        given = [asarray(args[k]) for k in places] + [asarray(kwargs[name]) for name in names]

        def on(*pieces: Value) -> Value:
            every: list[Value] = list(args)
            for place, piece in zip(places, pieces):
                every[place] = piece
            named: Params = kwargs | dict(zip(names, pieces[len(places) :]))
            return self.pyfunc(*every, **named)

        dims = self._in_and_out_core_dims
        inner = [len(d) for d in dims[0]] if dims is not None else [0] * len(given)
        return by_pieces(on, given, inner, self.otypes)


def by_pieces(f: Function, arrays: list[Value], inner: list[int], otypes: str | None) -> Value:
    """f on every tuple of pieces, of so many axes each; the results in the shape of the others, which broadcast."""
    if len(inner) != len(arrays):
        raise InputError(f"vectorize: the signature has {len(inner)} arguments; {len(arrays)} were given")
    outer = loop(arrays, inner)
    spread = [call("broadcast_to", a, (*outer, *np.shape(a)[np.ndim(a) - n :])) for a, n in zip(arrays, inner)]
    results = [f(*(a[place] for a in spread)) for place in itertools.product(*map(range, outer))]
    if not results and otypes and not any(inner):
        empty = [np.zeros(outer, np.dtype(kind)) for kind in otypes]
        return tuple(empty) if len(empty) > 1 else empty[0]
    if not results:
        raise InputError(f"vectorize: arguments of shape {outer} hold nothing to call the function with; state otypes")
    several = isinstance(results[0], tuple)
    rows = zip(*results) if several else [results]
    whole = [gathered(list(row), outer, kind) for row, kind in itertools.zip_longest(rows, otypes or "")]
    return tuple(whole) if several else whole[0]


def loop(arrays: list[Value], inner: list[int]) -> Shape:
    """The shape over which the calls go."""
    for a, n in zip(arrays, inner):
        if np.ndim(a) < n:
            raise ShapeError(f"vectorize: an argument of shape {np.shape(a)}; the signature has {n} dimensions")
    return np.broadcast_shapes(*(np.shape(a)[: np.ndim(a) - n] for a, n in zip(arrays, inner)))


def gathered(results: list[Any], outer: Shape, kind: str | None) -> Value:
    """One array of all results; `kind` is the dtype's letter that `otypes` asks for."""
    whole = array(results, dtype=None if kind is None else np.dtype(kind))
    return call("reshape", whole, (*outer, *np.shape(whole)[1:]))
