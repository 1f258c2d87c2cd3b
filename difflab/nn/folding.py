"""Batch norm folded into the layer before it, for inference."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..types import Function, Params, State, Value
from .layers.convolution import Conv1d, Conv2d
from .layers.layer import Layer
from .layers.linear import Linear
from .layers.normalisation import BatchNorm1d, BatchNorm2d
from .layers.sequential import Sequential

FOLDABLE: dict[type[Layer], tuple[type[Layer], ...]] = {BatchNorm1d: (Linear, Conv1d), BatchNorm2d: (Conv2d,)}


def fold_batchnorm(model: Sequential, params: Params, state: State) -> tuple[Sequential, Params, State]:
    """The model without the batch norms that follow a Linear or a convolution directly, and its parameters and state.

    With training=False a batch norm multiplies each channel by s = weight / sqrt(running_var + eps) and adds bias -
    s running_mean: the layer before can do that with its own weights. The outputs are equal up to rounding; the folded
    model is for inference, as there are no batch statistics any more.

    >>> from difflab import nn
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU())
    >>> fold_batchnorm(model, *model.init(0))[0].layers
    (Linear(in_features=4, out_features=3, bias=True), ReLU())
    """
    if not isinstance(model, Sequential):
        raise InputError(f"fold_batchnorm: {model!r} is not a Sequential; there is no layer before another in it")
    layers: dict[str, Layer] = {}
    new_params: Params = {}
    new_state: State = {}
    before = None
    for name, layer in zip(model.names, model.layers):
        if before is not None and foldable(layers[before], layer):
            folded = fold(layers[before], new_params[before], layer, params[name], state[name])
            layers[before], new_params[before] = folded
            continue
        layers[name], new_params[name], new_state[name] = layer, params[name], state[name]
        if isinstance(layer, Sequential):
            layers[name], new_params[name], new_state[name] = fold_batchnorm(layer, params[name], state[name])
        before = name
    if tuple(layers) != model.names and all(n.isdecimal() for n in layers):
        rename = dict(zip(layers, map(str, range(len(layers)))))  # the numbers are places, so they close up
        layers, new_params, new_state = ({rename[k]: v for k, v in d.items()} for d in (layers, new_params, new_state))
    if all(n == str(k) for k, n in enumerate(layers)):
        return Sequential(*layers.values()), new_params, new_state
    return Sequential(layers), new_params, new_state


def foldable(before: Layer, layer: Value) -> bool:
    if not isinstance(before, FOLDABLE.get(type(layer), ())) or not getattr(layer, "track_running_stats", False):
        return False
    made = getattr(before, "out_features" if isinstance(before, Linear) else "out_channels")
    return bool(made == layer.num_features)  # behind a Linear on sequences the norm's channels are another axis


def fold(before: Value, given: Params, norm: Value, params: Params, state: State) -> tuple[Layer, Params]:
    """One batch norm into the layer before it."""
    from dataclasses import replace

    weight = given["weight"]
    scale = params.get("weight", 1.0) / np.sqrt(np.asarray(state["running_var"], np.float64) + norm.eps)
    shift = params.get("bias", 0.0) - scale * state["running_mean"]
    bias = given.get("bias", np.zeros(len(weight)))
    channels: Function = lambda v, like: v.reshape(-1, *(1,) * (like.ndim - 1))
    new = {
        "weight": (weight * channels(scale, weight)).astype(weight.dtype),
        "bias": (bias * channels(scale, bias) + channels(shift, bias)).astype(weight.dtype),
    }
    return replace(before, bias=before.bias or True), new
