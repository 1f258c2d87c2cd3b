"""The judges of the accuracy table. Neither uses a derivative rule of the rows.

`proven` runs the row's value function on Arb power series, as the certified method does; `differences` on mpmath
numbers at hundreds of digits, for functions that Arb's power series lack.
"""

from __future__ import annotations

import mpmath
from mpmath import mp, mpf

from ..errors import UndecidedError, UnsupportedError
from ..primitives import Carrier, Primitive
from ..primitives.found import find
from ..types import Function, Params, Value


class MpmathCarrier(Carrier):
    """Single numbers of any precision."""

    name = "mpmath"

    def function(self, row: Primitive) -> Function:
        of_element = row.spelling.get("elements") if row.kind == "elementwise" else None
        spelled = row.spelling.get(self.name, of_element)
        if spelled is None:
            return super().function(row)
        if isinstance(spelled, str):  # mpmath's name, or a path
            spelled = find(spelled) if "." in spelled else getattr(mp, spelled)
        return lambda *x, **params: spelled(*[mpf(v) if isinstance(v, int | float) else v for v in x], **params)

    def native(self, row: Primitive, spelled: str | None) -> None:
        return None


MPMATH = MpmathCarrier()


def truth(
    row: Primitive, operands: list[Value], params: Params, positions: list[int]
) -> tuple[Value, dict[int, Value], str]:
    """The value, the partial derivatives by the operands at `positions`, and the judge's name.

    Raises UnsupportedError where the row has no value function on either kind of number.
    """
    return proven(row, operands, params, positions) or (*differences(row, operands, params, positions), "differences")


def proven(row: Primitive, operands: list[Value], params: Params, positions: list[int]) -> Value:
    """By ball arithmetic, the precision doubled until 64 bits hold; None where Arb has no answer."""
    import flint

    from ..primitives.germs.session import alone
    from ..primitives.kernels.digits import number

    with alone():
        flint.ctx.cap = 2
        for bits in (128, 512, 2048, 8192):
            flint.ctx.prec = bits
            found = series(row, operands, params, positions)
            if found is None:
                return None
            if all(map(settled, (found[0], *found[1].values()))):
                return number(found[0]), {i: number(d) for i, d in found[1].items()}, "certified"
    return None


def series(row: Primitive, operands: list[Value], params: Params, positions: list[int]) -> Value:
    import flint
    from flint import arb, arb_series

    from ..differentiate.arb_carrier import CARRIER
    from ..primitives.germs.germ import Germ, lift

    value, partials = None, {}
    try:
        for i in positions or [-1]:
            x = [lift(v) if isinstance(v, float) else v for v in operands]
            if positions:
                near = arb(0, 1) * arb(abs(operands[i]) or 1.0) * arb(2) ** (-flint.ctx.prec // 2)
                x[i] = Germ(arb_series([arb(operands[i]), 1]), arb_series([operands[i] + near, 1]))
            y = CARRIER.of(row)(*x, **params)
            y = lift(y.item() if hasattr(y, "item") else y)
            value, partials[i] = y.point[0], y.point[1]
    except (UnsupportedError, UndecidedError, TypeError, AttributeError, ValueError):
        return None
    return value, {i: partials[i] for i in positions}


def settled(ball: Value) -> bool:
    return bool(ball.is_finite()) and (bool(ball.is_exact()) or int(ball.rel_accuracy_bits()) > 64)


def differences(
    row: Primitive, operands: list[Value], params: Params, positions: list[int]
) -> tuple[Value, dict[int, Value]]:
    """By central differences at so many digits that neither truncation nor rounding shows in 20 digits."""
    function = MPMATH.of(row)
    far = [abs(int(mpmath.log10(abs(x)))) for x in operands if x and not 1e-3 < abs(x) < 1e9]
    digits = 130 + 3 * max(far, default=0)
    while True:
        with mp.workdps(digits):
            value, partials, solid = quotients(function, [mpf(x) for x in operands], params, positions)
        if solid or digits > 1000:
            return value, partials
        digits *= 2


def quotients(
    function: Value, x: list[Value], params: Params, positions: list[int]
) -> tuple[Value, dict[int, Value], bool]:
    value, partials, solid = mpf(function(*x, **params)), {}, True
    for i in positions:
        h = mpf(10) ** -30 * (abs(x[i]) or 1)
        right = function(*x[:i], x[i] + h, *x[i + 1 :], **params)
        left = function(*x[:i], x[i] - h, *x[i + 1 :], **params)
        if abs(right - left) <= mpf(10) ** (25 - mp.dps) * max(abs(right), abs(left)):
            solid, right = False, left  # the function is flat, or the digits do not suffice
        partials[i] = (right - left) / (2 * h)
    return value, partials, solid


__all__ = ["truth"]
