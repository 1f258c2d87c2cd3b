"""The pass as a plain program, one line a step: what a line is comes from the graph and from the rules that run.

The backward pass is recorded once more, on nodes, as `backward_graph` does; what an edge sends back is then an
operation, written out down to the values of the forward pass and the adjoint of the sender.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...compile.write.names import written_index
from ...differentiate import reverse
from ...errors import DifflabError
from ...graph.node import Node
from ...graph.node_carrier import NODE
from ...graph.recording import Tape
from ...graph.traced import Traced
from ...primitives import Primitive, rows
from ...primitives.text import ATOM, POWER, PRODUCT, SIGN, Text, Written
from ...types import Params, Tree, Value
from .. import formula
from ..text import clean
from . import plainly
from .model import Model

MOST_WRITTEN = 6  # entries of a constant array
UPSTREAM = "⟦u⟧"  # where a line of the way back has the sender's adjoint
LONGEST = 110  # characters after the equals sign
SIGNS = {"·": " * ", "^": "**", "²": "**2"}  # of formulas in plain text, as Python has them


class Program:
    """`names[node]` is an identifier, `forward[node]` and `back[target, position]` are the right-hand sides."""

    names: dict[Node, str]
    forward: dict[Node, str]
    back: dict[tuple[Node, int], str]

    def __init__(self, model: Model) -> None:
        self.model = model
        self.names = identifiers(model)
        self.forward = {n: bounded(n, self.computed(n)) for n in model.order if n.operands}
        self.back = {}
        if model.backward is not None:
            try:
                self.record()
            except (DifflabError, *REFUSED):
                self.back = {}  # a rule that takes numbers alone; `line` says what it is all the same

    def data(self) -> dict[str, Tree]:
        """For the script: a right-hand side for each node and each edge, and the names that differ from the page's."""
        model = self.model
        differ = {model.index[n]: name for n, name in self.names.items() if name != model.names[n]}
        return {
            "names": differ,
            "forward": [self.forward.get(n, "") for n in model.order],
            "back": [self.line(e.target, e.position) for e in model.edges],
        }

    def line(self, target: Node, position: int) -> str:
        """What an edge sends back."""
        found = self.back.get((target, position))
        if found is None or len(found) > LONGEST:
            return f"vjp({target.primitive.name}, {self.names[target.operands[position]]})({UPSTREAM})"
        return found

    def computed(self, node: Node) -> str:
        """What a node computes, as it was recorded: a call in text says its axes only then."""
        recorded = self.model.forward.recorded
        made, known = recorded[node], {}
        for n, name in reversed(self.names.items()):
            known[n] = name
            if recorded[n].__class__ is Traced:
                known[recorded[n]] = name
        alone = [x for x in node.operands if recorded[x].__class__ is not Traced and x.primitive is not rows.constant]
        if made.__class__ is not Traced or alone or any(recorded[x] is made for x in node.operands):
            made = node  # what hangs on constants alone was not recorded, and has a name here
        return formula.written(made, known, True, self.literal, called)[0]

    def literal(self, x: Value) -> str:
        """A constant of a rule: a large array by the name that the graph has for it."""
        if np.size(x) > MOST_WRITTEN:
            for node, name in self.names.items():
                if node.primitive is rows.constant and np.array_equal(node.params["value"], x, equal_nan=True):
                    return name
        return literal(x)

    def record(self) -> None:
        """The rules once more, on nodes, from the seed to the inputs."""
        model, graph = self.model, self.model.graph
        with Tape() as (tape, _), np.errstate(all="ignore"):
            values = [tape.input(np.asarray(model.forward.values[n])[()], str(n.name)) for n in graph.inputs]
            with Tape() as (inner, operations):
                env = graph.evaluate([inner.input(x) for x in values], NODE)
            vertex = {id(made): n for n, made in reversed(env.items())}
            known = {
                inner.value_of(made): name
                for n, made in env.items()
                if made.__class__ is Traced and (name := self.names.get(n))
            }
            assert model.backward is not None
            top = env[model.output]
            seed = tape.input(np.asarray(model.backward.seed)[()], "seed")

            def observe(node: Value, position: int, upstream: Value, _: Value, downstream: Value) -> None:
                target = vertex.get(id(node))
                if target is not None and len(target.operands) == len(node.operands):
                    named = {**known, upstream: UPSTREAM}
                    text, _level = formula.written(
                        downstream, named, False, self.literal, called, lambda x: plainly.seen(x, named)
                    )
                    self.back[target, position] = text

            if inner.owns(top):
                reverse.sweep(operations, {top: seed}, True, observe)


REFUSED = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)


def identifiers(model: Model) -> dict[Node, str]:
    """A Python name for each node that has one on the page, near to it; constants stand as numbers or by a name."""
    found: dict[Node, str] = {}
    taken: set[str] = set()
    for node in model.order:
        if node.primitive is rows.constant and np.size(node.params["value"]) <= MOST_WRITTEN:
            continue
        plain = re.sub(r"\W+", "_", model.names[node]).strip("_") if node.primitive is not rows.constant else "c"
        name = plain if plain and not plain[0].isdigit() and not keyword.iskeyword(plain) else f"v_{plain}"
        while name in taken:
            name += "_"
        taken.add(name)
        found[node] = name
    return found


def written(x: Value, known: Mapping[Any, str], top: bool = False) -> Written:
    """The Python text of an operation, or of a number, and how strongly it binds."""
    return formula.written(x, known, top, literal, called)


def called(row: Primitive, operands: list[Written], params: Params) -> Written:
    """An operation with Python's signs where it has one, else as a call."""
    if row.kind == "pick":
        return f"{operands[0][0]}[{params['index']}]", ATOM
    if row is rows.transpose and not params:
        text, level = operands[0]
        return f"{text}.T" if level == ATOM else f"({text}).T", ATOM
    known = row is rows.getitem and len(operands) == 1 and "index" in params  # a graph of text may not know it yet
    if known and (index := written_index(params["index"])) is not None:
        return f"{operands[0][0]}[{index.rstrip(',')}]", ATOM
    return form_of(row, len(operands), params).of(operands, **params)


def form_of(row: Primitive, count: int, params: Params) -> Text:
    """The form in which a program writes an operation on so many operands."""
    if row.infix and count == 2:
        level, wanted = (row.text.level, row.text.operands) if row.text else (PRODUCT, (PRODUCT, SIGN))
        return Text(f"{{0}}{row.infix}{{1}}" if level == POWER else f"{{0}} {row.infix} {{1}}", level, wanted)
    if row.text is not None and row.differentiable and row.text.form[0] != "|":
        form = row.text.form
        for sign, python in SIGNS.items():
            form = form.replace(sign, python)
        return row.text._replace(form=form)
    given = [f"{k}={v!r}".replace("{", "{{").replace("}", "}}") for k, v in params.items() if plain(v) or k == "index"]
    return Text(f"{row.name}({', '.join([*(f'{{{k}}}' for k in range(count)), *given])})")


def plain(value: Value) -> bool:
    """Whether a parameter says something, in few characters; None and False are what is meant without it."""
    if isinstance(value, tuple):
        return all(v is None or isinstance(v, int | slice) for v in value)
    return value is not None and value is not False and isinstance(value, bool | int | float | str | slice)


def literal(x: Value) -> str:
    """A number with all its digits, a few in a list, a larger array by its shape."""
    if np.ndim(x) and np.size(x) > MOST_WRITTEN:
        return f"array{np.shape(x)}".replace(" ", "")
    if np.ndim(x):
        return f"[{', '.join(map(literal, x))}]"
    value = np.asarray(x).item()
    if isinstance(value, float) and value == int_of(value):
        return str(int(value))
    return repr(value) if value == value and abs(value) != float("inf") else str(value)


def int_of(value: float) -> float:
    return float(int(value)) if abs(value) < 1e15 else float("nan")


def bounded(node: Node, text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return clean(text, LONGEST)


__all__ = ["Program"]
