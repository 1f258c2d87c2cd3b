"""The complex step: f'(x) = Im f(x + ih) / h, without subtraction and so without cancellation.

It runs through the graph, with rules of its own where NumPy's complex functions are not the analytic continuation of
the real one: np.abs would drop the imaginary part without a word. Squire and Trapp (1998), "Using complex variables
to estimate derivatives of real functions".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from ..errors import UnsupportedError
from ..primitives import NUMPY, Primitive
from ..primitives.carriers import Carrier, NumpyCarrier
from ..primitives.kernels import arrays as kernels_arrays
from .problem import Problem
from .stopped import pinned
from .transform import watched

STEP = 1e-200


def follow(pick: Callable[..., Any]) -> Callable[..., Any]:
    """A selection between values, decided by the real parts."""
    return lambda a, b: np.asarray(np.where(pick(np.real(a), np.real(b)), a, b))[()]


def by_real_part(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs, **params: function(*[np.real(x) for x in xs], **params)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) by the exponential that does not overflow."""
    right = np.real(x) >= 0
    small = np.exp(np.where(right, -x, x))
    return (np.where(right, 1, small) / (1 + small))[()]


def log_of_sum(exp: Callable[..., Any], log1p: Callable[..., Any]) -> Callable[..., Any]:
    """log(exp(a) + exp(b)) from the larger one on, so that nothing overflows."""

    def rule(a: Any, b: Any) -> Any:
        larger = np.real(a) >= np.real(b)
        return np.where(larger, a, b) + log1p(exp(np.where(larger, b - a, a - b)))

    return rule


def extreme(argument: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        x = np.asarray(x)
        axes = tuple(range(x.ndim)) if axis is None else axis
        kept = [k for k in range(x.ndim) if k not in axes]
        flat = np.transpose(x, (*kept, *axes)).reshape((*[x.shape[k] for k in kept], -1))
        place = argument(flat.real, axis=-1)
        out = np.take_along_axis(flat, np.expand_dims(place, -1), -1)[..., 0]
        return out.reshape([1 if k in axes else n for k, n in enumerate(x.shape)]) if keepdims else out[()]

    return reduce


def power(x: Any, y: Any) -> Any:
    """x**y; for a negative base and a whole exponent by -x, because log(x) would bring in pi, rounded."""
    narrow = np.asarray(x).dtype in (np.complex64, np.float32)
    x, y = np.asarray(x, dtype=np.complex64 if narrow else complex), np.asarray(y, dtype=complex)
    whole = (y.imag == 0) & (y.real == np.rint(y.real))
    turned = whole & (x.real < 0)
    odd = turned & (np.remainder(y.real, 2) == 1)
    base = np.where(turned, -x, x)
    small = whole & (np.abs(y.real) <= 3)  # exactly as products, which also holds at 0
    products = base ** np.where(small, y.real, 1.0).astype(int)
    found = np.where(small, products, np.exp(y * np.log(base)))
    return np.where(odd, -found, found).astype(x.dtype)[()]


COMPLEX: dict[str, Callable[..., Any]] = {
    "power": power,
    "float_power": power,
    "absolute": lambda x: np.where(np.real(x) < 0, -x, x)[()],
    "fabs": lambda x: np.where(np.real(x) < 0, -x, x)[()],
    "maximum": follow(lambda a, b: a >= b),
    "minimum": follow(lambda a, b: a <= b),
    "fmax": follow(lambda a, b: a >= b),
    "fmin": follow(lambda a, b: a <= b),
    "max": extreme(np.argmax),
    "min": extreme(np.argmin),
    "logaddexp": log_of_sum(np.exp, np.log1p),
    "logaddexp2": log_of_sum(np.exp2, lambda x: np.log1p(x) / np.log(2)),
    "logsumexp": kernels_arrays.logsumexp,
    "softmax": kernels_arrays.softmax,
    "log_softmax": kernels_arrays.log_softmax,
    "heaviside": lambda x, h: np.where(np.real(x) == 0, h, np.heaviside(np.real(x), 0))[()],
    "sigmoid": sigmoid,
    "relu": lambda x: np.where(np.real(x) > 0, x, 0)[()],
    "hypot": lambda a, b: np.sqrt(a * a + b * b),
    "arctan2": lambda y, x: (
        np.angle(np.real(x) + 1j * np.real(y))
        + 1j * (np.real(x) * np.imag(y) - np.real(y) * np.imag(x)) / (np.real(x) ** 2 + np.real(y) ** 2)
    ),
    "real": lambda x: x,
    "stop_gradient": np.real,
    "conjugate": lambda x: x,
    "astype": lambda x, *, dtype: x if np.dtype(dtype).kind in "fc" else np.real(x).astype(dtype),
}
# What NumPy and SciPy compute of complex numbers is no continuation, or loses a small imaginary part: LAPACK takes
# conjugates, SciPy's scaled Bessel functions have exp(-|Re x|), and its other functions here round to the size of the
# real part.
UNFIT = frozenset(
    "cholesky eigh svd irfft i0 i1 i0e i1e iv ive kv kve kn jv yv yn erfcx dawsn log_ndtr erfc_repeated "
    "dawsn_derivative sinc_derivative".split()
)
DECISIONS = frozenset(
    "less less_equal greater greater_equal equal not_equal sign floor ceil trunc rint round isnan isinf "
    "isfinite signbit argmax argmin argsort floor_divide nonzero count_nonzero searchsorted digitize any all "
    "logical_and logical_or logical_not logical_xor".split()
)


class ComplexCarrier(NumpyCarrier):
    """NumPy's complex numbers as real numbers with a small imaginary part."""

    name = "complex"

    def function(self, row: Primitive) -> Callable[..., Any]:
        spelled = row.spelling.get("complex")
        if callable(spelled):
            return spelled  # type: ignore[no-any-return]
        name = row.name if row.listed else ""
        if name in COMPLEX:
            return COMPLEX[name]
        if name in DECISIONS or not row.differentiable:
            return by_real_part(NUMPY.of(row))
        plain = NUMPY.of(row)
        composed = row.value

        def either(*xs: Any, **params: Any) -> Any:
            if not any(np.iscomplexobj(x) for operand in xs for x in several(operand)):
                return plain(*xs, **params)
            if name in UNFIT:
                raise no_complex_values(row)
            continued = plain if composed is None else partial(composed, self)
            try:
                if row.kind == "elementwise" and getattr(special, name, None) is plain:
                    without = [np.real(x) + 0j if np.iscomplexobj(x) else x for x in xs]
                    if np.any(np.imag(continued(*without, **params)) != 0):  # its rounding would pass for a derivative
                        raise no_complex_values(row)
                return continued(*xs, **params)
            except (TypeError, ValueError):
                raise no_complex_values(row) from None

        return either


def several(x: Any) -> tuple[Any, ...]:
    """The values of an operation with several outputs, which may be lists of them."""
    return tuple(v for part in x for v in several(part)) if isinstance(x, tuple | list) else (x,)


def no_complex_values(row: Primitive) -> UnsupportedError:
    return UnsupportedError(
        f"{row.name} has no complex values here, so the complex step cannot pass through it; use another scheme"
    )


CARRIER = ComplexCarrier()


def complex_step(problem: Problem) -> tuple[list[Any], int]:
    """The partial derivatives, and the number of evaluations."""
    graph, held = pinned(problem.graph, problem.values)
    for node in graph.order:
        values = (node.value,) if hasattr(node.value, "dtype") else node.value  # of several outputs
        if any(Carrier.dtype(y).kind == "c" for y in values):
            raise UnsupportedError(
                f"complex numbers flow in the function ({node.primitive.name}), and the complex step needs their "
                "imaginary parts for itself; use another scheme"
            )
    results, count = [], 0
    for k in problem.places:
        x = np.asarray(problem.values[k], dtype=float)
        found = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            h = STEP * max(abs(float(x[index])), 1.0)
            values = list(problem.values)
            moved = x.astype(complex)
            moved[index] += 1j * h
            values[k] = moved[()]
            with np.errstate(all="ignore"), watched() as seen:
                y = graph.evaluate([*values, *held], CARRIER)[graph.outputs[0]]
            if any(np.iscomplexobj(leaf) for leaf in seen):
                raise UnsupportedError("stop_gradient stands in code that is not recorded: use another scheme")
            found[index] = np.imag(y) / h
            count += 1
        results.append(found[()])
    return results, count
