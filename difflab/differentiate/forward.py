"""Forward mode: one sweep over the recorded nodes, first to last, with the rows' own rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import NoDerivativeError
from ..graph.node_carrier import NODE
from ..graph.recording import Tape
from ..graph.traced import Traced, holds_traced
from ..primitives import NUMPY, Carrier, Gate
from ..types import Value
from .reverse import fits, no_derivative


def sweep(nodes: list[Traced], tangents: dict[Traced, Value], nested: bool = False) -> dict[Traced, Value]:
    """Carries tangents of the inputs forward to every node that depends on them; an absent entry is zero."""
    m = NODE if nested or holds_traced(list(tangents.values())) else NUMPY
    for node in nodes:
        if not node.operands or not node.primitive.differentiable:
            continue
        values, own = node.tape.read(node.operands)
        ts = [None] * len(values)
        for i in own:
            ts[i] = tangents.get(node.operands[i])
        if all(t is None for t in ts):
            continue
        tangent = PUSHFORWARDS[node.primitive.kind](m, node, ts, values)
        if tangent is not None:
            tangent = fit(m, tangent, node.value)
            if tangent is not None:
                tangents[node] = tangent
    return tangents


def push_elementwise(m: Carrier, node: Traced, ts: list[Value], x: list[Value]) -> Value:
    total = None
    row: Any = node.primitive
    for i, t in enumerate(ts):
        if t is None:
            continue
        rule = row.partials[i] if i < len(row.partials) else None
        if rule is None:
            raise no_derivative(node.primitive, i)
        if rule.__class__ is int:
            if rule == 0:
                continue
            term = t if rule == 1 else -t
        else:
            partial = rule(m, node.value, *x, **node.params)
            if partial.__class__ is Gate:
                through = t if partial.factor.__class__ is int and partial.factor == 1 else t * partial.factor
                term = m.where(partial.mask, through, 0.0)
            else:
                term = partial * t
        total = term if total is None else total + term
    return total


def push_linear(m: Carrier, node: Traced, ts: list[Value], x: list[Value]) -> Value:
    row: Any = node.primitive
    apply = m.of(row)
    if row.jointly:
        filled = [
            m.zeros_like(v) if t is None and i not in row.fixed else v if t is None else t
            for i, (t, v) in enumerate(zip(ts, x))
        ]
        return apply(*filled, **node.params)
    total = None
    for i, t in enumerate(ts):
        if t is not None and i not in row.fixed:
            term = apply(*[*x[:i], t, *x[i + 1 :]], **node.params)
            if term is None:
                continue
            total = term if total is None else total + term
    return total


def push_pick(m: Carrier, node: Traced, ts: list[Value], x: list[Value]) -> Value:
    return ts[0][node.params["index"]]


def push_custom(m: Carrier, node: Traced, ts: list[Value], x: list[Value]) -> Value:
    row: Any = node.primitive
    if row.jvp is None:
        raise NoDerivativeError(f"{row.name}: no forward-mode derivative is known")
    return row.jvp(m, ts, node.value, *x, **node.params)


def push_composite(m: Carrier, node: Traced, ts: list[Value], x: list[Value]) -> Value:
    inner = list(x)
    tangents: dict[Traced, Value] = {}
    row: Any = node.primitive
    with Tape() as (tape, operations):
        for i, t in enumerate(ts):
            if t is not None:
                inner[i] = tape.input(x[i])
                tangents[inner[i]] = t
        out = row.value(NODE, *inner, **node.params)
    found = sweep(operations, tangents, tape.nested)
    if isinstance(out, tuple | list):
        return [found.get(y) if y.__class__ is Traced else None for y in out]
    return found.get(out) if out.__class__ is Traced else None


PUSHFORWARDS: dict[str, Callable[..., Value]] = {
    "elementwise": push_elementwise,
    "linear": push_linear,
    "pick": push_pick,
    "custom": push_custom,
    "composite": push_composite,
    "opaque": lambda *_: None,
    "leaf": lambda *_: None,
}


def fit(m: Carrier, tangent: Value, y: Value) -> Value:
    """A tangent in the shape and dtype of the value that it belongs to."""
    if fits(tangent, y):
        return tangent
    if y.__class__ is tuple:
        return list(tangent)
    dtype = y.dtype
    if dtype.kind not in "fc":
        return None
    if tangent.__class__ is not Traced and not hasattr(tangent, "dtype"):
        tangent = np.asarray(tangent)
    if Carrier.shape(tangent) != y.shape:
        tangent = m.broadcast_to(tangent, shape=y.shape)
    if tangent.dtype != dtype:
        if dtype.kind == "f" and tangent.dtype.kind == "c":
            tangent = m.real(tangent)
        tangent = m.astype(tangent, dtype=dtype)
    return tangent
