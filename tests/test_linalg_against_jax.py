"""Products, linear algebra and Fourier transforms against JAX: the same function, the same cotangents."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
jnp = jax.numpy

RNG = np.random.default_rng(8)
A = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
C = A + 1j * RNG.normal(size=(3, 3))
SPD, HPD = A @ A.T, C @ C.conj().T
S = RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
TALL = RNG.normal(size=(4, 3))
V = RNG.normal(size=3)
Z = RNG.normal(size=6) + 1j * RNG.normal(size=6)
low = lambda xp, a: xp.linalg.cholesky((a + xp.conj(xp.swapaxes(a, -1, -2))) / 2)

CASES = {
    "matmul": (lambda xp, a, b: a @ b, (S, V)),
    "matmul complex": (lambda xp, a, b: a @ b, (C, A)),
    "einsum": (lambda xp, a, b: xp.einsum("bii,ij->bj", a, b), (S, A)),
    "tensordot": (lambda xp, a, b: xp.tensordot(a, b, axes=([1], [0])), (S, A)),
    "kron": (lambda xp, a, b: xp.kron(a, b), (A, TALL)),
    "cross": (lambda xp, a, b: xp.cross(a, b), (A, V)),
    "vdot": (lambda xp, a, b: xp.vdot(a, b), (C, C.T)),
    "vecdot": (lambda xp, a, b: xp.vecdot(a, b), (C, C.T)),
    "vecmat": (lambda xp, a, b: xp.vecmat(a, b), (C[0], C)),
    "solve": (lambda xp, a, b: xp.linalg.solve(a, b), (C, V + 0j)),
    "inv": (lambda xp, a: xp.linalg.inv(a), (C,)),
    "det": (lambda xp, a: xp.linalg.det(a), (S,)),
    "det complex": (lambda xp, a: xp.linalg.det(a), (C,)),
    "slogdet": (lambda xp, a: xp.linalg.slogdet(a)[1], (C,)),
    "slogdet sign": (lambda xp, a: xp.linalg.slogdet(a)[0], (C,)),
    "cholesky": (low, (SPD,)),
    "cholesky complex": (low, (HPD,)),
    "eigh": (lambda xp, a: xp.linalg.eigh(a + xp.conj(a.T))[0], (C,)),
    "eigh vectors": (lambda xp, a: xp.abs(xp.linalg.eigh(a + xp.conj(a.T))[1]), (C,)),
    "eigvals": (lambda xp, a: xp.linalg.eigvals(a), (C,)),
    "svdvals": (lambda xp, a: xp.linalg.svd(a, compute_uv=False), (TALL,)),
    "svd": (lambda xp, a: xp.abs(xp.linalg.svd(a, full_matrices=False)[0]), (C,)),
    "qr": (lambda xp, a: xp.linalg.qr(a)[1], (TALL,)),
    "qr complex": (lambda xp, a: xp.linalg.qr(a)[0], (C,)),
    "pinv": (lambda xp, a: xp.linalg.pinv(a), (TALL,)),
    "norm": (lambda xp, a: xp.linalg.norm(a, 3, axis=1), (C,)),
    "norm nuc": (lambda xp, a: xp.linalg.norm(a, "nuc"), (TALL,)),
    "cond": (lambda xp, a: xp.linalg.cond(a, 1), (A,)),
    "matrix_power": (lambda xp, a: xp.linalg.matrix_power(a, -3), (A,)),
    "fft": (lambda xp, a: xp.fft.fft(a, n=8, norm="ortho"), (Z,)),
    "rfft": (lambda xp, a: xp.fft.rfft(a), (V,)),
    "irfft": (lambda xp, a: xp.fft.irfft(a, n=7), (Z,)),
    "hfft": (lambda xp, a: xp.fft.hfft(a), (Z,)),
    "fft2": (lambda xp, a: xp.fft.fft2(a), (C,)),
    "irfftn": (lambda xp, a: xp.fft.irfftn(a), (C,)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_cotangents_as_jax(name):
    f, args = CASES[name]
    y, pull = dl.vjp(lambda *xs: f(np, *xs), *args)
    other, back = jax.vjp(lambda *xs: f(jnp, *xs), *args)
    np.testing.assert_allclose(y, other, rtol=1e-10, atol=1e-10)
    rng = np.random.default_rng(1)
    ct = rng.normal(size=np.shape(y)) + (1j * rng.normal(size=np.shape(y)) if np.iscomplexobj(y) else 0)
    for mine, theirs in zip(pull(ct), back(jnp.asarray(ct))):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["solve", "inv", "det", "cholesky", "norm", "matrix_power", "svdvals"])
def test_the_same_third_derivatives_as_jax(name):
    f, args = CASES[name]
    a = A if name != "cholesky" else SPD
    rest = tuple(np.real(x) for x in args[1:])
    v = np.random.default_rng(2).normal(size=a.shape)

    def third(lib, xp):
        g = lambda t: xp.sum(f(xp, a + t * v, *rest) ** 2)
        return lib.grad(lib.grad(lib.grad(g)))(0.3)

    assert float(third(dl, np)) == pytest.approx(float(third(jax, jnp)), rel=1e-8, abs=1e-8)
