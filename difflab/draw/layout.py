"""Layout by Graphviz in a child process with a time limit: `dot` on the PATH, else the one in the pygraphviz wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache

from ..errors import DrawError, TimeLimitError

WORKER = (
    "import sys, pygraphviz\n"
    "graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())\n"
    "sys.stdout.buffer.write(graph.draw(prog='dot', format=sys.argv[1]))\n"
)


@cache
def engine() -> str:
    """Which Graphviz lays out: the path of `dot`, or "pygraphviz"."""
    return shutil.which("dot") or "pygraphviz"


def command(form: str) -> list[str]:
    if engine() != "pygraphviz":
        return [engine(), f"-T{form}"]
    return [sys.executable, "-I", "-c", WORKER, form]


def render(dot: str, form: str, seconds: float, size: str) -> bytes:
    """The laid-out picture as bytes of `form` (svg, png, pdf)."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "LC_ALL": "C.UTF-8"}
    if form == "png":
        dot = dot.replace("digraph difflab {", "digraph difflab {\n\tgraph [dpi=144]", 1)
    try:
        done = subprocess.run(command(form), input=dot.encode(), capture_output=True, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired:
        raise TimeLimitError(
            f"Graphviz took longer than {seconds:g} s to lay out {size}; collapse blocks, draw a "
            "smaller graph, or allow more seconds"
        ) from None
    except OSError as error:
        raise DrawError(f"Graphviz could not be started: {error.strerror}") from None
    if done.returncode or not done.stdout:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise DrawError(
            f"Graphviz failed on {size}: {''.join(last)[:300] or 'no output'}; install the graphviz "
            "program or `pip install pygraphviz`"
        )
    return done.stdout


def version() -> str:
    """The version of the Graphviz that lays out."""
    try:
        svg = render("digraph difflab { a }", "svg", 20.0, "one node").decode()
    except DrawError:
        return "not available"
    start = svg.find("graphviz version ")
    return svg[start + 17 :].split(" ", 1)[0] if start >= 0 else "unknown"
