"""Whether a page can compute: the form of every operation as JavaScript, or the reason why not."""

from __future__ import annotations

import numpy as np

from ...errors import UnsupportedError
from ...graph.node import Node
from ...graph.traced import Traced
from ...primitives import Primitive
from .arrays import Operations
from .model import Model
from .script import Form

MOST_FORMS = 120  # different operations in one page
MOST_ENTRIES = 400  # of one array


class Live:
    """The script of a graph: `form[node]` numbers a node's operation in `script`.

    Where every value is a single number and every operation has a formula, they are formulas (`key` is "form");
    elsewhere they are operations on arrays ("op"). Raises UnsupportedError, which says why, for graphs that a page
    cannot compute.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.form: dict[Node, int] = {}
        self.known: dict[tuple[Primitive, int, str, str], int] = {}
        self.texts: list[str] = []
        self.operations: Operations | None = None
        for node in model.graph.inputs:
            if np.asarray(model.forward.values[node]).dtype != np.float64:
                raise UnsupportedError(f"sliders are for doubles, and {model.names[node]} is none")
        if not model.scalar:
            small(model)
            self.read_arrays()
            return
        try:
            self.form = {node: self.number(node, made) for node, made in self.computed()}
        except UnsupportedError as refused:
            try:
                self.read_arrays()
            except UnsupportedError:
                raise refused from None

    @property
    def key(self) -> str:
        """What the script calls the number of an operation."""
        return "form" if self.operations is None else "op"

    def computed(self) -> list[tuple[Node, Traced]]:
        """The nodes that are no constants, nor what only constants go into, and what was recorded for them."""
        recorded = self.model.forward.recorded
        return [(n, recorded[n]) for n in self.model.order if n.operands and recorded[n].__class__ is Traced]

    def read_arrays(self) -> None:
        """Every operation as one on arrays."""
        self.operations = Operations(MOST_FORMS)
        self.form = {node: self.operation(node, made) for node, made in self.computed()}

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

    def operation(self, node: Node, made: Traced) -> int:
        """The operation on arrays of one node, on the operands that its vertex has."""
        assert self.operations is not None
        recorded = self.model.forward.recorded
        values, own = made.tape.read(made.operands)
        found = self.operations.number(made.primitive, values, made.params, set(own), made.value)
        if len(made.operands) == len(node.operands):
            return found
        places = [[k for k, n in enumerate(node.operands) if recorded[n] is x] for x in made.operands]
        if not all(places[k] for k in own):
            raise UnsupportedError(f"{node.primitive.name} is several operations here, and a page shows one")
        return self.operations.regrouped(found, len(node.operands), values, {k: places[k][0] for k in own})

    @property
    def script(self) -> str:
        if self.operations is not None:
            return self.operations.script
        return f"const FORMS = [\n{(',' + chr(10)).join(self.texts)}\n];"


def small(model: Model) -> None:
    """Refuses what is too large to be computed, and shown entry by entry, on a page."""
    for node in model.order:
        value = model.forward.values[node]
        if isinstance(value, tuple | list):
            raise UnsupportedError(f"{model.names[node]} has several results, and a page follows single ones")
        if np.asarray(value).dtype.kind not in "fbiu":
            raise UnsupportedError(f"sliders are for real numbers, and {model.names[node]} is none")
        if np.size(value) > MOST_ENTRIES or np.size(value) == 0:
            raise UnsupportedError(
                f"{model.names[node]} has {np.size(value):,} entries, and a page moves arrays of 1 to {MOST_ENTRIES}"
            )
