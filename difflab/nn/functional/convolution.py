"""Convolution, in torch.nn.functional's signatures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Shape, Value
from . import checks

Sizes = int | tuple[int, ...]


def out_size(n: int, size: int, stride: int, padding: int, dilation: int) -> tuple[int, str]:
    """How many windows an axis of n elements has, and the formula with the numbers put in."""
    found = (n + padding - dilation * (size - 1) - 1) // stride + 1
    pad = f"2*{padding // 2}" if padding % 2 == 0 else str(padding)
    text = f"floor(({n} + {pad} - {dilation}*({size} - 1) - 1)/{stride}) + 1 = {found}"
    return found, text


def check_sizes(what: str, shape: Shape, size: Shape, stride: Shape, padding: Sequence[int], dilation: Shape) -> None:
    """Each axis must have room for one window; `padding` counts both ends."""
    for n, *axis in zip(shape, size, stride, padding, dilation):
        found, text = out_size(n, *axis)
        if found < 1:
            raise ShapeError(
                f"{what}: the kernel does not fit into the input: the output size is "
                f"floor((H + 2P - D*(K - 1) - 1)/S) + 1 = {text}; pad more, or take a smaller kernel"
            )


def check_channels(what: str, x: Value, weight: Value, groups: int) -> None:
    """The channels that a filter reads, times the groups, are those of the input."""
    out, per = weight.shape[:2]
    if x.shape[1] != per * groups:
        raise ShapeError(
            f"{what}: the input of shape {x.shape} has {x.shape[1]} channels, but weight of shape {weight.shape} with "
            f"groups={groups} reads C_in = weight.shape[1] * groups = {per}*{groups} = {per * groups}"
        )
    if out % groups:
        raise ShapeError(f"{what}: groups={groups} does not divide the {out} output channels of weight {weight.shape}")


def with_bias(what: str, y: Value, bias: Value, n: int) -> Value:
    """One number added to each channel."""
    if bias is None:
        return y
    bias = checks.array(bias)
    if bias.shape != (y.shape[1],):
        mend = " (a bias for each position is added to the result; nn.Conv2d has bias='position')"
        raise ShapeError(
            f"{what}: bias has shape {bias.shape}, but there are {y.shape[1]} output channels"
            f"{mend if bias.ndim > 1 else ''}"
        )
    return y + bias.reshape((-1, *(1,) * n))


def windows_up(n: int, stride: int, before: int, behind: int, span: int) -> int:
    """How many windows an axis of n elements has where their number is rounded up.

    As in pooling, a window that starts behind the array and the padding before it is left out.
    """
    found, rest = divmod(n + before + behind - span, stride)
    return found + 2 if rest and (found + 1) * stride < n + before else found + 1


def filled_up(n: int, stride: int, pair: tuple[int, int], span: int) -> tuple[int, int]:
    """The padding with what the last window lacks behind it, where the number of windows is rounded up."""
    before, behind = pair
    count = windows_up(n, stride, before, behind, span)
    return before, behind + max(0, (count - 1) * stride + span - n - before - behind)


def group_count(what: str, groups: int) -> int:
    return checks.per_axis(f"{what}: groups", groups, 1, 1)[0]


def convolution(
    what: str, n: int, input: Value, weight: Value, bias: Value, stride: Sizes, padding: Sizes | str, dilation: Sizes,
    groups: int, ceil_mode: bool,
) -> Value:  # fmt: skip
    """The cross-correlation over n spatial axes."""
    x, had_batch = checks.batched(what, checks.real(input), n)
    weight = checks.real(weight)
    if weight.ndim != n + 2:
        raise ShapeError(f"{what}: weight has shape {weight.shape}; it is (out, in / groups, {checks.axis_names(n)})")
    groups, size = group_count(what, groups), weight.shape[2:]
    stride = checks.per_axis(f"{what}: stride", stride, n, 1)
    dilation = checks.per_axis(f"{what}: dilation", dilation, n, 1)
    if isinstance(padding, str):
        checks.one_of(f"{what}: padding", padding, "valid", "same")
        if padding == "same" and max(stride) > 1:
            raise InputError(f'{what}: padding="same" goes with stride 1, not {stride}; give the padding in numbers')
        totals = [0 if padding == "valid" else d * (k - 1) for k, d in zip(size, dilation)]
        pairs = tuple((t // 2, t - t // 2) for t in totals)
    else:
        pairs = tuple((p, p) for p in checks.per_axis(f"{what}: padding", padding, n, 0))
    check_channels(what, x, weight, groups)
    if ceil_mode:
        spans = [d * (k - 1) + 1 for k, d in zip(size, dilation)]
        pairs = tuple(map(filled_up, x.shape[2:], stride, pairs, spans))
    check_sizes(what, x.shape[2:], size, stride, [a + b for a, b in pairs], dilation)
    y = checks.row(rows.conv, x, weight, stride=stride, padding=pairs, dilation=dilation, groups=groups)
    return checks.unbatched(with_bias(what, y, bias, n), had_batch)


def conv1d(
    input: Value,
    weight: Value,
    bias: Value = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    ceil_mode: bool = False,
) -> Value:
    """The cross-correlation of sequences (N, C, L) or (C, L) with filters (out, C / groups, K).

    The output length is floor((L + 2P - D(K - 1) - 1)/S) + 1. Arguments and errors as `conv2d`.

    >>> conv1d(np.array([[1.0, 2.0, 4.0]]), np.array([[[-1.0, 1.0]]]))
    array([[1., 2.]])
    """
    return convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups, ceil_mode)


def conv2d(
    input: Value,
    weight: Value,
    bias: Value = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    ceil_mode: bool = False,
) -> Value:
    """The cross-correlation of images (N, C, H, W) or (C, H, W) with filters (out, C / groups, KH, KW).

    `padding` is a number of zeros at both ends of each axis, "valid" (none) or "same" (as many as keep the size).
    The output height is floor((H + 2P - D(KH - 1) - 1)/S) + 1, and the width alike; with `ceil_mode` it is rounded up
    as pooling's is, and zeros stand for what the last window lacks. This is the field's convolution, which does not
    flip the kernel; `convolve2d` does. Raises ShapeError for channels that do not fit and for kernels larger than the
    padded input, with the formula.

    >>> conv2d(np.arange(9.0).reshape(1, 3, 3), np.ones((1, 1, 2, 2)))
    array([[[ 8., 12.],
            [20., 24.]]])
    """
    return convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups, ceil_mode)


def conv3d(
    input: Value,
    weight: Value,
    bias: Value = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    *,
    ceil_mode: bool = False,
) -> Value:
    """The cross-correlation of volumes (N, C, D, H, W) or (C, D, H, W) with filters; arguments as `conv2d`.

    >>> conv3d(np.ones((1, 2, 2, 2)), np.ones((1, 1, 2, 2, 2)))
    array([[[[8.]]]])
    """
    return convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups, ceil_mode)


def transposed(
    what: str,
    n: int,
    input: Value,
    weight: Value,
    bias: Value,
    stride: Sizes,
    padding: Sizes | str,
    output_padding: Sizes,
    groups: int,
    dilation: Sizes,
) -> Value:
    """The transpose of a convolution in its input: each value spread over a window by the filters."""
    x, had_batch = checks.batched(what, checks.real(input), n)
    weight = checks.real(weight)
    if weight.ndim != n + 2:
        raise ShapeError(f"{what}: weight has shape {weight.shape}; it is (in, out / groups, {checks.axis_names(n)})")
    groups, size = group_count(what, groups), weight.shape[2:]
    stride = checks.per_axis(f"{what}: stride", stride, n, 1)
    padding = checks.per_axis(f"{what}: padding", padding, n, 0)
    dilation = checks.per_axis(f"{what}: dilation", dilation, n, 1)
    extra = checks.per_axis(f"{what}: output_padding", output_padding, n, 0)
    if x.shape[1] != weight.shape[0] or x.shape[1] % groups:
        raise ShapeError(
            f"{what}: the input of shape {x.shape} has {x.shape[1]} channels, but weight of shape {weight.shape} with "
            f"groups={groups} needs C_in = weight.shape[0] = {weight.shape[0]}, a multiple of the groups"
        )
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise InputError(f"{what}: output_padding={extra} must be smaller than stride={stride} or dilation={dilation}")
    whole = [(h - 1) * s + d * (k - 1) + 1 for h, k, s, d in zip(x.shape[2:], size, stride, dilation)]
    final = [w - 2 * p + e for w, p, e in zip(whole, padding, extra)]
    if min(final) < 1:
        raise ShapeError(
            f"{what}: the output size (H - 1)*S - 2P + D*(K - 1) + output_padding + 1 is {tuple(final)} for the input "
            f"{x.shape} with stride {stride}, padding {padding} and kernel {size}; pad less"
        )
    params = {"stride": stride, "dilation": dilation, "groups": groups}
    if all(e < s for e, s in zip(extra, stride)):
        pairs = tuple((p, p) for p in padding)
        y = checks.row(rows.conv_input_transpose, x, weight, shape=tuple(final), padding=pairs, **params)
    else:  # more rows behind than a convolution with that stride would leave over: they stay 0
        y = checks.row(rows.conv_input_transpose, x, weight, shape=tuple(whole), padding=((0, 0),) * n, **params)
        behind = [max(e - p, 0) for p, e in zip(padding, extra)]
        y = np.pad(y, [(0, 0), (0, 0), *[(0, b) for b in behind]])
        y = y[(slice(None), slice(None), *[slice(p, p + f) for p, f in zip(padding, final)])]
    return checks.unbatched(with_bias(what, y, bias, n), had_batch)


def conv_transpose1d(
    input: Value,
    weight: Value,
    bias: Value = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Value:
    """The transpose of `conv1d` in its input, for sequences (N, C, L) and filters (C, out / groups, K).

    >>> conv_transpose1d(np.array([[1.0, 2.0]]), np.array([[[1.0, 10.0]]]))
    array([[ 1., 12., 20.]])
    """
    return transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Value,
    weight: Value,
    bias: Value = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Value:
    """The transpose of `conv2d` in its input, for images (N, C, H, W) and filters (C, out / groups, KH, KW).

    The output height is (H - 1)S - 2P + D(KH - 1) + output_padding + 1. Raises ShapeError for channels that do not
    fit, InputError for an output_padding that is not smaller than stride or dilation.

    >>> conv_transpose2d(np.array([[[1.0, 2.0]]]), np.ones((1, 1, 2, 2)), stride=2)
    array([[[1., 1., 2., 2.],
            [1., 1., 2., 2.]]])
    """
    return transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def convolve2d(x: Value, kernel: Value, mode: str = "valid", *, flip: bool = True) -> Value:
    """The convolution of images with kernels, as mathematics defines it: each kernel is flipped in height and width.

    y[i, j] is the sum over p, q of x[i - p, j - q] kernel[p, q], kept where the kernel lies inside the image
    (`mode="valid"`), at each element of the image ("same"), or wherever the two meet ("full"); outside the image
    there are zeros. An image (H, W) goes with a kernel (KH, KW). One of several channels (C, H, W) goes with a kernel
    (C, KH, KW), over whose channels it is summed too, or with a bank of them (F, C, KH, KW), each of which makes a
    channel; images in a batch (N, C, H, W) with either.

    Networks leave the flip out: `conv2d`, and this with `flip=False`, is the cross-correlation, the sum of
    x[i + p, j + q] kernel[p, q]. Both reach the same functions, because the kernel is learnt; what is learnt is the
    flipped one. Convolution commutes and is associative, cross-correlation is neither.

    Raises ShapeError for operands that do not go together, or in mode "valid" for a kernel larger than the image.

    >>> x, k = np.arange(9.0).reshape(3, 3), np.array([[1.0, 0.0], [0.0, 0.0]])
    >>> convolve2d(x, k), convolve2d(x, k, flip=False)
    (array([[4., 5.],
           [7., 8.]]), array([[0., 1.],
           [3., 4.]]))
    >>> convolve2d(np.ones((3, 8, 8)), np.ones((6, 3, 5, 5))).shape
    (6, 4, 4)
    """
    x, kernel = checks.real(x), checks.real(kernel)
    if (x.ndim, kernel.ndim) not in ((2, 2), (3, 3), (3, 4), (4, 3), (4, 4)):
        raise ShapeError(
            f"convolve2d: x of shape {x.shape} and a kernel of shape {kernel.shape}; one image (H, W) goes with a "
            "kernel (KH, KW), (C, H, W) and (N, C, H, W) with a kernel (C, KH, KW) or a bank (F, C, KH, KW)"
        )
    checks.one_of("convolve2d: mode", mode, "valid", "same", "full")
    sizes = kernel.shape[-2:]
    half = [((k - 1) // 2, k // 2) for k in sizes]  # of an even kernel one more zero stands behind the flipped end
    pairs = {
        "valid": [(0, 0)] * 2,
        "same": [(b, a) if flip else (a, b) for a, b in half],
        "full": [(k - 1, k - 1) for k in sizes],
    }[mode]
    check_sizes("convolve2d", x.shape[-2:], sizes, (1, 1), [a + b for a, b in pairs], (1, 1))
    images = x.reshape((*(1,) * (4 - x.ndim), *x.shape))
    bank = kernel.reshape((*(1,) * (4 - kernel.ndim), *kernel.shape))
    if images.shape[1] != bank.shape[1]:
        raise ShapeError(
            f"convolve2d: x of shape {x.shape} has {images.shape[1]} channels, and the kernel of shape {kernel.shape} "
            f"reads {bank.shape[1]}; they must be equal"
        )
    y = checks.row(rows.conv, images, bank[:, :, ::-1, ::-1] if flip else bank, padding=tuple(pairs))
    batch, filters = y.shape[:1] * (x.ndim == 4), y.shape[1:2] * (kernel.ndim == 4)
    return y.reshape((*batch, *filters, *y.shape[2:]))
