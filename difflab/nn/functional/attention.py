"""Attention, in torch.nn.functional's signatures."""

from __future__ import annotations

import math

import numpy as np

from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Value
from . import checks
from .checks import real, row
from .embedding import dropout, linear


def scaled_dot_product_attention(
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    dropout_key: Value = None,
) -> Value:
    """softmax(query keyᵀ scale + mask) value, for query (..., L, E), key (..., S, E) and value (..., S, Ev).

    `scale` is 1/sqrt(E) by default. A mask of booleans says who may look (True), one of numbers is added; it
    broadcasts to (..., L, S). `is_causal` lets place i see the places up to i. Who may see nothing gets zeros. With
    `enable_gqa` the heads (axis -3) of key and value are repeated. `dropout_key` is the key of `dropout`.
    Raises ShapeError where the shapes do not fit. Vaswani et al., NIPS 2017.

    >>> scaled_dot_product_attention(np.zeros((1, 2)), np.ones((2, 2)), np.array([[1.0], [3.0]]))
    array([[2.]])
    """
    checks.numbers("scaled_dot_product_attention", dropout_p=dropout_p)
    what = "scaled_dot_product_attention"
    q, k, v = real(query), real(key), real(value)
    if min(q.ndim, k.ndim, v.ndim) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ShapeError(
            f"{what}: query {q.shape}, key {k.shape} and value {v.shape}; they are (..., L, E), (..., S, E) and "
            "(..., S, Ev)"
        )
    if enable_gqa:
        k, v = (np.repeat(x, repeats(what, q, x), axis=-3) for x in (k, v))
    mask = combined_mask(what, attn_mask, is_causal, (q.shape[-2], k.shape[-2]))
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    checks.numbers(what, scale=scale)
    weights = attention_weights(q * scale, k, mask)
    if dropout_p > 0:
        weights = dropout(weights, dropout_p, key=dropout_key)
    return np.matmul(weights, v)


def repeats(what: str, q: Value, x: Value) -> int:
    if x.ndim < 3 or q.shape[-3] % x.shape[-3]:
        raise ShapeError(f"{what}: enable_gqa needs a number of heads in {x.shape} that divides that in {q.shape}")
    return int(q.shape[-3] // x.shape[-3])


def combined_mask(what: str, mask: Value, is_causal: bool, size: tuple[int, int]) -> Value:
    if not is_causal:
        return None if mask is None else checks.array(mask)
    if mask is not None:
        raise InputError(f"{what}: attn_mask and is_causal=True exclude each other; put both into the mask")
    return np.tril(np.ones(size, bool))


def attention_weights(q: Value, k: Value, mask: Value) -> Value:
    """softmax(q kᵀ + mask) along the last axis; zeros where nothing may be seen."""
    scores = np.matmul(q, np.swapaxes(k, -1, -2))
    if mask is None:
        return row(rows.softmax, scores, axis=scores.ndim - 1)
    scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    blind = np.all(scores == -np.inf, axis=-1, keepdims=True)
    weights = row(rows.softmax, np.where(blind, 0.0, scores), axis=scores.ndim - 1)
    return np.where(blind, 0.0, weights)


def multi_head_attention_forward(
    query: Value,
    key: Value,
    value: Value,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Value,
    in_proj_bias: Value,
    bias_k: Value,
    bias_v: Value,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Value,
    out_proj_bias: Value,
    training: bool = True,
    key_padding_mask: Value = None,
    need_weights: bool = True,
    attn_mask: Value = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Value = None,
    k_proj_weight: Value = None,
    v_proj_weight: Value = None,
    static_k: Value = None,
    static_v: Value = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    *,
    dropout_key: Value = None,
) -> tuple[Value, Value]:
    """Attention in several heads between projections: (output, weights), the weights None without `need_weights`.

    query is (L, N, E) or (L, E), key and value (S, N, ...) or (S, ...); in_proj_weight (3E, E) holds the projections
    of all three, or they come one by one with `use_separate_proj_weight`. In masks of booleans True means: not to be
    seen. `key_padding_mask` is (N, S) or (S,), `attn_mask` (L, S) or (N * heads, L, S); masks of numbers are added.
    Weights are (N, L, S), the mean over the heads unless `average_attn_weights` is false.

    >>> x, eye = np.ones((1, 2)), np.eye(2)
    >>> y, weights = multi_head_attention_forward(
    ...     x, x, x, 2, 1, np.tile(eye, (3, 1)), None, None, None, False, 0.0, eye, None
    ... )
    >>> y, weights
    (array([[1., 1.]]), array([[1.]]))
    """
    what = "multi_head_attention_forward"
    q, k, v = real(query), real(key), real(value)
    had_batch = q.ndim == 3
    if q.ndim not in (2, 3) or not q.ndim == k.ndim == v.ndim or q.shape[-1] != embed_dim_to_check:
        raise ShapeError(
            f"{what}: query {q.shape}, key {k.shape}, value {v.shape}; they are (L, N, {embed_dim_to_check}), "
            "(S, N, ...) and (S, N, ...), all with N or all without"
        )
    if embed_dim_to_check % num_heads:
        raise ShapeError(f"{what}: {num_heads} heads do not divide the embedding of {embed_dim_to_check}")
    if static_k is not None or static_v is not None:
        raise InputError(f"{what}: static_k and static_v are not supported")
    if not had_batch:
        q, k, v = (x.reshape((x.shape[0], 1, x.shape[1])) for x in (q, k, v))
        key_padding_mask = None if key_padding_mask is None else checks.array(key_padding_mask).reshape((1, -1))
    separate = [q_proj_weight, k_proj_weight, v_proj_weight]
    matrices = separate if use_separate_proj_weight else split(real(in_proj_weight), 3)
    biases = (None,) * 3 if in_proj_bias is None else split(real(in_proj_bias), 3)
    q, k, v = (linear(x, w, b) for x, w, b in zip((q, k, v), matrices, biases))
    k, v, added = extended(k, v, bias_k, bias_v, add_zero_attn)
    q, k, v = (heads(x, num_heads) for x in (q, k, v))
    mask = both_masks(what, attn_mask, key_padding_mask, q, k, added, is_causal)
    weights = attention_weights(q * (1 / math.sqrt(q.shape[-1])), k, mask)
    if training and dropout_p > 0:
        weights = dropout(weights, dropout_p, key=dropout_key)
    y = np.transpose(np.matmul(weights, v), (2, 0, 1, 3)).reshape((q.shape[2], q.shape[0], embed_dim_to_check))
    y = linear(y, out_proj_weight, out_proj_bias)
    if not need_weights:
        return (y if had_batch else y[:, 0]), None
    weights = np.mean(weights, axis=1) if average_attn_weights else weights
    return (y, weights) if had_batch else (y[:, 0], weights[0])


def split(x: Value, n: int) -> list[Value]:
    """n equal parts along the first axis."""
    size = x.shape[0] // n
    return [x[k * size : (k + 1) * size] for k in range(n)]


def heads(x: Value, n: int) -> Value:
    """(S, N, E) as (N, heads, S, E / heads)."""
    return np.transpose(x.reshape((x.shape[0], x.shape[1], n, x.shape[2] // n)), (1, 2, 0, 3))


def extended(k: Value, v: Value, bias_k: Value, bias_v: Value, add_zero_attn: bool) -> tuple[Value, Value, int]:
    """Keys and values with a learnt one and one of zeros behind them, and how many these are."""
    found, added = [k, v], 0
    for more in ([bias_k, bias_v], [0.0, 0.0] if add_zero_attn else [None, None]):
        if more[0] is None:
            continue
        lines = [np.broadcast_to(checks.array(m).astype(x.dtype), (1, *x.shape[1:])) for m, x in zip(more, found)]
        found, added = [np.concatenate([x, line]) for x, line in zip(found, lines)], added + 1
    return found[0], found[1], added


def both_masks(what: str, mask: Value, padding: Value, q: Value, k: Value, added: int, is_causal: bool) -> Value:
    """The two masks, turned to numbers that are added to the scores (N, heads, L, S); None for none."""
    n, h, length = q.shape[:3]
    size = k.shape[2] - added
    total = None
    if mask is None and is_causal:
        raise InputError(f"{what}: is_causal=True needs attn_mask, as in torch")
    for name, m, shapes in (
        ("attn_mask", mask, {(length, size): (1, 1, length, size), (n * h, length, size): (n, h, length, size)}),
        ("key_padding_mask", padding, {(n, size): (n, 1, 1, size)}),
    ):
        if m is None:
            continue
        m = checks.array(m)
        if m.shape not in shapes:
            raise ShapeError(f"{what}: {name} has shape {m.shape}; it is {' or '.join(map(str, shapes))}")
        m = m.reshape(shapes[m.shape])
        m = np.where(m, -np.inf, 0.0).astype(q.dtype) if m.dtype == bool else m.astype(q.dtype)
        m = np.pad(m, [(0, 0)] * 3 + [(0, added)]) if added else m
        total = m if total is None else total + m
    return total
