"""What training returns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import optree

from ...cards.parts import Card, Chart, Fold, Row, Series, Table, facts, figure
from ...cards.shown import Shown
from ...errors import InputError
from ...glance import cut
from ...graph.kinds import check_fit
from ...types import Array, Tree
from ..arrays import Record
from ..layers.layer import Layer, counted
from .step import Programs


@dataclass(repr=False)
class Run(Shown):
    """A model after training: its parameters and state, the history, and the best epoch's number."""

    model: Layer
    params: Tree
    state: Tree
    history: list[Record]
    best_epoch: int | None = None
    stopped: str = ""
    about: Record = field(default_factory=dict)

    def __repr__(self) -> str:
        last = {k: v for k, v in (self.history or [{}])[-1].items() if k.endswith(("loss", "accuracy"))}
        told = ", ".join(f"{k} {v:.4g}" for k, v in last.items() if v is not None)
        best = f", best epoch {self.best_epoch}" if self.best_epoch else ""
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"<Run of {len(self.history)} epochs: {told or 'no numbers yet'}{best}{stopped}>"

    def _card_(self) -> Card:
        epochs = [r.get("epoch", k + 1) for k, r in enumerate(self.history)]
        charts = []
        for what in ("loss", "accuracy"):
            columns = {p: [r.get(f"{p}_{what}") for r in self.history] for p in ("train", "test")}
            curves = {p: Series(epochs, numbers(y)) for p, y in columns.items() if any(v is not None for v in y)}
            charts.append(Chart(what, curves, "epoch"))
        told = facts(
            {
                "model": cut(repr(self.model)),
                "parameters": sum(int(p.size) for p in optree.tree_leaves(self.params)),
                "best epoch": self.best_epoch,
                "stopped": self.stopped,
                **{k: v for k, v in self.about.items() if isinstance(v, str | int | float)},
            }
        )
        heads = list(dict.fromkeys(k for r in self.history[-1:] for k in r))
        rows = [[figure(r.get(k), 4) for k in heads] for r in self.history]
        about = f"of {len(self.history)} epoch{'s' * (len(self.history) != 1)}"
        each = Fold("each epoch", [Table(rows, heads)])
        return Card("Run", about).add(Row([c for c in charts if c.series]), told, each)

    def predict(self, x: Array, batch_size: int = 256) -> Array:
        """The model's outputs for samples x, in the parameters' dtype."""
        if not counted(batch_size):
            raise InputError(f"predict: batch_size={batch_size!r}; give an integer of at least 1")
        x, dtype = np.asarray(x), np.dtype(self.about.get("dtype", "float32"))
        check_fit(x, "predict: x")
        infer = Programs(self.model, lambda *_: None, None, False).infer
        parts = range(0, len(x) if x.ndim else 0, batch_size)
        if not parts:
            raise InputError(f"predict: an array of shape {np.shape(x)} holds no samples")
        return np.concatenate([infer(self.params, self.state, x[k : k + batch_size].astype(dtype)) for k in parts])


def numbers(values: Iterable[float | None]) -> list[float]:
    """A column of the history; what was not measured is a gap."""
    return [math.nan if v is None else float(v) for v in values]
