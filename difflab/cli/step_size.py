"""`difflab step-size`."""

from __future__ import annotations

import click

from .common import (
    PLOTS,
    Command,
    at_option,
    console,
    emit_json,
    force_option,
    json_option,
    log,
    picture,
    problem_at,
    read_expression,
    read_point,
)

EXAMPLES = """
difflab step-size "exp(x)" --at x=1 -o v-curve.png
difflab step-size "exp(x)/(sin(x)**3+cos(x)**3)" --at x=1.5
difflab step-size "x*y" --at x=3,y=2 --wrt y
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("expression")
@at_option
@click.option("--wrt", metavar="NAME", help="The input to move; the first of the expression by default.")
@click.option("-o", "--output", metavar="FILE", help="The plot (.png, .svg, .pdf).")
@force_option
@json_option
def command(
    expression: str, points: tuple[str, ...], wrt: str | None, output: str | None, force: bool, as_json: bool
) -> None:
    """The V-curve: truncation against round-off, for each difference formula, in float64 and float32.

    EXPRESSION is text, or - for standard input.
    """
    text, at = read_expression(expression), read_point(points)
    path = picture(output, PLOTS, force) if output is not None else None
    problem_at(text, at, None if wrt is None else [wrt])
    from ..lab.step_size import step_size_study

    study = step_size_study(text, at, wrt)
    if path:
        study.plot(path, force=force)
        log(f"wrote {path}")
    if as_json:
        emit_json(study.to_json())
    else:
        study.print(console())
