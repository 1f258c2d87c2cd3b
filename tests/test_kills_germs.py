"""The power series of proofs against mpmath: four coefficients of every function that has series of its own."""

from __future__ import annotations

import inspect

import flint
import mpmath
import mpmath_functions as reference
import mpmath_truths
import pytest
from flint import arb, arb_series

from difflab.errors import DifflabError
from difflab.primitives import TABLE, table
from difflab.primitives.germs import germ, session
from difflab.primitives.germs.carrier import CARRIER

CAP = 4
WIDTH = 2.0**-12
GRID = (-2.6, -0.7, -0.0625, 0.3, 0.8, 1.6)
ORDERS = (1.0, 0.5)
SLOW = {"gammaincc", "sinc_derivative", "polygamma", "betainc", "digamma"}  # mpmath's differences of them
CASES = [(row.name, k) for row in table()
         if row.kind == "elementwise" and "arb" in row.spelling and row.name in reference.FUNCTIONS
         for k, partial in enumerate(row.partials) if partial is not None and partial != 0]  # fmt: skip


@pytest.mark.parametrize("name, place", CASES, ids=lambda v: str(v))
def test_coefficients_of_series_lie_in_their_balls(name, place):
    """At a point, and around it: each coefficient is in its ball, and at a point the balls are tight."""
    row = TABLE[name]
    others = [ORDERS if "v" in name[:3] or name in ("yn", "kn") else (0.3, 1.7)] * (len(row.domain) - 1)
    seen = 0
    for params in row.examples or ({},):
        claims = []
        for rest in zip(*others) if others else [()]:
            for x in GRID[:: 2 if name in SLOW else 1]:
                found = series(row, params, place, rest, x)
                seen += found is not None
                claims += found or []
        agree(name, params, place, claims)
    assert seen


def series(row, params, place, rest, x):
    """What is claimed at x, and around it: the operands, the balls of the coefficients, whether they are tight.

    None where there is no series.
    """
    given = [germ.constant(arb(r)) for r in rest]
    wide = germ.Germ(arb_series([arb(x), arb(1)]), arb_series([arb(x, WIDTH), arb(1)]))
    with session.session(60.0):
        flint.ctx.prec, flint.ctx.cap = 160, CAP
        try:
            found = CARRIER.of(row)(*given[:place], wide, *given[place:], **params)
        except DifflabError:
            return None
        if not isinstance(found, germ.Germ) or found.lost is not None:
            return None
        at, around = ([s[k] for k in range(CAP)] for s in (found.point, found.around))
    claims = [(x, at, True), (x + WIDTH / 2, around, False)]
    return [
        ([*rest[:place], t, *rest[place:]], balls, tight)
        for t, balls, tight in claims
        if all(b.is_finite() for b in balls)
    ]


def coefficients(name, params, place, point):
    """mpmath's first coefficients by the operand at the place."""
    f = lambda t: reference.FUNCTIONS[name](*point[:place], t, *point[place + 1 :], **params)
    with mpmath.workdps(40):
        return [mpmath.re(c) for c in mpmath.taylor(f, mpmath.mpf(point[place]), CAP - 1)]


def agree(name, params, place, claims):
    points = [point for point, _, _ in claims]
    ask = lambda k: coefficients(name, params, place, points[k])
    how = inspect.getsource(coefficients) + f"{CAP}"
    truths = mpmath_truths.kept(name, params, points, [[place]] * len(points), ask, how, f"series {place}")
    with mpmath.workdps(40):
        for (point, balls, tight), truth in zip(claims, truths, strict=True):
            for k, (ball, coefficient) in enumerate(zip(balls, truth, strict=True)):
                middle, radius = (mpmath.mpf(float(v)) for v in (ball.mid(), ball.rad()))
                off = abs(middle - coefficient)
                assert off <= radius * (1 + 1e-9) + 1e-13 * (1 + abs(middle)), (point, k, params)
                assert not tight or radius <= 1e-30 * (1 + abs(middle)), (point, k)


@pytest.mark.parametrize("name", ["yn", "kn", "yv", "kv", "jv", "iv"])
@pytest.mark.parametrize("order", [1.0, 1.5])
def test_functions_of_whole_orders_have_no_others(name, order):
    x = germ.Germ(arb_series([arb(1.2), arb(1)]))
    with session.session(60.0):
        flint.ctx.prec, flint.ctx.cap = 100, 2
        if order == 1.5 and name in ("yn", "kn"):
            with pytest.raises(DifflabError, match="is of whole orders, and the order is 1.5"):
                CARRIER.of(TABLE[name])(germ.constant(arb(order)), x)
        else:
            assert CARRIER.of(TABLE[name])(germ.constant(arb(order)), x).lost is None


@pytest.mark.parametrize("cap", [3, 4, 5])
def test_the_root_of_a_square_needs_the_slope_of_its_second_coefficient(cap):
    """On the right of 0, sqrt(t**2) is t; from three coefficients nothing is known."""
    with session.session(60.0):
        flint.ctx.prec, flint.ctx.cap = 64, cap
        session.NOW.side, session.NOW.reach = 1, arb(0.0625, 0.0625)
        t = germ.Germ(arb_series([arb(0), arb(1)]), arb_series([session.NOW.reach, arb(1)]))
        found = CARRIER.of(TABLE["sqrt"])(t * t)
        slopes = [s[1] for s in (found.point, found.around)]
        assert [s.is_finite() and float(s.mid()) == 1.0 for s in slopes] == [cap > 3] * 2
