"""Optimisers with a step size for each parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .optimiser import Optimiser, check_settings


def decayed(p: Any, g: Any, weight_decay: float, maximize: bool) -> Any:
    g = -g if maximize else g
    return g + weight_decay * p if weight_decay else g


@dataclass(frozen=True)
class Adagrad(Optimiser):
    """Steps over the root of the sum of all squared gradients so far (Duchi, Hazan and Singer 2011)."""

    lr: Any = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("sum",)

    def __post_init__(self) -> None:
        check_settings(self, least={"lr_decay": 0.0, "initial_accumulator_value": 0.0})

    def start(self, name: str, p: Any) -> Any:
        return np.full_like(p, self.initial_accumulator_value)

    def numbers(self, step: Any, rate: Any) -> dict[str, Any]:
        return {"lr": rate / (1 + (step - 1) * self.lr_decay) if self.lr_decay else rate}

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        g = decayed(p, g, self.weight_decay, self.maximize)
        total = own["sum"] + g * g
        return p - n["lr"] * (g / (np.sqrt(total) + self.eps)), {"sum": total}


@dataclass(frozen=True)
class RMSprop(Optimiser):
    """Steps over the root of a moving average of squared gradients (Hinton 2012), centred or with momentum if asked."""

    lr: Any = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("square", "mean", "velocity")

    def __post_init__(self) -> None:
        check_settings(self, least={"momentum": 0.0}, unit=("alpha",))

    def kept(self) -> tuple[str, ...]:
        return ("square", *(["mean"] if self.centered else []), *(["velocity"] if self.momentum else []))

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        g = decayed(p, g, self.weight_decay, self.maximize)
        square = self.alpha * own["square"] + (1 - self.alpha) * (g * g)
        new, spread = {"square": square}, square
        if self.centered:
            new["mean"] = self.alpha * own["mean"] + (1 - self.alpha) * g
            spread = square - new["mean"] * new["mean"]
        step = g / (np.sqrt(spread) + self.eps)
        if self.momentum:
            step = new["velocity"] = self.momentum * own["velocity"] + step
        return p - n["lr"] * step, new


@dataclass(frozen=True)
class Adadelta(Optimiser):
    """Steps in the ratio of the sizes of past steps and past gradients (Zeiler 2012)."""

    lr: Any = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("square", "change")

    def __post_init__(self) -> None:
        check_settings(self, unit=("rho",))

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        g = decayed(p, g, self.weight_decay, self.maximize)
        square = self.rho * own["square"] + (1 - self.rho) * (g * g)
        step = np.sqrt(own["change"] + self.eps) / np.sqrt(square + self.eps) * g
        change = self.rho * own["change"] + (1 - self.rho) * (step * step)
        return p - n["lr"] * step, {"square": square, "change": change}


@dataclass(frozen=True)
class Adam(Optimiser):
    """Moving averages of gradient and squared gradient, freed of their start at 0 (Kingma and Ba 2015).

    With `amsgrad` the largest second average so far is used (Reddi et al. 2018).

    >>> optimiser = Adam(lr=0.1)
    >>> p = np.array([1.0, -2.0])
    >>> optimiser.update(p, 2 * p, optimiser.init(p))[0].round(6)  # the first step has length lr
    array([ 0.9, -1.9])
    """

    lr: Any = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("mean", "square", "largest")
    decoupled: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas) if isinstance(self.betas, list) else self.betas)
        check_settings(self, unit=("betas",))

    def kept(self) -> tuple[str, ...]:
        return self.slots if self.amsgrad else self.slots[:2]

    def numbers(self, step: Any, rate: Any) -> dict[str, Any]:
        count = step.astype(np.float64) if hasattr(step, "astype") else float(step)
        b1, b2 = self.betas
        root = np.sqrt(1 - b2**count)
        numbers = {"pace": rate * root / (1 - b1**count), "eps": self.eps * root}  # both times root: a product less
        return numbers | {"keep": 1 - rate * self.weight_decay} if self.decoupled and self.weight_decay else numbers

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        b1, b2 = self.betas
        g = decayed(p, g, 0.0 if self.decoupled else self.weight_decay, self.maximize)
        p = p * n["keep"] if "keep" in n else p
        mean = b1 * own["mean"] + (1 - b1) * g
        square = b2 * own["square"] + (1 - b2) * (g * g)
        new = {"mean": mean, "square": square}
        if self.amsgrad:
            square = new["largest"] = np.maximum(own["largest"], square)
        return p - n["pace"] * (mean / (np.sqrt(square) + n["eps"])), new


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weights that shrink by lr weight_decay, apart from the gradient (Loshchilov and Hutter 2019)."""

    weight_decay: float = 1e-2
    decoupled: ClassVar[bool] = True


@dataclass(frozen=True)
class Adamax(Optimiser):
    """Adam with the largest decayed gradient in place of the root of the squares (Kingma and Ba 2015, section 7)."""

    lr: Any = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("mean", "largest")

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas) if isinstance(self.betas, list) else self.betas)
        check_settings(self, unit=("betas",))

    def numbers(self, step: Any, rate: Any) -> dict[str, Any]:
        return {"pace": rate / (1 - self.betas[0] ** step.astype(np.float64))}

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        g = decayed(p, g, self.weight_decay, self.maximize)
        mean = self.betas[0] * own["mean"] + (1 - self.betas[0]) * g
        largest = np.maximum(self.betas[1] * own["largest"], np.abs(g) + self.eps)
        return p - n["pace"] * (mean / largest), {"mean": mean, "largest": largest}


@dataclass(frozen=True)
class NAdam(Optimiser):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    lr: Any = 2e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas) if isinstance(self.betas, list) else self.betas)
        check_settings(self, least={"momentum_decay": 0.0}, unit=("betas",))

    def init(self, params: Any) -> dict[str, Any]:
        return super().init(params) | {"product": np.ones((), np.float64)}

    def update(self, params: Any, gradients: Any, memory: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        count = (memory["step"] + 1).astype(np.float64)
        b1, b2 = self.betas
        now = b1 * (1 - 0.5 * 0.96 ** (count * self.momentum_decay))
        after = b1 * (1 - 0.5 * 0.96 ** ((count + 1) * self.momentum_decay))
        product = memory["product"] * now
        inner = _NAdamStep(self, now, after, product, 1 / np.sqrt(1 - b2**count))
        params, new = inner.update(params, gradients, memory)
        return params, new | {"product": product}


class _NAdamStep(Optimiser):
    """One update of NAdam, whose numbers depend on the product of all momenta so far."""

    def __init__(self, settings: NAdam, now: Any, after: Any, product: Any, root: Any) -> None:
        self.settings, self.lr = settings, settings.lr
        self.now, self.after, self.product, self.root = now, after, product, root

    def kept(self) -> tuple[str, ...]:
        return self.settings.slots

    def numbers(self, step: Any, rate: Any) -> dict[str, Any]:
        here = rate * (1 - self.now) / (1 - self.product)
        return {"here": here, "ahead": rate * self.after / (1 - self.product * self.after), "root": self.root}

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        s = self.settings
        b1, b2 = s.betas
        g = decayed(p, g, s.weight_decay, s.maximize)
        mean, square = b1 * own["mean"] + (1 - b1) * g, b2 * own["square"] + (1 - b2) * (g * g)
        spread = np.sqrt(square) * n["root"] + s.eps
        return p - n["here"] * (g / spread) - n["ahead"] * (mean / spread), {"mean": mean, "square": square}


@dataclass(frozen=True)
class RAdam(Optimiser):
    """Adam that begins as momentum, until its second average has a variance (Liu et al. 2020)."""

    lr: Any = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    maximize: bool = False
    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas) if isinstance(self.betas, list) else self.betas)
        check_settings(self, unit=("betas",))

    def numbers(self, step: Any, rate: Any) -> dict[str, Any]:
        t = step.astype(np.float64)
        b1, b2 = self.betas
        most = 2 / (1 - b2) - 1
        rho = most - 2 * t * b2**t / (1 - b2**t)
        known = rho > 5.0
        safe = np.where(known, rho, 6.0)
        rectified = np.sqrt((safe - 4) * (safe - 2) * most / ((most - 4) * (most - 2) * safe))
        pace = rate / (1 - b1**t)
        return {
            "adaptive": np.where(known, pace * rectified * np.sqrt(1 - b2**t), 0.0),
            "plain": np.where(known, 0.0, pace),
        }

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        b1, b2 = self.betas
        g = decayed(p, g, self.weight_decay, self.maximize)
        mean, square = b1 * own["mean"] + (1 - b1) * g, b2 * own["square"] + (1 - b2) * (g * g)
        return p - mean * (n["adaptive"] / (np.sqrt(square) + self.eps) + n["plain"]), {"mean": mean, "square": square}
