"""scan, while_loop and cond against the same thing written as Python loops and branches."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import difflab as dl
from difflab.errors import DifflabError, InputError, ShapeError, TraceError

RNG = np.random.default_rng(0)
W, XS, C = RNG.normal(size=(3, 3)) * 0.5, RNG.normal(size=(7, 3)), RNG.normal(size=3)


def scanned(c, w, xs):
    c, ys = dl.scan(lambda c, x: (np.tanh(w @ c + x), np.sum(c * x)), c, xs)
    return np.sum(c**2) + np.sum(ys**2)


def looped(c, w, xs):
    total = 0.0
    for x in xs:
        total = total + np.sum(c * x) ** 2
        c = np.tanh(w @ c + x)
    return np.sum(c**2) + total


def agree(a, b, tolerance=1e-10):
    for x, y in zip(optree.tree_leaves(a), optree.tree_leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


TRANSFORMS = {
    "value": lambda f: f,
    "gradient": lambda f: dl.grad(f, argnums=(0, 1, 2)),
    "forward": lambda f: lambda *a: dl.jvp(f, a, tuple(np.cos(x) for x in a)),
    "Hessian by c": dl.hessian,
    "Hessian by w": lambda f: dl.hessian(f, argnums=1),
    "jvp of grad": lambda f: lambda c, w, xs: dl.jvp(lambda w: dl.grad(f, 1)(c, w, xs), (w,), (w,)),
    "grad of jvp": lambda f: lambda c, w, xs: dl.grad(lambda w: dl.jvp(f, (c, w, xs), (c, w, xs))[1])(w),
    "closure": lambda f: lambda c, w, xs: dl.grad(lambda s: f(s * c, s * w, xs))(0.7),
    "third order": lambda f: lambda c, w, xs: dl.grad(dl.grad(dl.grad(lambda s: f(s * c, w, xs))))(0.7),
    "checkpoint": lambda f: dl.grad(dl.checkpoint(f)),
    "compiled": lambda f: dl.compile(dl.value_and_grad(f, argnums=(0, 1, 2))),
    "vmap": lambda f: lambda c, w, xs: dl.vmap(dl.grad(lambda c: f(c, w, xs)))(np.stack([c, 2 * c])),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_scan_is_the_loop(name):
    make = TRANSFORMS[name]
    f, g = make(scanned), make(looped)
    agree(f(C, W, XS), g(C, W, XS))
    agree(f(2 * C, W, XS), g(2 * C, W, XS))


def test_a_scan_is_traced_once():
    def f(x):
        return dl.scan(lambda c, t: (c * np.cos(t), c), x, np.arange(1000.0) / 1000)[0]

    assert len(dl.trace(f, 1.5)) < 10
    assert len(dl.trace(dl.grad(f), 1.5)) < 100
    assert dl.grad(f)(1.5) == pytest.approx(np.prod(np.cos(np.arange(1000.0) / 1000)))
    calls = []
    dl.scan(lambda c, x: (calls.append(1) or c + x, None), 0.0, np.ones(50))
    assert len(calls) == 1


def test_lengths_directions_and_structures():
    assert dl.scan(lambda c, x: (c + 1.0, None), 2.0, None, length=5) == (7.0, None)
    last, ys = dl.scan(lambda c, x: (c * x, c), 2.0, np.arange(1.0, 5.0), reverse=True)
    assert last == 48
    assert ys.tolist() == [48, 24, 8, 2]
    last, ys = dl.scan(lambda c, x: (c + x, x), 2.0, np.zeros(0))
    assert (last, ys.shape) == (2.0, (0,))
    carry, ys = dl.scan(
        lambda c, x: ({"h": c["h"] * x["u"], "n": c["n"] + 1}, (x["u"], [c["n"]])),
        {"h": np.ones(2), "n": np.int64(0)},
        {"u": np.full((3, 2), 2.0)},
    )
    assert carry["h"].tolist() == [8, 8]
    assert carry["n"] == 3
    assert ys[1][0].tolist() == [0, 1, 2]


def test_float32_stays():
    c, ys = dl.scan(lambda c, x: (np.sin(c) * x, c), np.ones(2, np.float32), np.ones((4, 2), np.float32))
    assert c.dtype == ys.dtype == np.float32
    g = dl.grad(lambda c: np.sum(dl.scan(lambda c, x: (np.sin(c) * x, c), c, np.ones((4, 2), np.float32))[0]))
    assert g(np.ones(2, np.float32)).dtype == np.float32


def test_scans_nest():
    def f(a, scan):
        def inner(d, y):
            return d * np.sin(a * y), None

        return scan(lambda c, x: (scan(inner, c, np.arange(1.0, 4.0))[0] + x, None), 1.0, np.arange(3.0))[0]

    def plain(g, c, xs):
        for x in xs:
            c, _ = g(c, x)
        return c, None

    agree(dl.grad(lambda a: f(a, dl.scan))(0.5), dl.grad(lambda a: f(a, plain))(0.5))
    agree(dl.grad(dl.grad(lambda a: f(a, dl.scan)))(0.5), dl.grad(dl.grad(lambda a: f(a, plain)))(0.5))


@pytest.mark.parametrize("x", [2.0, -1.0])
def test_cond_is_the_branch(x):
    def with_operand(x):
        return dl.cond(x > 0, lambda x: x**3, lambda x: -3 * x * x, x)

    def with_closure(x):
        return dl.cond(x > 0, lambda: x**3, lambda: -3 * x * x)

    def python(x):
        return x**3 if x > 0 else -3 * x * x

    for f in (with_operand, with_closure):
        for make in (dl.grad, lambda f: dl.grad(dl.grad(f)), lambda f: lambda x: dl.jvp(f, (x,), (1.0,))):
            agree(make(f)(x), make(python)(x))


def test_a_program_holds_both_branches():
    program = dl.compile(dl.grad(lambda x: dl.cond(x > 0, lambda x: x**2, lambda x: -3 * x, x)))
    assert [program(v) for v in (2.0, -1.0, 3.0, -2.0)] == [4.0, -3.0, 6.0, -3.0]
    assert sum(map(len, program.program.programs.values())) == 1


def test_cond_inside_scan():
    xs = np.array([1.0, -2.0, 3.0, -4.0])
    f = lambda a: dl.scan(lambda c, x: (dl.cond(x > 0, lambda c: a * c, lambda c: c + a, c), None), 1.0, xs)[0]
    assert f(2.0) == 2 * (2 + 2) + 2
    assert dl.grad(f)(2.0) == pytest.approx(4 * 2 + 1)  # f = a (a + a) + a


def power(x):
    return dl.while_loop(lambda v: v < 100.0, lambda v: v * x, 1.0)


def test_while_loop_has_all_derivatives():
    assert power(3.0) == 243
    assert dl.grad(power)(3.0) == pytest.approx(5 * 81)
    assert dl.jvp(power, (3.0,), (1.0,))[1] == pytest.approx(5 * 81)
    assert dl.grad(dl.grad(power))(3.0) == pytest.approx(20 * 27)
    program = dl.compile(dl.grad(power))
    found = [program(v) for v in (3.0, 3.0, 2.0, 2.0, 3.0)]
    assert found == pytest.approx([405, 405, 7 * 64, 7 * 64, 405])


def test_while_loop_keeps_structures():
    found = dl.while_loop(
        lambda s: s["k"] < 3, lambda s: {"k": s["k"] + 1, "x": s["x"] * 2}, {"k": np.int64(0), "x": C}
    )
    assert found["k"] == 3
    agree(found["x"], 8 * C)


def test_every_method_sees_through_a_scan():
    c = dl.compare(lambda x: dl.scan(lambda c, t: (c * np.cos(t * x), None), x, np.arange(1.0, 4.0))[0], 0.5)
    assert c.agree
    assert c.methods["certified"].details["certified"]
    assert all(m.failure is None for m in c.methods.values())


BAD = [
    (lambda: dl.scan(lambda c, x: c, 1.0, np.ones(3)), InputError, "carry, y"),
    (lambda: dl.scan(lambda c, x: (c, x), 1.0, None), InputError, "length"),
    (lambda: dl.scan(lambda c, x: (c, x), 1.0, np.ones(3), length=4), ShapeError, "length=4"),
    (lambda: dl.scan(lambda c, x: (np.stack([c, c]), x), 1.0, np.ones(3)), ShapeError, r"shape \(2,\)"),
    (lambda: dl.scan(lambda c, x: ((c, c), x), 1.0, np.ones(3)), InputError, "structure"),
    (lambda: dl.scan(lambda c, x: (c, x), 1.0, (np.ones(3), np.ones(4))), ShapeError, r"\[3, 4\]"),
    (lambda: dl.scan(lambda c, x: (c, x), 1.0, 3.0), ShapeError, "first axis"),
    (lambda: dl.cond(np.ones(2) > 0, lambda: 1.0, lambda: 2.0), InputError, "pred"),
    (lambda: dl.cond(True, lambda: 1.0, lambda: (2.0,)), InputError, "structures"),
    (lambda: dl.cond(True, lambda: np.ones(2), lambda: 2.0), ShapeError, "result leaf 0"),
    (lambda: dl.while_loop(lambda v: v < 3, lambda v: np.ones(2) * v, 1.0), ShapeError, "carry leaf 0"),
    (lambda: dl.while_loop(lambda v: np.ones(2) * v, lambda v: v, 1.0), InputError, "one bool"),
    (lambda: dl.scan(lambda c, x: (c * 2 if x > 0 else c, x), 1.0, np.array([1.0, -1.0])), TraceError, "dl.cond"),
]


@pytest.mark.parametrize(("run", "error", "said"), BAD)
def test_bad_input(run, error, said):
    with pytest.raises(error, match=said) as caught:
        run()
    assert isinstance(caught.value, DifflabError)
