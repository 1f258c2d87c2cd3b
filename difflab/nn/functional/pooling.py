"""Pooling, in torch.nn.functional's signatures."""

from __future__ import annotations

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Array, DType, Params, Shape, Value
from . import checks
from .convolution import Sizes, check_sizes, windows_up


class Windows:
    """Where the windows of a pooling lie: sizes, strides, padding, and what ceil_mode adds behind."""

    def __init__(
        self,
        what: str,
        shape: Shape,
        size: Sizes,
        stride: Sizes | None,
        padding: Sizes,
        dilation: Sizes,
        ceil_mode: bool,
    ) -> None:
        n = len(shape)
        self.size: Shape = checks.per_axis(f"{what}: kernel_size", size, n, 1)
        given = self.size if stride is None or (isinstance(stride, list | tuple) and not stride) else stride
        self.stride: Shape = checks.per_axis(f"{what}: stride", given, n, 1)
        self.padding: Shape = checks.per_axis(f"{what}: padding", padding, n, 0)
        self.dilation: Shape = checks.per_axis(f"{what}: dilation", dilation, n, 1)
        self.span: Shape = tuple(d * (k - 1) + 1 for k, d in zip(self.size, self.dilation))
        if any(2 * p > s for p, s in zip(self.padding, self.span)):
            raise InputError(
                f"{what}: padding={padding!r} is more than half of kernel_size={self.size}: a window could lie outside"
            )
        self.counts: Shape = tuple(map(self.count, shape, range(n), (bool(ceil_mode),) * n))
        if min(self.counts) < 1:
            check_sizes(what, shape, self.size, self.stride, [2 * p for p in self.padding], self.dilation)
        self.extra: Shape = tuple(  # elements behind the padding that the last window still reaches
            max(0, (c - 1) * s + w - h - 2 * p)
            for h, c, s, w, p in zip(shape, self.counts, self.stride, self.span, self.padding)
        )
        self.shape = shape

    def count(self, n: int, k: int, up: bool) -> int:
        """The number of windows; rounded up, as long as the last one starts inside the array or before it."""
        stride, padding = self.stride[k], self.padding[k]
        if not up:
            return (n + 2 * padding - self.span[k]) // stride + 1
        return windows_up(n, stride, padding, padding, self.span[k])

    @property
    def params(self) -> Params:
        pairs = tuple((p, p + e) for p, e in zip(self.padding, self.extra))
        return {"size": self.size, "stride": self.stride, "padding": pairs, "dilation": self.dilation}

    def divisors(self, count_padding: bool, dtype: DType) -> Value:
        """The number of elements in each window, those of the padding counted or not."""
        number: Value = np.ones((), dtype)
        for n, c, k, s, p in zip(self.shape, self.counts, self.size, self.stride, self.padding):
            first = np.arange(c) * s - p
            last = np.minimum(first + k, n + p)
            held = last - first if count_padding else np.minimum(last, n) - np.maximum(first, 0)
            number = number[..., None] * held.astype(dtype)
        return number


def max_pool(
    what: str,
    n: int,
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    return_indices: bool,
) -> Value:
    x = checks.array(input)
    checks.batched(what, x, n)
    windows = Windows(what, x.shape[-n:], kernel_size, stride, padding, dilation, ceil_mode)
    y = checks.row(rows.max_pool, x, **windows.params)
    return (y, flat_places(x, windows)) if return_indices else y


def flat_places(x: Value, windows: Windows) -> Value:
    """Where the largest elements stand in the raveled image."""
    place = checks.row(rows.window_place, x, **windows.params).astype(np.int64)
    flat: Value = 0
    step = 1
    for k in range(len(windows.size) - 1, -1, -1):
        offset = place % windows.size[k]
        place = place // windows.size[k]
        first = np.arange(windows.counts[k]) * windows.stride[k] - windows.padding[k]
        first = first.reshape((-1,) + (1,) * (len(windows.size) - 1 - k))
        flat = flat + step * (first + windows.dilation[k] * offset)
        step *= windows.shape[k]
    return flat


def max_pool1d(
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """The largest element of each window of a sequence (N, C, L) or (C, L); arguments as `max_pool2d`.

    >>> max_pool1d(np.array([[1.0, 5.0, 2.0, 3.0]]), 2)
    array([[5., 3.]])
    """
    return max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """The largest element of each window of images (N, C, H, W) or (C, H, W); the stride is by default the size.

    The output height is floor((H + 2P - D(K - 1) - 1)/S) + 1, with ceil in place of floor in `ceil_mode`, where
    windows that start behind the image and the padding before it are left out. The padding never wins. Of equal
    elements the first has the derivative. With `return_indices` the places in the raveled image come second.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 5.,  7.],
            [13., 15.]]])
    """
    return max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """The largest element of each window of volumes (N, C, D, H, W) or (C, D, H, W); arguments as `max_pool2d`.

    >>> max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    array([[[[7.]]]])
    """
    return max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool(
    what: str,
    n: int,
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Value:
    x = checks.real(input)
    checks.batched(what, x, n)
    windows = Windows(what, x.shape[-n:], kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None:
        checks.numbers(what, divisor_override=divisor_override)
        if divisor_override == 0:
            raise InputError(f"{what}: divisor_override=0; it must not be zero")
        return checks.row(rows.avg_pool, x, divisor=divisor_override, **windows.params)
    if any(windows.extra) and count_include_pad:  # what ceil_mode adds never counts
        dtype = np.empty(0, x.dtype).real.dtype
        return checks.row(rows.avg_pool, x, divisor=1, **windows.params) / windows.divisors(True, dtype)
    return checks.row(rows.avg_pool, x, count_padding=count_include_pad, **windows.params)


def avg_pool1d(
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Value:
    """The mean of each window of a sequence (N, C, L) or (C, L); arguments as `avg_pool2d`.

    >>> avg_pool1d(np.array([[1.0, 5.0, 2.0, 3.0]]), 2)
    array([[3. , 2.5]])
    """
    return avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    """The mean of each window of images (N, C, H, W) or (C, H, W); the stride is by default the size.

    The sum is divided by the number of elements in the window, with zeros of the padding counted or not, or by
    `divisor_override`. Sizes as in `max_pool2d`.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    return avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Value,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    """The mean of each window of volumes (N, C, D, H, W) or (C, D, H, W); arguments as `avg_pool2d`.

    >>> avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    array([[[[3.5]]]])
    """
    return avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def output_sizes(what: str, x: Value, output_size: Sizes, n: int) -> Shape:
    """The wanted sizes; None keeps that of the input."""
    wanted = output_size if isinstance(output_size, list | tuple) else (output_size,) * n
    if len(wanted) != n:
        raise InputError(f"{what}: output_size={output_size!r}; give one integer, or one for each of the {n} axes")
    shape = x.shape[-n:]
    if 0 in shape:
        raise ShapeError(f"{what}: an input of shape {x.shape} has no elements to pool")
    filled = [h if w is None else w for h, w in zip(shape, wanted)]
    return checks.per_axis(f"{what}: output_size", filled, n, 1)


def ends(n: int, out: int) -> tuple[Array, Array]:
    """The first element of each adaptive window, and that behind its last."""
    k = np.arange(out)
    return k * n // out, -(-(k + 1) * n // out)


def adaptive_avg_pool(what: str, n: int, input: Value, output_size: Sizes) -> Value:
    x = checks.real(input)
    checks.batched(what, x, n)
    sizes, shape = output_sizes(what, x, output_size, n), x.shape[-n:]
    if all(h % o == 0 for h, o in zip(shape, sizes)):
        return checks.row(rows.avg_pool, x, size=tuple(h // o for h, o in zip(shape, sizes)))
    for k, (h, o) in enumerate(zip(shape, sizes)):  # one axis after the other, by a matrix that takes the means
        first, behind = ends(h, o)
        place = np.arange(h)
        inside = (place >= first[:, None]) & (place < behind[:, None])
        means = (inside / (behind - first)[:, None]).astype(x.dtype)
        x = np.moveaxis(np.matmul(np.moveaxis(x, k - n, -1), means.T), -1, k - n)
    return x


def adaptive_avg_pool1d(input: Value, output_size: Sizes) -> Value:
    """Means over `output_size` windows that share out a sequence (N, C, L) as evenly as they can.

    Window i reaches from floor(i L / out) to ceil((i + 1) L / out).

    >>> adaptive_avg_pool1d(np.array([[1.0, 2.0, 3.0]]), 2)
    array([[1.5, 2.5]])
    """
    return adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Value, output_size: Sizes) -> Value:
    """Means over windows that share out images (N, C, H, W) as evenly as they can; None keeps a size.

    >>> adaptive_avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 1)
    array([[[7.5]]])
    """
    return adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_max_pool(what: str, n: int, input: Value, output_size: Sizes, return_indices: bool) -> Value:
    x = checks.array(input)
    checks.batched(what, x, n)
    sizes, shape = output_sizes(what, x, output_size, n), x.shape[-n:]
    if all(h % o == 0 for h, o in zip(shape, sizes)):
        return max_pool(what, n, x, tuple(h // o for h, o in zip(shape, sizes)), None, 0, 1, False, return_indices)
    # Windows of equal size side by side: each is filled up with its last element, which never comes first.
    places = []
    for h, o in zip(shape, sizes):
        first, behind = ends(h, o)
        places.append(np.minimum(first[:, None] + np.arange(max(behind - first)), behind[:, None] - 1))
    for k, at in enumerate(places):
        x = dnp.take(x, at.ravel(), axis=k - n)
    found = max_pool(what, n, x, tuple(at.shape[1] for at in places), None, 0, 1, False, return_indices)
    if not return_indices:
        return found
    y, flat = found
    original: Value = 0
    step = 1
    for at, h in zip(reversed(places), reversed(shape)):
        original = original + step * dnp.take(at.ravel(), flat % at.size)
        flat, step = flat // at.size, step * h
    return y, original


def adaptive_max_pool1d(input: Value, output_size: Sizes, return_indices: bool = False) -> Value:
    """The largest elements of windows that share out a sequence (N, C, L) as evenly as they can.

    >>> adaptive_max_pool1d(np.array([[1.0, 2.0, 3.0]]), 2)
    array([[2., 3.]])
    """
    return adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Value, output_size: Sizes, return_indices: bool = False) -> Value:
    """The largest elements of windows that share out images (N, C, H, W) as evenly as they can.

    >>> adaptive_max_pool2d(np.arange(16.0).reshape(1, 4, 4), (1, 2))
    array([[[13., 15.]]])
    """
    return adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def lp_pool(
    what: str, n: int, input: Value, norm_type: float, kernel_size: Sizes, stride: Sizes | None, ceil_mode: bool
) -> Value:
    checks.numbers(what, norm_type=norm_type)
    x = checks.real(input)
    powers = np.power(x, norm_type)
    mean = avg_pool(what, n, powers, kernel_size, stride, 0, ceil_mode, True, None)
    size = int(np.prod(checks.per_axis(f"{what}: kernel_size", kernel_size, n, 1)))
    return np.power(np.sign(mean) * checks.row(rows.relu, np.abs(mean)) * size, 1.0 / norm_type)


def lp_pool1d(
    input: Value, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Value:
    """The p-norm of each window of a sequence (N, C, L): the p-th root of the sum of the p-th powers.

    >>> lp_pool1d(np.array([[3.0, 4.0]]), 2, 2)
    array([[5.]])
    """
    return lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Value, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Value:
    """The p-norm of each window of images (N, C, H, W): the p-th root of the sum of the p-th powers.

    >>> lp_pool2d(np.array([[[3.0, 0.0], [0.0, 4.0]]]), 2, 2)
    array([[[5.]]])
    """
    return lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)
