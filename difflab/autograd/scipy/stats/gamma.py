"""The gamma distribution."""

from __future__ import annotations

import numpy as _np

from ....types import Value
from .. import special as _special
from .formulas import log_scaled as _log_scaled, of as _of, standard as _standard, within as _within


@_of("gamma")
def logpdf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of the density."""
    z = _standard(x, loc, scale)
    inside = z >= 0
    z = _within(inside, z, 1.0)
    return _log_scaled(_np.where(inside, _special.xlogy(a - 1.0, z) - z - _special.gammaln(a), -_np.inf), scale)


@_of("gamma")
def pdf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The density."""
    return _np.exp(logpdf(x, a, loc, scale))


@_of("gamma")
def cdf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    z = _standard(x, loc, scale)
    return _np.where(z > 0, _special.gammainc(a, _within(z > 0, z, 1.0)), 0.0)


@_of("gamma")
def sf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values above x."""
    z = _standard(x, loc, scale)
    return _np.where(z > 0, _special.gammaincc(a, _within(z > 0, z, 1.0)), 1.0)
