"""What can be called after each epoch. A callback is any function of the history that returns True to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import InputError
from ..arrays import Record
from ..optim.checks import number


@dataclass(frozen=True)
class EarlyStopping:
    """Stops once `metric` has not improved for `patience` epochs.

    It looks at nothing but the history, so a resumed run stops where the whole one would.

    >>> stop = EarlyStopping(2, metric="test_loss")
    >>> history = [{"test_loss": loss} for loss in (1.0, 1.1, 1.2)]
    >>> stop(history[:2]), stop(history)
    (False, True)
    """

    patience: int = 5
    metric: str = "test_loss"
    least: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.patience, int) or self.patience < 1:
            raise InputError(f"EarlyStopping: patience={self.patience!r}; give a number of epochs, at least 1")

    def __call__(self, history: list[Record]) -> bool:
        if self.metric not in history[-1]:
            raise InputError(f"EarlyStopping: there is no {self.metric!r}; an epoch has {', '.join(history[-1])}")
        values = [sign(self.metric) * (r[self.metric] if r[self.metric] is not None else float("inf")) for r in history]
        best, since = float("inf"), 0
        for value in values:
            best, since = (value, 0) if value < best - self.least else (best, since + 1)
        return since >= self.patience


def check_watching(callbacks: object, save_every: object, about: object) -> None:
    """Refuses what `fit` cannot call, count or write down."""
    if not isinstance(callbacks, Sequence) or isinstance(callbacks, str):
        raise InputError(f"fit: callbacks={callbacks!r:.80}; give a list of functions of the history")
    for k, callback in enumerate(callbacks):
        if not callable(callback) or isinstance(callback, type):
            raise InputError(f"fit: callbacks[{k}]={callback!r:.80}; give a function of the history")
    if not number(save_every) or not save_every >= 0:
        raise InputError(f"fit: save_every={save_every!r:.80}; give a number of seconds, at least 0")
    if not isinstance(about, Mapping | None):
        raise InputError(f'fit: about={about!r:.80}; give a dict, such as {{"author": "me"}}')


def sign(metric: str) -> float:
    """1 where less is better, -1 where more is."""
    return -1.0 if "accuracy" in metric else 1.0
