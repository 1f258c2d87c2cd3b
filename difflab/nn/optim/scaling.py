"""Transformations with a step size for each entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...types import Value
from ..arrays import Memory, Number
from .checks import SHARES
from .schedules import real
from .transformation import Transformation
from .update import Term, Update, array_of, as_dtype


def averaged(old: Value, new: Value, decay: float) -> Value:
    """A moving average."""
    return decay * old + (1 - decay) * new


@dataclass(frozen=True)
class scale_by_rss(Transformation):
    """Over the root of the sum of all squares so far: AdaGrad (Duchi, Hazan and Singer 2011)."""

    initial_accumulator_value: float = 0.0
    eps: float = 1e-10
    slots: ClassVar[tuple[str, ...]] = ("sum",)

    def init(self, p: Value) -> Memory:
        return {"sum": np.full_like(p, self.initial_accumulator_value)}

    def update(self, x: Value, memory: Memory, p: Value) -> tuple[Value, Memory]:
        total = memory["sum"] + x * x
        return x / (np.sqrt(total) + self.eps), {"sum": total}


@dataclass(frozen=True)
class scale_by_rms(Transformation):
    """Over the root of a moving average of squares: RMSprop (Hinton 2012)."""

    decay: float = 0.99
    eps: float = 1e-8
    slots: ClassVar[tuple[str, ...]] = ("square",)
    _shares: ClassVar[tuple[str, ...]] = (*SHARES, "decay")

    def update(self, x: Value, memory: Memory, p: Value) -> tuple[Value, Memory]:
        square = averaged(memory["square"], x * x, self.decay)
        return x / (np.sqrt(square) + self.eps), {"square": square}


@dataclass(frozen=True)
class scale_by_stddev(scale_by_rms):
    """Over the root of a moving variance: the centred RMSprop (Graves 2013)."""

    slots: ClassVar[tuple[str, ...]] = ("square", "mean")

    def update(self, x: Value, memory: Memory, p: Value) -> tuple[Value, Memory]:
        square, mean = averaged(memory["square"], x * x, self.decay), averaged(memory["mean"], x, self.decay)
        variance = np.maximum(square - mean * mean, 0.0)  # rounding may leave less than 0 where gradients stay alike
        return x / (np.sqrt(variance) + self.eps), {"square": square, "mean": mean}


@dataclass(frozen=True)
class scale_by_adadelta(Transformation):
    """In the ratio of the sizes of past steps and past gradients (Zeiler 2012)."""

    rho: float = 0.9
    eps: float = 1e-6
    slots: ClassVar[tuple[str, ...]] = ("square", "change")

    def update(self, x: Value, memory: Memory, p: Value) -> tuple[Value, Memory]:
        square = averaged(memory["square"], x * x, self.rho)
        step = np.sqrt(memory["change"] + self.eps) / np.sqrt(square + self.eps) * x
        return step, {"square": square, "change": averaged(memory["change"], step * step, self.rho)}


@dataclass(frozen=True)
class OfMoments(Transformation):
    """What the relatives of Adam share: moving averages of the update and of its square."""

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    def moments(self, x: Value, memory: Memory) -> Memory:
        return {"mean": averaged(memory["mean"], x, self.b1), "square": averaged(memory["square"], x * x, self.b2)}


@dataclass(frozen=True)
class scale_by_adam(OfMoments):
    """Moving averages of the update and its square, freed of their start at 0 (Kingma and Ba 2015)."""

    def numbers(self, memory: Memory) -> Memory:
        count = real(memory["step"] + 1)
        root = np.sqrt(1 - self.b2**count)
        return {"root": root, "eps": self.eps * root, "share": 1 - self.b1**count}

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        kept = self.moments(array_of(update), memory)
        spread = np.sqrt(self.largest(kept, memory)) + as_dtype(memory["eps"], p.dtype)
        return (Term(kept["mean"] / spread, (memory["root"],), (memory["share"],)),), kept  # spread is root times more

    def largest(self, kept: Memory, memory: Memory) -> Value:
        return kept["square"]


@dataclass(frozen=True)
class scale_by_amsgrad(scale_by_adam):
    """As `scale_by_adam`, over the largest second average so far (Reddi et al. 2018)."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "square", "largest")

    def largest(self, kept: Memory, memory: Memory) -> Value:
        kept["largest"] = np.maximum(memory["largest"], kept["square"])
        return kept["largest"]


@dataclass(frozen=True)
class scale_by_adamax(OfMoments):
    """Adam over the largest decayed update, not the root of the squares (Kingma and Ba 2015, section 7)."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "largest")

    def numbers(self, memory: Memory) -> Memory:
        return {"share": 1 - self.b1 ** real(memory["step"] + 1)}

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        x = array_of(update)
        mean, largest = (
            averaged(memory["mean"], x, self.b1),
            np.maximum(self.b2 * memory["largest"], np.abs(x) + self.eps),
        )
        return (Term(mean / largest, (), (memory["share"],)),), {"mean": mean, "largest": largest}


@dataclass(frozen=True)
class scale_by_nadam(OfMoments):
    """Adam with Nesterov's momentum, which grows at the pace of `momentum_decay` (Dozat 2016)."""

    momentum_decay: float = 4e-3
    scalars: ClassVar[Mapping[str, float]] = {"product": 1.0}  # of all momenta so far

    def numbers(self, memory: Memory) -> Memory:
        count = real(memory["step"] + 1)
        now = self.b1 * (1 - 0.5 * 0.96 ** (count * self.momentum_decay))
        after = self.b1 * (1 - 0.5 * 0.96 ** ((count + 1) * self.momentum_decay))
        product = memory["product"] * now
        return {
            "product": product,
            "here": ((1 - now,), (1 - product,)),
            "ahead": ((after,), (1 - product * after,)),
            "root": 1 / np.sqrt(1 - self.b2**count),
        }

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        x = array_of(update)
        kept = self.moments(x, memory)
        spread = np.sqrt(kept["square"]) * as_dtype(memory["root"], p.dtype) + self.eps
        return (Term(x / spread, *memory["here"]), Term(kept["mean"] / spread, *memory["ahead"])), kept


@dataclass(slots=True, eq=False)
class Rectified(Term):
    """The array over its spread where the variance is known, and as it is before; one product does both."""

    spread: Value = None
    known: Number = True
    rectified: Number = 1.0
    root: Number = 1.0

    def scaled(self, factor: Number) -> Rectified:
        numbers = self.known, self.rectified, self.root
        return Rectified(self.array, (*self.times, factor), self.over, self.spread, *numbers)

    def weight(self) -> tuple[Number, Number]:
        pace = super(Rectified, self).weight()
        adaptive = pace * self.rectified * self.root
        return np.where(self.known, adaptive, 0.0), np.where(self.known, 0.0, pace)

    def weighed(self, weight: tuple[Number, Number]) -> Value:
        adaptive, plain = (as_dtype(w, self.array.dtype) for w in weight)
        return self.array * (adaptive / self.spread + plain)


@dataclass(frozen=True)
class scale_by_radam(OfMoments):
    """Adam that begins as momentum, until its second average has a variance (Liu et al. 2020)."""

    def numbers(self, memory: Memory) -> Memory:
        t, most = real(memory["step"] + 1), 2 / (1 - self.b2) - 1
        rho = most - 2 * t * self.b2**t / (1 - self.b2**t)
        known = rho > 5.0
        safe = np.where(known, rho, 6.0)
        rectified = np.sqrt((safe - 4) * (safe - 2) * most / ((most - 4) * (most - 2) * safe))
        return {"share": 1 - self.b1**t, "known": known, "rectified": rectified, "root": np.sqrt(1 - self.b2**t)}

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        kept = self.moments(array_of(update), memory)
        spread, numbers = np.sqrt(kept["square"]) + self.eps, [memory[n] for n in ("known", "rectified", "root")]
        return (Rectified(kept["mean"], (), (memory["share"],), spread, *numbers),), kept
