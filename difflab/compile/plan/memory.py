"""Memory: buffers that are given out, taken back, and given out again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ...types import Array, DType, Shape


class Place(NamedTuple):
    """A buffer seen as an array."""

    slot: int
    shape: Shape
    dtype: DType


class Memory:
    """Buffers given out and taken back; `sizes` are their bytes, `places` the arrays that are seen in them."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.free: list[int] = []
        self.places: list[Place] = []
        self.known: dict[Place, int] = {}
        self.asked: int = 0

    def take(self, shape: Shape, dtype: DTypeLike) -> int:
        """A place for an array; the smallest free buffer that is large enough, or a new one."""
        wanted = int(np.dtype(dtype).itemsize)
        for n in shape:
            wanted *= n
        self.asked += wanted
        fitting = [k for k in self.free if wanted <= self.sizes[k] <= 4 * wanted]
        if fitting:
            slot = min(fitting, key=lambda k: (self.sizes[k], -self.free.index(k)))
            self.free.remove(slot)
        else:
            slot = len(self.sizes)
            self.sizes.append(wanted)
        place = Place(slot, shape, np.dtype(dtype))
        if place not in self.known:
            self.known[place] = len(self.places)
            self.places.append(place)
        return self.known[place]

    def give_back(self, place: int) -> None:
        """The buffer of a place may be used again."""
        slot = self.places[place].slot
        if slot not in self.free:
            self.free.append(slot)

    @property
    def bytes(self) -> int:
        """All buffers together: the peak."""
        return sum(self.sizes)

    def arrays(self, rows: int | None = None) -> list[Array]:
        """New buffers, as the arrays of the places (for places of one row: of `rows` rows)."""
        times = 1 if rows is None else rows
        buffers = [np.empty(n * times, np.uint8) for n in self.sizes]
        lead = () if rows is None else (rows,)
        return [seen(buffers[p.slot], (*lead, *p.shape), p.dtype) for p in self.places]


def seen(buffer: Array, shape: Shape, dtype: DType) -> Array:
    count = 1
    for n in shape:
        count *= n
    return buffer[: count * dtype.itemsize].view(dtype).reshape(shape)
