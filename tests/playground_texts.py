"""Random texts of the language, right ones and wrong ones, for what reads it in the browser."""

from __future__ import annotations

import numpy as np

UNARY = """
sin cos tan exp log sqrt tanh abs sigmoid relu softplus log1p expm1 arctan cosh sinh square cbrt erf sign gelu silu
""".split()
TWO = "maximum minimum hypot arctan2 logaddexp power max min xlogy".split()
SIGNS = ("+", "-", "*", "/", "**", "//", "%")
COMPARED = ("<", "<=", ">", ">=", "==", "!=")
NAMES = ("x", "y", "z")

PIECES = (
    *"+-*/%()[]{},.;:=<>!@&|~^ \n\t#'\"xy03_eé×",
    *("**", "sin", "sine(", "ln(x)", " if ", "lambda", "not ", " in ", "x.T", "[1]", "1e999", "2x", "self", "x = "),
    *(
        "import ",
        " and ",
        "sum(x)",
        "relu(x, y)",
        "__x",
        "0x1f",
        "1j",
        "True",
        "None",
        "a=1",
        "...",
        "**x",
        "*x",
        " is ",
    ),
)


def expression(rng: np.random.Generator, depth: int) -> str:
    """A text with at most so many operations in each other."""
    kind = rng.integers(10) if depth else 9
    sub = lambda: expression(rng, depth - 1)
    if kind < 4:
        sign = rng.choice(SIGNS, p=(0.25, 0.2, 0.25, 0.14, 0.1, 0.03, 0.03))
        right = rng.choice(("2", "3", "-1", "0.5", "-2")) if sign == "**" and rng.random() < 0.7 else sub()
        return f"({sub()}) {sign} ({right})" if rng.random() < 0.7 else f"{atom(rng)} {sign} {atom(rng)}"
    if kind < 7:
        return f"{rng.choice(UNARY)}({sub()})"
    if kind == 7:
        return f"{rng.choice(TWO)}({sub()}, {sub()})"
    if kind == 8:
        if rng.random() < 0.4:
            return f"where({sub()} {rng.choice(COMPARED)} {atom(rng)}, {sub()}, {sub()})"
        return f"-{atom(rng)}" if rng.random() < 0.5 else f"-({sub()})"
    return atom(rng)


def atom(rng: np.random.Generator) -> str:
    if rng.random() < 0.7:
        return str(rng.choice(NAMES))
    return str(rng.choice(("1", "2", "3", "0.5", "10", "1.5e-3", "pi", "e", "1/3", "7", "0", ".25", "1_000", "2.")))


def text(rng: np.random.Generator) -> str:
    """One statement, or several with names."""
    if rng.random() < 0.7:
        return expression(rng, int(rng.integers(1, 5)))
    return (
        f"u = {expression(rng, 2)}{rng.choice(('; ', chr(10)))}v = u * {expression(rng, 1)}; v + {expression(rng, 2)}"
    )


def spoilt(rng: np.random.Generator) -> str:
    """A text with something taken out, put in, or put in its place."""
    found = text(rng)
    for _ in range(int(rng.integers(1, 3))):
        k = int(rng.integers(len(found) + 1))
        put = rng.choice(PIECES)
        cut = int(rng.integers(3))
        found = found[:k] + (put if rng.random() < 0.7 else "") + found[k + cut :]
    return found
