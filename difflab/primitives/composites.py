"""Rows that are short programs in other rows: covariance, polynomials, running sums in NumPy's newer names."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Value
from . import batches
from .arguments import axis_of, cast, constant, refuse
from .creation import reader
from .extremes import opaque, read_median, read_quantile
from .primitive import NUMPY, Carrier, Reading, composite, custom, named
from .quotient import Quotient, fraction


# Covariance.
def read_cov(
    m: Carrier,
    y: Value = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Value = None,
    fweights: Value = None,
    aweights: Value = None,
    *,
    dtype: Any = None,
) -> Value:
    refuse(fweights=fweights, aweights=aweights)
    x = cast(variables(m, rowvar), dtype)
    if y is not None:
        x = np.concatenate([x, variables(y, rowvar)])
    return (x,), {"ddof": int(not bias) if ddof is None else int(ddof)}


def variables(x: Value, rowvar: bool) -> Value:
    """The samples as a matrix with a row for each variable."""
    shape = Carrier.shape(x)
    if len(shape) > 2:
        raise ShapeError(f"cov: an array of shape {shape}; it takes one or two axes")
    return np.transpose(x) if len(shape) == 2 and not rowvar and shape[0] != 1 else np.atleast_2d(x)


def covariance(m: Carrier, x: Value, *, ddof: int) -> Value:
    d = x - m.mean(x, axis=(1,), keepdims=True)
    other = m.conjugate(d) if m.is_complex(x) else d
    c = m.divide(m.matmul(d, m.transpose(other, axes=(1, 0))), max(m.shape(x)[1] - ddof, 0))
    return m.reshape(c, shape=()) if m.shape(x)[0] == 1 else c


def correlation(m: Carrier, x: Value) -> Value:
    c = covariance(m, x, ddof=1)
    if m.ndim(c) == 0:
        return m.divide(c, c)
    n = m.shape(c)[0]
    s = m.sqrt(m.real(m.getitem(c, index=(np.arange(n), np.arange(n)))))
    return c / m.reshape(s, shape=(n, 1)) / m.reshape(s, shape=(1, n))


composite(
    "cov",
    covariance,
    doc="The covariance matrix of variables in rows.",
    arguments=read_cov,
    spelling={"numpy": lambda x, *, ddof: np.cov(x, ddof=ddof)},
    flops=8,
)
composite(
    "corrcoef",
    correlation,
    doc="The correlation matrix of variables in rows.",
    arguments=lambda x, y=None, rowvar=True, *, dtype=None: (read_cov(x, y, rowvar, dtype=dtype)[0], {}),
    flops=9,
)


# Running sums under their newer names.
def read_cumulative(name: str, old: str) -> Value:
    def read(
        x: Value, /, *, axis: Value = None, dtype: Any = None, out: object = None, include_initial: bool = False
    ) -> Value:
        refuse(out=out)
        if include_initial:
            raise InputError(f"{name}: include_initial=True is not supported on traced values; use np.concatenate")
        if axis is None:
            if Carrier.ndim(x) != 1:
                raise ShapeError(f"{name}: an array of shape {Carrier.shape(x)} needs an axis")
            axis = 0
        return (cast(x, dtype),), {"axis": axis_of(name, x, axis)}, old

    return read


reader("cumulative_sum", "The running sum along an axis.", read_cumulative("cumulative_sum", "cumsum"))
reader("cumulative_prod", "The running product along an axis.", read_cumulative("cumulative_prod", "cumprod"))


# Polynomials, coefficients highest first.
def polynomial_sum(sign: float) -> Value:
    def value(m: Carrier, a: Value, b: Value) -> Value:
        n, k = m.size(a), m.size(b)
        size = max(n, k)

        def put(x: Value, length: int) -> Value:
            return m.scatter(x, index=(slice(size - length, size),), shape=(size,))

        return put(a, n) + put(b, k) if sign > 0 else put(a, n) - put(b, k)

    return value


def coefficients(name: str, p: Value) -> Value:
    if Carrier.ndim(p) > 1:
        raise ShapeError(f"{name}: coefficients of shape {Carrier.shape(p)}; a polynomial has them in one axis")
    return np.atleast_1d(p)


def read_two_polynomials(name: str) -> Value:
    return lambda a1, a2: ((coefficients(name, a1), coefficients(name, a2)), {})


def read_order(p: Value, m: int = 1) -> Value:
    return (coefficients("the derivative or integral of a polynomial", p),), {"m": operator.index(m)}


def derivative(m_: Value, p: Value, *, m: int) -> Value:
    for _ in range(m):
        n = m_.size(p)
        p = m_.getitem(p, index=(slice(0, n - 1),)) * np.arange(n - 1, 0, -1)
    return p


def read_integral(p: Value, m: int = 1, k: Value = None) -> Value:
    if np.any(np.asarray(0 if k is None else k)):
        raise InputError("polyint: constants of integration are not supported on traced values; add them to the result")
    return read_order(p, m)


def integral(m_: Value, p: Value, *, m: int) -> Value:
    for _ in range(m):
        n = m_.size(p)
        p = m_.scatter(m_.divide(p, np.arange(n, 0, -1)), index=(slice(0, n),), shape=(n + 1,))
    return p


def read_vander(x: Value, N: Value = None, increasing: bool = False) -> Value:
    if Carrier.ndim(x) != 1:
        raise ShapeError(f"vander: an array of shape {Carrier.shape(x)}; its powers are taken of numbers in one axis")
    n = Carrier.size(x) if N is None else operator.index(N)
    x = cast(x, np.promote_types(Carrier.dtype(x), int))
    return (x,), {"powers": tuple(range(n)) if increasing else tuple(range(n - 1, -1, -1))}


for _name, _sign, _what in (("polyadd", 1.0, "sum"), ("polysub", -1.0, "difference")):
    composite(
        _name,
        polynomial_sum(_sign),
        doc=f"The {_what} of two polynomials.",
        arguments=read_two_polynomials(_name),
    )
reader(
    "polymul",
    "The product of two polynomials.",
    lambda a1, a2: ((coefficients("polymul", a1), coefficients("polymul", a2)), {"mode": "full"}, "convolve"),
)
composite("polyder", derivative, doc="The m-th derivative of a polynomial.", arguments=read_order)
composite(
    "polyint", integral, doc="The m-th antiderivative of a polynomial, with constants 0.", arguments=read_integral
)


def vander(m: Carrier, x: Value, *, powers: tuple[int, ...]) -> Value:
    columns = [m.ones_like(x) if k == 0 else m.power(x, k) for k in powers]
    return m.stack(*columns, axis=1) if columns else np.zeros((*m.shape(x), 0), m.dtype(x))


composite(
    "vander",
    vander,
    doc="The powers of x, a column each.",
    arguments=read_vander,
    spelling={"numpy": lambda x, *, powers: vander(NUMPY, x, powers=powers)},
)


# Angles without jumps.
def read_unwrap(p: Value, discont: Value = None, axis: int = -1, *, period: float = 2 * np.pi) -> Value:
    return (p,), {"discont": discont, "axis": axis_of("unwrap", p, axis), "period": period}


custom(
    "unwrap",
    jvp=lambda m, ts, y, x, **params: ts[0],
    vjp=lambda m, ct, y, x, **params: (ct,),
    spelling={"elements": "kernels.arrays.no_elements"},
    doc="Angles with whole turns added, so that neighbours do not jump.",
    arguments=read_unwrap,
    non_differentiable="a jump of half a turn",
    batch=batches.axes,
)


# Small things.
reader(
    "real_if_close",
    "The array itself where it is real; the real part where all imaginary parts are near zero.",
    lambda a, tol=100: ((a,), {}, "real" if _nearly_real(a, tol) else "copy"),
)


def _nearly_real(a: Value, tol: float) -> bool:
    if Carrier.dtype(a).kind != "c":
        return False
    limit = tol * np.finfo(Carrier.dtype(a)).eps if tol > 1 else tol
    return bool(np.all(np.abs(np.imag(a)) < limit))


def read_linalg_diagonal(x: Value, /, *, offset: int = 0) -> Value:
    n = Carrier.ndim(x)
    return (x,), {"offset": offset, "axis1": n - 2, "axis2": n - 1}, "diagonal"


def read_linalg_trace(x: Value, /, *, offset: int = 0, dtype: Any = None) -> Value:
    n = Carrier.ndim(x)
    return (cast(x, dtype),), {"offset": offset, "axis1": n - 2, "axis2": n - 1}, "trace"


reader("linalg_diagonal", "The diagonals of matrices.", read_linalg_diagonal, reads=("linalg.diagonal",), called=())
reader("linalg_trace", "The traces of matrices.", read_linalg_trace, reads=("linalg.trace",), called=())
reader(
    "linalg_matrix_transpose",
    "The last two axes exchanged.",
    lambda x, /: ((x,), {}, "matrix_transpose"),
    reads=("linalg.matrix_transpose",),
    called=(),
)
reader(
    "diag_indices_from",
    "The places of the diagonal.",
    lambda arr: constant(np.diag_indices(Carrier.shape(arr)[0], Carrier.ndim(arr))),
)
reader(
    "tril_indices_from",
    "The places on and below a diagonal.",
    lambda arr, k=0: constant(np.tril_indices(Carrier.shape(arr)[0], k, Carrier.shape(arr)[1])),
)
reader(
    "triu_indices_from",
    "The places on and above a diagonal.",
    lambda arr, k=0: constant(np.triu_indices(Carrier.shape(arr)[0], k, Carrier.shape(arr)[1])),
)
for _name, _what in (("isreal", "real"), ("iscomplex", "complex")):
    opaque(_name, f"Whether each element is {_what}", named("x"), batch=batches.stacks)
opaque(
    "lexsort",
    "The order by several keys, the last one first",
    lambda keys, axis=-1: ((np.stack(list(keys)) if isinstance(keys, list | tuple) else keys,), {"axis": axis}),
    reading=Reading("apart"),
)
composite(
    "divmod",
    lambda m, x, y: [m.floor_divide(x, y), m.remainder(x, y)],
    doc="The quotient rounded down, and the remainder.",
    outputs=2,
    glyph="divmod",
    flops=2,
)
composite(
    "modf",
    lambda m, x: [x - m.trunc(x), m.trunc(x)],
    doc="The part behind the point and the part before it.",
    outputs=2,
    flops=2,
)


# The same without NaNs, in order: NaNs sort to the end, so the quantile of what is there reads only the front.
def nan_quantile(m: Carrier, x: Value, *, q: float, axis: Value, keepdims: bool, whole: int = 1) -> Value:
    n = m.ndim(x)
    axis = tuple(range(n)) if axis is None else axis
    kept = tuple(k for k in range(n) if k not in axis)
    shape = m.shape(x)
    rows = m.reshape(
        m.transpose(x, axes=(*axis, *kept)),
        shape=(
            -1 if m.size(x) == 0 else m.size(x) // max(int(np.prod([shape[k] for k in kept])), 1),
            *(shape[k] for k in kept),
        ),
    )
    rows = m.sort(rows, axis=0)
    last = m.sum(m.astype(m.equal(rows, rows), dtype=float), axis=(0,), keepdims=True) - 1.0
    place = m.clip(m.multiply(last, whole_share(q, whole)), 0.0, np.inf)
    below = m.floor(place)
    low = m.take_along_axis(rows, m.astype(below, dtype=int), axis=0)
    high = m.take_along_axis(rows, m.astype(m.ceil(place), dtype=int), axis=0)
    y = low + (high - low) * (place - below)
    return m.reshape(
        y,
        shape=tuple(1 if k in axis else length for k, length in enumerate(shape))
        if keepdims
        else tuple(shape[k] for k in kept),
    )


def whole_share(q: Value, whole: int) -> Value:
    """q / whole, as a number that remembers the quotient."""
    return q if whole == 1 else Quotient(fraction(q) / whole)


def read_nan_quantile(name: str, scale: float) -> Value:
    read = read_quantile(name, scale)

    def arguments(*args: Value, **kwargs: Any) -> Value:
        operands, params = read(*args, **kwargs)
        if params.pop("method") != "linear" or np.ndim(params["q"]):
            raise InputError(f"{name}: on traced values it takes a single q and method='linear'")
        return operands, params

    return arguments


composite(
    "nanquantile",
    nan_quantile,
    doc="A quantile over the axes, NaNs left out.",
    arguments=read_nan_quantile("nanquantile", 1.0),
    non_differentiable="two equal elements",
    flops=9,
)
composite(
    "nanpercentile",
    lambda m, x, **params: nan_quantile(m, x, whole=100, **params),
    doc="A percentile over the axes, NaNs left out.",
    arguments=read_nan_quantile("nanpercentile", 100.0),
    non_differentiable="two equal elements",
    flops=9,
)
composite(
    "nanmedian",
    lambda m, x, *, axis, keepdims: nan_quantile(m, x, q=0.5, axis=axis, keepdims=keepdims),
    doc="The median over the axes, NaNs left out.",
    arguments=read_median,
    non_differentiable="two equal elements in the middle",
    flops=9,
)

composite(
    "angle",
    lambda m, z, *, deg: m.arctan2(m.imag(z), m.real(z)) * (180.0 / np.pi if deg else 1.0),
    doc="The angle of a complex number from the positive real axis.",
    glyph="∠",
    latex=r"\arg({0})",
    arguments=lambda z, deg=False: ((z,), {"deg": bool(deg)}),
    non_differentiable="z = 0",
    flops=10,
    facts={"one formula"},
)
reader(
    "unique_values",
    "The different elements in ascending order.",
    lambda x, /: ((x,), {}, "unique"),
)


def read_trim_zeros(filt: Value, trim: str = "fb", axis: Value = None) -> Value:
    if trim.__class__ is not str:
        raise InputError(f"trim_zeros: trim={trim!r}; it is 'f', 'b' or 'fb'")
    if Carrier.ndim(filt) != 1:
        raise ShapeError(f"trim_zeros: an array of shape {Carrier.shape(filt)}; traced values need one axis")
    places = [int(k) for k in np.flatnonzero(filt)]
    start = places[0] if places and "f" in trim.lower() else 0
    stop = places[-1] + 1 if places and "b" in trim.lower() else filt.shape[0]
    return (filt,), {"index": (slice(start, stop if places else 0),)}, "getitem"


reader("trim_zeros", "The array without the zeros at its ends.", read_trim_zeros)
