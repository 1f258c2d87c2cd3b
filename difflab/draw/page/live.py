"""Whether a page can compute: the form of every operation as JavaScript, or the reason why not."""

from __future__ import annotations

import numpy as np

from ...errors import UnsupportedError
from ...graph.node import Node
from ...graph.traced import Traced
from ...primitives import Primitive
from .model import Model
from .script import Form

MOST_FORMS = 120  # different operations in one page


class Live:
    """The script of a graph of single numbers: `form[node]` numbers a node's operation in `script`.

    Raises UnsupportedError, which says why, for graphs that a page cannot compute.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.form: dict[Node, int] = {}
        self.known: dict[tuple[Primitive, int, str, str], int] = {}
        self.texts: list[str] = []
        forward = model.forward
        if not model.scalar:
            raise UnsupportedError("sliders are for single real numbers, and other values flow here")
        for node in model.graph.inputs:
            if np.asarray(forward.values[node]).dtype != np.float64:
                raise UnsupportedError(f"sliders are for doubles, and {node.name} is none")
        for node in model.order:
            made = forward.recorded[node]
            if node.operands and made.__class__ is Traced:  # no constant, nor what only constants go into
                self.form[node] = self.number(node, made)

    def number(self, node: Node, made: Traced) -> int:
        """The form of one operation; operations that mean the same share it."""
        if len(made.operands) != len(node.operands):
            raise UnsupportedError(f"{node.primitive.name} has no formula in single numbers")
        recorded, values = self.model.forward.recorded, self.model.forward.values
        constants = {k: values[x] for k, x in enumerate(node.operands) if recorded[x].__class__ is not Traced}
        key = (made.primitive, len(node.operands), repr(made.params), repr(constants))
        if key not in self.known:
            if len(self.texts) >= MOST_FORMS:
                raise UnsupportedError(f"sliders are for at most {MOST_FORMS} different operations")
            self.texts.append(Form(made, constants).text)
            self.known[key] = len(self.texts) - 1
        return self.known[key]

    @property
    def script(self) -> str:
        return f"const FORMS = [\n{(',' + chr(10)).join(self.texts)}\n];"
