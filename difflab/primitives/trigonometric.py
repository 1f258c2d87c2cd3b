"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from .primitive import elementwise

elementwise("sin", (lambda m, y, x: m.cos(x),), doc="Sine, x in radians.", latex=r"\sin({0})", facts={"smooth", "f(0)=0"})
elementwise("cos", (lambda m, y, x: -m.sin(x),), doc="Cosine, x in radians.", latex=r"\cos({0})", facts={"smooth"})
elementwise(
    "sech",
    (lambda m, y, x: -y * m.tanh(x),),
    doc="The hyperbolic secant 1/cosh(x).",
    latex=r"\operatorname{{sech}}({0})",
    reads=(),
    value=lambda m, x: m.reciprocal(m.cosh(x)),
)
elementwise(
    "tanh",
    (lambda m, y, x: m.square(m.sech(x)),),  # not 1 - y*y, which loses every digit in the tails
    doc="The hyperbolic tangent.",
    latex=r"\tanh({0})",
    facts={"smooth", "f(0)=0"},
)
elementwise("cosh", (lambda m, y, x: m.sinh(x),), doc="The hyperbolic cosine.", latex=r"\cosh({0})", facts={"smooth"})
elementwise("sinh", (lambda m, y, x: m.cosh(x),), doc="The hyperbolic sine.", latex=r"\sinh({0})", facts={"smooth", "f(0)=0"})
