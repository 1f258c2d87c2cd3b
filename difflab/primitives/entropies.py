"""Entropies, losses and other functions of scipy.special around exp and log."""

from __future__ import annotations

from ..types import Value
from .primitive import Carrier, Domain, Gate, elementwise
from .scipy_row import special
from .spelling import ON_HOST, by_mpmath

PROBABILITY = Domain(0.001, 0.999, tails=(1e-300, 1e-10, 1 - 1e-10), branch_points=(0.5,))

# Entropies and their like.
special(
    "logit",
    lambda m, y, x: m.reciprocal(x) + m.reciprocal(1 - x),
    "log(x / (1 - x)), the inverse of the sigmoid.",
    domain=(PROBABILITY,),
    value=lambda m, x: m.log(x / (1 - x)),
    spelling={"javascript": "logit"},
)
special(
    "log_ratio",
    (lambda m, z, x, y: m.reciprocal(x), lambda m, z, x, y: -m.reciprocal(y)),
    "log(x / y), also where x and y are close.",
    latex=r"\ln\frac{{{0}}}{{{1}}}",
    reads=(),
    domain=(Domain(0.01, 10.0, tails=(1e-300,)), Domain(0.01, 10.0, tails=(1e300,))),
    kernel="kernels.elementwise.log_ratio",
    value=lambda m, x, y: m.log(x / y),
    spelling={"javascript": "logRatio"},
)


def quotient(shift: int) -> Value:
    """The partial x / (shift + y), which is 0 where x = 0 also where the divisor is 0."""

    def partial(m: Carrier, z: Value, x: Value, y: Value) -> Value:
        divisor = shift + y if shift else y
        return Gate(m.logical_or(m.not_equal(x, 0.0), m.greater(divisor, 0.0)), x / divisor)

    return partial


special(
    "xlogy",
    (lambda m, z, x, y: m.log(y), quotient(0)),
    "x log(y), 0 where x = 0.",
    latex=r"{0} \ln({1})",
    domain=(Domain(branch_points=(0.0,)), Domain(0.01, 10.0, tails=(1e-300, 1e300))),
    value=lambda m, x, y: x * m.log(y),
    spelling={
        "javascript": "xlogy",
        "arb": "germs.entropies.xlogy",
        "mpmath": by_mpmath(lambda mp, x, y: x * mp.log(y) if x else mp.mpf(0)),
    },
)
special(
    "xlog1py",
    (lambda m, z, x, y: m.log1p(y), quotient(1)),
    "x log(1 + y), 0 where x = 0.",
    latex=r"{0} \ln(1 + {1})",
    domain=(Domain(branch_points=(0.0,)), Domain(-0.9, 10.0, tails=(1e-300, 1e300))),
    value=lambda m, x, y: x * m.log1p(y),
    spelling={
        "javascript": "xlog1py",
        "arb": "germs.entropies.xlog1py",
        "mpmath": by_mpmath(lambda mp, x, y: x * mp.log1p(y) if x else mp.mpf(0)),
    },
)
special(
    "entr",
    lambda m, y, x: -m.log(x) - 1,
    "-x log(x), the summand of an entropy; 0 at 0.",
    latex=r"-{0}\ln({0})",
    domain=(Domain(0.001, 10.0, tails=(1e-300, 1e300)),),
    non_differentiable="x = 0",
    value=lambda m, x: -x * m.log(x),
    spelling={"javascript": "entr", "arb": "germs.entropies.entr"},
    facts={"one formula"},
)
elementwise(
    "relative_gap",
    (lambda m, z, x, y: -m.reciprocal(y), lambda m, z, x, y: x / y / y),
    doc="(y - x)/y: 1 - x/y without its rounding near x = y.",
    latex=r"\frac{{{1} - {0}}}{{{1}}}",
    domain=(Domain(0.01, 10.0, tails=(1e-200,)), Domain(0.01, 10.0, tails=(1e100,))),
    reads=(),
    value=lambda m, x, y: m.divide(y - x, y),
    flops=2,
)
PAIR = (Domain(0.01, 10.0, tails=(1e-200,)), Domain(0.01, 10.0, tails=(1e200,)))
special(
    "rel_entr",
    (lambda m, z, x, y: m.log_ratio(x, y) + 1, lambda m, z, x, y: -(x / y)),
    "x log(x / y), the summand of a relative entropy.",
    latex=r"{0}\ln\frac{{{0}}}{{{1}}}",
    domain=PAIR,
    value=lambda m, x, y: x * m.log(x / y),
    spelling={"javascript": "relEntr", "arb": "germs.entropies.rel_entr"},
)
special(
    "kl_div",
    (lambda m, z, x, y: m.log_ratio(x, y), lambda m, z, x, y: m.relative_gap(x, y)),
    "x log(x / y) - x + y.",
    kernel="kernels.special.kl_div",
    latex=r"{0}\ln\frac{{{0}}}{{{1}}} - {0} + {1}",
    domain=PAIR,
    value=lambda m, x, y: x * m.log(x / y) - x + y,
    spelling={"javascript": "klDiv", "arb": "germs.entropies.kl_div"},
)
special(
    "cosm1",
    lambda m, y, x: -m.sin(x),
    "cos(x) - 1, accurate near 0.",
    kernel="kernels.special.cosm1",
    latex=r"(\cos({0}) - 1)",
    domain=(Domain(tails=(1e-300, 1e-9)),),
    facts={"smooth", "f(0)=0"},
    value=lambda m, x: m.cos(x) - 1,
    spelling={"javascript": "cosm1", "mpmath": by_mpmath(lambda mp, x: -2 * mp.sin(x / 2) ** 2)},
)


def exprel_by_parts(m: Carrier, x: Value, *, n: int) -> Value:
    y = (m.exp(x) - 1) / x
    for k in range(1, n + 1):
        y = (m.exp(x) - k * y) / x
    return y


special(
    "exprel",
    lambda m, y, x: m.exprel_derivative(x, n=1),
    "(exp(x) - 1)/x, 1 at 0.",
    latex=r"\frac{{e^{{{0}}} - 1}}{{{0}}}",
    domain=(Domain(tails=(1e-300, -1e-9, -700.0, 700.0, 31.0)),),
    facts={"smooth"},
    value=lambda m, x: (m.exp(x) - 1) / x,
    spelling={
        "javascript": "exprel",
        "arb": "germs.special.exprel",
        "mpmath": by_mpmath(lambda mp, x: mp.expm1(x) / x if x else mp.mpf(1)),
    },
)
special(
    "exprel_derivative",
    lambda m, y, x, *, n: m.exprel_derivative(x, n=n + 1),
    "The n-th derivative of exprel.",
    latex=r"\operatorname{{exprel}}^{{(n)}}({0})",
    kernel="kernels.special.exprel",
    reads=(),
    domain=(Domain(tails=(1e-300, -1e-9, -700.0, 700.0, 31.0)),),
    facts={"smooth"},
    examples=({"n": 1},),
    value=exprel_by_parts,
    spelling={
        "jax": ON_HOST,
        "javascript": "exprelDerivative",
        "arb": "germs.special.exprel",
        "mpmath": by_mpmath(lambda mp, x, n: mp.hyp1f1(n + 1, n + 2, x) / (n + 1)),
    },
    called=(),
)
special(
    "pseudo_huber",
    (lambda m, z, d, r: _pseudo_by_delta(m, d, r), lambda m, z, d, r: d * m.direction(r, d)),
    "δ² (sqrt(1 + (r/δ)²) - 1).",
    latex=r"\delta^2 (\sqrt{{1 + ({1}/{0})^2}} - 1)",
    domain=(Domain(0.1, 5.0), Domain(tails=(1e-9, 1e5))),
    value=lambda m, d, r: d * d * (m.sqrt(1 + (r / d) * (r / d)) - 1),
    spelling={"javascript": "pseudoHuber", "arb": "germs.entropies.pseudo_huber"},
)


def _pseudo_by_delta(m: Carrier, d: Value, r: Value) -> Value:
    """(h - δ)²/h with h = hypot(δ, r) and h - δ = r²/(h + δ), in which nothing cancels."""
    h = m.hypot(d, r)
    return m.square(r * (r / (h + d))) / h


special(
    "huber",
    (
        lambda m, z, d, r: Gate(m.greater(m.absolute(r), d), m.absolute(r) - d),
        lambda m, z, d, r: m.clip(r, -1.0 * d, d),
    ),
    "r²/2 for |r| <= δ, else δ (|r| - δ/2).",
    latex=r"\operatorname{{huber}}_{{{0}}}({1})",
    domain=(Domain(0.5, 5.0), Domain()),
    non_differentiable="|r| = δ (second derivative)",
    value=lambda m, d, r: m.where(m.less_equal(m.absolute(r), d), r * r / 2, d * (m.absolute(r) - d / 2)),
    spelling={"arb": "germs.entropies.huber"},
)


def by_exponent(m: Carrier, log: Value, c: Value) -> Value:
    """The slope in λ of (exp(λ log) - 1)/λ, which is log exprel(λ log)."""
    return m.square(log) * m.exprel_derivative(c * log, n=1)


special(
    "boxcox",
    (lambda m, z, x, c: m.power(x, c - 1), lambda m, z, x, c: by_exponent(m, m.log(x), c)),
    "(x**λ - 1)/λ, log(x) at λ = 0.",
    latex=r"\frac{{{0}^{{{1}}} - 1}}{{{1}}}",
    domain=(Domain(0.01, 10.0), Domain(-2.0, 2.0)),
    value=lambda m, x, c: (m.power(x, c) - 1) / c,
    spelling={
        "javascript": "boxcox",
        "arb": "germs.special.boxcox",
        "mpmath": by_mpmath(lambda mp, x, c: mp.expm1(c * mp.log(x)) / c if c else mp.log(x)),
    },
)
special(
    "boxcox1p",
    (lambda m, z, x, c: m.power(1 + x, c - 1), lambda m, z, x, c: by_exponent(m, m.log1p(x), c)),
    "((1 + x)**λ - 1)/λ, log1p(x) at λ = 0.",
    latex=r"\frac{{(1 + {0})^{{{1}}} - 1}}{{{1}}}",
    domain=(Domain(-0.9, 10.0), Domain(-2.0, 2.0)),
    value=lambda m, x, c: (m.power(1 + x, c) - 1) / c,
    spelling={
        "javascript": "boxcox1p",
        "arb": "germs.special.boxcox1p",
        "mpmath": by_mpmath(lambda mp, x, c: mp.expm1(c * mp.log1p(x)) / c if c else mp.log1p(x)),
    },
)
special(
    "log_cosh",
    lambda m, y, x: m.tanh(x),
    "log(cosh(x)), which does not overflow.",
    latex=r"\ln\cosh({0})",
    kernel="kernels.elementwise.log_cosh",
    reads=(),
    facts={"smooth", "f(0)=0", "outward", "convex"},
    domain=(Domain(tails=(1e-100, 1e-5, 400.0)),),
    value=lambda m, x: m.log((m.exp(x) + m.exp(-x)) / 2),
    spelling={
        "javascript": "logCosh",
        "arb": "germs.functions.log_cosh",
        "mpmath": by_mpmath(lambda mp, x: abs(x) + mp.log1p(mp.exp(-2 * abs(x))) - mp.log(2)),
    },
)
