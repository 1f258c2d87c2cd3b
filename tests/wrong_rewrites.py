"""Rewritings that are wrong, as pairs of formulas: what `test_passes.py` must see.

`rewriting(before, after)` is the pass that puts one formula in place of the other. Each of these is a mistake that a
careful person could make: right for most numbers, and wrong for NaN, infinities, zeros with a sign, ties, negative
numbers, or in the last bit.
"""

from __future__ import annotations

import numpy as np

import difflab as dl
from difflab.compile.passes.rewriting import number, rebuilt, relinked
from difflab.graph.node import Abstract, Node
from difflab.primitives import NUMPY, rows

WRONG = [
    ("np.abs(np.floor(x))", "np.floor(x)"),
    ("np.abs(np.sign(x))", "np.sign(x)"),
    ("np.trunc(x)", "np.floor(x)"),
    ("np.ceil(x)", "np.floor(x) + 1"),
    ("np.rint(x)", "np.floor(x + 0.5)"),
    ("np.floor(-x)", "-np.floor(x)"),
    ("np.floor(np.ceil(x))", "np.floor(x)"),
    ("np.trunc(np.rint(x))", "np.trunc(x)"),
    ("np.sign(np.abs(x))", "np.sign(x)"),
    ("np.sign(x) * x", "x"),
    ("x - x", "0 * y"),
    ("x / x", "np.exp(0 * x)"),
    ("x + 0.0", "x"),
    ("x * 0.0", "np.abs(x * 0.0)"),
    ("0.0 - x", "-x"),
    ("(x + y) - y", "x"),
    ("(x * y) / y", "x"),
    ("np.sqrt(np.square(x))", "x"),
    ("np.square(np.sqrt(x))", "x"),
    ("np.sqrt(x * x)", "np.abs(x)"),
    ("np.exp(np.log(x))", "x"),
    ("np.log(np.exp(x))", "x"),
    ("np.arctan(np.tan(x))", "x"),
    ("np.maximum(x, y)", "np.fmax(x, y)"),
    ("np.maximum(x, np.abs(x))", "np.maximum(x, x)"),
    ("np.minimum(np.maximum(x, y), y)", "x"),
    ("np.maximum(x, y) + y", "np.maximum(x + y, y)"),
    ("np.minimum(x, -x)", "np.abs(x)"),
    ("np.copysign(x, y)", "np.sign(y) * np.abs(x)"),
    ("np.copysign(np.abs(x), y)", "np.copysign(y, x)"),
    ("np.copysign(x, -y)", "np.copysign(x, y)"),
    ("np.where(x > y, x, y)", "np.maximum(x, y)"),
    ("np.where(x < y, y, z)", "np.where(x >= y, z, y)"),
    ("np.where(x > y, y, x)", "np.where(x > y, x, y)"),
    ("np.logical_not(x < y)", "x >= y"),
    ("np.logical_not(x == y)", "np.logical_or(x < y, x > y)"),
    ("x != x", "np.isinf(x)"),
    ("np.remainder(x, y)", "np.fmod(x, y)"),
    ("np.floor_divide(x, y)", "np.trunc(x / y)"),
    ("np.clip(x, y, z)", "np.maximum(np.minimum(x, z), y)"),
    ("np.heaviside(x, y)", "np.heaviside(y, x)"),
    ("np.hypot(x, y)", "np.sqrt(x * x + y * y)"),
    ("np.arctan2(x, y)", "np.arctan(x / y)"),
    ("np.power(x, 2.0)", "x * x * x / x"),
    ("np.power(np.abs(x), y)", "np.abs(np.power(x, y))"),
    ("np.tanh(-x)", "np.tanh(x)"),
    ("np.cos(-x)", "-np.cos(x)"),
    ("np.isnan(x)", "np.isinf(x)"),
    ("np.log1p(x)", "np.log(1 + x)"),
    ("np.expm1(x)", "np.exp(x) - 1"),
]


def rewriting(before, after):
    """The pass that puts the formula `after` in place of every `before`."""
    x = np.array([[0.5, 2.0]])
    old, new = (
        dl.trace(lambda x, y, z, t=text: eval(t, {"np": np, "x": x, "y": y, "z": z}), x, x, x)
        for text in (before, after)
    )

    def run(graph):
        image, order = {}, []
        for node in graph.order:
            there = relinked(node, image)
            at = matched(old.outputs[0], there, {})
            if at is None:
                order.append(there)
                image.update({node: there} if there is not node else {})
            else:
                image[node] = written(new.outputs[0], {n.name: at.get(n.name, at["x"]) for n in new.inputs}, order)
        return rebuilt(graph, order, image)

    return run


def matched(pattern, node, at):
    """What x, y and z of the pattern are where it is the node's formula; None where it is not."""
    if pattern.primitive is rows.input:
        return at if at.setdefault(pattern.name, node) is node else None
    if pattern.primitive is rows.constant:
        return at if number(node) == float(pattern.params["value"]) else None
    same = node.primitive is pattern.primitive and len(node.operands) == len(pattern.operands)
    if not same or node.params != pattern.params:
        return None
    for inner, operand in zip(pattern.operands, node.operands):
        at = at if at is None else matched(inner, operand, at)
    return at


def written(pattern, at, order):
    """The node of the pattern's formula of those operands; new nodes are added to the order."""
    if pattern.primitive is rows.input:
        return at[pattern.name]
    operands = tuple([written(x, at, order) for x in pattern.operands])
    with np.errstate(all="ignore"):
        value = np.asarray(
            NUMPY.of(pattern.primitive)(*[np.zeros(x.shape, x.dtype) for x in operands], **pattern.params)
        )
    order.append(Node(pattern.primitive, operands, pattern.params, Abstract(value.shape, value.dtype)))
    return order[-1]


def innermost(before):
    """The name of the row that the formula applies first."""
    x = np.array([[0.5, 2.0]])
    graph = dl.trace(lambda x, y, z: eval(before, {"np": np, "x": x, "y": y, "z": z}), x, x, x)
    return graph.operations[0].primitive.name
