"""Arithmetic and powers, and choosing between values.

Sums and products run by Python's operators: the same functions on arrays, and six times faster on single numbers.
"""

from __future__ import annotations

import operator

from ..types import Value
from .primitive import Carrier, Domain, Gate, elementwise
from .spelling import Native, by_sympy, called
from .text import BASE, POWER, PRODUCT, SIGN, SUM, Text

NONZERO = Domain(branch_points=(1.0, -1.0), tails=(1e-150, 1e150, -1e150))
ANY = Domain(tails=(1e-300, -1e-150, 1e150, -1e300), branch_points=(0.0,))

elementwise(
    "add",
    (1, 1),
    doc="The sum x + y.",
    glyph="+",
    infix="+",
    latex="{0} + {1}",
    text=Text("{0} + {1}", SUM, (SUM, SUM)),
    domain=(ANY, Domain()),
    facts={"linear", "commutative", "smooth", "sums"},
    spelling={
        "numpy": operator.add,
        "elements": operator.add,
        "ufunc": "add",
        "math": "+",
        "native": Native("+"),
    },
)
elementwise(
    "subtract",
    (1, -1),
    doc="The difference x - y.",
    glyph="−",
    infix="-",
    latex="{0} - {1}",
    text=Text("{0} - {1}", SUM, (SUM, PRODUCT)),
    domain=(ANY, Domain()),
    facts={"linear", "smooth"},
    spelling={
        "numpy": operator.sub,
        "elements": operator.sub,
        "ufunc": "subtract",
        "math": "-",
        "native": Native("-"),
    },
)
elementwise(
    "multiply",
    (lambda m, z, x, y: y, lambda m, z, x, y: x),
    doc="The product x y.",
    glyph="×",
    infix="*",
    latex=r"{0} \cdot {1}",
    text=Text("{0}·{1}", PRODUCT, (PRODUCT, PRODUCT)),
    domain=(ANY, Domain()),
    facts={"commutative", "smooth", "odd"},
    spelling={
        "numpy": operator.mul,
        "elements": operator.mul,
        "ufunc": "multiply",
        "math": "*",
        "native": Native("*"),
    },
)
elementwise(
    "divide",
    (lambda m, z, x, y: m.reciprocal(y), lambda m, z, x, y: -z / y),  # x / y**2 would overflow in y**2
    doc="The quotient x / y.",
    glyph="÷",
    infix="/",
    latex=r"\frac{{{0}}}{{{1}}}",
    text=Text("{0}/{1}", PRODUCT, (PRODUCT, SIGN)),
    domain=(Domain(branch_points=(0.0,)), NONZERO),
    reads=("divide", "true_divide"),
    spelling={"elements": operator.truediv, "math": "/", "native": Native("/")},
    facts={"odd"},
)
elementwise(
    "negative",
    (-1,),
    doc="The negative -x.",
    glyph="−",
    latex="-{0}",
    text=Text("-{0}", SIGN, (SIGN,)),
    facts={"linear", "smooth", "f(0)=0"},
    spelling={
        "numpy": operator.neg,
        "elements": operator.neg,
        "ufunc": "negative",
        "math": "-",
        "native": Native("-"),
    },
)
elementwise(
    "positive",
    (1,),
    doc="x itself.",
    glyph="+",
    latex="{0}",
    facts={"linear", "smooth", "f(0)=0", "sums"},
    spelling={"elements": lambda x: x, "math": "{0}", "native": Native("{0}")},
)
elementwise(
    "reciprocal",
    (lambda m, y, x: -m.square(y),),
    doc="The reciprocal 1/x, in floating point also for integers.",
    glyph="1/x",
    latex=r"\frac{{1}}{{{0}}}",
    text=Text("1/{0}", PRODUCT, (SIGN,)),
    domain=(NONZERO,),
    value=lambda m, x: m.divide(1.0, x),
    spelling={
        "numpy": "kernels.structure.reciprocal",
        "sympy": lambda x: 1 / x,
        "ufunc": "reciprocal",
        "math": "1.0 / {0}",
        "native": Native("{one} / {0}"),
    },
    facts={"odd"},
)
elementwise(
    "square",
    (lambda m, y, x: 2 * x,),
    doc="The square x².",
    glyph="x²",
    latex="{0}^2",
    text=Text("{0}**2", POWER, (BASE,)),
    domain=(Domain(tails=(1e-150, 1e150), branch_points=(0.0,)),),
    facts={"smooth", "f(0)=0", "even", "outward", "convex", "not negative"},
    value=lambda m, x: x * x,
    spelling={"sympy": lambda x: x**2, "math": "{0} * {0}", "native": Native("{0} * {0}")},
)


def power_by_base(m: Carrier, z: Value, x: Value, y: Value, k: int = 0) -> Value:
    """(y - k) x**(y - k - 1); a gate where y = k and x**-1 is infinite, because the derivative there is 0."""
    kind = y.__class__
    if kind is int or kind is float:
        e = y - k
        if e == 0:
            return 0.0
        if e == 2:
            return 2 * x
        if e == 1:
            return 1.0
        if (e - 1) + (k + 1) == y:  # exact
            return e * m.power(x, e - 1)
    slope = m.power_minus(x, y, k=k + 1)
    return Gate(m.logical_or(m.not_equal(y, k), m.isfinite(slope)), (y - k) * slope)


def power_by_exponent(m: Carrier, z: Value, x: Value, y: Value) -> Value:
    """z log(x), where at a base of 0 the logarithm of 1 is taken: 0 for y >= 0, NaN below, where the power is infinite.

    NaN at a negative base: beside a whole y the power of a real number is not defined, and so has no derivative.
    """
    return z * m.log(m.where(m.equal(x, 0.0), 1.0, x))


for _name in ("power", "float_power"):
    elementwise(
        _name,
        (power_by_base, power_by_exponent),
        doc="The power x**y; by y there is no derivative (NaN) at a negative base, and it is 0 at a base of 0.",
        aliases=("pow",) if _name == "power" else (),
        glyph="**",
        infix="**",
        latex="{0}^{{{1}}}",
        text=Text("{0}**{1}", POWER, (BASE, BASE)) if _name == "power" else None,
        domain=(Domain(1e-3, 10.0, tails=(1e-30, 1e30)), Domain(-5.0, 5.0, branch_points=(0.0, 1.0, 2.0))),
        non_differentiable="x = 0 with y < 1; by y where x < 0",
        value=(lambda m, x, y: m.exp(y * m.log(x))) if _name == "power" else (lambda m, x, y: m.power(x, y)),
        facts={"one formula"},
        spelling={
            "sympy": lambda x, y: x**y,
            "arb": "germs.functions.power",
            "complex": "kernels.continued.power",
            "mpmath": operator.pow,
            "peers": "pow",
        }
        | ({"math": "pow", "native": Native("**", light=False)} if _name == "power" else {}),
        flops=10,
    )
elementwise(
    "power_minus",
    (
        lambda m, z, x, y, *, k: power_by_base(m, z, x, y, k),
        lambda m, z, x, y, *, k: power_by_exponent(m, z, x, y),
    ),
    doc="x**(y - k) for an integer k: the derivatives of a power without the rounding of y - k.",
    called=(),
    latex="{0}^{{{1} - k}}",
    text=Text("{0}**({1} - {k})", POWER, (BASE,)),
    domain=(Domain(1e-3, 10.0), Domain(-5.0, 5.0)),
    reads=(),
    value=lambda m, x, y, *, k: m.power(x, y - k),
    spelling={"numpy": "kernels.elementwise.power_minus"},
    flops=12,
    examples=({"k": 1},),
)
elementwise(
    "sqrt",
    (lambda m, y, x: 0.5 / y,),
    doc="The square root; the derivative at 0 is infinite.",
    glyph="√",
    latex=r"\sqrt{{{0}}}",
    domain=(Domain(0.0, 10.0, tails=(1e-300, 1e300), branch_points=(1.0,)),),
    facts={"f(0)=0", "one formula", "not negative"},
    non_differentiable="x = 0",
    kinks=lambda m, x: m.equal(x, 0.0),
    one_sided=lambda m, x: (float("nan"), float("inf")),
    flops=4,
    spelling={"arb": "germs.functions.sqrt", "mpmath": "sqrt", "math": "sqrt", "native": Native("np.sqrt")},
)
elementwise(
    "cbrt",
    (lambda m, y, x: m.reciprocal(3.0 * m.square(y)),),
    doc="The real cube root, also of negative numbers; the derivative at 0 is infinite.",
    glyph="∛",
    latex=r"\sqrt[3]{{{0}}}",
    domain=(Domain(tails=(1e-300, -1e300), branch_points=(1.0, -1.0)),),
    facts={"f(0)=0"},
    non_differentiable="x = 0",
    kinks=lambda m, x: m.equal(x, 0.0),
    one_sided=lambda m, x: (float("inf"), float("inf")),
    reads=("cbrt", "special.cbrt"),
    value=lambda m, x: m.sign(x) * m.exp(m.log(m.absolute(x)) / 3),
    spelling={
        "javascript": "Math.cbrt",
        "sympy": by_sympy(lambda sympy, x: sympy.real_root(x, 3)),
        "arb": "germs.functions.cbrt",
        "math": "cbrt",
    },
    flops=10,
)
elementwise(
    "hypot",
    (lambda m, h, x, y: m.direction(x, y), lambda m, h, x, y: m.direction(y, x)),
    doc="The length sqrt(x² + y²), without overflow; the derivative at the origin is 0.",
    latex=r"\sqrt{{{0}^2 + {1}^2}}",
    domain=(Domain(tails=(1e-160, 1e160), branch_points=(0.0,)), Domain(tails=(1e-160, 1e160))),
    non_differentiable="x = y = 0",
    kinks=lambda m, x, y: m.logical_and(m.equal(x, 0.0), m.equal(y, 0.0)),
    one_sided=lambda m, x, y: (-1.0, 1.0),
    value=lambda m, x, y: m.sqrt(x * x + y * y),
    flops=6,
    spelling={
        "javascript": "hypot",
        "arb": "germs.functions.hypot",
        "complex": "kernels.continued.hypot",
        "math": "hypot",
        "native": called("hypot"),
    },
    facts={"one formula", "outward", "convex", "not negative"},
)


def length(m: Carrier, x: Value, y: Value) -> Value:
    """hypot(x, y), and 1 at the origin, where all derivatives of the direction are taken as 0."""
    h = m.hypot(x, y)
    return m.where(m.equal(h, 0.0), 1.0, h)


elementwise(
    "direction",
    (
        # sin² / r: 1/r - x²/r³ would cancel.
        lambda m, c, x, y: m.square(m.direction(y, x)) / length(m, x, y),
        lambda m, c, x, y: -c * m.direction(y, x) / length(m, x, y),
    ),
    doc="x / sqrt(x² + y²): the cosine of the direction of (x, y); 0 at the origin.",
    latex=r"\frac{{{0}}}{{\sqrt{{{0}^2 + {1}^2}}}}",
    domain=(Domain(tails=(1e-160, 1e160)), Domain(tails=(1e-160, 1e160))),
    reads=(),
    non_differentiable="x = y = 0",
    value=lambda m, x, y: x / m.sqrt(x * x + y * y),
    spelling={"javascript": "direction", "numpy": "kernels.elementwise.direction", "arb": "germs.functions.direction"},
    flops=8,
    facts={"one formula"},
)


def truth(sympy: Value, c: Value) -> Value:
    """A condition; a number is true where it is not 0."""
    return sympy.Ne(c, 0) if isinstance(c, sympy.Expr | int | float) and not isinstance(c, bool) else c


elementwise(
    "where",
    (
        0,
        lambda m, z, c, a, b: Gate(c),
        lambda m, z, c, a, b: Gate(m.logical_not(c)),
    ),
    doc="a where the condition holds, else b; no cotangent enters the branch that was not taken.",
    glyph="where",
    latex=r"\begin{{cases}}{1} & {0}\\ {2} & \text{{else}}\end{{cases}}",
    domain=(Domain(of="truth"), Domain(), Domain()),
    arguments=lambda condition, *branches: ((condition, *branches), {}) if branches else ((condition,), {}, "nonzero"),
    spelling={
        "numpy": "kernels.elementwise.where",
        "elements": lambda c, a, b: a if c else b,
        "sympy": by_sympy(lambda sympy, c, a, b: sympy.Piecewise((a, truth(sympy, c)), (b, True))),
        "math": "{1} if {0} else {2}",
        "native": Native("{1} if {0} else {2}", truths=(0,)),
    },
    facts={"chooses"},
)
elementwise(
    "ldexp",
    (lambda m, z, x, n: m.exp2(n), 0),
    doc="x 2**n for integers n.",
    latex=r"{0} \cdot 2^{{{1}}}",
    domain=(Domain(), Domain(-5.0, 5.0, of="whole")),
    value=lambda m, x, n: x * m.power(2, n),
    facts={"linear"},
)
