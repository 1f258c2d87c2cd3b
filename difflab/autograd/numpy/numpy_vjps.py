"""What rules of programs written for autograd use of its own: sums over what was broadcast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...differentiate.own_rules import fitted
from ...graph.traced import Traced
from ...numpy import add_at
from ...types import Function, Value
from ..vspaces import VSpace
from .dispatching import metadata as metadata


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


def repeat_to_match_shape(g: Value, shape: Sequence[int], dtype: Any, axis: Any, keepdims: bool) -> tuple[Value, int]:
    """What a sum over some axes gave, repeated along them; and how often: the transpose of a sum.

    >>> repeat_to_match_shape(np.ones(2), (2, 3), float, 1, False)
    (array([[1., 1., 1.],
           [1., 1., 1.]]), 3)
    """
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    summed = {k % len(shape) for k in axes}
    kept = [1 if k in summed else n for k, n in enumerate(shape)]
    return np.broadcast_to(np.reshape(g, kept), tuple(shape)), math.prod(shape[k] for k in summed)


def untake(x: Value, idx: Any, vs: VSpace) -> Value:
    """Zeros of a space with x added at an index: the transpose of taking what stands there.

    >>> untake(np.ones(2), [1, 1], VSpace(np.ones(3)))
    array([0., 2., 0.])
    """
    return add_at(vs.zeros(), idx, x)


__all__ = [
    "Traced",
    "balanced_eq",
    "match_complex",
    "metadata",
    "repeat_to_match_shape",
    "replace_zero",
    "unbroadcast",
    "unbroadcast_f",
    "untake",
]
