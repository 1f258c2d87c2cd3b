"""Elementwise rows on JAX's arrays, without the cancellation, or the overflow, of their formulas."""

from __future__ import annotations

from math import factorial

import numpy as np

from ...types import Value
from .xla import jax, jnp


# Division: by the integer 0 it gives 0, as NumPy's does; a quotient that is 0 has the sign of x / y.
def floor_divide(x: Value, y: Value) -> Value:
    x, y = jnp.asarray(x), jnp.asarray(y)
    if whole(x, y):
        return jnp.where(y == 0, 0, jnp.floor_divide(x, jnp.where(y == 0, 1, y)))
    found = jnp.floor_divide(x, y)
    return jnp.where(found == 0, jnp.copysign(0.0, x / y).astype(found.dtype), found)


def remainder(x: Value, y: Value) -> Value:
    x, y = jnp.asarray(x), jnp.asarray(y)
    return jnp.where(y == 0, 0, jnp.remainder(x, jnp.where(y == 0, 1, y))) if whole(x, y) else jnp.remainder(x, y)


def fmod(x: Value, y: Value) -> Value:
    x, y = jnp.asarray(x), jnp.asarray(y)
    return jnp.where(y == 0, 0, jnp.fmod(x, jnp.where(y == 0, 1, y))) if whole(x, y) else jnp.fmod(x, y)


def whole(*xs: Value) -> bool:
    return all(x.dtype.kind in "biu" for x in xs)


def round(x: Value, *, decimals: int = 0) -> Value:
    """Of integers to tens and hundreds as well, halves to even."""
    x = jnp.asarray(x)
    if x.dtype.kind not in "iu" or decimals >= 0:
        return jnp.round(x, decimals)
    unit = 10**-decimals
    below = jnp.floor_divide(x, unit)
    rest = 2 * (x - below * unit)
    up = (rest > unit) | ((rest == unit) & (below % 2 == 1))
    return (below + up) * unit


def modf(x: Value) -> Value:
    x = jnp.asarray(x)
    whole = jnp.trunc(x)
    return jnp.copysign(jnp.where(jnp.isinf(x), 0.0, x - whole), x), whole


def gammaln(x: Value) -> Value:
    return jnp.where(x == -jnp.inf, x, jax.scipy.special.gammaln(x))


def digamma(x: Value) -> Value:
    return jnp.where(x == 0, jnp.copysign(jnp.inf, -x), jax.scipy.special.digamma(x))


def gelu(x: Value, *, approximate: str = "none") -> Value:
    if approximate == "none":
        return x * jax.scipy.special.ndtr(x)
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x * x * x)
    return x * jax.nn.sigmoid(2 * inner)


def tanhshrink(x: Value) -> Value:
    """By the series of x cosh(x) - sinh(x), whose terms are 2k x^(2k + 1) / (2k + 1)!, where x is small."""
    small = jnp.abs(x) < 1
    t = jnp.where(small, x, 0)
    square, total = t * t, jnp.zeros_like(t)
    for k in range(10, 0, -1):
        total = total * square + 2 * k / factorial(2 * k + 1)
    return jnp.where(small, t * square * total / jnp.cosh(t), x - jnp.tanh(x))


def direction(x: Value, y: Value) -> Value:
    """x / hypot(x, y); 0 at the origin."""
    large = jnp.maximum(jnp.abs(x), jnp.abs(y))
    scale = jnp.where((large == 0) | ~jnp.isfinite(large), 1.0, large)
    a, b = x / scale, y / scale
    h = jnp.sqrt(a * a + b * b)
    return jnp.where(h == 0, 0.0, a / jnp.where(h == 0, 1.0, h))


def cosm1(x: Value) -> Value:
    return -2 * jnp.square(jnp.sin(x / 2))


def exprel(x: Value) -> Value:
    return jnp.where(x == 0, 1.0, jnp.expm1(x) / jnp.where(x == 0, 1.0, x))


def pseudo_huber(d: Value, r: Value) -> Value:
    q = r / d
    return d * d * (q * q / (jnp.sqrt(1 + q * q) + 1))


def log_cosh(x: Value) -> Value:
    """log1p(cosh(x) - 1) with cosh(x) - 1 = 2 sinh(x/2)^2 near 0; |x| - log 2 and a rest far away."""
    size = jnp.abs(x)
    near = size < 1
    return jnp.where(
        near,
        jnp.log1p(2 * jnp.square(jnp.sinh(jnp.where(near, x, 0) / 2))),
        size + jnp.log1p(jnp.exp(-2 * size)) - np.log(2.0),
    )


def log_ndtr(x: Value) -> Value:
    """log(1 - Q) on the right; on the left by the scaled complement, which does not underflow."""
    right = x > -1
    a, b = jnp.where(right, x, 0), jnp.where(right, -1, x)
    special, root = jax.scipy.special, np.sqrt(2.0)
    return jnp.where(right, jnp.log1p(-special.erfc(a / root) / 2), jnp.log(special.erfcx(-b / root) / 2) - b * b / 2)


def erfi(x: Value) -> Value:
    return 2 / np.sqrt(np.pi) * jnp.exp(x * x) * jax.scipy.special.dawsn(x)


def erfcinv(x: Value) -> Value:
    return -jax.scipy.special.ndtri(x / 2) / np.sqrt(2.0)


def polygamma(x: Value, *, n: int) -> Value:
    return jax.scipy.special.polygamma(n, x)


def betaln(x: Value, y: Value) -> Value:
    special = jax.scipy.special
    return special.gammaln(x) + special.gammaln(y) - special.gammaln(x + y)


def beta(x: Value, y: Value) -> Value:
    return jnp.exp(betaln(x, y))


def quarters(x: Value) -> tuple[Value, Value]:
    """The rest of x to the nearest multiple of a half, and which multiple it is, by quarters of the circle."""
    n = jnp.round(2 * x)
    return x - n / 2, jnp.mod(n, 4)


def sinpi(x: Value) -> Value:
    r, n = quarters(x)
    s, c = jnp.sin(np.pi * r), jnp.cos(np.pi * r)
    return jnp.where(n == 0, s, jnp.where(n == 1, c, jnp.where(n == 2, -s, -c)))


def cospi(x: Value) -> Value:
    r, n = quarters(x)
    s, c = jnp.sin(np.pi * r), jnp.cos(np.pi * r)
    return jnp.where(n == 0, c, jnp.where(n == 1, -s, jnp.where(n == 2, -c, s)))


def sinc(x: Value) -> Value:
    small = jnp.abs(x) < 1e-9
    t = np.pi * jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0, sinpi(jnp.where(small, 1.0, x)) / t)
