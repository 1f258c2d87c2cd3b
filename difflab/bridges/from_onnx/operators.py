"""ONNX's operators on values: elementwise, shapes, places, reductions. Each takes its attributes and its inputs.

What depends on no input stays NumPy's own, so shapes and axes that a model computes are known when they are needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...errors import UnsupportedError
from ...graph.node_carrier import NODE
from ...late import Late
from ...numpy import add_at, set_at
from ...types import Array, Params, Value

onnx: Value = Late("onnx")
Operator = Callable[..., Value]
OPERATORS: dict[str, Operator] = {}


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Registers `rule(attributes, *inputs)` under the names of operators."""

    def register(rule: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, rule))
        return rule

    return register


def plain(x: Value, what: str) -> Array:
    """A value that must not depend on the inputs: a shape, axes, a count."""
    if not isinstance(x, np.ndarray | np.generic | int | float):
        raise UnsupportedError(f"from_onnx: {what} depends on the model's inputs; a graph needs it beforehand")
    return np.asarray(x)


def whole(x: Value, what: str) -> list[int]:
    return [int(v) for v in plain(x, what).ravel()]


# Elementwise.
SAME: dict[str, Value] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Neg": np.negative, "Sqrt": np.sqrt, "Exp": np.exp,
    "Log": np.log, "Sin": np.sin, "Cos": np.cos, "Tan": np.tan, "Asin": np.arcsin, "Acos": np.arccos,
    "Atan": np.arctan, "Sinh": np.sinh, "Cosh": np.cosh, "Tanh": np.tanh, "Asinh": np.arcsinh, "Acosh": np.arccosh,
    "Atanh": np.arctanh, "Abs": np.absolute, "Floor": np.floor, "Ceil": np.ceil, "Round": np.rint, "Sign": np.sign,
    "Pow": np.power, "Equal": np.equal, "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
    "Not": np.logical_not, "IsNaN": np.isnan, "Where": np.where, "MatMul": np.matmul, "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor, "BitwiseNot": np.invert, "Det": np.linalg.det,
}  # fmt: skip
ROWS = {
    "Sigmoid": "sigmoid", "Relu": "relu", "Softplus": "softplus", "Softsign": "softsign", "Erf": "erf",
    "Mish": "mish", "HardSwish": "hardswish",
}  # fmt: skip
for _name, _function in SAME.items():
    OPERATORS[_name] = lambda attributes, *xs, f=_function: f(*xs)
for _name, _row in ROWS.items():
    OPERATORS[_name] = lambda attributes, x, row=_row: getattr(NODE, row)(x)


@operator("Div")
def divide(a: Params, x: Value, y: Value) -> Value:
    """Of whole numbers towards 0."""
    if dtype_of(x).kind in "iu" and dtype_of(y).kind in "iu":
        return np.trunc(np.divide(x, y)).astype(dtype_of(x))
    return np.divide(x, y)


@operator("Reciprocal")
def reciprocal(a: Params, x: Value) -> Value:
    return np.divide(np.asarray(1, dtype_of(x))[()], x)


@operator("Mod")
def modulo(a: Params, x: Value, y: Value) -> Value:
    return np.fmod(x, y) if a.get("fmod", 0) else np.remainder(x, y)


@operator("IsInf")
def isinf(a: Params, x: Value) -> Value:
    found = np.isinf(x)
    if not a.get("detect_positive", 1):
        return np.logical_and(found, np.less(x, 0))
    return found if a.get("detect_negative", 1) else np.logical_and(found, np.greater(x, 0))


@operator("Max")
def maximum(a: Params, *xs: Value) -> Value:
    return folded(np.maximum, xs)


@operator("Min")
def minimum(a: Params, *xs: Value) -> Value:
    return folded(np.minimum, xs)


@operator("Sum")
def total(a: Params, *xs: Value) -> Value:
    return folded(np.add, xs)


@operator("Mean")
def average(a: Params, *xs: Value) -> Value:
    return folded(np.add, xs) / number(len(xs), xs[0])


def folded(f: Value, xs: tuple[Value, ...]) -> Value:
    found = xs[0]
    for x in xs[1:]:
        found = f(found, x)
    return found


def dtype_of(x: Value) -> Value:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def number(value: float, like: Value) -> Value:
    """A number in the dtype of a value."""
    return np.asarray(value, dtype_of(like))[()]


@operator("Identity", "Dropout")
def identity(a: Params, x: Value, *others: Value) -> Value:
    return x


@operator("Clip")
def clip(a: Params, x: Value, low: Value = None, high: Value = None) -> Value:
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


@operator("LeakyRelu")
def leaky_relu(a: Params, x: Value) -> Value:
    return np.where(np.greater(x, 0), x, number(a.get("alpha", 0.01), x) * x)


@operator("PRelu")
def prelu(a: Params, x: Value, slope: Value) -> Value:
    return np.where(np.greater(x, 0), x, slope * x)


@operator("Elu")
def elu(a: Params, x: Value) -> Value:
    return np.where(np.greater(x, 0), x, number(a.get("alpha", 1.0), x) * np.expm1(np.minimum(x, number(0, x))))


@operator("Selu")
def selu(a: Params, x: Value) -> Value:
    alpha, gamma = a.get("alpha", 1.67326319217681884765625), a.get("gamma", 1.05070102214813232421875)
    left = number(alpha, x) * np.expm1(np.minimum(x, number(0, x)))
    return number(gamma, x) * np.where(np.greater(x, 0), x, left)


@operator("HardSigmoid")
def hard_sigmoid(a: Params, x: Value) -> Value:
    line = number(a.get("alpha", 0.2), x) * x + number(a.get("beta", 0.5), x)
    return np.minimum(np.maximum(line, number(0, x)), number(1, x))


@operator("Gelu")
def gelu(a: Params, x: Value) -> Value:
    return NODE.gelu(x, approximate=a.get("approximate", "none"))


@operator("Cast", "CastLike")
def cast(a: Params, x: Value, like: Value = None) -> Value:
    dtype = dtype_of(like) if like is not None else onnx.helper.tensor_dtype_to_np_dtype(a["to"])
    return np.asarray(x).astype(dtype) if isinstance(x, np.ndarray | np.generic) else x.astype(dtype)


# Constants and shapes.
@operator("Constant")
def constant(a: Params) -> Value:
    (value,) = a.values()
    if isinstance(value, np.ndarray):
        return value
    return np.asarray(value, np.float32 if isinstance(value, float) else None)


@operator("ConstantOfShape")
def constant_of_shape(a: Params, shape: Value) -> Value:
    value = np.asarray(a.get("value", np.zeros(1, np.float32))).ravel()[0]
    return np.full(whole(shape, "ConstantOfShape"), value)


@operator("Shape")
def shape(a: Params, x: Value) -> Value:
    return np.array(np.shape(x)[a.get("start", 0) : a.get("end", None)], np.int64)


@operator("Size")
def size(a: Params, x: Value) -> Value:
    return np.array(math.prod(np.shape(x)), np.int64)


@operator("Range")
def ranged(a: Params, start: Value, limit: Value, delta: Value) -> Value:
    parts = [plain(x, "Range") for x in (start, limit, delta)]
    return np.arange(*[x.item() for x in parts], dtype=parts[0].dtype)


@operator("Reshape")
def reshape(a: Params, x: Value, shape: Value) -> Value:
    wanted = whole(shape, "the shape of a Reshape")
    if not a.get("allowzero", 0):
        wanted = [np.shape(x)[k] if n == 0 else n for k, n in enumerate(wanted)]
    return np.reshape(x, tuple(wanted))


@operator("Flatten")
def flatten(a: Params, x: Value) -> Value:
    axis = a.get("axis", 1)
    lead = math.prod(np.shape(x)[: axis % (np.ndim(x) + 1) if axis < 0 else axis])
    return np.reshape(x, (lead, -1) if lead else (0, math.prod(np.shape(x)[axis:])))


@operator("Transpose")
def transpose(a: Params, x: Value) -> Value:
    return np.transpose(x, a.get("perm"))


@operator("Squeeze")
def squeeze(a: Params, x: Value, axes: Value = None) -> Value:
    wanted = a.get("axes") if axes is None else whole(axes, "the axes of a Squeeze")
    return np.squeeze(x, None if wanted is None else tuple(wanted))


@operator("Unsqueeze")
def unsqueeze(a: Params, x: Value, axes: Value = None) -> Value:
    return np.expand_dims(x, tuple(a["axes"] if axes is None else whole(axes, "the axes of an Unsqueeze")))


@operator("Expand")
def expand(a: Params, x: Value, shape: Value) -> Value:
    wanted = np.broadcast_shapes(np.shape(x), tuple(whole(shape, "the shape of an Expand")))
    return np.broadcast_to(x, wanted)


@operator("Tile")
def tile(a: Params, x: Value, repeats: Value) -> Value:
    return np.tile(x, tuple(whole(repeats, "Tile")))


@operator("Concat")
def concat(a: Params, *xs: Value) -> Value:
    return np.concatenate(xs, axis=a["axis"])


@operator("Split")
def split(a: Params, x: Value, sizes: Value = None) -> Value:
    axis = a.get("axis", 0)
    given = a.get("split") if sizes is None else whole(sizes, "the sizes of a Split")
    if given is None:
        count, n = a["outputs"], np.shape(x)[axis]
        step = -(-n // count)
        given = [min(step, n - k * step) for k in range(count)]
    return tuple(np.split(x, np.cumsum(given)[:-1].tolist(), axis=axis))


@operator("Pad")
def pad(a: Params, x: Value, pads: Value = None, value: Value = None, axes: Value = None) -> Value:
    widths = whole(pads, "the widths of a Pad") if pads is not None else list(a["pads"])
    along = whole(axes, "the axes of a Pad") if axes is not None else list(range(np.ndim(x)))
    n = len(along)
    pairs = [(0, 0)] * np.ndim(x)
    for k, axis in enumerate(along):
        pairs[axis] = widths[k], widths[n + k]
    if min(min(p) for p in pairs) < 0:
        raise UnsupportedError("from_onnx: Pad with negative widths")
    mode = a.get("mode", "constant")
    if mode == "constant":
        fill = a.get("value", 0.0) if value is None else plain(value, "the value of a Pad").item()
        return np.pad(x, pairs, mode="constant", constant_values=fill)
    if mode not in ("edge", "reflect", "wrap"):
        raise UnsupportedError(f"from_onnx: Pad with mode={mode!r}")
    return np.pad(x, pairs, mode=mode)


# Places.
@operator("Slice")
def sliced(a: Params, x: Value, *given: Value) -> Value:
    lists: list[Value] = [whole(v, "a Slice") if v is not None else None for v in given]
    starts, ends, axes, steps = (lists + [None] * 4)[:4]
    if starts is None or ends is None:
        starts, ends, axes = a["starts"], a["ends"], a.get("axes")
    index: list[Value] = [slice(None)] * np.ndim(x)
    for k, (lo, hi) in enumerate(zip(starts, ends)):
        axis, step = (axes[k] if axes else k), (steps[k] if steps else 1)
        index[axis] = slice(*bounds(np.shape(x)[axis], lo, hi, step), step)
    return x[tuple(index)]


def bounds(n: int, lo: int, hi: int, step: int) -> tuple[int | None, int | None]:
    """The ends of a slice as NumPy wants them: backwards, before the beginning is None."""
    if step > 0:
        return max(-n, min(lo, n)), max(-n, min(hi, n))
    return min(lo, n - 1), None if hi < -n else hi


@operator("Gather")
def gather(a: Params, x: Value, indices: Value) -> Value:
    return np.take(x, indices, axis=a.get("axis", 0))


@operator("GatherElements")
def gather_elements(a: Params, x: Value, indices: Value) -> Value:
    axis = a.get("axis", 0) % np.ndim(x)
    if isinstance(indices, np.ndarray):
        indices = indices % np.shape(x)[axis]
    window = tuple(slice(None) if k == axis else slice(n) for k, n in enumerate(np.shape(indices)))
    return np.take_along_axis(x[window], indices, axis)


@operator("GatherND")
def gather_nd(a: Params, x: Value, indices: Value) -> Value:
    if a.get("batch_dims", 0):
        raise UnsupportedError("from_onnx: GatherND with batch_dims")
    return x[tuple(indices[..., k] for k in range(np.shape(indices)[-1]))]


@operator("ScatterElements")
def scatter_elements(a: Params, x: Value, indices: Value, updates: Value) -> Value:
    axis, at = a.get("axis", 0) % np.ndim(x), plain(indices, "the places of a ScatterElements")
    index = list(np.indices(at.shape))
    index[axis] = at % np.shape(x)[axis]
    return scattered(a, x, tuple(index), updates)


@operator("ScatterND")
def scatter_nd(a: Params, x: Value, indices: Value, updates: Value) -> Value:
    return scattered(a, x, tuple(indices[..., k] for k in range(np.shape(indices)[-1])), updates)


def scattered(a: Params, x: Value, index: Value, updates: Value) -> Value:
    how = a.get("reduction", "none")
    if how not in ("none", "add"):
        raise UnsupportedError(f"from_onnx: scattering with reduction={how!r}")
    if all(isinstance(v, np.ndarray | np.generic) for v in (x, updates, *index)):
        found = np.array(x)
        if how == "add":
            np.add.at(found, index, updates)
        else:
            found[index] = updates
        return found
    return add_at(x, index, updates) if how == "add" else set_at(x, index, updates)


@operator("ArgMax", "ArgMin")
def extreme(a: Params, x: Value) -> Value:
    find = np.argmin if a["operator"] == "ArgMin" else np.argmax
    found = find(x, axis=a.get("axis", 0))
    return np.expand_dims(found, a.get("axis", 0)) if a.get("keepdims", 1) else found


@operator("TopK")
def top(a: Params, x: Value, k: Value) -> Value:
    axis, count = a.get("axis", -1), whole(k, "the count of a TopK")[0]
    order = np.argsort(-x if a.get("largest", 1) else x, axis=axis, kind="stable")
    places = np.take(order, np.arange(count), axis=axis)
    return np.take_along_axis(x, places, axis), places


@operator("Trilu")
def triangle(a: Params, x: Value, k: Value = None) -> Value:
    diagonal = 0 if k is None else whole(k, "Trilu")[0]
    return np.triu(x, diagonal) if a.get("upper", 1) else np.tril(x, diagonal)
