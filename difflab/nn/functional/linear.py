"""Products with weights, tables of vectors, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from ...graph.node import apply
from ...primitives import TABLE
from .checks import concrete, dtype_of


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """input weightᵀ + bias, for a weight of (out, in).

    >>> linear(np.ones(2), np.array([[1.0, 2.0]]), np.array([0.5]))
    array([3.5])
    """
    shape, filters = np.shape(input), np.shape(weight)
    if not shape or len(filters) not in (1, 2) or shape[-1] != filters[-1]:
        raise ShapeError(f"linear: the input has shape {shape} and the weight {filters}; their last axes must be equal")
    y = input @ weight.T
    return y if bias is None else y + bias


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """The sum over i and j of input1[i] weight[out, i, j] input2[j]."""
    y = np.einsum("...i,oij,...j->...o", input1, weight, input2)
    return y if bias is None else y + bias


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """The rows of `weight` at the integers; the row `padding_idx` gets no gradient.

    >>> embedding(np.array([1, 0]), np.array([[1.0], [2.0]])).tolist()
    [[2.0], [1.0]]
    """
    if dtype_of(input).kind not in "iu":
        raise InputError(f"embedding: the input has dtype {dtype_of(input)}; give integers")
    rows = np.shape(weight)[0]
    found = concrete(input)
    bad = (found < 0) | (found >= rows)
    if bad.any():
        place = tuple(int(k) for k in np.argwhere(bad)[0])
        raise InputError(f"embedding: input{list(place)} is {found[place]}; the table has rows 0 to {rows - 1}")
    if padding_idx is not None:
        fixed = np.zeros((rows, 1), bool)
        fixed[padding_idx] = True
        weight = np.where(fixed, dnp.stop_gradient(weight), weight)
    return dnp.take(weight, input, axis=0)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Any = None) -> Any:
    """In training, zeros in place of elements with probability p, and the others times 1 / (1 - p).

    `key` is two integers, (seed, count), and decides which: the same key gives the same zeros. Nothing random is kept
    anywhere. Srivastava et al. 2014.

    >>> sorted(set(dropout(np.ones(100), 0.2, key=np.array([1, 0])).tolist()))
    [0.0, 1.25]
    """
    if not 0 <= p <= 1:
        raise InputError(f"dropout: p={p}; a probability is between 0 and 1")
    if not training or p == 0:
        return input
    if p == 1:
        return 0.0 * input
    if key is None:
        raise InputError("dropout: training needs key=, two integers (seed, count) that decide which elements go")
    drawn = random_uniform(key, np.shape(input), input.dtype)
    return np.where(drawn >= p, input * (1 / (1 - p)), np.zeros((), input.dtype))


def random_uniform(key: Any, shape: Any, dtype: Any = np.float64) -> Any:
    """Numbers in [0, 1) that are a pure function of key, two integers; by Philox (Salmon et al. 2011).

    >>> random_uniform(np.array([0, 1]), 2).shape
    (2,)
    """
    key = np.asarray(key) if isinstance(key, list | tuple) else key
    if np.shape(key) != (2,) or dtype_of(key).kind not in "iu":
        raise InputError(f"random_uniform: key={key!r}; give an array of two integers")
    size = (int(shape),) if hasattr(shape, "__index__") else tuple(int(n) for n in shape)
    wanted = np.dtype(dtype if np.dtype(dtype) in (np.float32, np.float64) else np.float32)
    return apply(TABLE["random_uniform"], (key,), {"shape": size, "dtype": wanted})
