"""difflab.numpy: NumPy's names, traced values in lists, and what NumPy lacks; and the traps of plain NumPy."""

from __future__ import annotations

import copy
import pickle
from types import ModuleType

import numpy as np
import pytest

import difflab as dl
import difflab.numpy as dnp
from difflab.graph.function_names import functions
from difflab.primitives import TABLE

X = np.array([1.0, 2.0, 3.0])


def test_every_public_name_of_numpy_is_there():
    for name in np.__all__:
        if name.startswith("__"):
            continue
        value = getattr(dnp, name)
        if callable(value) and not isinstance(value, type):
            assert value.__doc__, name
        elif not isinstance(value, ModuleType) and name not in ("r_", "c_", "vectorize"):
            assert value is getattr(np, name)


def test_every_name_in_dir_resolves_and_functions_have_docstrings():
    for place in (dnp, dnp.linalg, dnp.fft):
        assert dir(place) == sorted(dir(place))
        for name in dir(place):
            value = getattr(place, name)
            assert not callable(value) or value.__doc__, name


def test_unknown_names_come_with_a_suggestion():
    with pytest.raises(AttributeError, match="did you mean 'logsumexp'"):
        dnp.logsumexpp  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'solve'"):
        dnp.linalg.sovle  # noqa: B018
    assert not hasattr(dnp, "no_such_thing_at_all")


def test_rows_that_only_derivatives_need_are_called_nowhere():
    for name in ("cofactor", "power_minus", "moments", "sum_to", "pick"):
        assert name in TABLE and not hasattr(dnp, name) and name not in dir(dnp)
        with pytest.raises(dl.errors.ParseError, match=f"there is no function {name}"):
            dl.parse(f"{name}(x)")
    for name in ("einsum", "piecewise", "astype"):  # of functions and strings, which texts do not have
        assert hasattr(dnp, name) and name not in functions()
    assert dl.parse("lgamma(x)").outputs[0].primitive is dl.parse("gammaln(x)").outputs[0].primitive


def test_constants_dtypes_and_creation_are_numpys():
    assert dnp.pi == np.pi and dnp.float64 is np.float64 and dnp.newaxis is None and dnp.ndarray is np.ndarray
    assert np.array_equal(dnp.arange(3), np.arange(3)) and dnp.zeros((2, 2)).shape == (2, 2)
    assert dnp.random is np.random


def test_plain_values_give_numpys_results():
    assert type(dnp.split(X, 3)) is list and dnp.sum(X) == 6 and dnp.mean([1, 2]) == 1.5
    assert (
        np.array_equal(dnp.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]) and dnp.array([1, 2]).dtype == np.array([1]).dtype
    )
    assert np.array_equal(dnp.maximum([1, 5], 3), [3, 5]) and dnp.maximum.reduce([1, 5]) == 5
    y = np.zeros(2)
    assert dnp.add(1.0, 2.0, out=y) is y


@pytest.mark.parametrize(
    "f, expected",
    [
        (lambda x: dnp.array([x[0], 1.0, x[1] * x[2]])[2], [0, 3, 2]),
        (lambda x: dnp.sum(dnp.array([[x[0], x[1]], [1.0, x[2]]]) ** 2), [2, 4, 6]),
        (lambda x: dnp.array([x, x * x])[1, 0], [2, 0, 0]),
        (lambda x: dnp.asarray(x)[1], [0, 1, 0]),
        (lambda x: dnp.asarray((x[0], x[0]))[1], [1, 0, 0]),
        (lambda x: dnp.asanyarray([x[2]])[0], [0, 0, 1]),
        (lambda x: dnp.sum(dnp.full((2, 3), x[0])), [6, 0, 0]),
        (lambda x: dnp.sum(dnp.full((2, 3), x)), [2, 2, 2]),
        (lambda x: dnp.mean([x[0], x[1]]), [0.5, 0.5, 0]),
        (lambda x: dnp.sum([[x[0], 2.0], [x[1], x[1]]]), [1, 2, 0]),
        (lambda x: dnp.max([x[0], x[2]]), [0, 0, 1]),
        (lambda x: dnp.dot([x[0], 1.0], [x[1], x[2]]), [2, 1, 1]),
        (lambda x: dnp.sum(dnp.exp([x[0], 0.0])), [np.e, 0, 0]),
        (lambda x: dnp.r_[x, 1.0, x[0]].sum(), [2, 1, 1]),
        (lambda x: dnp.r_[x[0], 0:3, x][5], [0, 1, 0]),
        (lambda x: dnp.c_[x, x * 2][1, 1], [0, 2, 0]),
        (lambda x: dnp.stack([x, x])[1, 2], [0, 0, 1]),
        (lambda x: dnp.concatenate([[x[0], x[1]], x])[1], [0, 1, 0]),
        (lambda x: dnp.hstack([x[0], x])[0], [1, 0, 0]),
        (lambda x: dnp.vstack([x, [x[0], 0.0, 0.0]])[1, 0], [1, 0, 0]),
        (lambda x: dnp.where(x > 1, [x[0], 0.0, x[0]], 0.0).sum(), [1, 0, 0]),
        (lambda x: dnp.add.reduce([x[0], x[1]]) if False else dnp.sum((x[0], x[1])), [1, 1, 0]),
        (lambda x: dnp.sum(dnp.sigmoid(0 * x)), [0, 0, 0]),
        (lambda x: dnp.logsumexp([x[0], x[0]]), [1, 0, 0]),
        (lambda x: dnp.softmax(x)[0] + dnp.softmax(x)[1] + dnp.softmax(x)[2], [0, 0, 0]),
        (lambda x: dnp.relu(x - 1.5).sum(), [0, 1, 1]),
        (lambda x: dnp.gammaln(x[0] * 0 + 1) + x[0], [1, 0, 0]),
    ],
)
def test_traced_values_in_lists(f, expected):
    assert np.allclose(dl.grad(f)(X), expected, atol=1e-15)
    assert np.allclose(dl.jvp(f, (X,), (np.ones(3),))[1], np.sum(expected), atol=1e-15)


def test_single_precision_survives_python_numbers_in_lists():
    value, pullback = dl.vjp(lambda x: dnp.array([x[0], 1.0, 2]), X.astype(np.float32))
    assert value.dtype == np.float32 and pullback(np.ones(3, np.float32))[0].dtype == np.float32
    value, _ = dl.vjp(lambda x: dnp.array([x[0], 1.0], dtype=float), X.astype(np.float32))
    assert value.dtype == np.float64


def test_ragged_lists_are_refused():
    with pytest.raises(ValueError, match="shape"):
        dl.grad(lambda x: dnp.sum(dnp.array([x, x[:2]])))(X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.array([x[0], 1.0]),
        lambda x: np.array(x),
        lambda x: np.asarray(x[0]),
        lambda x: np.full(3, x[0]),
        lambda x: np.sum([x[0], x[1]]),
        lambda x: np.array([x[0]], dtype=object),
        lambda x: np.array([x, x]),
        lambda x: np.mean([x[0], x[1]]),
        lambda x: np.exp([x[0]]),
    ],
)
def test_plain_numpy_never_makes_an_object_array(f):
    with pytest.raises(dl.DifflabError, match=r"np\.stack"):
        dl.grad(lambda x: np.sum(f(x)))(X)


def write_into(x):
    y = np.zeros(3)
    y[0] = x[0]
    return y


def write_all(x):
    y = np.zeros(3)
    y[:] = x
    return y


@pytest.mark.parametrize("f", [write_into, write_all])
def test_writing_into_a_plain_array_says_what_to_do(f):
    for run in (dl.grad(lambda x: np.sum(f(x))), lambda x: dl.trace(lambda x: np.sum(f(x)), x)):
        with pytest.raises(dl.DifflabError, match=r"cannot be written into a plain array .*np\.stack"):
            run(X)


@pytest.mark.parametrize(
    "f, expected",
    [
        (lambda x: np.sum(np.float64(2.0) * x), [2, 2, 2]),
        (lambda x: np.sum(np.float32(2.0) * x), [2, 2, 2]),
        (lambda x: np.sum(np.ones((2, 3)) @ x), [2, 2, 2]),
        (lambda x: np.sum(np.ones(3) - x), [-1, -1, -1]),
        (lambda x: x[0] if x[0] in [5.0, 1.0] else 2 * x[0], [1, 0, 0]),
        (lambda x: x[1] if 2.0 in x else x[0], [0, 1, 0]),
        (lambda x: sum([x[0], x[1]]), [1, 1, 0]),
        (lambda x: max(x[0], x[2]) + min(x), [1, 0, 1]),
        (lambda x: sorted(x, reverse=True)[0], [0, 0, 1]),
        (lambda x: x.sum(0) * x.size * len(x), [9, 9, 9]),
        (lambda x: x.flatten()[1], [0, 1, 0]),
        (lambda x: abs(-x).sum(), [1, 1, 1]),
        (lambda x: divmod(x, 2.0)[1].sum() + divmod(7.5, x)[1].sum(), [-6, -2, -1]),
        (lambda x: (x**-1)[0] + pow(x, 2)[1], [-1, 4, 0]),
        (lambda x: (2**x)[0], [2 * np.log(2), 0, 0]),
        (lambda x: (x // 1 + +x).sum(), [1, 1, 1]),
        (lambda x: round(x[0]) + round(x[0], 2) + x[0], [1, 0, 0]),
        (lambda x: np.copy(x)[0] + copy.copy(x)[1] + copy.deepcopy([x])[0][2], [1, 1, 1]),
        (lambda x: ([1.0, 2.0, 3.0] * x).sum() + (x * (1.0, 1.0, 1.0)).sum(), [2, 3, 4]),
        (lambda x: x[0] if 0 < x[0] < 2 else x[1], [1, 0, 0]),
        (lambda x: x[0] if (x > 2).any() and not (x > 2).all() else x[1], [1, 0, 0]),
        (lambda x: np.where((x > 1) & (x < 3) | ~(x > 1), x, 0).sum(), [1, 1, 0]),
        (lambda x: x.T[0] + x.real[1] + x.imag[2], [1, 1, 0]),
        (lambda x: np.add.outer(x, x).sum(), [6, 6, 6]),
        (lambda x: x[0] * np.isscalar(x[0]) + x[1] * np.ndim(x) * np.shape(x)[0] * np.size(x), [0, 9, 0]),
        (lambda x: sum(a * b for a, b in zip(x, reversed(x))), [6, 4, 2]),
    ],
)
def test_python_and_numpy_around_traced_values(f, expected):
    assert np.allclose(dl.grad(f)(X), expected)


def test_text_of_a_traced_value():
    seen = []
    dl.grad(lambda x: (seen.append(f"{x[1]:.2f} {x[0]}"), x[0])[1])(X)
    assert seen[0].startswith("2.00 <Node")


@pytest.mark.parametrize(
    "f, words",
    [
        (lambda x: pickle.dumps(x), "pickled"),
        (lambda x: int(x[0]), r"int\(\)"),
        (lambda x: x.tolist(), "tolist"),
        (lambda x: x.sort(), "in place"),
        (lambda x: x.fill(0.0), "in place"),
        (lambda x: np.ones(3).__iadd__(x), "in place"),
        (lambda x: np.put(x, 0, 1.0), "in place"),
        (lambda x: np.interpp(x) if hasattr(np, "interpp") else np.histogram(x), "traced"),
    ],
)
def test_what_numpy_functions_refuse(f, words):
    with pytest.raises(dl.DifflabError, match=words):
        dl.grad(lambda x: (f(x), x[0])[1])(X)


NESTED = {
    "append": lambda np, a: np.append([[a, a], [a, 1.0]], [[a, 2.0]], axis=0),
    "append of lists": lambda np, a: np.append([a, 1.0], [a, 2.0]),
    "concatenate": lambda np, a: np.concatenate([[[a, a], [a, 1.0]], [[a, 2.0]]], axis=0),
    "concatenate of tuples": lambda np, a: np.concatenate(((a, 1.0), [a])),
    "stack": lambda np, a: np.stack([[[a, a], [a, 1.0]], [[a, 2.0], [a, a]]], axis=1),
    "vstack": lambda np, a: np.vstack([[[a, a], [a, 1.0]], [[a, 2.0]]]),
    "hstack": lambda np, a: np.hstack([[[a, a], [a, 1.0]], [[a], [a]]]),
    "column_stack": lambda np, a: np.column_stack([[[a, a], [a, 1.0]], [[a], [a]]]),
    "multi_dot": lambda np, a: np.linalg.multi_dot([[[a, a], [a, 1.0]], [[a], [2.0]]]),
}


@pytest.mark.parametrize("name", NESTED)
def test_what_joins_arrays_takes_them_as_nested_lists(name):
    def weighed(np, a):
        y = NESTED[name](np, a)
        return np.sum(y * np.cos(np.arange(y.size).reshape(y.shape)))

    slope = (weighed(np, 2.0 + 1e-6) - weighed(np, 2.0 - 1e-6)) / 2e-6
    assert dl.grad(lambda a: weighed(dnp, a))(2.0) == pytest.approx(slope, rel=1e-7)
