"""Gradient descent, with momentum."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ..arrays import Schedule
from .optimiser import Optimiser
from .transformation import Transformation, add_decayed_weights, scale, scale_by_learning_rate, trace


@dataclass(frozen=True)
class SGD(Optimiser):
    """p - lr g, where g is the gradient on all data (batch), one sample (stochastic) or some (mini-batch).

    With momentum the step is lr v, where v becomes momentum v + (1 - dampening) g (v = g first); Nesterov's looks
    ahead: g + momentum v. `weight_decay` adds weight_decay p to the gradient. Course, 3.1; Sutskever et al. 2013.

    >>> import numpy as np
    >>> optimiser = SGD(lr=0.1)
    >>> p = np.array([1.0])
    >>> optimiser.update(p, 2 * p, optimiser.init(p))[0]
    array([0.8])
    """

    lr: float | Schedule = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    maximize: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (self.momentum <= 0 or self.dampening):
            raise InputError(
                f"SGD: nesterov=True needs momentum above 0 and no dampening, not {self.momentum} and {self.dampening}"
            )

    def parts(self) -> tuple[Transformation, ...]:
        momentum = [trace(self.momentum, self.nesterov, self.dampening)] if self.momentum else []
        return against(self.lr, *momentum, weight_decay=self.weight_decay, maximize=self.maximize)


def against(
    rate: float | Schedule, *rule: Transformation, weight_decay: float = 0.0, maximize: bool = False
) -> tuple[Transformation, ...]:
    """A rule between what PyTorch does to every gradient and the rate."""
    turned = [scale(-1.0)] if maximize else []
    penalised = [add_decayed_weights(weight_decay)] if weight_decay else []
    return (*turned, *penalised, *rule, scale_by_learning_rate(rate))
