"""The accuracy table: how many ulps each row's value and derivative are off, here and in other libraries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cards.parts import Card, Table, facts
from ..cards.shown import Shown
from ..differentiate.transform import vjp
from ..errors import InputError, UnsupportedError
from ..files import write
from ..graph.traced import apply
from ..primitives import NUMPY, Elementwise, lookup, table
from ..progress import doing, tell
from ..types import Function, Params, Value

if TYPE_CHECKING:
    from rich.console import Console

VERSION = 1
OURS = "difflab"
SETS = {"truth": "truth values", "whole": "integers", "complex": "complex"}
QUANTITIES = ("value", "derivative")


@dataclass
class Errors:
    """Errors of one quantity in ulps of the true value; `worst_at` are the operands of the largest."""

    largest: float
    percentile_99: float
    points: int
    worst_at: list[float]
    where: str


@dataclass
class RowAccuracy:
    """One row: for each library, the errors of its value and of its derivative."""

    name: str
    libraries: dict[str, dict[str, Errors]] = field(default_factory=dict)
    judge: str = ""
    note: str = ""


@dataclass(repr=False)
class AccuracyReport(Shown):
    """The errors of every row, against a judge that uses no derivative rule."""

    rows: list[RowAccuracy]
    points: int
    seed: int
    judge: str
    libraries: list[str]

    def __repr__(self) -> str:
        libraries = ", ".join(self.libraries)
        return f"<AccuracyReport of {len(self.rows)} rows at {self.points} points each: {libraries}; print() shows it>"

    def _card_(self) -> Card:
        heads = ["row", *[f"{library} {q}" for library in self.libraries for q in QUANTITIES]]
        cells = [[title(r), *[cell(r, lib, q) for lib in self.libraries for q in QUANTITIES]] for r in self.rows]
        about = f"of {len(self.rows)} rows at {self.points} points each, in ulps: largest (99th percentile)"
        return Card("AccuracyReport", about).add(Table(cells, heads), facts({"measured against": self.judge}))

    def to_json(self) -> dict[str, object]:
        """A strict JSON value; an infinite error is the text "inf"."""
        found: dict[str, object] = strict({"version": VERSION, **asdict(self)})
        return found

    def to_markdown(self) -> str:
        """A table with one line a row: largest and 99th percentile error in ulps."""
        head = ["row", *[f"{library} {q}" for library in self.libraries for q in QUANTITIES]]
        lines = [head, ["---"] * len(head)]
        lines += [[title(row), *[cell(row, lib, q) for lib in self.libraries for q in QUANTITIES]] for row in self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

    def print(self, console: Console | None = None) -> None:
        """Prints the table on the terminal."""
        from rich.console import Console
        from rich.table import Table

        view = Table(title=f"Errors in ulps: largest (99th percentile), against {self.judge}")
        view.add_column("row")
        for library in self.libraries:
            for q in QUANTITIES:
                view.add_column(f"{library}\n{q}", justify="right")
        for row in self.rows:
            view.add_row(title(row), *[cell(row, lib, q) for lib in self.libraries for q in QUANTITIES])
        (console or Console()).print(view)

    def write(self, path: str | Path, *, force: bool = False) -> Path:
        """Writes the table as .json or .md. Raises InputError for another suffix, or a file that is there already."""
        path = Path(path)
        if path.suffix not in (".json", ".md"):
            raise InputError(f"accuracy: {path.name!r} ends in neither .json nor .md")
        text = self.to_markdown() if path.suffix == ".md" else json.dumps(self.to_json(), indent=1, allow_nan=False)
        return write(path, text, force)


def title(row: RowAccuracy) -> str:
    return row.name + " *" * (row.judge == "differences")


def cell(row: RowAccuracy, library: str, quantity: str) -> str:
    e = row.libraries.get(library, {}).get(quantity)
    return "" if e is None else f"{short(e.largest)} ({short(e.percentile_99)})"


def short(x: float) -> str:
    return "inf" if np.isinf(x) else f"{x:.1f}" if x < 1000 else f"{x:.0e}"


def strict(x: Value) -> Value:
    if isinstance(x, dict):
        return {str(k): strict(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [strict(v) for v in x]
    return str(x) if isinstance(x, float) and not np.isfinite(x) else x


def accuracy(
    rows: Iterable[str] | None = None, *, points: int = 200, peers: bool = True, seed: int = 0
) -> AccuracyReport:
    """The errors in ulps of the value and the derivative of elementwise rows, all by default.

    Each row is taken at `points` random operands of its domain, at its tails and at its branch points, and compared
    with the certified method, or for functions that it lacks with differences of the value at hundreds of digits:
    neither uses a derivative rule. With `peers`, autograd, JAX and PyTorch are measured beside it where
    they are installed and have the function. Raises InputError for a name that is not an elementwise row.

    >>> report = accuracy(["tanh"], points=5, peers=False)
    >>> report.rows[0].libraries["difflab"]["derivative"].largest < 4
    True
    """
    if not isinstance(points, int) or points < 1:
        raise InputError(f"accuracy: points={points!r}; give a positive integer")
    chosen = (
        [row for row in table() if isinstance(row, Elementwise)] if rows is None else [elementwise(r) for r in rows]
    )
    others = installed() if peers else {}
    measured = []
    with doing("measuring"):
        for k, row in enumerate(chosen):
            tell(row.name, k / len(chosen))
            measured.append(measure(row, points, seed, others))
    known = [lib for lib in (OURS, *others) if any(lib in row.libraries for row in measured)] or [OURS]
    return AccuracyReport(measured, points, seed, JUDGE, known)


JUDGE = "the certified method (* the value's differences at 130 digits)"


def elementwise(name: str) -> Elementwise:
    row = lookup(name)
    if not isinstance(row, Elementwise):
        raise InputError(f"accuracy: {name!r} is not an elementwise row")
    return row


def installed() -> dict[str, Function]:
    from .peers import PEERS

    return {name: make() for name, make in PEERS.items() if make() is not None}


def not_real(row: Elementwise) -> str:
    """What the operands of a row are where none is real, which is why it has no accuracy."""
    kinds = [domain.of for domain in row.domain]
    return "" if "reals" in kinds else f"its operands are {SETS[kinds[0]]}"


def measure(row: Elementwise, points: int, seed: int, others: dict[str, Value]) -> RowAccuracy:
    """One row against the judge, with the parameters of its first example."""
    from .judge import truth

    result = RowAccuracy(row.name, note=not_real(row))
    if result.note:
        return result
    params = dict((row.examples or ({},))[0])
    operands, regions = sample(row, points, seed)
    wanted = [i for i, rule in enumerate(row.partials) if rule is not None and operands[i].dtype.kind == "f"]
    wanted = [i for i in wanted if row.partials[i] != 0] if row.differentiable else []
    try:
        with np.errstate(all="ignore"):
            kinks = row.kinks(NUMPY, *operands, **params) if row.kinks else np.zeros(len(regions), bool)
            at = [[x.item() for x in point] for point in zip(*operands)]
            true = [truth(row, x, params, [] if k else wanted) for x, k in zip(at, np.asarray(kinks, bool))]
            result.judge = "certified" if all(t[2] == "certified" for t in true) else "differences"
            result.libraries[OURS] = judged(evaluate(row, operands, params, wanted), true, at, regions, wanted)
    except (UnsupportedError, ValueError, TypeError, ZeroDivisionError) as error:
        result.note = f"no judge: {type(error).__name__}: {error}"[:200]
        return result
    for name, peer in others.items():
        found = peer(row, operands, params, wanted)
        if found is not None:
            result.libraries[name] = judged(found, true, at, regions, wanted)
    return result


def evaluate(
    row: Elementwise, operands: list[Value], params: Params, wanted: list[int]
) -> tuple[Value, dict[int, Value]]:
    def f(*x: Any) -> Value:
        full = list(operands)
        for i, v in zip(wanted, x):
            full[i] = v
        return apply(row, full, params)

    if not wanted:
        return np.asarray(f()), {}
    value, pullback = vjp(f, *[operands[i] for i in wanted])
    return value, dict(zip(wanted, pullback(np.ones_like(value))))


def judged(
    found: Value, true: list[Value], at: list[Value], regions: list[str], wanted: list[int]
) -> dict[str, Errors]:
    value, partials = found
    values = [(ulps(v, t[0]), x, r) for v, t, x, r in zip(value, true, at, regions)]
    slopes = [
        (ulps(partials[i][k], t[1][i]), at[k], regions[k])
        for i in wanted
        if i in partials
        for k, t in enumerate(true)
        if i in t[1]
    ]
    return {q: summary(errors) for q, errors in (("value", values), ("derivative", slopes)) if errors}


def summary(errors: list[Value]) -> Errors:
    sizes = np.array([e[0] for e in errors])
    largest, at, region = max(errors, key=lambda e: e[0])
    rank = np.sort(sizes)[min(len(sizes) - 1, int(np.ceil(0.99 * len(sizes))) - 1)]
    return Errors(float(largest), float(rank), len(errors), [float(x) for x in at], region)


def sample(row: Elementwise, count: int, seed: int) -> tuple[list[Value], list[str]]:
    """Operands, and for each point the region that it comes from."""
    rng = np.random.default_rng(seed)
    points = list(zip(*[rng.uniform(d.low, d.high, count) for d in row.domain]))
    regions = ["ordinary"] * count
    for i, domain in enumerate(row.domain):
        for region, values in (("tail", domain.tails), ("branch point", domain.branch_points)):
            for v in values:
                partner = points[len(points) % count]
                points.append((*partner[:i], v, *partner[i + 1 :]))
                regions.append(region)
    operands = [np.array(column) for column in zip(*points)]
    for i, domain in enumerate(row.domain):
        if domain.of == "whole":
            operands[i] = np.rint(operands[i]).astype(int)
        elif domain.of == "truth":
            operands[i] = operands[i] > 0
    return operands, regions


def ulps(got: Value, true: Value) -> float:
    """|got - true| in units in the last place of the true value, as it would be in double precision."""
    from mpmath import isfinite, mpf

    largest = float(np.finfo(float).max)
    if not np.isfinite(got):
        return 0.0 if abs(true) > largest and got * float(np.sign(true)) > 0 else float("inf")
    if true == 0 or not isfinite(true):
        return 0.0 if got == true else float("inf")
    size = min(float(abs(true)), largest)
    return float(abs(mpf(float(got)) - true) / mpf(float(np.spacing(max(size, 2.3e-308)))))
