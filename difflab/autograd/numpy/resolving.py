"""Which names `difflab.autograd.numpy` has, and what each of them means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import numpy as difflab_numpy
from ...errors import InputError
from ...graph.array_namespace import public_names
from ...graph.traced import holds_traced
from ...types import Function, Params, Value
from .dispatching import dispatching, metadata, readable, wrap_namespace
from .integers import casting, wrap_intdtype

numpy_version: str = np.__version__
OLD = {  # names that NumPy no longer has, and what they meant
    "Inf": "inf", "NaN": "nan", "alltrue": "all", "complex_": "complex128", "cumproduct": "cumprod", "in1d": "isin",
    "float_": "float64", "infty": "inf", "product": "prod", "round_": "round", "row_stack": "vstack", "sometrue": "any",
    "trapz": "trapezoid",
}  # fmt: skip
NO_FUNCTIONS = ("r_", "c_")


def where(condition: Value, x: Value = None, y: Value = None) -> Value:
    """NumPy's, whose arguments may be given by name; of Python's own numbers and lists alone it makes such again."""
    given = [a for a in (x, y) if a is not None]
    found = difflab_numpy.where(condition, *given)
    plain = given and not any(hasattr(a, "dtype") or holds_traced(a) for a in (condition, *given))
    return found.tolist() if plain else found


def make_diagonal(D: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """Matrices with the last axis of D on their diagonals: the transpose of `np.diagonal`, for the last two axes.

    >>> make_diagonal(np.ones(2), axis1=-1, axis2=-2)
    array([[1., 0.],
           [0., 1.]])
    """
    if offset or {axis1, axis2} != {-1, -2}:
        raise InputError(
            f"make_diagonal: offset={offset}, axis1={axis1}, axis2={axis2}: give 0, -1 and -2, the only ones"
        )
    return D[..., None] * np.eye(np.shape(D)[-1])


def concatenate_args(axis: int, *args: Value) -> Value:
    """The arrays joined along an axis.

    >>> concatenate_args(0, np.ones(1), np.zeros(1))
    array([1., 0.])
    """
    return difflab_numpy.concatenate(args, axis)


def array_from_args(array_args: Sequence[Value], array_kwargs: Params, *args: Value) -> Value:
    """`np.array(args, *array_args, **array_kwargs)`.

    >>> array_from_args((), {}, 1.0, 2.0)
    array([1., 2.])
    """
    return difflab_numpy.array(args, *array_args, **array_kwargs)


def wrap_if_boxes_inside(raw_array: Value, slow_op_name: str | None = None) -> Value:
    """An array of Python objects as one of what they hold, traced values among them; others as they are."""
    return difflab_numpy.asarray(readable(raw_array))


OWN: dict[str, Function] = {
    "array_from_args": array_from_args,
    "concatenate_args": concatenate_args,
    "make_diagonal": make_diagonal,
    "where": where,
    "wrap_if_boxes_inside": wrap_if_boxes_inside,
}
AS_THEY_ARE: dict[str, Value] = {
    "metadata": metadata,
    "numpy_version": numpy_version,
    "wrap_intdtype": wrap_intdtype,
    "wrap_namespace": wrap_namespace,
}
__all__: list[str] = sorted({*public_names(), *OLD, *OWN} - {"test", "show_config", "show_runtime"})


def resolve(name: str) -> Value:
    """What is behind a name of NumPy's."""
    if name.startswith("__"):
        raise AttributeError(f"module 'difflab.autograd.numpy' has no attribute {name!r}")
    if name in AS_THEY_ARE:
        return AS_THEY_ARE[name]
    value = OWN[name] if name in OWN else getattr(difflab_numpy, OLD.get(name, name))
    if casting(value):
        return wrap_intdtype(value)
    plain = name in NO_FUNCTIONS or not callable(value) or isinstance(value, type)
    return value if plain else dispatching(name, value)
