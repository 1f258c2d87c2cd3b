"""A whole region as one loop over strips of rows: broadcasts, sums, extremes, masks and joins along the other axes too.

A strip is some dozens of rows, and the rows lie innermost in memory: whatever the other axes do, each operation is a
loop over neighbouring numbers, which is what vector instructions want. Values go from one operation to the next in a
workspace that stays in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Abstract, Node
from ...graph.vertices import input_node
from ...primitives import Primitive, rows
from ...primitives.text import call
from ...types import Array, DType, Shape
from ..passes.expand import Builder
from ..passes.rewriting import number
from ..plan.regions import Region, cut, size
from ..write.region_source import RegionSource, row_shape
from .arrays import Block, Refused, Session
from .nested import check_loops
from .places import Nest, Strided, even
from .products import Contraction
from .region import Loop

STRIP = 64  # rows at most
FEWEST = 8
ROOM = 1 << 18  # bytes that the values of a strip may take
PRODUCTS = 512  # multiplications for one row above which BLAS is faster


class Parts(Builder):
    """A carrier that makes typed nodes of reductions along axes, too."""

    def reduced(self, row: Primitive, x: Node, axis: tuple[int, ...], keepdims: bool) -> Node:
        kept = [(1 if k in axis else n) for k, n in enumerate(x.shape) if keepdims or k not in axis]
        return self.keep(Node(row, (x,), {"axis": axis, "keepdims": keepdims}, Abstract(tuple(kept), x.dtype)))

    def sum(self, x: Node, axis: tuple[int, ...], keepdims: bool) -> Node:
        return self.reduced(rows.sum, x, axis, keepdims)

    def max(self, x: Node, axis: tuple[int, ...], keepdims: bool) -> Node:
        return self.reduced(rows.max, x, axis, keepdims)


class Body:
    """The graph of one strip of `lanes` rows of a region.

    `whole` are the nodes from outside that each strip reads as a whole, `moving` those of which it reads its rows.
    """

    def __init__(self, region: Region, results: list[Node], lanes: int) -> None:
        self.region, self.lanes = region, lanes
        self.image: dict[Node, Node] = {}
        self.order: list[Node] = []
        self.whole: list[Node] = []
        self.moving: list[Node] = []
        for node in region.members:
            for position, x in enumerate(node.operands):
                if x not in region.inside:
                    self.read(x, self.is_cut(node, position))
        inputs = [self.image[x] for x in (*self.whole, *self.moving)]
        self.order += inputs
        for node in region.members:
            self.image[node] = self.part(node) if node in region.totals else self.member(node)
        self.graph: Graph = Graph(order=self.order, inputs=inputs, outputs=[self.image[y] for y in results])

    def is_cut(self, node: Node, position: int) -> bool:
        if self.region.flat is not None:
            return bool(node.operands[position].shape)
        return node in self.region.totals or cut(node, position, self.region.rows)

    def shape(self, x: Node) -> Shape:
        return (self.lanes, *row_shape(x, self.region))

    def read(self, x: Node, by_rows: bool) -> None:
        """A value from outside; numbers that are known stand in the text."""
        if not x.shape and number(x) is not None:
            if x not in self.image:
                self.image[x] = x
                self.order.append(x)
            return
        if x in self.image:
            if (x in self.moving) is not by_rows:
                raise Refused("it reads a value by rows and as a whole")
            return
        if x.value.__class__ is tuple:
            raise Refused(f"it reads {x.primitive.name}")
        (self.moving if by_rows else self.whole).append(x)
        self.image[x] = input_node(f"x{len(self.image)}", Abstract(self.shape(x) if by_rows else x.shape, x.dtype))

    def keep(self, node: Node) -> Node:
        self.order.append(node)
        return node

    def member(self, node: Node) -> Node:
        operands = tuple([self.image[x] for x in node.operands])
        params, shape = node.params, node.params.get("shape")
        if isinstance(shape, tuple):
            params = {**params, "shape": (self.lanes, *shape[1:])}
        if (program := node.primitive.spelling.get("parts")) and node.dtype.kind == "f":
            parts = Parts(node)
            last: Node = program(parts, *operands, **params)
            self.order += parts.made
            return last
        return self.keep(Node(node.primitive, operands, params, Abstract(self.shape(node), node.dtype)))

    def part(self, node: Node) -> Node:
        """The summands of a sum over the rows, a row each."""
        x = self.image[node.operands[0]]
        wide = len(x.shape)
        if self.region.flat is not None:
            return x
        if node.primitive is rows.sum:
            axis = node.params["axis"]
            axes = set(range(wide)) if axis is None else set(axis)
        else:
            lead = wide - len(node.shape)
            axes = {k for k in range(wide) if k < lead or (node.shape[k - lead] == 1 != x.shape[k])}
        others = tuple(sorted(axes - {0}))
        if not others:
            return x
        kept = tuple(n for k, n in enumerate(x.shape) if k not in others)
        return self.keep(Node(rows.sum, (x,), {"axis": others, "keepdims": False}, Abstract(kept, node.dtype)))


class Strip(Block):
    """The loops over one strip: a row's elements lie `lanes` apart, and those of neighbouring rows together."""

    def __init__(self, graph: Graph, a: int, lanes: int) -> None:
        self.lanes = lanes
        self.lines: list[str] = []
        super().__init__(graph, a, a, Session())

    def fresh_place(self, node: Node) -> Array:
        if node.shape[:1] != (self.lanes,) or node in self.graph.inputs[: self.a]:
            return super().fresh_place(node)
        return self.rows_of(node.shape[1:], node.dtype)

    def rows_of(self, shape: Shape, dtype: DType) -> Array:
        return np.moveaxis(self.memory.take((*shape, self.lanes), dtype), -1, 0)

    def nest(self, shape: Shape, arrays: list[Strided]) -> Nest:
        turned = [Strided(a.start, (*a.steps[1:], a.steps[0])) for a in arrays]
        return Nest((*shape[1:], shape[0]), turned)

    def products_of(
        self, found: Contraction, memory: list[str], arrays: list[Strided], indent: str, dtype: str
    ) -> list[str]:
        return found.lanes(memory, arrays, indent, dtype)

    def classify(self, node: Node) -> None:
        super().classify(node)
        found = self.products.get(node)
        if found and len(found.terms) > 1 and (count := size(found.sizes) // self.lanes) > PRODUCTS:
            raise Refused(f"its products are large: {count:,} multiplications a row, and BLAS is faster")

    def elements(self, x: Array, name: str, form: str, indent: str, lanes: str = "") -> None:
        """A line for each element of an array: between its place and the array of that name.

        `lanes` is the number of rows, where the first axis goes over rows.
        """
        index = [f"_i{k}" for k in range(x.ndim)]
        found = even(x)
        place = "".join(f" + {s} * {i}" for s, i in zip(found.steps, index) if s)
        for k, (i, n) in enumerate(zip(index, x.shape)):
            self.lines.append(f"{indent}for {i} in range({lanes if lanes and k == 0 else n}):")
            indent += "    "
        there = f"{name}[{', '.join(index)}]" if index else name
        self.lines.append(indent + form.format(here=f"[{found.start}{place}]", there=there))


class StripRegion(RegionSource):
    """The block function of a region that one loop computes; `Refused` says why there is none."""

    def write(self, operands: dict[Node, None]) -> list[str]:
        self.loops: list[Loop] = []
        self.functions: set[str] = set()
        self.reason = ""
        self.lanes: int = strip_rows(self.region)
        body = Body(self.region, self.results, self.lanes)
        self.given: list[Node] = [*body.whole, *body.moving]
        self.whole = len(body.whole)
        self.strip = Strip(body.graph, self.whole, self.lanes)
        name = f"loop_{self.name}_0"
        text, types = self.text(name)
        check_loops(text)
        self.loops.append(Loop(name, text, types, len(self.region.members)))
        passed = [self.handed(x) for x in self.given]
        passed += [f"{o}.reshape(-1)" if y in self.region.totals else o for y, o in self.outs.items()]
        space = [f"np.zeros({n}, {call('np.dtype', repr(d.name))})" for d, n in self.strip.memory.used.items()]
        return [*self.head(), f"    {call(name, 'lo', 'hi', 'block', *space, *passed)}"]

    def handed(self, x: Node) -> str:
        """A value from outside in the call; constants are named where they are read."""
        if x.primitive is not rows.constant:
            return self.names[x]
        return f"np.asarray({self.names[x]}){self.flattened(x)}"

    def flattened(self, x: Node) -> str:
        if not x.shape:
            return "[()]"
        return ".reshape(-1)" if self.region.flat is not None else ""

    def argument(self, x: Node) -> str:
        if not x.shape:
            return f"np.asarray({self.names[x]})[()]"
        return f"_aligned({self.names[x]}){self.flattened(x)}"

    def text(self, name: str) -> tuple[str, list[tuple[DType, int, str, bool]]]:
        """The function, and what its arguments are."""
        strip, deep = self.strip, "        "
        whole = np.dtype(np.int64)
        types: list[tuple[DType, int, str, bool]] = [(whole, 0, "C", False)] * 3
        totals = {
            y: strip.rows_of(node.shape[1:], node.dtype)
            for y, node in zip(self.results, strip.graph.outputs)
            if y in self.region.totals
        }
        arguments = ["_first", "_last", "_block"]
        for k, x in enumerate(strip.graph.inputs[: self.whole]):
            strip.elements(strip.places[x], f"x{k}", f"{strip.memory_of(x)}{{here}} = {{there}}", "    ")
        strip.run(strip.before, "    ")
        strip.lines.append(f"    for _t in range((_last - _first + {self.lanes - 1}) // {self.lanes}):")
        strip.lines.append(f"{deep}_lo = _first + _t * {self.lanes}")
        strip.lines.append(f"{deep}_n = min({self.lanes}, _last - _lo)")
        for k, x in enumerate(strip.graph.inputs[self.whole :], self.whole):
            strip.lines.append(f"{deep}s{k} = x{k}[_lo:_lo + _n]")
            strip.elements(strip.places[x], f"s{k}", f"{strip.memory_of(x)}{{here}} = {{there}}", deep, "_n")
        strip.run(strip.steps, deep)
        for k, (y, node) in enumerate(zip(self.results, strip.graph.outputs)):
            memory = strip.memory_of(node)
            if y in totals:
                self.add_up(totals[y], node, memory, deep)
            else:
                strip.lines.append(f"{deep}p{k} = o{k}[_lo:_lo + _n]")
                strip.elements(strip.places[node], f"p{k}", f"{{there}} = {memory}{{here}}", deep, "_n")
        for k, (y, node) in enumerate(zip(self.results, strip.graph.outputs)):
            if y in totals:
                self.finish(totals[y], f"o{k}", strip.memory_of(node))
        for d in strip.memory.used:
            types.append((d, 1, "C", False))
            arguments.append(f"w_{d.name}")
        flat = self.region.flat is not None
        for k, x in enumerate(self.given):
            types.append((x.dtype, (1 if flat else len(x.shape)) if x.shape else 0, "A", True))
            arguments.append(f"x{k}")
        for k, y in enumerate(self.results):
            types.append((y.dtype, 1 if flat or y in totals else len(y.shape), "A", False))
            arguments.append(f"o{k}")
        return "\n".join([f"def {call(name, *arguments)}:", *strip.lines, ""]), types

    def add_up(self, total: Array, node: Node, memory: str, indent: str) -> None:
        """The rows of a strip added to the sums, which each lane has of its own."""
        strip = self.strip
        to, source = even(total), strip.at(node)
        nest = Nest(node.shape[1:], [Strided(a.start, a.steps[1:]) for a in (to, source)])
        heads, deep = nest.heads(indent)
        ends = [f"{nest.place(k)} + {a.steps[0]} * _b" for k, a in enumerate((to, source))]
        strip.lines += [*heads, f"{deep}for _b in range(_n):", f"{deep}    {memory}[{ends[0]}] += {memory}[{ends[1]}]"]

    def finish(self, total: Array, out: str, memory: str) -> None:
        """The sum of the lanes, to the place of this block."""
        found = even(total)
        count = size(total.shape[1:])
        flat = even(np.arange(count).reshape(total.shape[1:]))
        nest = Nest(total.shape[1:], [Strided(found.start, found.steps[1:]), flat])
        heads, deep = nest.heads("    ")
        self.strip.lines += [
            *heads,
            f"{deep}_s = {memory}[{nest.place(0)}]",
            f"{deep}for _b in range(1, {self.lanes}):",
            f"{deep}    _s += {memory}[{nest.place(0)} + {found.steps[0]} * _b]",
            f"{deep}{out}[_block * {count} + {nest.place(1)}] = _s",
        ]


def strip_rows(region: Region) -> int:
    """As many rows as keep the values of a strip in the cache: a power of two, the same wherever it runs."""
    row = sum(size(row_shape(n, region)) * n.dtype.itemsize for n in region.members if n not in region.totals)
    lanes = STRIP
    while lanes > FEWEST and lanes * row > ROOM:
        lanes //= 2
    return lanes


def aligned(x: Any) -> Any:
    """The array as numba reads it."""
    return x if x.flags.aligned else np.array(x)
