"""Straight-line NumPy source for a graph: values written into planned buffers, regions cut into blocks."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...late import Late
from ...primitives import rows
from ...primitives.found import SPECIAL
from ...primitives.text import call
from ...types import Array, Function, Value
from ..passes.assembly import ASSEMBLE, complete, untouched
from ..passes.rewriting import number, users
from ..plan.ownership import Ownership
from ..plan.plan import Plan, is_large_product
from ..plan.regions import Region, find_regions, size
from ..plan.updates import AXPY, axpy
from ..run.blas import product
from ..run.blocks import Blocks
from ..run.sincos import sincos
from .names import Names, expression, into, is_list, ufunc_of
from .region_source import RegionSource, block_rows

SMALL = 4096  # bytes under which a fresh array costs less than the call with `out=`
ARITHMETIC = frozenset((rows.add, rows.subtract, rows.multiply, rows.divide))
TAKEN = ("np", "special", "rows", "own", "product", "sincos", "axpy", "work", "block", "lo", "hi", "place")


class NumpySource:
    """The text of a program, and the objects that it names.

    The `plan` has the steps and the `owner` the memory. The function made from the text takes the buffers first, then
    the inputs. `donated` are inputs whose arrays it may write results into.
    """

    def __init__(self, graph: Graph, donated: Iterable[Node] = (), name: str = "program") -> None:
        self.name = name
        self.plan: Plan = Plan(graph, donated, self.divided)
        self.graph: Graph = self.plan.graph
        self.owner: Ownership = Ownership(self.plan.life.last, self.plan.kept, self.plan.donated)
        self.names: Names = Names({*TAKEN, name})
        self.notes: list[str] = []
        self.blocks: dict[str, Blocks] = {}
        self.lines: list[str] = []
        self.swift: dict[str, str] = {}  # for some lines what runs in their place
        self.functions: list[str] = []
        self.sums: dict[Node, tuple[Node, Array]] = constant_added(self.plan)
        self.done: set[Node] = set()  # what stands there before its own step
        self.begun: dict[Node, set[Node]] = {}  # assemblies that are being filled, and the parts in their places
        self.text: str = self.write()

    def write(self) -> str:
        graph = self.plan.graph
        for k, node in enumerate(graph.inputs):
            self.names.of[node] = self.names.fresh(node.name, f"x{k}")
        for k, node in enumerate(graph.order):
            if node.primitive is rows.constant:
                self.names.of[node] = self.names.constant(node.params["value"])
            elif node not in self.names.of:
                self.names.of[node] = self.names.fresh(node.name, f"t{k}")
        for k, step in enumerate(self.plan.steps):
            if isinstance(step, Region):
                self.region(step, k)
            elif not step.primitive.leaf:
                self.single(step, k)
            for node in self.plan.life.ends.get(k, ()):
                self.owner.release(node)
        head = [f"def {call(self.name, 'work', *[self.names[n] for n in graph.inputs])}:"]
        first = len(self.blocks)  # the regions' own buffers come before
        head += [f"    b{k} = work[{first + k}]" for k in range(len(self.owner.memory.places))]
        outputs = [self.result(y, k) for k, y in enumerate(graph.outputs)]
        outputs += [self.names[n] for n, _ in graph.guards]
        body = [*head, *self.lines, f"    return {', '.join(outputs) + ',' if outputs else '()'}"]
        return "\n\n".join([*self.functions, "\n".join(body)]) + "\n"

    def result(self, y: Node, k: int) -> str:
        """An output as it is handed over: never an input, a buffer, a constant, or one array twice."""
        name = self.names[y]
        single = y.value.__class__ is not tuple and y.shape == () and not y.primitive.leaf
        mine = y in self.owner.handed_out and y not in self.plan.graph.outputs[:k]
        return name if single or mine else call("own", name)

    def compile(self) -> Function:
        """The Python function. The source holds only generated names and the rows' functions."""
        space: dict[str, Value] = {"np": np, "special": Late(SPECIAL), "own": own}
        space |= {"product": product, "sincos": sincos, "axpy": axpy, "rows": SimpleNamespace(**self.names.rows)}
        space |= self.names.space | self.blocks
        lines = [self.swift.get(line, line) for line in self.text.split("\n")]
        exec(compile("\n".join(lines), f"<difflab {self.name}>", "exec"), space)
        for name, blocks in self.blocks.items():
            blocks.function = space[f"block_{name}"]
        made: Function = space[self.name]
        return made

    @property
    def threaded(self) -> bool:
        return self.plan.threaded

    @property
    def bare(self) -> bool:
        """Whether a run needs neither buffers nor threads."""
        return not (self.threaded or self.blocks or self.owner.memory.places)

    def workspace(self) -> list[Value]:
        """New buffers for one run at a time: those of each region's threads, then the arrays."""
        return [*[b.buffers() for b in self.blocks.values()], *self.owner.memory.arrays()]

    @property
    def bytes(self) -> int:
        """The bytes of one workspace."""
        return self.owner.memory.bytes + sum(b.threads * b.step * b.memory.bytes for b in self.blocks.values())

    def explain(self) -> list[str]:
        """More lines for a person."""
        return self.notes

    # Single nodes.
    def single(self, node: Node, k: int) -> None:
        name = self.names[node]
        if node in self.begun:
            self.assemble_rest(node)
            return
        if node in self.done:
            return
        if node.primitive is ASSEMBLE:
            self.assemble(node)
            return
        array = node.value.__class__ is not tuple and node.shape != ()
        if node.primitive is AXPY and self.owner.donation(node, k) is node.operands[0]:
            p, g = [self.names[x] for x in node.operands]
            self.lines.append(f"    {name} = {call('axpy', p, g, a=repr(node.params['a']), into=p)}")
            self.owner.handed_out.add(node)
            return
        if array and size(node.shape) * node.dtype.itemsize >= SMALL and into(node, self.names, "") is not None:
            text = into(node, self.names, self.target(node, k))
            if is_large_product(node):
                text = f"product{str(text).removeprefix('np.matmul')}"
            self.lines.append(f"    {name} = {text}")
            return
        if (lean := self.lean(node)) is not None:
            self.lines.append(f"    {name} = {call(self.names.object(lean), *[self.names[x] for x in node.operands])}")
        else:
            self.lines.append(f"    {name} = {expression(node, self.names)}")
            if array and (operands := self.prepared(node)):
                self.swift[self.lines[-1]] = f"    {name} = {expression(node, self.names, operands)}"
        if not is_fresh(node):
            self.owner.view(node)
        elif array:
            self.owner.handed_out.add(node)

    def prepared(self, node: Node) -> list[str] | None:
        """The operands of arithmetic with a number as an array of no axes, of which NumPy asks nothing; or None.

        A Python number costs half as much again as the operation on some elements. The text keeps it, to be read.
        """
        if node.primitive not in ARITHMETIC or node.dtype != np.float64:
            return None
        numbers = [number(x) for x in node.operands]
        if all(c is None for c in numbers) or any(
            c is None and x.dtype != np.float64 for x, c in zip(node.operands, numbers)
        ):
            return None
        return [self.names[x] if c is None else self.names.object(np.array(c)) for x, c in zip(node.operands, numbers)]

    def lean(self, node: Node) -> Function | None:
        """A scan without each step's carry, where nobody reads it."""
        shorter: Function | None = node.primitive.spelling.get("without_carries")
        if shorter is None:
            return None
        last = node.primitive.spelling["scan"][0].outputs
        return shorter if max(self.wanted(node), default=0) < len(last) else None

    def wanted(self, node: Node) -> set[int]:
        """The results of an operation that are read, of one that has several."""
        return {n.params["index"] for n in self.plan.graph.order if n.primitive is rows.pick and node in n.operands}

    def target(self, node: Node, k: int) -> str:
        """Where a value is written: an array for the caller, or a buffer."""
        if node in self.plan.results:
            return self.array_for_caller(node, k)
        return f"b{self.owner.take_over(node, k, node.shape)}"

    def array_for_caller(self, node: Node, k: int, region: Region | None = None) -> str:
        """A donated input, or a new array."""
        self.owner.handed_out.add(node)
        given = self.owner.donation(node, k, region)
        return self.names[given] if given else self.new(node)

    def new(self, node: Node, make: str = "empty") -> str:
        return call(f"np.{make}", repr(node.shape), self.names.object(node.dtype))

    # Assemblies.
    def part(self, node: Node) -> str | None:
        """The place of a value that is a part of an assembly and nothing else; the assembly is made when it is met."""
        whole = self.plan.assembly(node)
        if whole is None:
            return None
        if whole not in self.begun:
            self.begun[whole] = set()
            self.lines.append(f"    {self.names[whole]} = {self.new(whole, 'empty' if complete(whole) else 'zeros')}")
        self.begun[whole].add(node)
        index = whole.params["indices"][whole.operands.index(node)]
        return f"{self.names[whole]}[{self.names.object(index)}]"

    def assemble(self, whole: Node) -> None:
        """Lines that put the parts into a new array: written where nothing stands yet, added elsewhere.

        Numbers that are only added afterwards are what the array begins with.
        """
        indices = whole.params["indices"]
        total, base = self.sums.get(whole, (whole, None))
        first, full = untouched(indices, np.zeros(whole.shape) if base is None else base)
        made = self.new(whole, "empty" if full else "zeros") if base is None else f"{self.names.object(base)}.copy()"
        name = self.names.of[whole] = self.names[total]
        self.lines.append(f"    {name} = {made}")
        for part, index, new in zip(whole.operands, indices, first):
            place, x = f"{name}[{self.names.object(index)}]", self.names[part]
            if new:
                self.lines.append(f"    {place} = {x}")
            elif part.shape:  # `place += x` would write what it has added a second time
                self.lines += [f"    place = {place}", f"    {call('np.add', 'place', x, 'place')}"]
            else:
                self.lines.append(f"    {place} += {x}")
        self.owner.handed_out.update((whole, total))
        self.done.add(total)

    def assemble_rest(self, whole: Node) -> None:
        """Writes the parts in that are not in their places yet."""
        for part, index in zip(whole.operands, whole.params["indices"]):
            if part not in self.begun[whole]:
                place = self.names.object(index)
                self.lines.append(f"    {self.names[whole]}[{place}] = {self.names[part]}")
        self.owner.handed_out.add(whole)

    # Regions.
    @staticmethod
    def divided(graph: Graph) -> tuple[Graph, list[Region]]:
        """The graph and its regions."""
        return graph, find_regions(graph)

    def region_source(self, region: Region, results: list[Node], name: str) -> RegionSource:
        """The text of a region's block function."""
        return RegionSource(region, self.names, results, name, self.strided(region, results))

    def strided(self, region: Region, results: list[Node]) -> set[Node]:
        """The results of a region that are written into a part of a larger array."""
        return {y for y in results if y in self.plan.assemblies and region.flat is None} - region.totals

    def region(self, region: Region, k: int) -> None:
        name = f"rows_{len(self.blocks)}"
        results = region.results(self.plan.life.last, self.plan.kept, k)
        source = self.region_source(region, results, name)
        step = block_rows(region, source.row_bytes, source.shared_cache)
        blocks = self.blocks[name] = Blocks(region.rows, step, source.owner.memory, region.work())
        self.functions.append("\n".join(source.lines))
        arguments = [source.argument(x) for x in source.externals]
        arguments += [self.region_result(node, region, blocks, k) for node in results]
        self.lines.append(f"    {call(name, f'work[{len(self.blocks) - 1}]', *arguments)}")
        for node in results:
            if node in region.totals:
                name = self.names[node]
                alone = blocks.count == 1 and node.shape == ()
                self.lines.append(f"    {name} = {name}[0]" if alone else f"    {name} = np.add.reduce({name}, 0)")
                self.owner.handed_out.add(node)
                self.owner.release(node)

    def region_result(self, node: Node, region: Region, blocks: Blocks, k: int) -> str:
        """The array that a region writes a result into, with the line that names it; of sums a part for each block."""
        name, total = self.names[node], node in region.totals
        if not total and region.flat is None and (place := self.part(node)):
            self.lines.append(f"    {name} = {place}")
            return name
        if node in self.plan.results and not total:
            made = self.array_for_caller(node, k, region)
        else:
            made = f"b{self.owner.take(node, (blocks.count, *node.shape) if total else node.shape)}"
        self.lines.append(f"    {name} = {made}")
        return f"{name}.reshape(-1)" if region.flat is not None and not total else name


def constant_added(plan: Plan) -> dict[Node, tuple[Node, Array]]:
    """For each assembly that is read once, in a step that adds a constant array to it, that step and the array."""
    count, found = users(plan.graph), {}
    for node in plan.steps:
        if isinstance(node, Region):
            continue
        for x, c in (node.operands, node.operands[::-1]) if node.primitive is rows.add else ():
            constant = c.primitive is rows.constant and c.value == x.value == node.value
            if x.primitive is ASSEMBLE and count[x] == 1 and constant:
                found[x] = node, np.asarray(c.params["value"])
    return found


def is_fresh(node: Node) -> bool:
    """Whether the value shares no memory with an operand; a contraction of one may be a view of it."""
    if node.primitive is rows.einsum:
        return len(node.operands) > 1
    return "fresh" in node.primitive.facts or ufunc_of(node) is not None or is_list(node)


def own(y: Value) -> Value:
    """A copy for the caller."""
    return y.copy() if isinstance(y, np.ndarray) else y
