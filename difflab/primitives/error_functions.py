"""The error function and its relatives, and the normal distribution."""

from __future__ import annotations

from ..types import Value
from .primitive import Carrier, Domain
from .scipy_row import special
from .spelling import ON_HOST, ROUNDED, by_mpmath, by_sympy

TWO_OVER_SQRT_PI = 1.1283791670955126
SQRT_TWO_OVER_PI = 0.7978845608028654
SQRT_HALF = 0.7071067811865476
NORMAL = Domain(-5.0, 5.0, tails=(1e-300, -1e-9, -20.0, 26.0), branch_points=(0.0,))
PROBABILITY = Domain(0.001, 0.999, tails=(1e-300, 1e-10, 1 - 1e-10), branch_points=(0.5,))

# The error function and the normal distribution. exp(-x²) has its own row, with the rounding of x*x put back.
special(
    "exp_minus_square",
    lambda m, y, x: -2 * x * y,
    "exp(-x²), accurate in the tails.",
    latex="e^{{-{0}^2}}",
    domain=(NORMAL,),
    facts={"smooth"},
    reads=(),
    kernel="kernels.elementwise.exp_minus_square",
    value=lambda m, x: m.exp(-x * x),
    spelling={"javascript": "expMinusSquare"},
)
special(
    "exp_square",
    lambda m, y, x: 2 * x * y,
    "exp(x²), accurate in the tails.",
    latex="e^{{{0}^2}}",
    domain=(NORMAL,),
    facts={"smooth"},
    reads=(),
    kernel="kernels.elementwise.exp_square",
    value=lambda m, x: m.exp(x * x),
)
special(
    "normal_density",
    lambda m, y, x: -x * y,
    "The density of the normal distribution.",
    latex=r"\varphi({0})",
    domain=(Domain(tails=(1e-300, -37.0, 20.0), branch_points=(0.0,)),),
    facts={"smooth"},
    reads=(),
    kernel="kernels.elementwise.normal_density",
    value=lambda m, x: m.exp(-x * x / 2) / m.sqrt(8 * m.arctan(1)),
)
special(
    "erf",
    lambda m, y, x: TWO_OVER_SQRT_PI * m.exp_minus_square(x),
    "The error function.",
    domain=(NORMAL,),
    facts={"smooth", "f(0)=0"},
    spelling={"javascript": "erf", "arb": "germs.special.erf", "mpmath": "erf", "math": "erf"},
)
special(
    "erfc",
    lambda m, y, x: -TWO_OVER_SQRT_PI * m.exp_minus_square(x),
    "1 - erf(x), accurate in the tail.",
    domain=(NORMAL,),
    facts={"smooth"},
    kernel="kernels.elementwise.erfc",
    spelling={"javascript": "erfc", "arb": "germs.special.erfc", "mpmath": "erfc", "math": "erfc"},
)
special(
    "erfcx",
    lambda m, y, x: -2 * m.erfc_repeated(x, n=1),
    "exp(x²) erfc(x).",
    domain=(NORMAL,),
    facts={"smooth"},
    value=lambda m, x: m.exp(x * x) * m.erfc(x),
    spelling={"javascript": "erfcx", "arb": "germs.special.erfcx"},
    refused={"complex": ROUNDED},
)


def repeated(m: Carrier, x: Value, *, n: int) -> Value:
    """By the recurrence 2 k f_k = f_{k-2} - 2 x f_{k-1}."""
    before, f = 1 / m.sqrt(m.arctan(1)), m.exp(x * x) * m.erfc(x)
    for k in range(1, n + 1):
        before, f = f, (before - 2 * x * f) / (2 * k)
    return f


def dawson(m: Carrier, x: Value, *, n: int) -> Value:
    """By the recurrence f_{k+1} = -2 (x f_k + k f_{k-1})."""
    before, f = m.dawsn(x), 1 - 2 * x * m.dawsn(x)
    for k in range(1, n):
        before, f = f, -2 * (x * f + k * before)
    return f if n else before


# 2 x erfcx(x) - 2/sqrt(π) cancels at large x; the repeated integrals of erfc give the same without a difference.
special(
    "erfc_repeated",
    lambda m, y, x, *, n: -2 * (n + 1) * m.erfc_repeated(x, n=n + 1),
    "exp(x²) times the n-fold integral of erfc from x to infinity.",
    latex=r"e^{{{0}^2}}\,i^n\operatorname{{erfc}}({0})",
    domain=(NORMAL,),
    facts={"smooth"},
    reads=(),
    kernel="kernels.special.erfc_repeated",
    examples=({"n": 1},),
    flops=900,
    value=repeated,
    spelling={
        "javascript": "erfcRepeated",
        "mpmath": by_mpmath(lambda mp, x, n: 1 / mp.sqrt(mp.pi) - x * mp.exp(x * x) * mp.erfc(x)),
    },
    refused={"complex": ROUNDED},
    called=(),
)
special(
    "erfi",
    lambda m, y, x: TWO_OVER_SQRT_PI * m.exp_square(x),
    "The imaginary error function -i erf(ix).",
    domain=(NORMAL,),
    facts={"smooth", "f(0)=0"},
    spelling={"javascript": "erfi", "arb": "germs.special.erfi", "mpmath": "erfi"},
)
special(
    "dawsn",
    lambda m, y, x: m.dawsn_derivative(x, n=1),
    "Dawson's integral.",
    domain=(NORMAL,),
    facts={"smooth", "f(0)=0"},
    value=lambda m, x: m.sqrt(m.arctan(1)) * m.exp(-x * x) * m.erfi(x),
    spelling={"javascript": "dawsn", "arb": "germs.special.dawsn"},
    refused={"complex": ROUNDED},
)
# Not 1 - 2 x dawsn(x): the terms cancel at large x.
special(
    "dawsn_derivative",
    lambda m, y, x, *, n: m.dawsn_derivative(x, n=n + 1),
    "The n-th derivative of dawsn.",
    latex=r"D^{{(n)}}({0})",
    domain=(NORMAL,),
    facts={"smooth"},
    reads=(),
    kernel="kernels.special.dawsn",
    examples=({"n": 1},),
    flops=600,
    value=dawson,
    spelling={
        "javascript": "dawsnDerivative",
        "mpmath": by_mpmath(lambda mp, x, n: 1 - mp.sqrt(mp.pi) * x * mp.exp(-x * x) * mp.erfi(x)),
    },
    refused={"complex": ROUNDED},
    called=(),
)
special(
    "erfinv",
    lambda m, y, x: m.erfinv_slope(x),
    "The inverse error function.",
    domain=(Domain(-0.99, 0.99, tails=(1e-300, 1 - 1e-10), branch_points=(0.0,)),),
    facts={"f(0)=0"},
    spelling={"javascript": "erfinv", "arb": "germs.special.erfinv", "mpmath": "kernels.digits.erfinv"},
)
special(
    "erfinv_slope",
    lambda m, y, x: 2 * m.erfinv(x) * m.square(y),
    "The derivative of erfinv, exp(erfinv(x)²) sqrt(π)/2, without magnifying the rounding of erfinv.",
    latex=r"(\operatorname{{erf}}^{{-1}})'({0})",
    reads=(),
    kernel="kernels.special.erfinv_slope",
    domain=(Domain(-0.99, 0.99, tails=(1 - 1e-10,)),),
    value=lambda m, x: m.sqrt(m.arctan(1)) * m.exp_square(m.erfinv(x)),
    spelling={"jax": ON_HOST},
)
special(
    "erfcinv_slope",
    lambda m, y, x: 2 * m.erfcinv(x) * m.square(y),
    "The derivative of erfcinv, without magnifying the rounding of erfcinv.",
    latex=r"(\operatorname{{erfc}}^{{-1}})'({0})",
    reads=(),
    kernel="kernels.special.erfcinv_slope",
    domain=(Domain(0.01, 1.99, tails=(1e-100, 1e-10)),),
    value=lambda m, x: -m.sqrt(m.arctan(1)) * m.exp_square(m.erfcinv(x)),
    spelling={"jax": ON_HOST},
)
special(
    "erfcinv",
    lambda m, y, x: m.erfcinv_slope(x),
    "The inverse of erfc.",
    domain=(Domain(0.01, 1.99, tails=(1e-100, 1e-10), branch_points=(1.0,)),),
    value=lambda m, x: m.erfinv(1 - x),
    spelling={
        "javascript": "erfcinv",
        "sympy": by_sympy(lambda sympy, x: sympy.erfinv(1 - x)),
        "arb": "germs.special.erfcinv",
        "mpmath": "kernels.digits.erfcinv",
    },
)
special(
    "ndtr",
    lambda m, y, x: m.normal_density(x),
    "The normal distribution function Φ.",
    latex=r"\Phi({0})",
    domain=(Domain(tails=(1e-300, -37.0, 20.0), branch_points=(0.0,)),),
    facts={"smooth"},
    kernel="kernels.elementwise.ndtr",
    value=lambda m, x: m.erfc(-x / m.sqrt(2)) / 2,
    spelling={"arb": "germs.special.ndtr"},
)
special(
    "ndtri_slope",
    lambda m, y, x: m.ndtri(x) * m.square(y),
    "The derivative of ndtri, without magnifying the rounding of ndtri.",
    latex=r"(\Phi^{{-1}})'({0})",
    reads=(),
    kernel="kernels.special.ndtri_slope",
    domain=(PROBABILITY,),
    value=lambda m, x: m.sqrt(8 * m.arctan(1)) * m.exp(m.square(m.ndtri(x)) / 2),
    spelling={"javascript": "ndtriSlope"},
)
special(
    "ndtri",
    lambda m, y, x: m.ndtri_slope(x),
    "The inverse of Φ.",
    latex=r"\Phi^{{-1}}({0})",
    domain=(PROBABILITY,),
    value=lambda m, x: m.sqrt(2) * m.erfinv(2 * x - 1),
    spelling={"javascript": "ndtri", "arb": "germs.special.ndtri", "mpmath": "kernels.digits.ndtri"},
)


def mills(m: Carrier, y: Value, x: Value) -> Value:
    """φ/Φ: through erfcx for negative x, where both vanish."""
    negative = m.less(x, 0.0)
    left = SQRT_TWO_OVER_PI / m.erfcx(-SQRT_HALF * m.where(negative, x, 0.0))
    right = m.where(negative, 0.0, x)
    return m.where(negative, left, m.normal_density(right) / m.ndtr(right))


special(
    "log_ndtr",
    mills,
    "log Φ(x), accurate in both tails.",
    latex=r"\ln\Phi({0})",
    kernel="kernels.special.log_ndtr",
    domain=(Domain(tails=(-37.0, -1e3, 20.0), branch_points=(0.0,)),),
    facts={"smooth"},
    value=lambda m, x: m.log(m.ndtr(x)),
    spelling={"javascript": "logNdtr", "arb": "germs.special.log_ndtr", "mpmath": "kernels.digits.log_ndtr"},
    refused={"complex": ROUNDED},
)
