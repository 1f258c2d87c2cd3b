"""Elementwise rows against mpmath: value, slopes, second and mixed derivatives, and every carrier's spelling.

Few points each, with the tails and the branch points of the domain; `test_primitives_elementwise.py` measures ulps at many.
Every check returns how many comparisons it made; none is no proof.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from typing import Any, NamedTuple

import mpmath
import mpmath_functions as mp_rows
import numpy as np
from mpmath import mp, mpf
from test_primitives_elementwise import sample

import difflab as dl
from difflab.differentiate import complex_step
from difflab.errors import UnsupportedError
from difflab.graph.node import apply
from difflab.primitives import NUMPY, TABLE
from difflab.primitives.carriers import find

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
    return PLAIN.get(name) or mp_rows.FUNCTIONS[name]


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
    found = []
    for point, kink in zip(zip(*operands), kinks, strict=True):
        xs = [x.item() for x in point]
        wanted = slanted(row, operands)
        found.append(truth(name, xs, params, [i for i in wanted if not kink or smooth(name, xs, params, i)]))
    return found


def smooth(name, xs, params, i):
    """Whether the reference has no kink along operand i at a point that is one of the row's kinks."""
    function = function_of(name)
    with mp.workdps(80):
        h = mp_rows.step(xs[i])
        left, here, right = (
            function(*[mpf(x) + s * h * (k == i) for k, x in enumerate(xs)], **params) for s in (-1, 0, 1)
        )
        return abs(xs[i]) < 1e6 and abs(right - 2 * here + left) < h * mpf(10) ** -10 and abs(right - left) < 1e-20


def truth(name, xs, params, wanted):
    function = function_of(name)
    if name in WHOLE or not wanted:
        with mp.workdps(60):
            exact = xs if name in PLAIN else [mpf(x) for x in xs]
            return Truth(xs, function(*exact, **params), {}, {})
    value, partials = mp_rows.truth(function, xs, params, wanted)
    slopes = {i: p[0] for i, p in partials.items()}
    seconds = {(i, i): p[1] for i, p in partials.items()}
    if len(wanted) == 2:
        seconds[tuple(wanted)] = mixed(function, xs, params, *wanted)
    return Truth(xs, value, slopes, seconds)


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
    """What an error is compared with: near a root of a quantity its neighbours' size counts, in units of the operand."""
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
    shaped = [np.resize(x, (3, *s)) for x, s in zip(arrays, ((4,), (), (2, 1)))]
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


def complex_values(name):
    """Value and slope, along 1 and along i, at complex operands, of rows whose function NumPy or SciPy has for them."""
    row, params = TABLE[name], examples(TABLE[name])[0]
    function, count = COMPLEX.get(name) or mp_rows.FUNCTIONS[name], 0
    for z in (0.3 + 0.4j, -1.2 + 0.7j, 0.55 - 1.1j):
        zs = [z * (1 - 0.3j) ** i for i in range(len(row.partials))]
        with mp.workdps(50):
            exact = [mpmath.mpc(z) for z in zs]
            true = complex(function(*exact, **params))
            close("complex value", apply(row, zs, params), true, zs, 1e-11)
            count += 1
            for i in range(len(zs)) if row.differentiable and name not in WITHOUT_COMPLEX_SLOPE else ():
                for direction in (1, 1j):
                    h = mpf(10) ** -15
                    moved = [
                        function(*[x + s * h * direction * (k == i) for k, x in enumerate(exact)]) for s in (1, -1)
                    ]
                    slope = complex((moved[0] - moved[1]) / (2 * h))
                    got = dl.jvp(along(row, params, zs, i), (zs[i],), (complex(direction),))[1]
                    close("complex slope", got, slope, zs, 1e-9)
                    count += 1
    return count


# Refused by name at complex operands; test_complex_slopes_that_are_refused.
WITHOUT_COMPLEX_SLOPE = ("sign", "digamma")
COMPLEX = {
    "real": lambda z: z.real,
    "imag": lambda z: z.imag,
    "sign": lambda z: z / abs(z),
    "rint": lambda z: mpmath.mpc(mp.nint(z.real), mp.nint(z.imag)),
    "log_ndtr": lambda z: mp.log(mp_rows.ndtr(z)),
    "isnan": lambda z: False,
    "isinf": lambda z: False,
    "isfinite": lambda z: True,
}


def complex_steps(name):
    """The imaginary part that a small imaginary part leads to is the slope."""
    count = 0
    for row, params, points in each(name):
        for t in filter(moderate, points):
            for i, slope in t.slopes.items():
                xs = [np.asarray(x)[()] for x in t.xs]
                h = 1e-200 * max(1.0, abs(xs[i]))
                xs[i] = xs[i] + 1j * h
                with np.errstate(all="ignore"):
                    try:
                        got = complex_step.CARRIER.of(row)(*xs, **params)
                    except UnsupportedError:
                        count += 1
                        continue
                close(f"complex step {i}", np.imag(got) / h, slope, t.xs, 1e-7, max(1e-6, scales(name, t)[1][i]))
                count += 1
    return count


def sympy_values(name):
    """The expression of symbols, with the point put in, to 30 digits. Where sympy has no such expression, it says so."""
    import sympy

    from difflab.graph.sympy_io import CARRIER

    count = 0
    for row, params, points in each(name):
        letters = sympy.symbols(f"x:{len(points[0].xs)}", real=True)
        given = [s > 0 if isinstance(x, bool) else s for s, x in zip(letters, points[0].xs)]
        try:
            expression = sympy.sympify(CARRIER.of(row)(*given, **params))
        except UnsupportedError:
            return 1
        for t in filter(moderate, points):
            found = expression.subs({s: number(x) for s, x in zip(letters, t.xs)})
            if found in (sympy.true, sympy.false):
                assert bool(found) == bool(t.value), at("sympy", found, t.value, t.xs)
            else:
                found = complex(found.evalf(30, maxn=400))
                if found != found:
                    continue  # an expression such as sin(x)/x at 0
                assert abs(found.imag) <= 1e-12 * max(1, abs(found.real))
                close("sympy", found.real, t.value, t.xs, 1e-11, max(1e-60, scales(name, t)[0]))
            count += 1
    return count


def moderate(t):
    """Not in a tail: there sympy's numbers take ages or lose their digits."""
    return all(x == 0 or 1e-3 <= abs(x) <= 60 for x in t.xs)


def number(x):
    import sympy

    return sympy.Integer(1 if x else -1) if isinstance(x, bool) else sympy.Rational(x)


def arb_values(name):
    """The germ of the row along each operand: value, slope and half the second derivative, enclosed and tight."""
    import flint
    from flint import arb, arb_series

    from difflab.differentiate.arb_carrier import CARRIER
    from difflab.differentiate.arb_germ import LOCK, Germ, lift
    from difflab.errors import DifflabError

    count = 0
    with LOCK, flint.ctx.workprec(400):
        cap, flint.ctx.cap = flint.ctx.cap, 3
        try:
            for row, params, points in each(name):
                for n, t in enumerate(points):
                    for i in t.slopes or (0,):
                        xs = [x if isinstance(x, bool | int) and k != i else lift(x) for k, x in enumerate(t.xs)]
                        if i in t.slopes:
                            wide = arb(t.xs[i], 1e-30 * (abs(t.xs[i]) or 1.0))
                            xs[i] = Germ(arb_series([arb(t.xs[i]), arb(1)]), arb_series([wide, arb(1)]))
                        try:
                            got = CARRIER.of(row)(*xs, **params)
                        except DifflabError:
                            continue
                        got = got if isinstance(got, bool) else lift(got)
                        count += enclosed(t, i, got, scales(name, t), n < POINTS)
        finally:
            flint.ctx.cap = cap
    return count


def enclosed(t, i, got, scale, ordinary):
    """Whether the balls hold the truth, and at ordinary points are tight; coefficients as far as smoothness is proven."""
    if isinstance(got, bool):
        assert got == bool(t.value), at("arb", got, t.value, t.xs)
        return 1
    if got.lost is not None:
        return 0
    wanted = [(t.value, scale[0])]
    if i in t.slopes:
        wanted += [(t.slopes[i], scale[1][i]), (t.seconds[i, i] / 2, scale[2][i, i])]
    for k, (true, size) in enumerate(wanted):
        ball = got.point[k]
        if not (ball.is_finite() and got.around[k].is_finite()):
            break
        mid, rad, size = mp_rows.as_mpf(ball), mp_rows.as_mpf(ball.rad()), max(abs(true), size, 1e-290)
        assert abs(mid - true) <= rad + 1e-14 * size, at(f"arb, coefficient {k} along {i}", ball, true, t.xs)
        assert not ordinary or rad <= 1e-20 * size, f"arb, coefficient {k} along {i}: a wide ball, {ball}, at {t.xs}"
    return 1


# JavaScript: all rows in one run of node.
PROGRAM = """
const special = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const local = (d, at) => typeof d === "number" ? d : typeof d === "object" ? (d.g(...at) ? Number(d.c(...at)) : 0)
  : Number(d(...at));
const text = v => Number.isFinite(v) ? v : String(v);
const data = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(data.map((points, k) => points.map(point => {
  const x = point.map(v => typeof v === "string" ? special[v] : v), y = FORMS[k].f(...x);
  return [Number(y), ...FORMS[k].d.map(d => local(d, [y, ...x]))].map(text);
}))));
"""
WITHOUT_SCRIPT = ("ldexp", "imag")  # an operand of whole numbers is no double; real numbers have no imaginary part


def script_points(name):
    """The points at which JavaScript is asked: truth values where the row is of those."""
    for row, params, points in each(name):
        if name in ("bitwise_and", "bitwise_or", "bitwise_xor", "invert"):
            xs = [[k >> i & 1 == 1 for i in range(WHOLE[name])] for k in range(2 ** WHOLE[name])]
            points = [Truth(x, PLAIN[name](*x) if name != "invert" else not x[0], {}, {}) for x in xs]
        yield row, params, [t for t in points if all(abs(x) < 1.7e308 for x in t.xs)]


def form_of(row, params, xs):
    from difflab.draw.page.script import Form

    f = lambda *x: apply(row, [v > 0 if isinstance(t, bool) else v for v, t in zip(x, xs)], params)
    plain = [float(v) for v in xs]
    forward = dl.trace(f, *plain).forward(*plain)
    return Form(forward.recorded[forward.graph.outputs[0]], {}).text


def script(forms, points):
    """What node makes of the forms at the points."""
    from difflab.draw.page.document import asset
    from difflab.draw.page.script import helpers

    texts = f"const FORMS = [{','.join(forms)}];"
    library = helpers(texts, asset("special.js") + "\n" + asset("bessel.js"))
    done = subprocess.run(
        [shutil.which("node"), "--input-type=commonjs", "-e", library + "\n" + texts + PROGRAM],
        input=json.dumps([[[encoded(v) for v in t.xs] for t in ts] for ts in points]),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [[[float(v) for v in one] for one in each_point] for each_point in json.loads(done.stdout)]


def encoded(v):
    return (
        v if isinstance(v, bool | int) or np.isfinite(v) else "NaN" if v != v else "Infinity" if v > 0 else "-Infinity"
    )


def judge_script(name, points, found):
    """The value and the slopes that JavaScript has, against the truth; how many."""
    count = 0
    for t, numbers in zip(points, found, strict=True):
        scale = scales(name, t)
        close("JavaScript", numbers[0], t.value, t.xs, 1e-11, scale[0])
        for i, slope in t.slopes.items():
            close(f"JavaScript, slope {i},", numbers[1 + i], slope, t.xs, 1e-11, scale[1][i])
        count += 1 + len(t.slopes)
    return count
