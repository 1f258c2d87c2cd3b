"""Optimisers with a step size for each parameter."""

from __future__ import annotations

from dataclasses import dataclass

from ..arrays import Number, Schedule
from .optimiser import Optimiser
from .scaling import (
    scale_by_adadelta,
    scale_by_adam,
    scale_by_adamax,
    scale_by_amsgrad,
    scale_by_nadam,
    scale_by_radam,
    scale_by_rms,
    scale_by_rss,
    scale_by_stddev,
)
from .sgd import against
from .transformation import Transformation, add_decayed_weights, trace


@dataclass(frozen=True)
class Slowing:
    """A rate over 1 + decay times the number of updates before."""

    rate: float | Schedule
    decay: float

    def __call__(self, step: Number) -> Number:
        return (self.rate(step) if callable(self.rate) else self.rate) / (1 + step * self.decay)


@dataclass(frozen=True)
class Adagrad(Optimiser):
    """Steps over the root of the sum of all squared gradients so far (Duchi, Hazan and Singer 2011)."""

    lr: float | Schedule = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10
    maximize: bool = False

    def parts(self) -> tuple[Transformation, ...]:
        rate = Slowing(self.lr, self.lr_decay) if self.lr_decay else self.lr
        rule = scale_by_rss(self.initial_accumulator_value, self.eps)
        return against(rate, rule, weight_decay=self.weight_decay, maximize=self.maximize)


@dataclass(frozen=True)
class RMSprop(Optimiser):
    """Steps over the root of a moving average of squared gradients (Hinton 2012), centred or with momentum if asked."""

    lr: float | Schedule = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    maximize: bool = False

    def parts(self) -> tuple[Transformation, ...]:
        rule = (scale_by_stddev if self.centered else scale_by_rms)(self.alpha, self.eps)
        momentum = [trace(self.momentum)] if self.momentum else []
        return against(self.lr, rule, *momentum, weight_decay=self.weight_decay, maximize=self.maximize)


@dataclass(frozen=True)
class Adadelta(Optimiser):
    """Steps in the ratio of the sizes of past steps and past gradients (Zeiler 2012)."""

    lr: float | Schedule = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0
    maximize: bool = False

    def parts(self) -> tuple[Transformation, ...]:
        rule = scale_by_adadelta(self.rho, self.eps)
        return against(self.lr, rule, weight_decay=self.weight_decay, maximize=self.maximize)


@dataclass(frozen=True)
class Adam(Optimiser):
    """Moving averages of gradient and squared gradient, freed of their start at 0 (Kingma and Ba 2015).

    With `amsgrad` the largest second average so far is used (Reddi et al. 2018).

    >>> import numpy as np
    >>> optimiser = Adam(lr=0.1)
    >>> p = np.array([1.0, -2.0])
    >>> optimiser.update(p, 2 * p, optimiser.init(p))[0].round(6)  # the first step has length lr
    array([ 0.9, -1.9])
    """

    lr: float | Schedule = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    maximize: bool = False

    def parts(self) -> tuple[Transformation, ...]:
        return against(self.lr, of_adam(self), weight_decay=self.weight_decay, maximize=self.maximize)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weights that shrink by lr weight_decay, apart from the gradient (Loshchilov and Hutter 2019)."""

    weight_decay: float = 1e-2

    def parts(self) -> tuple[Transformation, ...]:
        shrink = [add_decayed_weights(self.weight_decay)] if self.weight_decay else []
        return against(self.lr, of_adam(self), *shrink, maximize=self.maximize)


def of_adam(settings: Adam) -> Transformation:
    return (scale_by_amsgrad if settings.amsgrad else scale_by_adam)(*settings.betas, settings.eps)


@dataclass(frozen=True)
class Adamax(Optimiser):
    """Adam with the largest decayed gradient in place of the root of the squares (Kingma and Ba 2015, section 7)."""

    lr: float | Schedule = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    maximize: bool = False

    def parts(self) -> tuple[Transformation, ...]:
        rule = scale_by_adamax(*self.betas, self.eps)
        return against(self.lr, rule, weight_decay=self.weight_decay, maximize=self.maximize)


@dataclass(frozen=True)
class NAdam(Optimiser):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    lr: float | Schedule = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    maximize: bool = False

    def parts(self) -> tuple[Transformation, ...]:
        rule = scale_by_nadam(*self.betas, self.eps, self.momentum_decay)
        return against(self.lr, rule, weight_decay=self.weight_decay, maximize=self.maximize)


@dataclass(frozen=True)
class RAdam(Optimiser):
    """Adam that begins as momentum, until its second average has a variance (Liu et al. 2020)."""

    lr: float | Schedule = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    maximize: bool = False

    def parts(self) -> tuple[Transformation, ...]:
        rule = scale_by_radam(*self.betas, self.eps)
        return against(self.lr, rule, weight_decay=self.weight_decay, maximize=self.maximize)
