"""The search behind `convexity`: parts of the box with an enclosed Hessian, and points that break convexity.

On each part the function runs on power series of balls that cover it, along every pair of coordinates; the second
coefficients enclose the Hessian at all points of the part. If every matrix in the enclosure is positive
semidefinite, by elimination in balls, the part is done; otherwise it is cut in half. Terms of a sum that the rules of
composition prove convex on the whole box may be left out of a part's Hessian, since the rest is smooth on a
neighbourhood of the part: along any segment the rest has a continuous slope that does not fall, and so have both
together from left to right.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from typing import Any, NamedTuple

import flint
import numpy as np
from flint import arb, arb_series

from ..differentiate.arb_carrier import CARRIER
from ..differentiate.certificate import UNDEFINED, outward
from ..differentiate.problem import Problem
from ..errors import DifflabError, InputError, TimeLimitError
from ..graph.graph import Graph
from ..graph.node import Node
from ..primitives import rows
from ..primitives.germs.constants import lift_all
from ..primitives.germs.germ import Germ, lift
from ..primitives.germs.session import NOW, session
from ..progress import doing, tell
from ..types import Array, Shape, Value
from .convexity_result import CONVEX, NOT_CONVEX, STRONG, UNDECIDED, Convexity, Violation, told_point
from .convexity_rules import curves, terms
from .eigenvalue_bounds import largest_eigenvalue, least_eigenvalue, middles

BITS = 128
MOST_COORDINATES = 24
MOST_PARTS = 3000
SHARPENED = 100  # parts cut once more for a better modulus, at most
CLOSE = 0.9  # of the least eigenvalue found: then the modulus is good enough
NARROWEST = 2.0**-40  # of the box: a part that is not cut any more
PAIRS = 400  # random pairs of points looked at first
REACHES = (1.0, 0.25, 2.0**-5, 2.0**-9, 2.0**-14)  # how far points lie from the middle of a part, in its width
MOST_TERMS = 16
Box = tuple[Any, Any]  # the lower and the upper ends of all coordinates


class Part(NamedTuple):
    """What is proven on a part of the box; `leaned`: with terms left out that the rules prove convex."""

    modulus: float
    box: Box
    smoothness: float
    leaned: bool


def decide(problem: Problem, low: dict[str, Value], high: dict[str, Value], seconds: float) -> Convexity:
    """The verdict on a problem over a box."""
    if any(n.primitive is rows.stop_gradient for n in problem.graph.order):
        raise InputError("convexity: the function holds a stop_gradient, and derivatives do not tell its values then")
    search = Search(problem, low, high)
    if len(search.low) > MOST_COORDINATES:
        raise InputError(
            f"convexity: the region has {len(search.low)} coordinates; Hessians are enclosed for up to "
            f"{MOST_COORDINATES}: fix some of them"
        )
    try:
        with doing("convexity"), session(seconds):
            flint.ctx.prec = BITS
            found = search.run()
    except TimeLimitError as error:
        found = search.undecided(str(error).replace("not certified", "not decided"))
    except (RecursionError, MemoryError) as error:
        found = search.undecided(f"the function is too large for enclosures ({error})")
    return found


class Search:
    """Coordinates are flat here: one entry for each number of the inputs."""

    problem: Problem
    graph: Graph
    low: Array
    high: Array
    reason: str
    stuck: str

    def __init__(self, problem: Problem, low: dict[str, Value], high: dict[str, Value]) -> None:
        self.problem, self.graph = problem, problem.graph
        self.shapes: list[Shape] = [np.shape(v) for v in problem.values]
        self.low, self.high = (
            np.concatenate([np.broadcast_to(x[name], shape).ravel() for name, shape in zip(problem.names, self.shapes)])
            for x in (low, high)
        )
        self.region: dict[str, tuple[Array, Array]] = {name: (low[name], high[name]) for name in problem.names}
        self.parts: int = 0
        self.reason, self.stuck = "", ""
        self.pieces: list[tuple[Node, int]] = [(self.graph.outputs[0], 1)]
        self.by_rule: set[int] = set()
        self.undefined: str = ""  # why the function has no value on all of a part

    # Verdicts.
    def run(self) -> Convexity:
        self.apply_rules()
        if (violation := self.refuted_by_chance()) is not None:
            return self.refuted(violation)
        queue = deque([(self.low, self.high)])
        parts: list[Part] = []
        while queue:
            if self.parts >= MOST_PARTS:
                return self.undecided(f"not settled on {MOST_PARTS} parts of the box: {self.stuck or self.reason}")
            box = queue.popleft()
            if (part := self.look(box)) is not None:
                parts.append(part)
                continue
            if self.undefined:
                return self.undecided(f"the function has no value near {self.undefined}")
            if (violation := self.refuted_at(box)) is not None:
                return self.refuted(violation)
            if np.max((box[1] - box[0]) / (self.high - self.low)) < NARROWEST:
                self.stuck = self.stuck or f"near {self.told(middle(box))}: {self.reason}"
            else:
                queue.extend(self.cut(box))
            tell(f"{self.parts} parts, {len(queue)} left")
        return self.undecided(self.stuck) if self.stuck else self.proven(parts)

    def proven(self, parts: list[Part]) -> Convexity:
        """The modulus over all parts, of which the worst are cut again as long as that may better it much."""
        with suppress(TimeLimitError):  # what is proven stays so
            self.sharpen(parts, lambda part: part.modulus, lambda bound, at: bound >= CLOSE * min(at))
            if all(math.isfinite(part.smoothness) for part in parts):
                self.sharpen(parts, lambda part: -part.smoothness, lambda bound, at: CLOSE * -bound <= max(at))
        modulus = min(part.modulus for part in parts)
        smoothness, leaned = max(part.smoothness for part in parts), any(part.leaned for part in parts)
        verdict = STRONG if modulus > 0 else CONVEX
        return Convexity(verdict, self.region, modulus, smoothness, boxes=len(parts), rules=leaned)

    def sharpen(
        self, parts: list[Part], bound: Callable[[Part], float], enough: Callable[[float, list[float]], bool]
    ) -> None:
        """Cuts the part with the worst bound, until that is near to an eigenvalue at the middle of a part."""
        seen: list[float] = []
        for _ in range(SHARPENED):
            k = min(range(len(parts)), key=lambda k: bound(parts[k]))
            whole = parts[k]
            eigenvalues, _ = self.eigen(middle(whole.box))
            seen += list(np.maximum(eigenvalues, 0.0))
            if seen and enough(bound(whole), seen):
                return
            halves = [self.look(half) or whole._replace(box=half) for half in self.cut(whole.box)]
            parts[k : k + 1] = [
                Part(max(h.modulus, whole.modulus), h.box, min(h.smoothness, whole.smoothness), h.leaned)
                for h in halves
            ]

    def refuted(self, violation: Violation) -> Convexity:
        return Convexity(NOT_CONVEX, self.region, violation=violation, boxes=self.parts)

    def undecided(self, reason: str) -> Convexity:
        return Convexity(UNDECIDED, self.region, reason=reason or "no part of the box was settled", boxes=self.parts)

    # Rules of composition.
    def apply_rules(self) -> None:
        """Cuts the function into terms and finds those that are convex; only if the recording holds on all the box."""
        try:
            env = self.env(self.ball(self.low, self.high), {}, 1)
        except TimeLimitError:
            raise
        except DifflabError:
            return
        pieces, by_rule = terms(self.graph.outputs[0], curves(self.graph, env))
        if len(pieces) <= MOST_TERMS:
            self.pieces, self.by_rule = pieces, by_rule
        elif len(by_rule) == len(pieces):
            self.by_rule = {0}

    # Parts.
    def look(self, box: Box) -> Part | None:
        """What is proven on a part: None where the Hessian may bend down."""
        self.parts += 1
        try:
            each, lost = self.hessians(box)
        except TimeLimitError:
            raise
        except DifflabError as error:
            self.reason = str(error)
            return None
        kept = [k for k, h in enumerate(each) if h is not None]
        smooth = len(kept) == len(each)
        if not self.by_rule.issuperset(k for k, h in enumerate(each) if h is None):
            self.reason = lost
            return None
        found: list[tuple[float, bool]] = []  # with more and more terms left out, the vaguest first
        vague = sorted(self.by_rule.intersection(kept), key=lambda k: -widest(each[k]))
        for k in range(len(vague) + 1):
            rest = [each[j] for j in kept if j not in vague[:k]]
            modulus = least_eigenvalue(sum(rest[1:], rest[0])) if rest else 0.0
            if modulus is not None:
                found.append((modulus, smooth and k == 0))
        if not found:
            self.reason = "the enclosure of the Hessian is not positive semidefinite"
            return None
        modulus, plain = max(found)
        smoothness = largest_eigenvalue(sum(each[1:], each[0])) if smooth else math.inf
        return Part(modulus, box, smoothness, not plain)

    def hessians(self, box: Box) -> tuple[list[Value], str]:
        """An enclosure of the Hessian of each term on a part, None where it has none, and the reason for the last."""
        n = len(self.low)
        balls = self.ball(*box)
        each: list[Value] = [np.full((n, n), None, dtype=object) for _ in self.pieces]
        lost = ""
        for pair in [(a,) for a in range(n)] + list(combinations(range(n), 2)):
            env = self.env(balls, dict.fromkeys(pair, 1), 3)
            for k, (node, sign) in enumerate(self.pieces):
                y = single(env[node])
                if each[k] is None:
                    continue
                if y.lost is not None or not all(y.around[j].is_finite() for j in range(3)):
                    each[k], lost = None, y.lost.text if y.lost is not None else "a second derivative is not enclosed"
                    if y.lost is not None and y.lost.kind == UNDEFINED:
                        self.undefined = f"{self.told(middle(box))}: {y.lost.text}"
                elif len(pair) == 1:
                    each[k][pair[0], pair[0]] = 2 * sign * y.around[2]
                else:
                    a, b = pair
                    both = sign * y.around[2] - (each[k][a, a] + each[k][b, b]) / 2
                    each[k][a, b] = each[k][b, a] = both
        return each, lost

    def cut(self, box: Box) -> list[Box]:
        """Two halves, along the side that is the longest in comparison with the whole box."""
        low, high = box
        k = int(np.argmax((high - low) / (self.high - self.low)))
        middle = low[k] + (high[k] - low[k]) / 2
        first, second = high.copy(), low.copy()
        first[k] = second[k] = middle
        return [(low, first), (second, high)]

    # Runs.
    def ball(self, low: Array, high: Array) -> list[Value]:
        return [covering(float(a), float(b)) for a, b in zip(low, high)]

    def env(self, balls: list[Value], direction: dict[int, int], cap: int) -> dict[Node, Value]:
        """All nodes on series over the balls that move in a direction."""
        flint.ctx.cap = cap
        NOW.side, NOW.edge, NOW.node = 0, False, None
        germs = [Germ(arb_series([b, direction.get(k, 0)] if cap > 1 else [b])) for k, b in enumerate(balls)]
        values: list[Value] = []
        start = 0
        for value, shape in zip(self.problem.values, self.shapes):
            size = math.prod(shape)
            lifted = lift_all(np.asarray(value, dtype=float)[()])
            if isinstance(lifted, np.ndarray):
                for k, index in enumerate(np.ndindex(shape)):
                    lifted[index] = germs[start + k]
                values.append(lifted)
            else:
                values.append(germs[start])
            start += size
        env = CARRIER.run(self.graph, values)
        NOW.node = None
        return env

    def value(self, balls: list[Value]) -> Value:
        """The function at a point, or None where it has no value there."""
        try:
            y = single(self.env(balls, {}, 1)[self.graph.outputs[0]])
        except TimeLimitError:
            raise
        except DifflabError:
            return None
        return y.around[0] if y.around[0].is_finite() else None

    # Counterexamples.
    def refuted_by_chance(self) -> Violation | None:
        """Points about the middle along the axes, then random pairs, in floats first."""
        middle, quarter = (self.low + self.high) / 2, np.diag((self.high - self.low) / 4)
        pairs = [(middle - step, middle + step) for step in quarter]
        random = np.random.default_rng(0)
        pairs += list(self.low + (self.high - self.low) * random.random((PAIRS, 2, len(self.low))))
        return next((found for a, b in pairs if (found := self.suspected(a, b)) is not None), None)

    def refuted_at(self, box: Box) -> Violation | None:
        """Points around the middle of a part: along the axes, and in the direction in which the Hessian bends down."""
        centre, width = middle(box), box[1] - box[0]
        for step in np.diag(width):
            if (violation := self.suspected(*self.around(centre, step))) is not None:
                return violation
        eigenvalues, directions = self.eigen(centre)
        if not np.any(eigenvalues < 0):
            return None
        direction = directions[:, 0]
        step = direction * np.min(width / np.maximum(np.abs(direction), 1e-300))
        for reach in REACHES:
            if (violation := self.violated(*self.around(centre, reach * step))) is not None:
                return violation
        return None

    def around(self, middle: Array, step: Array) -> tuple[Array, Array]:
        """Two points about the middle that lie in the region."""
        with np.errstate(divide="ignore"):
            room = np.minimum(middle - self.low, self.high - middle) / np.abs(step)
        share = min(1.0, float(np.min(room)))
        left, right = (np.clip(middle + side * share * step, self.low, self.high) for side in (-1, 1))
        return left, right

    def suspected(self, a: Array, b: Array) -> Violation | None:
        """The violation, proven, where floats see one."""
        with np.errstate(all="ignore"):
            fa, fm, fb = (self.float_value(x) for x in (a, a + (b - a) / 2, b))
            if not fm - (fa + fb) / 2 > 1e-13 * (abs(fa) + abs(fm) + abs(fb)):
                return None
        return self.violated(a, b)

    def float_value(self, x: Array) -> float:
        values = self.split(x)
        try:
            return float(self.graph.evaluate(values)[self.graph.outputs[0]])
        except (DifflabError, ArithmeticError, ValueError):
            return math.nan

    def violated(self, a: Array, b: Array) -> Violation | None:
        """Whether the value in the middle is proven to lie above the mean of the values, in balls."""
        if np.array_equal(a, b):
            return None
        first, last = self.ball(a, a), self.ball(b, b)
        ends = self.value(first), self.value(last)
        middle = self.value([(x + y) / 2 for x, y in zip(first, last)])
        if middle is None or None in ends:
            return None
        gap = middle - (ends[0] + ends[1]) / 2
        if not gap > 0:
            return None
        names = self.problem.names
        return Violation(dict(zip(names, self.split(a))), dict(zip(names, self.split(b))), outward(gap)[0])

    def eigen(self, x: Array) -> tuple[Value, Value]:
        """The eigenvalues of the Hessian at a point and their directions, in floats; none where it has none."""
        try:
            each, _ = self.hessians((x, x))
        except TimeLimitError:
            raise
        except DifflabError:
            return np.zeros(0), None
        if any(h is None for h in each):
            return np.zeros(0), None
        return np.linalg.eigh(middles(sum(each[1:], each[0])))

    def split(self, x: Array) -> list[Value]:
        """A flat point as the inputs' values."""
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])
        return [part.reshape(shape)[()] for part, shape in zip(np.split(np.asarray(x), ends[:-1]), self.shapes)]

    def told(self, x: Array) -> str:
        return told_point(dict(zip(self.problem.names, self.split(x))))


def covering(a: float, b: float) -> Value:
    """The ball of an interval; an end at 0 stays there, although radii are rounded up."""
    if a == b:
        return arb(a)
    if a == 0 or b == 0:
        around_0 = arb(0, arb(b - a) / 2)
        return around_0 + (around_0.rad() if a == 0 else -around_0.rad())
    return arb(a).union(arb(b))


def single(y: Value) -> Germ:
    return lift(y[()] if isinstance(y, np.ndarray) else y)


def middle(box: Box) -> Value:
    return box[0] + (box[1] - box[0]) / 2


def widest(h: Value) -> float:
    """The largest radius of the entries."""
    return max(float(x.rad()) for x in h.flat)


__all__ = ["decide"]
