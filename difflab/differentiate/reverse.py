"""Reverse mode: one sweep over the recorded nodes, last to first, with the rows' own rules.

`sweep` is the whole method. What it computes with is a carrier: plain NumPy values, or nodes, in which case the
sweep is recorded and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from ..errors import NoDerivativeError
from ..graph.node_carrier import NODE
from ..graph.recording import Tape
from ..graph.traced import Traced, holds_traced
from ..primitives import NUMPY, Carrier, Custom, Elementwise, Gate, Linear, Primitive
from ..primitives.primitive import Pick
from ..types import Shape, Value

# What flows back along one edge: the operand's place, the partial derivative (or what a rule gave for it) where the
# operation has one an element, the value, and its gate.
Contribution: TypeAlias = tuple[int, Value, Value, Value]
FIRST = [0]  # the operand of an operation that has one


def sweep(
    nodes: list[Traced],
    cotangents: dict[Traced, Value],
    nested: bool,
    observe: Callable[..., None] | None = None,
    gates: dict[Traced, Value] | None = None,
    once: bool = False,
) -> dict[Traced, Value]:
    """Carries the cotangents of some nodes back to all nodes that they depend on.

    An absent path leaves no entry; a cotangent of zero is an entry. Where `where` or `maximum` stopped a cotangent,
    the gate goes along, and nothing behind it is multiplied. With `once` the list of nodes is emptied on the way.
    """
    m = NODE if nested or holds_traced(list(cotangents.values())) else NUMPY
    gates = {} if gates is None else gates
    for node in passed(nodes) if once else reversed(nodes):
        cotangent = cotangents.get(node) if node.operands else None
        if cotangent is None:
            continue
        row, operands = node.primitive, node.operands
        if len(operands) == 1 and (x := operands[0]).__class__ is Traced and x.tape is node.tape:
            values, wanted = [x.value], FIRST
        else:
            values, wanted = node.tape.read(operands)
        gate = gates.get(node) if gates else None
        steps = PULLBACKS[row.kind](m, row, node, cotangent, gate, values, wanted) if row.differentiable else ()
        for position, local, value, gate in steps:
            target = operands[position]
            if observe is not None and local.__class__ is Gate:
                local = local.mask * (1.0 * local.factor)
            x = target.value
            if not fits(value, x) or (gate is not None and Carrier.shape(gate) != x.shape):
                value, gate = fit(m, value, gate, x)
                if value is None:
                    continue
            if observe is not None:
                observe(node, position, cotangent, local, value)
            if row.kind == "pick":
                collect(cotangents, gates, target, node.params["index"], value, gate)
            elif gate is None and target not in cotangents:
                cotangents[target] = value
            else:
                accumulate(m, cotangents, gates, target, value, gate)
        if observe is None:
            del cotangents[node]
    return cotangents


def passed(nodes: list[Traced]) -> Iterator[Traced]:
    """The nodes, last to first; values that nobody needs further down are freed on the way."""
    while nodes:
        node = nodes.pop()
        yield node
        node.operands = ()


def fits(value: Value, x: Value) -> bool:
    """Whether a contribution to x has its shape and dtype, as almost all have: a quick look, which may say no."""
    while value.__class__ is Traced:
        value = value.value
    while x.__class__ is Traced:
        x = x.value
    if value.__class__ is np.float64 or x.__class__ is not np.ndarray or value.__class__ is not np.ndarray:
        return value.__class__ is x.__class__ is np.float64
    return value.dtype is x.dtype and x.dtype.kind in "fc" and value.shape == x.shape


def accumulate(
    m: Carrier, cotangents: dict[Traced, Value], gates: dict[Traced, Value], target: Traced, value: Value, gate: Value
) -> None:
    """Adds what arrives at a value that is used more than once; a gate stays only where every path has one."""
    known = cotangents.get(target)
    if known is None:
        cotangents[target] = value
        if gate is not None:
            gates[target] = gate
        return
    cotangents[target] = known + value
    if target in gates:
        if gate is None:
            del gates[target]
        else:
            gates[target] = m.logical_or(gates[target], gate)


def collect(cotangents: Value, gates: Value, target: Traced, index: int, value: Value, gate: Value) -> None:
    """The cotangents and gates of an operation with several outputs, each in its place."""
    parts = cotangents.setdefault(target, [None] * len(target.value))
    parts[index] = value if parts[index] is None else parts[index] + value
    if gate is not None:
        gates.setdefault(target, [None] * len(target.value))[index] = gate


def pull_elementwise(
    m: Carrier, row: Elementwise, node: Traced, ct: Value, gate: Value, x: list[Value], wanted: list[int]
) -> Iterable[Contribution]:
    found: list[
        Contribution
    ] = []  # no generator: most operations are of this kind, and it takes longer than their rules
    for i in wanted:
        rule = row.partials[i] if i < len(row.partials) else None
        if rule is None:
            raise no_derivative(row, i)
        if rule.__class__ is int:
            if rule != 0:
                found.append((i, rule, ct if rule == 1 else -ct, gate))
            continue
        if x[i].__class__ is not np.float64 and x[i].dtype.kind not in "fc":
            continue  # truth values and integers carry none, and the rules need not take them
        partial = rule(m, node.value, *x, **node.params) if node.params else rule(m, node.value, *x)
        if partial.__class__ is Gate:
            mask = partial.mask if gate is None else m.logical_and(partial.mask, gate)
            through = ct if partial.factor.__class__ is int and partial.factor == 1 else ct * partial.factor
            found.append((i, partial, m.where(mask, through, 0.0), mask))
        elif gate is None:
            found.append((i, partial, ct * partial, None))
        else:
            found.append((i, partial, m.where(gate, ct * partial, 0.0), gate))
    return found


def pull_linear(
    m: Carrier, row: Linear, node: Traced, ct: Value, gate: Value, x: list[Value], wanted: list[int]
) -> Iterable[Contribution]:
    for i in wanted:
        if i in row.fixed:
            continue
        through = gate
        if gate is not None:
            through = row.gate(m, i, gate, *x, **node.params) if row.gate is not None else None
            if through is None:
                through = linear_gate(m, row, node, i, gate, x)
        yield i, None, row.transpose(m, i, ct, *x, **node.params), through


def pull_pick(
    m: Carrier, row: Pick, node: Traced, ct: Value, gate: Value, x: list[Value], wanted: list[int]
) -> Iterable[Contribution]:
    for i in wanted:
        yield i, None, ct, gate


def linear_gate(m: Carrier, row: Linear, node: Traced, i: int, gate: Value, x: list[Value]) -> Value:
    """The gate sent through the same linear map as the cotangent, with the other operands taken as ones.

    A row whose own coefficients can cancel (a Fourier transform) says its gate itself: here a sum of 0 would close it.
    """
    ones = [v if j == i or j in row.fixed else m.ones_like(v) for j, v in enumerate(x)]
    mask = row.transpose(m, i, lifted(m, gate, Carrier.shape(node.value)), *ones, **node.params)
    return m.not_equal(mask, 0.0)


def lifted(m: Carrier, gate: Value, shape: Shape) -> Value:
    """A gate as numbers, in the shape that comes of broadcasting it against another."""
    known = Carrier.shape(gate)
    if m is NUMPY and (not shape or known == shape):
        return gate * 1.0
    return m.multiply(gate, np.ones(np.broadcast_shapes(known, shape)))


def pull_custom(
    m: Carrier, row: Custom, node: Traced, ct: Value, gate: Value, x: list[Value], wanted: list[int]
) -> Iterable[Contribution]:
    if row.vjp is None:
        raise no_derivative(row, 0)
    if node.value.__class__ is tuple:
        ct = ct if row.gaps else [m.zeros_like(y) if c is None else c for c, y in zip(ct, node.value)]
        gate = None  # the outputs are mixed
    if not any(x[i].dtype.kind in "fc" for i in wanted):
        return
    params = {**node.params, "wanted": wanted} if row.selective else node.params
    contributions = row.vjp(m, ct, node.value, *x, **params)
    for i in wanted:
        if contributions[i] is not None:
            yield i, None, contributions[i], whole_gate(m, gate, x[i])


def pull_composite(
    m: Carrier, row: Any, node: Traced, ct: Value, gate: Value, x: list[Value], wanted: list[int]
) -> Iterable[Contribution]:
    inner = list(x)
    wanted = [i for i in wanted if x[i].dtype.kind in "fc"]
    if not wanted:
        return
    with Tape() as (tape, operations):
        for i in wanted:
            inner[i] = tape.input(x[i])
        out = row.value(NODE, *inner, **node.params)
    seeds: dict[Traced, Value] = {}
    gates: dict[Traced, Value] = {}
    several = isinstance(out, tuple | list)
    for k, (y, c) in enumerate(zip(out, ct) if several else ((out, ct),)):
        if c is not None and tape.owns(y):
            accumulate(m, seeds, gates, y, c, gate[k] if several and gate is not None else gate)
    reached = sweep(operations, seeds, tape.nested, gates=gates)
    for i in wanted:
        if inner[i] in reached:
            yield i, None, reached[inner[i]], gates.get(inner[i])


PULLBACKS: dict[str, Callable[..., Iterable[Contribution]]] = {
    "elementwise": pull_elementwise,
    "linear": pull_linear,
    "pick": pull_pick,
    "custom": pull_custom,
    "composite": pull_composite,
    "opaque": lambda *_: (),
    "leaf": lambda *_: (),
}


def whole_gate(m: Carrier, gate: Value, x: Value) -> Value:
    """Where a rule mixes all elements, the gate stays closed only if all of it was."""
    return None if gate is None else m.broadcast_to(m.any(gate, axis=None, keepdims=False), shape=Carrier.shape(x))


def fit(m: Carrier, value: Value, gate: Value, x: Value) -> tuple[Value, Value]:
    """A contribution in the shape and dtype of its operand: the transpose of broadcasting and of promotion."""
    if x.__class__ is tuple:  # the node of an operation with several outputs
        return value, gate
    dtype = x.dtype
    if dtype.kind not in "fc":
        return None, None
    shape = x.shape
    if value.__class__ is not Traced and not hasattr(value, "dtype"):
        value = np.asarray(value)
    if value.shape != shape:
        value = m.sum_to(value, shape=shape)
    if gate is not None and Carrier.shape(gate) != shape:
        gate = m.not_equal(m.sum_to(lifted(m, gate, shape), shape=shape), 0.0)
    if value.dtype != dtype:
        if dtype.kind == "f" and value.dtype.kind == "c":
            value = m.real(value)
        if value.dtype != dtype:
            value = m.astype(value, dtype=dtype)
    return value, gate


def no_derivative(row: Primitive, position: int) -> NoDerivativeError:
    return NoDerivativeError(f"{row.name}: no derivative is known with respect to operand {position}")
