"""`difflab doctor`."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata, util

import click

from ..progress import doing
from ..types import Tree
from ..version import __version__
from .common import Command, emit_json, json_option

NEEDED = (
    "numpy",
    "scipy",
    "sympy",
    "networkx",
    "optree",
    "graphviz",
    "pygraphviz",
    "click",
    "rich",
    "matplotlib",
    "python-flint",
)
# What the extras bring, and the peers that tests and benchmarks compare with.
OPTIONAL = ("numba", "gymnasium", "starlette", "uvicorn", "autograd", "jax", "torch", "pytest")
EXAMPLE, POINT = "1/(1+exp(-(w*x+b)))", {"w": 2.0, "x": -1.0, "b": -3.0}


@click.command(cls=Command, examples="difflab doctor\ndifflab doctor --json")
@json_option
def command(as_json: bool) -> int:
    """Versions of what difflab stands on, which Graphviz lays out pictures, and a self-check of the five methods."""
    with doing("checking"):
        found = examine()
    if as_json:
        emit_json(found)
    else:
        for line in lines(found):
            click.echo(line)
    return 0 if found["ok"] else 1


def examine() -> dict[str, Tree]:
    versions = {name: version(name) for name in NEEDED}
    methods = self_check()
    layout = picture_check()
    ok = None not in versions.values() and all(m["ok"] for m in methods.values()) and layout["ok"]
    return {
        "version": 1,
        "difflab": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "needed": versions,
        "optional": {name: version(name) for name in OPTIONAL},
        "layout": layout,
        "methods": methods,
        "ok": ok,
    }


def version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "without a version" if util.find_spec(name.replace("-", "_")) else None


def self_check() -> dict[str, dict[str, Tree]]:
    """Every method on one example: does it run, and how far is it from the certified value?"""
    try:
        from ..lab.compare import compare

        result = compare(EXAMPLE, POINT)
    except Exception as error:  # the doctor reports whatever is broken
        return {"compare": {"ok": False, "told": f"{type(error).__name__}: {error}"}}
    found = {}
    for name, method in result.methods.items():
        told = f"{method.label}, {method.max_ulps:.3g} ulp" if method.agrees else f"{method.verdict}: {method.reason}"
        found[name] = {"ok": method.agrees is True, "told": told}
    return found


def picture_check() -> dict[str, Tree]:
    """Which Graphviz lays out, found by drawing a small graph."""
    try:
        from ..draw.draw import svg
        from ..draw.layout import engine, version as graphviz_version
        from ..graph.parse import parse

        drawn = svg(parse("x * y")).lstrip().startswith("<")
        return {"ok": drawn, "told": f"Graphviz {graphviz_version()} ({engine()})"}
    except Exception as error:
        return {"ok": False, "told": f"{type(error).__name__}: {error}"}


def lines(found: dict[str, Tree]) -> list[str]:
    mark: Callable[[object], str] = lambda ok: "ok     " if ok else "BROKEN "
    told = [f"difflab {found['difflab']}, Python {found['python']}, {found['platform']}", "", "needed:"]
    told += [f"  {mark(v)}{name} {v or 'is not installed'}" for name, v in found["needed"].items()]
    told += ["", "optional:"]
    told += [f"  {'       '}{name} {v or 'is not installed'}" for name, v in found["optional"].items()]
    told += ["", "pictures:", f"  {mark(found['layout']['ok'])}{found['layout']['told']}"]
    told += ["", f"self-check on {EXAMPLE}:"]
    told += [f"  {mark(m['ok'])}{name}: {m['told']}" for name, m in found["methods"].items()]
    return [*told, "", "all is well" if found["ok"] else "something is broken: see the lines marked BROKEN"]
