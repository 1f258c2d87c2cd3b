"""The body of a loop over arrays as native text, elementwise operations fused.

All arrays of a step lie in one workspace at places known when the text is written, so that LLVM sees which loops
depend on which. What is joined with other arrays is computed where it belongs, and a sum carried along is added to in
place.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ...types import Array, Shape
from ..passes.assembly import ASSEMBLE
from ..passes.expand import Builder
from ..passes.pipeline import common_subexpressions, dead_nodes
from ..passes.rewriting import number, rebuilt, relinked, users
from .carried import has_order, other_readers
from .forms import element, has_element, is_whole
from .places import Nest, Strided, Workspace, even, parts, rearranged, rearranges, strided
from .products import Contraction, contraction

LIMIT = 400  # operations above which numba takes too long
LOOPS = 150  # numba takes some 30 ms for each
LARGEST = 1 << 20  # elements of a body's arrays; larger ones are left to NumPy
PRODUCTS = 1 << 16  # multiplications of one contraction above which BLAS is faster
JOINS = (rows.concatenate, rows.stack, rows.append)


class Refused(Exception):
    """Says what of a body has no native form."""


def one_exponential(graph: Graph) -> Graph:
    """exp(min(x, 0)) from exp(-|x|), which stands beside it where x goes into a logistic function."""
    image: dict[Node, Node] = {}
    order: list[Node] = []
    for node in graph.order:
        new = relinked(node, image)
        low = new.operands[0] if new.primitive is rows.exp else None
        if low is not None and low.primitive is rows.minimum and number(low.operands[1]) == 0.0:
            m, x = Builder(new), low.operands[0]
            image[node] = m.where(m.greater(x, 0.0), 1.0, m.exp(m.negative(m.absolute(x))))
            order += m.made
            continue
        if new is not node:
            image[node] = new
        order.append(new)
    return dead_nodes(common_subexpressions(rebuilt(graph, order, image)))


class Session:
    """What the blocks of one loop share: memory, tables of places, and constants with their places."""

    def __init__(self) -> None:
        self.memory: Workspace = Workspace()
        self.tables: dict[str, Array] = {}
        self.constants: list[tuple[Node, Array]] = []
        self.operations: int = 0

    def templates(self) -> list[Array]:
        """The workspace before the first step: zeros and constants."""
        found = {d: np.zeros(n, d) for d, n in self.memory.used.items()}
        for node, places in self.constants:
            found[node.dtype][places] = node.params["value"]
        return list(found.values())


class Block:
    """The text of a graph whose arrays lie at places of a workspace.

    What depends on the first `a` inputs alone is computed `before` the steps; the inputs up to `b` are carried: the
    first outputs take their places at the end of a step. `given` are places of inputs, `wanted` the positions of the
    results that somebody reads, `depth` is the number of loops around.
    """

    a: int
    b: int
    n: int
    session: Session
    depth: int
    wanted: Collection[int]
    before: list[list[Node]]
    steps: list[list[Node]]

    def __init__(
        self,
        graph: Graph,
        a: int,
        b: int,
        session: Session,
        given: Sequence[Array] = (),
        wanted: Collection[int] = (),
        depth: int = 0,
    ) -> None:
        self.graph: Graph = one_exponential(graph)
        graph = self.graph
        self.a, self.b, self.n = a, b, b - a
        self.session, self.depth, self.wanted = session, depth, wanted
        session.operations += len(graph.operations)
        if session.operations > LIMIT:
            raise Refused(f"its body of {session.operations:,} operations takes numba too long")
        self.count: dict[Node, int] = users(graph)
        self.readers: dict[Node, list[Node]] = {}
        for node in graph.order:
            for x in dict.fromkeys(node.operands):
                self.readers.setdefault(x, []).append(node)
        self.memory: Workspace = session.memory
        self.tables: dict[str, Array] = session.tables
        self.places: dict[Node, Array] = dict(zip(graph.inputs, given))
        self.computed: dict[Node, str] = {}
        self.products: dict[Node, Contraction] = {}
        self.names: dict[Node, str] = {n: f"v{k}" for k, n in enumerate(graph.order)}
        for node in graph.order:
            self.classify(node)
        self.waits: dict[Node, set[Node]] = {}  # for what takes the place of a carried value: who reads that before
        self.homes: dict[Node, tuple[Node, int | None]] = self.find_homes()
        for node in graph.order:
            self.place(node)
        if (size := sum(self.memory.used.values())) > LARGEST:
            raise Refused(f"its arrays are large: {size:,} elements, and native loops have up to {LARGEST:,}")
        self.lines: list[str] = []
        self.indent = "        "  # of a step's lines
        self.before, self.steps = self.scheduled()

    # What each node is.
    def classify(self, node: Node) -> None:
        if node.primitive.leaf:
            if node.shape is None or node.dtype.kind not in "fbi":
                raise Refused(f"it has values of dtype {node.dtype}")
            return
        if node.value.__class__ is tuple:
            raise Refused(f"it has {node.primitive.name}")
        if rearranges(node):
            return
        if has_element(node) or is_whole(node):
            self.computed[node] = "each"
        elif found := contraction(node):
            if len(found.terms) > 1 and (size := math.prod(found.sizes)) > PRODUCTS:
                raise Refused(f"its products are large: {size:,} multiplications, and BLAS is faster from {PRODUCTS:,}")
            self.products[node] = found
            self.computed[node] = "contraction"
        elif is_join(node):
            self.computed[node] = "join"
        else:
            raise Refused(f"it has {node.primitive.name} of shape {node.shape} and dtype {node.dtype}")

    def is_view(self, node: Node) -> bool:
        return bool(node.operands) and node not in self.computed

    # Where each node's elements are.
    def find_homes(self) -> dict[Node, tuple[Node, int | None]]:
        """Values that are written where they belong: into what is carried, or into the array that joins them."""
        homes: dict[Node, tuple[Node, int | None]] = {}
        for c, y in zip(self.graph.inputs[self.a : self.b], self.graph.outputs):
            readers = self.readers.get(c, [])
            each = self.computed.get(y) == "each" and y not in homes and c.value == y.value
            alone = self.count.get(c) == sum(r.operands.count(c) for r in readers)  # it is no result itself
            if not (each and alone and readers and all(r in self.computed for r in readers)):
                continue
            if (others := other_readers(self.graph, y, readers)) is not None:
                homes[y] = c, None
                if others:
                    self.waits[y] = others
        if self.waits and not has_order(self.graph, self.waits):
            for y in self.waits:
                del homes[y]
            self.waits = {}
        for node in self.graph.order:
            if self.computed.get(node) != "join" or not is_disjoint(node):
                continue
            for k, (x, where) in enumerate(zip(node.operands, parts(node))):
                fits = x in self.computed and x.dtype == node.dtype and x.shape == where.shape
                if fits and x not in homes and strided(where):
                    homes[x] = node, k
        return homes

    def place(self, node: Node) -> Array:
        """The places of a node's elements, given out when they are first asked for."""
        if node in self.places:
            return self.places[node]
        if node in self.homes:
            whole, k = self.homes[node]
            found = self.place(whole)
            if k is not None:
                found = found.reshape(-1)[parts(whole)[k]]
            if strided(found) is None:
                del self.homes[node]
                found = self.fresh_place(node)
        elif self.is_view(node):
            found = rearranged(node, self.place(node.operands[0]))
            if strided(found) is None:
                self.computed[node] = "gather"
                found = self.fresh_place(node)
        else:
            found = self.fresh_place(node)
            if node.primitive is rows.constant:
                self.session.constants.append((node, found))
        self.places[node] = found
        return found

    def fresh_place(self, node: Node) -> Array:
        """Places for an array of its own."""
        return self.memory.take(node.shape, node.dtype)

    def nest(self, shape: Shape, arrays: list[Strided]) -> Nest:
        """The loops over arrays of one shape."""
        return Nest(shape, arrays)

    def at(self, node: Node, shape: Shape | None = None) -> Strided:
        places = self.places[node]
        return even(places if shape is None else np.broadcast_to(places, shape))

    def memory_of(self, node: Node) -> str:
        return f"w_{np.dtype(node.dtype).name}"

    # The order of the steps.
    def sources(self, x: Node) -> Node | None:
        """The computed node whose elements x has, through rearrangements."""
        while self.is_view(x):
            x = x.operands[0]
        return x if x in self.computed else None

    def schedule(self, nodes: list[Node], done: set[Node]) -> list[list[Node]]:
        """Steps in order, each as large as possible: elementwise nodes of one shape share a loop."""
        waiting, steps = list(nodes), []
        while waiting:
            group: list[Node] = []
            for n in waiting:
                if group and (self.computed[n] != "each" or n.shape != group[0].shape):
                    continue
                behind = [(x, self.sources(x)) for x in n.operands]
                late = done.issuperset(self.waits.get(n, ()))
                if late and all(s is None or s in done or (x is s and s in group) for x, s in behind):
                    group.append(n)
                    if self.computed[n] != "each":
                        break
            if not group:
                raise Refused("its operations wait for each other")
            done.update(group)
            steps.append(group)
            waiting = [n for n in waiting if n not in done]
        return steps

    def scheduled(self) -> tuple[list[list[Node]], list[list[Node]]]:
        """What is computed before the steps, and in each."""
        fixed = set(self.graph.inputs[: self.a])
        for node in self.graph.order:
            if node.primitive is not rows.input and all(x in fixed for x in node.operands):
                fixed.add(node)
        done: set[Node] = set()
        before = self.schedule([n for n in self.computed if n in fixed], done)
        return before, self.schedule([n for n in self.computed if n not in fixed], done)

    # The text.
    def run(self, steps: list[list[Node]], indent: str) -> None:
        for step in steps:
            self.step(step, indent)

    def step(self, nodes: list[Node], indent: str) -> None:
        kind, node = self.computed[nodes[0]], nodes[0]
        if kind == "each":
            self.each(nodes, indent)
        elif kind == "contraction":
            memory = [self.memory_of(x) for x in (*node.operands, node)]
            found = self.products[node]
            steps = [*map(self.at, node.operands), even(self.places[node].reshape(found.shape))]
            self.lines += self.products_of(found, memory, steps, indent, node.dtype.name)
        elif kind == "gather":
            self.gather(node, indent)
        else:
            self.join(node, indent)

    def products_of(
        self, found: Contraction, memory: list[str], arrays: list[Strided], indent: str, dtype: str
    ) -> list[str]:
        """The lines of a contraction."""
        return found.lines(memory, arrays, indent, dtype)

    def each(self, nodes: list[Node], indent: str) -> None:
        """One loop over elements. Values stay in registers; those read elsewhere are also stored."""
        inside, shape = set(nodes), nodes[0].shape
        outside = dict.fromkeys(
            x for n in nodes for x in n.operands if x not in inside and (x.shape or number(x) is None)
        )
        ends = set(self.graph.outputs)
        stored = [n for n in nodes if n in ends or not inside.issuperset(self.readers.get(n, ()))]
        nest = self.nest(shape, [*[self.at(x, shape) for x in outside], *[self.at(n) for n in stored]])
        heads, deep = self.heads(nest, indent)
        reads = [f"{self.names[x]} = {self.memory_of(x)}[{nest.place(p)}]" for p, x in enumerate(outside)]
        still = [bool(heads) and not nest.axes[-1][1][p] for p in range(len(reads))]
        around = deep[4:] if heads else deep  # what the innermost loop does not move is read before it: in a register,
        self.lines += [*heads[:-1], *[around + line for line, same in zip(reads, still) if same], *heads[-1:]]
        indent = deep  # it leaves that loop to vector instructions
        self.lines += [indent + line for line, same in zip(reads, still) if not same]
        for n in nodes:
            self.lines.append(f"{indent}{self.names[n]} = {element(n, self.names)}")
        self.lines += [indent + line for line in self.stores(stored, nest, len(outside))]

    def heads(self, nest: Nest, indent: str) -> tuple[list[str], str]:
        """The lines that open a loop over elements."""
        return nest.heads(indent)

    def stores(self, nodes: list[Node], nest: Nest, first: int) -> list[str]:
        """The lines that put values of a loop in their places; `first` is where these stand among the loop's arrays."""
        return [f"{self.memory_of(n)}[{nest.place(k)}] = {self.names[n]}" for k, n in enumerate(nodes, first)]

    def gather(self, node: Node, indent: str) -> None:
        """A rearrangement whose places are not even."""
        source = rearranged(node, self.places[node.operands[0]])
        self.listed(node, self.places[node], node.operands[0], source, indent, "=")

    def listed(self, y: Node, to: Array, x: Node, source: Array, indent: str, sign: str) -> None:
        """A loop over two lists of places."""
        there, here = f"k{len(self.tables)}", f"k{len(self.tables) + 1}"
        self.tables |= {there: to.ravel(), here: source.ravel()}
        self.lines.append(f"{indent}for _i in range({to.size}):")
        self.lines.append(f"{indent}    {self.memory_of(y)}[{there}[_i]] {sign} {self.memory_of(x)}[{here}[_i]]")

    def join(self, node: Node, indent: str) -> None:
        """Copies of the parts that are not in their places yet."""
        whole, together = self.places[node], is_disjoint(node)
        if not together:  # else what no part covers stays zero from the start
            self.copy(None, even(whole), node.shape, indent, node)
        for k, (x, index) in enumerate(zip(node.operands, parts(node))):
            if self.homes.get(x) == (node, k):
                continue
            to, sign = whole.reshape(-1)[index], "=" if together else "+="
            if found := strided(to):
                self.copy(x, found, index.shape, indent, node, sign)
            else:
                self.listed(node, to, x, np.broadcast_to(self.places[x], to.shape), indent, sign)

    def copy(self, x: Node | None, to: Strided, shape: Shape, indent: str, node: Node, sign: str = "=") -> None:
        nest = self.nest(shape, [to] if x is None else [to, self.at(x, shape)])
        heads, indent = nest.heads(indent)
        value = "0.0" if x is None else f"{self.memory_of(x)}[{nest.place(1)}]"
        self.lines += [*heads, f"{indent}{self.memory_of(node)}[{nest.place(0)}] {sign} {value}"]

    def take_in(self, x: Node, name: str) -> None:
        """A slice of what is scanned over."""
        self.moved(x, name, "{here} = {there}")

    def hand_over(self, y: Node, name: str) -> None:
        self.moved(y, name, "{there} = {here}")

    @property
    def t(self) -> str:
        """The step's number."""
        return f"_t{self.depth}"

    def moved(self, x: Node, name: str, form: str) -> None:
        """Elements between the workspace and a step of a stacked array."""
        flat = np.arange(math.prod(x.shape)).reshape(x.shape)
        nest = Nest(x.shape, [self.at(x), even(flat)])
        heads, indent = nest.heads(self.indent)
        here = f"{self.memory_of(x)}[{nest.place(0)}]"
        there = f"{name}[{self.t} * {flat.size}{nest.terms[1]}]"
        self.lines += [*heads, indent + form.format(here=here, there=there)]

    def carry_on(self) -> None:
        """The new carry in the place of the old one; by way of copies, where old ones are still to be read."""
        pairs = list(zip(self.graph.inputs[self.a : self.b], self.graph.outputs))
        moves = [(c, y) for c, y in pairs if not np.array_equal(self.places[c], self.places[y]) or c.dtype != y.dtype]
        targets = {(c.dtype, int(p)) for c, _ in moves for p in self.places[c].ravel()}
        late = []
        for c, y in moves:
            if any((y.dtype, int(p)) in targets for p in self.places[y].ravel()):
                spare = self.memory.take(y.shape, y.dtype)
                self.transfer(c, self.at(y), even(spare))
                late.append((c, even(spare)))
            else:
                late.append((c, self.at(y)))
        for c, source in late:
            self.transfer(c, source, self.at(c))

    def transfer(self, c: Node, source: Strided, target: Strided) -> None:
        nest = Nest(c.shape, [target, source])
        heads, indent = nest.heads(self.indent)
        memory = self.memory_of(c)
        self.lines += [*heads, f"{indent}{memory}[{nest.place(0)}] = {memory}[{nest.place(1)}]"]


def is_join(node: Node) -> bool:
    """Whether the node writes its operands, all of one dtype, into one array at places that are known."""
    same = all(x.dtype == node.dtype for x in node.operands)
    if node.primitive is ASSEMBLE:
        return same
    return same and (node.primitive in JOINS or (node.primitive is rows.scatter and len(node.operands) == 1))


def is_disjoint(node: Node) -> bool:
    """Whether no element of the result is written twice."""
    places = np.concatenate([p.ravel() for p in parts(node)])
    return len(np.unique(places)) == len(places)
