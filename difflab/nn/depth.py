"""What a start of the weights does over many layers: the spread of values forward, and of gradients on the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..cards.parts import Card, Chart, Series, Words
from ..cards.shown import Carded
from ..differentiate.transform import vjp
from ..errors import InputError
from ..lab.plots import COLOURS, MARKERS, save
from ..progress import doing, tell
from ..types import Array, FileName, Params, Value
from .init import Scheme, scheme_of
from .layers.activations import ReLU, Tanh
from .layers.layer import Layer, counted
from .layers.linear import Linear

DEAD, LARGE = 1e-3, 1e3  # against the spread at the first layer


@dataclass(frozen=True, repr=False)
class DepthStudy(Carded):
    """Standard deviations behind each layer, first to last: of its values, and of the gradient by them."""

    init: str
    activation: str
    values: Array
    gradients: Array

    def __repr__(self) -> str:
        return f"<DepthStudy of {len(self.values)} layers: {self.verdict()}>"

    def _card_(self) -> Card:
        places = range(1, len(self.values) + 1)
        curves = {"values": Series(places, self.values), "gradients": Series(places, self.gradients)}
        chart = Chart("standard deviation", curves, "layer", log_y=True)
        return Card("DepthStudy", f"of {len(self.values)} layers").add(Words(self.verdict()), chart)

    def verdict(self) -> str:
        """What becomes of the values on their way, and of the gradient on its way back, in a sentence."""
        forward = fate(self.values[-1] / self.values[0] if self.values[0] else 0.0)
        back = fate(self.gradients[0] / self.gradients[-1] if self.gradients[-1] else 0.0)
        return f"{self.init} with {self.activation}: values {forward}, gradients {back}"

    __str__ = verdict


def fate(ratio: float) -> str:
    """How a spread that has become `ratio` times as large has fared."""
    if not np.isfinite(ratio) or ratio > LARGE:
        return f"explode ({ratio:.1e})"
    return f"die out ({ratio:.1e})" if ratio < DEAD else f"survive ({ratio:.2g})"


def depth_study(
    init: Scheme | str | None = None, *, layers: int = 50, width: int = 256, activation: Layer | None = None,
    samples: int = 64, seed: int = 0,
) -> DepthStudy:  # fmt: skip
    """Sends normal numbers (samples, width) through so many linear layers with an activation (ReLU) behind each.

    `init` is a scheme of nn.init or its name, or None for PyTorch's start. The gradient is that of a sum of the last
    layer's values with normal weights. For relu the variance behind a layer is n Var(w) / 2 times that before it (He et
    al. 2015, equation 10), for tanh near 0 it is n Var(w) times as large (Glorot and Bengio 2010).

    >>> print(depth_study("he")), print(depth_study("normal"))  # doctest: +ELLIPSIS
    he with ReLU: values survive (...), gradients survive (...)
    normal with ReLU: values explode (...), gradients explode (...)
    (None, None)
    """
    for name, value in (("layers", layers), ("width", width), ("samples", samples)):
        if not counted(value):
            raise InputError(f"depth_study: {name}={value!r}; give an integer of at least 1")
    if init is not None:
        scheme_of(init, "depth_study")
    activation = ReLU() if activation is None else activation
    if not isinstance(activation, Layer):
        raise InputError(f"depth_study: activation={activation!r:.80}; give a layer, such as nn.Tanh()")
    rng = np.random.default_rng(seed)
    linear = Linear(width, width, init=init)

    def layer(params: Params, h: Value) -> Value:
        return activation.apply({}, {}, linear.apply(params, {}, h, training=True)[0], training=True)[0]

    h, values, pullbacks = rng.normal(size=(samples, width)), [], []
    with np.errstate(all="ignore"), doing("values and gradients over the layers"):
        for k in range(layers):
            tell(f"layer {k + 1} of {layers}", k / layers)
            params = linear.start(rng, np.dtype(np.float64))[0]
            h, pullback = vjp(lambda h, params=params: layer(params, h), h)
            values.append(h.std())
            pullbacks.append(pullback)
        g, gradients = rng.normal(size=h.shape), []
        for pullback in reversed(pullbacks):
            gradients.append(g.std())
            (g,) = pullback(g)
    told = "PyTorch's start" if init is None else init if isinstance(init, str) else repr(init)
    return DepthStudy(told, type(activation).__name__, np.array(values), np.array(gradients[::-1]))


COMPARED = {"ReLU": (None, "xavier", "he", "orthogonal"), "Tanh": (None, "xavier", "he", "orthogonal")}


def depth_picture(path: FileName, *, layers: int = 50, force: bool = False) -> list[DepthStudy]:
    """Values and gradients over the layers, with relu above and tanh below, for four ways to start."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(8.5, 6.2), layout="constrained")
    found: list[DepthStudy] = []
    for row, activation in zip(made.subplots(2, 2, sharex=True), (ReLU(), Tanh())):
        name = type(activation).__name__
        for init, colour, mark in zip(COMPARED[name], COLOURS, MARKERS):
            study = depth_study(init, layers=layers, activation=activation)
            for axes, sizes in zip(row, (study.values, study.gradients)):
                axes.semilogy(range(1, layers + 1), sizes, mark, color=colour, markersize=3, label=study.init)
            found.append(study)
        for axes, what in zip(row, ("values", "gradient by them")):
            axes.set_title(f"{name}: standard deviation of the {what}", fontsize=10)
            axes.grid(alpha=0.3)
    for axes in made.axes[2:]:
        axes.set_xlabel("layer")
    made.axes[0].legend(fontsize=8)
    save(made, path, force)
    return found
