"""When two actions are as good as each other."""

from __future__ import annotations

import numpy as np

from ..types import Array, Value

TIE = 1e-9  # actions whose q differ by less, relative to the largest value, count as tied
LARGEST = 1e300


def tie_width(q: Array) -> Value:
    """Up to which difference action values are tied: in units of the largest, -inf (no such action) left out."""
    return TIE * np.max(np.where(q > -LARGEST, np.abs(q), 0.0)) if q.size else 0.0
