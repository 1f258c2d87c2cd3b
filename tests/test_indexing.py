"""Indexing of traced values in every form NumPy has, and its transpose."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

import difflab as dl
from difflab.compile.program.program import BACKENDS

X = np.arange(60.0).reshape(3, 4, 5) * 0.1 - 2.0
MASK3 = np.array([True, False, True])
MASK = X > 0.5

KEYS = {
    "integer": 1,
    "negative integer": -1,
    "numpy integer": np.int64(2),
    "tuple of integers": (0, 1, 2),
    "slice": slice(1, None),
    "empty slice": slice(2, 1),
    "negative step": (slice(None, None, -1), slice(3, 0, -2)),
    "ellipsis": (..., 1),
    "only ellipsis": ...,
    "empty tuple": (),
    "new axis": (None, 0, None, slice(None), None),
    "integer array": np.array([2, 0, 0]),
    "2-d integer array": np.array([[2, 0], [0, -1]]),
    "list": [1, 1, 2],
    "nested list": [[0, 1], [1, 1]],
    "empty list": [],
    "list in tuple": (slice(None), [3, 3]),
    "two integer arrays": (np.array([0, 2, 0]), np.array([1, 1, 1])),
    "arrays apart": (np.array([0, 2]), slice(None), np.array([1, 1])),
    "array and integer": (np.array([0, 2]), 1),
    "arrays that broadcast": (np.array([[0], [2]]), np.array([1, 1, 3])),
    "ix_": np.ix_([0, 2, 2], [1, 3]),
    "ix_ of a mask": np.ix_(MASK3, [1, 3], [0]),
    "mask": MASK,
    "mask of the first axis": MASK3,
    "mask of two axes": np.ones((3, 4), bool) ^ np.eye(3, 4, dtype=bool),
    "mask and slice": (MASK3, slice(1, 3)),
    "mask and array": (MASK3, np.array([1, 1])),
    "mask list": [True, False, True],
    "true": True,
    "false": False,
    "numpy true": np.True_,
    "0-d integer array": np.array(1),
    "array, none, ellipsis": (np.array([0, 0]), None, ..., slice(None, None, 2)),
    "nothing": np.zeros((3, 4, 5), bool),
    "uint8": np.array([2, 1], np.uint8),
    "tuple in tuple": (slice(None), (0,)),
    "tuples in tuple": ((0, 2, 0), (1, 3, 1)),
    "one tuple in tuple": ((0, 2, 2),),
    "nested tuple in tuple": (((0, 1), (1, 1)), slice(1, 3)),
    "empty tuple in tuple": (slice(None), ()),
    "list of tuples": [(0, 1), (1, 2)],
    "tuple of truth values": ((True, False, True),),
    "range": range(0, 3, 2),
    "range in tuple": (..., range(2)),
    "numpy integers in slice": slice(np.int64(0), np.uint8(2), np.int8(1)),
    "numpy integers in tuple": (np.int8(-1), np.uint64(2)),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_each_key_reads_and_adds_back(key):
    y, pullback = dl.vjp(lambda x: x[key], X)
    assert np.array_equal(y, X[key]) and np.shape(y) == X[key].shape
    ct = np.cos(np.arange(np.size(y), dtype=float)).reshape(np.shape(y))
    expected = np.zeros_like(X)
    np.add.at(expected, key, ct)
    assert np.allclose(pullback(ct)[0], expected)
    tangent = np.sin(X)
    assert np.allclose(dl.jvp(lambda x: x[key], (X,), (tangent,))[1], tangent[key])
    # Second and third derivatives run through the transpose.
    f = lambda x: np.sum(x[key] ** 3)
    v = np.cos(X)
    count = np.zeros_like(X)
    np.add.at(count, key, 1.0)
    assert np.allclose(dl.hvp(f)(X, v), 6 * count * X * v)
    assert np.allclose(dl.jvp(lambda x: dl.hvp(f)(x, v), (X,), (v,))[1], 6 * count * v * v)


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "jax" or find_spec("jax")])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_reading_in_programs(key, backend):
    if backend == "native":
        pytest.importorskip("numba", reason="numba is not installed (extra native)")
    f = lambda x: np.sum(x[key] ** 3)
    expected = np.zeros_like(X)
    np.add.at(expected, key, 3 * X[key] ** 2)
    program = dl.compile(dl.value_and_grad(f), backend=backend)
    for _ in range(2):  # large graphs become programs at the second call
        y, g = program(X)
        assert np.allclose(y, np.sum(X[key] ** 3)) and np.allclose(g, expected)
    assert np.array_equal(dl.compile(lambda x: x[key] * 2.0, backend=backend)(X), X[key] * 2.0)
    batch = np.stack([X, X - 1.0])
    assert np.array_equal(dl.compile(dl.vmap(lambda x: x[key]), backend=backend)(batch), [x[key] for x in batch])


def test_traced_indices():
    x = np.array([3.0, 1.0, 2.0])
    assert np.array_equal(dl.grad(lambda x: x[np.argmax(x)])(x), [1, 0, 0])
    assert np.array_equal(dl.grad(lambda x: np.sum(x[np.argsort(x)] * np.arange(3)))(x), [2, 0, 1])
    assert np.array_equal(dl.grad(lambda x: np.sum(x[x > 1.5]))(x), [1, 0, 1])
    assert np.array_equal(dl.grad(lambda x: x[[np.argmax(x), 1]].sum())(x), [1, 1, 0])
    assert np.array_equal(dl.grad(lambda x: x[(np.argmax(x), 1),].sum())(x), [1, 1, 0])
    assert np.array_equal(dl.grad(lambda x: np.sum(x[: np.argmin(x)]))(x), [1, 0, 0])
    m = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(dl.grad(lambda m: np.sum(m[np.argmax(m, 0), np.arange(3)]))(m), [[0, 0, 0], [1, 1, 1]])
    assert np.array_equal(dl.grad(lambda m: m[np.nonzero(m > 2)].sum())(m), [[0, 0, 0], [1, 1, 1]])


def test_a_constant_array_read_at_a_traced_index():
    table = np.array([10.0, 20.0, 30.0])
    assert dl.grad(lambda x: x[0] * table[np.argmax(x)])(np.array([1.0, 2.0])).tolist() == [20.0, 0.0]


def test_an_index_array_changed_afterwards_does_not_matter():
    index = np.array([0, 1])

    def f(x):
        y = x[index]
        index[:] = 2
        return np.sum(y * y)

    assert np.array_equal(dl.grad(f)(np.array([1.0, 2.0, 3.0])), [2, 4, 0])


def test_unpacking_and_iteration():
    assert np.array_equal(dl.grad(lambda x: (lambda a, b: a * b)(*x))(np.array([2.0, 5.0])), [5, 2])
    assert np.array_equal(dl.grad(lambda x: sum(r[0] for r in x))(np.ones((2, 2))), [[1, 0], [1, 0]])
    assert np.array_equal(
        dl.grad(lambda x: sum(k * v for k, v in enumerate(x.flat)))(np.ones((2, 2))), [[0, 1], [2, 3]]
    )


def test_single_and_complex_are_kept():
    assert dl.grad(lambda x: np.sum(x[[0, 0]]))(np.ones(2, np.float32)).dtype == np.float32
    _, pullback = dl.vjp(lambda x: x[[0, 0]], np.ones(2, complex))
    assert np.array_equal(pullback(np.array([1j, 1.0]))[0], [1 + 1j, 0])


@pytest.mark.parametrize(
    "key, error, words",
    [
        (5, IndexError, "out of bounds"),
        ((0, 0, 0, 0), IndexError, "too many"),
        (1.5, TypeError, "must be an integer"),
        (np.array([0.5]), TypeError, "must be an integer"),
        ("a", TypeError, "must be an integer"),
        (np.ones(4, bool), IndexError, "boolean"),
        ((slice(None), (0.5,)), TypeError, "must be an integer"),
        ((slice(None), ("a",)), TypeError, "must be an integer"),
        ([[0, 1], [2]], ValueError, "must be an integer"),
        (object(), TypeError, "must be an integer"),
    ],
)
def test_wrong_indices_are_refused(key, error, words):
    with pytest.raises(error, match=words):
        dl.grad(lambda x: np.sum(x[key]))(X)


def test_a_traced_float_is_no_index():
    with pytest.raises(dl.DifflabError, match=r"astype\(int\)"):
        dl.grad(lambda x: np.sum(x[x[0]]))(np.ones(3))
    assert dl.grad(lambda x: x[x[0].astype(int)] ** 2)(np.array([1.0, 3.0])).tolist() == [0.0, 6.0]


def test_assignment_is_refused():
    def assign(x):
        x[0] = 1.0
        return x

    def assign_into_constant(x):
        y = np.zeros(3)
        y[0] = x[0]
        return y

    for f in (assign, assign_into_constant):
        with pytest.raises(dl.DifflabError):
            dl.grad(lambda x, f=f: np.sum(f(x)))(np.ones(3))


def test_an_index_that_is_large():
    rng = np.random.default_rng(0)
    index = rng.integers(0, 100, 100_000)
    g = dl.grad(lambda x: np.sum(x[index]))(np.ones(100))
    assert np.array_equal(g, np.bincount(index, minlength=100))


def test_insert_takes_a_mask_and_refuses_one_truth_value():
    x, mask = np.arange(3.0), [True, False, True]
    want = np.insert(x, np.array(mask), 9.0)
    assert dl.trace(lambda x: np.insert(x, mask, 9.0), x)(x).tolist() == want.tolist()
    with pytest.raises(dl.DifflabError, match="insert: obj=True"):
        dl.trace(lambda x: np.insert(x, True, 9.0), x)
