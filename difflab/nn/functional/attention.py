"""Attention: each query takes a mean of the values, weighted by how well the keys fit (Vaswani et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError, ShapeError
from .checks import dtype_of
from .linear import dropout, linear


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    dropout_key: Any = None,
) -> Any:
    """softmax(query keyᵀ scale + mask) value, over the last two axes (length, features); scale is 1 / sqrt(features).

    A mask of booleans says where a key may be looked at, one of floats is added. With `is_causal` no query looks at a
    later key. A row that may look nowhere gives zeros.

    >>> q = np.zeros((1, 2, 4))
    >>> scaled_dot_product_attention(q, q, np.array([[[1.0], [3.0]]]))[0].tolist()
    [[2.0], [2.0]]
    """
    return attention(query, key, value, attn_mask, dropout_p, is_causal, scale, dropout_key)[0]


def attention(
    query: Any, key: Any, value: Any, mask: Any, dropout_p: float, causal: bool, scale: float | None, dropout_key: Any
) -> tuple[Any, Any]:
    """The output and the weights."""
    q, k, v = np.shape(query), np.shape(key), np.shape(value)
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ShapeError(
            f"scaled_dot_product_attention: query {q}, key {k} and value {v}; query and key need equal features (the "
            "last axis), key and value equal lengths (the one before)"
        )
    if causal and mask is not None:
        raise InputError("scaled_dot_product_attention: is_causal=True takes no attn_mask beside it")
    fit = (query @ np.swapaxes(key, -1, -2)) * (1 / float(np.sqrt(q[-1])) if scale is None else scale)
    if causal:
        mask = np.tril(np.ones((q[-2], k[-2]), bool))
    if mask is not None and dtype_of(mask).kind == "b":
        fit = np.where(mask, fit, -np.inf)
        weights = np.where(mask, dnp.softmax(fit, axis=-1), 0.0) if causal else masked_softmax(fit, mask)
    else:
        weights = dnp.softmax(fit if mask is None else fit + mask, axis=-1)
    if dropout_p:
        weights = dropout(weights, dropout_p, key=dropout_key)
    return weights @ value, weights


def masked_softmax(fit: Any, mask: Any) -> Any:
    """softmax where a row may be closed whole: such rows are zeros."""
    some = np.any(mask, axis=-1, keepdims=True)
    return np.where(some, dnp.softmax(np.where(some, fit, 0.0), axis=-1), 0.0)


def multi_head_attention(
    query: Any,
    key: Any,
    value: Any,
    num_heads: int,
    weights: dict[str, Any],
    *,
    attn_mask: Any = None,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    average_attn_weights: bool = True,
    dropout_p: float = 0.0,
    dropout_key: Any = None,
) -> tuple[Any, Any]:
    """Attention of several heads: (batch, length, embedding) each, with PyTorch's weights under PyTorch's names.

    Masks of booleans say where *not* to look, as in PyTorch's MultiheadAttention. Returns the output and the weights
    (the mean over the heads, or of each), or None in their place.
    """
    if "in_proj_weight" in weights:
        parts = np.split(weights["in_proj_weight"], 3, axis=0)
    else:
        parts = [weights[f"{n}_proj_weight"] for n in "qkv"]
    bias = weights.get("in_proj_bias")
    biases = [None] * 3 if bias is None else np.split(bias, 3)
    q, k, v = (heads(linear(x, w, b), num_heads) for x, w, b in zip((query, key, value), parts, biases))
    mask = added_mask(attn_mask, key_padding_mask, num_heads, q.dtype)
    y, found = attention(q, k, v, mask, dropout_p, False, None, dropout_key)
    n, _, length, per = np.shape(y)
    y = np.swapaxes(y, 1, 2).reshape((n, length, num_heads * per))
    y = linear(y, weights["out_proj"]["weight"], weights["out_proj"].get("bias"))
    if not need_weights:
        return y, None
    return y, np.mean(found, axis=1) if average_attn_weights else found


def heads(x: Any, count: int) -> Any:
    """(batch, length, heads * features) as (batch, heads, length, features)."""
    n, length, width = np.shape(x)
    return np.swapaxes(x.reshape((n, length, count, width // count)), 1, 2)


def added_mask(attn_mask: Any, key_padding_mask: Any, count: int, dtype: Any) -> Any:
    """Both masks as one that is added: -inf where nobody may look."""
    total = None
    if attn_mask is not None:
        total = closed(attn_mask, dtype)
        if np.ndim(total) == 3:  # one for each sample and head
            total = total.reshape((-1, count, *np.shape(total)[1:]))
    if key_padding_mask is not None:
        padding = closed(key_padding_mask, dtype)[:, None, None, :]
        total = padding if total is None else total + padding
    return total


def closed(mask: Any, dtype: Any) -> Any:
    return np.where(mask, -np.inf, 0.0).astype(dtype) if dtype_of(mask).kind == "b" else mask
