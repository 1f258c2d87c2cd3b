"""Random numbers as a pure function of a key, so that programs and traces can be repeated."""

from __future__ import annotations

from .primitive import Primitive, register

register(
    Primitive(
        name="random_uniform",
        doc="Numbers in [0, 1) that the key, two integers (seed, count), decides; no derivative.",
        glyph="random",
        latex=r"U({0})",
        reads=(),
        differentiable=False,
        domain=(),
        spelling={"numpy": "kernels_arrays.random_uniform"},
        flops=10,
        source="Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3, 2011",
    )
)
