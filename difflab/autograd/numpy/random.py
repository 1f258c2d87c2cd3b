"""NumPy's random numbers: they are constants of whatever draws them.

Where the size of a draw is asked of a traced value, its shape is plain; a parameter that is traced is refused.
"""

from __future__ import annotations

import numpy as _numpy

from ...types import Value


def __getattr__(name: str) -> Value:
    return getattr(_numpy.random, name)


def __dir__() -> list[str]:
    return [name for name in dir(_numpy.random) if not name.startswith("_")]
