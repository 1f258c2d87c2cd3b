"""The incomplete gamma and beta integrals and the zeta function, with their derivatives by the parameters; inverses."""

from __future__ import annotations

from math import inf

from ..types import Params, Value
from .arguments import refuse
from .creation import reader
from .cumulants import moments
from .primitive import Carrier, Domain
from .scipy_row import special
from .spelling import OF_REALS, by_mpmath, by_sympy

ORDER = Domain(0.5, 5.0, tails=(1e-3, 40.0))
POINT = Domain(0.1, 10.0, tails=(1e-5,))
SHARE = Domain(0.01, 0.99, tails=(1e-5,))
PARAMETER = Domain(0.5, 5.0)


# The densities, and their derivatives by the parameters: the moments that the logarithm's derivatives have.
special(
    "gamma_density",
    (lambda m, y, a, x: y * (m.log(x) - m.digamma(a)), lambda m, y, a, x: y * ((a - 1) / x - 1)),
    "The density of the gamma distribution, the derivative of gammainc by x.",
    latex=r"\frac{{{1}^{{{0} - 1}} e^{{-{1}}}}}{{\Gamma({0})}}",
    domain=(PARAMETER, POINT),
    kernel="kernels.incomplete.gamma_density",
    reads=(),
    value=lambda m, a, x: m.exp(m.xlogy(a - 1, x) - x - m.gammaln(a)),
    called=(),
)
special(
    "beta_density",
    (
        lambda m, y, a, b, x: y * (m.log(x) + m.polygamma_gap(a, b, n=0)),
        lambda m, y, a, b, x: y * (m.log1p(-x) + m.polygamma_gap(b, a, n=0)),
        lambda m, y, a, b, x: y * ((a - 1) / x - (b - 1) / (1 - x)),
    ),
    "The density of the beta distribution, the derivative of betainc by x.",
    latex=r"\frac{{{2}^{{{0} - 1}} (1 - {2})^{{{1} - 1}}}}{{B({0}, {1})}}",
    domain=(PARAMETER, PARAMETER, SHARE),
    kernel="kernels.incomplete.beta_density",
    reads=(),
    value=lambda m, a, b, x: m.exp(m.xlogy(a - 1, x) + m.xlog1py(b - 1, -x) - m.betaln(a, b)),
    called=(),
)


def gamma_density_slope(m: Carrier, a: Value, x: Value, n: int) -> Value:
    """The n-th derivative of the density by a."""
    known = {1: m.log(x) - m.digamma(a), **{i: -m.polygamma(a, n=i - 1) for i in range(2, n + 1)}}
    return m.gamma_density(a, x) * moments(lambda i, _: known[i], n, 0)[n, 0]


def beta_density_slope(m: Carrier, a: Value, b: Value, x: Value, j: int, k: int) -> Value:
    """The derivative of the density, j times by a and k times by b."""

    def known(i: int, l: int) -> Value:
        if i and l:
            return m.polygamma(a + b, n=i + l - 1)
        own, other, end = (a, b, m.log(x)) if i else (b, a, m.log1p(-x))
        return m.polygamma_gap(own, other, n=i + l - 1) + (end if i + l == 1 else 0.0)

    return m.beta_density(a, b, x) * moments(known, j, k)[j, k]


special(
    "gammainc",
    (lambda m, z, a, x: m.gammainc_slope(a, x, n=1), lambda m, z, a, x: m.gamma_density(a, x)),
    "The regularised lower incomplete gamma function P(a, x).",
    latex="P({0}, {1})",
    domain=(ORDER, POINT),
    spelling={
        "javascript": "gammainc",
        "sympy": by_sympy(lambda sympy, a, x: sympy.lowergamma(a, x) / sympy.gamma(a)),
        "arb": "germs.incomplete.gammainc",
        "mpmath": by_mpmath(lambda mp, a, x: mp.gammainc(a, 0, x, regularized=True)),
    },
)
special(
    "gammaincc",
    (lambda m, z, a, x: -m.gammainc_slope(a, x, n=1), lambda m, z, a, x: -m.gamma_density(a, x)),
    "The regularised upper incomplete gamma function Q(a, x).",
    latex="Q({0}, {1})",
    domain=(ORDER, POINT),
    spelling={
        "javascript": "gammaincc",
        "sympy": by_sympy(lambda sympy, a, x: sympy.uppergamma(a, x) / sympy.gamma(a)),
        "arb": "germs.incomplete.gammaincc",
        "mpmath": by_mpmath(lambda mp, a, x: mp.gammainc(a, x, regularized=True)),
    },
)
special(
    "gammainc_slope",
    (
        lambda m, y, a, x, *, n: m.gammainc_slope(a, x, n=n + 1),
        lambda m, y, a, x, *, n: gamma_density_slope(m, a, x, n),
    ),
    "The n-th derivative of gammainc by a.",
    latex=r"\partial_a^n P({0}, {1})",
    domain=(ORDER, POINT),
    kernel="kernels.incomplete.gammainc_slope",
    reads=(),
    examples=({"n": 1},),
    flops=2000,
    spelling={
        "arb": "germs.incomplete.gammainc",
        "mpmath": "kernels.digits_incomplete.gammainc_slope",
        "javascript": "gammaincSlope",
    },
    refused={"complex": OF_REALS},
    called=(),
)
special(
    "betainc",
    (
        lambda m, z, a, b, x: m.betainc_slope(a, b, x, j=1, k=0),
        lambda m, z, a, b, x: m.betainc_slope(a, b, x, j=0, k=1),
        lambda m, z, a, b, x: m.beta_density(a, b, x),
    ),
    "The regularised incomplete beta function I_x(a, b).",
    latex="I_{{{2}}}({0}, {1})",
    domain=(PARAMETER, PARAMETER, SHARE),
    spelling={
        "javascript": "betainc",
        "sympy": by_sympy(lambda sympy, a, b, x: sympy.betainc_regularized(a, b, 0, x)),
        "arb": "germs.incomplete.betainc",
        "mpmath": by_mpmath(lambda mp, a, b, x: mp.betainc(a, b, 0, x, regularized=True)),
    },
)
special(
    "betaincc",
    (
        lambda m, z, a, b, x: -m.betainc_slope(a, b, x, j=1, k=0),
        lambda m, z, a, b, x: -m.betainc_slope(a, b, x, j=0, k=1),
        lambda m, z, a, b, x: -m.beta_density(a, b, x),
    ),
    "The complement of the regularised incomplete beta function, 1 - I_x(a, b).",
    latex="I_{{1 - {2}}}({1}, {0})",
    domain=(PARAMETER, PARAMETER, SHARE),
    spelling={
        "javascript": "betaincc",
        "sympy": by_sympy(lambda sympy, a, b, x: sympy.betainc_regularized(a, b, x, 1)),
        "arb": "germs.incomplete.betaincc",
        "mpmath": by_mpmath(lambda mp, a, b, x: mp.betainc(a, b, x, 1, regularized=True)),
    },
)
special(
    "betainc_slope",
    (
        lambda m, y, a, b, x, *, j, k: m.betainc_slope(a, b, x, j=j + 1, k=k),
        lambda m, y, a, b, x, *, j, k: m.betainc_slope(a, b, x, j=j, k=k + 1),
        lambda m, y, a, b, x, *, j, k: beta_density_slope(m, a, b, x, j, k),
    ),
    "The derivative of betainc, j times by a and k times by b.",
    latex=r"\partial_a^j \partial_b^k I_{{{2}}}({0}, {1})",
    domain=(PARAMETER, PARAMETER, SHARE),
    kernel="kernels.incomplete.betainc_slope",
    reads=(),
    examples=({"j": 1, "k": 0},),
    flops=2000,
    spelling={
        "arb": "germs.incomplete.betainc",
        "mpmath": "kernels.digits_incomplete.betainc_slope",
        "javascript": "betaincSlope",
    },
    refused={"complex": OF_REALS},
    called=(),
)


# The zeta function.
def read_zeta(x: Value, q: Value = None, out: Value = None) -> tuple[tuple[Value, ...], Params]:
    refuse(out=out)
    return (x, 1.0 if q is None else q), {}


def zeta_slope_by_q(m: Carrier, s: Value, q: Value, n: int) -> Value:
    """The n-th derivative by s of -s ζ(s + 1, q)."""
    return -(s * m.zeta_slope(s + 1, q, n=n) + n * (m.zeta_slope(s + 1, q, n=n - 1) if n > 1 else m.zeta(s + 1, q)))


special(
    "zeta",
    (lambda m, z, s, q: m.zeta_slope(s, q, n=1), lambda m, z, s, q: -(s * m.zeta(s + 1, q))),
    "The Hurwitz zeta function; without q the one of Riemann, with a derivative by its order above 0.",
    latex=r"\zeta({0}, {1})",
    domain=(Domain(2.0, 5.0, tails=(1.01, 30.0)), Domain(0.5, 10.0)),
    kernel="kernels.incomplete.zeta",
    reads=("special.zeta", "special._ufuncs._zeta"),
    spelling={"javascript": "zeta", "arb": "germs.incomplete.zeta", "mpmath": "zeta"},
    arguments=read_zeta,
)
reader(
    "riemann_zeta",
    "Riemann's zeta function, as scipy.special.zeta calls it where it has no q.",
    lambda x: ((x, 1.0), {}, "zeta"),
    reads=("special._ufuncs._riemann_zeta",),
    called=(),
)
special(
    "zeta_slope",
    (lambda m, y, s, q, *, n: m.zeta_slope(s, q, n=n + 1), lambda m, y, s, q, *, n: zeta_slope_by_q(m, s, q, n)),
    "The n-th derivative of zeta by s.",
    latex=r"\zeta^{{(n)}}({0}, {1})",
    domain=(Domain(2.0, 5.0, tails=(1.01, 30.0)), Domain(0.5, 10.0)),
    kernel="kernels.incomplete.zeta_slope",
    reads=(),
    examples=({"n": 1},),
    flops=500,
    spelling={
        "arb": "germs.incomplete.zeta",
        "mpmath": by_mpmath(lambda mp, s, q, n: mp.zeta(s, q, n)),
        "javascript": "zetaSlope",
    },
    refused={"complex": OF_REALS},
    called=(),
)


# Inverses: x where P(a, x) = y, so that the derivative by y is 1 / P_x and the one by a is -P_a / P_x.
def over(m: Carrier, slope: Value, density: Value, end: Value) -> Value:
    """The quotient, and `end` where the density is 0: where x is an end of its range."""
    at_end = m.equal(density, 0.0)
    return m.where(at_end, end, slope / m.where(at_end, 1.0, density))


def gamma_inverse(sign: int) -> tuple[Value, Value]:
    return (
        lambda m, x, a, y: over(m, -m.gammainc_slope(a, x, n=1), m.gamma_density(a, x), x),
        lambda m, x, a, y: over(m, float(sign), m.gamma_density(a, x), sign * inf),
    )


special(
    "gammaincinv",
    gamma_inverse(1),
    "The x at which gammainc(a, x) is y.",
    latex="P^{{-1}}({0}, {1})",
    domain=(PARAMETER, SHARE),
    kernel="kernels.incomplete.gammaincinv",
    spelling={
        "arb": "germs.incomplete.gammaincinv",
        "mpmath": "kernels.digits_incomplete.gammaincinv",
        "javascript": "gammaincinv",
    },
    flops=200,
)
special(
    "gammainccinv",
    gamma_inverse(-1),
    "The x at which gammaincc(a, x) is y.",
    latex="Q^{{-1}}({0}, {1})",
    domain=(PARAMETER, SHARE),
    kernel="kernels.incomplete.gammainccinv",
    spelling={
        "arb": "germs.incomplete.gammainccinv",
        "mpmath": "kernels.digits_incomplete.gammainccinv",
        "javascript": "gammainccinv",
    },
    flops=200,
)
special(
    "betaincinv",
    (
        lambda m, x, a, b, y: over(m, -m.betainc_slope(a, b, x, j=1, k=0), m.beta_density(a, b, x), 0.0),
        lambda m, x, a, b, y: over(m, -m.betainc_slope(a, b, x, j=0, k=1), m.beta_density(a, b, x), 0.0),
        lambda m, x, a, b, y: over(m, 1.0, m.beta_density(a, b, x), inf),
    ),
    "The x at which betainc(a, b, x) is y.",
    latex="I^{{-1}}_{{{2}}}({0}, {1})",
    domain=(Domain(1.0, 5.0), Domain(1.0, 5.0), Domain(0.01, 0.99)),
    kernel="kernels.incomplete.betaincinv",
    spelling={
        "arb": "germs.incomplete.betaincinv",
        "mpmath": "kernels.digits_incomplete.betaincinv",
        "javascript": "betaincinv",
    },
    flops=200,
)
special(
    "hyp2f1",
    (None, None, None, lambda m, y, a, b, c, z: m.divide(a * b, c) * m.hyp2f1(a + 1, b + 1, c + 1, z)),
    "The Gauss hypergeometric function; no derivative by its parameters.",
    latex=r"{{}}_2F_1({0}, {1}; {2}; {3})",
    domain=(PARAMETER, PARAMETER, PARAMETER, Domain(-0.9, 0.9)),
    spelling={
        "sympy": by_sympy(lambda sympy, a, b, c, z: sympy.hyper([a, b], [c], z)),
        "arb": "germs.incomplete.hyp2f1",
        "mpmath": "hyp2f1",
        "javascript": "hyp2f1",
    },
    non_differentiable="z = 1",
    flops=200,
)
special(
    "hyp1f1",
    (None, None, lambda m, y, a, b, z: m.divide(a, b) * m.hyp1f1(a + 1, b + 1, z)),
    "Kummer's confluent hypergeometric function; no derivative by its parameters.",
    latex=r"{{}}_1F_1({0}; {1}; {2})",
    domain=(PARAMETER, PARAMETER, Domain(-5.0, 5.0)),
    kernel="kernels.hypergeometric.hyp1f1",
    spelling={
        "sympy": by_sympy(lambda sympy, a, b, z: sympy.hyper([a], [b], z)),
        "arb": "germs.incomplete.hyp1f1",
        "mpmath": "hyp1f1",
        "javascript": "hyp1f1",
    },
    flops=200,
)
