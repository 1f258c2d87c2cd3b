"""Student's t distribution; the distribution function has no derivative by the degrees of freedom."""

from __future__ import annotations

import math as _math

import numpy as _np

from ....late import Late as _Late
from ....types import Value
from ...extend import defvjp as _defvjp, primitive as _primitive
from .. import special as _rows
from .formulas import log_scaled as _log_scaled, of as _of, standard as _standard

_special: Value = _Late("scipy.special")


@_of("t")
def logpdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of the density."""
    z = _standard(x, loc, scale)
    norm = _rows.gammaln((df + 1) / 2.0) - _rows.gammaln(df / 2.0) - 0.5 * _np.log(df * _math.pi)
    return _log_scaled(norm - (df + 1) / 2.0 * _np.log1p(z * z / df), scale)


@_of("t")
def pdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The density."""
    return _np.exp(logpdf(x, df, loc, scale))


@_primitive
def _stdtr(df: Value, z: Value) -> Value:
    return _special.stdtr(df, z)


_defvjp(_stdtr, lambda y, df, z: lambda g: g * pdf(z, df), argnums=[1])


@_of("t")
def cdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The probability of values up to x."""
    return _stdtr(df, _standard(x, loc, scale))


@_of("t")
def logcdf(x: Value, df: Value, loc: Value = 0.0, scale: Value = 1.0) -> Value:
    """The logarithm of cdf."""
    return _np.log(cdf(x, df, loc, scale))
