"""Graphs from sympy expressions and back. Only objects are handled; no text is ever given to sympy."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial, reduce
from time import process_time
from typing import Any, TypeAlias

import numpy as np

from ..errors import InputError, TimeLimitError, UnsupportedError
from ..primitives import TABLE, Primitive, rows
from ..primitives.elements import ElementsCarrier, mapped
from ..primitives.primitive import Elementwise
from ..primitives.quotient import Exact, Named, Quotient, whole
from ..types import Function, Shape, Value
from .graph import Graph
from .node import NO_PARAMS, UNKNOWN, Node
from .refusals import shapes_refused
from .vertices import constant_node, input_node

Expr: TypeAlias = Any  # an expression of sympy's, or an array of them: sympy ships no types
Planned: TypeAlias = tuple[list[Expr], Callable[..., Node]]  # parts of an expression, and what makes its node of theirs


class SympyCarrier(ElementsCarrier):
    """sympy expressions, alone or in object arrays."""

    name = "sympy"

    def scalar_function(self, row: Primitive, spelled: str | None) -> Function | None:
        import sympy

        named = getattr(sympy, spelled or (row.name if row.listed else ""), None)
        return named if isinstance(named, type) or row is rows.sqrt else None

    def function(self, row: Primitive) -> Function:
        if row is rows.constant:
            return lambda *, value: exact(value)
        found = super().function(row)
        numbers = row.kind == "elementwise" and row.differentiable and row not in PASSING
        return on_numbers(found) if numbers else found


def exact(value: Value) -> Expr:
    """A constant as sympy sees it: integers exactly, doubles as the doubles they are."""
    import sympy

    if isinstance(value, np.ndarray) and value.ndim:
        out = np.empty(value.shape, dtype=object)
        for index in np.ndindex(value.shape):
            out[index] = exact(value[index])
        return out if value.dtype.kind not in "biu" else value
    if isinstance(value, bool | np.bool_):
        return sympy.true if value else sympy.false
    if isinstance(value, int | np.integer):
        return sympy.Integer(int(value))
    if isinstance(value, Quotient):
        return sympy.Rational(value.fraction.numerator, value.fraction.denominator)
    if isinstance(value, Exact):
        return {"pi": sympy.pi, "e": sympy.E, "euler_gamma": sympy.EulerGamma, "catalan": sympy.Catalan}[
            str(value.exact)
        ]
    number = float(value)
    if number == np.pi:
        return sympy.pi
    if number == np.e:
        return sympy.E
    if not np.isfinite(number):
        return sympy.nan if number != number else sympy.oo * (1 if number > 0 else -1)
    return sympy.Float(number)  # 53 bits: the double itself, printed as it was written


@cache
def named() -> dict[Expr, str]:
    """sympy's constants that have a name in `quotient.NAMED`."""
    import sympy

    return {sympy.pi: "pi", sympy.E: "e", sympy.EulerGamma: "euler_gamma", sympy.Catalan: "catalan"}


def on_numbers(function: Function) -> Function:
    """The function with truth values read as 1 and 0, as NumPy reads them."""
    read = mapped(_number)
    return lambda *operands, **params: function(*[read(x) for x in operands], **params)


def _number(x: Value) -> Expr:
    import sympy

    if isinstance(x, sympy.Expr | float) or type(x) is int:
        return x
    return sympy.Piecewise((1, x), (0, True)) if isinstance(x, sympy.Basic) else int(x)


PASSING = frozenset((rows.where, rows.positive, rows.real, rows.conjugate, rows.stop_gradient))  # truth values too
CARRIER = SympyCarrier()
MAX_OPERATIONS = 20_000
SECONDS = 60.0  # sympy's sums take quadratic time in the number of their terms
TIDY = 300  # expressions of fewer parts are written in the order in which sympy prints them, which takes a while


def to_sympy(graph: Graph, symbols: dict[str, Expr] | None = None) -> Expr:
    """The graph's output as a sympy expression in symbols with the inputs' names.

    Inputs of known shape become arrays of symbols, one for each entry. `symbols` may give an input's symbol, or its
    object array of symbols, by the input's name (a graph from text does not know its shapes).
    Raises UnsupportedError for more than MAX_OPERATIONS nodes and for chains that are too deep for sympy, whose own
    functions recur, and TimeLimitError after SECONDS of work.

    >>> import difflab as dl
    >>> dl.to_sympy(dl.parse("sin(x) * y**2"))
    y**2*sin(x)
    """
    if not isinstance(graph, Graph):
        raise InputError(f"to_sympy: {graph!r:.80} is not a graph; dl.parse and dl.trace make one")
    symbols = symbols or {}
    fresh = symbol_arrays({str(n.name): n.shape or () for n in graph.inputs if n.name not in symbols})
    values = [symbols[str(n.name)] if n.name in symbols else fresh[str(n.name)] for n in graph.inputs]
    env = expressions(graph, values)
    results = [np.asarray(env[y])[()] if not isinstance(env[y], np.ndarray) else env[y][()] for y in graph.outputs]
    return results[0] if len(results) == 1 else tuple(results)


def expressions(graph: Graph, values: list[Expr]) -> dict[Node, Expr]:
    """sympy's expression of every node, or the limit that the graph is beyond."""
    size, mend = len(graph.order), "take a part of the graph, or differentiate it by another method"
    if size > MAX_OPERATIONS:
        raise UnsupportedError(f"to_sympy: the graph has {size} nodes; the limit is {MAX_OPERATIONS}; {mend}")
    env: dict[Node, Expr] = dict(zip(graph.inputs, values))
    start = process_time()
    for k, node in enumerate(graph.order):
        if node in env:
            continue
        try:
            env[node] = CARRIER.of(node.primitive)(*[env[x] for x in node.operands], **node.params)
        except RecursionError:
            raise UnsupportedError(
                f"to_sympy: at node {k} of {size} ({node.primitive.name}) the expression is nested too deeply for "
                f"sympy, which recurs over it; {mend}"
            ) from None
        except ValueError as error:
            raise shapes_refused(node.primitive, [env[x] for x in node.operands], error) from error.__cause__
        if process_time() - start > SECONDS:
            raise TimeLimitError(f"to_sympy: {k} of {size} nodes took sympy {SECONDS:g} s, which is the limit; {mend}")
    return env


def symbol_arrays(shapes: dict[str, Shape], **assumptions: Value) -> dict[str, Expr]:
    """A symbol for each scalar and an object array of symbols for each array; no two symbols have the same name."""
    import sympy

    found: dict[str, Expr] = {}
    taken = set(shapes)
    for name, shape in shapes.items():
        if not shape:
            found[name] = sympy.Symbol(name, **assumptions)
            continue
        found[name] = box = np.empty(shape, dtype=object)
        for index in np.ndindex(shape):
            entry = "_".join([name, *map(str, index)])
            while entry in taken:
                entry += "_"
            taken.add(entry)
            box[index] = sympy.Symbol(entry, **assumptions)
    return found


@cache
def rows_of_sympy() -> dict[type, Elementwise]:
    """The row of each sympy function, from the rows' own spellings."""
    import sympy

    found: dict[type, Elementwise] = {}
    for row in TABLE.values():
        spelled = row.spelling.get("sympy")
        if isinstance(row, Elementwise) and not callable(spelled):
            function = getattr(sympy, spelled or row.name, None)
            if isinstance(function, type):
                found.setdefault(function, row)
    return found


def from_sympy(expression: Expr) -> Graph:
    """The graph of a sympy expression; its free symbols are the inputs, in the order of their names.

    Sums and products become chains of two operands with `-` and `/` where sympy has negative terms and powers.
    Raises InputError for what is not a scalar expression, UnsupportedError for functions without a row.

    >>> import sympy, difflab as dl
    >>> x, y = sympy.symbols("x y")
    >>> dl.from_sympy(sympy.sin(x) * y)(x=0.0, y=2.0)
    np.float64(0.0)
    """
    import sympy

    scalar = isinstance(expression, sympy.Expr | sympy.logic.boolalg.Boolean)
    if not scalar or isinstance(expression, sympy.MatrixExpr):
        raise InputError(f"from_sympy: {type(expression).__name__} is not a scalar sympy expression")
    parts = parts_of(expression)
    inputs = {s: input_node(s.name) for s in sorted((e for e in parts if e.is_Symbol), key=lambda s: s.name)}
    if len({n.name for n in inputs.values()}) < len(inputs):
        raise InputError("from_sympy: two different symbols have the same name")
    builder = _Builder(inputs, tidy=len(parts) < TIDY)
    output = builder.vertex(expression)
    return Graph(order=[*inputs.values(), *builder.order], inputs=list(inputs.values()), outputs=[output])


def parts_of(expression: Expr) -> set[Expr]:
    """An expression and its parts; unlike sympy's own walks, each shared part is visited once and nothing recurs."""
    seen, stack = {expression}, [expression]
    while stack:
        for part in stack.pop().args:
            if part not in seen:
                seen.add(part)
                stack.append(part)
    return seen


class _Builder:
    """Makes the nodes of expressions. `plan_...` says what an expression needs and how a node is made of it."""

    def __init__(self, inputs: dict[Expr, Node], tidy: bool) -> None:
        self.tidy = tidy
        self.order: list[Node] = []
        self.known: dict[Expr, Node] = dict(inputs)

    def add(self, name: str, *operands: Node, **params: Value) -> Node:
        self.order.append(Node(TABLE[name], operands, params or NO_PARAMS, UNKNOWN))
        return self.order[-1]

    def number(self, value: Value) -> Node:
        self.order.append(constant_node(value))
        return self.order[-1]

    def vertex(self, expression: Expr) -> Node:
        """Iterative, and each shared part once: expressions may be deep, and large as trees."""
        stack, plans = [expression], {}
        while stack:
            e = stack[-1]
            if e not in self.known:
                if e not in plans:
                    plans[e] = self.plan(e)
                parts, make = plans[e]
                missing = [p for p in parts if p not in self.known]
                if missing:
                    stack.extend(reversed(missing))
                    continue
                self.known[e] = make(*[self.known[p] for p in parts])
            stack.pop()
        return self.known[expression]

    def plan(self, e: Expr) -> Planned:
        """The parts of an expression, and the function that makes its node from theirs."""
        import sympy

        if isinstance(e, sympy.Rational):
            return [], partial(self.number, _rational(e))
        if e in (sympy.true, sympy.false):
            return [], partial(self.number, bool(e))
        if isinstance(e, sympy.Expr) and not e.args and e.is_number:
            return self.plan_number(e)
        for kind, plan in (
            (sympy.Add, self.plan_sum),
            (sympy.Mul, self.plan_product),
            (sympy.Pow, self.plan_power),
            (sympy.Piecewise, self.plan_piecewise),
        ):
            if isinstance(e, kind):
                return plan(e)
        return self.plan_function(e)

    def plan_number(self, e: Expr) -> Planned:
        """Named constants, formulas such as that of the golden ratio, and floats of any precision, exactly."""
        import sympy

        formula = e.expand(func=True)
        if e not in named() and formula != e:
            return [formula], lambda operand: operand
        if (
            isinstance(e, sympy.Float)
            and e.is_finite
            and e._prec > 53
            and sympy.Rational(e) != sympy.Rational(float(e))
        ):
            return [], partial(self.number, _rational(sympy.Rational(e)))
        return [], partial(self.number, _float(e))

    def plan_sum(self, e: Expr) -> Planned:
        terms = sorted(e.as_ordered_terms() if self.tidy else e.args, key=_negative)
        parts = [-t if _negative(t) else t for t in terms]

        def make(*operands: Node) -> Node:
            total = self.add("negative", operands[0]) if _negative(terms[0]) else operands[0]
            for term, operand in zip(terms[1:], operands[1:]):
                total = self.add("subtract" if _negative(term) else "add", total, operand)
            return total

        return parts, make

    def plan_product(self, e: Expr) -> Planned:
        import sympy

        coefficient, factors = e.as_coeff_mul()
        above, below, minus = [coefficient], [], False
        if isinstance(coefficient, sympy.Rational):
            above = [sympy.Integer(abs(coefficient.p))] * (abs(coefficient.p) != 1)
            below = [sympy.Integer(coefficient.q)] * (coefficient.q != 1)
            minus = coefficient.p < 0
        for f in factors:
            inverse = isinstance(f, sympy.Pow) and _negative(f.exp)
            (below if inverse else above).append(f.base**-f.exp if inverse else f)
        above = above or [sympy.Integer(1)]

        def make(*operands: Node) -> Node:
            chain = partial(reduce, partial(self.add, "multiply"))
            result = chain(operands[: len(above)])
            if below:
                result = self.add("divide", result, chain(operands[len(above) :]))
            return self.add("negative", result) if minus else result

        return above + below, make

    def plan_power(self, e: Expr) -> Planned:
        import sympy

        if e.base is sympy.E:
            return [e.exp], partial(self.add, "exp")
        special = {sympy.Rational(1, 2): "sqrt", sympy.Integer(-1): "reciprocal", sympy.Integer(2): "square"}
        if e.exp in special:
            return [e.base], partial(self.add, special[e.exp])
        return [e.base, e.exp], partial(self.add, "power")

    def plan_piecewise(self, e: Expr) -> Planned:
        import sympy

        complete = e.args[-1].cond == sympy.true
        branches = list(e.args[:-1] if complete else e.args)
        other = e.args[-1].expr if complete else sympy.nan

        def make(*operands: Node) -> Node:
            result = operands[-1]
            for k in reversed(range(len(branches))):
                result = self.add("where", operands[2 * k], operands[2 * k + 1], result)
            return result

        return [part for b in branches for part in (b.cond, b.expr)] + [other], make

    def plan_function(self, e: Expr) -> Planned:
        import sympy

        parts = list(e.args)
        if isinstance(e, sympy.polygamma) and parts[0].is_Integer:
            params = {"n": int(parts[0])}
            return parts[1:], partial(self.add, "polygamma" if parts[0] else "digamma", **(params if parts[0] else {}))
        if isinstance(e, sympy.sinc):
            return [parts[0] / sympy.pi], partial(self.add, "sinc")
        row = rows_of_sympy().get(type(e))
        wanted = len(row.partials) if row is not None else 0
        if row is not None and len(parts) == wanted:
            return parts, partial(self.add, row.name)
        if row is not None and wanted == 2 and isinstance(e, sympy.Max | sympy.Min | sympy.And | sympy.Or | sympy.Xor):
            return parts, lambda *operands: reduce(partial(self.add, row.name), operands)
        raise UnsupportedError(f"from_sympy: {type(e).__name__} of {len(parts)} arguments has no row in the table")


def _negative(e: Expr) -> bool:
    return bool(e.as_coeff_Mul()[0].is_negative)


def _rational(e: Expr) -> Expr:
    try:
        return whole(Fraction(int(e.p), int(e.q)))
    except OverflowError:
        raise UnsupportedError("from_sympy: a number in the expression is larger than any float") from None


def _float(e: Expr) -> float:
    import sympy

    if e in named():
        return Named(named()[e])
    value = complex(e)
    if e is sympy.zoo or (value.imag and value.real == value.real):
        raise UnsupportedError(f"from_sympy: {e} is not a real number")
    return value.real
