"""The chi-squared distribution: a gamma distribution of shape df/2 and scale 2."""

from __future__ import annotations

from ....types import Value
from . import gamma as _gamma
from .formulas import of as _of


@_of("chi2")
def logpdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of the density."""
    return _gamma.logpdf(x, df / 2.0, loc, 2.0 * scale)


@_of("chi2")
def pdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The density."""
    return _gamma.pdf(x, df / 2.0, loc, 2.0 * scale)


@_of("chi2")
def cdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    return _gamma.cdf(x, df / 2.0, loc, 2.0 * scale)


@_of("chi2")
def sf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values above x."""
    return _gamma.sf(x, df / 2.0, loc, 2.0 * scale)


@_of("chi2")
def logcdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of cdf."""
    return _gamma.logcdf(x, df / 2.0, loc, 2.0 * scale)


@_of("chi2")
def logsf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of sf."""
    return _gamma.logsf(x, df / 2.0, loc, 2.0 * scale)


@_of("chi2")
def ppf(q: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The x up to which values have the probability q."""
    return _gamma.ppf(q, df / 2.0, loc, 2.0 * scale)
