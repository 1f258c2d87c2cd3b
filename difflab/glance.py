"""What a plain `repr` says of values: a number as it is, an array in a line, many entries by their first few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

ENTRIES, NAMES, LENGTH = 6, 4, 100  # of an array, of a mapping, of a text


def glance(x: Any) -> str:
    """
    >>> import numpy as np
    >>> glance({"x": 2.5, "W": np.ones((20, 20))})
    '{x: 2.5, W: array (20, 20) of float64}'
    """
    if isinstance(x, Mapping):
        told = [f"{name}: {glance(v)}" for name, v in list(x.items())[:NAMES]]
        return "{" + ", ".join(told + [f"... {len(x) - NAMES} more"] * (len(x) > NAMES)) + "}"
    if isinstance(x, list | tuple):
        told = [glance(v) for v in x[:NAMES]]
        return "[" + ", ".join(told + [f"... {len(x) - NAMES} more"] * (len(x) > NAMES)) + "]"
    if isinstance(x, np.generic):
        return str(x)
    if isinstance(x, np.ndarray):
        if x.ndim == 1 and x.size <= ENTRIES:
            return cut(str(x.tolist()))
        return str(x[()]) if x.ndim == 0 else f"array {x.shape} of {x.dtype}"
    return cut(str(x))


def cut(text: str) -> str:
    """The text in one line of bounded length."""
    text = " ".join(text.split())
    return text if len(text) <= LENGTH else text[: LENGTH - 4] + " ..."
