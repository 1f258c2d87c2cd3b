"""The native backend: numba compiles what is arithmetic, NumPy keeps the rest.

Single numbers become one function of machine code. In a region of arrays, runs of additions, products, comparisons
and choices become one loop over the block; sines and logarithms stay NumPy's, whose own loops use vector instructions
where numba's call the C library once for each element.
"""

from __future__ import annotations

import itertools
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ...errors import FallbackWarning
from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives.text import call
from ...types import Function, Params, Value
from ..passes.elements import PACK
from ..plan.again import computed_again
from ..plan.regions import Region, find_regions
from ..write.numpy_source import NumpySource
from ..write.region_source import RegionSource
from ..write.scalar_source import SPACE, Head, ScalarSource
from . import sines as native_math
from .arrays import Refused
from .convolution import native_convolution
from .forms import is_cheap
from .functions import functions
from .head import with_head
from .kept import compiled
from .labels import native_labels
from .nested import kind_of
from .pooling import native_pooling
from .region import LEAST, NativeRegion, is_worth_it, signature
from .scan import native_loop
from .small import small_source
from .standardising import native_standardising
from .strips import StripRegion, aligned

LONGEST = 1_500  # operations on single numbers above which numba takes more than some seconds
SERIAL = itertools.count()
MISSING = "numba is not installed (pip install 'difflab[native]')"


def numba() -> ModuleType | None:
    """The module, where it can be imported."""
    try:
        return import_module("numba")
    except ImportError:
        return None


def warn_if_missing() -> None:
    """Says at once that the native backend will be NumPy's."""
    if numba() is None:
        warnings.warn(f"backend='native' runs as backend='numpy': {MISSING}", FallbackWarning, stacklevel=4)


class Jit:
    """numba's compiler, or what it has left in the cache, with a clock."""

    def __init__(self) -> None:
        self.seconds: float = 0.0
        self.functions: int = 0
        self.kept: int = 0  # of them, those that were compiled before
        self.module: Any = numba()

    def __call__(self, function: Function, types: tuple[object, ...], **options: Any) -> Value:
        start = time.perf_counter()
        try:
            # Divisions by zero give inf, as NumPy's do; no fastmath, so that nan and signed zeros stay what they are.
            code, kept = compiled(self.module, function, types, error_model="numpy", **options)
            self.functions, self.kept = self.functions + 1, self.kept + kept
            return code
        finally:
            self.seconds += time.perf_counter() - start

    def told(self) -> str:
        """How long it took, and whether the cache had it."""
        if self.functions and self.kept == self.functions:
            return f"from the cache in {self.seconds:.2f} s"
        part = f", {self.kept} of {self.functions} functions from the cache" if self.kept else ""
        return f"compiled by numba in {self.seconds:.2f} s{part}"

    @property
    def refused(self) -> type[Exception]:
        """What numba raises where it cannot compile something."""
        found: type[Exception] = self.module.core.errors.NumbaError
        return found


class NativeScalar(ScalarSource):
    """A program on single numbers as machine code."""

    outputs: list[str]
    short: list[str]
    globals: Params

    def __init__(self, graph: Graph) -> None:
        self.jit: Jit = Jit()
        self.reason: str = MISSING if self.jit.module is None else too_long(len(graph.operations), LONGEST)
        super().__init__(graph)
        self.checks: list[str] = []
        if not self.reason:
            self.checks = [f"_g{k}" for k in range(len(graph.guards))]
            self.short += [f"    {g} = {self.names[n]}" for g, (n, _) in zip(self.checks, graph.guards)]

    def short_result(self, y: Node, k: int) -> str:
        """The name of an output, to which its value has been given; numba writes arrays element by element."""
        if self.reason:
            return self.result(y)
        if y.primitive is PACK:
            self.short.append(f"    _y{k} = {call('empty', repr(y.shape))}")
            places = map(list, np.ndindex(*y.shape))
            self.short += [f"    _y{k}{place} = {self.names[x]}" for place, x in zip(places, y.operands)]
        else:
            self.short.append(f"    _y{k} = {self.names[y]}")
        return f"_y{k}"

    def machine_code(self, result: str) -> Value:
        """The compiled function that returns `result`, an expression in the outputs; None where numba refuses."""
        reads = [f"    {e} = {self.names[x]}{list(k)}" for x, es in self.elements.items() for k, e in es.items()]
        lines = [f"def {call('native', *self.inputs)}:", *reads, *self.short, f"    return {result}", ""]
        space: dict[str, Any] = {**SPACE, "cbrt": np.cbrt, "empty": np.empty}
        exec(compile("\n".join(lines), "<difflab native>", "exec"), space)
        number, array = self.jit.module.float64, self.jit.module.types.Array
        kinds = [array(number, len(x.shape), "A", readonly=True) if x.shape else number for x in self.graph.inputs]
        try:
            return self.jit(space["native"], tuple(kinds))
        except self.jit.refused as error:
            self.reason = first_line(error)
            return None

    def compile(self) -> Function:
        """The function for numbers of all kinds, compiled when one comes that `entry` does not take."""
        plain = super().compile()
        found: list[Value] = []

        def run(*values: Value) -> Value:
            if not found:
                code = None if self.reason else self.machine_code(self.flat)
                found.append(plain if code is None else code)
            # An array without axes is a number to the program, and no number to numba.
            return found[0](*[v[()] if v.__class__ is np.ndarray and not v.shape else v for v in values])

        return plain if self.reason else run

    def entry(self, head: Head, result: str) -> str:
        """As the plain one, with a call in place of the lines.

        Results in tuples are made by the machine code itself. It is called past numba's own look at the types, which
        the lines before have just seen.
        """
        if self.reason:
            return super().entry(head, result)
        direct = head.numbers and not self.checks and not re.search(r"[\[{]", result)
        code = self.machine_code(result if direct else self.flat)
        if code is None:
            self.globals = {"empty": np.empty}
            return super().entry(head, result)
        signature = code.signatures[0]
        number = next(SERIAL)  # a name of its own: another thread may still run the lines of another kind
        self.globals = {f"_native{number}": getattr(code.overloads[signature], "entry_point", code)}
        self.globals[f"_alive{number}"] = code
        native = call(f"_native{number}", *self.inputs)
        if direct:
            return "\n".join([*head.lines, f"    return {native}", ""])
        lines = [*head.lines, f"    {self.flat} = {native}"]
        other = [f"{g} is not {outcome!r}" for g, (_, outcome) in zip(self.checks, self.graph.guards)]
        lines += [f"    if {' or '.join(other)}:", f"        return {head.again}"] if other else []
        return "\n".join([*lines, f"    return {result}", ""])

    @property
    def flat(self) -> str:
        return ", ".join([*self.outputs, *self.checks]) + ","

    def explain(self) -> list[str]:
        if self.reason:
            return [f"native: nothing; {self.reason}"]
        return [f"native: the whole program, {self.jit.told()}"]


class NativeSource(NumpySource):
    """A NumPy program whose regions hold native loops."""

    def __init__(self, graph: Graph, donated: Iterable[Node] = ()) -> None:
        self.jit: Jit = Jit()
        self.native: dict[str, NativeRegion | StripRegion] = {}
        self.codes: dict[str, Any] = {"_contiguous": contiguous, "_aligned": aligned}
        self.scans: list[str] = []
        self.layers: list[Node] = []
        self.head: dict[Node, Function] = {}
        if not donated:
            graph, self.head = with_head(graph, self.jit)
        super().__init__(graph, donated)

    def single(self, node: Node, k: int) -> None:
        """A loop or branch is one function where its body can be; all else is as NumPy runs it."""
        kind = kind_of(node)
        if kind is None:
            super().single(node, k)
            return
        found = native_loop(node, self.jit, self.wanted(node))
        if callable(found):
            name = f"_{kind}{len(self.scans)}"
            self.codes[name] = found
            self.lines.append(f"    {self.names[node]} = {call(name, *[self.names[x] for x in node.operands])}")
            self.scans.append(f"{kind}: one native {'branch' if kind == 'cond' else 'loop'}")
            return
        self.scans.append(f"{kind}: NumPy; {found}")
        super().single(node, k)

    def lean(self, node: Node) -> Function | None:
        """What networks consist of has loops of its own, and so has the small beginning."""
        if node in self.head:
            return self.head[node]
        for own in (native_convolution, native_pooling, native_standardising, native_labels):
            if (found := own(node, self.jit)) is not None:
                self.layers.append(node)
                return found
        return super().lean(node)

    @staticmethod
    def divided(graph: Graph) -> tuple[Graph, list[Region]]:
        return computed_again(graph, find_regions(graph, LEAST, is_worth_it), is_cheap)

    def region_source(self, region: Region, results: list[Node], name: str) -> RegionSource:
        strided = self.strided(region, results)
        found: NativeRegion | StripRegion
        try:
            found = StripRegion(region, self.names, results, name, strided)
        except Refused as error:
            found = NativeRegion(region, self.names, results, name, strided)
            found.note = str(error)
        self.native[name] = found
        for function in found.functions:
            self.codes[f"_{function}"] = native_math.function(function, self.jit)
        for loop in found.loops:
            self.functions.append(loop.text)
            space: dict[str, Any] = {"np": np, **functions(), **loop.tables}
            exec(compile(loop.text, "<difflab native>", "exec"), space)
            self.codes[loop.name] = self.jit(space[loop.name], signature(self.jit.module, loop), nogil=True)
        return found

    def compile(self) -> Function:
        program = super().compile()
        program.__globals__.update(self.codes)  # in place of the loops as Python would run them
        return program

    def explain(self) -> list[str]:
        """A line for each region: what is native in it, and what NumPy does."""
        count = sum(len(r.loops) for r in self.native.values())
        lines = [f"native: {count} loop{'s' * (count != 1)}, {self.jit.told()}"]
        lines += [f"head: {len(n.operands)} small arrays to {len(n.value)}, one native function" for n in self.head]
        for name, region in self.native.items():
            if region.reason:
                lines.append(f"{name}: NumPy; {region.reason}")
                continue
            operations = sum(loop.operations for loop in region.loops)
            lines.append(f"{name}: {operations} of {len(region.region.members)} operations are native")
            if isinstance(region, NativeRegion):
                lines[-1] += listed("; NumPy computes ", [step[0] for step in region.steps if len(step) == 1])
                lines[-1] += f" ({region.note})" if region.note else ""
        alone = [n for n in self.plan.steps if isinstance(n, Node) and n.operands and n not in self.layers]
        more = [listed("loops of their own: ", self.layers), listed("NumPy computes one by one ", alone)]
        return lines + self.scans + [line for line in more if line]


def listed(head: str, nodes: list[Node]) -> str:
    names = Counter(n.primitive.name for n in nodes)
    text = ", ".join(f"{n} {name}" if n > 1 else name for name, n in names.most_common())
    return text and head + text


def scalar_source(graph: Graph) -> ScalarSource:
    """The source of a program on single numbers."""
    return NativeScalar(graph)


def array_source(graph: Graph, donated: list[Node]) -> NumpySource:
    """The source of a program on arrays: NumPy's own where numba is missing or refuses something."""
    module, reason = numba(), MISSING
    if module is not None:
        try:
            found = small_source(graph, Jit()) if not donated else None
            return found or NativeSource(graph, donated)
        except module.core.errors.NumbaError as error:
            reason = first_line(error)
    plain = NumpySource(graph, donated)
    plain.notes = [f"native: nothing; {reason}"]
    return plain


def first_line(error: Exception) -> str:
    return f"numba: {str(error).strip().splitlines()[0]}"


def contiguous(x: Value) -> Value:
    """The array in one piece, as the loops read it."""
    flags = x.flags
    return x if flags.c_contiguous and flags.aligned else np.array(x, order="C")


def too_long(operations: int, limit: int) -> str:
    if operations <= limit:
        return ""
    return f"{operations:,} operations take numba too long; it gets up to {limit:,}"
