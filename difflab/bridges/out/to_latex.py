"""A graph as formulas in LaTeX: a line for each value with a name or with several uses."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from ...compile.write.names import written_index
from ...errors import InputError
from ...glance import glance
from ...graph.graph import Graph
from ...graph.node import Node
from ...primitives import rows
from ...primitives.text import ANY, ATOM, SIGN, SUM, Written
from ...types import Function, Tree, Value
from .expand import graph_at

LONGEST = 120  # characters of a formula, behind which a value gets a line of its own
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi "
    "omega".split()
)


def to_latex(f: Function | Graph, *examples: Tree) -> str:
    """The formulas of f in LaTeX, in an `aligned` environment, for use inside of `$$ ... $$` or `equation`.

    Values that have a name (text, `dl.label`), that are read more than once, or whose formula would be long have a
    line of their own; others stand where they are used. Signs, functions and brackets are those of the rows.
    `examples` are arguments to trace a function at; a graph needs none.

    >>> import difflab as dl
    >>> print(dl.to_latex(dl.parse("q = x + y; f = q * z / 2")))
    \\begin{aligned}
    q &= x + y \\\\
    f &= \\frac{q \\cdot z}{2}
    \\end{aligned}
    """
    if not (isinstance(f, Graph) or callable(f)):
        raise InputError(f"to_latex: {f!r:.80} is neither a function nor a graph; dl.parse reads text")
    graph = f if isinstance(f, Graph) and not examples else graph_at(f, examples, "to_latex")[0]
    lines = Formulas(graph).lines()
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


class Formulas:
    """The formula of each node, in terms of those that have lines."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.uses: Counter[Node] = Counter(x for n in graph.order for x in n.operands)
        self.written: dict[Node, Written] = {}
        self.taken: set[str] = set()
        self.count: int = 0

    def lines(self) -> list[str]:
        found = []
        outputs = set(self.graph.outputs)
        for node in self.graph.order:
            if node.primitive is rows.constant:
                self.written[node] = constant(node.params["value"])
                continue
            if not node.operands:
                self.written[node] = self.symbol(node), ATOM
                continue
            text, level = self.formula(node)
            if node in outputs or node.name or self.uses[node] > 1 or len(text) > LONGEST:
                name = self.symbol(node)
                found.append(f"{name} &= {text}")
                text, level = name, ATOM
            self.written[node] = text, level
        trivial = [f"f &= {self.written[y][0]}" for y in self.graph.outputs if not y.operands]
        return found + trivial

    def symbol(self, node: Node) -> str:
        """The node's name as a symbol, or the next one that is free."""
        if node.name and (name := symbol(str(node.name))) not in self.taken:
            self.taken.add(name)
            return name
        while True:
            self.count += 1
            name = f"t_{{{self.count}}}"
            if name not in self.taken:
                self.taken.add(name)
                return name

    def formula(self, node: Node) -> Written:
        """The row's formula on the operands, with brackets where it needs them."""
        row = node.primitive.plain
        texts = [self.written[x] for x in node.operands]
        form = row.latex
        if row is rows.getitem and (index := written_index(node.params.get("index"))) is not None:
            place = escaped(index.rstrip(", "))
            return f"{self.bracketed('{0}_', 0, texts[0], node)}_{{{place}}}", ATOM
        if "{1}" not in form and len(texts) > 1 and form.endswith("({0})"):
            form = form[: -len("({0})")] + "(" + ", ".join(f"{{{k}}}" for k in range(len(texts))) + ")"
        shown = [self.bracketed(form, k, text, node) for k, text in enumerate(texts)]
        words = {k: text_of(v) for k, v in node.params.items()}
        try:
            text = form.format(*shown, **words)
        except (IndexError, KeyError):
            text = f"{operator(row.name)}({', '.join(t for t, _ in texts)})"
            return text, ATOM
        return text, row.text.level if row.text is not None else ATOM if text.endswith((")", "}", "|", "]")) else SUM

    def bracketed(self, form: str, k: int, written: Written, node: Node) -> str:
        """An operand, in brackets where the formula around it would take it apart."""
        text, level = written
        if closed(form, k):
            return text
        said = node.primitive.plain.text
        least = (*said.operands, *[ANY] * 9)[k] if said is not None else ATOM
        return rf"\left({text}\right)" if level < least or (k and text.startswith("-")) else text


def closed(form: str, k: int) -> bool:
    """Whether an operand stands alone in braces or brackets of the formula."""
    place = f"{{{k}}}"
    at = form.find(place)
    if at < 0:
        return True
    before, after = form[at - 1 : at], form[at + len(place) : at + len(place) + 1]
    return ((before in ("(", "{", ",", " ") or form[:at].endswith(r"\lVert ")) and after in (")", "}", ",")) or (
        form[:at].endswith((r"\lfloor ", r"\lceil ", r"\lVert ", "|"))
    )  # fmt: skip


def constant(value: Value) -> Written:
    """A number as it is; an array in short."""
    if np.ndim(value):
        return rf"\mathtt{{[{np.size(value)}]}}" if np.size(value) > 9 else matrix(np.asarray(value)), ATOM
    x = np.asarray(value).item()
    if isinstance(x, bool):
        return rf"\text{{{str(x).lower()}}}", ATOM
    if isinstance(x, complex):
        return rf"\left({glance(x)}\right)", ATOM
    text = repr(int(x)) if float(x).is_integer() and abs(x) < 1e15 else power_of_ten(repr(x))
    text = text.replace("inf", r"\infty").replace("nan", r"\mathrm{NaN}")
    return text, SIGN if text.startswith("-") else ATOM


def power_of_ten(text: str) -> str:
    digits, _, exponent = text.partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else text


def matrix(array: Value) -> str:
    lines = np.atleast_2d(array) if array.ndim < 3 else array.reshape(array.shape[0], -1)
    inside = r" \\ ".join(" & ".join(constant(x)[0] for x in line) for line in lines)
    return rf"\begin{{bmatrix}}{inside}\end{{bmatrix}}"


def symbol(name: str) -> str:
    """A name as a symbol: one letter, a Greek letter, an index, or upright text."""
    head, _, index = name.partition("_")
    if not index and (found := re.fullmatch(r"([A-Za-z]+?)(\d+)", name)):
        head, index = found[1], found[2]
    if head in GREEK:
        head = rf"\{head}"
    elif len(head) != 1 or not head.isalnum():
        return rf"\mathrm{{{escaped(name)}}}"
    return f"{head}_{{{escaped(index)}}}" if index else head


def escaped(text: str) -> str:
    """Text in which LaTeX reads no commands."""
    return re.sub(r"([#$%&_{}])", r"\\\1", re.sub(r"[\\^~]", " ", text))


def operator(name: str) -> str:
    return rf"\operatorname{{{escaped(name)}}}"


def text_of(value: Value) -> str:
    return escaped(str(value)) if isinstance(value, int | float | str | tuple) else escaped(glance(value))
