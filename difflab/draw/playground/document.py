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


def document() -> str:
    """The HTML of the playground, which needs nothing but itself.

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
    script = "\n".join(["(() => {", '"use strict";', forms, graphviz(), *map(own, SCRIPTS), "})();"])
    style = variables() + own("playground.css")
    policy = (
        f"default-src 'none'; script-src {hashes(script, inner)} 'wasm-unsafe-eval'; "
        f"style-src {hashes(style, inner_style)}; base-uri 'none'"
    )
    wasm = gzip.compress(files(str(__package__)).joinpath("assets", "viz.wasm").read_bytes(), 9, mtime=0)
    return Template(own("playground.html")).substitute(
        policy=policy,
        style=style,
        options="".join(f'<option value="{k}">{escape(title)}</option>' for k, (title, *_) in enumerate(EXAMPLES)),
        data=json_text({"table": table.data(), "examples": EXAMPLES, **template(inner, inner_style)}),
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
