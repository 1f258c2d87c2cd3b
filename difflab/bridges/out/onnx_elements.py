"""Elementwise rows as ONNX's operators."""

from __future__ import annotations

import math

import numpy as np

from ...graph.node import Node
from ...primitives import Primitive, rows
from ...types import Value
from .expand import computed_in
from .onnx_writer import Writer

# Rows that are one operator on the same operands.
OPERATORS: dict[Primitive, str] = {
    rows.add: "Add", rows.subtract: "Sub", rows.multiply: "Mul", rows.divide: "Div", rows.negative: "Neg",
    rows.positive: "Identity", rows.sqrt: "Sqrt", rows.exp: "Exp", rows.log: "Log", rows.sin: "Sin", rows.cos: "Cos",
    rows.tan: "Tan", rows.arcsin: "Asin", rows.arccos: "Acos", rows.arctan: "Atan", rows.sinh: "Sinh",
    rows.cosh: "Cosh", rows.tanh: "Tanh", rows.arcsinh: "Asinh", rows.arccosh: "Acosh", rows.arctanh: "Atanh",
    rows.absolute: "Abs", rows.floor: "Floor", rows.ceil: "Ceil", rows.rint: "Round", rows.reciprocal: "Reciprocal",
    rows.power: "Pow", rows.float_power: "Pow", rows.equal: "Equal", rows.less: "Less",
    rows.less_equal: "LessOrEqual", rows.greater: "Greater", rows.greater_equal: "GreaterOrEqual",
    rows.isnan: "IsNaN", rows.isinf: "IsInf", rows.relu: "Relu", rows.sigmoid: "Sigmoid", rows.softsign: "Softsign",
    rows.stop_gradient: "Identity", rows.maximum: "Max", rows.minimum: "Min",
}  # fmt: skip
LOGICAL = {rows.logical_and: "And", rows.logical_or: "Or", rows.logical_xor: "Xor", rows.logical_not: "Not"}
BITWISE = {rows.bitwise_and: "And", rows.bitwise_or: "Or", rows.bitwise_xor: "Xor", rows.invert: "Not"}


def number(w: Writer, node: Node, value: float) -> str:
    """A number in the dtype of the result."""
    return w.constant(np.array(value, node.dtype))


def truths(w: Writer, node: Node, inputs: tuple[str, ...]) -> list[str]:
    """The operands as truth values."""
    kinds = [(wanted or o.dtype).kind for wanted, o in zip(computed_in(node), node.operands)]
    return [x if kind == "b" else w.cast(x, bool) for x, kind in zip(inputs, kinds)]


def logical(w: Writer, node: Node, *inputs: str) -> str:
    return w.add(LOGICAL[node.primitive], *truths(w, node, inputs), name=node.name)


def bitwise(w: Writer, node: Node, *inputs: str) -> str:
    op = BITWISE[node.primitive]
    return w.add(op if node.dtype.kind == "b" else f"Bitwise{op}", *inputs, name=node.name)


def not_equal(w: Writer, node: Node, x: str, y: str) -> str:
    return w.add("Not", w.add("Equal", x, y), name=node.name)


def where(w: Writer, node: Node, condition: str, x: str, y: str) -> str:
    chosen = condition if node.operands[0].dtype.kind == "b" else w.cast(condition, bool)
    return w.add("Where", chosen, x, y, name=node.name)


def sign(w: Writer, node: Node, x: str) -> str:
    """NaN has none."""
    found: str = w.add("Sign", x)
    return w.add("Where", w.add("IsNaN", x), x, found) if node.dtype.kind == "f" else found


def signbit(w: Writer, node: Node, x: str) -> str:
    zero, one = (w.constant(np.array(v, node.operands[0].dtype)) for v in (0, 1))
    below = w.add("Less", x, zero)
    if node.operands[0].dtype.kind != "f":
        return below
    minus = w.add("And", w.add("Equal", x, zero), w.add("Less", w.add("Div", one, x), zero))
    return w.add("Or", below, minus)


def round(w: Writer, node: Node, x: str, *, decimals: int = 0) -> str:
    if node.dtype.kind != "f":
        real = w.cast(x, np.float64)
        scale = w.constant(np.array(10.0**-decimals)) if decimals < 0 else w.constant(np.array(1.0))
        return w.cast(w.add("Mul", w.add("Round", w.add("Div", real, scale)), scale), node.dtype)
    scale = number(w, node, 10.0 ** abs(decimals))
    ahead, back = ("Mul", "Div") if decimals >= 0 else ("Div", "Mul")
    return w.add(back, w.add("Round", w.add(ahead, x, scale)), scale)


def square(w: Writer, node: Node, x: str) -> str:
    return w.add("Mul", x, x, name=node.name)


def exp2(w: Writer, node: Node, x: str) -> str:
    return w.add("Pow", number(w, node, 2.0), x)


def fmod(w: Writer, node: Node, x: str, y: str) -> str:
    return w.add("Mod", x, y, fmod=1)


def log1p(w: Writer, node: Node, x: str) -> str:
    """log(u) x / (u - 1) with u = 1 + x as rounded, which takes back the rounding; x itself where u is 1."""
    one = number(w, node, 1.0)
    u = w.add("Add", one, x)
    log = w.add("Log", u)
    gap = w.add("Sub", u, one)
    none = w.add("Equal", gap, number(w, node, 0.0))
    safe = w.add("Where", none, one, gap)
    exact = w.add("Where", none, x, w.add("Mul", log, w.add("Div", x, safe)))
    return w.add("Where", w.add("IsInf", x), log, exact)


def expm1(w: Writer, node: Node, x: str) -> str:
    """2 t / (1 - t) with t = tanh(x / 2) near 0, where exp(x) - 1 cancels."""
    one, two, half = (number(w, node, v) for v in (1.0, 2.0, 0.5))
    near = w.add("Less", w.add("Abs", x), half)
    t = w.add("Tanh", w.add("Mul", w.add("Where", near, x, number(w, node, 0.0)), half))
    small = w.add("Div", w.add("Mul", two, t), w.add("Sub", one, t))
    return w.add("Where", near, small, w.add("Sub", w.add("Exp", x), one))


def arctan2(w: Writer, node: Node, y: str, x: str) -> str:
    """atan(y / x), turned by half a circle left of 0, with the sign of y; the axes by themselves."""
    zero, one, pi, half = (number(w, node, v) for v in (0.0, 1.0, math.pi, math.pi / 2))
    none = w.add("Equal", x, zero)
    angle = w.add("Atan", w.add("Div", y, w.add("Where", none, one, x)))
    minus = w.add("Or", w.add("Less", y, zero), negative_zero(w, y, zero, one))
    turn = w.add("Where", minus, w.add("Neg", pi), pi)
    left = w.add("Or", w.add("Less", x, zero), negative_zero(w, x, zero, one))
    turned = w.add("Where", w.add("Less", x, zero), w.add("Add", angle, turn), angle)
    up = w.add("Where", minus, w.add("Neg", half), half)
    flat = w.add("Equal", y, zero)
    at_origin = w.add("Where", left, turn, y)
    on_axis = w.add("Where", flat, at_origin, up)
    return w.add("Where", none, on_axis, turned)


def negative_zero(w: Writer, x: str, zero: str, one: str) -> str:
    below = w.add("Less", w.add("Div", one, x), zero)
    return w.add("And", w.add("Equal", x, zero), below)


def real(w: Writer, node: Node, x: str) -> str:
    return x


KERNELS: dict[Primitive, Value] = {
    **dict.fromkeys(LOGICAL, logical),
    **dict.fromkeys(BITWISE, bitwise),
    rows.not_equal: not_equal, rows.where: where, rows.sign: sign, rows.signbit: signbit, rows.round: round,
    rows.square: square, rows.exp2: exp2, rows.fmod: fmod, rows.log1p: log1p, rows.expm1: expm1,
    rows.arctan2: arctan2, rows.real: real,
}  # fmt: skip
