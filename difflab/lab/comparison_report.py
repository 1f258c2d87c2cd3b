"""A comparison for people and programs: terminal table, HTML, JSON, plot."""

from __future__ import annotations

import html
import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..cards.as_text import terminal_width
from ..cards.parts import Table
from ..errors import InputError
from ..files import target, write
from ..types import FileName, Tree, Value
from .entries import MethodResult
from .judged_methods import JudgedMethods
from .ulps import ulps

if TYPE_CHECKING:
    from rich.console import Console

VERSION = 1
COLUMNS = ("method", "how", "ulps", "bound", "preparation", "evaluation", "runs", "verdict")
SHOWN_INPUTS = 20
WIDE = 100  # columns of a terminal from which how a method works has a column of its own
FOLDED = 14  # columns that words have which wrap


def strict(x: Tree) -> Tree:
    """Anything as strict JSON: arrays as nested lists, NaN and infinities as strings."""
    if isinstance(x, dict):
        return {str(k): strict(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [strict(v) for v in x]
    if isinstance(x, np.ndarray):
        return strict(x.tolist())
    if isinstance(x, np.generic):
        return strict(x.item())
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return x if x is None or isinstance(x, bool | int | float | str) else str(x)


def as_json(c: JudgedMethods) -> dict[str, Tree]:
    methods = {}
    for name, m in c.methods.items():
        methods[name] = {
            "label": m.label, "gradient": m.by_name, "max_ulps": m.max_ulps, "max_relative": m.max_relative,
            "claimed_error": m.claimed_error, "allowed": m.allowed, "verdict": m.verdict, "reason": m.reason,
            "agrees": m.agrees, "failure": m.failure, "seconds": m.seconds, "preparation": m.preparation,
            "evaluation": m.evaluation, "evaluations": m.evaluations, "operations": m.operations,
            "notes": m.notes, "details": m.details,
        }  # fmt: skip
    found: dict[str, Tree] = strict({
        "version": VERSION, "function": c.text, "at": c.at, "value": c.value, "agree": c.agree,
        "verdict": c.verdict, "reason": c.reason, "reference": c.reference,
        "methods": methods, "kinks": [k.to_json() for k in c.kinks], "notes": c.notes, "nodes": c.nodes,
    })  # fmt: skip
    return found


def number(x: Value, digits: int = 6) -> str:
    """A number or a short array for a table cell."""
    x = np.asarray(x, dtype=float)
    if x.ndim == 0:
        return f"{float(x):.{digits}g}"
    flat = [f"{v:.3g}" for v in x.ravel()[:4]]
    more = f", … {x.size}" if x.size > 4 else ""
    return f"[{', '.join(flat)}{more}]"


def seconds(t: float | None) -> str:
    if t is None:
        return ""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if t >= scale:
            return f"{t / scale:.3g} {unit}"
    return f"{t / 1e-9:.3g} ns"


def shown_verdict(m: MethodResult) -> str:
    return m.verdict.replace("disagrees", "DISAGREES")


def in_ulps(error: float | None) -> str:
    """Blank where nothing was measured, or where the truth is 0, which has no last place."""
    return "" if error is None or math.isinf(error) else f"{error:.3g}"


def row(m: MethodResult) -> list[str]:
    if m.failure is not None:
        return [m.name, m.failure, "", "", "", "", "", shown_verdict(m)]
    bounds = [float(b) for v in (m.allowed or m.claimed_error or {}).values() for b in np.ravel(v) if np.isfinite(b)]
    bound = max(bounds, default=None)
    return [
        m.name,
        m.label,
        "proven" if m.details.get("certified") else in_ulps(m.max_ulps),
        "" if bound is None else f"{bound:.1e}",
        seconds(m.preparation) if m.preparation else "",
        seconds(m.evaluation),
        "" if m.evaluations is None else str(m.evaluations),
        shown_verdict(m),
    ]


def gradient_rows(c: JudgedMethods) -> tuple[list[str], list[list[str]]]:
    """For each input the reference's partial derivative, and each method's own, written only where it differs.

    Where there is nothing to measure against, every method's number is written.
    """
    usable = [m for m in c.methods.values() if m.failure is None and m.name != c.reference]
    reference = c.methods.get(c.reference)
    heads = ["d / d", *([c.reference] if reference else []), *[m.name for m in usable]]
    if reference is None:
        return heads, [
            [n, *[number(m.by_name[n]) for m in usable]] for n in list(c.at)[:SHOWN_INPUTS]
        ] if usable else []
    rows = []
    for name in list(reference.by_name)[:SHOWN_INPUTS]:
        truth = reference.by_name[name]
        cells = [name, number(truth, 17)]
        for m in usable:
            mine = m.by_name[name]
            same = np.array_equal(np.asarray(mine), np.asarray(truth), equal_nan=True)
            cells.append("same" if same else difference(mine, truth))
        rows.append(cells)
    return heads, rows


def difference(mine: Value, truth: Value) -> str:
    error = ulps(mine, truth)
    return f"{error:.2g} ulp" if error < 1e6 else number(mine)


def summary(c: JudgedMethods) -> list[str]:
    sizes = c.nodes
    lines = [f"value {c.value!r}", f"errors are measured against: {c.reference}"]
    if sizes.get("gradient"):
        lines.append(
            f"operations: function {sizes['function']}, gradient graph {sizes['gradient']} ({sizes['ratio']} times)"
        )
    for m in c.methods.values():
        counts = m.details.get("operations")
        if counts:
            told = ", ".join(f"{k} {v}" for k, v in counts.items())
            lines.append(f"operations of the {m.name} formulas: {told}")
        elsewhere = any(m.reason in text for text in (c.reason, *m.notes))
        if m.verdict != "agrees" and m.failure is None and not elsewhere:
            lines.append(f"{m.name}: {m.verdict}, {m.reason}")
        lines += [f"{m.name}: {n}" for n in m.notes]
    return [*lines, *[f"note: {n}" for n in c.notes], conclusion(c)]


def conclusion(c: JudgedMethods) -> str:
    """The verdict as a sentence."""
    told = {"agree": "the methods agree", "disagree": "the methods DISAGREE", "undecided": "undecided"}[c.verdict]
    apart = [f"{m.name} ({m.verdict})" for m in c.methods.values() if not m.agrees]
    if c.agree and apart:
        return f"{told}, but for {', '.join(apart)}"
    return f"{told}: {c.reason}" if c.reason else told


def print_table(c: JudgedMethods, console: Console | None = None) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = console or Console()
    console.print(escape(shortened(c.text)), style="bold", highlight=False)
    heads, gradient = within(console.width, *gradient_rows(c))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in heads:
        side: Literal["left", "right"] = "left" if name in ("d / d", "method", "value") else "right"
        table.add_column(escape(name), justify=side, overflow="fold", no_wrap=name != "value")
    for cells in gradient:
        table.add_row(*map(escape, cells))
    console.print(table)
    wide = console.width >= WIDE
    kept = [k for k, name in enumerate(COLUMNS) if wide or name != "how"]
    told = [[row(m)[k] for k in kept] for m in c.methods.values()]
    heads, lines = within(console.width, [COLUMNS[k] for k in kept], told, "of it", ("how", "verdict"))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in heads:
        side = "left" if name in ("method", "how", "verdict", "of it") else "right"
        table.add_column(name, justify=side, overflow="fold", no_wrap=name not in ("how", "verdict", "value"))
    each = len(lines) // max(len(c.methods), 1)
    for k, cells in enumerate(lines):
        agrees = list(c.methods.values())[k // each].agrees
        table.add_row(*map(escape, cells), style={True: None, False: "bold red", None: "yellow"}[agrees])
    console.print(table)
    hows = [] if wide else [f"{m.name}: {m.failure or m.label}" for m in c.methods.values()]
    for line in [*hows, *summary(c)]:
        console.print(escape(line), highlight=False)


def within(
    width: int, heads: list[str], rows: list[list[str]], turned: str = "method", folded: tuple[str, ...] = ()
) -> tuple[list[str], list[list[str]]]:
    """The table, or where columns would break numbers, a line for each column, with its name in one called `turned`.

    >>> within(20, ["d / d", "certified", "reverse"], [["x", "[1, 2]", "1 ulp"]])
    (['d / d', 'method', 'value'], [['x', 'certified', '[1, 2]'], ['', 'reverse', '1 ulp']])
    """
    sizes = [max(len(cells[k]) for cells in (heads, *rows)) for k in range(len(heads))]
    if sum(min(n, FOLDED) if head in folded else n for head, n in zip(heads, sizes)) + 2 * len(heads) <= width:
        return heads, rows
    lines = [
        ["" if k else name, head, cell] for name, *cells in rows for k, (head, cell) in enumerate(zip(heads[1:], cells))
    ]
    return [heads[0], turned, "value"], lines


def shortened(text: str, length: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"


def as_text(c: JudgedMethods) -> str:
    from rich.console import Console

    buffer = io.StringIO()
    print_table(c, Console(file=buffer, width=terminal_width(140), no_color=True))
    return buffer.getvalue()


def as_html(c: JudgedMethods) -> str:
    heads, gradient = gradient_rows(c)
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in summary(c))
    tables = html_table("The gradient", heads, gradient)
    tables += html_table("The methods", COLUMNS, [row(m) for m in c.methods.values()])
    title = html.escape(shortened(c.text))
    return f'<div class="difflab-comparison"><p><code>{title}</code></p>{tables}<ul>{lines}</ul></div>'


def html_table(label: str, heads: Iterable[str], rows: list[list[str]]) -> str:
    """Columns of numbers stand to the right, and no number is broken at its exponent's sign."""
    heads = list(heads)
    side = [' class="n"' if right else "" for right in Table(rows, heads).right()] + [""] * len(heads)
    head = "".join(f"<th{s}>{html.escape(n)}</th>" for n, s in zip(heads, side))
    lines = [[f"<td{s}>{html.escape(x)}</td>" for x, s in zip(cells, side)] for cells in rows]
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in lines)
    region = f'class="scroll" tabindex="0" role="group" aria-label="{label}"'  # the keyboard can scroll it
    return f"<div {region}><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def plot(c: JudgedMethods, path: FileName, force: bool = False) -> Path:
    """Error against time, one labelled mark a method."""
    path = target(path, force)
    figure_format = path.suffix.lstrip(".").lower()
    if figure_format not in ("png", "svg", "pdf"):
        raise InputError(f"plot: {path.name} ends in {path.suffix or 'nothing'}; use .png, .svg or .pdf")
    from .plots import COLOURS, MARKERS, figure as new_figure

    figure, axes = new_figure(7.5, 4.5)
    for k, m in enumerate(c.methods.values()):
        if m.evaluation is None or m.max_ulps is None or not math.isfinite(m.max_ulps):
            continue
        look = {"color": COLOURS[k % len(COLOURS)], "marker": MARKERS[k % len(MARKERS)], "markersize": 9}
        height = max(m.max_ulps, 0.1)
        axes.plot(m.evaluation, height, linestyle="none", label=m.name, **look)
        if m.preparation:
            axes.plot([m.evaluation, m.preparation], [height] * 2, linewidth=1, markevery=[1], fillstyle="none", **look)
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="seconds: one gradient (filled), its preparation (open)",
        ylabel=f"largest error, ulps of {c.reference} (0 at 0.1)",
        title=shortened(c.text, 70),
    )
    axes.margins(0.15)
    figure.legend(loc="outside right upper", fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=figure_format, dpi=150)
    return write(path, buffer.getvalue(), force)
