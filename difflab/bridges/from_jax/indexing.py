"""Reading and writing at places that are computed: gather, scatter, slices that move."""

from __future__ import annotations

from math import prod

import numpy as np

from ... import numpy as dnp
from ...differentiate.control_flow import scan
from ...graph.traced import call_row
from ...primitives import rows
from ...types import Function, Shape, Value
from .call import Call, Refused, Rule, is_traced


class Windows:
    """Where the elements of windows lie in an array: an index for each of its axes, in one common shape.

    Axes that are read whole have None and come last: `order` are the axes in the order in which they are indexed.
    """

    def __init__(self, shape: Shape, starts: list[Value], sizes: Shape, lead: int) -> None:
        self.shape = shape
        self.whole: list[int] = [d for d, s in enumerate(starts) if s is None and sizes[d] == shape[d]]
        self.part: list[int] = [d for d in range(len(shape)) if d not in self.whole]
        self.order: list[int] = [*self.part, *self.whole]
        self.lead = lead
        self.index: list[Value] = []
        width = len(self.part)
        for k, d in enumerate(self.part):
            along = np.arange(sizes[d]).reshape((-1,) + (1,) * (width - k - 1))
            start = starts[d]
            if start is None:
                self.index.append(along)
            else:
                self.index.append(np.reshape(start, (*start.shape, *(1,) * width)) + along)

    @property
    def key(self) -> tuple[Value, ...]:
        return (*self.index, *(slice(None),) * len(self.whole))

    def turned(self, x: Value) -> Value:
        """The array with its axes in the order in which they are indexed."""
        return x if self.order == sorted(self.order) else np.transpose(x, self.order)

    def back(self, x: Value) -> Value:
        """The array with its own order of axes again."""
        return x if self.order == sorted(self.order) else np.transpose(x, np.argsort(self.order))

    def read(self, x: Value) -> Value:
        """The windows: axes of the batch, then those of the array in its own order."""
        x = self.turned(x)
        if not self.part:
            return np.broadcast_to(x, (1,) * self.lead + x.shape)
        found = call_row(rows.getitem, x, self.key)
        lead = len(found.shape) - len(self.shape)
        moved = [*range(lead), *[lead + self.order.index(d) for d in range(len(self.shape))]]
        return found if moved == sorted(moved) else np.transpose(found, moved)

    def laid(self, values: Value) -> Value:
        """Windows whose axes are those of the batch and of the array, in the order in which the key has them."""
        lead = len(values.shape) - len(self.shape)
        moved = [*range(lead), *[lead + d for d in self.order]]
        return values if moved == sorted(moved) else np.transpose(values, moved)


# Slices that begin at places that are computed.
def starts_of(shape: Shape, sizes: Shape, starts: tuple[Value, ...]) -> list[Value]:
    """Where the slice begins along each axis, moved inside the array; None where it is the whole axis."""
    found: list[Value] = []
    for n, size, start in zip(shape, sizes, starts):
        found.append(None if size == n else np.clip(wide(start), 0, n - size))
    return found


def wide(x: Value) -> Value:
    return x if x.dtype == np.int64 else x.astype(np.int64)


def known_slices(starts: list[Value], sizes: Shape) -> tuple[slice, ...] | None:
    """The slices, where no place is computed from inputs."""
    if any(is_traced(s) for s in starts if s is not None):
        return None
    return tuple(slice(None) if s is None else slice(int(s), int(s) + n) for s, n in zip(starts, sizes))


def slice_at(call: Call, x: Value, *starts: Value) -> Value:
    sizes = tuple(call["slice_sizes"])
    if len(starts) != len(sizes):
        raise Refused("of a size that is computed")
    places = starts_of(x.shape, sizes, starts)
    known = known_slices(places, sizes)
    if known is not None:
        return x[known]
    return Windows(x.shape, places, sizes, 0).read(x)


def update_at(call: Call, x: Value, values: Value, *starts: Value) -> Value:
    places = starts_of(x.shape, values.shape, starts)
    known = known_slices(places, values.shape)
    if known is not None:
        return dnp.set_at(x, known, values)
    where = Windows(x.shape, places, values.shape, 0)
    return where.back(dnp.set_at(where.turned(x), where.key, where.laid(values)))


# Gather and scatter.
def mode_of(call: Call) -> str:
    mode = call["mode"]
    name = getattr(mode, "name", str(mode)).lower()
    return {"fill_or_drop": "fill", "clip": "clip", "one_hot": "fill"}.get(name, "promised")


def start_along(
    d: int, indices: Value, mapped: tuple[int, ...], batched: tuple[int, ...], on: tuple[int, ...]
) -> Value:
    """Where windows begin along axis d: in the shape of the batch, or None where nothing says so."""
    if d in mapped:
        return wide(indices[..., mapped.index(d)])
    if d in batched:
        axis, lead = on[batched.index(d)], indices.shape[:-1]
        steps = np.arange(lead[axis]).reshape([-1 if k == axis else 1 for k in range(len(lead))])
        return np.broadcast_to(steps, lead)
    return None


def inside(starts: list[Value], shape: Shape, sizes: Shape, mapped: tuple[int, ...]) -> Value:
    """Which windows lie in the array; True where that is known of all."""
    found: Value = True
    for d in mapped:
        fits = np.logical_and(np.greater_equal(starts[d], 0), np.less_equal(starts[d], shape[d] - sizes[d]))
        if is_traced(fits) or not np.all(fits):
            found = fits if found is True else np.logical_and(found, fits)
    return found


def clipped(starts: list[Value], shape: Shape, sizes: Shape, mapped: tuple[int, ...]) -> list[Value]:
    found: list[Value] = []
    for d, start in enumerate(starts):
        if start is None or (d in mapped and sizes[d] == shape[d]):
            found.append(None)
        else:
            found.append(np.clip(start, 0, shape[d] - sizes[d]) if d in mapped else start)
    return found


def gather(call: Call, x: Value, indices: Value) -> Value:
    numbers, sizes = call["dimension_numbers"], tuple(call["slice_sizes"])
    mapped = tuple(numbers.start_index_map)
    batched = tuple(getattr(numbers, "operand_batching_dims", ()))
    on = tuple(getattr(numbers, "start_indices_batching_dims", ()))
    starts = [start_along(d, indices, mapped, batched, on) for d in range(len(x.shape))]
    fits = inside(starts, x.shape, sizes, mapped) if mode_of(call) == "fill" else True
    lead = len(indices.shape) - 1
    where = Windows(x.shape, clipped(starts, x.shape, sizes, mapped), sizes, lead)
    found = where.read(x)
    whole = (*indices.shape[:-1], *sizes)
    found = found if found.shape == whole else np.broadcast_to(found, whole)
    if fits is not True:
        fits = np.reshape(fits, (*indices.shape[:-1], *(1,) * len(x.shape)))
        found = np.where(fits, found, filler(call, found.dtype))
    gone = tuple(lead + d for d in (*numbers.collapsed_slice_dims, *batched))
    found = np.reshape(found, tuple(n for k, n in enumerate(found.shape) if k not in gone))
    window = tuple(numbers.offset_dims)
    total = len(found.shape)
    first = [k for k in range(total) if k not in window]
    source = [0] * total
    for k, axis in enumerate([*first, *window]):
        source[axis] = k
    return found if source == sorted(source) else np.transpose(found, source)


def filler(call: Call, dtype: np.dtype) -> Value:
    """What stands for elements that lie outside."""
    if call["fill_value"] is not None:
        return np.asarray(call["fill_value"], dtype)[()]
    if dtype.kind in "fc":
        return dtype.type(np.nan)
    if dtype.kind == "b":
        return np.bool_(True)
    info = np.iinfo(dtype)
    return dtype.type(info.min if dtype.kind == "i" else info.max)


def scattering(put: Function, repeats: bool) -> Rule:
    """Values written by `put(x, key, values)`; `repeats` says whether a place may be named several times."""

    def rule(call: Call, x: Value, indices: Value, values: Value) -> Value:
        numbers = call["dimension_numbers"]
        window = tuple(numbers.update_window_dims)
        mapped = tuple(numbers.scatter_dims_to_operand_dims)
        batched = tuple(getattr(numbers, "operand_batching_dims", ()))
        on = tuple(getattr(numbers, "scatter_indices_batching_dims", ()))
        gone = (*numbers.inserted_window_dims, *batched)
        lead = [k for k in range(len(values.shape)) if k not in window]
        values = (
            np.transpose(values, [*lead, *window]) if lead + list(window) != sorted(window + tuple(lead)) else values
        )
        kept = [d for d in range(len(x.shape)) if d not in gone]
        sizes = [1] * len(x.shape)
        for d, n in zip(kept, values.shape[len(lead) :]):
            sizes[d] = n
        values = np.reshape(values, (*values.shape[: len(lead)], *sizes))
        starts = [start_along(d, indices, mapped, batched, on) for d in range(len(x.shape))]
        shape, fits = x.shape, True
        if mode_of(call) != "clip":
            fits = inside(starts, shape, tuple(sizes), mapped)
        starts = clipped(starts, shape, tuple(sizes), mapped)
        return written(call, put, repeats, x, Windows(shape, starts, tuple(sizes), len(lead)), values, fits)

    return rule


def assigned(call: Call, x: Value, indices: Value, values: Value) -> Value:
    """A write of values; JAX has `x.at[...].apply(f)` under the same name, which writes f of what stands there."""
    combined = call.params.get("update_jaxpr")
    if combined is not None and combined.outvars[0] is not combined.invars[1]:
        raise Refused("by x.at[...].apply(f): write x.at[...].set(f(x[...]))")
    return scattering(dnp.set_at, True)(call, x, indices, values)


def written(call: Call, put: Function, repeats: bool, x: Value, where: Windows, values: Value, fits: Value) -> Value:
    lead = len(values.shape) - len(x.shape)
    if not where.part:  # the array as a whole is written: one place of a new first axis
        batch, shape = values.shape[:lead], (1, *x.shape)
        first = Windows(shape, [np.zeros(batch, np.int64), *[None] * len(x.shape)], shape, lead)
        found = written(call, put, repeats, x[np.newaxis], first, np.reshape(values, (*batch, *shape)), fits)
        return found[0]
    turned, values = where.turned(x), where.laid(values)
    key = where.key
    wanted = np.broadcast_shapes(*[k.shape for k in where.index])
    values = np.broadcast_to(values, (*wanted, *values.shape[lead + len(where.part) :]))
    if not (repeats or call.params.get("unique_indices") or different(where.index, turned.shape)):
        put = one_by_one(put, wanted, len(wanted) - len(where.part))
    if fits is True:
        return where.back(put(turned, key, values))
    # What lies outside is written behind the end of the first axis, and cut off again.
    n = turned.shape[0]
    behind = np.zeros((1, *turned.shape[1:]), turned.dtype)
    first = np.where(np.reshape(fits, (*fits.shape, *(1,) * len(where.part))), where.index[0], n)
    found = put(dnp.concatenate([turned, behind], axis=0), (first, *key[1:]), values)
    return where.back(found[:n])


def one_by_one(put: Function, wanted: Shape, lead: int) -> Function:
    """`put` for windows that may overlap: one window after the other, those of the first `lead` axes of the key."""
    count, window = prod(wanted[:lead]), wanted[lead:]

    def run(x: Value, key: tuple[Value, ...], values: Value) -> Value:
        index = [np.reshape(np.broadcast_to(k, wanted), (count, *window)) for k in key[: len(window)]]
        rest = key[len(window) :]

        def step(before: Value, at: Value) -> tuple[Value, Value]:
            places, new = at
            return put(before, (*places, *rest), new), []

        found, _ = scan(step, x, (index, np.reshape(values, (count, *values.shape[lead:]))))
        return found

    return run


def different(index: list[Value], shape: Shape) -> bool:
    """Whether it is known that no place is named twice."""
    if is_traced(*index):
        return False
    places = np.ravel_multi_index(np.broadcast_arrays(*index), shape[: len(index)], mode="clip")
    return len(np.unique(places)) == places.size


def at_places(combine: Function) -> Function:
    return lambda x, key, values: dnp.set_at(x, key, combine(call_row(rows.getitem, x, key), values))


RULES: dict[str, Rule] = {
    "dynamic_slice": slice_at,
    "dynamic_update_slice": update_at,
    "gather": gather,
    "scatter": assigned,
    "scatter-add": scattering(dnp.add_at, True),
    "scatter_add": scattering(dnp.add_at, True),
    "scatter-sub": scattering(lambda x, key, values: dnp.add_at(x, key, -values), True),
    "scatter_sub": scattering(lambda x, key, values: dnp.add_at(x, key, -values), True),
    "scatter-max": scattering(at_places(np.maximum), False),
    "scatter_max": scattering(at_places(np.maximum), False),
    "scatter-min": scattering(at_places(np.minimum), False),
    "scatter_min": scattering(at_places(np.minimum), False),
    "scatter-mul": scattering(at_places(np.multiply), False),
    "scatter_mul": scattering(at_places(np.multiply), False),
}
