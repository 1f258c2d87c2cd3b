"""What rules of programs written for autograd use of its forward mode."""

from __future__ import annotations

import numpy as np

from ...types import Value


def broadcast(x: Value, target: Value) -> Value:
    """x in the shape of target.

    >>> broadcast(1.0, np.zeros(2))
    array([1., 1.])
    """
    return np.broadcast_to(x, np.shape(target))
