"""Layout by Graphviz in a child process with a limit of its processor time: `dot` on the PATH, else pygraphviz's."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from typing import Any

from ..clock import patience
from ..differentiate import worker
from ..errors import DrawError, TimeLimitError
from ..interrupts import uninterrupted
from ..progress import doing

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
    with doing(f"Graphviz lays out {size}"):
        status, out, err = finished(command(form, seconds), dot.encode(), seconds, size, environment)
    if status or not out:
        last = err.decode(errors="replace").strip().splitlines()[-1:]
        raise DrawError(
            f"Graphviz failed on {size}: {''.join(last)[:300] or 'no output'}; install the graphviz "
            "program or `pip install pygraphviz`"
        )
    return out


def finished(
    words: list[str], data: bytes, seconds: float, size: str, environment: dict[str, str]
) -> tuple[int, bytes, bytes]:
    """Exit status and output of a child that works on the data.

    It has a process group of its own, so that it ends with its own children at the limit of time and at Ctrl-C; within
    limited work it belongs to that work's group, and ends with it.
    """
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child, wait = None, patience(seconds)
    try:
        with uninterrupted():  # so that no child is started and not known
            child = subprocess.Popen(words, env=environment, start_new_session=not worker.inside, **pipes)
        out, err = child.communicate(data, timeout=wait)
    except subprocess.TimeoutExpired:
        raise TimeLimitError(f"Graphviz had no layout of {size} in {wait:g} s and was stopped") from None
    except OSError as error:
        raise DrawError(f"Graphviz could not be started: {error.strerror}") from None
    finally:
        if child is not None and child.poll() is None:
            end(child)
    if TIMERS and child.returncode == -signal.SIGPROF:
        raise TimeLimitError(
            f"Graphviz took longer than {seconds:g} s of processor time to lay out {size}; collapse blocks, draw a "
            "smaller graph, or allow more seconds"
        )
    return child.returncode, out, err


def end(child: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg") and not worker.inside:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.wait()


def version() -> str:
    """The version of the Graphviz that lays out."""
    try:
        svg = render("digraph difflab { a }", "svg", 20.0, "one node").decode()
    except DrawError:
        return "not available"
    start = svg.find("graphviz version ")
    return svg[start + 17 :].split(" ", 1)[0] if start >= 0 else "unknown"
