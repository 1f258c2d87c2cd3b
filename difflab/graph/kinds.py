"""Which values are arrays of numbers with NumPy's own arithmetic; what others are, and what to give instead.

A mask that nobody reads, units that are dropped, or a `*` that is a matrix product change results without a word, so
such values are refused wherever a function, a graph, a layer or an optimiser takes arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DtypeError
from ..primitives import Elementwise, Primitive
from ..primitives.primitive import positional
from ..types import Value

PYTHON = (float, int, bool, complex, type(None), str, tuple, list, slice, type(Ellipsis))
NUMPY = (np.float64, np.float32, np.float16, np.bool_, np.int64, np.int32, np.complex128)
FITTING = frozenset((*PYTHON, *NUMPY))  # classes that need no look
NUMBERS = "biufc"
MASKED = (
    "a masked array, whose mask would be ignored: give x.filled(value) or x.compressed(), or the mask as an array of "
    "its own to np.where"
)
MATRIX = "an np.matrix, for which * is the matrix product: give np.asarray(x), and write @ for products"
MENDS = {
    "O": "an array of Python objects, which has no derivative: give x.astype(float), or np.stack of traced values",
    "V": "a structured array: give its fields, as in x['a']",
    "M": "an array of dates: give numbers, as in (x - x[0]) / np.timedelta64(1, 's')",
    "m": "an array of time spans: give numbers, as in x / np.timedelta64(1, 's')",
    "S": "an array of bytes: give numbers, as in x.astype(float)",
    "U": "an array of strings: give numbers, as in x.astype(float)",
    "T": "an array of strings: give numbers, as in x.astype(float)",
}
ARITHMETIC = ("__array_ufunc__", "__array_function__", "__add__", "__mul__")


def unfit(x: Value) -> str:
    """What x is instead of an array of numbers, and the mend; "" where it is one, or nothing like an array.

    >>> unfit(np.ma.array([1.0, 2.0], mask=[True, False]))[:39]
    'a masked array, whose mask would be ign'
    >>> unfit(np.ones(2))
    ''
    """
    if x.__class__ in FITTING:
        return ""
    if isinstance(x, np.ndarray | np.generic):
        if x.__class__ is not np.ndarray and not isinstance(x, np.generic):
            if isinstance(x, np.ma.MaskedArray):
                return MASKED
            if isinstance(x, np.matrix):
                return MATRIX
        if x.dtype.kind == "V" and x.dtype.names is None:
            return f"an array of dtype {x.dtype}, which is none of NumPy's numbers: give x.astype(np.float32)"
        if x.dtype.kind not in NUMBERS:
            return f"{MENDS[x.dtype.kind]} (dtype {x.dtype})"
        if x.__class__ is not np.ndarray and isinstance(x, np.ndarray) and redefines(type(x)):
            return f"a {type(x).__name__}, whose own arithmetic would be ignored: give np.asarray(x)"
        return ""
    return other_library(type(x))


def redefines(kind: type) -> bool:
    """Whether a subclass of ndarray computes in its own way, as one with units does."""
    return any(getattr(kind, name, None) is not getattr(np.ndarray, name) for name in ARITHMETIC)


def other_library(kind: type) -> str:
    """The arrays of other libraries, by what they offer."""
    if hasattr(kind, "toarray") and hasattr(kind, "nnz"):
        return f"a sparse {kind.__name__}: give x.toarray()"
    if hasattr(kind, "to_numpy"):
        return f"a {kind.__name__} of {kind.__module__.partition('.')[0]}: give x.to_numpy()"
    if hasattr(kind, "requires_grad") and hasattr(kind, "detach"):
        return f"a {kind.__name__} of {kind.__module__.partition('.')[0]}: give x.detach().numpy()"
    return ""


def check_fit(x: Value, where: str) -> None:
    """Refuses what is no array of numbers."""
    if x.__class__ not in FITTING and (what := unfit(x)):
        raise DtypeError(f"{where} is {what}")


def check_operands(name: str, operands: Sequence[Value]) -> None:
    """The same for the operands of an operation."""
    for k, x in enumerate(operands):
        check_fit(x, f"{name}: operand {k}")


def acts_on_elements(row: Primitive) -> bool:
    """Whether `one` and `two` can record it: its result is one value, whatever the operands."""
    return row.kind == "elementwise" and row.outputs is None


def ready(row: Primitive) -> int:
    """With how many operands `one` or `two` takes a call in NumPy's signature as it is; 0 for a call that is read."""
    found = len(row.partials) if isinstance(row, Elementwise) and row.outputs is None else 0
    return found if found < 3 and row.arguments is positional else 0
