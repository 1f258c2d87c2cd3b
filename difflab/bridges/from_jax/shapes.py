"""Operations that move elements: shapes, order of axes, joining, cutting, padding."""

from __future__ import annotations

import numpy as np

from ... import numpy as dnp
from ...graph.traced import apply
from ...primitives import rows
from ...types import Value
from .call import Call, Refused, Rule, is_traced


def broadcast(call: Call, x: Value, *lengths: Value) -> Value:
    if lengths:
        raise Refused("to a shape that is computed")
    shape, places = tuple(call["shape"]), call["broadcast_dimensions"]
    inside = [1] * len(shape)
    for place, length in zip(places, x.shape):
        inside[place] = length
    x = x if tuple(inside) == x.shape else np.reshape(x, tuple(inside))
    return x if x.shape == shape else np.broadcast_to(x, shape)


def reshape(call: Call, x: Value, *lengths: Value) -> Value:
    if lengths:
        raise Refused("to a shape that is computed")
    if call["dimensions"] is not None:
        x = np.transpose(x, call["dimensions"])
    return np.reshape(x, tuple(call["new_sizes"]))


def transpose(call: Call, x: Value) -> Value:
    return np.transpose(x, call["permutation"])


def squeeze(call: Call, x: Value) -> Value:
    return np.squeeze(x, axis=tuple(call["dimensions"]))


def reverse(call: Call, x: Value) -> Value:
    return np.flip(x, axis=tuple(call["dimensions"]))


def concatenate(call: Call, *xs: Value) -> Value:
    return dnp.concatenate(list(xs), axis=call["dimension"])


def stack(call: Call, *xs: Value) -> Value:
    return dnp.stack(list(xs), axis=call["axis"])


def unstack(call: Call, x: Value) -> Value:
    axis = call["axis"]
    return [x[(slice(None),) * axis + (k,)] for k in range(x.shape[axis])]


def split(call: Call, x: Value) -> Value:
    axis, found, start = call["axis"], [], 0
    for size in call["sizes"]:
        found.append(x[(slice(None),) * axis + (slice(start, start + size),)])
        start += size
    return found


def tile(call: Call, x: Value) -> Value:
    return np.tile(x, tuple(call["reps"]))


def cut(call: Call, x: Value) -> Value:
    steps = call["strides"] or (1,) * len(x.shape)
    return x[tuple(map(slice, call["start_indices"], call["limit_indices"], steps))]


def pad(call: Call, x: Value, filler: Value) -> Value:
    """x in a frame of fillers, with fillers between its elements too; a negative frame cuts."""
    return padded(x, filler, tuple(call["padding_config"]))


def padded(x: Value, filler: Value, frames: tuple[tuple[int, int, int], ...]) -> Value:
    if not any(map(any, frames)):
        return x
    spread = tuple(low + high + n + max(n - 1, 0) * gap for n, (low, high, gap) in zip(x.shape, frames))
    read, write = [], []
    for n, length, (low, _, gap) in zip(x.shape, spread, frames):
        step = gap + 1
        first = max(0, -(low // step))  # the first element that does not lie before the frame
        last = min(n, (length - 1 - low) // step + 1) if length > 0 else 0
        last = max(first, last)
        read.append(slice(first, last))
        write.append(slice(low + first * step, low + (last - 1) * step + 1, step) if last > first else slice(0, 0))
    inside = x[tuple(read)] if any(s != slice(0, n) for s, n in zip(read, x.shape)) else x
    if not is_traced(filler) and filler == 0 and is_traced(x):
        return apply(rows.scatter, (inside,), {"index": tuple(write), "shape": spread})
    frame = np.broadcast_to(filler, spread)
    if not is_traced(inside, frame):
        frame = frame.copy()
        frame[tuple(write)] = inside
        return frame
    return dnp.set_at(frame, tuple(write), inside)


def iota(call: Call) -> Value:
    shape, axis = tuple(call["shape"]), call["dimension"]
    steps = np.arange(shape[axis]).astype(call["dtype"])
    return np.broadcast_to(steps.reshape([-1 if k == axis else 1 for k in range(len(shape))]), shape)


def themselves(call: Call, *xs: Value) -> Value:
    """The operands as they are: what is said of them matters to compilers alone."""
    return list(xs)


RULES: dict[str, Rule] = {
    "broadcast_in_dim": broadcast,
    "concatenate": concatenate,
    "iota": iota,
    "pad": pad,
    "reshape": reshape,
    "rev": reverse,
    "slice": cut,
    "split": split,
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "transpose": transpose,
    "unstack": unstack,
    **dict.fromkeys(
        ("copy", "copy_p", "device_put", "mesh_cast", "name", "optimization_barrier", "reshard", "sharding_constraint"),
        themselves,
    ),
}
