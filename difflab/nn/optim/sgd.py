"""Gradient descent, with momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from .optimiser import Optimiser, check_settings


@dataclass(frozen=True)
class SGD(Optimiser):
    """p - lr g, where g is the gradient on all data (batch), one sample (stochastic) or some (mini-batch).

    With momentum the step is lr v, where v becomes momentum v + (1 - dampening) g (v = g first); Nesterov's looks
    ahead: g + momentum v. `weight_decay` adds weight_decay p to the gradient. Course, 3.1; Sutskever et al. 2013.

    >>> optimiser = SGD(lr=0.1)
    >>> p = np.array([1.0])
    >>> optimiser.update(p, 2 * p, optimiser.init(p))[0]
    array([0.8])
    """

    lr: Any = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        check_settings(self, least={"momentum": 0.0})
        if self.nesterov and (self.momentum <= 0 or self.dampening):
            raise InputError(
                f"SGD: nesterov=True needs momentum above 0 and no dampening, not {self.momentum} and {self.dampening}"
            )

    def kept(self) -> tuple[str, ...]:
        return self.slots if self.momentum else ()

    def numbers(self, step: Any, rate: Any) -> dict[str, Any]:
        if not self.momentum or not self.dampening:
            return {"lr": rate}
        # the first velocity is the whole gradient, whatever the dampening
        return {"lr": rate, "share": np.where(step == 1, 1.0, 1.0 - self.dampening)}

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        g = -g if self.maximize else g
        g = g + self.weight_decay * p if self.weight_decay else g
        if not self.momentum:
            return p - n["lr"] * g, {}
        v = self.momentum * own["velocity"] + (n["share"] * g if "share" in n else g)
        g = g + self.momentum * v if self.nesterov else v
        return p - n["lr"] * g, {"velocity": v}
