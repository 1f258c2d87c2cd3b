"""A loop's values are read off the loop with the tangents where that begins and captures the same, and only there."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.passes.joined_loops import AHEAD, joined_loops
from difflab.graph.graph import Graph
from difflab.graph.node import Node
from difflab.graph.vertices import constant_node
from difflab.primitives import rows

W = np.array([0.5, 0.25, 0.125])
POINT = dict(x=np.array([0.3, 0.7, 0.9]), t=np.array([1.0, -2.0, 0.5]), z=np.array([3.0, 0.2, 0.1]))


def both(x, t, z):
    """A loop and its tangent; it captures sin(z), which is traced, and W, which is a constant of the longer loop."""

    def f(x, w):
        step = lambda c: (c[0] * w + np.sin(z), c[1] + 1.0)
        return dl.while_loop(lambda c: c[1] < 4.0, step, (x, 0.0 * x[0]))[0]

    return dl.jvp(f, (x, W), (t, np.zeros(3)))


def loops(graph):
    return [n for n in graph.order if n.primitive.name == "while_loop"]


def traced():
    graph = dl.trace(both, *POINT.values())
    shorter, longer = sorted(loops(graph), key=lambda n: AHEAD in n.primitive.spelling)
    assert longer.primitive.spelling[AHEAD][0] is shorter.primitive
    return graph, shorter


def with_operand(graph, node, place, operand):
    """The graph in which one operand of a node is another."""
    new = Node(node.primitive, tuple(operand if k == place else x for k, x in enumerate(node.operands)), {}, node.value)
    image, order = {}, list[Node]()
    for n in graph.order:
        order += [operand] if n is node else []
        made = new if n is node else n
        if any(x in image for x in n.operands):
            made = Node(n.primitive, tuple(image.get(x, x) for x in n.operands), n.params, n.value, n.name)
        if made is not n:
            image[n] = made
        order.append(made)
    outputs = [image.get(y, y) for y in graph.outputs]
    return Graph(order=order, inputs=graph.inputs, outputs=outputs, rebuild=graph.rebuild)


def test_equal_operands_make_one_loop():
    graph, _ = traced()
    joined = joined_loops(graph)
    assert len(loops(graph)) == 2 and len(loops(joined)) == 1
    for one, other in zip(graph(**POINT), joined(**POINT), strict=True):
        np.testing.assert_array_equal(one, other)


def places(shorter):
    return range(len(shorter.operands))


@pytest.mark.parametrize("place", places(traced()[1]))
@pytest.mark.parametrize("other", ["constant", "operation"])
def test_another_operand_keeps_both_loops(place, other):
    graph, shorter = traced()
    old = shorter.operands[place]
    if other == "operation":
        operand = Node(rows.negative, (old,), {}, old.value)
    else:
        operand = constant_node(np.full(old.shape, 2.0)[()])
    changed = with_operand(graph, shorter, place, operand)
    joined = joined_loops(changed)
    assert len(loops(joined)) == 2
    for one, found in zip(changed(**POINT), joined(**POINT), strict=True):
        np.testing.assert_array_equal(one, found)


def test_the_loop_captures_a_constant_and_a_value():
    """Operands are compared in two ways, and both are tried above."""
    _, shorter = traced()
    kinds = {x.primitive is rows.constant for x in shorter.operands}
    assert kinds == {True, False}
