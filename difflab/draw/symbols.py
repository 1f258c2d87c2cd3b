"""The local process in symbols: on each wire the local derivative, and upstream × local = downstream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..graph.block import Block
from ..graph.graph import BackwardPass, Graph
from ..graph.node import Node
from ..primitives import Linear, rows
from .formula import LONG, local_formula, node_formula
from .picture import Line, Span, Tone
from .text import short

PLACES = "₁₂₃₄₅₆₇₈₉"
# How the transposed maps of products are written, for each operand: the other operand left or right of the upstream.
PRODUCTS = {rows.matmul: ("{up} @ {1}ᵀ", "{0}ᵀ @ {up}")}
Use = tuple[Node, Node, int]


class Symbols:
    """What the symbolic view writes on the wires and boxes of a graph, with the numbers of a pass where there is one.

    `holder` maps a node to the box that shows it: the node itself, or the closed block that it stands in. `top` names
    what is differentiated: the first output, or L where a seed other than ones says that more comes after it.
    """

    graph: Graph
    holder: Callable[[Node], Node | Block]
    backward: BackwardPass | None

    def __init__(
        self,
        graph: Graph,
        names: dict[Node, str],
        holder: Callable[[Node], Node | Block],
        backward: BackwardPass | None,
    ) -> None:
        self.graph, self.holder, self.backward = graph, holder, backward
        self.output: Node = graph.outputs[0]
        self.names: dict[Node, str] = dict(names)
        if not self.output.name and self.output.operands:
            self.names[self.output] = free(("f", "y", "L"), names.values(), names[self.output])
        self.seeded: bool = backward is not None and bool(np.any(backward.seed != 1))
        self.top: str = free(("L", "loss", "J"), names.values(), "∗") if self.seeded else self.names[self.output]
        self.leaving: set[Node] = {x for n in graph.order for x in n.operands if holder(n) is not holder(x)} | set(
            graph.outputs
        )
        self.flowing: set[tuple[Node, int]] = self.paths()
        self.parts: dict[Node, int] = defaultdict(int)
        for x, count in self.bundles():
            self.parts[x] += count

    def paths(self) -> set[tuple[Node, int]]:
        """The uses (node, place of the operand) through which something flows back to the operand."""
        if self.backward is not None:
            return {(e.target, e.position) for e in self.backward.edges}
        found, reached = set(), {self.output}
        for node in reversed(self.graph.order):
            for position, x in enumerate(node.operands if node in reached else ()):
                if x.primitive is not rows.constant and passes(node, position):
                    found.add((node, position))
                    reached.add(x)
        return found

    def bundles(self) -> Iterable[tuple[Node, int]]:
        """A pair for each two boxes that are joined: the node that gets something back, and by how many wires."""
        count: dict[tuple[Node, Node | Block], int] = defaultdict(int)
        for node, position in self.flowing:
            x = node.operands[position]
            if self.holder(x) is not self.holder(node):
                count[x, self.holder(node)] += 1
        for (x, target), uses in count.items():
            yield x, 1 if isinstance(target, Block) or isinstance(self.holder(x), Block) else uses

    # Boxes.
    def formula(self, node: Node) -> str:
        return f"{self.names[node]} = {node_formula(node, self.names)}"

    def block_formula(self, block: Block) -> str:
        """A closed block as a function of what enters it: `z = f(x, y)`."""
        inside = [n for n in self.graph.order if self.holder(n) is block]
        outs = [self.names[n] for n in inside if n in self.leaving]
        entering = dict.fromkeys(
            self.names[x] for n in inside for x in n.operands
            if self.holder(x) is not block and x.primitive is not rows.constant
        )  # fmt: skip
        text = f"{', '.join(outs)} = {block.name}({', '.join(entering)})"
        return text if len(text) <= LONG else block.name

    def adjoint(self, node: Node) -> list[Line]:
        """The adjoint of a node, where several parts meet or numbers are known; the output has it to send."""
        tone: Tone = "backward" if node is self.output else "downstream"
        if self.backward is not None and node in self.backward.reached:
            total = self.backward.adjoint[node]
            parts = [e.downstream for e in self.backward.edges if e.source is node]
            text = short(total)
            if 1 < len(parts) <= 4 and np.ndim(total) == 0:
                text = " + ".join(f"({short(p)})" if p < 0 and k else short(p) for k, p in enumerate(parts))
                text += f" = {short(total)}"
            return [Line(f"{self.partial(node)} = {text}", tone)]
        if self.parts[node] > 1:
            return [Line(f"{self.partial(node)} = sum of {self.parts[node]} parts", tone)]
        return []

    def seed(self) -> Line:
        """What the backward pass starts from: 1, or what comes from further on."""
        seed = short(self.backward.seed) if self.backward is not None else "1"
        return Line(f"{self.partial(self.output)} = {seed}", "backward")

    # Wires.
    def lines(self, uses: list[Use]) -> list[Line]:
        """The lines of one wire: the local derivative, the equation in symbols, the same in numbers."""
        uses = [use for use in uses if (use[1], use[2]) in self.flowing]
        sources = list(dict.fromkeys(x for x, _, _ in uses))
        block = self.holder(uses[0][1]) if uses else None
        if isinstance(block, Block):
            outs = [n for n in self.graph.order if self.holder(n) is block and n in self.leaving]
            if len(sources) == 1 and len(outs) == 1:
                return [self.equation(sources[0], outs[0], self.partial_of(outs[0], sources[0]))]
        elif len(uses) == 1:
            return self.one(*uses[0])
        return [Line(self.arriving(x), "downstream") for x in sources]

    def one(self, x: Node, node: Node, position: int) -> list[Line]:
        local = self.partial_of(node, x, position)
        row = node.primitive.plain
        form = PRODUCTS.get(row)
        if form is not None:
            made = [self.product(form[position], node, x)]
        elif isinstance(row, Linear):
            upstream: tuple[Span, ...] = ("(", "ink"), (self.upstream(node), "backward"), (")", "ink")
            made = [Line.of((f"{row.name}ᵀ", "local"), *upstream, (" = ", "ink"), (self.arriving(x), "downstream"))]
        else:
            formula = local_formula(node, position, self.names)
            known = formula not in ("", f"∂{node.primitive.name}")
            made = [Line(f"{local} = {formula}", "local")] * known
            made.append(self.equation(x, node, local, summed=self.broadcast(x, node)))
        return made + self.numbers(node, position)

    def equation(self, x: Node, node: Node, local: str, summed: bool = False) -> Line:
        """Upstream × local = downstream."""
        pieces: list[Span] = [("Σ ", "ink")] if summed else []
        pieces += [(self.upstream(node), "backward"), (" × ", "ink"), (local, "local"), (" = ", "ink")]
        return Line.of(*pieces, (self.arriving(x), "downstream"))

    def product(self, form: str, node: Node, x: Node) -> Line:
        """The equation of a matrix product, where order matters: upstream @ bᵀ, aᵀ @ upstream."""
        before, after = form.split("{up}")
        pieces: list[Span] = []
        for text in (before, None, after):
            if text is None:
                pieces.append((self.upstream(node), "backward"))
            elif text:
                pieces.append((text.format(*[self.names[o] for o in node.operands]), "local"))
        return Line.of(*pieces, (" = ", "ink"), (self.arriving(x), "downstream"))

    def numbers(self, node: Node, position: int) -> list[Line]:
        """The equation in numbers, where a pass has them and they are single ones."""
        if self.backward is None:
            return []
        edge = next(e for e in self.backward.edges if e.target is node and e.position == position)
        if edge.local is None or np.ndim(edge.downstream) or np.ndim(edge.upstream):
            return [Line(short(edge.downstream), "downstream")]
        factor = f"({short(edge.local)})" if edge.local < 0 else short(edge.local)
        return [
            Line.of((short(edge.upstream), "backward"), (" × ", "ink"), (factor, "local"), (" = ", "ink"),
                    (short(edge.downstream), "downstream"))
        ]  # fmt: skip

    def partial(self, node: Node) -> str:
        return f"∂{self.top}/∂{self.names[node]}"

    def partial_of(self, node: Node, x: Node, position: int | None = None) -> str:
        """∂node/∂operand; the place of an operand that stands there twice is a small number."""
        twice = position is not None and sum(o is x for o in node.operands) > 1
        place = PLACES[position] if twice and position is not None and position < len(PLACES) else ""
        return f"∂{self.names[node]}/∂{self.names[x]}{place}"

    def upstream(self, node: Node) -> str:
        return "1" if node is self.output and not self.seeded else self.partial(node)

    def arriving(self, x: Node) -> str:
        return self.partial(x) if self.parts[x] <= 1 else f"part of {self.partial(x)}"

    def broadcast(self, x: Node, node: Node) -> bool:
        """Whether an operand was repeated to the shape of the result, so that what arrives is a sum."""
        if node.primitive.kind != "elementwise":
            return False
        if self.backward is not None:
            values = self.backward.forward.values
            unlike: bool = np.shape(values[x]) != np.shape(values[node])
        else:
            unlike = x.shape is not None and node.shape is not None and x.shape != node.shape
        return unlike


def passes(node: Node, position: int) -> bool:
    """Whether a derivative flows through an operation to this operand, as far as its row says."""
    row: Any = node.primitive.plain
    if row.kind == "elementwise":
        rule = row.partials[position]
        return rule is not None and not (isinstance(rule, int) and rule == 0)
    return bool(row.differentiable) and position not in getattr(row, "fixed", ())


def free(candidates: Iterable[str], taken: Iterable[str], otherwise: str) -> str:
    """The first name that nothing else has."""
    used = set(taken)
    return next((name for name in candidates if name not in used), otherwise)
