"""What layers and settings that PyTorch lacks compute, written a second time: in plain NumPy, one element at a time."""

from __future__ import annotations

from math import cos, sin, sqrt

import numpy as np


def normalised(x, params):
    return (x - np.mean(x)) / np.sqrt(np.var(x) + 1e-5) * params["weight"] + params["bias"]


def causal_block(params, x, heads=2):
    """Attention to the places so far, and two linear layers, each added and normalised; x: (length, batch, width)."""
    attention, (length, batch, width) = params["self_attn"], x.shape
    y, size = np.zeros_like(x), width // heads
    for b in range(batch):
        q, k, v = np.split(x[:, b] @ attention["in_proj_weight"].T + attention["in_proj_bias"], 3, axis=1)
        for t in range(length):
            seen = np.zeros(width)
            for part in (slice(h * size, (h + 1) * size) for h in range(heads)):
                scores = np.array([np.exp(q[t, part] @ k[s, part] / sqrt(size)) for s in range(t + 1)])
                seen[part] = sum(w * v[s, part] for s, w in enumerate(scores / sum(scores)))
            out = attention["out_proj"]["weight"] @ seen + attention["out_proj"]["bias"]
            z = normalised(x[t, b] + out, params["norm1"])
            inner = np.array([max(u, 0.0) for u in params["linear1"]["weight"] @ z + params["linear1"]["bias"]])
            fed = params["linear2"]["weight"] @ inner + params["linear2"]["bias"]
            y[t, b] = normalised(z + fed, params["norm2"])
    return y


def code_of_places(axis):
    """x plus sines in the even columns and cosines in the odd ones, of places along the axis."""

    def reference(params, x):
        y = np.array(x)
        for at in np.ndindex(x.shape):
            k, width = at[-1], x.shape[-1]
            angle = at[axis] / 10000 ** ((k - k % 2) / width)
            y[at] += cos(angle) if k % 2 else sin(angle)
        return y

    return reference


# The layer, its settings, the shape of the input, and the function (params, x) that computes its output in training.
OURS = [
    ("TransformerEncoderLayer", (8, 2, 16), dict(dropout=0.0, is_causal=True), (5, 3, 8), causal_block),
    ("PositionalEncoding", (8,), {}, (5, 3, 8), code_of_places(0)),
    ("PositionalEncoding", (7,), dict(batch_first=True), (5, 3, 7), code_of_places(1)),
]
