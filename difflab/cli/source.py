"""`difflab source`."""

from __future__ import annotations

from inspect import Parameter, Signature

import click

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

    The point fixes shapes, dtypes and the branches taken. EXPRESSION is text, or - for standard input.
    """
    problem = problem_at(read_expression(expression), read_point(points))
    from ..compile.program import compile
    from ..differentiate.transform import value_and_grad

    f = lambda *xs: problem.graph(*xs)
    f.__signature__ = Signature([Parameter(n, Parameter.POSITIONAL_ONLY) for n in problem.names])  # type: ignore[attr-defined]
    program = compile(value_and_grad(f, argnums=tuple(range(len(problem.values)))))
    program(*problem.values)
    click.echo(program.source.rstrip())
