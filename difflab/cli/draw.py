"""`difflab draw`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import InputError
from ..progress import doing
from ..types import Value
from .common import (
    Command,
    at_option,
    computing,
    force_option,
    log,
    picture,
    read_expression,
    read_point,
    refuse_extra_names,
)

if TYPE_CHECKING:
    from ..graph.drawable import Drawable

EXAMPLES = """
difflab draw "(x + y) * z" --at x=-2,y=5,z=-4 -o passes.svg
difflab draw "q = x + y; f = q * z" --at x=-2,y=5,z=-4 --view forward -o forward.png
difflab draw "sigmoid(w*x + b)" --view graph -o neuron.pdf
difflab draw "z = x * y; L = z**2" --view symbolic -o local.svg
difflab draw "x * sin(x*y)" --at x=1,y=2 > passes.svg
"""
VIEWS = ("both", "forward", "backward", "graph", "symbolic")
SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".html")


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("expression")
@at_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The picture (.svg, .png, .pdf, .dot; .html: the page of difflab step); SVG on standard output if left out.",
)
@click.option(
    "--view",
    type=click.Choice(VIEWS),
    default=None,
    help="What to show; both passes with --at, the graph without. symbolic: upstream × local = downstream in symbols, "
    "and in numbers with --at.",
)
@force_option
def command(expression: str, points: tuple[str, ...], output: str | None, view: str | None, force: bool) -> None:
    """The forward and the backward pass as a picture: values, local derivatives, adjoints.

    EXPRESSION is text such as "q = x + y; q * z", or - for standard input.
    """
    text, at = read_expression(expression), read_point(points)
    path = picture(output, SUFFIXES, force) if output is not None else None
    if path is not None and path.suffix.lower() == ".html":
        if view not in (None, "both"):
            raise InputError(f"--view {view}: a page (.html) shows both passes and the formulas; leave --view out")
        shown, view = passes(text, at, "both"), None
    else:
        shown = passes(text, at, view)
    if path is None:
        from ..draw.draw import svg

        click.echo(svg(shown, view=view))
        return
    from ..draw.draw import draw

    draw(shown, path, view=view, force=force)
    log(f"wrote {path}")


def passes(text: str, at: dict[str, Value], view: str | None) -> Drawable:
    """What the view needs: the bare graph, the forward pass, or the backward pass of a scalar output."""
    from ..graph.parse import parse

    graph = parse(text)
    if view == "graph" or (view in (None, "symbolic") and not at):
        return graph
    names = [str(n.name) for n in graph.inputs]
    refuse_extra_names(at, names)
    missing = [name for name in names if name not in at]
    if missing:
        raise InputError(f"there is no value for {', '.join(missing)}; give --at {missing[0]}=...")
    with computing(), doing("computing the forward pass"):
        forward = graph.forward(**at)
    if view == "forward":
        return forward
    with computing(), doing("computing the backward pass"):
        return forward.backward()
