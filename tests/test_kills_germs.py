"""The power series of proofs against mpmath: four coefficients of every function that has series of its own."""

from __future__ import annotations

import flint
import mpmath
import mpmath_functions as reference
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
    row, seen = TABLE[name], 0
    others = [ORDERS if "v" in name[:3] or name in ("yn", "kn") else (0.3, 1.7)] * (len(row.domain) - 1)
    for params in row.examples or ({},):
        for rest in zip(*others) if others else [()]:
            for x in GRID[:: 2 if name in SLOW else 1]:
                seen += agrees(name, row, params, place, rest, x)
    assert seen


def agrees(name, row, params, place, rest, x):
    given = [germ.constant(arb(r)) for r in rest]
    wide = germ.Germ(arb_series([arb(x), arb(1)]), arb_series([arb(x, WIDTH), arb(1)]))
    with session.session(60.0):
        flint.ctx.prec, flint.ctx.cap = 160, CAP
        try:
            found = CARRIER.of(TABLE[name])(*given[:place], wide, *given[place:], **params)
        except DifflabError:
            return 0
        if not isinstance(found, germ.Germ) or found.lost is not None:
            return 0
        at, around = ([s[k] for k in range(CAP)] for s in (found.point, found.around))
    f = lambda t: reference.FUNCTIONS[name](*rest[:place], t, *rest[place:], **params)
    with mpmath.workdps(40):
        for t, balls in ((x, at), (x + WIDTH / 2, around)):
            if not all(b.is_finite() for b in balls):
                continue
            for k, coefficient in enumerate(mpmath.taylor(f, mpmath.mpf(t), CAP - 1)):
                middle, radius = (mpmath.mpf(float(v)) for v in (balls[k].mid(), balls[k].rad()))
                off = abs(middle - mpmath.re(coefficient))
                assert off <= radius * (1 + 1e-9) + 1e-13 * (1 + abs(middle)), (t, k, rest, params)
                assert balls is around or radius <= 1e-30 * (1 + abs(middle)), (t, k)
    return 1


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
