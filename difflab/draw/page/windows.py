"""The window of a convolution or a pooling, as data for the script that slides it over the small pictures."""

from __future__ import annotations

import numpy as np

from ...graph.graph import ForwardPass
from ...graph.node import Node
from ...graph.traced import Traced
from ...primitives import rows
from ...types import Tree
from .heat import heat


def window_of(node: Node, forward: ForwardPass) -> dict[str, Tree] | None:
    """Size, stride and padding (rows, columns) and the heat maps of the first image's first channel, before and after.

    None where the node slides no window over two axes, where it is dilated, or where the arrays are too large to be
    shown with all their entries. What was recorded is asked: a call in text waits for shapes, and has no stride yet.
    """
    made = forward.recorded[node]
    if made.__class__ is not Traced or made.primitive not in (rows.conv, rows.max_pool, rows.avg_pool):
        return None
    values, params = made.tape.read(made.operands)[0], made.params
    x, y = np.asarray(values[0]), np.asarray(made.value)
    if x.ndim != 4 or any(d != 1 for d in params["dilation"]):
        return None
    before, after = heat(x[0, 0]), heat(y[0, 0])
    if before is None or after is None or not (before["whole"] and after["whole"]):
        return None
    size = np.shape(values[1])[2:] if made.primitive is rows.conv else params["size"]
    return {
        "before": before,
        "after": after,
        "size": list(size),
        "stride": list(params["stride"]),
        "padding": [low for low, _ in params["padding"]],
    }
