"""The window of a convolution or a pooling, as data for the script that slides it over the small pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...types import Tree, Value
from .heat import heat


def window_of(node: Node, values: Mapping[Node, Value]) -> dict[str, Tree] | None:
    """Size, stride and padding (rows, columns) and the heat maps of the first image's first channel, before and after.

    None where the node slides no window over two axes, where it is dilated, or where the arrays are too large to be
    shown with all their entries.
    """
    row = node.primitive.plain
    if row not in (rows.conv, rows.max_pool, rows.avg_pool):
        return None
    x, y = (np.asarray(values[n]) for n in (node.operands[0], node))
    if x.ndim != 4 or any(d != 1 for d in node.params["dilation"]):
        return None
    before, after = heat(x[0, 0]), heat(y[0, 0])
    if before is None or after is None or not (before["whole"] and after["whole"]):
        return None
    size = np.shape(values[node.operands[1]])[2:] if row is rows.conv else node.params["size"]
    return {
        "before": before,
        "after": after,
        "size": list(size),
        "stride": list(node.params["stride"]),
        "padding": [low for low, _ in node.params["padding"]],
    }
