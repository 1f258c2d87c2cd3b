"""convexity: verdicts on functions whose answer is known, and no proof that sampled points contradict."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import flint
import numpy as np
import pytest
from hypothesis import given, strategies as st

import difflab as dl
from difflab.errors import InputError
from difflab.lab.convexity_rules import curves

convexity = dl.lab.convexity
LINE, SQUARE = dict(x=(-1.0, 1.0)), dict(x=(-1.0, 1.0), y=(-1.0, 1.0))
A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [3.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
SIGNS = np.array([1.0, -1.0, 1.0, 1.0])
EIGENVALUES = np.linalg.eigvalsh(A.T @ A / 2)
CUBE = dict(w=(-np.ones(3), np.ones(3)))


def logistic(w):
    return np.mean(np.log1p(np.exp(-SIGNS * (A @ w))))


@pytest.mark.parametrize(
    "function, region, verdict, least, most",
    [
        ("3*x**2 + x", LINE, "strongly convex", 6, 6),
        ("x**2 + 1.9*x*y + y**2", SQUARE, "strongly convex", 0.1, 3.9),
        ("exp(x)", LINE, "strongly convex", math.exp(-1), math.e),
        ("x*log(x)", dict(x=(0.01, 1.0)), "strongly convex", 1, 100),
        ("-sin(x)", dict(x=(0.5, 3.0)), "strongly convex", math.sin(3), 1),
        ("x**2 + abs(x)", LINE, "strongly convex", 2, None),
        ("x**2 + y**2 + relu(x - y)", SQUARE, "strongly convex", 2, None),
        (lambda w: logistic(w) + 0.05 * w @ w, CUBE, "strongly convex", 0.1, None),
        (lambda w: np.mean((A @ w - SIGNS) ** 2), CUBE, "strongly convex", EIGENVALUES[0], EIGENVALUES[-1]),
        (lambda w: np.sum((A @ w) ** 2) + np.sum(np.abs(w)), CUBE, "strongly convex", EIGENVALUES[0] * 4, None),
        ("2*x + 1", LINE, "convex", 0, 0),
        ("(x + y)**2", SQUARE, "convex", 0, 4),
        ("x**4", LINE, "convex", 0, 12),
        ("(x + 1e10) - 1e10", LINE, "convex", 0, 0),  # in floats its values jump
        ("x**3", dict(x=(0.0, 1.0)), "convex", 0, 6),
        ("abs(x)", LINE, "convex", 0, None),
        ("maximum(x, x**2) - minimum(x, 1)", LINE, "convex", 0, None),
        ("sqrt(x**2 + (x - y)**2)", SQUARE, "convex", 0, None),
        ("x**2 / y", dict(x=(-1, 1), y=(0.5, 2)), "convex", 0, None),
        ("log(exp(x) + exp(-y))", SQUARE, "convex", 0, None),
        (logistic, CUBE, "convex", 0, None),
        ("-abs(x)", LINE, "not convex", None, None),
        ("x**3", LINE, "not convex", None, None),
        ("x*y", SQUARE, "not convex", None, None),
        ("floor(x)", dict(x=(0.0, 1.5)), "not convex", None, None),
        ("log(x)", dict(x=(0.1, 1.0)), "not convex", None, None),
        ("minimum(x**2, (x - 1)**2)", LINE, "not convex", None, None),
        ("(1 - x)**2 + 100*(y - x**2)**2", SQUARE, "not convex", None, None),
        ("where(x > 0.3, x, 2*x)", LINE, "not convex", None, None),
        (lambda w: (np.tanh(w[0] * 0.5 + w[1]) * w[2] - 1) ** 2, CUBE, "not convex", None, None),
        ("x**3", dict(x=(-1e-9, 1.0)), "not convex", None, None),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_known_answers(function, region, verdict, least, most):
    found = convexity(function, region)
    assert found.verdict == verdict, found
    assert found.convex == (verdict != "not convex")
    if found.convex:
        assert least * 0.89 <= found.m <= least * (1 + 1e-9)
        assert found.condition == (found.smoothness / found.m if found.m else math.inf)
    else:
        v = found.violation
        for n, (low, high) in region.items():
            assert all(np.all(np.clip(p[n], low, high) == p[n]) for p in (v.a, v.b))
        assert v.gap > 0
    if most is not None:
        assert most * (1 - 1e-9) <= found.smoothness <= most * 1.13


@pytest.mark.parametrize(
    "function, region, reason",
    [
        ("-log(x)", LINE, "the function has no value near x="),
        ("where(x > 0.3, x**2, x**2)", LINE, "near x=0.3"),
        (lambda x: x**2 if x > 0 else -x, dict(x=(-1.0, 2.0)), "the recording took a branch that is another one"),
        ("abs(x**3)", LINE, "near x="),  # convex, which neither way can prove
        ("x**2 + log(-1)", LINE, "the function has no value near x="),
        (lambda x: x * np.nan, LINE, "not enclosed"),
        (lambda x: np.maximum(x, np.nan), LINE, "not finite"),
    ],
)
def test_undecided_says_why(function, region, reason):
    found = convexity(function, region)
    assert found.verdict == "undecided" and found.convex is None and reason in found.reason
    assert found.reason in repr(found)


def convex_by_minors(q: list[list[int]]) -> bool:
    """All principal minors of an integer matrix are at least 0."""
    n = len(q)
    chosen = [c for k in range(1, n + 1) for c in combinations(range(n), k)]
    return all(determinant([[q[i][j] for j in c] for i in c]) >= 0 for c in chosen)


def determinant(m: list[list[int]]) -> Fraction:
    if not m:
        return Fraction(1)
    return sum((-1) ** j * Fraction(m[0][j]) * determinant([r[:j] + r[j + 1 :] for r in m[1:]]) for j in range(len(m)))


@given(
    st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(st.integers(-3, 3), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_quadratic_forms(rows):
    q = np.array(rows) + np.array(rows).T
    found = convexity(lambda p: 0.5 * p @ (q.astype(float) @ p) + p[0], dict(p=(-np.ones(len(q)), np.ones(len(q)))))
    assert found.convex == convex_by_minors(q.tolist())
    if found.convex:
        least = np.linalg.eigvalsh(q)[0]
        assert (found.verdict == "strongly convex") == (least > 1e-9) and found.m <= least + 1e-9


@given(
    st.lists(
        st.tuples(st.sampled_from([-1.0, -1e-3, -1e-9, 0.5, 1.0, 2.0]), st.integers(-9, 9)), min_size=1, max_size=4
    ),
    st.sampled_from([0.0, 0.5, 3.0]),
)
def test_kinks_that_bend_up_or_down(kinks, q):
    """Sums of c |x - t|: convex exactly where each place t has weights with a sum of at least 0."""
    weights: dict[int, Fraction] = {}
    for c, t in kinks:
        weights[t] = weights.get(t, Fraction(0)) + Fraction(c)
    text = f"{q}*x**2" + "".join(f" + {float(c)!r}*abs(x - {t}/10)" for t, c in weights.items())
    found = convexity(text, LINE)
    bends_down = any(c < 0 for c in weights.values())
    assert found.convex in ((False, None) if bends_down else (True,)), found
    if bends_down and min(weights.values()) < -1e-6:
        assert found.convex is False
    if not bends_down:
        assert found.m == 2 * q


@pytest.mark.parametrize("seed", range(6))
def test_thin_dips_are_found(seed):
    random = np.random.default_rng(seed)
    place, width = random.uniform(-0.9, 0.9), 10 ** random.uniform(-4, -1)
    depth = width**2 * random.uniform(
        3, 10
    )  # the second derivative there is 2 - 2 * depth * (its curvature) / width**2
    found = convexity(f"x**2 + {depth!r}*exp(-((x - {place!r})/{width!r})**2)", LINE)
    assert found.convex is False
    assert abs(found.violation.a["x"] - place) < 20 * width


NAMES = ("x", "y")
FORMS = (
    "(% + %)", "(% - %)", "(% * %)", "abs(%)", "relu(%)", "exp(%)", "sin(%)", "maximum(%, %)", "minimum(%, %)",
    "(%)**2", "sqrt(1 + (%)**2)", "log(1 + exp(%))", "(%)**3", "(-1.5*%)", "(% / (2 + (%)**2))", "logaddexp(%, %)",
    "sqrt((%)**2 + (%)**2)", "log(%)", "(%)**0.5", "1/(%)",
)  # fmt: skip


def random_text(random, depth: int) -> str:
    if depth == 0 or random.random() < 0.15:
        name = str(random.choice(NAMES))
        return (
            f"({random.choice([-3, -0.5, 1, 2])}*{name} + {random.choice([0, 0.5, 1])})"
            if random.random() < 0.5
            else name
        )
    form = FORMS[random.integers(len(FORMS))]
    parts = form.split("%")
    return "".join([parts[0], *(random_text(random, depth - 1) + p for p in parts[1:])])


@pytest.mark.parametrize("seed", range(40))
def test_no_verdict_is_contradicted_by_points(seed):
    random = np.random.default_rng([14, seed])
    text = random_text(random, 1 + seed % 3) + " + 0*x"
    graph = dl.parse(text)
    names = [str(n.name) for n in graph.inputs]
    low = random.choice([-2.0, -0.3, 0.0, 0.1], len(names))
    high = low + random.choice([0.1, 0.5, 2.0], len(names))
    found = convexity(text, {n: (a, b) for n, a, b in zip(names, low, high)}, seconds=1.0)
    if not found.convex:
        return
    a, b = low + (high - low) * random.random((2, 4000, len(names)))
    b[::2] = a[::2] + (b - a)[::2] / 20  # half of the pairs near to each other
    with np.errstate(all="ignore"):
        fa, fb, middle = (np.broadcast_to(graph(**dict(zip(names, p.T))), len(p)) for p in (a, b, (a + b) / 2))
    gap, square = middle - (fa + fb) / 2, np.sum((a - b) ** 2, axis=1)
    rounding = 1e-12 * (1 + abs(fa) + abs(fb))
    assert np.all(gap + found.m / 8 * square <= rounding), (text, found)
    if math.isfinite(found.smoothness):
        assert np.all(gap + found.smoothness / 8 * square >= -rounding), (text, found)


def test_a_function_of_the_users_with_the_name_of_a_row():
    @dl.custom_gradient
    def exp(x):
        return -x * x, lambda g: (-2 * x * g,)

    assert convexity(lambda x: exp(x), LINE).verdict == "not convex"
    ours, theirs = dl.trace(lambda x: exp(x), 1.0), dl.trace(lambda x: np.exp(x), 1.0)
    assert [curves(g, {})[g.outputs[0]].convex for g in (ours, theirs)] == [False, True]
    assert ours.outputs[0].primitive.name == theirs.outputs[0].primitive.name == "exp"


@pytest.mark.parametrize(
    "function, region, told",
    [
        ("x**2", None, "give a dict of"),
        ("x**2", {}, "give a dict of"),
        ("x**2", dict(x=1.0), "the region of x is 1.0; give (low, high)"),
        ("x**2", dict(x=(1.0, -1.0)), "low < high"),
        ("x**2", dict(x=(0.0, math.inf)), "finite"),
        ("x**2", dict(x=(-1.7e308, 1.7e308)), "its width is no float"),
        ("x**2", dict(x=("a", 1)), "two numbers, or two arrays"),
        ("x**2", dict(y=(0.0, 1.0)), "x"),
        (lambda w: np.sum(w**2), dict(w=(np.zeros(25), np.ones(25))), "25 coordinates"),
        (lambda x: x * dl.stop_gradient(x), LINE, "stop_gradient"),
    ],
)
def test_wrong_functions_and_regions_are_refused(function, region, told):
    with pytest.raises(InputError) as error:
        convexity(function, region)
    assert told in str(error.value)


def test_time_runs_out_without_a_trace():
    before = flint.ctx.prec, flint.ctx.cap
    cube = dict(w=(-np.ones(9), np.ones(9)))
    found = convexity(lambda w: np.exp(-np.sum(np.sin(w) * w[::-1])) + 50 * w @ w, cube, seconds=0.05)
    assert found.verdict == "undecided" and "0.05 s of processor time" in found.reason
    assert (flint.ctx.prec, flint.ctx.cap) == before


def test_what_it_says():
    assert repr(convexity("x**2", LINE)) == (
        "<Convexity: strongly convex: eigenvalues of the Hessian at least 2, eigenvalues at most 2; by the Hessian "
        "enclosed on the box>"
    )
    assert str(convexity("x**4 - x**2", LINE)) == (
        "not convex: between x=-0.5 and x=0.5 the middle lies 0.188 above the chord"
    )
    assert str(convexity("abs(x)", LINE)) == "convex; by rules of composition"


def test_the_smallest_floats():
    found = convexity("x**2 * 5e-324", dict(x=(0.0, 5e-324)))
    assert found.verdict == "strongly convex" and found.smoothness >= 1e-323 and "4.94" not in repr(found)
    assert convexity("x**4", dict(x=(0.0, 5e-324))).smoothness > 0  # 12 x² there
