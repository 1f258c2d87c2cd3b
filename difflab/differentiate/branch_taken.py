"""The formula of a piecewise function by the branch that it takes at the point.

Written out with all its branches, a maximum of maxima of maxima is a formula of a size that no algebra finishes. The
function near the point is only one of these pieces. Here a graph runs on pairs: a sympy expression, and the germ of
its value, an enclosure over a whole neighbourhood of the point. Where a row chooses, the germs decide, and the
expression is that of the piece taken. What the germs do not decide in the whole neighbourhood, a tie, has no one piece
and is refused, unless the output does not depend on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import reduce
from typing import ClassVar

import flint
import numpy as np
from flint import arb, arb_series

from ..errors import DifflabError, UndecidedError, UnsupportedError
from ..graph.sympy_io import parts_of
from ..primitives import TABLE, Primitive, rows
from ..primitives.elements import ElementsCarrier, mapped
from ..primitives.germs.choices import signed
from ..primitives.germs.germ import Germ, is_constant, lift, no_value
from ..primitives.germs.session import NOW, session
from ..primitives.kernels.arrays import fold
from ..primitives.kernels.windows import max_pool
from ..types import Function, Params, Value
from .arb_carrier import CARRIER as GERMS
from .fine import FINE, fine
from .problem import Problem, output_ancestors

BITS = 320  # of the germs; what differs by less than about 2^-160 counts as a tie


def chooses(problem: Problem) -> bool:
    """Whether the output depends on a row that chooses between formulas."""
    used = {node.primitive for node in output_ancestors(problem.graph)}
    return any(
        "chooses" in row.facts
        or compares(row)
        or (row.non_differentiable and "one formula" not in row.facts)  # inside, where it has a derivative
        for row in used
    )


def compares(row: Primitive) -> bool:
    """Whether Python's operators on germs give the row's truth values."""
    return row.kind == "elementwise" and not row.differentiable and "elements" in row.spelling


class Decisions:
    """How often each row chose, and for what stayed undecided a symbol in its place, and the words for it."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.tied: dict[Value, str] = {}

    def tie(self, row: str, text: str) -> Value:
        import sympy

        made = sympy.Dummy(f"tie_of_{row}", real=True)
        self.tied[made] = text
        return made


class Pair:
    """A sympy expression without branches, and the germ of its value."""

    expression: Value
    germ: Germ

    __slots__ = ("expression", "germ")

    def __init__(self, expression: Value, germ: Germ) -> None:
        self.expression, self.germ = expression, germ

    def __bool__(self) -> bool:
        CARRIER.decisions.taken["comparison"] += 1
        return bool(self.germ)

    def __int__(self) -> int:
        return int(self.germ)

    def __index__(self) -> int:
        return int(self.germ)

    def __float__(self) -> float:
        return float(self.germ)  # refuses

    def __pos__(self) -> Pair:
        return self

    def __getattr__(self, name: str) -> Value:
        """NumPy's functions on object arrays call the method of their name: np.exp calls x.exp()."""
        found = TABLE.get(name)
        if name.startswith("_") or found is None or not isinstance(getattr(np, name, None), np.ufunc):
            raise AttributeError(name)
        return lambda *others: CARRIER.of(found)(self, *others)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]


def operator_of(row: Primitive, turned: bool = False) -> Callable[[Value, Value], Value]:
    """A Python operator as the row that it means; `turned` for the reflected one."""

    def run(self: Value, other: Value) -> Value:
        if isinstance(other, np.ndarray):
            return NotImplemented
        function = CARRIER.of(row)
        return function(other, self) if turned else function(self, other)

    return run


def compared(name: str) -> Callable[[Value, Value], Value]:
    def run(self: Value, other: Value) -> Value:
        if isinstance(other, np.ndarray):
            return NotImplemented
        CARRIER.decisions.taken["comparison"] += 1
        return getattr(self.germ, name)(pair(other).germ)

    return run


for _name, _row in {"add": rows.add, "sub": rows.subtract, "mul": rows.multiply, "truediv": rows.divide,
                    "pow": rows.power, "mod": rows.remainder, "floordiv": rows.floor_divide}.items():  # fmt: skip
    setattr(Pair, f"__{_name}__", operator_of(_row))
    setattr(Pair, f"__r{_name}__", operator_of(_row, turned=True))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Pair, f"__{_name}__", compared(f"__{_name}__"))
for _name, _row in {"neg": rows.negative, "abs": rows.absolute}.items():
    setattr(Pair, f"__{_name}__", lambda self, _row=_row: CARRIER.of(_row)(self))


def pair(x: Value) -> Pair:
    """A number as a pair that does not move."""
    if x.__class__ is Pair:
        return x
    x = int(x) if isinstance(x, bool | np.bool_) else x
    return Pair(fine(x), lift(x))


class BranchCarrier(ElementsCarrier):
    """The functions of a graph's rows on pairs, alone or in object arrays."""

    decisions: Decisions

    name = "branch"

    def __init__(self) -> None:
        self.decisions = Decisions()

    def function(self, row: Primitive) -> Function:
        if row is rows.constant:
            return lambda *, value: pairs_of(value)
        if row in (rows.max, rows.min):
            choose = self.chosen(rows.maximum if row is rows.max else rows.minimum)
            return lambda x, *, axis, keepdims: fold(lambda *xs: reduce(choose, xs), x, axis, keepdims)
        if row is rows.max_pool:
            return lambda x, **params: max_pool(x, larger=self.chosen(rows.maximum), **params)
        if row is rows.where:
            return mapped(lambda c, a, b: a if c else b)
        if row is rows.fmod:
            return mapped(lambda x, y: x - y * self.of(rows.trunc)(pair(x) / y))
        return super().function(row)

    def scalar_function(self, row: Primitive, spelled: str | None) -> Function | None:
        if compares(row):
            return None  # Python's operators
        if "chooses" in row.facts:
            return self.chosen(row)
        if row.value is not None and branching(row):
            return None  # its program in other rows
        return lambda *xs, **params: self.smooth(row, [pair(x) for x in xs], params)

    def smooth(self, row: Primitive, xs: list[Pair], params: Params) -> Pair:
        try:
            germ = GERMS.of(row)(*[x.germ for x in xs], **params)
        except UnsupportedError as error:  # only a choice that depends on it needs to know it
            germ = no_value("undecided", str(error))
        return Pair(FINE.of(row)(*[x.expression for x in xs], **params), germ)

    def chosen(self, row: Primitive) -> Function:
        """A row that chooses: the operand that the germs choose, its negative, or the one number that a step has."""

        def run(*given: Value, **params: Value) -> Value:
            self.decisions.taken[row.name] += 1
            xs = [pair(x) for x in given]
            germ = GERMS.of(row)(*[x.germ for x in xs], **params)
            if not isinstance(germ, Germ):
                return germ
            for x in xs:
                if germ is x.germ:
                    return x
            if germ.lost is not None:
                return Pair(self.decisions.tie(row.name, germ.lost.text), germ)
            if row is rows.copysign:
                size = self.of(rows.absolute)(xs[0])
                return size if signed(xs[1].germ) > 0 else -size
            if row is rows.absolute:
                return Pair(-xs[0].expression, germ)
            if (number := is_constant(germ)) is not None:
                return Pair(exactly(number), germ)
            raise UnsupportedError(f"symbolic: {row.name} has no formula by branch")

        return run


def exactly(number: Value) -> Value:
    """A ball that is one number, as sympy's."""
    import sympy

    mantissa, exponent = number.mid().man_exp()
    return sympy.Integer(int(mantissa)) * sympy.Integer(2) ** int(exponent)


def branching(row: Primitive) -> bool:
    """Whether sympy writes the row with pieces."""
    import sympy

    pieces = (sympy.Piecewise, sympy.Max, sympy.Min, sympy.Abs, sympy.sign, sympy.floor, sympy.ceiling, sympy.Mod,
              sympy.Heaviside)  # fmt: skip
    xs = [sympy.Dummy(real=True) for _ in getattr(row, "partials", ())]
    params = row.examples[0] if row.examples and isinstance(row.examples[0], dict) else {}
    try:
        return bool(sympy.sympify(FINE.of(row)(*xs, **params)).has(*pieces))
    except (DifflabError, TypeError, ValueError, AttributeError):
        return True


def pairs_of(value: Value) -> Value:
    """A constant of the graph as pairs; truth values and whole numbers in arrays stay, for indexing."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind in "biu":
            return value
        out = np.empty(value.shape, dtype=object)
        for index in np.ndindex(value.shape):
            out[index] = pair(value[index])
        return out
    return value if isinstance(value, bool | np.bool_) else pair(value)


CARRIER: BranchCarrier = BranchCarrier()


def piece(problem: Problem, symbols: list[Value], seconds: float) -> tuple[Value, list[str]]:
    """The function as the sympy expression of its piece at the point, in the inputs' symbols, and the rows that chose.

    Raises UnsupportedError, with the row and what is tied, where the point lies on the edge between pieces.
    """
    CARRIER.decisions = decisions = Decisions()
    with session(seconds):
        flint.ctx.prec, flint.ctx.cap = BITS, 1
        values = [moving(x, s, k in problem.places) for k, (x, s) in enumerate(zip(problem.values, symbols))]
        try:
            y = run(problem, values)
        except UndecidedError as error:
            raise tied(str(error)) from None
    expression = pair(y[()] if isinstance(y, np.ndarray) else y).expression
    for symbol in parts_of(expression) & decisions.tied.keys():
        raise tied(decisions.tied[symbol])
    return expression, sorted(name for name, count in decisions.taken.items() if count)


def run(problem: Problem, values: list[Value]) -> Value:
    """The output of the graph on pairs."""
    graph = problem.graph
    needed, env = output_ancestors(graph), dict(zip(graph.inputs, values))
    for node in graph.order:
        if node not in env and node in needed:
            NOW.node = node
            try:
                env[node] = CARRIER.of(node.primitive)(*[env[x] for x in node.operands], **node.params)
            except (DifflabError, MemoryError, RecursionError):
                raise
            except Exception as error:  # whatever NumPy or sympy says to pairs instead of numbers
                raise UnsupportedError(f"symbolic: {NOW.where()} has no formula by branch ({error})") from error
    return env[graph.outputs[0]]


def moving(x: Value, symbols: Value, moves: bool) -> Value:
    """An input as pairs of its symbols and of balls around its numbers, or of the numbers alone where it stays."""

    def germ(number: Value) -> Germ:
        point, radius = arb(float(number)), arb(abs(float(number)) or 1.0) * arb(2) ** (-BITS // 2)
        around = arb_series([point + arb(0, 1) * radius]) if moves else None
        return Germ(arb_series([point]), around)

    if not isinstance(symbols, np.ndarray):
        return Pair(symbols, germ(x))
    out = np.empty(symbols.shape, dtype=object)
    for index in np.ndindex(out.shape):
        out[index] = Pair(symbols[index], germ(x[index]))
    return out


def tied(text: str) -> UnsupportedError:
    return UnsupportedError(
        f"symbolic: by branch there is no formula: {text}, a tie at the point; move the point, or use another method"
    )
