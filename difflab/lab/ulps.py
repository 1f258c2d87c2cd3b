"""Errors in units in the last place."""

from __future__ import annotations

import numpy as np

from ..types import Value


def ulps(found: Value, truth: Value) -> float:
    """The largest |found - truth| in units of the spacing of doubles at truth; infinite where one is not a number.

    >>> ulps(1.0 + 2**-52, 1.0)
    1.0
    """
    found, truth = np.broadcast_arrays(np.asarray(found, dtype=float), np.asarray(truth, dtype=float))
    if found.size == 0:
        return 0.0
    with np.errstate(all="ignore"):
        error = np.abs(found - truth) / np.spacing(np.abs(truth))
    equal = (found == truth) | (np.isnan(found) & np.isnan(truth))
    return float(np.max(np.where(equal, 0.0, np.where(np.isnan(error), np.inf, error))))


def relative(found: Value, truth: Value) -> float:
    """The largest relative error; absolute where the truth is 0."""
    found, truth = np.broadcast_arrays(np.asarray(found, dtype=float), np.asarray(truth, dtype=float))
    if found.size == 0:
        return 0.0
    with np.errstate(all="ignore"):
        error = np.abs(found - truth) / np.where(truth == 0, 1.0, np.abs(truth))
    equal = (found == truth) | (np.isnan(found) & np.isnan(truth))
    return float(np.max(np.where(equal, 0.0, np.where(np.isnan(error), np.inf, error))))
