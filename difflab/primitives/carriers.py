"""Carriers: the namespaces of the values that flow through a graph.

A rule says `m.sin(x)`; what `m` is decides what flows: NumPy arrays, sympy expressions, arb series, nodes.
A carrier finds a row's function once, under the row's spelling for it, its own name, or the row's value in
terms of other rows, and keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from ..errors import UnsupportedError
from .primitive import TABLE, Primitive

ROOTS = {"special": "scipy.special", "linalg": "numpy.linalg", "fft": "numpy.fft"}


def find(path: str) -> Any:
    """The NumPy, SciPy or kernel function of that dotted name, or None."""
    root, _, name = path.rpartition(".")
    if root.startswith(("kernels.", "germs.")):
        module: Any = import_module(f"{__package__}.{root}")
    elif root in ROOTS:
        module = import_module(ROOTS[root])
    else:  # of NumPy itself, or a ufunc's method: add.reduce
        module = getattr(np, root, None) if root else np
    return getattr(module, name, None)


class Carrier:
    """Finds the function of each row for one kind of value. Subclasses say what is native to them."""

    name = "abstract"

    def __getattr__(self, name: str) -> Any:
        row = TABLE.get(name)
        if row is None:
            raise AttributeError(f"there is no primitive named {name!r}")
        function = self.function(row)
        setattr(self, name, function)
        return function

    def of(self, row: Primitive) -> Callable[..., Any]:
        """The function of a row, also of one that a user made and that is not in the table."""
        if row.kind == "deferred":
            return partial(row.run, self)  # type: ignore[attr-defined]
        return getattr(self, row.name) if TABLE.get(row.name) is row else self.function(row)

    def function(self, row: Primitive) -> Callable[..., Any]:
        spelled = row.spelling.get(self.name)
        if callable(spelled):
            return spelled  # type: ignore[no-any-return]
        native = self.native(row, spelled)
        if native is not None:
            return native
        if row.value is not None:
            return partial(row.value, self)
        raise UnsupportedError(f"{row.name}: not available on {self.name} values")

    def native(self, row: Primitive, spelled: str | None) -> Callable[..., Any] | None:
        raise NotImplementedError

    def run(self, graph: Any, values: list[Any]) -> dict[Any, Any]:
        """The value of every node of a graph."""
        return graph.evaluate(values, self)  # type: ignore[no-any-return]

    # Questions every value can answer, whatever flows.
    @staticmethod
    def shape(x: Any) -> tuple[int, ...]:
        return x.shape if hasattr(x, "shape") else np.shape(x)  # type: ignore[no-any-return]

    @staticmethod
    def ndim(x: Any) -> int:
        return len(x.shape) if hasattr(x, "shape") else np.ndim(x)

    @staticmethod
    def size(x: Any) -> int:
        n = 1
        for k in Carrier.shape(x):
            n *= k
        return n

    @staticmethod
    def dtype(x: Any) -> Any:
        return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype

    @staticmethod
    def is_complex(x: Any) -> bool:
        dtype = Carrier.dtype(x)
        return dtype is not None and bool(dtype.kind == "c")  # the vertices of a formula have none

    @staticmethod
    def zeros_like(x: Any) -> Any:
        """A plain array of zeros of the operand's shape and dtype (a constant, whatever flows)."""
        return np.zeros(Carrier.shape(x), Carrier.dtype(x))

    @staticmethod
    def ones_like(x: Any) -> Any:
        return np.ones(Carrier.shape(x), Carrier.dtype(x))


class NumpyCarrier(Carrier):
    """Plain NumPy arrays and scalars."""

    name = "numpy"

    def native(self, row: Primitive, spelled: str | None) -> Callable[..., Any] | None:
        if spelled is not None:
            return find(spelled)  # type: ignore[no-any-return]
        return getattr(np, row.name, None) if row.listed else None


NUMPY = NumpyCarrier()
