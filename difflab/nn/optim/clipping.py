"""Gradients cut down to size."""

from __future__ import annotations

import numpy as np
import optree

from ...errors import InputError
from ...types import Tree
from ..arrays import Number
from .checks import number
from .update import as_dtype


def clip_grad_norm(gradients: Tree, max_norm: float, norm_type: float = 2.0) -> tuple[Tree, Number]:
    """The gradients, times max_norm / norm where their common norm is larger; and that norm.

    Pascanu, Mikolov and Bengio 2013.

    >>> clipped, norm = clip_grad_norm([np.array([3.0]), np.array([4.0])], 1.0)
    >>> [g.round(6).tolist() for g in clipped], float(norm)
    ([[0.6], [0.8]], 5.0)
    """
    if not number(max_norm) or not max_norm >= 0:
        raise InputError(f"clip_grad_norm: max_norm={max_norm!r}; give a number of at least 0")
    if not number(norm_type) or not norm_type > 0:
        raise InputError(f"clip_grad_norm: norm_type={norm_type!r}; give a positive number, or float('inf')")
    leaves = [np.float64(g) if g.__class__ is float else g for g in optree.tree_leaves(gradients)]
    if not leaves:
        raise InputError("clip_grad_norm: there are no gradients")
    if norm_type == float("inf"):
        norm = leaves[0].dtype.type(0)
        for g in leaves:
            norm = np.maximum(norm, np.max(np.abs(g)))
    elif norm_type == 2:
        norm = np.sqrt(sum(np.sum(g * g) for g in leaves))
    else:
        norm = sum(np.sum(np.abs(g) ** norm_type) for g in leaves) ** (1 / norm_type)
    share = np.minimum(max_norm / (norm + 1e-6), 1.0)
    return optree.tree_map(lambda g: g * as_dtype(share, getattr(g, "dtype", float)), gradients), norm


def clip_grad_value(gradients: Tree, clip_value: float) -> Tree:
    """The gradients with every entry cut to ±clip_value.

    >>> clip_grad_value(np.array([-3.0, 0.5]), 1.0)
    array([-1. ,  0.5])
    """
    if not number(clip_value) or not clip_value >= 0:
        raise InputError(f"clip_grad_value: clip_value={clip_value!r}; give a number of at least 0")
    return optree.tree_map(lambda g: np.clip(g, -clip_value, clip_value), gradients)
