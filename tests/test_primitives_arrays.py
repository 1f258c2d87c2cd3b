"""Every array row: value, both modes, second and third derivatives, dtypes, against differences in high accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import CASES, CONSTANT, REAL_ONLY

import difflab as dl
import difflab.numpy as dnp
from difflab import primitives
from difflab.graph.traced import Traced
from difflab.primitives.elements import ElementsCarrier

MODULES = ["reductions", "extremes", "scans", "shaping", "repeating", "joining", "indexing", "creation", "composites"]
MODULES += ["convolution"]


def inputs(shapes, dtype=float):
    """The inputs of a case: values as they stand, or well separated random values of a shape."""
    rng = np.random.default_rng(7)
    return [
        np.asarray(
            s
            if isinstance(s, np.ndarray)
            else rng.permutation(int(np.prod(s))).reshape(s) * 0.37 - 1.3 + 0.1 * rng.random(s),
            dtype,
        )
        for s in shapes
    ]


def flat(f, weights=None):
    """A scalar function: the sum of f's output times fixed weights, bent so that all orders show."""

    def g(*xs):
        y = f(*[x * x * 0.3 + x for x in xs])
        w = np.cos(np.arange(np.size(y), dtype=float)).reshape(np.shape(y))
        return np.sum(np.real(y * w)) if weights is None else np.sum(y * weights)

    return g


def difference(f, x, v, h=2e-3):
    """The derivative of f at x along v: sixth-order central differences."""
    total = 0.0
    for k, c in ((1, 45.0), (2, -9.0), (3, 1.0)):
        total = total + c * (np.asarray(f(x + k * h * v)) - np.asarray(f(x - k * h * v)))
    return total / (60 * h)


def directions(xs, seed=3):
    rng = np.random.default_rng(seed)
    return [
        np.where(np.isnan(x), 0.0, rng.choice([-1.0, 1.0], x.shape) * (0.3 + 0.7 * rng.random(x.shape))) for x in xs
    ]


def dot(gs, vs):
    return sum(np.sum(np.nan_to_num(g) * v) for g, v in zip(gs, vs))


def cases(table):
    return [pytest.param(name, case, id=f"{name}-{k}") for name, rows in table.items() for k, case in enumerate(rows)]


@pytest.mark.parametrize("name, case", cases(CASES))
def test_values_dtypes_and_both_modes(name, case):
    f, xs = case[0], inputs(case[1:])
    k = tuple(range(len(xs)))
    plain, traced = f(*xs), dl.vjp(f, *xs)[0]
    assert np.allclose(plain, traced, equal_nan=True, rtol=1e-13) and np.shape(plain) == np.shape(traced)
    assert np.asarray(traced).dtype == np.asarray(plain).dtype
    g, vs, us = flat(f), directions(xs), directions(xs, 5)
    along = lambda t: [x + t * v for x, v in zip(xs, vs)]
    gradient = dl.grad(g, k)(*xs)
    assert all(a.shape == x.shape and a.dtype == x.dtype for a, x in zip(gradient, xs))
    first = difference(lambda t: g(*along(t)), 0.0, 1.0)
    scale = 1 + abs(first)
    assert abs(dot(gradient, vs) - first) < 1e-8 * scale
    tangent = dl.jvp(g, tuple(xs), tuple(vs))[1]
    assert abs(tangent - dot(gradient, vs)) < 1e-10 * scale
    # Second and third order: forward over reverse, reverse over reverse, and once more.
    hvp = lambda *x: dl.jvp(lambda *a: dl.grad(g, k)(*a), x, tuple(vs))[1]
    second = difference(lambda t: dot(dl.grad(g, k)(*along(t)), us), 0.0, 1.0)
    found = dot(hvp(*xs), us)
    assert abs(found - second) < 1e-7 * (1 + abs(second))
    inner = lambda *x: sum(np.sum(np.nan_to_num(a) * v) for a, v in zip(dl.grad(g, k)(*x), vs))
    assert abs(dot(dl.grad(inner, k)(*xs), us) - second) < 1e-7 * (1 + abs(second))
    third = difference(lambda t: dot(hvp(*along(t)), us), 0.0, 1.0)
    found = dot(dl.jvp(hvp, tuple(xs), tuple(vs))[1], us)
    assert abs(found - third) < 1e-6 * (1 + abs(third))


@pytest.mark.parametrize("name, case", [p for p in cases(CASES) if p.values[0] not in REAL_ONLY])
def test_complex_intermediates(name, case):
    f, xs = case[0], inputs(case[1:])
    c = 1 + 0.5j
    g = lambda *x: np.sum(np.real(np.asarray(0.7 - 1.2j) * f(*[a * c for a in x])))
    vs = directions(xs)
    try:
        expected = difference(lambda t: g(*[x + t * v for x, v in zip(xs, vs)]), 0.0, 1.0)
    except TypeError:
        pytest.skip("NumPy does not take complex operands here")
    gradient = dl.grad(g, tuple(range(len(xs))))(*xs)
    assert abs(dot(gradient, vs) - expected) < 1e-8 * (1 + abs(expected))


@pytest.mark.parametrize("name, case", cases(CASES))
def test_single_precision_is_kept(name, case):
    f, xs = case[0], inputs(case[1:], np.float32)
    value, pullback = dl.vjp(f, *xs)
    expected = f(*xs)
    assert np.asarray(value).dtype == np.asarray(expected).dtype
    flatten = lambda y: list(y) if isinstance(y, (list, tuple)) else y
    ones = [np.ones_like(y) for y in value] if isinstance(value, (list, tuple)) else np.ones_like(value)
    assert all(g.dtype == np.float32 for g in flatten(pullback(ones)))


@pytest.mark.parametrize("name, case", cases(CONSTANT))
def test_row_without_derivative(name, case):
    f, xs = case[0], inputs(case[1:])
    expected = f(*xs)
    seen = []
    value = lambda y: y.value if isinstance(y, Traced) else y

    def g(*args):
        seen.append(value(f(*args)))
        return np.sum(args[0])

    assert np.all(dl.grad(g)(*xs) == 1.0)
    assert np.all(seen[0] == expected)


def test_every_array_row_has_a_case():
    own = set()
    for row in primitives.table():
        for f in (row.arguments, row.value, getattr(row, "transpose", None), getattr(row, "vjp", None)):
            home = getattr(f, "__module__", "").rpartition(".")[2]
            if home in MODULES:
                own.add(row.name)
    missing = own - set(CASES) - set(CONSTANT)
    assert not missing, f"rows without a case: {sorted(missing)}"


def test_ties_share_equally():
    x = np.array([1.0, 3.0, 3.0, 2.0, 3.0])
    assert np.allclose(dl.grad(np.max)(x), [0, 1 / 3, 1 / 3, 0, 1 / 3])
    assert np.allclose(dl.grad(np.min)(-x), [0, 1 / 3, 1 / 3, 0, 1 / 3])
    assert np.allclose(dl.grad(np.ptp)(np.ones(4)), 0)


def test_a_constant_vector_has_standard_deviation_with_derivative_zero():
    assert np.all(dl.grad(np.std)(np.ones(4)) == 0)


@pytest.mark.parametrize("f", [np.sum, np.mean, np.max, np.cumsum, np.sort, np.flip, np.argmax])
def test_a_wrong_axis_is_named_with_the_shape(f):
    with pytest.raises(ValueError, match=r"axis=5 is out of range for an array of shape \(2, 3\)"):
        dl.grad(lambda x: np.sum(f(x, axis=5)))(np.ones((2, 3)))


def test_logsumexp_in_the_tails():
    import difflab.numpy as dnp

    x = np.array([-np.inf, 0.0, 1000.0, 1000.0])
    assert dnp.logsumexp(x) == 1000 + np.log(2)
    assert np.allclose(dl.grad(dnp.logsumexp)(x), [0, 0, 0.5, 0.5])
    assert dnp.logsumexp(np.full(3, -np.inf)) == -np.inf
    assert np.all(dl.grad(dnp.logsumexp)(np.full(3, -np.inf)) == 0)
    assert np.allclose(dl.grad(lambda x: dnp.log_softmax(x)[1])(np.array([0.0, -800.0])), [-1, 1])


@pytest.mark.parametrize(
    "f, words",
    [
        (lambda x: np.add.at(np.zeros(3), [0], x), "in place"),
        (lambda x: np.fill_diagonal(x, 0.0), "in place"),
        (lambda x: np.add(x, x, out=np.zeros(3)), "in place"),
        (lambda x: np.sum(x, out=np.zeros(())), "out="),
        (lambda x: x.sort(), "in place"),
        (lambda x: np.histogram(x), "traced"),
        (lambda x: np.pad(x, 1, mode="mean"), "mode='mean'"),
        (lambda x: np.reshape(x, (2, 2)), "do not fit"),
        (lambda x: np.concatenate([x, np.ones((2, 2))]), "does not fit"),
        (lambda x: np.split(x, 2), "equal parts"),
        (lambda x: np.squeeze(x, 0), "length 3"),
        (lambda x: np.max(x, where=x > 0), "where="),
    ],
)
def test_refusals_are_clear(f, words):
    with pytest.raises(dl.DifflabError, match=words):
        dl.grad(lambda x: np.sum(f(x)))(np.ones(3))


def test_split_traces_to_a_list_and_gradient_to_a_sequence():
    kinds = []

    def f(x):
        parts, slopes = np.split(x, 2), np.gradient(x)
        kinds.extend([type(parts), type(slopes)])
        return np.sum(parts[0] * parts[1]) + np.sum(slopes[0])

    dl.grad(f)(np.arange(8.0).reshape(4, 2))
    assert kinds[0] is list and kinds[1] in (list, tuple)


class Elements(ElementsCarrier):
    """Plain numbers as the elements of object arrays: what the symbolic and certified methods rely on."""

    name = "plain elements"

    def scalar_function(self, row, spelled):
        return row.evaluate if row.value is None or row.name == "power" else None


@pytest.mark.parametrize("name, case", cases(CASES))
def test_arrays_of_elements(name, case):
    f, xs = case[0], inputs(case[1:])
    if any(np.any(np.abs(x) > 100) or np.any(np.isnan(x)) for x in xs):
        pytest.skip("elements are finite numbers")
    if name == "unwrap":
        pytest.skip("for floating-point arrays only")
    graph = dl.trace(lambda *a: np.ravel(f(*a)), *[0.1 * x for x in xs])
    values = [np.array(0.1 * x, dtype=object) for x in xs]
    found = graph.evaluate(values, Elements())[graph.outputs[0]]
    assert np.allclose(np.asarray(found, float), np.ravel(f(*[0.1 * x for x in xs])), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("row", primitives.table(), ids=lambda row: row.name)
def test_every_row_can_be_typeset(row):
    assert row.doc and row.glyph is not None
    text = row.latex.format(*"xyzuvw", index=0)
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize(
    "move",
    [
        lambda y: np.hstack([y[:2], y[2:]]),
        lambda y: np.flip(np.flip(y)),
        lambda y: np.tile(y, 1),
        lambda y: np.pad(y, 1)[1:-1],
        lambda y: np.split(y, 1)[0],
        lambda y: np.broadcast_arrays(y, 1.0)[0],
        lambda y: np.select([np.ones(3, bool)], [y]),
    ],
)
def test_nothing_flows_into_the_branch_not_taken(move):
    """log has an infinite slope at 0, and 0 times infinity is NaN: the gate has to pass through every array row."""
    x = np.array([1.0, 2.0, 0.0])
    f = lambda x: np.sum(np.where(x > 0, move(np.log(x)), 0.0))

    assert np.allclose(dl.grad(f)(x), [1, 0.5, 0])
    assert np.allclose(dl.hessian(f)(x), np.diag([-1, -0.25, 0]))


def test_a_quotient_by_integers_has_its_slope():
    assert dl.grad(lambda x: x / 2)(1.0) == 0.5
    assert dl.grad(lambda x: np.sum(x / np.array([2, 4])))(np.ones(2)).tolist() == [0.5, 0.25]


ALONG_A_NUMBER = {
    **{name: getattr(np, name) for name in "sum prod max min any all ptp nansum nanmax nanmean squeeze".split()},
    **{name: getattr(np, name) for name in "argmax argmin count_nonzero cumsum cumprod".split()},
    "logaddexp": np.logaddexp.reduce,
    "logsumexp": dnp.logsumexp,
    "repeat": lambda x, axis: np.repeat(x, 3, axis=axis),
    "take": lambda x, axis: np.take(x, [0, -1], axis=axis),
}


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", ALONG_A_NUMBER)
def test_what_numpy_does_along_an_axis_of_a_number(name, axis):
    f = lambda x: ALONG_A_NUMBER[name](x, axis=axis)
    x = np.float64(0.7)
    want = np.asarray(f(x))
    for found in (dl.trace(f, x)(x), dl.compile(f)(x), dl.vmap(f)(np.array([x, x]))[1]):
        assert np.shape(found) == want.shape and np.array_equal(found, want)
    if want.dtype.kind == "f":
        slope = dl.grad(lambda x: np.sum(f(x * x)))
        assert np.isclose(slope(x), 2 * x * (0 if name == "ptp" else want.size))
        with pytest.raises(dl.errors.ShapeError, match="axis=1"):
            dl.grad(lambda x: np.sum(ALONG_A_NUMBER[name](x, axis=1)))(x)


@pytest.mark.parametrize("f", [np.mean, np.var, np.std, np.sort, np.median, np.flip], ids=lambda f: f.__name__)
def test_what_numpy_refuses_along_an_axis_of_a_number(f):
    with pytest.raises(np.exceptions.AxisError):
        f(np.float64(0.7), axis=-1)
    with pytest.raises(dl.errors.ShapeError, match="axis=-1"):
        dl.grad(lambda x: np.sum(f(x, axis=-1)))(0.7)
