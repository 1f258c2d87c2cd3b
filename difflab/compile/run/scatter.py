"""Adding into places that are known when the program is written."""

from __future__ import annotations

import math

import numpy as np

from ...graph.node import Node
from ...types import Array, Key, Shape

LARGEST = 5_000_000  # places; the list of them is kept with the program


class Scatter:
    """Adds the elements of an array into zeros, at places counted through the flattened result."""

    def __init__(self, index: Key, shape: Shape) -> None:
        self.shape = shape
        self.places: Array = np.arange(math.prod(shape)).reshape(shape)[index].ravel()
        self.once: bool = len(np.unique(self.places)) == len(self.places)

    def __call__(self, x: Array) -> Array:
        if self.once:
            out = np.zeros(math.prod(self.shape), x.dtype)
            out[self.places] = x.ravel()
        else:
            out = np.bincount(self.places, x.ravel(), math.prod(self.shape)).astype(x.dtype, copy=False)
        return out.reshape(self.shape)


def known(node: Node) -> Scatter | None:
    """The scatter of a node whose index holds constant arrays; slices alone are better written as slices."""
    index, shape = node.params["index"], node.params["shape"]
    entries = index if isinstance(index, tuple) else (index,)
    arrays = [e for e in entries if isinstance(e, np.ndarray)]
    if len(node.operands) != 1 or node.dtype.kind != "f" or not arrays or math.prod(shape) > LARGEST:
        return None
    if any(e.dtype.kind not in "iu" for e in arrays) or math.prod(node.operands[0].shape) > LARGEST:
        return None
    return Scatter(index, shape)
