"""Convolution and pooling: sliding windows over the last axes of (batch, channels, *spatial)."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import InputError, ShapeError
from ..types import Function, Params, Shape, Value
from . import batches_convolution as batches
from .arguments import is_integer
from .kernels import windows as kernels_windows
from .primitive import BATCH_LAST, Carrier, Primitive, custom, linear, register
from .spelling import by_sympy
from .windows import axes


# Readers.
def listed(value: Value) -> Value:
    """Settings as Python's own numbers; lists arrive as arrays."""
    return value.tolist() if hasattr(value, "tolist") else value


def each(what: str, value: Value, n: int, least: int) -> tuple[int, ...]:
    """One integer for each of the n axes, from one for all or a sequence."""
    value = listed(value)
    try:
        found = (operator.index(value),) * n if is_integer(value) else tuple(map(operator.index, value))
    except TypeError:
        raise InputError(f"{what}={value!r}; give an integer, or one for each of the {n} axes") from None
    if len(found) != n or min(found) < least:
        raise InputError(f"{what}={value!r}; give an integer of at least {least}, or one for each of the {n} axes")
    return found


def frames(what: str, value: Value, spans: tuple[int, ...], strides: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The padding before and behind each axis: an integer, one or a pair for each axis, "valid" or "same"."""
    n, value = len(spans), listed(value)
    if value == "valid":
        return ((0, 0),) * n
    if value == "same":
        if max(strides) > 1:
            raise InputError(f'{what}: padding="same" goes with stride 1; give the padding in numbers')
        return tuple(((k - 1) // 2, k // 2) for k in spans)
    name = f"{what}: padding"
    if is_integer(value) or isinstance(value, str):
        return tuple((k, k) for k in each(name, value, n, 0))
    entries = [(k, k) if is_integer(k) else tuple(k) for k in value]
    if len(entries) != n or any(len(pair) != 2 for pair in entries):
        raise InputError(f"{name}={value!r}; give an integer, or an integer or a pair for each of the {n} axes")
    return tuple((a, b) for a, b in (each(name, pair, 2, 0) for pair in entries))


def sliding(what: str, shape: Value, size: Value, stride: Value, padding: Value, dilation: Value) -> Params:
    """The parameters of windows, normalised, once they are known to fit the shape."""
    n = len(size)
    strides = each(f"{what}: stride", stride, n, 1)
    dilations = each(f"{what}: dilation", dilation, n, 1)
    spans = tuple((k - 1) * d + 1 for k, d in zip(size, dilations))
    padding = frames(what, padding, spans, strides)
    if any(a.length + a.before + a.behind < a.span for a in axes(shape, size, strides, padding, dilations)):
        raise ShapeError(
            f"{what}: windows of {spans} elements (size {size}, dilation {dilations}) do not fit the axes {shape} "
            f"with padding {padding}"
        )
    return {"stride": strides, "padding": padding, "dilation": dilations}


def read_conv(x: Value, w: Value, stride: Value = 1, padding: Value = 0, dilation: Value = 1, groups: int = 1) -> Value:
    shape, filters = Carrier.shape(x), Carrier.shape(w)
    if len(shape) != len(filters) or len(shape) < 3:
        raise ShapeError(
            f"conv: x of shape {shape} and filters of shape {filters}; they are (batch, channels, *spatial) and "
            "(out, channels / groups, *kernel)"
        )
    (groups,) = each("conv: groups", groups, 1, 1)
    if shape[1] != filters[1] * groups or filters[0] % groups:
        raise ShapeError(
            f"conv: {shape[1]} channels in {groups} groups do not fit filters of shape {filters}: "
            f"they need {filters[1]} channels in each group, and a number of filters that {groups} divides"
        )
    if 0 in filters[2:]:
        raise ShapeError(f"conv: the kernel of filters of shape {filters} has no elements")
    return (x, w), {**sliding("conv", shape[2:], filters[2:], stride, padding, dilation), "groups": groups}


def reading_pool(what: str, **more: Any) -> Function:
    """The reader of a pooling over the last axes; `more` says how the row's further parameters are read."""

    def read(
        x: Value, size: Value, stride: Value = None, padding: Value = 0, dilation: Value = 1, **given: Any
    ) -> Value:
        shape = Carrier.shape(x)
        if unknown := set(given) - set(more):
            raise InputError(f"{what}: there is no argument {min(unknown)}=")
        size = listed(size)
        n = len(size) if isinstance(size, tuple | list) else min(2, len(shape))
        if not 1 <= n <= len(shape):
            raise ShapeError(f"{what}: windows of size {size!r} over an array of shape {shape}")
        size = each(f"{what}: size", size, n, 1)
        params = sliding(what, shape[len(shape) - n :], size, size if stride is None else stride, padding, dilation)
        grid = axes(shape[len(shape) - n :], size, *params.values())
        if not all(a.covered for a in grid if a.length):
            raise InputError(f"{what}: padding={padding!r} leaves a window without an element of the array")
        return (x,), {"size": size, **params, **{k: v(given.get(k)) for k, v in more.items()}}

    return read


# Convolution: bilinear, and the transposes of the three rows are the three rows.
def conv_transpose(m: Carrier, i: int, ct: Value, x: Value, w: Value, **params: Any) -> Value:
    if i == 0:
        return m.conv_input_transpose(ct, w, shape=m.shape(x)[2:], **params)
    return m.conv_weight_transpose(x, ct, size=m.shape(w)[2:], **params)


def input_transpose(m: Carrier, i: int, ct: Value, y: Value, w: Value, *, shape: Shape, **params: Any) -> Value:
    return m.conv(ct, w, **params) if i == 0 else m.conv_weight_transpose(ct, y, size=m.shape(w)[2:], **params)


def weight_transpose(m: Carrier, i: int, ct: Value, x: Value, y: Value, *, size: Shape, **params: Any) -> Value:
    return m.conv_input_transpose(y, ct, shape=m.shape(x)[2:], **params) if i == 0 else m.conv(x, ct, **params)


def opened(m: Carrier, x: Value, gate: Value, kept: tuple[int, ...], axis: int = 0) -> Value:
    """A gate for x: open where any element of the same place on the kept axes is, which become x's from `axis` on."""
    some = m.any(gate, axis=tuple(k for k in range(m.ndim(gate)) if k not in kept), keepdims=False)
    some = m.reshape(some, shape=(*m.shape(some), *(1,) * (m.ndim(x) - axis - len(kept))))
    return m.broadcast_to(some, shape=m.shape(x))


def conv_gate(m: Carrier, i: int, gate: Value, x: Value, w: Value, **params: Any) -> Value:
    """A sample is stopped where its whole result is, a filter where all that it made is."""
    return opened(m, x, gate, (0,)) if i == 0 else opened(m, w, gate, (1,))


def input_transpose_gate(m: Carrier, i: int, gate: Value, y: Value, w: Value, **params: Any) -> Value:
    return opened(m, y, gate, (0,)) if i == 0 else opened(m, w, gate, ())


def weight_transpose_gate(m: Carrier, i: int, gate: Value, x: Value, y: Value, **params: Any) -> Value:
    return opened(m, x, gate, ()) if i == 0 else opened(m, y, gate, (0,), 1)


def one_place(x: Value, w: Value, *, groups: int, **params: Any) -> Value:
    """One sample, channel and filter."""
    return (x[:1, :1], w[:1, :1]), params | {"groups": 1}, (len(x), len(w))


def one_image(x: Value, **params: Any) -> Value:
    """The windows of the first image."""
    lead = x.ndim - len(params["size"])
    return (x[(slice(1),) * lead],), params, x.shape[:lead]


def kernel(name: str, module: str = "kernels.windows") -> dict[str, str]:
    return {"numpy": f"{module}.{name}", "elements": f"{module}.{name}"}


for _name, _transpose, _gate, _batch, _latex, _doc in (
    (
        "conv",
        conv_transpose,
        conv_gate,
        batches.conv,
        r"{0} \star {1}",
        "The cross-correlation of x (batch, channels, *spatial) with filters (out, channels / groups, *kernel).",
    ),
    (
        "conv_input_transpose",
        input_transpose,
        input_transpose_gate,
        batches.conv,
        r"{0} \star^{{\mathsf{{T}}}} {1}",
        "The transpose of a convolution in its input: each value of y spread over its window by the filters.",
    ),
    (
        "conv_weight_transpose",
        weight_transpose,
        weight_transpose_gate,
        batches.conv_weight_transpose,
        r"{0} \star^{{\mathsf{{T}}}} {1}",
        "The transpose of a convolution in its filters: windows of x times values of y, summed over batch and places.",
    ),
):
    linear(
        _name,
        _transpose,
        gate=_gate,
        doc=_doc,
        called=("text", "numpy") if _name == "conv" else (),
        glyph="conv" if _name == "conv" else "convᵀ",
        latex=_latex,
        reads=(),
        spelling=kernel(_name, "kernels.convolution"),
        domain=(),
        batch=_batch,
        facts={"threads"},
        flops=50,
        lies_as=None if _name == "conv_weight_transpose" else BATCH_LAST,
        **({"arguments": read_conv, "hollow": one_place} if _name == "conv" else {}),
    )


# Pooling.
register(
    Primitive(
        name="window_place",
        doc="The place in its window of the largest element, of the first of several; it has no derivative.",
        called=(),
        glyph="argmax",
        latex=r"\operatorname{{argmax}}_{{\square}}({0})",
        reads=(),
        differentiable=False,
        spelling=kernel("window_place"),
        domain=(),
        batch=batches.windows,
        lies_as=0,
    )
)
linear(
    "window_read",
    lambda m, i, ct, x, place, **params: m.window_write(ct, place, shape=m.shape(x)[-len(params["size"]) :], **params),
    doc="The element of each window that stands at a given place in it.",
    called=(),
    glyph="x[place]",
    latex=r"{0}[{1}]",
    reads=(),
    spelling=kernel("window_read"),
    fixed=(1,),
    domain=(),
    batch=batches.windows,
    lies_as=1,
)
linear(
    "window_write",
    lambda m, i, ct, y, place, *, shape, **params: m.window_read(ct, place, **params),
    doc="Zeros, and each value added at a given place in its window.",
    called=(),
    glyph="+= y",
    latex=r"\operatorname{{scatter}}({0}, {1})",
    reads=(),
    spelling=kernel("window_write"),
    fixed=(1,),
    domain=(),
    batch=batches.windows,
    lies_as=1,
)
custom(
    "max_pool",
    jvp=lambda m, ts, y, x, **params: m.window_read(ts[0], m.window_place(x, **params), **params),
    vjp=lambda m, ct, y, x, **params: [
        m.window_write(ct, m.window_place(x, **params), shape=m.shape(x)[-len(params["size"]) :], **params)
    ],
    doc="The largest element of each window over the last axes; of a tie, the first has the derivative.",
    glyph="max",
    latex=r"\max_{{\square}} {0}",
    reads=(),
    arguments=reading_pool("max_pool"),
    spelling=kernel("max_pool")
    | {
        "javascript": "largest",
        "javascript back": "toFirstLargest",
        "sympy": by_sympy(lambda sympy, x, **params: kernels_windows.max_pool(x, larger=sympy.Max, **params)),
    },
    domain=(),
    non_differentiable="a tie for the largest element in a window",
    kinks=lambda m, x, **params: kernels_windows.ties(x, **params),
    batch=batches.windows,
    flops=4,
    lies_as=0,
    hollow=one_image,
)
linear(
    "avg_pool",
    lambda m, i, ct, x, **params: m.avg_pool_transpose(ct, shape=m.shape(x)[-len(params["size"]) :], **params),
    doc="The mean of each window over the last axes; `count_padding` says whether zeros of the padding count, and "
    "`divisor` is what the sum is divided by instead of their number.",
    glyph="mean",
    latex=r"\operatorname{{mean}}_{{\square}}({0})",
    reads=(),
    arguments=reading_pool("avg_pool", count_padding=lambda v: v is None or bool(v), divisor=lambda v: v),
    spelling=kernel("avg_pool"),
    domain=(),
    batch=batches.windows,
    flops=4,
    lies_as=0,
    hollow=one_image,
)
linear(
    "avg_pool_transpose",
    lambda m, i, ct, y, *, shape, **params: m.avg_pool(ct, **params),
    doc="Each value spread equally over its window: the transpose of the means.",
    called=(),
    glyph="meanᵀ",
    latex=r"\operatorname{{mean}}_{{\square}}^{{\mathsf{{T}}}}({0})",
    reads=(),
    spelling=kernel("avg_pool_transpose"),
    domain=(),
    batch=batches.windows,
    flops=4,
    lies_as=0,
)
