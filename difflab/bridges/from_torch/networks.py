"""ATen's operations of networks: convolution, pooling, normalisation, attention, recurrent layers, sizes, losses."""

from __future__ import annotations

from collections.abc import Sequence

from ... import numpy as dnp
from ...errors import UnsupportedError
from ...nn import functional as F
from ...nn.functional.convolution import transposed as spread
from ...nn.functional.pooling import adaptive_avg_pool, adaptive_max_pool
from ...types import Function, Value

CONV: dict[int, Function] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
REDUCTIONS = ("none", "mean", "sum")


def each(numbers: Sequence[int], n: int) -> tuple[int, ...]:
    """A setting for each axis, where one number stands for all."""
    return tuple(numbers) * (n if len(numbers) == 1 else 1)


def convolution(
    input: Value,
    weight: Value,
    bias: Value,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Value:
    n = weight.ndim - 2
    stride, padding, dilation = each(stride, n), each(padding, n), each(dilation, n)
    if not transposed:
        return CONV[n](input, weight, bias, stride, padding, dilation, groups)
    extra = each(output_padding, n)
    what = f"conv_transpose{n}d"
    return spread(what, n, input, weight, bias, stride, padding, extra, groups, dilation)


def conv_tbc(self: Value, weight: Value, bias: Value, pad: int = 0) -> Value:
    """A convolution of (time, batch, channel) by weights (time, in, out)."""
    y = F.conv1d(dnp.transpose(self, (1, 2, 0)), dnp.transpose(weight, (2, 1, 0)), bias, padding=pad)
    return dnp.transpose(y, (2, 0, 1))


def trilinear(
    i1: Value, i2: Value, i3: Value, expand1: Value, expand2: Value, expand3: Value, sumdim: Value, unroll_dim: int = 1
) -> Value:
    """The sum over axes of a product of three, each with new axes of length 1."""
    a, b, c = (dnp.expand_dims(x, tuple(e)) if len(e) else x for x, e in ((i1, expand1), (i2, expand2), (i3, expand3)))
    return dnp.sum(a * b * c, axis=tuple(sumdim))


def batch_norm_eval(
    input: Value, weight: Value, bias: Value, mean: Value, var: Value, momentum: float, eps: float
) -> list[Value]:
    y = F.batch_norm(input, mean, var, weight, bias, False, momentum, eps)
    return [y, None, None]


def standardised(input: Value, axes: tuple[int, ...], eps: float) -> tuple[Value, Value, Value]:
    """The input less its mean, over its deviation; mean and 1 / deviation."""
    mean = dnp.mean(input, axis=axes, keepdims=True)
    scale = 1 / dnp.sqrt(dnp.var(input, axis=axes, keepdims=True) + eps)
    return (input - mean) * scale, mean, scale


def by_channel(y: Value, weight: Value, bias: Value) -> Value:
    """y with a factor and a summand for each channel."""
    shape = (1, -1, *(1,) * (y.ndim - 2))
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def batch_norm_batch(input: Value, weight: Value, bias: Value, eps: float) -> list[Value]:
    """By the statistics of the batch."""
    axes = tuple(k for k in range(input.ndim) if k != 1)
    y, mean, scale = standardised(input, axes, eps)
    return [by_channel(y, weight, bias), mean.reshape((-1,)), scale.reshape((-1,))]


def batch_norm(
    input: Value, weight: Value, bias: Value, mean: Value, var: Value, training: bool, momentum: float, eps: float,
    *_: Value,
) -> list[Value]:  # fmt: skip
    """Of `_native_batch_norm_legit`: new running statistics, which nobody here reads, come behind."""
    if not training:
        return [*batch_norm_eval(input, weight, bias, mean, var, momentum, eps), mean, var]
    return [*batch_norm_batch(input, weight, bias, eps), mean, var]


def batch_norm_plain(
    input: Value, weight: Value, bias: Value, training: bool, momentum: float, eps: float
) -> list[Value]:
    return batch_norm_batch(input, weight, bias, eps)


def layer_norm(
    input: Value, normalized_shape: Sequence[int], weight: Value = None, bias: Value = None, eps: float = 1e-5,
    *_: Value,
) -> Value:  # fmt: skip
    return F.layer_norm(input, tuple(normalized_shape), weight, bias, eps)


def native_layer_norm(
    input: Value, normalized_shape: Sequence[int], weight: Value, bias: Value, eps: float
) -> list[Value]:
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    y, mean, scale = standardised(input, axes, eps)
    y = y if weight is None else y * weight
    return [y if bias is None else y + bias, mean, scale]


def native_group_norm(
    input: Value, weight: Value, bias: Value, N: int, C: int, HxW: int, group: int, eps: float
) -> list[Value]:
    y, mean, scale = standardised(input.reshape((N, group, -1)), (2,), eps)
    return [by_channel(y.reshape(input.shape), weight, bias), mean.reshape((N, group)), scale.reshape((N, group))]


def group_norm(
    input: Value, num_groups: int, weight: Value = None, bias: Value = None, eps: float = 1e-5, *_: Value
) -> Value:
    return F.group_norm(input, num_groups, weight, bias, eps)


def attention(
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    if dropout_p:
        raise UnsupportedError(
            f"from_torch: scaled_dot_product_attention draws random numbers (dropout_p={dropout_p}): call "
            "module.eval() first"
        )
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa
    )


def max_pool(n: int, places: bool) -> Function:
    """Max-pooling over n axes, with the places of the largest or without."""
    function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[n - 1]

    def pooled(
        self: Value, size: Value, stride: Value = (), padding: Value = 0, dilation: Value = 1, ceil_mode: bool = False
    ) -> Value:
        size, stride, padding, dilation = (
            each(x, n) if isinstance(x, Sequence) else x for x in (size, stride, padding, dilation)
        )
        found = function(self, size, stride or None, padding, dilation, ceil_mode, return_indices=places)
        return list(found) if places else found

    return pooled


def avg_pool(n: int) -> Function:
    """Mean pooling over n axes."""
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[n - 1]

    def pooled(
        self: Value, size: Value, stride: Value = (), padding: Value = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> Value:  # fmt: skip
        size, stride, padding = (each(x, n) if isinstance(x, Sequence) else x for x in (size, stride, padding))
        rest = () if n == 1 else (divisor_override,)
        return function(self, size, stride or None, padding, ceil_mode, count_include_pad, *rest)

    return pooled


def adaptive_max(function: Function) -> Function:
    return lambda self, output_size: list(function(self, tuple(output_size), True))


def adaptive_avg_pool3d(self: Value, output_size: Sequence[int]) -> Value:
    return adaptive_avg_pool("adaptive_avg_pool3d", 3, self, tuple(output_size))


def upsample(mode: str, aligned: bool) -> Function:
    """Interpolation by a mode of `nn.functional.interpolate`; the overloads say sizes or factors."""

    def found(
        input: Value, output_size: Value, corners: Value = None, *scales: Value, scale_factors: Value = None
    ) -> Value:
        if not aligned and corners is not None:
            scales = (corners, *scales)
        align = bool(corners) if aligned else None
        factors = scales[0] if scales and isinstance(scales[0], Sequence) else scales or None
        return resized(input, output_size, factors, mode, align)

    return found


def resized(input: Value, size: Value, factors: Value, mode: str, align: bool | None) -> Value:
    """At a size whose steps the factors say, where torch was given them."""
    given = [f for f in factors or () if f is not None]
    if given and size is None:
        return F.interpolate(input, None, tuple(given), mode, align)
    shape = tuple(int(n) for n in size)
    if given and tuple(int(n * f) for n, f in zip(input.shape[2:], given)) == shape:
        return F.interpolate(input, None, tuple(given), mode, align)
    return F.interpolate(input, shape, None, mode, align)


def nll_loss(self: Value, target: Value, weight: Value = None, reduction: int = 1, ignore_index: int = -100) -> Value:
    return F.nll_loss(self, target, weight, ignore_index=ignore_index, reduction=REDUCTIONS[reduction])


def nll_loss_forward(self: Value, target: Value, weight: Value, reduction: int, ignore_index: int) -> list[Value]:
    return [nll_loss(self, target, weight, reduction, ignore_index), None]


def loss(function: Function) -> Function:
    """A loss whose reduction torch counts."""
    return lambda self, target, reduction=1: function(self, target, reduction=REDUCTIONS[reduction])


def smooth_l1_loss(self: Value, target: Value, reduction: int = 1, beta: float = 1.0) -> Value:
    return F.smooth_l1_loss(self, target, reduction=REDUCTIONS[reduction], beta=beta)


def huber_loss(self: Value, target: Value, reduction: int = 1, delta: float = 1.0) -> Value:
    return F.huber_loss(self, target, reduction=REDUCTIONS[reduction], delta=delta)


def binary_cross_entropy(self: Value, target: Value, weight: Value = None, reduction: int = 1) -> Value:
    return F.binary_cross_entropy(self, target, weight, reduction=REDUCTIONS[reduction])


def with_logits(
    self: Value, target: Value, weight: Value = None, pos_weight: Value = None, reduction: int = 1
) -> Value:
    return F.binary_cross_entropy_with_logits(
        self, target, weight, reduction=REDUCTIONS[reduction], pos_weight=pos_weight
    )


def im2col(self: Value, kernel_size: Value, dilation: Value, padding: Value, stride: Value) -> Value:
    return F.unfold(self, tuple(kernel_size), tuple(dilation), tuple(padding), tuple(stride))


def col2im(
    self: Value, output_size: Value, kernel_size: Value, dilation: Value, padding: Value, stride: Value
) -> Value:
    return F.fold(self, *map(tuple, (output_size, kernel_size, dilation, padding, stride)))


NETWORKS: dict[str, Function] = {
    "convolution": convolution,
    "conv_tbc": conv_tbc,
    "bilinear": F.bilinear,
    "_trilinear": trilinear,
    "_native_batch_norm_legit": batch_norm,
    "_native_batch_norm_legit.no_stats": batch_norm_plain,
    "_native_batch_norm_legit_functional": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm_eval,
    "layer_norm": layer_norm,
    "native_layer_norm": native_layer_norm,
    "group_norm": group_norm,
    "native_group_norm": native_group_norm,
    "scaled_dot_product_attention": attention,
    **{f"max_pool{n}d": max_pool(n, False) for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": max_pool(n, True) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": avg_pool(n) for n in (1, 2, 3)},
    "adaptive_avg_pool1d": lambda self, output_size: F.adaptive_avg_pool1d(self, output_size[0]),
    "adaptive_avg_pool2d": lambda self, output_size: F.adaptive_avg_pool2d(self, tuple(output_size)),
    "_adaptive_avg_pool2d": lambda self, output_size: F.adaptive_avg_pool2d(self, tuple(output_size)),
    "adaptive_avg_pool3d": adaptive_avg_pool3d,
    "_adaptive_avg_pool3d": adaptive_avg_pool3d,
    "adaptive_max_pool1d": adaptive_max(lambda x, size, places: F.adaptive_max_pool1d(x, size[0], places)),
    "adaptive_max_pool2d": adaptive_max(F.adaptive_max_pool2d),
    "adaptive_max_pool3d": adaptive_max(lambda x, size, _: adaptive_max_pool("adaptive_max_pool3d", 3, x, size, True)),
    "upsample_nearest1d": upsample("nearest", False),
    "upsample_nearest2d": upsample("nearest", False),
    "upsample_nearest3d": upsample("nearest", False),
    "_upsample_nearest_exact1d": upsample("nearest-exact", False),
    "_upsample_nearest_exact2d": upsample("nearest-exact", False),
    "_upsample_nearest_exact3d": upsample("nearest-exact", False),
    "upsample_linear1d": upsample("linear", True),
    "upsample_bilinear2d": upsample("bilinear", True),
    "upsample_trilinear3d": upsample("trilinear", True),
    "upsample_bicubic2d": upsample("bicubic", True),
    "im2col": im2col,
    "col2im": col2im,
    "nll_loss": nll_loss,
    "nll_loss_nd": nll_loss,
    "nll_loss_forward": nll_loss_forward,
    "nll_loss2d_forward": nll_loss_forward,
    "mse_loss": loss(F.mse_loss),
    "l1_loss": loss(F.l1_loss),
    "soft_margin_loss": loss(F.soft_margin_loss),
    "smooth_l1_loss": smooth_l1_loss,
    "huber_loss": huber_loss,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": with_logits,
}
