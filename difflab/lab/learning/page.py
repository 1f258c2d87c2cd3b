"""The page of a network that learns: markup, style and script in one file, under a policy that admits nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from string import Template

from ...draw.page.document import asset as page_asset, digest
from ...draw.page.script import helpers
from ...palette import variables
from .formulas import Formulas

SCRIPTS = (
    "elements.js", "data.js", "network.js", "optimisers.js", "learner.js",
    "drawing.js", "charts.js", "opened.js", "page.js",
)  # fmt: skip
LIBRARY = ("special.js", "incomplete.js", "bessel.js")  # of the step-through page: what JavaScript's Math lacks
RATES = ("0.0001", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3")


@dataclass(frozen=True)
class Choice:
    """A formula that a reader may choose: what it is called, its text, and facts that the script reads."""

    name: str
    text: str
    facts: tuple[tuple[str, object], ...] = ()


# Gain: how much the variance of first weights is raised, so that values neither grow nor shrink from layer to layer.
ACTIVATIONS = {
    "tanh": Choice("tanh", "tanh(x)", (("gain", 1.0), ("shown", "tanh"))),
    "relu": Choice("ReLU", "relu(x)", (("gain", 2.0), ("shown", "relu"))),
    "leaky_relu": Choice("leaky ReLU", "leaky_relu(x)", (("gain", 2.0), ("shown", "leaky"))),
    "sigmoid": Choice("sigmoid", "sigmoid(x)", (("gain", 1.0), ("shown", "σ"))),
    "gelu": Choice("GELU", "gelu(x)", (("gain", 2.0), ("shown", "gelu"))),
    "silu": Choice("SiLU", "silu(x)", (("gain", 2.0), ("shown", "silu"))),
    "linear": Choice("none (linear)", "x", (("gain", 1.0), ("shown", "id"))),
}
# Of the output z and the target t, which is -1 or 1 where there are classes.
LOSSES = {
    "logistic": Choice("cross-entropy", "softplus(z) - z*(t + 1)/2", (("for", ("classes",)),)),
    "hinge": Choice("hinge", "relu(1 - t*z)", (("for", ("classes",)),)),
    "squared": Choice("squared error", "square(z - t)", (("for", ("classes", "values")),)),
    "absolute": Choice("absolute error", "abs(z - t)", (("for", ("values",)),)),
}
PENALTIES = {"l2": Choice("L2: w²/2", "square(w)/2"), "l1": Choice("L1: |w|", "abs(w)")}
FEATURES = {
    "x1": Choice("x₁", "x1"),
    "x2": Choice("x₂", "x2"),
    "x1_squared": Choice("x₁²", "square(x1)"),
    "x2_squared": Choice("x₂²", "square(x2)"),
    "product": Choice("x₁x₂", "x1*x2"),
    "sin_x1": Choice("sin x₁", "sin(x1)"),
    "sin_x2": Choice("sin x₂", "sin(x2)"),
}


def learning_page() -> str:
    """The page as text: one HTML file that loads nothing.

    >>> learning_page().startswith("<!DOCTYPE html>")
    True
    """
    script, style = script_of(), variables() + asset("learning.css")
    policy = f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; base-uri 'none'"
    return Template(asset("learning.html")).substitute(
        policy=policy,
        style=style,
        script=script,
        activations=options(ACTIVATIONS),
        penalties=options(PENALTIES),
        rates="".join(f"<option>{rate}</option>" for rate in RATES),
    )


def options(choices: dict[str, Choice]) -> str:
    return "".join(f'<option value="{key}">{escape(c.name)}</option>' for key, c in choices.items())


def script_of() -> str:
    """The formulas, what they call, and the scripts, as one function that leaves nothing behind but `learning`."""
    formulas = Formulas()
    tables = [
        objects("ACTIVATIONS", ACTIVATIONS, ("x",), formulas),
        objects("LOSSES", LOSSES, ("z", "t"), formulas),
        objects("PENALTIES", PENALTIES, ("w",), formulas),
        objects(
            "FEATURES",
            {k: Choice(c.name, c.text, (("shown", c.name),)) for k, c in FEATURES.items()},
            ("x1", "x2"),
            formulas,
        ),
    ]
    functions = "\n".join(formulas.functions)
    used = helpers(functions, "\n".join(map(page_asset, LIBRARY)))
    parts = ['"use strict";', used, functions, *tables, *[asset(name) for name in SCRIPTS]]
    return "(() => {\n" + "\n".join(p.strip() for p in parts if p) + "\n})();"


def objects(name: str, choices: dict[str, Choice], inputs: tuple[str, ...], formulas: Formulas) -> str:
    """A table of the script: by key the formula's value and derivative, its name and its facts."""
    rows = []
    for key, choice in choices.items():
        facts = "".join(f",{fact}:{json.dumps(value, ensure_ascii=False)}" for fact, value in choice.facts)
        made = formulas.of(choice.text, inputs)
        rows.append(f"{key}:{{...{made},name:{json.dumps(choice.name, ensure_ascii=False)}{facts}}}")
    return f"const {name}={{{','.join(rows)}}};"


def asset(name: str) -> str:
    """A file of this page, shortened as those of the step-through page are."""
    return page_asset(name, str(__package__))
