"""What an optimiser is: settings, a first memory, and an update, made of a chain of transformations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import optree

from ...cards.parts import Card, Table, facts
from ...cards.shown import Carded
from ...errors import InputError
from ...types import Tree, Value
from ..arrays import Memory
from .checks import Settings, check_params, flattened
from .transformation import Joint, Transformation
from .update import Term, Update, array_of, as_dtype


class Optimiser(Carded, Settings):
    """Pure functions over any container of arrays (pytree): nothing is kept but what `update` returns.

    `init(params)` gives the memory, arrays alone, so that it can be saved, compiled and donated; `update(params,
    gradients, memory)` gives the new parameters and the new memory. `lr` is a number or a schedule: a function of the
    number of updates that were made before. Formulas, names and defaults are PyTorch's.

    An optimiser of one's own is a `chain`, or a frozen dataclass whose `parts` are the transformations of one.
    """

    def _card_(self) -> Card:
        told = facts(
            [(k, v if isinstance(v, bool | int | float) else repr(v)) for k, v in vars(self).items() if k[0] != "_"]
        )
        kept = [[repr(part), ", ".join((*keys.values(),))] for part, keys in self._keyed]
        steps = Table(kept, ("what is done to the gradients", "kept in the memory"), "in this order")
        return Card(type(self).__name__, "optimiser").add(told, steps.without_empty())

    def parts(self) -> tuple[Transformation, ...]:
        """What is done to the gradients, in this order, before they are added to the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no parts")

    @cached_property
    def _keyed(self) -> tuple[tuple[Transformation, dict[str, str]], ...]:
        """The parts, each with the names in the memory of what it keeps: its own, or numbered where they are taken."""
        found: list[tuple[Transformation, dict[str, str]]] = []
        for part in self.parts():
            counts = {name: sum(name in keys for _, keys in found) for name in (*part.slots, *part.scalars)}
            found.append((part, {name: f"{name}{n + 1}" if n else name for name, n in counts.items()}))
        return tuple(found)

    def init(self, params: Tree) -> Memory:
        """The memory before the first update."""
        check_params(type(self).__name__, params)
        leaves, structure = optree.tree_flatten(params)
        memory: Memory = {"step": np.zeros((), np.int64)}
        for part, keys in self._keyed:
            first = [part.init(as_array(p)) for p in leaves]
            memory |= {keys[name]: structure.unflatten([own[name] for own in first]) for name in part.slots}
            memory |= {keys[name]: np.array(x) for name, x in part.scalars.items()}
        return memory

    def update(self, params: Tree, gradients: Tree, memory: Memory) -> tuple[Tree, Memory]:
        """The parameters after one step against the gradients, and the memory after it."""
        given, found, structure = flattened(type(self).__name__, params, gradients)
        arrays = [as_array(p) for p in given]
        links = [Link(part, keys, memory) for part, keys in self._keyed]
        updates: list[Update] = [(Term(as_dtype(as_array(g), p.dtype)),) for g, p in zip(found, arrays)]
        stage: list[Link] = []
        for link in links:
            if not isinstance(link.part, Joint):
                stage.append(link)
                continue
            found = [array_of(through(stage, u, k, p)) for k, (u, p) in enumerate(zip(updates, arrays))]
            updates, stage = [(Term(x),) for x in link.part.joint(found)], []
        # one parameter after the other, so that what is made for it is still near when it is needed
        moved, weights = [], None
        for k, (p, before) in enumerate(zip(arrays, given)):
            update = through(stage, updates[k], k, p)
            weights = weights or [term.weight() for term in update]
            for term, weight in zip(update, weights):
                p = term.added_to(p, weight)
            moved.append(as_given(p, before))
        after: Memory = {"step": memory["step"] + 1}
        for link in links:
            after |= link.after(structure)
        return structure.unflatten(moved), after


class Link:
    """A transformation during one update: its numbers, and what it keeps from parameter to parameter."""

    def __init__(self, part: Transformation, keys: dict[str, str], memory: Memory) -> None:
        self.part: Transformation = part
        self.keys: dict[str, str] = keys
        own = {"step": memory["step"]} | {name: memory[keys[name]] for name in part.scalars}
        self.numbers: Memory = own | part.numbers(own)
        self.slots: list[tuple[str, list[Value]]] = [
            (name, optree.tree_leaves(memory[keys[name]])) for name in part.slots
        ]
        self.kept: list[Memory] = []

    def after(self, structure: optree.PyTreeSpec) -> Memory:
        """What it keeps, under its names in the memory."""
        arrays = {self.keys[name]: structure.unflatten([own[name] for own in self.kept]) for name in self.part.slots}
        return arrays | {self.keys[name]: self.numbers[name] for name in self.part.scalars}


def through(links: list[Link], update: Update, k: int, p: Value) -> Update:
    """The update of the k-th parameter behind these transformations."""
    for link in links:
        memory = link.numbers
        if link.slots:
            memory = memory | {name: values[k] for name, values in link.slots}
        update, kept = link.part.weighted(update, memory, p)
        if link.slots:
            link.kept.append(kept)
    return update


@dataclass(frozen=True, repr=False)
class Chain(Optimiser):
    """See `chain`."""

    transformations: tuple[Transformation, ...]

    def parts(self) -> tuple[Transformation, ...]:
        return self.transformations

    def __repr__(self) -> str:
        return f"chain({', '.join(map(repr, self.transformations))})"


def chain(*parts: Transformation | Optimiser) -> Chain:
    """An optimiser of transformations, each of which takes what the one before made of the gradients.

    What comes out is added to the parameters: `scale_by_learning_rate` turns it downhill. An optimiser among the parts
    stands for its own.

    >>> from difflab.nn import optim
    >>> adamw = optim.chain(
    ...     optim.clip_by_global_norm(1.0),
    ...     optim.scale_by_adam(b1=0.9, b2=0.99),
    ...     optim.add_decayed_weights(1e-2),
    ...     optim.scale_by_learning_rate(optim.CosineAnnealingLR(0.1, T_max=100)),
    ... )
    >>> optim.minimize(lambda p: np.sum((p - 3.0) ** 2), np.array([2.0, 5.0]), adamw, 100).params.round(1)
    array([3., 3.])
    >>> optim.chain(optim.clip(1.0), optim.SGD(lr=0.1))
    chain(clip(max_delta=1.0), scale_by_learning_rate(learning_rate=0.1))
    """
    found: list[Transformation] = []
    for part in parts:
        if not isinstance(part, Transformation | Optimiser):
            mend = f"make one, with {part.__name__}(...)" if isinstance(part, type) else "give transformations"
            raise InputError(f"chain: {part!r:.80} is not a transformation of nn.optim; {mend}")
        found += part.parts() if isinstance(part, Optimiser) else [part]
    return Chain(tuple(found))


def as_array(p: Value) -> Value:
    return np.float64(p) if p.__class__ is float else p


def as_given(x: Value, before: Value) -> Value:
    """A new parameter as the old one was given: Python's float, or NumPy's number or array."""
    return float(x) if before.__class__ is float and isinstance(x, float) else x
