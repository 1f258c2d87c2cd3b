"""Straight-line NumPy source for a graph: values written into planned buffers, regions cut into blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ..passes.assembly import ASSEMBLE, complete
from ..plan.memory import Plan
from ..plan.regions import Region, find_regions, schedule, size
from ..plan.updates import AXPY, axpy, updates
from ..run.blas import WORTH, product
from ..run.blocks import THREADS_WORTH, Blocks
from ..run.sincos import sincos
from .names import Names, expression, into, ufunc_of
from .region_source import RegionSource, block_rows

SMALL = 4096  # bytes under which a fresh array costs less than the call with `out=`


class NumpySource:
    """The text of a program, the objects it names, and the buffers it writes into.

    The function made from it takes the buffers first, then the inputs. `donated` are inputs whose arrays it may
    write results into.
    """

    def __init__(self, graph: Graph, donated: Iterable[Node] = (), name: str = "program") -> None:
        given = list(donated)
        self.graph, self.name = updates(graph, given) if given else graph, name
        graph = self.graph
        self.notes: list[str] = []
        self.names = Names(
            {"np", "special", "rows", "own", "product", "sincos", "axpy", "work", "block", "lo", "hi", name}
        )
        self.plan = Plan()
        self.blocks: dict[str, Blocks] = {}
        self.lines: list[str] = []
        self.functions: list[str] = []
        self.kept = set(graph.outputs) | {n for n, _ in graph.guards}
        self.results = set(graph.outputs)
        self.donated = dict.fromkeys(given)
        self.regions = self.find_regions()
        self.steps = schedule(graph, self.regions) if self.regions else list(graph.order)
        own = any("threads" in n.primitive.facts for n in graph.order)  # kernels with threads of their own
        self.threaded = own or any(r.work() >= THREADS_WORTH for r in self.regions)
        self.last, self.ends = self.lifetimes()
        self.step_of = {n: k for k, step in enumerate(self.steps) if not isinstance(step, Region) for n in (step,)}
        self.assemblies: dict[Node, list[Node]] = {}  # the disjoint assemblies that a value is a part of
        self.assembled: dict[Node, set[Node]] = {}  # those begun, and the parts in their places
        for node in self.step_of:
            if node.primitive is ASSEMBLE and node.params["disjoint"]:
                for x in node.operands:
                    self.assemblies.setdefault(x, []).append(node)
        self.roots: dict[Node, frozenset[Node]] = {}
        self.held: dict[Node, int] = {}
        self.place: dict[Node, int] = {}
        self.owned: set[Node] = set()  # results that belong to the caller as they are
        self.text = self.write()

    def write(self) -> str:
        for k, node in enumerate(self.graph.inputs):
            self.names.of[node] = self.names.fresh(node.name, f"x{k}")
        for k, node in enumerate(self.graph.order):
            if node.primitive is rows.constant:
                self.names.of[node] = self.names.constant(node.params["value"])
            elif node not in self.names.of:
                self.names.of[node] = self.names.fresh(node.name, f"t{k}")
        for node in self.donated:
            self.hold(node, frozenset((node,)))
        for k, step in enumerate(self.steps):
            if isinstance(step, Region):
                self.region(step, k)
            elif not step.primitive.leaf:
                self.single(step, k)
            for node in self.ends.get(k, ()):
                self.release(node)
        inputs = ", ".join(["work", *[self.names[n] for n in self.graph.inputs]])
        head = [f"def {self.name}({inputs}):"]
        first = len(self.blocks)  # the regions' own buffers come before
        head += [f"    b{k} = work[{first + k}]" for k in range(len(self.plan.places))]
        outputs = [self.result(y, k) for k, y in enumerate(self.graph.outputs)]
        outputs += [self.names[n] for n, _ in self.graph.guards]
        body = [*head, *self.lines, f"    return {', '.join(outputs) + ',' if outputs else '()'}"]
        return "\n\n".join([*self.functions, "\n".join(body)]) + "\n"

    def result(self, y: Node, k: int) -> str:
        """An output as it is handed over: never an input, a buffer, a constant, or one array twice."""
        name = self.names[y]
        single = y.value.__class__ is not tuple and y.shape == () and not y.primitive.leaf
        mine = y in self.owned and y not in self.graph.outputs[:k]
        return name if single or mine else f"own({name})"

    def compile(self) -> Callable[..., Any]:
        """The Python function. The source holds only generated names and the rows' functions."""
        import scipy.special

        space = {"np": np, "special": scipy.special, "rows": SimpleNamespace(**self.names.rows), "own": own}
        space |= {"product": product, "sincos": sincos, "axpy": axpy}
        space |= self.names.space | self.blocks
        exec(compile(self.text, f"<difflab {self.name}>", "exec"), space)
        for name, blocks in self.blocks.items():
            blocks.function = space[f"block_{name}"]
        return space[self.name]  # type: ignore[no-any-return]

    def workspace(self) -> list[Any]:
        """New buffers for one run at a time: those of each region's threads, then the arrays."""
        return [*[b.buffers() for b in self.blocks.values()], *self.plan.arrays()]

    @property
    def bytes(self) -> int:
        """The bytes of one workspace."""
        return self.plan.bytes + sum(b.threads * b.step * b.plan.bytes for b in self.blocks.values())

    def explain(self) -> list[str]:
        """More lines for a person."""
        return self.notes

    # Lifetimes.
    def lifetimes(self) -> tuple[dict[Node, int], dict[int, list[Node]]]:
        """The step that reads a node last, and the nodes that end at each step."""
        last: dict[Node, int] = {}
        for k, step in enumerate(self.steps):
            for node in step.members if isinstance(step, Region) else [step]:
                last.setdefault(node, k)
                for x in node.operands:
                    last[x] = k
        ends: dict[int, list[Node]] = {}
        for node, k in last.items():
            if node not in self.kept:
                ends.setdefault(k, []).append(node)
        return last, ends

    def hold(self, node: Node, roots: frozenset[Node]) -> None:
        self.roots[node] = roots
        for root in roots:
            self.held[root] = self.held.get(root, 0) + 1

    def release(self, node: Node) -> None:
        """Gives back the buffers that only this node still held."""
        for root in self.roots.pop(node, ()):
            self.held[root] -= 1
            if self.held[root] == 0 and root in self.place:  # not a donated input
                self.plan.give_back(self.place[root])

    # Steps.
    def single(self, node: Node, k: int) -> None:
        name = self.names[node]
        if node in self.assembled:
            self.assemble_rest(node)
            return
        array = node.value.__class__ is not tuple and node.shape != ()
        if node.primitive is AXPY and self.donation(node, k) is node.operands[0]:
            p, g = [self.names[x] for x in node.operands]
            self.lines.append(f"    {name} = axpy({p}, {g}, a={node.params['a']!r}, into={p})")
            self.owned.add(node)
            return
        if array and size(node.shape) * node.dtype.itemsize >= SMALL and into(node, self.names, "") is not None:
            text = into(node, self.names, self.target(node, k))
            if self.threaded and node.primitive is rows.matmul and multiplications(node) >= WORTH:
                text = f"product{str(text).removeprefix('np.matmul')}"
            self.lines.append(f"    {name} = {text}")
            return
        self.lines.append(f"    {name} = {expression(node, self.names)}")
        fresh = is_fresh(node)
        if array and fresh:
            self.owned.add(node)
        shared = [] if fresh else [self.roots.get(x, frozenset()) for x in node.operands]
        self.hold(node, frozenset().union(*shared))

    def target(self, node: Node, k: int) -> str:
        """Where a value is written: a donated input, an array for the caller, or a buffer."""
        if node in self.results:
            self.owned.add(node)
            given = self.donation(node, k)
            return self.names[given] if given else f"np.empty({node.shape!r}, {self.names.object(node.dtype)})"
        if node.primitive.kind == "elementwise":  # may be written over an operand that is read here for the last time
            for x in dict.fromkeys(node.operands):
                same = x.value == node.value and self.roots.get(x) == frozenset((x,))
                if same and self.last[x] == k and x not in self.kept:
                    self.release(x)
        self.place[node] = self.plan.take(node.shape, node.dtype)
        self.hold(node, frozenset((node,)))
        return f"b{self.place[node]}"

    def part_of_assembly(self, node: Node) -> str | None:
        """Where a value belongs that is a part of an assembly and nothing else; the assembly is made when it is met."""
        for whole in self.assemblies.get(node, ()):
            if whole.operands.count(node) == 1 and self.last[node] == self.step_of[whole]:
                if whole not in self.assembled:
                    self.assembled[whole] = set()
                    make = "empty" if complete(whole) else "zeros"
                    made = f"np.{make}({whole.shape!r}, {self.names.object(whole.dtype)})"
                    self.lines.append(f"    {self.names[whole]} = {made}")
                self.assembled[whole].add(node)
                index = whole.params["indices"][whole.operands.index(node)]
                return f"{self.names[whole]}[{self.names.object(index)}]"
        return None

    def assemble_rest(self, whole: Node) -> None:
        """Writes the parts in that are not in their places yet."""
        for part, index in zip(whole.operands, whole.params["indices"]):
            if part not in self.assembled[whole]:
                place = self.names.object(index)
                self.lines.append(f"    {self.names[whole]}[{place}] = {self.names[part]}")
        self.owned.add(whole)

    def donation(self, node: Node, k: int, region: Region | None = None) -> Node | None:
        """A donated input of that shape and dtype that nothing reads later, also not through a view."""
        if node.primitive.kind == "elementwise":
            # A region may have read x some operations before: m in 0.9 m + 0.1 g.
            for x in dict.fromkeys([*node.operands, *(self.donated if region else ())]):
                alone = x in self.donated and self.roots.get(x) == frozenset((x,)) and self.held[x] == 1
                ends = self.last[x] == k and x not in self.kept and (region is None or region.read_last_by(x, node))
                if alone and ends and x.value == node.value:
                    self.release(x)
        for x in self.donated:
            if x.value == node.value and self.held.get(x) == 0:
                del self.donated[x]
                return x
        return None

    def find_regions(self) -> list[Region]:
        return find_regions(self.graph)

    def region_source(self, region: Region, results: list[Node], name: str) -> RegionSource:
        """The text of a region's block function."""
        return RegionSource(region, self.names, results, name, self.strided(region, results))

    def strided(self, region: Region, results: list[Node]) -> set[Node]:
        """The results of a region that are written into a part of a larger array."""
        return {y for y in results if y in self.assemblies and region.flat is None} - region.totals

    def region(self, region: Region, k: int) -> None:
        name = f"rows_{len(self.blocks)}"
        results = region.results(self.last, self.kept, k)
        source = self.region_source(region, results, name)
        blocks = self.blocks[name] = Blocks(
            region.rows, block_rows(region, source.row_bytes, source.shared_cache), source.plan, region.work()
        )
        self.functions.append("\n".join(source.lines))
        arguments = [source.argument(x) for x in source.externals]
        for node in results:
            n, total = self.names[node], node in region.totals
            if not total and region.flat is None and (place := self.part_of_assembly(node)):
                self.lines.append(f"    {n} = {place}")
                arguments.append(n)
                continue
            shape = (blocks.count, *node.shape) if total else node.shape
            if node in self.results and not total:
                self.owned.add(node)
                given = self.donation(node, k, region)
                made = self.names[given] if given else f"np.empty({shape!r}, {self.names.object(node.dtype)})"
            else:
                self.place[node] = self.plan.take(shape, node.dtype)
                self.hold(node, frozenset((node,)))
                made = f"b{self.place[node]}"
            self.lines.append(f"    {n} = {made}")
            arguments.append(f"{n}.reshape(-1)" if region.flat is not None and not total else n)
        self.lines.append(f"    {name}(work[{len(self.blocks) - 1}], {', '.join(arguments)})")
        for node in results:
            if node in region.totals:
                self.lines.append(f"    {self.names[node]} = np.add.reduce({self.names[node]}, 0)")
                self.owned.add(node)
                self.release(node)


def multiplications(node: Node) -> int:
    """How many numbers a matrix product multiplies."""
    return size(node.shape) * node.operands[0].shape[-1]


def is_fresh(node: Node) -> bool:
    """Whether the value shares no memory with an operand; a contraction of one may be a view of it."""
    if node.primitive is rows.einsum:
        return len(node.operands) > 1
    return "fresh" in node.primitive.facts or ufunc_of(node) is not None


def own(y: Any) -> Any:
    """A copy for the caller."""
    return y.copy() if isinstance(y, np.ndarray) else y
