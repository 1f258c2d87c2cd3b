"""Exponentials and logarithms."""

from __future__ import annotations

from .primitive import Domain, elementwise

elementwise("exp", (lambda m, y, x: y,), doc="e to the power x.", latex="e^{{{0}}}", facts={"smooth"})
elementwise("log", (lambda m, y, x: m.reciprocal(x),), doc="The natural logarithm.", latex=r"\ln({0})", domain=(Domain(1e-3, 10.0),))
