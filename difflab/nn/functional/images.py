"""Frames, windows and sizes of images, in torch.nn.functional's signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from ...late import Late
from ...primitives import rows
from ...types import Array, Function, Shape, Value
from . import checks
from .checks import array, real, row
from .convolution import Sizes, check_sizes
from .pooling import adaptive_avg_pool

special: Value = Late("scipy.special")
Mode: TypeAlias = Literal["reflect", "edge", "wrap"]
MODES: dict[str, Mode] = {"reflect": "reflect", "replicate": "edge", "nearest": "edge", "circular": "wrap"}


def pad(
    input: Value, pad: Sequence[int], mode: str = "constant", value: float | None = None, *, key: Value = None
) -> Value:
    """The input in a frame. `pad` lists the elements before and behind the last axis, then the one before it, ...

    `mode` is "constant" (with `value`, by default 0; negative numbers cut off), "reflect" (the edge itself is not
    repeated), "replicate" (the edge; "nearest" is the same), "circular", or "random": numbers of a normal distribution
    with mean 0 and variance 1, drawn by `key`, an integer or two, as `dropout`'s. Raises ShapeError for a frame wider
    than the mode can fill, InputError where "random" has no key.

    >>> pad(np.array([1.0, 2.0, 3.0]), (1, 2), "reflect")
    array([2., 1., 2., 3., 2., 1.])
    >>> pad(np.array([1.0, 2.0, 3.0]), (1, 2), "random", key=0).round(2)
    array([-2.27,  1.  ,  2.  ,  3.  ,  0.01, -0.59])
    """
    if (
        not isinstance(pad, Sequence | np.ndarray)
        or isinstance(pad, str)
        or not all(hasattr(n, "__index__") for n in pad)
    ):
        raise InputError(f"pad: pad={pad!r}; give two integers for each axis, from the last one on")
    x, numbers = array(input), [int(n) for n in pad]
    checks.one_of("pad: mode", mode, "constant", *MODES, "random")
    if len(numbers) % 2 or len(numbers) > 2 * x.ndim:
        raise ShapeError(f"pad: {tuple(numbers)} for shape {x.shape}; give a pair for each axis, from the last one on")
    pairs = [(0, 0)] * x.ndim
    for k in range(len(numbers) // 2):
        pairs[x.ndim - 1 - k] = (numbers[2 * k], numbers[2 * k + 1])
    if mode == "random" and key is None:
        raise InputError('pad: mode="random" needs key=, an integer or an array of two; count it on from call to call')
    if mode != "random" and key is not None:
        raise InputError(f'pad: key= goes with mode="random", not {mode!r}')
    if mode != "constant":
        if value is not None and value != 0:
            raise InputError(f'pad: value={value} goes with mode="constant", not {mode!r}')
        check_frame(x, pairs, mode)
        if mode == "random":
            return framed_by_noise(x, pairs, key)
        return np.pad(x, pairs, mode=MODES[mode])
    if any(n < 0 for n in numbers):
        if any(a + b + n < 0 for n, (a, b) in zip(x.shape, pairs)):
            raise ShapeError(f"pad: {tuple(numbers)} cuts more off than shape {x.shape} has")
        x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pairs))]
        pairs = [(max(a, 0), max(b, 0)) for a, b in pairs]
    return np.pad(x, pairs, constant_values=0 if value is None else value)


def check_frame(x: Value, pairs: list[tuple[int, int]], mode: str) -> None:
    for n, both in zip(x.shape, pairs):
        most = {"reflect": n - 1, "circular": n}.get(mode, max(both) if n else 0)
        if min(both) < 0 or max(both) > most:
            raise ShapeError(f"pad: {both} at an axis of {n} elements; mode={mode!r} takes 0 to {most} at each end")


def framed_by_noise(x: Value, pairs: list[tuple[int, int]], key: Value) -> Value:
    """The array inside normal numbers: uniform ones through the normal distribution's quantiles."""
    shape = tuple(n + a + b for n, (a, b) in zip(x.shape, pairs))
    dtype = x.dtype if x.dtype in (np.float32, np.float64) else np.float64
    inside = np.zeros(shape, bool)
    inside[tuple(slice(a, a + n) for n, (a, _) in zip(x.shape, pairs))] = True
    uniform = row(rows.random_uniform, checks.array(key), shape=shape, dtype=dtype)
    half = 0.5 * float(np.finfo(dtype).eps)  # quantiles of 0 are infinite
    return np.where(inside, np.pad(x, pairs), special.ndtri(np.maximum(uniform, half)))


def blocks(
    what: str, shape: Shape, kernel_size: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes
) -> tuple[Array, Array, Shape]:
    """Rows and columns of the elements of each window, by (row, column in it, window); the padding."""
    size = checks.per_axis(f"{what}: kernel_size", kernel_size, 2, 1)
    dilation = checks.per_axis(f"{what}: dilation", dilation, 2, 1)
    padding = checks.per_axis(f"{what}: padding", padding, 2, 0)
    stride = checks.per_axis(f"{what}: stride", stride, 2, 1)
    check_sizes(what, shape, size, stride, [2 * p for p in padding], dilation)
    places = []
    for n, k, s, p, d in zip(shape, size, stride, padding, dilation):
        windows = (n + 2 * p - d * (k - 1) - 1) // s + 1
        places.append(d * np.arange(k)[:, None] + s * np.arange(windows))
    lines, columns = places
    return lines[:, None, :, None], columns[None, :, None, :], padding


def unfold(input: Value, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Value:
    """The windows of images (N, C, H, W) or (C, H, W) as columns: (N, C KH KW, number of windows).

    >>> unfold(np.arange(4.0).reshape(1, 2, 2), (1, 2))
    array([[0., 2.],
           [1., 3.]])
    """
    x, had_batch = checks.batched("unfold", real(input), 2)
    lines, columns, frame = blocks("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    framed = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in frame]]) if any(frame) else x
    found = framed[:, :, lines, columns]
    n, c, kh, kw, h, w = found.shape
    return checks.unbatched(found.reshape((n, c * kh * kw, h * w)), had_batch)


def fold(
    input: Value,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Value:
    """Columns (N, C KH KW, number of windows) added up where their windows lie: the transpose of `unfold`.

    Raises ShapeError where the columns do not fit the sizes.

    >>> fold(np.ones((2, 2)), (1, 3), (1, 2))
    array([[[1., 2., 1.]]])
    """
    x = real(input)
    if x.ndim not in (2, 3):
        raise ShapeError(f"fold: an input of shape {x.shape}; it is (batch, C * KH * KW, windows)")
    height, width = checks.per_axis("fold: output_size", output_size, 2, 1)
    lines, columns, (top, left) = blocks("fold", (height, width), kernel_size, dilation, padding, stride)
    kh, kw, h, w = np.broadcast_shapes(lines.shape, columns.shape)
    if x.shape[-2] % (kh * kw) or x.shape[-1] != h * w:
        raise ShapeError(
            f"fold: an input of shape {x.shape}; for these sizes it is (batch, C * {kh * kw}, {h} * {w} = {h * w})"
        )
    had_batch = x.ndim == 3
    x = x if had_batch else x.reshape((1, *x.shape))
    n, c = x.shape[0], x.shape[1] // (kh * kw)
    framed = (n, c, height + 2 * top, width + 2 * left)
    every = slice(None)
    parts = x.reshape((n, c, kh, kw, h, w))
    y = row(rows.scatter, parts, index=(every, every, lines, columns), shape=framed)
    y = y[:, :, top : top + height, left : left + width]
    return checks.unbatched(y, had_batch)


def pixel_shuffle(input: Value, upscale_factor: int) -> Value:
    """(*, C r², H, W) as (*, C, H r, W r): channels become places. Shi et al., CVPR 2016.

    >>> pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2)
    array([[[0., 1.],
            [2., 3.]]])
    """
    checks.integers("pixel_shuffle", upscale_factor=upscale_factor)
    x, r = array(input), upscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle: upscale_factor={r} squared must divide the channels of shape {x.shape}")
    *lead, c, h, w = x.shape
    n = len(lead)
    x = x.reshape((*lead, c // (r * r), r, r, h, w))
    x = np.transpose(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return x.reshape((*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Value, downscale_factor: int) -> Value:
    """(*, C, H r, W r) as (*, C r², H, W): the way back from `pixel_shuffle`.

    >>> pixel_unshuffle(np.arange(4.0).reshape(1, 2, 2), 2).ravel()
    array([0., 1., 2., 3.])
    """
    checks.integers("pixel_unshuffle", downscale_factor=downscale_factor)
    x, r = array(input), downscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-1] % r or x.shape[-2] % r:
        raise ShapeError(f"pixel_unshuffle: downscale_factor={r} must divide height and width of shape {x.shape}")
    *lead, c, h, w = x.shape
    n = len(lead)
    x = x.reshape((*lead, c, h // r, r, w // r, r))
    x = np.transpose(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return x.reshape((*lead, c * r * r, h // r, w // r))


LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}
SAMPLED = (*LINEAR, "bicubic")


def interpolate(
    input: Value,
    size: Sizes | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Value:
    """Images (N, C, *spatial) at another size, given by `size` or by `scale_factor`.

    `mode` is "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic" or "area"; `align_corners` says
    whether the centres of the corners stay where they are. antialias is not supported.

    >>> interpolate(np.array([[[0.0, 2.0]]]), size=4, mode="linear")
    array([[[0. , 0.5, 1.5, 2. ]]])
    """
    x = real(input)
    n = x.ndim - 2
    checks.one_of("interpolate: mode", mode, "nearest", "nearest-exact", "area", *SAMPLED)
    if n < 1 or n != (LINEAR | {"bicubic": 2}).get(mode, n):
        raise ShapeError(f"interpolate: mode={mode!r} does not go with an input of shape {x.shape}")
    if antialias:
        raise InputError("interpolate: antialias=True is not supported")
    if align_corners is not None and mode not in SAMPLED:
        raise InputError(f"interpolate: align_corners goes with {', '.join(SAMPLED)}, not with {mode!r}")
    sizes, factors = new_sizes(x.shape[2:], size, scale_factor)
    if mode == "area":
        return adaptive_avg_pool("interpolate", n, x, sizes)
    for k, (h, out, factor) in enumerate(zip(x.shape[2:], sizes, factors), 2):
        step = 1 / factor if factor and not recompute_scale_factor else h / out
        if mode.startswith("nearest"):
            x = dnp.take(x, nearest(h, out, step, mode == "nearest-exact"), axis=k)
        else:
            means = sampling(h, out, step, bool(align_corners), mode == "bicubic").astype(x.dtype)
            x = np.moveaxis(np.matmul(np.moveaxis(x, k, -1), means.T), -1, k)
    return x


def new_sizes(shape: Shape, size: Sizes | None, scale_factor: Value) -> tuple[Shape, list[Value]]:
    n = len(shape)
    if (size is None) == (scale_factor is None):
        raise InputError("interpolate: give either size or scale_factor")
    if size is not None:
        return checks.per_axis("interpolate: size", size, n, 1), [None] * n
    factors = list(scale_factor) if isinstance(scale_factor, list | tuple) else [scale_factor] * n
    if len(factors) != n or min(factors) <= 0:
        raise InputError(f"interpolate: scale_factor={scale_factor!r}; give a positive number, or {n} of them")
    sizes = tuple(int(h * f) for h, f in zip(shape, factors))
    if min(sizes) < 1:
        raise ShapeError(f"interpolate: scale_factor={scale_factor!r} leaves nothing of the sizes {tuple(shape)}")
    return sizes, factors


def nearest(n: int, out: int, step: float, centred: bool) -> Value:
    """The element that each place reads; torch computes it in single precision."""
    place = np.arange(out, dtype=np.float32) + np.float32(0.5 if centred else 0)
    return np.minimum((place * np.float32(step)).astype(int), n - 1)


def sampling(n: int, out: int, step: float, align: bool, cubic: bool) -> Value:
    """The matrix (out, n) that reads between the elements; Keys's cubic with a = -3/4."""
    k = np.arange(out)
    if align:
        at = k * ((n - 1) / (out - 1)) if out > 1 else np.zeros(1)
    else:
        at = (k + 0.5) * step - 0.5
        at = at if cubic else np.maximum(at, 0)
    first = np.floor(at).astype(int)
    t = at - first
    weights = {0: 1 - t, 1: t}
    if cubic:
        near: Function = lambda d: (1.25 * d - 2.25) * d * d + 1  # up to one element away, and up to two
        far: Function = lambda d: ((-0.75 * d + 3.75) * d - 6) * d + 3
        weights = {-1: far(t + 1), 0: near(t), 1: near(1 - t), 2: far(2 - t)}
    means = np.zeros((out, n))
    for offset, w in weights.items():
        np.add.at(means, (k, np.clip(first + offset, 0, n - 1)), w)
    return means
