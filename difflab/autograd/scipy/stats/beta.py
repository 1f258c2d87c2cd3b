"""The beta distribution."""

from __future__ import annotations

import numpy as _np

from ....types import Value
from .. import special as _special
from .formulas import log_scaled as _log_scaled, of as _of, standard as _standard, within as _within


@_of("beta")
def logpdf(x: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of the density."""
    z = _standard(x, loc, scale)
    inside = (z >= 0) & (z <= 1)
    z = _within(inside, z, 0.5)
    density = _special.xlogy(a - 1.0, z) + _special.xlog1py(b - 1.0, -z) - _special.betaln(a, b)
    return _log_scaled(_np.where(inside, density, -_np.inf), scale)


@_of("beta")
def pdf(x: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The density."""
    return _np.exp(logpdf(x, a, b, loc, scale))


@_of("beta")
def cdf(x: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    z = _standard(x, loc, scale)
    inside = (z > 0) & (z < 1)
    return _np.where(inside, _special.betainc(a, b, _within(inside, z, 0.5)), _np.where(z > 0, 1.0, 0.0))
