"""Arguments for the public functions of jax.numpy, jax.nn and jax.scipy.special; which of them have no derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

RNG = np.random.default_rng(5)


class Sample(NamedTuple):
    """Arguments that are differentiated by, and how the function is called on them."""

    args: tuple[Any, ...]
    call: Callable[..., Any] | None = None


V, W = RNG.normal(size=(2, 6))
P = RNG.uniform(0.5, 2.5, 6)
U = RNG.uniform(0.1, 0.9, 6)
M = RNG.uniform(1.2, 3.0, 6)
A, B = RNG.normal(size=(2, 3, 3))
T = RNG.normal(size=(4, 3))
X = RNG.normal(size=(2, 3, 4))
SPD = A @ A.T + 3 * np.eye(3)
GAPS = np.where(RNG.normal(size=(3, 4)) > 0.6, np.nan, RNG.normal(size=(3, 4)))
Q = RNG.normal(size=(2, 5, 2, 4))
PLACES = np.array([2, 0, 5, 0])


def each(names: str, *args: Any) -> dict[str, Sample]:
    return {name: Sample(args) for name in names.split()}


def called(names: str, call: Callable[..., Any], *args: Any) -> dict[str, Sample]:
    return {name: Sample(args, call) for name in names.split()}


def updated(f: Any, x: Any, *rest: Any) -> Any:
    return f(x, *rest, inplace=False)


NUMPY: dict[str, Sample] = {
    **each("abs absolute angle around arcsinh arctan asinh atan atleast_1d atleast_2d atleast_3d cbrt ceil", V),
    **each("conj conjugate copy cos cosh deg2rad degrees exp exp2 expm1 fabs floor i0 ", V),
    **each("imag nan_to_num negative positive rad2deg radians real rint round sign sin sinc sinh square tan tanh", V),
    **each("trunc ravel sort sort_complex unwrap diff ediff1d cumsum cumulative_sum cumprod cumulative_prod", V),
    **each("nancumsum nancumprod zeros_like ones_like asarray array modf frexp ", V),
    **each("log log10 log1p log2 sqrt reciprocal", P),
    **each("arccos acos arcsin asin arctanh atanh", 2 * U - 1),
    **each("arccosh acosh", M),
    **each("add subtract multiply divide true_divide maximum minimum fmax fmin hypot arctan2 atan2 copysign", V, W),
    **each("logaddexp logaddexp2 heaviside fmod mod remainder floor_divide divmod", V, W),
    **each("convolve correlate outer inner vdot dot vecdot kron append polyadd polysub polymul ", V, W),
    **each("power pow float_power", P, W),
    **each("amax amin max min mean median sum prod std var ptp ", X),
    **each("nanmax nanmin nanmean nanmedian nansum nanprod nanstd nanvar", GAPS),
    **each("matmul cross ", A, B),
    **each("tensordot", A, B),
    **each(
        "diag diagflat diagonal trace tril triu transpose matrix_transpose flip fliplr flipud rot90 corrcoef cov", A
    ),
    **each("gradient trapezoid average squeeze ", X),
    **each("vander", V[:3]),
    **each("polyder polyint", V),
    **each("matvec", A, B[0]),
    **each("vecmat", B[0], A),
    **each("polyval", V[:4], W),
    **called("append", lambda f, a, b: f(a, b), V, W),
    **called("apply_along_axis", lambda f, x: f(lambda v: v**2, 1, x), X),
    **called("apply_over_axes", lambda f, x: f(__import__("jax").numpy.sum, x, [0, 2]), X),
    **called("partition", lambda f, x: f(x, 2), V),
    **called("array_split split hsplit", lambda f, x: f(x, 3), V),
    **called("vsplit", lambda f, x: f(x, 2), T),
    **called("dsplit", lambda f, x: f(x, 2), X),
    **called("unstack", lambda f, x: f(x), T),
    **called("astype", lambda f, x: f(x, "float32"), V),
    **called("bincount", lambda f, w: f(PLACES, w, length=6), V[:4]),
    **called("block", lambda f, a, b: f([[a, b], [b, a]]), A, B),
    **called("broadcast_arrays", lambda f, a, b: f(a, b), A, B[0]),
    **called("broadcast_to", lambda f, x: f(x, (4, 6)), V),
    **called("choose", lambda f, a, b: f(np.array([0, 1, 1, 0, 1, 0]), [a, b], mode="clip"), V, W),
    **called("clip", lambda f, x: f(x, -0.5, 0.7), V),
    **called("column_stack dstack hstack vstack stack concat concatenate", lambda f, a, b: f([a, b]), V, W),
    **called("compress", lambda f, x: f(np.array([True, False, True]), x, size=2, axis=0), A),
    **called("delete", lambda f, x: f(x, np.array([1, 3])), V),
    **called("einsum", lambda f, a, b: f("ij,kj->ik", a, b), A, B),
    **called("expand_dims", lambda f, x: f(x, 1), V),
    **called("extract", lambda f, x: f(np.array([1, 0, 1, 1, 0, 0], bool), x, size=3, fill_value=0), V),
    **called("fill_diagonal", updated, A, V[:3]),
    **called("full_like", lambda f, x, y: f(x, y), A, V[0]),
    **called("full", lambda f, x: f((2, 3), x), V[0]),
    **called("geomspace", lambda f, a, b: f(a, b, 5), P[0], P[1]),
    **called("linspace logspace", lambda f, a, b: f(a, b, 5), P[0], P[1]),
    **called("insert", lambda f, x, y: f(x, np.array([1, 3]), y), V, W[:2]),
    **called("interp", lambda f, x, y: f(x, np.linspace(-2, 2, 6), y), V, W),
    **called("ldexp", lambda f, x: f(x, np.array([1, 2, -1, 0, 3, 2])), V),
    **called("meshgrid", lambda f, a, b: f(a, b), V, W),
    **called("moveaxis rollaxis swapaxes", lambda f, x: f(x, 2, 0), X),
    **called("nanpercentile percentile", lambda f, x: f(x, 30.0), X),
    **called("nanquantile quantile", lambda f, x: f(x, 0.3), X),
    **called("pad", lambda f, x: f(x, ((1, 2), (0, 1))), A),
    **called("permute_dims", lambda f, x: f(x, (2, 0, 1)), X),
    **called("piecewise", lambda f, x: f(x, [x < 0, x > 1], [lambda v: -v, lambda v: v**2, lambda v: v]), V),
    **called("place", lambda f, x, y: f(x, np.arange(6) % 2 == 0, y, inplace=False), V, W[:3]),
    **called("put", lambda f, x, y: f(x, np.array([1, 4]), y, inplace=False), V, W[:2]),
    **called("put_along_axis", lambda f, x, y: f(x, np.array([[0], [2], [1]]), y, axis=1, inplace=False), A, B[:, :1]),
    **called("poly", lambda f, x: f(x), V[:3]),
    **called("polydiv", lambda f, a, b: f(a, b), V, M[:3]),
    **called("polyfit", lambda f, x, y: f(x, y, 2), V, W),
    **called("repeat", lambda f, x: f(x, 2), V),
    **called("reshape", lambda f, x: f(x, (3, 2)), V),
    **called("resize", lambda f, x: f(x, (4, 2)), V),
    **called("roll", lambda f, x: f(x, 2), V),
    **called("roots", lambda f, x: f(x, strip_zeros=False), np.array([1.0, -6.2, 11.1, -5.9])),
    **called("select", lambda f, a, b: f([np.arange(6) < 2, np.arange(6) < 4], [a, b], 0.5), V, W),
    **called("take", lambda f, x: f(x, PLACES), V),
    **called("take_along_axis", lambda f, x: f(x, np.array([[0, 2], [2, 1], [1, 1]]), axis=1), A),
    **called("tile", lambda f, x: f(x, (2, 2)), A),
    **called("trim_zeros", lambda f, x: f(x), V),
    **called("vectorize", lambda f, x: f(lambda v: v**2 + 1)(x), V),
    **called("where", lambda f, a, b: f(np.arange(6) % 2 == 0, a, b), V, W),
    **called("fromfunction", lambda f, x: f(lambda i, j: x * i + j, (3, 2)), V[0]),
    **called("frompyfunc", lambda f, a, b: f(lambda p, q: p * q, 2, 1)(a, b), V, W),
    **called("histogram", lambda f, x, w: f(x, bins=4, range=(-2, 2), weights=w)[0], V, W),
    **called("histogram2d", lambda f, x, w: f(x, x, bins=3, range=[(-2, 2), (-2, 2)], weights=w)[0], V, W),
    **called("histogramdd", lambda f, x, w: f(x, bins=2, range=[(-2, 2)] * 3, weights=w)[0], T, V[:4]),
}
LINALG: dict[str, Sample] = {
    **each("cholesky cond det inv pinv slogdet matrix_norm norm trace diagonal matrix_transpose", SPD),
    **each("qr eigvalsh svdvals eig eigvals", SPD),
    **each("svd eigh", SPD),
    **each("solve matmul tensordot vecdot cross", SPD, B),
    **each("outer", V, W),
    **each("vector_norm", V),
    **called("lstsq", lambda f, a, b: f(a, b)[0], T, W[:4]),
    **called("matrix_power", lambda f, a: f(a, 3), A),
    **called("multi_dot", lambda f, a, b, c: f([a, b, c]), T, A, B),
    **called("tensorinv", lambda f, a: f(a.reshape(2, 3, 6), ind=2), RNG.normal(size=(6, 6))),
    **called("tensorsolve", lambda f, a, b: f(a.reshape(2, 3, 6), b.reshape(2, 3)), RNG.normal(size=(6, 6)), V),
}
FFT: dict[str, Sample] = {
    **each("fft ifft rfft ihfft fftshift ifftshift hfft irfft", V),
    **each("fft2 fftn ifft2 ifftn rfft2 rfftn irfft2 irfftn", X),
}
NN: dict[str, Sample] = {
    **each("celu elu gelu hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid mish relu relu6 selu", V),
    **each("sigmoid silu soft_sign softplus sparse_plus sparse_sigmoid squareplus swish tanh identity glu", V),
    **each("log_softmax softmax logsumexp logmeanexp standardize", X),
    **each("log1mexp", P),
    **called("dot_product_attention", lambda f, q, k, v: f(q, k, v, is_causal=True), Q, Q[::-1], Q * 0.5),
}
SPECIAL: dict[str, Sample] = {
    **each("digamma entr gammaln loggamma gamma exp1 spence i0 i0e i1 i1e expi", P),
    **each("erf erfc erfcx dawsn ndtr log_ndtr expit sici fresnel", V),
    **each("erfinv logit ndtri", U),
    **each("factorial", P),
    **each("beta betaln xlogy xlog1py rel_entr kl_div", P, M),
    **each("boxcox boxcox1p", P, W),
    **each("zeta", M, P),
    **each("gammainc gammaincc poch comb", P, M),
    **each("betainc", P, M, U),
    **each("hyp1f1", P, M, U),
    **each("hyp2f1", P[:3], M[:3], M[:3] + 2, U[:3] / 2),
    **each("owens_t", V, W),
    **each("log_softmax softmax logsumexp", X),
    **called("multigammaln", lambda f, x: f(x, 2), M),
    **called("polygamma", lambda f, x: f(np.array([1, 2, 1, 3, 2, 1]), x), P),
    **called("expn", lambda f, x: f(2, x), P),
    **called("bessel_jn", lambda f, x: f(x, v=3), P),
    **called("sph_harm_y", lambda f, t, p: f(np.array([2]), np.array([1]), t, p, n_max=2), P[:1], P[1:2]),
}
SAMPLES = {
    "jax.numpy": NUMPY,
    "jax.numpy.linalg": LINALG,
    "jax.numpy.fft": FFT,
    "jax.nn": NN,
    "jax.scipy.special": SPECIAL,
}
# Places, truth values, whole numbers, things made of no argument, files and texts: nothing to differentiate.
UNDERIVABLE = {
    "jax.numpy": """all allclose any arange argmax argmin argpartition argsort argwhere array_equal array_equiv
        array_repr array_str bartlett bitwise_and bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or
        bitwise_right_shift bitwise_xor blackman broadcast_shapes can_cast count_nonzero diag_indices diag_indices_from
        digitize einsum_path empty empty_like equal eye flatnonzero from_dlpack frombuffer fromfile fromiter fromstring
        gcd get_printoptions greater greater_equal hamming hanning histogram_bin_edges identity indices intersect1d
        invert isclose iscomplex iscomplexobj isdtype isfinite isin isinf isnan isneginf isposinf isreal isrealobj
        isscalar issubdtype iterable ix_ kaiser lcm left_shift less less_equal lexsort load logical_and logical_not
        logical_or logical_xor mask_indices nanargmax nanargmin ndim nonzero not_equal ones packbits printoptions
        nextafter promote_types ravel_multi_index spacing trim_zeros
        result_type right_shift save savez searchsorted set_printoptions setdiff1d
        setxor1d shape signbit size tri tril_indices tril_indices_from triu_indices triu_indices_from union1d unique
        unique_all unique_counts unique_inverse unique_values unpackbits unravel_index zeros""",
    "jax.numpy.linalg": "matrix_rank",
    "jax.numpy.fft": "fftfreq rfftfreq",
    "jax.nn": "one_hot get_scaled_dot_general_config scaled_matmul scaled_dot_general",
    "jax.scipy.special": "bernoulli gammasgn wofz",
}
