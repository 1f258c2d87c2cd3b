"""Activation functions of neural networks, each in a form that holds for all finite inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Value
from .primitive import Carrier, Domain, Elementwise, Gate, elementwise
from .spelling import Native, by_mpmath, by_sympy

WIDE = Domain(tails=(1e-300, -1e-9, -30.0, 40.0, -300.0, 300.0), branch_points=(0.0,))
NORMAL = Domain(tails=(1e-300, -1e-9, -20.0, -37.0, 30.0), branch_points=(0.0,))


def zero(m: Carrier, x: Value, **_: Any) -> Value:
    return m.equal(x, 0.0)


elementwise(
    "sigmoid",
    (lambda m, y, x: m.sigmoid_slope(x),),
    doc="The logistic function 1 / (1 + exp(-x)).",
    aliases=("logistic",),
    glyph="σ",
    latex=r"\sigma({0})",
    domain=(Domain(tails=(1e-300, -1e-9, 40.0, -300.0, -740.0, 700.0), branch_points=(0.0,)),),
    facts={"smooth", "rising"},
    reads=("special.expit",),
    value=lambda m, x: 1 / (1 + m.exp(-x)),
    spelling={
        "javascript": "sigmoid",
        "numpy": "kernels.elementwise.sigmoid",
        # no exponent is positive, so nothing overflows and both tails keep their digits
        "compiled": lambda m, x: m.divide(m.exp(m.minimum(x, 0.0)), m.add(1.0, m.exp(m.negative(m.absolute(x))))),
        "arb": "germs.functions.sigmoid",
        "complex": "kernels.continued.sigmoid",
        "peers": "expit",
        "math": "(1.0 / (1.0 + exp(-{0})) if {0} >= 0.0 else (lambda z: z / (1.0 + z))(exp({0})))",
    },
    flops=10,
)
elementwise(
    "sigmoid_slope",
    (lambda m, y, x: -y * m.tanh(0.5 * x),),
    # s (1 - s) cancels for large x, and its own derivative cancels near 0.
    doc="The derivative of the logistic function, exp(-|x|) / (1 + exp(-|x|))².",
    glyph="σ'",
    latex=r"\sigma'({0})",
    domain=(Domain(tails=(1e-300, -1e-9, 40.0, -300.0, -700.0, 700.0), branch_points=(0.0,)),),
    facts={"smooth"},
    reads=(),
    value=lambda m, x: 0.25 * m.square(m.sech(0.5 * x)),
    spelling={
        "numpy": "kernels.elementwise.sigmoid_slope",
        "compiled": lambda m, x: m.divide(
            m.exp(m.negative(m.absolute(x))), m.square(m.add(1.0, m.exp(m.negative(m.absolute(x)))))
        ),
        "arb": "germs.functions.sigmoid_slope",
    },
    flops=12,
)
elementwise(
    "softplus",
    (lambda m, y, x: m.sigmoid(x),),
    doc="log(1 + exp(x)), a smooth relu.",
    latex=r"\operatorname{{softplus}}({0})",
    domain=(WIDE,),
    facts={"smooth", "rising", "convex"},
    reads=(),
    value=lambda m, x: m.log(1 + m.exp(x)),
    spelling={
        "javascript": "softplus",
        "numpy": "kernels.elementwise.softplus",
        "compiled": lambda m, x: m.add(m.maximum(x, 0.0), m.log1p(m.exp(m.negative(m.absolute(x))))),
        "arb": "germs.functions.softplus",
        "mpmath": by_mpmath(lambda mp, x: mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))),
    },
    flops=18,
)
elementwise(
    "log_sigmoid",
    (lambda m, y, x: m.sigmoid(-x),),
    doc="log(sigmoid(x)), which does not underflow.",
    latex=r"\ln\sigma({0})",
    domain=(WIDE,),
    facts={"smooth", "increasing", "concave"},
    reads=("special.log_expit",),
    value=lambda m, x: -m.softplus(-x),
    flops=18,
    spelling={"javascript": "logSigmoid", "arb": "germs.functions.log_sigmoid", "peers": "logsigmoid"},
)


def rectifier(name: str, at_zero: float) -> Elementwise:
    """max(x, 0) with the derivative that stands for one at 0: every method, program, page and text reads it here."""

    def slope(m: Carrier, y: Value, x: Value) -> Gate:
        if at_zero == 0:
            return Gate(m.greater(x, 0.0))
        return Gate(m.greater_equal(x, 0.0), m.where(m.equal(x, 0.0), at_zero, 1.0))

    def formula(sympy: Value, x: Value) -> Value:
        between = [(sympy.Float(at_zero) * x, sympy.Eq(x, 0))] if at_zero else []
        return sympy.Piecewise((x, x > 0), *between, (0, True))

    return elementwise(
        name,
        (slope,),
        doc=f"max(x, 0); the derivative at 0 is {at_zero:g}.",
        latex=rf"\operatorname{{{{{name}}}}}({{0}})",
        domain=(WIDE,),
        facts={"f(0)=0", "chooses", "rising", "convex", "not negative"},
        reads=(),
        non_differentiable="x = 0",
        kinks=zero,
        one_sided=lambda m, x: (0.0, 1.0),
        value=lambda m, x: m.maximum(x, 0),
        spelling={
            "numpy": "kernels.elementwise.relu",
            "compiled": lambda m, x: m.maximum(x, 0.0),
            "sympy": by_sympy(formula),
            "arb": "germs.choices.relu",
            "complex": lambda x: np.where(np.real(x) > 0, x, np.where(np.real(x) == 0, at_zero * x, 0))[()],
            "native": Native("{0} if ({0} > {zero}) | ({0} != {0}) else {zero}"),
        },
    )


rectifier("relu", at_zero=0.0)
elementwise(
    "relu6",
    (lambda m, y, x: Gate(m.logical_and(m.greater(x, 0.0), m.less(x, 6.0))),),
    doc="min(max(x, 0), 6); the derivative at 0 and 6 is 0.",
    latex=r"\operatorname{{relu6}}({0})",
    domain=(WIDE,),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="x = 0, x = 6",
    kinks=lambda m, x: m.logical_or(m.equal(x, 0.0), m.equal(x, 6.0)),
    one_sided=lambda m, x: (1.0 * m.equal(x, 6.0), 1.0 * m.equal(x, 0.0)),
    value=lambda m, x: m.minimum(m.maximum(x, 0), 6),
)
elementwise(
    "leaky_relu",
    (lambda m, y, x, *, negative_slope=0.01: m.where(m.greater(x, 0.0), 1.0, negative_slope),),
    doc="x where positive, else x times negative_slope; the derivative at 0 is negative_slope.",
    latex=r"\operatorname{{leaky\_relu}}({0})",
    domain=(WIDE,),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="x = 0",
    kinks=zero,
    one_sided=lambda m, x, *, negative_slope=0.01: (negative_slope, 1.0),
    value=lambda m, x, *, negative_slope=0.01: m.where(m.greater(x, 0), x, negative_slope * x),
    spelling={"numpy": "kernels.elementwise.leaky_relu"},
    examples=({"negative_slope": 0.01},),
)
elementwise(
    "elu",
    (lambda m, y, x, *, alpha=1.0: m.where(m.greater(x, 0.0), 1.0, alpha * m.exp(m.minimum(x, 0.0))),),
    doc="x where positive, else alpha (exp(x) - 1); the derivative at 0 is alpha.",
    latex=r"\operatorname{{elu}}({0})",
    domain=(WIDE,),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="x = 0 (where alpha = 1, only the second derivative jumps)",
    kinks=zero,
    one_sided=lambda m, x, *, alpha=1.0: (alpha, 1.0),
    value=lambda m, x, *, alpha=1.0: m.where(m.greater(x, 0), x, alpha * m.expm1(x)),
    spelling={"numpy": "kernels.elementwise.elu"},
    flops=10,
    examples=({"alpha": 1.0}, {"alpha": 0.5}),
)
SELU = (1.0507009873554805, 1.6732632423543772)
elementwise(
    "selu",
    (lambda m, y, x: SELU[0] * m.where(m.greater(x, 0.0), 1.0, SELU[1] * m.exp(m.minimum(x, 0.0))),),
    doc="The self-normalising elu of Klambauer et al., NIPS 2017.",
    latex=r"\operatorname{{selu}}({0})",
    domain=(WIDE,),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="x = 0",
    kinks=zero,
    one_sided=lambda m, x: (SELU[0] * SELU[1], SELU[0]),
    value=lambda m, x: SELU[0] * m.elu(x, alpha=SELU[1]),
    flops=12,
)
elementwise(
    "silu",
    (lambda m, y, x: m.sigmoid(x) * (1 + x * m.sigmoid(-x)),),
    doc="x sigmoid(x), also called swish.",
    latex=r"\operatorname{{silu}}({0})",
    domain=(WIDE,),
    facts={"smooth", "f(0)=0"},
    reads=(),
    value=lambda m, x: x * m.sigmoid(x),
    spelling={"compiled": lambda m, x: m.multiply(x, m.sigmoid(x))},
    flops=12,
)


def gelu_slope(m: Carrier, y: Value, x: Value, *, approximate: str = "none") -> Value:
    if approximate == "none":
        return m.ndtr(x) + x * m.normal_density(x)
    return m.gelu_gate(x) * (1 + x * m.gelu_gate(-x) * gate_slope(m, x))


def gelu_value(m: Carrier, x: Value, *, approximate: str = "none") -> Value:
    return x * (m.ndtr(x) if approximate == "none" else m.gelu_gate(x))


def gate_slope(m: Carrier, x: Value) -> Value:
    return TANH_SCALE * (1 + 3 * 0.044715 * m.square(x))


TANH_SCALE = 1.5957691216057308  # 2 sqrt(2/π)

elementwise(
    "gelu_gate",
    (lambda m, y, x: y * m.gelu_gate(-x) * gate_slope(m, x),),
    doc="(1 + tanh(sqrt(2/π) (x + 0.044715 x³)))/2 as a sigmoid, which keeps its digits for negative x.",
    latex=r"\tfrac12(1 + \tanh(\sqrt{{2/\pi}}({0} + 0.044715\,{0}^3)))",
    domain=(NORMAL,),
    facts={"smooth"},
    reads=(),
    value=lambda m, x: m.sigmoid(2 * m.sqrt(1 / (2 * m.arctan(1))) * (x + 0.044715 * x * x * x)),
    spelling={"numpy": "kernels.elementwise.gelu_gate"},
    flops=60,
)
elementwise(
    "gelu",
    (gelu_slope,),
    doc="x Φ(x) with Φ the normal distribution, or with approximate='tanh' its usual approximation.",
    latex=r"\operatorname{{gelu}}({0})",
    domain=(NORMAL,),
    facts={"smooth", "f(0)=0"},
    reads=(),
    value=gelu_value,
    # the slope reads the gate too, so that a program computes it once
    spelling={
        "compiled": lambda m, x, approximate="none": m.multiply(
            x, m.ndtr(x) if approximate == "none" else m.gelu_gate(x)
        )
    },
    flops=20,
    examples=({"approximate": "none"}, {"approximate": "tanh"}),
)
elementwise(
    "softsign",
    (lambda m, y, x: m.reciprocal(m.square(1 + m.absolute(x))),),
    doc="x / (1 + |x|).",
    latex=r"\frac{{{0}}}{{1 + |{0}|}}",
    domain=(WIDE,),
    facts={"f(0)=0"},
    reads=(),
    value=lambda m, x: x / (1 + m.absolute(x)),
    flops=3,
)


def mish_slope(m: Carrier, y: Value, x: Value) -> Value:
    t = m.softplus(x)
    return m.tanh(t) + x * m.square(m.sech(t)) * m.sigmoid(x)


elementwise(
    "mish",
    (mish_slope,),
    doc="x tanh(softplus(x)).",
    latex=r"\operatorname{{mish}}({0})",
    domain=(WIDE,),
    facts={"smooth", "f(0)=0"},
    reads=(),
    value=lambda m, x: x * m.tanh(m.softplus(x)),
    flops=30,
)
elementwise(
    "celu",
    (lambda m, y, x, *, alpha=1.0: m.exp(m.minimum(x, 0.0) / alpha),),
    doc="x where positive, else alpha (exp(x / alpha) - 1).",
    latex=r"\operatorname{{celu}}({0})",
    domain=(WIDE,),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="x = 0 (only the second derivative jumps)",
    value=lambda m, x, *, alpha=1.0: m.where(m.greater(x, 0), x, alpha * m.expm1(m.minimum(x, 0) / alpha)),
    flops=10,
    examples=({"alpha": 1.0}, {"alpha": 0.5}),
)


def between(m: Carrier, x: Value, low: float, high: float) -> Value:
    return m.logical_and(m.greater(x, low), m.less(x, high))


def ends(m: Carrier, x: Value, low: float, high: float) -> Value:
    return m.logical_or(m.equal(x, low), m.equal(x, high))


elementwise(
    "hardtanh",
    (lambda m, y, x, *, min_val=-1.0, max_val=1.0: Gate(between(m, x, min_val, max_val)),),
    doc="x kept between min_val and max_val; the derivative at both is 0.",
    latex=r"\operatorname{{hardtanh}}({0})",
    domain=(Domain(branch_points=(-1.0, 1.0)),),
    reads=(),
    non_differentiable="x = min_val, x = max_val",
    kinks=lambda m, x, *, min_val=-1.0, max_val=1.0: ends(m, x, min_val, max_val),
    one_sided=lambda m, x, *, min_val=-1.0, max_val=1.0: (1.0 * m.equal(x, max_val), 1.0 * m.equal(x, min_val)),
    value=lambda m, x, *, min_val=-1.0, max_val=1.0: m.minimum(m.maximum(x, min_val), max_val),
    examples=({"min_val": -1.0, "max_val": 1.0},),
)
elementwise(
    "hardsigmoid",
    (lambda m, y, x: Gate(between(m, x, -3.0, 3.0), 1 / 6),),
    doc="x/6 + 1/2 kept between 0 and 1; the derivative at -3 and 3 is 0.",
    latex=r"\operatorname{{hardsigmoid}}({0})",
    domain=(Domain(branch_points=(-3.0, 3.0)),),
    reads=(),
    non_differentiable="x = -3, x = 3",
    kinks=lambda m, x: ends(m, x, -3.0, 3.0),
    one_sided=lambda m, x: (m.equal(x, 3.0) / 6, m.equal(x, -3.0) / 6),
    value=lambda m, x: m.minimum(m.maximum(x + 3, 0), 6) / 6,
    flops=4,
)
elementwise(
    "hardswish",
    (lambda m, y, x: m.where(m.less_equal(x, -3.0), 0.0, m.where(m.less(x, 3.0), x / 3 + 0.5, 1.0)),),
    doc="x hardsigmoid(x); the derivative at -3 is 0 and at 3 it is 1.",
    latex=r"\operatorname{{hardswish}}({0})",
    domain=(Domain(branch_points=(-3.0, 0.0, 3.0)),),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="x = -3, x = 3",
    kinks=lambda m, x: ends(m, x, -3.0, 3.0),
    one_sided=lambda m, x: (1.5 * m.equal(x, 3.0), 1.0 * m.equal(x, 3.0) - 0.5 * m.equal(x, -3.0)),
    value=lambda m, x: x * (m.minimum(m.maximum(x + 3, 0), 6) / 6),
    flops=5,
)
elementwise(
    "softshrink",
    (lambda m, y, x, *, lambd=0.5: Gate(m.greater(m.absolute(x), lambd)),),
    doc="x moved towards 0 by lambd, 0 where it would pass it.",
    latex=r"\operatorname{{softshrink}}({0})",
    domain=(Domain(branch_points=(-0.5, 0.5)),),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="|x| = lambd",
    kinks=lambda m, x, *, lambd=0.5: m.equal(m.absolute(x), lambd),
    one_sided=lambda m, x, *, lambd=0.5: (1.0 * m.equal(x, -lambd), 1.0 * m.equal(x, lambd)),
    value=lambda m, x, *, lambd=0.5: m.maximum(x - lambd, 0) + m.minimum(x + lambd, 0),
    flops=4,
    examples=({"lambd": 0.5},),
)
elementwise(
    "hardshrink",
    (lambda m, y, x, *, lambd=0.5: Gate(m.greater(m.absolute(x), lambd)),),
    doc="x, and 0 where |x| <= lambd, which is a jump.",
    latex=r"\operatorname{{hardshrink}}({0})",
    domain=(Domain(branch_points=(0.0,)),),
    facts={"f(0)=0"},
    reads=(),
    non_differentiable="|x| = lambd, where it jumps",
    kinks=lambda m, x, *, lambd=0.5: m.equal(m.absolute(x), lambd),
    value=lambda m, x, *, lambd=0.5: m.where(m.greater(m.absolute(x), lambd), x, 0),
    flops=2,
    examples=({"lambd": 0.5},),
)
elementwise(
    "tanhshrink",
    (lambda m, y, x: m.square(m.tanh(x)),),
    doc="x - tanh(x), also near 0.",
    latex=r"({0} - \tanh({0}))",
    domain=(Domain(tails=(1e-5, -1e-3, 0.4, 300.0)),),
    facts={"smooth", "f(0)=0"},
    reads=(),
    value=lambda m, x: x - m.tanh(x),
    spelling={"javascript": "tanhshrink", "numpy": "kernels.networks.tanhshrink"},
    flops=20,
)
