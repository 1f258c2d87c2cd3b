"""The beta distribution."""

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


def _below(z: Value, a: Value, b: Value) -> Value:
    return _special.betainc(a, b, z)


def _above(z: Value, a: Value, b: Value) -> Value:
    return _special.betaincc(a, b, z)


@_of("beta")
def cdf(x: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    return _inside(_below, _standard(x, loc, scale), a, b, ends=(0.0, 1.0), top=1.0)


@_of("beta")
def sf(x: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values above x."""
    return _inside(_above, _standard(x, loc, scale), a, b, ends=(1.0, 0.0), top=1.0)


@_of("beta")
def logcdf(x: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of cdf."""
    log = lambda z, a, b: _np.log(_below(z, a, b))
    return _inside(log, _standard(x, loc, scale), a, b, ends=(-_np.inf, 0.0), top=1.0)


@_of("beta")
def logsf(x: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of sf."""
    log = lambda z, a, b: _np.log(_above(z, a, b))
    return _inside(log, _standard(x, loc, scale), a, b, ends=(0.0, -_np.inf), top=1.0)


@_of("beta")
def ppf(q: Value, a: Value, b: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The x up to which values have the probability q."""
    return _special.betaincinv(a, b, q) * scale + loc
