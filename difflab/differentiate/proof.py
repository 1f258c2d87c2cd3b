"""The search for a proof: precision doubles, the neighbourhood shrinks, until a derivative is proven or refuted."""

from __future__ import annotations

import math
from typing import NamedTuple

import flint
import numpy as np
from flint import arb, arb_series

from ..clock import spent
from ..errors import DifflabError, TimeLimitError, UndecidedError, UnsupportedError
from ..primitives import rows
from ..primitives.germs.constants import lift_all
from ..primitives.germs.germ import ONE, Germ, ball, lift
from ..primitives.germs.session import NOW, session
from ..progress import doing, tell
from ..types import Value
from .arb_carrier import CARRIER
from .arb_rules import rounded_constants
from .certificate import CERTIFIED, KINK, MANY, MANY_PAIRS, UNDECIDED, UNDEFINED, Entry, blank, entry
from .faithful import departure
from .problem import Problem

FIRST_BITS = 64
ONE_SIDED_CAP = 4  # coefficients of a one-sided run: zeros of up to third order are seen
ALL_SIDES = 12  # coordinates up to which every one-sided derivative is reported
GROWTH = 2.0  # how much longer a level takes than the one before it, at least
EXAMINED = 3  # at every so many doublings, and at the last, one-sided runs look for a kink


class Side(NamedTuple):
    """One side of the point: the limit of the values, the slope, whether the limit is the value at the point."""

    limit: Value
    slope: Value
    continuous: bool
    undefined: str = ""


LIKE = 45.0  # of the logarithm: sizes within 64 bits
Coordinate = tuple[int, tuple[int, ...]]
Direction = dict[Coordinate, int]  # how fast each moving coordinate moves


def prove(problem: Problem, bits: int, seconds: float, order: int) -> Proof:
    """Runs the search within its limits of precision and time."""
    proof = (ManyProof if problem.size > MANY else Proof)(problem, order)
    proof.reason = departure(problem)
    if proof.reason:
        return proof
    try:
        only_doubles(problem)
        with doing("certifying"), session(seconds):
            proof.search(bits)
    except (TimeLimitError, UnsupportedError) as error:
        proof.verdict, proof.reason = UNDECIDED, str(error)
        proof.lacks = "time" if isinstance(error, TimeLimitError) else "operation"
    except (RecursionError, MemoryError) as error:
        proof.verdict, proof.reason = UNDECIDED, f"the function is too large for enclosures ({error})"
        proof.lacks = "memory"
    return proof


def only_doubles(problem: Problem) -> None:
    """Refuses wider floats, of which the proof would be one about the doubles beside them."""
    for name, x in zip(problem.names, problem.values):
        if np.any(np.asarray(x, dtype=float) != x):
            raise UnsupportedError(
                f"{name} is {np.asarray(x).dtype} and no double, and enclosures are taken at doubles; "
                f"{name}.astype(float)"
            )


class Proof:
    """By series along each coordinate, all coordinates being balls in the neighbourhood."""

    problem: Problem
    order: int
    verdict: str
    reason: str
    bits: int
    runs: int
    value: Entry
    tables: list[Value]
    coordinates: list[Coordinate]
    notes: list[str]

    label = "enclosure, proven digits"

    def __init__(self, problem: Problem, order: int) -> None:
        self.problem, self.order = problem, order
        self.verdict, self.reason, self.bits, self.runs = UNDECIDED, "", FIRST_BITS, 0
        self.lacks = ""
        self.value = Entry()
        self.tables = [blank(problem.values[k]) for k in problem.places]
        self.coordinates = [(k, i) for k, t in zip(problem.places, self.tables) for i in np.ndindex(t.shape)]
        self.one_sided: dict[str, Value] = {}
        self.second: dict[str, dict[str, Value]] = {}
        self.notes = note_on_constants(problem)

    # The search.
    def search(self, last: int) -> None:
        level = 0
        while True:
            flint.ctx.prec, start = self.bits, spent()
            tell(f"{self.bits} bits")
            try:
                if self.advance():
                    self.verdict, self.reason = CERTIFIED, ""
                    return
                if self.overflows():
                    self.reason = "the value or a derivative is larger than the largest double"
                    return
                self.reason = f"an enclosure does not round to one double with {self.bits} bits; allow more"
            except UndecidedError as error:
                self.reason = f"{error}; move the point, or allow more than {self.bits} bits"
                if (level % EXAMINED == 0 or 2 * self.bits > last) and self.examine():
                    return
            if 2 * self.bits > last:
                return
            now = spent()
            if now + GROWTH * (now - start) > NOW.deadline:  # a call of Arb's cannot be ended on the way
                raise TimeLimitError(f"not certified in {NOW.seconds:g} s of processor time: {self.reason}")
            self.bits *= 2
            level += 1

    def advance(self) -> bool:
        """One level of precision: whether everything is proven."""
        if not self.coordinates:
            self.value = entry(self.smooth(self.along({}, 1), 0).point[0])
            return self.value.settled
        if self.order == 2:
            return self.advance_second()
        for (k, index), e in zip(self.coordinates, self.entries()):
            if e.settled and self.value.settled:
                continue
            y = self.smooth(self.along({(k, index): 1}, 2), 1)
            self.value = entry(y.point[0])
            self.tables[self.problem.places.index(k)][index] = entry(y.point[1])
        return self.value.settled and all(e.settled for e in self.entries())

    def advance_second(self) -> bool:
        """Second derivatives along pairs: 2 f_ab is the second coefficient along a + b less those along a and b."""
        n = len(self.coordinates)
        if n > MANY_PAIRS:
            raise UnsupportedError(f"{n} coordinates; second derivatives are enclosed for up to {MANY_PAIRS}")
        alone = [self.smooth(self.along({c: 1}, 3), 2).point for c in self.coordinates]
        self.value = entry(alone[0][0])
        for (k, index), s in zip(self.coordinates, alone):
            self.tables[self.problem.places.index(k)][index] = entry(s[1])
        found = np.empty((n, n), dtype=object)
        for a in range(n):
            found[a, a] = entry(2 * alone[a][2])
            for b in range(a):
                both = self.smooth(self.along({self.coordinates[a]: 1, self.coordinates[b]: 1}, 3), 2).point
                found[a, b] = found[b, a] = entry(both[2] - alone[a][2] - alone[b][2])
        self.second = self.named(found)
        return self.value.settled and all(e.settled for e in (*self.entries(), *found.flat))

    def named(self, found: Value) -> dict[str, dict[str, Value]]:
        """The matrix of entries by pairs of names."""
        table: dict[str, dict[str, Value]] = {}
        ends = np.cumsum([0, *[t.size for t in self.tables]])
        for i, a in enumerate(self.problem.wrt):
            table[a] = {}
            for j, b in enumerate(self.problem.wrt):
                part = found[ends[i] : ends[i + 1], ends[j] : ends[j + 1]]
                table[a][b] = part.reshape(self.tables[i].shape + self.tables[j].shape)
        return table

    def entries(self) -> list[Entry]:
        return [e for t in self.tables for e in t.flat]

    def overflows(self) -> bool:
        return self.bits > FIRST_BITS and any(e.overflows for e in (self.value, *self.entries()))

    # Runs.
    def along(self, direction: Direction, cap: int, side: int = 0, still: bool = False) -> Germ:
        """The function on germs that move in a direction; `still`: at the point alone."""
        flint.ctx.cap = cap
        NOW.side, NOW.edge, NOW.node = side, False, None
        NOW.reach = arb(0.5, 0.5) * max([self.radius(self.at(c)) for c in direction], default=ONE)
        self.runs += 1
        values = [lift_all(np.asarray(x, dtype=float)[()]) for x in self.problem.values]
        if not still:
            for k, index in direction if side else self.coordinates:
                moved = self.germ(self.at((k, index)), direction.get((k, index), 0), side)
                if isinstance(values[k], np.ndarray):
                    values[k][index] = moved
                else:
                    values[k] = moved
        env = CARRIER.run(self.problem.graph, values)
        y = env[self.problem.graph.outputs[0]]
        NOW.node = None
        return lift(y[()] if isinstance(y, np.ndarray) else y)

    def at(self, coordinate: Coordinate) -> float:
        k, index = coordinate
        return float(np.asarray(self.problem.values[k])[index])

    def radius(self, x: float) -> Value:
        """How far the neighbourhood reaches: half of the digits of the precision."""
        return arb(abs(x) if x else 1.0) * arb(2) ** (-self.bits // 2)

    def germ(self, x: float, speed: int, side: int) -> Germ:
        """A coordinate: at x, and in a neighbourhood, moving at a speed."""
        radius = self.radius(x)
        if side:
            slope = side * speed
            return Germ(arb_series([arb(x), slope]), arb_series([arb(x) + slope * radius * arb(0.5, 0.5), slope]))
        return Germ(arb_series([arb(x), speed]), arb_series([arb(x) + arb(0, ONE) * radius, speed]))

    def smooth(self, y: Germ, order: int) -> Germ:
        """The germ, if it is finite to that order in the whole neighbourhood."""
        if y.lost is not None:
            raise UndecidedError(y.lost.text)
        for k in range(order + 1):
            what = ("value", "slope", "second derivative")[k]
            if min(y.point.prec, y.around.prec) <= k:  # flint reads 0 for what a series does not hold
                raise UndecidedError(f"the {what} is not in the series")
            if not y.around[k].is_finite():
                raise UndecidedError(f"the {what} is not enclosed in the neighbourhood ({ball(y.around[k])})")
        return y

    # Refutation.
    def examine(self) -> bool:
        """Whether the function is proven to have no value at the point, or no derivative."""
        try:
            y = self.along({}, 1, still=True)
        except UndecidedError:
            return False
        if y.lost is not None and y.lost.kind == UNDEFINED:
            self.verdict, self.reason = UNDEFINED, y.lost.text
            return True
        value = y.point[0]
        if not value.is_finite():
            return False
        self.value = entry(value)  # the function has one, at a kink and at a jump too
        return self.kinked(value)

    def kinked(self, value: Value) -> bool:
        """One-sided runs along each coordinate, until one shows a kink, a jump or an end of the domain."""
        found = ""
        tables: dict[str, Value] = {}
        for k, index in self.coordinates:
            left, right = (self.side({(k, index): 1}, s, value) for s in (-1, 1))
            name = self.problem.names[k]
            told = refutation(name + (str(list(index)) if index else ""), left, right, value)
            sides = tables.setdefault(name, np.full((*np.shape(self.problem.values[k]), 2, 2), np.nan))
            for j, s in enumerate((left, right)):
                if s is not None and s.continuous:
                    e = entry(s.slope)
                    sides[(*index, j)] = e.low, e.high
            found = found or told
            if found and len(self.coordinates) > ALL_SIDES:
                break
        if found:
            self.verdict, self.reason = KINK, found
            self.one_sided = {n: enclosures(t) for n, t in tables.items()}
        return bool(found)

    def side(self, direction: Direction, side: int, value: Value) -> Side | None:
        """One side of the point, or None where nothing is proven about it."""
        try:
            y = self.along(direction, ONE_SIDED_CAP, side)
        except TimeLimitError:
            raise
        except DifflabError:
            return None
        if y.lost is not None:
            return Side(None, None, False, y.lost.text) if y.lost.kind == UNDEFINED else None
        limit, slope = y.point[0], side * y.point[1]
        known = min(y.point.prec, y.around.prec) > 1  # flint reads 0 for what a series does not hold
        if not (known and y.around[0].is_finite() and y.around[1].is_finite() and slope.is_finite()):
            return None
        same = value.is_exact() and limit.is_exact() and bool(value == limit)
        return Side(limit, slope, bool(limit.overlaps(value)) and (not NOW.edge or same))


def refutation(name: str, left: Side | None, right: Side | None, value: Value) -> str:
    """Why there is no derivative along a coordinate; "" where that is not proven."""
    for where, s in (("left", left), ("right", right)):
        if s is not None and s.undefined:
            return f"the function is not defined to the {where} of {name}: {s.undefined}"
        if s is not None and not s.limit.overlaps(value):
            return f"a jump: from the {where} of {name} the values tend to {ball(s.limit)}, at it is {ball(value)}"
    if left is None or right is None or left.slope.overlaps(right.slope):
        return ""
    return f"a kink: the left derivative by {name} is in {ball(left.slope)}, the right one in {ball(right.slope)}"


def enclosures(sides: Value) -> Value:
    """(left, right), each (low, high), or None; for an array, arrays with NaN where a side is not known."""
    left, right = sides[..., 0, :], sides[..., 1, :]
    if left.ndim > 1:
        return None if np.all(np.isnan(sides)) else (left, right)
    return None if np.any(np.isnan(sides)) else (tuple(left.tolist()), tuple(right.tolist()))


class ManyProof(Proof):
    """For many coordinates: the recorded backward graph on balls gives the derivatives.

    That the function is differentiable is proven without the rules, by one series along a direction in which all
    coordinates move, over the whole neighbourhood; it also checks the sweep's derivative along that direction.
    """

    everywhere: Direction
    verdict: str
    reason: str
    bits: int
    runs: int
    value: Entry

    label = "enclosure by the reverse sweep on balls: rigorous about rounding, but on the same rules"
    least_bits = 256  # at which a rounded constant in a rule shows in the derivative along the direction

    def __init__(self, problem: Problem, order: int) -> None:
        super().__init__(problem, order)
        random = np.random.default_rng(0)
        self.everywhere = {c: int(random.integers(1, 10**6) * random.choice([-1, 1])) for c in self.coordinates}
        self.sweep: Value = None
        self.bits = self.least_bits

    def advance(self) -> bool:
        if self.order == 2:
            raise UnsupportedError(f"{len(self.coordinates)} coordinates; second derivatives for up to {MANY_PAIRS}")
        y = self.smooth(self.along(self.everywhere, 2), 1)
        self.value = entry(y.point[0])
        terms = self.swept()
        self.check(terms, y)
        settled = self.value.settled and all(e.settled for e in self.entries())
        alike = by_size(terms)
        if settled and len(alike) > 1:
            for chosen in alike:
                self.check({c: terms[c] for c in chosen}, None)
        return settled

    def check(self, terms: dict[Coordinate, Value], along: Germ | None) -> None:
        """Whether the sweep's derivative along a direction is the function's. Raises UnsupportedError where not."""
        if along is None:
            along = self.smooth(self.along({c: self.everywhere[c] for c in terms}, 2), 1)
        total, slope = sum(terms.values(), arb(0)), along.point[1]
        if not total.overlaps(slope):
            raise UnsupportedError(
                f"the sweep's derivative along a direction, {ball(total)}, is off the function's by "
                f"{float(abs(total - slope).mid()):.2g}: a rule is wrong, or rounds a constant"
            )

    def swept(self) -> dict[Coordinate, Value]:
        """Fills the tables by the backward graph; returns what each coordinate adds along the direction."""
        from .passes import backward_graph

        if self.sweep is None:
            try:
                self.sweep = backward_graph(self.problem.graph)
            except DifflabError as error:  # a row that looks at its values, recorded here at ones
                raise UnsupportedError(f"more than {MANY} coordinates, and no backward graph: {error}") from None
        flint.ctx.cap = 1
        NOW.side = 0
        self.runs += 1
        values = [lift_all(np.asarray(x, dtype=float)[()]) for x in self.problem.values]
        for k, index in self.coordinates:
            values[k][index] = self.germ(self.at((k, index)), 0, 0)
        NOW.exact = rounded_constants(self.problem.graph, self.sweep)
        try:
            env = CARRIER.run(self.sweep, values)
        finally:
            NOW.exact = {}
        results = [env[y] for y in self.sweep.outputs]
        terms: dict[Coordinate, Value] = {}
        for t, k in zip(self.tables, self.problem.places):
            found = np.broadcast_to(np.asarray(results[1 + k], dtype=object), t.shape)
            for index in np.ndindex(t.shape):
                y = self.smooth(lift(found[index]), 0)
                t[index] = entry(y.point[0])
                terms[k, index] = self.everywhere[k, index] * y.point[0]
        return terms

    def kinked(self, value: Value) -> bool:
        """If there were a derivative, the slopes along a direction and against it would add up to 0."""
        ahead = self.side(self.everywhere, 1, value)
        behind = self.side(self.everywhere, -1, value)
        told = refutation("the point along a direction", behind, ahead, value)
        if told:
            self.verdict, self.reason = KINK, told
        return bool(told)


def by_size(terms: dict[Coordinate, Value]) -> list[list[Coordinate]]:
    """The coordinates in groups of like size, zeros apart: beside a large term an error of a tiny one does not show."""
    sizes = {c: abs(term).mid() for c, term in terms.items()}
    logs = {c: float(size.log()) if size > 0 else -math.inf for c, size in sizes.items()}
    top = max(logs.values(), default=0.0)
    groups: dict[float, list[Coordinate]] = {}
    for c, log in logs.items():
        groups.setdefault((top - log) // LIKE if log > -math.inf else math.inf, []).append(c)
    return list(groups.values())


def note_on_constants(problem: Problem) -> list[str]:
    """Said once: a traced function's floats are doubles, not the numbers that they were meant for."""
    if not problem.traced:
        return []
    values = (n.params["value"] for n in problem.graph.order if n.primitive is rows.constant)
    if any(isinstance(v, float) and not float(v).is_integer() for v in values):
        return ["numbers in a traced function are the doubles that they are, np.pi too; in text, pi and 1/3 are exact"]
    return []
