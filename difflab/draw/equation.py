"""What a wire of the way back carries, in short: upstream × local = downstream, or what arrives."""

from __future__ import annotations

import numpy as np

from ..types import Value
from .picture import Line, Span
from .text import short

LONGEST = 44  # characters of an equation on a wire


def adjoint_text(adjoint: Value) -> str:
    """An adjoint in full where it is a few numbers, else its size alone: its shape is that of the value above it."""
    x = adjoint if isinstance(adjoint, list | tuple) else np.asarray(adjoint)
    if isinstance(x, list | tuple) or x.ndim == 0 or (x.ndim == 1 and x.size <= 4) or x.dtype.kind not in "fiu":
        return f"∂ = {short(x)}"
    with np.errstate(all="ignore"):
        return f"‖∂‖ = {short(np.linalg.norm(x.ravel()), 2)}"


def product(upstream: Value, local: Value, downstream: Value) -> Line | None:
    """Upstream × local = downstream, with a negative local derivative in brackets; None where it is too long."""
    if local is None or isinstance(downstream, list | tuple):
        return None
    factor = f"({short(local)})" if np.ndim(local) == 0 and local < 0 else short(local)
    pieces: list[Span] = [("Σ ", "ink")] if np.ndim(downstream) < np.ndim(upstream) else []
    pieces += [(short(upstream), "backward"), (" × ", "ink"), (factor, "local"), (" = ", "ink")]
    line = Line.of(*pieces, (short(downstream), "downstream"))
    return line if len(line.text) <= LONGEST else None
