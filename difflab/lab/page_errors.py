"""What a step-through page says of the methods' errors."""

from __future__ import annotations

from ..draw.page.methods import ERRORS, SECONDS
from ..draw.text import clean, number
from ..errors import DifflabError
from ..graph.graph import Graph
from ..types import Value
from .compare import compare


def errors_at(graph: Graph, at: dict[str, Value]) -> str:
    """How far each method is from the certified gradient at the exported point, as a sentence; empty if none is."""
    try:
        found = compare(graph, at, seconds=SECONDS)
    except (DifflabError, ArithmeticError, ValueError, TypeError):
        return ""
    told = []
    for name, m in found.methods.items():
        if m.failure is not None:
            told.append(f"{name} could not run ({clean(m.failure, 80)})")
        elif m.max_ulps is not None and name != found.reference:
            told.append(f"{name} {number(float(m.max_ulps))}{'' if m.agrees else f' ({m.verdict})'}")
    if not told or found.reference == "none":
        return f"Not judged at the exported point: {clean(found.reason, 200)}." if found.reason else ""
    end = "" if found.agree else f" The methods do not agree: {clean(found.reason, 200)}."
    return f"Largest error in ulps at the exported point, judged by {found.reference}: {', '.join(told)}.{end}"


ERRORS.fill(errors_at)
