"""The table of primitives: one row says everything about an operation.

>>> from difflab import primitives
>>> primitives.lookup("sin").latex
'\\\\sin({0})'
"""

from __future__ import annotations

from typing import Any

from . import (
    activations,
    arithmetic,
    bessel,
    choosing,
    comparing,
    composites,
    contractions,
    convolution,
    creation,
    decompositions,
    entropies,
    error_functions,
    exponential,
    extremes,
    fourier,
    fused,
    gamma_functions,
    incomplete,
    indexing,
    joining,
    linalg,
    matrix_functions,
    networks,
    products,
    reductions,
    repeating,
    rounding,
    scans,
    shaping,
    singular_values,
    softmax,
    standardising,
    structure,
    student,
    trigonometric,
    updates,
)  # isort: skip

from . import rows  # isort: skip
from ..types import Value
from .deferred import Deferred, DeferredItem
from .found import ROOTS as ROOTS, find as find, of_scipy
from .primitive import NUMPY, TABLE, Carrier, Composite, Custom, Domain, Elementwise, Gate, Linear, Primitive, lookup

_by_function: dict[Value, Primitive] = {}


def table() -> list[Primitive]:
    """The rows, in the order in which they are defined."""
    return list(TABLE.values())


def by_numpy_function(function: Value) -> Primitive | None:
    """The row that a NumPy or SciPy function (or a pair of a ufunc and its method) means, or None."""
    if not _by_function:
        _by_function.update(_read_functions(of_special=False))
    if function.__class__ is tuple:
        function = getattr(function[0], "__name__", ""), function[1]
    elif function not in _by_function and of_scipy(function):
        _by_function.update(_read_functions(of_special=True))
    return _by_function.get(function)


def ufunc_of(row: Primitive) -> Value:
    """A function of NumPy's that means this row, or None.

    >>> ufunc_of(TABLE["multiply"])
    <ufunc 'multiply'>
    """
    paths = (row.name,) if row.reads is None else row.reads
    return next((f for path in paths if (f := find(path)) is not None), None)


def _read_functions(of_special: bool) -> dict[Value, Primitive]:
    """The rows by the functions that they read: those of scipy.special, which takes long to import, or all others."""
    found: dict[Value, Primitive] = {}
    for row in TABLE.values():
        for path in (row.name,) if row.reads is None else row.reads:
            ufunc, _, method = path.partition(".")
            if (ufunc == "special") is not of_special:
                continue
            if method in ("reduce", "accumulate", "outer") and ufunc not in ROOTS:
                found[ufunc, method] = row
            elif (function := find(path)) is not None:
                found[function] = row
    return found


BUILT_IN = frozenset(TABLE.values())  # the rows that every process has

__all__ = [
    "BUILT_IN",
    "NUMPY",
    "TABLE",
    "Carrier",
    "Composite",
    "Custom",
    "Deferred",
    "DeferredItem",
    "Domain",
    "Elementwise",
    "Gate",
    "Linear",
    "Primitive",
    "by_numpy_function",
    "lookup",
    "rows",
    "table",
]
