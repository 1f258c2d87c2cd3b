"""From a graph or a pass to a picture: what is shown, collapsed, written on the wires and marked."""

from __future__ import annotations

from collections import defaultdict
from itertools import takewhile
from typing import Any, Literal

import numpy as np

from ..errors import DrawError, InputError
from ..graph.block import Block
from ..graph.graph import BackwardPass, Edge, ForwardPass, Graph
from ..graph.node import Node
from ..primitives import rows
from ..types import Value
from .equation import adjoint_text, product
from .formula import names_of, node_formula, sign_of
from .key import key_of
from .marks import LEGEND, marks_of
from .picture import Box, Line, OpenBlocks, Picture, Span, Tone, Wire
from .symbols import Symbols
from .text import clean, shape, short

VIEWS = ("both", "forward", "backward", "graph", "symbolic")
COLLAPSE_OVER, REFUSE_OVER = 100, 2000


class Builder:
    """Builds the picture of one graph, with the values and adjoints of a pass where there is one."""

    def __init__(self, thing: Any, view: str | None, open_blocks: OpenBlocks, title: str | None) -> None:
        self.backward: BackwardPass | None = thing if isinstance(thing, BackwardPass) else None
        self.forward: ForwardPass | None = (
            thing if isinstance(thing, ForwardPass) else self.backward.forward if self.backward else None
        )
        self.graph: Graph = thing if isinstance(thing, Graph) else thing.graph
        self.view: str = check_view(view, self.backward, self.forward)
        self.names: dict[Node, str] = names_of(self.graph)
        self.open_blocks = open_blocks
        self.held: dict[Node, Block] = {}
        if self.view != "symbolic":
            self.held = self.holdings()
        self.needed: set[Node] = ancestors(self.graph)
        self.edges: dict[tuple[Node, int], Edge] = {}
        for edge in self.backward.edges if self.backward else ():
            self.edges[edge.target, edge.position] = edge
        self.symbols: Symbols | None = None
        if self.view == "symbolic":
            self.symbols = Symbols(self.graph, self.names, self.holder, self.backward)
            self.names = self.symbols.names
        self.picture: Picture = Picture(title or default_title(self.graph, self.view), self.description())
        self.place: dict[Node | Block, int] = {}
        self.numbers: dict[Block, int] = {}
        self.seen_marks: dict[str, None] = {}
        self.tone: Literal["", "forward"] = "forward" if self.view in ("both", "forward", "symbolic") else ""

    def build(self, force: bool) -> Picture:
        shown = [self.holder(n) for n in self.graph.order if n.primitive is not rows.constant]
        count = len(dict.fromkeys(shown))
        if count > REFUSE_OVER and not force:
            raise DrawError(
                f"the picture would have {count} boxes, more than {REFUSE_OVER}; collapse blocks "
                "(open_blocks=False), draw a part of the graph, or force it"
            )
        for node in self.graph.order:
            self.add_node(node)
        self.add_wires()
        for k, y in enumerate(self.graph.outputs):
            self.add_output(k, y)
        self.add_key()
        return self.picture

    # Blocks.
    def holder(self, node: Node) -> Node | Block:
        """The node, or the outermost collapsed block that it stands in; parameters stand in that of their block."""
        if node in self.held:
            return self.held[node]
        found: Node | Block = node
        block = node.block
        while block is not None:
            if not self.is_open(block):
                found = block
            block = block.parent
        return found

    def is_open(self, block: Block) -> bool:
        if isinstance(self.open_blocks, bool):
            return self.open_blocks
        if self.open_blocks is None:
            return len(self.graph) <= COLLAPSE_OVER
        return block.name in self.open_blocks

    def cluster(self, block: Block | None) -> tuple[int, ...]:
        if block is None:
            return ()
        number = self.numbers.setdefault(block, len(self.numbers))
        path = (*self.cluster(block.parent), number)
        self.picture.clusters.setdefault(path, block.name)
        return path

    def holdings(self) -> dict[Node, Block]:
        """Parameters of a closed block, named after it (`conv1.bias`), that nothing else uses: its box holds them."""
        users: dict[Node, set[Node | Block]] = {x: set() for x in self.graph.inputs}
        for node in self.graph.order:
            for x in node.operands:
                if x in users:
                    users[x].add(self.holder(node))
        outputs = set(self.graph.outputs)
        found: dict[Node, Block] = {}
        for x, holders in users.items():
            block = next(iter(holders)) if len(holders) == 1 else None
            if isinstance(block, Block) and x not in outputs and self.names[x].startswith(f"{block.name}."):
                found[x] = block
        return found

    # Boxes.
    def add_node(self, node: Node) -> None:
        holder = self.holder(node)
        if node.primitive is rows.constant or holder in self.place:
            return
        if isinstance(holder, Block):
            box = self.block_box(holder)
        else:
            box = self.node_box(node)
        self.place[holder] = self.picture.add(box)

    def node_box(self, node: Node) -> Box:
        row = node.primitive
        dead = node not in self.needed
        adjoint_part = node in self.graph.partner
        if row is rows.input:
            lines = [Line(clean(self.names[node] or "input"), bold=True)]
        else:
            tone: Tone = "backward" if adjoint_part else "ink"
            sign, large = sign_of(node), is_sign(row.glyph)
            lines = [Line(self.names[node], tone, large, True, sign=sign) if node.name else Line(sign, tone, large)]
        if self.symbols and node.operands:
            lines = [Line(self.symbols.formula(node))]
        lines += self.value_lines(node)
        lines += self.symbols.adjoint(node) if self.symbols else self.adjoint_lines(node)
        marks = marks_of(node, self.forward, self.backward, dead)
        self.seen_marks.update(dict.fromkeys(marks))
        lines += [Line(LEGEND[m][0]) for m in marks]
        return Box(
            lines,
            "input" if row is rows.input else "step",
            self.about(node),
            self.cluster(node.block),
            marked=bool(marks) and not dead,
            faded=dead,
        )

    def block_box(self, block: Block) -> Box:
        """A closed block, with the values and adjoints of what leaves it."""
        lines = [Line(self.symbols.block_formula(block) if self.symbols else block.name, bold=True)]
        leaving = self.leaving(block)
        for node in leaving:
            found = self.value_lines(node) + ([] if self.symbols else self.adjoint_lines(node))
            lines += found if len(leaving) == 1 else [Line(f"{self.names[node]}: {x.text}", x.tone) for x in found]
        lines += [self.parameter(x, block) for x, holder in self.held.items() if holder is block]
        return Box(lines, "block", f"block {block.name}", self.cluster(block.parent))

    def parameter(self, x: Node, block: Block) -> Line:
        """A parameter in the box of its block: its name there, its value or shape, and how large its gradient is."""
        told: list[Span] = [(self.names[x].removeprefix(f"{block.name}."), "ink")]
        several = x.shape is not None and bool(x.shape)
        if several and x.shape is not None:
            told.append((" " + shape(np.empty(x.shape, dtype=bool)), "ink"))
        elif self.forward is not None and self.tone:
            told.append((" " + short(self.forward.values[x]), "forward"))
        if self.backward is not None and self.view in ("both", "backward") and x in self.backward.reached:
            adjoint = self.backward.adjoint[x]
            told.append(("  " + adjoint_text(adjoint), "downstream"))
        return Line.of(*told)

    def leaving(self, block: Block) -> list[Node]:
        """The nodes of a closed block that are used outside it."""
        used = {x for n in self.graph.order for x in n.operands if self.holder(n) is not block}
        used.update(self.graph.outputs)
        return [n for n in self.graph.order if n in used and self.holder(n) is block]

    def value_lines(self, node: Node) -> list[Line]:
        """The value of a node, where there is one to show; its shape where there is none."""
        if self.forward is not None and self.view in ("both", "forward", "symbolic"):
            return [Line(short(self.forward.values[node]), "forward")]
        if self.view not in ("graph", "symbolic"):
            return []
        results = node.value if node.value.__class__ is tuple else (node.value,)
        shapes = [node.shape] if node.primitive is rows.input else [x.shape for x in results]
        told = ", ".join(shape(np.empty(s, dtype=bool)) for s in shapes if s)
        return [Line(told)] if told else []

    def adjoint_lines(self, node: Node) -> list[Line]:
        """The adjoint of a node; where several contributions arrive, their sum written out."""
        if self.backward is None or self.view not in ("both", "backward") or node not in self.backward.reached:
            return []
        tone: Tone = "backward" if node is self.backward.output else "downstream"
        total = self.backward.adjoint[node]
        parts = [e.downstream for e in self.backward.edges if e.source is node]
        if len(parts) > 1 and np.ndim(total) == 0 and len(parts) <= 4:
            text = " + ".join(f"({short(p)})" if p < 0 and k else short(p) for k, p in enumerate(parts))
            return [Line(f"∂ = {text} = {short(total)}", tone)]
        suffix = f"  (sum of {len(parts)})" if len(parts) > 1 else ""
        return [Line(self.adjoint_text(node) + suffix, tone)]

    def adjoint_text(self, node: Node) -> str:
        return adjoint_text(self.backward.adjoint[node]) if self.backward is not None else ""

    def about(self, node: Node) -> str:
        text = (
            f"{self.names[node]} = {node_formula(node, self.names)}" if node.operands else f"input {self.names[node]}"
        )
        if self.forward is not None:
            text += f", value {short(self.forward.values[node], 6)}"
        if self.backward is not None and node in self.backward.reached:
            text += f", adjoint {short(self.backward.adjoint[node], 6)}"
        return text

    # Wires.
    def add_wires(self) -> None:
        bundles: dict[tuple[Node | Block, Node | Block], list[tuple[Node, Node, int]]] = defaultdict(list)
        for node in self.graph.order:
            for position, x in enumerate(node.operands):
                source, target = self.holder(x), self.holder(node)
                if source is target and isinstance(source, Block):
                    continue
                if x.primitive is rows.constant:
                    self.add_constant(x, node, position)
                elif isinstance(source, Block) or isinstance(target, Block):
                    bundles[source, target].append((x, node, position))
                else:
                    self.wire(source, target, [(x, node, position)])
        for (source, target), uses in bundles.items():
            self.wire(source, target, uses)

    def wire(self, source: Node | Block, target: Node | Block, uses: list[tuple[Node, Node, int]]) -> None:
        """The wire forward; on the way back in numbers the wire itself turns, and carries the equation on a card."""
        about, first = self.about_wire(uses), uses[0][1]
        back = self.symbols.lines(uses) if self.symbols else self.equations(uses)
        if self.symbols or not back:
            self.picture.wires.append(
                Wire(
                    self.place[source],
                    self.place[target],
                    backward=first in self.graph.partner,
                    faded=first not in self.needed,
                    about=about,
                    tone=self.tone,
                )
            )
        if back and (self.symbols or not self.said(uses[0][0], back)):
            self.wire_back(source, target, back, about)
        elif back:
            self.picture.wires.append(
                Wire(self.place[source], self.place[target], reversed=True, tone="back", about=about)
            )

    def said(self, x: Node, lines: list[Line]) -> bool:
        """Whether a card would repeat what the receiver's box says: an adjoint from one sender, without an equation."""
        return len(lines) == 1 and len(lines[0].spans) == 1 and lines[0].spans[0][0] == self.adjoint_text(x)

    def wire_back(self, source: Node | Block, target: Node | Block, lines: list[Line], about: str) -> None:
        """The way back: from the sender to a card with the equation, and on to the receiver."""
        if self.backward is None:
            about = "; ".join(line.text for line in lines)
        card = self.picture.add(Box(lines, "card", about, self.common(source, target)))
        self.picture.wires.append(Wire(self.place[source], card, reversed=True, tone="downstream", about=about))
        self.picture.wires.append(Wire(card, self.place[target], tone="backward", about=about))

    def common(self, source: Node | Block, target: Node | Block) -> tuple[int, ...]:
        """The innermost opened block that holds both."""
        paths = (self.picture.boxes[self.place[end]].cluster for end in (source, target))
        return tuple(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(*paths)))

    def about_wire(self, uses: list[tuple[Node, Node, int]]) -> str:
        """What flows on a wire, in a sentence for each of its first uses."""
        told = [self.about_use(*use) for use in uses[:3]]
        return "; ".join(told) + "; …" * (len(uses) > 3)

    def about_use(self, x: Node, node: Node, position: int) -> str:
        edge = self.edges.get((node, position)) if self.view not in ("forward", "graph") else None
        if edge is None:
            value = "" if self.forward is None else f" = {short(self.forward.values[x], 6)}"
            return f"{self.names[x]}{value} goes into {self.names[node]}"
        down = f"{short(edge.downstream, 6)} (downstream) back to {self.names[x]}"
        if edge.local is None:
            return f"{self.names[node]} has {short(edge.upstream, 6)} (upstream) and sends {down}"
        product = f"{short(edge.upstream, 6)} (upstream) × {short(edge.local, 6)} (local)"
        return f"{self.names[node]} sends {product} = {down}"

    def equations(self, uses: list[tuple[Node, Node, int]]) -> list[Line]:
        """What a wire of the way back carries: upstream × local = downstream, or what arrives."""
        if self.backward is None or self.view not in ("both", "backward"):
            return []
        edges = [self.edges[n, p] for _, n, p in uses if (n, p) in self.edges]
        if not edges:
            return []
        block = self.holder(uses[0][1])
        found = None
        if len(edges) == 1 and isinstance(block, Block):
            found = self.through_block(block, edges[0].downstream)
        elif len(edges) == 1:
            found = product(edges[0].upstream, edges[0].local, edges[0].downstream)
        arriving: dict[Node, Value] = {}
        for e in edges:
            arriving[e.source] = arriving[e.source] + e.downstream if e.source in arriving else e.downstream
        return [found] if found else [Line.of((adjoint_text(v), "downstream")) for v in arriving.values()]

    def through_block(self, block: Block, downstream: Value) -> Line | None:
        """Upstream × local = downstream for a closed block as a whole, where it has one scalar output."""
        outputs = self.leaving(block)
        back = self.backward
        if back is None or len(outputs) != 1 or np.ndim(downstream) or outputs[0] not in back.reached:
            return None
        upstream = back.adjoint[outputs[0]]
        if np.ndim(upstream) or upstream == 0:
            return None
        return product(upstream, downstream / upstream, downstream)

    def add_constant(self, x: Node, node: Node, position: int) -> None:
        """Constants are drawn small, once for each use, so that no arrow crosses the picture."""
        target = self.holder(node)
        if isinstance(target, Block):
            return
        box = Box(
            [Line(short(x.params["value"]))],
            "constant",
            f"constant {short(x.params['value'], 6)}",
            self.cluster(node.block),
            faded=node not in self.needed,
        )
        self.picture.wires.append(Wire(self.picture.add(box), self.place[target], faded=node not in self.needed))

    def add_output(self, k: int, y: Node) -> None:
        if y.primitive is rows.constant:
            return
        name = (y.name and self.names[y]) or ("output" if len(self.graph.outputs) == 1 else f"output {k}")
        name = self.names[y] if self.symbols else name
        adjoint_part = y in self.graph.partner
        lines = [Line(name, "backward" if adjoint_part else "ink", bold=True)]
        back = False
        if self.symbols and y is self.graph.outputs[0]:
            lines.append(self.symbols.seed())
        elif self.backward is not None and y is self.backward.output and self.view in ("both", "backward"):
            lines.append(Line(f"∂ {short(self.backward.seed)}", "backward"))
            back = True
        place = self.picture.add(Box(lines, "output", f"output {name}"))
        seed = f"the backward pass begins at {name}"
        wire = Wire(self.place[self.holder(y)], place, backward=adjoint_part, tone=self.tone)
        if back:
            wire = Wire(wire.source, place, reversed=True, tone="backward", about=seed)
        self.picture.wires.append(wire)

    def add_key(self) -> None:
        """Below the drawing: what its colours and marks mean."""
        flows = bool(self.symbols.flowing) if self.symbols else self.backward is not None
        values = self.forward is not None and bool(self.tone)
        self.picture.key = key_of(values, flows and self.view not in ("graph", "forward"), self.seen_marks)

    def description(self) -> str:
        inputs = ", ".join(self.names[n] for n in self.graph.inputs) or "none"
        text = f"A computational graph of {len(self.graph.operations)} operations; inputs: {inputs}."
        if self.forward is not None:
            results = ", ".join(f"{y.name or 'output'} = {short(self.forward.values[y])}" for y in self.graph.outputs)
            text += f" Forward pass: {results}."
        if self.backward is not None:
            text += (
                " Backward pass: "
                + ", ".join(
                    f"adjoint of {self.names[n]} = {short(self.backward.adjoint[n])}" for n in self.graph.inputs
                )
                + "."
            )
        return text


def is_sign(glyph: str) -> bool:
    """Whether it is a sign, which is drawn large; a word, such as exp, would reach down to the line below it."""
    return len(glyph) == 1 or (len(glyph) <= 3 and not glyph.isalpha())


def check_view(view: str | None, backward: BackwardPass | None, forward: ForwardPass | None) -> str:
    if view is None:
        return "both" if backward else "forward" if forward else "graph"
    if view not in VIEWS:
        raise InputError(f"view={view!r}: the views are {', '.join(VIEWS)}")
    if view in ("both", "backward") and backward is None:
        raise InputError(f"view={view!r} needs a backward pass: draw graph.forward(...).backward()")
    if view == "forward" and forward is None:
        raise InputError("view='forward' needs values: draw graph.forward(...)")
    return view


def default_title(graph: Graph, view: str) -> str:
    what = {
        "both": "Forward and backward pass",
        "forward": "Forward pass",
        "backward": "Backward pass",
        "graph": "Computational graph",
        "symbolic": "Formulas and local derivatives",
    }[view]
    return f"{what} of {clean(graph.text, 80)}" if graph.text else what


def ancestors(graph: Graph) -> set[Node]:
    found = set(graph.outputs)
    for node in reversed(graph.order):
        if node in found:
            found.update(node.operands)
    return found
