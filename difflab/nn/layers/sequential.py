"""Layers one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...graph.grouping import block
from ...types import DType, Params, State, Tree, Value
from .layer import Layer


@dataclass(frozen=True, init=False)
class Sequential(Layer):
    """Layers applied one after another; they may be Sequential themselves.

    Parameters and states are kept under "0", "1", ..., or under the names of a dict: `Sequential({"conv": Conv2d(1, 6,
    5)})`. In pictures of the graph each layer is a block.

    >>> from difflab import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> params, state = model.init(0)
    >>> y, state = model.apply(params, state, np.ones((5, 4)), training=False)
    >>> y.shape, sorted(params)
    ((5, 2), ['0', '1', '2'])
    """

    layers: tuple[Layer, ...]
    names: tuple[str, ...]

    def __init__(self, *layers: Value) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            names, found = tuple(layers[0]), tuple(layers[0].values())
        else:
            if len(layers) == 1 and isinstance(layers[0], list | tuple):
                raise InputError("Sequential: give the layers one by one, Sequential(*layers), or as a dict of names")
            names, found = tuple(map(str, range(len(layers)))), layers
        for name, layer in zip(names, found):
            if not isinstance(layer, Layer):
                hint = "; make one, with ()" if isinstance(layer, type) else ""
                raise InputError(f"Sequential: {layer!r} at {name!r} is not a layer{hint}")
            if not isinstance(name, str) or not name or "." in name:
                raise InputError(f"Sequential: the name {name!r} of a layer; give text without dots")
        object.__setattr__(self, "layers", found)
        object.__setattr__(self, "names", names)

    def _inside(self) -> list[tuple[str, Layer]]:
        pairs = zip(self.names, self.layers)
        return [(f"{name}.{n}".rstrip("."), x) for name, layer in pairs for n, x in layer._inside()]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, key: int | str | slice) -> Layer:
        """A layer by place or name, or some of them as a Sequential that keeps their names."""
        if isinstance(key, str):
            if key not in self.names:
                raise KeyError(f"{key!r}; the layers are {', '.join(self.names)}")
            return self.layers[self.names.index(key)]
        if isinstance(key, slice):
            return Sequential(dict(zip(self.names[key], self.layers[key])))
        return self.layers[key]

    def __repr__(self) -> str:
        if self.names == tuple(map(str, range(len(self)))):
            return f"Sequential({', '.join(map(repr, self.layers))})"
        return f"Sequential({dict(zip(self.names, self.layers))!r})"

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        made = {name: layer.start(rng, dtype) for name, layer in zip(self.names, self.layers)}
        return {name: p for name, (p, _) in made.items()}, {name: s for name, (_, s) in made.items()}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        self.check(params, "parameters")
        self.check(state, "state")
        after = {}
        for name, layer in zip(self.names, self.layers):
            with block(self.title(name, layer)):
                x, after[name] = layer.apply(params[name], state[name], x, training=training)
        return x, after

    def title(self, name: str, layer: Layer) -> str:
        """What the layer's block is called in pictures."""
        kind = type(layer).__name__
        return f"{kind} {name}" if name.isdecimal() else name

    def check(self, tree: Tree, what: str) -> None:
        if not isinstance(tree, Mapping) or tree.keys() != set(self.names):
            given = ", ".join(map(str, tree)) if isinstance(tree, Mapping) else type(tree).__name__
            raise InputError(
                f"Sequential.apply: the {what} are for the layers {given or 'of another model'}; this model has "
                f"{', '.join(self.names)}; use what its init returned"
            )
