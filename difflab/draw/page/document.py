"""The text of a page: markup, style, data and script in one file, with a policy that admits nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from types import MappingProxyType

import numpy as np

from ...palette import variables
from ...primitives import rows
from ...types import Tree
from ..build import default_title
from ..text import clean, short
from .compact import compact, compact_style
from .copied import copied
from .heat import map_of
from .live import Live
from .methods import Symbolic, panel
from .model import Model, is_number
from .opening import drawings
from .program import Program
from .script import helpers
from .why import why

LONG, LONGER = 1000, 1290  # points; what a common window shows beside a panel in full, and in readable size
TALL = 500  # points; a taller drawing, if it is not wide, has the words at its side too
LIST_KINKS = {"largest": "lead", "smallest": "trail"}  # of lists.js, whose results are zero at a kink
OWN = ("value", "adjoint", "heat", "adjointHeat", "window")  # what a node shares with no other
MOST_STILL = 300  # rows of the table for readers without scripts
CURVE = ("curve.js", "plot.js")  # of SCRIPTS those for pages that compute
WINDOWS = ("windows.js",)  # which slide over arrays, those of recorded passes too
ARRAYS = ("arrays.js", "maps.js", "follow.js")  # and where arrays do
SCRIPTS = (
    "arrays.js", "engine.js", "drawing.js", "meeting.js", "places.js", "flow.js", "panels.js", "windows.js",
    "formulas.js", "program.js", "tables.js", "linked.js", "maps.js", "follow.js", "curve.js", "plot.js", "page.js",
    "picture.js", "projector.js", "share.js", "framed.js",
)  # fmt: skip
LIBRARY = ("special.js", "incomplete.js", "bessel.js")  # functions that operations may need
STYLES = ("page.css", "curve.css", "share.css", "projector.css")


def document(model: Model, live: Live | None, reason: str, title: str | None, ulps: bool) -> str:
    """The HTML of a page."""
    kind = "both" if model.backward else "forward"
    title = clean(title, 120) if title else default_title(model.graph, kind)
    if live is not None and live.operations is not None:
        model.maps = {n: map_of(np.shape(v)) for n, v in model.forward.values.items() if np.ndim(v)}
    svgs, states, openings, first = drawings(model, title)
    data = data_of(model, live) | {"openings": openings}
    data |= {"copied": copied(model, live is not None), "program": Program(model).data()}
    curve = curve_panel(model, live)
    symbolic = Symbolic(model) if curve else None
    styles = (*STYLES, "arrays.css") if model.maps else STYLES
    script, style = script_of(live, symbolic), variables() + "".join(map(asset, styles))
    policy = f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(style)}'; base-uri 'none'"
    return Template(asset("page.html")).substitute(
        policy=policy,
        title=escape(title),
        style=style,
        svg=svgs[first],
        templates="\n".join(f'<template id="drawing-{k}">{svg}</template>' for k, svg in enumerate(svgs) if k != first),
        blocks=blocks_choice(states, first),
        order=order_choice(model, live) + asked(model),
        inputs=inputs_panel(model, live, reason),
        layout=layout(svgs[first]),
        curve=curve,
        share=asset("share.html"),
        methods="" if symbolic is None else panel(model, symbolic, ulps),
        still=still(model),
        data=json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
        script=script,
    )


def data_of(model: Model, live: Live | None) -> dict[str, Tree]:
    """What the script reads of a pass, with the numbers of the operations that it computes."""
    data = model.data(live is not None)
    if live is not None:
        for node, form in live.form.items():
            data["nodes"][model.index[node]][live.key] = form
    data["nodes"], data["alike"] = folded(data["nodes"])
    return data


def folded(nodes: list[dict[str, Tree]]) -> tuple[list[list[Tree]], list[dict[str, Tree]]]:
    """Nodes as lists of name, operands and what they share with others, by its number; last what is their own.

    >>> folded([{"name": n, "operands": [], "kind": "input", "value": v} for n, v in (("x", 2), ("y", 3))])
    ([['x', [], 0, {'value': 2}], ['y', [], 0, {'value': 3}]], [{'kind': 'input'}])
    """
    alike: dict[str, tuple[int, dict[str, Tree]]] = {}
    lists: list[list[Tree]] = []
    for node in nodes:
        shared = {k: v for k, v in node.items() if k not in ("name", "operands", *OWN)}
        number, _ = alike.setdefault(repr(shared), (len(alike), shared))
        own = {k: v for k, v in node.items() if k in OWN}
        lists.append([node["name"], node["operands"], number, *([own] if own else [])])
    return lists, [shared for _, shared in alike.values()]


def still(model: Model) -> str:
    """The numbers of the exported point as a table, for readers without scripts."""
    cells_of: list[str] = []
    for node in model.order[:MOST_STILL]:
        if node.primitive is not rows.constant:
            back = model.backward
            adjoint = short(back.adjoint[node], 6) if back is not None and node in back.reached else ""
            cells = (model.names[node], short(model.forward.values[node], 6), adjoint)
            cells_of.append("<tr>" + "".join(f"<td>{escape(clean(c))}" for c in cells))
    return f"<table><tr><th>Node<th>Value<th>Adjoint{''.join(cells_of)}</table>"


def layout(svg: str) -> str:
    """Classes of the page: whether the panels stand beside the drawing, and the words too because it is tall."""
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    width, height = (int(found[1]), int(found[2])) if found is not None else (0, 0)
    if width > max(LONG, 2 * height) or width > LONGER:
        return ""
    return "beside tall" if height > max(width, TALL) else "beside"


def script_of(live: Live | None, symbolic: Symbolic | None) -> str:
    forms = live.script if live is not None else "const FORMS = null;"
    arrays = live is not None and live.operations is not None
    forms += f"\n{lists_of(forms)}" if arrays else "\nconst OPS = null;"
    forms += f"\nconst SYMBOLIC={compact(symbolic.script) if symbolic is not None else 'null'};"
    used = helpers(forms, "\n".join(map(asset, LIBRARY)))
    left_out = (*(() if arrays else ARRAYS), *(CURVE if live is None else () if arrays else WINDOWS))
    return script_of_forms(f"{used}\n{forms}".strip(), left_out)


def script_of_forms(forms: str, left_out: tuple[str, ...], after: Mapping[str, str] = MappingProxyType({})) -> str:
    """The script of a page: the forms of its operations, then the assets, each with what stands `after` it."""
    parts = ['"use strict";', forms]
    for name in SCRIPTS:
        parts += [] if name in left_out else [asset(name).strip(), after.get(name, "")]
    return "(() => {\n" + "\n".join(p for p in parts if p) + "\n})();"


def lists_of(forms: str) -> str:
    """The functions of lists that operations on arrays name, and those of their kinks."""
    named = [*dict.fromkeys(re.findall(r'"[fb]": ?"(\w+)"', forms))]
    gaps = {name: LIST_KINKS[name] for name in named if name in LIST_KINKS}
    used = helpers("(".join([*named, *gaps.values(), ""]), asset("lists.js"))
    kinks = ",".join(f"{name}:{gap}" for name, gap in gaps.items())
    return f"{used}\nconst LISTS={{{','.join(named)}}},GAPS={{{kinks}}};".strip()


def digest(text: str) -> str:
    """The hash by which a content-security policy admits a script or a style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache  # to shorten the scripts takes most of the time of making a page
def asset(name: str, package: str = str(__package__)) -> str:
    """A file of the page without its indentation, comments, and in scripts and styles spaces that mean nothing."""
    text = files(package).joinpath("assets", name).read_text(encoding="utf-8")
    lines = text.splitlines()
    kept = "\n".join(s for line in lines if (s := line.strip()) and not s.startswith("// "))
    return compact(kept) if name.endswith(".js") else compact_style(kept) if name.endswith(".css") else kept


def blocks_choice(states: list[str], first: int) -> str:
    if len(states) < 2:
        return ""
    options = "".join(
        f'<option value="{k}"{" selected" if k == first else ""}>{escape(s)}</option>' for k, s in enumerate(states)
    )
    return f'<label>Blocks <select id="blocks">{options}</select></label>{why("block")}'


def order_choice(model: Model, live: Live | None) -> str:
    return "" if live is None or model.backward is None else order()


def order() -> str:
    return (
        '<label>Order <select id="order"><option value="right">topological</option>'
        f'<option value="eager">depth first, without waiting (wrong)</option></select></label>{why("order")}'
    )


def asked(model: Model) -> str:
    """What a student asks about the drawing of a backward pass; of vjps only where arrays flow."""
    if model.backward is None:
        return ""
    arrays = any(np.ndim(v) for v in model.forward.values.values())
    return why("parts", "sum", *["vjp"] * arrays, "kink")


def inputs_panel(model: Model, live: Live | None, reason: str) -> str:
    if not model.graph.inputs:
        return ""
    if live is None:
        told = escape(clean(reason, 300))
        told += ". The numbers are those of the point where the page was made"
        return f'<section id="inputs"><h2>Inputs</h2><p class="quiet">Recorded steps: {told}.</p></section>'
    return sliders()


def sliders() -> str:
    return (
        '<section id="inputs"><h2>Inputs</h2><div id="sliders"></div>'
        '<p id="marks" role="status"></p><button id="reset" type="button">Reset</button></section>'
    )


def curve_panel(model: Model, live: Live | None) -> str:
    """The card of f along one input, where the page can compute f and its slope."""
    if (
        live is None
        or model.backward is None
        or not model.graph.inputs
        or not is_number(model.forward.values[model.output])
    ):
        return ""
    return Template(asset("curve.html")).substitute(f=escape(model.output_name))
