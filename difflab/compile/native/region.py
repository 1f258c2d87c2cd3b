"""Regions with native loops: what is arithmetic between NumPy's functions runs in one loop over the block."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...graph.node import Node
from ...primitives import rows
from ...primitives.text import call
from ...types import Array, DType, Shape
from ..plan.regions import Least, Region, is_worth_it as worth_for_numpy, size
from ..write.names import Names, ufunc_of
from ..write.region_source import RegionSource, row_shape
from .forms import element, is_light
from .products import contraction

LEAST = Least(rows=8, elements=64)  # smaller arrays are left to single calls of NumPy's
# What a region costs in nanoseconds before it does anything, and what a call of NumPy's that it spares costs.
CALL, SPARED, SPARED_EACH = 3000.0, 300.0, 0.15
SHORTEST = 2  # operations from which a loop of our own is worth its call
LIMIT = 400  # operations in one region above which numba takes more than a few seconds


class Loop(NamedTuple):
    """One loop: its text, and the dtype, dimensions and layout of each argument, and whether it may be read-only."""

    name: str
    text: str
    arguments: list[tuple[DType, int, str, bool]]
    operations: int
    tables: dict[str, Array] = {}  # noqa: RUF012  (of a tuple with names)


class NativeRegion(RegionSource):
    """The block function of a region, and the loops that it calls."""

    body: list[str]
    shared_cache: int = 1 << 20  # a loop is one call: threads meet less often, and short blocks cost little

    def __init__(
        self, region: Region, names: Names, results: list[Node], name: str, strided: set[Node] | None = None
    ) -> None:
        self.strided: set[Node] = strided or set()
        self.loops: list[Loop] = []
        self.light: set[Node] = {n for n in region.members if n not in region.totals and is_light(n)}
        self.reason: str = ""
        self.note: str = ""  # why it is not one loop
        if len(self.light) > LIMIT:
            self.reason = f"its {len(self.light):,} operations take numba too long; it gets up to {LIMIT}"
            self.light = set()
        self.functions: set[str] = set()  # what `native_math` computes
        self.packed: set[Node] = set()  # values in one piece of memory
        super().__init__(region, names, results, name, strided)

    def argument(self, x: Node) -> str:
        if not self.loops and not self.functions:
            return super().argument(x)
        if not x.shape:
            return scalar(x, self.names[x])
        return f"_contiguous({self.names[x]})" + (".reshape(-1)" if self.region.flat is not None else "")

    def ordered(self) -> list[list[Node]]:
        """What NumPy can compute by now, then the arithmetic that it waits for, and so on; all the rest at the end.

        Arithmetic as late as possible is next to its readers in one loop, and needs no buffer.
        """
        waiting, done = list(self.region.members), set[Node]()
        urgent = self.urgent()
        steps: list[list[Node]] = []
        while waiting:
            ready = Ready(self.region, done)
            steps += [[n] for n in waiting if n not in self.light and ready.take(n)]
            first = urgent if any(n not in done and n in urgent for n in waiting) else self.light
            stretch: list[Node] = []
            for n in waiting:
                if n in first and (not stretch or n.shape == stretch[0].shape) and ready.take(n):
                    stretch.append(n)
            steps += [stretch] if len(stretch) >= SHORTEST else [[n] for n in stretch]
            waiting = [n for n in waiting if n not in done]
        # Which rows may be written over is decided by the order of the members.
        self.region.members = [n for step in steps for n in step]
        return steps

    def urgent(self) -> set[Node]:
        """The arithmetic that a function of NumPy's needs, directly or through other arithmetic."""
        found: set[Node] = set()
        for n in reversed(self.region.members):
            if n in found or (n not in self.light and n not in self.region.totals):
                found.update(x for x in n.operands if x in self.light)
        return found

    def step(self, nodes: list[Node], k: int) -> None:
        if len(nodes) == 1:
            super().step(nodes, k)
        else:
            self.loop(nodes, k)
        for n in nodes:
            written = n not in self.owner.roots or self.owner.owns(n)  # not what NumPy made as a view or a copy
            if (len(nodes) > 1 or written) and n not in self.strided:
                self.packed.add(n)

    def loop(self, nodes: list[Node], k: int) -> None:
        """A loop for the nodes, and the line that calls it."""
        kept = [n for n in nodes if n in self.results or self.last.get(n, k) > k]
        read = self.read_by(nodes)
        flat = self.is_flat(nodes[0], list(read), kept)
        flattened = ".reshape(-1)" if flat and self.region.flat is None and len(nodes[0].shape) > 1 else ""
        index = Index(1 if flat else len(nodes[0].shape))
        calls, types, body = [], [], []
        for p, (x, text) in enumerate(read.items()):
            ndim = 0 if not x.shape else 1 if flat else len(x.shape)
            place = f"[{'_i0' if flat else index.of(x.shape, nodes[0].shape)}]" if ndim else ""
            calls.append(text + flattened * bool(ndim))
            types.append((x.dtype, ndim, "C" if self.in_one_piece(x) else "A", x not in self.packed))
            body.append(f"{self.names[x]} = r{p}{place}")
        outs = [self.out(n) for n in kept]
        types += [(n.dtype, index.ndim, "A" if n in self.strided else "C", False) for n in kept]
        body += [f"{self.names[n]} = {element(n, self.names)}" for n in nodes]
        body += [f"o{p}[{index.all}] = {self.names[n]}" for p, n in enumerate(kept)]
        name = f"loop_{self.name}_{len(self.loops)}"
        arguments = [f"r{p}" for p in range(len(read))] + [f"o{p}" for p in range(len(kept))]
        lines = [f"def {call(name, *arguments)}:", *index.heads("o0"), *[index.indent + line for line in body]]
        self.loops.append(Loop(name, "\n".join(lines), types, len(nodes)))
        self.body.append(f"    {call(name, *calls, *[o + flattened for o in outs])}")
        self.body += [f"    {self.names[n]} = {o}" for n, o in zip(kept, outs)]
        self.end(nodes, k)

    def read_by(self, nodes: list[Node]) -> dict[Node, str]:
        """What the nodes read from outside of their loop, and the text for it."""
        found = {}
        for n in nodes:
            for i, x in enumerate(n.operands):
                if x not in nodes and (x.shape or x.primitive is not rows.constant):
                    found[x] = self.operand(n, i)
        return found

    def is_flat(self, node: Node, read: list[Node], kept: list[Node]) -> bool:
        """Whether all arrays can be gone through as flat ones, by one index."""
        if self.region.flat is not None:
            return True
        even = all(not x.shape or (self.in_one_piece(x) and x.shape == node.shape) for x in read)
        return even and self.strided.isdisjoint(kept)

    def end(self, nodes: list[Node], k: int) -> None:
        """Gives back what is read here for the last time."""
        for x in dict.fromkeys(x for n in nodes for x in n.operands):
            if self.last[x] == k:
                self.owner.release(x)
        for n in nodes:
            if n not in self.last:
                self.owner.release(n)

    def seen_as(self, node: Node) -> str | None:
        views = [y for y in self.strided if y.primitive is rows.reshape and y.operands[0] is node]
        return None if views else super().seen_as(node)

    def into(self, node: Node, out: str, operands: list[str]) -> str | None:
        if not self.has_own_loop(node):
            return super().into(node, out, operands)
        self.functions.add(node.primitive.name)
        return call(f"_{node.primitive.name}", operands[0], out)

    def both(self, node: Node, other: Node, x: str) -> None:
        if not (self.has_own_loop(node) and self.has_own_loop(other)):
            super().both(node, other, x)
            return
        self.functions.add("sincos")
        outs = {y.primitive: self.out(y) for y in (node, other)}
        self.body += [f"    {self.names[y]} = {outs[y.primitive]}" for y in (node, other)]
        self.body.append(f"    {call('_sincos', x, outs[rows.sin], outs[rows.cos])}")
        self.written.add(node)

    def buffer(self, node: Node, k: int) -> int:
        if self.has_own_loop(node):  # not over its operand, which would forbid vectors
            return self.owner.take(node, row_shape(node, self.region))
        return super().buffer(node, k)

    def has_own_loop(self, node: Node) -> bool:
        """Whether the node is a function of `native_math`, on an array in one piece."""
        if node.primitive not in (rows.sin, rows.cos) or node in self.strided:
            return False
        x = node.operands[0]
        return node.dtype == x.dtype == np.float64 and x.shape == node.shape and self.in_one_piece(x)

    def in_one_piece(self, x: Node) -> bool:
        """Whether a block of the value is contiguous: arguments, buffers and results are, views need not be."""
        if x.primitive is rows.constant:
            return bool(np.asarray(x.params["value"]).flags.c_contiguous)
        return x not in self.region.inside or x in self.packed

    def out(self, node: Node) -> str:
        """Where a loop writes a value that is needed after it; not over its operands, which would forbid vectors."""
        if node in self.results:
            return f"{self.outs[node]}[lo:hi]"
        if place := self.seen_as(node):
            return place
        return f"b{self.owner.take(node, row_shape(node, self.region))}"


class Ready:
    """Takes members whose operands are there."""

    region: Region
    done: set[Node]

    def __init__(self, region: Region, done: set[Node]) -> None:
        self.region, self.done = region, done

    def take(self, n: Node) -> bool:
        if n in self.done or any(x not in self.done and x in self.region.inside for x in n.operands):
            return False
        self.done.add(n)
        return True


class Index:
    """The nest of loops over a block and what stands in the brackets."""

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim
        self.all: str = ", ".join(f"_i{d}" for d in range(ndim))
        self.indent = "    " * (ndim + 1)

    def heads(self, out: str) -> list[str]:
        return ["    " * (d + 1) + f"for _i{d} in range({out}.shape[{d}]):" for d in range(self.ndim)]

    def of(self, shape: Shape, whole: tuple[int, ...]) -> str:
        """The element of an operand that is broadcast to `whole`."""
        skipped = len(whole) - len(shape)
        return ", ".join(f"_i{d + skipped}" if n == whole[d + skipped] else "0" for d, n in enumerate(shape))


def scalar(x: Node, name: str) -> str:
    """A value of no axes as numba takes it: NumPy's arrays of no axes are none."""
    return name if is_number(x) else f"np.asarray({name})[()]"


def is_number(x: Node) -> bool:
    """Whether NumPy gives a number, and no array of no axes."""
    if x.primitive is rows.getitem:
        index = x.params["index"]
        return all(isinstance(i, int | np.integer) for i in (index if isinstance(index, tuple) else (index,)))
    return not x.primitive.leaf and ufunc_of(x) is not None


def is_worth_it(region: Region) -> bool:
    """Whether a region saves time: as it does for NumPy, or because a loop stands for many calls."""
    spared = sum(
        SPARED + SPARED_EACH * max(size(n.shape), *[size(x.shape) for x in n.operands])
        for n in region.members
        if is_light(n) or contraction(n)
    )
    return worth_for_numpy(region) or spared > CALL


def signature(numba: Any, loop: Loop) -> tuple[Any, ...]:
    """numba's types for a loop's arguments. Arrays from outside and views may be read-only."""
    found = []
    for dtype, ndim, layout, read_only in loop.arguments:
        kind = numba.from_dtype(np.dtype(dtype))
        found.append(numba.types.Array(kind, ndim, layout, readonly=read_only) if ndim else kind)
    return tuple(found)
