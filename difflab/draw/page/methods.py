"""The method panel: sympy's gradient as JavaScript, and the errors of all methods at the exported point."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np

from ...differentiate.limits import limited
from ...differentiate.symbolic import formula, shorten, without_impulses
from ...errors import DifflabError, UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.portable import portable
from ...hooks import Hook
from ...progress import doing
from ...types import Value
from ..text import clean
from .model import Model
from .script import printed
from .why import why

SECONDS, MOST_NODES, LONGEST, SHOWN = 10.0, 120, 8000, 200
ERRORS: Hook[[Graph, dict[str, Value]], str] = Hook("errors of methods")  # a sentence about all of them at a point


class Symbolic:
    """sympy's gradient: `script` is a JavaScript function of the inputs or "null", `shown` the formulas as text."""

    script: str
    shown: list[str]
    reason: str

    def __init__(self, model: Model) -> None:
        self.script, self.shown, self.reason = "null", [], ""
        if not model.scalar:
            self.reason = "sympy's formulas are for single numbers"
            return
        if len(model.order) > MOST_NODES:
            self.reason = f"the graph has more than {MOST_NODES} nodes"
            return
        graph = model.graph
        names = [model.names[n] for n in graph.inputs]
        try:
            sent = portable(graph, [model.forward.values[n] for n in graph.inputs], [model.output])
            ask = partial(gradient, sent, names)
            with doing("sympy differentiates"):
                self.script, self.shown, self.reason = limited(ask, SECONDS, "symbolic differentiation")
        except DifflabError as error:
            self.reason = clean(error, 200)


def gradient(graph: Graph, inputs: list[str]) -> tuple[str, list[str], str]:
    """Runs in another process: the gradient as JavaScript with shared parts named once, as short text, and why not."""
    import sympy

    from ...graph.sympy_io import CARRIER

    symbols = [sympy.Symbol(f"a{k}", real=True) for k in range(len(inputs))]
    y = formula(graph.evaluate(list(symbols), CARRIER)[graph.outputs[0]])
    partials = [without_impulses(sympy.diff(y, s)) for s in symbols]
    shared, results = sympy.cse(partials, symbols=sympy.numbered_symbols("t"))
    names = {s: sympy.Symbol(name, real=True) for s, name in zip(symbols, inputs)}
    shown = [shorten(str(p.xreplace(names)))[:SHOWN] for p in partials]
    try:
        return script_of(symbols, shared, results), shown, ""
    except UnsupportedError as error:
        return "null", shown, str(error)


def script_of(symbols: list[Value], shared: list[Value], results: list[Value]) -> str:
    terms = f"const {','.join(f'{name}={printed(e)}' for name, e in shared)};" if shared else ""
    text = f"({','.join(map(str, symbols))})=>{{{terms}return [{','.join(map(printed, results))}];}}"
    if len(text) > LONGEST:
        raise UnsupportedError("sympy's formula is too long for a page")
    return text


def panel(model: Model, symbolic: Symbolic, ulps: bool) -> str:
    """The panel's markup; its table is filled and kept up to date by the script."""
    plain = model.backward is not None and np.all(model.backward.seed == 1)
    judged = ulps and plain and model.scalar and model.output is model.graph.outputs[0]
    errors = ERRORS(model.graph, {str(n.name): model.forward.values[n] for n in model.graph.inputs}) if judged else ""
    rows = "".join(
        f"<li><code>{escape(written(model, n, s))}</code></li>" for n, s in zip(model.graph.inputs, symbolic.shown)
    )
    formulas = f"<p>sympy's formulas:</p><ul>{rows}</ul>{why('swell')}" if rows else ""
    reason = f'<p class="quiet">No symbolic column: {escape(symbolic.reason)}.</p>' if symbolic.reason else ""
    return methods_panel(
        formulas + reason + (f'<p class="quiet">{escape(errors)}</p>{why("certified")}' if errors else "")
    )


def methods_panel(below: str) -> str:
    """The markup of the methods side by side, and what stands below them."""
    heads = ["Derivative", "numerical, central", "symbolic", "forward", "reverse", "|numerical − reverse|"]
    return (
        '<details id="methods" class="wide"><summary>Methods side by side at this point</summary>'
        '<p><label>Step of the numerical method <input id="h" type="range" min="-15" max="0" step="1" value="-5">'
        '</label> <span id="h-text"></span></p>'
        + why("step")
        + '<div class="scroll" tabindex="0" role="region" aria-label="Methods"><table><thead><tr>'
        + "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
        + f'</tr></thead><tbody id="method-rows"></tbody></table></div>{why("sweeps")}{below}</details>'
    )


def written(model: Model, node: Node, text: str) -> str:
    return f"∂{model.output_name}/∂{model.names[node]} = {text}"
