"""What to write instead: the known ways in which a formula makes NaN, and their mends, as a table.

The first mend whose condition holds is said. In its text {m} is the library (np, jnp, torch), {of} the operation at
fault, {most} the largest number of the {dtype}, {least} what exp takes at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .history import History
from .search import Origin
from .situation import LOGS, Situation


class Mend(NamedTuple):
    """When it helps, and what to write."""

    when: Callable[[Situation], bool]
    text: str


def at_zero(s: Situation, place: int = 0) -> bool:
    return len(s.at) > place and s.at[place] == 0


GIVEN = "it is so from the start: look where it was made"
DOUBLE_WHERE = (
    "{m}.where takes the other branch here, but {slope} is computed too, and 0 * inf is NaN. Give it a harmless "
    "number: safe = {m}.where(ok, x, 1.0), then {m}.where(ok, f(safe), other)"
)
ROW_OF_INFINITIES = (
    "inf - inf is NaN: a row in which all is -inf has no softmax. Keep one entry finite, or mask with a large finite "
    "number, such as {m}.finfo(x.dtype).min"
)
MENDS = (
    Mend(
        lambda s: s.step is None,
        GIVEN,
    ),
    Mend(
        lambda s: s.infinite and s.op in ("softmax", "subtract", "log_softmax"),
        ROW_OF_INFINITIES,
    ),
    Mend(
        lambda s: s.infinite and s.op in ("multiply", "dot", "matmul"),
        "0 * inf is NaN: {m}.where(mask, x, 0.0), and no product with the mask",
    ),
    Mend(
        lambda s: s.infinite and s.op == "divide",
        "inf / inf is NaN: divide before the numbers get so large",
    ),
    Mend(
        lambda s: s.infinite,
        "an operand is infinite already: look where it was made",
    ),
    Mend(
        lambda s: s.backward and s.not_taken,
        DOUBLE_WHERE,
    ),
    Mend(
        lambda s: s.backward and s.squares,
        "the root of a sum of squares has no derivative at 0 (the norm of zeros, the distance of equal "
        "points, the std of equal numbers): {m}.sqrt({m}.sum(x * x) + 1e-12), or the sum of squares itself",
    ),
    Mend(
        lambda s: s.backward and s.of == "sqrt",
        "sqrt has an infinite slope at 0: {m}.sqrt(x + 1e-12)",
    ),
    Mend(
        lambda s: s.backward and s.of in ("power", "cbrt"),
        "x ** p has an infinite slope at 0 for p < 1, and x ** x too: (x + 1e-12) ** p",
    ),
    Mend(
        lambda s: s.backward and s.of in ("arccos", "arcsin"),
        "{of} has an infinite slope at -1 and 1: clip to [-1 + 1e-6, 1 - 1e-6]; an angle between vectors is "
        "better the arctan2 of the lengths of their cross product and their dot product",
    ),
    Mend(
        lambda s: s.backward and s.of in ("arctan2", "hypot"),
        "{of} has no derivative where both are 0: choose other numbers there with {m}.where, before {of} sees them",
    ),
    Mend(
        lambda s: s.backward and s.of in ("log", "log2", "log10", "log1p", "divide", "reciprocal"),
        "the slope of {of} is infinite, or larger than {most}, so near 0: keep its operand away from 0, "
        "{m}.clip(x, 1e-12, None)",
    ),
    Mend(
        lambda s: s.op in LOGS and at_zero(s) and s.behind("softmax", steps=4),
        "the softmax underflows to 0: log_softmax is the logarithm of a softmax in one function",
    ),
    Mend(
        lambda s: s.op in LOGS and at_zero(s) and s.behind("exp") and s.behind("divide", "reciprocal"),
        "an exponential underflows to 0 before the logarithm: log_softmax(x) and log_sigmoid(x) take the "
        "logarithm without it",
    ),
    Mend(
        lambda s: s.op in LOGS and at_zero(s) and s.behind("exp"),
        "an exponential underflows to 0 before the logarithm: logsumexp(x) takes the logarithm of a sum of "
        "exponentials without it",
    ),
    Mend(
        lambda s: s.op in LOGS and at_zero(s) and s.behind("sigmoid"),
        "the sigmoid underflows to 0: log_sigmoid(x) = -softplus(-x) is its logarithm in one function",
    ),
    Mend(
        lambda s: s.op in LOGS and at_zero(s),
        "log(0) is -inf: {m}.log(x + 1e-12) where x may be 0; p * log(p) is xlogy(p, p)",
    ),
    Mend(
        lambda s: s.op == "log1p",
        "log1p(x) is the logarithm of 1 + x, and defined for x > -1 alone",
    ),
    Mend(
        lambda s: s.op in LOGS,
        "the logarithm of a negative number is NaN: where does the sign come from? {m}.log({m}.clip(x, 1e-12,"
        " None)) cuts it off",
    ),
    Mend(
        lambda s: s.op == "sqrt",
        "the square root of a negative number is NaN; where it is 0 but for rounding, {m}.sqrt({m}.clip(x, 0.0, None))",
    ),
    Mend(
        lambda s: s.op in ("exp", "exp2", "expm1", "cosh", "sinh"),
        "exp is larger than {most} from {least} on ({dtype}): logsumexp(x), logaddexp(0, x) (softplus) and "
        "sigmoid(x) stay finite; in a sum of exponentials subtract the largest exponent first",
    ),
    Mend(
        lambda s: s.op == "divide" and at_zero(s, 1) and at_zero(s),
        "0 / 0 is NaN: safe = {m}.where(y == 0, 1.0, y), then {m}.where(y == 0, limit, x / safe); sin(x) / x is sinc",
    ),
    Mend(
        lambda s: s.op in ("divide", "reciprocal"),
        "a division by 0: safe = {m}.where(y == 0, 1.0, y), or x / (y + 1e-12) where y is not negative",
    ),
    Mend(
        lambda s: s.op == "power" and at_zero(s),
        "0 has no negative power: (x + 1e-12) ** p",
    ),
    Mend(
        lambda s: s.op == "power" and np.isnan(s.entry),
        "a negative number has no power with a fraction: {m}.abs(x) ** p, or {m}.clip(x, 0.0, None) ** p",
    ),
    Mend(
        lambda s: s.op in ("arccos", "arcsin"),
        "{of} is defined from -1 to 1: where rounding leads outside, clip to [-1, 1]",
    ),
    Mend(
        lambda s: s.op == "arctanh",
        "arctanh is defined between -1 and 1: clip to [-1 + 1e-6, 1 - 1e-6]",
    ),
    Mend(
        lambda s: s.op == "arccosh",
        "arccosh is defined from 1 on",
    ),
    Mend(
        lambda s: s.op in ("inv", "solve"),
        "the matrix is singular: add a small multiple of the unit matrix",
    ),
    Mend(
        lambda s: np.isinf(s.entry),
        "the result is larger than {most}, the largest number of {dtype}: scale the numbers, add logarithms "
        "in place of products, or compute in float64",
    ),
)


def mend_of(record: History, origin: Origin, pass_: str) -> str:
    """What to write instead, where that is known; else nothing."""
    situation = Situation(record, origin, pass_)
    for mend in MENDS:
        if mend.when(situation):
            return mend.text.format(**situation.words)
    return ""


__all__ = ["mend_of"]
