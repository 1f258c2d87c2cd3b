"""The steps that optimisers are made of, and those of them that are not about the size of single entries.

A chain of them is an optimiser: each takes the update that the one before made, beginning with the gradient, and what
comes out is added to the parameters. The names are optax's, where the idea is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...types import Value
from ..arrays import Memory, Schedule
from .checks import LEAST, Settings
from .clipping import clip_grad_norm, clip_grad_value
from .update import Term, Update, array_of, as_dtype, decayed


class Transformation(Settings):
    """One idea of an optimiser, said for one array: `update(x, memory, p)` gives the new update and what is kept.

    x is the update of a parameter p so far. `memory` has what was kept for it (`slots` names it, `init` makes it),
    the number of updates that were made before as "step", and what `numbers` makes of that, once for all parameters.
    A subclass is a frozen dataclass, so that it can be compared, printed and compiled.

    >>> @dataclass(frozen=True)
    ... class scale_by_sign(Transformation):
    ...     def update(self, x, memory, p):
    ...         return np.sign(x), {}
    >>> from difflab.nn.optim import chain
    >>> optimiser = chain(scale_by_sign(), scale_by_learning_rate(0.1))
    >>> p = {"w": np.array([3.0, -4.0])}
    >>> optimiser.update(p, p, optimiser.init(p))[0]
    {'w': array([ 2.9, -3.9])}
    """

    slots: ClassVar[tuple[str, ...]] = ()  # arrays kept for each parameter
    scalars: ClassVar[Mapping[str, float]] = {}  # numbers kept, and what they are at first; `numbers` gives the next

    def init(self, p: Value) -> Memory:
        """The slots of a parameter before the first update."""
        return {name: np.zeros_like(p) for name in self.slots}

    def numbers(self, memory: Memory) -> Memory:
        """What is the same for all parameters."""
        return {}

    def update(self, x: Value, memory: Memory, p: Value) -> tuple[Value, Memory]:
        """The new update, and the new slots."""
        return array_of(self.weighted((Term(x),), memory, p)[0]), {}

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        """The same where the numbers in front of an update stay apart: what a chain calls."""
        x, kept = self.update(array_of(update), memory, p)
        return (Term(x),), kept


class Joint(Transformation):
    """A transformation that looks at all arrays together, and keeps nothing."""

    def joint(self, updates: list[Value]) -> list[Value]:
        raise NotImplementedError(f"{type(self).__name__} has no joint")


@dataclass(frozen=True)
class scale(Transformation):
    """Times a number; scale(-1.0) turns gradients round, so that a maximum is looked for."""

    step_size: float

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        return tuple([term.scaled(self.step_size) for term in update]), {}


@dataclass(frozen=True)
class scale_by_learning_rate(Transformation):
    """Times -rate, so that what is added goes down; the rate is a number or a schedule."""

    learning_rate: float | Schedule

    def numbers(self, memory: Memory) -> Memory:
        rate = self.learning_rate
        return {"down": -(rate(memory["step"]) if callable(rate) else rate)}

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        return tuple([term.scaled(memory["down"]) for term in update]), {}


@dataclass(frozen=True)
class add_decayed_weights(Transformation):
    """Plus weight_decay p: on a gradient that is the gradient of a penalty on large weights, behind `scale_by_adam`
    the weights shrink for themselves (Loshchilov and Hutter 2019).
    """

    weight_decay: float

    def weighted(self, update: Update, memory: Memory, p: Value) -> tuple[Update, Memory]:
        return decayed(update, p, self.weight_decay), {}


@dataclass(frozen=True)
class clip(Transformation):
    """Every entry cut to ±max_delta."""

    max_delta: float

    def update(self, x: Value, memory: Memory, p: Value) -> tuple[Value, Memory]:
        return clip_grad_value(x, self.max_delta), {}


@dataclass(frozen=True)
class clip_by_global_norm(Joint):
    """Cut down to the length max_norm, over all arrays together (Pascanu, Mikolov and Bengio 2013)."""

    max_norm: float

    def joint(self, updates: list[Value]) -> list[Value]:
        found: list[Value] = clip_grad_norm(updates, self.max_norm)[0]
        return found


@dataclass(frozen=True)
class trace(Transformation):
    """Momentum: v becomes decay v + (1 - dampening) x, the first v is x; Nesterov's looks ahead, x + decay v."""

    decay: float
    nesterov: bool = False
    dampening: float = 0.0
    slots: ClassVar[tuple[str, ...]] = ("velocity",)
    _least: ClassVar[tuple[str, ...]] = (*LEAST, "decay")

    def numbers(self, memory: Memory) -> Memory:
        # the first velocity is the whole gradient, whatever the dampening
        return {"share": np.where(memory["step"] == 0, 1.0, 1.0 - self.dampening)} if self.dampening else {}

    def update(self, x: Value, memory: Memory, p: Value) -> tuple[Value, Memory]:
        new = as_dtype(memory["share"], x.dtype) * x if "share" in memory else x
        v = self.decay * memory["velocity"] + new
        return x + self.decay * v if self.nesterov else v, {"velocity": v}
