"""What rewriting of signs and powers makes of small graphs: which operations, and the same bits (powers: the last)."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.passes.algebra import clean_algebra, powers, signs
from difflab.compile.passes.rewriting import users

A = np.array([0.0, -0.0, 1.5, -2.25, np.inf, 1e-310, 3.0, -7.0])
B = np.array([-0.0, 0.0, -0.5, 4.0, 2.0, -1e300, 3.0, 0.1])

CASES = [
    (clean_algebra, "a * 1", ""), (clean_algebra, "1.0 * a", ""), (clean_algebra, "a / 1", ""),
    (clean_algebra, "a ** 1", ""), (clean_algebra, "-(-a)", ""), (clean_algebra, "+a", ""),
    (clean_algebra, "np.reshape(a, (8,))", ""), (clean_algebra, "a.astype(float)", ""),
    (clean_algebra, "np.broadcast_to(a, (8,))", ""), (clean_algebra, "a * 2", "multiply"),
    (clean_algebra, "1 / a", "divide"), (clean_algebra, "1 ** a", "power"), (clean_algebra, "a * np.ones(8)", ""),
    (clean_algebra, "a[:1] * np.ones(8)", "getitem multiply"), (clean_algebra, "a.astype(np.float32)", "astype"),
    (clean_algebra, "np.reshape(a, (2, 4))", "reshape"), (clean_algebra, "a + 1", "add"),
    (clean_algebra, "-a", "negative"), (clean_algebra, "np.any(np.broadcast_to(a[2] > 0, (8,)))", "getitem greater"),
    (clean_algebra, "np.all(np.broadcast_to(a[2] > 0, (8, 2)))", "getitem greater"),
    (clean_algebra, "np.any(np.broadcast_to(a[2] > 0, (0,)))", "getitem greater broadcast_to any"),
    (clean_algebra, "np.any(np.broadcast_to(a[:1] > 0, (8,)))", "getitem greater broadcast_to any"),
    (clean_algebra, "np.where(np.broadcast_to(a[2] > 0, (8,)), a, 0.0)", "getitem greater where"),
    (powers, "a ** 2", "square"), (powers, "a * a", "square"), (powers, "a ** -1", "reciprocal"),
    (powers, "a ** 3", "power"), (powers, "a * b", "multiply"), (powers, "a * np.reciprocal(b)", "divide"),
    (powers, "np.reciprocal(a) * b", "divide"),
    (powers, "a * np.reciprocal(b) + np.reciprocal(b)", None),
    (signs, "a + (-b)", "subtract"), (signs, "(-a) + b", "subtract"), (signs, "a - (-b)", "add"),
    (signs, "(-a) * b", "multiply negative"), (signs, "a * (-b)", "multiply negative"),
    (signs, "(-a) * (-b)", "multiply"),
    (signs, "(-a) / b", "divide negative"), (signs, "(-a) / (-b)", "divide"), (signs, "abs(-a)", "absolute"),
    (signs, "np.square(-a)", "square"), (signs, "np.reciprocal(-a)", "reciprocal negative"),
    (signs, "-(-a) * b", "multiply"),
    (signs, "np.sum(-a * b)", "multiply sum negative"), (signs, "(-a) - (-b)", None), (signs, "(-a) + (-b)", None),
    (signs, "(-a) - b", None), (signs, "np.exp(-a)", "negative exp"), (signs, "(-a) * b - (-b)", "multiply subtract"),
    (signs, "b + (-a) * b", "multiply subtract"), (signs, "(-a[:1]) * b", "getitem negative multiply"),
    (signs, "np.sin(-a) * (-a)", None), (signs, "(-a) * (-(-b))", None),
]  # fmt: skip


def used(graph):
    """The names of the operations that the results need; what is left over is dropped by another pass."""
    found, todo = {}, list(graph.outputs)
    while todo:
        node = todo.pop()
        if node.operands and node not in found:
            found[node] = node.primitive.name
            todo += node.operands
    return found.values()


@pytest.mark.parametrize("rewriting, text, names", CASES, ids=[f"{p.__name__}-{t}" for p, t, _ in CASES])
def test_a_rewriting(rewriting, text, names):
    f = lambda a, b: eval(text, {"np": np, "a": a, "b": b})
    with np.errstate(all="ignore"):
        graph = dl.trace(f, A, B)
        after = rewriting(graph)
        before, found = np.asarray(graph(A, B)), np.asarray(after(A, B))
    assert before.dtype == found.dtype and before.shape == found.shape
    np.testing.assert_allclose(found, before, rtol=4e-16 if rewriting is powers else 0, atol=0)
    np.testing.assert_array_equal(np.signbit(before[before == 0]), np.signbit(found[before == 0]))
    if names is not None:
        assert sorted(used(after)) == sorted(names.split())
    assert len(after.operations) <= len(graph.operations)


def test_who_reads_a_node():
    """Each operand counts; an output or a guard counts as one more."""

    def f(x, y):
        a, b = dl.label(x * x, "a"), dl.label(x + y, "b")
        if b > 0:
            return a, dl.label(a * b, "c"), dl.label(np.sin(b), "d")
        return a, b, a

    graph = dl.trace(f, 1.0, 2.0)
    count = users(graph)
    assert {n.name: count[n] for n in graph.order if n.name} == {"x": 3, "y": 1, "a": 2, "b": 3, "c": 1, "d": 1}
