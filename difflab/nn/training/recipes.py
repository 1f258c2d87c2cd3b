"""Recipes: what `difflab train` does with a model's name and a data set's name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import optree

from ...cards.parts import Card, facts
from ...cards.shown import Shown
from ...errors import InputError
from ...progress import doing
from ...types import FileName
from .. import functional as F, optim
from ..arrays import Record, Schedule
from ..data.augment import Augment
from ..data.dataset import Dataset, normalize
from ..data.load import load
from ..layers.layer import Layer
from ..live.watch import Watch
from ..models import for_images, mlp
from ..optim.optimiser import Optimiser
from ..pictures import background
from .callbacks import EarlyStopping
from .fit import fit
from .progress import Silent
from .run import Run
from .step import Loss

# The highest rate and the weight decay that each optimiser has unless others are given.
DEFAULTS = {"adamw": (4e-3, 0.05), "adam": (2e-3, 0.0), "sgd": (0.08, 5e-4), "rmsprop": (1e-3, 0.0)}
KINDS: dict[str, Callable[..., Optimiser]]
KINDS = {"adamw": optim.AdamW, "adam": optim.Adam, "sgd": optim.SGD, "rmsprop": optim.RMSprop}


@dataclass(frozen=True)
class Recipe:
    """A training run in words and numbers."""

    model: str = "mlp"
    data: str = "digits"
    epochs: int = 10
    batch_size: int = 64
    lr: float | None = None
    optimiser: str = "adamw"
    schedule: str = "one-cycle"
    weight_decay: float | None = None
    batch_norm: bool = False
    label_smoothing: float = 0.0
    patience: int | None = None
    seed: int = 0
    init: str | None = None
    shift: int = 0
    flip: bool = False
    noise: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    backend: str | None = None
    devices: int | None = None
    parameters: str = "whole"
    precision: str | None = None

    def make_augment(self) -> Augment | None:
        """What is done to the training samples, or None."""
        made = Augment(self.shift, self.flip, self.noise)
        return None if made == Augment() else made

    def make_optimiser(self, samples: int) -> Optimiser:
        """The optimiser, with a schedule over all steps of the run."""
        if self.optimiser not in KINDS:
            raise InputError(f"optimiser={self.optimiser!r}; it is one of {', '.join(KINDS)}")
        rate, decay = DEFAULTS[self.optimiser]
        rate = rate if self.lr is None else self.lr
        decay = decay if self.weight_decay is None else self.weight_decay
        steps = self.epochs * -(-samples // self.batch_size)
        schedules: dict[str, Callable[[], Schedule | float]] = {
            "one-cycle": lambda: optim.OneCycleLR(rate, steps, pct_start=0.2),
            "cosine": lambda: optim.CosineAnnealingLR(rate, steps),
            "constant": lambda: rate,
        }
        if self.schedule not in schedules:
            raise InputError(f"schedule={self.schedule!r}; it is one of {', '.join(schedules)}")
        more = {"momentum": 0.9} if self.optimiser == "sgd" else {}
        return KINDS[self.optimiser](lr=schedules[self.schedule](), weight_decay=decay, **more)

    def make_model(self, data: Dataset) -> Layer:
        shape = data.shape
        outputs = len(data.classes) or data.y_train.shape[1]
        if len(shape) == 1:
            if self.model != "mlp":
                raise InputError(
                    f"{self.model} takes images; {data.name} is a table of {shape[0]} columns; train an mlp"
                )
            return mlp((shape[0], 64, 64, outputs), batch_norm=self.batch_norm, init=self.init)
        channels, height, width = shape
        return for_images(self.model, (channels, height, width), outputs, self.batch_norm, self.init)

    def make_loss(self, data: Dataset) -> Loss:
        if not data.classes:
            return F.mse_loss
        return (
            partial(F.cross_entropy, label_smoothing=self.label_smoothing) if self.label_smoothing else F.cross_entropy
        )


@dataclass(repr=False)
class Outcome(Shown):
    """A finished recipe: the run, the data as it was learned from, and the raw data beside it."""

    recipe: Recipe
    run: Run
    data: Dataset
    raw: Dataset
    seconds: float
    folder: Path | None

    def __repr__(self) -> str:
        return f"<Outcome of {self.recipe.model} on {self.data.name}: {self.run!r}>"

    def _card_(self) -> Card:
        told = {k: v for k, v in self.summary().items() if isinstance(v, str | int | float)}
        about = f"of {self.recipe.model} on {self.data.name}"
        return Card("Outcome", about, self.run._card_().parts).add(facts(told, "in the end"))

    def summary(self) -> Record:
        """What came out, as strict JSON."""
        last = self.run.history[-1]
        best = self.run.history[(self.run.best_epoch or 1) - 1]
        count = sum(int(p.size) for p in optree.tree_leaves(self.run.params))
        return {
            "model": self.recipe.model,
            "data": self.data.name,
            "parameters": count,
            "epochs": len(self.run.history),
            **{k: last[k] for k in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")},
            "best_epoch": self.run.best_epoch,
            "best_test_accuracy": best["test_accuracy"],
            "seconds": round(self.seconds, 2),
            "stopped": self.run.stopped,
            "checkpoint": None if self.folder is None else str(self.folder / "last.npz"),
        }

    def text(self) -> str:
        """What came out, in a few lines."""
        s = self.summary()
        lines = [
            f"{s['model']} with {s['parameters']:,} parameters on {s['data']}: {s['epochs']} epochs, {s['seconds']} s"
        ]
        if s["test_accuracy"] is not None:
            lines.append(
                f"test accuracy {s['test_accuracy']:.2%} (best {s['best_test_accuracy']:.2%}, epoch {s['best_epoch']})"
            )
        elif s["test_loss"] is not None:
            lines.append(f"test loss {s['test_loss']:.4g}")
        if s["stopped"]:
            lines.append(f"ended early: {s['stopped']}")
        return "\n".join([*lines, f"checkpoints and metrics: {self.folder}"])


def run(
    recipe: Recipe,
    folder: FileName | None = None,
    *,
    resume: bool = False,
    progress: bool | Silent | None = None,
    tell: Callable[[str], object] | None = None,
) -> Outcome:
    """Loads, normalises, trains; keeps checkpoints in the folder, if one is given. A `Watch` sees what is trained.

    >>> outcome = run(Recipe("mlp", "blobs", epochs=4))
    >>> outcome.summary()["test_accuracy"] > 0.95
    True
    """
    started = time.perf_counter()
    with doing("loading the data"):
        raw = load(recipe.data)
    if not len(raw.x_train):
        raise InputError(f"{raw.name} has no samples to train with")
    x_train, x_test, mean, std = normalize(raw.x_train.astype(np.float32), raw.x_test.astype(np.float32))
    data = replace(raw, x_train=x_train, x_test=x_test)
    if not data.classes:
        data = replace(data, y_train=raw.y_train.astype(np.float32), y_test=raw.y_test.astype(np.float32))
    model = recipe.make_model(data)
    loss = recipe.make_loss(data)
    if isinstance(progress, Watch):
        progress.of(model, loss, data, raw)
    begun = resume and folder is not None and Path(folder, "last.npz").exists()
    if tell is not None and not begun:
        if resume:
            tell(f"{folder} holds no run to go on with; one begins")
        tell(f"{raw!r}, model {recipe.model}")
    callbacks = [] if recipe.patience is None else [EarlyStopping(recipe.patience)]
    about: Record = {"mean": mean.reshape(-1).tolist(), "std": std.reshape(-1).tolist(), "recipe": vars(recipe)}
    about |= {"background": None if raw.x_train.ndim != 4 else background(raw.x_train)}
    found = fit(
        model, data, loss, recipe.make_optimiser(len(x_train)), recipe.epochs, recipe.batch_size,
        recipe.seed, callbacks, out=folder, resume=resume, progress=progress, about=about,
        augment=recipe.make_augment(), clip_norm=recipe.clip_norm, clip_value=recipe.clip_value,
        backend=recipe.backend, devices=recipe.devices, parameters=recipe.parameters, precision=recipe.precision,
    )  # fmt: skip
    return Outcome(recipe, found, data, raw, time.perf_counter() - started, None if folder is None else Path(folder))
