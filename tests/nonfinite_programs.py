"""Random programs that NumPy, JAX and PyTorch all run, with what makes NaN and infinities on purpose."""

from __future__ import annotations

import numpy as np

UNARY = "sqrt log exp log1p sin square cosh".split()
POINTS = (0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 30.0, 1e3)


def step(rng, m, values, harmless=False):
    """One more value from two of those that there are; `m` is the library."""
    a, b = (values[i] for i in rng.integers(len(values), size=2))
    kind = rng.integers(12)
    if harmless:
        return (m.sin(a), m.tanh(b), m.sin(a) * m.tanh(b), m.sin(a) + b / 4, m.tanh(a) - m.sin(b))[kind % 5]
    if kind < 3:
        return getattr(m, UNARY[rng.integers(len(UNARY))])(a)
    if kind == 3:
        return a / b
    if kind == 4:
        return a * b
    if kind == 5:
        return a - b
    if kind == 6:
        return m.where(a > 0, a, b)
    if kind == 7:
        return a - a.sum() / 3
    if kind < 11:
        return m.where(a > 0, getattr(m, UNARY[rng.integers(len(UNARY))])(a), b)
    return a[1:].sum() * b + a[0]


def program(seed, steps=6):
    """A function of a library and a vector of three numbers, and a point; the same one for each library."""
    rng = np.random.default_rng(seed)
    point = rng.choice(POINTS, 3)

    def f(m, x):
        again, values = np.random.default_rng([seed, 1]), [x]
        for _ in range(steps):
            values.append(step(again, m, values))
        return values[-1].sum()

    return f, point


def planted(seed, steps=8):
    """The same, of harmless operations and branches that are not taken, with the logarithm of a negative number in it.

    In the branches stand square roots of negative numbers, which spoil nothing.
    """
    rng = np.random.default_rng(seed)
    place, index = int(rng.integers(1, steps)), int(rng.integers(3))

    def f(m, x):
        again, values = np.random.default_rng([seed, 1]), [x]
        for k in range(steps):
            v = step(again, m, values, harmless=True)
            if again.random() < 0.4:
                v = m.where(v > 1e6, m.sqrt(-2.0 - v * v), v)
            if k == place:
                v = m.log(m.tanh(v) + 1.5 - 4.0 * one_hot(m, index))
            values.append(v)
        return sum(v.sum() for v in values)

    return f, rng.normal(size=3), index


def one_hot(m, index):
    values = [float(k == index) for k in range(3)]
    return m.tensor(values) if hasattr(m, "tensor") else m.array(values)
