"""The text of the playground: the step-through page as a template, the rows as a table, Graphviz, and the scripts."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from functools import partial
from html import escape
from importlib.resources import files
from string import Template
from typing import NamedTuple

from ...palette import variables
from ...progress import doing
from ...types import Tree
from ..page.document import ARRAYS, LIBRARY, STYLES, WINDOWS, asset, digest, order, script_of_forms, sliders
from ..page.methods import methods_panel
from ..page.script import helpers
from ..page.why import why
from .examples import EXAMPLES
from .table import Table

SCRIPTS = ("text.js", "grammar.js", "reading.js", "trees.js", "symbolic.js", "passes.js", "scene.js", "playground.js")
own: Callable[[str], str] = partial(asset, package=str(__package__))


class Host(NamedTuple):
    """What is around the drawing: a server's page has more than the one that stands alone.

    `choice` and `controls` stand before the expression and after the point, `above` and `below` before and after the
    drawing. `script` runs when the controls are there, and before anything is drawn; `data` is for it. `policy` are
    more directives, `styles` those that the script will show.
    """

    title: str
    heading: str
    choice: str = ""
    controls: str = ""
    above: str = ""
    below: str = ""
    style: str = ""
    script: str = ""
    data: Tree = None
    examples: tuple[tuple[str, str, str], ...] = EXAMPLES
    policy: str = ""
    styles: tuple[str, ...] = ()


ALONE = Host(
    "difflab: a playground for derivatives",
    "A playground for derivatives",
    below='<p class="quiet">All of it is in this file: it loads nothing and sends nothing. The functions are NumPy\'s '
    "(sin, exp, maximum, where, ...), of single numbers; arrays, certificates and your own code are in Python: "
    "<code>pip install difflab</code>.</p>",
)


def document(host: Host = ALONE) -> str:
    """The HTML of the playground, which needs nothing but itself and what its host has.

    >>> text = document()
    >>> text.startswith("<!DOCTYPE html>"), "<script src" in text
    (True, False)
    """
    with doing("writing the operations as JavaScript"):
        table = Table()
    forms = f"const FORMS=[\n{','.join(table.forms)}\n];"
    forms = f"{helpers(forms, chr(10).join(map(asset, LIBRARY)))}\n{forms}"
    inner = script_of_forms(f"{forms}\nconst OPS=null;", (*ARRAYS, *WINDOWS), after={"engine.js": own("shown.js")})
    inner_style = variables() + "".join(map(asset, STYLES))
    scripts = [*map(own, SCRIPTS), host.script, own("begin.js")]
    script = "\n".join(["(() => {", '"use strict";', forms, graphviz(), *scripts, "})();"])
    style = variables() + own("playground.css") + host.style
    policy = (
        f"default-src 'none'; script-src {hashes(script, inner)} 'wasm-unsafe-eval'; "
        f"style-src {hashes(style, inner_style, *host.styles)}; base-uri 'none'{host.policy}"
    )
    wasm = gzip.compress(files(str(__package__)).joinpath("assets", "viz.wasm").read_bytes(), 9, mtime=0)
    return Template(own("playground.html")).substitute(
        policy=policy,
        style=style,
        title=host.title,
        heading=host.heading,
        choice=host.choice,
        controls=host.controls,
        above=host.above,
        below=host.below,
        options="".join(f'<option value="{k}">{escape(title)}</option>' for k, (title, *_) in enumerate(host.examples)),
        data=json_text(
            {"table": table.data(), "examples": host.examples, "host": host.data, **template(inner, inner_style)}
        ),
        graphviz=base64.b64encode(wasm).decode(),
        script=script,
    )


def hashes(*texts: str) -> str:
    """The sources by which a policy admits these texts."""
    return " ".join(f"'{digest(text)}'" for text in texts)


def template(script: str, style: str) -> dict[str, Tree]:
    """The step-through page with marks in the places of what an expression decides."""
    f = "@outputName@"
    page = Template(asset("page.html")).substitute(
        policy=f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; base-uri 'none'",
        title="@title@",
        style=style,
        svg="@svg@",
        templates="",
        blocks="",
        order=order() + why("parts", "sum", "kink"),
        inputs="@inputs@",
        layout="@layout@",
        curve="@curve@",
        share=asset("share.html"),
        methods="@methods@",
        still="",
        data="@data@",
        script=script,
    )
    parts = {
        "inputs": sliders(),
        "curve": Template(asset("curve.html")).substitute(f=f),
        "methods": methods_panel('<ul id="formula-list"></ul>' + why("swell")),
    }
    return {"page": page, "parts": parts}


def graphviz() -> str:
    """Graphviz's script as one object."""
    text = files(str(__package__)).joinpath("assets", "viz.js").read_text(encoding="utf-8")
    return f"const Viz=(()=>{{const exports={{}};\n{text}\nreturn exports;}})();"


def json_text(data: Tree) -> str:
    """JSON that may stand inside of HTML."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
