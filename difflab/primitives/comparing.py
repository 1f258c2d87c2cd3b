"""Comparisons, logic and tests of numbers: truth values, which have no derivative."""

from __future__ import annotations

import operator

from ..types import Params
from .primitive import Domain, elementwise, named
from .spelling import Native
from .text import AND, COMPARISON, OR, SUM, Text

NAN = float("nan")
INFINITY = float("inf")
PLAIN = Domain(branch_points=(0.0, 1.0, -2.5), tails=(1e-300, -1e300))
TWO = (Domain(branch_points=(0.0,)), Domain(branch_points=(0.5,)))

for _name, _glyph, _latex, _sympy in (
    ("equal", "=", "=", "Eq"),
    ("not_equal", "≠", r"\ne", "Ne"),
    ("less", "<", "<", "Lt"),
    ("less_equal", "≤", r"\le", "Le"),
    ("greater", ">", ">", "Gt"),
    ("greater_equal", "≥", r"\ge", "Ge"),
):
    _infix = {"=": "==", "≠": "!=", "≤": "<=", "≥": ">="}.get(_glyph, _glyph)
    elementwise(
        _name,
        (0, 0),
        doc=f"Whether x {_glyph} y; it has no derivative.",
        glyph=_glyph,
        infix=_infix,
        latex=f"{{0}} {_latex} {{1}}",
        text=Text(f"{{0}} {_glyph} {{1}}", COMPARISON, (SUM, SUM)),
        domain=TWO,
        differentiable=False,
        non_differentiable="x = y",
        kinks=lambda m, x, y: m.equal(x, y),
        spelling={
            "sympy": _sympy,
            "elements": getattr(operator, _sympy.lower()),
            "math": _infix,
            "native": Native(_infix),
        },
    )

# Formulas of truth values, in plain text and for programs.
LOGIC: dict[str, tuple[Text, Params]] = {
    "logical_and": (
        Text("{0} ∧ {1}", AND, (AND, AND)),
        {"math": "bool({0} and {1})", "native": Native("&", truths=(0, 1))},
    ),
    "logical_or": (
        Text("{0} ∨ {1}", OR, (OR, OR)),
        {"math": "bool({0} or {1})", "native": Native("|", truths=(0, 1))},
    ),
    "logical_not": (
        Text("not {0}", AND, (SUM,)),
        {"math": "not {0}", "native": Native("not {0}", truths=(0,))},
    ),
}
for _name, _operands, _glyph, _latex, _script, _of_truths in (
    ("logical_and", 2, "∧", r"{0} \land {1}", "both", lambda a, b: a and b),
    ("logical_or", 2, "∨", r"{0} \lor {1}", "either", lambda a, b: a or b),
    ("logical_xor", 2, "⊻", r"{0} \oplus {1}", "oneOnly", lambda a, b: bool(a) != bool(b)),
    ("logical_not", 1, "¬", r"\lnot {0}", "not", operator.not_),
    ("bitwise_and", 2, "&", r"{0} \mathbin{{\&}} {1}", "both", None),
    ("bitwise_or", 2, "|", r"{0} \mathbin{{|}} {1}", "either", None),
    ("bitwise_xor", 2, "^", r"{0} \oplus {1}", "oneOnly", None),
    ("invert", 1, "~", r"\sim {0}", "not", None),
):
    _text, _for_programs = LOGIC.get(_name, (None, {}))
    elementwise(
        _name,
        (0,) * _operands,
        doc=f"{_name.replace('_', ' ').capitalize()} of {'truth values' if _of_truths else 'integers'}; "
        "it has no derivative.",
        glyph=_glyph,
        latex=_latex,
        text=_text,
        domain=(Domain(of="truth" if "logical" in _name else "whole"),) * _operands,
        differentiable=False,
        facts={"chooses"} if _of_truths else {"chooses", "bits"},
        # JavaScript's numbers are doubles, so only truth values come to the operations on integers there.
        spelling={"javascript": _script, "arb": f"germs.choices.{_name}"}
        | ({"sympy": _name.partition("_")[2].capitalize(), "elements": _of_truths} if _of_truths else {})
        | _for_programs,
    )

for _name, _words, _script, _of_number, _native in (
    ("isnan", "not a number", "Number.isNaN", lambda x: False, {"native": Native("{0} != {0}")}),
    ("isinf", "infinite", "isInfinite", lambda x: False, {}),
    ("isposinf", "positive infinity", "isPositiveInfinity", lambda x: False, {}),
    ("isneginf", "negative infinity", "isNegativeInfinity", lambda x: False, {}),
    ("isfinite", "finite", "Number.isFinite", lambda x: True, {"native": Native("({0} - {0}) == {zero}")}),
    ("signbit", "negative, -0 included", "signBit", lambda x: x < 0, {}),
):
    elementwise(
        _name,
        (0,),
        doc=f"Whether x is {_words}; it has no derivative.",
        arguments=named("x"),
        latex=rf"\operatorname{{{{{_name}}}}}({{0}})",
        domain=(PLAIN,),
        differentiable=False,
        facts={"chooses"},
        spelling={"javascript": _script, "arb": f"germs.choices.{_name}", "mpmath": _of_number} | _native,
    )
