"""The namespaces of difflab.autograd: NumPy's and SciPy's names, against HIPS/autograd's, SciPy and differences."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import scipy.integrate
import scipy.signal
import scipy.stats

import difflab.autograd as ag
import difflab.autograd.numpy as anp
from difflab.autograd.numpy import numpy_jvps, numpy_vjps
from difflab.autograd.scipy import integrate, linalg, misc, signal, special, stats
from difflab.autograd.test_util import check_grads
from difflab.errors import InputError, ShapeError

RNG = np.random.default_rng(5)
X = np.array([0.2, 0.5, 0.7, 0.9])
A = RNG.normal(size=(4, 4))
S = A @ A.T + np.eye(4)
COUNTS = np.array([0, 1, 2, 5])


def peer(module):
    return pytest.importorskip(f"autograd.{module}", reason="the peers' lane compares with HIPS/autograd")


def test_numpys_names_are_there_and_mean_the_same():
    for name in anp.__all__:
        found = getattr(anp, name)
        if hasattr(np, name) and isinstance(getattr(np, name), type | float | int):
            same = found is getattr(np, name) or found == getattr(np, name) or issubclass(found, np.vectorize)
            assert same or found.__bases__ == (getattr(np, name),)  # a type of integers that casts traced values
    assert anp.exp is anp.exp
    assert anp.float64 is np.float64
    assert anp.pi == np.pi
    assert anp.__version__ == np.__version__
    for place, name in ((anp, "expp"), (anp.linalg, "invv"), (special, "gammma")):
        with pytest.raises(AttributeError, match="no attribute"):
            getattr(place, name)


def test_names_of_autograds_namespace_are_there():
    theirs = peer("numpy")
    names = [n for n in dir(theirs) if not n.startswith("_") and hasattr(np, n)]
    assert [n for n in names if not hasattr(anp, n)] == []
    for module in ("linalg", "fft", "random"):
        names = [n for n in dir(getattr(theirs, module)) if hasattr(getattr(np, module), n)]
        assert [n for n in names if not hasattr(getattr(anp, module), n)] == []


ARRAYS = {
    "stack": lambda np: lambda x: np.stack([x, 2 * x], axis=1),
    "hstack": lambda np: lambda x: np.hstack([x[0], x[1:] ** 2]),
    "vstack": lambda np: lambda x: np.vstack([x, 1 / x]),
    "column_stack": lambda np: lambda x: np.column_stack((x, np.outer(x, x))),
    "append": lambda np: lambda x: np.append(x, x[0] * 2),
    "array": lambda np: lambda x: np.array([[x[0], x[1]], [2.0, x[3] ** 2]]),
    "inv": lambda np: lambda x: np.linalg.inv(np.outer(x, x) + np.eye(4)),
    "eigh": lambda np: lambda x: np.linalg.eigh(np.outer(x, x) + np.diag(x**2))[0],
    "norm": lambda np: lambda x: np.linalg.norm(np.outer(x, np.sin(x)), axis=0),
    "fft": lambda np: lambda x: np.real(np.fft.fft(x)) * np.imag(np.fft.fft(x)),
    "einsum": lambda np: lambda x: np.einsum("i,j,ij->j", x, x, S),
    "cumsum": lambda np: lambda x: np.cumsum(x**2),
    "sort": lambda np: lambda x: np.sort(x * np.array([3.0, -1.0, 2.0, 1.0])),
    "select": lambda np: lambda x: np.where(x > 0.6, x**2, np.where(x > 0.4, np.log(x), x)),
    "clip": lambda np: lambda x: np.clip(x, 0.3, 0.8) * x,
    "r_": lambda np: lambda x: np.concatenate((np.array([1.0]), x)),
    "solve": lambda np: lambda x: np.linalg.solve(S + np.diag(x), x),
    "cholesky": lambda np: lambda x: np.linalg.cholesky(S + np.diag(x)),
    "logaddexp": lambda np: lambda x: np.logaddexp(x, x[::-1] * 2),
    "tensordot": lambda np: lambda x: np.tensordot(np.outer(x, x), S, 1),
    "pad": lambda np: lambda x: np.pad(x**2, (1, 2), "constant"),
    "std": lambda np: lambda x: np.std(x) + np.var(x, ddof=1) + np.mean(x),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_have_autograds_jacobians(name):
    theirs = peer("numpy")
    expected = import_module("autograd").jacobian(ARRAYS[name](theirs))(X)
    np.testing.assert_allclose(ag.jacobian(ARRAYS[name](anp))(X), expected, rtol=1e-9, atol=1e-11)


SCALE = lambda x: x[1] + 0.5
DISTRIBUTION = "cdf sf logcdf logsf".split()
DENSITIES = {
    **{f"norm.{f}": (lambda d, x: d(x, x[0], SCALE(x))) for f in "pdf logpdf cdf sf logcdf logsf".split()},
    **{f"gamma.{f}": (lambda d, x: d(3 * x, x[1] + 0.5)) for f in ("pdf", "logpdf")},
    **{f"gamma.{f}": (lambda d, x: d(3 * x, x[1] + 0.5, 0.0, SCALE(x))) for f in DISTRIBUTION},
    "gamma.ppf": lambda d, x: d(x, x[1] + 0.5),
    **{f"beta.{f}": (lambda d, x: d(x, x[0] + 1, x[1] + 1)) for f in ("pdf", "logpdf")},
    **{f"beta.{f}": (lambda d, x: d(x, x[0] + 1, x[1] + 1)) for f in DISTRIBUTION},
    "beta.ppf": lambda d, x: d(x, x[0] + 1, x[1] + 1),
    **{f"chi2.{f}": (lambda d, x: d(3 * x, 3.0)) for f in ("pdf", "logpdf", "cdf")},
    **{f"chi2.{f}": (lambda d, x: d(3 * x, 3 * x[1])) for f in ("sf", "logcdf", "logsf")},
    "chi2.ppf": lambda d, x: d(x, 3 * x[1]),
    **{f"poisson.{f}": (lambda d, x: d(COUNTS, 3 * x)) for f in ("pmf", "logpmf", "cdf")},
    **{f"t.{f}": (lambda d, x: d(x, x[1] + 1, x[2], SCALE(x))) for f in ("pdf", "logpdf")},
    **{f"t.{f}": (lambda d, x: d(x, x[1] + 1, x[2], SCALE(x))) for f in DISTRIBUTION},
    "t.ppf": lambda d, x: d(x, x[1] + 1, x[2], SCALE(x)),
    **{f"dirichlet.{f}": (lambda d, x: d(np.array([0.1, 0.2, 0.3, 0.4]), x)) for f in ("pdf", "logpdf")},
    **{f"multivariate_normal.{f}": (lambda d, x: d(x, x[0] * X, S)) for f in ("pdf", "logpdf")},
}
NOT_THEIRS = {f"{d}.{f}" for d in ("gamma", "beta", "t") for f in (*DISTRIBUTION, "ppf")} | {
    f"chi2.{f}" for f in ("sf", "logcdf", "logsf", "ppf")
}  # of them autograd has no function, or no derivative by every parameter


def method(module, path):
    distribution, name = path.split(".")
    return getattr(getattr(module, distribution), name)


@pytest.mark.parametrize("path", DENSITIES)
def test_densities_are_scipys_and_their_derivatives_agree_with_differences(path):
    run, found, scipys = DENSITIES[path], method(stats, path), method(scipy.stats, path)
    np.testing.assert_allclose(run(found, X), run(scipys, X), rtol=1e-13)
    values = []
    ag.grad(lambda x: values.append(ag.numpy.sum(run(found, x))) or values[0])(X)
    np.testing.assert_allclose(values[0].value if hasattr(values[0], "value") else values[0], np.sum(run(scipys, X)))
    check_grads(lambda x: run(found, x))(X)


@pytest.mark.parametrize("path", [path for path in DENSITIES if path not in NOT_THEIRS])
def test_densities_have_autograds_gradients(path):
    peer("scipy.stats.t")
    theirs = method(peer("scipy.stats"), path)
    run, found, weights = DENSITIES[path], method(stats, path), np.arange(1.0, 5.0)
    expected = import_module("autograd").grad(lambda x: anp_of("autograd").sum(run(theirs, x) * weights))(X)
    np.testing.assert_allclose(ag.grad(lambda x: anp.sum(run(found, x) * weights))(X), expected, rtol=1e-8)


def anp_of(name):
    return import_module(f"{name}.numpy")


@pytest.mark.parametrize(
    ("found", "scipys", "at"),
    [
        (stats.gamma.logpdf, scipy.stats.gamma.logpdf, (-1.0, 2.0)),
        (lambda x: stats.gamma.cdf(x, 2.0), lambda x: scipy.stats.gamma.cdf(x, 2.0), (-1.0,)),
        (stats.gamma.sf, scipy.stats.gamma.sf, (-1.0, 2.0)),
        (stats.gamma.logsf, scipy.stats.gamma.logsf, (-1.0, 2.0)),
        (stats.beta.logcdf, scipy.stats.beta.logcdf, (1.0, 2.0, 3.0)),
        (stats.chi2.logcdf, scipy.stats.chi2.logcdf, (0.0, 3.0)),
        (stats.beta.logpdf, scipy.stats.beta.logpdf, (1.5, 2.0, 3.0)),
        (lambda x: stats.beta.cdf(x, 2.0, 3.0), lambda x: scipy.stats.beta.cdf(x, 2.0, 3.0), (1.5,)),
        (stats.norm.logpdf, scipy.stats.norm.logpdf, (0.3, 0.1, -1.0)),
        (lambda mu: stats.poisson.logpmf(-1, mu), lambda mu: scipy.stats.poisson.logpmf(-1, mu), (2.0,)),
        (lambda mu: stats.poisson.cdf(-1, mu), lambda mu: scipy.stats.poisson.cdf(-1, mu), (2.0,)),
    ],
)
def test_outside_of_the_support(found, scipys, at):
    value, gradient = ag.value_and_grad(found, list(range(len(at))))(*at)
    np.testing.assert_array_equal(value, scipys(*at))
    assert np.isnan(value) or not np.any(gradient)


def test_normal_distributions_of_several_variables():
    d = stats.multivariate_normal
    symmetric = lambda c: (c + c.T) / 2
    points = RNG.normal(size=(3, 4))
    for options in ({}, {"allow_singular": True}):
        for f in (d.logpdf, d.pdf):
            check_grads(lambda c, f=f, o=options: f(points, np.zeros(4), symmetric(c), **o), order=1)(S)
    check_grads(lambda c: d.entropy(np.zeros(4), symmetric(c)))(S)
    check_grads(lambda x, s: d.logpdf(x, cov=s), (0, 1))(points[0], 2.0)
    for x, mean, cov in [
        (points[0], None, 2.0), (points, None, S), (X, 0.5, 2.0), (0.3, None, 1), (points, np.ones(4), X),
        (points[0], np.ones(4), S), (points.reshape(3, 2, 2), np.ones(2), S[:2, :2]),
        (points.reshape(3, 4, 1), 1.0, 3.0),
    ]:  # fmt: skip
        _, value = ag.make_vjp(lambda x, m=mean, c=cov: d.logpdf(x, m, c))(x)
        np.testing.assert_allclose(value, scipy.stats.multivariate_normal.logpdf(x, mean, cov), rtol=1e-12)
    check_grads(lambda x, s: d.logpdf(x, np.ones(4), s), (0, 1))(points, X)
    check_grads(lambda x: d.logpdf(x, 0.5, 2.0))(X)


SPECIAL = "betaln psi digamma gamma gammaln erf erfc erfinv logit expit j0 y0 j1 y1 i0 i1 rgamma".split()


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions(name):
    f = getattr(special, name)
    many = {"betaln": (X, X[::-1])}.get(name, (X,))
    np.testing.assert_allclose(f(*many), getattr(scipy.special, name)(*many))
    check_grads(f, tuple(range(len(many))))(*many)


def test_special_functions_without_an_elementwise_row():
    np.testing.assert_allclose(special.logsumexp(A, axis=1), scipy.special.logsumexp(A, axis=1))
    check_grads(lambda x: special.logsumexp(x, axis=0, keepdims=True))(A)
    check_grads(lambda x: misc.logsumexp(x, b=np.arange(1.0, 5.0)))(X)
    assert ag.grad(lambda x: special.gammasgn(x) * x)(-0.5) == -1.0


# Linear algebra.
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1, "N", "T"])
def test_triangular_systems(lower, trans):
    f = lambda a, b: linalg.solve_triangular(a, b, trans=trans, lower=lower)
    np.testing.assert_allclose(f(S, A), scipy.linalg.solve_triangular(S, A, trans=trans, lower=lower))
    check_grads(f, (0, 1))(S, A)


def test_matrix_functions():
    check_grads(lambda a: linalg.sqrtm(a @ a.T + anp.eye(4)))(A)
    check_grads(linalg.solve_sylvester, (0, 1, 2))(S, S + np.diag(X), A)
    check_grads(linalg.solve_sylvester, (0, 1, 2))(S + 1j * A, S + np.diag(X), A - 1j * S)
    check_grads(lambda a: linalg.sqrtm((a + a.T) / 2))(A)  # not definite: the root is complex
    check_grads(lambda a: linalg.expm(a / 3))(A)
    for f in (linalg.inv, linalg.det, linalg.pinv):
        np.testing.assert_allclose(f(S), getattr(scipy.linalg, f.__name__)(S))
        check_grads(f)(S)
    check_grads(linalg.solve, (0, 1))(S, X)
    check_grads(lambda a: linalg.cholesky((a + a.T) / 2))(S)
    check_grads(lambda a: linalg.cholesky((a + a.T) / 2, lower=True))(S)
    np.testing.assert_allclose(ag.value_and_grad(lambda a: linalg.cholesky(a)[0, 1])(S)[0], linalg.cholesky(S)[0, 1])


@pytest.mark.parametrize("columns", [(), (2,)])
@pytest.mark.parametrize("bands", [(2, 1), (0, 2), (1, 0)])
def test_banded_systems(bands, columns):
    ab = RNG.normal(size=(sum(bands) + 1, 6))
    ab[bands[1]] += 4
    check_grads(lambda ab, b: linalg.solve_banded(bands, ab, b), (0, 1))(ab, RNG.normal(size=(6, *columns)))


CONVOLUTIONS = [
    ({}, (4, 3), (2, 2)),
    ({"mode": "valid"}, (4, 5), (2, 3)),
    ({"mode": "valid"}, (2, 3), (4, 5)),
    ({"axes": ([2, 3], [2, 3]), "dot_axes": ([1], [0]), "mode": "valid"}, (2, 3, 5, 6), (3, 4, 2, 2)),
    ({"axes": ([1], [0])}, (2, 5), (3, 4)),
    ({"axes": ([0], [1]), "dot_axes": ([1], [0])}, (5, 2, 3), (2, 3, 4)),
    ({"axes": ([1], [0]), "mode": "valid"}, (2, 3), (5, 4)),
    ({"mode": "same"}, (4, 5), (2, 3)),
    ({"mode": "same"}, (2, 3), (3, 4)),
    ({"axes": ([2], [1]), "dot_axes": ([1], [0]), "mode": "same"}, (2, 3, 5), (3, 4)),
]


@pytest.mark.parametrize(("options", "a", "b"), CONVOLUTIONS)
def test_convolutions_are_autograds(options, a, b):
    theirs = peer("scipy.signal")
    a, b = RNG.normal(size=a), RNG.normal(size=b)
    np.testing.assert_allclose(signal.convolve(a, b, **options), theirs.convolve(a, b, **options), rtol=1e-12)


@pytest.mark.parametrize(("options", "a", "b"), CONVOLUTIONS)
def test_convolutions_have_derivatives(options, a, b):
    check_grads(lambda a, b: signal.convolve(a, b, **options), (0, 1))(RNG.normal(size=a), RNG.normal(size=b))


def test_convolution_is_scipys():
    a, b = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 2))
    for mode in ("full", "same", "valid"):
        np.testing.assert_allclose(signal.convolve(a, b, mode=mode), scipy.signal.convolve(a, b, mode))
    for call, error in [
        (lambda: signal.convolve(a, b, mode="reflect"), InputError),
        (lambda: signal.convolve(a, b[0]), ShapeError),
        (lambda: signal.convolve(np.ones((2, 5)), np.ones((3, 3)), mode="valid"), ShapeError),
    ]:
        with pytest.raises(error, match="convolve"):
            call()


def test_differential_equations():
    rng = np.random.default_rng(0)
    field = lambda y, t, p, q: anp.array([y[1] * p[0], -y[0] * q + anp.sin(t) * p[1]])
    args = (np.array([0.3, 0.4]), np.array([0.0, 0.5, 1.2]), np.array([1.1, 0.7]), 1.3)
    solved = lambda y0, t, p, q: integrate.odeint(field, y0, t, (p, q), rtol=1e-11, atol=1e-11)
    np.testing.assert_array_equal(
        solved(*args), scipy.integrate.odeint(field, *args[:2], args[2:], rtol=1e-11, atol=1e-11)
    )
    loss = lambda *xs: anp.sum(solved(*xs) ** 2)
    for k in range(4):  # steps so long that the solver's own error, some 1e-11, is small beside what they change
        along = rng.normal(size=np.shape(args[k]))
        up, down = (loss(*args[:k], args[k] + step * along, *args[k + 1 :]) for step in (1e-4, -1e-4))
        slope = np.sum(ag.grad(loss, k)(*args) * along)
        np.testing.assert_allclose(slope, (up - down) / 2e-4, rtol=1e-5, atol=1e-6)


def test_differential_equations_have_derivatives_of_higher_order():
    """y' = p y, whose solution is y0 exp(p t); the field gives a list."""
    times = np.array([0.0, 0.7])
    end = lambda v: integrate.odeint(lambda y, t, p: [y[0] * p], v[:1], times, (v[1],), rtol=1e-9, atol=1e-9)[1, 0]
    found = ag.hessian(end)(np.array([2.0, 0.5]))
    slope = 0.7 * np.exp(0.35)
    np.testing.assert_allclose(found, [[0.0, slope], [slope, 2.0 * 0.7 * slope]], rtol=1e-6, atol=1e-7)


def test_names_that_are_not_numpys():
    check_grads(lambda d: anp.make_diagonal(d, axis1=-1, axis2=-2))(A)
    np.testing.assert_array_equal(anp.make_diagonal(A, axis1=-1, axis2=-2), peer("numpy").make_diagonal(A, 0, -1, -2))
    with pytest.raises(InputError, match="axis1=0"):
        anp.make_diagonal(A)
    np.testing.assert_array_equal(anp.where([True, False], x=np.ones(2), y=0.0), [1.0, 0.0])
    np.testing.assert_array_equal(anp.where(condition=[True, False])[0], [0])
    assert anp.where([True, False], [1.0, 2.0], [3.0, 4.0]) == [1.0, 4.0] and anp.where(True, 1, 2) == 1
    assert isinstance(anp.where(np.array([True]), 1.0, 2.0), np.ndarray)
    assert ag.grad(lambda x: anp.sum(anp.where(X > 0.4, y=0.0, x=x * X)))(2.0) == np.sum(X[X > 0.4])


def test_what_rules_of_others_import():
    back = numpy_vjps.unbroadcast_f(np.ones((2, 1)), lambda g: g * np.ones((3, 2, 4)))
    np.testing.assert_array_equal(back(1.0), [[12.0], [12.0]])
    assert numpy_vjps.unbroadcast_f(1.0, lambda g: g * (1 + 1j))(2.0) == 2.0
    assert numpy_vjps.unbroadcast(np.ones(3), numpy_vjps.metadata(2.0)) == 3.0
    np.testing.assert_array_equal(numpy_vjps.balanced_eq(X, X, X), np.full(4, 0.5))
    np.testing.assert_array_equal(numpy_vjps.replace_zero(np.array([0.0, 2.0]), 1.0), [1.0, 2.0])
    assert numpy_vjps.match_complex(1.0, 2j) == 0.0
    assert np.iscomplexobj(numpy_vjps.match_complex(1j, 2.0))
    np.testing.assert_array_equal(numpy_jvps.broadcast(1.0, X), np.ones(4))
