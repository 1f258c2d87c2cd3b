"""Exponentials and logarithms."""

from __future__ import annotations

from ..types import Value
from .primitive import Carrier, Domain, elementwise
from .spelling import Native, by_mpmath, called

LN2 = 0.6931471805599453
LOG2E = 1.4426950408889634
LOG10E = 0.4342944819032518
EXPONENT = Domain(tails=(-700.0, 700.0, 1e-300, -1e-20, 1e-10), branch_points=(0.0,))
POSITIVE = Domain(1e-3, 10.0, tails=(1e-300, 1e-20, 1e20, 1e300), branch_points=(1.0,))

elementwise(
    "exp",
    (lambda m, y, x: y,),
    doc="e to the power x.",
    latex="e^{{{0}}}",
    domain=(EXPONENT,),
    facts={"smooth", "rising", "convex"},
    flops=8,
    spelling={
        "arb": "germs.functions.exp",
        "mpmath": "exp",
        "math": "exp",
        "native": Native("_exp", light=False, wide=True),
    },
)
elementwise(
    "expm1",
    (lambda m, y, x: m.exp(x),),  # not y + 1, which is 0 or loses digits at very negative x
    doc="e to the power x, minus 1, accurate near 0.",
    latex="(e^{{{0}}} - 1)",
    domain=(EXPONENT,),
    facts={"smooth", "f(0)=0", "rising", "convex"},
    reads=("expm1", "special.expm1"),
    value=lambda m, x: m.exp(x) - 1,
    flops=8,
    spelling={
        "javascript": "Math.expm1",
        "arb": "germs.functions.expm1",
        "mpmath": "expm1",
        "math": "expm1",
        "native": called("expm1"),
    },
)
elementwise(
    "exp2",
    (lambda m, y, x: y * LN2,),
    doc="2 to the power x.",
    latex="2^{{{0}}}",
    domain=(Domain(tails=(-1000.0, 1000.0, 1e-300), branch_points=(0.0,)),),
    facts={"smooth", "increasing", "convex"},
    reads=("exp2", "special.exp2"),
    value=lambda m, x: m.power(2, x),
    spelling={
        "javascript": "exp2",
        "sympy": lambda x: 2**x,
        "arb": "germs.functions.exp2",
        "math": "exp2",
        "native": called("exp2"),
    },
    flops=8,
)
elementwise(
    "exp10",
    (lambda m, y, x: y * 2.302585092994046,),
    doc="10 to the power x.",
    latex="10^{{{0}}}",
    domain=(Domain(tails=(-300.0, 300.0, 1e-300), branch_points=(0.0,)),),
    facts={"smooth", "increasing", "convex"},
    reads=("special.exp10",),
    value=lambda m, x: m.power(10, x),
    spelling={"numpy": "special.exp10", "sympy": lambda x: 10**x, "arb": "germs.functions.exp10"},
    flops=8,
)
elementwise(
    "log",
    (lambda m, y, x: m.reciprocal(x),),
    doc="The natural logarithm.",
    latex=r"\ln({0})",
    domain=(POSITIVE,),
    flops=8,
    spelling={"arb": "germs.functions.log", "mpmath": "log", "math": "log", "native": called("log")},
)
elementwise(
    "log2",
    (lambda m, y, x: LOG2E / x,),
    doc="The logarithm to base 2.",
    latex=r"\log_2({0})",
    domain=(POSITIVE,),
    value=lambda m, x: m.log(x) / m.log(2),
    flops=8,
    spelling={"javascript": "Math.log2", "arb": "germs.functions.log2", "math": "log2", "native": called("log2")},
)
elementwise(
    "log10",
    (lambda m, y, x: LOG10E / x,),
    doc="The logarithm to base 10.",
    latex=r"\log_{{10}}({0})",
    domain=(POSITIVE,),
    value=lambda m, x: m.log(x) / m.log(10),
    flops=8,
    spelling={
        "javascript": "Math.log10",
        "arb": "germs.functions.log10",
        "math": "log10",
        "native": called("log10"),
    },
)
elementwise(
    "log1p",
    (lambda m, y, x: m.reciprocal(1 + x),),
    doc="The natural logarithm of 1 + x, accurate near 0.",
    latex=r"\ln(1 + {0})",
    domain=(Domain(-0.999, 10.0, tails=(-0.9999999, 1e-300, 1e-20, -1e-9, 1e300), branch_points=(0.0,)),),
    facts={"f(0)=0"},
    reads=("log1p", "special.log1p"),
    value=lambda m, x: m.log(1 + x),
    flops=8,
    spelling={
        "javascript": "Math.log1p",
        "arb": "germs.functions.log1p",
        "mpmath": "log1p",
        "math": "log1p",
        "native": called("log1p"),
    },
)


def share(m: Carrier, x: Value, y: Value, base: float) -> Value:
    return m.sigmoid_between(x, y, base=base)


LOG_PAIR = (
    Domain(tails=(-700.0, 700.0, 1e10), branch_points=(0.0,)),
    Domain(tails=(-300.0, 300.0, -1e10)),
)
elementwise(
    "logaddexp",
    # exp(x - z) would lose digits in the rounding of z; the sigmoid of the difference does not.
    (lambda m, z, x, y: share(m, x, y, 0.0), lambda m, z, x, y: share(m, y, x, 0.0)),
    doc="log(exp(x) + exp(y)), without overflow; equal operands share equally, two of -inf included.",
    latex=r"\ln(e^{{{0}}} + e^{{{1}}})",
    domain=LOG_PAIR,
    facts={"commutative", "smooth", "increasing", "convex"},
    value=lambda m, x, y: m.log(m.exp(x) + m.exp(y)),
    flops=20,
    spelling={
        "javascript": "logAddExp",
        "arb": "germs.functions.logaddexp",
        "complex": "kernels.continued.logaddexp",
        "mpmath": by_mpmath(lambda mp, x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y)))),
    },
)
elementwise(
    "logaddexp2",
    (lambda m, z, x, y: share(m, x, y, 2.0), lambda m, z, x, y: share(m, y, x, 2.0)),
    doc="log2(2**x + 2**y), without overflow; equal operands share equally.",
    latex=r"\log_2(2^{{{0}}} + 2^{{{1}}})",
    domain=LOG_PAIR,
    facts={"commutative", "smooth", "increasing", "convex"},
    value=lambda m, x, y: m.log2(m.exp2(x) + m.exp2(y)),
    flops=20,
    spelling={
        "javascript": "logAddExp2",
        "arb": "germs.functions.logaddexp2",
        "complex": "kernels.continued.logaddexp2",
        "mpmath": by_mpmath(lambda mp, x, y: max(x, y) + mp.log1p(mp.mpf(2) ** -abs(x - y)) / mp.log(2)),
    },
)


def share_slope(m: Carrier, x: Value, y: Value, base: float) -> Value:
    """s (1 - s), where 1 - s is computed as the share of the other, so it does not cancel."""
    product = share(m, x, y, base) * share(m, y, x, base)
    return product * LN2 if base == 2 else product


elementwise(
    "sigmoid_between",
    (
        lambda m, s, x, y, *, base: share_slope(m, x, y, base),
        lambda m, s, x, y, *, base: -share_slope(m, x, y, base),
    ),
    doc="1 / (1 + b**(y - x)): the share of x in logaddexp (b = 2 where base is 2, else e).",
    called=(),
    latex=r"\sigma({0} - {1})",
    domain=LOG_PAIR,
    reads=(),
    value=lambda m, x, y, *, base: 1 / (1 + (m.exp2(y - x) if base == 2 else m.exp(y - x))),
    spelling={"numpy": "kernels.elementwise.sigmoid_between", "arb": "germs.functions.sigmoid_between"},
    flops=16,
    examples=({"base": 0.0}, {"base": 2.0}),
)
