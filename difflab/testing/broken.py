"""find_broken_rule: which node of a function's graph has a wrong local derivative."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..cards.parts import Card, Table, figure
from ..cards.shown import Carded
from ..clock import spent
from ..differentiate.problem import as_problem, output_ancestors
from ..differentiate.rounding import formula_rounding
from ..differentiate.transform import jvp, vjp
from ..errors import DifflabError, DisagreementError
from ..graph.node import Node
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten, leaves_of
from ..graph.recording import Tape
from ..graph.traced import Traced, apply
from ..lab.kinks import depends_on_inputs
from ..primitives import Primitive
from ..progress import doing, tell
from ..types import Tree, Value
from .arguments import Arguments
from .judges import Subject
from .lines import lines_of
from .own import Own, judge_own
from .report import Row, worst_first

DEEPEST = 6  # operations inside operations
SECONDS = 5.0  # for the certificate of one operation
MODES = ("reverse", "forward")


@dataclass(frozen=True)
class BrokenRule:
    """A wrong local derivative: of `operation` by its `operand`, at `index`, the rule says `rule`, the judge `truth`.

    `node` is the node of the graph, or of the inside of the operation named in `inside`; `mode` the sweep that uses the
    rule, `source` the line at which the operation was recorded, where it is known. Of an operation with many results,
    the derivatives are those of a fixed combination of them (`mixed`).
    """

    node: Node | Traced
    operation: str
    mode: str
    operand: int
    index: tuple[int, ...]
    rule: float
    truth: float
    ulps: float
    judge: str
    source: str = ""
    inside: tuple[str, ...] = ()
    mixed: bool = False

    def __str__(self) -> str:
        name = " in ".join([self.operation, *reversed(self.inside)])
        place = f"operand {self.operand}" + (f", entry {list(self.index)}" if self.index else "")
        place += " (of its results times fixed weights)" if self.mixed else ""
        line = f" [{self.source}]" if self.source else ""
        return (
            f"the rule of {name} is wrong ({self.mode} mode): by {place} it gives {self.rule:.17g}, "
            f"{self.judge} {self.truth:.17g}, {self.ulps:.3g} ulps apart{line}"
        )

    def to_json(self) -> dict[str, Any]:
        plain: Callable[[float], float | str] = lambda v: v if np.isfinite(v) else str(v)
        return {
            "operation": self.operation,
            "mode": self.mode,
            "operand": self.operand,
            "index": list(self.index),
            "rule": plain(self.rule),
            "truth": plain(self.truth),
            "ulps": plain(self.ulps),
            "judge": self.judge,
            "source": self.source,
            "inside": list(self.inside),
        }


class BrokenRules(Carded, list[BrokenRule]):
    """The wrong rules; empty where all are right. `judged` counts nodes, `unjudged` says which had no judge and why."""

    def __init__(self) -> None:
        super().__init__()
        self.judged = 0
        self.unjudged: list[str] = []

    def _card_(self) -> Card:
        about = f"{len(self)} wrong, {self.judged} local derivatives judged"
        rows = [
            [f.operation, f.mode, str(f.operand), f"{f.rule:.17g}", f"{f.truth:.17g}", figure(f.ulps, 3), f.source]
            for f in self
        ]
        heads = ("operation", "mode", "operand", "its rule says", "truth", "ulps apart", "line")
        unjudged = Table([[reason] for reason in self.unjudged], ("not judged",))
        return Card("BrokenRules", about).add(Table(rows, heads).without_empty(), unjudged)

    def __str__(self) -> str:
        lines = [str(f) for f in self] or [f"no broken rule: {self.judged} local derivatives are right"]
        lines += [f"not judged: {reason}" for reason in self.unjudged[:6]]
        if len(self.unjudged) > 6:
            lines.append(f"... and {len(self.unjudged) - 6} more that were not judged")
        return "\n".join(lines)

    def __repr__(self) -> str:
        lines = str(self).splitlines()
        return "\n".join(lines if len(lines) < 5 else [*lines[:3], f"... {len(lines) - 3} more lines; print it"])


def find_broken_rule(f: Any, at: Tree, wrt: str | Iterable[str] | None = None, seconds: float = 60.0) -> BrokenRules:
    """The operations whose local derivative is wrong at a point: rows, `custom_gradient`, `block(derivative=)`.

    Each node of f's graph between the inputs and the output is judged alone: the pullback and the pushforward that its
    rule gives, against the certificate or finite differences of that operation's value. `f`, `at` and `wrt` are those
    of `compare`. Operations made of others (`np.median`, `scan`) are looked into. `seconds` of processor time
    limit all of it.

    >>> import difflab as dl
    >>> @dl.custom_gradient
    ... def cube(x):
    ...     return x**3, lambda g: 2 * g * x**2
    >>> found = find_broken_rule(lambda x: cube(x) + x**2, 2.0)
    >>> [(b.operation, float(b.rule), float(b.truth)) for b in found]
    [('cube', 8.0, 12.0)]
    >>> find_broken_rule("sin(x) * x", dict(x=0.5))
    no broken rule: 2 local derivatives are right
    """
    problem = as_problem(f, at, wrt)
    with np.errstate(all="ignore"):
        env = problem.graph.evaluate(list(problem.values))
    moving, needed = depends_on_inputs(problem), output_ancestors(problem.graph)
    search = Search(spent() + seconds, lines_of(problem))
    nodes = [n for n in problem.graph.order if n.operands and n in needed]
    with doing("judging each operation"):
        for k, node in enumerate(nodes):
            tell(node.primitive.name, k / len(nodes))
            wanted = [i for i, x in enumerate(node.operands) if x in moving]
            search.visit(Operation(node, [env[x] for x in node.operands], wanted))
    return search.found


@dataclass
class Operation:
    """One node with the values of its operands, as a function of those that move."""

    node: Node | Traced
    operands: list[Value]
    wanted: list[int]
    inside: tuple[str, ...] = ()
    points: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.points = [i for i in self.wanted if getattr(self.operands[i], "dtype", np.dtype(int)).kind in "fc"]

    @property
    def row(self) -> Primitive:
        return self.node.primitive

    @property
    def given(self) -> tuple[Value, ...]:
        return tuple(self.operands[i] for i in self.points)

    def __call__(self, *xs: Value) -> Value:
        """The operation, recorded as the one node that it is."""
        return apply(self.row, self.filled(xs), self.node.params)

    def value(self, *xs: Value) -> Value:
        """Its value; of what a user made, recorded as what it is made of, without its rule."""
        if self.is_of_the_table or self.row.value is None:
            return self(*xs)
        return self.row.value(NODE, *self.filled(xs), **self.node.params)

    @property
    def is_of_the_table(self) -> bool:
        return self.row.listed

    def filled(self, xs: Value) -> tuple[Value, ...]:
        full = list(self.operands)
        for i, x in zip(self.points, xs):
            full[i] = x
        return tuple(full)


class Real:
    """An operation as a real function of real arguments: complex operands come as two parts, outputs with weights."""

    operation: Operation
    __name__: str
    complex: list[bool]
    outputs: list[Value]
    rebuild: Callable[[list[Value]], Value]
    mixed: bool
    weights: list[Value]

    def __init__(self, operation: Operation) -> None:
        self.operation, self.__name__ = operation, operation.row.name
        self.complex = [np.asarray(x).dtype.kind == "c" for x in operation.given]
        with np.errstate(all="ignore"):
            value = operation(*operation.given)
        self.outputs, self.rebuild = flatten(value)
        rng = np.random.default_rng(0)
        single = operation.row.kind == "elementwise" or sum(np.size(y) for y in self.outputs) == 1
        self.mixed = not single  # a combination of the results, so that no two mistakes cancel
        draw: Callable[[Value], Value] = lambda y: (
            rng.choice([-1.0, 1.0], np.shape(y)) * rng.integers(64, 192, np.shape(y)) / 128
        )
        self.weights = [
            np.asarray(draw(y) if self.mixed else np.ones(np.shape(y)), y.dtype if y.dtype.kind in "fc" else float)[()]
            for y in self.outputs
        ]

    @property
    def given(self) -> tuple[Value, ...]:
        return tuple(self.apart(self.operation.given))

    def apart(self, values: Value) -> list[Value]:
        """Complex numbers as their two parts."""
        return [p for x, c in zip(values, self.complex) for p in ((np.real(x), np.imag(x)) if c else (x,))]

    def together(self, parts: Value) -> list[Value]:
        parts = iter(parts)
        return [next(parts) + 1j * next(parts) if c else next(parts) for c in self.complex]

    def __call__(self, *operand: Value) -> Value:
        total: Value = 0.0
        for w, y in zip(self.weights, leaves_of(self.operation.value(*self.together(operand)))):
            total = total + (np.sum(np.real(w * y)) if w.dtype.kind == "c" else np.sum(w * y))
        return total

    def reverse(self, *parts: Value) -> Value:
        """The gradient that the operation's rule gives, at any arguments."""
        with np.errstate(all="ignore"):
            _, pullback = vjp(self.operation, *self.together(parts))
            found = pullback(self.rebuild(list(self.weights)))
        # a real function's cotangent at a + ib is its derivative by a, less i times that by b
        cotangents = [np.conj(g) if c else g for g, c in zip(found, self.complex)]
        return self.shaped(self.apart(cotangents))

    def forward(self, *parts: Value) -> Value:
        """The same gradient by the operation's pushforward, one sweep an entry."""
        points, found = self.together(parts), [np.zeros(np.shape(p)) for p in parts]
        with np.errstate(all="ignore"):
            for k, p in enumerate(parts):
                for index in np.ndindex(np.shape(p)):
                    step = [np.zeros(np.shape(q), np.asarray(q).dtype) for q in parts]
                    step[k][index] = 1
                    tangents = self.together([s[()] for s in step])
                    moved = leaves_of(jvp(self.operation, tuple(points), tuple(tangents))[1])
                    found[k][index] = sum(float(np.sum(np.real(w * t))) for w, t in zip(self.weights, moved))
        return self.shaped([g[()] for g in found])

    @staticmethod
    def shaped(parts: list[Value]) -> Value:
        return tuple(parts) if len(parts) > 1 else parts[0]


class Search:
    """Goes through operations and keeps what is wrong."""

    stop: float
    lines: dict[Value, str]
    found: BrokenRules

    def __init__(self, stop: float, lines: dict[Value, str]) -> None:
        self.stop, self.lines, self.found = stop, lines, BrokenRules()

    def visit(self, operation: Operation) -> None:
        """Judges one operation; of a wrong one that is made of others, names those."""
        row, name = operation.row, operation.row.name
        if row.kind == "pick" or not operation.points:
            return
        if spent() > self.stop:
            self.found.unjudged.append(f"{name}: the time was over")
            return
        try:
            wrong = list(self.judge(operation))
        except (DifflabError, ArithmeticError, ValueError, TypeError) as error:
            self.found.unjudged.append(f"{name}: {error}")
            return
        if not wrong:
            self.found.judged += 1
            return
        before = len(self.found)
        if len(operation.inside) < DEEPEST and follows_its_inside(operation):
            for inner in inside(operation):
                self.visit(inner)
        if len(self.found) == before:
            self.found.append(wrong[0])

    def judge(self, operation: Operation) -> Iterator[BrokenRule]:
        """The wrong entries of both modes, the worst of each first."""
        real = Real(operation)
        point = Arguments(real, real.given)
        subject = Subject(real, point, min(self.stop, spent() + SECONDS))
        for mode in MODES:
            if mode == "forward" and (operation.row.kind not in ("custom", "linear") or point.size > 64):
                continue  # the other kinds have one statement for both
            try:
                own = Own(subject, getattr(real, mode), None, None, 0)
                own.by_remainder = False
                judged = judge_own(own, allow_kinks=True)
            except DisagreementError as error:
                raise ValueError(str(error)) from None
            if judged.notes and not judged.judges and not judged.wrong:
                raise ValueError(judged.notes[-1])
            for row in worst_first(judged.wrong)[:1]:
                if lost := lost_in_rounding(real, row, point):
                    raise ValueError(lost)
                yield self.finding(operation, mode, row, point, real)

    def finding(self, operation: Operation, mode: str, row: Row, point: Arguments, real: Real) -> BrokenRule:
        leaf, index = point.place(row.place) if row.place is not None else (0, ())
        owner = [i for i, c in zip(operation.points, real.complex) for _ in range(1 + c)][leaf]
        return BrokenRule(
            operation.node, operation.row.name, mode, owner, index, row.found, row.expected, row.ulps, row.judge,
            self.lines.get(operation.node, ""), operation.inside, real.mixed,
        )  # fmt: skip


def lost_in_rounding(real: Real, row: Row, point: Arguments) -> str:
    """Why a rule's number is no proof of a mistake: its formula, in floats, may be that far off."""
    if row.place is None:
        return ""
    leaf, index = point.place(row.place)

    def entry(*xs: Value) -> Value:
        found = real.reverse(*xs)
        return (found if isinstance(found, tuple) else (found,))[leaf][index]

    try:
        bound = float(formula_rounding(as_problem(entry, real.given).graph, list(real.given)))
    except (DifflabError, ArithmeticError, ValueError, TypeError):
        return ""
    off = abs(row.found - row.expected)
    if not (np.isfinite(bound) and off <= bound):
        return ""
    return f"in floats its rule has no digits here, off by {off:.2g} where rounding allows {bound:.2g}"


def inside(operation: Operation) -> Iterator[Operation]:
    """The operations that an operation is made of, with their values."""
    operands = list(operation.operands)
    with Tape() as (tape, operations), np.errstate(all="ignore"):
        for i in operation.points:
            operands[i] = tape.input(operands[i])
        program: Any = operation.row.value
        program(NODE, *operands, **operation.node.params)
    path = (*operation.inside, operation.row.name)
    for node in operations:
        values, wanted = tape.read(node.operands)
        if wanted:
            yield Operation(node, values, wanted, path)


def follows_its_inside(operation: Operation) -> bool:
    """Whether the operation's rule is the derivative of what it is made of, so that a fault lies deeper.

    True of composite rows, scans, branches and checkpoints; a wrong custom_gradient differs from its inside.
    """
    row = operation.row
    if row.kind == "composite":
        return True
    if operation.is_of_the_table or row.value is None:
        return False
    real = Real(operation)
    try:
        with np.errstate(all="ignore"):
            value, pullback = vjp(operation.value, *operation.given)
            _, rebuild = flatten(value)
            found = pullback(rebuild(list(real.weights)))
        rule = leaves_of(real.reverse(*real.given))
    except (DifflabError, ArithmeticError, ValueError, TypeError):
        return False
    ours = real.apart([np.conj(g) if c else g for g, c in zip(found, real.complex)])
    return all(np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True) for a, b in zip(ours, rule))
