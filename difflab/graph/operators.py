"""The operators and methods of a traced value, made from the rows that carry them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives import TABLE
from ..types import Function, Value
from .node import Node
from .refusals import in_place, vertex_used
from .signs import BINARY
from .traced import PENDING, Traced, apply, call_row, one, operand, two


def _binary(name: str) -> tuple[Function, Function]:
    row = TABLE[name]

    if name == "matmul":  # checked first, so that the error names both shapes
        return (lambda self, other: call_row(row, self, operand(other))), (
            lambda self, other: call_row(row, operand(other), self)
        )

    return (lambda self, other: two(row, self, other)), (lambda self, other: two(row, other, self))


def _truths(*operands: Value) -> bool:
    """Whether all are truth values: &, |, ^ and ~ of others are of bits."""
    return all(_truth(x) if x.__class__ is Traced else np.asarray(x).dtype.kind == "b" for x in operands)


def _truth(x: Traced) -> bool:
    """Whether a traced value is a truth value; where its dtype is not known, its row says it."""
    if x.value is PENDING:
        return x.primitive.truth
    return x.dtype.kind == "b"


def _bitwise(logical: str, bits: str) -> tuple[Function, Function]:
    def operator(self: Traced, other: Value) -> Value:
        other = operand(other)
        return apply(TABLE[logical if _truths(self, other) else bits], (self, other))

    def reflected(self: Traced, other: Value) -> Value:
        other = operand(other)
        return apply(TABLE[logical if _truths(self, other) else bits], (other, self))

    return operator, reflected


def _invert(self: Traced) -> Value:
    return apply(TABLE["logical_not" if _truths(self) else "invert"], (self,))


def _in_place(symbol: str, operator: Function) -> Function:
    def assign(self: Traced, other: Value) -> Value:
        if self.value is PENDING or (self.shape and not self.tape.laxity.rebinding):
            raise in_place(f"x {symbol}= y")
        return operator(self, other)  # a number is immutable: rebinding the name is what Python does

    return assign


def _unary(name: str) -> Function:
    row = TABLE[name]
    return lambda self: one(row, self)


OPERATORS = {op.method: (op.row.name, op.sign) for op in BINARY}
BITS = {
    "and": ("logical_and", "bitwise_and", "&"),
    "or": ("logical_or", "bitwise_or", "|"),
    "xor": ("logical_xor", "bitwise_xor", "^"),
}
METHODS = (
    "sum mean prod max min std var argmax argmin argsort argpartition all any choose clip cumsum cumprod "
    "diagonal dot nonzero ravel repeat round searchsorted squeeze swapaxes take trace"
)
CHANGING_METHODS = "fill itemset partition put resize setfield sort"


def install() -> None:
    """Gives `Traced` Python's operators and NumPy's methods, and has `Node` refuse the operators."""
    for name, (row, symbol) in OPERATORS.items():
        forward, reflected = _binary(row)
        _refuse(row, f"__{name}__", f"__r{name}__")
        setattr(Traced, f"__{name}__", forward)
        setattr(Traced, f"__r{name}__", reflected)
        setattr(Traced, f"__i{name}__", _in_place(symbol, forward))
    for name, (logical, bits, symbol) in BITS.items():
        forward, reflected = _bitwise(logical, bits)
        _refuse(logical, f"__{name}__", f"__r{name}__")
        setattr(Traced, f"__{name}__", forward)
        setattr(Traced, f"__r{name}__", reflected)
        setattr(Traced, f"__i{name}__", _in_place(symbol, forward))
    setattr(Traced, "__invert__", _invert)  # noqa: B010 - mypy reads an assignment as ~Traced
    for name, row in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
        setattr(Traced, f"__{name}__", _binary(row)[0])
        _refuse(row, f"__{name}__")
    for name, row in {"neg": "negative", "pos": "positive", "abs": "absolute"}.items():
        setattr(Traced, f"__{name}__", _unary(row))
        _refuse(row, f"__{name}__")
    for name in METHODS.split():
        if name in TABLE:
            setattr(Traced, name, _method(name))
    for name in CHANGING_METHODS.split():
        setattr(Traced, name, _refused_method(name))


def _refuse(row: str, *names: str) -> None:
    """A vertex under an operator is a value that was stored and used too late, or a graph that ought to be called."""

    def operator(self: Node, *_: Any) -> Value:
        raise vertex_used(row, self)

    for name in names:
        setattr(Node, name, operator)


def _refused_method(name: str) -> Function:
    def method(self: Traced, *args: Any, **kwargs: Any) -> Value:
        raise in_place(f"x.{name}()")

    method.__name__ = name
    return method


def _method(name: str) -> Function:
    row = TABLE[name]

    def method(self: Traced, *args: Any, **kwargs: Any) -> Value:
        return call_row(row, self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = row.doc
    return method


install()
