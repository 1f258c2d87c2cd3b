"""Laws of derivatives, and differences of 90 digits, on random programs.

Here run a few examples. `python -m benchmarks.properties --minutes 10 --seed 1` runs the same properties with many
(DIFFLAB_PROPERTIES multiplies their number); a program that breaks one is printed as source.
"""

from __future__ import annotations

import exact_numpy
import numpy as np
import optree
import pytest
from hypothesis import assume, given, strategies as st
from mpmath import mp, mpf
from random_programs import DOUBLE, EVERYTHING, FLAT, LARGEST_VALUE, SEEDS, examples, programs, weighted

import difflab as dl
from difflab.differentiate.problem import as_problem
from difflab.differentiate.rounding import gradient_rounding

SMOOTH = ("smooth", "paired", "arrays", "named")
WIDE = tuple(f for f in EVERYTHING if f != "casts")
doubles = lambda families=WIDE, **more: programs("number", families, dtypes=(DOUBLE,), **more)


def exact(program, leaves):
    """The value and the gradient in real numbers; points without a derivative are passed over."""
    try:
        return exact_numpy.gradient(program.read_with(exact_numpy.NAMES), leaves, program.arguments)
    except exact_numpy.KinkError:
        assume(False)


def gradient(program, leaves):
    """difflab's gradient by each leaf."""
    every = tuple(range(len(leaves)))
    return dl.grad(program.of_leaves, every)(*leaves)


def distance(found, exact_value):
    with mp.workdps(exact_numpy.DIGITS):
        return np.array(np.abs(exact_numpy.array(found) - exact_value), float)


def near(a, b, tolerance=1e-8):
    """Equal but for rounding, measured by the largest entry of all."""
    a, b = (np.concatenate([np.ravel(x).astype(float) for x in optree.tree_leaves(t)] or [[]]) for t in (a, b))
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * (1 + np.max(np.abs(b), initial=0.0)))


@examples(50)
@given(programs("number"), SEEDS)
def test_a_gradient_is_off_by_less_than_its_rounding_bound(program, seed):
    if program.words & {"dl.grad", "dl.jvp", "dl.vjp"}:
        return  # a derivative that does not depend on the point is a number by which nobody sees how it was computed
    leaves = program.leaves(seed)
    value, slopes = exact(program, leaves)
    problem = as_problem(program.of_leaves, tuple(leaves))
    bound = gradient_rounding(problem)
    noise = 1e-55 * (1 + abs(float(value)))  # of the differences
    assert distance(program.of_leaves(*leaves), value) <= bound.value + noise
    for name, found, slope in zip(problem.names, gradient(program, leaves), slopes, strict=True):
        assert np.all(distance(found, slope) <= bound.gradient[name] + noise)
        assert np.all(bound.gradient[name] <= 1e-2 * (1 + np.max(np.abs(found), initial=0.0)))  # it says something


@examples(15)
@given(doubles(calls=False), SEEDS)
def test_certificates_contain_the_truth(program, seed):
    leaves = program.leaves(seed)
    certificate = dl.certify(program.of_leaves, tuple(leaves), seconds=2.0)
    if not certificate.certified:
        return
    _, slopes = exact(program, leaves)
    for (low, high), slope in zip(map(ends, certificate.enclosure.values()), slopes, strict=True):
        with mp.workdps(exact_numpy.DIGITS):
            noise = mpf(10) ** -40 * (1 + np.abs(slope))
            assert np.all(exact_numpy.array(low) <= slope + noise)
            assert np.all(slope - noise <= exact_numpy.array(high))


def ends(pairs):
    """The lower and the upper ends of an enclosure."""
    return np.asarray(pairs)[..., 0], np.asarray(pairs)[..., 1]


@examples(15)
@given(doubles(families=SMOOTH), SEEDS)
def test_second_derivatives(program, seed):
    leaves, direction = program.leaves(seed), program.leaves(seed + 1)
    every = tuple(range(len(leaves)))
    f = dl.grad(program.of_leaves, every)
    _, products = dl.jvp(f, tuple(leaves), tuple(direction))
    with mp.workdps(exact_numpy.DIGITS):
        real = program.read_with(exact_numpy.NAMES)
        slopes = lambda *xs: exact_numpy.slopes(real, xs, program.arguments)
        want = exact_numpy.along(slopes, leaves, direction, lambda x: x)
    near(products, [np.array(w, float) for w in want])
    hessian = dl.jacobian(f, every)(*leaves)
    for i in every:
        for j in every:
            n = np.ndim(leaves[i])
            turned = [*range(n, np.ndim(hessian[i][j])), *range(n)]
            near(np.transpose(hessian[i][j], turned), hessian[j][i])
    near(
        products, [sum(np.tensordot(hessian[i][j], direction[j], np.ndim(direction[j])) for j in every) for i in every]
    )


@examples(40)
@given(programs("container"), SEEDS, st.booleans())
def test_jvp_and_vjp_are_dual_and_linear(program, seed, ties):
    """Also at kinks and ties, where both follow one convention."""
    leaves, t, s = program.leaves(seed, ties=ties), program.leaves(seed + 1), program.leaves(seed + 2)
    f = lambda *xs: optree.tree_leaves(program.of_leaves(*xs))
    push = lambda t: dl.jvp(f, tuple(leaves), tuple(t))[1]
    y, pull = dl.vjp(f, *leaves)
    random = np.random.default_rng(seed)
    ct, other = ([np.asarray(random.normal(size=np.shape(v)), v.dtype)[()] for v in y] for _ in range(2))
    tolerance = 1e-9 if all(x.dtype == np.float64 for x in (*leaves, *y)) and not program.narrow else 2e-3
    back = pull(ct)
    dot = lambda a, b: sum((float(np.sum(u * v)) for u, v in zip(a, b)), 0.0)
    size = sum(float(np.sum(np.abs(u * v))) for u, v in zip(back, t)) + dot(map(np.abs, ct), map(np.abs, push(t)))
    assert dot(ct, push(t)) == pytest.approx(dot(back, t), abs=tolerance * (1 + size))
    combined = lambda a, b: [np.asarray(2 * u - v, u.dtype)[()] for u, v in zip(a, b)]
    near(push(combined(t, s)), combined(push(t), push(s)), tolerance)
    near(pull(combined(ct, other)), combined(back, pull(other)), tolerance)
    for x, g in zip(leaves, back, strict=True):
        assert g.shape == x.shape and g.dtype == x.dtype


PAIRS = st.tuples(doubles(shapes=FLAT), doubles(shapes=FLAT))


@examples(30)
@given(PAIRS, SEEDS)
def test_sums_products_and_chains(pair, seed):
    """Of programs f and g that share their inputs; and of g behind programs that make its inputs."""
    f, g = pair
    count = max(len(f.shapes), len(g.shapes))
    leaves = [np.round(np.random.default_rng([seed, k]).normal(size=3), 2) for k in range(count)]
    a, b = (lambda *x, p=p: p.of_leaves(*x[: len(p.shapes)]) for p in (f, g))
    every = tuple(range(count))
    grad = lambda h: dl.grad(h, every)(*leaves)
    values, slopes = (a(*leaves), b(*leaves)), (grad(a), grad(b))
    near(grad(lambda *x: 2 * a(*x) - 3 * b(*x)), [2 * u - 3 * v for u, v in zip(*slopes)])
    near(grad(lambda *x: a(*x) * b(*x)), [values[1] * u + values[0] * v for u, v in zip(*slopes)])
    inner = lambda *x: tuple(u * a(*x) for u in x)
    y, pull = dl.vjp(inner, *leaves)
    near(grad(lambda *x: b(*inner(*x))), pull(tuple(dl.grad(b, every)(*y))))


@examples(30)
@given(doubles(), SEEDS, st.sampled_from([1.0, 2.0, -0.5]))
def test_euler(program, seed, degree):
    """t**k f(x / t) is homogeneous of degree k in x and t together."""
    leaves, t = program.leaves(seed), 1.0 + 0.25 * (seed % 3)
    homogeneous = lambda t, *x: t**degree * program.of_leaves(*[v / t for v in x])
    slopes = dl.grad(homogeneous, tuple(range(len(leaves) + 1)))(t, *leaves)
    terms = [np.sum(g * v) for g, v in zip(slopes, (t, *leaves))]
    want = degree * homogeneous(t, *leaves)
    assert sum(terms) == pytest.approx(want, abs=1e-9 * (1 + abs(want) + np.sum(np.abs(terms))))


@examples(40)
@given(programs("number", families=(*EVERYTHING, "raw")), SEEDS, st.booleans())
def test_the_traced_function_is_numpys(program, seed, ties):
    """Value, shape and dtype are those that NumPy gives, and so are they in a graph. Products of arrays that lie in
    memory in another order may differ in the last digits."""
    args = program.point(seed, ties=ties)
    with np.errstate(all="ignore"):
        want = program(*args)
        for found in (
            dl.trace(program.function, *args)(*args),
            dl.value_and_grad(weighted(program.function), tuple(range(len(args))))(*args)[0],
        ):
            close = 1e-5 if program.narrow else 1e-13
            np.testing.assert_allclose(found, want, rtol=close, atol=close * LARGEST_VALUE)
            assert np.asarray(found).dtype == np.asarray(want).dtype
