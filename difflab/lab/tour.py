"""tour: a few functions compared and drawn, the V-curve and the swell, as one report page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cards.as_html import as_html
from ..cards.parts import Card, Table
from ..cards.shown import Shown
from ..draw.draw import svg
from ..draw.narrow import narrow_svg
from ..files import target_folder, write_all
from ..progress import doing
from ..types import FileName, Value
from .compare import Comparison, compare
from .comparison_report import seconds
from .step_size import CAPTION as STEP_SIZE_CAPTION, step_size_study
from .swell import CAPTION as SWELL_CAPTION, expression_swell
from .tour_page import PHONE, Figure, Section, page

if TYPE_CHECKING:
    from rich.console import Console

    from ..graph.drawable import Drawable

V_CURVE = "exp(x) / (sin(x)**3 + cos(x)**3)", {"x": 1.5}
DEPTHS = range(1, 6)


def softmax_loss(W: Value, x: Value, b: Value) -> Value:
    """Minus the log-probability of the first class, in plain NumPy."""
    z = W @ x + b
    return np.log(np.sum(np.exp(z))) - z[0]


@dataclass
class Stop:
    """One function at a point: what it shows, and the verdict that `compare` should give on it."""

    name: str
    title: str
    about: str
    function: Value
    at: dict[str, Value]
    verdict: str = "agree"
    shown: str = ""
    direction: str = "right"


STOPS = (
    Stop(
        "product", "Two operations",
        "The forward pass computes every value from left to right (green). The backward pass starts with 1 at the "
        "output and multiplies, edge by edge: upstream (orange) times the local derivative (violet) is what flows on "
        "downstream (blue).",
        "q = x + y; f = q * z", {"x": -2.0, "y": 5.0, "z": -4.0},
    ),
    Stop(
        "neuron", "A sigmoid neuron",
        "The same two passes through more operations. The certified method shares no rule with the other four and "
        "proves the digits it gives; they are judged by it, in units in the last place (ulps).",
        "q = w0*x0 + w1*x1 + w2; f = sigmoid(q)", {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0},
    ),
    Stop(
        "twice", "A value used twice",
        "Where a value feeds two operations, its adjoint is the sum of what comes back along both edges.",
        "u = x * y; u * sin(u)", {"x": 0.5, "y": 3.0},
    ),
    Stop(
        "softmax", "A function written in NumPy",
        "Plain NumPy code is recorded while it runs; values are arrays, and the picture shows their shapes.",
        softmax_loss,
        {
            "W": np.array([[0.2, -0.5], [1.5, 1.3], [0.0, 0.25]]),
            "x": np.array([1.0, 2.0]),
            "b": np.array([0.1, -0.2, 0.3]),
        },
        shown="z = W @ x + b; np.log(np.sum(np.exp(z))) - z[0]", direction="down",
    ),
    Stop(
        "kink", "A kink",
        "At 0 the absolute value has no derivative, only one from the left and one from the right. Every tool returns "
        "some number here; difflab says which, and by which convention, and judges none of them.",
        "abs(x) + x", {"x": 0.0}, verdict="undecided",
    ),
    Stop(
        "cancellation", "Where exact methods are wrong",
        "Automatic and symbolic differentiation are exact for the formula, not for the function: in floating point "
        "1 - cos(x) is 0 here, and nothing that evaluates the formula in doubles can know better. The certified method "
        "evaluates it with more digits; by the bound on rounding the others have no digit here: they decide nothing.",
        "(1 - cos(x)) / x**2", {"x": 1e-8}, verdict="undecided",
    ),
)  # fmt: skip


@dataclass(repr=False)
class Tour(Shown):
    """The comparisons of a tour and its page; `as_expected` tells whether every verdict is the one foreseen."""

    page: Path
    comparisons: dict[str, Comparison] = field(default_factory=dict)

    def __repr__(self) -> str:
        told = "as expected" if self.as_expected else "not as expected"
        return f"<Tour of {len(self.comparisons)} comparisons, {told}: {self.page}>"

    def _card_(self) -> Card:
        heads, rows = overview(self.comparisons)
        return Card("Tour", f"of {len(rows)} stops: {self.page}").add(Table(rows, heads))

    @property
    def as_expected(self) -> bool:
        return all(self.comparisons[s.name].verdict == s.verdict for s in STOPS)

    def print(self, console: Console | None = None) -> None:
        """The first comparison in full, and one line for each of all."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        console = console or Console()
        self.comparisons[STOPS[0].name].print(console)
        heads, rows = overview(self.comparisons)
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title="the tour", title_justify="left")
        for head in heads:
            table.add_column(head, overflow="fold")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)


def tour(folder: FileName, force: bool = False, tell: Callable[[str], None] = lambda message: None) -> Tour:
    """Compares and draws the tour's functions and writes `index.html` with its pictures into the folder.

    The page holds everything itself; the pictures stand beside it once more as files. Files that exist are replaced
    only with `force`. `tell` is called with a line of progress at each stop.
    """
    folder = Path(folder)
    names = [f"{s.name}.svg" for s in STOPS] + ["v-curve.png", "swell.png", "comparisons.json", "index.html"]
    target_folder(folder, names, force)
    result = Tour(folder / "index.html")
    files: dict[str, bytes | str] = {}
    sections = []
    for stop in STOPS:
        tell(f"comparing and drawing: {stop.title}")
        with doing(stop.title):
            result.comparisons[stop.name] = found = compare(stop.function, stop.at)
            files[f"{stop.name}.svg"] = svg(passes(stop), direction=stop.direction)
        sections.append(Section(stop.title, stop.about, stop.shown or found.text, drawn(stop), found))
    tell("measuring finite differences over the step")
    with doing("the V-curve"):
        study = step_size_study(*V_CURVE)
        files["v-curve.png"] = plotted(study)
    sections.append(Section("The V-curve", STEP_SIZE_CAPTION, V_CURVE[0] + " at x = 1.5", curves(study)))
    tell("growing formulas")
    with doing("expression swell"):
        swell = expression_swell("logistic", DEPTHS)
        files["swell.png"] = plotted(swell)
    sections.append(Section("Expression swell", SWELL_CAPTION, "l -> 4 l (1 - l), nested", curves(swell)))
    report = {"version": 1, "comparisons": {n: c.to_json() for n, c in result.comparisons.items()}}
    files["comparisons.json"] = json.dumps(report, indent=1, allow_nan=False) + "\n"
    files["index.html"] = page(sections, overview(result.comparisons))
    write_all(folder, files, force)
    return result


def passes(stop: Stop) -> Drawable:
    """The backward pass of a stop, to be drawn."""
    from ..graph.parse import parse
    from ..graph.trace import trace

    if isinstance(stop.function, str):
        return parse(stop.function).forward(**stop.at).backward()
    return trace(stop.function, *stop.at.values()).forward(*stop.at.values()).backward()


def drawn(stop: Stop) -> Figure:
    """Its passes from left to right; where the window is narrow, from top to bottom."""
    made = passes(stop)
    return Figure(svg(made, direction=stop.direction), narrow_svg(made, PHONE))


def curves(study: Shown) -> Figure:
    """The card of a study without its last words, which stand above it."""
    card = study._card_()
    return Figure(card=as_html(Card(card.kind, card.about, card.parts[:-1])))


def plotted(study: Value) -> bytes:
    from .plots import encoded

    return encoded(study.figure(), "png")


def overview(comparisons: dict[str, Comparison]) -> tuple[tuple[str, ...], list[list[str]]]:
    """One line for each stop: what came out."""
    heads = ("stop", "inputs", "value", "AD error", "numerical error", "time, reverse", "verdict")
    rows = []
    for stop in STOPS:
        c = comparisons[stop.name]
        entries = sum(int(np.size(v)) for v in c.at.values())
        rows.append([
            stop.title, str(entries), f"{c.value:.6g}", ulp(c, "reverse"), ulp(c, "numerical"),
            seconds(c.methods["reverse"].evaluation), verdict(stop, c),
        ])  # fmt: skip
    return heads, rows


def ulp(c: Comparison, name: str) -> str:
    method = c.methods[name]
    judge = c.methods.get(c.reference)
    judged = judge is not None and judge.method.judges and method.failure is None
    if not judged or method.max_ulps is None or not np.isfinite(method.max_ulps):
        return "-"
    if method.max_ulps > 1e9 and method.max_relative is not None:
        return f"{method.max_relative:.1e} relative"
    return f"{method.max_ulps:.3g} ulp"


def verdict(stop: Stop, c: Comparison) -> str:
    told = "kink reported" if c.kinks and c.verdict == "undecided" else c.verdict
    if c.verdict != stop.verdict:
        return f"{told} (UNEXPECTED)"
    return told if c.agree else f"{told}, as expected"
