"""Programs that read small arrays element by element run on numbers, and give what they gave on arrays."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import pytest

import difflab as dl
from difflab.errors import InputError

BACKENDS = ["numpy", pytest.param("native", marks=pytest.mark.skipif(find_spec("numba") is None, reason="numba"))]
V = np.array([2.0, -1.0, -3.0, -2.0, -3.0])
A = np.random.default_rng(0).normal(size=(3, 3))


class Own(np.ndarray):
    pass


def neuron(w0, x0, w1, x1, w2):
    return 1.0 / (1.0 + np.exp(-(w0 * x0 + w1 * x1 + w2)))


def by_index(v):
    return neuron(v[0], v[1], v[2], v[3], v[4])


def rosenbrock(x):
    return sum(100.0 * (x[k + 1] - x[k] ** 2) ** 2 + (1 - x[k]) ** 2 for k in range(len(x) - 1))


def det(a):
    (p, q, r), (s, t, u), (v, w, x) = a
    return p * (t * x - u * w) - q * (s * x - u * v) + r * (s * w - t * v)


def norm_of_corner(a):
    corner = a[:2, ::-1].T
    return np.sqrt(corner[0, 1] ** 2 + corner[-1, 0] ** 2) + a[2][2] * a.reshape(9)[4]


def rows_joined(a):
    both = np.stack([a[0], a[2]])
    return np.sin(both[1, 2]) * np.concatenate([a[1], both[0]])[4]


PROGRAMS = {
    "unpacked": (dl.value_and_grad(lambda v: neuron(*v)), (V,)),
    "by index": (dl.value_and_grad(by_index), (V,)),
    "from the end": (dl.grad(lambda v: v[-1] * v[-5] + v[np.int64(1)]), (V,)),
    "a few of many": (dl.value_and_grad(lambda v: v[3] * v[100]), (np.arange(200.0) / 7,)),
    "the value alone": (by_index, (V,)),
    "a matrix by rows": (dl.value_and_grad(det), (A,)),
    "slices and transposes": (dl.value_and_grad(norm_of_corner), (A,)),
    "joined": (dl.value_and_grad(rows_joined), (A,)),
    "Rosenbrock": (dl.value_and_grad(rosenbrock), (V,)),
    "an array and a number": (dl.value_and_grad(lambda v, t: v[0] * t + np.cos(v[1] * t), (0, 1)), (V[:2], 0.3)),
    "two arrays": (dl.grad(lambda v, a: v[0] * a[0, 1] + v[1] * a[1, 0], (0, 1)), (V[:2], A)),
    "some in a dict": (dl.grad(lambda p: p["w"][1] * p["b"] + p["w"][0]), ({"w": V[:2], "b": 0.5},)),
    "one element": (dl.value_and_grad(lambda v: np.exp(v[0])), (np.array([0.3]),)),
    "a constant place": (dl.value_and_grad(lambda v: 3.0 * v[0]), (V[:2],)),
    "nothing flows back": (dl.value_and_grad(lambda v: dl.stop_gradient(v[0]) + 0.0 * v[1]), (V[:2],)),
    "a field": (lambda v: np.stack([v[1], -v[0]]), (V[:2],)),
    "a matrix made": (lambda v: np.stack([np.stack([v[0], v[1]]), np.stack([v[1], v[0] * v[1]])]), (V[:2],)),
    "itself": (lambda v: (v, v[0] * 2.0), (V,)),
    "a column of a constant": (lambda v: v[0] + np.stack([v[1] * 2.0, v[2]])[0], (V,)),
    "truth": (lambda v: (v[0] > v[1], v[0]), (V,)),
    "which": (dl.value_and_grad(lambda v: np.where(v[0] > 0, v[1] * v[0], v[2])), (V,)),
    "twice": (lambda v: (v[0] * v[1], dl.grad(lambda u: u[0] * u[1])(v), dl.grad(lambda u: u[0] * u[1])(v)), (V,)),
    "names that meet": (lambda v, v_0: v[0] * v_0[0] + v[1], (V, A[0])),
    "names of the text": (lambda array, float64: array[0] * float64[1], (V, A[0])),
}


def same(found, want, rtol=1e-14):
    """Containers, classes, dtypes, shapes, and values but for the last digits."""
    if isinstance(want, tuple | dict):
        assert type(found) is type(want) and len(found) == len(want)
        for k in want if isinstance(want, dict) else range(len(want)):
            same(found[k], want[k], rtol)
        return
    assert type(found) is type(want), (found, want)
    assert np.shape(found) == np.shape(want) and np.asarray(found).dtype == np.asarray(want).dtype
    np.testing.assert_allclose(found, want, rtol=rtol, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_results_are_those_of_eager(name, backend):
    f, args = PROGRAMS[name]
    program = dl.compile(f, backend=backend)
    for _ in range(3):
        same(program(*args), f(*args))
    assert "read element by element" in program.explain()
    moved = tuple(x * 1.25 if not isinstance(x, dict) else {k: y * 1.25 for k, y in x.items()} for x in args)
    same(program(*moved), f(*moved), 1e-13)


@pytest.mark.parametrize(
    "f, x",
    [
        (lambda v: np.sum(v * v) + v[0], V),
        (lambda v: v * 2.0, V),
        (lambda v: v + v, V),
        (lambda v: v[v > 0][0], V),
        (lambda v: v[np.array([0, 0, 1])][1] * v[0], V.astype(np.float32)),
        (lambda v: v[0] * v[1], V.astype(np.float32)),
        (lambda v: v[0] * v[1], V.astype(">f8")),
        (lambda v: v[0] * v[1], np.arange(1000.0)),
        (lambda v: v[0] * v[1], np.arange(4)),
        (lambda v: np.linalg.norm(v) * v[0], V),
        (lambda v: np.linalg.eigh(np.stack([v[:2], v[1:3]]))[0][0] * v[0], V),
        (lambda v: dl.scan(lambda c, x: (c * x, c), v[0], v[:3])[0], V),
    ],
)
def test_other_programs_stay_as_they_are(f, x):
    program = dl.compile(f)
    for _ in range(3):
        found, want = program(x), f(x)
        np.testing.assert_allclose(found, want, rtol=1e-6)
        assert np.asarray(found).dtype == np.asarray(want).dtype
    assert "element by element" not in program.explain()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("x", [1.5, np.float64(1.5), V], ids=["float", "float64", "array"])
def test_constants_that_are_handed_on_keep_their_kind(x, backend):
    f = lambda x: (2.0 * (x[0] if np.shape(x) else x), np.int64(3), np.int32(4), True)
    program = dl.compile(f, backend=backend)
    for _ in range(3):
        found = program(x)
        assert [np.asarray(y).dtype for y in found] == [float, np.int64, np.int32, bool] and found == f(x)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "x",
    [
        np.arange(10.0)[::2],
        np.arange(10.0)[::-2],
        np.frombuffer(V.tobytes()),
        np.frombuffer(b"0" + V.tobytes(), offset=1),
        np.broadcast_to(2.0, 5),
        np.asfortranarray(A)[0],
        V.astype(">f8"),
        V.astype(np.float32),
        V.astype(int),
        np.arange(6.0),
        [1.0, 2.0, 3.0],
        (1.0, 2.0, 3.0),
        V.view(Own),
        None,
    ],
    ids=repr,
)
def test_arrays_of_other_kinds_after_the_first(x, backend):
    """Strides, read-only and unaligned memory, dtypes, lengths and classes: as without the short entry."""
    f = dl.value_and_grad(lambda v: v[0] * v[1] + np.sin(v[2]))
    program, general = dl.compile(f, backend=backend), dl.compile(f).program
    for _ in range(3):
        program(V)
    try:
        want = general(x)
    except Exception as error:  # the same refusal
        with pytest.raises(type(error)):
            program(x)
        return
    for _ in range(2):
        found = program(x)
        assert repr(type(found[1])) == repr(type(want[1]))
        np.testing.assert_allclose(found[0], want[0], rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("x", [[0.0, 1.0], [np.inf, 0.0], [np.nan, 1.0], [-1.0, 800.0], [1e308, 1e308], [-0.0, -0.0]])
def test_where_math_raises_numpys_results_are_given(x, backend):
    f = dl.value_and_grad(lambda v: 1.0 / v[0] + np.exp(v[1]) * np.sqrt(v[0]) + np.log(v[1]))
    program = dl.compile(f, backend=backend)
    program.prepare(np.array([1.0, 2.0]))
    with np.errstate(all="ignore"):
        want, found = f(np.array(x)), program(np.array(x))
    np.testing.assert_allclose(found[0], want[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], want[1], rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_branches_on_elements_are_seen(backend):
    f = lambda v: v[0] * v[1] if v[0] > 1.0 else v[1] + 0.0 * v[0]
    program = dl.compile(dl.grad(f), backend=backend)
    for v in ([2.0, 3.0], [2.0, 4.0], [0.5, 3.0], [0.5, 3.0], [2.0, 3.0]):
        np.testing.assert_array_equal(program(np.array(v)), dl.grad(f)(np.array(v)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_results_alias_nothing(backend):
    program = dl.compile(lambda v: (v, dl.grad(by_index)(v), dl.grad(by_index)(v), v[0]), backend=backend)
    v = V.copy()
    program.prepare(v)
    found = program(v)
    arrays = [v, *found[:3]]
    assert not any(np.may_share_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])
    again = program(v)
    for x in found[:3]:
        x[:] = 7.0
    np.testing.assert_array_equal(again[0], v)
    np.testing.assert_array_equal(v, V)


def test_captured_numbers_are_read_again():
    scale = 2.0

    def f(v):
        return scale * v[0] * v[1]

    program = dl.compile(dl.grad(f))
    for scale in (2.0, 3.0, 3.0, 2.0):
        np.testing.assert_array_equal(program(V), [-scale, 2.0 * scale, 0, 0, 0])


class Pair(NamedTuple):
    a: float
    b: float


SPELLINGS = {
    "*args": (lambda *a: neuron(*a), tuple(map(float, V))),
    "one and *args": (lambda w0, *a: neuron(w0, *a), tuple(map(float, V))),
    "a tuple": (lambda p: neuron(*p), (tuple(map(float, V)),)),
    "a list": (lambda p: neuron(*p), (list(map(float, V)),)),
    "a dict": (lambda p: p["b"] * p["a"] ** 2, ({"b": 3.0, "a": 2.0},)),
    "nested": (lambda p, q: p[0]["x"] * q + p[1] * p[0]["y"][0], (({"y": [2.0], "x": 3.0}, 5.0), 7.0)),
    "a named tuple": (lambda p: p.a * p.b**2, (Pair(2.0, 3.0),)),
    "NumPy's numbers": (lambda x, y: x * y**2, (np.float64(2.0), np.float64(3.0))),
    "mixed": (lambda x, y: (x * y, x > y), (np.float64(2.0), 3.0)),
    "names that meet": (lambda p, p_w: p["w"] * p_w["w"], ({"w": 2.0}, {"w": 3.0})),
    "a name inside": (lambda p, p_w: p["w"] * p_w, ({"w": 2.0}, 3.0)),
    "words": (lambda p: p["if"] * p["x y"] * p["1"], ({"if": 2.0, "x y": 3.0, "1": 4.0},)),
    "a name of the text": (lambda t1, t2: t1["x"] * t1["y"] + np.sin(t1["x"]) / t2, ({"x": 2.0, "y": 3.0}, 4.0)),
    "names of classes": (lambda dict, float64: dict["x"] * float64[0], ({"x": 2.0}, V)),
    "nothing inside": (lambda p, q: q * 2.0, ((), 3.0)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_gives_what_the_general_way_gives(name, backend):
    f, args = SPELLINGS[name]
    program = dl.compile(f, backend=backend)
    program.prepare(*args)
    for _ in range(2):
        same(program(*args), program.program(*args), 1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("zero", [np.float64(0.0), 0.0, {"x": np.float64(0.0)}])
def test_what_math_refuses_comes_back_in_the_same_class(zero, backend):
    """The general way is given what the user gave."""
    f = lambda t1: 1.0 / (t1["x"] if isinstance(t1, dict) else t1) * 2.0 + 1.0
    program = dl.compile(f, backend=backend)
    program.prepare({"x": np.float64(2.0)} if isinstance(zero, dict) else type(zero)(2.0))
    with np.errstate(all="ignore"):
        same(program(zero), program.program(zero))
    assert program(zero) == np.inf


@pytest.mark.parametrize("backend", BACKENDS)
def test_arguments_of_other_structure_after_the_first(backend):
    f = lambda p: sum(p[k] * (1.0 + j) for j, k in enumerate(sorted(p))) if isinstance(p, dict) else p[0] - p[-1]
    program = dl.compile(f, backend=backend)
    program.prepare({"b": 3.0, "a": 2.0})
    for p in (
        {"b": 5.0, "a": 7.0},
        {"a": 7.0, "b": 5.0},
        {"a": 7.0},
        {"a": 7.0, "b": 5.0, "c": 1.0},
        {"a": 7.0, "c": 5.0},
        {"a": 7, "b": 5.0},
        {"a": np.float64(7.0), "b": 5.0},
        (1.0, 2.0),
        [1.0, 2.0, 3.0],
    ):
        for _ in range(2):
            same(program(p), dl.compile(f).program(p), 1e-15)


def test_a_call_by_name_and_with_too_few():
    program = dl.compile(lambda v, t: v[0] * t)
    program.prepare(V, 2.0)
    assert program(t=3.0, v=V) == program(V, t=3.0) == 6.0
    with pytest.raises(TypeError):
        program(V)


def test_inside_another_trace_it_is_recorded():
    program = dl.compile(by_index)
    program.prepare(V)
    np.testing.assert_allclose(dl.grad(program)(V), dl.grad(by_index)(V), rtol=1e-15)
    np.testing.assert_allclose(dl.jacobian(dl.grad(program))(V), dl.hessian(by_index)(V), rtol=1e-14)


def test_donated_arrays_keep_their_checks():
    program = dl.compile(lambda v: np.stack([v[1], v[0]]), donate_argnums=0)
    for _ in range(3):
        np.testing.assert_array_equal(program(np.array([1.0, 2.0])), [2.0, 1.0])
    fixed = np.array([1.0, 2.0])
    fixed.flags.writeable = False
    with pytest.raises(InputError, match="read-only"):
        program(fixed)


def test_scans_over_small_arrays():
    step = lambda c, _: (np.stack([c[0] + 0.1 * c[1], c[1] - 0.1 * c[0]]), c[0])
    f = lambda v: np.sum(dl.scan(step, v, None, length=5)[1])
    program = dl.compile(dl.value_and_grad(f))
    program.prepare(V[:2])
    same(program(V[:2]), dl.value_and_grad(f)(V[:2]), 1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_kinds_in_several_threads(backend):
    program = dl.compile(dl.value_and_grad(lambda v: v[0] * v[1]), backend=backend)
    wrong = []

    def work(n):
        v = np.arange(2.0, 2.0 + n)
        for _ in range(200):
            value, gradient = program(v)
            if value != 6.0 or gradient.shape != (n,):
                wrong.append((value, gradient))

    threads = [threading.Thread(target=work, args=(n,)) for n in (2, 3, 4, 2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
