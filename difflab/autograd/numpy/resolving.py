"""Which names `difflab.autograd.numpy` has, and what each of them means."""

from __future__ import annotations

import numpy as np

from ... import numpy as difflab_numpy
from ...graph.array_namespace import public_names
from ...types import Value
from .numpy_wrapper import dispatching

numpy_version: str = np.__version__
OLD = {"row_stack": "vstack", "concatenate_args": "concatenate"}  # names that NumPy no longer has, or never had
NO_FUNCTIONS = ("r_", "c_")
__all__: list[str] = sorted({*public_names(), *OLD} - {"test", "show_config", "show_runtime"})


def where(condition: Value, x: Value = None, y: Value = None) -> Value:
    """NumPy's, whose arguments may be given by name."""
    given = [a for a in (x, y) if a is not None]
    return difflab_numpy.where(condition, *given)


def resolve(name: str) -> Value:
    """What is behind a name of NumPy's."""
    if name.startswith("__"):
        raise AttributeError(f"module 'difflab.autograd.numpy' has no attribute {name!r}")
    value = where if name == "where" else getattr(difflab_numpy, OLD.get(name, name))
    plain = name in NO_FUNCTIONS or not callable(value) or isinstance(value, type)
    return value if plain else dispatching(name, value)
