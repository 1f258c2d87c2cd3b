"""The rows as a table for the playground's script: names, forms, values and derivatives, all of it the rows' own.

A local derivative goes as a tree of operations, for formulas and for symbolic differentiation: a leaf k is operand k,
-1 is the result, `{"c": 2}` a number, `[k, ...]` operation k on others. Numbers come from the same JavaScript as on
every page.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...errors import DifflabError, UnsupportedError
from ...graph.builder import Symbols
from ...graph.function_names import functions
from ...graph.node import UNKNOWN, Node, Operation
from ...graph.node_carrier import NODE
from ...graph.parse import parse
from ...graph.signs import BINARY, COMPARISONS, SIGNED
from ...primitives import Elementwise, Gate, Primitive, rows
from ...primitives.text import ANY, Text
from ...types import Params, Tree, Value
from ..formula import form_of
from ..page.model import encoded
from ..page.program import form_of as program_form
from ..page.script import Form

MOST_OPERANDS = 4
MARK = 7777.25  # an exponent that no rule looks for
WITHOUT = "null"  # the form of what JavaScript cannot compute
EXPONENTS = (0, 1, 2)  # those that the rule of a power looks for


class Table:
    """Operations by number: `listed[k]` is what the script knows of one, `forms` its values and partials."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], int] = {}
        self.listed: list[dict[str, Tree]] = []
        self.forms: list[str] = []
        self.waiting: list[tuple[int, Primitive, int, Params]] = []
        self.called: dict[str, dict[str, int]] = {}
        for name in functions():
            self.name(name)
        self.signs: dict[str, dict[str, int]] = {
            "binary": {op.sign: self.operation(op.row, 2, {}) for op in BINARY if op.row is not rows.matmul},
            "compared": {op.sign: self.operation(op.row, 2, {}) for op in COMPARISONS},
            "signed": {op.sign or sign: self.operation(op.row, 1, {}) for op, sign in zip(SIGNED, "-+", strict=True)},
            "truth": {
                word: self.operation(row, 1 + (word != "not"), {})
                for word, row in (("and", rows.logical_and), ("or", rows.logical_or), ("not", rows.logical_not))
            },
        }
        for asked in tuple(self.waiting):  # not those in derivatives, which would need others in turn, without an end
            self.complete(*asked)

    def data(self) -> dict[str, Tree]:
        """What goes into the page."""
        return {"operations": self.listed, "called": self.called, "signs": self.signs, "elsewhere": self.elsewhere}

    @property
    def elsewhere(self) -> list[str]:
        """The names that the language has and that work on arrays, in Python alone."""
        return [name for name in functions() if name not in self.called]

    def name(self, name: str) -> None:
        """What a function means in text, for each number of operands that it takes."""
        for number in range(1, MOST_OPERANDS + 1):
            letters = [f"a{k}" for k in range(number)]
            try:
                made = parse(f"{name}({', '.join(letters)})").outputs[0]
            except DifflabError:
                continue
            plain = [x.name for x in made.operands] == letters and isinstance(made.primitive, Elementwise)
            if not plain or not settled(made.params):
                continue
            k = self.operation(made.primitive, number, made.params)
            if self.forms[k] != WITHOUT:
                self.called.setdefault(name, {})[str(number)] = k

    def operation(self, row: Primitive, number: int, params: Params) -> int:
        """The number of an operation, which is listed when it is asked for first."""
        key = (row.name, repr(params))
        if key not in self.known:
            form = form_in_javascript(row, number, params)
            self.known[key] = len(self.listed)
            self.listed.append(
                {
                    "name": row.name,
                    "glyph": row.glyph or row.name,
                    "shown": text_data(form_of(row, number), number, params),
                    "written": text_data(program_form(row, number, params), number, params),
                    "truth": row.truth,
                    "infix": row.infix,
                }
            )
            self.forms.append(form)
            self.waiting.append((self.known[key], row, number, params))
        return self.known[key]

    def complete(self, k: int, row: Primitive, number: int, params: Params) -> None:
        """The local derivatives of an operation."""
        if not isinstance(row, Elementwise) or not row.differentiable:
            return
        self.listed[k]["local"] = [self.local(row, j, number, params) for j in range(number)]
        if row in (rows.power, rows.float_power):
            self.listed[k]["exponents"] = {
                "any" if e == MARK else str(e): self.local(row, 0, number, params, {1: e}) for e in (*EXPONENTS, MARK)
            }

    def local(
        self, row: Elementwise, j: int, number: int, params: Params, known: Mapping[int, Value] = MappingProxyType({})
    ) -> Tree:
        """The derivative by operand j as a tree, or as [mask, factor] under "gate"; None where it cannot be written."""
        rule = row.partials[j]
        if rule is None or isinstance(rule, int):
            return {"c": rule} if rule is not None else {"none": True}
        tape = Symbols()
        result, *letters = (tape.symbol(f"a{k}") for k in range(number + 1))
        leaves: dict[int, int] = {id(x): k for k, x in enumerate((result, *letters), -1)}
        operands = [known.get(k, x) for k, x in enumerate(letters)]
        try:
            found = rule(NODE, result, *operands, **params)
            if isinstance(found, Gate):
                return {"gate": [self.tree(found.mask, leaves), self.tree(found.factor, leaves)]}
            return self.tree(found, leaves)
        except (TypeError, AttributeError, ValueError, UnsupportedError):
            return None

    def tree(self, x: Value, leaves: dict[int, int]) -> Tree:
        """An operation on symbols as a tree."""
        if not isinstance(x, Operation):
            if x == MARK:
                return 1
            if x == MARK - 1:
                return [self.operation(rows.subtract, 2, {}), 1, {"c": 1}]
            return {"c": encoded(x), "float": 1} if isinstance(x, float) else {"c": encoded(x)}
        if id(x) in leaves:
            return leaves[id(x)]
        return [self.operation(x.primitive, len(x.operands), x.params), *(self.tree(v, leaves) for v in x.operands)]


def form_in_javascript(row: Primitive, number: int, params: Params) -> str:
    """The value and the partials as JavaScript."""
    tape = Symbols()
    operands = tuple(tape.symbol(f"a{k}") for k in range(number))
    try:
        return Form(tape.record(row, operands, params, UNKNOWN), {}).text
    except UnsupportedError:
        return WITHOUT


def text_data(text: Text, number: int, params: Params) -> list[Tree]:
    """A form, its level and those of its operands; with the parameters filled in and the places of operands kept."""
    marks = [(f"{{{k}}}", ANY) for k in range(number)]
    filled = text._replace(operands=()).of(marks, **params)[0]
    return [filled, text.level, list(text.operands)]


def settled(params: Params) -> bool:
    return not any(isinstance(v, Node) for v in params.values())
