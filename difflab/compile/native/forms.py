"""Elementwise rows as text for one element, in the dtype in which NumPy computes them."""

from __future__ import annotations

import math

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...primitives.spelling import Native
from ...primitives.text import ATOM, PRODUCT, Text, Written, call, of_number, spell, within
from ...types import DType
from ..passes.rewriting import number
from ..write.names import Names, has_dtype

DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
WHOLE = np.dtype(np.int64)
WHOLES = (
    *(rows.add, rows.subtract, rows.multiply, rows.negative, rows.maximum, rows.minimum, rows.where),
    *(rows.less, rows.less_equal, rows.greater, rows.greater_equal, rows.equal, rows.not_equal),
)
HIGHEST_POWER = 16
SQUARE, TIMES = Text("{0} * {0}", PRODUCT, (ATOM,)), Text("{0} * {0} * {1}", PRODUCT, (ATOM, ATOM))


def common_dtype(node: Node) -> DType:
    """The dtype in which an arithmetic row computes."""
    if not node.primitive.truth:
        return node.dtype
    firm = [x.dtype for x in node.operands if has_dtype(x)]
    return np.result_type(*firm) if firm else np.dtype(float)


def whole_power(node: Node) -> int | None:
    """The exponent n of x**n where products say the same: a small whole number."""
    if node.primitive not in (rows.power, rows.power_minus) or len(node.operands) != 2:
        return None
    exponent = number(node.operands[1])
    if exponent is None or node.operands[0].dtype != node.dtype:
        return None
    exponent -= node.params.get("k", 0)
    return int(exponent) if exponent == int(exponent) and 1 <= exponent <= HIGHEST_POWER else None


def by_squares(x: Written, n: int) -> Written:
    """x**n by repeated squares, as one expression of products.

    >>> [by_squares(("x", ATOM), n)[0] for n in (3, 4, 5)]
    ['x * x * x', '(x * x) * (x * x)', '(x * x) * (x * x) * x']
    """
    return (TIMES if n % 2 else SQUARE).of([by_squares(x, n // 2), x]) if n > 1 else x


def is_light(node: Node) -> bool:
    """Whether a loop of the backend's own computes the node at least as fast as NumPy does."""
    if node.value.__class__ is tuple or not node.shape or not has_form(node):
        return False
    return not any(x.primitive is rows.constant and not x.shape and number(x) is None for x in node.operands)


def is_cheap(node: Node) -> bool:
    """Whether the node costs a loop less than it costs to read its value from memory."""
    return is_light(node) or (node.primitive is rows.astype and bool(node.shape) and has_element(node))


def native(node: Node) -> Native | None:
    """How the node's row is written in machine code."""
    return node.primitive.spelling.get("native") if node.value.__class__ is not tuple and not node.params else None


def has_form(node: Node) -> bool:
    """Whether the node is arithmetic, which a loop of our own computes at least as fast as NumPy's."""
    if whole_power(node) is not None:
        return node.dtype in DTYPES
    spelled = native(node)
    return spelled is not None and spelled.light and fits(node, spelled)


def has_element(node: Node) -> bool:
    """Whether `element` can write the node."""
    if node.primitive is rows.astype:
        return node.dtype in DTYPES and node.operands[0].dtype.kind in "fbi"
    spelled = native(node)
    return has_form(node) or (spelled is not None and fits(node, spelled))


def is_whole(node: Node) -> bool:
    """Whether the node is arithmetic of int64, as of counters, or a comparison of such."""
    if node.primitive is rows.astype:
        return node.dtype == WHOLE and node.operands[0].dtype.kind == "b"
    whole = node.primitive in WHOLES and common_dtype(node) == WHOLE and native(node) is not None
    return whole and all(x.dtype.kind in "bi" for x in node.operands)


def fits(node: Node, spelled: Native) -> bool:
    """Whether the operands' kinds are those of the form."""
    kinds = all(x.dtype.kind in ("b" if k in spelled.truths else "fbi") for k, x in enumerate(node.operands))
    return kinds and (len(spelled.truths) == len(node.operands) or common_dtype(node) in DTYPES)


def literal(value: float, dtype: DType) -> str:
    if dtype == np.float64 and math.isfinite(value):
        return within(of_number(repr(value)))  # in brackets: -2.0 ** x is -(2.0 ** x)
    text = repr(value) if math.isfinite(value) else f"np.{'nan' if value != value else 'inf'}"
    return cast(f"-{text}" if value == -math.inf else text, dtype)


def cast(text: str, dtype: DType) -> str:
    return call(f"np.{dtype.name}", text)


def operand(x: Node, dtype: DType, names: Names | dict[Node, str]) -> str:
    """An operand in a dtype."""
    value = number(x) if not x.shape else None
    if value is not None:
        return literal(value, dtype)
    return names[x] if x.dtype == dtype else cast(names[x], dtype)


def element(node: Node, names: Names | dict[Node, str]) -> str:
    """One element of the node from those of its operands, which have the same names as the arrays."""
    if (n := whole_power(node)) is not None:
        return by_squares((names[node.operands[0]], ATOM), n)[0]
    dtype = common_dtype(node)
    if node.primitive is rows.astype:
        return operand(node.operands[0], dtype, names)
    form, _, wide, truths = node.primitive.spelling["native"]
    texts = [names[x] if k in truths else operand(x, dtype, names) for k, x in enumerate(node.operands)]
    if wide and dtype != np.float64:
        return cast(spell(form, [cast(x, DTYPES[0]) for x in texts]), dtype)
    return spell(form, texts, one=literal(1.0, dtype), zero=literal(0.0, dtype))
