"""The operators and methods of a node, made from the rows that carry them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitives import TABLE
from .kinds import NUMBERS, check_operands
from .node import BLOCK, NO_PARAMS, PENDING, UNKNOWN, Node, apply, assemble, call_row, operand
from .refusals import in_place, shapes_refused
from .signs import BINARY

PLAIN = frozenset((float, int, np.ndarray, np.float64, Node))


def _binary(name: str) -> Any:
    row = TABLE[name]

    if name == "matmul":  # checked first, so that the error names both shapes
        return (lambda self, other: call_row(row, self, operand(other))), (
            lambda self, other: call_row(row, operand(other), self)
        )

    def operator(self: Node, other: Any) -> Any:
        trace = self.recording
        if trace is not None and not trace.nested and trace.nodes is not None and other.__class__ in PLAIN:
            # The hot path of a recording: one trace, and a number, an array or a node of the same trace.
            try:
                if other.__class__ is not Node:
                    if other.__class__ is np.ndarray:
                        if other.dtype.kind not in NUMBERS:
                            check_operands(name, (self, other))
                        other = trace.snapshot(other)
                    value = row.evaluate(self.value, other)
                elif other.recording is trace:
                    value = row.evaluate(self.value, other.value)
                else:
                    return apply(row, (self, other))
            except ValueError as error:
                raise shapes_refused(row, (self, other), error) from error.__cause__
            node = Node(row, (self, other), NO_PARAMS, value, trace, None, BLOCK.get())
            trace.nodes.append(node)
            return node
        return apply(row, (self, other if other.__class__ is not list else assemble(other)))

    def reflected(self: Node, other: Any) -> Any:
        return apply(row, (other if other.__class__ is not list else assemble(other), self))

    return operator, reflected


def _truths(*operands: Any) -> bool:
    """Whether all are truth values: &, |, ^ and ~ of others are of bits."""
    return all(_truth(x) if x.__class__ is Node else np.asarray(x).dtype.kind == "b" for x in operands)


def _truth(x: Node) -> bool:
    """Whether a node is a truth value; where its dtype is not known, its row says it."""
    if x.value is PENDING or x.value is UNKNOWN:
        return x.primitive.truth
    return x.dtype.kind == "b"


def _bitwise(logical: str, bits: str) -> Any:
    def operator(self: Node, other: Any) -> Any:
        other = operand(other)
        return apply(TABLE[logical if _truths(self, other) else bits], (self, other))

    def reflected(self: Node, other: Any) -> Any:
        other = operand(other)
        return apply(TABLE[logical if _truths(self, other) else bits], (other, self))

    return operator, reflected


def _invert(self: Node) -> Any:
    return apply(TABLE["logical_not" if _truths(self) else "invert"], (self,))


def _in_place(symbol: str, operator: Any) -> Any:
    def assign(self: Node, other: Any) -> Any:
        if self.recording is not None and (self.value is PENDING or self.shape):
            raise in_place(f"x {symbol}= y")
        return operator(self, other)  # a number is immutable: rebinding the name is what Python does

    return assign


def _unary(name: str) -> Any:
    row = TABLE[name]
    return lambda self: apply(row, (self,))


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
    """Gives `Node` Python's operators and NumPy's methods."""
    for name, (row, symbol) in OPERATORS.items():
        forward, reflected = _binary(row)
        setattr(Node, f"__{name}__", forward)
        setattr(Node, f"__r{name}__", reflected)
        setattr(Node, f"__i{name}__", _in_place(symbol, forward))
    for name, (logical, bits, symbol) in BITS.items():
        forward, reflected = _bitwise(logical, bits)
        setattr(Node, f"__{name}__", forward)
        setattr(Node, f"__r{name}__", reflected)
        setattr(Node, f"__i{name}__", _in_place(symbol, forward))
    setattr(Node, "__invert__", _invert)  # noqa: B010 - mypy reads an assignment as ~Node
    for name, row in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
        setattr(Node, f"__{name}__", _binary(row)[0])
    for name, row in {"neg": "negative", "pos": "positive", "abs": "absolute"}.items():
        setattr(Node, f"__{name}__", _unary(row))
    for name in METHODS.split():
        if name in TABLE:
            setattr(Node, name, _method(name))
    for name in CHANGING_METHODS.split():
        setattr(Node, name, _refused_method(name))


def _refused_method(name: str) -> Any:
    def method(self: Node, *args: Any, **kwargs: Any) -> Any:
        raise in_place(f"x.{name}()")

    method.__name__ = name
    return method


def _method(name: str) -> Any:
    row = TABLE[name]

    def method(self: Node, *args: Any, **kwargs: Any) -> Any:
        return call_row(row, self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = row.doc
    return method


install()
