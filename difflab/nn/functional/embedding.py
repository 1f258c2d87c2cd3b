"""Linear maps, embeddings and dropout, in torch.nn.functional's signatures."""

from __future__ import annotations

import numpy as np

from ... import numpy as dnp
from ...differentiate.transform import stop_gradient
from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Value
from . import checks
from .checks import real, row


def linear(input: Value, weight: Value, bias: Value = None) -> Value:
    """x weightᵀ + bias: x is (..., in), weight (out, in) or (in,), bias (out,) or ().

    Raises ShapeError where the sizes do not fit.

    >>> linear(np.array([1.0, 2.0]), np.array([[3.0, 4.0]]), np.array([0.5]))
    array([11.5])
    """
    x, weight = real(input), real(weight)
    if weight.ndim not in (1, 2) or not x.ndim or x.shape[-1] != weight.shape[-1]:
        raise ShapeError(
            f"linear: an input of shape {x.shape} and weight of shape {weight.shape}; they are (..., in) and (out, in)"
        )
    y = np.matmul(x, weight.T)
    if bias is None:
        return y
    bias = real(bias)
    if bias.shape not in (weight.shape[:-1], ()):
        raise ShapeError(
            f"linear: bias has shape {bias.shape}; for weight of shape {weight.shape} it is {weight.shape[:-1]}"
        )
    return y + bias


def embedding(
    input: Value,
    weight: Value,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Value:
    """The rows of weight (count, size) with the given numbers: integers of any shape give (..., size).

    The row `padding_idx` (counted from the end if negative) gets no derivative. Rows longer than `max_norm` are scaled
    down to it; weight itself is not changed, and the derivative is that of reading the rows. Raises InputError for
    numbers out of range, with the first one; they may be traced.

    >>> embedding([1, 0], np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[3., 4.],
           [1., 2.]])
    """
    weight = real(weight)
    if weight.ndim != 2:
        raise ShapeError(f"embedding: weight has shape {weight.shape}; it is (count, size)")
    if sparse or scale_grad_by_freq:
        name = "sparse" if sparse else "scale_grad_by_freq"
        raise InputError(f"embedding: {name}=True is not supported; gradients are dense arrays")
    count = weight.shape[0]
    numbers = checks.labels("embedding", input)
    numbers = row(rows.class_labels, numbers, what="embedding: the index", count=count, ignore_index=None)
    y = dnp.take(weight, numbers, axis=0)
    if max_norm is not None:
        checks.numbers("embedding", max_norm=max_norm, norm_type=norm_type)
        length = checks.norm(stop_gradient(y), norm_type, -1, True)
        shorter = np.where(length > max_norm, stop_gradient(y) * (max_norm / (length + 1e-7)), stop_gradient(y))
        y = y + (shorter - stop_gradient(y))
    if padding_idx is None:
        return y
    checks.integers("embedding", padding_idx=padding_idx)
    if not -count <= padding_idx < count:
        raise InputError(f"embedding: padding_idx={padding_idx} is out of range for {count} rows")
    return np.where(np.expand_dims(np.equal(numbers, padding_idx % count), -1), stop_gradient(y), y)


def dropout(input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Value = None) -> Value:
    """Zeros with probability p, else x / (1 - p), so that the mean is kept; x itself where `training` is false.

    `key` is an integer, or two: the same key gives the same zeros. It has no default, because a function that draws
    other numbers at each call could be neither differentiated nor compiled. Raises InputError for p out of [0, 1] and
    where the key is missing.

    Srivastava et al., JMLR 15, 2014.

    >>> dropout(np.ones(6), key=3)
    array([2., 0., 0., 2., 2., 0.])
    """
    return dropped("dropout", input, p, training, key, None)


def dropped(what: str, input: Value, p: float, training: bool, key: Value, kept_axes: int | None) -> Value:
    """Dropout of elements, or with `kept_axes` of all that stands behind so many first axes together."""
    checks.numbers(what, p=p)
    x = real(input)
    if not 0 <= p <= 1:
        raise InputError(f"{what}: p={p}; it is a probability, between 0 and 1")
    if not training or p == 0:
        return x
    if key is None:
        raise InputError(f"{what}: training needs key=, an integer or an array of two; count it on from call to call")
    shape = x.shape if kept_axes is None else (*x.shape[:kept_axes], *(1,) * (x.ndim - kept_axes))
    dtype = x.dtype if x.dtype in (np.float32, np.float64) else np.float64
    keep = row(rows.random_uniform, checks.array(key), shape=shape, dtype=dtype) >= p
    return np.where(keep, x * (1 / (1 - p) if p < 1 else 0.0), 0.0)


def bilinear(input1: Value, input2: Value, weight: Value, bias: Value = None) -> Value:
    """x1ᵀ W_o x2 + bias_o for each output o: x1 (..., in1), x2 (..., in2), weight (out, in1, in2).

    >>> bilinear(np.array([1.0, 2.0]), np.array([3.0]), np.ones((1, 2, 1)))
    array([9.])
    """
    a, b, weight = real(input1), real(input2), real(weight)
    if weight.ndim != 3 or a.shape[:-1] != b.shape[:-1] or (a.shape[-1], b.shape[-1]) != weight.shape[1:]:
        raise ShapeError(
            f"bilinear: inputs of shape {a.shape} and {b.shape} and weight of shape {weight.shape}; "
            "they are (..., in1), (..., in2) and (out, in1, in2)"
        )
    y = np.einsum("...i,oij,...j->...o", a, weight, b)
    return y if bias is None else y + real(bias)


def dropout1d(
    input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Value = None
) -> Value:
    """`dropout` of whole channels of (N, C, L) or (C, L).

    >>> dropout1d(np.ones((3, 2)), key=3).shape
    (3, 2)
    """
    x = real(input)
    return dropped("dropout1d", x, p, training, key, 1 if x.ndim == 2 else 2)


def dropout2d(
    input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Value = None
) -> Value:
    """`dropout` of whole channels of (N, C, H, W). Tompson et al., CVPR 2015.

    >>> sorted(set(dropout2d(np.ones((1, 8, 2, 2)), key=3).sum(axis=(2, 3)).ravel().tolist()))
    [0.0, 8.0]
    """
    return dropped("dropout2d", input, p, training, key, 2)


def dropout3d(
    input: Value, p: float = 0.5, training: bool = True, inplace: bool = False, *, key: Value = None
) -> Value:
    """`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W).

    >>> dropout3d(np.ones((3, 2, 2, 2)), key=3).shape
    (3, 2, 2, 2)
    """
    x = real(input)
    return dropped("dropout3d", x, p, training, key, 1 if x.ndim == 4 else 2)
