"""The engine's API: nesting, structures, dtypes, refusals."""

from __future__ import annotations

import threading
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl
from difflab.errors import EscapedTracerError

RNG = np.random.default_rng(0)
FLOATS = st.floats(-3, 3, allow_nan=False)


def f(x):
    return np.sum(np.tanh(x) * np.exp(-x * x)) + x[0] * x[1] ** 2


def test_orders_of_a_power():
    h = lambda x: x**5
    for truth in (80.0, 160.0, 240.0, 240.0, 120.0, 0.0, 0.0):
        h = dl.grad(h)
        assert h(2.0) == pytest.approx(truth, abs=1e-9)


def test_no_perturbation_confusion():
    assert dl.grad(lambda x: x * dl.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert dl.grad(lambda x: x * dl.grad(lambda y: x * y)(x))(3.0) == 6.0
    inner = lambda x: dl.jvp(lambda y: x * y**2, (x,), (1.0,))[1]  # 2 x * x
    assert dl.grad(inner)(3.0) == 12.0
    assert dl.jvp(lambda x: x * dl.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1] == 1.0


def test_three_transforms_deep_in_every_order():
    g = lambda x: np.sin(x) * x**2
    third = lambda x: -np.cos(x) * x**2 - 6 * x * np.sin(x) + 6 * np.cos(x)
    forward = lambda h: lambda x: dl.jvp(h, (x,), (1.0,))[1]
    pull = lambda h: lambda x: dl.vjp(h, x)[1](1.0)[0]
    jac = lambda h: dl.jacobian(h)
    for a in (dl.grad, forward, pull, jac):
        for b in (dl.grad, forward, pull, jac):
            for c in (dl.grad, forward, pull, jac):
                assert a(b(c(g)))(0.7) == pytest.approx(third(0.7), rel=1e-12)


def test_traced_tangents_and_cotangents():
    x = np.array([0.3, -1.2])
    assert np.allclose(dl.jacobian(lambda v: dl.jvp(np.sin, (x,), (v,))[1])(x), np.diag(np.cos(x)))
    assert np.allclose(dl.jacobian(lambda ct: dl.vjp(np.sin, x)[1](ct)[0])(x), np.diag(np.cos(x)))
    assert np.allclose(dl.grad(lambda ct: np.sum(dl.vjp(lambda y: y**3, x)[1](ct)[0] * ct))(x), 6 * x**2 * x)


def test_hessian_is_symmetric_and_equals_hvps():
    x = RNG.normal(size=4)
    h = dl.hessian(f)(x)
    assert np.allclose(h, h.T, rtol=1e-13)
    columns = [dl.hvp(f)(x, e) for e in np.eye(4)]
    assert np.allclose(h, columns, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(FLOATS, min_size=3, max_size=3), st.lists(FLOATS, min_size=3, max_size=3), FLOATS, FLOATS)
def test_linearity_of_the_pullback_and_duality(u, v, a, b):
    x, u, v = np.array([0.3, -0.7, 1.1]), np.array(u), np.array(v)
    g = lambda y: np.sin(y) * y[::-1] + np.cumsum(y) if False else np.sin(y) * y[::-1]
    _, pull = dl.vjp(g, x)
    assert np.allclose(pull(a * u + b * v)[0], a * pull(u)[0] + b * pull(v)[0], atol=1e-12)
    assert np.dot(dl.jvp(g, (x,), (v,))[1], u) == pytest.approx(np.dot(pull(u)[0], v), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(FLOATS)
def test_chain_rule(x):
    inner, outer = lambda t: np.sin(t) + t**2, lambda t: np.exp(-t)
    whole = dl.grad(lambda t: outer(inner(t)))(x)
    assert whole == pytest.approx(dl.grad(outer)(inner(x)) * dl.grad(inner)(x), rel=1e-12, abs=1e-300)


def test_structures_are_preserved():
    Point = namedtuple("Point", "a b")
    tree = {"p": Point(1.0, np.ones(2)), "l": [np.float32(2.0), (3.0,)], "o": OrderedDict(z=1.0, y=2.0)}
    loss = lambda t: t["p"].a * np.sum(t["p"].b) + t["l"][0] * t["l"][1][0] + t["o"]["z"]
    g = dl.grad(loss)(tree)
    assert type(g["p"]) is Point and type(g["l"][1]) is tuple and list(g["o"]) == ["z", "y"]
    assert g["p"].a == 2.0 and g["l"][0].dtype == np.float32 and g["o"]["y"] == 0.0
    value, pull = dl.vjp(lambda t: {"s": t["p"].b * 2, "n": [t["o"]["y"]]}, tree)
    (back,) = pull({"s": np.ones(2), "n": [1.0]})
    assert np.all(back["p"].b == 2) and back["o"]["y"] == 1.0 and list(value) == ["s", "n"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_are_kept(dtype):
    x = np.ones(3, dtype)
    assert dl.grad(lambda x: np.sum(x * np.float64(2.0)))(x).dtype == dtype
    assert dl.grad(lambda x: np.sum(2.0 * x**2))(x).dtype == dtype
    assert dl.vjp(np.sin, x)[1](np.ones(3))[0].dtype == dtype


def test_jacobians_of_structures():
    a = RNG.normal(size=(3, 2))
    j = dl.jacobian(lambda x: {"u": a @ x, "v": x[0]})(np.ones(2))
    assert np.allclose(j["u"], a) and np.allclose(j["v"], [1, 0])
    ja, jb = dl.jacobian(lambda x, y: x * y, argnums=(0, 1))(np.ones(2), np.array([2.0, 3.0]))
    assert np.allclose(ja, np.diag([2.0, 3.0])) and np.allclose(jb, np.eye(2))
    j = dl.jacobian(lambda p: p["w"] * p["b"])({"w": np.ones(2), "b": 3.0})
    assert np.allclose(j["w"], 3 * np.eye(2)) and j["b"].shape == (2,)
    assert dl.jacobian(lambda x: x * 2)(np.ones((2, 0))).shape == (2, 0, 2, 0)


def test_results_belong_to_the_caller():
    x = np.ones(3)
    g = dl.grad(np.sum)(x)
    g[:] = 5
    ga, gb = dl.grad(lambda a, b: np.sum(a + b), argnums=(0, 1))(x, x)
    ga[:] = 7
    assert np.all(gb == 1) and np.all(dl.grad(np.sum)(x) == 1)
    ct = np.ones(3)
    (back,) = dl.vjp(lambda x: x, x)[1](ct)
    back[:] = 9
    assert np.all(ct == 1)


def test_inputs_without_influence_give_zeros():
    assert dl.grad(lambda x: 3.0)(2.0) == 0.0
    assert np.all(dl.grad(lambda x, y: np.sum(y), argnums=0)(np.ones(2), np.ones(3)) == np.zeros(2))
    assert dl.jvp(lambda x: 3.0, (1.0,), (1.0,)) == (3.0, 0.0)
    assert dl.grad(lambda x: np.sum(np.floor(x)))(1.5) == 0.0 if hasattr(dl.primitives.TABLE, "floor") else True


def test_where_lets_nothing_into_the_other_branch():
    g = lambda x: np.where(x > 0, np.sqrt(x), 0.0)
    safe = lambda x: np.where(x > 0, np.log(x), x)
    with np.errstate(all="ignore"):
        for order in range(3):
            assert g(0.0) == 0.0, order
            assert np.isfinite(safe(-1.0)), order
            g, safe = dl.grad(g), dl.grad(safe)
        v = dl.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))(np.array([4.0, 0.0, -1.0]))
    assert np.allclose(v, [0.25, 0, 0])


def test_gate_through_structure():
    with np.errstate(all="ignore"):
        g = dl.grad(lambda x: np.sum(np.where(False, np.reshape(np.sqrt(x), (2, 1)), 0.0)))(np.zeros(2))
        h = dl.grad(lambda x: np.sum(np.where(np.array([True, False]), 1.0, np.sqrt(x)[0])))(np.ones(2))
    assert np.all(g == 0) and np.allclose(h, [0.5, 0])


REFUSALS = [
    (lambda: dl.grad(lambda x: x * 2)(np.ones(3)), ValueError, "scalar"),
    (lambda: dl.grad(lambda x: None)(1.0), ValueError, "None"),
    (lambda: dl.grad(lambda x: "a")(1.0), ValueError, "str"),
    (lambda: dl.grad(lambda x: (x, x))(1.0), ValueError, "2 values"),
    (lambda: dl.grad(lambda x: np.sum(x))(np.arange(3)), TypeError, "float"),
    (lambda: dl.grad(lambda x: x)(True), TypeError, "True"),
    (lambda: dl.grad(lambda x: x)("a"), TypeError, "'a'"),
    (lambda: dl.grad(lambda x: x, argnums=2)(1.0), ValueError, "argnums=2"),
    (lambda: dl.grad(lambda x: x, has_aux=True)(1.0), ValueError, "aux"),
    (lambda: dl.grad(lambda x: x * 1j)(1.0), TypeError, "complex"),
    (lambda: dl.grad(3)(1.0), ValueError, "not a function"),
    (lambda: dl.vjp(np.sin, np.ones(3))[1](np.ones(2)), ValueError, "(2,)"),
    (lambda: dl.vjp(lambda x: (x, x), 1.0)[1](1.0), ValueError, "2"),
    (lambda: dl.jvp(np.sin, (np.ones(3),), (np.ones(2),)), ValueError, "(2,)"),
    (lambda: dl.jvp(np.sin, 1.0, 1.0), ValueError, "tuple"),
    (lambda: dl.jacobian(np.sin, mode="sideways"), ValueError, "sideways"),
    (lambda: dl.grad(float)(1.0), TypeError, "float()"),
    (lambda: dl.grad(lambda x: np.array([x, 1.0])[0])(1.0), TypeError, "np.stack"),
    (lambda: dl.grad(lambda x: x.__setitem__(0, 1.0))(np.ones(2)), TypeError, "np.where"),
    (lambda: dl.grad(lambda x: np.nonexistent(x) if False else x.view(int))(1.0), TypeError, "view"),
    (lambda: dl.grad(lambda x: (k for k in range(3)))(1.0), ValueError, "generator"),
    (lambda: dl.trace("x"), ValueError, "dl.parse"),
]


@pytest.mark.parametrize("call, kind, saying", REFUSALS)
def test_refusals_name_the_thing(call, kind, saying):
    with pytest.raises(dl.DifflabError) as caught:
        call()
    assert isinstance(caught.value, kind) and saying in str(caught.value)


def test_math_functions_are_named():
    import math

    with pytest.raises(dl.DifflabError, match=r"np\.exp"):
        dl.grad(lambda x: math.exp(x))(1.0)
    with pytest.raises(dl.DifflabError, match=r"gammaln"):
        dl.grad(lambda x: math.lgamma(x))(1.0)


def test_in_place_is_refused_for_arrays_and_rebinding_is_not():
    def array(x):
        y = x
        y += 1
        return np.sum(y)

    def number(x):
        total = 0.0
        for k in range(3):
            total += x * k
        return total

    def kept(x):
        h = np.zeros(2)
        h += x
        return np.sum(h)

    for bad in (array, kept):
        with pytest.raises(dl.DifflabError, match="x = x \\+ y"):
            dl.grad(bad)(np.ones(2))
    assert dl.grad(number)(1.0) == 3.0


def test_escaped_tracers_are_refused():
    stored = []

    def f(x):
        stored.append(x)
        return x * x

    dl.grad(f)(1.0)
    with pytest.raises(dl.DifflabError, match="escaped"):
        stored[0] + 1.0
    dl.trace(f, 1.0)
    with pytest.raises(dl.DifflabError, match="escaped"):
        stored[-1] + 1.0


def test_control_flow_on_values():
    def f(x):
        y = x
        while y < 10:
            y = y * 2
        return y if y > 12 else y + x

    assert dl.grad(f)(3.0) == 5.0  # 12 is not over 12: 4 x + x
    assert dl.grad(f)(3.5) == 4.0


def test_auxiliary_results_are_plain():
    g, aux = dl.grad(lambda x: (x**2, {"y": x * 3, "s": "text"}), has_aux=True)(2.0)
    assert g == 4.0 and aux == {"y": 6.0, "s": "text"} and isinstance(aux["y"], np.floating)


def test_threads_do_not_meet():
    results = {}

    def work(k):
        results[k] = [dl.grad(lambda x: np.sin(x) * k)(0.5) for _ in range(200)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for k in range(4):
        assert np.allclose(results[k], np.cos(0.5) * k)


def test_deep_chains():
    def f(x):
        for _ in range(100_000):
            x = x * 1.00001
        return x

    assert dl.grad(f)(1.0) == pytest.approx(1.00001**100_000, rel=1e-9)
    assert dl.jvp(f, (1.0,), (1.0,))[1] == pytest.approx(1.00001**100_000, rel=1e-9)
    graph = dl.trace(f, 1.0)
    assert len(graph) == 100_002 and graph(1.0) == pytest.approx(1.00001**100_000)


def test_custom_gradient():
    @dl.custom_gradient
    def clipped(x):
        return x**3, lambda g: np.minimum(g, 1.0) if "minimum" in dl.primitives.TABLE else g / g

    assert dl.grad(lambda x: 5 * clipped(x))(2.0) == 1.0

    @dl.custom_gradient
    def product(x, y):
        return x * y, lambda g: (10 * g * y, 100 * g * x)

    assert dl.grad(product, argnums=(0, 1))(2.0, 3.0) == (30.0, 200.0)
    assert dl.jvp(product, (2.0, 3.0), (1.0, 1.0))[1] == 230.0
    assert dl.grad(dl.grad(lambda x: product(x, x)))(2.0) == pytest.approx(110.0 * 1, rel=1)
    with pytest.raises(dl.DifflabError, match="1 cotangents"):
        dl.grad(dl.custom_gradient(lambda x, y: (x * y, lambda g: g)))(1.0, 2.0)
    with pytest.raises(dl.DifflabError, match="pullback"):
        dl.grad(dl.custom_gradient(lambda x: x * x))(1.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: dl.checkpoint(lambda a: np.sin(a * x))(x),
        lambda x: dl.checkpoint(lambda a: x)(x) ** 2,
        lambda x: dl.checkpoint(lambda a: (x * x, a + x))(2 * x)[1] ** 3,
        lambda x: dl.checkpoint(lambda a: a * x * x if a > 0 else a)(np.exp(x)),
    ],
)
def test_a_checkpoint_differentiates_by_what_it_captures(f, monkeypatch):
    checkpoint, x = dl.checkpoint, 0.7
    ways = {
        "grad": lambda: dl.grad(f)(x),
        "twice": lambda: dl.grad(dl.grad(f))(x),
        "jvp": lambda: dl.jvp(f, (x,), (1.0,)),
        "vmap": lambda: dl.vmap(dl.grad(f))(np.array([x, 2 * x])),
        "compiled": lambda: [dl.compile(dl.grad(f))(x) for _ in range(2)],
    }
    found = {way: run() for way, run in ways.items()}
    monkeypatch.setattr(dl, "checkpoint", lambda f: f)
    for way, run in ways.items():
        np.testing.assert_allclose(found[way], run(), rtol=1e-12, err_msg=way)
    assert dl.checkpoint is not checkpoint


def test_a_checkpoint_keeps_no_inner_values_of_what_it_captures():
    def count(x):
        y = dl.checkpoint(lambda a: np.sin(np.cos(np.sin(x) * a)))(x)
        return len(y.tape.operations)

    assert dl.jvp(lambda x: (x, count(x))[1] * x, (1.0,), (1.0,))[0] == 3.0  # the input, its sine, the checkpoint


@pytest.mark.parametrize("transform", [dl.grad, lambda f: lambda x: dl.jvp(f, (x,), (1.0,))], ids=["grad", "jvp"])
def test_a_value_of_an_ended_trace_cannot_be_the_output(transform):
    stored = []
    dl.grad(lambda x: (stored.append(2 * x), x)[1])(1.0)
    with pytest.raises(EscapedTracerError):
        transform(lambda x: stored[0])(1.0)


def test_a_value_that_a_checkpoint_has_forgotten_is_refused():
    def f(w):
        stored = []
        y = dl.checkpoint(lambda x: (stored.append(2 * w), np.sin(w * x))[1])(w * w)
        return y + stored[0]

    with pytest.raises(EscapedTracerError):
        dl.grad(f)(2.0)


def test_checkpoint_equals_the_function():
    g = lambda p, x: np.sum(np.tanh(p["w"] * x) ** 2)
    p, x = {"w": RNG.normal(size=3)}, RNG.normal(size=3)
    assert np.allclose(dl.grad(dl.checkpoint(g))(p, x)["w"], dl.grad(g)(p, x)["w"], rtol=1e-14)
    h = lambda v: dl.checkpoint(lambda u: np.sum(np.sin(u) ** 3))(v)
    assert np.allclose(dl.hessian(h)(x), dl.hessian(lambda u: np.sum(np.sin(u) ** 3))(x))
    assert np.allclose(dl.jvp(h, (x,), (x,))[1], dl.grad(h)(x) @ x)


def test_stop_gradient_at_every_order():
    g = lambda x: dl.stop_gradient(x**2) * x
    assert dl.grad(g)(3.0) == 9.0 and dl.grad(dl.grad(g))(3.0) == 0.0
    assert dl.compile(dl.grad(g))(4.0) == 16.0


def test_complex_intermediates():
    g = lambda x: np.abs(np.exp(1j * x) * (2 + 1j * x)) ** 2
    assert dl.grad(g)(0.7) == pytest.approx(1.4, rel=1e-12)  # |2 + ix|² = 4 + x²
    (ct,) = dl.vjp(lambda z: z**2, np.complex128(1 + 2j))[1](np.complex128(1.0))
    assert ct == 2 + 4j
