"""Rows that repeat elements: tiles, repetitions, frames around an array."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Shape, Value
from .arguments import axis_of, is_integer, of_number, refuse
from .primitive import Carrier, Reading, composite


# Repetition.
def tile(m: Carrier, x: Value, *, reps: tuple[int, ...]) -> Value:
    """A new axis of length `rep` before each axis, filled by broadcasting, and the pairs merged."""
    shape = m.shape(x)
    n = max(len(shape), len(reps))
    shape, reps = (1,) * (n - len(shape)) + shape, (1,) * (n - len(reps)) + reps
    apart = m.reshape(x, shape=tuple(k for length in shape for k in (1, length)))
    apart = m.broadcast_to(apart, shape=tuple(k for rep, length in zip(reps, shape) for k in (rep, length)))
    return m.reshape(apart, shape=tuple(rep * length for rep, length in zip(reps, shape)))


def repeat(m: Carrier, x: Value, *, repeats: Value, axis: int) -> Value:
    places = np.repeat(np.arange(m.shape(x)[axis]), repeats)
    return m.getitem(x, index=(slice(None),) * axis + (places,))


def read_repeat(a: Value, repeats: Value, axis: Value = None) -> Value:
    if axis is None or of_number(a, axis):
        a, axis = np.ravel(a), 0
    return (a,), {"repeats": np.asarray(repeats), "axis": axis_of("repeat", a, axis)}


composite(
    "tile",
    tile,
    doc="The array laid side by side, reps times along each axis.",
    arguments=lambda A, reps: (
        (A,),
        {"reps": (int(reps),) if is_integer(reps) else tuple(operator.index(k) for k in reps)},
    ),
    reading=Reading(sizes=True, copies=True),
    facts={"moves"},
    spelling={"elements": "tile"},
    flops=0,
)
composite(
    "repeat",
    repeat,
    doc="Each element repeated along an axis.",
    arguments=read_repeat,
    reading=Reading(sizes=True, copies=True),
    facts={"moves"},
    spelling={"elements": "repeat"},
    flops=0,
)


def read_resize(a: Value, new_shape: Value) -> Value:
    shape = (int(new_shape),) if is_integer(new_shape) else tuple(operator.index(k) for k in new_shape)
    return (a,), {"new_shape": shape}


def resize(m: Carrier, x: Value, *, new_shape: Shape) -> Value:
    size = m.size(x)
    if not size:  # zeros, which NumPy gives where there is nothing to repeat
        nothing = m.sum(x, axis=None, keepdims=False)
        return m.broadcast_to(m.astype(nothing, dtype=m.dtype(x)), shape=new_shape)
    index = np.arange(math.prod(new_shape)) % size
    return m.reshape(m.getitem(m.reshape(x, shape=(size,)), index=(index,)), shape=new_shape)


composite(
    "resize",
    resize,
    doc="The elements, over and over again, in another shape.",
    arguments=read_resize,
    spelling={"elements": "resize"},
    flops=0,
)


# Padding.
GATHERED = ("edge", "reflect", "symmetric", "wrap")


def read_pad(array: Value, pad_width: Value, mode: Value = "constant", **options: Any) -> Value:
    shape = Carrier.shape(array)
    n = len(shape)
    if isinstance(pad_width, dict):
        entries: list[Value] = [(0, 0)] * n
        for axis, width in pad_width.items():
            entries[axis] = (width, width) if is_integer(width) else tuple(width)
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


def pad(m: Carrier, x: Value, ends: Value = None, *, pad_width: Value, mode: Value) -> Value:
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
        # NumPy itself says which of the constants, counted from 1, each place of the frame takes.
        count = 2 * len(shape)
        taken = np.pad(np.zeros(m.shape(x), int), pad_width, constant_values=np.arange(1, count + 1).reshape(-1, 2))
        values = m.reshape(m.broadcast_to(ends, shape=(len(shape), 2)), shape=(count,))
        return m.where(taken == 0, y, m.getitem(values, index=(np.maximum(taken - 1, 0),)))
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
    reading=Reading(sizes=True, copies=True),
    spelling={"numpy": "kernels.arrays.pad", "elements": "kernels.arrays.pad"},
    flops=0,
)
