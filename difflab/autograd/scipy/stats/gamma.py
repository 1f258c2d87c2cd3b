"""The gamma distribution."""

from __future__ import annotations

import numpy as _np

from ....types import Value
from .. import special as _special
from .formulas import (
    inside as _inside,
    log_scaled as _log_scaled,
    of as _of,
    standard as _standard,
    within as _within,
)


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


def _below(z: Value, a: Value) -> Value:
    return _special.gammainc(a, z)


def _above(z: Value, a: Value) -> Value:
    return _special.gammaincc(a, z)


@_of("gamma")
def cdf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    return _inside(_below, _standard(x, loc, scale), a, ends=(0.0, 1.0))


@_of("gamma")
def sf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values above x."""
    return _inside(_above, _standard(x, loc, scale), a, ends=(1.0, 0.0))


@_of("gamma")
def logcdf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of cdf."""
    return _inside(lambda z, a: _np.log(_below(z, a)), _standard(x, loc, scale), a, ends=(-_np.inf, 0.0))


@_of("gamma")
def logsf(x: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of sf."""
    return _inside(lambda z, a: _np.log(_above(z, a)), _standard(x, loc, scale), a, ends=(0.0, -_np.inf))


@_of("gamma")
def ppf(q: Value, a: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The x up to which values have the probability q."""
    return _special.gammaincinv(a, q) * scale + loc
