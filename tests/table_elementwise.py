"""Elementwise rows against mpmath: value, slopes, second and mixed derivatives, and every carrier's spelling.

Few points each, with the tails and the branch points of the domain; `test_primitives_elementwise.py` measures ulps.
Every check returns how many comparisons it made; none is no proof.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, NamedTuple

import mpmath
import mpmath_functions as mp_rows
import mpmath_truths
import numpy as np
from mpmath import mp, mpf
from test_primitives_elementwise import sample

import difflab as dl
from difflab.graph.traced import apply
from difflab.primitives import NUMPY, TABLE
from difflab.primitives.found import find

POINTS = 6
# Rows of truth values and of integers: Python's own operators.
PLAIN = {
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "logical_not": lambda a: not a,
    "bitwise_and": lambda a, b: a & b,
    "bitwise_or": lambda a, b: a | b,
    "bitwise_xor": lambda a, b: a ^ b,
    "invert": lambda a: ~a,
    "stop_gradient": lambda x: x,
    "imag": lambda x: mpf(0),
}
WHOLE = {"bitwise_and": 2, "bitwise_or": 2, "bitwise_xor": 2, "invert": 1}


class Truth(NamedTuple):
    """A point with the value, the slopes and the second derivatives there; slopes only where there is no kink."""

    xs: list[Any]
    value: Any
    slopes: dict[int, Any]
    seconds: dict[tuple[int, int], Any]


def function_of(name):
    return PLAIN.get(name) or mp_rows.function_named(name)


def examples(row):
    return row.examples or ({},)


def slanted(row, operands):
    """The operands that the row has a derivative by."""
    wanted = [i for i, rule in enumerate(row.partials) if rule is not None and operands[i].dtype.kind == "f"]
    return wanted if row.differentiable and row.name != "stop_gradient" else []


@cache
def operands_of(name):
    row = TABLE[name]
    if name in WHOLE:
        return [np.array([5, 12, 0, 255, 6, -3])[:: (-1) ** i] for i in range(WHOLE[name])]
    if name == "imag":
        return [np.array([0.5, -2.0])]
    found = beside_branches(row, sample(row, POINTS, 21))
    if name.startswith("logical"):
        return [np.array([True, False, True, False]), np.array([True, True, False, False])][: len(found)]
    return found


def beside_branches(row, operands):
    """The sample with points on both sides of each branch point, at the first point's other operands."""
    points = [list(p) for p in zip(*operands)]
    for i, domain in enumerate(row.domain):
        for v in (b + s for b in domain.branch_points for s in (-0.3, 0.3)):
            if domain.low < v < domain.high and operands[i].dtype.kind == "f":
                points.append([v if k == i else x for k, x in enumerate(points[0])])
    return [np.array(column, x.dtype) for column, x in zip(zip(*points), operands)]


@cache
def truths(name, example):
    row, params = TABLE[name], examples(TABLE[name])[example]
    operands = operands_of(name)
    with np.errstate(all="ignore"):
        kinks = np.zeros(len(operands[0]), bool) if row.kinks is None else row.kinks(NUMPY, *operands, **params)
    live, points = slanted(row, operands), [[x.item() for x in point] for point in zip(*operands)]
    wanted = [
        [i for i in live if not kink or smooth(name, xs, params, i)] for xs, kink in zip(points, kinks, strict=True)
    ]
    if not live:
        return [Truth(xs, without_slopes(name, xs, params), {}, {}) for xs in points]
    ask = lambda k: numbers_of(name, points[k], params, wanted[k])
    found = mpmath_truths.kept(
        name, params, points, wanted, ask, inspect.getsource(numbers_of) + inspect.getsource(mixed)
    )
    return [truth(xs, by, numbers) for xs, by, numbers in zip(points, wanted, found)]


def smooth(name, xs, params, i):
    """Whether the reference has no kink along operand i at a point that is one of the row's kinks."""
    function = function_of(name)
    with mp.workdps(80):
        h = mp_rows.step(xs[i])
        left, here, right = (
            function(*[mpf(x) + s * h * (k == i) for k, x in enumerate(xs)], **params) for s in (-1, 0, 1)
        )
        return abs(xs[i]) < 1e6 and abs(right - 2 * here + left) < h * mpf(10) ** -10 and abs(right - left) < 1e-20


def without_slopes(name, xs, params):
    with mp.workdps(60):
        return function_of(name)(*(xs if name in PLAIN else map(mpf, xs)), **params)


def numbers_of(name, xs, params, wanted):
    """The value, for each wanted operand slope and second derivative, and of two of them the mixed one."""
    if not wanted:
        return [without_slopes(name, xs, params)]
    function = function_of(name)
    value, partials = mp_rows.truth(function, xs, params, wanted)
    found = [value, *(number for i in wanted for number in partials[i])]
    return [*found, mixed(function, xs, params, *wanted)] if len(wanted) == 2 else found


def truth(xs, wanted, numbers):
    slopes = dict(zip(wanted, numbers[1::2]))
    seconds = {(i, i): number for i, number in zip(wanted, numbers[2::2])}
    return Truth(xs, numbers[0], slopes, seconds | ({tuple(wanted): numbers[-1]} if len(wanted) == 2 else {}))


def mixed(function, xs, params, i, j):
    """The mixed second derivative by a product of central differences, at digits that the difference does not eat."""
    digits = mp_rows.digits_for(xs)
    while True:
        with mp.workdps(digits):
            exact = [mpf(x) for x in xs]
            h, k = mp_rows.step(exact[i]), mp_rows.step(exact[j])
            corners = [
                function(*[x + s * h if n == i else x + t * k if n == j else x for n, x in enumerate(exact)], **params)
                for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            found = corners[0] - corners[1] - corners[2] + corners[3]
            if abs(found) > max(map(abs, corners)) * mpf(10) ** (25 - digits):
                return found / (4 * h * k)
        if digits > 1100:
            return mpf(0)
        digits *= 2


def close(what, got, true, xs, tolerance, scale=0.0):
    """One number against the truth; numbers beyond the range of doubles may be infinite or 0."""
    true = +mpf(true) if not isinstance(true, bool | complex | mpmath.mpc) else true
    if isinstance(true, complex | mpmath.mpc):
        assert abs(complex(got) - complex(true)) <= tolerance * max(abs(complex(true)), scale, 1e-300), at(
            what, got, true, xs
        )
        return
    got = float(got)
    if not mpmath.isfinite(true) or abs(true) > 1.7e308 or not np.isfinite(got):
        sign = float(mpmath.sign(true)) if not mpmath.isnan(true) else 0.0
        same = (mpmath.isnan(true) and np.isnan(got)) or (abs(true) > 1e308 and got * sign > 1e308)
        assert same, at(what, got, true, xs)
        return
    size = max(abs(true), mpf(scale), mpf(1e-300))
    assert abs(mpf(got) - true) <= tolerance * size, at(what, got, true, xs)


def at(what, got, true, xs):
    return f"{what} at {xs}: {got}, not {mpmath.nstr(true, 17) if not isinstance(true, bool) else true}"


def scales(name, t):
    """What an error is compared with: near a root of a quantity its neighbours count, in units of the operand."""
    xs = [abs(float(x)) or 1.0 for x in t.xs]
    whole = max([abs(t.value)] + [abs(s) * min(xs[i], 1.0) for i, s in t.slopes.items()]) if name not in WHOLE else 0
    slopes = {i: max(abs(s), abs(t.seconds[i, i]) * min(xs[i], 1.0)) for i, s in t.slopes.items()}
    seconds = {
        (i, j): max(
            abs(t.seconds[i, i]) ** 0.5 * abs(t.seconds[j, j]) ** 0.5, min(slopes[i] / xs[j], slopes[j] / xs[i])
        )
        for i, j in t.seconds
    }
    return whole, slopes, seconds


def each(name):
    """Every example of the row with its parameters and its true points."""
    row = TABLE[name]
    for k, params in enumerate(examples(row)):
        yield row, params, truths(name, k)


def operand_arrays(points):
    return [np.array([t.xs[i] for t in points]) for i in range(len(points[0].xs))]


def value(name):
    count = 0
    for row, params, points in each(name):
        with np.errstate(all="ignore"):
            got = apply(row, operand_arrays(points), params)
            floats = [x * 1.0 if x.dtype.kind in "iu" and name not in WHOLE else x for x in operand_arrays(points)]
            again = got if row.value is None else row.value(NUMPY, *floats, **params)
        for k, t in enumerate(points):
            close("value", got[k], t.value, t.xs, 1e-12, scales(name, t)[0])
            if k < POINTS and np.isfinite(again[k]):  # the program is for exact carriers: in the tails it loses digits
                close("program", again[k], t.value, t.xs, 1e-8, max(1, scales(name, t)[0]))
            count += 1
    return count


def along(row, params, arrays, i):
    return lambda x: apply(row, [*arrays[:i], x, *arrays[i + 1 :]], params)


def slopes_by(name, way):
    count = 0
    for row, params, points in each(name):
        arrays = operand_arrays(points)
        for i in slanted(row, arrays):
            with np.errstate(all="ignore"):
                got = way(along(row, params, arrays, i), arrays[i])
            for k, t in enumerate(points):
                if i in t.slopes:
                    close(f"slope {i}", got[k], t.slopes[i], t.xs, 1e-11, scales(name, t)[1][i])
                    count += 1
    return count


def jvp(name):
    return slopes_by(name, lambda f, x: dl.jvp(f, (x,), (np.ones_like(x),))[1])


def vjp(name):
    return slopes_by(name, lambda f, x: dl.vjp(f, x)[1](np.ones_like(x))[0])


def second(name):
    """Pure and mixed, forward over reverse and reverse over reverse."""
    count = 0
    for row, params, points in each(name):
        arrays = operand_arrays(points)
        for i in slanted(row, arrays):
            for j in slanted(row, arrays):
                with np.errstate(all="ignore"):
                    found = twice(row, params, arrays, i, j)
                for k, t in enumerate(points):
                    pair = (min(i, j), max(i, j))
                    for how, got in found.items() if pair in t.seconds else ():
                        close(f"second {i}{j}, {how},", got[k], t.seconds[pair], t.xs, 1e-9, scales(name, t)[2][pair])
                        count += 1
    return count


def twice(row, params, arrays, i, j):
    """The slope by operand i, derived by operand j in two ways."""

    def slope(x):
        full = [x if k == j else other for k, other in enumerate(arrays)]
        return dl.elementwise_grad(along(row, params, full, i))(full[i])

    x = arrays[j]
    return {
        "forward over reverse": dl.jvp(slope, (x,), (np.ones_like(x),))[1],
        "reverse over reverse": dl.vjp(slope, x)[1](np.ones_like(x))[0],
    }


def batch(name):
    """Operands of different rank, each batched alone and all: element by element. Batches of one and of none too."""
    row, params = TABLE[name], examples(TABLE[name])[0]
    arrays = operands_of(name)
    shaped = [np.resize(x, (3, *s)) for x, s in zip(arrays, ((4,), (), (2, 1), (1,)))]
    f = lambda *xs: apply(row, xs, params)
    n, count = len(shaped), 0
    with np.errstate(all="ignore"):
        for chosen in {tuple(k == j for k in range(n)) for j in range(n)} | {(True,) * n}:
            axes = tuple(0 if c else None for c in chosen)
            xs = [x if c else x[1] for c, x in zip(chosen, shaped)]
            for most in (3, 1):
                xs = [x[:most] if c else x for c, x in zip(chosen, xs)]
                got = dl.vmap(f, axes)(*xs)
                want = [f(*[x[k] if c else x for c, x in zip(chosen, xs)]) for k in range(most)]
                assert np.array_equal(got, np.stack(want), equal_nan=np.stack(want).dtype.kind == "f"), "batch"
                count += 1
        empty = dl.vmap(f)(*[x[:0] for x in shaped])
    assert empty.shape == (0, *np.shape(f(*[x[0] for x in shaped]))), "empty batch"
    return count + 1


def shapes(name):
    """Shape and dtype are NumPy's or SciPy's own; without such a function a float's result has its precision."""
    row, params = TABLE[name], examples(TABLE[name])[0]
    arrays, count = operands_of(name), 0
    own = plain_function(row)
    for shape in ((), (3,), (2, 0), (2, 1, 3)):
        for kind in (None, np.float32, int, bool):
            xs = [np.resize(x, shape[i:] if i else shape) for i, x in enumerate(arrays)]
            if kind in (int, bool) and (name in FLOATS_OF_WHOLE or (kind is bool and from_scipy(row))):
                continue
            xs = [x.astype(kind)[()] if kind and x.dtype.kind == "f" else x[()] for x in xs]
            count += one_shape(row, params, own, xs)
    if len(arrays) > 1:
        try:
            dl.trace(lambda *xs: apply(row, xs, params), *[np.resize(x, 2 + i) for i, x in enumerate(arrays)])
        except dl.DifflabError:
            return count + 1
        raise AssertionError(f"{name}: shapes that do not broadcast must be refused")
    return count


FLOATS_OF_WHOLE = {"reciprocal": "1/2 is no integer, and NumPy's is 0"}


def from_scipy(row):
    """SciPy computes truth values in single precision."""
    return (row.reads or ("",))[0].startswith("special.")


def plain_function(row):
    paths = (row.name,) if row.reads is None else row.reads
    return next((f for f in map(find, paths) if f is not None), None)


def one_shape(row, params, own, xs):
    shape = np.broadcast_shapes(*map(np.shape, xs))
    with np.errstate(all="ignore"):
        try:
            want = (
                None
                if own is None or not isinstance(own, np.ufunc | type(np.clip))
                else np.asarray(own(*xs, **params)).dtype
            )
        except (TypeError, ValueError):
            if any(np.asarray(x).dtype.kind in "bi" for x in xs):
                return 0
            want = None
        if want is None and any(np.asarray(x).dtype.kind in "bi" for x in xs):
            return 0  # no one to say what a row of floats makes of integers
        got = apply(row, xs, params)
    if want is None:
        want = np.result_type(*[x.dtype for x in xs if x.dtype.kind == "f"])
        want = np.asarray(got).dtype if np.asarray(got).dtype.kind == "b" and not row.differentiable else want
    assert np.shape(got) == shape and np.asarray(got).dtype == want, f"{np.asarray(got).dtype}, not {want}, of {xs}"
    return 1
