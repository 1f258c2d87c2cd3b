"""What mends ask about an origin: which operation is at fault, at which numbers, behind which others."""

from __future__ import annotations

from functools import cached_property
from itertools import islice

import numpy as np

from ...graph.node import Node
from ...primitives import Primitive, rows
from .history import AnyNode, History, Step
from .search import Origin

# Operations by one name each: rows as they are, and what JAX and PyTorch call otherwise.
SPOKEN_OF = (
    rows.sqrt, rows.cbrt, rows.log, rows.log2, rows.log10, rows.log1p, rows.exp, rows.exp2,
    rows.expm1, rows.cosh, rows.sinh, rows.divide, rows.reciprocal, rows.power, rows.square, rows.multiply,
    rows.add, rows.subtract, rows.sum, rows.mean, rows.prod, rows.dot, rows.matmul, rows.arccos,
    rows.arcsin, rows.arctanh, rows.arccosh, rows.arctan2, rows.hypot, rows.norm, rows.std, rows.softmax,
    rows.logsumexp, rows.sigmoid, rows.where, rows.inv, rows.solve,
)  # fmt: skip
OF_ROWS: dict[Primitive, str] = {row: row.name for row in SPOKEN_OF}
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


def operation(node: AnyNode) -> str:
    """The one name of an operation, or another library's own; nothing for a row that no mend speaks of."""
    if isinstance(node, Node):
        return OF_ROWS.get(node.primitive.plain, "")
    name = node.operation.removesuffix("_")
    return ELSEWHERE.get(name, name)


class Situation:
    """An origin as mends ask about it."""

    def __init__(self, record: History, origin: Origin, pass_: str) -> None:
        self.record: History = record
        self.origin: Origin = origin
        self.backward: bool = pass_ == "backward"
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
        back = (step for step in self.record.back(self.origin.slot) if step is not self.step)
        return any(operation(step.node) in names for step in islice(filter(self.record.is_forward, back), steps))

    @cached_property
    def squares(self) -> bool:
        """Whether a square root is one of a sum of squares."""
        return self.of in ("norm", "std") or (
            self.of == "sqrt" and self.behind("square", "power", "multiply") and self.behind(*SEVERAL)
        )

    @cached_property
    def not_taken(self) -> bool:
        """Whether the operation at fault, in the function itself, goes into a branch of a `where` that is not taken.

        What comes back from there is 0, and makes NaN of a slope that is infinite; from one that is taken it is not.
        """
        assert self.step is not None
        if self.origin.turned is None and np.isinf(self.entry):
            return False
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
    def known(self) -> bool:
        """Whether it is known which operation is at fault."""
        return self.of != self.op or (self.step is not None and self.record.is_forward(self.step))

    @property
    def words(self) -> dict[str, str]:
        most, told = LARGEST.get(self.dtype, (1.797e308, "1.8e308"))
        return {
            "m": self.record.arrays.module, "of": self.of or "it", "most": told, "least": f"{np.log(most):.3g}",
            "dtype": self.dtype,
            "slope": f"the slope of {self.of}" if self.known else "the slope",
        }  # fmt: skip


__all__ = ["LOGS", "Situation"]
