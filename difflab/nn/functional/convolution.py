"""Convolution, which in this field is cross-correlation (filters are slid and not flipped); and what reshapes images.

Sizes are floor((H + 2P - D(K - 1) - 1) / S) + 1, for kernel K, padding P, stride S, dilation D: course (4.2.2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from ...graph.node import apply
from ...primitives import TABLE
from .checks import ints


def out_size(size: int, before: int, behind: int, dilation: int, kernel: int, stride: int) -> int:
    return (size + before + behind - dilation * (kernel - 1) - 1) // stride + 1


def size_formula(size: int, padding: Any, dilation: int, kernel: int, stride: int) -> str:
    """The formula of an output size with its numbers put in."""
    pad = f"2*{padding}" if isinstance(padding, int) else f"({padding[0]} + {padding[1]})"
    top = size + (2 * padding if isinstance(padding, int) else sum(padding)) - dilation * (kernel - 1) - 1
    return (
        "floor((H + 2P - D(K - 1) - 1) / S) + 1 = "
        f"floor(({size} + {pad} - {dilation}*({kernel} - 1) - 1) / {stride}) + 1 = {top // stride + 1}"
    )


def convolve(
    name: str, n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """What conv1d, conv2d and conv3d share."""
    shape, filters = np.shape(input), np.shape(weight)
    if len(shape) == n + 1:
        args = (weight, bias, stride, padding, dilation, groups)
        return convolve(name, n, input.reshape((1, *shape)), *args)[0]
    if len(shape) != n + 2 or len(filters) != n + 2:
        raise ShapeError(
            f"{name}: the input has shape {shape} and the weight {filters}; they are (batch, channels, *size) and "
            f"(out, channels / groups, *kernel), with {n} axes of size"
        )
    if shape[1] != filters[1] * groups:
        raise ShapeError(
            f"{name}: the input has {shape[1]} channels, the weight of shape {filters} with groups={groups} needs "
            f"{filters[1]} x {groups} = {filters[1] * groups}"
        )
    strides, dilations = ints(name, "stride", stride, n, 1), ints(name, "dilation", dilation, n, 1)
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise InputError(f'{name}: padding={padding!r}; give integers, "same" or "valid"')
        if padding == "same" and max(strides) > 1:
            raise InputError(f'{name}: padding="same" goes with stride 1, not {strides}')
        spans = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilations, filters[2:])]
        frame = tuple((s // 2, s - s // 2) for s in spans)
    else:
        frame = tuple((p, p) for p in ints(name, "padding", padding, n))
    for k, (size, kernel) in enumerate(zip(shape[2:], filters[2:])):
        if out_size(size, *frame[k], dilations[k], kernel, strides[k]) < 1:
            told = frame[k][0] if frame[k][0] == frame[k][1] else frame[k]
            formula = size_formula(size, told, dilations[k], kernel, strides[k])
            raise ShapeError(
                f"{name}: nothing is left of axis {k + 2}: {formula}; "
                "take a larger input, more padding or a smaller kernel"
            )
    y = dnp.conv(input, weight, strides, frame, dilations, groups)
    return y if bias is None else y + bias_of(name, bias, filters[0], n)


def bias_of(name: str, bias: Any, out: int, n: int) -> Any:
    if np.shape(bias) != (out,):
        raise ShapeError(f"{name}: the bias has shape {np.shape(bias)}, for {out} channels it needs ({out},)")
    return bias.reshape((out, *(1,) * n))


def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The cross-correlation of (batch, channels, length) with filters (out, channels / groups, kernel).

    >>> conv1d(np.arange(5.0)[None, None], np.array([[[1.0, -1.0]]]))
    array([[[-1., -1., -1., -1.]]])
    """
    return convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The cross-correlation of (batch, channels, height, width) with filters (out, channels / groups, kernel, kernel).

    `padding` is a number, one for each axis, "valid" or "same". The kernel is not flipped; `convolve2d` is the
    convolution of mathematics.

    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))
    array([[[[4., 4.],
             [4., 4.]]]])
    """
    return convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """The cross-correlation of (batch, channels, depth, height, width) with filters."""
    return convolve("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def spread_out(
    name: str,
    n: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    """What conv_transpose1d, 2d and 3d share: the transpose of a convolution in its input."""
    shape, filters = np.shape(input), np.shape(weight)
    if len(shape) == n + 1:
        args = (weight, bias, stride, padding, output_padding, groups, dilation)
        return spread_out(name, n, input.reshape((1, *shape)), *args)[0]
    if len(shape) != n + 2 or len(filters) != n + 2 or shape[1] != filters[0] or filters[0] % groups:
        raise ShapeError(
            f"{name}: the input has shape {shape} and the weight {filters}; they are (batch, channels, *size) and "
            f"(channels, out / groups, *kernel), with {n} axes of size and channels that {groups} groups divide"
        )
    s, p = ints(name, "stride", stride, n, 1), ints(name, "padding", padding, n)
    more, d = ints(name, "output_padding", output_padding, n), ints(name, "dilation", dilation, n, 1)
    if any(m >= max(a, b) for m, a, b in zip(more, s, d)):
        raise InputError(f"{name}: output_padding={more} must be smaller than stride {s} or dilation {d}")
    kernel = filters[2:]
    sizes = tuple((h - 1) * s[k] - 2 * p[k] + d[k] * (kernel[k] - 1) + more[k] + 1 for k, h in enumerate(shape[2:]))
    if min(sizes) < 1:
        raise ShapeError(
            f"{name}: the output would have the size {sizes}: (H - 1)S - 2P + D(K - 1) + output_padding + 1"
        )
    params = {"shape": sizes, "stride": s, "padding": tuple((q, q) for q in p), "dilation": d, "groups": groups}
    y = apply(TABLE["conv_input_transpose"], (input, weight), params)
    return y if bias is None else y + bias_of(name, bias, filters[1] * groups, n)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of conv1d; the weight is (channels, out / groups, kernel)."""
    return spread_out("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of conv2d: sizes (H - 1)S - 2P + D(K - 1) + output_padding + 1.

    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    return spread_out("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The transpose of conv3d."""
    return spread_out("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def convolve2d(input: Any, kernel: Any, mode: str = "valid", *, flip: bool = True) -> Any:
    """The convolution of mathematics of one image (height, width) with one kernel: course (4.2.1).

    (f * k)[i, j] is the sum over m and n of f[i - m, j - n] k[m, n], so the kernel is flipped in both axes before it is
    slid. Neural networks leave that out (`flip=False`): their kernels are learned, and come out flipped. For a kernel
    that is symmetric both are the same. `mode` is "valid", "same" or "full", as in scipy.signal.

    >>> x, k = np.zeros((3, 3)), np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> x[1, 1] = 1
    >>> convolve2d(x, k)  # a point becomes the kernel
    array([[1., 2.],
           [3., 4.]])
    """
    if np.ndim(input) != 2 or np.ndim(kernel) != 2:
        raise ShapeError(
            f"convolve2d: an input of shape {np.shape(input)}, a kernel of shape {np.shape(kernel)}; both have two axes"
        )
    kernel = np.flip(kernel, (0, 1)) if flip else kernel
    rows, columns = np.shape(kernel)
    if mode == "valid":
        frame = ((0, 0), (0, 0))
    elif mode == "full":
        frame = ((rows - 1, rows - 1), (columns - 1, columns - 1))
    elif mode == "same":  # the middle of the full result
        frame = tuple(((n - 1) - (n - 1) // 2, (n - 1) // 2) for n in (rows, columns))  # type: ignore[assignment]
    else:
        raise InputError(f'convolve2d: mode={mode!r}; it is "valid", "same" or "full"')
    if any(n + sum(f) < k for n, f, k in zip(np.shape(input), frame, (rows, columns))):
        raise ShapeError(f"convolve2d: a kernel of shape {(rows, columns)} does not fit the input of {np.shape(input)}")
    return dnp.conv(input[None, None], kernel[None, None], 1, frame)[0, 0]


MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Elements around the input: `pad` has those before and behind the last axis, then those of the one before it, ...

    >>> pad(np.array([1.0, 2.0]), (1, 2), value=9.0)
    array([9., 1., 2., 9., 9.])
    """
    amounts = tuple(pad) if not hasattr(pad, "__index__") else (pad,)
    rank = np.ndim(input)
    if len(amounts) % 2 or len(amounts) > 2 * rank:
        raise InputError(
            f"pad: {amounts} for an input of shape {np.shape(input)}; give two numbers for each axis, the last first"
        )
    pairs = [(0, 0)] * (rank - len(amounts) // 2) + [
        (int(amounts[k]), int(amounts[k + 1])) for k in range(len(amounts) - 2, -1, -2)
    ]
    if any(a < 0 or b < 0 for a, b in pairs):
        cut = tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, np.shape(input)))
        input, pairs = input[cut], [(max(a, 0), max(b, 0)) for a, b in pairs]
    if mode == "constant":
        return np.pad(input, pairs, mode="constant", constant_values=value or 0)
    if mode not in MODES:
        raise InputError(f"pad: mode={mode!r}; it is one of constant, {', '.join(MODES)}")
    for n, (a, b) in zip(np.shape(input), pairs):
        if (mode == "reflect" and max(a, b) >= n) or (mode == "circular" and max(a, b) > n):
            raise ShapeError(f"pad: {max(a, b)} elements by mode={mode!r} do not come out of an axis of {n}")
    return np.pad(input, pairs, mode=MODES[mode])  # type: ignore[call-overload]


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of (batch, channels, height, width) as columns: (batch, channels * kernel, windows)."""
    k, d = ints("unfold", "kernel_size", kernel_size, 2, 1), ints("unfold", "dilation", dilation, 2, 1)
    p, s = ints("unfold", "padding", padding, 2), ints("unfold", "stride", stride, 2, 1)
    x = np.pad(input, ((0, 0), (0, 0), (p[0], p[0]), (p[1], p[1])))
    rows, columns = places(np.shape(x)[2:], k, d, s)
    seen = x[:, :, rows[:, None, :, None], columns[None, :, None, :]]  # (batch, channels, k0, k1, windows0, windows1)
    shape = np.shape(seen)
    return seen.reshape((shape[0], shape[1] * k[0] * k[1], shape[4] * shape[5]))


def places(size: Any, k: Any, d: Any, s: Any) -> Any:
    """For each axis the element of each place in each window: (kernel, windows)."""
    found = []
    for n, kk, dd, ss in zip(size, k, d, s):
        count = out_size(n, 0, 0, dd, kk, ss)
        if count < 1:
            raise ShapeError(f"unfold: {size_formula(n, 0, dd, kk, ss)}")
        found.append(np.arange(kk)[:, None] * dd + np.arange(count) * ss)
    return found


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(batch, C r², H, W) as (batch, C, H r, W r) (Shi et al. 2016)."""
    n, c, h, w = np.shape(input)
    r = upscale_factor
    if c % (r * r):
        raise ShapeError(f"pixel_shuffle: {c} channels do not divide by {r}² = {r * r}")
    x = input.reshape((n, c // (r * r), r, r, h, w))
    return np.transpose(x, (0, 1, 4, 2, 5, 3)).reshape((n, c // (r * r), h * r, w * r))


def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest") -> Any:
    """(batch, channels, *size) at another size, by the nearest element or in straight lines (align_corners=False)."""
    n = np.ndim(input) - 2
    old = np.shape(input)[2:]
    if (size is None) == (scale_factor is None):
        raise InputError("interpolate: give size or scale_factor, one of the two")
    if size is None:
        scales = (scale_factor,) * n if np.ndim(scale_factor) == 0 else tuple(scale_factor)
        new = tuple(int(a * b) for a, b in zip(old, scales))
    else:
        new = ints("interpolate", "size", size, n, 1)
    modes = {
        "nearest": nearest_weights,
        "linear": linear_weights,
        "bilinear": linear_weights,
        "trilinear": linear_weights,
    }
    if mode not in modes:
        raise InputError(f"interpolate: mode={mode!r}; it is one of {', '.join(modes)}")
    for k, (a, b) in enumerate(zip(old, new)):
        weights = modes[mode](a, b).astype(input.dtype)
        input = np.moveaxis(np.moveaxis(input, k + 2, -1) @ weights.T, -1, k + 2)
    return input


def nearest_weights(old: int, new: int) -> Any:
    return np.eye(old)[np.minimum((np.arange(new) * (old / new)).astype(int), old - 1)]


def linear_weights(old: int, new: int) -> Any:
    at = np.maximum((np.arange(new) + 0.5) * (old / new) - 0.5, 0)
    low = np.minimum(at.astype(int), old - 1)
    high, share = np.minimum(low + 1, old - 1), at - low
    return (1 - share)[:, None] * np.eye(old)[low] + share[:, None] * np.eye(old)[high]
