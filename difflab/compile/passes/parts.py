"""What nobody reads is not computed: a part of a result is made of the parts of the operands that it needs.

(a @ b)[:, places] is a @ b[:, places], and sin(x)[:10] is sin(x[:10]). An index moves towards the inputs as far as what
it passes is read by it alone, if the work that it saves is more than what the indices cost that take its place. Where
several read at places of their own along an axis, the value is made at all of their places.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...primitives import rows
from ...primitives.by_parts import Part, Places, as_slice, elements, getitem, index_entries, places_of, shape_of, whole
from ...types import Params, Shape, Value
from .rewriting import made, rebuilt, relinked, users

SMALL = 256  # elements of a value where nothing is gained
CALL, VIEW = 1000, 200  # additions in the time of one more operation, and of one more view
MOVED = 3  # additions in the time of reading an element at a place of its own
VISITS = 3_000_000  # nodes that are looked at, some us each, before the rest of a large graph stays as it is
FUSED = 10  # multiplications within a product of matrices in the time of an addition


def parts(graph: Graph) -> Graph:
    """Moves indices ahead of what only they read."""
    graph = as_indices(graph)
    tried: set[Node] = set()
    for _ in range(1 + VISITS // max(len(graph.order), 1)):
        if not (regions := paying(graph, tried)):
            break
        graph = replaced(graph, regions)
    return graph


def as_indices(graph: Graph) -> Graph:
    """What is taken at places that are known, as an index."""
    if not any(is_known(n) for n in graph.order):
        return graph
    image: dict[Node, Node] = {}
    order = []
    for node in graph.order:
        new = relinked(node, image)
        if is_known(new):
            index = (slice(None),) * new.params["axis"] + (np.asarray(new.operands[1].params["value"]),)
            new = made(rows.getitem, new.operands[:1], new, {"index": index})
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def is_known(node: Node) -> bool:
    """Whether it takes the elements at known places along an axis."""
    if node.primitive is not rows.take or not is_constant(node.operands[1]) or node.params["mode"] != "raise":
        return False
    return np.ndim(node.operands[1].params["value"]) == 1 and node.value.__class__ is Abstract


def paying(graph: Graph, tried: set[Node]) -> list[Region]:
    """What is better made in part, as far as it lies apart."""
    readers: dict[Node, list[Node]] = {}
    for node in graph.order:
        if node.primitive is rows.getitem and prod(node.operands[0].shape) > SMALL and index_entries(node) is not None:
            readers.setdefault(node.operands[0], []).append(node)
    if not readers.keys() - tried:
        return []
    regions: list[Region] = []
    taken: set[Node] = set()
    count, place = users(graph), {n: k for k, n in enumerate(graph.order)}
    for x, those in readers.items():
        if x in tried or count[x] != len(those) or x.primitive.leaf or not taken.isdisjoint((x, *those)):
            continue
        joint = Joint(x, those)
        region = None if is_whole(joint.part) else Region(joint, count, place)
        if region is not None and not taken.isdisjoint(region.inside):
            continue  # it may pay when the others are done
        tried.add(x)
        if region is not None and region.saves():
            regions.append(region)
            taken.update(those, region.inside)
    return regions


class Joint:
    """The part of a value that its readers need together, and the index of each in it."""

    def __init__(self, x: Node, readers: list[Node]) -> None:
        self.x: Node = x
        self.readers: list[Node] = readers
        apart = [getitem(n, whole(len(n.shape))) for n in readers]
        needed = [found[0][0] for found in apart if found is not None]
        self.part: Part = tuple([together([part[k] for part in needed], n) for k, n in enumerate(x.shape)])
        self.indices: list[tuple[Value, ...]] = [self.index(n) for n in readers]
        if any(sum(isinstance(e, np.ndarray) for e in index) > 1 for index in self.indices):
            self.part = whole(len(x.shape))

    def index(self, reader: Node) -> tuple[Value, ...]:
        axes = iter(zip(self.part, self.x.shape))
        return tuple([None if e is None else within(e, *next(axes)) for e, _ in index_entries(reader) or ()])


def together(wanted: Sequence[Places], n: int) -> Places:
    """The places along an axis that one of the readers wants; None for all."""
    if any(p is None for p in wanted):
        return None
    if all(same(p, wanted[0]) for p in wanted):
        return wanted[0]
    union = np.unique(np.concatenate([np.asarray(p, int) for p in wanted]))
    return None if len(union) == n else union


def within(e: Value, places: Places, n: int) -> Value:
    """An entry of an index as one that reads the same of those places."""
    if places is None:
        return e
    if isinstance(e, int):
        return 0 if isinstance(places, range) else int(np.searchsorted(places, e % n))
    wanted = places_of(e, n)
    if same(wanted, places):
        return slice(None)
    found = np.searchsorted(places, np.asarray(wanted))
    side_by_side = len(found) > 0 and bool(np.all(np.diff(found) == 1))
    return slice(int(found[0]), int(found[-1]) + 1) if side_by_side else found


def same(a: Places, b: Places) -> bool:
    if isinstance(a, range) and isinstance(b, range):
        return a == b
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)


class Region:
    """The values that are made in part, each with the parts that it needs of its operands."""

    def __init__(self, joint: Joint, count: dict[Node, int], place: dict[Node, int]) -> None:
        self.joint: Joint = joint
        self.inside: dict[Node, tuple[Part, tuple[Part, ...], Params]] = {}
        wanted, read = {joint.x: joint.part}, {joint.x: count[joint.x]}
        waiting = [(-place[joint.x], joint.x)]
        while waiting:
            _, node = heapq.heappop(waiting)  # behind all that read it
            found = needs(node, wanted[node]) if read[node] == count[node] else None
            if found is None:
                continue
            self.inside[node] = wanted[node], *found
            for x, part in zip(node.operands, found[0]):
                if x not in wanted:
                    wanted[x], read[x] = part, 0
                    heapq.heappush(waiting, (-place[x], x))
                read[x] += alike(part, wanted[x]) and not is_whole(part)

    def cuts(self) -> dict[Node, list[Part]]:
        """The parts that are read of values that are made whole."""
        found: dict[Node, list[Part]] = {}
        for node, (_, theirs, _) in self.inside.items():
            for x, part in zip(node.operands, theirs):
                if x not in self.inside and not is_whole(part):
                    known = found.setdefault(x, [])
                    if not any(alike(part, p) for p in known):
                        known.append(part)
        return found

    def saves(self) -> bool:
        """Whether it is less work, indices included."""
        if self.joint.x not in self.inside:
            return False
        saved = 0.0
        for node, (part, theirs, _) in self.inside.items():
            shapes = [x.shape for x in node.operands]
            small = [shape_of(p, shape) for p, shape in zip(theirs, shapes)]
            saved += work(node, node.shape, shapes) - work(node, shape_of(part, node.shape), small)
        for reader, index in zip(self.joint.readers, self.joint.indices):
            saved += reading(reader.params["index"], reader.shape) - (
                reading(index, reader.shape) if moves(index) else 0
            )
        cut = [(x, part) for x, known in self.cuts().items() for part in known if not is_constant(x)]
        return saved > sum(reading(part, shape_of(part, x.shape)) for x, part in cut)


def replaced(graph: Graph, regions: Sequence[Region]) -> Graph:
    """The graph with these values made in part."""
    image: dict[Node, Node] = {}
    order: list[Node] = []
    inside = {n: made_of for region in regions for n, made_of in region.inside.items()}
    joints = {n: (index, r.joint.x) for r in regions for n, index in zip(r.joint.readers, r.joint.indices)}
    cut: dict[Node, list[tuple[Part, Node]]] = {}

    def operand(x: Node, part: Part) -> Node:
        new = image.get(x, x)
        if x in inside or is_whole(part):
            return new
        for known, read_already in cut.get(x, ()):
            if alike(part, known):
                return read_already
        steps = piece(new, part)
        order.extend(steps)
        cut.setdefault(x, []).append((part, steps[-1]))
        return steps[-1]

    for node in graph.order:
        if node in inside:
            part, theirs, params = inside[node]
            operands = tuple([operand(x, p) for x, p in zip(node.operands, theirs)])
            like = Abstract(shape_of(part, node.shape), node.dtype)
            new = Node(node.primitive, operands, params, like, node.name, node.block)
        elif node in joints:
            index, x = joints[node][0], image[joints[node][1]]
            if not moves(index):
                image[node] = x
                continue
            new = made(rows.getitem, (x,), node, {"index": index})
        else:
            new = relinked(node, image)
        if new is not node:
            image[node] = new
        order.append(new)
    return rebuilt(graph, order, image)


def piece(x: Node, part: Part) -> list[Node]:
    """The nodes that read a part of a value: a vector of places each, since NumPy pairs those of one index."""
    vectors = [k for k, p in enumerate(part) if isinstance(p, np.ndarray)]
    steps = [as_slice(p) if isinstance(p, range) else slice(None) for p in part]
    indices: list[tuple[Value, ...]] = [tuple(steps)] if moves(tuple(steps)) else []
    indices += [(*[slice(None)] * k, part[k]) for k in vectors]
    found: list[Node] = []
    for index in indices:
        found.append(read(found[-1] if found else x, index))
    return found


def read(x: Node, index: tuple[Value, ...]) -> Node:
    """x[index]; of a constant the constant that it is."""
    if is_constant(x):
        value = np.ascontiguousarray(np.asarray(x.params["value"])[index])  # with places NumPy may turn the axes round
        return Node(rows.constant, (), {"value": value}, Abstract(value.shape, value.dtype), x.name, x.block)
    shape = [len(e) if isinstance(e, np.ndarray) else len(range(n)[e]) for e, n in zip(index, x.shape)]
    return Node(
        rows.getitem, (x,), {"index": index}, Abstract((*shape, *x.shape[len(index) :]), x.dtype), None, x.block
    )


def needs(node: Node, part: Part) -> tuple[tuple[Part, ...], Params] | None:
    """The parts of the operands that a part of a node needs, and the parameters that make it of them."""
    row = node.primitive
    if not row.listed or node.value.__class__ is not Abstract:
        return None
    rule = row.by_parts or (elements if row.kind == "elementwise" else None)
    found: tuple[tuple[Part, ...], Params] | None = rule(node, part) if rule is not None else None
    return found


def work(node: Node, shape: Shape, operands: Sequence[Shape]) -> float:
    """Roughly, in additions; of what only looks at memory in another way, nothing."""
    row = node.primitive
    if row.labels is not None:
        return prod(shape) * max(1.0, summed(node, operands) / FUSED)
    if row in (rows.sum_to, rows.astype, rows.stack, rows.concatenate) or row.flops != 0:
        return max(prod(shape), *[prod(s) for s in operands]) * max(1.0, row.flops)
    return 0.0


def summed(node: Node, operands: Sequence[Shape]) -> float:
    """How many products each element of a product of arrays is the sum of."""
    labels = node.primitive.labels
    text = labels(tuple(map(len, operands)), **node.params) if labels is not None else None
    if text is None:
        return 1
    inputs, _, result = text.partition("->")
    lengths = {c: n for term, s in zip(inputs.split(","), operands) for c, n in zip(term, s)}
    return prod(n for c, n in lengths.items() if c not in result)


def reading(index: Any, shape: Shape) -> float:
    """The time of an index that reads an array of that shape."""
    entries = index if isinstance(index, tuple) else (index,)
    return CALL + MOVED * prod(shape) if any(isinstance(e, np.ndarray) for e in entries) else VIEW


def moves(index: tuple[Value, ...]) -> bool:
    """Whether an index does anything."""
    return any(not isinstance(e, slice) or e != slice(None) for e in index)


def is_whole(part: Part) -> bool:
    return all(p is None for p in part)


def is_constant(x: Node) -> bool:
    return x.primitive is rows.constant


def alike(a: Part, b: Part) -> bool:
    return all((p is None and q is None) or same(p, q) for p, q in zip(a, b))
