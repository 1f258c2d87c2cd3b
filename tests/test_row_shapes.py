"""The words among a row's facts that say how its values go hold on each row's domain: convex, increasing, and so on."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import table_arrays
from test_primitives_elementwise import sample

from difflab.primitives import TABLE, rows

ROUNDING = 1e-12


def calls(row):
    """The row as a function of its operands, with operands: points of the domain, or what its cases record."""
    if row.kind == "elementwise":
        small = [np.where(np.abs(x) < 1e6, x, 1.0) for x in sample(row, 400, 9)]
        yield row.evaluate, small
        return
    taken = [(xs, params) for xs, params, _ in table_arrays.calls(row.name) if all(map(real, xs))]
    assert taken
    for xs, params in taken:
        if row is rows.logsumexp and len(xs) > 1:
            continue  # in its exponents only: what weights do is a rule of its own
        yield partial(row.evaluate, **params), [np.asarray(x) for x in xs]


def real(x):
    return np.asarray(x).dtype.kind in "fiu" and np.all(np.isfinite(x))


def moved(row, xs, seed, step):
    """Other operands of the same kind, without those that are fixed."""
    rng = np.random.default_rng(seed)
    fixed = getattr(row, "fixed", ())
    return [x if k in fixed else step(rng, x) for k, x in enumerate(xs)]


def elsewhere(row, xs, seed):
    if row.kind == "elementwise":
        return [np.random.default_rng(seed).permutation(x) for x in xs]
    return moved(row, xs, seed, lambda rng, x: x + rng.normal(size=x.shape))


def pairs(row):
    """The row as a function and two points, with the value at both."""
    for f, xs in calls(row):
        for seed in range(5):
            ys = elsewhere(row, xs, seed)
            yield f, xs, ys, f(*xs), f(*ys)


def at_most(a, b):
    """a <= b up to rounding; infinities and what has no value count as equal."""
    size = ROUNDING * (1 + np.maximum(np.abs(a), np.abs(b)))
    with np.errstate(invalid="ignore"):
        return np.all((a <= b + size) | ~np.isfinite(a - b))


def convex(row, sign=1):
    for f, xs, ys, fx, fy in pairs(row):
        middle = f(*[x if x is y else x + (y - x) / 2 for x, y in zip(xs, ys)])
        assert at_most(sign * middle, sign * (fx + fy) / 2)


def concave(row):
    convex(row, sign=-1)


def increasing(row):
    for f, xs, ys, fx, _ in pairs(row):
        assert at_most(fx, f(*map(np.maximum, xs, ys)))


def outward(row):
    rng = np.random.default_rng(4)
    for f, xs, _, fx, _ in pairs(row):
        further = [x * (1 + rng.random(x.shape)) for x in xs]
        other_side = [x * rng.choice([-1, 1], x.shape) for x in xs]
        assert at_most(fx, f(*further)) and at_most(fx, f(*other_side)) and at_most(f(*other_side), fx)


def not_negative(row):
    for *_, fx, _ in pairs(row):
        assert not np.any(fx < 0)


def sums(row):
    """Linear in what is not fixed, and not negative where the operands are not."""
    for f, xs, ys, fx, fy in pairs(row):
        both = f(*[x if x is y else x + y for x, y in zip(xs, ys)])
        np.testing.assert_allclose(both, fx + fy, rtol=1e-9, atol=1e-9)
        assert np.all(f(*moved(row, xs, 0, lambda rng, x: np.abs(x))) >= 0)


CHECKS = (convex, concave, increasing, outward, not_negative, sums)
SAID = [(row, check) for check in CHECKS for row in TABLE.values() if check.__name__.replace("_", " ") in row.facts]


@pytest.mark.parametrize("row, check", SAID, ids=lambda x: getattr(x, "__name__", getattr(x, "name", "")))
def test_what_is_said_of_a_row_holds_on_its_domain(row, check):
    with np.errstate(all="ignore"):
        check(row)


def test_each_word_is_said_of_some_row():
    assert {check for _, check in SAID} == set(CHECKS)
