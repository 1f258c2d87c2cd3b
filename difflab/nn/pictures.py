"""Pictures of a training run and of what a network has learned, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..lab.plots import COLOURS, figure, ink
from ..types import Array, Params, State
from .arrays import Record
from .layers.convolution import Conv2d
from .layers.layer import Layer
from .layers.sequential import Sequential

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def learning_curves(history: list[Record]) -> Figure:
    """Loss and accuracy of each epoch, training beside test."""
    from matplotlib.figure import Figure

    classes = history[-1]["train_accuracy"] is not None
    made = Figure(figsize=(9 if classes else 5.5, 3.6), layout="constrained")
    plots = made.subplots(1, 2 if classes else 1, squeeze=False)[0]
    epochs = [r["epoch"] for r in history]
    for axes, metric in zip(plots, ("loss", "accuracy")):
        for k, part in enumerate(("train", "test")):
            values = [r[f"{part}_{metric}"] for r in history]
            if any(v is not None for v in values):
                shown = [np.nan if v is None else v for v in values]
                axes.plot(epochs, shown, marker="os"[k], color=COLOURS[k], markersize=4, label=part)
        axes.set_xlabel("epoch")
        axes.set_ylabel(metric)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return made


def confusion(truth: Array, guess: Array, classes: tuple[str, ...]) -> Figure:
    """How often each class (rows) was taken for each (columns)."""
    n = len(classes)
    counts = np.zeros((n, n), int)
    np.add.at(counts, (truth, guess), 1)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    size = min(2.2 + 0.5 * n, 11)
    made: Figure
    made, axes = figure(size + 0.8, size)
    axes.grid(False)
    drawn = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if n <= 20:
        for i, j in np.ndindex(n, n):
            if counts[i, j]:
                colour = ink(drawn.to_rgba(share[i, j]))
                axes.text(j, i, counts[i, j], ha="center", va="center", fontsize=7, color=colour)
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, classes)) > 3 else {}
    axes.set_xticks(range(n), classes, fontsize=8, **slanted)
    axes.set_yticks(range(n), classes, fontsize=8)
    axes.set_xlabel("the network's answer")
    axes.set_ylabel("the truth")
    return made


def tiles(
    images: Array | Sequence[Array], titles: list[str], columns: int = 8, cmap: str = "gray", centred: bool = False
) -> Figure:
    """Small images side by side, each with its title; `centred` puts 0 in the middle of the colours."""
    from matplotlib.figure import Figure

    count = len(images)
    columns = min(columns, max(count, 1))
    rows = -(-count // columns)
    tall = 1.25 + 0.16 * max((t.count("\n") + 1 for t in titles), default=1)
    made = Figure(figsize=(1.35 * columns, tall * rows), layout="constrained")
    for k, axes in enumerate(made.subplots(rows, columns, squeeze=False).flat):
        axes.axis("off")
        if k < count:
            top = float(np.abs(images[k]).max()) or 1.0
            limits = {"vmin": -top, "vmax": top} if centred else {}
            axes.imshow(images[k], cmap=cmap, interpolation="nearest", **limits)
            axes.set_title(titles[k], fontsize=7)
    return made


def mistakes(images: Array, scores: Array, truth: Array, classes: tuple[str, ...], count: int = 16) -> Figure | None:
    """The wrong answers that the network was surest of."""
    p = softmax(scores)
    guess = p.argmax(1)
    wrong = np.flatnonzero(guess != truth)
    worst = wrong[np.argsort(-p[wrong, guess[wrong]], kind="stable")][:count]
    titles = [f"{classes[guess[k]]} {p[k, guess[k]]:.0%}\nis {classes[truth[k]]}" for k in worst]
    return tiles([picture(images[k]) for k in worst], titles) if len(worst) else None


def softmax(scores: Array) -> Array:
    e = np.exp(scores - scores.max(1, keepdims=True))
    shares: Array = e / e.sum(1, keepdims=True)
    return shares


def picture(sample: Array) -> Array:
    """A sample of shape (channels, height, width) as something that can be shown."""
    return sample[0] if sample.shape[0] != 3 else np.clip(np.moveaxis(sample, 0, -1), 0, 1)


def background(images: Array) -> float:
    """What images (n, channels, height, width) mostly have at their edges: the median of the pixels there.

    >>> background(np.pad(np.ones((1, 1, 2, 2)), ((0, 0), (0, 0), (1, 1), (1, 1))))
    0.0
    """
    edges = [images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]]
    return float(np.median(np.concatenate([np.ravel(e) for e in edges])))


SHADES = " .:-=+*#%@"


def in_characters(sample: Array) -> str:
    """An image (channels, height, width) as text, light pixels as dense characters, each pixel two of them wide.

    >>> print(in_characters(np.array([[[0.0, 1.0], [0.5, 0.0]]])))
    |  @@|
    |==  |
    """
    grey = np.mean(np.asarray(sample, np.float64), axis=0)
    low, high = min(grey.min(), 0.0), max(grey.max(), 1.0)
    levels = ((grey - low) / (high - low) * (len(SHADES) - 1)).astype(int)
    return "\n".join("|" + "".join(2 * SHADES[k] for k in row) + "|" for row in levels)


def first_convolution(model: Sequential) -> str | None:
    return next((n for n, layer in zip(model.names, model.layers) if isinstance(layer, Conv2d)), None)


def first_kernels(model: Layer, params: Params) -> Figure | None:
    """The filters of the first convolution; None where there is none."""
    name = first_convolution(model) if isinstance(model, Sequential) else None
    if name is None:
        return None
    weight = params[name]["weight"]
    shown = [w.mean(0) for w in weight[:32]]
    return tiles(shown, [f"filter {k}" for k in range(len(shown))], cmap="RdBu_r", centred=True)


def activation_maps(model: Layer, params: Params, state: State, sample: Array, count: int = 8) -> Figure | None:
    """What each layer that keeps the form of an image makes of one sample: a row a layer, a few channels each."""
    if not isinstance(model, Sequential):
        return None
    rows = [("input", [picture(sample)])]
    x = sample[None]
    for name, layer in zip(model.names, model.layers):
        x, _ = layer.apply(params[name], state[name], x, training=False)
        if np.ndim(x) != 4:
            break
        rows.append((name, list(x[0, :count])))
    return grid(rows, count) if len(rows) > 1 else None


def grid(rows: list[tuple[str, list[Array]]], columns: int) -> Figure:
    """Rows of images with a name in front of each."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(1.0 * columns + 0.8, 1.02 * len(rows)), layout="constrained")
    for (name, images), places in zip(rows, made.subplots(len(rows), columns, squeeze=False)):
        for k, axes in enumerate(places):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_frame_on(False)
            if k < len(images):
                axes.imshow(images[k], cmap="viridis", interpolation="nearest")
        places[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    return made
