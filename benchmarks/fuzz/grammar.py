"""Random texts of difflab's language: every function, index, comparison, tower and constant, right and nearly right."""

from __future__ import annotations

import inspect
from functools import cache
from random import Random

from difflab.graph.function_names import functions
from difflab.primitives import TABLE
from difflab.primitives.primitive import ALIASES

NAMES = {"x": "scalar", "y": "scalar", "t": "scalar", "v": "vector", "w": "vector", "M": "matrix", "N": "matrix"}
POINTS = {
    "scalar": ("0.5", "1.5", "-2", "3", "0", "-0.0", "1", "1e-300", "1e300", "-7.25", "2**-1074", "nan", "inf",
        "-inf", "pi/2", "1e-9"),
    "vector": ("[0.1,0.2,0.3]", "[1,2,3]", "[-1,0,1]", "[1,1,1]", "[1e300,-1e300,0]", "[0.5]", "[3,2,1,0]"),
    "matrix": ("[[1,2],[3,4]]", "[[2,0.5],[0.5,1]]", "[[0,0],[0,0]]", "[[1,1],[1,1]]", "[[1,2,3],[4,5,6]]",
    "[[0.1]]"),
}  # fmt: skip
NUMBERS = (
    "0", "1", "2", "3", "-1", "0.5", "10", "100", "1e-320", "1e308", "1e-5", "2**53", "9007199254740993", "10**40",
    "1/3", "-2/7",
    "0.1", "pi", "e", "1e16", "2**-1074", "0.0", "170", "171", "700", "1000", "10**300", "1.0", "True", "False",
    "-0.0",
)  # fmt: skip
WHOLE = ("0", "1", "2", "-1", "-2", "3", "4", "10", "1000", "-5", "2**31", "2**63", "10**19")
KEYS = ("[0]", "[-1]", "[1]", "[5]", "[:]", "[::2]", "[::-1]", "[1:]", "[None]", "[...]", "[[0, 1]]", "[0, 0]",
"[:, 1]", "[0:0]",
        "[..., None]", "[[0.0, 1.0]]", "[-9]", "[2**70]", "[:2**70]", "[::0]", "[1:2:-1]",
        "[None, ..., 0]")  # fmt: skip
WORDS = ("and", "or", "not", "if", "else", "in", "is", "lambda", "for", "None", "True", "...", "@", "==", "!=",
"<", "<=", ";", "=", ",",
         ":", "**", "//", "%", "(", ")", "[", "]", ".T", "~", "+", "-", "*", "/", "\n", "#", "e", "pi", "x", "y",
         "v", "M", "_",
         "{", "'", "^", "&", "|", "->", ":=", "\\", "é", "1_000", "0x10", "1j", "axis=", "keepdims=True",
         *NUMBERS, *KEYS)  # fmt: skip


@cache
def rows() -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """Each function's name, its keywords, and how many arguments it has at least."""
    found = []
    for name in functions():
        row = TABLE.get(name) or ALIASES.get(name)
        try:
            parameters = list(row.signature.parameters.values())  # type: ignore[union-attr]
        except (AttributeError, ValueError, TypeError):
            parameters = []
        needed = [p for p in parameters if p.default is inspect.Parameter.empty]
        keywords = tuple(p.name for p in parameters if p.default is not inspect.Parameter.empty)
        found.append((name, keywords, max(1, len(needed))))
    return tuple(found)


class Writer:
    """Writes one text; `used` has the inputs in it."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.used: dict[str, str] = {}

    def program(self) -> str:
        rng, lines = self.rng, []
        for k in range(rng.choice((0, 0, 0, 1, 2))):
            lines.append(f"q{k} = {self.expression(2)}")
        last = self.expression(rng.choice((1, 2, 2, 3, 4)))
        if rng.random() < 0.4:
            last = f"{rng.choice(('sum', 'sum', 'mean', 'max', 'norm', 'prod'))}({last})"
        return "; ".join([*lines, last])

    def expression(self, depth: int) -> str:
        rng = self.rng
        if depth <= 0 or rng.random() < 0.1:
            return self.leaf()
        return str(rng.choices(
            (self.call, self.infix, self.tower, self.chosen, self.indexed,
             self.unary, self.listed, self.leaf, self.repeated),
            (40, 30, 6, 6, 7, 5, 5, 3, 1),
        )[0](depth))  # fmt: skip

    def leaf(self, _: int = 0) -> str:
        rng = self.rng
        if rng.random() < 0.35:
            return rng.choice(NUMBERS)
        name = rng.choice(list(NAMES))
        if name not in self.used:
            self.used[name] = rng.choice(POINTS[NAMES[name]])
        return name

    def call(self, depth: int) -> str:
        rng = self.rng
        name, keywords, count = rng.choice(rows())
        count = max(1, count + rng.choice((0, 0, 0, 0, 1, -1)))
        arguments = [self.expression(depth - 1)]
        arguments += [
            rng.choice((self.expression(depth - 1), self.expression(0), rng.choice(WHOLE))) for _ in range(count - 1)
        ]
        for word in rng.sample(keywords, min(len(keywords), rng.choice((0, 0, 1, 1, 2)))):
            arguments.append(f"{word}={self.option()}")
        return f"{name}({', '.join(arguments)})"

    def option(self) -> str:
        rng = self.rng
        return rng.choice((
            rng.choice(WHOLE), rng.choice(WHOLE), "True", "False", "None",
            rng.choice(NUMBERS), f"({rng.choice(WHOLE)}, {rng.choice(WHOLE)})",
            "(0,)", "()", "x", "[1, 2]", "[0.5, 1]",
        ))  # fmt: skip

    def infix(self, depth: int) -> str:
        rng = self.rng
        sign = rng.choice(("+", "-", "*", "/", "**", "@", "%", "//", "+", "*", "-"))
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        return f"({left} {sign} {right})" if rng.random() < 0.7 else f"{left} {sign} {right}"

    def tower(self, depth: int) -> str:
        return "**".join(self.expression(depth - 2) for _ in range(self.rng.choice((2, 3, 4))))

    def chosen(self, depth: int) -> str:
        rng = self.rng
        sign = rng.choice(("<", "<=", ">", ">=", "==", "!="))
        test = f"{self.expression(depth - 2)} {sign} {self.expression(depth - 2)}"
        if rng.random() < 0.3:
            test = f"{rng.choice(('not ', '~'))}({test})"
        if rng.random() < 0.3:
            test = f"({test}) {rng.choice(('and', 'or'))} ({self.expression(0)} > 0)"
        return (
            f"where({test}, {self.expression(depth - 1)}, {self.expression(depth - 1)})"
            if rng.random() < 0.8
            else f"({test})"
        )

    def indexed(self, depth: int) -> str:
        return f"{self.expression(depth - 1)}{self.rng.choice((*KEYS, '.T'))}"

    def unary(self, depth: int) -> str:
        return f"{self.rng.choice(('-', '+', '-', 'not ', '~', '--'))}{self.expression(depth - 1)}"

    def listed(self, depth: int) -> str:
        rng = self.rng
        inside = ", ".join(self.expression(depth - 2) for _ in range(rng.choice((1, 2, 2, 3))))
        return f"[{inside}]" if rng.random() < 0.8 else f"({inside},)"

    def repeated(self, depth: int) -> str:
        """A long chain, or one function within itself many times."""
        rng, piece = self.rng, self.expression(0)
        if rng.random() < 0.5:
            return rng.choice(("+", "*", "-", "/", "@")).join([piece] * rng.choice((20, 200, 400)))
        name, many = rng.choice(rows())[0], rng.choice((5, 40, 120))
        return f"{name}(" * many + piece + ")" * many

    def point(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.used.items())


def text(rng: Random) -> tuple[str, str]:
    """A text and a point for it."""
    writer = Writer(rng)
    made = writer.program()
    return made, writer.point()
