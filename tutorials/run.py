"""Executes one lesson in a process of its own, cell by cell, and keeps what Jupyter would show.

The outputs of a cell are a list of dictionaries as in a notebook's file: streams, displayed figures, and the value of
the last expression as a bundle of MIME types. Both writers read these.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import linecache
import os
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from .percent import Cell, LessonError, read

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 1800.0  # a lesson is meant to take under 60: this one hangs; a busy machine is no failure
COLUMNS = "100"
WIDEST = 900  # points
Output = dict[str, Any]


def execute(path: Path, seconds: float = SECONDS) -> list[list[Output]]:
    """The outputs of each code cell; LessonError, naming cell and statement, where one fails.

    The lesson runs in a temporary folder, so that a file it leaves behind is gone afterwards.
    """
    path = path.resolve()
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {"PYTHONPATH": os.pathsep.join(paths), "MPLBACKEND": "Agg", "COLUMNS": COLUMNS, "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory(prefix="lesson-") as folder:
        result = Path(folder, "outputs.json")
        work = Path(folder, "work")
        work.mkdir()
        command = [sys.executable, "-m", "tutorials.run", str(path), str(result)]
        try:
            done = subprocess.run(
                command, cwd=work, env=os.environ | settings, timeout=seconds, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise LessonError(f"{path.name}: stopped after {seconds:g} s") from None
        if not result.exists():
            raise LessonError(f"{path.name}: the process ended with status {done.returncode}")
        found = json.loads(result.read_text(encoding="utf-8"))
    if "failure" in found:
        raise LessonError(found["failure"])
    outputs: list[list[Output]] = found["outputs"]
    return outputs


def main(path: Path, result: Path) -> int:
    """What the child process does; the result is a file, because a lesson may print whatever it likes."""
    cells = [c for c in read(path) if c.kind == "code"]
    linecache.checkcache(str(path))
    module = ModuleType("__main__")
    module.__file__ = str(path)
    sys.modules["__main__"] = module
    outputs = []
    for number, cell in enumerate(cells, 1):
        try:
            outputs.append(run_cell(cell, str(path), module.__dict__))
        except (Exception, SystemExit) as error:
            report = {"failure": failure(path, number, error)}
            result.write_text(json.dumps(report), encoding="utf-8")
            return 1
    result.write_text(json.dumps({"outputs": outputs}), encoding="utf-8")
    return 0


def run_cell(cell: Cell, filename: str, names: dict[str, Any]) -> list[Output]:
    """Executes a cell among the lesson's names; the value of a last expression is shown, unless it is None."""
    tree = ast.parse("\n" * (cell.line - 1) + cell.source, filename)  # blank lines: errors give the file's line
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, filename, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), filename, "eval"), names)
    outputs: list[Output] = []
    if printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": printed.getvalue()})
    outputs += figures(value)
    if value is not None and not artist(value):
        outputs.append({"output_type": "execute_result", "data": bundle(value), "metadata": {}})
    return outputs


def figures(value: Any) -> list[Output]:
    """The figures that pyplot has open, and the cell's value if it is a figure too."""
    if "matplotlib" not in sys.modules:
        return []
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    found = [pyplot.figure(number) for number in pyplot.get_fignums()]
    if isinstance(value, Figure) and value not in found:
        found.append(value)
    pyplot.close("all")
    return [{"output_type": "display_data", "data": picture(f), "metadata": {}} for f in found]


def artist(value: Any) -> bool:
    """Whether a value is what a plotting call returns: the picture says it better."""
    if isinstance(value, list | tuple):
        return bool(value) and all(artist(v) for v in value)
    return type(value).__module__.startswith("matplotlib")


def picture(figure: Any) -> dict[str, str]:
    """A matplotlib figure as PNG, and its titles as text: what somebody hears who does not see it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    titles = [figure.get_suptitle(), *[axes.get_title() for axes in figure.axes]]
    told = "; ".join(" ".join(t.split()) for t in titles if t) or "figure"
    return {"image/png": base64.b64encode(buffer.getvalue()).decode(), "text/plain": told}


def bundle(value: Any) -> dict[str, str]:
    """A value in every form that it offers, as Jupyter asks for them."""
    if hasattr(value, "_repr_mimebundle_"):
        offered: dict[str, str] = value._repr_mimebundle_()
        return offered | narrower(value, offered.get("image/svg+xml", ""))
    forms = {"html": "text/html", "markdown": "text/markdown", "latex": "text/latex", "svg": "image/svg+xml"}
    data = {
        kind: getattr(value, f"_repr_{form}_")() for form, kind in forms.items() if hasattr(value, f"_repr_{form}_")
    }
    # The repr of a dataclass that prints as a table is a page of fields.
    readable = "text/html" in data and "__str__" in vars(type(value)) and not hasattr(value, "_card_")
    return {kind: x for kind, x in data.items() if x} | {"text/plain": str(value) if readable else repr(value)}


def narrower(value: Any, drawing: str) -> dict[str, str]:
    """A drawing of a graph that is far wider than a page's column, running down instead; its text stays readable."""
    width = re.match(r'<svg [^>]*?width="(\d+)pt"', drawing)
    if width is None or int(width[1]) <= WIDEST:
        return {}
    from difflab.draw.draw import svg

    return {"image/svg+xml": svg(value, direction="down")}


def failure(path: Path, number: int, error: BaseException) -> str:
    """What failed, where, and the statement itself."""
    lines = [f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    inside_syntax = isinstance(error, SyntaxError) and error.filename == str(path)
    line, source = statement(path, (error.lineno or 0) if inside_syntax else lines[-1])  # type: ignore[attr-defined]
    told = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"{path.name}, cell {number}, line {line}: {told}\n" + "\n".join("    " + s for s in source.splitlines())


def statement(path: Path, line: int) -> tuple[int, str]:
    """The innermost statement around a line, and its first line; the line alone where the file is no Python."""
    text = path.read_text(encoding="utf-8")
    try:
        nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.stmt)]
    except SyntaxError:
        return line, linecache.getline(str(path), line).strip()
    around = [n for n in nodes if n.lineno <= line <= (n.end_lineno or n.lineno)]
    innermost = max(around, key=lambda n: n.lineno)
    return innermost.lineno, ast.get_source_segment(text, innermost) or ""


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
