"""Derivatives at what is rare: columns of zeros, NaN beside a number, whole numbers, other units, edges."""

from __future__ import annotations

import inspect
import math
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import special

import difflab as dl
from difflab.differentiate import certified
from difflab.differentiate.extrapolation import DEPTH, Tableau
from difflab.differentiate.ladder import Ladder, Level, Samples
from difflab.differentiate.methods import method_named
from difflab.differentiate.problem import as_problem
from difflab.differentiate.rounding import Record, gradient_rounding
from difflab.differentiate.shapes import shape
from difflab.errors import DtypeError
from difflab.primitives import NUMPY, table
from difflab.primitives.decompositions import householder
from difflab.primitives.kernels.convolution import ONE_THREAD, pieces_of
from difflab.primitives.kernels.windows import ties


def numerical(function, at, **options):
    return dl.differentiate(function, at, method="numerical", **options)


# Functions around a point, and whether their slopes there differ; none of it depends on the unit of the value.
CORNERS = {
    "abs": (lambda x: np.abs(x) + np.sin(x) / 1000, 0.0, True),
    "abs beside 0": (lambda x: np.abs(x - 0.3) + np.exp(x), 0.3, True),
    "max": (lambda x: np.maximum(x, 2 * x) + 1, 0.0, True),
    "narrow": (lambda x: np.sqrt(x * x + 1e-10), 0.0, False),
    "narrower": (lambda x: np.sqrt(x * x + 1e-20), 0.0, False),
    "narrow beside 0": (lambda x: 1 + np.sqrt((x - 0.3) ** 2 + 1e-10), 0.3, False),
}


@pytest.mark.parametrize("unit", [2.0**-400, 2.0**-40, 1.0, 2.0**40, 2.0**400])
@pytest.mark.parametrize("name", CORNERS)
def test_a_kink_is_one_in_every_unit_of_the_value(name, unit):
    f, x, kinked = CORNERS[name]
    found, plain = numerical(lambda x: unit * f(x), x), numerical(f, x)
    assert found.refusals["x"].startswith("kink") == kinked
    assert found.evaluations == plain.evaluations
    if kinked:
        assert found.one_sided["x"] == pytest.approx([unit * s for s in plain.one_sided["x"]], rel=1e-12)
    else:
        assert found.gradient == unit * plain.gradient


@pytest.mark.parametrize("options", [{}, {"scheme": "central"}, {"scheme": "forward"}, {"h": 1e-3}])
def test_every_input_has_its_note(options):
    at = dict(x=0.0, y=1.0, z=0.0)
    notes = numerical("sqrt(abs(x)) + y + abs(z)*1e6 + sqrt(abs(z))", at, **options).notes
    assert [n.split(":")[0] for n in notes] == ["x", "z"]


@pytest.mark.parametrize(
    ("scheme", "claim"),
    [("forward", lambda x, h: 6 * x * h), ("central", lambda x, h: 6 * x * h), ("five-point", lambda x, h: h * h)],
)
@pytest.mark.parametrize("steps", [1.5, 2.5, 3.5, 4.5])
@pytest.mark.parametrize("sign", [1, -1])
def test_claims_beside_an_edge_are_those_of_narrower_formulas(scheme, claim, steps, sign):
    """Of x**3 the differences are off by whole multiples of h**2, and one-sided ones differ by 6 x h."""
    at, h = 2.0 * sign, 2.0**-8
    inner, outer, wide = {"forward": (1, 1, 0.0), "central": (1, 2, 3 * h * h), "five-point": (2, 4, 0.0)}[scheme]
    f = lambda x: x**3 + 0 * np.sqrt((x - at) * sign + steps * h)
    found = numerical(f, at, scheme=scheme, h=h)
    if steps < inner:
        assert math.isnan(found.gradient)
        return
    want = wide if outer < steps and scheme != "forward" else claim(2.0, h)
    assert found.claimed_error["x"] == pytest.approx(want, rel=1e-3, abs=1e-10)


def at_steps(value, here):
    """A ladder whose steps rise by e**2 from 1e-6, with the function's values at them."""
    steps = [1e-6 * math.exp(2 * k) for k in range(8)]
    return SimpleNamespace(levels=[Level(h, value(h), value(-h), here) for h in steps])


@pytest.mark.parametrize(
    ("value", "here", "said"),
    [
        (lambda t: 1 / t, 0.0, "pole: the value grows"),
        (lambda t: abs(t) ** -0.5, 0.0, "pole: the value grows"),
        (lambda t: 3 + t, 0.0, "jump"),
        (lambda t: math.copysign(2, t), 0.0, "jump"),
        (lambda t: abs(t) ** 0.5, 0.0, "pole: the slope grows"),
        (lambda t: math.copysign(abs(t) ** (1 / 3), t), 0.0, "pole: the slope grows"),
        (lambda t: 1 + t, 1.0, ""),
        (lambda t: t * t, 0.0, ""),
        (lambda t: 5.0 if abs(t) < 3e-6 else 2 + t, 0.0, ""),
        (lambda t: 0.001 if abs(t) < 3e-6 else 2.0, 0.0, ""),
        (lambda t: 1.0, 1.0, ""),
    ],
)
def test_a_pole_or_jump_is_what_all_of_the_smallest_steps_show(value, here, said):
    found = shape(at_steps(value, here))
    assert found.startswith(said) and bool(found) == bool(said)


@pytest.mark.parametrize("power", [1, 2])
def test_windows_are_polynomials_through_their_quotients(power):
    """Each window's value is the polynomial in h**power through its quotients, at 0; no window has more than DEPTH."""
    steps = [1e-3 * 1.7**k for k in range(14)]
    quotients = [math.cos(h**power) + 0.3 * h ** (2 * power) for h in steps]
    tableau = Tableau(power)
    for h, q in zip(steps, quotients):
        tableau.add(h, q, 1e-16)
    assert len(tableau.steps) == len(steps) and tableau.broken is None
    assert {(w.first, w.last) for w in tableau.windows} == {
        (i, k) for k in range(len(steps)) for i in range(max(0, k - DEPTH + 1), k)
    }
    for w in tableau.windows:
        xs, ys = [h**power for h in steps[w.first : w.last + 1]], quotients[w.first : w.last + 1]
        weights = [math.prod(x / (x - y) for x in xs if x != y) for y in xs]
        assert w.value == pytest.approx(sum(c * y for c, y in zip(weights, ys)), rel=1e-11)
        assert w.rounding == pytest.approx(1e-16 * sum(map(abs, weights)), rel=1e-9)


def recorded(f, *xs):
    graph = dl.trace(f, *xs)
    return Record(list(xs), lambda m, inputs: [graph.evaluate(inputs, m)[graph.outputs[0]]], 0.0)


EPSILON = 2.0**-52
THREE = np.array([0.7, -1.3, 2.9])
# A function of positive x, and the roundings of its value (of the largest sum where it sums) that it may be off by.
OWN = {
    "sin": (np.sin, 4 * np.abs(np.sin(THREE))),
    "exp": (np.exp, 4 * np.exp(THREE)),
    "product": (lambda x: x * x, 4 * THREE**2),
    "gamma": (special.gamma, 16 * np.abs(special.gamma(THREE))),
    "erf": (special.erf, 16 * np.abs(special.erf(THREE))),
    "j0": (special.j0, 16 * np.abs(special.j0(THREE))),
    "jv": (lambda x: special.jv(2.5, x * x), 128 * np.abs(special.jv(2.5, THREE**2))),
    "sum": (np.sum, 4 * math.sqrt(3) * 4.9),
    "cumsum": (np.cumsum, 4 * math.sqrt(3) * np.array([0.7, 2.0, 4.9])),
    "matmul": (lambda x: x @ x, 4 * math.sqrt(3) * np.sum(THREE**2)),
    "reversed": (lambda x: x[::-1], 0.0),
    "sorted": (np.sort, 0.0),
}


@pytest.mark.parametrize("name", OWN)
def test_an_operation_s_own_error_is_that_of_its_kind(name):
    f, roundings = OWN[name]
    record = recorded(f, THREE)
    assert record.own[record.outputs[0]] == pytest.approx(roundings * EPSILON, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("text", "roundings"),
    [
        ("pi*x", math.pi / 2),
        ("e*exp(x)", math.e * math.exp(0.7) / 2),
        ("sin(pi*x)", math.pi * abs(math.cos(0.7 * math.pi) - 0.7 * math.pi * math.sin(0.7 * math.pi)) / 2),
        ("x*x", 0.0),
        ("0.5*x", 0.0),
    ],
)
def test_a_rounded_constant_is_off_by_half_an_ulp(text, roundings):
    found = gradient_rounding(as_problem(text, dict(x=0.7))).constants["x"]
    assert found / EPSILON == pytest.approx(roundings, rel=1e-9)


@pytest.mark.parametrize(
    "terms", [("sin(pi*x)", "exp(x)*sqrt(2)", "cos(e*x)"), ("e*x*x", "exp(x)", "x*pi"), ("x", "x")]
)
def test_the_parts_of_constants_add_up(terms):
    whole, *parts = (gradient_rounding(as_problem(text, dict(x=0.7))) for text in ("+".join(terms), *terms))
    assert whole.constants["x"] >= sum(p.constants["x"] for p in parts) * (1 - 1e-9)
    assert whole.gradient["x"] >= sum(p.gradient["x"] for p in parts) * (1 - 1e-9)
    assert whole.value >= sum(p.value for p in parts) * (1 - 1e-9)
    assert all(p.constants["x"] < p.gradient["x"] for p in parts if p.gradient["x"])


@pytest.mark.parametrize("tolerance", [1e-12, 1e-6])
@pytest.mark.parametrize("c", [0.5, 6.0, 40.0])
def test_what_is_found_by_iteration_is_off_by_ten_of_its_tolerances(tolerance, c):
    """x = x / 2 + c has the solution 2 c."""
    record = recorded(lambda c: dl.fixed_point(lambda x: x / 2 + c, 1.0, tolerance=tolerance), np.float64(c))
    (own,) = [error for n, error in record.own.items() if n.primitive.name == "fixed_point"]
    assert own == pytest.approx(10 * tolerance * (1 + 2 * c), rel=1e-4, abs=0)


PAIRS = {
    "sum": lambda i, x: i + x,
    "difference": lambda i, x: i - x,
    "product": lambda i, x: i * x,
    "quotient": lambda i, x: i / x,
    "power": lambda i, x: (i + 2) ** x,
    "maximum": lambda i, x: np.maximum(i, x),
    "hypot": lambda i, x: np.hypot(i, x),
    "where": lambda i, x: np.where(x > 1.5, i, x),
    "joined": lambda i, x: np.concatenate((i, x)),
    "stacked": lambda i, x: np.stack((i, x)),
    "matmul": lambda i, x: i @ x,
    "outer": lambda i, x: np.outer(i, x),
    "einsum": lambda i, x: np.einsum("a,b->ab", i, x),
    "convolved": lambda i, x: np.convolve(i, x),
    "solved": lambda i, x: np.linalg.solve(np.diag(i + 2), x),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("first", [True, False])
def test_whole_numbers_beside_a_float_take_no_cotangent_and_stop_none(name, first):
    x, one = np.array([0.7, 1.3, 2.9]), np.array([1.0, 1.0, 1.0])
    f = PAIRS[name] if first or name == "solved" else lambda i, x: PAIRS[name](x, i + 1)
    weighed = lambda y: np.sum(y * np.sin(1.0 + np.arange(y.size).reshape(y.shape)))
    made = lambda x: weighed(f((x > 1).astype(np.int64), x))
    given = lambda x: weighed(f(np.array([0, 1, 1]), x))
    assert dl.grad(made)(x) == pytest.approx(dl.grad(given)(x), rel=1e-14)
    assert dl.jvp(made, (x,), (one,))[1] == pytest.approx(np.sum(dl.grad(given)(x)), rel=1e-13)
    near = [given(x + s * 1e-6 * one) for s in (1, -1)]
    assert np.sum(dl.grad(given)(x)) == pytest.approx((near[0] - near[1]) / 2e-6, rel=1e-6, abs=1e-8)


class Ones:
    """Errors that all have the same size and sign."""

    def standard_normal(self, shape):
        return np.ones(shape)


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (special.gamma, lambda x: special.gamma(x) * special.digamma(x)),
        (special.erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
        (special.j0, lambda x: -special.j1(x)),
        (lambda x: special.gammaln(x) - special.digamma(1.3) * x, lambda x: special.digamma(x) - special.digamma(1.3)),
        (lambda x: np.linalg.solve(np.diag(x), np.ones(3)), lambda x: -1 / x**2),
        (lambda x: np.linalg.inv(np.diag(x)) @ np.ones(3) + 1 / x, lambda x: -2 / x**2),
    ],
    ids=["gamma", "erf", "j0", "gammaln", "solve", "inv"],
)
def test_an_error_of_an_input_is_pushed_like_a_tangent(f, slope):
    """Whatever the operations add of their own: here nothing, or an error of the operand."""
    x = np.array([0.7, 1.3, 2.9])
    record = recorded(f, x)
    (given,) = (n for n in record.operations if n.primitive.name == "input")
    errors, none = record.inner, dict.fromkeys(record.operations, 0.0)
    record.own, record.inner = {**none, given: 1.0}, {key: 0.0 * error for key, error in errors.items()}
    assert record.inner
    assert record.pushed(Ones())[record.outputs[0]] == pytest.approx(slope(x), rel=1e-12, abs=1e-12)


MATRICES = {
    "first column done": [[2, 1, 0], [0, 3, 1], [0, 4, 2]],
    "first column done, below 0": [[-2, 1, 0], [0, 3, 1], [0, 4, 2]],
    "second column done": [[3, 1, 2], [4, 2, 5], [0, 0, 1], [0, 0, 7]],
    "two columns done": [[1, 2, 3], [0, 4, 5], [0, 0, 6], [0, 0, 8]],
    "a column of zeros": [[0, 1, 3], [0, 2, 4], [0, 2, 1]],
    "triangular": [[2, 1], [0, 3]],
    "tall": [[0], [3], [4]],
    "one": [[-5]],
}


@pytest.mark.parametrize("name", MATRICES)
def test_reflections_go_on_behind_a_column_that_needs_none(name):
    a = np.array(MATRICES[name], dtype=float)
    q, r = householder(NUMPY, a.astype(object))
    want = np.linalg.qr(a)
    assert q.astype(float) == pytest.approx(want.Q, abs=1e-14)
    assert r.astype(float) == pytest.approx(want.R, abs=1e-14)
    both = householder(NUMPY, np.array([a, a[::-1]], dtype=object))
    assert np.matmul(*both)[1].astype(float) == pytest.approx(a[::-1], abs=1e-14)


@pytest.mark.parametrize("f", [np.fmax, np.fmin])
@pytest.mark.parametrize(("x", "y"), [(1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (1.0, math.nan), (math.nan, 1.0)])
def test_what_is_beside_nan_takes_the_whole_cotangent(f, x, y):
    z = f(x, y)
    want = (0.5, 0.5) if x == y else (float(z == x), float(z == y))
    at = (np.float64(x), np.float64(y))
    assert dl.grad(f, argnums=(0, 1))(*at) == want
    assert dl.jvp(f, at, (1.0, 0.0))[1] == want[0] and dl.jvp(f, at, (0.0, 1.0))[1] == want[1]


@pytest.mark.parametrize("f", [np.maximum, np.minimum])
@pytest.mark.parametrize(("x", "y"), [(1.0, math.nan), (math.nan, 1.0)])
def test_nan_that_is_handed_on_takes_no_share_from_a_number(f, x, y):
    assert dl.grad(f, argnums=(0, 1))(np.float64(x), np.float64(y)) == (0.0, 0.0)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_recorded_places_of_bincount_are_whole_numbers(dtype):
    places, weights = np.array([0, 2, 2, 1], dtype), np.array([1.0, 2.0, 3.0, 4.0])
    count = lambda i, w: np.bincount(i, weights=w, minlength=4)
    graph = dl.trace(count, places, weights)
    assert graph(places[::-1], weights).tolist() == [4.0, 1.0, 5.0, 0.0]
    pulled = dl.vjp(lambda w: count(places, w), weights)[1](np.array([10.0, 20.0, 30.0, 40.0]))
    assert np.ravel(pulled).tolist() == [10.0, 30.0, 30.0, 20.0]
    with pytest.raises(DtypeError, match="places are integers"):
        dl.trace(count, places.astype(float), weights)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 9])
def test_quantiles_of_every_method_at_and_between_the_elements(method, count):
    x = np.random.default_rng(count).permutation(np.arange(1.0, count + 1) ** 2)
    for q in {k / (2 * max(count - 1, 1)) for k in range(2 * count - 1)} | {0.3, 0.77}:
        f = lambda x, q=q: np.quantile(x, q, method=method)
        value, slope = dl.value_and_grad(f)(x)
        assert value == pytest.approx(f(x), rel=1e-14), q
        columns = [f(x + 1e-4 * row) - f(x - 1e-4 * row) for row in np.eye(count)]
        assert slope == pytest.approx(np.array(columns) / 2e-4, abs=1e-9), q


SEEDS = [(True, float), (2, float), (np.int32(2), float), (np.uint8(2), float), (2.5, float)]
SEEDS += [(np.float32(2.5), np.float32), (np.float64(2.5), float)]


@pytest.mark.parametrize(("seed", "dtype"), SEEDS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_seed_is_a_float_and_keeps_its_dtype(seed, dtype, kind):
    passes = dl.parse("x*y").forward(x=kind(3), y=kind(4)).backward(seed)
    assert passes.seed.dtype == passes.adjoint[passes.output].dtype == dtype
    assert passes.seed == seed and passes.gradient == {"x": 4 * float(seed), "y": 3 * float(seed)}
    assert {g.dtype for g in passes.gradient.values()} == {np.dtype(kind)}


def callables_of(value):
    if isinstance(value, dict):
        return [f for v in value.values() for f in callables_of(v)]
    if isinstance(value, list | tuple):
        return [f for v in value for f in callables_of(v)]
    return [value] if inspect.isfunction(value) else []


@pytest.mark.parametrize("row", table(), ids=lambda row: row.name)
def test_all_rules_of_a_row_take_the_same_defaults(row):
    defaults = {}
    for item in fields(row):
        if item.name in ("arguments", "spelling"):
            continue
        for f in callables_of(getattr(row, item.name)):
            for name, setting in inspect.signature(f).parameters.items():
                if setting.kind is setting.KEYWORD_ONLY and setting.default is not setting.empty:
                    defaults.setdefault(name, []).append(setting.default)
    assert all(found == found[:1] * len(found) for found in defaults.values()), defaults


@pytest.mark.parametrize("others", [1, 7, 100, 4_000])
def test_columns_are_cut_into_equal_pieces_of_a_size_for_one_thread(others):
    for columns in [*range(1, 200), *range(320, 20_000, 48), 64 * 97, 64 * 5, 2**15]:
        pieces = pieces_of(columns, others)
        assert columns % pieces == 0
        fit = [k for k in range(1, columns // 16 + 1) if columns % k == 0 and columns // k * others <= ONE_THREAD]
        assert columns // pieces * others <= ONE_THREAD if fit else pieces == 1


POOLS = [
    dict(size=(3,), stride=(1,), padding=((0, 0),), dilation=(1,)),
    dict(size=(3,), stride=(2,), padding=((1, 1),), dilation=(2,)),
    dict(size=(2, 3), stride=(1, 2), padding=((0, 0), (1, 0)), dilation=(1, 1)),
]


@pytest.mark.parametrize("params", POOLS, ids=str)
def test_windows_with_their_largest_element_twice(params):
    n = len(params["size"])
    x = np.random.default_rng(4).integers(0, 4, (3, 6, 9)).astype(float)
    wide = np.pad(x, ((0, 0),) * (3 - n) + params["padding"], constant_values=-np.inf)
    spans = [(k - 1) * d + 1 for k, d in zip(params["size"], params["dilation"])]
    seen = np.lib.stride_tricks.sliding_window_view(wide, spans, axis=tuple(range(-n, 0)))
    every = tuple(slice(None, None, s) for s in params["stride"]) + tuple(
        slice(None, None, d) for d in params["dilation"]
    )
    seen = seen[(slice(None),) * (3 - n) + every]
    inner = tuple(range(-n, 0))
    want = np.sum(seen == np.max(seen, axis=inner, keepdims=True), axis=inner) > 1
    found = ties(x, **params)
    assert np.array_equal(found, want) and want.any() and not want.all()


TRUTHS = {
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
}


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("x", [-1.5, 0.5, 2.5])
@pytest.mark.parametrize("y", [0.5, 2.5])
def test_certificates_follow_conditions_of_two(name, x, y):
    f = lambda x, y: np.where(TRUTHS[name](x > 0, y < 1), x * y, 3 * x)
    found = dl.certify(f, (x, y))
    holds = TRUTHS[name](x > 0, y < 1)
    assert found.certified and found.gradient == ((y, x) if holds else (3.0, 0.0))
    inverted = dl.certify(lambda x: np.where(np.logical_not(x > 0), x * x, 3 * x), x)
    assert inverted.certified and inverted.gradient == (3.0 if x > 0 else 2 * x)


@pytest.mark.parametrize("name", ["reverse", "forward", "symbolic", "numerical", "certified"])
def test_a_method_is_limited_where_it_takes_seconds(name):
    takes = True
    try:
        dl.differentiate("x*x", dict(x=3.0), method=name, seconds=60.0)
    except TypeError:
        takes = False
    assert method_named(name).limited == takes == (name in ("symbolic", "certified"))


def test_the_certified_method_and_certify_have_the_same_defaults():
    one, other = (inspect.signature(f).parameters for f in (dl.certify, certified.derivative))
    assert {k: one[k].default for k in ("bits", "seconds", "order")} == {
        k: other[k].default for k in other if k in one and k != "problem"
    }


GRID = np.array([-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0])
KINKED = [row for row in table() if row.kind == "elementwise" and row.one_sided is not None]


@pytest.mark.parametrize("row", KINKED, ids=lambda row: row.name)
def test_one_sided_derivatives_are_those_of_the_row_to_both_sides(row):
    """At every kink on a grid; where the row jumps, the derivatives are those of the pieces."""
    count, f = len(row.domain), NUMPY.of(row)
    xs = [x.ravel() for x in np.meshgrid(*[GRID] * count)]
    found = 0
    for params in row.examples or ({},):
        with np.errstate(all="ignore"):
            here = np.asarray(row.kinks(NUMPY, *xs, **params))
            at = [x[here] for x in xs]
            sides = [np.broadcast_to(s, at[0].shape) for s in row.one_sided(NUMPY, *at, **params)]
            steps = [(f(at[0] + 2 * h, *at[1:], **params) - f(at[0] + h, *at[1:], **params)) / h for h in (-1e-6, 1e-6)]
        found += at[0].size
        for side, step in zip(sides, steps):
            known = np.isfinite(step) & np.isfinite(side)
            assert np.all(np.abs(step[np.isinf(side)]) > 1e2), params
            assert side[known] == pytest.approx(step[known], abs=1e-4), params
    assert found


def test_bounds_that_are_crossed_hold_x_without_a_kink():
    assert not any("clip" in n for n in dl.compare("clip(x,1,-1)+x", at=dict(x=1.0), methods=("reverse",)).notes)
    assert any("clip" in n for n in dl.compare("clip(x,-1,1)+x", at=dict(x=1.0), methods=("reverse",)).notes)


@pytest.mark.parametrize("spacing", [1e-9, 1e-8, 3e-8])
@pytest.mark.parametrize("sign", [(1, -1), (1,), (-1,)])
def test_a_ladder_ends_below_a_gap_on_both_sides(spacing, sign):
    gap = lambda t: 1e-7 < abs(t) < 1e-6 and math.copysign(1, t) in sign
    ladder = Ladder(Samples(lambda t: math.nan if gap(t) else math.exp(t), 0.0), spacing)
    assert all(l.h <= 1e-7 for l in ladder.levels) or len(sign) == 1
    assert [l.h for l in ladder.levels] == sorted({l.h for l in ladder.levels})
    found = numerical(lambda x: np.exp(x) + 0 * np.sqrt((abs(x) - 1e-7) * (abs(x) - 1e-6)), 0.0)
    assert abs(found.gradient - 1) <= found.claimed_error["x"] < 1e-3


@pytest.mark.parametrize("make", [np.zeros_like, np.ones_like, np.empty_like, np.full_like])
@pytest.mark.parametrize("shape", [None, (), 2, (2, 3), np.int64(2)])
@pytest.mark.parametrize("dtype", [None, int, np.float32, bool, "c16"])
def test_arrays_like_a_recorded_one_have_the_asked_shape_and_dtype(make, shape, dtype):
    fill = (2,) if make is np.full_like else ()
    a, made = np.ones((3, 2), np.float32), []

    def f(x):
        made.append(make(x, *fill, dtype=dtype, shape=shape))
        return np.sum(x)

    dl.grad(f)(a)
    want = make(a, *fill, dtype=dtype, shape=shape)
    assert (made[0].shape, made[0].dtype) == (want.shape, want.dtype)
    assert make is np.empty_like or np.array_equal(np.asarray(made[0]), want)


@pytest.mark.parametrize("count", [1, 3])
def test_a_scan_s_tangents_where_carries_and_outputs_are_whole_numbers(count):
    def f(x):
        def step(carry, k):
            n, y = carry
            return (n + 1, y * x + n), (n * np.array([1, 2]), y, (n > 1, k * x))

        (n, y), (twice, ys, (late, kx)) = dl.scan(step, (0, x), np.arange(float(count)))
        return y + np.sum(twice) * np.sum(ys) + np.sum(late) + np.sum(kx) + n

    def plain(x):
        n, y, twice, ys, late, kx = 0, x, 0, 0.0, 0, 0.0
        for k in range(count):
            twice, ys, late, kx = twice + 3 * n, ys + y, late + (n > 1), kx + k * x
            n, y = n + 1, y * x + n
        return y + twice * ys + late + kx + n

    x = 0.7
    slope = (plain(x + 1e-6) - plain(x - 1e-6)) / 2e-6
    value, tangent = dl.jvp(f, (x,), (1.0,))
    assert value == pytest.approx(plain(x), rel=1e-14)
    assert tangent == pytest.approx(slope, rel=1e-8) and dl.grad(f)(x) == pytest.approx(tangent, rel=1e-13)


@pytest.mark.parametrize("text", ["exp(x)", "sin(x)", "x**3 - x", "log(x)", "exp(x) + 1e-9*sin(1e3*x)", "tanh(x)/x"])
@pytest.mark.parametrize("x", [0.3, 2.0, 1e3])
def test_a_ladder_ends_where_further_steps_say_no_more(text, x):
    assert numerical(text, dict(x=x)).evaluations <= 36


def test_a_polynomial_needs_few_levels():
    ladder = Ladder(Samples(lambda t: t + 1e-3 * t**3, 1.0), 2.0**-26)
    assert len(ladder.levels) <= 15


READ_AROUND = {  # what a checkpoint's function computes of traced values from around it
    "the outer one": lambda c, x, y: c(lambda t: t * np.sin(y))(x * y),
    "both": lambda c, x, y: c(lambda t: t * np.sin(y) * x)(x * y) * x,
    "and nothing of its own": lambda c, x, y: c(lambda t: 0 * t + np.exp(y) * y)(np.sin(x * y)) * x,
    "where its own is of one alone": lambda c, x, y: c(lambda t: t * np.sin(y) + y * y * x)(x) * y,
}


@pytest.mark.parametrize("name", READ_AROUND)
def test_a_checkpoint_keeps_what_it_reads_of_every_trace_around(name):
    f = READ_AROUND[name]
    slope = lambda c: dl.grad(lambda y: dl.grad(lambda x: f(c, x, y))(0.7))(0.3)
    assert slope(dl.checkpoint) == pytest.approx(slope(lambda g: g), rel=1e-13)


LOW = np.arange(5) < 3
SPECTRA = {  # what is chosen of a spectrum, with operations in front
    "a low pass": lambda x: np.sum(np.fft.irfft(np.where(LOW, np.fft.rfft(np.sin(x)), 0)) ** 3),
    "what is loud": lambda x: np.sum(np.where(np.abs(np.fft.fft(np.sin(x))) > 0.7, np.imag(np.fft.fft(x * x)), 0)),
    "there and back": lambda x: np.sum(np.where(x > 0, np.fft.irfft(np.fft.rfft(x**2)), 0)),
    "padded": lambda x: np.sum(np.maximum(np.real(np.fft.ifft(np.exp(x), n=11)), 0.3) ** 2),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_a_spectrum_of_which_a_part_is_taken(name):
    f, x, v = SPECTRA[name], np.sin(np.arange(1.0, 9.0) ** 2), np.cos(np.arange(8.0))
    h = 1e-5
    slope = (f(x + h * v) - f(x - h * v)) / (2 * h)
    assert dl.grad(f)(x) @ v == pytest.approx(slope, rel=1e-7)
    assert dl.compile(dl.grad(f))(x) @ v == pytest.approx(slope, rel=1e-7)
    bend = (dl.grad(f)(x + h * v) - dl.grad(f)(x - h * v)) / (2 * h)
    np.testing.assert_allclose(dl.hvp(f)(x, v), bend, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(dl.grad(lambda x: dl.grad(f)(x) @ v)(x), bend, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("f", [np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft], ids=lambda f: f.__name__)
def test_what_a_transform_does_not_hear_is_not_multiplied(f):
    x = np.array([4.0, 1.0, 0.0, 0.0])
    stopped = lambda x: np.sum(np.where(x[0] < 0, np.real(f(np.sqrt(x))), 0.0))
    np.testing.assert_array_equal(dl.grad(stopped)(x), 0.0)
    cut = lambda x: np.sum(np.where(np.arange(2) > 0, np.real(f(np.sqrt(x), n=2))[:2], 0.0))
    assert np.all(np.isfinite(dl.grad(cut)(x)))
