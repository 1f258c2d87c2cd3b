"""What rules of programs written for autograd use of its own: sums over what was broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...differentiate.own_rules import fitted
from ...graph.traced import Traced
from ...types import Function, Value
from .numpy_wrapper import metadata as metadata


def unbroadcast_f(target: Value, f: Function) -> Function:
    """f, whose result is summed to the shape of target: the transpose of broadcasting.

    >>> unbroadcast_f(1.0, lambda g: g * np.ones(3))(2.0)
    np.float64(6.0)
    """
    return lambda g: unbroadcast(f(g), metadata(target))


def unbroadcast(x: Value, target_meta: tuple[tuple[int, ...], int, Any, bool], broadcast_idx: int = 0) -> Value:
    """x summed to a shape, and real where the target is."""
    shape, _, _, is_complex = target_meta
    x = fitted(x, np.broadcast_to(0.0, shape))
    return np.real(x) if np.iscomplexobj(x) and not is_complex else x


def match_complex(target: Value, x: Value) -> Value:
    """x as a complex array where target is one, real where it is not."""
    wanted, given = np.iscomplexobj(target), np.iscomplexobj(x)
    if given and not wanted:
        return np.real(x)
    return x + 0j if wanted and not given else x


def balanced_eq(x: Value, z: Value, y: Value) -> Value:
    """1 where x is z, one half where y is as well, 0 elsewhere: how two equal maxima share a cotangent."""
    return (x == z) / (1.0 + (x == y))


def replace_zero(x: Value, val: Value) -> Value:
    """x with val in place of zeros."""
    return np.where(x, x, val)


__all__ = ["Traced", "balanced_eq", "match_complex", "metadata", "replace_zero", "unbroadcast", "unbroadcast_f"]
