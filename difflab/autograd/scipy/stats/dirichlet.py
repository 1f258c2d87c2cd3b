"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any as _Any

import numpy as _np

from ....types import Value
from .. import special as _special
from .formulas import of as _of, stats as _stats


def rvs(*args: _Any, **kwargs: _Any) -> Value:
    """Random draws: constants of whatever draws them."""
    return _stats.dirichlet.rvs(*args, **kwargs)


@_of("dirichlet")
def logpdf(x: Value, alpha: Value) -> Value:
    """The logarithm of the density at x, whose first axis are the parts, all or all but the last."""
    if _np.shape(x)[0] == _np.shape(alpha)[0] - 1:
        x = _np.concatenate([x, 1.0 - _np.sum(x, axis=0, keepdims=True)])
    norm = _special.gammaln(_np.sum(alpha)) - _np.sum(_special.gammaln(alpha))
    weights = _np.reshape(alpha - 1.0, (-1,) + (1,) * (_np.ndim(x) - 1))
    return norm + _np.sum(_special.xlogy(weights, x), axis=0)


@_of("dirichlet")
def pdf(x: Value, alpha: Value) -> Value:
    """The density."""
    return _np.exp(logpdf(x, alpha))
