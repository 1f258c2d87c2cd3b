"""Rows that reduce axes: sums, means, extremes, norms."""

from __future__ import annotations

from typing import Any

from .arguments import reduction
from .primitive import linear, register, Primitive


def expand(m: Any, ct: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """A reduced array (cotangent or result) with its axes back, ready to broadcast against x."""
    if keepdims or axis is None:
        return ct
    shape = tuple(1 if i in axis else n for i, n in enumerate(m.shape(x)))
    return m.reshape(ct, shape=shape)


linear(
    "sum",
    lambda m, i, ct, x, *, axis, keepdims: m.broadcast_to(expand(m, ct, x, axis, keepdims), shape=m.shape(x)),
    doc="The sum over the axes, all by default.",
    glyph="Σ",
    latex=r"\sum {0}",
    reads=("sum", "add.reduce"),
    arguments=reduction,
)
for _name in ("any", "all"):
    register(
        Primitive(
            name=_name,
            doc=f"Whether {_name} element along the axes is true; it has no derivative.",
            glyph=_name,
            latex=rf"\operatorname{{{_name}}} {{0}}",
            arguments=reduction,
            differentiable=False,
        )
    )
