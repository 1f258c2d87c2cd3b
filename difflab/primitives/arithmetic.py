"""Arithmetic, powers and comparisons."""

from __future__ import annotations

from .primitive import Domain, Gate, elementwise

NONZERO = Domain(branch_points=(1.0, -1.0), tails=(1e-150, 1e150, -1e150))

elementwise(
    "add",
    (1, 1),
    doc="The sum x + y.",
    glyph="+",
    infix="+",
    latex="{0} + {1}",
    domain=(Domain(), Domain()),
    facts={"linear", "commutative", "smooth"},
)
elementwise(
    "subtract",
    (1, -1),
    doc="The difference x - y.",
    glyph="−",
    infix="-",
    latex="{0} - {1}",
    domain=(Domain(), Domain()),
    facts={"linear", "smooth"},
)
elementwise(
    "multiply",
    (lambda m, z, x, y: y, lambda m, z, x, y: x),
    doc="The product x y.",
    glyph="×",
    infix="*",
    latex=r"{0} \cdot {1}",
    domain=(Domain(), Domain()),
    facts={"commutative", "smooth"},
)
elementwise(
    "divide",
    (lambda m, z, x, y: m.reciprocal(y), lambda m, z, x, y: -z / y),
    doc="The quotient x / y.",
    glyph="÷",
    infix="/",
    latex=r"\frac{{{0}}}{{{1}}}",
    domain=(Domain(), NONZERO),
    reads=("divide", "true_divide"),
)
elementwise("negative", (-1,), doc="The negative -x.", glyph="−", latex="-{0}", facts={"linear", "smooth"})
elementwise("positive", (1,), doc="x itself.", glyph="+", latex="{0}", facts={"linear", "smooth"})
elementwise(
    "reciprocal",
    (lambda m, y, x: -m.square(y),),
    doc="The reciprocal 1/x, in floating point also for integers.",
    glyph="1/x",
    latex=r"\frac{{1}}{{{0}}}",
    domain=(NONZERO,),
    value=lambda m, x: m.divide(1.0, x),
)
elementwise("square", (lambda m, y, x: 2 * x,), doc="The square x².", glyph="x²", latex="{0}^2", facts={"smooth", "f(0)=0"},
            value=lambda m, x: x * x)
elementwise(
    "power",
    (
        lambda m, z, x, y: y * m.power(x, y - 1),
        lambda m, z, x, y: z * m.log(x),
    ),
    doc="The power x**y.",
    glyph="^",
    infix="**",
    latex="{0}^{{{1}}}",
    reads=("power", "float_power"),
    domain=(Domain(0.0, 10.0), Domain(-5.0, 5.0)),
)

for _name, _glyph, _latex in (
    ("equal", "=", "="),
    ("not_equal", "≠", r"\ne"),
    ("less", "<", "<"),
    ("less_equal", "≤", r"\le"),
    ("greater", ">", ">"),
    ("greater_equal", "≥", r"\ge"),
):
    elementwise(
        _name,
        (0, 0),
        doc=f"Whether x {_glyph} y; it has no derivative.",
        glyph=_glyph,
        infix={"=": "==", "≠": "!=", "≤": "<=", "≥": ">="}.get(_glyph, _glyph),
        latex=f"{{0}} {_latex} {{1}}",
        domain=(Domain(), Domain()),
        differentiable=False,
        non_differentiable="x = y",
    )

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
    domain=(Domain(), Domain(), Domain()),
    arguments=lambda condition, x=None, y=None: ((condition, x, y), {}),
)

for _name, _operands, _glyph in (
    ("logical_and", 2, "∧"),
    ("logical_or", 2, "∨"),
    ("logical_xor", 2, "⊻"),
    ("logical_not", 1, "¬"),
):
    elementwise(
        _name,
        (0,) * _operands,
        doc=f"The logical {_name.removeprefix('logical_')} of truth values; it has no derivative.",
        glyph=_glyph,
        domain=(Domain(),) * _operands,
        differentiable=False,
    )
elementwise("absolute", (lambda m, y, x: m.sign(x),), doc="The absolute value |x|; the derivative at 0 is 0.", glyph="|x|",
            latex="|{0}|", non_differentiable="x = 0")
elementwise("sign", (0,), doc="-1, 0 or 1: the sign of x.", glyph="sign", non_differentiable="x = 0")
elementwise("floor_divide", (0, 0), doc="The quotient rounded down.", glyph="//", infix="//", domain=(Domain(), NONZERO))
elementwise("remainder", (1, lambda m, z, x, y: -m.floor_divide(x, y)), doc="The remainder of x / y with the sign of y.",
            glyph="mod", infix="%", domain=(Domain(), NONZERO), reads=("remainder", "mod"))
elementwise("real", (1,), doc="The real part.", glyph="Re", latex=r"\Re({0})")
