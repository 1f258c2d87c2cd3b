"""What find_nonfinite answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...cards.parts import Card, Picture, Table, Words, facts
from ...cards.shown import Carded
from ...draw.text import short
from ...errors import DifflabError
from ...glance import glance
from ...graph.node import Node
from ...types import FileName, Value
from .history import AnyNode, History, Vertex
from .mends import mend_of
from .picture import Stop, Trail, trail
from .search import Origin, path_to

MOST = 7  # operations of a path that a line names


@dataclass(frozen=True, eq=False, repr=False)
class NonFinite(Carded):
    """Where a NaN or an infinity begins.

    `node` is the operation (or the input, or the constant, that was not finite when it was given): a `Node` of
    difflab's, or a `Vertex` that stands for one of JAX's or PyTorch's. `operands` are the values that it got, `value`
    is what it made and `index` the first entry that is not finite. `path` are the nodes from an input to it. `pass_` is
    "forward" where the function's value is spoilt, else "backward". `source` is the line of the code, `derivative_of`
    the operation whose derivative it is a part of; `turn` names the turn of a loop; `kind` is "NaN", "inf" or "-inf".
    `turned` is the operation that makes a NaN of an infinity later, if one does, and `reaches` says which result is
    spoilt. `mend` says what to write instead, where that is known.
    """

    node: Node | Vertex
    pass_: str
    operands: tuple[Value, ...]
    value: Value
    index: tuple[int, ...]
    path: tuple[Node | Vertex, ...]
    kind: str
    source: str = ""
    derivative_of: str = ""
    turn: str = ""
    turned: Node | Vertex | None = None
    reaches: str = ""
    mend: str = ""
    entries: tuple[str, ...] = ()  # of each node of the path, its value in a few words
    given: tuple[str, ...] = ()  # of each operand, the same

    @property
    def headline(self) -> str:
        """What was found, in a sentence."""
        at = f" at {list(self.index)}" if self.index else ""
        if not self.node.operands:
            return f"{self.pass_} pass: {called(self.node)} is {self.kind}{at} already"
        part = f", in the derivative of {self.derivative_of}" if self.derivative_of else ""
        return f"{self.pass_} pass: {called(self.node)} makes {self.kind}{at}{part}"

    def lines(self) -> list[str]:
        """The finding in at most five lines."""
        got = ", ".join(self.given)
        where = [self.source] * bool(self.source) + [self.turn] * bool(self.turn)
        told = [f"operands: {got}"] * bool(got) + [f"at {', '.join(where)}"] * bool(where)
        then = f"; {called(self.turned)} makes NaN of it" if self.turned is not None else ""
        reaches = f"; it reaches {self.reaches}" if self.reaches else ""
        found = [self.headline, "; ".join(told), f"path: {self.told_path()}{then}{reaches}"]
        return [line for line in [*found, f"mend: {self.mend}" if self.mend else ""] if line]

    def told_path(self) -> str:
        names = [called(n) for n in self.path]
        if len(names) > MOST:
            names = [*names[:3], f"({len(names) - 6} more)", *names[-3:]]
        return " -> ".join(names)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return "\n".join([f"<NonFinite: {self.headline}", *self.lines()[1:]]) + ">"

    def draw(self, path: FileName | None = None, force: bool = False) -> Trail | Path:
        """The path as a drawing, the node marked; with the name of a file (.svg) that is written, and returned."""
        picture = self.picture()
        return picture if path is None else picture.save(path, force)

    def picture(self) -> Trail:
        """The drawing."""
        stops = [stop(n, value) for n, value in zip(self.path, self.entries)]
        marked = [f"⚠ {self.kind}" + (f" at {list(self.index)}" if self.index else "")]
        marked += [f"in the derivative of {self.derivative_of}"] * bool(self.derivative_of)
        marked += [where for where in (self.source, self.turn) if where]
        before = self.path[-2] if len(self.path) > 1 else None
        values = dict(zip(self.node.operands, self.given))
        beside = [stop(x, value.rpartition(" = ")[2]) for x, value in values.items() if x is not before]
        onward = [Stop(called(self.turned), "NaN")] if self.turned is not None else []
        onward += [Stop(self.reaches, kind="output")] if self.reaches else []
        return trail(self.headline, stops, beside, marked, onward)

    def to_json(self) -> dict[str, Value]:
        """The finding as texts and numbers."""
        return {
            "operation": called(self.node),
            "pass": self.pass_,
            "kind": self.kind,
            "index": list(self.index),
            "operands": list(self.given),
            "path": [called(n) for n in self.path],
            "source": self.source,
            "derivative_of": self.derivative_of,
            "turn": self.turn,
            "reaches": self.reaches,
            "mend": self.mend,
        }

    def _card_(self) -> Card:
        told = facts(
            {
                "operands": ", ".join(self.given),
                "line": self.source,
                "turn": self.turn,
                "NaN of it": called(self.turned) if self.turned is not None else "",
                "reaches": self.reaches,
                "value": glance(self.value),
            }
        )
        rows = [[called(n), value] for n, value in zip(self.path, self.entries)]
        card = Card("NonFinite", f"{self.kind}, {self.pass_} pass").add(Words(self.headline, attention=True))
        try:
            card.add(Picture(self.picture().svg, f"the path {self.told_path()}"))
        except DifflabError as error:  # no Graphviz
            card.add(Words(f"no picture: {error}"))
        card.add(told, Table(rows, ("path", "value")))
        return card.add(Words(f"mend: {self.mend}")) if self.mend else card


def called(node: AnyNode) -> str:
    """A node in a word: an input's name, the operation's."""
    name = node.primitive.name
    if node.operands or node.name is None:
        return f"{name} {node.name!r}" if node.name and node.operands else name
    return node.name


def stop(node: AnyNode, value: str) -> Stop:
    """The box of a node."""
    if node.operands:
        return Stop(called(node), value)
    return Stop(called(node), value, "input") if node.name else Stop(value, kind="constant")


def finding(record: History, origin: Origin, pass_: str) -> NonFinite:
    """The answer, from where the search ended."""
    step, node = origin.step, record.nodes[origin.slot]
    slots = path_to(record, origin.slot)
    numbers = record.arrays.numbers(record.values[origin.slot])
    entry = float(np.real(numbers[origin.index])) if numbers is not None else np.nan
    of = "" if step is None else record.derivative_of(step)
    return NonFinite(
        node,
        pass_,
        tuple(record.values[k] for k in step.operands) if step is not None else (),
        record.values[origin.slot],
        origin.index,
        tuple(record.nodes[k] for k in slots),
        "NaN" if np.isnan(entry) else "inf" if entry > 0 else "-inf",
        step.source if step is not None else "",
        of,
        step.turn if step is not None else "",
        origin.turned.node if origin.turned is not None else None,
        origin.reaches,
        mend_of(record, origin, pass_),
        tuple(in_words(record, k, origin.index) for k in slots),
        tuple(named(record, k, in_words(record, k, origin.index)) for k in step.operands) if step is not None else (),
    )


def named(record: History, slot: int, words: str) -> str:
    node = record.nodes[slot]
    return f"{node.name} = {words}" if node.name and not node.operands else words


def in_words(record: History, slot: int, index: tuple[int, ...]) -> str:
    """The entry of a value that stands in the same place, or the value in short."""
    x = record.values[slot]
    numbers = record.arrays.numbers(x)
    if numbers is None:
        numbers = np.asarray(x)
    if index and numbers.ndim and numbers.ndim <= len(index):
        lined = index[len(index) - numbers.ndim :]
        if all(i < n or n == 1 for i, n in zip(lined, numbers.shape)):
            return short(numbers[tuple(i if n > 1 else 0 for i, n in zip(lined, numbers.shape))], 6)
    return short(numbers, 6)


__all__ = ["NonFinite", "called", "finding"]
