"""Array rows on other carriers, call by call: programs, object arrays, sympy, enclosures, complex numbers.

Every check returns how many comparisons it made; none is no proof.
"""

from __future__ import annotations

import itertools

import numpy as np
from array_cases import CASES, REAL_ONLY
from table_arrays import (
    REFUSED,
    SLOPE,
    STEP,
    agree,
    calls,
    directions,
    floating,
    leaves,
    moved,
    real,
    reference,
    slope,
    traced,
)
from table_references import NotIndependentError
from test_primitives_arrays import inputs

import difflab as dl
from difflab.differentiate import complex_step
from difflab.errors import UnsupportedError
from difflab.primitives import NUMPY, TABLE
from difflab.primitives.elements import ElementsCarrier


def program(name):
    """The row's program in other rows gives what its own function gives."""
    count, row, not_real = 0, TABLE[name], False
    for xs, params, y in calls(name):
        not_real |= any(np.iscomplexobj(x) for x in xs)
        if real(xs):
            got = [
                np.asarray(g, np.asarray(w).dtype) for g, w in zip(leaves(row.value(NUMPY, *xs, **params)), leaves(y))
            ]
            count += agree("program", got, leaves(y), 1e-11)
    return count or int(not_real)  # of complex numbers the sweeps run the program, and jvp and vjp judge it


class Elements(ElementsCarrier):
    """Plain numbers as the elements of object arrays: what the symbolic and certified methods rely on."""

    name = "plain elements"

    def scalar_function(self, row, spelled):
        return row.evaluate if row.value is None or row.name == "power" else None


ELEMENTS = Elements()


def boxed(x):
    x = np.asarray(x)
    return np.array(x, object) if x.dtype.kind == "f" else x


def elements(name):
    """On plain numbers in object arrays."""
    return on_carrier(name, ELEMENTS, boxed, float)


def sympy_values(name):
    """On sympy's numbers."""
    import sympy

    from difflab.graph.sympy_io import CARRIER

    box = np.vectorize(lambda v: sympy.Float(v, 30), otypes=[object])
    return on_carrier(name, CARRIER, lambda x: box(x) if floating(x) else x, float)


def on_carrier(name, carrier, box, unbox):
    """The row's function for other elements on the operands of its calls; a carrier without one says so."""
    count, row, not_real = 0, TABLE[name], False
    for xs, params, y in calls(name):
        if not real(xs):
            not_real |= any(np.iscomplexobj(x) for x in xs)
            continue
        given = [box(x)[()] if np.ndim(x) == 0 and floating(x) else box(x) for x in xs]
        try:
            got = leaves(carrier.of(row)(*given, **params))
        except UnsupportedError:
            count += 1
            continue
        got = [np.asarray(g, np.asarray(w).dtype) for g, w in zip(got, leaves(y), strict=True)]
        count += agree(carrier.name, got, leaves(y), 1e-11)
    return count or int(not_real)  # a row of complex numbers alone: the elements of these carriers are real


def arb_values(name):
    """On germs along a direction: the value and the slope, to 1e-8 of the differences of the row's own function."""
    import flint
    from flint import arb, arb_series

    from difflab.differentiate.arb_carrier import CARRIER
    from difflab.primitives.germs.constants import lift_all
    from difflab.primitives.germs.germ import Germ, lift
    from difflab.primitives.germs.session import alone

    count, row, not_real = 0, TABLE[name], False
    with alone():
        flint.ctx.prec, flint.ctx.cap = 200, 2
        for xs, params, y in itertools.islice(calls(name), 4):
            if not real(xs) or sum(map(np.size, xs)) > 200:
                not_real |= any(np.iscomplexobj(x) for x in xs)
                continue
            vs = [v if floating(x) else None for v, x in zip(directions(xs, 11), xs)]
            germ = np.vectorize(
                lambda x, v: Germ(arb_series([arb(x), arb(v)]), arb_series([arb(x, 1e-30), arb(v)])),
                otypes=[object],
            )
            given = [lift_all(x) if v is None else germ(x, v)[()] for x, v in zip(xs, vs)]
            try:
                got = leaves(CARRIER.of(row)(*given, **params))
            except Exception:  # the run of a graph on germs makes an UnsupportedError of any
                count += 1
                continue
            if not np.iscomplexobj(leaves(y)[0]):
                count += balls(row, xs, vs, params, leaves(y), got, lift)
    return count or int(not_real)


def balls(row, xs, vs, params, values, got, lift):
    from mpmath_functions import as_mpf

    slopes = None if row.kind == "opaque" else own_slope(row, xs, vs, params)
    count = 0
    for k, y in enumerate(values):
        if np.asarray(y).dtype.kind != "f" or slopes is None:
            continue
        for ball, true, rate in zip(np.ravel(got[k]), np.ravel(y), np.ravel(slopes[k]), strict=True):
            germ = lift(ball)
            if germ.lost is None and germ.point[0].is_finite() and germ.around[1].is_finite():
                assert abs(float(as_mpf(germ.point[0])) - true) <= 1e-11 * max(1, abs(true)), f"arb: {ball}, not {true}"
                error = 0.0 if np.isnan(rate) else abs(float(as_mpf(germ.point[1])) - rate)
                assert error <= 1e-7 * max(1, abs(rate)), f"arb, slope: {ball}, not {rate}"
                assert np.isnan(rate) or float(germ.point[1].rad()) <= 1e-20 * max(1, abs(rate)), (
                    f"arb: a wide ball, {ball}"
                )
            count += 1
    return count


def own_slope(row, xs, vs, params):
    """Differences of the row's own function along vs (None: an operand that is held); NaN at kinks and jumps."""
    at = lambda t: leaves(row.evaluate(*[x if v is None else x + t * v for x, v in zip(xs, vs)], **params))
    ys = {k: at(k * STEP) for k in range(-3, 4)}
    if any(np.shape(p) != np.shape(q) for y in ys.values() for p, q in zip(y, ys[0])):
        return None
    found = []
    for i in range(len(ys[0])):
        y = {k: np.asarray(v[i], float) for k, v in ys.items()}
        central = sum(w * (y[k] - y[-k]) for k, w in SLOPE) / STEP
        rough = np.abs(y[3] - y[0] - (y[0] - y[-3])) / STEP
        found.append(np.where(rough > 0.1 + 0.1 * np.abs(central), np.nan, central))
    return found


def complex_values(name):
    """Complex operands: the value, and the derivative along a complex direction."""
    count = 0
    for f, *shapes in CASES.get(name, ()) if name not in REAL_ONLY else ():
        xs = tuple(x * (1 + 0.5j) for x in inputs(shapes))
        try:
            want = reference(f, xs)
        except (*REFUSED, NotIndependentError):
            continue
        vs = directions(xs, 9)
        count += agree("complex value", traced(f, xs)[0], want, 1e-11)
        if cut(f, xs, vs):
            continue
        count += agree("complex jvp", leaves(dl.jvp(f, xs, vs)[1]), slope(f, xs, vs), 1e-8)
    return count


def cut(f, xs, vs):
    """Whether the reference jumps between the points of a difference: a branch of a logarithm."""
    ys = [reference(f, moved(xs, vs, k * STEP)) for k in range(-3, 4)]
    return any(np.nanmax(np.abs(np.diff([y[i] for y in ys], axis=0)), initial=0.0) > 2 for i in range(len(ys[0])))


def complex_steps(name):
    """The spelling for the complex step, against differences of the row's own value."""
    count, row = 0, TABLE[name]
    for xs, params, y in itertools.islice(calls(name), 4) if row.differentiable else ():
        vs = [v if floating(x) else None for v, x in zip(directions(xs, 11), xs)]
        if any(np.iscomplexobj(x) for x in [*xs, *leaves(y)]):
            return 1  # the driver refuses complex numbers on the way
        stepped = [x if v is None else x + 1e-200j * v for x, v in zip(xs, vs)]
        if all(v is None for v in vs):
            continue
        want = own_slope(row, xs, vs, params)
        try:
            got = leaves(complex_step.CARRIER.of(row)(*stepped, **params))
        except UnsupportedError:
            count += 1
            continue
        if want is not None and np.shape(want[0]) == np.shape(got[0]):
            got = [np.where(np.isnan(w), w, np.imag(np.asarray(g, complex)) / 1e-200) for g, w in zip(got, want)]
            count += agree("complex step", got, want, 1e-7)
    return count
