"""Calls of every function that HIPS/autograd 1.9 has a rule for, as text that both packages read.

Each is differentiated by all inputs that it names. What is defined up to signs or phases is compared by what is not.
"""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(11)


def complexes(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


INPUTS = {
    "s": 0.7,  # a number
    "p": np.array([0.31, 0.58, 0.22, 0.87]),  # inside (0, 1)
    "q": np.array([0.9, 0.15, 0.44, 0.6]),
    "x": np.array([1.3, -0.4, 0.6, -2.2]),
    "y": np.array([0.2, 1.7, -0.9, -1.3]),
    "A": RNG.normal(size=(3, 4)),
    "B": RNG.normal(size=(4, 3)),
    "M": RNG.normal(size=(3, 3)) + 2 * np.eye(3),
    "N": RNG.normal(size=(3, 3)) + 3 * np.eye(3),
    "T": RNG.normal(size=(2, 3, 4)),
    "U": RNG.normal(size=(2, 4, 3)),
    "z": complexes(4),
    "w": complexes(4) + 3,
    "C": complexes(3, 3) + 2 * np.eye(3),
    "D": complexes(3, 4),
}

ONE = """abs absolute fabs acos arccos asin arcsin atan arctan asinh arcsinh arctanh atanh cos cosh sin sinh tan tanh exp
exp2 expm1 log log10 log1p log2 sqrt square reciprocal negative sinc deg2rad degrees rad2deg radians nan_to_num real imag
angle conj conjugate real_if_close ravel cumsum sort flipud diff gradient prod sum mean std var max min amax amin
atleast_1d atleast_2d atleast_3d squeeze transpose array astype diag floor ceil round sign rint trunc""".split()
COMPLEX = """abs absolute sin cos tan sinh cosh tanh exp expm1 log sqrt square reciprocal negative real imag angle conj
ravel cumsum sum mean std var prod transpose array diag diff arcsin arccos arctan arcsinh arctanh""".split()
TWO = """add subtract multiply divide true_divide maximum minimum fmax fmin logaddexp logaddexp2 hypot arctan2 atan2 mod
remainder dot inner outer kron vdot""".split()
SPECIAL = """psi digamma gamma gammaln rgamma erf erfc erfinv erfcinv expit logit j0 j1 y0 y1 i0 i1 gammasgn
loggamma""".split()

CALLS = [
    *[f"np.{f}(p)" for f in ONE if f != "astype"],
    *[f"np.{f}(z)" for f in COMPLEX],
    *[f"np.{f}(x, y)" for f in TWO],
    *[f"np.{f}(w, z)" for f in ("add", "subtract", "multiply", "divide", "dot", "inner", "outer", "kron")],
    *[f"np.{f}(A, x)" for f in TWO if f not in ("dot", "inner", "outer", "kron", "vdot")],
    *[f"sp.{f}(p)" for f in SPECIAL],
    "np.acosh(1 + p)", "np.arccosh(1 + p)", "np.power(p, y)", "np.pow(p, 2)", "p ** y", "s ** 2.5",
    "np.power(w, 2)", "np.power(w, z)", "w ** s", "np.abs(x)", "np.sign(x) * x", "np.mod(x, p)", "x % 0.7", "x // p + p",
    "np.where(x > 0, x, y)", "np.where(x > 0, x ** 2, 0.0)", "np.clip(x, -0.5, 0.7)", "np.clip(A, -0.5, None)",
    # Shapes.
    "np.reshape(A, (2, 6))", "A.reshape(4, -1)", "np.reshape(A, (4, 3), order='F')", "np.ravel(A, order='F')", "A.T",
    "np.transpose(T, (2, 0, 1))", "np.swapaxes(T, 0, 2)", "np.moveaxis(T, 0, -1)", "np.moveaxis(T, (0, 1), (2, 0))",
    "np.rollaxis(T, 2)", "np.rollaxis(T, 1, 3)", "np.roll(A, 2)", "np.roll(A, 1, axis=1)", "np.rot90(A)", "np.rot90(A, 3)",
    "np.fliplr(A)", "np.flipud(A)", "np.flip(A, 1)", "np.expand_dims(A, 1)", "np.squeeze(T[:1])", "np.squeeze(T[:1], axis=0)",
    "np.broadcast_to(x, (3, 4))", "np.broadcast_to(s, (2,))", "np.repeat(A, 2)", "np.repeat(A, 2, axis=0)",
    "np.repeat(x, np.array([1, 0, 2, 1]))", "np.tile(x, 3)", "np.tile(A, (2, 1, 2))", "np.pad(A, 1, 'constant')",
    "np.pad(A, ((1, 0), (2, 3)), 'constant')", "np.split(x, 2)[1]", "np.split(A, [1, 3], axis=1)[1]", "np.vsplit(B, 2)[0]",
    "np.hsplit(A, 2)[1]", "np.dsplit(T, 2)[1]", "np.array_split(x, 3)[0]", "np.atleast_2d(x)", "np.atleast_3d(A)",
    "np.atleast_1d(s)", "np.full((2, 3), s)", "np.full((3, 4), x)", "np.linspace(s, x[0], 5)", "np.linspace(x, y, 3)",
    "A[1]", "A[:, ::2]", "A[[0, 2, 0], [1, 1, 1]]", "A[A > 0]", "T[..., 1]", "T[:, None, [0, 0]]", "z[::2]", "x[-1]",
    "np.concatenate((x, y))", "np.concatenate((A, A * 2), axis=1)", "np.concatenate((x, z))", "np.stack([x, y], axis=1)",
    "np.vstack([x, A])", "np.row_stack([x, y])", "np.hstack([x, y])", "np.hstack([A, A])",
    "np.column_stack([x, y])", "np.append(A, x)", "np.append(A, A, axis=0)", "np.array([s, x[0], 1.0])",
    "np.array([[s, x[0]], [x[1], 2]])", "np.array([x, y])", "np.array([z[0], s])", "np.r_[x, y]", "np.c_[x, y]",
    "np.select([x > 0, y > 0], [x, y ** 2], 0.5)", "np.astype(x, float)", "x.astype(float)", "x.astype(complex) * z",
    "np.diag(M)", "np.diag(x, 1)", "np.diag(A, k=-1)", "np.diagonal(M)", "np.diagonal(A, 1)", "np.trace(M)", "np.trace(A, 1)",
    "np.trace(T)", "np.triu(A)", "np.tril(A, -1)", "np.make_diagonal(A, axis1=-1, axis2=-2)",
    "np.diagonal(T[:, :2], 0, -1, -2)", "np.partition(x, 2)", "np.sort(A, axis=0)", "np.sort(x)",
    # Sums and products.
    *[f"np.{f}(A, axis={k})" for f in ("sum", "mean", "std", "var", "max", "min", "prod") for k in (0, 1, None)],
    *[f"np.{f}(T, axis=(0, 2))" for f in ("sum", "mean", "std", "var", "max", "min")],
    *[f"np.{f}(A, axis=1, keepdims=True)" for f in ("sum", "mean", "std", "var", "max", "min", "prod")],
    *[f"np.{f}(D, axis=0)" for f in ("sum", "mean", "std", "var", "prod")],
    "np.std(A, ddof=1)", "np.var(A, axis=0, ddof=1)", "np.mean([s, x[0]])", "np.std([s, x[0]])", "np.var([s, x[0]])",
    "np.cumsum(A, axis=0)", "np.cumsum(A)", "np.diff(A)", "np.diff(A, axis=0)", "np.diff(x, n=2)",
    "np.gradient(x)", "np.gradient(x, 0.5)", "np.gradient(A)[0]", "np.gradient(A, axis=1)", "A.sum(0)", "A.mean()", "x.max()",
    "x.std()", "x.var(ddof=1)", "np.average(x, weights=p)", "np.median(x)", "np.nansum(A)",
    "np.cov(A)",
    # Products.
    "np.dot(A, B)", "np.dot(A, x)", "np.dot(T, B)", "np.dot(x, B)", "np.dot(s, A)", "np.dot(T, x)", "np.matmul(A, B)",
    "np.matmul(T, U)", "T @ B", "x @ B", "A @ x", "x @ y", "np.matmul(D, z)", "C @ C", "np.inner(A, A)", "np.inner(A, x)",
    "np.outer(A, x)", "np.kron(A, M)", "np.kron(x, A)", "np.tensordot(A, B, 1)", "np.tensordot(A, B.T, 2)",
    "np.tensordot(T, A, axes=[[1, 2], [0, 1]])", "np.tensordot(T, A, axes=([2], [1]))", "np.tensordot(x, y, 0)",
    "np.einsum('ij,jk->ik', A, B)", "np.einsum('ij->ji', A)", "np.einsum('ii', M)", "np.einsum('ii->i', M)",
    "np.einsum('ijk,ikl->il', T, U)", "np.einsum('i,i', x, y)", "np.einsum('...j,j->...', T, x)", "np.einsum('ij,j', A, x)",
    "np.einsum('ij,jk,k', A, B, M[0])", "np.einsum('ij->', A)", "np.einsum(A, [0, 1], B, [1, 2], [0, 2])",
    "np.einsum('i,j->ij', z, w)", "np.cross(A[:, :3], M)", "np.cross(M[0], N[1])", "np.cross(M, N, axis=0)",
    # Linear algebra.
    "la.inv(M)", "la.inv(C)", "la.det(M)", "la.det(C)", "la.slogdet(M)[1]", "la.slogdet(N)[0]", "la.solve(M, N)",
    "la.solve(M, N[0])", "la.solve(C, D)", "la.pinv(A)", "la.pinv(B)", "la.cholesky(M @ M.T + np.eye(3))",
    "la.cholesky(C @ np.conj(C.T) + np.eye(3))", "la.eigh(M + M.T)[0]", "la.eigh(M + M.T)[1] ** 2", "la.norm(x)",
    "la.norm(A)", "la.norm(A, axis=0)", "la.norm(A, axis=1, ord=1)", "la.norm(A, 'fro')", "la.norm(A, 'nuc')", "la.norm(x, 3)",
    "la.norm(T, axis=(0, 2))", "la.norm(z)", "la.norm(x, 1)", 
    "la.svd(A, full_matrices=False)[0] ** 2", "la.svd(A, full_matrices=False)[2] ** 2", "la.svd(A, compute_uv=False)",
    "np.abs(la.eig(M)[0])", "np.real(la.eig(M @ M.T)[0])", "la.inv(T[:, :, :3] @ np.eye(3) + 4 * np.eye(3))",
    "la.eigh(C + np.conj(C.T))[0]", "np.real(la.det(C + 1))", "la.svd(D, full_matrices=False)[1]", "la.pinv(D)",
    # Fourier transforms.
    *[f"np.fft.{f}({v})" for f in ("fft", "ifft") for v in ("x", "z", "A", "A, axis=0", "x, n=6", "x, 3", "D, norm='ortho'")],
    *[f"np.fft.{f}({v})" for f in ("fft2", "ifft2", "fftn", "ifftn") for v in ("A", "D", "T", "A, s=(2, 6)")],
    *[f"np.fft.{f}({v})" for f in ("fftshift", "ifftshift") for v in ("x", "A", "A, axes=1")],
    *[f"np.fft.rfft({v})" for v in ("x", "A", "x, 6", "B, axis=0", "x, norm='ortho'")],
    *[f"np.fft.irfft({v})" for v in ("z", "D", "z, 4", "D, axis=0")],
    *[f"np.fft.{f}({v})" for f in ("rfft2", "rfftn") for v in ("A", "T", "A, norm='ortho'")],
    *[f"np.fft.{f}({v})" for f in ("irfft2", "irfftn") for v in ("D",)],
    # SciPy.
    "sp.beta(p, q)", "sp.betaln(p, q)", "sp.betainc(1.5, 2.5, p)", "sp.gammainc(1.5, p)", "sp.gammaincc(1.5, p)",
    "sp.gammainc(p, q)", "sp.gammaincc(p, q)", "sp.betainc(p, q, s)",
    "sp.multigammaln(p + 2, 3)", "sp.polygamma(1, p)", "sp.polygamma(2, p + 1)", "sp.jn(2, p)", "sp.yn(2, p + 1)",
    "sp.iv(2.5, p)", "sp.ive(1.5, p)", "sp.iv(2, p)", "sp.logsumexp(x)", "sp.logsumexp(A, axis=0)",
    "sp.logsumexp(A, axis=1, b=p)", "sp.logsumexp(A, axis=(0, 1))", "sp.logsumexp(A, axis=1, keepdims=True)",
    "sl.sqrtm(M @ M.T)", "sl.solve_triangular(M, N)", "sl.solve_triangular(M, N[0], trans=1, lower=True)",
    "sl.solve_triangular(M, N, trans='T')", "sl.solve_sylvester(M, N, A[:, :3])", "sl.solve_banded((1, 1), A + 4, N[0, :3][[0, 1, 2, 0]])",
    "sl.expm(M / 4)", "sig.convolve(x, y)", "sig.convolve(A, B, mode='full')",
    "sig.convolve(A, N[:2, :2], mode='valid')", "sig.convolve(A, B, axes=([1], [0]))",
    "st.norm.pdf(x, y, p)", "st.norm.logpdf(x, y, p)", "st.norm.cdf(x, y, p)", "st.norm.logcdf(x, y, p)",
    "st.norm.sf(x, y, p)", "st.norm.logsf(x, y, p)", "st.norm.logpdf(A, x)", "st.norm.pdf(s)", "st.t.pdf(x, p + 1, y, q)",
    "st.t.logpdf(x, p + 1, y, q)", "st.t.cdf(x, 3.0)", "st.t.logcdf(x, 3.0)", "st.t.cdf(x, 3.0, y, q)",
    "st.beta.pdf(p, q + 1, q + 2)", "st.beta.logpdf(p, q + 1, q + 2)", "st.beta.cdf(p, 1.5, 2.5)", "st.chi2.pdf(p, q + 2)",
    "st.chi2.logpdf(p, q + 2)", "st.chi2.cdf(p, 2.5)", "st.gamma.pdf(p, q + 1)", "st.gamma.logpdf(p, q + 1)",
    "st.gamma.cdf(p, 1.5)", "st.poisson.pmf(np.array([0, 1, 2, 5]), p)", "st.poisson.logpmf(np.array([0, 1, 2, 5]), p)",
    "st.poisson.cdf(np.array([0, 1, 2, 5]), p)", "st.dirichlet.logpdf(p[:3] / np.sum(p[:3]), q[:3])",
    "st.dirichlet.pdf(p[:3] / np.sum(p[:3]), q[:3])", "st.dirichlet.logpdf(np.array([0.2, 0.3, 0.4, 0.1]), q)",
    "st.multivariate_normal.logpdf(A[:, :3], M[0], N @ N.T)", "st.multivariate_normal.pdf(A[:, :3], M[0], N @ N.T)",
    "st.multivariate_normal.logpdf(M[1], M[0], N @ N.T)", "st.multivariate_normal.entropy(M[0], N @ N.T)",
    "odeint(lambda y, t, a: -y * a + np.sin(t), x, np.array([0.0, 0.4, 1.0]), (s,))",
    # Containers.
    "ag.builtins.dict(a=x, b=s)['a'] * 2", "ag.builtins.tuple((x, s))[0]", "ag.builtins.list([x, s])[1] * x",
]  # fmt: skip
