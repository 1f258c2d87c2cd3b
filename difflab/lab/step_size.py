"""The step-size study: truncation against round-off for each difference formula, in float64 and float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cards.parts import Card, Chart, Row, Series, Table, Words
from ..cards.shown import Shown
from ..differentiate.certified import derivative as certify
from ..differentiate.complex_step import CARRIER
from ..differentiate.methods import reverse_mode
from ..differentiate.problem import Problem, as_problem
from ..errors import DomainError, InputError
from ..glance import cut
from ..palette import WIRE
from ..progress import doing, tell
from ..types import FileName, Tree, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

FORMULAS: dict[str, Callable[[Callable[[Value], Value], Value, Value], Value]] = {
    "forward": lambda f, x, h: (f(x + h) - f(x)) / h,
    "central": lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
    "five-point": lambda f, x, h: (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h),
}
ORDERS = {"forward": 1, "central": 2, "five-point": 4, "complex-step": 2}
PRECISIONS: dict[str, Callable[[Value], Value]] = {"float64": np.float64, "float32": np.float32}
CAPTION = (
    "To the right the truncation error of the formula falls with the step h (slopes 1, 2 and 4); to the left the "
    "rounding error of the function values, divided by h, rises. The complex step has no subtraction and no left side."
)


@dataclass(repr=False)
class StepSizeStudy(Shown):
    """Relative errors of difference formulas over steps: `errors[precision][formula]` beside `steps`."""

    text: str
    name: str
    x: float
    truth: float
    reference: str
    steps: list[float]
    errors: dict[str, dict[str, list[float]]]

    def __repr__(self) -> str:
        told = ", ".join(f"{s} {e:.1e} at h = {h:.0e}" for s, (h, e) in self.best["float64"].items())
        return f"<StepSizeStudy of d/d{self.name} of {cut(self.text)} at {self.x:g}; smallest errors: {told}>"

    def _card_(self) -> Card:
        charts = [
            Chart(
                f"relative error, {precision}",
                {s: Series(self.steps, np.maximum(errors, 2.0**-54)) for s, errors in rows.items()},
                "step h",
                log_x=True,
                log_y=True,
            )
            for precision, rows in self.errors.items()
        ]
        best = [[s, p, f"{h:.1e}", f"{e:.1e}"] for p, rows in self.best.items() for s, (h, e) in rows.items()]
        table = Table(best, ("formula", "precision", "best step", "relative error there"))
        about = f"d/d{self.name} of {cut(self.text)} at {self.x:g} = {self.truth!r} ({self.reference})"
        return Card("StepSizeStudy", about).add(Row(charts), table, Words(CAPTION))

    @property
    def best(self) -> dict[str, dict[str, tuple[float, float]]]:
        """For each precision and formula the step with the smallest error, and that error."""
        return {p: {s: smallest(e, self.steps) for s, e in rows.items()} for p, rows in self.errors.items()}

    def to_json(self) -> dict[str, Tree]:
        from .comparison_report import strict

        best = {p: {s: {"step": h, "error": e} for s, (h, e) in rows.items()} for p, rows in self.best.items()}
        found: dict[str, object] = strict(
            {
                "version": 1,
                "function": self.text,
                "input": self.name,
                "at": self.x,
                "derivative": self.truth,
                "reference": self.reference,
                "steps": self.steps,
                "errors": self.errors,
                "best": best,
                "caption": CAPTION,
            }
        )
        return found

    def print(self, console: Console | None = None) -> None:
        """The best step and error of each formula as a table."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        console = console or Console()
        console.print(
            escape(f"d/d{self.name} of {self.text} at {self.x:g} = {self.truth!r} ({self.reference})"), highlight=False
        )
        table = Table(box=SIMPLE_HEAD)
        for head in ("formula", "precision", "best step", "relative error there", "error at h = 0.1"):
            table.add_column(head, justify="left" if head in ("formula", "precision") else "right", overflow="fold")
        for precision, rows in self.best.items():
            for scheme, (h, error) in rows.items():
                table.add_row(scheme, precision, f"{h:.1e}", f"{error:.1e}", f"{self.errors[precision][scheme][0]:.1e}")
        console.print(table)
        console.print(CAPTION, highlight=False)

    def plot(self, path: FileName, force: bool = False) -> Path:
        """The V-curve; returns the path."""
        from .plots import save

        return save(self.figure(), path, force)

    def figure(self) -> Figure:
        """The V-curve, as a matplotlib figure."""
        from .plots import COLOURS, figure

        made, axes = figure()
        floor = 2.0**-54
        for precision, rows in self.errors.items():
            for k, (scheme, errors) in enumerate(rows.items()):
                solid = precision == "float64"
                axes.plot(
                    self.steps,
                    np.maximum(errors, floor),
                    "-" if solid else ":",
                    color=COLOURS[k],
                    marker="os^D"[k],
                    markersize=4 if solid else 3,
                    label=f"{scheme}, {precision}",
                )
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="step h",
            ylabel="relative error of the derivative",
            title=f"d/d{self.name} of {self.text[:50]} at {self.name} = {self.x:g}",
        )
        axes.set_ylim(floor / 2, 10)
        axes.axhline(2.0**-53, color=WIRE, linewidth=0.8)
        axes.annotate("half an ulp", (self.steps[0], 2.0**-53), fontsize=8, color=WIRE, va="bottom", ha="right")
        made.legend(fontsize=8, ncols=4, loc="outside lower center")
        return made


def step_size_study(
    function: Value, at: Value, wrt: str | None = None, steps: Iterable[float] | None = None
) -> StepSizeStudy:
    """The error of each difference formula over the step, along one scalar input.

    `wrt` names the input (the first by default). The truth is the certified derivative where there is one, else
    reverse mode.

    >>> study = step_size_study("exp(x)", at=dict(x=1.0))
    >>> study.best["float64"]["central"][1] < 1e-9 < study.best["float64"]["forward"][1]
    True
    """
    problem = as_problem(function, at)
    name = problem.names[0] if wrt is None and problem.names else wrt
    if name not in problem.names:
        raise InputError(f"wrt={name!r}: the inputs are {', '.join(problem.names) or 'none'}")
    k = problem.names.index(name)
    if np.ndim(problem.values[k]) != 0:
        raise InputError(f"{name} has shape {np.shape(problem.values[k])}; the study moves one scalar input")
    given = [10.0 ** (-j / 2) for j in range(2, 33)] if steps is None else list(steps)
    if not all(isinstance(h, int | float | np.number) for h in given):
        raise InputError(f"steps={given!r:.80}: they must be positive numbers")
    sizes = sorted(map(float, given), reverse=True)
    if not sizes or min(sizes) <= 0 or not np.all(np.isfinite(sizes)):
        raise InputError("steps must be positive numbers")
    problem.wrt = [name]
    with doing("the true derivative"):
        certificate = certify(problem)
    found, reference = (certificate, "certified") if certificate.certified else (reverse_mode(problem), "reverse mode")
    truth = float(found.by_name[name])
    if not np.isfinite(truth):
        raise DomainError(f"the derivative by {name} is {truth} at this point; choose a point inside the domain")
    with doing("finite differences over the step"):
        errors = {p: curves(problem, k, sizes, truth, kind) for p, kind in PRECISIONS.items()}
    text = problem.text or str(getattr(function, "__name__", "f"))
    return StepSizeStudy(text, name, float(problem.values[k]), truth, reference, sizes, errors)


def curves(problem: Problem, k: int, steps: list[float], truth: float, kind: Value) -> dict[str, list[float]]:
    """The relative error of each formula at each step, computed in one precision."""
    values = [np.asarray(x).astype(kind)[()] for x in problem.values]
    output = problem.graph.outputs[0]

    def f(x: Value) -> Value:
        moved = [*values[:k], kind(x), *values[k + 1 :]]
        value = np.asarray(problem.graph.evaluate(moved)[output])[()]
        return value if value.dtype.kind in "fc" else kind(value)  # truth values cannot be subtracted

    def complex_step(x: Value, h: Value) -> Value:
        wide = np.complex64 if kind is np.float32 else np.complex128
        moved = [*values[:k], wide(complex(x, h)), *values[k + 1 :]]
        return np.imag(problem.graph.evaluate(moved, CARRIER)[output]) / h

    x, scale = values[k], abs(truth) or 1.0
    rows: dict[str, list[float]] = {}
    with np.errstate(all="ignore"):
        for scheme, formula in FORMULAS.items():
            tell(scheme)
            rows[scheme] = [error(formula(f, x, kind(h)), truth, scale) for h in steps]
        rows["complex-step"] = [error(complex_step(x, kind(h)), truth, scale) for h in steps]
    return rows


def smallest(errors: list[float], steps: list[float]) -> tuple[float, float]:
    """The step with the smallest error, the largest of equals, and that error."""
    least, negative = min((e, -h) for e, h in zip(errors, steps))
    return -negative, least


def error(found: Value, truth: float, scale: float) -> float:
    """The relative error; 1 where the step vanished in x and nothing was found."""
    e = abs(float(found) - truth) / scale
    return e if np.isfinite(e) else 1.0
