"""The functions of NumPy, of SciPy and of this package's kernels, by the dotted names that rows are spelled with."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import numpy as np

from ..types import Rule, Value

SPECIAL = "scipy.special"
INNER = "scipy.special._ufuncs"  # what functions of scipy.special that are written in Python call
ROOTS = {"special": SPECIAL, "special._ufuncs": INNER, "linalg": "numpy.linalg", "fft": "numpy.fft"}


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


def of_scipy(function: object) -> bool:
    """Whether it is a function of scipy.special, which is not loaded for that: who has one has loaded it."""
    name = getattr(function, "__name__", "")
    return any(getattr(sys.modules.get(home), name, None) is function for home in (SPECIAL, INNER))


def function_in(modules: Iterable[str], row: Value) -> Rule | None:
    """The function of the row's name in the first of the modules that has one."""
    for module in modules:
        found: Rule | None = getattr(import_module(module), row.name, None)
        if callable(found):
            return found
    return None
