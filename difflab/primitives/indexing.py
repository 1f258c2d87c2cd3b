"""Reading at an index, and its transpose, adding into zeros at that index."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError
from .kernels import Slot
from .primitive import linear


def read_getitem(x: Any, key: Any) -> Any:
    """x[key]: array-like traced entries of the key become operands, everything else is a parameter."""
    entries = key if isinstance(key, tuple) else (key,)
    arrays, index = [], []
    for e in entries:
        if hasattr(e, "primitive"):  # a traced index
            if e.dtype.kind not in "iub":
                raise DtypeError(f"an index must be an integer, got a traced value of dtype {e.dtype}; use .astype(int)")
            index.append(Slot(len(arrays)))
            arrays.append(e)
        else:
            index.append(np.asarray(e) if isinstance(e, list) else e)
    return (x, *arrays), {"index": tuple(index) if isinstance(key, tuple) or len(index) != 1 else index[0]}


linear(
    "getitem",
    lambda m, i, ct, x, *arrays, index: m.scatter(ct, *arrays, index=index, shape=m.shape(x)),
    doc="x[index], basic or advanced; repeated reads of an element add up on the way back.",
    glyph="[ ]",
    latex="{0}_{{[\\,]}}",
    reads=(),
    arguments=read_getitem,
    spelling={"numpy": "kernels.getitem", "elements": "kernels.getitem"},
    fixed=tuple(range(1, 33)),
    flops=0,
)
linear(
    "scatter",
    lambda m, i, ct, x, *arrays, index, shape: m.getitem(ct, *arrays, index=index),
    doc="Adds the values into zeros of the shape, at the index: the transpose of reading there.",
    glyph="[ ]ᵀ",
    reads=(),
    spelling={"numpy": "kernels.scatter", "elements": "kernels.scatter"},
    fixed=tuple(range(1, 33)),
    flops=0,
)
