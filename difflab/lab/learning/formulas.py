"""Formulas as JavaScript: the value, and the derivative by the first input, from the rows' own rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...draw.page.script import CARRIER, Form, printed
from ...errors import UnsupportedError
from ...graph.node import Node
from ...graph.parse import parse
from ...graph.traced import Traced
from ...types import Value

PROBE = 0.5  # where a formula is recorded: any point at which it is defined


class Formulas:
    """Formulas that share what they use: `functions` are the rows as functions, `of` writes one formula.

    >>> made = Formulas()
    >>> made.of("sin(x)", ("x",))
    '{f:(x)=>{const v1=r0(x);return v1;},d:(x)=>{const s1=r0d0(0,x);return s1;}}'
    >>> made.functions
    ['const r0=(x0)=>Math.sin(x0);', 'const r0d0=(y,x0)=>Math.cos(x0);']
    """

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    @property
    def functions(self) -> list[str]:
        """The functions that the formulas call, as statements."""
        return [f"const {name}={body};" for body, name in self.known.items()]

    def of(self, text: str, inputs: Sequence[str]) -> str:
        """A formula as an object of its value `f` and its derivative `d` by the first input, both of all inputs."""
        graph = parse(text)
        names: dict[Node, str] = {n: str(n.name) for n in graph.inputs}
        recorded = graph.forward(**dict.fromkeys(names.values(), PROBE))
        slopes: dict[Node, str] = {n: str(int(name == inputs[0])) for n, name in names.items()}
        values: list[tuple[str, str]] = []
        tangents: list[tuple[str, str]] = []
        for k, node in enumerate(graph.order):
            if node.operands and recorded.recorded[node].__class__ is Traced:
                constants = {j: recorded.values[x] for j, x in enumerate(node.operands) if x not in names}
                value, slope = self.step(recorded.recorded[node], constants, node, names, slopes, f"v{k}")
                names[node], slopes[node] = f"v{k}", slope if slope in ("0", "1") else f"s{k}"
                values.append((f"v{k}", value))
                tangents.append((f"s{k}", slope))
        output = graph.outputs[0]
        value, slope = names.get(output, printed(recorded.values[output])), slopes.get(output, "0")
        head = f"({','.join(inputs)})=>"
        return f"{{f:{head}{body(values, value)},d:{head}{body(values + tangents, slope)}}}"

    def step(
        self, made: Traced, constants: dict[int, Value], node: Node, names: dict[Node, str], slopes: dict[Node, str],
        own: str,
    ) -> tuple[str, str]:  # fmt: skip
        """One operation: the expression of its value, and the one of its derivative by the first input."""
        form = Form(made, constants)
        args = ",".join(names.get(x, "0") for x in node.operands)  # a constant stands in the formula itself
        function = self.function(f"({form.arguments})=>{value_of(form)}", "r")
        terms = []
        for k, operand in enumerate(node.operands):
            slope = slopes.get(operand, "0")
            partial = partial_of(form, k) if slope != "0" else "0"
            if partial != "0":
                local = partial
                if partial.startswith("("):
                    reads = bool(re.search(r"\by\b", partial.partition("=>")[2]))
                    local = f"{self.function(partial, f'{function}d{k}', exact=True)}({own if reads else '0'},{args})"
                terms.append(local if slope == "1" else slope if local == "1" else f"{local}*{slope}")
        return f"{function}({args})", "+".join(terms) or "0"

    def function(self, text: str, name: str, exact: bool = False) -> str:
        """The name of a function with this text."""
        if text not in self.known:
            count = sum(bool(re.fullmatch(r"r\d+", known)) for known in self.known.values())
            self.known[text] = name if exact else f"{name}{count}"
        return self.known[text]


def value_of(form: Form) -> str:
    import sympy

    with sympy.evaluate(False):
        return printed(CARRIER.of(form.row)(*form.operands, **form.params))


def partial_of(form: Form, k: int) -> str:
    """A number, or a function of the value and the operands; what a gate keeps back is 0."""
    import sympy

    with sympy.evaluate(False):
        text = form.partial(k)
    if not text.startswith("{g:"):
        return text
    found = re.fullmatch(r"\{g:(\([^)]*\)=>)(.*),c:\1(.*)\}", text)
    if found is None:
        raise UnsupportedError(f"{form.row.name}: a gate without mask and factor")
    return f"{found[1]}({found[2]})?({found[3]}):0"


def body(lines: Iterable[tuple[str, str]], result: str) -> str:
    """A function's body with the lines that its result needs."""
    kept: list[str] = []
    wanted = result
    for name, expression in reversed(list(lines)):
        if re.search(rf"\b{name}\b", wanted):
            kept.insert(0, f"const {name}={expression};")
            wanted += f" {expression}"
    return f"{{{''.join(kept)}return {result};}}"
