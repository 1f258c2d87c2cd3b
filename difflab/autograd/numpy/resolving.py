"""Which names `difflab.autograd.numpy` has, and what each of them means."""

from __future__ import annotations

import numpy as np

from ... import numpy as difflab_numpy
from ...errors import InputError
from ...graph.array_namespace import public_names
from ...graph.traced import holds_traced
from ...types import Function, Value
from .numpy_wrapper import dispatching

numpy_version: str = np.__version__
OLD = {"row_stack": "vstack", "concatenate_args": "concatenate"}  # names that NumPy no longer has, or never had
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


OWN: dict[str, Function] = {"make_diagonal": make_diagonal, "where": where}
__all__: list[str] = sorted({*public_names(), *OLD, *OWN} - {"test", "show_config", "show_runtime"})


def resolve(name: str) -> Value:
    """What is behind a name of NumPy's."""
    if name.startswith("__"):
        raise AttributeError(f"module 'difflab.autograd.numpy' has no attribute {name!r}")
    value = OWN[name] if name in OWN else getattr(difflab_numpy, OLD.get(name, name))
    plain = name in NO_FUNCTIONS or not callable(value) or isinstance(value, type)
    return value if plain else dispatching(name, value)
