"""`difflab step`."""

from __future__ import annotations

import click

from .common import Command, at_option, force_option, log, picture, read_expression, read_point
from .draw import passes

EXAMPLES = """
difflab step "1/(1+exp(-(w0*x0+w1*x1+w2)))" --at w0=2,x0=-1,w1=-3,x1=-2,w2=-3 -o sigmoid.html
difflab step "q = x + y; f = q * z" --at x=-2,y=5,z=-4 -o passes.html --title "My first graph"
difflab step "relu(x) * x" --at x=1 > relu.html
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("expression")
@at_option
@click.option("-o", "--output", metavar="FILE", help="The page (.html); standard output if left out.")
@click.option("--title", metavar="TEXT", default=None, help="The page's title; the expression if left out.")
@force_option
def command(expression: str, points: tuple[str, ...], output: str | None, title: str | None, force: bool) -> None:
    """The forward and the backward pass step by step: one HTML file that works offline.

    EXPRESSION is text such as "q = x + y; q * z", or - for standard input.
    """
    text, at = read_expression(expression), read_point(points)
    path = picture(output, (".html",), force) if output is not None else None
    shown = passes(text, at, "both")
    from ..draw.page import page_of
    from ..files import write

    page = page_of(shown, title)
    if path is None:
        click.echo(page)
        return
    write(path, page, force)
    log(f"wrote {path}")
