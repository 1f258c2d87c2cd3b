"""The class of traced arrays, by autograd's name."""

from __future__ import annotations

from ...graph.traced import Traced

Box = ArrayBox = Traced

__all__ = ["ArrayBox", "Box"]
