"""Methods and operators of traced values against those of NumPy's arrays: names, argument orders and defaults."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import difflab as dl
from difflab.errors import TraceError

A = np.array([[1.5, -2.0, 3.25], [0.5, 4.0, -1.75]])
S = np.array([[2.0, 0.5], [1.0, 3.0]])
I = np.array([7, -3, 2])
C = A + 1j * A[::-1]
B = np.array([True, False])

ARRAYS = [
    ("A.reshape(3, 2)", A), ("A.reshape((3, 2))", A), ("A.reshape((3, 2), order='F')", A), ("A.reshape(-1)", A),
    ("A.transpose()", A), ("A.transpose(1, 0)", A), ("A.transpose((1, 0))", A), ("A.T", A),
    ("A.flatten()", A), ("A.flatten('F')", A), ("A.ravel()", A), ("A.ravel('F')", A),
    ("A.compress([True, False, True], axis=1)", A), ("A.compress([False, True, True])", A),
    ("A.compress([True], 0)", A),
    ("A.sum()", A), ("A.sum(0)", A), ("A.sum(axis=1, keepdims=True)", A), ("A.mean()", A), ("A.mean(axis=0)", A),
    ("A.prod(axis=1)", A), ("A.max()", A), ("A.max(axis=0)", A), ("A.min(1)", A), ("A.std()", A), ("A.var(axis=0)", A),
    ("A.var(ddof=1)", A), ("A.cumsum()", A), ("A.cumsum(axis=1)", A), ("A.cumprod(0)", A), ("A.argmax()", A),
    ("A.argmin(axis=1)", A), ("A.any()", A), ("A.all(axis=0)", A), ("A.clip(-1, 2)", A), ("A.clip(min=0)", A),
    ("A.clip(max=1.0)", A), ("A.round()", A), ("A.round(1)", A), ("A.trace()", S), ("A.trace(offset=1)", S),
    ("A.diagonal()", S), ("A.diagonal(1)", S), ("A.dot(A)", S), ("A.squeeze()", A[None]), ("A.squeeze(0)", A[None]),
    ("A.swapaxes(0, 1)", A), ("A.repeat(2)", A), ("A.repeat(2, axis=1)", A), ("A.take([2, 0], axis=1)", A),
    ("A.take([3, 5])", A), ("A.astype(np.float32)", A), ("A.conj()", C), ("A.conjugate()", C), ("A.real", C),
    ("A.imag", C), ("A.copy()", A), ("len(A)", A), ("[row for row in A][1]", A), ("list(A.flat)[4]", A), ("A.shape", A),
    ("A.ndim", A), ("A.size", A), ("A.dtype", A), ("A[1, ::-1]", A), ("A[..., None]", A), ("A[A > 0]", A),
    ("A + 2", A), ("2 + A", A), ("A - 2", A), ("2 - A", A), ("A * 3", A), ("3 * A", A), ("A / 4", A), ("4 / A", A),
    ("A // 2", A), ("7 // A", A), ("A % 2", A), ("7 % A", A), ("A ** 2", A), ("2.0 ** A", A), ("-A", A), ("+A", A),
    ("abs(A)", A), ("A @ A", S), ("[[1, 2], [3, 4]] @ A", S), ("A @ [1.0, 2.0]", S), ("divmod(A, 2)", A),
    ("divmod(7, A)", A), ("A < 1", A), ("A <= 0.5", A), ("A > 1", A), ("A >= 1.5", A), ("A == 4", A), ("A != 4", A),
    ("A & 3", I), ("3 & A", I), ("A | 8", I), ("8 | A", I), ("A ^ 5", I), ("5 ^ A", I), ("~A", I),
    ("A & A[::-1]", B), ("A | [True, False]", B), ("True ^ A", B), ("~A", B), ("A & 3", B), ("(A > 0) & (A < 2)", A),
    ("np.add.reduce(A)", A), ("np.add.reduce(A, axis=None)", A),
    ("np.add.accumulate(A)", A), ("np.multiply.accumulate(A, axis=1)", A), ("np.subtract.outer(A, A[0])", A),
    ("np.maximum.outer(A[0], A)", A), ("np.array_equal(A, A)", A),
]  # fmt: skip
NUMBERS = ["round(x)", "round(x, 1)", "abs(x)", "x // 2", "divmod(x, 2)[1]", "2 // x", "-x", "2 - x", "2 / x", "2 ** x"]


def flat(y):
    return [np.asarray(v) for v in y] if isinstance(y, tuple) else [np.asarray(y)]


def traced(text, x, name):
    """The expression on a value that is traced, and what its type was there."""
    found = []

    def f(x):
        y = eval(text, {"np": np, name: x})
        found.append([getattr(v, "value", v) for v in (y if isinstance(y, tuple) else (y,))])
        return np.sum(np.real(x))

    dl.trace(f, x)
    return found[0]


@pytest.mark.parametrize("text, x", ARRAYS, ids=[t for t, _ in ARRAYS])
def test_methods_of_traced_arrays_are_numpys(text, x):
    want = eval(text, {"np": np, "A": x})
    for ours, theirs in zip(traced(text, x, "A"), flat(want), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        if not isinstance(want, tuple | list) and hasattr(want, "dtype"):
            assert np.asarray(ours).dtype == theirs.dtype


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("x", [2.567, -3.25])
def test_methods_of_traced_numbers_are_numpys(text, x):
    (ours,) = traced(text, np.float64(x), "x")
    assert ours == eval(text, {"x": x})


@pytest.mark.parametrize("text", ["A & 1", "1 | A", "A ^ A", "~A"])
def test_bits_of_floats_are_refused_as_by_numpy(text):
    for f in (lambda: traced(text, A, "A"), lambda: eval(text, {"A": A})):
        with pytest.raises(TypeError):
            f()


def test_copies_are_the_value_itself():
    def f(x):
        assert copy.copy(x) is x and copy.deepcopy(x) is x and x.copy() is x
        assert {x: 1}[x] == 1
        return x

    dl.trace(f, 2.0)


REFUSED = [
    ("float(A)", "float()"), ("complex(A)", "complex()"), ("int(A)", "int()"), ("np.array(A)", "np.array"),
    ("A.item()", r"\.item"), ("A.tolist()", "tolist"), ("A.view(int)", "view"), ("A.__setitem__(0, 1.0)", "assigned"),
    ("np.add(A, 1, out=A)", "out="), ("np.add.at(A, 0, 1)", "np.add.at"), ("np.copyto(A, 1)", "np.copyto"),
    ("[1, 2, 3][A]", "integer index"), ("pickle.dumps(A)", "pickled"),
]  # fmt: skip


@pytest.mark.parametrize("text, words", REFUSED, ids=[t for t, _ in REFUSED])
def test_what_asks_for_a_number_is_refused(text, words):
    import pickle

    with pytest.raises(TraceError, match=words.replace("()", r"\(\)")):
        dl.trace(lambda x: eval(text, {"np": np, "A": x, "pickle": pickle}), np.array([2.0]))


def test_single_numbers_have_no_length():
    for text, words in (("len(x)", "single number"), ("list(x)", "single number")):
        with pytest.raises(TypeError, match=words):
            dl.trace(lambda x, text=text: eval(text, {"x": x}), 2.0)


def test_whole_numbers_index():
    assert float(dl.trace(lambda n: np.sum(n) * [5.0, 6.0, 7.0][n], np.int64(2))(np.int64(2))) == 14.0
    assert traced("int(n)", np.int64(3), "n") == [3]
