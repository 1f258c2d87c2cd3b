"""Layers of one matrix product, and those that only change shapes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...errors import InputError, ShapeError
from ...types import DType, Params, State, Value
from .. import functional as F
from ..arrays import Initial
from .layer import Layer, Plain, counted, counts, frozen, weights, with_init


@with_init
class Linear(Layer):
    """x Wᵀ + b, for x of shape (..., in_features); the weight is (out_features, in_features).

    `init` says how the weight starts, by a scheme of `nn.init` or its name; without it, as PyTorch's does.

    >>> params, state = Linear(4, 3).init(0)
    >>> params["weight"].shape, params["bias"].shape
    ((3, 4), (3,))
    """

    in_features: int
    out_features: int
    bias: bool = True
    init: Initial = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        counts(self, "in_features", "out_features")
        super().__post_init__()

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        bias = (self.out_features,) if self.bias else None
        return weights(self, rng, (self.out_features, self.in_features), bias, dtype), {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        shape = np.shape(x)
        if not shape or shape[-1] != self.in_features:
            raise ShapeError(
                f"Linear({self.in_features}, {self.out_features}): the input has shape {shape}; its last axis must "
                f"have {self.in_features} elements (in_features)"
            )
        return F.linear(x, params["weight"], params.get("bias")), state


@dataclass(frozen=True)
class Identity(Plain):
    """The input itself."""

    def call(self, x: Value) -> Value:
        return x


@dataclass(frozen=True)
class Flatten(Plain):
    """The axes from start_dim to end_dim as one.

    >>> Flatten().apply({}, {}, np.zeros((2, 3, 4)), training=False)[0].shape
    (2, 12)
    """

    start_dim: int = 1
    end_dim: int = -1

    def call(self, x: Value) -> Value:
        shape = np.shape(x)
        first, last = (d + len(shape) if d < 0 else d for d in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < len(shape):
            raise ShapeError(f"Flatten({self.start_dim}, {self.end_dim}): an input of shape {shape} has no such axes")
        return x.reshape((*shape[:first], int(np.prod(shape[first : last + 1])), *shape[last + 1 :]))


@dataclass(frozen=True)
class Unflatten(Plain):
    """The axis `dim` as several, of the sizes `unflattened_size`.

    >>> Unflatten(1, (3, 4)).apply({}, {}, np.zeros((2, 12)), training=False)[0].shape
    (2, 3, 4)
    """

    dim: int
    unflattened_size: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.unflattened_size
        if not isinstance(size, tuple | list) or not all(n == -1 or counted(n) for n in size):
            raise InputError(f"Unflatten: unflattened_size={size!r:.80}; give a tuple of sizes, one of which may be -1")
        frozen(self, unflattened_size=tuple(size))

    def call(self, x: Value) -> Value:
        shape = np.shape(x)
        if not -len(shape) <= self.dim < len(shape):
            raise ShapeError(f"Unflatten: an input of shape {shape} has no axis {self.dim}")
        axis = self.dim % len(shape)
        known = int(np.prod([n for n in self.unflattened_size if n != -1]))
        free = self.unflattened_size.count(-1)
        if free > 1 or (shape[axis] % known if free else shape[axis] != known):
            raise ShapeError(f"Unflatten: {shape[axis]} elements do not make up {self.unflattened_size}")
        sizes = [shape[axis] // known if n == -1 else n for n in self.unflattened_size]
        return x.reshape((*shape[:axis], *sizes, *shape[axis + 1 :]))


@dataclass(frozen=True)
class Embedding(Layer):
    """Rows of a table of num_embeddings vectors, chosen by integers.

    >>> layer = Embedding(10, 3)
    >>> params, state = layer.init(0)
    >>> layer.apply(params, state, np.array([[1, 2], [0, 9]]), training=False)[0].shape
    (2, 2, 3)
    """

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None = None

    def __post_init__(self) -> None:
        counts(self, "num_embeddings", "embedding_dim")
        super().__post_init__()
        k, n = self.padding_idx, self.num_embeddings
        if k is not None and not -n <= k < n:
            raise InputError(f"Embedding: padding_idx={k}; there are {n} embeddings")

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        weight = rng.normal(size=(self.num_embeddings, self.embedding_dim)).astype(dtype, copy=False)
        if self.padding_idx is not None:
            weight[self.padding_idx] = 0
        return {"weight": weight}, {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        return F.embedding(x, params["weight"], padding_idx=self.padding_idx), state
