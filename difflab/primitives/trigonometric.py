"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

from typing import Any

from ..types import Value
from .primitive import Carrier, Domain, elementwise, named
from .spelling import ON_HOST, ROUNDED, Native, by_mpmath, by_sympy, called

PI = 3.141592653589793
DEGREE = 0.017453292519943295
ANGLE = Domain(tails=(1e-300, 1e-9, -1e5, 1e8), branch_points=(0.0,))
SMALL = Domain(tails=(1e-300, 1e-9, -30.0, 300.0, -700.0), branch_points=(0.0,))
UNIT = Domain(-0.999, 0.999, tails=(1e-300, -1e-9, 0.9999999999, -0.999999999999999), branch_points=(0.0,))
HUGE = Domain(tails=(1e-300, 1e-9, -1e5, 1e160, -1e300), branch_points=(0.0, 1.0))


def row(name: str, partial: Value, doc: str, latex: str = "", **more: Any) -> None:
    latex = latex or rf"\{name}({{0}})"
    elementwise(name, (partial,), doc=doc, latex=latex, flops=more.pop("flops", 10), **more)


row(
    "sin",
    lambda m, y, x: m.cos(x),
    "Sine, x in radians.",
    domain=(ANGLE,),
    facts={"smooth", "f(0)=0"},
    spelling={"arb": "germs.functions.sin", "mpmath": "sin", "math": "sin", "native": called("sin")},
)
row(
    "cos",
    lambda m, y, x: -m.sin(x),
    "Cosine, x in radians.",
    domain=(ANGLE,),
    facts={"smooth"},
    spelling={"arb": "germs.functions.cos", "mpmath": "cos", "math": "cos", "native": called("cos")},
)
row(
    "tan",
    lambda m, y, x: 1 + m.square(y),
    "Tangent, x in radians.",
    domain=(Domain(tails=(1e-300, 1e-9, 1.5707963, -1e5), branch_points=(0.0,)),),
    facts={"f(0)=0", "one formula"},
    non_differentiable="x = π/2 + kπ",
    value=lambda m, x: m.sin(x) / m.cos(x),
    spelling={"arb": "germs.functions.tan", "mpmath": "tan", "math": "tan", "native": called("tan")},
)
elementwise(
    "one_minus_square",
    (lambda m, y, x: -2 * x,),
    doc="1 - x² as (1 - x)(1 + x), which does not cancel near ±1.",
    latex="(1 - {0}^2)",
    domain=(UNIT,),
    reads=(),
    value=lambda m, x: (1 - x) * (1 + x),
    spelling={"native": Native("({one} - {0}) * ({one} + {0})")},
    flops=3,
)
elementwise(
    "lorentzian",
    (lambda m, y, x: -2 * (x * y) * y,),  # y² alone would underflow where the product does not
    doc="1 / (1 + x²).",
    latex=r"\frac{{1}}{{1 + {0}^2}}",
    domain=(Domain(tails=(1e-300, 1e-9, 1e70, -1e100), branch_points=(0.0,)),),
    reads=(),
    value=lambda m, x: 1 / (1 + x * x),
    spelling={"numpy": "kernels.elementwise.lorentzian"},
    flops=3,
)
row(
    "arcsin",
    lambda m, y, x: m.reciprocal(m.sqrt(m.one_minus_square(x))),
    "The inverse sine, in radians.",
    domain=(UNIT,),
    facts={"f(0)=0", "one formula"},
    non_differentiable="x = ±1",
    value=lambda m, x: m.arctan(x / m.sqrt((1 - x) * (1 + x))),
    spelling={"sympy": "asin", "arb": "germs.functions.arcsin", "mpmath": "asin", "native": called("arcsin")},
    aliases=("asin",),
)
row(
    "arccos",
    lambda m, y, x: -m.reciprocal(m.sqrt(m.one_minus_square(x))),
    "The inverse cosine, in radians.",
    domain=(UNIT,),
    non_differentiable="x = ±1",
    spelling={"sympy": "acos", "arb": "germs.functions.arccos", "mpmath": "acos", "native": called("arccos")},
    facts={"one formula"},
    aliases=("acos",),
)
row(
    "arctan",
    lambda m, y, x: m.lorentzian(x),
    "The inverse tangent, in radians.",
    domain=(HUGE,),
    facts={"smooth", "f(0)=0", "rising"},
    spelling={"sympy": "atan", "arb": "germs.functions.arctan", "mpmath": "atan", "native": called("arctan")},
    aliases=("atan",),
)
elementwise(
    "arctan2",
    (
        # x / (x² + y²) would overflow or underflow in the squares.
        lambda m, a, y, x: m.direction(x, y) / m.hypot(x, y),
        lambda m, a, y, x: -m.direction(y, x) / m.hypot(x, y),
    ),
    doc="The angle of the point (x, y), for operands (y, x), in radians.",
    aliases=("atan2",),
    latex=r"\operatorname{{atan2}}({0}, {1})",
    domain=(Domain(tails=(1e-160, 1e160)), Domain(tails=(1e-160, 1e160))),
    non_differentiable="x = y = 0; y = 0 with x < 0",
    spelling={
        "sympy": "atan2",
        "arb": "germs.functions.arctan2",
        "complex": "kernels.continued.arctan2",
        "mpmath": "atan2",
        "native": called("arctan2"),
    },
    flops=12,
    facts={"one formula"},
)
row(
    "sinh",
    lambda m, y, x: m.cosh(x),
    "The hyperbolic sine.",
    domain=(SMALL,),
    facts={"smooth", "f(0)=0"},
    value=lambda m, x: (m.exp(x) - m.exp(-x)) / 2,
    spelling={"arb": "germs.functions.sinh", "mpmath": "sinh", "math": "sinh", "native": called("sinh")},
)
row(
    "cosh",
    lambda m, y, x: m.sinh(x),
    "The hyperbolic cosine.",
    domain=(SMALL,),
    facts={"smooth", "outward", "convex"},
    value=lambda m, x: (m.exp(x) + m.exp(-x)) / 2,
    spelling={
        "arb": "germs.functions.cosh",
        "mpmath": "cosh",
        "math": "cosh",
        "native": Native("_cosh", light=False, wide=True),
    },
)
row(
    "tanh",
    lambda m, y, x: m.square(m.sech(x)),  # not 1 - y², which loses every digit in the tails
    "The hyperbolic tangent.",
    domain=(SMALL,),
    facts={"smooth", "f(0)=0", "rising"},
    value=lambda m, x: (m.exp(x) - m.exp(-x)) / (m.exp(x) + m.exp(-x)),
    spelling={
        "arb": "germs.functions.tanh",
        "mpmath": "tanh",
        "math": "tanh",
        "native": Native("_tanh", light=False, wide=True),
    },
)
row(
    "sech",
    lambda m, y, x: -y * m.tanh(x),
    "The hyperbolic secant 1/cosh(x).",
    latex=r"\operatorname{{sech}}({0})",
    domain=(SMALL,),
    facts={"smooth"},
    reads=(),
    value=lambda m, x: m.reciprocal(m.cosh(x)),
    spelling={
        "javascript": "sech",
        "numpy": "kernels.elementwise.sech",
        "compiled": lambda m, x: m.reciprocal(m.cosh(x)),
        "arb": "germs.functions.sech",
        "mpmath": "sech",
        "math": "1.0 / cosh({0})",
    },
)
row(
    "arcsinh",
    # hypot does not overflow at huge x as 1 + x² does.
    lambda m, y, x: m.reciprocal(m.sqrt(1 + x * x) if m.is_complex(x) else m.hypot(1.0, x)),
    "The inverse hyperbolic sine.",
    latex=r"\operatorname{{arsinh}}({0})",
    domain=(HUGE,),
    facts={"smooth", "f(0)=0"},
    value=lambda m, x: m.log(x + m.sqrt(1 + x * x)),
    spelling={"sympy": "asinh", "arb": "germs.functions.arcsinh", "mpmath": "asinh", "native": called("arcsinh")},
    aliases=("asinh",),
)
row(
    "arccosh",
    # x² - 1 cancels near 1 and overflows at huge x; also the right branch for complex x.
    lambda m, y, x: m.reciprocal(m.sqrt(x - 1) * m.sqrt(x + 1)),
    "The inverse hyperbolic cosine.",
    latex=r"\operatorname{{arcosh}}({0})",
    domain=(Domain(1.001, 10.0, tails=(1.0000001, 1.000000000001, 1e8, 1e160, 1e300)),),
    non_differentiable="x = 1",
    value=lambda m, x: m.log(x + m.sqrt(x - 1) * m.sqrt(x + 1)),
    spelling={"sympy": "acosh", "arb": "germs.functions.arccosh", "mpmath": "acosh", "native": called("arccosh")},
    facts={"one formula"},
    aliases=("acosh",),
)
row(
    "arctanh",
    lambda m, y, x: m.reciprocal(m.one_minus_square(x)),
    "The inverse hyperbolic tangent.",
    latex=r"\operatorname{{artanh}}({0})",
    domain=(UNIT,),
    facts={"f(0)=0", "one formula"},
    non_differentiable="x = ±1",
    value=lambda m, x: (m.log(1 + x) - m.log(1 - x)) / 2,
    spelling={"sympy": "atanh", "arb": "germs.functions.arctanh", "mpmath": "atanh", "native": called("arctanh")},
    aliases=("atanh",),
)
row(
    "sinpi",
    lambda m, y, x: PI * m.cospi(x),
    "sin(πx), exact at multiples of a half.",
    latex=r"\sin(\pi {0})",
    domain=(Domain(tails=(1e-300, 1e-9, 1e5 + 0.25), branch_points=(0.0, 0.5, 1.0, 7.0)),),
    facts={"smooth", "f(0)=0"},
    reads=(),
    value=lambda m, x: m.sin(4 * m.arctan(1) * x),
    spelling={
        "javascript": "sinpi",
        "numpy": "kernels.elementwise.sinpi",
        "arb": "germs.functions.sinpi",
        "mpmath": "sinpi",
    },
)
row(
    "cospi",
    lambda m, y, x: -PI * m.sinpi(x),
    "cos(πx), exact at multiples of a half.",
    latex=r"\cos(\pi {0})",
    domain=(Domain(tails=(1e-300, 1e-9, 1e5 + 0.25), branch_points=(0.0, 0.5, 1.0, 7.0)),),
    facts={"smooth"},
    reads=(),
    value=lambda m, x: m.cos(4 * m.arctan(1) * x),
    spelling={
        "javascript": "cospi",
        "numpy": "kernels.elementwise.cospi",
        "arb": "germs.functions.cospi",
        "mpmath": "cospi",
    },
)
SINC = Domain(tails=(1e-300, 1e-9, 1e-3, 1e5 + 0.25), branch_points=(0.0, 0.5, 3.0))
row(
    "sinc",
    lambda m, y, x: m.sinc_derivative(x, n=1),  # (cos(πx) - y)/x is 0/0 at 0 and cancels near it
    "sin(πx)/(πx), 1 at 0.",
    latex=r"\operatorname{{sinc}}({0})",
    domain=(SINC,),
    arguments=named("x"),
    facts={"smooth"},
    flops=16,  # as much as a special function, and as little right near its roots: NumPy's rounds πx first
    value=lambda m, x: m.sinpi(x) / (4 * m.arctan(1) * x),
    spelling={
        "javascript": "sinc",
        "numpy": "kernels.elementwise.sinc",
        "sympy": by_sympy(lambda sympy, x: sympy.sinc(sympy.pi * x)),
        "arb": "germs.special.sinc",
        "mpmath": by_mpmath(lambda mp, x: mp.sinpi(x) / (mp.pi * x) if x else mp.mpf(1)),
    },
)


def sinc_by_parts(m: Carrier, x: Value, *, n: int) -> Value:
    """From the derivatives of x sinc(x) = sin(πx)/π."""
    pi = 4 * m.arctan(1)
    s, c = m.sinpi(x), m.cospi(x)
    y = s / (pi * x)
    for k in range(1, n + 1):
        y = (pi ** (k - 1) * (c, -s, -c, s)[(k - 1) % 4] - k * y) / x
    return y


elementwise(
    "sinc_derivative",
    (lambda m, y, x, *, n: m.sinc_derivative(x, n=n + 1),),
    doc="The n-th derivative of sinc.",
    latex=r"\operatorname{{sinc}}^{{(n)}}({0})",
    domain=(SINC,),
    facts={"smooth"},
    reads=(),
    spelling={
        "javascript": "sincDerivative",
        "jax": ON_HOST,
        "numpy": "kernels.elementwise.sinc",
        "arb": "germs.special.sinc",
        "mpmath": by_mpmath(lambda mp, x, n: (mp.cospi(x) - mp.sinpi(x) / (mp.pi * x)) / x if x else mp.mpf(0)),
    },
    flops=60,
    examples=({"n": 1},),
    value=sinc_by_parts,
    refused={"complex": ROUNDED},
)
for _name, _factor, _doc, _reads, _value in (
    ("deg2rad", DEGREE, "Degrees to radians.", ("deg2rad", "radians"), lambda m, x: x * m.arctan(1) / 45),
    ("rad2deg", 57.29577951308232, "Radians to degrees.", ("rad2deg", "degrees"), lambda m, x: x * 45 / m.arctan(1)),
):
    row(
        _name,
        lambda m, y, x, factor=_factor: factor,
        _doc,
        latex=r"\operatorname{{" + _name + r"}}({0})",
        domain=(ANGLE,),
        facts={"linear", "smooth", "f(0)=0"},
        reads=_reads,
        value=_value,
        spelling={"arb": f"germs.functions.{_name}"},
        flops=1,
    )
