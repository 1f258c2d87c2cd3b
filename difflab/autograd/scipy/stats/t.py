"""Student's t distribution."""

from __future__ import annotations

import math as _math

import numpy as _np

from ....types import Value
from .. import special as _special
from .formulas import log_scaled as _log_scaled, of as _of, standard as _standard


@_of("t")
def logpdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of the density."""
    z = _standard(x, loc, scale)
    norm = _special.gammaln((df + 1) / 2.0) - _special.gammaln(df / 2.0) - 0.5 * _np.log(df * _math.pi)
    return _log_scaled(norm - (df + 1) / 2.0 * _np.log1p(z * z / df), scale)


@_of("t")
def pdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The density."""
    return _np.exp(logpdf(x, df, loc, scale))


@_of("t")
def cdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    return _special.stdtr(df, _standard(x, loc, scale))


@_of("t")
def sf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values above x."""
    return _special.stdtr(df, -_standard(x, loc, scale))


@_of("t")
def logcdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of cdf."""
    return _np.log(cdf(x, df, loc, scale))


@_of("t")
def logsf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of sf."""
    return _np.log(sf(x, df, loc, scale))


@_of("t")
def ppf(q: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The x up to which values have the probability q."""
    return _special.stdtrit(df, q) * scale + loc
