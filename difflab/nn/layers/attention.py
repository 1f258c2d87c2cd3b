"""Attention and the encoder layer of transformers, with PyTorch's weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError, ShapeError
from ...graph.grouping import block
from ...types import Array, DType, Params, State, Value
from .. import functional as F
from ..functional import checks
from .dropout import Dropout
from .layer import Layer, Plain, counts, uniform
from .linear import Linear
from .normalisation import LayerNorm


@dataclass(frozen=True)
class MultiheadAttention(Layer):
    """Several heads of attention side by side (Vaswani et al. 2017); the output is the pair (y, weights).

    `apply(params, state, query, key, value)` takes (length, batch, embed_dim), with `batch_first` (batch, length,
    embed_dim), or (length, embed_dim); key and value are the query unless given. Masks are PyTorch's: True, or -inf to
    be added, says where not to look.

    >>> layer = MultiheadAttention(4, 2, batch_first=True)
    >>> (y, weights), _ = layer.apply(*layer.init(0), np.ones((3, 5, 4)), training=False)
    >>> y.shape, weights.shape
    ((3, 5, 4), (3, 5, 5))
    """

    embed_dim: int
    num_heads: int
    dropout: float = 0.0
    bias: bool = True
    kdim: int | None = None
    vdim: int | None = None
    batch_first: bool = False

    def __post_init__(self) -> None:
        counts(self, "embed_dim", "num_heads", *[n for n in ("kdim", "vdim") if getattr(self, n) is not None])
        super().__post_init__()
        if self.embed_dim % self.num_heads:
            raise InputError(
                f"MultiheadAttention: embed_dim={self.embed_dim} does not divide into {self.num_heads} heads"
            )
        if not 0 <= self.dropout <= 1:
            raise InputError(f"MultiheadAttention: dropout={self.dropout}; a probability is between 0 and 1")

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        e = self.embed_dim
        widths = (e, self.kdim or e, self.vdim or e)
        if widths == (e, e, e):
            params: Params = {"in_proj_weight": glorot(rng, (3 * e, e), dtype)}
        else:
            params = {f"{n}_proj_weight": glorot(rng, (e, w), dtype) for n, w in zip("qkv", widths)}
        out: Params = {"weight": uniform(rng, (e, e), e, dtype)}
        if self.bias:
            params["in_proj_bias"], out["bias"] = np.zeros(3 * e, dtype), np.zeros(e, dtype)
        state = {"key": np.array([rng.integers(0, 2**62), 0], np.int64)} if self.dropout else {}
        return params | {"out_proj": out}, state

    def apply(
        self, params: Params, state: State, query: Value, key: Value = None, value: Value = None, *, training: bool,
        key_padding_mask: Value = None, need_weights: bool = True, attn_mask: Value = None,
        average_attn_weights: bool = True,
    ) -> tuple[tuple[Value, Value], State]:  # fmt: skip
        """((y, weights), state)."""
        key = query if key is None else key
        value = key if value is None else value
        for name, x, width in (("query", query, self.embed_dim), ("key", key, self.kdim), ("value", value, self.vdim)):
            if np.ndim(x) not in (2, 3) or np.shape(x)[-1] != (width or self.embed_dim):
                raise ShapeError(
                    f"MultiheadAttention: the {name} has shape {np.shape(x)}; it has 3 axes (2 for one sequence), the "
                    f"last of {width or self.embed_dim}"
                )
        q, k, v = (self.length_first(x) for x in (query, key, value))
        dropped = {}
        if training and self.dropout:
            dropped = {"dropout_key": state["key"]}
            state = {"key": state["key"] + np.array([0, 1])}
        apart = {f"{n}_proj_weight": params[f"{n}_proj_weight"] for n in "qkv" if f"{n}_proj_weight" in params}
        y, weights = F.multi_head_attention_forward(
            q,
            k,
            v,
            self.embed_dim,
            self.num_heads,
            params.get("in_proj_weight"),
            params.get("in_proj_bias"),
            None,
            None,
            False,
            self.dropout,
            params["out_proj"]["weight"],
            params["out_proj"].get("bias"),
            training,
            key_padding_mask,
            need_weights,
            attn_mask,
            bool(apart),
            **apart,
            average_attn_weights=average_attn_weights,
            **dropped,
        )
        return (self.length_first(y), weights), state

    def length_first(self, x: Value) -> Value:
        return np.swapaxes(x, 0, 1) if self.batch_first and np.ndim(x) == 3 else x


def glorot(rng: np.random.Generator, shape: tuple[int, int], dtype: DType) -> Array:
    """Uniform with a variance of 2 / (rows + columns) (Glorot and Bengio 2010)."""
    bound = np.sqrt(6 / sum(shape))
    return rng.uniform(-bound, bound, shape).astype(dtype)


@dataclass(frozen=True)
class TransformerEncoderLayer(Layer):
    """Attention and two linear layers, each added to what it reads and normalised (Vaswani et al. 2017).

    With `is_causal` a place sees itself and the places before it only: the block of a decoder-only transformer (Radford
    et al. 2018), which PyTorch builds from the same layer and a mask.

    >>> layer = TransformerEncoderLayer(8, 2, dim_feedforward=16, is_causal=True)
    >>> layer.apply(*layer.init(0), np.ones((5, 3, 8)), training=False)[0].shape
    (5, 3, 8)
    """

    d_model: int
    nhead: int
    dim_feedforward: int = 2048
    dropout: float = 0.1
    activation: str = "relu"
    layer_norm_eps: float = 1e-5
    batch_first: bool = False
    norm_first: bool = False
    bias: bool = True
    is_causal: bool = False

    def __post_init__(self) -> None:
        counts(self, "d_model", "nhead", "dim_feedforward")
        super().__post_init__()
        if self.activation not in ("relu", "gelu"):
            raise InputError(f'TransformerEncoderLayer: activation={self.activation!r}; it is "relu" or "gelu"')

    @property
    def parts(self) -> dict[str, Layer]:
        norm = LayerNorm(self.d_model, self.layer_norm_eps, bias=self.bias)
        return {
            "self_attn": MultiheadAttention(
                self.d_model, self.nhead, self.dropout, self.bias, batch_first=self.batch_first
            ),
            "linear1": Linear(self.d_model, self.dim_feedforward, self.bias),
            "dropout": Dropout(self.dropout),
            "linear2": Linear(self.dim_feedforward, self.d_model, self.bias),
            "norm1": norm,
            "norm2": norm,
            "dropout1": Dropout(self.dropout),
            "dropout2": Dropout(self.dropout),
        }

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        made = {name: part.start(rng, dtype) for name, part in self.parts.items()}
        params = {name: p for name, (p, _) in made.items() if p}
        return params, {name: s for name, (_, s) in made.items() if s}

    def apply(
        self, params: Params, state: State, src: Value, *, training: bool, src_mask: Value = None,
        src_key_padding_mask: Value = None,
    ) -> tuple[Value, State]:  # fmt: skip
        parts, after = self.parts, dict(state)
        if self.is_causal and np.ndim(src) > 1:
            src_mask = causal(np.shape(src)[1 if self.batch_first and np.ndim(src) == 3 else 0], src_mask)

        def run(name: str, x: Value, **more: Value) -> Value:
            with block(name):
                y, new = parts[name].apply(params.get(name, {}), state.get(name, {}), x, training=training, **more)
            if new:
                after[name] = new
            return y

        def attend(x: Value) -> Value:
            masks = dict(attn_mask=src_mask, key_padding_mask=src_key_padding_mask)
            return run("dropout1", run("self_attn", x, need_weights=False, **masks)[0])

        def feed(x: Value) -> Value:
            x = getattr(F, self.activation)(run("linear1", x))
            return run("dropout2", run("linear2", run("dropout", x)))

        if self.norm_first:
            x = src + attend(run("norm1", src))
            return x + feed(run("norm2", x)), after
        x = run("norm1", src + attend(src))
        return run("norm2", x + feed(x)), after


def causal(length: int, mask: Value = None) -> Array:
    """A mask under which place t sees the places up to t, and of these only what the other mask lets it see."""
    later = np.triu(np.ones((length, length), bool), 1)
    if mask is None:
        return later
    mask = checks.array(mask)
    if mask.shape[-2:] != later.shape:
        raise ShapeError(f"TransformerEncoderLayer: src_mask has shape {mask.shape}; its last axes are {later.shape}")
    return np.logical_or(mask, later) if mask.dtype == bool else np.where(later, -np.inf, mask)


@dataclass(frozen=True)
class PositionalEncoding(Plain):
    """x plus a code of each place t: sin(t / w) and cos(t / w) in turn, for wavelengths 2 pi w (Vaswani et al. 2017).

    The w are 10000^(2k / d_model), so the code of a place further on is a rotation of the code here. x is (length,
    batch, d_model), with `batch_first` (batch, length, d_model), or (length, d_model).

    >>> PositionalEncoding(4).apply({}, {}, np.zeros((2, 4)), training=False)[0].round(2).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0]]
    """

    d_model: int
    batch_first: bool = False

    def __post_init__(self) -> None:
        counts(self, "d_model")
        super().__post_init__()

    def call(self, x: Value) -> Value:
        x = checks.real(x)
        shape = x.shape
        if len(shape) not in (2, 3) or shape[-1] != self.d_model:
            raise ShapeError(
                f"PositionalEncoding({self.d_model}): the input has shape {shape}; it has 3 axes (2 for one sequence), "
                f"the last of {self.d_model} (d_model)"
            )
        length_last = len(shape) == 2 or self.batch_first
        code = sinusoids(shape[-2 if length_last else 0], self.d_model).astype(x.dtype)
        return x + (code if length_last else code[:, None])


def sinusoids(length: int, width: int) -> Array:
    """The codes of the places 0 to length - 1, (length, width)."""
    column = np.arange(width)
    angle = np.arange(length)[:, None] / 10000 ** (column // 2 * 2 / width)
    return np.where(column % 2, np.cos(angle), np.sin(angle))
