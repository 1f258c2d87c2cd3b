"""One element of an elementwise row, with the functions that a loop over small arrays computes itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ..passes.rewriting import number
from .forms import DTYPES, common_dtype, element as arithmetic, has_form, literal
from .functions import NAMES

# The C library's, in the dtype of the operand.
CALLS = {
    **{name: f"np.{name}({{0}})" for name in "log log1p expm1 exp2 log2 log10 sin cos tan sinh".split()},
    **{name: f"np.{name}({{0}})" for name in "arcsin arccos arctan arcsinh arccosh arctanh sign rint".split()},
    "power": "{0} ** {1}",
    "arctan2": "np.arctan2({0}, {1})",
    "hypot": "np.hypot({0}, {1})",
}


def has_element(node: Node) -> bool:
    """Whether `element` can write the node."""
    name = node.primitive.name
    if not node.primitive.listed or node.value.__class__ is tuple:
        return False
    if has_form(node):
        return True
    real = node.dtype in DTYPES and all(x.dtype.kind in "fbi" for x in node.operands)
    if node.primitive is rows.astype:
        return real
    return real and not node.params and (name in CALLS or name in NAMES)


def element(node: Node, names: Any) -> str:
    """One element of the node from those of its operands."""
    name, dtype = node.primitive.name, common_dtype(node)
    if has_form(node):
        return arithmetic(node, names)

    def cast(x: Node) -> str:
        value = number(x) if not x.shape else None
        if value is not None:
            return literal(value, dtype)
        return names[x] if x.dtype == dtype else f"np.{dtype.name}({names[x]})"

    operands = [cast(x) for x in node.operands]
    if node.primitive is rows.astype:
        return operands[0]
    if name in NAMES:  # in float64, whatever the dtype
        if dtype == np.float64:
            return f"_{name}({operands[0]})"
        return f"np.{dtype.name}(_{name}(np.float64({operands[0]})))"
    return CALLS[name].format(*operands)
