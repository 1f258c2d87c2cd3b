"""`difflab playground`."""

from __future__ import annotations

import click

from .common import Command, force_option, log, picture

EXAMPLES = """
difflab playground playground.html
difflab playground > playground.html
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("output", required=False)
@force_option
def command(output: str | None, force: bool) -> None:
    """A page where expressions are typed, drawn and differentiated, without Python: one HTML file that works offline.

    OUTPUT is the file (.html); standard output if left out.
    """
    path = picture(output, (".html",), force) if output is not None else None
    from ..draw.playground import playground
    from ..files import write

    page = playground()
    if path is None:
        click.echo(page)
        return
    write(path, page, force)
    log(f"wrote {path}")
