"""The drawing of a page: the picture of the graph with room for numbers, and which node and edge each part shows."""

from __future__ import annotations

from ...graph.block import Block
from ...graph.node import Node
from ...primitives import rows
from ...types import Value
from ..build import Builder
from ..formula import sign_of
from ..picture import Box, Kind, Line, OpenBlocks, Picture, Wire
from ..text import clean, shape, short
from .model import Model, is_number

ROOM, WIRE_ROOM = "-0.00e-00", "-0.000 × -0.000 = -0.000"  # as wide as the widest number, and as most equations
OPERATION, NUMBER, NAME, PART = 24, 17, 15, 13  # points of the lines of a box
MAP_WIRE_ROOM = "∂ [-0.00, -0.00]"
GAP, LINE, LETTER = 10, 21, 7  # points between the maps of a box and its border, of a line of text, of a letter in it
QUICK_OVER = 150  # boxes; Graphviz's best layout takes minutes for many
MOST_ROWS = 5  # contributions that have a row each in the box where they meet; of more the last row has the rest
SENDER = 9  # characters of a sender's name in such a row
FAR = 4  # ranks; in a large drawing a longer wire begins at a small box with the name of where it comes from


class Scene(Builder):
    """Builds the picture of a graph with empty places for values, adjoints and local derivatives.

    `nodes_of[box]` are the nodes that a box stands for, `value_of[box]` the one whose numbers it shows,
    `edges_of[wire]` the edges of the backward pass that a wire stands for, and `stub_of[box]` the node that a box
    repeats by name alone, so that no wire crosses a large drawing.
    """

    def __init__(self, model: Model, open_blocks: OpenBlocks, title: str) -> None:
        super().__init__(model.graph, "graph", open_blocks, title)
        self.model = model
        self.arriving: dict[Node, int] = {}
        for e in model.edges:
            self.arriving[e.source] = self.arriving.get(e.source, 0) + 1
        self.nodes_of: dict[int, list[int]] = {}
        self.value_of: dict[int, int] = {}
        self.edges_of: dict[int, list[int]] = {}
        self.blocks_of: dict[int, int] = {}
        self.stub_of: dict[int, int] = {}
        self.rank: dict[Node | Block, int] = {}
        self.all_blocks: dict[Block, int] = {b: k for k, b in enumerate(model.graph.blocks)}

    def built(self) -> Picture:
        holders = dict.fromkeys(map(self.holder, self.graph.order))
        large = len(holders) > QUICK_OVER
        self.rank = self.ranks() if large else {}
        picture = self.build(force=False)
        for node in self.graph.order:
            place = self.place.get(self.holder(node))
            if place is not None and node.primitive is not rows.constant:
                self.nodes_of.setdefault(place, []).append(self.model.index[node])
        picture.quick = large
        return picture

    def ranks(self) -> dict[Node | Block, int]:
        """How many wires lie at most before each box."""
        rank: dict[Node | Block, int] = {}
        for node in self.graph.order:
            holder = self.holder(node)
            before = [rank[h] for h in map(self.holder, node.operands) if h is not holder and h in rank]
            rank[holder] = max(rank.get(holder, 0), 1 + max(before, default=-1))
        return rank

    def start(self, source: Node | Block, target: Node | Block, use: tuple[Node, Node, int]) -> int:
        """The box where a wire begins: its source's, or in a large drawing a stub beside a target far away."""
        if not self.rank or self.rank[target] - self.rank[source] <= FAR or isinstance(source, Block):
            return self.place[source]
        box = Box([Line(clean(self.names[source], 24), bold=True, size=NAME)], "stub", "", self.cluster(use[1].block))
        place = self.picture.add(box)
        self.stub_of[place] = self.model.index[source]
        return place

    def add_node(self, node: Node) -> None:
        holder = self.holder(node)
        if node.primitive is rows.constant or holder in self.place:
            return
        if isinstance(holder, Block):
            box = self.block_box(holder)
        else:
            box = self.node_box(node)
            self.value_of[len(self.picture.boxes)] = self.model.index[node]
        self.place[holder] = self.picture.add(box)

    def node_box(self, node: Node) -> Box:
        row = node.primitive
        if row is rows.input:
            lines = [Line(clean(self.names[node], 24), bold=True, size=NAME)]
        else:
            sign = sign_of(node)
            lines = [Line(sign, size=OPERATION if len(sign) <= 3 and sign[0] != "[" else NUMBER)]
            lines += [Line(clean(self.names[node], 24), bold=bool(node.name), size=NAME)]
        lines += self.room(node)
        kind: Kind = "input" if row is rows.input else "step"
        least = self.map_room(node, len(lines))
        return Box(lines, kind, "", self.cluster(node.block), faded=node not in self.needed, least=least)

    def block_box(self, block: Block) -> Box:
        inside = [n for n in self.graph.order if self.holder(n) is block]
        used = {x for n in self.graph.order for x in n.operands if self.holder(n) is not block}
        leaving = [n for n in inside if n in used or n in self.graph.outputs]
        lines = [Line(clean(block.name, 24), bold=True, size=NAME)]
        place = len(self.picture.boxes)
        self.blocks_of[place] = self.all_blocks[block]
        least = None
        if len(leaving) == 1:
            self.value_of[place] = self.model.index[leaving[0]]
            lines += self.room(leaving[0])
            least = self.map_room(leaving[0], len(lines))
        return Box(lines, "block", "", self.cluster(block.parent), least=least)

    def room(self, node: Node) -> list[Line]:
        """Empty lines for the value and, where something flows back, for the adjoint; of a map its shape alone."""
        if node in self.model.maps:
            return [Line(shape(self.model.forward.values[node]), "forward")]
        text = self.widest(self.model.forward.values[node])
        lines = [Line(text, "forward", size=NUMBER)]
        backward = self.model.backward
        if text != ROOM and backward is not None and node in backward.reached:
            text = self.widest(backward.adjoint[node])
        count = self.arriving.get(node, 0)
        if count or (self.model.backward and node is self.model.output):
            if count > 1 and text == ROOM and not self.rank:
                senders = [clean(self.names[e.target], SENDER) for e in self.model.edges if e.source is node]
                lines += [Line(f"◂ {max(senders, key=len)}  + {ROOM}", "downstream", size=PART)] * min(count, MOST_ROWS)
            lines.append(Line("∂ " + text, "backward", size=NUMBER))
        return lines

    def map_room(self, node: Node, lines: int) -> tuple[float, float] | None:
        """Width and height of a box with the map of an array, and the map of its adjoint beside it."""
        found = self.model.maps.get(node)
        if found is None:
            return None
        maps = 2 if node in self.arriving or (self.model.backward and node is self.model.output) else 1
        caption = LETTER * len("◆ " + shape(self.model.forward.values[node]))  # of each map, above it
        return maps * max(found.width, caption) + (maps + 1) * GAP, lines * LINE + found.height + GAP + 4

    def widest(self, value: Value) -> str:
        if self.model.maps and not is_number(value):
            return MAP_WIRE_ROOM
        return ROOM if is_number(value) else short(value).replace("  ", " ")

    def wire(self, source: Node | Block, target: Node | Block, uses: list[tuple[Node, Node, int]]) -> None:
        numbers = [self.model.edge_index[n, p] for _, n, p in uses if (n, p) in self.model.edge_index]
        lines = []
        if numbers:
            self.edges_of[len(self.picture.wires)] = numbers
            edges = [self.model.edges[k] for k in numbers]
            room = self.widest(edges[0].downstream)
            room = WIRE_ROOM if room == ROOM else room
            lines = [Line(room, "backward")]
        faded = uses[0][1] not in self.needed
        self.picture.wires.append(Wire(self.start(source, target, uses[0]), self.place[target], lines, faded=faded))

    def add_output(self, k: int, y: Node) -> None:
        super().add_output(k, y)
        if y is self.model.output and not y.name and y.primitive is not rows.constant:
            self.picture.boxes[-1].lines[0].text = self.model.output_name  # as the sentences call it

    def add_key(self) -> None:
        """The page has a key of its own."""
