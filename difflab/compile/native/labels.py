"""Cross entropy of rows of scores against labels, in one pass: the dozen of NumPy's calls costs more than
such small work.

What is not ordinary (a label out of range, scores that are not finite) is left to NumPy's kernels, which know the rule
or the error.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...primitives.kernels import networks
from ...types import Array, Function, Value

LARGEST = 4096  # scores; the exponentials of more are faster in NumPy's own loop


# The loops, as numba compiles them; they say whether all was ordinary.
def losses(z: Array, labels: Array, ignored: int, y: Array) -> bool:
    """log(sum(exp(z))) - z[label] of each row, 0 where the label is ignored."""
    count = z.shape[1]
    for i in range(z.shape[0]):
        k = labels[i]
        if k != ignored and not 0 <= k < count:
            return False
        top = z[i, 0]
        for j in range(1, count):
            top = max(top, z[i, j])
        total = 0.0
        for j in range(count):
            total += np.exp(z[i, j] - top)
        if not np.isfinite(total) or not np.isfinite(top):
            return False
        y[i] = 0.0 if k == ignored else np.log(total) + top - z[i, k]
    return True


def slopes(ct: Array, z: Array, labels: Array, ignored: int, y: Array) -> bool:
    """ct (softmax(z) - 1 at the label) of each row, 0 where the label is ignored."""
    count = z.shape[1]
    for i in range(z.shape[0]):
        k = labels[i]
        if k != ignored and not 0 <= k < count:
            return False
        top = z[i, 0]
        for j in range(1, count):
            top = max(top, z[i, j])
        total = 0.0
        for j in range(count):
            y[i, j] = np.exp(z[i, j] - top)
            total += y[i, j]
        if not np.isfinite(total) or not np.isfinite(ct[i]):
            return False
        for j in range(count):
            y[i, j] = 0.0 if k == ignored else (y[i, j] / total - (j == k)) * ct[i]
    return True


class Labels:
    """The two rows for scores of one dtype."""

    def __init__(self, params: Any, dtype: np.dtype[Any], jit: Any) -> None:
        self.params: Value = params
        self.dtype: Value = dtype
        self.jit: Value = jit

    def compiled(self, loop: Function, *dimensions: int) -> Function:
        """A loop over arrays of so many axes, the labels, and the result, which has the axes of the last."""
        numba = self.jit.module
        number, whole = numba.from_dtype(self.dtype), numba.types.int64
        read = [numba.types.Array(number, n, "C", readonly=True) for n in dimensions]
        labels = numba.types.Array(whole, 1, "C", readonly=True)
        given = (*read, labels, whole, numba.types.Array(number, OF_RESULT[loop], "C"))
        code: Function = self.jit(loop, given)
        ignored = self.params["ignore_index"]

        def run(y: Array, labels: Array, *scores: Array) -> bool:
            chosen = np.ascontiguousarray(labels, np.int64)
            return bool(code(*[np.ascontiguousarray(x) for x in scores], chosen, ignored, y))

        return run

    def label_loss(self) -> Function:
        loop = self.compiled(losses, 2)

        def run(z: Array, labels: Array) -> Value:
            y = np.empty(z.shape[0], self.dtype)
            return y if loop(y, labels, z) else networks.label_loss(z, labels, **self.params)

        return run

    def label_loss_slope(self) -> Function:
        loop = self.compiled(slopes, 1, 2)

        def run(ct: Array, z: Array, labels: Array) -> Value:
            y = np.empty(z.shape, self.dtype)
            return y if loop(y, labels, ct, z) else networks.label_loss_slope(ct, z, labels, **self.params)

        return run


OF_RESULT = {losses: 1, slopes: 2}  # axes
ROWS = {rows.label_loss: Labels.label_loss, rows.label_loss_slope: Labels.label_loss_slope}


def native_labels(node: Node, jit: Any) -> Function | None:
    """The function that computes losses by labels, or their slopes; None where NumPy's kernel does it."""
    make = ROWS.get(node.primitive)
    if make is None:
        return None
    *numbers, labels = node.operands
    z, dtypes = numbers[-1], {x.dtype for x in numbers}
    in_rows = len(z.shape) == 2 and 0 < prod(z.shape) <= LARGEST and node.params["axis"] in (1, -1)
    real = dtypes in ({np.dtype(np.float32)}, {np.dtype(np.float64)}) and labels.dtype.kind in "iu"
    return make(Labels(node.params, z.dtype, jit)) if in_rows and real else None
