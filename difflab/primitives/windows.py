"""Where sliding windows lie: lengths, strides, frames of padding, and which elements they share with an array."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..types import Value


class Axis(NamedTuple):
    """The windows along one axis: `size` elements, `dilation` apart, a new window every `stride` elements.

    `length` is that of the array, which stands in a frame of `before` and `behind` elements more.
    """

    length: int
    size: int
    stride: int
    before: int
    behind: int
    dilation: int

    @property
    def span(self) -> int:
        """From the first element of a window to behind its last one."""
        return (self.size - 1) * self.dilation + 1

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return (self.length + self.before + self.behind - self.span) // self.stride + 1

    @property
    def tiles(self) -> bool:
        """Whether the windows cover each element of the array exactly once."""
        once = self.dilation == 1 or self.size == 1
        return once and self.size == self.stride and not self.before and self.windows * self.size == self.length

    @property
    def covered(self) -> bool:
        """Whether every window has an element of the array, not of the frame alone."""
        # Where no window can step over the array, the first and the last one tell of all between.
        asked = {0, self.windows - 1} if self.dilation <= self.length else range(self.windows)
        return self.windows < 1 or all(map(self.meets, asked))

    def meets(self, window: int) -> bool:
        """Whether that window has an element of the array."""
        start = window * self.stride - self.before
        inside = max(0, -(start // self.dilation))  # its first element that does not lie before the array
        return inside < self.size and start + inside * self.dilation < self.length

    def shared(self, offset: int) -> tuple[slice, slice]:
        """The windows whose element `offset` lies in the array, and these elements."""
        return _shared(self, offset)


@lru_cache(maxsize=4096)
def _shared(axis: Axis, offset: int) -> tuple[slice, slice]:
    start = offset * axis.dilation - axis.before  # where the element of window 0 lies
    low = max(0, -(start // axis.stride))
    high = max(low, min(axis.windows, (axis.length - 1 - start) // axis.stride + 1))
    first = low * axis.stride + start
    behind = first + (high - low - 1) * axis.stride + 1 if high > low else first
    return slice(low, high), slice(first, behind, axis.stride)


@lru_cache(maxsize=1024)
def axes(shape: Value, size: Value, stride: Value, padding: Value, dilation: Value) -> tuple[Axis, ...]:
    """The axes of windows over an array of that (spatial) shape."""
    return tuple(Axis(n, k, s, a, b, d) for n, k, s, (a, b), d in zip(shape, size, stride, padding, dilation))
