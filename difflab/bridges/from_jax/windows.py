"""Convolutions, and reductions of windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ... import numpy as dnp
from ...errors import InputError
from ...types import Value
from .call import Call, Refused, Rule, kind
from .reductions import least
from .shapes import padded


def convolution(call: Call, x: Value, w: Value) -> Value:
    """JAX's general convolution: any order of axes, dilations of both, frames that may be negative, groups."""
    if call.dtype.kind == "c":  # by its real and imaginary parts
        part = replace(call, dtypes=(np.zeros((), call.dtype).real.dtype,))
        (a, b), (c, d) = ((np.real(v), np.imag(v)) for v in (x, w))
        real = convolution(part, a, c) - convolution(part, b, d)
        return real + 1j * (convolution(part, a, d) + convolution(part, b, c))
    dtype = call.dtype if call.dtype.kind == "f" else np.dtype(float)  # of whole numbers up to 2**53
    numbers = call["dimension_numbers"]
    x, w = np.transpose(x, numbers.lhs_spec), np.transpose(w, numbers.rhs_spec)
    x, w = (v if v.dtype == dtype else v.astype(dtype) for v in (x, w))
    frames = tuple((low, high, gap - 1) for (low, high), gap in zip(call["padding"], call["lhs_dilation"]))
    positive = all(low >= 0 and high >= 0 and gap == 0 for low, high, gap in frames)
    if not positive:
        x = padded(x, np.zeros((), x.dtype)[()], ((0, 0, 0), (0, 0, 0), *frames))
    padding = [(low, high) for low, high, _ in frames] if positive else [(0, 0)] * len(frames)
    if call["batch_group_count"] != 1:
        raise Refused("in groups of the batch")
    single = not frames
    if single:
        x, w, padding = x[..., np.newaxis], w[..., np.newaxis], [(0, 0)]
    found = dnp.conv(
        x,
        w,
        stride=tuple(call["window_strides"]) or (1,),
        padding=padding,
        dilation=tuple(call["rhs_dilation"]) or (1,),
        groups=call["feature_group_count"],
    )
    if single:
        found = found[..., 0]
    return np.transpose(found, np.argsort(numbers.out_spec))


def framed(call: Call, x: Value, filler: Value) -> Value:
    """The array in its frame, with fillers between its elements."""
    frames = tuple((low, high, gap - 1) for (low, high), gap in zip(call["padding"], call["base_dilation"]))
    return padded(x, filler, frames)


def geometry(call: Call) -> dict[str, Value]:
    return {
        "size": tuple(call["window_dimensions"]),
        "stride": tuple(call["window_strides"]),
        "dilation": tuple(call["window_dilation"]),
    }


def window_sum(call: Call, x: Value) -> Value:
    if not x.shape:
        return x
    floats = x if kind(x) == "f" else x.astype(np.float64)
    found = dnp.avg_pool(framed(call, floats, floats.dtype.type(0)), divisor=1, **geometry(call))
    return found if found.dtype == x.dtype else found.astype(x.dtype)


def window_max(call: Call, x: Value) -> Value:
    return largest_of_windows(call, x, 1)


def window_min(call: Call, x: Value) -> Value:
    return largest_of_windows(call, x, -1)


def largest_of_windows(call: Call, x: Value, sign: int) -> Value:
    if kind(x) != "f":
        raise Refused("of whole numbers")
    if not x.shape:
        return x
    x = x if sign > 0 else -x
    plain = all(gap == 1 for gap in call["base_dilation"]) and all(min(p) >= 0 for p in call["padding"])
    try:
        if not plain:
            found = dnp.max_pool(framed(call, x, x.dtype.type(least(x.dtype, 1))), **geometry(call))
        else:
            found = dnp.max_pool(x, padding=[tuple(p) for p in call["padding"]], **geometry(call))
    except InputError as error:
        raise Refused(str(error)) from None
    return found if sign > 0 else -found


RULES: dict[str, Rule] = {
    "conv_general_dilated": convolution,
    "reduce_window_max": window_max,
    "reduce_window_min": window_min,
    "reduce_window_sum": window_sum,
}
