"""The complex step is right or says that it cannot: no function that has no continuation passes for its own."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
import difflab.numpy as dnp

la = np.linalg
A = np.random.default_rng(5).normal(size=(3, 3)) + 3 * np.eye(3)
RIGHT = {
    "logsumexp": lambda a: dnp.logsumexp(500 * a),
    "softmax": lambda a: dnp.softmax(500 * a)[0, 0] + np.sum(dnp.log_softmax(800 * a)),
    "logaddexp": lambda a: np.logaddexp(900 * a[0, 0], a[1, 1]) + np.logaddexp2(a[0, 1], 2000 * a[2, 2]),
    "nanquantile": lambda a: np.nanquantile(a, 0.3) + np.nanmedian(a),
    "qr": lambda a: np.sum(la.qr(a)[0] ** 3),
    "pinv": lambda a: np.sum(la.pinv(a[:, :2]) ** 2),
    "divmod": lambda a: np.sum(np.divmod(a, 0.7)[1] + np.modf(a)[0]),
}
REFUSED = {
    "eigvalsh": lambda a: np.sum(la.eigvalsh(a @ a.T) ** 2),
    "eigh": lambda a: np.sum(la.eigh(a @ a.T)[1] ** 4),
    "eig": lambda a: np.sum(np.real(la.eig(a)[0] ** 2)),
    "svd": lambda a: np.sum(la.svd(a)[0] ** 4),
    "spectral norm": lambda a: la.norm(a, 2) + la.norm(a, "nuc"),
    "condition": la.cond,
    "cholesky": lambda a: np.sum(la.cholesky(a @ a.T)),
    "angle": lambda a: np.sum(np.angle(a + 1j * a * a)),
    "fft": lambda a: np.sum(np.abs(np.fft.fft(a)) ** 2),
    "irfft": lambda a: np.sum(np.fft.irfft(a) ** 3),
    "bessel": lambda a: np.sum(dnp.j0(10 * a) + dnp.iv(0.5, a * a)),
    "dawsn": lambda a: np.sum(dnp.dawsn(a) + dnp.erfcx(a)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_complex_step_is_right(name):
    found = dl.differentiate(RIGHT[name], A, method="numerical", scheme="complex-step").gradient
    np.testing.assert_allclose(found, dl.grad(RIGHT[name])(A), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", REFUSED)
def test_where_it_cannot_be_it_says_so(name):
    with pytest.raises(dl.errors.UnsupportedError, match="use another scheme"):
        dl.differentiate(REFUSED[name], A, method="numerical", scheme="complex-step")
