"""Arrays that are written into again after they were used: a record holds what they were."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab.graph.snapshots import copied, is_fixed, same_bytes

X = np.array([3.0, 5.0, 2.0])
PLACES, MASK, OTHER = np.zeros(2, int), np.zeros(3, bool), np.array([0.0, 2.0, 5.0])


def places(k):
    PLACES[:] = [k, k + 1]
    return PLACES


def mask(k):
    MASK[:] = [k == 0, True, False]
    return MASK


def filled(b, *values):
    b[:] = values
    return b


USES = {  # what a function does with x in round k, by a buffer b that it fills each time
    "x * b": lambda x, k, b: np.sum(x * filled(b, k, 1, 2)),
    "b * x": lambda x, k, b: np.sum(filled(b, k, 1, 2) * x),
    "b - x": lambda x, k, b: np.sum((filled(b, k, 1, 2) - x) ** 2),
    "x ** b": lambda x, k, b: np.sum(x ** filled(b, k, 1, 2)),
    "b @ x": lambda x, k, b: filled(b, k, 1, 2) @ x,
    "a view": lambda x, k, b: np.sum(x[1:] * filled(b, k, k + 1, k + 2)[1:]),
    "repeated": lambda x, k, b: np.sum(np.outer(x, x) * np.broadcast_to(filled(b, k, 1, 2), (3, 3))),
    "dot": lambda x, k, b: np.dot(filled(b, k, 1, 2), x),
    "einsum": lambda x, k, b: np.einsum("i,i->", filled(b, k, 1, 2), x),
    "maximum": lambda x, k, b: np.sum(np.maximum(filled(b, 4 * k, 4 * k, 4 * k), x)),
    "clip": lambda x, k, b: np.sum(np.clip(x, filled(b, 4 * k, 4 * k, 4 * k), 4.5)),
    "concatenate": lambda x, k, b: np.sum(np.concatenate([x, filled(b, k, 1, 2)]) ** 2 * np.arange(6.0)),
    "convolve": lambda x, k, b: np.sum(np.convolve(x, filled(b, k, 1, 2)) * np.arange(5.0)),
    "interp": lambda x, k, b: np.sum(np.interp(x / 2, OTHER, filled(b, 1, 2, 4 + k))),
    "average": lambda x, k, b: np.average(x, weights=filled(b, 1, k, 2)),
    "x[places]": lambda x, k, b: np.sum(x[places(k)] * (k + 1)),
    "take": lambda x, k, b: np.sum(np.take(x, places(k)) * (k + 1)),
    "take_along_axis": lambda x, k, b: np.sum(np.take_along_axis(x, places(k), 0) * (k + 1)),
    "x[mask]": lambda x, k, b: np.sum(x[mask(k)] * (k + 1)),
    "compress": lambda x, k, b: np.sum(np.compress(mask(k), x)),
    "where": lambda x, k, b: np.sum(np.where(mask(k), x, x * x)),
    "select": lambda x, k, b: np.sum(np.select([mask(k)], [x], 0.0)),
    "sum(where=)": lambda x, k, b: np.sum(x, where=mask(k)),
}
DERIVATIVES = {
    "reverse": lambda f: dl.grad(f)(X),
    "compiled": lambda f: dl.compile(dl.grad(f))(X),
    "jacobian": lambda f: dl.jacobian(f)(X),
    "forward": lambda f: np.array([dl.jvp(f, (X,), (e,))[1] for e in np.eye(3)]),
    "graph": lambda f: dl.grad(dl.trace(f, X))(X),
    "certified": lambda f: dl.differentiate(f, X, method="certified").gradient,
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("use", USES)
def test_a_buffer_that_a_function_fills_in_every_round(use, derivative):
    def f(x):
        b, y = np.zeros(3), 0.0
        for k in range(2):
            y = y + USES[use](x, k, b)
        return y

    want = [(f(X + 1e-6 * e) - f(X - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    np.testing.assert_allclose(DERIVATIVES[derivative](f), want, rtol=1e-6, atol=1e-6)


def test_what_is_recorded_keeps_its_constants():
    a = np.array([1.0, 2.0])
    graph = dl.trace(lambda x: (np.sum(x * a), a), 1.0)
    a[:] = 100.0
    total, constant = graph(2.0)
    assert total == 6.0 and constant.tolist() == [1.0, 2.0]


def test_a_pullback_is_of_the_point_it_was_made_at():
    x = np.array([1.0, 2.0])
    _, pullback = dl.vjp(lambda x: np.sum(x * x), x)
    x[:] = 0.0
    assert pullback(1.0)[0].tolist() == [2.0, 4.0]


def test_a_pass_is_of_the_point_it_was_made_at():
    x = np.array([1.0, 2.0])
    forward = dl.parse("sum(x * x)").forward(x=x)
    x[:] = 0.0
    assert forward.backward().gradient["x"].tolist() == [2.0, 4.0]


def test_equal_uses_share_one_constant():
    a = np.arange(1000.0)
    graph = dl.trace(lambda x: np.sum(x * a) + np.sum(a - x), 1.0)
    assert [n.primitive.name for n in graph.order].count("constant") == 1


def test_arrays_that_nobody_can_write_into_are_not_copied():
    a = np.arange(3.0)
    view = a[1:]
    assert not is_fixed(a) and not is_fixed(view)
    view.flags.writeable = False
    assert not is_fixed(view)  # it is a view of one that can be
    a.flags.writeable = False
    assert is_fixed(view) and is_fixed(np.frombuffer(b"12345678")) and not is_fixed(np.frombuffer(bytearray(8)))


def test_copies_and_their_comparison():
    for x in (np.array(1.0), np.zeros((0, 3)), np.arange(6.0).reshape(2, 3).T, np.broadcast_to(1.5, (2000, 2000))):
        copy = copied(x)
        assert same_bytes(copy, x) and copy.strides == x.strides and not np.may_share_memory(copy, x)
    large = np.arange(2000.0)
    for place, value in ((0, np.nan), (0, -0.0), (1999, 1.0)):
        other = large.copy()
        other[place] = value
        assert not same_bytes(large, other) and same_bytes(other, other.copy())
