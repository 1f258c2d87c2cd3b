"""`difflab swell`."""

from __future__ import annotations

import click

from .common import PLOTS, Command, console, emit_json, force_option, json_option, log, picture

EXAMPLES = """
difflab swell logistic --depth 5 -o swell.png
difflab swell speelpenning --depth 8 --json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("family")
@click.option("--depth", type=click.IntRange(1, 60), default=4, show_default=True, help="The deepest formula.")
@click.option("-o", "--output", metavar="FILE", help="The plot (.png, .svg, .pdf).")
@force_option
@json_option
def command(family: str, depth: int, output: str | None, force: bool, as_json: bool) -> None:
    """Operations and seconds of symbolic derivatives against the backward graph, depth by depth.

    FAMILY is one of logistic, speelpenning, sigmoid-chain, mlp.
    """
    path = picture(output, PLOTS, force) if output is not None else None
    from ..lab.swell import expression_swell

    swell = expression_swell(family, range(1, depth + 1))
    if path:
        swell.plot(path, force=force)
        log(f"wrote {path}")
    if as_json:
        emit_json(swell.to_json())
    else:
        swell.print(console())
