"""Rounding, remainders, signs and extremes: rows with kinks or jumps."""

from __future__ import annotations

from typing import Any

from ..errors import UnsupportedError
from ..types import Value
from . import batches
from .arguments import refuse, whole
from .primitive import Carrier, Domain, Gate, custom, elementwise, named
from .spelling import Native, by_mpmath, by_sympy, called
from .text import Text

NAN = float("nan")
INFINITY = float("inf")
PLAIN = Domain(branch_points=(0.0, 1.0, -2.5), tails=(1e-300, -1e300))
TWO = (Domain(branch_points=(0.0,)), Domain(branch_points=(0.5,)))


# Steps: the derivative is 0 wherever there is one, and 0 at the jumps.
def step(name: str, doc: str, latex: str, at: str, jumps: Value, partial: Value = 0, **more: Any) -> None:
    elementwise(
        name,
        (partial,),
        doc=f"{doc}; the derivative is 0.",
        latex=latex,
        domain=(PLAIN,),
        non_differentiable=at,
        kinks=jumps,
        one_sided=lambda m, x, **_: (0.0, 0.0),
        facts={"chooses", "steps"},
        **more,
    )


def at_integers(m: Carrier, x: Value) -> Value:
    return m.equal(x, m.floor(x))


def at_halves(m: Carrier, x: Value, decimals: int = 0) -> Value:
    scaled = x * 10.0**decimals + 0.5
    return m.equal(scaled, m.floor(scaled))


def no_slope(m: Carrier, y: Value, x: Value) -> Gate:
    """Nothing passes; of a complex number sign is z/|z|, which is neither flat nor holomorphic."""
    if m.is_complex(x):
        raise UnsupportedError("sign: no derivative for complex operands; write z / np.abs(z)")
    return Gate(False)


SIGN = "{one} if {0} > {zero} else -{one} if {0} < {zero} else {zero} if {0} == {zero} else {0}"  # NaN stays NaN

step(
    "sign",
    "-1, 0 or 1: the sign of x",
    r"\operatorname{{sign}}({0})",
    "x = 0",
    lambda m, x: m.equal(x, 0.0),
    partial=no_slope,
    spelling={"arb": "germs.choices.sign_of", "mpmath": "sign", "native": Native(SIGN)},
)
step(
    "floor",
    "The greatest integer that is not above x",
    r"\lfloor {0} \rfloor",
    "x an integer",
    at_integers,
    spelling={"arb": "germs.choices.floor", "mpmath": "floor", "native": Native("np.floor")},
)
step(
    "ceil",
    "The least integer that is not below x",
    r"\lceil {0} \rceil",
    "x an integer",
    at_integers,
    spelling={"sympy": "ceiling", "arb": "germs.choices.ceil", "mpmath": "ceil", "native": Native("np.ceil")},
    value=lambda m, x: -m.floor(-x),
)
step(
    "trunc",
    "x without its fraction",
    r"\operatorname{{trunc}}({0})",
    "x an integer other than 0",
    lambda m, x: m.logical_and(at_integers(m, x), m.not_equal(x, 0.0)),
    reads=("trunc", "fix"),
    arguments=named("x"),
    spelling={
        "javascript": "Math.trunc",
        "sympy": by_sympy(lambda sympy, x: sympy.sign(x) * sympy.floor(abs(x))),
        "arb": "germs.choices.trunc",
        "native": Native("np.trunc"),
    },
    value=lambda m, x: m.sign(x) * m.floor(m.absolute(x)),
)


def halves_to_even(sympy: Value, x: Value, decimals: int = 0) -> Value:
    """The nearest integer (or multiple of a power of ten) as a formula."""
    scaled = x * sympy.Integer(10) ** decimals
    up = sympy.floor(scaled + sympy.Rational(1, 2))
    tie = sympy.And(sympy.Eq(up, scaled + sympy.Rational(1, 2)), sympy.Ne(2 * sympy.floor(up / 2), up))
    return sympy.Piecewise((up - 1, tie), (up, True)) / sympy.Integer(10) ** decimals


step(
    "rint",
    "The nearest integer, halves to even",
    r"\operatorname{{rint}}({0})",
    "x a half-integer",
    at_halves,
    spelling={
        "javascript": "roundEven",
        "sympy": by_sympy(halves_to_even),
        "arb": "germs.choices.rint",
        "mpmath": "nint",
        "native": called("rint"),
    },
)


def read_round(a: Value, decimals: int = 0, out: object = None) -> Value:
    refuse(out=out)
    return (a,), {"decimals": whole("round: decimals", decimals)}


step(
    "round",
    "x to so many decimals, halves to even",
    r"\operatorname{{round}}({0})",
    "x half-way between two results",
    at_halves,
    reads=("round", "around"),
    arguments=read_round,
    examples=({"decimals": 0}, {"decimals": 1}),
    spelling={
        "sympy": by_sympy(lambda sympy, x, *, decimals=0: halves_to_even(sympy, x, decimals)),
        "arb": "germs.choices.rint",
        "mpmath": by_mpmath(lambda mp, x, *, decimals=0: mp.nint(x * mp.mpf(10) ** decimals) / mp.mpf(10) ** decimals),
    },
)

NONZERO = Domain(0.5, 10.0, branch_points=(-3.0,))
elementwise(
    "floor_divide",
    (0, 0),
    doc="The quotient rounded down; the derivative is 0.",
    glyph="//",
    infix="//",
    latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
    domain=(Domain(), NONZERO),
    non_differentiable="x a multiple of y",
    kinks=lambda m, x, y: m.equal(m.remainder(x, y), 0.0),
    one_sided=lambda m, x, y: (0.0, 0.0),
    facts={"steps"},
    value=lambda m, x, y: m.floor(x / y),
)
elementwise(
    "remainder",
    (1, lambda m, z, x, y: -m.floor_divide(x, y)),
    doc="The remainder of x / y with the sign of y.",
    glyph="mod",
    infix="%",
    latex=r"{0} \bmod {1}",
    domain=(Domain(), NONZERO),
    reads=("remainder", "mod"),
    non_differentiable="x a multiple of y",
    kinks=lambda m, x, y: m.equal(m.remainder(x, y), 0.0),
    one_sided=lambda m, x, y: (1.0, 1.0),
    value=lambda m, x, y: x - y * m.floor(x / y),
    spelling={"javascript": "mod", "sympy": "Mod", "peers": "mod"},
)
elementwise(
    "fmod",
    # Not trunc(x / y): where x / y rounds up to an integer, it is one too many.
    (1, lambda m, z, x, y: -m.rint((x - z) / y)),
    doc="The remainder of x / y with the sign of x.",
    latex=r"\operatorname{{fmod}}({0}, {1})",
    domain=(Domain(), NONZERO),
    non_differentiable="x a multiple of y, other than 0",
    kinks=lambda m, x, y: m.logical_and(m.equal(m.fmod(x, y), 0.0), m.not_equal(x, 0.0)),
    one_sided=lambda m, x, y: (1.0, 1.0),
    value=lambda m, x, y: x - y * m.trunc(x / y),
    facts={"chooses"},
    spelling={"arb": "germs.choices.fmod"},
)


def absolute_slope(m: Carrier, y: Value, x: Value) -> Value:
    """sign(x), 0 at 0; for complex x its conjugate, so that the cotangent comes out in JAX's convention."""
    if not m.is_complex(x):
        return m.sign(x)
    zero = m.equal(y, 0.0)
    return Gate(m.logical_not(zero), m.conjugate(x) / m.where(zero, 1.0, m.absolute(x)))


elementwise(
    "absolute",
    (absolute_slope,),
    doc="The absolute value |x|, also of complex numbers; the derivative at 0 is 0.",
    aliases=("abs", "Abs"),
    glyph="|x|",
    latex="|{0}|",
    text=Text("|{0}|"),
    domain=(PLAIN,),
    facts={"f(0)=0", "chooses", "even", "outward", "convex", "not negative"},
    reads=("absolute", "fabs"),
    non_differentiable="x = 0",
    kinks=lambda m, x: m.equal(x, 0.0),
    one_sided=lambda m, x: (-1.0, 1.0),
    spelling={
        "sympy": "Abs",
        "arb": "germs.choices.absolute",
        "complex": "kernels.continued.absolute",
        "mpmath": abs,
        "math": "abs",
        "native": Native("np.abs"),
    },
)


def winner(m: Carrier, x: Value, y: Value, order: str, ignore_nan: bool = False) -> Gate:
    """x where it is chosen over y; a tie is shared equally."""
    chosen = getattr(m, order)(x, y)
    if ignore_nan:
        chosen = m.logical_or(chosen, m.isnan(y))
    return Gate(chosen, m.where(m.equal(x, y), 0.5, 1.0))


CHOICE = "{{0}} if ({{0}} {} {{1}}) | ({{0}} != {{0}}) else {{1}}"  # NaN where an operand is NaN


def extreme(name: str, doc: str, glyph: str, order: str, ignore_nan: bool, sides: tuple[float, float]) -> None:
    elementwise(
        name,
        (
            lambda m, z, x, y: winner(m, x, y, order, ignore_nan),
            lambda m, z, x, y: winner(m, y, x, order, ignore_nan),
        ),
        doc=f"{doc}; where they tie, each takes half of the cotangent.",
        glyph=glyph,
        latex=rf"\{glyph}({{0}}, {{1}})",
        domain=TWO,
        facts={"commutative", "increasing", "convex" if glyph == "max" else "concave"}
        | (set() if ignore_nan else {"chooses"}),
        non_differentiable="x = y",
        kinks=lambda m, x, y: m.equal(x, y),
        one_sided=lambda m, x, y: sides,
        value=lambda m, x, y: m.where(getattr(m, order)(x, y), x, y),
        spelling={
            "sympy": glyph.capitalize(),
            "complex": f"kernels.continued.{name}",
            "mpmath": max if glyph == "max" else min,
            **(
                {"javascript": name}
                if ignore_nan
                else {
                    "arb": f"germs.choices.{name}",
                    "native": Native(CHOICE.format({"max": ">=", "min": "<="}[glyph])),
                }
            ),
        },
    )


extreme("maximum", "The greater of two", "max", "greater_equal", False, (0.0, 1.0))
extreme("minimum", "The lesser of two", "min", "less_equal", False, (1.0, 0.0))
extreme("fmax", "The greater of two, ignoring NaN", "max", "greater_equal", True, (0.0, 1.0))
extreme("fmin", "The lesser of two, ignoring NaN", "min", "less_equal", True, (1.0, 0.0))


def read_clip(
    a: Value,
    a_min: Value = None,
    a_max: Value = None,
    out: object = None,
    *,
    min: Value = None,
    max: Value = None,
    **other: Any,
) -> Value:
    refuse(out=out, **other)
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    return (a, -INFINITY if low is None else low, INFINITY if high is None else high), {}


elementwise(
    "clip",
    (
        lambda m, z, x, low, high: Gate(m.logical_and(m.greater(x, low), m.less(x, high))),
        lambda m, z, x, low, high: Gate(m.logical_and(m.less_equal(x, low), m.less(low, high))),
        lambda m, z, x, low, high: Gate(m.logical_or(m.greater_equal(x, high), m.greater_equal(low, high))),
    ),
    doc="x held between two bounds; at a bound and beyond, the derivative by x is 0 and by the bound 1.",
    latex=r"\operatorname{{clip}}({0}, {1}, {2})",
    domain=(Domain(branch_points=(-1.0, 2.0)), Domain(-2.0, 0.0), Domain(0.5, 3.0)),
    arguments=read_clip,
    non_differentiable="x at a bound",
    kinks=lambda m, x, low, high: m.logical_and(  # bounds that are crossed give the upper one everywhere
        m.less(low, high), m.logical_or(m.equal(x, low), m.equal(x, high))
    ),
    one_sided=lambda m, x, low, high: (1.0 * m.equal(x, high), 1.0 * m.equal(x, low)),
    value=lambda m, x, low, high: m.minimum(m.maximum(x, low), high),
    spelling={"numpy": "kernels.elementwise.clip"},
    flops=2,
)
elementwise(
    "heaviside",
    (0, lambda m, z, x, h: Gate(m.equal(x, 0.0))),
    doc="0 below 0, 1 above, h at 0; the derivative by x is 0.",
    latex=r"\Theta({0})",
    domain=(PLAIN, Domain()),
    non_differentiable="x = 0",
    kinks=lambda m, x, h: m.equal(x, 0.0),
    one_sided=lambda m, x, h: (0.0, 0.0),
    value=lambda m, x, h: m.where(m.equal(x, 0), h, m.where(m.greater(x, 0), 1, 0)),
    spelling={
        "javascript": "heaviside",
        "sympy": "Heaviside",
        "arb": "germs.choices.heaviside",
        "complex": "kernels.continued.heaviside",
    },
    facts={"chooses"},
)
elementwise(
    "copysign",
    (lambda m, z, x, y: m.where(m.equal(x, 0.0), 0.0, m.where(m.equal(m.signbit(x), m.signbit(y)), 1.0, -1.0)), 0),
    doc="|x| with the sign of y.",
    latex=r"\operatorname{{copysign}}({0}, {1})",
    domain=(PLAIN, Domain()),
    non_differentiable="x = 0, y = 0",
    kinks=lambda m, x, y: m.equal(x, 0.0),
    one_sided=lambda m, x, y: (m.where(m.signbit(y), 1.0, -1.0), m.where(m.signbit(y), -1.0, 1.0)),
    value=lambda m, x, y: m.where(m.less(y, 0), -m.absolute(x), m.absolute(x)),
    spelling={"javascript": "copySign", "arb": "germs.choices.copysign"},
    facts={"chooses"},
)
elementwise(
    "nan_to_num",
    (lambda m, z, x, **_: Gate(m.isfinite(x)),),
    doc="x with numbers in place of NaN and infinities; nothing flows back where one was replaced.",
    latex=r"\operatorname{{nan\_to\_num}}({0})",
    domain=(PLAIN,),
    arguments=lambda x, copy=True, nan=0.0, posinf=None, neginf=None: (
        (x,),
        {"nan": nan, "posinf": posinf, "neginf": neginf},
    ),
    value=lambda m, x, **_: x,
    examples=({"nan": 0.0, "posinf": None, "neginf": None},),
    spelling={"javascript": "nanToNum", "arb": "germs.choices.nan_to_num"},
    facts={"chooses"},
)

# Complex numbers. Cotangents are paired without conjugation, as in JAX: pulling back through f multiplies by f'(z).
elementwise(
    "real",
    (1,),
    doc="The real part.",
    arguments=named("val"),
    glyph="Re",
    latex=r"\Re({0})",
    facts={"linear"},
    spelling={"javascript": "Number", "sympy": "re", "elements": lambda x: x, "complex": lambda x: x},
)
elementwise(
    "imag",
    (lambda m, y, x: -1j,),
    doc="The imaginary part.",
    arguments=named("val"),
    glyph="Im",
    latex=r"\Im({0})",
    domain=(Domain(of="complex"),),
    facts={"linear", "chooses"},
    spelling={"sympy": "im", "arb": "germs.choices.imag"},
)
custom(
    "conjugate",
    jvp=lambda m, ts, y, x: m.conjugate(ts[0]),
    vjp=lambda m, ct, y, x: [m.conjugate(ct)],
    doc="The complex conjugate.",
    glyph="z̄",
    latex=r"\overline{{{0}}}",
    reads=("conjugate", "conj"),
    spelling={"elements": lambda x: x, "complex": lambda x: x},
    facts={"linear"},
    batch=batches.stacks,
)
