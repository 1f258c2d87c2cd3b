"""What an optimiser adds to a parameter: a sum of arrays, each with numbers in front of it.

Numbers are the same for all parameters and meet each other first, so that a rate costs one pass over the memory,
whatever else scales the step, and weights that shrink at a rate cost one product.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce

from ...types import Value
from ..arrays import Number


def as_dtype(x: Value, dtype: object) -> Value:
    """A number of the parameters' kind: NumPy's own float64 numbers would make float32 parameters wide."""
    if x.__class__ in (float, int):
        return x
    return x if x.dtype == dtype else x.astype(dtype)


@dataclass(slots=True, eq=False)
class Term:
    """An array with factors and divisors in front."""

    array: Value
    times: tuple[Number, ...] = ()
    over: tuple[Number, ...] = ()

    def scaled(self, factor: Number) -> Term:
        return type(self)(self.array, (*self.times, factor), self.over)

    def weight(self) -> Number:
        """All numbers as one, with one division; None where there are none."""
        times = reduce(operator.mul, self.times) if self.times else None
        if not self.over:
            return times
        return (1.0 if times is None else times) / reduce(operator.mul, self.over)

    def weighed(self, weight: Number) -> Value:
        return self.array if weight is None else as_dtype(weight, self.array.dtype) * self.array

    def added_to(self, p: Value, weight: Number) -> Value:
        return p + self.weighed(weight)


class Decay(Term):
    """The parameter itself, in its own update: as long as nothing else was added to it, it shrinks or grows."""

    __slots__ = ()

    def added_to(self, p: Value, weight: Number) -> Value:
        return p * as_dtype(1 + weight, p.dtype) if p is self.array else super().added_to(p, weight)


Update = tuple[Term, ...]


def array_of(update: Update) -> Value:
    """The sum."""
    return reduce(operator.add, [term.weighed(term.weight()) for term in update])


def decayed(update: Update, p: Value, weight: float) -> Update:
    """With weight p as one more term; it is added at once where no number but a sign stands in front of the others."""
    first = update[0]
    if len(update) == 1 and not first.over and all(c.__class__ is float and abs(c) == 1 for c in first.times):
        return (Term(array_of(update) + weight * p),)
    return (Decay(p, (weight,)), *update)
