"""The functions of NumPy, of SciPy and of this package's kernels, by the dotted names that rows are spelled with."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

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
