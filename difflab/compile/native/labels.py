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


def by_label(ct: Array, z: Array, labels: Array, ignored: int, y: Array, sloping: bool) -> bool:
    """The loop, as numba compiles it, which says whether all was ordinary: log(sum(exp(z))) - z[label] of each row into
    y[:, 0], or with `sloping` the slopes, ct (softmax(z) - 1 at the label), into y; 0 where the label is ignored.
    """
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
            term = np.exp(z[i, j] - top)
            total += term
            if sloping:
                y[i, j] = term
        if not np.isfinite(total) or not np.isfinite(top) or (sloping and not np.isfinite(ct[i])):
            return False
        if not sloping:
            y[i, 0] = 0.0 if k == ignored else np.log(total) + top - z[i, k]
            continue
        for j in range(count):
            y[i, j] = 0.0 if k == ignored else (y[i, j] / total - (j == k)) * ct[i]
    return True


class Labels:
    """The two rows for scores of one dtype."""

    def __init__(self, params: Any, dtype: np.dtype[Any], jit: Any) -> None:
        self.params: Value = params
        self.dtype: Value = dtype
        self.jit: Value = jit

    def compiled(self) -> Function:
        """The loop for arrays of any layout: whether it could fill y."""
        numba = self.jit.module
        number, whole, truth = numba.from_dtype(self.dtype), numba.types.int64, numba.types.boolean
        read = [numba.types.Array(kind, n, "C", readonly=True) for kind, n in ((number, 1), (number, 2), (whole, 1))]
        code: Function = self.jit(by_label, (*read, whole, numba.types.Array(number, 2, "C"), truth))
        ignored = self.params["ignore_index"]

        def run(ct: Array, z: Array, labels: Array, y: Array, sloping: bool) -> bool:
            chosen = np.ascontiguousarray(labels, np.int64)
            return bool(code(np.ascontiguousarray(ct), np.ascontiguousarray(z), chosen, ignored, y, sloping))

        return run

    def label_loss(self) -> Function:
        loop = self.compiled()

        def run(z: Array, labels: Array) -> Value:
            y = np.empty((z.shape[0], 1), self.dtype)
            found = y.reshape(-1)
            return found if loop(found, z, labels, y, False) else networks.label_loss(z, labels, **self.params)

        return run

    def label_loss_slope(self) -> Function:
        loop = self.compiled()

        def run(ct: Array, z: Array, labels: Array) -> Value:
            y = np.empty(z.shape, self.dtype)
            return y if loop(ct, z, labels, y, True) else networks.label_loss_slope(ct, z, labels, **self.params)

        return run


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
