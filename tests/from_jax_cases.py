"""Operations of jax.lax with arguments at which their values, special points among them, are compared."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)  # before any number is made
lax, jnp = jax.lax, jax.numpy

RNG = np.random.default_rng(7)
V, W = RNG.normal(size=(2, 6))
P, U = RNG.uniform(0.5, 2.5, 6), RNG.uniform(0.1, 0.9, 6)
A, B = RNG.normal(size=(2, 4, 4))
X = RNG.normal(size=(2, 3, 5))
ODD = np.array([-0.0, 0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994])
WHOLE = np.array([7, -7, 7, -7, 0, 5, -1, 6])
BY = np.array([2, 2, -2, -2, 3, 0, 1, -4])
SHIFTED = np.array([7, -7, 1, -1, 5, -5, 2**31 - 1, -(2**31)], np.int32)
COUNTS = np.array([1, 2, 31, 31, 32, 40, 3, 31], np.int32)
FLOATS = np.array([1.0, -1.5, 0.0, -0.0, 5e-324, -2.3e-308, 1.7e308, np.inf, -np.inf, np.nan, 0.1, 4503599627370497.0])
with np.errstate(over="ignore"):
    SINGLES = FLOATS.astype(np.float32)
BITS = SINGLES.view(np.int32)
LARGE = np.array([1.9, -1.9, 255.5, 300.0, 3e9, -3e9, np.nan, np.inf])
TIES = np.array([3.0, 1.0, 3.0, np.nan, 1.0, np.nan, -0.0, 0.0])
IMAGE, FILTERS = RNG.normal(size=(2, 4, 6, 7)), RNG.normal(size=(6, 2, 3, 2))
SPD = A @ A.T + 4 * np.eye(4)


def gathered(mode: str) -> Any:
    numbers = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0, 1))
    at = np.array([[0, 1], [3, 2], [-2, 0], [9, 9]])
    return lambda x: lax.gather(x, at, numbers, (1, 2), mode=mode)


def scattered(f: Any, mode: str, at: Any = ((1,), (3,), (7,), (-1,))) -> Any:
    numbers = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    return lambda x, v: f(x, np.array(at), v[: len(at)], numbers, mode=mode, unique_indices=f is not lax.scatter_add)


def backwards(f: Any, x: Any) -> Any:
    return f(x, 1, reverse=True)


def convolved(x: Any, w: Any, **options: Any) -> Any:
    return lax.conv_general_dilated(x, w, **{"window_strides": (1, 1), "padding": "SAME", **options})


GRADIENTS: dict[str, tuple[Any, ...]] = {
    **{
        name: (getattr(lax, name), V)
        for name in "abs asinh atan cbrt cos cosh erf erfc exp exp2 expm1 logistic neg sign sin sinh square tan tanh "
        "bessel_i0e bessel_i1e floor ceil".split()
    },
    **{name: (getattr(lax, name), P) for name in "lgamma digamma log log1p sqrt rsqrt".split()},
    **{name: (getattr(lax, name), U) for name in "asin acos atanh erf_inv".split()},
    "acosh": (lax.acosh, P + 1),
    **{name: (getattr(lax, name), V, W) for name in "add sub mul div max min atan2 rem".split()},
    "pow": (lax.pow, P, W),
    "pow of a whole exponent": (lambda x: lax.pow(x, np.array([2, -1, 0, 3, 1, -2])), V),
    "igamma": (lambda x: lax.igamma(P, x), U),
    "igammac": (lambda x: lax.igammac(P, x), U),
    "betainc": (lambda x: lax.betainc(P, P[::-1].copy(), x), U),
    "polygamma": (lambda x: lax.polygamma(np.array([0.0, 1.0, 2.0, 3.0, 1.0, 0.0]), x), P),
    "integer_pow": (lambda x: lax.integer_pow(x, -3), V),
    "clamp": (lambda x: lax.clamp(-0.5, x, 0.7), V),
    "select_n": (lambda x, y: lax.select_n(V > 0, x, y), V, W),
    "select_n of three": (lambda x, y: lax.select_n(np.array([0, 1, 2, 2, 1, 0]), x, y, x * y), V, W),
    "nan_safe": (lambda x: jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0), V),
    "broadcast_in_dim": (lambda x: lax.broadcast_in_dim(x, (3, 6, 2), (1,)), V),
    "reshape": (lambda x: lax.reshape(x, (5, 6), dimensions=(2, 0, 1)), X),
    "transpose": (lambda x: lax.transpose(x, (2, 0, 1)), X),
    "rev": (lambda x: lax.rev(x, (0, 2)), X),
    "slice": (lambda x: lax.slice(x, (0, 1, 0), (2, 3, 5), (1, 1, 2)), X),
    "concatenate": (lambda x, y: lax.concatenate([x, y], 1), A, B),
    "pad": (lambda x, v: lax.pad(x, v, ((1, 2, 1), (-1, 1, 0))), A, W[0]),
    "pad by zeros": (lambda x: lax.pad(x, 0.0, ((-1, 2, 2), (3, -2, 1))), A),
    "pad away": (lambda x: lax.pad(x, 0.0, ((-5, 3, 0), (0, 0, 0))), A),
    "squeeze": (lambda x: lax.squeeze(x[:, :1], (1,)), A),
    "split": (lambda x: lax.split(x, (1, 3, 1), 2), X),
    "reduce_sum": (lambda x: jnp.sum(x, (0, 2)), X),
    "reduce_prod": (lambda x: jnp.prod(x, 1), X),
    "reduce_max": (lambda x: jnp.max(x, (0, 1)), X),
    "reduce_min": (lambda x: jnp.min(x, 2), X),
    **{name: (partial(backwards, getattr(lax, name)), X) for name in "cumsum cumprod cummax cummin".split()},
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x, 2), X),
    "cumlogsumexp of far numbers": (lambda x: lax.cumlogsumexp(800 * x, 1, reverse=True), A),
    "sort": (lambda x: lax.sort(x, dimension=1), X),
    "sort by two keys": (lambda x, y: lax.sort((jnp.round(x), y, x * y), dimension=0, num_keys=2), A, B),
    "top_k": (lambda x: lax.top_k(x, 3)[0], X),
    "dot_general": (lambda x, y: lax.dot_general(x, y, (((1,), (2,)), ((0,), (0,)))), X, np.moveaxis(X, 1, 2).copy()),
    "dot of a matrix and a vector": (lambda x, y: x @ y, A, B[0]),
    "einsum": (lambda x, y: jnp.einsum("bij,kj->bki", x, y), X, RNG.normal(size=(4, 5))),
    "dynamic_slice": (lambda x: lax.dynamic_slice(x, (1, 3), (2, 2)), A),
    "dynamic_slice at a computed place": (lambda x: lax.dynamic_slice(x, (jnp.argmax(x[:, 0]), 9), (2, 2)), A),
    "dynamic_update_slice": (lambda x, y: lax.dynamic_update_slice(x, y[:2, :3], (3, -9)), A, B),
    "update at a computed place": (lambda x, y: lax.dynamic_update_slice(x, y[:2], (jnp.argmin(x[:, 1]), 0)), A, B),
    "gather clip": (gathered("clip"), A),
    "gather fill": (lambda x: jnp.nan_to_num(gathered("fill")(x)), A),
    "take at computed places": (lambda x: jnp.take(x, jnp.argsort(x[0]) - 2, axis=1), A),
    "take_along_axis": (lambda x: jnp.take_along_axis(x, jnp.argsort(x, 0)[:2], 0), A),
    "index in the middle": (lambda x: x[:, jnp.argsort(x[0, :, 0])[:2], 1:3], X),
    "indices apart": (lambda x: x[np.array([0, 1, 1]), :, jnp.argmax(x[0], 1)], X),
    "scatter drop": (scattered(lax.scatter, "drop", ((1,), (3,), (7,))), A, B),
    "scatter clip": (scattered(lax.scatter, "clip", ((1,), (3,), (-1,))), A, B),
    "scatter_add": (scattered(lax.scatter_add, "drop", ((1,), (1,), (9,), (0,))), A, B),
    "scatter_mul": (scattered(lax.scatter_mul, "drop", ((1,), (3,), (0,))), A, B),
    "scatter_max": (scattered(lax.scatter_max, "drop", ((1,), (3,), (7,))), A, B),
    "scatter_min": (scattered(lax.scatter_min, "drop", ((2,), (3,), (7,))), A, B),
    "at a computed place add": (lambda x, v: jnp.asarray(x).at[jnp.argsort(v[0]), 1].add(v[1]), A, B),
    "at a computed place set": (lambda x, v: jnp.asarray(x).at[jnp.argsort(v[0]) * 2].set(v, mode="drop"), A, B),
    "scatter at the same place": (lambda x, v: jnp.asarray(x).at[np.array([1, 1, 7, 2])].max(v, mode="drop"), A, B),
    "segment_max of computed ones": (lambda x: jax.ops.segment_max(x, jnp.argsort(x[0]) // 2, 2), A),
    "segment_sum": (lambda x: jax.ops.segment_sum(x, np.array([0, 2, 0, 1]), 3), A),
    "cholesky": (lambda x: jnp.linalg.cholesky(x @ x.T + jnp.eye(4)), A),
    "eigh": (lambda x: jnp.linalg.eigh(x + x.T)[0], A),
    "svd": (lambda x: jnp.linalg.svd(x, compute_uv=False), A),
    "qr": (lambda x: jnp.abs(jnp.linalg.qr(x)[1]), A),
    "lu": (lambda x: lax.linalg.lu(x)[0], A),
    "lu of many": (lambda x: lax.linalg.lu(x)[0], X),
    "solve": (lambda x, y: jnp.linalg.solve(x, y), SPD, B),
    "inv": (jnp.linalg.inv, SPD),
    "det": (jnp.linalg.det, A),
    "slogdet": (lambda x: jnp.linalg.slogdet(x)[1], A),
    "solve_triangular": (lambda x, y: jax.scipy.linalg.solve_triangular(x, y, trans=1, lower=True), SPD, B),
    "cho_solve": (lambda x, y: jax.scipy.linalg.cho_solve((jnp.linalg.cholesky(x), True), y), SPD, B),
    "expm": (lambda x: jax.scipy.linalg.expm(x / 3), A),
    "conjugate gradients": (lambda x, y: jax.scipy.sparse.linalg.cg(lambda v: x @ v, y[0], tol=1e-14)[0], SPD, B),
    "fft": (lambda x: jnp.abs(jnp.fft.fft(x)), V),
    "rfft": (lambda x: jnp.abs(jnp.fft.rfft(x)) + jnp.sum(jnp.fft.irfft(x + 0j, 7)), V),
    "complex": (lambda x, y: jnp.real(lax.complex(x, y) * jnp.conj(jnp.exp(lax.complex(y, x)))), V, W),
    "convolution": (lambda x, w: convolved(x, w, feature_group_count=2), IMAGE, FILTERS),
    "convolution of dilated arrays": (
        lambda x, w: convolved(
            x, w, feature_group_count=2, lhs_dilation=(2, 1), rhs_dilation=(1, 2), padding=((2, -1), (0, 3))
        ),
        IMAGE,
        FILTERS,
    ),
    "convolution with channels last": (
        lambda x, w: convolved(
            jnp.transpose(x, (0, 2, 3, 1)), jnp.transpose(w, (2, 3, 1, 0)), window_strides=(2, 1),
            feature_group_count=2, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        ),
        IMAGE,
        FILTERS,
    ),
    "conv_transpose": (
        lambda x, w: lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")),
        IMAGE,
        RNG.normal(size=(3, 4, 3, 3)),
    ),
    "convolve complex": (lambda x, y: jnp.abs(jnp.convolve(lax.complex(x, y), lax.complex(y, x))), V, W),
    "max_pool": (lambda x: lax.reduce_window(x, -np.inf, lax.max, (1, 1, 3, 2), (1, 1, 2, 2), "SAME"), IMAGE),
    "min_pool": (lambda x: lax.reduce_window(x, np.inf, lax.min, (1, 2, 3, 2), (1, 2, 1, 2), "VALID"), IMAGE),
    "sum_pool": (lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 1, 3, 2), (1, 1, 2, 2), "SAME"), IMAGE),
    "stop_gradient": (lambda x: x * lax.stop_gradient(x), V),
    "reduce_precision": (lambda x: lax.reduce_precision(x, 8, 23), V),
    "tile": (lambda x: jnp.tile(x, (2, 3)), A),
    "stack": (lambda x, y: jnp.stack([x, y], 1), A, B),
    "where of large": (lambda x: jnp.where(x > 0, jnp.exp(x * 900), 1.0), -np.abs(V)),
    "vmap": (jax.vmap(lambda x, y: jnp.outer(x, y) @ x), A, B),
    "gradient": (jax.grad(lambda x: jnp.sum(jnp.tanh(x) ** 3)), V),
    "jacobian": (jax.jacfwd(lambda x: jnp.sin(x) * x[0]), V),
    "hessian": (jax.hessian(lambda x: jnp.prod(x) + jnp.sum(x**4)), V),
}  # fmt: skip
VALUES: dict[str, tuple[Any, ...]] = {
    "at a mask": (lambda x, v: jnp.asarray(x).at[V[:4] > 0].multiply(v[0]), A, B),  # JAX has no gradient of it
    "zeta": (lax.zeta, P + 1, P),
    **{
        name: (getattr(lax, name), ODD)
        for name in "abs neg sign floor ceil is_finite exp log1p tanh square logistic erf".split()
    },
    "round to even": (lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN), ODD),
    "round away": (lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO), ODD),
    "lgamma of negatives": (lax.lgamma, np.array([-0.5, -1.5, 0.0, -1.0, 171.0, 1e300])),
    "digamma of negatives": (lax.digamma, np.array([-0.5, -1.5, 1e-9, 30.0])),
    "erf_inv at ends": (lax.erf_inv, np.array([-1.0, 1.0, 0.0, 1 - 1e-15, -1e-300])),
    "gamma": (jax.scipy.special.gamma, np.array([-0.5, -1.5, -0.0, 0.0, 4.0, -3.0])),
    **{
        name: (getattr(lax, name), ODD.repeat(len(ODD)), np.tile(ODD, len(ODD)))
        for name in "rem max min atan2 eq ne lt le gt ge pow".split()
    },
    **{f"{name} of whole numbers": (getattr(lax, name), WHOLE, BY) for name in "div rem max min add mul".split()},
    **{
        f"{name} of bits": (getattr(lax, f"bitwise_{name}"), WHOLE, BY)
        for name in "and or xor".split()
    },
    "not": (lax.bitwise_not, WHOLE),
    **{
        name: (getattr(lax, name), SHIFTED, COUNTS)
        for name in "shift_left shift_right_arithmetic shift_right_logical".split()
    },
    "floor_divide": (jnp.floor_divide, WHOLE, BY[:5].repeat(8)[:8]),
    "divide whole by zero": (lax.div, WHOLE.astype(np.uint8), BY.astype(np.uint8)),
    "nextafter": (lax.nextafter, FLOATS.repeat(12), np.tile(FLOATS, 12)),
    "bits": (lambda x: lax.bitcast_convert_type(x, np.int64), FLOATS),
    "bits without a sign": (lambda x: lax.bitcast_convert_type(x, np.uint32) >> 20, SINGLES),
    "floats of bits": (lambda x: lax.bitcast_convert_type(x, np.float32), BITS),
    "copysign": (jnp.copysign, ODD[:, None], ODD),
    "to whole numbers": (lambda x: lax.convert_element_type(x, np.int32), LARGE),
    "to bytes": (lambda x: lax.convert_element_type(x, np.uint8), LARGE),
    "to large whole numbers": (lambda x: lax.convert_element_type(x, np.int64), np.array([9.3e18, -9.3e18, 1e17])),
    "to truth": (lambda x: lax.convert_element_type(x, bool), ODD),
    "argmax with ties": (lambda x: lax.argmax(x[:3], 0, np.int32), TIES),
    "argmax with NaN": (lambda x: lax.argmax(x, 0, np.int64), TIES),
    "argmin with NaN": (lambda x: lax.argmin(x, 0, np.int64), TIES),
    "sort with NaN": (lambda x: lax.sort(x), TIES),
    "sort pairs": (lambda x: lax.sort((x, jnp.arange(8)), num_keys=1), TIES),
    "top_k with ties": (lambda x: lax.top_k(x, 5), TIES),
    "cummax with NaN": (lambda x: lax.cummax(x), TIES),
    "reduce and": (lambda x: jnp.all(x > 0, 1), A),
    "reduce or": (lambda x: jnp.any(x > 2, 0), A),
    "max of nothing": (lambda x: lax.reduce_max(x[:, :0], (1,)), A),
    "sum of nothing": (lambda x: jnp.sum(x[:0], 0), A),
    "gather fill outside": (gathered("fill"), A),
    "gather fill of whole numbers": (gathered("fill"), np.arange(16).reshape(4, 4)),
    "searchsorted": (lambda x: jnp.searchsorted(jnp.sort(x), np.array([-1.0, 0.0, 3.0])), V),
    "bincount": (lambda x: jnp.bincount(jnp.clip(x, 0, 9), length=10), WHOLE),
    "convolve whole numbers": (lambda x, y: jnp.convolve(x, y), WHOLE, BY),
    "segment_prod": (lambda x: jax.ops.segment_prod(x, np.array([0, 2, 0, 1]), 3), A),
    "one_hot": (lambda x: jax.nn.one_hot(x, 8), WHOLE),
    "iota and mask": (lambda x: jnp.where(jnp.tri(4, dtype=bool), x, -jnp.inf), A),
    "float16": (lambda x: jnp.tanh(x.astype(np.float16)) * 2, V),
}  # fmt: skip
