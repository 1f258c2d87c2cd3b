"""set_at and add_at: what NumPy's assignments do, as new arrays with derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab import numpy as dnp

X = np.arange(12.0).reshape(3, 4)
INDICES = {
    "number": 1,
    "negative": -1,
    "two numbers": (0, -2),
    "slice": slice(None, None, 2),
    "slices": (slice(1, None), slice(None, None, -3)),
    "ellipsis": (..., 1),
    "new axis": (None, 1),
    "list": [2, 0],
    "repeated": [0, 2, 0],
    "arrays": (np.array([0, 1, 0]), np.array([3, 3, 3])),
    "broadcast arrays": (np.array([[0], [2]]), np.array([1, 2])),
    "array and slice": (slice(None), [1, 1]),
    "apart": ([0, 1], None, [1, 2]),
    "mask": X % 3 == 0,
    "mask of rows": np.array([True, False, True]),
    "mask and number": (slice(None), np.array([True, False, True, True])),
    "nothing": [],
    "everything": (),
    "triangle": np.tril_indices(3),
    "one truth value": True,
}


def in_place(x, index, value, add):
    y = np.array(x)
    if add:
        np.add.at(y, index, value)
    else:
        y[index] = value
    return y


@pytest.mark.parametrize("add", [False, True], ids=["set", "add"])
@pytest.mark.parametrize("index", INDICES.values(), ids=list(INDICES))
def test_an_update_is_numpys_assignment(index, add):
    update = dnp.add_at if add else dnp.set_at
    shape = X[index].shape
    for value in (np.arange(1.0, 1 + np.prod(shape)).reshape(shape), 7.0):
        kept = X.copy()
        want = in_place(X, index, value, add)
        assert np.array_equal(update(X, index, value), want)
        assert np.array_equal(dl.compile(lambda x, v: update(x, index, v))(X, value), want)
        assert np.array_equal(X, kept)
        batched = dl.vmap(lambda x, v: update(x, index, v), in_axes=(0, None))(np.stack([X, 2 * X]), value)
        assert np.array_equal(batched[1], in_place(2 * X, index, value, add))


@pytest.mark.parametrize("add", [False, True], ids=["set", "add"])
@pytest.mark.parametrize("index", INDICES.values(), ids=list(INDICES))
def test_an_update_is_linear(index, add):
    """The derivative is the update itself with a tangent, and its transpose on the way back."""
    update = dnp.add_at if add else dnp.set_at
    rng = np.random.default_rng(0)
    value = rng.normal(size=X[index].shape)
    dx, dv, ct = rng.normal(size=X.shape), rng.normal(size=value.shape), rng.normal(size=X.shape)
    f = lambda x, v: update(x, index, v)
    _, dy = dl.jvp(f, (X, value), (dx, dv))
    assert np.allclose(dy, in_place(dx, index, dv, add))
    for take in (lambda f: f, dl.compile):
        back = take(lambda x, v, ct: dl.vjp(f, x, v)[1](ct))(X, value, ct)
        assert np.isclose(sum(np.sum(a * b) for a, b in zip(back, (dx, dv))), np.sum(ct * dy))


def test_a_place_may_be_traced():
    def rolled(x):
        return dl.scan(lambda c, i: (dnp.set_at(c, i, c[i - 1] * 2.0), None), x, np.arange(1, 4))[0]

    x = np.array([3.0, 1.0, 1.0, 1.0])
    for take in (lambda f: f, dl.compile):
        assert np.array_equal(take(rolled)(x), [3.0, 6.0, 12.0, 24.0])
        assert np.array_equal(take(dl.grad(lambda x: np.sum(rolled(x))))(x), [15.0, 0.0, 0.0, 0.0])
    many = dl.vmap(dl.grad(lambda x, i: np.sum(dnp.add_at(x, np.stack([i, i]), x[i]) ** 2)))(X, np.array([0, 1, 2]))
    assert np.array_equal(np.diagonal(many), 2 * 9 * np.array([0.0, 5.0, 10.0]))
    written = dl.vmap(dl.grad(lambda v, i: np.sum(dnp.set_at(np.zeros(3), np.stack([i, i]), v) ** 2)))
    assert np.array_equal(written(X[:, :2], np.array([2, 0, 1])), [[0, 2], [0, 10], [0, 18]])  # the last one counts


def test_a_mask_may_be_traced_where_one_value_is_written():
    x = np.array([-1.0, 2.0, -3.0])
    overwritten = dl.grad(lambda x: np.sum(dnp.set_at(x, x < 0, x[1]) ** 2))
    for f in (overwritten, dl.compile(overwritten), lambda x: dl.vmap(overwritten)(x[None])[0]):
        assert np.array_equal(f(x), [0.0, 12.0, 0.0])
    rows = np.array([[-1.0, 5.0], [2.0, 3.0]])
    found = dl.grad(lambda x: np.sum(dnp.set_at(x, x[:, 0] < 0, 1.0) ** 2))(rows)
    assert np.array_equal(found, [[0.0, 0.0], [4.0, 6.0]])
    assert np.array_equal(dl.grad(lambda x: np.sum(dnp.add_at(x, x < 0, x[1]) ** 2))(x), [2.0, 4.0, -2.0])


def test_infinities_that_are_overwritten_leave_no_nan():
    x = np.array([np.inf, 2.0, np.nan])
    assert np.array_equal(dl.grad(lambda x: np.sum(dnp.set_at(x, [0, 2], 1.0) ** 2))(x), [0.0, 4.0, 0.0])


def test_axes_of_length_one_in_front_are_ignored():
    assert np.array_equal(dnp.set_at(X, 1, np.ones((1, 1, 4))), in_place(X, 1, 1.0, False))


def test_dtypes_are_the_arrays():
    assert dnp.set_at(np.zeros(2, np.float32), 0, 1.5).dtype == np.float32
    assert dnp.add_at(np.zeros(2, complex), 0, 1.5).dtype == complex
    assert dnp.set_at(np.zeros(2), 0, 3).dtype == float
    assert np.array_equal(dnp.set_at([1, 2], 0, 3), [3, 2])


@pytest.mark.parametrize("update", [dnp.set_at, dnp.add_at])
@pytest.mark.parametrize(
    "x, index, value, message",
    [
        (X, 3, 1.0, "shape .3, 4. has no such place: index 3"),
        (X, (0, 0, 0), 1.0, "too many indices"),
        (X, 0, np.ones(3), r"values of shape .3,. do not fit x.index., which has shape .4,."),
        (np.arange(3), 0, 1.5, "values of dtype float64 would lose"),
        (X, 0, 1j, "complex128 would lose"),
        (X, 0.5, 1.0, "an index must be"),
        (np.array(["a"]), 0, 1.0, "numbers or truth values"),
    ],
)
def test_what_cannot_be_done_is_refused(update, x, index, value, message):
    with pytest.raises(dl.DifflabError, match=message):
        update(x, index, value)


def test_a_traced_mask_with_several_values_is_refused():
    with pytest.raises(dl.DifflabError, match=r"the mask is traced.*np\.where"):
        dl.grad(lambda x: np.sum(dnp.set_at(x, x > 5, x[0])))(X)
    with pytest.raises(dl.DifflabError, match=r"set_at\(x, index, value\) of difflab.numpy"):

        def f(x):
            x[0] = 1.0
            return np.sum(x)

        dl.grad(f)(X)
