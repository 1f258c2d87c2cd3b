"""The laxer ways of `difflab.autograd`, one switch each; difflab's own namespace has none of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl
import difflab.autograd as ag
import difflab.autograd.numpy as anp
from difflab.differentiate.transform import Recording
from difflab.errors import DifflabError, InputError, TraceError
from difflab.graph.laxity import LAX, STRICT, Laxity
from difflab.graph.recording import Tape

X = np.array([0.5, -2.0, 3.0])


def rebound(x):
    y = np.ones(3)
    y += x
    y *= x
    x -= 1
    return np.sum(y) + np.sum(x)


class Labelled:
    """An array of another library, which computes in its own way: what NumPy hands over is done with its data."""

    def __init__(self, data):
        self.data = data

    def to_numpy(self):
        return np.asarray(self.data)

    def __array_ufunc__(self, ufunc, method, *inputs):
        if any(isinstance(x, Shy) for x in inputs):
            return NotImplemented
        return Labelled(getattr(ufunc, method)(*[x.data if isinstance(x, Labelled) else x for x in inputs]))

    def __mul__(self, other):
        return np.multiply(self, other)


class Shy:
    """What nobody computes with."""

    __array_ufunc__ = lambda *_: NotImplemented


# Of each switch: functions of x that need it, where, and their gradients.
WAYS = {
    "integers": [
        (lambda x: x**2, np.int64(3), 6.0),
        (lambda x: np.sum(x**2), np.array([1, 2]), np.array([2.0, 4.0])),
        (lambda x: 3 * x, True, 3.0),
        (lambda d: d["a"] * d["b"], {"a": np.array(2), "b": 3.0}, {"a": 3.0, "b": 2.0}),
    ],
    "objects": [
        (lambda x: np.sum(x**2), np.array([1.0, 2], dtype=object), np.array([2.0, 4.0])),
        (lambda x: np.sum(np.array([1, 2, 3], dtype=object) * x), X, np.array([1.0, 2.0, 3.0])),
        (lambda x: np.sum(x + np.array([1.5, 2, 3], dtype=object)), X, np.ones(3)),
    ],
    "decided": [
        (lambda x: np.sum(x[np.asarray(x > 0)] ** 2), X, np.array([1.0, 0.0, 6.0])),
        (lambda x: np.sum(np.ones(3)[x > 0]) * x[0], X, np.array([2.0, 0.0, 0.0])),
        (lambda x: float(np.floor(x[2])) * x[0], X, np.array([3.0, 0.0, 0.0])),
        (lambda x: int(np.sign(x[1])) * x[0], X, np.array([-1.0, 0.0, 0.0])),
        (lambda x: (x > 0).tolist().count(True) * x[0], X, np.array([2.0, 0.0, 0.0])),
        (lambda x: x[0] * np.argmax(x).item(), X, np.array([2.0, 0.0, 0.0])),
        (lambda x: float((x > 0) @ np.ones(3) * 2.5) * x[0], X, np.array([5.0, 0.0, 0.0])),
    ],
    "listed": [
        (lambda x: np.sum(np.sin(x) * np.array([x[0], 2.0, x[1]], dtype=object)), X, None),
        (lambda x: np.sum(np.asarray(x) * x), X, 2 * X),
    ],
    "rebinding": [(rebound, X, 2 + 2 * X)],
    "single": [(lambda x: np.reshape(np.sum(x**2), (1, 1)), X, 2 * X), (lambda x: x[:1] ** 2, X, [1.0, 0.0, 0.0])],
    "iterables": [
        (lambda d: anp.sum(anp.stack(d.values()) ** 2), {"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 4.0}),
        (lambda x: anp.sum(anp.array(2 * e for e in x)), X, 2 * np.ones(3)),
        (lambda x: anp.concatenate(map(x.__mul__, x)).sum(), X, 2 * np.sum(X) * np.ones(3)),
    ],
    "deferring": [
        (lambda x: np.sum((x * Labelled(X)).data), X, X),
        (lambda x: np.sum(np.arctan2(x, Labelled(X)).data), X, 0.5 / X),
        (lambda x: np.sum((x * (x * (Labelled(X) * 2))).data), X, 4 * X**2),
    ],
}
CASES = [(switch, k) for switch, functions in WAYS.items() for k in range(len(functions))]


@pytest.mark.parametrize(("switch", "k"), CASES)
def test_each_way_is_on_in_difflab_autograd(switch, k):
    f, x, expected = WAYS[switch][k]
    found = ag.grad(f)(x)
    if expected is None:
        expected = dl.grad(lambda x: np.sum(np.sin(x) * dl.numpy.array([x[0], 2.0, x[1]])))(x)
    for a, b in zip(dl.numpy.ravel(leaves(found)), leaves(expected)):
        assert a == pytest.approx(b, rel=1e-12)


def leaves(x):
    return np.concatenate([np.ravel(e) for e in x.values()]) if isinstance(x, dict) else np.ravel(x)


@pytest.mark.parametrize(("switch", "k"), CASES)
def test_each_way_is_off_in_difflab(switch, k):
    f, x, _ = WAYS[switch][k]
    if switch == "iterables":  # a matter of the namespace
        f = [lambda d: np.sum(dl.numpy.stack(d.values())), lambda x: dl.numpy.sum(dl.numpy.array(2 * e for e in x)),
             lambda x: dl.numpy.concatenate(map(x.__mul__, x)).sum()][k]  # fmt: skip
    with pytest.raises((DifflabError, TypeError)):
        dl.grad(f)(x)


@pytest.mark.parametrize(("switch", "k"), [case for case in CASES if case[0] not in ("single", "iterables")])
def test_each_switch_alone_is_needed(switch, k):
    """With all others on, the function is refused: no switch does the work of another."""
    f, x, _ = WAYS[switch][k]
    with pytest.raises((DifflabError, TypeError, ValueError, IndexError)):
        record = Recording("grad", f, (x,), laxity=dataclasses.replace(LAX, **{switch: False}))
        record.pull([np.ones(np.shape(record.value))])


def test_what_no_one_computes_with_is_refused():
    for other in (object(), Shy()):
        for f in (lambda x, o=other: np.sum(x * o), lambda x, o=other: np.sum(np.multiply(o, x))):
            with pytest.raises(TypeError):
                ag.grad(f)(X)
            with pytest.raises(TypeError):
                dl.grad(f)(X)


def test_an_array_of_another_library_is_no_result():
    """The traced value in it is out of sight: the derivative would be zero without a word."""
    f = lambda x: Labelled(X) * x
    for call in (dl.grad(f), dl.jacobian(f), dl.value_and_grad(f), lambda x: dl.vjp(f, x), ag.grad(f), ag.jacobian(f)):
        with pytest.raises(InputError, match="returned a Labelled"):
            call(X)
    for result in ("text", object(), {"a": Labelled(X)}):
        for operator in (ag.grad, ag.jacobian, ag.elementwise_grad, ag.make_vjp, ag.deriv):
            with pytest.raises(InputError, match=r"returned an? (str|object|Labelled)"):
                operator(lambda x, r=result: r)(X)


def test_an_array_of_python_objects_is_a_result():
    f = lambda x: np.array([x[0] ** 2, 3.0, x[1] * x[2]], dtype=object)
    np.testing.assert_array_equal(ag.jacobian(f)(X), [[1.0, 0, 0], [0, 0, 0], [0, 3.0, -2.0]])
    np.testing.assert_array_equal(ag.grad(lambda x: np.array(x[1] ** 2, dtype=object))(X), [0.0, -4.0, 0.0])
    np.testing.assert_array_equal(ag.make_vjp(f)(X)[1], f(X).astype(float))


def test_every_switch_has_a_case():
    assert [field.name for field in dataclasses.fields(Laxity)] == list(WAYS)
    assert Laxity() == STRICT


def test_tapes_are_strict_but_those_of_difflab_autograd():
    assert Tape().laxity is STRICT
    seen = []
    dl.grad(lambda x: seen.append(x.tape.laxity) or x)(1.0)
    ag.grad(lambda x: seen.append(x.tape.laxity) or dl.grad(lambda y: seen.append(y.tape.laxity) or x * y)(x))(1.0)
    ag.grad(lambda x: dl.grad(lambda y: seen.append(y.tape.laxity) or y)(2.0) * x)(1.0)
    assert seen == [STRICT, LAX, LAX, STRICT]


def test_what_changes_is_still_refused():
    with pytest.raises(TraceError, match="float"):
        ag.grad(lambda x: float(x[0]) * x[1])(X)
    with pytest.raises(TraceError, match="item"):
        ag.grad(lambda x: np.sum(x).item() * x[1])(X)
    with pytest.raises((TraceError, ValueError)):
        ag.grad(lambda x: np.sum(written(x)))(X)


def written(x):
    y = np.zeros(3)
    y[0] = x[0]
    return y * x


def test_an_array_that_is_written_into_by_name_is_refused():
    """np.add(y, x, out=y) is no `y += x`: nobody takes what it returns."""

    def f(x):
        y = np.ones(3)
        np.add(y, x, out=y)
        return np.sum(y)

    with pytest.raises(TraceError, match="out="):
        ag.grad(f)(X)


def test_rebinding_leaves_the_array_that_had_the_name():
    data = np.ones(3)

    def f(x):
        y = data
        y += x
        return np.sum(y**2)

    np.testing.assert_array_equal(ag.grad(f)(X), 2 * (1 + X))
    np.testing.assert_array_equal(data, np.ones(3))


def test_what_is_given_away_is_guarded():
    """A program traced through a mask is another where the mask is another, also with NaN among the values."""
    gradient = ag.grad(lambda x: np.sum(x[np.asarray(x > 0)] ** 2) + float(np.floor(x[0])) * x[1])
    program = dl.compile(lambda x: gradient(x))
    rng = np.random.default_rng(0)
    for x in [X, -X, *rng.normal(size=(20, 3)) * 2, np.array([np.nan, 1.0, -1.0]), np.array([np.nan, -1.0, 1.0])]:
        np.testing.assert_array_equal(program(x), gradient(x))


def test_what_is_given_away_is_guarded_in_batches():
    f = lambda x: np.where(x > 0, 1.0, 2.0) * float(np.floor(x)) * x
    gradient = dl.vmap(lambda x: ag.grad(f)(x))
    np.testing.assert_array_equal(gradient(np.array([1.25, 1.5])), [1.0, 1.0])
    with pytest.raises(TraceError, match="vmap"):
        gradient(np.array([1.25, 2.5]))


@given(
    st.lists(st.floats(-5, 5), min_size=3, max_size=3),
    st.lists(st.sampled_from("add iadd imul mask floor object index".split()), max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_random_programs_agree_with_their_pure_forms(x, steps):
    """Programs in lax ways against the same functions in NumPy's pure ones, which difflab takes."""
    x = np.array(x)

    def lax(x):
        y = np.arange(3.0)
        for step in steps:
            if step == "add":
                y = y + x
            elif step == "iadd":
                y += x * 2
            elif step == "imul":
                y *= x
            elif step == "mask":
                y = y * np.asarray(x > 0.5)
            elif step == "floor":
                y = y + float(np.floor(x[0])) * x
            elif step == "object":
                y = y + anp.array(np.array([x[2], 1.0, x[0]], dtype=object))
            else:
                y = y[np.asarray([2, 0, 1])] + np.ones(3)[np.asarray(np.sign(x)).astype(int)]
        return anp.sum(y)

    def pure(x):
        y = np.arange(3.0)
        for step in steps:
            if step == "add":
                y = y + x
            elif step == "iadd":
                y = y + x * 2
            elif step == "imul":
                y = y * x
            elif step == "mask":
                y = y * np.where(x > 0.5, 1.0, 0.0)
            elif step == "floor":
                y = y + np.floor(x[0]) * x
            elif step == "object":
                y = y + dl.numpy.array([x[2], 1.0, x[0]])
            else:
                y = y[np.array([2, 0, 1])] + np.ones(3)
        return np.sum(y)

    np.testing.assert_allclose(ag.grad(lax)(x), dl.grad(lambda x: pure(x) + 0.0 * np.sum(x))(x), rtol=1e-12)
