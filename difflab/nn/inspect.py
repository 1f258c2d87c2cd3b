"""A look inside a network: what values and gradients have come to, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import optree

from ..cards.parts import Card, Chart, Row, Series, Table, Words, figure
from ..cards.shown import Shown
from ..differentiate.transform import grad
from ..glance import glance
from ..lab.plots import COLOURS
from ..types import Array, Function, Params, State, Tree, Value
from .layers.layer import Layer
from .layers.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VANISHING, EXPLODING = 1e-3, 1e3  # size of a layer's gradient against the largest layer's, and against 1


@dataclass(frozen=True, repr=False)
class LayerLook:
    """One layer: its output's values, the loss's gradient by them, and the gradient by its parameters (or None)."""

    name: str
    activation: Array
    gradient: Array
    weights: float | None
    weight_gradient: float | None

    def __repr__(self) -> str:
        return f"<LayerLook {self.name}: activation {glance(self.activation)}, gradient {glance(self.gradient)}>"

    @property
    def dead(self) -> float:
        """The share of outputs that are 0."""
        return float(np.mean(self.activation == 0))


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """All layers, first to last."""

    layers: tuple[LayerLook, ...]

    def __repr__(self) -> str:
        return f"<Inspection of {len(self.layers)} layers: {self.verdict()} .table() has the sizes>"

    def _card_(self) -> Card:
        sizes = {
            "values": [rms(x.activation) for x in self.layers],
            "gradients": [rms(x.gradient) for x in self.layers],
        }
        places = range(1, len(self.layers) + 1)
        chart = Chart("root mean square", {n: Series(places, y) for n, y in sizes.items()}, "layer", log_y=True)
        rows = [
            [
                look.name,
                figure(values, 3),
                figure(gradients, 3),
                figure(look.weights, 3),
                figure(look.weight_gradient, 3),
                f"{look.dead:.1%}",
            ]
            for look, values, gradients in zip(self.layers, *sizes.values())
        ]
        heads = ("layer", "values", "gradients", "weights", "by weights", "zeros")
        table = Table(rows, heads, "root mean squares")
        return Card("Inspection", f"of {len(self.layers)} layers").add(Words(self.verdict()), Row([chart, table]))

    def verdict(self) -> str:
        """Whether gradients vanish or explode on their way back, in a sentence."""
        sizes = {look.name: rms(look.gradient) for look in self.layers}
        first, last = self.layers[0], self.layers[-1]
        ratio = sizes[first.name] / sizes[last.name] if sizes[last.name] else 0.0
        bad = [name for name, s in sizes.items() if not np.isfinite(s) or s > EXPLODING]
        if bad:
            return f"Gradients explode: at {bad[0]} their size is {sizes[bad[0]]:.3g}."
        told = f"the gradient's size at {first.name} is {ratio:.3g} times that at {last.name}"
        dead = [look.name for look in self.layers if look.dead > 0.95]
        more = f" Almost all outputs of {dead[0]} are 0." if dead else ""
        if ratio < VANISHING:
            return f"Gradients vanish: {told}.{more}"
        return f"Gradients neither vanish nor explode: {told}.{more}"

    def table(self) -> str:
        """Sizes (root mean squares) as text."""
        lines = ["layer          activations    gradients      weights      by weights    zeros"]
        for look in self.layers:
            own = [f"{v:12.3g}" if v is not None else " " * 12 for v in (look.weights, look.weight_gradient)]
            both = f"{rms(look.activation):12.3g} {rms(look.gradient):12.3g}"
            lines.append(f"{look.name[:12]:12} {both} {own[0]} {own[1]} {look.dead:8.1%}")
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Histograms of activations and gradients, a row for each layer."""
        from matplotlib.figure import Figure

        n = len(self.layers)
        made = Figure(figsize=(8, 0.62 * n + 1.0), layout="constrained")
        grid = made.subplots(n, 2, squeeze=False)
        for k, look in enumerate(self.layers):
            for axes, values, colour in zip(grid[k], (look.activation, look.gradient), COLOURS):
                axes.hist(np.ravel(values), bins=60, color=colour, log=True)
                axes.tick_params(labelsize=6)
                axes.locator_params(axis="x", nbins=5)
                axes.set_yticks([])
                axes.spines[["top", "right", "left"]].set_visible(False)
            grid[k][0].set_ylabel(look.name, rotation=0, ha="right", va="center", fontsize=8)
        grid[0][0].set_title("values", fontsize=9)
        grid[0][1].set_title("gradient of the loss by them", fontsize=9)
        return made


def rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(x, np.float64))))) if np.size(x) else 0.0


def inspect(
    model: Layer, params: Params, state: State, x: Array, y: Array, loss: Function, *, training: bool = True
) -> Inspection:
    """Runs a batch forward and back and keeps what stands at each layer's output.

    >>> from difflab import nn
    >>> x, y = nn.data.blobs(60)
    >>> model = nn.models.mlp((2, 8, 3))
    >>> [look.name for look in inspect(model, *model.init(0), x, y, nn.functional.cross_entropy).layers]
    ['flatten', 'linear1', 'relu1', 'linear2']
    """
    if not isinstance(model, Sequential):
        model, params, state = Sequential({"model": model}), {"model": params}, {"model": state}
    outputs = list(run(model, params, state, x, training, [0.0] * len(model)))

    def shifted(shifts: list[Value], params: Params) -> Value:
        """The loss with something added at each layer's output: its gradient by that is the one we look for."""
        return loss(list(run(model, params, state, x, training, shifts))[-1], y)

    by_output, by_params = grad(shifted, argnums=(0, 1))([np.zeros_like(v) for v in outputs], params)
    return Inspection(
        tuple(
            LayerLook(name, value, g, together(params[name]), together(by_params[name]))
            for name, value, g in zip(model.names, outputs, by_output)
        )
    )


def together(tree: Tree) -> float | None:
    leaves = optree.tree_leaves(tree)
    return rms(np.concatenate([np.ravel(a) for a in leaves])) if leaves else None


def run(
    model: Sequential, params: Params, state: State, x: Value, training: bool, shifts: list[Value]
) -> Iterator[Value]:
    for name, layer, shift in zip(model.names, model.layers, shifts):
        x, _ = layer.apply(params[name], state[name], x, training=training)
        x = (x[0] if isinstance(x, tuple) else x) + shift
        yield x
