"""Elementwise rows as arithmetic on one element, in the dtype in which NumPy computes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ..passes.rewriting import number
from ..write.names import Names, has_dtype

# {0}, {1} and {2} are operands in the dtype of the result, {one} and {zero} numbers of that dtype.
FLOAT = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "stop_gradient": "{0}",
    "square": "{0} * {0}",
    "reciprocal": "{one} / {0}",
    "absolute": "np.abs({0})",
    "sqrt": "np.sqrt({0})",
    "one_minus_square": "({one} - {0}) * ({one} + {0})",
    "maximum": "{0} if ({0} >= {1}) | ({0} != {0}) else {1}",
    "minimum": "{0} if ({0} <= {1}) | ({0} != {0}) else {1}",
    "relu": "{0} if ({0} > {zero}) | ({0} != {0}) else {zero}",
    "floor": "np.floor({0})",
    "ceil": "np.ceil({0})",
    "trunc": "np.trunc({0})",
}
# In the dtype that the operands have in common; the result is a truth value.
COMPARISONS = {
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "isnan": "{0} != {0}",
}
TRUTH = {"logical_and": "{0} & {1}", "logical_or": "{0} | {1}", "logical_not": "not {0}"}
DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
HIGHEST_POWER = 16


def common_dtype(node: Node) -> Any:
    """The dtype in which an arithmetic row computes."""
    if node.primitive.name not in COMPARISONS:
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


def powers_text(x: str, n: int) -> str:
    """x**n by repeated squares, as one expression of products."""
    if n == 1:
        return x
    half = powers_text(x, n // 2)
    half = half if half == x else f"({half})"
    return f"{half} * {half}" + (f" * {x}" if n % 2 else "")


def is_light(node: Node) -> bool:
    """Whether a loop of the backend's own computes the node at least as fast as NumPy does."""
    if node.value.__class__ is tuple or not node.shape or not has_form(node):
        return False
    return not any(x.primitive is rows.constant and not x.shape and number(x) is None for x in node.operands)


def has_form(node: Node) -> bool:
    """Whether `element` can write the node."""
    name = node.primitive.name
    if not node.primitive.listed or node.value.__class__ is tuple:
        return False
    if whole_power(node) is not None:
        return node.dtype in DTYPES
    if node.params:
        return False
    kinds = [x.dtype.kind for x in node.operands]
    if name in TRUTH:
        return kinds == ["b"] * len(kinds)
    if node.primitive is rows.where:
        return kinds[0] == "b" and node.dtype in DTYPES and all(k in "fbi" for k in kinds[1:])
    if name in COMPARISONS:
        return common_dtype(node) in DTYPES and all(k in "fbi" for k in kinds)
    return name in FLOAT and node.dtype in DTYPES and all(k in "fbi" for k in kinds)


def literal(value: float, dtype: Any) -> str:
    if dtype == np.float64 and math.isfinite(value):
        return f"({value!r})" if value < 0 else repr(value)
    text = repr(value) if math.isfinite(value) else f"np.{'nan' if value != value else 'inf'}"
    text = f"-{text}" if value == -math.inf else text
    return f"np.{dtype.name}({text})"


def element(node: Node, names: Names) -> str:
    """One element of the node from those of its operands, which have the same names as the arrays."""
    name, dtype = node.primitive.name, common_dtype(node)

    def operand(x: Node, wanted: Any) -> str:
        value = number(x) if not x.shape else None
        if value is not None:
            return literal(value, wanted)
        return names[x] if x.dtype == wanted else f"np.{wanted.name}({names[x]})"

    if (n := whole_power(node)) is not None:
        return powers_text(names[node.operands[0]], n)
    if name in TRUTH:
        return TRUTH[name].format(*[names[x] for x in node.operands])
    if node.primitive is rows.where:
        c, x, y = node.operands
        return f"{operand(x, dtype)} if {names[c]} else {operand(y, dtype)}"
    texts = [operand(x, dtype) for x in node.operands]
    form = COMPARISONS.get(name) or FLOAT[name]
    return form.format(*texts, one=literal(1.0, dtype), zero=literal(0.0, dtype))
