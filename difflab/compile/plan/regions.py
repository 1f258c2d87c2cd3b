"""Regions: parts of a graph that can run block of rows by block of rows, so that what is in between stays in the cache.

A node works by rows when row i of its value needs row i of its operands and nothing of other rows: elementwise
operations, and what moves or reduces along the other axes. Sums over the rows end a region: each block adds its part.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ...types import Shape

ROWS_WORTH = 256  # fewer rows than this are not cut into blocks
FLAT_WORTH = 4096  # nor fewer elements than this
WORK_WORTH = 500_000  # flops below which blocks cost more than they save
WIDEST = 8192  # elements in a row above which a shape is better cut as a flat array
KINDS = frozenset("fbiu")


class Least(NamedTuple):
    """Fewer rows, or fewer elements of flat arrays, are not cut into blocks."""

    rows: int = 1
    elements: int = 1


ANY = Least()
Spot: TypeAlias = tuple[str, Shape | int | None]  # what the regions that a node may join have in common


class Region:
    """Nodes computed together over blocks of their common leading axis (or of the flattened arrays)."""

    def __init__(self, rows: int, flat: tuple[int, ...] | None) -> None:
        self.rows = rows
        self.flat = flat  # the common shape, where the arrays are cut as flat ones
        self.members: list[Node] = []
        self.inside: set[Node] = set()
        self.totals: set[Node] = set()  # members that sum over the rows
        self.after: set[Region] = set()  # the regions that must run before this one

    def add(self, node: Node, total: bool) -> None:
        self.members.append(node)
        self.inside.add(node)
        if total:
            self.totals.add(node)

    def work(self) -> float:
        """Flops of all members."""
        return sum(n.primitive.flops * size((n.operands[0] if n in self.totals else n).shape) for n in self.members)

    def read_last_by(self, x: Node, node: Node) -> bool:
        """Whether no member after `node` reads x, and all read it row by row: then node's rows may replace x's."""
        readers = [n for n in self.members if x in n.operands]
        cuts = all(self.flat or cut(n, i, self.rows) for n in readers for i, o in enumerate(n.operands) if o is x)
        fresh = all(n.primitive.kind == "elementwise" for n in readers)  # no views of x, which may be read later
        later = self.members[self.members.index(node) + 1 :]
        return bool(readers) and cuts and fresh and not any(n in later for n in readers)

    def results(self, last: dict[Node, int], kept: set[Node], step: int) -> list[Node]:
        """The members that something outside needs: a later step, or the caller."""
        return [n for n in self.members if n in kept or last[n] > step]


def size(shape: tuple[int, ...]) -> int:
    n = 1
    for k in shape:
        n *= k
    return n


def plain(node: Node) -> bool:
    """Whether the node is one array of numbers and its row the table's own."""
    return node.value.__class__ is not tuple and node.dtype.kind in KINDS and node.primitive.listed


def flat_space(node: Node, least: Least = ANY) -> tuple[int, ...] | None:
    """The shape of an elementwise node whose operands have that same shape or are single numbers."""
    if node.primitive.kind != "elementwise" or not node.shape or not plain(node):
        return None
    ok = all(x.shape in (node.shape, ()) for x in node.operands)
    return node.shape if ok and size(node.shape) >= least.elements else None


def row_space(node: Node, least: Least = ANY) -> int | None:
    """The number of rows of a node that works by rows."""
    if not plain(node) or not node.shape or node.shape[0] < least.rows:
        return None
    rule = node.primitive.by_rows
    if node.primitive.kind == "elementwise":
        return node.shape[0] if all(aligned(x, node) is not None for x in node.operands) else None
    return node.shape[0] if rule is not None and rule(node) else None


def aligned(x: Node, node: Node) -> bool | None:
    """Whether an operand of an elementwise node is cut with it (True) or is the same for all rows (False)."""
    if len(x.shape) == len(node.shape) and x.shape[0] == node.shape[0]:
        return True
    return False if len(x.shape) < len(node.shape) or x.shape[0] == 1 else None


def cut(node: Node, position: int, count: int) -> bool:
    """Whether the operand at that position is cut into blocks with the node."""
    x = node.operands[position]
    if node.primitive.kind == "elementwise":
        return bool(aligned(x, node))
    if node.primitive is rows.matmul:
        return position == 0 or len(x.shape) == len(node.shape) > 2
    return bool(x.shape) and x.shape[0] == count


def total_of(node: Node, least: Least = ANY) -> int | None:
    """The number of rows that a node sums over, where it is a sum over them."""
    if node.primitive is rows.sum:
        x, axis = node.operands[0], node.params["axis"]
        over = axis is None or 0 in axis
    elif node.primitive is rows.sum_to:
        x, over = node.operands[0], True
        over = len(x.shape) > len(node.shape) or (bool(node.shape) and node.shape[0] == 1 != x.shape[0])
    else:
        return None
    return x.shape[0] if over and plain(node) and x.shape and x.shape[0] >= least.rows and x.dtype.kind == "f" else None


def is_worth_it(region: Region) -> bool:
    return region.work() >= WORK_WORTH and len(region.members) > 1


def find_regions(
    graph: Graph, least: Least | None = None, worth: Callable[[Region], bool] = is_worth_it
) -> list[Region]:
    """The regions of a graph that are worth it: greedy, in the order of the nodes."""
    least = least or Least(ROWS_WORTH, FLAT_WORTH)
    regions: list[Region] = []
    home: dict[Node, Region] = {}
    needs: dict[Node, frozenset[Region]] = {}
    open_regions: dict[Spot, Region] = {}
    for node in graph.order:
        outside = frozenset().union(*[needs[x] | ({home[x]} if x in home else frozenset()) for x in node.operands])
        region = _place(node, home, open_regions, regions, needs, least)
        if region is not None:
            home[node] = region
            region.after |= {r for r in outside if r is not region}
        needs[node] = frozenset() if region is not None else outside
    return [r for r in regions if worth(r)]


def _place(
    node: Node,
    home: dict[Node, Region],
    open_regions: dict[Spot, Region],
    regions: list[Region],
    needs: dict[Node, frozenset[Region]],
    least: Least,
) -> Region | None:
    """The region that a node joins, an open one or a new one; None for a node that runs alone."""
    flat, rows, total = flat_space(node, least), row_space(node, least), total_of(node, least)
    whole: Spot = ("flat", flat)
    level: Spot = ("rows", rows)
    keys = [whole] * (flat is not None) + [level] * (rows is not None)
    if total is not None:
        x = node.operands[0]
        keys += [("flat", x.shape)] * (node.shape == () and size(x.shape) >= least.elements) + [("rows", total)]
    for key in keys:
        region = open_regions.get(key)
        if region is not None and joins(node, region, home, needs):
            region.add(node, total is not None and not (flat or rows))
            return region
    if total is not None or not keys or node.primitive.kind != "elementwise":
        return None
    by_rows = rows is not None and (flat is None or size(node.shape) <= rows * WIDEST)
    region = Region(rows or 0, None) if by_rows else Region(size(node.shape), node.shape)
    regions.append(region)
    open_regions[level if by_rows else whole] = region
    region.add(node, False)
    return region


def joins(node: Node, region: Region, home: dict[Node, Region], needs: dict[Node, frozenset[Region]]) -> bool:
    """Whether a node can run in the region: no operand waits for the region's end, and no circle arises."""
    for position, x in enumerate(node.operands):
        other = home.get(x)
        if other is region:
            if x in region.totals or not (region.flat or total_of(node) or cut(node, position, region.rows)):
                return False
        elif (other is not None and reaches(other, region)) or any(r is region or reaches(r, region) for r in needs[x]):
            return False
    return True


def reaches(a: Region, b: Region) -> bool:
    """Whether region a has to wait for region b."""
    seen, stack = {a}, [a]
    while stack:
        for r in stack.pop().after:
            if r is b:
                return True
            if r not in seen:
                seen.add(r)
                stack.append(r)
    return False


def schedule(graph: Graph, regions: list[Region]) -> list[Node | Region]:
    """The nodes that run alone and the regions, each after what it needs, otherwise in the order of the graph."""
    home = {n: r for r in regions for n in r.members}
    units: dict[Node | Region, None] = dict.fromkeys(home.get(n, n) for n in graph.order)
    waits: dict[Node | Region, set[Node | Region]] = {u: set() for u in units}
    users: dict[Node | Region, list[Node | Region]] = {u: [] for u in units}
    for node in graph.order:
        unit = home.get(node, node)
        for x in node.operands:
            other = home.get(x, x)
            if other is not unit and other not in waits[unit]:
                waits[unit].add(other)
                users[other].append(unit)
    place = {u: k for k, u in enumerate(units)}
    ready = [(place[u], u) for u in units if not waits[u]]
    heapq.heapify(ready)
    order: list[Node | Region] = []
    while ready:
        _, unit = heapq.heappop(ready)
        order.append(unit)
        for u in users[unit]:
            waits[u].discard(unit)
            if not waits[u]:
                heapq.heappush(ready, (place[u], u))
    return order
