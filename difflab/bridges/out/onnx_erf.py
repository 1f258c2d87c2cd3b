"""The error functions in ONNX's arithmetic, to the digits of float64: its own Erf has those of float32.

(1 + 2x) exp(x²) erfc(x) is nearly constant right of 0: a polynomial in t = (x - 4)/(x + 4) is enough for all of it
(the scheme of M. M. Shepherd and J. G. Laframboise, Chebyshev approximation of (1 + 2x) exp(x²) erfc x, 1981). Its
coefficients are found here, by interpolation of SciPy's values. Near 0 the power series of erf keeps its digits.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from ...graph.node import Node
from ...late import Late
from ...primitives import Primitive, rows
from ...types import Array, Value
from .onnx_elements import number
from .onnx_writer import Writer

special: Value = Late("scipy.special")
DEGREE, MIDDLE, TERMS = 27, 4.0, 19


@cache
def scaled() -> tuple[float, ...]:
    """The coefficients of (1 + 2x) exp(x²) erfc(x) by powers of t."""

    def f(t: Array) -> Array:
        x = MIDDLE * (1 + t) / (1 - t)
        found: Array = (1 + 2 * x) * special.erfcx(x)
        return found

    return tuple(float(c) for c in Chebyshev.interpolate(f, DEGREE).convert(kind=Polynomial).coef)


SERIES = tuple((-1) ** n * 2 / math.sqrt(math.pi) / (math.factorial(n) * (2 * n + 1)) for n in range(TERMS))


def polynomial(w: Writer, node: Node, x: str, coefficients: tuple[float, ...]) -> str:
    """By Horner's rule."""
    y = number(w, node, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        y = w.add("Add", w.add("Mul", y, x), number(w, node, c))
    return y


def right(w: Writer, node: Node, x: str) -> str:
    """exp(x²) erfc(x) for x that is not negative."""
    middle, one, two = (number(w, node, v) for v in (MIDDLE, 1.0, 2.0))
    t = w.add("Sub", one, w.add("Div", number(w, node, 2 * MIDDLE), w.add("Add", x, middle)))
    below = w.add("Add", one, w.add("Mul", two, x))
    return w.add("Div", polynomial(w, node, t, scaled()), below)


def gauss(w: Writer, x: str) -> str:
    return w.add("Exp", w.add("Neg", w.add("Mul", x, x)))


def erfc(w: Writer, node: Node, x: str) -> str:
    size = w.add("Abs", x)
    tail = w.add("Mul", gauss(w, x), right(w, node, size))
    left = w.add("Less", x, number(w, node, 0.0))
    return w.add("Where", left, w.add("Sub", number(w, node, 2.0), tail), tail)


def erf(w: Writer, node: Node, x: str) -> str:
    if node.dtype != np.float64:
        return w.add("Erf", x, name=node.name)
    one, zero = number(w, node, 1.0), number(w, node, 0.0)
    near = w.add("Less", w.add("Abs", x), one)
    small = w.add("Where", near, x, zero)
    series = w.add("Mul", small, polynomial(w, node, w.add("Mul", small, small), SERIES))
    return w.add("Where", near, series, w.add("Sub", one, erfc(w, node, x)))


def erfcx(w: Writer, node: Node, x: str) -> str:
    size = w.add("Abs", x)
    found = right(w, node, size)
    left = w.add("Less", x, number(w, node, 0.0))
    two = w.add("Mul", number(w, node, 2.0), w.add("Exp", w.add("Mul", x, x)))
    return w.add("Where", left, w.add("Sub", two, found), found)


def ndtr(w: Writer, node: Node, x: str) -> str:
    turned = w.add("Mul", x, number(w, node, -math.sqrt(0.5)))
    return w.add("Mul", number(w, node, 0.5), erfc(w, node, turned))


def gelu(w: Writer, node: Node, x: str, *, approximate: str = "none") -> str:
    if approximate == "none":
        return w.add("Mul", x, ndtr(w, node, x))
    cube = w.add("Mul", w.add("Mul", x, x), x)
    inner = w.add("Add", x, w.add("Mul", cube, number(w, node, 0.044715)))
    sigmoid = w.add("Sigmoid", w.add("Mul", inner, number(w, node, 2 * math.sqrt(2 / math.pi))))
    return w.add("Mul", x, sigmoid)


KERNELS: dict[Primitive, Value] = {
    rows.erf: erf, rows.erfc: erfc, rows.erfcx: erfcx, rows.ndtr: ndtr, rows.gelu: gelu,
}  # fmt: skip
