"""`difflab source`."""

from __future__ import annotations

import click

from ..progress import doing
from .common import Command, at_option, problem_at, read_expression, read_point

EXAMPLES = """
difflab source "(x + y) * z" --at x=-2,y=5,z=-4
difflab source "sum((W @ x)**2)" --at "W=[[1,2],[3,4]],x=[1,2]"
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("expression")
@at_option
def command(expression: str, points: tuple[str, ...]) -> None:
    """The program that computes the value and the gradient, as straight-line Python source.

    Each line says which node it computes and by what formula. The point fixes shapes, dtypes and the branches taken.
    EXPRESSION is text, or - for standard input.
    """
    problem = problem_at(read_expression(expression), read_point(points))
    from ..compile.program.compiled import Compiled
    from ..compile.program.remarks import annotated
    from ..differentiate.passes import backward_graph

    with doing("compiling"):
        graph = backward_graph(problem.graph, **dict(zip(problem.names, problem.values)))
        text = annotated(Compiled(graph, [False] * len(graph.inputs))).rstrip()
    click.echo(text)
