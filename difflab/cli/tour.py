"""`difflab tour`."""

from __future__ import annotations

import click

from .common import Command, console, force_option, log, named_folder

EXAMPLES = """
difflab tour difflab-tour
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("folder")
@force_option
def command(folder: str, force: bool) -> int:
    """Compare and draw a few functions, and put everything into one page, FOLDER/index.html."""
    from ..lab.tour import tour

    result = tour(named_folder(folder), force=force, tell=log)
    result.print(console())
    click.echo(f"the report page: {result.page}")
    return 0 if result.as_expected else 1
