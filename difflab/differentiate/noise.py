"""The noise of a function: how far its values lie off a smooth function, from a table of their differences.

Moré and Wild (2011), "Estimating computational noise", SIAM J. Sci. Comput. 33. Differences of a smooth function fall
with their order; those of independent errors of size sigma settle at sqrt((2k)! / (k!)^2) sigma.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

AGREE = 4.0  # three levels of the table whose estimates lie within this factor are noise


def noise(values: Sequence[float]) -> float | None:
    """The standard deviation of the errors of equally spaced values; None where most neighbours are equal.

    Where no three levels of the difference table agree, the last levels bound it from above.

    >>> noise([0.0, 1.0, 4.0, 9.0, 16.0, 25.0, 36.0]) < 1e-15
    True
    >>> noise([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]) is None
    True
    """
    size = max(map(abs, values))
    row = [y / size for y in values] if size else list(values)
    if sum(a == b for a, b in pairwise(row)) >= len(row) / 2:
        return None  # the points are too close: the values show steps, not errors
    estimates, crosses = [], []
    for k in range(1, len(values)):
        row = [b - a for a, b in pairwise(row)]
        variance = math.factorial(k) ** 2 / math.factorial(2 * k) * sum(d * d for d in row) / len(row)
        estimates.append(math.sqrt(variance) * size)
        crosses.append(min(row) < 0 < max(row))
    for k in range(len(estimates) - 2):
        three = estimates[k : k + 3]
        if crosses[k] and max(three) <= AGREE * min(three):
            return three[0]
    return max(estimates[-2:])


__all__ = ["noise"]
