"""A whole region as one loop over strips of rows: broadcasts, sums, extremes, masks and joins along the other axes too.

Rows of few elements are taken some dozens at a time, and lie innermost in memory: whatever the other axes do, each
operation is a loop over neighbouring numbers, which is what vector instructions want. Longer rows are taken one by one,
and read and written where they lie. Values go from one operation to the next in a workspace that stays in the cache.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ...primitives.text import call
from ...types import Array, DType, Shape
from ..plan.regions import Region, size
from ..write.numpy_source import is_fresh
from ..write.region_source import RegionSource, row_shape
from .arrays import Block, Refused, Session
from .body import Body
from .forms import has_form, native
from .nested import check_loops
from .places import Nest, Strided, even, rearranged
from .products import Contraction
from .region import Loop, scalar

Types: TypeAlias = list[tuple[DType, int, str, bool]]

STRIP = 64  # rows
LONG = 64  # elements of a row that is taken alone
PRODUCTS = 512  # multiplications for one row above which BLAS is faster
SHARE = 16  # one in so many elements may be a call of the C library
WHOLE = np.dtype(np.int64)
CHECKS = 8  # pairs of arrays that LLVM asks, before a loop, whether they lie apart: of more it makes no vectors


def pairs(read: int, written: int) -> int:
    """Of so many arrays those that could overlap to an effect."""
    return written * read + written * (written - 1) // 2


class Strip(Block):
    """The loops over one strip: a row's elements lie `lanes` apart, and those of neighbouring rows together.

    The nodes of `direct` lie in arrays of these names, a row of them, and all others in the workspace. Where rows are
    single elements, one loop may do it all: it reads and writes where arrays lie, and adds to the sums of `totals`.
    """

    def __init__(self, graph: Graph, a: int, lanes: int, written: dict[int, str], totals: Collection[int]) -> None:
        self.lanes: int = lanes
        self.written: dict[int, str] = written
        self.direct: dict[Node, str] = {}
        self.sums: dict[int, Array] = {}  # the places of each total, a sum for each lane
        self.totals: Collection[int] = totals
        self.one_loop: bool = False
        super().__init__(graph, a, a, Session())
        slow = [n for n, kind in self.computed.items() if kind == "call"]
        if SHARE * sum(size(n.shape) for n in slow) > sum(size(n.shape) for n in self.computed):
            names = ", ".join(sorted({n.primitive.name for n in slow}))
            raise Refused(f"NumPy computes {names} of many elements at least as fast")

    def find_homes(self) -> dict[Node, tuple[Node, int | None]]:
        """As in other blocks; what is read and written where it lies is known here."""
        homes = super().find_homes()
        self.one_loop = self.is_one_loop()
        if self.lanes == 1 or self.one_loop:
            read = self.graph.inputs[self.a :]
            self.direct |= {x: f"s{k}" for k, x in enumerate(read, self.a)}
            long = [
                sum(size(n.shape) > 1 for n in nodes) for nodes in (read, [self.graph.outputs[k] for k in self.written])
            ]
            for k, name in self.written.items() if pairs(*long) <= CHECKS else ():
                y = self.graph.outputs[k]
                x = self.root(y)
                alone = x in self.computed and x not in self.direct and x not in homes
                if alone and size(x.shape) == size(y.shape) and self.as_it_is(y):
                    self.direct[x] = name
        return homes

    def is_one_loop(self) -> bool:
        """Whether all is arithmetic on single elements, of arrays so few that a loop over all of them has vectors."""
        graph = self.graph
        moving = [n for n in graph.order if n.shape[:1] == (self.lanes,) and n not in graph.inputs[: self.a]]
        computed = [n for n in moving if n not in graph.inputs]
        if self.lanes == 1 or any(n.shape != (self.lanes,) for n in moving):
            return False
        read, written = len(moving) - len(computed), len(self.written) + (len(self.totals) > 0)
        few = pairs(read, written) <= CHECKS
        ends = {graph.outputs[k] for k in self.written}
        placed = len(ends) == len(graph.outputs) - len(self.totals) and ends <= set(computed)
        return few and placed and all(self.computed.get(n) == "each" for n in computed)

    def as_it_is(self, node: Node) -> bool:
        """Whether a value has the elements of what it is a view of, in their order."""
        x = self.root(node)
        places = np.arange(size(x.shape)).reshape(x.shape)
        chain = []
        while node is not x:
            chain.append(node)
            node = node.operands[0]
        for y in reversed(chain):
            places = rearranged(y, places)
        return bool(np.array_equal(places.ravel(), np.arange(places.size)))

    def root(self, node: Node) -> Node:
        """The node in whose memory a value lies, through rearrangements."""
        while self.is_view(node):
            node = node.operands[0]
        return node

    def memory_of(self, node: Node) -> str:
        node = self.root(node)
        while node in self.homes:
            node = self.homes[node][0]
        return self.direct.get(node) or super().memory_of(node)

    def fresh_place(self, node: Node) -> Array:
        if node in self.direct:
            return np.arange(size(node.shape)).reshape(node.shape)
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
        lines = found.lines if self.lanes == 1 else found.lanes
        return lines(memory, arrays, indent, dtype)

    def heads(self, nest: Nest, indent: str) -> tuple[list[str], str]:
        if self.one_loop and nest.axes:
            return [f"{indent}for {nest.prefix}0 in range(_n):"], indent + "    "
        return super().heads(nest, indent)

    def stores(self, nodes: list[Node], nest: Nest, first: int) -> list[str]:
        if not (self.one_loop and nest.axes):
            return super().stores(nodes, nest, first)
        found = [f"{self.direct[n]}[_i0] = {self.names[n]}" for n in nodes if n in self.direct]
        for k, total in self.sums.items():
            y = self.graph.outputs[k]
            if y in nodes:
                found.append(f"w_{y.dtype.name}[{even(total).start} + _i0] += {self.names[y]}")
        return found

    def step(self, nodes: list[Node], indent: str) -> None:
        if self.computed[nodes[0]] == "call":
            self.each(nodes, indent)
        else:
            super().step(nodes, indent)

    def classify(self, node: Node) -> None:
        super().classify(node)
        spelled = native(node)
        if self.computed.get(node) == "each" and spelled and not (spelled.light or spelled.wide or has_form(node)):
            self.computed[node] = "call"  # alone in its loop, which is not vectorised
        found = self.products.get(node)
        if found and len(found.terms) > 1 and (count := size(found.sizes) // self.lanes) > PRODUCTS:
            raise Refused(f"its products are large: {count:,} multiplications a row, and BLAS is faster")

    def elements(self, x: Node, places: Array, name: str, form: str, indent: str, lanes: str = "") -> None:
        """A line for each element of an array: between its place in the workspace and the array of that name.

        `lanes` is the number of rows, where the first axis goes over rows.
        """
        index = [f"_i{k}" for k in range(places.ndim)]
        found = even(places)
        place = "".join(f" + {s} * {i}" for s, i in zip(found.steps, index) if s)
        for k, (i, n) in enumerate(zip(index, places.shape)):
            self.lines.append(f"{indent}for {i} in range({lanes if lanes and k == 0 else n}):")
            indent += "    "
        there = f"{name}[{', '.join(index)}]" if index else name
        here = f"{self.memory_of(x)}[{found.start}{place}]"
        self.lines.append(indent + form.format(here=here, there=there))


class StripRegion(RegionSource):
    """The block function of a region that one loop computes; `Refused` says why there is none."""

    def write(self, operands: dict[Node, None]) -> list[str]:
        self.loops: list[Loop] = []
        self.functions: set[str] = set()
        self.reason = ""
        self.lanes: int = strip_rows(self.region)
        body = Body(self.region, self.results, self.lanes)
        self.given: list[Node] = [*body.whole, *body.moving]
        self.whole: int = len(body.whole)
        in_place = [k for k, y in enumerate(self.results) if y not in self.region.totals and y not in self.strided]
        totals = [k for k, y in enumerate(self.results) if y in self.region.totals]
        self.strip: Strip = Strip(body.graph, self.whole, self.lanes, {k: f"p{k}" for k in in_place}, totals)
        name = f"loop_{self.name}_0"
        self.types: Types = [(WHOLE, 0, "C", False)] * 3
        text = self.text(name)
        check_loops(text)
        self.loops.append(Loop(name, text, self.types, len(self.region.members), self.strip.tables))
        space = [f"np.zeros({n}, {call('np.dtype', repr(d.name))})" for d, n in self.strip.memory.used.items()]
        passed = [self.handed(x) for x in self.given]
        alone = {y for y in self.region.totals if not y.shape}  # a number for each block
        passed += [f"{o}.reshape(-1)" if self.is_flat(y) and y not in alone else o for y, o in self.outs.items()]
        return [*self.head(), f"    {call(name, 'lo', 'hi', 'block', *space, *passed)}"]

    # How values go in and out.
    def is_flat(self, y: Node) -> bool:
        """Whether a result is handed over as a flat array."""
        return y in self.region.totals or (self.lanes == 1 and y not in self.strided) or self.region.flat is not None

    def handed(self, x: Node) -> str:
        """A value from outside in the call; constants are named where they are read."""
        if x.primitive is not rows.constant:
            return self.names[x]
        flat = self.flattened(x)
        if flat != ".reshape(-1)":
            return f"np.asarray({self.names[x]}){flat}"
        return self.names.object(np.array(x.params["value"]).reshape(-1))  # broadcast, it would not be in one piece

    def flattened(self, x: Node) -> str:
        if not x.shape:
            return "[()]"
        moving = self.lanes == 1 and x in self.given[self.whole :]
        return ".reshape(-1)" if self.region.flat is not None or moving else ""

    def argument(self, x: Node) -> str:
        if not x.shape:
            return scalar(x, self.names[x])
        flat = self.flattened(x)
        return f"{'_contiguous' if flat or in_one_piece(x) else '_aligned'}({self.names[x]}){flat}"

    def parameters(self) -> list[str]:
        """The names of the arguments; `types` gets what they are."""
        names = ["_first", "_last", "_block"]
        for d in self.strip.memory.used:
            self.types.append((d, 1, "C", False))
            names.append(f"w_{d.name}")
        for k, x in enumerate(self.given):
            flat = self.flattened(x) == ".reshape(-1)"
            layout = "C" if flat or in_one_piece(x) else "A"
            self.types.append((x.dtype, (1 if flat else len(x.shape)) if x.shape else 0, layout, True))
            names.append(f"x{k}")
        for k, y in enumerate(self.results):
            flat = self.is_flat(y)
            self.types.append((y.dtype, 1 if flat else len(y.shape), "A" if y in self.strided else "C", False))
            names.append(f"o{k}")
        return names

    # The text.
    def text(self, name: str) -> str:
        """The function of the first and last row, the number of the block, the workspace, and what goes in and out."""
        strip, deep = self.strip, "        "
        results = list(zip(self.results, strip.graph.outputs))
        totals = {
            k: strip.rows_of(node.shape[1:], node.dtype)
            for k, (y, node) in enumerate(results)
            if y in self.region.totals
        }
        strip.sums = totals
        for k, x in enumerate(strip.graph.inputs[: self.whole]):
            strip.elements(x, strip.places[x], f"x{k}", "{here} = {there}", "    ")
        strip.run(strip.before, "    ")
        strip.lines.append(f"    for _t in range((_last - _first + {self.lanes - 1}) // {self.lanes}):")
        strip.lines.append(f"{deep}_lo = _first + _t * {self.lanes}")
        strip.lines.append(f"{deep}_n = min({self.lanes}, _last - _lo)")
        for k, x in enumerate(strip.graph.inputs[self.whole :], self.whole):
            strip.lines.append(f"{deep}s{k} = {self.rows_of(f'x{k}', x, self.lanes == 1)}")
            if x not in strip.direct:
                strip.elements(x, strip.places[x], f"s{k}", "{here} = {there}", deep, "_n")
        for k, (y, node) in enumerate(results):
            if k not in totals:
                flat = self.lanes == 1 and self.is_flat(y)
                strip.lines.append(f"{deep}p{k} = {self.rows_of(f'o{k}', node, flat)}")
        strip.run(strip.steps, deep)
        for k, (_, node) in enumerate(results):
            if k in totals:
                if not strip.one_loop:
                    self.add_up(totals[k], node, deep)
            elif strip.memory_of(node) != f"p{k}":
                self.hand_over(k, node, deep)
        for k, total in totals.items():
            self.finish(total, f"o{k}", f"w_{results[k][1].dtype.name}")
        return "\n".join([f"def {call(name, *self.parameters())}:", *strip.lines, ""])

    def rows_of(self, name: str, x: Node, flat: bool) -> str:
        """The rows of a strip in an array from outside."""
        n = size(x.shape)
        return f"{name}[_lo * {n}:_lo * {n} + {n}]" if flat else f"{name}[_lo:_lo + _n]"

    def hand_over(self, k: int, node: Node, indent: str) -> None:
        """A result that does not lie in its place yet."""
        strip, y = self.strip, self.results[k]
        if self.lanes == 1 and self.is_flat(y):
            flat = even(np.arange(size(node.shape)).reshape(node.shape))
            nest = Nest(node.shape, [strip.at(node), flat])
            heads, deep = nest.heads(indent)
            strip.lines += [*heads, f"{deep}p{k}[{nest.place(1)}] = {strip.memory_of(node)}[{nest.place(0)}]"]
        else:
            strip.elements(node, strip.places[node], f"p{k}", "{there} = {here}", indent, "_n")

    def add_up(self, total: Array, node: Node, indent: str) -> None:
        """The rows of a strip added to the sums, which each lane has of its own."""
        strip = self.strip
        to, source = even(total), strip.at(node)
        nest = Nest(node.shape[1:], [Strided(a.start, a.steps[1:]) for a in (to, source)])
        heads, deep = nest.heads(indent)
        ends = [nest.place(k) for k in (0, 1)]
        strip.lines += heads
        if self.lanes > 1:
            ends = [f"{end} + {a.steps[0]} * _b" for end, a in zip(ends, (to, source))]
            strip.lines.append(f"{deep}for _b in range(_n):")
            deep += "    "
        strip.lines.append(f"{deep}w_{node.dtype.name}[{ends[0]}] += {strip.memory_of(node)}[{ends[1]}]")

    def finish(self, total: Array, out: str, memory: str) -> None:
        """The sum of the lanes, to the place of this block."""
        found, shape = even(total), total.shape[1:]
        nest = Nest(shape, [Strided(found.start, found.steps[1:]), even(np.arange(size(shape)).reshape(shape))])
        heads, deep = nest.heads("    ")
        self.strip.lines += [
            *heads,
            f"{deep}_s = {memory}[{nest.place(0)}]",
            f"{deep}for _b in range(1, {self.lanes}):",
            f"{deep}    _s += {memory}[{nest.place(0)} + {found.steps[0]} * _b]",
            f"{deep}{out}[_block * {size(shape)} + {nest.place(1)}] = _s",
        ]


def strip_rows(region: Region) -> int:
    """The rows of a strip, the same wherever it runs: one where they are long."""
    if region.flat is not None:
        return STRIP
    longest = max(size(row_shape(n, region)) for n in region.members if n not in region.totals)
    return STRIP if longest < LONG else 1


def in_one_piece(x: Node) -> bool:
    """Whether an array from outside is handed over in one piece of memory: neighbours are then read as vectors.

    Views are read where they lie. Of the others few lie otherwise, such as a user's transposed array: they are copied.
    """
    if x.primitive is rows.constant:
        return bool(np.asarray(x.params["value"]).flags.c_contiguous)
    return x.primitive.leaf or is_fresh(x)


def aligned(x: Any) -> Any:
    """The array as numba reads it."""
    return x if x.flags.aligned else np.array(x)
