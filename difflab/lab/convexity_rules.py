"""The rules of composition: which nodes of a graph are convex or concave in the inputs, whatever their smoothness.

A convex function that does not fall, of a convex one, is convex; sums with positive weights and maxima of convex
functions are convex; and so on (Boyd and Vandenberghe, "Convex Optimization", 3.2; Grant, Boyd and Ye, "Disciplined
convex programming", 2006). Where a rule depends on a sign, the range of the operand over the whole region decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from flint import arb

from ..graph.graph import Graph
from ..graph.node import Node
from ..primitives import Primitive, rows
from ..primitives.germs.germ import Germ, lift
from ..types import Value


class Curve(NamedTuple):
    """What is proven of all elements of a node: convex, concave (both: affine), constant.

    `log_convex`: positive, with a convex logarithm; sums keep that (Boyd and Vandenberghe, 3.5.2). `squares`: a sum of
    squares of what is affine, or convex and nowhere negative, so that its root is a norm of these.
    """

    convex: bool = False
    concave: bool = False
    constant: bool = False
    log_convex: bool = False
    squares: bool = False

    def flipped(self) -> Curve:
        return Curve(self.concave, self.convex, self.constant)

    def named_squares(self, true: bool = True) -> Curve:
        """The square of something even that is convex."""
        return self._replace(squares=self.convex and true)


UNKNOWN, AFFINE = Curve(), Curve(True, True)
GROWING = frozenset(("increasing", "rising"))  # facts of rows whose results do not fall where an operand grows


def curves(graph: Graph, ranges: dict[Node, Value]) -> dict[Node, Curve]:
    """The curvature of every node; `ranges` holds germs over the region, for the nodes that have them."""
    found: dict[Node, Curve] = {}
    for node in graph.order:
        operands = [found[x] for x in node.operands]
        if node.primitive is rows.input:
            found[node] = AFFINE
        elif all(c.constant for c in operands):
            values = balls(node, ranges)
            sign, known = signed(values), values is not None  # nan and infinity are no values
            found[node] = Curve(known, known, True, log_convex=sign > 0 and nonzero(values), squares=sign > 0)
        else:
            found[node] = curve(node, operands, [balls(x, ranges) for x in node.operands])
    return found


def balls(node: Node, ranges: dict[Node, Value]) -> list[Value] | None:
    """The ranges of the elements of a node, or None where they are not known."""
    x = ranges.get(node)
    if x is None:
        return None
    flat = x.flat if isinstance(x, np.ndarray) else [x]
    try:
        made = [(v if isinstance(v, Germ) else lift(v)).around[0] for v in flat]
    except (TypeError, NotImplementedError):
        return None
    if not all(b.is_finite() for b in made):
        return None
    return [from_zero(b) for b in made] if "not negative" in node.primitive.facts else made


def from_zero(b: Value) -> Value:
    """A ball of numbers that are not negative, without the numbers below 0 that rounding gave it."""
    if b >= 0:
        return b
    around_0 = arb(0, b.upper() / 2)
    return around_0 + around_0.rad()


def signed(range_: list[Value] | None) -> int:
    """1 where all elements are at least 0, -1 where they are at most 0, else 0."""
    if range_ is None:
        return 0
    return 1 if all(b >= 0 for b in range_) else -1 if all(b <= 0 for b in range_) else 0


def meet(operands: list[Curve]) -> Curve:
    every = [all(told) for told in zip(*operands)]
    return Curve(every[0], every[1], False, every[3], every[4])


def curve(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    """The curvature of a node that is no constant."""
    row = node.primitive
    facts, rule = row.facts, RULES.get(row)
    if rule is not None:
        return rule(node, operands, ranges)
    if "moves" in facts or "sums" in facts:
        fixed = getattr(row, "fixed", ())
        if not all(operands[k].constant for k in fixed if k < len(operands)):
            return UNKNOWN
        return meet([c for k, c in enumerate(operands) if k not in fixed])
    if "outward" in facts and "convex" in facts:
        return even(operands, ranges).named_squares(row is rows.square)
    if facts & GROWING and "convex" in facts:
        convex = meet(operands).convex
        return Curve(convex=convex, log_convex=convex and row in (rows.exp, rows.exp2, rows.exp10))
    if facts & GROWING and "concave" in facts:
        return Curve(concave=meet(operands).concave)
    return UNKNOWN


def is_affine(c: Curve) -> bool:
    return c.convex and c.concave


def even(operands: list[Curve], ranges: list[Value]) -> Curve:
    """A convex function that rises with the distance of its operands from 0."""
    fits = [
        is_affine(c) or (c.convex and signed(r) > 0) or (c.concave and signed(r) < 0) for c, r in zip(operands, ranges)
    ]
    return Curve(convex=all(fits))


def product(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    if node.operands[0] is node.operands[1] and (node.primitive is rows.multiply or node.value.shape == ()):
        return even(operands[:1], ranges[:1]).named_squares()  # x * x, and x @ x of vectors
    for k in (0, 1):
        if operands[k].constant:
            return scaled(operands[1 - k], ranges[k])
    return UNKNOWN


def scaled(c: Curve, weights: Value) -> Curve:
    sign = signed(weights)
    if weights is None:
        return UNKNOWN
    if sign > 0:
        return c._replace(constant=False, log_convex=c.log_convex and nonzero(weights))
    return c.flipped() if sign < 0 else Curve(is_affine(c), is_affine(c))


def quotient(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    above, below = operands
    if below.constant:
        return scaled(above, ranges[1]) if nonzero(ranges[1]) else UNKNOWN
    if not (signed(ranges[1]) > 0 and nonzero(ranges[1]) and below.concave):
        return UNKNOWN
    if above.constant:
        return scaled(Curve(convex=True), ranges[0]) if signed(ranges[0]) else UNKNOWN
    return Curve(convex=above.squares)  # the square of a norm over a positive concave function


def nonzero(range_: Value) -> bool:
    return range_ is not None and not any(b.contains(0) for b in range_)


def power(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    """x**n with a constant n, the same for all elements."""
    base, exponent = operands
    if not exponent.constant or ranges[1] is None:
        return UNKNOWN
    n = ranges[1][0]
    if not n.is_exact() or not all(b.is_exact() and b == n for b in ranges[1]):
        return UNKNOWN
    if n == 1:
        return base
    if n.is_integer() and n > 0 and int(n.unique_fmpz()) % 2 == 0:
        return even([base], ranges[:1]).named_squares(bool(n == 2))
    if signed(ranges[0]) <= 0:
        return UNKNOWN
    if n > 1:
        return Curve(convex=base.convex)
    if n > 0:
        return Curve(concave=base.concave)
    return Curve(convex=base.concave) if n < 0 and nonzero(ranges[0]) else UNKNOWN


def inverse(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    positive = signed(ranges[0]) > 0 and nonzero(ranges[0])
    return Curve(convex=operands[0].concave) if positive else UNKNOWN


def root(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    if operands[0].squares:
        return Curve(convex=True)
    return Curve(concave=operands[0].concave) if signed(ranges[0]) > 0 else UNKNOWN


def logarithm(shift: int) -> Callable[..., Curve]:
    def rule(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
        inside = ranges[0] is not None and all(b + shift > 0 for b in ranges[0])
        return Curve(convex=operands[0].log_convex, concave=operands[0].concave) if inside else UNKNOWN

    return rule


def converted(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    return operands[0] if getattr(node.value, "dtype", None) == np.float64 else UNKNOWN  # others round


def reversed_sign(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    return operands[0].flipped()


def difference(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    return meet([operands[0], operands[1].flipped()])


def log_sum(node: Node, operands: list[Curve], ranges: list[Value]) -> Curve:
    """log(sum(b exp(x))); with weights b that may be negative nothing is known."""
    if any(not (c.constant and signed(r) > 0) for c, r in zip(operands[1:], ranges[1:])):
        return UNKNOWN
    return Curve(convex=operands[0].convex)


# Rules that look at ranges, or at more than one property of the operands.
RULES: dict[Primitive, Callable[..., Curve]] = {
    rows.negative: reversed_sign,
    rows.subtract: difference,
    rows.multiply: product,
    rows.matmul: product,
    rows.dot: product,
    rows.divide: quotient,
    rows.power: power,
    rows.reciprocal: inverse,
    rows.sqrt: root,
    rows.log: logarithm(0),
    rows.log2: logarithm(0),
    rows.log10: logarithm(0),
    rows.log1p: logarithm(1),
    rows.logsumexp: log_sum,
    rows.astype: converted,
}


def terms(output: Node, found: dict[Node, Curve]) -> tuple[list[tuple[Node, int]], set[int]]:
    """The output as a sum of nodes with signs, and which of these are convex by the rules."""
    parts: list[tuple[Node, int]] = []
    open_parts = [(output, 1)]
    while open_parts:
        node, sign = open_parts.pop()
        row = node.primitive
        if row in (rows.add, rows.subtract) and all(x.value.shape == () for x in node.operands):
            open_parts += [(node.operands[0], sign), (node.operands[1], sign if row is rows.add else -sign)]
        elif row is rows.negative:
            open_parts.append((node.operands[0], -sign))
        else:
            parts.append((node, sign))
    convex = {k for k, (node, sign) in enumerate(parts) if (found[node].convex if sign > 0 else found[node].concave)}
    return parts, convex


__all__ = ["Curve", "curves", "terms"]
