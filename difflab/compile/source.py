"""Straight-line Python source for a graph: NumPy calls, or `math` for graphs of single float64 numbers."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..graph.graph import Graph
from ..graph.node import Node
from ..primitives import NUMPY, TABLE, Primitive

INFIX = {"add": "+", "subtract": "-", "multiply": "*"}
SCALAR_INFIX = {
    **INFIX,
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
# What Python's own syntax says for single numbers.
SCALAR_FORMS = {
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    "reciprocal": "1.0 / {0}",
    "absolute": "abs({0})",
    "where": "{1} if {0} else {2}",
    "power": "math.pow({0}, {1})",
    "logical_not": "not {0}",
    "logical_and": "bool({0} and {1})",
    "logical_or": "bool({0} or {1})",
    "stop_gradient": "{0}",
    "sum_to": "{0}",
    "broadcast_to": "{0}",
    "sigmoid": "(1.0 / (1.0 + math.exp(-{0})) if {0} >= 0.0 else (lambda z: z / (1.0 + z))(math.exp({0})))",
}
MATH = frozenset("sin cos tan exp log sqrt sinh cosh tanh expm1 log1p log2 log10 erf erfc cbrt exp2 hypot".split())


class Source:
    """The text of a program and the constants it names."""

    def __init__(self, graph: Graph, name: str = "program", numpy_only: bool = False) -> None:
        self.graph = graph
        self.name = name
        self.constants: dict[str, Any] = {}
        self.rows: dict[str, Any] = {}
        self.names: dict[Node, str] = {}
        self.taken = {"np", "math", "special", "rows", "abs", "bool", "float", name}
        self.scalar = not numpy_only and is_scalar(graph)
        self.text = self.write()

    def compile(self) -> Callable[..., Any]:
        """The Python function. The source holds only generated names and the rows' functions."""
        import scipy.special

        space = {"np": np, "math": math, "special": scipy.special, "rows": SimpleNamespace(**self.rows)}
        space |= self.constants
        code = compile(self.text, f"<difflab {self.name}>", "exec")
        exec(code, space)
        return space[self.name]  # type: ignore[return-value]

    def write(self) -> str:
        graph = self.graph
        for k, node in enumerate(graph.inputs):
            self.names[node] = self.fresh(node.name, f"x{k}")
        lines = [f"def {self.name}({', '.join(self.names[n] for n in graph.inputs)}):"]
        if self.scalar:  # math functions want Python floats, and return them much faster than NumPy scalars
            lines += [f"    {self.names[n]} = float({self.names[n]})" for n in graph.inputs]
        for k, node in enumerate(graph.order):
            if node in self.names:
                continue
            if node.primitive.name == "constant":
                self.names[node] = self.constant(node.params["value"])
                continue
            expression = self.scalar_expression(node) if self.scalar else self.expression(node)
            self.names[node] = self.fresh(node.name, f"t{k}")
            lines.append(f"    {self.names[node]} = {expression}")
        outputs = [self.names[y] for y in graph.outputs] + [self.names[n] for n, _ in graph.guards]
        lines.append(f"    return {', '.join(outputs)},")
        return "\n".join(lines) + "\n"

    def fresh(self, wanted: str | None, otherwise: str) -> str:
        """A Python name for a node: its own where that is a plain identifier not in use."""
        if wanted and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", wanted) and not keyword.iskeyword(wanted):
            if wanted not in self.taken and not re.fullmatch(r"[tkx]\d+", wanted):
                self.taken.add(wanted)
                return wanted
        return otherwise

    def constant(self, value: Any) -> str:
        if type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e300:
            text = repr(float(value) if self.scalar else value)
            return f"({text})" if text.startswith("-") else text
        if self.scalar:
            value = float(value)
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def expression(self, node: Node) -> str:
        row, operands = node.primitive, [self.names[x] for x in node.operands]
        if row.name == "pick":
            return f"{operands[0]}[{node.params['index']}]"
        if row.name in INFIX and TABLE.get(row.name) is row and any(has_dtype(x) for x in node.operands):
            return f"{operands[0]} {INFIX[row.name]} {operands[1]}"
        params = [f"{k}={self.parameter(v)}" for k, v in node.params.items()]
        return f"{self.function(row)}({', '.join(operands + params)})"

    def function(self, row: Primitive) -> str:
        found = NUMPY.of(row)
        if getattr(found, "__module__", "") == "_operator":
            return f"np.{row.name}"
        name = getattr(found, "__name__", "")
        if getattr(np, name, None) is found:
            return f"np.{name}"
        import scipy.special

        if getattr(scipy.special, name, None) is found:
            return f"special.{name}"
        label = re.sub(r"\W", "_", row.name)
        if not label.isidentifier() or keyword.iskeyword(label):
            label = f"row_{label}"
        while self.rows.get(label, found) is not found:
            label += "_"
        self.rows[label] = found
        return f"rows.{label}"

    def parameter(self, value: Any) -> str:
        if value is None or type(value) in (bool, int, str):
            return repr(value)
        if type(value) is tuple and all(v is None or type(v) in (bool, int) for v in value):
            return repr(value)
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def scalar_expression(self, node: Node) -> str:
        name, operands = node.primitive.name, [self.names[x] for x in node.operands]
        if name in SCALAR_INFIX:
            return f"{operands[0]} {SCALAR_INFIX[name]} {operands[1]}"
        if name in SCALAR_FORMS:
            return SCALAR_FORMS[name].format(*operands)
        return f"math.{scalar_name(node.primitive)}({', '.join(operands)})"


def has_dtype(node: Node) -> bool:
    return node.primitive.name != "constant" or hasattr(node.params["value"], "dtype")


def scalar_name(row: Primitive) -> str | None:
    """The function of `math` that means the row."""
    spelled = row.spelling.get("math")
    return spelled if isinstance(spelled, str) else row.name if row.name in MATH else None


def is_scalar(graph: Graph) -> bool:
    """Whether every node is one float64 (or truth value) and has a scalar form."""
    for node in graph.order:
        if node.value.__class__ is tuple or node.shape != () or node.dtype.kind not in "fb":
            if node.primitive.name == "constant" and node.shape == () and node.dtype.kind in "fbi":
                continue
            return False
        if node.dtype.kind == "f" and node.dtype != np.float64:
            return False
        if node.primitive.name in ("input", "constant"):
            continue
        row = node.primitive
        if TABLE.get(row.name) is not row:
            return False
        if row.name not in SCALAR_INFIX and row.name not in SCALAR_FORMS and scalar_name(row) is None:
            return False
    return True
