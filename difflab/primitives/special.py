"""The error and gamma functions of scipy.special and their inverses."""

from __future__ import annotations

from typing import Any

from .arguments import whole
from .primitive import Domain, composite, named
from .scipy_row import special
from .spelling import ROUNDED, by_mpmath, by_sympy

TWO_OVER_SQRT_PI = 1.1283791670955126
SQRT_PI_HALF = 0.886226925452758
SQRT_TWO_PI = 2.5066282746310002
SQRT_TWO_OVER_PI = 0.7978845608028654
PI = 3.141592653589793
SQRT_HALF = 0.7071067811865476
NORMAL = Domain(-5.0, 5.0, tails=(1e-300, -1e-9, -20.0, 26.0), branch_points=(0.0,))
POSITIVE = Domain(0.1, 10.0, tails=(1e-8, 50.0, 150.0), branch_points=(1.0, 2.0))
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
    spelling={"javascript": "erf", "arb": "germs.special.erf", "mpmath": "erf", "math": "erf({0})"},
)
special(
    "erfc",
    lambda m, y, x: -TWO_OVER_SQRT_PI * m.exp_minus_square(x),
    "1 - erf(x), accurate in the tail.",
    domain=(NORMAL,),
    facts={"smooth"},
    kernel="kernels.elementwise.erfc",
    spelling={"javascript": "erfc", "arb": "germs.special.erfc", "mpmath": "erfc", "math": "erfc({0})"},
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


def repeated(m: Any, x: Any, *, n: int) -> Any:
    """By the recurrence 2 k f_k = f_{k-2} - 2 x f_{k-1}."""
    before, f = 1 / m.sqrt(m.arctan(1)), m.exp(x * x) * m.erfc(x)
    for k in range(1, n + 1):
        before, f = f, (before - 2 * x * f) / (2 * k)
    return f


def dawson(m: Any, x: Any, *, n: int) -> Any:
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


def mills(m: Any, y: Any, x: Any) -> Any:
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

# The gamma family.
special(
    "gamma",
    lambda m, y, x: y * m.digamma(x),
    "The gamma function.",
    latex=r"\Gamma({0})",
    domain=(POSITIVE,),
    non_differentiable="x = 0, -1, -2, ...",
    spelling={"javascript": "gamma", "arb": "germs.special.gamma", "mpmath": "gamma"},
    facts={"one formula"},
)
special(
    "gammaln",
    lambda m, y, x: m.digamma(x),
    "The logarithm of |Γ(x)|.",
    latex=r"\ln|\Gamma({0})|",
    domain=(POSITIVE,),
    reads=("special.gammaln", "special.loggamma"),
    spelling={
        "javascript": "gammaln",
        "sympy": "loggamma",
        "arb": "germs.special.gammaln",
        "mpmath": by_mpmath(lambda mp, x: mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x)))),
        "peers": "lgamma",
    },
    non_differentiable="x = 0, -1, -2, ...",
    facts={"one formula"},
    aliases=("lgamma",),
)


def rgamma_slope(m: Any, y: Any, x: Any) -> Any:
    """-ψ(x)/Γ(x), below a half from the reflection formula: at 0, -1, -2, ... it is 0 times infinity."""
    low = m.less(x, 0.5)
    z = m.where(low, 1 - x, 1.0)
    reflected = m.gamma(z) * (m.cospi(x) - m.sinpi(x) / PI * m.digamma(z))
    right = m.where(low, 1.0, x)
    return m.where(low, reflected, -m.rgamma(right) * m.digamma(right))


special(
    "rgamma",
    rgamma_slope,
    "1 / Γ(x).",
    latex=r"\frac{{1}}{{\Gamma({0})}}",
    domain=(POSITIVE,),
    value=lambda m, x: 1 / m.gamma(x),
    spelling={"javascript": "rgamma", "arb": "germs.special.rgamma", "mpmath": "rgamma"},
)
special(
    "digamma",
    lambda m, y, x: m.polygamma(x, n=1),
    "The derivative of ln Γ.",
    latex=r"\psi({0})",
    scipy="psi",
    domain=(POSITIVE,),
    non_differentiable="x = 0, -1, -2, ...",
    spelling={"javascript": "digamma", "arb": "germs.special.digamma", "mpmath": "digamma", "peers": "psi"},
    facts={"one formula"},
    aliases=("psi",),
)
special(
    "polygamma",
    lambda m, y, x, *, n: m.polygamma(x, n=n + 1),
    "The n-th derivative of digamma.",
    latex=r"\psi^{{(n)}}({0})",
    kernel="kernels.special.polygamma",
    domain=(POSITIVE,),
    reads=("special.polygamma",),
    arguments=lambda n, x: ((x,), {"n": whole("polygamma: n", n, 0, 160)}),
    spelling={
        "javascript": "polygamma",
        "sympy": by_sympy(lambda sympy, x, n: sympy.polygamma(n, x)),
        "arb": "germs.special.digamma",
        "mpmath": by_mpmath(lambda mp, x, n: mp.polygamma(n, x)),
    },
    examples=({"n": 1}, {"n": 2}),
    non_differentiable="x = 0, -1, -2, ...",
    facts={"one formula"},
)
special(
    "polygamma_gap",
    (lambda m, z, x, y, *, n: m.polygamma_gap(x, y, n=n + 1), lambda m, z, x, y, *, n: m.polygamma(x + y, n=n + 1)),
    "The n-th derivative of digamma at x + y less that at x, which cancels for small y where it is subtracted.",
    latex=r"\psi^{{(n)}}({0} + {1}) - \psi^{{(n)}}({0})",
    domain=(Domain(0.1, 10.0), Domain(0.1, 10.0, tails=(1e-9,))),
    kernel="kernels.special.polygamma_gap",
    reads=(),
    value=lambda m, x, y, *, n: m.polygamma(x + y, n=n) - m.polygamma(x, n=n),
    examples=({"n": 0},),
    spelling={"javascript": "polygammaGap"},
    called=(),
)
special(
    "beta",
    (
        lambda m, z, x, y: -z * m.polygamma_gap(x, y, n=0),
        lambda m, z, x, y: -z * m.polygamma_gap(y, x, n=0),
    ),
    "The beta function.",
    kernel="kernels.special.beta",
    latex=r"B({0}, {1})",
    domain=(Domain(0.1, 10.0), Domain(0.1, 10.0)),
    facts={"commutative"},
    value=lambda m, x, y: m.gamma(x) * m.gamma(y) / m.gamma(x + y),
    spelling={"javascript": "beta", "arb": "germs.special.beta", "mpmath": "beta"},
)
special(
    "betaln",
    (lambda m, z, x, y: -m.polygamma_gap(x, y, n=0), lambda m, z, x, y: -m.polygamma_gap(y, x, n=0)),
    "The logarithm of the beta function.",
    kernel="kernels.special.betaln",
    latex=r"\ln B({0}, {1})",
    domain=(Domain(0.1, 10.0), Domain(0.1, 10.0)),
    facts={"commutative"},
    value=lambda m, x, y: m.gammaln(x) + m.gammaln(y) - m.gammaln(x + y),
    spelling={"javascript": "betaln"},
)


def gamma_density(m: Any, a: Any, x: Any) -> Any:
    return m.exp(m.xlogy(a - 1, x) - x - m.gammaln(a))


special(
    "gammainc",
    (None, lambda m, z, a, x: gamma_density(m, a, x)),
    "The regularised lower incomplete gamma function P(a, x); no derivative by a.",
    latex="P({0}, {1})",
    domain=(Domain(0.5, 5.0), Domain(0.1, 10.0)),
    spelling={
        "javascript": "gammainc",
        "sympy": by_sympy(lambda sympy, a, x: sympy.lowergamma(a, x) / sympy.gamma(a)),
        "arb": "germs.special.gammainc",
        "mpmath": by_mpmath(lambda mp, a, x: mp.gammainc(a, 0, x, regularized=True)),
    },
)
special(
    "gammaincc",
    (None, lambda m, z, a, x: -gamma_density(m, a, x)),
    "The regularised upper incomplete gamma function Q(a, x); no derivative by a.",
    latex="Q({0}, {1})",
    domain=(Domain(0.5, 5.0), Domain(0.1, 10.0)),
    spelling={
        "javascript": "gammaincc",
        "sympy": by_sympy(lambda sympy, a, x: sympy.uppergamma(a, x) / sympy.gamma(a)),
        "arb": "germs.special.gammaincc",
        "mpmath": by_mpmath(lambda mp, a, x: mp.gammainc(a, x, regularized=True)),
    },
)
special(
    "betainc",
    (None, None, lambda m, z, a, b, x: m.exp(m.xlogy(a - 1, x) + m.xlog1py(b - 1, -x) - m.betaln(a, b))),
    "The regularised incomplete beta function I_x(a, b); no derivative by a and b.",
    latex="I_{{{2}}}({0}, {1})",
    domain=(Domain(0.5, 5.0), Domain(0.5, 5.0), Domain(0.01, 0.99)),
    spelling={
        "javascript": "betainc",
        "sympy": by_sympy(lambda sympy, a, b, x: sympy.betainc_regularized(a, b, 0, x)),
        "arb": "germs.special.betainc",
        "mpmath": by_mpmath(lambda mp, a, b, x: mp.betainc(a, b, 0, x, regularized=True)),
    },
)
composite(
    "multigammaln",
    lambda m, a, *, d: d * (d - 1) * 0.25 * m.log(4 * m.arctan(1)) + _sum(m.gammaln(a - 0.5 * j) for j in range(d)),
    doc="The logarithm of the multivariate gamma function of dimension d.",
    latex=r"\ln\Gamma_d({0})",
    reads=("special.multigammaln",),
    arguments=lambda a, d: ((a,), {"d": whole("multigammaln: d", d, 1, 1000)}),
    domain=(Domain(3.0, 10.0),),
    examples=({"d": 3},),
)


def _sum(terms: Any) -> Any:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


special(
    "zeta",
    (None, lambda m, z, s, a: -(s * m.zeta(s + 1, a))),
    "The Hurwitz zeta function; no derivative by its order.",
    latex=r"\zeta({0}, {1})",
    domain=(Domain(2.0, 5.0), Domain(0.5, 10.0)),
    spelling={"javascript": "zeta", "arb": "germs.special.zeta", "mpmath": "zeta"},
    arguments=named("x", "q"),
)
