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

# Operations by one name each: rows as they are, and what JAX and PyTorch call otherwise.
OF_ROWS: dict[Primitive, str] = {
    row: row.name
    for row in (
        *(
            rows.sqrt,
            rows.log,
            rows.log2,
            rows.log10,
            rows.log1p,
            rows.exp,
            rows.exp2,
            rows.expm1,
            rows.divide,
            rows.power,
        ),
        *(
            rows.square,
            rows.multiply,
            rows.add,
            rows.subtract,
            rows.sum,
            rows.mean,
            rows.prod,
            rows.arccos,
            rows.arcsin,
        ),
        *(
            rows.arctanh,
            rows.arccosh,
            rows.arctan2,
            rows.norm,
            rows.std,
            rows.softmax,
            rows.where,
            rows.dot,
            rows.matmul,
        ),
        *(
            rows.sigmoid,
            rows.cosh,
            rows.sinh,
            rows.logsumexp,
            rows.reciprocal,
            rows.hypot,
            rows.cbrt,
            rows.inv,
            rows.solve,
        ),
    )
}
ELSEWHERE = {
    "div": "divide", "pow": "power", "float_power": "power", "integer_pow": "power", "rsqrt": "reciprocal",
    "acos": "arccos", "asin": "arcsin", "atanh": "arctanh", "acosh": "arccosh", "atan2": "arctan2", "sub": "subtract",
    "mul": "multiply", "reduce_sum": "sum", "add_any": "add", "select_n": "where", "masked_fill": "where",
    "_softmax": "softmax", "_log_softmax": "log_softmax", "linalg_vector_norm": "norm", "_cdist_forward": "norm",
    "_euclidean_dist": "norm", "dot_general": "dot", "mm": "dot", "bmm": "dot", "addmm": "dot", "mv": "dot",
    "logistic": "sigmoid", "reduce_prod": "prod",
}  # fmt: skip
LARGEST = {"float16": (65504.0, "65,504"), "bfloat16": (3.39e38, "3.4e38"), "float32": (3.4e38, "3.4e38")}
LOGS = ("log", "log2", "log10")
SEVERAL = ("sum", "mean", "norm", "std", "dot", "matmul")


def operation(node: Place) -> str:
    """The one name of an operation, or another library's own; nothing for a row that no mend speaks of."""
    if isinstance(node, Node):
        return OF_ROWS.get(node.primitive.plain, "")
    name = node.operation.removesuffix("_")
    return ELSEWHERE.get(name, name)


class Situation:
    """An origin as mends ask about it."""

    def __init__(self, record: Record, origin: Origin, pass_: str) -> None:
        self.record, self.origin, self.backward = record, origin, pass_ == "backward"
        self.step: Step | None = origin.step
        self.op: str = operation(record.nodes[origin.slot]) if origin.step is not None else ""
        numbers = record.arrays.numbers(record.values[origin.slot])
        self.entry: float = float(np.real(numbers[origin.index])) if numbers is not None else np.nan
        self.dtype: str = str(getattr(record.values[origin.slot], "dtype", "float64")).rpartition(".")[2]

    @cached_property
    def of(self) -> str:
        """The operation at fault: the one whose derivative this is a part of, or itself."""
        if self.step is None:
            return ""
        if self.step.forward is not None:
            return operation(self.step.forward)
        told = self.record.derivative_of(self.step)
        return ELSEWHERE.get(told, told) or self.op

    @cached_property
    def at(self) -> tuple[float, ...]:
        """The entries of the operands that line up with the one that is not finite; NaN for what has none."""
        found = []
        for k in self.step.operands if self.step is not None else ():
            numbers, index = self.record.arrays.numbers(self.record.values[k]), self.origin.index
            if numbers is None or numbers.ndim > len(index):
                found.append(np.nan)
                continue
            lined = index[len(index) - numbers.ndim :]
            fits = all(i < n or n == 1 for i, n in zip(lined, numbers.shape))
            place = tuple(i if n > 1 else 0 for i, n in zip(lined, numbers.shape))
            found.append(float(np.real(numbers[place])) if fits else np.nan)
        return tuple(found)

    def behind(self, *names: str, steps: int = 12) -> bool:
        """Whether the value comes, by a few steps, from an operation of these names."""
        near = zip(range(steps), self.record.back(self.origin.slot))
        return any(operation(step.node) in names for _, step in near if step is not self.step)

    @cached_property
    def squares(self) -> bool:
        """Whether a square root is one of a sum of squares."""
        return self.of in ("norm", "std") or (
            self.of == "sqrt" and self.behind("square", "power", "multiply") and self.behind(*SEVERAL)
        )

    @cached_property
    def not_taken(self) -> bool:
        """Whether the operation at fault, in the function itself, goes into a branch of a `where`."""
        assert self.step is not None
        consumers, seen, waiting = self.record.consumers(), set(), list(self.suspects)
        for k in waiting:
            for step in consumers.get(k, ()):
                if not self.record.is_forward(step) or id(step) in seen:
                    continue
                seen.add(id(step))
                if operation(step.node) == "where":
                    return True
                waiting += step.results
        return False

    @property
    def suspects(self) -> list[int]:
        """The results of the function's own steps at the same line that are of the operation at fault."""
        step = self.step
        assert step is not None
        if self.record.is_forward(step):
            return [*step.results]
        near = [s for s in self.record.steps if self.record.is_forward(s) and s.source == step.source]
        same = [s for s in near if operation(s.node) == self.of] or [
            s for s in near if {*s.operands} & {*step.operands}
        ]
        return [k for s in same for k in s.results]

    @property
    def infinite(self) -> bool:
        """Whether an operand is infinite where a NaN is made: the infinity was given on purpose."""
        return (
            any(self.record.bad(self.record.values[k]) is not None for k in self.step.operands) if self.step else False
        )

    @property
    def words(self) -> dict[str, str]:
        most, told = LARGEST.get(self.dtype, (1.797e308, "1.8e308"))
        return {
            "m": self.record.arrays.module, "of": self.of or "it", "most": told, "least": f"{np.log(most):.3g}",
            "dtype": self.dtype,
            "slope": f"the slope of {self.of}" if self.of != self.op or self.record.is_forward(self.step) else "the slope",
        }  # fmt: skip
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
