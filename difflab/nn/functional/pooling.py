"""Pooling, with torch.nn.functional's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from .checks import ints
from .convolution import size_formula


class Windows:
    """Windows along the last n axes: sizes, and the frame that makes the last window whole with ceil_mode."""

    def __init__(
        self, name: str, n: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
    ) -> None:
        self.shape = np.shape(input)
        if len(self.shape) not in (n + 1, n + 2):
            raise ShapeError(
                f"{name}: the input has shape {self.shape}; it is (batch, channels, *size) with {n} axes of size"
            )
        self.size = ints(name, "kernel_size", kernel, n, 1)
        self.stride = self.size if stride is None or stride == () else ints(name, "stride", stride, n, 1)
        self.padding, self.dilation = ints(name, "padding", padding, n), ints(name, "dilation", dilation, n, 1)
        self.lengths = self.shape[-n:]
        self.spans = tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation))
        self.counts, frame = [], []
        for k, length in enumerate(self.lengths):
            pad, span, step = self.padding[k], self.spans[k], self.stride[k]
            if pad > self.size[k] // 2:
                raise InputError(f"{name}: padding={pad} is more than half of the kernel, {self.size[k]}")
            rest = length + 2 * pad - span
            if rest < 0:
                told = size_formula(length, pad, self.dilation[k], self.size[k], step)
                raise ShapeError(f"{name}: nothing is left of axis {len(self.shape) - n + k}: {told}")
            count = (-(-rest // step) if ceil else rest // step) + 1
            if ceil and (count - 1) * step >= length + pad:
                count -= 1  # the last window begins within the input or the padding before it
            behind = max((count - 1) * step + span - length - pad, 0)
            self.counts.append(count)
            frame.append((pad, behind if ceil else pad))
        self.frame = tuple(frame)

    def divisors(self, count_include_pad: bool) -> Any:
        """How many elements each window's sum is divided by: those inside, and with the padding if that counts."""
        each = []
        for k, length in enumerate(self.lengths):
            start = np.arange(self.counts[k]) * self.stride[k] - self.padding[k]
            end = np.minimum(start + self.size[k], length + self.padding[k])
            if not count_include_pad:
                start, end = np.maximum(start, 0), np.minimum(end, length)
            each.append(end - start)
        found = each[0]
        for more in each[1:]:
            found = found[..., None] * more
        return found


def max_pool(name: str, n: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> Any:
    w = Windows(name, n, input, kernel, stride, padding, dilation, ceil)
    return dnp.max_pool(input, w.size, w.stride, w.frame, w.dilation)


def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of (batch, channels, length)."""
    y = max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode)
    return (y, indices(1, input, kernel_size, stride, padding, dilation, ceil_mode)) if return_indices else y


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of (batch, channels, height, width); the stride is by default the kernel's.

    With `ceil_mode` a last window that reaches beyond the input counts too; with `return_indices` the places of the
    largest elements in each flattened image come second.

    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    y = max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)
    return (y, indices(2, input, kernel_size, stride, padding, dilation, ceil_mode)) if return_indices else y


def max_pool3d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The largest element of each window of (batch, channels, depth, height, width)."""
    return max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode)


def indices(n: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> Any:
    """The place of each window's largest element in the flattened last n axes."""
    from ...graph.node import apply
    from ...primitives import TABLE

    w = Windows("max_pool", n, input, kernel, stride, padding, dilation, ceil)
    params = {"size": w.size, "stride": w.stride, "padding": w.frame, "dilation": w.dilation}
    place = apply(TABLE["window_place"], (input,), params).astype(np.int64)
    flat = 0
    for k in range(n):
        inner = int(np.prod(w.size[k + 1 :]))
        here = place // inner % w.size[k] * w.dilation[k]
        start = np.arange(w.counts[k]) * w.stride[k] - w.frame[k][0]
        flat = flat * w.lengths[k] + here + start.reshape((-1, *(1,) * (n - 1 - k)))
    return flat


def avg_pool(
    name: str, n: int, input: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, counted: bool, divisor: Any
) -> Any:
    w = Windows(name, n, input, kernel, stride, padding, 1, ceil)
    if divisor == 0:
        raise InputError(f"{name}: divisor_override=0; give another number, or None")
    mean = dnp.avg_pool(input, w.size, w.stride, w.frame, count_padding=True)
    whole = int(np.prod(w.size))
    if divisor is not None:
        return mean * (whole / divisor)
    found = w.divisors(counted)
    return mean if (found == whole).all() else mean * (whole / found).astype(mean.dtype)


def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window of (batch, channels, length)."""
    return avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of (batch, channels, height, width); zeros of the padding count by default.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    settings = (ceil_mode, count_include_pad, divisor_override)
    return avg_pool("avg_pool2d", 2, input, kernel_size, stride, padding, *settings)


def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """The mean of each window of (batch, channels, depth, height, width)."""
    settings = (ceil_mode, count_include_pad, divisor_override)
    return avg_pool("avg_pool3d", 3, input, kernel_size, stride, padding, *settings)


def lp_pool2d(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The p-norm of each window of (batch, channels, height, width)."""
    w = Windows("lp_pool2d", 2, input, kernel_size, stride, 0, 1, ceil_mode)
    total = avg_pool2d(input**norm_type, kernel_size, stride, 0, ceil_mode) * w.divisors(True).astype(input.dtype)
    return np.sign(total) * dnp.relu(np.abs(total)) ** (1.0 / norm_type)


def adaptive_windows(length: int, count: int) -> list[tuple[int, int]]:
    """Windows that cover an axis evenly: from floor(i n / m) to ceil((i + 1) n / m)."""
    return [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]


def adaptive_sizes(name: str, n: int, input: Any, output_size: Any) -> tuple[int, ...]:
    rank = np.ndim(input)
    if rank not in (n + 1, n + 2):
        raise ShapeError(
            f"{name}: the input has shape {np.shape(input)}; it is (batch, channels, *size), {n} axes of size"
        )
    given = (output_size,) * n if output_size is None or hasattr(output_size, "__index__") else tuple(output_size)
    lengths = np.shape(input)[-n:]
    return ints(name, "output_size", tuple(m if s is None else s for s, m in zip(given, lengths)), n, 1)


def adaptive_avg_pool(name: str, n: int, input: Any, output_size: Any) -> Any:
    sizes = adaptive_sizes(name, n, input, output_size)
    lengths = np.shape(input)[-n:]
    if all(a % b == 0 for a, b in zip(lengths, sizes)):
        kernel = tuple(a // b for a, b in zip(lengths, sizes))
        return avg_pool(name, n, input, kernel, kernel, 0, False, True, None)
    for k, (length, count) in enumerate(zip(lengths, sizes)):
        weights = np.zeros((count, length), input.dtype)
        for i, (a, b) in enumerate(adaptive_windows(length, count)):
            weights[i, a:b] = 1 / (b - a)
        input = np.moveaxis(np.moveaxis(input, k - n, -1) @ weights.T, -1, k - n)
    return input


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """Means of windows that give (batch, channels, output_size)."""
    return adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """Means of windows that give (batch, channels, *output_size); None in it keeps an axis.

    >>> adaptive_avg_pool2d(np.arange(9.0).reshape(1, 1, 3, 3), 2)[0, 0]
    array([[2., 3.],
           [5., 6.]])
    """
    return adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_max_pool(name: str, n: int, input: Any, output_size: Any) -> Any:
    sizes = adaptive_sizes(name, n, input, output_size)
    lengths = np.shape(input)[-n:]
    if all(a % b == 0 for a, b in zip(lengths, sizes)):
        kernel = tuple(a // b for a, b in zip(lengths, sizes))
        return max_pool(name, n, input, kernel, kernel, 0, 1, False)
    for k, (length, count) in enumerate(zip(lengths, sizes)):
        front = np.moveaxis(input, k - n, 0)
        input = np.moveaxis(np.stack([np.max(front[a:b], 0) for a, b in adaptive_windows(length, count)]), 0, k - n)
    return input


def adaptive_max_pool1d(input: Any, output_size: Any) -> Any:
    """The largest of windows that give (batch, channels, output_size)."""
    return adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size)


def adaptive_max_pool2d(input: Any, output_size: Any) -> Any:
    """The largest of windows that give (batch, channels, *output_size)."""
    return adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size)
