"""A program of difflab's as one file of Python that needs NumPy alone."""

from __future__ import annotations

import ast
import keyword
import re
from types import SimpleNamespace

import numpy as np

from ...compile.passes.pipeline import dead_nodes
from ...compile.plan.updates import axpy
from ...compile.program.compiled import Compiled
from ...compile.program.program import Program
from ...compile.program.walked import LARGEST, WalkedSource
from ...compile.run.blas import product
from ...compile.run.sincos import sincos
from ...compile.write.numpy_source import NumpySource, own
from ...compile.write.scalar_source import FAILURES, SPACE, ScalarSource
from ...errors import InputError, UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...late import Late
from ...primitives.found import SPECIAL
from ...primitives.text import call
from ...types import Function, Tree, Value
from ...version import __version__
from .expand import graph_at
from .linker import Linker

OTHERWISE = "a branch that looks at a value is decided otherwise here"
CONTROL = ("scan", "while_loop", "cond")
BUFFERS = """
def {name}(sizes, places, rows=None):
    times, lead = (1, ()) if rows is None else (rows, (rows,))
    memory = [np.empty(n * times, np.uint8) for n in sizes]
    found = []
    for slot, shape, dtype in places:
        count = 1
        for n in (*lead, *shape):
            count *= n
        found.append(memory[slot][: count * dtype.itemsize].view(dtype).reshape((*lead, *shape)))
    return found
""".strip()
BLOCKS = """
def {name}(function, rows, step, buffers, *arrays):
    for k, lo in enumerate(range(0, rows, step)):
        hi = min(lo + step, rows)
        function(k, lo, hi, buffers if hi - lo == step else [b[: hi - lo] for b in buffers], *arrays)
""".strip()
SCAN = """
def {name}(*xs):
    captured, carry, slices = list(xs[:{a}]), list(xs[{a}:{b}]), xs[{b}:]
    found = [[None] * {count} for _ in range({results})]
    for t in {steps}:
        after = {body}(*captured, *carry, *[x[t] for x in slices])
        for kept, x in zip(found, [*after[{n}:], *carry]):
            kept[t] = x
        carry = list(after[:{n}])
    stacked = [np.stack(y) if y else np.zeros((0, *shape), dtype) for y, (shape, dtype) in zip(found, {likes})]
    return (*carry, *stacked)
""".strip()
WHILE = """
def {name}(*xs):
    value, count = list(xs[{b}:]), 0
    while {test}(*xs[:{a}], *value)[0]:
        value, count = list({body}(*xs[{a}:{b}], *value)), count + 1
    return (*value, np.int64(count))
""".strip()
COND = """
def {name}(*xs):
    found = {yes}(*[xs[k] for k in {yes_places}], 0.0) if xs[0] else {no}(*[xs[k] for k in {no_places}], 0.0)
    return tuple(found) if len(found) != 1 else found[0]
""".strip()


class Loop:
    """A loop or a branch that a program calls, to be written out."""

    def __init__(self, node: Node) -> None:
        self.node = node


class Portable(NumpySource):
    """The text of a program, with its loops as objects that are written out."""

    def single(self, node: Node, k: int) -> None:
        if not any(name in node.primitive.spelling for name in CONTROL):
            super().single(node, k)
            return
        called = call(self.names.object(Loop(node)), *[self.names[x] for x in node.operands])
        self.lines.append(f"    {self.names[node]} = {called}")
        self.owner.view(node)


def to_numpy_source(f: Function | Graph | Program, *examples: Tree, name: str = "function") -> str:
    """The compiled program of f as the text of a Python file that needs NumPy alone: no difflab.

    `examples` are arguments that fix shapes and dtypes; a graph with shapes of its own needs none. The file has one
    function, `name`, of f's numbers and arrays one after the other; its docstring says their shapes. Give a gradient
    to get a gradient: `dl.to_numpy_source(dl.grad(f), x)`. Results have the bits of the program; arrays that f reads
    stand in the file. Where an operation is SciPy's the file imports scipy.special, and says so at its head.

    UnsupportedError for a program that is too large to be written and for what is no code of difflab's.

    >>> import difflab as dl, numpy as np
    >>> text = dl.to_numpy_source(dl.grad(lambda x: np.sum(x**3)), np.ones(2), name="slope")
    >>> space = {}
    >>> exec(text, space)
    >>> space["slope"](np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(f"to_numpy_source: name={name!r} is no name of a function in Python")
    f = getattr(f, "program", f)
    graph, _ = graph_at(f.f if isinstance(f, Program) else f, examples, "to_numpy_source")
    if any(x.value.__class__ is tuple or x.shape is None for x in graph.inputs):
        raise InputError("to_numpy_source: the graph has no shapes; give examples of its inputs")
    if len(graph) > LARGEST:
        raise UnsupportedError(f"to_numpy_source: {len(graph):,} operations are more than are written, {LARGEST:,}")
    linker = Linker()
    linker.taken.add(name)
    writer = Writer(linker)
    run = writer.program(Compiled(dead_nodes(graph), [False] * len(graph.inputs)))
    body = entry(name, graph, run)
    head = header(name, graph, linker)
    return "\n\n\n".join([head, linker.text(), body]).replace("\n\n\n\n", "\n\n\n") + "\n"


class Writer:
    """Programs, and those in their loops, as definitions."""

    def __init__(self, linker: Linker) -> None:
        self.linker = linker
        self.helpers: dict[str, str] = {}

    def helper(self, text: str, wanted: str) -> str:
        if text not in self.helpers:
            self.helpers[text] = self.linker.fresh(wanted)
            self.linker.definitions.append(text.format(name=self.helpers[text]))
        return self.helpers[text]

    def program(self, compiled: Compiled) -> str:
        """A function of flat inputs that gives the outputs, and behind them what the guards look at."""
        compiled.build()
        if isinstance(compiled.source, WalkedSource):
            raise UnsupportedError("to_numpy_source: a loop's body has more operations than are written")
        if not isinstance(compiled.source, ScalarSource):
            return self.arrays(compiled.graph)
        general = self.arrays(compiled.fallback().graph)
        source = compiled.source
        numbers = self.defined(source.text, {**SPACE, **source.names.space, "array": np.array}, source.name)
        made = self.linker.fresh("program")
        failures = ", ".join(error.__name__ for error in FAILURES)
        self.linker.definitions.append(
            f"def {made}(*xs):\n    try:\n        return {numbers}(*xs)\n"
            f"    except ({failures}):  # math raises where NumPy returns inf or nan\n        return {general}(*xs)"
        )
        return made

    def arrays(self, graph: Graph) -> str:
        """The same as a program on arrays."""
        source = Portable(graph)
        space: dict[str, Value] = {"np": np, "special": Late(SPECIAL), "own": own, "product": product, "sincos": sincos}
        space |= {"axpy": axpy, "rows": SimpleNamespace(**source.names.rows), **source.names.space}
        for key, value in space.items():
            if isinstance(value, Loop):
                space[key] = Named(self.loop(value.node))
        functions = {n.name: n for n in ast.parse(source.text).body if isinstance(n, ast.FunctionDef)}
        work = []
        for key, blocks in source.blocks.items():
            inner = self.linker.define(functions[f"block_{key}"], with_named(self.linker, space), f"block_{key}")
            runner = self.helper(BLOCKS, "blocks")
            self.linker.imports.add("import functools")
            run = self.linker.assigned(f"functools.partial({runner}, {inner}, {blocks.rows}, {blocks.step})", key)
            space[key] = Named(run)
            work.append(self.buffers(blocks.memory, blocks.step))
        main = self.linker.define(functions[source.name], with_named(self.linker, space), "arrays")
        memory = source.owner.memory
        listed = [*work, *([f"*{self.buffers(memory, None)}"] if memory.places else [])]
        made = self.linker.fresh("run")
        self.linker.definitions.append(f"def {made}(*xs):\n    return {main}([{', '.join(listed)}], *xs)")
        return made

    def buffers(self, memory: Value, rows: int | None) -> str:
        places = [tuple(p) for p in memory.places]
        arguments = f"{memory.sizes!r}, {self.linker.reference(places)}"
        return f"{self.helper(BUFFERS, 'buffers')}({arguments}{'' if rows is None else f', {rows}'})"

    def defined(self, text: str, space: dict[str, Value], name: str) -> str:
        tree = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name)
        return self.linker.define(tree, space, "numbers")

    def loop(self, node: Node) -> str:
        """A loop or a branch as a function of its operands."""
        spelled = node.primitive.spelling
        name = self.linker.fresh(node.primitive.name)
        if "scan" in spelled:
            body, a, b, count, reverse = spelled["scan"]
            likes = [(tuple(y.shape), y.dtype) for y in [*body.outputs[b - a :], *body.outputs[: b - a]]]
            steps = f"range({count - 1}, -1, -1)" if reverse else f"range({count})"
            text = SCAN.format(
                name=name, a=a, b=b, n=b - a, count=count, results=len(likes), steps=steps,
                body=self.program(inner_program(body)), likes=self.linker.reference(likes),
            )  # fmt: skip
        elif "while_loop" in spelled:
            test, body, a, b = spelled["while_loop"]
            bodies = {"test": self.program(inner_program(test)), "body": self.program(inner_program(body))}
            text = WHILE.format(name=name, a=a, b=b, **bodies)
        else:
            (no, yes), part = spelled["cond"]
            places = [part(list(range(len(node.operands))), which)[:-1] for which in (0, 1)]
            text = COND.format(
                name=name, no=self.program(inner_program(no)), yes=self.program(inner_program(yes)),
                no_places=places[0], yes_places=places[1],
            )  # fmt: skip
        self.linker.definitions.append(text)
        return name


def inner_program(body: Value) -> Compiled:
    """The program of a loop's body, which looks at no values."""
    graph: Graph = body.graph
    if graph.guards:
        raise UnsupportedError("to_numpy_source: the body of a loop looks at values (an if or a mask)")
    return Compiled(graph, [False] * len(graph.inputs), elements=False)


class Named:
    """What is defined in the text already, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def with_named(linker: Linker, space: dict[str, Value]) -> dict[str, Value]:
    """The space, with what is defined already known to the linker under its name."""
    for value in space.values():
        if isinstance(value, Named) and id(value) not in linker.known:
            linker.held.append(value)
            linker.known[id(value)] = value.name
    return space


def arguments_of(graph: Graph) -> list[str]:
    """Names of arguments for the inputs."""
    found: list[str] = []
    for k, node in enumerate(graph.inputs):
        name = re.sub(r"\W+", "_", str(node.name or "")).strip("_")
        if not name.isidentifier() or keyword.iskeyword(name) or name in found or name == "np":
            name = f"x{k}"
        found.append(name)
    return found


def entry(name: str, graph: Graph, run: str) -> str:
    """The function that the file is for: it brings its arguments to their dtypes and looks at their shapes."""
    names = arguments_of(graph)
    kinds = [f'("{n}", {n}, {tuple(x.shape)!r}, "{x.dtype.str}")' for n, x in zip(names, graph.inputs)]
    several = len(graph.outputs) != 1
    count = len(graph.outputs)
    told = [f"{n}: {described(x)}" for n, x in zip(names, graph.inputs)]
    results = [described(y) for y in graph.outputs]
    lines = [
        f"def {name}({', '.join(names)}):",
        f'    """{"; ".join(told)}.',
        "",
        f"    Returns {'; '.join(results)}.",
        '    """',
        "    xs = []",
        f"    for name, x, shape, dtype in ({', '.join(kinds)},):" if kinds else "    for name, x, shape, dtype in ():",
        "        x = np.asarray(x, dtype)[()]",
        "        if np.shape(x) != shape:",
        '            raise ValueError(f"{name} has shape {np.shape(x)}, and this was written for {shape}")',
        "        xs.append(x)",
        f"    found = {run}(*xs)",
    ]
    for k, (_, outcome) in enumerate(graph.guards):
        seen = f"np.shape(found[{count + k}]) != {tuple(outcome)!r}" if isinstance(outcome, tuple) else (
            f"found[{count + k}] != {outcome!r}"
        )  # fmt: skip
        lines += [f"    if {seen}:", f"        raise ValueError({OTHERWISE!r})"]
    results_text = [f"np.asarray(found[{k}])[()]" for k in range(count)]
    lines.append(f"    return {', '.join(results_text)}{',' if several and count < 2 else ''}")
    return "\n".join(lines)


def described(node: Node) -> str:
    if node.value.__class__ is tuple:
        return "several arrays"
    what = "a number" if not node.shape else f"an array of shape {tuple(node.shape)}"
    return f"{what}, {node.dtype.name}"


def header(name: str, graph: Graph, linker: Linker) -> str:
    scipy = any("scipy" in line for line in linker.imports)
    needs = "NumPy and SciPy (scipy.special)" if scipy else "NumPy alone"
    told = f'"""{name}, written by difflab {__version__} from a graph of {len(graph)} operations; needs {needs}."""'
    return "\n\n".join([told, "\n".join(sorted(linker.imports))])
