"""Layout by Graphviz in a child process with a limit of its processor time: `dot` on the PATH, else pygraphviz's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from functools import cache

from ..clock import patience
from ..errors import DrawError, TimeLimitError

TIMERS = hasattr(signal, "setitimer")  # elsewhere (Windows) the clock alone limits
# The timer of the child's processor time stays when dot takes its place.
LIMITED = "import os, signal, sys; signal.setitimer(signal.ITIMER_PROF, float(sys.argv[1]))\n" if TIMERS else ""
DOT = LIMITED + "os.execv(sys.argv[2], sys.argv[2:])\n"
WORKER = LIMITED + (
    "import sys, pygraphviz\n"
    "graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())\n"
    "sys.stdout.buffer.write(graph.draw(prog='dot', format=sys.argv[2]))\n"
)


@cache
def engine() -> str:
    """Which Graphviz lays out: the path of `dot`, or "pygraphviz"."""
    return shutil.which("dot") or "pygraphviz"


def command(form: str, seconds: float) -> list[str]:
    if engine() == "pygraphviz":
        return [sys.executable, "-I", "-c", WORKER, str(seconds), form]
    dot = [engine(), f"-T{form}"]
    return [sys.executable, "-I", "-S", "-c", DOT, str(seconds), *dot] if TIMERS and sys.executable else dot


def render(dot: str, form: str, seconds: float, size: str) -> bytes:
    """The laid-out picture as bytes of `form` (svg, png, pdf), in so many seconds of processor time."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "LC_ALL": "C.UTF-8"}
    if form == "png":
        dot = dot.replace("digraph difflab {", "digraph difflab {\n\tgraph [dpi=144]", 1)
    asked, wait = command(form, seconds), patience(seconds)
    try:
        done = subprocess.run(asked, input=dot.encode(), capture_output=True, timeout=wait, env=environment)
    except subprocess.TimeoutExpired:
        raise TimeLimitError(f"Graphviz had no layout of {size} in {wait:g} s and was stopped") from None
    except OSError as error:
        raise DrawError(f"Graphviz could not be started: {error.strerror}") from None
    if TIMERS and done.returncode == -signal.SIGPROF:
        raise TimeLimitError(
            f"Graphviz took longer than {seconds:g} s of processor time to lay out {size}; collapse blocks, draw a "
            "smaller graph, or allow more seconds"
        )
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
