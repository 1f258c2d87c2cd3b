"""LaTeX of a row's value and of its partial derivatives, read off the row itself.

A partial derivative is a function over any carrier. On the carrier of nodes it gives a graph, and the graph is written
with the templates of the rows that it consists of: the formula shown is the rule that runs.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

import difflab as dl
from difflab.graph.builder import Symbols
from difflab.graph.node import Operation
from difflab.graph.node_carrier import NODE
from difflab.graph.sympy_io import CARRIER
from difflab.primitives import Elementwise, Gate, Primitive

ATOM, POWER, PREFIX, PRODUCT, SUM, RELATION = 9, 5, 4, 3, 2, 1
LEVELS = {
    "add": SUM, "subtract": SUM, "negative": SUM, "multiply": PRODUCT, "square": POWER, "power": POWER,
    "remainder": PRODUCT, "logical_and": RELATION, "logical_or": RELATION, "logical_xor": RELATION,
    "logical_not": PREFIX, "equal": RELATION, "not_equal": RELATION, "less": RELATION, "less_equal": RELATION,
    "greater": RELATION, "greater_equal": RELATION,
}  # fmt: skip
PLAIN = {"sum_to", "astype", "broadcast_to", "positive"}  # what only makes shapes and dtypes fit
LONG = 420  # characters, beyond which a formula tells less than the name of the rule


SIMPLE: dict[str, Any] = {
    "multiply": lambda xs: product(xs),
    "negative": lambda xs: negative(xs[0]),
    "add": lambda xs: xs[0] if xs[1][0] == "0" else added(*xs) if xs[1][0].startswith("-") else None,
    "subtract": lambda xs: xs[0] if xs[1][0] == "0" else None,
    "divide": lambda xs: (
        xs[0] if xs[1][0] == "1" else divided(*xs) if xs[0][0].startswith(("-", r"\tfrac1", r"\tfrac{1}")) else None
    ),
    "hypot": lambda xs: (rf"\sqrt{{1 + {xs[1][0]}^2}}", ATOM) if xs[0][0] == "1" and xs[1][1] == ATOM else None,
}


class Unwritable(Exception):
    """A rule without a short formula."""


LETTERS = {
    "arctan2": ["y", "x"], "betainc": ["a", "b", "x"], "betaincc": ["a", "b", "x"],
    "betaincinv": ["a", "b", "y"], "gammaincinv": ["a", "y"], "gammainccinv": ["a", "y"],
    "boxcox": ["x", "\\lambda"], "boxcox1p": ["x", "\\lambda"],
    "clip": ["x", "a", "b"], "gammainc": ["a", "x"], "gammaincc": ["a", "x"], "heaviside": ["x", "h"],
    "huber": ["\\delta", "r"], "ldexp": ["x", "n"], "pseudo_huber": ["\\delta", "r"], "where": ["c", "a", "b"],
    "bernoulli_loss": ["p", "t"], "stdtr": ["\\nu", "t"], "stdtrit": ["\\nu", "p"],
}  # fmt: skip


def letters(row: Primitive, count: int) -> list[str]:
    """The names of the operands: those of the row's sentence, else x, y, z; Bessel functions have an order first."""
    orders = ("J_", "Y_", "I_", "K_")
    if row.name in LETTERS:
        return LETTERS[row.name][:count]
    if count == 2 and any(o + "{{{0}}}" in row.latex for o in orders):
        return ["v", "x"]
    return ["x", "y", "z", "u", "v", "w"][:count]


def value(row: Primitive, names: list[str]) -> str:
    """The row's own formula with these operands; the parameters keep their letters."""
    return re.sub(r"^\((.*)\)$", lambda m: m[1] if balanced(m[1]) else m[0], filled(row, [(n, ATOM) for n in names]))


def partials(row: Elementwise, names: list[str]) -> list[str]:
    """The formula of each partial derivative: "" where there is no rule, "0" where there is no path."""
    params = dict((row.examples or ({},))[0])
    return [partial(row, k, names, params) for k in range(len(row.partials))]


def partial(row: Elementwise, place: int, names: list[str], params: dict[str, Any]) -> str:
    rule = row.partials[place]
    if rule is None:
        return ""
    if isinstance(rule, int):
        return str(rule)
    tape = Symbols()
    operands = [tape.symbol(f"x{k}") for k in range(len(names))]
    result = tape.symbol("f")
    known = {**dict(zip(operands, names)), result: "f"}
    try:
        try:
            found = rule(NODE, result, *operands, **params)
            text = gate(found, known) if isinstance(found, Gate) else write(found, known)[0]
        except (AttributeError, dl.errors.TraceError):
            text = recorded(row, place, names, params)
    except (Unwritable, TypeError, ValueError):
        return ""
    return text if len(text) <= LONG else ""


def recorded(row: Elementwise, place: int, names: list[str], params: dict[str, Any]) -> str:
    """The same for a rule that asks for dtypes: it is recorded at a point of the domain."""
    at = [0.3 * d.low + 0.7 * d.high for d in row.domain]

    def rule(f: Any, *x: Any) -> Any:
        found = row.partials[place](NODE, f, *x, **params)
        return (found.mask, found.factor) if isinstance(found, Gate) else found

    graph = dl.trace(rule, row.evaluate(*at, **params), *at)
    known = dict(zip(graph.inputs, ["f", *names]))
    return gate(Gate(*graph.outputs), known) if len(graph.outputs) == 2 else write(graph.outputs[0], known)[0]


def gate(found: Gate, known: dict[Any, str]) -> str:
    """A derivative that is let through where a condition holds, and is 0 elsewhere."""
    mask = write(found.mask, known)[0]
    if mask == r"\text{false}":
        return "0"
    factor = write(found.factor, {**known, ("decided", mask): "yes"})[0]
    tie = re.fullmatch(r"\\begin\{cases\} (.*?) & (\w+) = (\w+) \\\\ (.*?) & \\text\{else\} \\end\{cases\}", factor)
    if tie and re.search(rf"{tie[2]} \\[gl]e {tie[3]}", mask) and "land" not in mask:  # equal operands fulfil the mask
        factor = rf"{tie[1]} & {tie[2]} = {tie[3]} \\ {tie[4]}"
    return rf"\begin{{cases}} {factor} & {mask} \\ 0 & \text{{else}} \end{{cases}}"


def write(x: Any, known: dict[Any, str]) -> tuple[str, int]:
    """The LaTeX of a value and how tightly its outermost operation binds."""
    if not isinstance(x, Operation):
        return number(x)
    if x in known:
        return known[x], ATOM
    row = x.primitive
    if row.name == "constant":
        return number(x.params["value"])
    if row.name in PLAIN:
        return write(x.operands[0], known)
    if row.name == "where":
        text = cases(x, known)
        return text, ATOM if text.startswith(r"\begin{cases}") else level_of(text)
    operands = [write(v, known) for v in x.operands]
    if row.name == "sigmoid_between" and x.params["base"] == 2:
        return rf"\sigma\left(({operands[0][0]} - {operands[1][0]}) \ln 2\right)", ATOM
    if row.name in SIMPLE and (found := SIMPLE[row.name](operands)):
        return found
    text = with_params(filled(row, operands), x.params)
    if len(text) > 2 * LONG:
        raise Unwritable
    return text, LEVELS.get(row.name, level(row))


def cases(x: Operation, known: dict[Any, str]) -> str:
    """A choice; inside a branch its condition is known, so that guards against the other one drop out."""
    condition = write(x.operands[0], known)[0]
    decided = known.get(("decided", condition))
    if decided:
        return write(x.operands[1 if decided == "yes" else 2], known)[0]
    yes, no = (write(v, {**known, ("decided", condition): which})[0] for v, which in zip(x.operands[1:], ("yes", "no")))
    rest = no.removeprefix(r"\begin{cases} ").removesuffix(r" \end{cases}") if inner(no) else rf"{no} & \text{{else}}"
    return rf"\begin{{cases}} {yes} & {condition} \\ {rest} \end{{cases}}"


def inner(text: str) -> bool:
    """Whether a formula is one choice as a whole."""
    return text.startswith(r"\begin{cases}") and text.find(r"\end{cases}") == len(text) - len(r"\end{cases}")


def product(operands: list[tuple[str, int]]) -> tuple[str, int]:
    """Factors side by side, the sign and the numbers first; a condition as a factor is 1 or 0."""
    (a, left), (b, right) = operands
    if is_number(b) and not is_number(a):
        a, left, b, right = b, right, a, left
    if a in ("1", "-1"):
        return (b, right) if a == "1" else negative((b, right))
    if (a.startswith("-") and left == SUM) and closed(a[1:]):
        return negative(product([(a[1:], PRODUCT), (b, right)]))
    first, second = (f"[{t}]" if own == RELATION else bracket((t, own), PRODUCT) for t, own in ((a, left), (b, right)))
    dot = r" \cdot " if re.match(r"[-\d]|\\t?frac", second) and is_number(first[-1:] + "0") else r" \, "
    return first + (r" \cdot " if re.match(r"[-\d]", second) else dot) + second, PRODUCT


def negative(operand: tuple[str, int]) -> tuple[str, int]:
    return "-" + bracket(operand, PRODUCT), SUM


def added(a: tuple[str, int], b: tuple[str, int]) -> tuple[str, int] | None:
    """a + (-b) as a - b, where the sign belongs to all of b."""
    return (f"{a[0]} - {bracket((b[0][1:], SUM), SUM)}", SUM) if b[1] == SUM and closed(b[0][1:]) else None


def divided(a: tuple[str, int], b: tuple[str, int]) -> tuple[str, int] | None:
    """(-a) / b as -(a / b), and a small fraction over b as one fraction."""
    small = re.fullmatch(r"\\tfrac(?:1(\d)|\{1\}\{(.*)\})", a[0])
    if small:
        factor = small[1] or small[2]
        under = [b[0], factor] if factor.startswith("\\ln") else [factor, b[0]]
        return rf"\frac{{1}}{{{under[0]} \, {under[1]}}}", PRODUCT
    return (rf"-\frac{{{a[0][1:]}}}{{{b[0]}}}", SUM) if closed(a[0][1:]) else None


def closed(text: str) -> bool:
    """Whether a formula is no sum: nothing is added outside of brackets."""
    return level_of(text) != SUM


def filled(row: Primitive, operands: list[tuple[str, int]]) -> str:
    """The row's template with operands, in brackets where the template does not enclose them itself."""
    name, texts = row.name, []
    for k, operand in enumerate(operands):
        if name in ("add", "subtract"):
            texts.append(bracket(operand, SUM + (name == "subtract" and k == 1)))
        elif name == "negative":
            texts.append(bracket(operand, PRODUCT))
        elif name in LEVELS and LEVELS[name] == RELATION:
            texts.append(bracket(operand, SUM))
        elif encloses(row.latex, k):
            texts.append(operand[0])
        else:
            texts.append(bracket(operand, ATOM))
    return row.latex.format(*texts, *["x"] * 3).strip()


def encloses(template: str, place: int) -> bool:
    """Whether every mention of an operand stands alone between delimiters, as in f(x), a fraction or a root."""
    mention = re.escape("{" + str(place) + "}")
    enclosed = re.findall(rf"[({{|,] ?{mention}(?= ?[)}}|,])|floor {mention}|lceil {mention}", template)
    base_of_power = re.search(rf"^{mention}\^|\}}\}}{mention}", template)
    return len(enclosed) == len(re.findall(mention, template)) and not base_of_power


def bracket(operand: tuple[str, int], least: int) -> str:
    text, own = operand
    enclosed = text.startswith("(") and text.endswith(")") and balanced(text[1:-1])
    return rf"\left({text}\right)" if own < least and not enclosed else text


def level(row: Primitive) -> int:
    """How tightly a row's own notation binds."""
    return level_of(row.latex.format(*"xyzw"))


def level_of(text: str) -> int:
    """
    >>> [level_of(t) for t in (r"\\sin(x + 1)", "x + 1", r"\\frac{1}{x + 1}", "e^{x}", r"x \\ln(y)")]
    [9, 2, 3, 5, 3]
    """
    flat, depth = "", 0
    for c in re.sub(r"\\(left|right|,)", "", text):
        depth += (c in "({[") - (c in ")}]")
        flat += c if depth == 0 else ""
    flat = re.sub(r"\|.*?\|", "", flat)
    if re.search(r"(?<=.)[+-]|^-", flat):
        return SUM
    if r"\frac" in flat or re.search(r"[^ ] +[^ ]|\\ln\\", flat.replace(r"\begin", "")):
        return PRODUCT
    return POWER if "^" in flat and not re.search(r"[)][']?$", flat) else ATOM


def balanced(text: str) -> bool:
    """
    >>> balanced("a + (b)"), balanced("a) + (b")
    (True, False)
    """
    depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth < 0:
            return False
    return depth == 0


CONSTANTS = {
    np.pi: r"\pi", np.pi / 2: r"\tfrac{\pi}{2}", 2 / np.sqrt(np.pi): r"\tfrac{2}{\sqrt\pi}", np.log(2): r"\ln 2",
    np.log(10): r"\ln 10", 1 / np.log(2): r"\tfrac{1}{\ln 2}", 1 / np.log(10): r"\tfrac{1}{\ln 10}",
    np.pi / 180: r"\tfrac{\pi}{180}", 180 / np.pi: r"\tfrac{180}{\pi}", np.sqrt(np.pi) / 2: r"\tfrac{\sqrt\pi}{2}",
    np.sqrt(2 / np.pi): r"\sqrt{\tfrac{2}{\pi}}", np.sqrt(2 * np.pi): r"\sqrt{2\pi}", 1 / 3: r"\tfrac13",
    1 / 6: r"\tfrac16", 0.5: r"\tfrac12", np.sqrt(0.5): r"\tfrac{1}{\sqrt2}",
}  # fmt: skip


def number(x: Any) -> tuple[str, int]:
    """A constant: a name where it has one, else a few digits."""
    if np.ndim(x):
        raise Unwritable
    if isinstance(x, bool | np.bool_):
        return (r"\text{true}" if x else r"\text{false}"), ATOM
    v = float(x)
    for known, text in CONSTANTS.items():
        if np.isclose(abs(v), known, rtol=1e-14, atol=0):
            return ("-" if v < 0 else "") + text, ATOM if v > 0 else SUM
    if np.isinf(v):
        return (r"-\infty", SUM) if v < 0 else (r"\infty", ATOM)
    if abs(v) < 1e6 and v == int(v):
        return str(int(v)), ATOM if v >= 0 else SUM
    mantissa, _, exponent = f"{v:.6g}".partition("e")
    text = mantissa + (rf"\cdot 10^{{{int(exponent)}}}" if exponent else "")
    return text, ATOM if v >= 0 and not exponent else SUM


def is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?([\d.]+|\\pi|\\tfrac.*|\\ln (2|10))", text))


def with_params(text: str, params: dict[str, Any]) -> str:
    """A template's parameter, as n in f^{(n)} or k in x^{y - k}, as the number it is."""
    for letter in "nkv":
        given = params.get(letter)
        if isinstance(given, int | np.integer):
            places = rf"\({letter}\)|(?<=\^){letter}\b|(?<=- ){letter}\b|(?<=_){letter}\b"
            text = re.sub(places, lambda m, g=given, c=letter: m[0].replace(c, str(g)), text)
    return text


def meaning(row: Elementwise, names: list[str]) -> str:
    """What a name such as relu stands for, written by sympy from the row's own value; "" where that tells no more."""
    import sympy

    if "operatorname" not in row.latex and "\\sigma" not in row.latex:
        return ""
    symbols = [sympy.Symbol(n, real=True) for n in names]
    try:
        found = CARRIER.of(row)(*symbols, **dict((row.examples or ({},))[0]))
    except dl.errors.UnsupportedError:
        return ""
    if not isinstance(found, sympy.Expr) or isinstance(found, sympy.Symbol | sympy.Function):
        known = isinstance(found, sympy.Max | sympy.Min | sympy.Piecewise | sympy.log)
        if not known:
            return ""
    short = {f: sympy.Rational(t) if len(t := f"{float(f):.12g}") < 6 else sympy.Float(f"{float(f):.6g}")
             for f in found.atoms(sympy.Float)}  # fmt: skip
    text: str = sympy.latex(found.xreplace(short), ln_notation=True)
    text = text.replace(r"\text{for}\: ", "").replace(r"\text{otherwise}", r"\text{else}").replace(r"\wedge", r"\land")
    text = re.sub(r"\\left\|\{(.*?)\}\\right\|", r"\\vert \1 \\vert ", text).replace(r"\\", r"\\ ")
    return text if len(text) <= 200 else ""
