"""The normal distribution of several variables."""

from __future__ import annotations

import math as _math

import numpy as _np

from ....types import Value
from .formulas import of as _of


def _covariance(cov: Value, d: int) -> Value:
    """A covariance as a matrix: a number is a variance of all variables, a vector has one for each."""
    if _np.ndim(cov) == 0:
        return cov * _np.eye(d)
    return cov * _np.eye(d) if _np.ndim(cov) == 1 else cov


def _dimension(mean: Value, cov: Value) -> int:
    """How many variables there are: as many as means, or as a covariance matrix has rows; else one."""
    if mean is not None:
        return int(_np.size(mean))
    return int(_np.shape(cov)[0]) if _np.ndim(cov) == 2 else 1


def _scaled_and_log_volume(deviation: Value, cov: Value, allow_singular: bool) -> tuple[Value, Value, int]:
    """The squared distances in units of the covariance, the logarithm of its determinant, and its rank."""
    if not allow_singular:
        root = _np.linalg.cholesky(cov)
        scaled = _np.linalg.solve(root, _np.swapaxes(deviation, -1, -2))
        return _np.sum(scaled**2, axis=-2), 2 * _np.sum(_np.log(_np.diagonal(root))), int(_np.shape(cov)[0])
    values = _np.linalg.eigvalsh(cov)
    positive = values > 1e6 * _np.finfo(float).eps * _np.max(_np.abs(values))
    volume = _np.sum(_np.where(positive, _np.log(_np.where(positive, values, 1.0)), 0.0))
    distances = _np.sum(deviation * (deviation @ _np.linalg.pinv(cov, rcond=1e-10, hermitian=False)), axis=-1)
    return distances, volume, int(_np.sum(positive))


@_of("multivariate_normal")
def logpdf(x: Value, mean: Value = None, cov: Value = 1, allow_singular: bool = False) -> Value:
    """The logarithm of the density at x, whose last axis are the variables."""
    d = _dimension(mean, cov)
    mean = _np.zeros(d) if mean is None else mean
    deviation = _np.reshape(x, (*_np.shape(x), 1)) - mean if d == 1 and _np.ndim(x) < 2 else x - mean
    flat = _np.reshape(deviation, (-1, d))
    squares, volume, rank = _scaled_and_log_volume(flat, _covariance(cov, d), allow_singular)
    return _np.reshape(-0.5 * (rank * _math.log(2 * _math.pi) + volume + squares), _np.shape(deviation)[:-1])


@_of("multivariate_normal")
def pdf(x: Value, mean: Value = None, cov: Value = 1, allow_singular: bool = False) -> Value:
    """The density."""
    return _np.exp(logpdf(x, mean, cov, allow_singular))


@_of("multivariate_normal")
def entropy(mean: Value = None, cov: Value = 1) -> Value:
    """The differential entropy."""
    d = _dimension(mean, cov)
    return 0.5 * (d * (1 + _math.log(2 * _math.pi)) + _np.linalg.slogdet(_covariance(cov, d))[1])
