"""What stands behind `difflab.numpy`: NumPy's functions with traced values allowed inside lists."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import update_wrapper
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError
from ..primitives import TABLE, Primitive, by_numpy_function
from ..types import Function, Key, Params, Value
from . import torch_names
from .kinds import ready
from .traced import SEQUENCES, Traced, assemble, call, call_row, holds_traced, one, two

HOME = "difflab.numpy"
SUBMODULES = {"linalg": np.linalg, "fft": np.fft}
WHOLE = frozenset((Traced, np.ndarray, np.float64, float, int))  # classes of arguments that are no lists


def traced(args: Sequence[Value], kwargs: Params) -> bool:
    for x in args:
        if x.__class__ is Traced or (isinstance(x, SEQUENCES) and holds_traced(x)):
            return True
    return bool(kwargs) and any(map(holds_traced, kwargs.values()))


def array(object: Value, dtype: DTypeLike | None = None, **options: Any) -> Value:
    """An array of numbers, arrays or traced values in nested lists; ragged lists are a ShapeError.

    Python numbers take the dtype of what stands beside them: float32 stays float32.

    >>> import difflab as dl
    >>> dl.jacobian(lambda x: array([x, x * x]))(3.0)
    array([1., 6.])
    """
    if not holds_traced(object):
        return np.array(object, dtype, **options)
    if dtype is None:
        dtype = np.result_type(*weak_leaves(object))
    whole = assemble(object)
    ndmin = options.get("ndmin", 0)
    if whole.ndim < ndmin:
        whole = whole.reshape((1,) * (ndmin - whole.ndim) + tuple(whole.shape))
    return whole if whole.dtype == dtype else whole.astype(dtype)


def weak_leaves(x: Value) -> list[Value]:
    """Dtypes of the arrays in nested lists, and the Python numbers as they are."""
    if isinstance(x, list | tuple):
        return [leaf for e in x for leaf in weak_leaves(e)]
    return [x.dtype if hasattr(x, "dtype") else x]


def asarray(a: Value, dtype: DTypeLike | None = None, **options: Any) -> Value:
    """The array itself, or lists of numbers and traced values as one array.

    >>> asarray([1, 2])
    array([1, 2])
    """
    return array(a, dtype) if holds_traced(a) else np.asarray(a, dtype, **options)


def asanyarray(a: Value, dtype: DTypeLike | None = None, **options: Any) -> Value:
    """As `asarray`; subclasses of ndarray pass through.

    >>> asanyarray([1, 2])
    array([1, 2])
    """
    return array(a, dtype) if holds_traced(a) else np.asanyarray(a, dtype, **options)


def ascontiguousarray(a: Value, dtype: DTypeLike | None = None, **options: Any) -> Value:
    """As `asarray`, contiguous in memory where that has a meaning.

    >>> ascontiguousarray([1, 2])
    array([1, 2])
    """
    return array(a, dtype) if holds_traced(a) else np.ascontiguousarray(a, dtype, **options)


def full(shape: Value, fill_value: Value, dtype: DTypeLike | None = None, **options: Any) -> Value:
    """An array filled with one value, which may be traced.

    >>> full(2, 7.0)
    array([7., 7.])
    """
    if not holds_traced(fill_value):
        return np.full(shape, fill_value, dtype, **options)
    value = array(fill_value, dtype)
    return call("broadcast_to", value, tuple(np.atleast_1d(shape).tolist()))


class Joiner:
    """`r_` and `c_`: arrays, numbers and slices joined by indexing."""

    def __init__(self, columns: bool) -> None:
        self.columns = columns
        self.plain: Value = np.c_ if columns else np.r_
        self.__doc__ = f"Joins arrays, numbers and ranges {'as columns' if columns else 'along the first axis'}."

    def __getitem__(self, key: Key) -> Value:
        parts = key if isinstance(key, tuple) else (key,)
        if not any(holds_traced(p) for p in parts):
            return self.plain[key]
        if any(isinstance(p, str) for p in parts):
            raise InputError("r_ and c_: directives in text are not supported with traced values; use concatenate")
        arrays = [np.r_[p] if isinstance(p, slice) else asarray(p) for p in parts]
        arrays = [call("reshape", a, (1,)) if np.ndim(a) == 0 else a for a in arrays]
        if not self.columns:
            return call("concatenate", arrays)
        return call("concatenate", [call("reshape", a, (-1, 1)) if np.ndim(a) == 1 else a for a in arrays], axis=-1)


r_: Joiner = Joiner(columns=False)
c_: Joiner = Joiner(columns=True)


def as_traced(x: Value) -> Value:
    """An argument: lists that hold traced values become arrays."""
    return array(x) if isinstance(x, list | tuple) and holds_traced(x) else x


def listed(x: Value) -> Value:
    """An argument of what takes lists apart: a tuple may be an index."""
    return x if isinstance(x, tuple) else as_traced(x)


def operands_of(x: Value) -> Value:
    """A first argument that is a list of operands: each of them."""
    return x.__class__(map(as_traced, x)) if x.__class__ in (list, tuple) else x


def wrapped(name: str, function: Function) -> Function:
    """NumPy's function, with traced values allowed inside its list arguments."""
    row = by_numpy_function(function)
    whole = row is None or row.reading.lists == "array"
    joins = row is not None and row.reading.lists == "operands"
    count = ready(row) if row is not None else 0

    def wrapper(*args: Any, **kwargs: Any) -> Value:
        if not traced(args, kwargs):
            return function(*args, **kwargs)
        if len(args) == count and not kwargs and row is not None:
            if count == 1 and args[0].__class__ is Traced:
                return one(row, args[0])
            if count == 2 and args[0].__class__ in WHOLE and args[1].__class__ in WHOLE:
                return two(row, *args)
        if whole and not (WHOLE.issuperset(map(type, args)) and WHOLE.issuperset(map(type, kwargs.values()))):
            args = tuple([as_traced(x) for x in args])
            kwargs = {key: as_traced(x) for key, x in kwargs.items()}
        elif joins and args:
            args = (operands_of(args[0]), *args[1:])
        return call_row(row, *args, **kwargs) if row is not None else function(*args, **kwargs)

    own = f"{row.doc} NumPy's signature." if row is not None else ""
    theirs = getattr(function, "__doc__", None) or f"As numpy.{name}."
    _dress(wrapper, name, function, f"{own}\n\n{theirs}" if own else theirs)
    if isinstance(function, np.ufunc):
        for said in ("reduce", "accumulate", "outer", "reduceat", "at", "nin", "nout"):
            setattr(wrapper, said, getattr(function, said))
    return wrapper


def of_row(row: Primitive) -> Function:
    """A function that NumPy lacks, in the row's own signature."""
    whole = row.reading.lists == "array"
    ready: Function = lambda x: x if not isinstance(x, list | tuple) else array(x) if whole else listed(x)

    def wrapper(*args: Any, **kwargs: Any) -> Value:
        return call_row(row, *map(ready, args), **kwargs)

    return _dress(wrapper, row.name, None, row.doc)


def _dress(wrapper: Function, name: str, function: Function | None, doc: str) -> Function:
    if function is not None and not isinstance(function, np.ufunc):
        update_wrapper(wrapper, function, assigned=("__annotations__",), updated=())
    wrapper.__name__ = wrapper.__qualname__ = name
    wrapper.__module__ = HOME if function is None else "numpy"  # doctest must not run NumPy's examples as ours
    wrapper.__doc__ = doc
    return wrapper


def _rows_by_own_name() -> dict[str, Primitive]:
    """The functions that NumPy lacks, under the row's name and SciPy's."""
    found = {}
    for row in TABLE.values():
        for path in row.reads or ():
            root, _, name = path.rpartition(".")
            if root == "special":
                found[name] = row
        if "numpy" in row.called:
            found[row.name] = row
    return found


class Namespace(ModuleType):
    """A submodule of NumPy's (linalg, fft) whose functions take traced values inside lists."""

    def __init__(self, name: str, module: ModuleType) -> None:
        super().__init__(f"{HOME}.{name}", module.__doc__)
        self._module = module

    def __getattr__(self, name: str) -> Value:
        return _found(self, self._module, name)

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._module) if not name.startswith("_")]


def _found(place: ModuleType, module: ModuleType, name: str) -> Value:
    """NumPy's thing of that name, wrapped if it is a function, and kept."""
    value = None if name.startswith("__") else getattr(module, name, None)
    if value is None:
        raise _unknown(place.__name__, name, dir(place))
    if callable(value) and not isinstance(value, type):
        value = wrapped(name, value)
    setattr(place, name, value)
    return value


def _unknown(place: str, name: str, names: list[str]) -> AttributeError:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    told = torch_names.mend(name) or (f"did you mean {close[0]!r}?" if close else "")
    hint = f"; {told}" if told else ""
    return AttributeError(f"module {place!r} has no attribute {name!r}{hint}")


def resolve(name: str) -> Value:
    """What `difflab.numpy` has under that name."""
    if name.startswith("__"):
        raise AttributeError(f"module {HOME!r} has no attribute {name!r}")
    if name in SUBMODULES:
        return Namespace(name, SUBMODULES[name])
    if hasattr(np, name):
        value = getattr(np, name)
        return wrapped(name, value) if callable(value) and not isinstance(value, type) else value
    row = _rows_by_own_name().get(name)
    if row is None:
        raise _unknown(HOME, name, public_names())
    return of_row(row)


def public_names() -> list[str]:
    """The names of NumPy's and of the rows that NumPy lacks."""
    return sorted({*(name for name in np.__all__ if not name.startswith("_")), *_rows_by_own_name(), *SUBMODULES})
