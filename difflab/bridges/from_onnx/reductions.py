"""ONNX's reductions and products on values."""

from __future__ import annotations

import numpy as np

from ...errors import UnsupportedError
from ...graph.node_carrier import NODE
from ...types import Params, Value
from .operators import dtype_of, number, operator, whole

# Reductions.
REDUCTIONS: dict[str, Value] = {
    "ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceProd": np.prod, "ReduceMax": np.max, "ReduceMin": np.min,
    "ReduceL1": lambda x, **k: np.sum(np.absolute(x), **k), "ReduceL2": lambda x, **k: np.sqrt(np.sum(x * x, **k)),
    "ReduceSumSquare": lambda x, **k: np.sum(x * x, **k), "ReduceLogSum": lambda x, **k: np.log(np.sum(x, **k)),
    "ReduceLogSumExp": lambda x, axis, keepdims: NODE.logsumexp(x, axis=axis, keepdims=keepdims),
}  # fmt: skip


@operator(*REDUCTIONS)
def reduce(a: Params, x: Value, axes: Value = None) -> Value:
    wanted = a.get("axes") if axes is None else whole(axes, "the axes of a reduction")
    if not wanted and a.get("noop_with_empty_axes", 0):
        return x
    along = tuple(wanted) if wanted else tuple(range(np.ndim(x)))
    found = REDUCTIONS[a["operator"]](x, axis=along, keepdims=bool(a.get("keepdims", 1)))
    return found.astype(dtype_of(x)) if dtype_of(x).kind in "iu" else found


@operator("CumSum")
def cumsum(a: Params, x: Value, axis: Value) -> Value:
    if a.get("exclusive", 0) or a.get("reverse", 0):
        raise UnsupportedError("from_onnx: CumSum with exclusive or reverse")
    return np.cumsum(x, axis=whole(axis, "the axis of a CumSum")[0])


@operator("Softmax", "LogSoftmax")
def softmax(a: Params, x: Value) -> Value:
    axis = (a.get("axis", -1) % max(np.ndim(x), 1),)
    return NODE.softmax(x, axis=axis) if a["operator"] == "Softmax" else NODE.log_softmax(x, axis=axis)


@operator("Einsum")
def einsum(a: Params, *xs: Value) -> Value:
    return np.einsum(a["equation"], *xs)


@operator("Gemm")
def gemm(a: Params, x: Value, y: Value, c: Value = None) -> Value:
    x, y = x.T if a.get("transA", 0) else x, y.T if a.get("transB", 0) else y
    found = np.matmul(x, y)
    if a.get("alpha", 1.0) != 1.0:
        found = number(a["alpha"], found) * found
    if c is None:
        return found
    return found + (c if a.get("beta", 1.0) == 1.0 else number(a["beta"], found) * c)
