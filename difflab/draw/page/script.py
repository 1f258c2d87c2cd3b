"""JavaScript from rows: what an operation and its local derivatives mean, printed by sympy.

The row's own rules run on sympy symbols, as they run on numbers elsewhere, so that there is no second table. sympy's
automatic rearranging is off: a rule is written in the form that holds over the whole domain, and stays in it.
"""

from __future__ import annotations

import math
import re
from functools import cache, partial
from typing import Any

from ...errors import DifflabError, UnsupportedError
from ...graph.sympy_io import SympyCarrier, exact
from ...graph.traced import Traced
from ...primitives import Elementwise, Gate, Primitive, table
from ...primitives.primitive import lookup
from ...types import Function, Params, Value

LONGEST = 3000  # characters of one function


class ScriptCarrier(SympyCarrier):
    """sympy expressions; what JavaScript or special.js has, by the rows' spelling, stays as it is."""

    def function(self, row: Primitive) -> Function:
        if isinstance(row.spelling.get("javascript"), str):
            return named(row)
        if row.kind == "elementwise" and "compiled" in row.spelling:  # the form that is accurate on doubles
            return partial(row.spelling["compiled"], self)
        return super().function(row)


def named(row: Primitive) -> Function:
    """A function, or for a row that gives truth values a condition, that sympy knows nothing about."""
    import sympy
    from sympy.logic.boolalg import BooleanFunction

    if not row.differentiable:
        return type(f"row_{row.name}", (BooleanFunction,), {})
    function = sympy.Function(f"row_{row.name}", real=True)
    return lambda *x, **params: function(*x, *(number_of(p) for p in params.values()))


def number_of(param: Value) -> Value:
    """A parameter as an argument; NaN for None."""
    return exact(float("nan") if param is None else param)


def spelled(name: str) -> str:
    """What JavaScript calls a row."""
    return str(lookup(name.removeprefix("row_")).spelling["javascript"])


CARRIER = ScriptCarrier()


@cache
def printer() -> Any:
    """sympy's printer of JavaScript, with doubles in full and refusing what JavaScript lacks."""
    from sympy.printing.jscode import JavascriptCodePrinter

    class Printer(JavascriptCodePrinter):  # type: ignore[misc]
        def _print_not_supported(self, expr: Any) -> str:
            raise UnsupportedError(f"JavaScript has no {type(expr).__name__}")

        def _print_Float(self, expr: Any) -> str:
            value = float(expr)
            return repr(value) if math.isfinite(value) else "NaN" if value != value else self._infinite(value)

        @staticmethod
        def _infinite(value: float) -> str:
            return "Infinity" if value > 0 else "(-Infinity)"

        def _print_polygamma(self, expr: Any) -> str:
            order, x = expr.args
            return f"digamma({self._print(x)})" if order == 0 else f"polygamma({self._print(x)}, {self._print(order)})"

        def _print_BooleanTrue(self, expr: Any) -> str:
            return "true"

        def _print_BooleanFalse(self, expr: Any) -> str:
            return "false"

        def _print_BooleanFunction(self, expr: Any) -> str:
            name = type(expr).__name__
            if not name.startswith("row_"):
                return self._print_not_supported(expr)
            return f"{spelled(name)}({', '.join(map(self._print, expr.args))})"

        def _print_Pow(self, expr: Any) -> str:
            if expr.exp == 1:
                return self._print(expr.base) if expr.base.is_Atom else f"({self._print(expr.base)})"
            return str(super()._print_Pow(expr))

        def _print_NaN(self, expr: Any) -> str:
            return "NaN"

        def _print_Infinity(self, expr: Any) -> str:
            return "Infinity"

        def _print_NegativeInfinity(self, expr: Any) -> str:
            return "(-Infinity)"

    known = {
        f"row_{row.name}": row.spelling["javascript"]
        for row in table()
        if isinstance(row.spelling.get("javascript"), str)
    }
    known |= {"Heaviside": "heaviside", "loggamma": "gammaln"} | {
        f: f for f in ("erf", "erfc", "erfi", "gamma", "digamma")
    }
    return Printer({"user_functions": known, "precision": 17, "order": "none"})


def printed(expression: Value) -> str:
    """An expression, a condition or a number as JavaScript."""
    import sympy

    text = printer().doprint(sympy.sympify(expression))
    text = str(text[2] if isinstance(text, tuple) else text).replace("\n", " ")
    if "// Not supported" in text:
        raise UnsupportedError("JavaScript lacks a function of this expression")
    if len(text) > LONGEST:
        raise UnsupportedError("the formula is too long for a page")
    return " ".join(text.split())


class Form:
    """One operation as JavaScript: `text` is an object with the value `f`, the partials `d` and the kinks `k`."""

    def __init__(self, node: Traced, constants: dict[int, Value]) -> None:
        import sympy

        row = node.primitive
        if not isinstance(row, Elementwise):
            raise UnsupportedError(f"{row.name} has no formula in single numbers")
        self.row: Elementwise = row
        self.params: Params = node.params
        letters = [sympy.Symbol(f"x{k}", real=True) for k in range(len(node.operands))]
        self.operands: list[Value] = [exact(constants[k]) if k in constants else x for k, x in enumerate(letters)]
        self.result: Value = sympy.Symbol("y", real=True)
        self.arguments: str = ",".join(map(str, letters))
        try:
            with sympy.evaluate(False):
                value = printed(CARRIER.of(self.row)(*self.operands, **self.params))
                partials = [self.partial(k) if k not in constants else "0" for k in range(len(letters))]
                kinks = self.kinks()
        except (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError, DifflabError) as error:
            raise UnsupportedError(f"{self.row.name} has no formula in JavaScript: {error}") from None
        self.text: str = f"{{f:({self.arguments})=>{value},d:[{','.join(partials)}]{kinks}}}"

    def partial(self, k: int) -> str:
        """The local derivative by operand k: a number, a function of y and x, or one with a gate."""
        rule = self.row.partials[k] if k < len(self.row.partials) else None
        if rule is None or isinstance(rule, int):
            return str(rule or 0)
        found = rule(CARRIER, self.result, *self.operands, **self.params)
        head = f"(y,{self.arguments})=>"
        if isinstance(found, Gate):
            return f"{{g:{head}{printed(found.mask)},c:{head}{printed(found.factor)}}}"
        return head + printed(found)

    def kinks(self) -> str:
        """The differences whose zeros are the kinks; a change of sign is a kink that was crossed."""
        import sympy

        if self.row.kinks is None:
            return ""
        where = self.row.kinks(CARRIER, *self.operands, **self.params)
        if not isinstance(where, sympy.Basic):
            return ""
        found = sorted(where.atoms(sympy.Eq), key=str)
        gaps = [f"({printed(e.lhs)})-({printed(e.rhs)})" for e in found]
        return f",k:({self.arguments})=>[{','.join(gaps)}]" if gaps else ""


def helpers(script: str, library: str) -> str:
    """Of the functions in `library` those that a script calls, and what they call themselves."""
    parts = re.split(r"\n(?=function )", "\n" + library)
    functions = {m[1]: part for part in parts if (m := re.match(r"function (\w+)", part))}
    wanted: dict[str, None] = {}
    queue = [script]
    while queue:
        for name in re.findall(r"(?<![.\w])(\w+)\(", queue.pop()):
            if name in functions and name not in wanted:
                wanted[name] = None
                queue.append(functions[name])
    return "\n".join(part.strip() for name, part in functions.items() if name in wanted)
