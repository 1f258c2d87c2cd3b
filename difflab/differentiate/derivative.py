"""Derivative: what a method answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..glance import glance
from ..types import Value


@dataclass
class Derivative:
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
