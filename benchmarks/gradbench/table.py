"""The family's results as one table: each backend, the fastest peer, and how far ahead of it difflab is."""

from __future__ import annotations

from ..workload import Result, readable
from .libraries import BACKENDS

LEVEL, AHEAD = 0.9, 1.2  # within a tenth of the fastest peer; well ahead of it
COLUMNS = (*[b.removeprefix("difflab").strip() or "numpy" for b in BACKENDS], "fastest peer", "peer/best", "peer/auto")


def peers(result: Result) -> list[str]:
    """The peers that were timed, the fastest first."""
    found = [n for n in result.seconds if n not in BACKENDS and n not in result.floors]
    return sorted(found, key=lambda n: result.seconds[n])


def ahead(result: Result, backend: str | None = None) -> float | None:
    """The fastest peer's time over that of the backend, or of the best; None where one of them was not timed."""
    ours = [result.seconds[b] for b in BACKENDS if b in result.seconds and backend in (None, b)]
    others = peers(result)
    return result.seconds[others[0]] / min(ours) if ours and others else None


def row(result: Result) -> list[str]:
    ours = [readable(result.seconds[b]) if b in result.seconds else "-" for b in BACKENDS]
    others = peers(result)
    peer = f"{others[0]} {readable(result.seconds[others[0]])}" if others else "-"
    ratios = [ahead(result), ahead(result, "difflab auto")]
    return [result.name, *ours, peer, *["-" if r is None else f"{r:.2f}" for r in ratios]]


def table(results: list[Result]) -> str:
    """Aligned columns, which Markdown reads too; below them how many reach the goal."""
    lines = [["workload", *COLUMNS], *map(row, results)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    lines.insert(1, ["-" * w for w in widths])
    text = "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines)
    found = [r for r in (ahead(r, "difflab auto") for r in results) if r is not None]
    level, far = sum(r >= LEVEL for r in found), sum(r >= AHEAD for r in found)
    goal = f"{level} within {1 - LEVEL:.0%} of the fastest peer or ahead, {far} ahead by {AHEAD} x"
    return f"{text}\n\nauto: of {len(found)} workloads {goal}"
