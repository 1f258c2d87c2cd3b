"""Derivative: what a method answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..cards.parts import Card, Table, Words, array_row, brief, duration, facts, figure
from ..cards.shown import Shown
from ..glance import glance
from ..types import Value


@dataclass
class Derivative(Shown):
    """A value and a gradient, with what the method says about them.

    `gradient` has the structure of the point; `claimed_error` is the method's own bound for each input (or None),
    `evaluations` counts runs of the function, `operations` the nodes of the gradient's program. `seconds` is the whole
    time, `preparation` that of building (recording, algebra, compiling), `evaluation` that of one gradient after it.
    `rounding` is a bound on its own rounding error, from an exact method that evaluates a formula of its own.

    Where an entry has no number the gradient holds NaN, and `refusals[name]` says why: "" or a text (for an array, an
    object array of them) that begins with one word, such as `kink`, `jump`, `pole`, `noise`, `scale`, `undefined`,
    `undecided` or `time`. `one_sided[name]` is (left, right) at a kink, else None.
    """

    method: str
    label: str
    value: Value
    gradient: Value
    by_name: dict[str, Value]
    claimed_error: dict[str, Value] | None = None
    evaluations: int = 1
    operations: int | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    refusals: dict[str, Value] = field(default_factory=dict)
    one_sided: dict[str, Value] = field(default_factory=dict)
    preparation: float = 0.0
    evaluation: float | None = None
    rounding: dict[str, Value] | None = None

    def __repr__(self) -> str:
        return f"<Derivative by {self.method}: value {glance(self.value)}, gradient {glance(self.gradient)}>"

    def _card_(self) -> Card:
        work = facts(
            {
                "how": self.label,
                "runs of the function": self.evaluations,
                "operations of the gradient": self.operations,
                "preparation": duration(self.preparation or None),
                "one gradient": duration(self.seconds if self.evaluation is None else self.evaluation),
            }
        )
        notes = [Words(note, attention=True) for note in self.notes[:8]]
        return Card("Derivative", f"by {self.method}: value {glance(self.value)}").add(self._entries(), work, *notes)

    def _entries(self) -> Table:
        """A row for each input: its derivative, what the method claims of the error, and what it refuses."""
        errors, rows = self.claimed_error or {}, []
        for name, x in self.by_name.items():
            claimed = largest(errors.get(name))
            words = [w for w in np.ravel(np.asarray(self.refusals.get(name, ""), object)) if w]
            more = f" and {len(words) - 1} more" if len(words) > 1 else ""
            refused = brief(str(words[0])) + more if words else ""
            rows.append([*array_row(name, x), figure(claimed, 2), refused])
        heads = ["d / d", "shape", "derivative", "least", "greatest", "norm", "not finite", "claimed error", "refused"]
        return Table(rows, heads).without_empty()


def largest(x: Value) -> float | None:
    """The largest of some errors; None where there is none."""
    if x is None or not np.size(x):
        return None
    return float(np.max(np.asarray(x, float)))
