"""The normal distribution."""

from __future__ import annotations

import math as _math

import numpy as _np

from ....types import Value
from .. import special as _special
from .formulas import log_scaled as _log_scaled, of as _of, standard as _standard

_LOG_ROOT = 0.5 * _math.log(2 * _math.pi)


@_of("norm")
def logpdf(x: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of the density."""
    z = _standard(x, loc, scale)
    return _log_scaled(-0.5 * z * z - _LOG_ROOT, scale)


@_of("norm")
def pdf(x: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The density."""
    return _np.exp(logpdf(x, loc, scale))


@_of("norm")
def cdf(x: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    return _special.ndtr(_standard(x, loc, scale))


@_of("norm")
def sf(x: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values above x."""
    return _special.ndtr(-_standard(x, loc, scale))


@_of("norm")
def logcdf(x: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of cdf."""
    return _special.log_ndtr(_standard(x, loc, scale))


@_of("norm")
def logsf(x: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of sf."""
    return _special.log_ndtr(-_standard(x, loc, scale))


@_of("norm")
def ppf(q: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The x up to which values have the probability q."""
    return _special.ndtri(q) * scale + loc
