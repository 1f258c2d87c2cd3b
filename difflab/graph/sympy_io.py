"""Graphs from sympy expressions and back. Only objects are handled; no text is ever given to sympy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from typing import Any

import numpy as np

from ..errors import InputError, UnsupportedError
from ..primitives import TABLE, Primitive
from ..primitives.elements import ElementsCarrier
from ..primitives.quotient import Quotient
from .graph import Graph, constant_node, input_node
from .node import NO_PARAMS, UNKNOWN, Node


class SympyCarrier(ElementsCarrier):
    """sympy expressions, alone or in object arrays."""

    name = "sympy"

    def scalar_function(self, row: Primitive, spelled: str | None) -> Callable[..., Any] | None:
        import sympy

        named = getattr(sympy, spelled or row.name, None)
        return named if (named is not None and isinstance(named, type)) or callable(named) else None

    def function(self, row: Primitive) -> Callable[..., Any]:
        if row.name == "constant":
            return lambda *, value: exact(value)
        return SPECIAL[row.name] if row.name in SPECIAL else super().function(row)


def exact(value: Any) -> Any:
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
    number = float(value)
    if number == np.pi:
        return sympy.pi
    if number == np.e:
        return sympy.E
    if not np.isfinite(number):
        return sympy.nan if number != number else sympy.oo * (1 if number > 0 else -1)
    return sympy.Float(number)  # 53 bits: the double itself, printed as it was written


SPECIAL: dict[str, Callable[..., Any]] = {"power": lambda x, y: x**y, "float_power": lambda x, y: x**y}
CARRIER = SympyCarrier()


def to_sympy(graph: Graph, symbols: dict[str, Any] | None = None) -> Any:
    """The graph's output as a sympy expression in symbols with the inputs' names (or in the given `symbols`).

    >>> import difflab as dl
    >>> dl.to_sympy(dl.parse("sin(x) * y**2"))
    y**2*sin(x)
    """
    import sympy

    values = []
    for node in graph.inputs:
        name = str(node.name)
        if symbols and name in symbols:
            values.append(symbols[name])
        elif node.shape:
            values.append(symbol_array(name, node.shape))
        else:
            values.append(sympy.Symbol(name, real=None))
    env = graph.evaluate(values, CARRIER)
    results = [np.asarray(env[y])[()] if not isinstance(env[y], np.ndarray) else env[y][()] for y in graph.outputs]
    return results[0] if len(results) == 1 else tuple(results)


def symbol_array(name: str, shape: tuple[int, ...]) -> Any:
    import sympy

    out = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        out[index] = sympy.Symbol(name + "_" + "_".join(map(str, index)))
    return out


@cache
def rows_of_sympy() -> dict[Any, Primitive]:
    """The row of each sympy function, from the rows' own spellings."""
    import sympy

    found: dict[Any, Primitive] = {}
    for row in TABLE.values():
        spelled = row.spelling.get("sympy")
        if row.kind == "elementwise" and not callable(spelled):
            function = getattr(sympy, spelled or row.name, None)
            if isinstance(function, type):
                found.setdefault(function, row)
    return found


def from_sympy(expression: Any) -> Graph:
    """The graph of a sympy expression; its free symbols are the inputs, in the order of their names.

    >>> import sympy, difflab as dl
    >>> x, y = sympy.symbols("x y")
    >>> dl.from_sympy(sympy.sin(x) * y)(x=0.0, y=2.0)
    np.float64(0.0)
    """
    import sympy

    if not isinstance(expression, sympy.Basic) or isinstance(expression, sympy.MatrixBase):
        raise InputError(f"from_sympy: {type(expression).__name__} is not a scalar sympy expression")
    order: list[Node] = []
    inputs = {s: input_node(s.name) for s in sorted(expression.free_symbols, key=lambda s: s.name)}
    if len({n.name for n in inputs.values()}) < len(inputs):
        raise InputError("from_sympy: two different symbols have the same name")
    known: dict[Any, Node] = dict(inputs)

    def add(name: str, *operands: Node) -> Node:
        order.append(Node(TABLE[name], operands, NO_PARAMS, UNKNOWN, None, None, None))
        return order[-1]

    def number(value: Any) -> Node:
        order.append(constant_node(value))
        return order[-1]

    for e in sympy.postorder_traversal(expression):
        if e not in known:
            known[e] = _vertex(e, known, add, number)
    return Graph(order=[*inputs.values(), *order], inputs=list(inputs.values()), outputs=[known[expression]])


def _vertex(e: Any, known: dict[Any, Node], add: Callable[..., Node], number: Callable[..., Node]) -> Any:
    import sympy

    arguments = [known[a] for a in e.args if a in known]
    if isinstance(e, sympy.Rational):
        return number(int(e)) if e.q == 1 else add("divide", number(e.p), number(e.q))
    if e.is_number and not e.args:
        value = complex(e)
        if value.imag:
            raise UnsupportedError("from_sympy: complex constants are not supported")
        return number(value.real)
    if e in (sympy.true, sympy.false):
        return number(bool(e))
    if isinstance(e, sympy.Add):
        return reduce(lambda a, b: add("add", a, b), arguments)
    if isinstance(e, sympy.Mul):
        return reduce(lambda a, b: add("multiply", a, b), arguments)
    if isinstance(e, sympy.Pow):
        if e.base is sympy.E:
            return add("exp", arguments[1])
        special = {sympy.Rational(1, 2): "sqrt", sympy.Integer(-1): "reciprocal", sympy.Integer(2): "square"}
        return add(special[e.exp], arguments[0]) if e.exp in special else add("power", *arguments)
    if isinstance(e, sympy.Piecewise):
        result = None
        for value, condition in reversed(e.args):
            if condition == sympy.true:
                result = known[value]
            else:
                other = result if result is not None else number(float("nan"))
                result = add("where", known[condition], known[value], other)
        return result
    if isinstance(e, sympy.Tuple) or type(e).__name__ == "ExprCondPair":
        return None
    row = rows_of_sympy().get(type(e))
    if row is None:
        raise UnsupportedError(f"from_sympy: {type(e).__name__} has no row in the table")
    if len(arguments) > 2 or (len(arguments) == 2 and isinstance(e, sympy.Max | sympy.Min | sympy.And | sympy.Or)):
        return reduce(lambda a, b: add(row.name, a, b), arguments)
    return add(row.name, *arguments)
