"""Elementwise rows on other carriers against mpmath: complex numbers, the complex step, sympy, enclosures, JavaScript.

Every check returns how many comparisons it made; none is no proof.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import mpmath
import mpmath_functions as mp_rows
import numpy as np
from mpmath import mp, mpf
from patience import HANGS
from table_elementwise import PLAIN, POINTS, WHOLE, Truth, along, at, close, each, examples, scales

import difflab as dl
from difflab.differentiate import complex_step
from difflab.errors import UnsupportedError
from difflab.graph.traced import apply
from difflab.primitives import TABLE


def complex_values(name):
    """Value and slope, along 1 and along i, at complex operands, of rows whose function NumPy or SciPy has for them."""
    row, params = TABLE[name], examples(TABLE[name])[0]
    function, count = COMPLEX.get(name) or mp_rows.function_named(name), 0
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
    """The expression of symbols, with the point put in, to 30 digits; where sympy has none, the carrier says so."""
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
    from difflab.errors import DifflabError
    from difflab.primitives.germs.germ import Germ, lift
    from difflab.primitives.germs.session import alone

    count = 0
    with alone():
        flint.ctx.prec, flint.ctx.cap = 400, 3
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
    return count


def enclosed(t, i, got, scale, ordinary):
    """Whether the balls hold the truth, and at ordinary points are tight, as far as smoothness is proven."""
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
    library = helpers(texts, "\n".join(map(asset, ("special.js", "incomplete.js", "bessel.js"))))
    done = subprocess.run(
        [shutil.which("node"), "--input-type=commonjs", "-e", library + "\n" + texts + PROGRAM],
        input=json.dumps([[[encoded(v) for v in t.xs] for t in ts] for ts in points]),
        capture_output=True, text=True, check=False, timeout=HANGS,
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
