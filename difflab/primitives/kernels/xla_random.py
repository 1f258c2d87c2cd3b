"""Random numbers from a key on JAX's arrays: NumPy's own, to the bit, computed where they are needed.

Philox 4x64-10 by J. Salmon, M. Moraes, R. Dror and D. Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011). Each
block of four words is a function of its number and the key, so a batch that lies on many devices is drawn there, each
part by its own.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...types import Shape, Value
from .networks import random_uniform as host_random_uniform
from .xla import jax, jnp

FACTORS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
ROUNDS = 10
LOW = 0xFFFFFFFF


def random_uniform(key: Value, *, shape: Shape, dtype: Any) -> Value:
    """Numbers in [0, 1); where JAX has no words of 64 bits NumPy draws them, called out of the compiled program."""
    if not jax.config.jax_enable_x64:
        draw = partial(host_random_uniform, shape=shape, dtype=dtype)
        return jax.pure_callback(draw, jax.ShapeDtypeStruct(shape, dtype), key, vmap_method="sequential")
    count = int(np.prod(shape, dtype=int))
    words = jax.lax.bitcast_convert_type(jnp.asarray(key).astype("int64"), "uint64")
    single = np.dtype(dtype) == np.float32
    blocks = -(-count // (8 if single else 4))
    drawn = jnp.stack(philox(jnp.arange(1, blocks + 1, dtype="uint64"), words[0], words[1]), axis=1)
    if single:  # each word is two numbers, the low half first
        halves = jnp.stack([drawn & word(LOW), drawn >> word(32)], axis=2)
        found = (halves >> word(8)).astype(dtype) * np.float32(2.0**-24)
    else:
        found = (drawn >> word(11)).astype(dtype) * 2.0**-53
    return jnp.reshape(jnp.reshape(found, -1)[:count], shape)


def philox(number: Value, first: Value, second: Value) -> list[Value]:
    """The four words of each block."""
    zero = jnp.zeros_like(number)
    a, b, c, d = number, zero, zero, zero
    for _ in range(ROUNDS):
        (high, low), (high_2, low_2) = product(FACTORS[0], a), product(FACTORS[1], c)
        a, b, c, d = high_2 ^ b ^ first, low_2, high ^ d ^ second, low
        first, second = first + word(STEPS[0]), second + word(STEPS[1])
    return [a, b, c, d]


def product(factor: int, x: Value) -> tuple[Value, Value]:
    """The two words of a product of two words, by halves."""
    low, high = x & word(LOW), x >> word(32)
    f_low, f_high = word(factor & LOW), word(factor >> 32)
    lows, cross, back = low * f_low, high * f_low, low * f_high
    middle = (lows >> word(32)) + (cross & word(LOW)) + (back & word(LOW))
    above = high * f_high + (cross >> word(32)) + (back >> word(32)) + (middle >> word(32))
    return above, x * word(factor)


def word(x: int) -> Value:
    return np.uint64(x)
