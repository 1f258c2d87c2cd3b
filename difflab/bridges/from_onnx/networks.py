"""ONNX's operators of networks: convolution, pooling, normalisation, resizing, recurrent layers."""

from __future__ import annotations

import math

import numpy as np

from ...differentiate.control_flow import scan
from ...errors import UnsupportedError
from ...graph.node_carrier import NODE
from ...types import Params, Shape, Value
from .operators import dtype_of, number, operator, plain, whole


def frame(a: Params, lengths: Shape, size: Shape, stride: Shape, dilation: Shape) -> list[tuple[int, int]]:
    """The padding of each axis, given or found by `auto_pad`."""
    n, how = len(size), a.get("auto_pad", "NOTSET")
    if how == "VALID":
        return [(0, 0)] * n
    if how in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        for length, k, s, d in zip(lengths, size, stride, dilation):
            total = max((-(-length // s) - 1) * s + (k - 1) * d + 1 - length, 0)
            small = total // 2
            found.append((small, total - small) if how == "SAME_UPPER" else (total - small, small))
        return found
    pads = a.get("pads", [0] * 2 * n)
    return list(zip(pads[:n], pads[n:]))


def settings(a: Params, x: Value, size: Shape) -> dict[str, Value]:
    n = len(size)
    stride, dilation = tuple(a.get("strides", (1,) * n)), tuple(a.get("dilations", (1,) * n))
    padding = tuple(frame(a, np.shape(x)[2:], size, stride, dilation))
    return {"stride": stride, "padding": padding, "dilation": dilation}


def per_channel(v: Value, n: int) -> Value:
    """A vector of a number for each channel, before n axes of space."""
    return np.reshape(v, (-1, *(1,) * n))


@operator("Conv")
def conv(a: Params, x: Value, w: Value, b: Value = None) -> Value:
    size = tuple(np.shape(w)[2:])
    y = NODE.conv(x, w, groups=a.get("group", 1), **settings(a, x, size))
    return y if b is None else y + per_channel(b, len(size))


@operator("ConvTranspose")
def conv_transpose(a: Params, x: Value, w: Value, b: Value = None) -> Value:
    size, n = tuple(np.shape(w)[2:]), np.ndim(w) - 2
    stride, dilation = tuple(a.get("strides", (1,) * n)), tuple(a.get("dilations", (1,) * n))
    if a.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or "output_shape" in a:
        raise UnsupportedError("from_onnx: ConvTranspose with auto_pad or output_shape; give pads")
    padding = tuple(frame(a, np.shape(x)[2:], size, stride, dilation))
    more = a.get("output_padding", [0] * n)
    lengths = tuple(
        s * (m - 1) + o + (k - 1) * d + 1 - sum(p)
        for s, m, o, k, d, p in zip(stride, np.shape(x)[2:], more, size, dilation, padding)
    )
    y = NODE.conv_input_transpose(
        x, w, shape=lengths, stride=stride, padding=padding, dilation=dilation, groups=a.get("group", 1)
    )
    return y if b is None else y + per_channel(b, n)


# Pooling.
def window(a: Params, x: Value) -> dict[str, Value]:
    size = tuple(a["kernel_shape"])
    found = settings(a, x, size)
    if a.get("ceil_mode", 0):
        found["padding"] = tuple(
            (p, q + reach(length, k, s, p, q, d))
            for length, k, s, (p, q), d in zip(
                np.shape(x)[2:], size, found["stride"], found["padding"], found["dilation"]
            )
        )
    return {"size": size, **found}


def reach(length: int, k: int, s: int, p: int, q: int, d: int) -> int:
    """How much longer an axis must be for a last window that hangs over; none that begins behind the end."""
    span = (k - 1) * d + 1
    rest = (length + p + q - span) % s
    if not rest:
        return 0
    count = (length + p + q - span) // s + 1
    return s - rest if count * s < length + p else 0


@operator("MaxPool")
def max_pool(a: Params, x: Value) -> Value:
    if a.get("storage_order", 0):
        raise UnsupportedError("from_onnx: MaxPool with storage_order")
    return NODE.max_pool(x, **window(a, x))


@operator("AveragePool")
def average_pool(a: Params, x: Value) -> Value:
    if a.get("ceil_mode", 0) and a.get("count_include_pad", 0):
        raise UnsupportedError("from_onnx: AveragePool with ceil_mode and count_include_pad")
    return NODE.avg_pool(x, count_padding=bool(a.get("count_include_pad", 0)), divisor=None, **window(a, x))


@operator("GlobalAveragePool")
def global_average(a: Params, x: Value) -> Value:
    return np.mean(x, axis=tuple(range(2, np.ndim(x))), keepdims=True)


@operator("GlobalMaxPool")
def global_max(a: Params, x: Value) -> Value:
    return np.max(x, axis=tuple(range(2, np.ndim(x))), keepdims=True)


# Normalisation.
@operator("BatchNormalization")
def batch_norm(a: Params, x: Value, scale: Value, bias: Value, mean: Value, var: Value) -> Value:
    if a.get("training_mode", 0):
        raise UnsupportedError("from_onnx: BatchNormalization in training; export the model for inference")
    n = np.ndim(x) - 2
    factor = scale / np.sqrt(var + number(a.get("epsilon", 1e-5), var))
    return x * per_channel(factor, n) + per_channel(bias - mean * factor, n)


def standardised(x: Value, axes: Shape, eps: float) -> Value:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    return centred / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + number(eps, x))


@operator("LayerNormalization")
def layer_norm(a: Params, x: Value, scale: Value, bias: Value = None) -> Value:
    axis = a.get("axis", -1) % np.ndim(x)
    y = standardised(x, tuple(range(axis, np.ndim(x))), a.get("epsilon", 1e-5)) * scale
    return y if bias is None else y + bias


@operator("InstanceNormalization")
def instance_norm(a: Params, x: Value, scale: Value, bias: Value) -> Value:
    n = np.ndim(x) - 2
    y = standardised(x, tuple(range(2, n + 2)), a.get("epsilon", 1e-5))
    return y * per_channel(scale, n) + per_channel(bias, n)


@operator("Resize", "Upsample")
def resize(a: Params, x: Value, *given: Value) -> Value:
    """Nearest neighbours: which element each new one is follows from the lengths."""
    given = given if a["operator"] == "Resize" else (None, *given)
    scales, sizes = [*given, None, None, None][1:3]
    if a.get("mode", "nearest") != "nearest":
        raise UnsupportedError(f"from_onnx: Resize with mode={a['mode']!r}; nearest is there")
    shape = np.shape(x)
    if sizes is not None and np.size(sizes):
        new = whole(sizes, "the sizes of a Resize")
        factors = [m / n for m, n in zip(new, shape)]
    else:
        factors = [float(f) for f in plain(scales, "the scales of a Resize").ravel()]
        new = [math.floor(n * f) for n, f in zip(shape, factors)]
    for axis, (n, m, f) in enumerate(zip(shape, new, factors)):
        if n != m:
            x = np.take(x, nearest(a, n, m, f), axis=axis)
    return x


def nearest(a: Params, n: int, m: int, factor: float) -> Value:
    how = a.get("coordinate_transformation_mode", "half_pixel" if a["operator"] == "Resize" else "asymmetric")
    rounding = a.get("nearest_mode", "round_prefer_floor" if a["operator"] == "Resize" else "floor")
    k = np.arange(m)
    places: dict[str, Value] = {
        "asymmetric": lambda: k / factor,
        "half_pixel": lambda: (k + 0.5) / factor - 0.5,
        "pytorch_half_pixel": lambda: (k + 0.5) / factor - 0.5 if m > 1 else 0.0 * k,
        "align_corners": lambda: k * (n - 1) / max(m - 1, 1),
    }
    round_by: dict[str, Value] = {
        "floor": np.floor, "ceil": np.ceil, "round_prefer_floor": lambda v: np.ceil(v - 0.5),
        "round_prefer_ceil": lambda v: np.floor(v + 0.5),
    }  # fmt: skip
    if how not in places or rounding not in round_by:
        raise UnsupportedError(f"from_onnx: Resize with {how!r} and {rounding!r}")
    return np.clip(round_by[rounding](places[how]()), 0, n - 1).astype(int)


# Recurrent layers.
@operator("RNN", "LSTM", "GRU")
def recurrent(
    a: Params, x: Value, w: Value, r: Value, b: Value = None, lengths: Value = None, h: Value = None, c: Value = None,
    peepholes: Value = None,
) -> Value:  # fmt: skip
    """Over sequences (time, batch, features): the hidden states, the last one, and of an LSTM the last cell."""
    kind = a["operator"]
    usual = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}[kind]
    directions = np.shape(w)[0]
    if a.get("activations", usual * directions) != usual * directions or a.get("clip") or a.get("input_forget"):
        raise UnsupportedError(f"from_onnx: {kind} with activations, clip or input_forget of its own")
    if lengths is not None or peepholes is not None or a.get("layout", 0):
        raise UnsupportedError(f"from_onnx: {kind} with sequence lengths, peepholes or layout=1")
    hidden, batch = a["hidden_size"], np.shape(x)[1]
    zeros = np.zeros((directions, batch, hidden), dtype_of(x))
    starts = [zeros if h is None else h, zeros if c is None else c][: 2 if kind == "LSTM" else 1]
    found = []
    for d in range(directions):
        backwards = d == 1 or a.get("direction") == "reverse"
        bias = np.zeros(2 * np.shape(w)[1], dtype_of(x)) if b is None else b[d]
        step = STEPS[kind](a, w[d], r[d], bias, hidden)
        found.append(scan(step, tuple(s[d] for s in starts), x, reverse=backwards))
    ys = np.stack([y for _, y in found], axis=1)
    last = [np.stack([carry[k] for carry, _ in found]) for k in range(len(starts))]
    return (ys, *last)


def rnn(a: Params, w: Value, r: Value, b: Value, n: int) -> Value:
    def step(carry: Value, x: Value) -> Value:
        y = np.tanh(x @ w.T + carry[0] @ r.T + b[:n] + b[n:])
        return (y,), y

    return step


def lstm(a: Params, w: Value, r: Value, b: Value, n: int) -> Value:
    def step(carry: Value, x: Value) -> Value:
        h, c = carry
        gates = x @ w.T + h @ r.T + b[: 4 * n] + b[4 * n :]
        i, o, f, new = (gates[:, k * n : (k + 1) * n] for k in range(4))
        cell = NODE.sigmoid(f) * c + NODE.sigmoid(i) * np.tanh(new)
        y = NODE.sigmoid(o) * np.tanh(cell)
        return (y, cell), y

    return step


def gru(a: Params, w: Value, r: Value, b: Value, n: int) -> Value:
    behind = bool(a.get("linear_before_reset", 0))

    def step(carry: Value, x: Value) -> Value:
        (h,) = carry
        given = x @ w.T + b[: 3 * n]
        gates = h @ r[: 2 * n].T + b[3 * n : 5 * n]
        z, reset = (NODE.sigmoid(given[:, k * n : (k + 1) * n] + gates[:, k * n : (k + 1) * n]) for k in range(2))
        last, bias = r[2 * n :], b[5 * n :]
        inner = reset * (h @ last.T + bias) if behind else (reset * h) @ last.T + bias
        y = (1 - z) * np.tanh(given[:, 2 * n :] + inner) + z * h
        return (y,), y

    return step


STEPS: dict[str, Value] = {"RNN": rnn, "LSTM": lstm, "GRU": gru}
