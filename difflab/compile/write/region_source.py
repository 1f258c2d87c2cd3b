"""The text of one region: a function that computes the rows lo to hi of everything in it."""

from __future__ import annotations

import numpy as np

from ...graph.node import Node
from ...primitives import Primitive, rows
from ...primitives.text import call
from ..plan.ownership import Ownership
from ..plan.regions import Region, cut, size
from ..run.blocks import THREADS_WORTH
from ..run.sincos import SCRATCH
from .names import Names, expression, into

# Bytes that a block may take. One thread wants what stays in its second cache; two meet at the interpreter's lock
# after each operation, and want longer ones.
CACHE, SHARED_CACHE = 1 << 21, 1 << 23
LONGEST = 1 << 17  # rows in a block at most


def row_shape(node: Node, region: Region) -> tuple[int, ...]:
    """The shape of one row of a member's value."""
    return () if region.flat is not None else tuple(node.shape[1:])


def block_rows(region: Region, row_bytes: int, shared: int = SHARED_CACHE) -> int:
    """The rows of a block: as many as fit, and such that there is an even number of blocks, for two threads.

    It does not depend on the number of threads that there are, so neither do the results.
    """
    cache = shared if region.work() >= THREADS_WORTH else CACHE
    longest = max(16, min(LONGEST, cache // max(1, row_bytes)))
    count = -(-region.rows // longest)
    count += count % 2 if count > 1 else region.work() >= THREADS_WORTH
    return -(-region.rows // count)


def pairs(region: Region) -> dict[Node, Node]:
    """For sine and cosine of the same value, in float64, each the other."""
    found: dict[tuple[Primitive, Node], Node] = {}
    for node in region.members:
        if node.primitive in (rows.sin, rows.cos) and node.dtype == np.float64 == node.operands[0].dtype:
            found[node.primitive, node.operands[0]] = node
    both = [(n, found.get((rows.cos, x))) for (row, x), n in found.items() if row is rows.sin]
    return {a: b for s, c in both if c is not None for a, b in ((s, c), (c, s))}


class RegionSource:
    """The block function's text, its arguments and its buffers."""

    region: Region
    names: Names
    name: str
    results: list[Node]

    shared_cache: int = SHARED_CACHE

    def __init__(
        self, region: Region, names: Names, results: list[Node], name: str, strided: set[Node] | None = None
    ) -> None:
        self.strided: set[Node] = strided or set()  # results that may become part of a larger array
        self.region, self.names, self.name, self.results = region, names, name, results
        operands = dict.fromkeys(x for n in region.members for x in n.operands if x not in region.inside)
        self.externals: list[Node] = [x for x in operands if x.primitive is not rows.constant]
        self.outs: dict[Node, str] = {y: f"o{k}" for k, y in enumerate(results)}
        self.cut_names: dict[Node, str] = {}
        self.steps: list[list[Node]] = self.ordered()
        self.last: dict[Node, int] = {x: k for k, step in enumerate(self.steps) for n in step for x in n.operands}
        self.owner: Ownership = Ownership(self.last)
        self.body: list[str] = []
        self.written: set[Node] = set()  # results that stand in their place already
        self.partner: dict[Node, Node] = pairs(region)
        self.used: set[int] = set()  # places of scratch buffers
        self.lines: list[str] = self.write(operands)

    def write(self, operands: dict[Node, None]) -> list[str]:
        """The block function; `operands` are what its members read from outside."""
        self.cut_operands(operands)
        for k, step in enumerate(self.steps):
            self.step(step, k)
        return [*self.head(), *self.body]

    def ordered(self) -> list[list[Node]]:
        """The members that are computed at once, step by step."""
        return [[n] for n in self.region.members]

    def step(self, nodes: list[Node], k: int) -> None:
        self.member(nodes[0], k)

    @property
    def row_bytes(self) -> int:
        """The bytes that one row takes in the buffers and in what is read and written."""
        passing = [*self.externals, *self.results]
        return self.owner.memory.bytes + sum(
            size(row_shape(x, self.region)) * x.dtype.itemsize for x in passing if x.shape
        )

    def argument(self, x: Node) -> str:
        """How the program hands an array from outside to the block function."""
        return f"{self.names[x]}.reshape(-1)" if self.region.flat is not None and x.shape else self.names[x]

    def head(self) -> list[str]:
        given = [self.names[x] for x in self.externals] + list(self.outs.values())
        lines = [f"def {call(f'block_{self.name}', 'block', 'lo', 'hi', 'work', *given)}:"]
        used = sorted({*self.owner.place.values(), *self.used})
        if used:
            lines.append(f"    {', '.join(f'b{p}' for p in used)} = {', '.join(f'work[{p}]' for p in used)}")
        return lines

    def cut_operands(self, operands: dict[Node, None]) -> None:
        """A line for each array from outside of which a block reads only its rows."""
        for x in operands:
            uses = [(n, i) for n in self.region.members for i, o in enumerate(n.operands) if o is x]
            if x.shape and any(self.is_cut(n, i) for n, i in uses):
                array = self.names[x]
                if x.primitive is rows.constant and self.region.flat is not None:
                    array += ".reshape(-1)"
                self.cut_names[x] = f"r{len(self.cut_names)}"
                self.body.append(f"    {self.cut_names[x]} = {array}[lo:hi]")

    def is_cut(self, node: Node, position: int) -> bool:
        if self.region.flat is not None:
            return bool(node.operands[position].shape)
        return node in self.region.totals or cut(node, position, self.region.rows)

    def operand(self, node: Node, position: int) -> str:
        x = node.operands[position]
        if x in self.cut_names and self.is_cut(node, position):
            return self.cut_names[x]
        return self.names[x]

    def member(self, node: Node, k: int) -> None:
        """The lines that compute one member."""
        n, result = self.names[node], node in self.results
        operands = [self.operand(node, i) for i in range(len(node.operands))]
        if node in self.partner:
            if self.partner[node] not in self.written:
                self.both(node, self.partner[node], operands[0])
        elif node in self.region.totals:
            self.body.append(f"    {self.outs[node]}[block] = {self.part(node, operands[0])}")
        elif self.into(node, "", operands) is not None:
            out = f"{self.outs[node]}[lo:hi]" if result else self.seen_as(node) or f"b{self.buffer(node, k)}"
            self.body.append(f"    {n} = {self.into(node, out, operands)}")
        elif node in self.written:
            self.body.append(f"    {n} = {self.moved(node, operands)}")
        else:
            self.body.append(f"    {n} = {self.moved(node, operands)}")
            if result:
                self.body.append(f"    {self.outs[node]}[lo:hi] = {n}")
            self.owner.view(node)
        for x in dict.fromkeys(node.operands):
            if self.last[x] == k:
                self.owner.release(x)
        if node not in self.last:
            self.owner.release(node)

    def into(self, node: Node, out: str, operands: list[str]) -> str | None:
        return into(node, self.names, out, operands)

    def both(self, node: Node, other: Node, x: str) -> None:
        """Sine and cosine of the same value, at the first of the two."""
        outs = []
        for y in (node, other):
            if y in self.results:
                outs.append(f"{self.outs[y]}[lo:hi]")
            else:
                outs.append(f"b{self.owner.take(y, row_shape(y, self.region))}")
            self.body.append(f"    {self.names[y]} = {outs[-1]}")
        sine, cosine = (self.names[y] for y in ((node, other) if node.primitive is rows.sin else (other, node)))
        shape = row_shape(node, self.region)
        memory = self.owner.memory
        scratch = [memory.take(shape, node.dtype) for _ in range(SCRATCH)] + [memory.take(shape, np.intp)]
        self.used.update(scratch)
        self.body.append(f"    {call('sincos', x, sine, cosine, *[f'b{p}' for p in scratch])}")
        for p in scratch:
            memory.give_back(p)
        self.written.add(node)

    def seen_as(self, node: Node) -> str | None:
        """The place of a result that is only a reshape of the value: it is written there at once."""
        for y in self.results:
            plain = y not in self.region.totals and y not in self.strided  # of which a reshape is a view
            if plain and y.primitive is rows.reshape and y.operands[0] is node:
                self.written.add(y)
                rest = "".join(f", {n}" for n in row_shape(node, self.region)) or ","
                return f"{self.outs[y]}[lo:hi].reshape((hi - lo{rest}))"
        return None

    def buffer(self, node: Node, k: int) -> int:
        """A block buffer for a value."""
        return self.owner.take_over(node, k, row_shape(node, self.region))

    def part(self, node: Node, x: str) -> str:
        """One block's part of a sum over the rows."""
        if self.region.flat is not None or node.shape == ():
            return call("np.add.reduce", x, "None")
        if node.primitive is rows.sum:
            return call("np.add.reduce", x, repr(node.params["axis"]), "None", "None", repr(node.params["keepdims"]))
        return call(self.names.function(node.primitive), x, shape=repr(node.shape))

    def moved(self, node: Node, operands: list[str]) -> str:
        """An operation without `out`, on rows: shapes in its parameters begin with the number of rows in the block."""
        shape = node.params.get("shape")
        if self.region.flat is not None or not isinstance(shape, tuple):
            return expression(node, self.names, operands)
        rest = "".join(f" {n}," for n in shape[1:])
        more = {k: self.names.parameter(v) for k, v in node.params.items() if k != "shape"}
        return call(self.names.function(node.primitive), *operands, **more, shape=f"(hi - lo,{rest})")
