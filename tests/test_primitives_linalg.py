"""Products, linear algebra and Fourier transforms: every row against differences, both modes, second order."""

from __future__ import annotations

import numpy as np
import optree
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl
import difflab.numpy as dnp
from difflab import primitives

RNG = np.random.default_rng(5)
A = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
B = RNG.normal(size=(3, 2))
S = RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
SPD = A @ A.T
TALL, WIDE = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 4))
V, W = RNG.normal(size=3), RNG.normal(size=3)
C = A + 1j * RNG.normal(size=(3, 3))
T4 = RNG.normal(size=(2, 3, 6)) + 0.1
Z = RNG.normal(size=6) + 1j * RNG.normal(size=6)
X6, X45 = RNG.normal(size=6), RNG.normal(size=(4, 5))
la, ft = np.linalg, np.fft


def phaseless(u, s, vh):
    """The rank-one parts u_k v_k* of a matrix: free of the phases that LAPACK picks."""
    return np.einsum("ik,kj->kij", u, vh) * np.exp(s / 9)[:, None, None]


CASES = {
    "matmul": [
        (np.matmul, (A, B)), (np.matmul, (V, W)), (np.matmul, (A, V)), (np.matmul, (V, A)), (np.matmul, (S, B)),
        (np.matmul, (S, V)), (np.matmul, (V, S)), (np.matmul, (S[:, None], S[None])), (np.matmul, (C, B)),
    ],
    "dot": [(np.dot, (A, B)), (np.dot, (V, W)), (np.dot, (A, V)), (np.dot, (S, T4[:, :3, :3])), (np.dot, (2.0, A)),
            (np.dot, (V, A))],
    "vdot": [(np.vdot, (A, A + 1)), (np.vdot, (C, C + 1))],
    "inner": [(np.inner, (A, A)), (np.inner, (V, W)), (np.inner, (3.0, V))],
    "outer": [(np.outer, (V, W)), (np.outer, (A, V))],
    "kron": [(np.kron, (A, B)), (np.kron, (V, B)), (np.kron, (S, B))],
    "cross": [(np.cross, (V, W)), (np.cross, (A, W)), (lambda a, b: np.cross(a, b, axis=0), (A, A + 1)),
              (np.cross, (V[:2], W)), (np.cross, (A, W[:2])), (np.cross, (V[:2], W[:2]))],
    "linalg_cross": [(la.cross, (V, W))], "linalg_outer": [(la.outer, (V, W))],
    "tensordot": [(lambda a, b: np.tensordot(a, b, axes=1), (S, A)), (np.tensordot, (S, S[0])),
                  (lambda a, b: np.tensordot(a, b, axes=([0, 2], [1, 0])), (S, RNG.normal(size=(3, 2, 2))))],
    "einsum": [
        (lambda a: np.einsum("ii->i", a), (A,)), (lambda a: np.einsum("ii", a), (A,)),
        (lambda a, b: np.einsum("ij,jk", a, b), (A, B)), (lambda a, b: np.einsum("...ij,jk->...ik", a, b), (S, B)),
        (lambda a, b, c: np.einsum("ij,j,kl->k", a, b, c), (A, V, A)), (lambda a: np.einsum("ij->i", a), (A,)),
        (lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]), (A, B)), (lambda a, b: np.einsum("iij,j->i", a, b),
                                                                        (RNG.normal(size=(3, 3, 2)), V[:2])),
        (lambda a, b: np.einsum("ij,ij->", a, b), (C, A)), (lambda a, b: np.einsum("ij,ij->i", a, b), (A, V[:, None])),
        (lambda a, b: np.einsum("ij,ij->j", a, b), (A, V[None])), (lambda a, b: np.einsum("ij,j->", a, b), (A, V[:1])),
    ],
    "vecdot": [(np.vecdot, (A, A + 1)), (np.vecdot, (C, C * 2)),
               (lambda a, b: np.vecdot(a, b, axis=0), (A, V))],
    "matvec": [(np.matvec, (S, V))],
    "vecmat": [(np.vecmat, (V, S)), (np.vecmat, (C[0], C)), (np.vecmat, (A, S[:, None]))],
    "multi_dot": [(lambda a, b, c: la.multi_dot([a, b, c]), (A, A + 1, B))],
    "chain_product": [(lambda a, b: la.multi_dot([a, b]), (A, B))],
    "solve": [(la.solve, (A, V)), (la.solve, (A, B)), (la.solve, (S, B)), (la.solve, (S, V)), (la.solve, (C, B))],
    "inv": [(la.inv, (A,)), (la.inv, (S,)), (la.inv, (C,))],
    "det": [(la.det, (A,)), (la.det, (S,)), (la.det, (C,))],
    "cofactor": [(lambda a: dl.grad(la.det)(a), (A,))],
    "slogdet": [(la.slogdet, (A,)), (lambda a: la.slogdet(a).logabsdet, (S,)),
                (la.slogdet, (C,))],
    "euclidean_norm": [(la.norm, (A,)), (lambda a: la.norm(a, axis=1), (A,)), (la.norm, (C,)),
                       (lambda a: la.norm(a, axis=(0, 1), keepdims=True), (A,))],
    "norm": [(lambda a, o=o: la.norm(a, o), (A,)) for o in (1, -1, 2, -2, np.inf, -np.inf, "nuc")]
    + [(lambda a, o=o: la.norm(a, o, axis=0), (A,)) for o in (1, 2, 3, 0.5, np.inf, -np.inf)]
    + [(lambda a: la.norm(a, "nuc", axis=(0, 2), keepdims=True), (S,))],
    "p_norm": [(lambda a: la.vector_norm(a, axis=0, ord=3), (A,)), (lambda a: la.norm(a, 1.5, axis=1), (C,)),
               (lambda a: la.vector_norm(a, ord=-2, keepdims=True), (S,))],
    "vector_norm": [(lambda a, o=o: la.vector_norm(a, axis=(0, 2), ord=o), (S,)) for o in (0, 1, np.inf, -np.inf)]
    + [(lambda a: la.vector_norm(a, ord=1), (C,))],
    "matrix_norm": [(lambda a: la.matrix_norm(a, ord=1), (S,)), (la.matrix_norm, (S,))],
    "matrix_power": [(lambda a, n=n: la.matrix_power(a, n), (A,)) for n in (3, 1, -2)],
    "tensorsolve": [(lambda a, b: la.tensorsolve(a, b), (RNG.normal(size=(2, 3, 6)), RNG.normal(size=(2, 3))))],
    "tensorinv": [(lambda a: la.tensorinv(a), (T4 + 0,))],
    "cholesky": [(la.cholesky, (C @ C.conj().T,)), (la.cholesky, (SPD,)), (la.cholesky, (S @ np.swapaxes(S, 1, 2),))],
    "cholesky_upper": [(lambda a: la.cholesky(a, upper=True), (SPD,)),
                       (lambda a: la.cholesky(a, upper=True), (C @ C.conj().T,))],
    "expm": [(dnp.expm, (A / 3,)), (dnp.expm, (S / 4,)), (dnp.expm, (C / 3,))],
    "solve_triangular": [(lambda a, b: dnp.solve_triangular(a, b, lower=True), (A, B)), (dnp.solve_triangular, (S, V)),
                         (lambda a, b: dnp.solve_triangular(a, b, trans="T", unit_diagonal=True), (A, V))],
    "eigh": [(lambda a: la.eigh(a)[0], (SPD,)), (lambda a: la.eigh(a)[1] ** 2, (SPD,)),
             (lambda a: la.eigh(a, UPLO="U").eigenvectors ** 2, (S + np.swapaxes(S, 1, 2),)),
             (lambda a: la.eigh(a)[0], (C + C.conj().T,)), (lambda a: np.abs(la.eigh(a)[1]) ** 2, (C + C.conj().T,))],
    "eigvalsh": [(la.eigvalsh, (SPD,)), (lambda a: la.eigvalsh(a, UPLO="U"), (SPD,))],
    "eig": [(lambda a: la.eig(a)[0], (C,)), (lambda a: np.abs(la.eig(a)[1]) ** 2, (C,)),
            (lambda a: np.sum(la.eig(a)[0] ** 2), (A,))],
    "eigvals": [(la.eigvals, (C,))],
    "svd": [(lambda a: la.svd(a, full_matrices=False)[1], (TALL,)),
            (lambda a: la.svd(a, full_matrices=False).U ** 2, (TALL,)), (lambda a: la.svd(a)[2] ** 2, (A,)),
            (lambda a: la.svd(a, full_matrices=False).Vh ** 2, (WIDE,)),
            (lambda a: phaseless(*la.svd(a, full_matrices=False)), (C[:, :2],)),
            (lambda a: phaseless(*la.svd(a, full_matrices=False)), (C[:2],))],
    "svdvals": [(la.svdvals, (C,)), (lambda a: la.svd(a, compute_uv=False), (WIDE,)), (la.svdvals, (S,))],
    "qr": [(lambda a: la.qr(a)[0], (TALL,)), (lambda a: la.qr(a).R, (TALL,)), (lambda a: la.qr(a)[0], (S,)),
           (la.qr, (C,)), (la.qr, (C[:, :2],))],
    "pinv": [(la.pinv, (TALL,)), (la.pinv, (WIDE,)), (la.pinv, (C[:, :2],)), (lambda a: la.pinv(a, rtol=1e-9), (S,))],
    "lstsq": [(lambda a, b: la.lstsq(a, b, rcond=None)[0], (TALL, TALL[:, 0] ** 2)),
              (lambda a, b: la.lstsq(a, b, rcond=-1)[0], (WIDE, B)),
              (lambda a, b: la.lstsq(a, b, rcond=None)[0], (C[:, :2], V)),
              (lambda a, b: la.lstsq(a, b, rcond=None)[3], (TALL, TALL[:, :2] ** 2))],
    "cond": [(lambda a, p=p: la.cond(a, p), (A,)) for p in (None, 2, -2, 1, -1, np.inf, "fro", "nuc")],
    "fft": [(ft.fft, (X6,)), (ft.fft, (Z,)), (lambda x: ft.fft(x, n=8, norm="ortho"), (Z,)),
            (lambda x: ft.fft(x, n=4), (X6,)),
            (lambda x: ft.fft(x, axis=0), (X45,))],
    "ifft": [(ft.ifft, (Z,)), (lambda x: ft.ifft(x, norm="forward"), (Z,))],
    "rfft": [(ft.rfft, (X6,)), (lambda x: ft.rfft(x, n=5), (X6,)), (lambda x: ft.rfft(x, n=9, norm="ortho"), (X6,))],
    "irfft": [(ft.irfft, (Z,)), (lambda x: ft.irfft(x, n=7), (Z,)), (lambda x: ft.irfft(x, n=4), (Z,))],
    "fftn": [(ft.fftn, (X45,)), (lambda x: ft.fftn(x, s=(3, -1), axes=(1, 0), norm="ortho"), (X45,))],
    "ifftn": [(ft.ifftn, (X45,))], "rfftn": [(ft.rfftn, (X45,))],
    "irfftn": [(lambda x: ft.irfftn(x, s=(4, 5), axes=(0, 1)),
                (RNG.normal(size=(4, 3)) + 1j * RNG.normal(size=(4, 3)),)),
               (lambda x: ft.irfftn(x, s=(-1, -1), axes=(0, 1)), (C,))],
    "fft2": [(ft.fft2, (X45,))], "ifft2": [(ft.ifft2, (X45,))], "rfft2": [(ft.rfft2, (X45,))],
    "irfft2": [(ft.irfft2, (X45,))], "hfft": [(ft.hfft, (Z,)), (lambda x: ft.hfft(x, n=7, norm="ortho"), (Z,))],
    "ihfft": [(ft.ihfft, (X6,)), (lambda x: ft.ihfft(x, n=8, norm="forward"), (X6,))],
    "fftshift": [(ft.fftshift, (X45,))], "ifftshift": [(lambda x: ft.ifftshift(x, axes=1), (X45,))],
}  # fmt: skip
NO_DERIVATIVE = {"matrix_rank"}
MODULES = ("products", "contractions", "linalg", "decompositions", "singular_values", "matrix_functions", "fourier")


def rows_of(module):
    import ast
    import importlib
    import inspect

    tree = ast.parse(inspect.getsource(importlib.import_module(f"difflab.primitives.{module}")))
    makers = ("linear", "composite", "custom")
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") in makers]
    return {c.args[0].value for c in calls if isinstance(c.args[0], ast.Constant)}


@pytest.mark.parametrize("module", MODULES)
def test_every_row_has_cases(module):
    assert rows_of(module) - set(CASES) - NO_DERIVATIVE == set()
    assert set(CASES) <= set(primitives.TABLE)


ALL = [pytest.param(f, args, id=f"{name}-{k}") for name, cases in CASES.items() for k, (f, args) in enumerate(cases)]


def directions(args, seed):
    rng = np.random.default_rng(seed)
    make = lambda x: rng.normal(size=np.shape(x)) + (1j * rng.normal(size=np.shape(x)) if np.iscomplexobj(x) else 0)
    return tuple(np.asarray(make(x))[()] for x in args)


def moved(args, v, h):
    return tuple(x + h * t for x, t in zip(args, v))


def difference(f, args, v, h=1e-4):
    """A five-point difference along v."""
    y = lambda s: np.concatenate([np.ravel(leaf) for leaf in optree.tree_leaves(f(*moved(args, v, s)))])
    return (y(-2 * h) - 8 * y(-h) + 8 * y(h) - y(2 * h)) / (12 * h)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in optree.tree_leaves(tree)])


def pairing(a, b):
    return np.real(np.sum(flat(a) * flat(b)))


@pytest.mark.parametrize("f, args", ALL)
def test_forward_mode_against_differences(f, args):
    v = directions(args, 1)
    y, t = dl.jvp(f, args, v)
    np.testing.assert_allclose(flat(y), flat(f(*args)), rtol=1e-12, atol=1e-13)
    assert type(y) is type(f(*args)) or not isinstance(y, tuple)
    np.testing.assert_allclose(flat(t), difference(f, args, v), rtol=2e-8, atol=2e-8)


@pytest.mark.parametrize("f, args", ALL)
def test_reverse_mode_is_the_transpose(f, args):
    v = directions(args, 2)
    y, pull = dl.vjp(f, *args)
    leaves = optree.tree_leaves(y)
    cts = list(directions(leaves, 3))
    ct = optree.tree_unflatten(optree.tree_structure(y), cts)
    back = pull(ct)
    for x, c in zip(args, back):
        assert np.shape(x) == np.shape(c) and np.iscomplexobj(x) == np.iscomplexobj(c)
    assert pairing(back, v) == pytest.approx(pairing(ct, dl.jvp(f, args, v)[1]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("f, args", ALL)
def test_second_derivatives(f, args):
    """The derivative of the gradient along v, forward over reverse, against differences of the gradient."""
    weights = directions(optree.tree_leaves(f(*args)), 4)
    wide = lambda *xs: [
        np.real(np.sum(w * y) + np.sum(y * np.conj(y)) / 7) for w, y in zip(weights, optree.tree_leaves(f(*xs)))
    ]

    def loss(*xs):
        terms = wide(*xs)
        return terms[0] if len(terms) == 1 else terms[0] + sum(terms[1:])

    gradient = dl.grad(loss, argnums=tuple(range(len(args))))
    v = directions(args, 5)
    if any(np.iscomplexobj(x) for x in args):
        v = tuple(np.conj(t) for t in v)
    _, second = dl.jvp(gradient, args, v)
    np.testing.assert_allclose(flat(second), difference(gradient, args, v), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("f, args", ALL)
def test_single_precision_is_kept(f, args):
    args = tuple(np.asarray(x, np.complex64 if np.iscomplexobj(x) else np.float32)[()] for x in args)
    y, pull = dl.vjp(f, *args)
    expected = [np.asarray(leaf).dtype for leaf in optree.tree_leaves(f(*args))]
    assert [np.asarray(leaf).dtype for leaf in optree.tree_leaves(y)] == expected
    assert [g.dtype for g in pull(optree.tree_map(np.ones_like, y))] == [x.dtype for x in args]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_einsum_of_random_subscripts(data):
    sizes = {"a": 2, "b": 3, "c": 1, "d": 2}
    terms = data.draw(st.lists(st.text("abcd", min_size=1, max_size=3), min_size=1, max_size=3))
    output = "".join(sorted(data.draw(st.sets(st.sampled_from(sorted(set("".join(terms))))))))
    arrays = tuple(np.random.default_rng(0).normal(size=[sizes[c] for c in t]) for t in terms)
    f = lambda *xs: np.einsum(",".join(terms) + "->" + output, *xs)
    v = directions(arrays, 1)
    y, pull = dl.vjp(f, *arrays)
    ct = np.random.default_rng(2).normal(size=np.shape(y))
    expected = np.sum(ct * (f(*moved(arrays, v, 0.5)) - f(*moved(arrays, v, -0.5)))) if len(terms) < 3 else None
    got = sum(np.sum(g * t) for g, t in zip(pull(ct), v))
    assert got == pytest.approx(np.sum(ct * dl.jvp(f, arrays, v)[1]), rel=1e-10, abs=1e-10)
    if expected is not None:  # exact for bilinear maps
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_norm_at_zero_and_equal_eigenvalues():
    assert np.all(dl.grad(np.linalg.norm)(np.zeros(3)) == 0)
    assert np.allclose(dl.grad(lambda a: np.sum(la.eigvalsh(a) ** 2))(2 * np.eye(3)), 4 * np.eye(3))


@pytest.mark.parametrize("order", [None, 1, 1.5, 2, 3, 0.5, -1, np.inf, -np.inf])
def test_every_vector_norm_is_flat_at_zero(order):
    assert np.all(dl.grad(lambda x: la.norm(x, order))(np.zeros(3)) == 0)
    assert np.all(np.isfinite(dl.grad(lambda x: la.norm(x, order))(np.array([0.0, 1.0, -2.0]))))


@pytest.mark.parametrize("a", [np.zeros((4, 3)), np.eye(4, 3), np.diag([1.0, 0, 0, 0])[:, :3]])
def test_singular_values_of_poor_rank_make_no_nan(a):
    for f in (la.svdvals, lambda x: la.svd(x, full_matrices=False)):
        y, pull = dl.vjp(f, a)
        assert np.all(np.isfinite(pull(optree.tree_map(np.ones_like, y))[0]))
        assert np.all(np.isfinite(flat(dl.jvp(f, (a,), (np.ones_like(a),))[1])))


@pytest.mark.parametrize("a, b", [(TALL, TALL[:, 0] ** 2), (TALL, TALL**2), (WIDE, B), (A, V), (C[:, :2], V)])
def test_all_results_of_least_squares_are_numpy_s(a, b):
    want = la.lstsq(a, b, rcond=None)
    for got in (dl.trace(lambda a, b: la.lstsq(a, b, rcond=None), a, b)(a, b), dnp.linalg.lstsq(a, b)):
        for x, y in zip(got, want, strict=True):
            assert np.shape(x) == np.shape(y) and np.asarray(x).dtype.kind == np.asarray(y).dtype.kind
            np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-13)


def test_squares_that_are_left_have_the_residual_s_slope():
    b = TALL[:, 0] ** 2
    left = lambda b: la.lstsq(TALL, b, rcond=None)[1][0]
    np.testing.assert_allclose(dl.grad(left)(b), 2 * (b - TALL @ la.lstsq(TALL, b, rcond=None)[0]), atol=1e-12)


def test_singular_matrices_raise_where_the_user_calls():
    with pytest.raises(la.LinAlgError, match="Singular matrix"):
        dl.grad(lambda a: np.sum(la.inv(a)))(np.ones((2, 2)))


@pytest.mark.parametrize("f", [la.det, la.slogdet, la.inv, lambda a: la.solve(a, np.ones(0))])
def test_empty_matrices(f):
    y, pull = dl.vjp(f, np.zeros((0, 0)))
    assert pull(optree.tree_map(np.ones_like, y))[0].shape == (0, 0)


REFUSED = [
    (lambda: dl.grad(lambda a: np.sum(a @ V[:2]))(A), "(3, 3)"),
    (lambda: dl.grad(lambda a: la.det(a))(TALL), "(4, 3)"),
    (lambda: dl.grad(lambda a: np.sum(la.svd(a)[0]))(TALL), "full_matrices=False"),
    (lambda: dl.grad(lambda a: np.sum(la.lstsq(a, np.ones(5))[0]))(TALL), "a of shape (4, 3) and b of shape (5,)"),
    (lambda: dl.grad(lambda a: np.sum(la.lstsq(a, np.ones(4), rcond=0.5)[0]))(TALL), "0.5"),
    (lambda: dl.grad(lambda a: np.sum(la.qr(a)[0]))(WIDE), "(3, 4)"),
    (lambda: dl.grad(lambda a: np.sum(np.einsum("ijk->i", a)))(A), "ijk"),
    (lambda: dl.grad(lambda a: np.sum(np.tensordot(a, V[:2], 1)))(A), "tensordot"),
    (lambda: dl.grad(lambda a: la.norm(a, "huh"))(A), "huh"),
    (lambda: dl.grad(lambda a: la.norm(a, "fro", axis=0))(A), "fro"),
    (lambda: dl.grad(lambda a: np.sum(a @ A[None] @ S[[0, 1, 0]]))(S), "broadcast"),
    (lambda: dl.grad(lambda a: np.sum(la.solve(a, S[[0, 1, 0]])))(S), "broadcast"),
    (lambda: dl.grad(lambda a: np.sum(np.tensordot(a, A, ([5], [0]))))(A), "out of range"),
    (lambda: dl.grad(lambda a: np.sum(np.tensordot(a, A, 3)))(A), "axes=3"),
    (lambda: dl.grad(lambda a: np.sum(np.einsum("ij,j", a, V[:2])))(A), "'j'"),
    (lambda: dl.grad(lambda a: np.sum(np.einsum("...i->i", a)))(A), "'...'"),
    (lambda: dl.grad(lambda a: np.sum(np.einsum("i1->i", a)))(A), "'1'"),
    (lambda: dl.grad(lambda a: np.sum(np.cross(a, A)))(2.0), "shape ()"),
    (lambda: dl.grad(lambda a: la.cond(a, 7))(A), "p=7"),
    (lambda: dl.grad(lambda a: np.sum(la.pinv(a, rcond=0.5)))(TALL), "0.5"),
    (lambda: dl.grad(lambda a: np.sum(np.abs(ft.fftn(a, axes=(5,)))))(A), "out of range"),
    (lambda: dl.grad(lambda a: np.sum(np.abs(ft.fft(a, n=0))))(A), "0 points"),
    (lambda: dl.grad(lambda a: np.sum(np.abs(ft.fft(a, norm="x"))))(A), "norm='x'"),
    (lambda: dl.vjp(ft.rfft, C), "complex128"),
    (lambda: dl.grad(lambda a: np.sum(la.outer(a, V)))(A), "np.outer"),
]


@pytest.mark.parametrize("call, saying", REFUSED)
def test_matrices_that_do_not_fit_are_refused(call, saying):
    with pytest.raises(dl.DifflabError) as error:
        call()
    assert saying in str(error.value)


def test_the_determinant_of_a_singular_matrix():
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    truth = [[4.0, -2.0], [-2.0, 1.0]]
    certificate = dl.certify(la.det, at=singular)
    assert certificate.certified
    np.testing.assert_array_equal(certificate.gradient, truth)
    np.testing.assert_allclose(dl.grad(la.det)(singular), truth, atol=1e-14)
    np.testing.assert_allclose(dl.jacobian(la.det, mode="forward")(singular), truth, atol=1e-14)


def test_elements_kernels_agree():
    from difflab.primitives.kernels import linear_algebra as k

    objects = lambda x: x.astype(object)
    np.testing.assert_allclose(k.solve_elements(objects(A), objects(B)).astype(float), la.solve(A, B))
    np.testing.assert_allclose(k.inv_elements(objects(S)).astype(float), la.inv(S))
    assert float(k.det_elements(objects(A))) == pytest.approx(la.det(A))
    got = k.einsum_elements(objects(A), objects(B), subscripts="ij,jk->ki")
    np.testing.assert_allclose(got.astype(float), (A @ B).T)


@pytest.mark.parametrize(
    "f",
    [
        la.det,
        lambda a: np.sum(la.solve(a, V)),
        lambda a: np.sum(la.inv(a) ** 2),
        lambda a: la.slogdet(a)[1],
        lambda a: la.norm(a),
        lambda a: np.sum(la.cholesky(a @ a.T)),
        lambda a: np.sum(la.qr(a)[1] ** 3) + la.qr(a)[0][2, 1],
        lambda a: np.sum(la.pinv(a[:, :2]) ** 2),
        lambda a: la.norm(a[0], 3) + la.cond(a, 1),
        lambda a: np.sum(la.cholesky(np.stack([a @ a.T, a.T @ a]), upper=True) ** 2),
    ],
)
def test_against_the_certified_method(f):
    certificate = dl.certify(f, at=A)
    assert certificate.certified, certificate.notes
    np.testing.assert_allclose(dl.grad(f)(A), certificate.gradient, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("f", [la.det, lambda a: np.sum(la.solve(a, V)), lambda a: np.sum(la.inv(a))])
def test_symbols_need_no_pivot(f):
    """The first element is 0 at the point, and the formula must not have divided by it."""
    a = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    symbolic = dl.differentiate(f, a, method="symbolic", seconds=60)  # the machine may be busy with other tests
    np.testing.assert_allclose(symbolic.gradient, dl.grad(f)(a), rtol=1e-12)


def test_the_gradient_of_a_determinant_that_is_nan_is_nan():
    a = np.stack([A, A]).astype(np.float32)
    a[1, 0, 0] = np.nan
    found = dl.grad(lambda a: np.sum(np.linalg.det(a)))(a)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found), [np.zeros(A.shape, bool), np.ones(A.shape, bool)])
