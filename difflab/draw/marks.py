"""Marks on a picture: not-a-number, infinities, kinks, exploding and vanishing adjoints, dead branches."""

from __future__ import annotations

import numpy as np

from ..graph.graph import BackwardPass, ForwardPass
from ..graph.node import Node
from ..graph.traced import Traced
from ..primitives import NUMPY, rows
from ..types import Value

EXPLODING, VANISHING = 1e6, 1e-10
LEGEND = {
    "nan": ("⚠ NaN", "not a number: an operand is outside the domain"),
    "infinite": ("⚠ ∞", "infinite value"),
    "kink": ("◆ kink", "no derivative here; a convention is returned"),
    "exploding": ("▲ large ∂", "adjoint above 1e6: exploding"),
    "vanishing": ("▽ tiny ∂", "adjoint below 1e-10, not 0: vanishing"),
    "dead": ("✂ dead", "the output does not depend on this"),
    "cut": ("⊣ no ∂", "no gradient flows here"),
}


def marks_of(node: Node, forward: ForwardPass | None, backward: BackwardPass | None, dead: bool) -> list[str]:
    """The marks of one node, most severe first."""
    if dead:
        return ["dead"]
    found = []
    if forward is not None and not isinstance(forward.values[node], tuple):
        found += value_marks(np.asarray(forward.values[node]))
        if is_kink(node, forward):
            found.append("kink")
    if backward is not None and node.primitive is not rows.constant:
        found += adjoint_marks(node, backward)
    return found


def value_marks(x: Value) -> list[str]:
    if x.dtype.kind not in "fc":
        return []
    return ["nan"] * bool(np.any(np.isnan(x))) + ["infinite"] * bool(np.any(np.isinf(x)))


def is_kink(node: Node, forward: ForwardPass) -> bool:
    made = forward.recorded[node]  # the row itself, where the node is a call that waited for shapes
    if made.__class__ is not Traced or made.primitive.kinks is None or not made.operands:
        return False
    with np.errstate(all="ignore"):
        return bool(np.any(made.primitive.kinks(NUMPY, *made.tape.read(made.operands)[0], **made.params)))


def adjoint_marks(node: Node, backward: BackwardPass) -> list[str]:
    if node not in backward.reached:
        value = backward.forward.values[node]
        plain = not isinstance(value, tuple) and np.asarray(value).dtype.kind in "fc"
        return ["cut"] if plain else []
    adjoint = backward.adjoint[node]
    if isinstance(adjoint, list | tuple) or np.size(adjoint) == 0:
        return []
    size = float(np.max(np.abs(adjoint)))
    if size > EXPLODING:
        return ["exploding"]
    return ["vanishing"] if 0 < size < VANISHING else []
