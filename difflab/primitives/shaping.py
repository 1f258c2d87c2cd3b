"""Rows that move elements to another shape or order without changing them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from . import batches
from .arguments import axes, axes_of, axis_of, refuse
from .carriers import Carrier
from .primitive import composite, linear


def read_reshape(a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    shape = newshape if shape is None else shape
    wanted = [operator.index(shape)] if hasattr(shape, "__index__") else [operator.index(k) for k in shape]
    size = Carrier.size(a)
    known = math.prod(k for k in wanted if k != -1)
    if wanted.count(-1) == 1 and known and size % known == 0:
        wanted[wanted.index(-1)] = size // known
    if math.prod(wanted) != size or -1 in wanted:
        raise ShapeError(f"reshape: {size} elements of shape {Carrier.shape(a)} do not fit shape {shape}")
    return (a,), {"shape": tuple(wanted), **memory_order("reshape", order)}


def memory_order(name: str, order: str) -> dict[str, str]:
    """The order parameter, where it is not the usual one."""
    if order not in ("C", "F", "A", "K"):
        raise InputError(f"{name}: order={order!r} is not 'C' or 'F'")
    return {"order": "F"} if order == "F" else {}


def reversed_axes(x: Any) -> tuple[int, ...]:
    return tuple(reversed(range(Carrier.ndim(x))))


def read_transpose(a: Any, axes: Any = None) -> Any:
    if Carrier.shape(a) is None:  # text: the shape is known only when it is evaluated
        return (a,), {"axes": axes}
    n = Carrier.ndim(a)
    order = reversed_axes(a) if axes is None else tuple(operator.index(k) % max(n, 1) for k in axes)
    if sorted(order) != list(range(n)):
        raise ShapeError(f"transpose: axes={axes} is not an order of the {n} axes of shape {Carrier.shape(a)}")
    return (a,), {"axes": order}


def inverse(order: tuple[int, ...] | None) -> tuple[int, ...] | None:
    return None if order is None else tuple(sorted(range(len(order)), key=order.__getitem__))


def back_to_shape(m: Any, i: int, ct: Any, x: Any, **params: Any) -> Any:
    return m.reshape(ct, shape=m.shape(x))


linear(
    "reshape",
    lambda m, i, ct, x, *, shape, **order: m.reshape(ct, shape=m.shape(x), **order),
    doc="The same elements in another shape.",
    glyph="reshape",
    arguments=read_reshape,
    spelling={"elements": "reshape"},
    flops=0,
    batch=batches.reshape,
)
linear(
    "ravel",
    lambda m, i, ct, x, **order: m.reshape(ct, shape=m.shape(x), **order),
    doc="All elements in one axis.",
    glyph="ravel",
    arguments=lambda a, order="C": ((a,), memory_order("ravel", order)),
    spelling={"elements": "ravel"},
    flops=0,
    batch=batches.ravel,
)
linear(
    "transpose",
    lambda m, i, ct, x, *, axes: m.transpose(ct, axes=inverse(axes)),
    doc="The axes in another order, reversed by default.",
    glyph="ᵀ",
    latex=r"{0}^{{\top}}",
    reads=("transpose", "permute_dims"),
    arguments=read_transpose,
    spelling={"elements": "transpose"},
    flops=0,
    batch=batches.transpose,
)


# Axes moved, added and taken away.
def read_moveaxis(a: Any, source: Any, destination: Any) -> Any:
    n, shape = Carrier.ndim(a), Carrier.shape(a)
    source = axes(source, n, "moveaxis: source", shape)
    destination = axes(destination, n, "moveaxis: destination", shape)
    if len(source) != len(destination):
        raise ShapeError(f"moveaxis: source={source} and destination={destination} differ in length")
    return (a,), {"source": source, "destination": destination}


def read_rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    n = Carrier.ndim(a)
    axis = axis_of("rollaxis", a, axis)
    start = axes(start, n + 1, "rollaxis: start", Carrier.shape(a))[0] if start >= 0 else start % n
    order = [k for k in range(n) if k != axis]
    order.insert(start - (axis < start), axis)
    return (a,), {"axes": tuple(order)}


linear(
    "moveaxis",
    lambda m, i, ct, x, *, source, destination: m.moveaxis(ct, source=destination, destination=source),
    doc="Axes moved to other places, the others in their order.",
    arguments=read_moveaxis,
    spelling={"elements": "moveaxis"},
    flops=0,
    batch=batches.axes,
)
linear(
    "rollaxis",
    lambda m, i, ct, x, *, axes: m.transpose(ct, axes=inverse(axes)),
    doc="One axis moved before another.",
    arguments=read_rollaxis,
    spelling={"numpy": "transpose", "elements": "transpose"},
    flops=0,
    batch=batches.transpose,
)
linear(
    "swapaxes",
    lambda m, i, ct, x, *, axis1, axis2: m.swapaxes(ct, axis1=axis1, axis2=axis2),
    doc="Two axes exchanged.",
    arguments=lambda a, axis1, axis2: (
        (a,),
        {"axis1": axis_of("swapaxes", a, axis1), "axis2": axis_of("swapaxes", a, axis2)},
    ),
    spelling={"elements": "swapaxes"},
    flops=0,
    batch=batches.axes,
)
linear(
    "matrix_transpose",
    lambda m, i, ct, x: m.matrix_transpose(ct),
    doc="The last two axes exchanged.",
    glyph="ᵀ",
    latex=r"{0}^{{\top}}",
    spelling={"elements": "matrix_transpose"},
    flops=0,
    batch=batches.stacks,
)
linear(
    "expand_dims",
    back_to_shape,
    doc="New axes of length one.",
    arguments=lambda a, axis: (
        (a,),
        {
            "axis": axes(
                axis,
                Carrier.ndim(a) + (1 if hasattr(axis, "__index__") else len(axis)),
                "expand_dims: axis",
                Carrier.shape(a),
            )
        },
    ),
    spelling={"elements": "expand_dims"},
    flops=0,
    batch=batches.as_on_one,
)


def read_squeeze(a: Any, axis: Any = None) -> Any:
    found = axes_of("squeeze", a, axis)
    for k in found or ():
        if Carrier.shape(a)[k] != 1:
            raise ShapeError(f"squeeze: axis={k} of shape {Carrier.shape(a)} has length {Carrier.shape(a)[k]}, not 1")
    return (a,), {"axis": found}


linear(
    "squeeze",
    back_to_shape,
    doc="Without the axes of length one.",
    arguments=read_squeeze,
    spelling={"elements": "squeeze"},
    flops=0,
    batch=batches.as_on_one,
)


def at_least(n: int) -> Callable[..., Any]:
    def read(*arrays: Any) -> Any:
        return (arrays, {}) if len(arrays) == 1 else (arrays, {"n": n}, "atleast_each")

    return read


composite(
    "atleast_each",
    lambda m, *xs, n: [getattr(m, f"atleast_{n}d")(x) for x in xs],
    doc="Several arrays with at least n axes each.",
    reads=(),
    spelling={"numpy": "kernels_arrays.atleast_each", "elements": "kernels_arrays.atleast_each"},
    flops=0,
)
for _n in (1, 2, 3):
    linear(
        f"atleast_{_n}d",
        back_to_shape,
        doc=f"The array with at least {_n} axes.",
        arguments=at_least(_n),
        spelling={"elements": f"atleast_{_n}d"},
        flops=0,
        batch=batches.as_on_one,
    )


# Order along axes.
def all_axes(name: str) -> Callable[..., Any]:
    def read(m: Any, axis: Any = None) -> Any:
        found = axes_of(name, m, axis)
        return (m,), {"axis": tuple(range(Carrier.ndim(m))) if found is None else found}

    return read


def read_roll(a: Any, shift: Any, axis: Any = None) -> Any:
    shift = operator.index(shift) if hasattr(shift, "__index__") else tuple(operator.index(k) for k in shift)
    if axis is None:
        return (a,), {"shift": shift, "axis": None}
    found = axes_of("roll", a, axis) if hasattr(axis, "__index__") else tuple(axis_of("roll", a, k) for k in axis)
    shifts = (shift,) * len(found) if isinstance(shift, int) else shift
    found = found * len(shifts) if len(found) == 1 else found
    if len(shifts) != len(found):
        raise ShapeError(f"roll: shift={shift} and axis={axis} differ in length")
    return (a,), {"shift": shifts, "axis": found}


def opposite(shift: Any) -> Any:
    return -shift if isinstance(shift, int) else tuple(-k for k in shift)


linear(
    "flip",
    lambda m, i, ct, x, *, axis: m.flip(ct, axis=axis),
    doc="The elements in reverse order along the axes, all by default.",
    arguments=all_axes("flip"),
    spelling={"elements": "flip"},
    flops=0,
    batch=batches.axes,
)
for _name, _needs, _words in (("fliplr", 2, "from left to right"), ("flipud", 1, "upside down")):
    linear(
        _name,
        lambda m, i, ct, x, _name=_name: getattr(m, _name)(ct),
        doc=f"The array turned {_words}.",
        arguments=lambda m: ((m,), {}),
        spelling={"elements": _name},
        flops=0,
        batch=lambda m, row, lead, x, _needs=_needs: m.flip(x, axis=(_needs,)),
    )
linear(
    "rot90",
    lambda m, i, ct, x, *, k, axes: m.rot90(ct, k=-k, axes=axes),
    doc="The array turned by 90 degrees k times, in the plane of two axes.",
    arguments=lambda m, k=1, axes=(0, 1): (
        (m,),
        {"k": operator.index(k), "axes": tuple(axis_of("rot90", m, a) for a in axes)},
    ),
    spelling={"elements": "rot90"},
    flops=0,
    batch=batches.axes,
)
linear(
    "roll",
    lambda m, i, ct, x, *, shift, axis: m.roll(ct, shift=opposite(shift), axis=axis),
    doc="The elements shifted around along the axes; those that fall off come back in front.",
    arguments=read_roll,
    spelling={"elements": "roll"},
    flops=0,
    batch=batches.roll,
)
for _name, _words in (("triu", "on and above"), ("tril", "on and below")):
    linear(
        _name,
        lambda m, i, ct, x, *, k, _name=_name: getattr(m, _name)(ct, k=k),
        doc=f"The elements {_words} the k-th diagonal, zeros elsewhere.",
        arguments=lambda m, k=0: (
            (m if Carrier.ndim(m) != 1 else np.broadcast_to(m, m.shape * 2),),
            {"k": operator.index(k)},
        ),
        spelling={"elements": _name},
        flops=0,
        batch=batches.stacks,
    )


# Repetition.
def tile(m: Any, x: Any, *, reps: tuple[int, ...]) -> Any:
    """A new axis of length `rep` before each axis, filled by broadcasting, and the pairs merged."""
    shape = m.shape(x)
    n = max(len(shape), len(reps))
    shape, reps = (1,) * (n - len(shape)) + shape, (1,) * (n - len(reps)) + reps
    apart = m.reshape(x, shape=tuple(k for length in shape for k in (1, length)))
    apart = m.broadcast_to(apart, shape=tuple(k for rep, length in zip(reps, shape) for k in (rep, length)))
    return m.reshape(apart, shape=tuple(rep * length for rep, length in zip(reps, shape)))


def repeat(m: Any, x: Any, *, repeats: Any, axis: int) -> Any:
    places = np.repeat(np.arange(m.shape(x)[axis]), repeats)
    return m.getitem(x, index=(slice(None),) * axis + (places,))


def read_repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    if axis is None:
        a, axis = np.ravel(a), 0
    return (a,), {"repeats": np.asarray(repeats), "axis": axis_of("repeat", a, axis)}


composite(
    "tile",
    tile,
    doc="The array laid side by side, reps times along each axis.",
    arguments=lambda A, reps: (
        (A,),
        {"reps": (int(reps),) if hasattr(reps, "__index__") else tuple(operator.index(k) for k in reps)},
    ),
    spelling={"elements": "tile"},
    flops=0,
)
composite(
    "repeat",
    repeat,
    doc="Each element repeated along an axis.",
    arguments=read_repeat,
    spelling={"elements": "repeat"},
    flops=0,
)


def read_resize(a: Any, new_shape: Any) -> Any:
    shape = (int(new_shape),) if hasattr(new_shape, "__index__") else tuple(operator.index(k) for k in new_shape)
    return (a,), {"new_shape": shape}


composite(
    "resize",
    lambda m, x, *, new_shape: m.reshape(
        m.getitem(m.reshape(x, shape=(m.size(x),)), index=(np.arange(math.prod(new_shape)) % max(m.size(x), 1),)),
        shape=new_shape,
    ),
    doc="The elements, over and over again, in another shape.",
    arguments=read_resize,
    spelling={"elements": "resize"},
    flops=0,
)


# Padding.
GATHERED = ("edge", "reflect", "symmetric", "wrap")


def read_pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    shape = Carrier.shape(array)
    n = len(shape)
    if isinstance(pad_width, dict):
        entries: list[Any] = [(0, 0)] * n
        for axis, width in pad_width.items():
            entries[axis] = (width, width) if hasattr(width, "__index__") else tuple(width)
        pad_width = entries
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (n, 2)) if n else np.zeros((0, 2), int)
    except ValueError:
        raise ShapeError(f"pad: pad_width={pad_width!r} does not fit the {n} axes of shape {shape}") from None
    if widths.dtype.kind not in "iu" or (widths.size and widths.min() < 0):
        raise InputError(f"pad: pad_width={pad_width!r}; widths are integers of at least 0")
    frame = tuple((int(a), int(b)) for a, b in widths)
    values = options.pop("constant_values", 0)
    kind = options.pop("reflect_type", "even")
    refuse(**options)
    if mode == "constant":
        ends = values if hasattr(values, "primitive") else np.broadcast_to(np.asarray(values), (n, 2))
        return (array, ends) if hasattr(values, "primitive") or np.any(ends) else (array,), {
            "pad_width": frame,
            "mode": mode,
        }
    if mode not in GATHERED or kind != "even":
        raise InputError(
            f"pad: mode={mode!r}{', reflect_type=' + repr(kind) if kind != 'even' else ''} is not supported "
            f"on traced values; one of 'constant', {', '.join(map(repr, GATHERED))}"
        )
    return (array,), {"pad_width": frame, "mode": mode}


def pad(m: Any, x: Any, ends: Any = None, *, pad_width: Any, mode: Any) -> Any:
    """Zeros and constants around x by scattering x into them; the other modes read x at a padded index."""
    if mode == "constant":
        shape = tuple(n + a + b for n, (a, b) in zip(m.shape(x), pad_width))
        inner = tuple(slice(a, a + n) for n, (a, _) in zip(m.shape(x), pad_width))
        y = m.scatter(x, index=inner, shape=shape)
        if ends is None:
            return y
        if m.ndim(ends) == 0:
            frame = np.ones(shape)
            frame[inner] = 0.0
            return y + ends * frame
        return y + np.pad(np.zeros(m.shape(x)), pad_width, constant_values=ends)
    for axis, (before, behind) in enumerate(pad_width):
        if before or behind:
            places = np.pad(np.arange(m.shape(x)[axis]), (before, behind), mode=mode)
            x = m.getitem(x, index=(slice(None),) * axis + (places,))
    return x


composite(
    "pad",
    pad,
    doc="The array in a frame: constants, or its own elements at the edge, reflected or wrapped around.",
    arguments=read_pad,
    spelling={"numpy": "kernels_arrays.pad", "elements": "kernels_arrays.pad"},
    flops=0,
)
