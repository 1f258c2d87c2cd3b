"""Loops and branches in the body of a native loop: their own bodies stand in it, in the same workspace."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.vertices import input_node
from ...primitives import rows
from ...primitives.text import call
from ...types import Array
from .arrays import LOOPS, Block, Refused, Session
from .places import Nest, Strided, even


def kind_of(node: Node) -> str | None:
    return next((k for k in CONTROLS if k in node.primitive.spelling), None)


def check_loops(text: str) -> None:
    if (loops := text.count(" for ")) > LOOPS:
        raise Refused(f"its body of {loops} loops takes numba too long")


def graph_of(body: Any) -> Graph:
    """The optimised graph of a body that looks at no values."""
    program = body.program.build()
    if program.guards:
        raise Refused("it looks at values")
    found: Graph = program.graph
    return found


class Nested(Block):
    """A block that may hold loops and branches. The places of their results are known when they are met."""

    lines: list[str]

    def __init__(self, graph: Graph, a: int, b: int, session: Session, **more: Any) -> None:
        self.inner: dict[Node, Control] = {}
        super().__init__(graph, a, b, session, **more)

    def classify(self, node: Node) -> None:
        if "steps" in node.primitive.spelling:
            raise Refused(
                "a while loop in it runs backwards, which keeps every step, and how many there are is known only then"
            )
        if kind_of(node):
            self.computed[node] = "control"
        elif node.primitive is not rows.pick or node.operands[0] not in self.computed:
            super().classify(node)

    def place(self, node: Node) -> Array:
        if node not in self.places and self.computed.get(node) == "control":
            made = self.inner[node] = CONTROLS[str(kind_of(node))](self, node)
            self.places[node] = np.zeros(0, int) if node.value.__class__ is tuple else made.results[0]
        elif node not in self.places and node.primitive is rows.pick:
            self.place(node.operands[0])
            self.places[node] = self.inner[node.operands[0]].results[node.params["index"]]
        return super().place(node)

    def step(self, nodes: list[Node], indent: str) -> None:
        if self.computed[nodes[0]] == "control":
            self.lines += self.inner[nodes[0]].lines(indent)
        else:
            super().step(nodes, indent)

    def text_of(self, steps: list[list[Node]], indent: str) -> list[str]:
        """The lines of steps that stand in another block."""
        self.lines = []
        self.indent = indent
        self.run(steps, indent)
        return self.lines

    def carried(self) -> list[str]:
        """The lines that hand the carry over to the next step."""
        self.lines = []
        self.carry_on()
        return self.lines


class Control:
    """One loop or branch: its blocks, and the places of its results."""

    home: Nested
    node: Node

    def __init__(self, home: Nested, node: Node) -> None:
        self.home, self.node = home, node
        self.depth: int = home.depth + 1
        self.given: list[Array] = [home.place(x) for x in node.operands]
        picks = [n for n in home.readers.get(node, ()) if n.primitive is rows.pick]
        self.wanted: set[int] = {n.params["index"] for n in picks}  # of several results
        self.results: dict[int, Array] = {}
        self.plan()

    def plan(self) -> None:
        raise NotImplementedError

    def lines(self, indent: str) -> list[str]:
        raise NotImplementedError

    def block(self, body: Any, a: int, b: int, given: list[Array]) -> Nested:
        return Nested(graph_of(body), a, b, self.home.session, given=given, depth=self.depth)

    def fresh(self, x: Node, *lead: int) -> Array:
        return self.home.memory.take((*lead, *x.shape), x.dtype)

    def copy(self, indent: str, to: Array, source: Array, x: Node, steps: tuple[str, str] = ("", "")) -> list[str]:
        """Elements of x's dtype from places to places; `steps` are the numbers of steps in stacked ones."""
        ends = [even(to), even(source)]
        rest = [Strided(e.start, e.steps[1:] if t else e.steps) for e, t in zip(ends, steps)]
        nest = Nest(x.shape, rest)
        heads, deep = nest.heads(indent)
        memory = f"w_{np.dtype(x.dtype).name}"
        places = [
            f"{memory}[{nest.place(k)}{f' + {t} * {e.steps[0]}' if t else ''}]"
            for k, (e, t) in enumerate(zip(ends, steps))
        ]
        return [*heads, f"{deep}{places[0]} = {places[1]}"]

    def copies(self, indent: str, to: list[Array], source: list[Array], like: list[Node]) -> list[str]:
        return [line for c, x, node in zip(to, source, like) for line in self.copy(indent, c, x, node)]


class WhileControl(Control):
    """Value and count lie at places of their own."""

    def plan(self) -> None:
        test, body, a, b = self.node.primitive.spelling["while_loop"]
        self.inputs: list[Node] = graph_of(test).inputs[a:]
        self.first: list[Array] = self.given[b:]
        self.carry: list[Array] = [self.fresh(x) for x in self.inputs]
        self.test: Nested = self.block(test, a, a, [*self.given[:a], *self.carry])
        self.body: Nested = self.block(body, b - a, len(self.given) - a, [*self.given[a:b], *self.carry])
        self.count: Array = self.home.memory.take((), np.dtype(np.int64))
        self.results: dict[int, Array] = dict(enumerate([*self.carry, self.count]))

    def lines(self, indent: str) -> list[str]:
        deep, count = indent + "    ", f"w_int64[{even(self.count).start}]"
        (go_on,) = self.test.graph.outputs
        lines = self.copies(indent, self.carry, self.first, self.inputs)
        lines += self.test.text_of(self.test.before, indent) + self.body.text_of(self.body.before, indent)
        lines += [f"{indent}{count} = 0", f"{indent}while True:", *self.test.text_of(self.test.steps, deep)]
        lines += [f"{deep}if not {self.test.memory_of(go_on)}[{self.test.at(go_on).start}]:", f"{deep}    break"]
        lines += self.body.text_of(self.body.steps, deep)
        return [*lines, *self.body.carried(), f"{deep}{count} += 1"]


class ScanControl(Control):
    """Slices are copied from the arrays that are scanned over, and the results that are wanted to their places."""

    steps: int
    reverse: bool
    first: list[Array]
    moving: list[Array]

    def plan(self) -> None:
        body, a, b, self.steps, self.reverse = self.node.primitive.spelling["scan"]
        graph, n = graph_of(body), b - a
        self.inputs: list[Node] = graph.inputs[a:]
        self.first, self.moving = self.given[a:b], self.given[b:]
        self.carry: list[Array] = [self.fresh(x) for x in graph.inputs[a:b]]
        self.slices: list[Array] = [self.fresh(x) for x in graph.inputs[b:]]
        self.body: Nested = self.block(body, a, b, [*self.given[:a], *self.carry, *self.slices])
        self.stacked: dict[int, Node] = dict(enumerate([*self.body.graph.outputs[n:], *self.body.graph.inputs[a:b]], n))
        made = {k: self.fresh(x, self.steps) for k, x in self.stacked.items() if k in self.wanted}
        self.results: dict[int, Array] = dict(enumerate(self.carry)) | made

    def lines(self, indent: str) -> list[str]:
        deep, t, n, outputs = indent + "    ", self.body.t, len(self.carry), len(self.body.graph.outputs)
        lines = self.copies(indent, self.carry, self.first, self.inputs)
        lines += self.body.text_of(self.body.before, indent)
        bounds = f"{self.steps - 1}, -1, -1" if self.reverse else f"{self.steps}"
        lines.append(f"{indent}for {t} in range({bounds}):")
        handed = {k: x for k, x in self.stacked.items() if k in self.wanted}
        for k, x in handed.items():
            if k >= outputs:
                lines += self.copy(deep, self.results[k], self.body.places[x], x, (t, ""))
        for to, source, x in zip(self.slices, self.moving, self.inputs[n:]):
            lines += self.copy(deep, to, source, x, ("", t))
        lines += self.body.text_of(self.body.steps, deep)
        for k, x in handed.items():
            if k < outputs:
                lines += self.copy(deep, self.results[k], self.body.places[x], x, (t, ""))
        return [*lines, *self.body.carried(), f"{deep}pass"]


class CondControl(Control):
    """Both branches write their results to the same places."""

    def plan(self) -> None:
        branches, part = self.node.primitive.spelling["cond"]
        given = [part(self.given, which) for which in (0, 1)]
        unread = self.home.memory.take((), np.dtype(float))
        self.branches: list[Nested] = [
            self.block(b, len(g), len(g), [*g[:-1], unread]) for b, g in zip(branches, given)
        ]
        self.outputs: list[Node] = self.branches[0].graph.outputs
        self.results: dict[int, Array] = dict(enumerate(map(self.fresh, self.outputs)))

    def lines(self, indent: str) -> list[str]:
        chosen = self.node.operands[0]
        lines, deep = [f"{indent}if {self.home.memory_of(chosen)}[{even(self.given[0]).start}]:"], indent + "    "
        for which in (1, 0):
            block = self.branches[which]
            lines += block.text_of([*block.before, *block.steps], deep)
            found = [block.places[y] for y in block.graph.outputs]
            lines += [*self.copies(deep, list(self.results.values()), found, self.outputs), f"{deep}pass"]
            lines += [f"{indent}else:"] * which
        return lines


CONTROLS: dict[str, type[Control]] = {"scan": ScanControl, "while_loop": WhileControl, "cond": CondControl}


class Whole(Nested):
    """A loop or branch that stands alone, as a function of the workspace."""

    def __init__(self, node: Node, wanted: set[int]) -> None:
        inputs = [input_node(f"x{k}", x.value) for k, x in enumerate(node.operands)]
        alone = Node(node.primitive, tuple(inputs), node.params, node.value)
        picks = [Node(rows.pick, (alone,), {"index": k}, node.value[k]) for k in sorted(wanted)]
        self.several: bool = node.value.__class__ is tuple
        self.found: list[int] = sorted(wanted) if self.several else [0]  # the positions of the outputs
        graph = Graph(order=[*inputs, alone, *picks], inputs=inputs, outputs=picks if self.several else [alone])
        super().__init__(graph, len(inputs), len(inputs), Session())
        self.indent = "    "
        self.run([*self.before, *self.steps], "    ")
        arguments = [f"w_{np.dtype(d).name}" for d in self.memory.used]
        self.text: str = "\n".join([f"def {call('loop', *arguments)}:", *self.lines, ""])
        check_loops(self.text)
