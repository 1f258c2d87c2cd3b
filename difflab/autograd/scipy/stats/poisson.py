"""The Poisson distribution; counts have no derivative."""

from __future__ import annotations

import numpy as _np

from ....graph.laxity import unboxed as _unboxed
from ....types import Value
from .. import special as _special
from .formulas import of as _of


@_of("poisson")
def logpmf(k: Value, mu: Value, loc: Value = 0) -> Value:
    """The logarithm of the probability of the count k."""
    k = _np.asarray(_unboxed(k), dtype=float) - _unboxed(loc)
    possible = (k >= 0) & (k == _np.floor(k))
    count = _np.where(possible, k, 0.0)
    return _np.where(possible, _special.xlogy(count, mu) - _special.gammaln(count + 1) - mu, -_np.inf)


@_of("poisson")
def pmf(k: Value, mu: Value, loc: Value = 0) -> Value:
    """The probability of the count k."""
    return _np.exp(logpmf(k, mu, loc))


@_of("poisson")
def cdf(k: Value, mu: Value, loc: Value = 0) -> Value:
    """The probability of counts up to k."""
    k = _np.floor(_np.asarray(_unboxed(k), dtype=float) - _unboxed(loc))
    return _np.where(k >= 0, _special.gammaincc(_np.maximum(k, 0.0) + 1, mu), 0.0)
