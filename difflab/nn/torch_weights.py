"""Weights from PyTorch's models and to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError, ShapeError
from ..types import Array, Params, State, Value
from .layers.layer import Layer

OWN = ("key",)  # states that PyTorch has no name for


def flat(tree: Mapping[str, Value], prefix: str = "") -> Params:
    """A nested dict's arrays under dotted names.

    >>> flat({"0": {"weight": 1, "bias": 2}})
    {'0.weight': 1, '0.bias': 2}
    """
    found: Params = {}
    for name, value in tree.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def replaced(tree: Mapping[str, Value], new: Mapping[str, Value], prefix: str = "") -> Params:
    """The tree with the arrays that `new` has under their dotted names."""
    return {
        name: replaced(value, new, f"{prefix}{name}.") if isinstance(value, Mapping) else new[f"{prefix}{name}"]
        for name, value in tree.items()
    }


def to_torch(params: Params, state: State) -> Params:
    """A state dict for `torch.nn.Module.load_state_dict`, of tensors that share no memory with the arrays."""
    import torch

    both = flat(params) | {k: v for k, v in flat(state).items() if k.rpartition(".")[2] not in OWN}
    return {name: torch.tensor(np.array(x)) for name, x in both.items()}


def from_torch(model: Layer, state_dict: Mapping[str, Value], dtype: DTypeLike | None = None) -> tuple[Params, State]:
    """Parameters and state of `model` from a torch state dict (or a module that has one), with the same names.

    Missing, surplus and misshapen entries are an error that lists them. Floats keep their dtype unless one is given.
    """
    if hasattr(state_dict, "state_dict"):
        state_dict = state_dict.state_dict()
    params, state = model.init(0)
    want = flat(params) | {k: v for k, v in flat(state).items() if k.rpartition(".")[2] not in OWN}
    given = {name: as_array(x) for name, x in state_dict.items()}
    missing, surplus = sorted(want.keys() - given.keys()), sorted(given.keys() - want.keys())
    if missing or surplus:
        parts = [f"{what} {', '.join(names)}" for what, names in (("lacks", missing), ("has", surplus)) if names]
        raise InputError(f"from_torch: the state dict does not fit the model: it {' and '.join(parts)}")
    for name, x in want.items():
        if np.shape(x) != given[name].shape:
            raise ShapeError(f"from_torch: {name} has shape {given[name].shape}, the model's has {np.shape(x)}")
    if dtype is not None:
        given = {name: x.astype(dtype) if x.dtype.kind == "f" else x for name, x in given.items()}
    kept = {k: v for k, v in flat(state).items() if k.rpartition(".")[2] in OWN}
    return replaced(params, given), replaced(state, given | kept)


def as_array(x: Value) -> Array:
    """A copy of a tensor, or of an array."""
    return np.array(x.detach().cpu().numpy() if hasattr(x, "detach") else x)
