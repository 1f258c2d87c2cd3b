"""SciPy's functions for traced values, by autograd's names."""

from __future__ import annotations

from . import (
    integrate as integrate,
    linalg as linalg,
    misc as misc,
    signal as signal,
    special as special,
    stats as stats,
)
