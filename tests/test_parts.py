"""Parts of results made of parts of operands: each row's rule, and the pass that moves indices towards the inputs."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.compile.passes.parts import needs, parts, piece
from difflab.compile.passes.pipeline import optimise
from difflab.graph.node import Abstract, Node
from difflab.primitives import NUMPY, TABLE, rows
from difflab.primitives.by_parts import shape_of

RNG = np.random.default_rng(0)
SQUARE = np.array([[5, 3, 0], [1, 2, 4]])

MATRICES = (((4, 3), (3, 5)), ((2, 4, 3), (3, 5)), ((4, 3), (2, 3, 5)), ((2, 4, 3), (2, 3, 5)), ((1, 4, 3), (2, 3, 5)))
PRODUCTS = {
    "ij,jk->ki": ((4, 3), (3, 5)),
    "ij,ij->i": ((4, 3), (4, 3)),
    "ii,ik->ik": ((4, 4), (4, 5)),
    "i,j->ji": ((4,), (5,)),
}
INDICES = (
    slice(1, 5),
    (slice(None), 2),
    (Ellipsis, None, slice(3, None, -1)),
    (slice(None), np.array([3, 0, -1])),
    (-2, slice(1, 4, 2)),
    (np.array([1, 1, -6]), slice(2), None),
)
SHAPES = ((24, 5), (4, 30), (4, 1, 3, 2, 5), (1, 4, 6, 5), (2, 2, 6, 5))
# name: the shapes of the operands, and parameters of each case
CASES = {
    "sum": [(((4, 5, 6),), {"axis": a, "keepdims": k}) for k in (False, True) for a in ((1,), (-2,), (0, 2))],
    "mean": [(((4, 5, 6),), {"axis": (0, 2), "keepdims": k}) for k in (False, True)],
    "max": [(((4, 5, 6),), {"axis": (2,), "keepdims": False})],
    "min": [(((4, 5, 6),), {"axis": (0,), "keepdims": True})],
    "reshape": [(((4, 6, 5),), {"shape": s}) for s in SHAPES],
    "transpose": [(((4, 5, 6),), {"axes": a}) for a in (None, (1, 2, 0), (0, 2, 1))],
    "swapaxes": [(((4, 5, 6),), {"axis1": 0, "axis2": 2})],
    "matrix_transpose": [(((4, 5, 6),), {})],
    "expand_dims": [(((4, 5),), {"axis": (1,)})],
    "squeeze": [(((4, 1, 5),), {"axis": (1,)})],
    "sum_to": [(((7, 4, 5),), {"shape": s}) for s in ((4, 5), (1, 5), (7, 1, 5), (7, 4, 5), (1, 4, 1))],
    "broadcast_to": [((s,), {"shape": (3, 4, 5)}) for s in ((4, 5), (4, 1), (5,), (), (3, 1, 5))],
    "astype": [(((4, 5),), {"dtype": np.dtype("float32")})],
    "stack": [(((4, 5), (4, 5)), {"axis": a}) for a in (0, 1, -1)],
    "concatenate": [(((4, 5), (4, 5)), {"axis": a}) for a in (0, 1, -1)],
    "matmul": [(shapes, {}) for shapes in MATRICES],
    "einsum": [(shapes, {"subscripts": s}) for s, shapes in PRODUCTS.items()],
    "getitem": [(((6, 5, 4),), {"index": i}) for i in INDICES],
}
ELEMENTWISE = {"multiply": (((4, 5), (5,)), {}), "where": (((4, 1), (3, 1, 5), ()), {}), "sin": (((4, 5),), {})}


def test_every_rule_has_a_case():
    assert {n for n, row in TABLE.items() if row.by_parts is not None} == set(CASES)


def places(n):
    """Places along an axis of that length, of each kind."""
    return [None, range(n // 2), range(n - 1, -1, -2), RNG.integers(0, n, 3)][RNG.integers(4 if n > 1 else 1)]


def cut(a, part):
    for k, p in enumerate(part):
        a = a if p is None else np.take(a, np.asarray(p, int), axis=k)
    return a


@pytest.mark.parametrize(
    ("name", "shapes", "params"),
    [(n, *case) for n, cases in CASES.items() for case in cases] + [(n, *case) for n, case in ELEMENTWISE.items()],
)
def test_the_operation_on_parts_gives_the_part(name, shapes, params):
    row, found = TABLE[name], 0
    xs = [RNG.normal(size=s) for s in shapes]
    y = np.asarray(NUMPY.of(row)(*xs, **params))
    node = Node(
        row,
        tuple([Node(rows.input, (), {}, Abstract(x.shape, x.dtype)) for x in xs]),
        params,
        Abstract(y.shape, y.dtype),
    )
    for _ in range(60):
        part = tuple([places(n) for n in y.shape])
        if (rule := needs(node, part)) is None:
            continue
        found += 1
        theirs = [cut(x, p) for x, p in zip(xs, rule[0])]
        got = np.asarray(NUMPY.of(row)(*theirs, **rule[1]))
        assert got.shape == shape_of(part, y.shape)
        np.testing.assert_allclose(got, cut(y, part), rtol=1e-14, atol=1e-15)
    assert found


def test_a_piece_is_what_its_nodes_read():
    x = Node(rows.constant, (), {"value": (a := RNG.normal(size=(5, 6, 7)))}, Abstract((5, 6, 7), a.dtype))
    for _ in range(100):
        part = tuple([places(n) for n in a.shape])
        made = piece(x, part)
        if made:
            np.testing.assert_array_equal(made[-1].params["value"], cut(a, part))
            assert made[-1].shape == cut(a, part).shape


WIDE = RNG.normal(size=(40, 3000))
SOME, OTHERS = RNG.integers(0, 3000, 50), RNG.integers(0, 3000, 80)
CORNERS = RNG.integers(0, 3000, (3, 40))


def read_at(places):
    return lambda x: (np.sin(x) @ WIDE)[:, places]


# name: a function of (3, 40), and the largest result of its products that is left
PROGRAMS = {
    "places": (read_at(SOME), 150),
    "a slice": (read_at(slice(10, 30)), 60),
    "from behind": (read_at(slice(None, 2900, -1)), 297),
    "a number": (read_at(7), 3),
    "a row": (lambda x: (x @ WIDE)[1], 3000),
    "both": (lambda x: (x @ WIDE)[1:][:, SOME], 100),
    "the same twice": (lambda x: (x @ WIDE)[:, SOME] * np.cos(x @ WIDE)[:, SOME], 150),
    "corners": (lambda x: sum((k + 1) * np.tanh(x @ WIDE)[:, CORNERS[k]] for k in range(3)), 3 * 120),
    "a loss": (lambda x: np.sum(np.exp(-np.abs(np.stack([x @ WIDE, x @ WIDE + 1])).sum(0) / 9)[:, SOME]), 150),
    "turned": (lambda x: ((x @ WIDE).T.reshape(3000, 1, 3) * np.ones((2, 1)))[SOME][:, 1], 300),
    "joined": (lambda x: np.concatenate([x @ WIDE, x @ WIDE * 2])[:, SOME].mean(0), 150),
    "read whole": (lambda x: (x @ WIDE)[:, SOME].sum() + (x @ WIDE).sum(), 9000),
    "an output": (lambda x: (x @ WIDE, (x @ WIDE)[:, SOME]), 9000),
    "of what has no rule": (lambda x: np.cumsum(x @ WIDE, axis=1)[:, SOME], 9000),
    "taken": (lambda x: np.take(x @ WIDE, SOME, axis=1), 150),
}  # fmt: skip


def flat(tree):
    return np.concatenate([np.ravel(y) for y in (tree if isinstance(tree, tuple) else (tree,))])


@pytest.mark.parametrize("name", PROGRAMS)
def test_only_what_is_read_is_computed(name):
    f, most = PROGRAMS[name]
    x = RNG.normal(size=(3, 40))
    graph, _ = optimise(dl.trace(f, x))
    products = [n for n in graph.order if n.primitive is rows.matmul]
    assert max(int(np.prod(n.shape)) for n in products) <= most
    z = RNG.normal(size=(3, 40))
    np.testing.assert_allclose(flat(dl.compile(f)(x)), flat(f(x)), rtol=1e-12)
    np.testing.assert_allclose(flat(graph(z)), flat(f(z)), rtol=1e-12)


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "an output"])
def test_derivatives_of_what_is_read(name):
    f = lambda x: np.sum(np.square(PROGRAMS[name][0](x)))
    x, v = RNG.normal(size=(2, 3, 40)) * 0.3
    want = dl.grad(f)(x)
    np.testing.assert_allclose(dl.compile(dl.grad(f))(x), want, rtol=1e-9, atol=1e-9)
    push = lambda x, v: dl.jvp(f, (x,), (v,))[1]
    np.testing.assert_allclose(dl.compile(push)(x, v), np.sum(want * v), rtol=1e-9)


def test_an_index_that_would_cost_more_stays():
    """Two matrices would be read at places of their own, and what is saved is one addition of an element each."""
    f = lambda a, b: (a + b)[:, SOME % 300]
    graph = dl.trace(f, np.ones((1, 300)), np.ones((1, 300)))
    assert [n.shape for n in parts(graph).order if n.primitive is rows.add] == [(1, 300)]


def test_a_closures_array_is_read_again():
    weights = RNG.normal(size=(40, 600))
    f = dl.compile(lambda x: (x @ weights)[:, SOME % 600])
    x = RNG.normal(size=(3, 40))
    for _ in range(3):
        np.testing.assert_allclose(f(x), (x @ weights)[:, SOME % 600], rtol=1e-12)
        weights *= 2
