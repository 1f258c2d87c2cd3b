"""The points that functions are differentiated at."""

from __future__ import annotations

import numpy as np

from ..errors import DtypeError, InputError
from ..types import Value
from .kinds import check_fit
from .node import Node
from .traced import Traced


def check_functions(where: str, **given: object) -> None:
    """Refuses arguments that ought to be functions and are not, by name."""
    for name, f in given.items():
        if not callable(f):
            raise InputError(f"{where}: {name}={f!r} is not a function")


def check_leaf(x: Value, where: str) -> Value:
    """A point to differentiate at: floats stay, Python numbers become float64, anything else is refused."""
    if x.__class__ is Traced:
        if x.dtype.kind not in "fc":
            raise DtypeError(f"{where}: the traced value has dtype {x.dtype}; use .astype(float)")
        return x
    if x.__class__ is Node:
        raise InputError(f"{where}: a graph vertex is not a value; evaluate the graph first")
    if x.__class__ is not np.ndarray or x.dtype.kind != "f":
        check_fit(x, where)
    if isinstance(x, bool | np.bool_) or not isinstance(x, int | float | complex | np.ndarray | np.generic):
        raise DtypeError(f"{where}: {x!r} of type {type(x).__name__} cannot be differentiated by; give floats")
    if isinstance(x, np.ndarray | np.generic):
        if x.dtype.kind not in "fc":
            raise DtypeError(
                f"{where}: an array of dtype {x.dtype} cannot be differentiated by, because a derivative needs "
                "small changes; give floats: x.astype(float)"
            )
        return x if x.__class__ is np.ndarray or isinstance(x, np.generic) else np.asarray(x)
    try:
        return np.complex128(x) if isinstance(x, complex) else np.float64(x)
    except OverflowError:
        raise InputError(
            f"{where}: the integer has {len(hex(int(x.real))) * 4 // 13} digits and no float can hold it"
        ) from None
