"""`difflab export`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ..errors import InputError
from ..progress import doing
from ..types import Function, Value
from .check import arguments, load, users_code
from .common import Command, at_option, force_option, log, picture, problem_at, read_expression, read_point

EXAMPLES = """
difflab export "(x + y) * z" --at x=-2,y=5,z=-4 --to numpy --gradient -o product.py
difflab export "sin(x) * y" --at x=1,y=2 --to c --name f
difflab export "q = x + y; f = q * z" --to latex
difflab export losses.py:loss --at "w=[0.3,-1.2,0.7]" --to onnx -o loss.onnx
"""
SUFFIXES: dict[str, tuple[str, ...]] = {"numpy": (".py",), "c": (".c", ".h"), "latex": (".tex",), "onnx": (".onnx",)}
ADDRESS = re.compile(r"[\w./\\-]+:[A-Za-z_][\w.]*")


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("expression", metavar="EXPRESSION | MODULE:FUNCTION")
@at_option
@click.option("--to", "kind", type=click.Choice(list(SUFFIXES)), required=True, help="What is written.")
@click.option("--gradient", is_flag=True, help="The value and behind it the gradient.")
@click.option("--name", default="function", show_default=True, help="Of the function in Python or C.")
@click.option("-o", "--output", metavar="FILE", help="The file; standard output if left out (not for ONNX).")
@force_option
def command(
    expression: str, points: tuple[str, ...], kind: str, gradient: bool, name: str, output: str | None, force: bool
) -> None:
    """Write a function for others: a Python file that needs NumPy alone, C, LaTeX or ONNX.

    The point fixes shapes, dtypes and the branches taken. EXPRESSION is text, or - for standard input. Of
    MODULE:FUNCTION the module is imported, and so run: name only code that you trust.
    """
    path = picture(output, SUFFIXES[kind], force) if output is not None else None
    if path is None and kind == "onnx":
        raise InputError("--to onnx writes a file of bytes; name it with -o FILE.onnx")
    at = read_point(points)
    if ADDRESS.fullmatch(expression):
        with users_code(), doing("importing"):
            function: Function = load(expression, "MODULE:FUNCTION")
        values = arguments(function, expression, at)
        with users_code():
            written(with_gradient(function, len(values)) if gradient else function, values, kind, name, path, force)
        return
    if kind == "latex" and not at:  # formulas need no point
        from ..graph.parse import parse

        written(parse(read_expression(expression)), (), kind, name, path, force)
        return
    problem = problem_at(read_expression(expression), at)
    from ..differentiate.passes import backward_graph

    given = dict(zip(problem.names, problem.values))
    graph = backward_graph(problem.graph, **given) if gradient else problem.graph
    written(graph, tuple(problem.values), kind, name, path, force)


def with_gradient(f: Function, count: int) -> Function:
    from ..differentiate.transform import value_and_grad

    found: Function = value_and_grad(f, tuple(range(count)))
    return found


def written(f: Function, values: tuple[Value, ...], kind: str, name: str, path: Path | None, force: bool) -> None:
    """Writes the text, or the file."""
    with doing("writing"):
        if kind == "onnx":
            from ..bridges.out.to_onnx import to_onnx

            log(f"wrote {to_onnx(f, path or '', *values, force=force)}")
            return
        text = text_of(f, values, kind, name)
    if path is None:
        click.echo(text.rstrip("\n"))
        return
    from ..files import write

    log(f"wrote {write(path, text, force)}")


def text_of(f: Function, values: tuple[Value, ...], kind: str, name: str) -> str:
    if kind == "numpy":
        from ..bridges.out.numpy_file import to_numpy_source

        return to_numpy_source(f, *values, name=name)
    if kind == "c":
        from ..bridges.out.to_c import to_c

        return to_c(f, *values, name=name)
    from ..bridges.out.to_latex import to_latex

    return to_latex(f, *(values if f.__class__.__name__ != "Graph" else ())) + "\n"
