"""Arrays with some elements set, or added to, at an index: a new array, as nothing recorded changes."""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from ..errors import DtypeError, InputError, ShapeError
from ..types import Key, Shape, Value
from .arguments import cast
from .extremes import opaque
from .indexing import is_traced, read_getitem
from .kernels.structure import fill
from .parts import Reading
from .primitive import Carrier, composite

ORDER = "biufc"


def read_update(name: str, x: Value, index: Key, value: Value) -> Value:
    """Operands x, the values in the shape and dtype of x[index], and the traced parts of the index."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    value = value if hasattr(value, "dtype") else np.stack(value) if isinstance(value, list) else np.asarray(value)
    if x.dtype.kind not in ORDER or value.dtype.kind not in ORDER:
        raise DtypeError(f"{name}: {value.dtype} into {x.dtype}; both must be numbers or truth values")
    if value.dtype.kind in "fc" and ORDER.index(value.dtype.kind) > ORDER.index(x.dtype.kind):
        raise DtypeError(
            f"{name}: values of dtype {value.dtype} would lose what an array of dtype {x.dtype} cannot hold; "
            "x.astype(...) gives it a wider one"
        )
    (_, *arrays), params = read_getitem(x, index)
    if any(a.dtype.kind == "b" for a in arrays):
        return masked(name, x, index, value)
    shape = shape_of(name, Carrier.shape(x), params["index"], [Carrier.shape(a) for a in arrays])
    try:
        np.broadcast_shapes(Carrier.shape(value), shape)
        value = np.broadcast_to(without_ones(value, len(shape)), shape)
    except ValueError:
        raise ShapeError(
            f"{name}: values of shape {Carrier.shape(value)} do not fit x[index], which has shape {shape}"
        ) from None
    return (x, cast(value, x.dtype), *arrays), params


def without_ones(value: Value, ndim: int) -> Value:
    """An assignment ignores axes of length one in front."""
    shape = Carrier.shape(value)
    lead = len(shape) - ndim
    return np.reshape(value, shape[lead:]) if lead > 0 and prod(shape[:lead]) == 1 else value


def shape_of(name: str, shape: Shape, index: Key, traced: list[Shape]) -> Shape:
    """The shape of x[index]; places that are out of range are found here, where they are known."""
    try:
        inside = np.broadcast_to(np.False_, shape)
        return tuple(inside[fill(index, [np.zeros(s, int) for s in traced])].shape)
    except IndexError as error:
        raise InputError(f"{name}: an array of shape {shape} has no such place: {error}") from None


def masked(name: str, x: Value, mask: Value, value: Value) -> Value:
    """A mask that is traced: how many elements it has is not known, so there can be one value only."""
    shape = Carrier.shape(x)
    if not is_traced(mask) or Carrier.shape(mask) != shape[: Carrier.ndim(mask)] or Carrier.size(value) != 1:
        raise InputError(
            f"{name}: the mask is traced, so the number of its elements is not known: give one value for all of them, "
            "and the mask alone as the index, or use np.where"
        )
    mask = np.reshape(mask, Carrier.shape(mask) + (1,) * (len(shape) - Carrier.ndim(mask)))
    value = cast(np.reshape(value, ()), x.dtype)
    return (mask, value if name == "set_at" else x + value, x), {}, "where"


def places(m: Carrier, x: Value, arrays: Value, index: Key) -> Value:
    """The places in the raveled x that x[index] reads, as a vector."""
    numbers = np.arange(m.size(x)).reshape(m.shape(x))
    found = m.getitem(numbers, *arrays, index=index) if arrays else numbers[index]
    return m.reshape(found, shape=(m.size(found),))


def set_at(m: Carrier, x: Value, values: Value, *arrays: Value, index: Key) -> Value:
    """Each element is read from x or from the values: of several at one place from the last, as in NumPy."""
    n = m.size(x)
    both = m.concatenate(m.reshape(x, shape=(n,)), m.reshape(values, shape=(m.size(values),)), axis=0)
    order = m.last_writers(places(m, x, arrays, index), size=n)
    return m.reshape(m.take(both, order, axis=0, mode="raise"), shape=m.shape(x))


opaque(
    "last_writers",
    "Where the elements of an array come from after an update: from their own places, or from the values behind",
    lambda places, *, size: ((places,), {"size": int(size)}),
    reads=(),
    called=(),
    spelling={"numpy": "kernels.arrays.last_writers", "elements": "kernels.arrays.last_writers"},
    batch=lambda m, row, lead, places, *, size: m.last_writers(places, size=size),
)
for _name, _value, _doc in (
    (
        "set_at",
        set_at,
        "The array with x[index] = value done to it: a new one; values that are overwritten count nothing.",
    ),
    (
        "add_at",
        lambda m, x, values, *arrays, index: m.add(x, m.scatter(values, *arrays, index=index, shape=m.shape(x))),
        "The array with the values added at the index: a new one; at a place that is named several times all of them.",
    ),
):
    composite(
        _name,
        _value,
        doc=_doc,
        reads=(),
        reading=Reading("apart"),
        arguments=partial(read_update, _name),
        spelling={"numpy": f"kernels.arrays.{_name}", "elements": f"kernels.arrays.{_name}"},
        flops=0 if _name == "set_at" else 1,
    )
