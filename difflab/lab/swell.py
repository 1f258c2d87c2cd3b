"""Expression swell: how large symbolic derivatives get, beside the graph's backward pass.

The text beside the figures stays honest: swell is a property of trees. Naming shared subexpressions once (cse)
removes most of it, and that is what reverse mode does without being asked.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..cards.parts import Card, Chart, Row, Series, Table, Words
from ..cards.shown import Shown
from ..differentiate.limits import limited
from ..differentiate.passes import backward_graph
from ..errors import InputError, TimeLimitError
from ..graph.graph import Graph
from ..graph.parse import parse
from ..graph.portable import portable
from ..graph.text_checks import suggestion
from ..palette import WIRE
from ..progress import doing
from ..types import FileName, Tree

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

FORMS = ("raw", "cse", "simplified")
CAPTION = (
    "Swell is a property of trees: written out without sharing, a derivative repeats its parts. Common subexpressions "
    "(cse) remove most of it, and the backward graph shares from the start. Simplifying may shorten a formula further, "
    "at a cost in time. None of this makes a formula more accurate: every method is exact for the formula it is given."
)


def logistic(depth: int) -> str:
    """The logistic map l -> 4 l (1 - l), nested."""
    steps = ["l1 = x"] + [f"l{k + 1} = 4*l{k}*(1 - l{k})" for k in range(1, depth + 1)]
    return "; ".join(steps)


def speelpenning(depth: int) -> str:
    """The product x0 x1 ... of Speelpenning."""
    return " * ".join(f"x{k}" for k in range(depth + 1))


def sigmoid_chain(depth: int) -> str:
    """A chain of sigmoids, each with a weight."""
    steps = ["h0 = x"] + [f"h{k} = 1/(1 + exp(-(w{k}*h{k - 1})))" for k in range(1, depth + 1)]
    return "; ".join(steps)


def mlp(depth: int) -> str:
    """The squared loss of an MLP with two tanh units a layer."""
    steps = ["a0 = x0 + 0.0", "b0 = x1 + 0.0"]
    for k in range(1, depth + 1):
        steps += [f"a{k} = tanh(u{k}*a{k - 1} + v{k}*b{k - 1})", f"b{k} = tanh(s{k}*a{k - 1} + t{k}*b{k - 1})"]
    return "; ".join([*steps, f"(a{depth} - b{depth} - y)**2"])


FAMILIES: dict[str, Callable[[int], str]] = {
    "logistic": logistic, "speelpenning": speelpenning, "sigmoid-chain": sigmoid_chain, "mlp": mlp,
}  # fmt: skip


@dataclass
class Swell:
    """One depth: operations of the function, of each form of its derivative, and of the backward graph; seconds."""

    depth: int
    function: int
    operations: dict[str, int | None]
    seconds: dict[str, float | None]


@dataclass(repr=False)
class ExpressionSwell(Shown):
    """The study of one family over depths."""

    family: str
    about: str
    rows: list[Swell]
    seconds: float = 5.0  # of processor time, after which a form was stopped

    def __repr__(self) -> str:
        last = self.rows[-1]
        told = ", ".join(f"{name} {count or 'stopped'}" for name, count in last.operations.items())
        return f"<ExpressionSwell of {self.family} to depth {last.depth}; operations there: {told}>"

    def _card_(self) -> Card:
        depths = [r.depth for r in self.rows]
        forms = list(self.rows[0].operations) if self.rows else []
        curves = {"function": Series(depths, [r.function for r in self.rows])}
        for n in forms:
            counts = [r.operations[n] for r in self.rows]
            curves[n] = Series(depths, [math.nan if c is None else float(c) for c in counts])
        rows = [[str(r.depth), str(r.function), *[cell(self, r, n) for n in forms]] for r in self.rows]
        table = Table(rows, ("depth", "function", *forms), "operations (seconds)")
        chart = Chart("operations of the gradient", curves, "depth", log_y=True)
        about = f"of {self.family}: {self.about}"
        return Card("ExpressionSwell", about).add(Row([chart, table]), Words(CAPTION))

    def to_json(self) -> dict[str, Tree]:
        rows = [
            {"depth": r.depth, "function": r.function, "operations": r.operations, "seconds": r.seconds}
            for r in self.rows
        ]
        return {
            "version": 1,
            "family": self.family,
            "about": self.about,
            "rows": rows,
            "seconds": self.seconds,
            "caption": CAPTION,
        }

    def print(self, console: Console | None = None) -> None:
        """Operations by depth as a table."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table

        console = console or Console()
        console.print(f"{self.family}: {self.about}", highlight=False)
        names = list(self.rows[0].operations)
        table = Table(box=SIMPLE_HEAD, caption="operations (seconds)", caption_justify="left")
        for head in ("depth", "function", *names):
            table.add_column(head, justify="right", overflow="fold")
        for r in self.rows:
            table.add_row(str(r.depth), str(r.function), *[cell(self, r, n) for n in names])
        console.print(table)
        if any(r.operations[n] is None for r in self.rows for n in names):
            console.print(
                f"A form is stopped after {self.seconds:g} s of processor time, and not tried at greater depths.",
                highlight=False,
            )
        console.print(CAPTION, highlight=False)

    def plot(self, path: FileName, force: bool = False) -> Path:
        """Operations against depth; returns the path."""
        from .plots import save

        return save(self.figure(), path, force)

    def figure(self) -> Figure:
        """Operations against depth, as a matplotlib figure."""
        from .plots import MARKERS, figure

        made, axes = figure()
        depths = [r.depth for r in self.rows]
        axes.plot(depths, [r.function for r in self.rows], "--", color=WIRE, label="the function itself")
        for k, name in enumerate(self.rows[0].operations):
            known = [(r.depth, r.operations[name]) for r in self.rows if r.operations[name]]
            if known:
                axes.plot(*zip(*known), marker=MARKERS[k], label=name if name == "backward graph" else f"sympy, {name}")
        axes.set(
            yscale="log", xlabel="depth", ylabel="operations of the gradient", title=f"Expression swell: {self.family}"
        )
        axes.set_xticks(depths)
        axes.legend(fontsize=9)
        return made


def cell(study: ExpressionSwell, row: Swell, name: str) -> str:
    """Operations and seconds of one form at one depth, or why there are none."""
    operations, seconds = row.operations[name], row.seconds[name]
    if operations is None:
        first = next(r for r in study.rows if r.operations[name] is None)
        return f"over {study.seconds:g} s" if row is first else "not tried"
    return f"{operations}" + ("" if seconds is None else f" ({seconds:.2g})")


def expression_swell(
    family: str, depths: Iterable[int] = (1, 2, 3, 4, 5, 6), seconds: float = 5.0, simplify: bool = True
) -> ExpressionSwell:
    """Operations and seconds of the derivative of a family of functions, by sympy and by the backward graph.

    `family` is "logistic", "speelpenning", "sigmoid-chain" or "mlp"; `seconds` of processor time limit each form at
    each depth, and a form that was stopped once is not tried at greater depths.

    >>> study = expression_swell("logistic", [1, 2], simplify=False)
    >>> study.rows[1].operations["raw"] > study.rows[1].operations["backward graph"] > 0
    True
    """
    if not isinstance(family, str) or family not in FAMILIES:
        raise InputError(
            f"family={family!r}{suggestion(str(family), FAMILIES)}; the families are {', '.join(FAMILIES)}"
        )
    try:
        wanted = sorted({operator.index(d) for d in depths})
    except TypeError:
        wanted = []
    if not wanted or wanted[0] < 1 or wanted[-1] > 60:
        raise InputError(f"depths={depths!r}: give a list of whole numbers from 1 to 60")
    backward_graph(parse("x"))  # loads what it needs before anything is timed
    stopped: set[str] = set()
    forms = FORMS if simplify else FORMS[:2]
    rows = []
    for depth in wanted:
        graph = parse(FAMILIES[family](depth))
        operations: dict[str, int | None] = {}
        times: dict[str, float | None] = {}
        for form in forms:
            operations[form], times[form] = None, None
            if form not in stopped:
                try:
                    with doing(f"sympy differentiates {family}, depth {depth}, {form}"):
                        work = partial(count, portable(graph, []), form)
                        operations[form], times[form] = limited(work, seconds, form)
                except TimeLimitError:
                    stopped.add(form)
        start = time.perf_counter()
        both = backward_graph(graph)
        times["backward graph"] = time.perf_counter() - start
        operations["backward graph"] = len(both.operations)
        rows.append(Swell(depth, len(graph.operations), operations, times))
    return ExpressionSwell(family, (FAMILIES[family].__doc__ or "").strip(), rows, seconds)


def count(graph: Graph, form: str) -> tuple[int, float]:
    """Runs in another process: the operations of all partial derivatives in one form, and the seconds to get them."""
    import sympy

    from ..differentiate.symbolic import count_shared
    from ..graph.sympy_io import to_sympy

    symbols = {str(n.name): sympy.Symbol(str(n.name), real=True) for n in graph.inputs}
    expression = to_sympy(graph, symbols)
    start = time.perf_counter()
    partials = [sympy.diff(expression, s) for s in symbols.values()]
    if form == "simplified":
        partials = [sympy.simplify(p) for p in partials]
    operations = count_shared(partials) if form == "cse" else int(sympy.count_ops(partials))
    return operations, time.perf_counter() - start
