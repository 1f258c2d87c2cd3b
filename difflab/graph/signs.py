"""Operators of Python: the method of a class and the syntax node that each one is, and its row, which has the sign.

>>> [(op.sign, op.method) for op in BINARY][:3]
[('+', 'add'), ('-', 'sub'), ('*', 'mul')]
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from ..primitives import Primitive, rows


class Operator(NamedTuple):
    """`method` is that of a class without its underscores, and the function of the module operator."""

    method: str
    syntax: type[Any]
    row: Primitive

    @property
    def sign(self) -> str:
        return self.row.infix


BINARY = (
    Operator("add", ast.Add, rows.add),
    Operator("sub", ast.Sub, rows.subtract),
    Operator("mul", ast.Mult, rows.multiply),
    Operator("truediv", ast.Div, rows.divide),
    Operator("floordiv", ast.FloorDiv, rows.floor_divide),
    Operator("mod", ast.Mod, rows.remainder),
    Operator("pow", ast.Pow, rows.power),
    Operator("matmul", ast.MatMult, rows.matmul),
)
COMPARISONS = (
    Operator("lt", ast.Lt, rows.less),
    Operator("le", ast.LtE, rows.less_equal),
    Operator("gt", ast.Gt, rows.greater),
    Operator("ge", ast.GtE, rows.greater_equal),
    Operator("eq", ast.Eq, rows.equal),
    Operator("ne", ast.NotEq, rows.not_equal),
)
SIGNED = (
    Operator("neg", ast.USub, rows.negative),
    Operator("pos", ast.UAdd, rows.positive),
)
