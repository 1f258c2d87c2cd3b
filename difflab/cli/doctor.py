"""`difflab doctor`."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata, util

import click

from .. import cache
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


@click.command(cls=Command, examples="difflab doctor\ndifflab doctor --json\ndifflab doctor --clear-cache")
@click.option("--clear-cache", "clear", is_flag=True, help="Forget measured choices of backends and compiled programs.")
@json_option
def command(clear: bool, as_json: bool) -> int:
    """Versions of what difflab stands on, the backends of compile and their cache, which Graphviz lays out pictures,
    and a self-check of the five methods."""
    if clear:
        gone = cache.clear()
        if not as_json:
            click.echo(f"removed {gone} file{'s' * (gone != 1)} from {cache.folder()}")
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
        "backends": backends(),
        "cache": cache.told(),
        "layout": layout,
        "methods": methods,
        "ok": ok,
    }


def version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "without a version" if util.find_spec(name.replace("-", "_")) else None


def backends() -> dict[str, str]:
    """The backends of compile, and what each runs on."""
    numba = version("numba")
    return {
        "numpy": "always there",
        "native": f"numba {numba}" if numba else "needs numba: pip install 'difflab[native]'",
        "jax": on_jax(),
        "auto": "the fastest of these, by measurement",
    }


def on_jax() -> str:
    """JAX and its devices, found in a process of its own: JAX has threads, after which no process should be forked."""
    jax = version("jax")
    if jax is None:
        return "needs JAX: pip install 'difflab[jax]'"
    code = "import jax; print(', '.join(f'{d.platform} {d.device_kind}' for d in jax.devices()))"
    try:
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"JAX {jax}, whose devices do not answer: {type(error).__name__}"
    found = run.stdout.strip() or run.stderr.strip().rpartition("\n")[2]
    return f"JAX {jax}: {found}"


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
    told += ["", "backends of compile:"]
    told += [f"  {'       '}{name}: {what}" for name, what in found["backends"].items()]
    kept = found["cache"]
    told += [
        f"  {'       '}cache: {kept['folder'] or 'off'}, {kept['choices']} choices, "
        f"{kept['programs']} programs of {kept['bytes']:,} bytes ({kept['native']} numba's, {kept['xla']} XLA's)"
    ]
    told += ["", "pictures:", f"  {mark(found['layout']['ok'])}{found['layout']['told']}"]
    told += ["", f"self-check on {EXAMPLE}:"]
    told += [f"  {mark(m['ok'])}{name}: {m['told']}" for name, m in found["methods"].items()]
    return [*told, "", "all is well" if found["ok"] else "something is broken: see the lines marked BROKEN"]
