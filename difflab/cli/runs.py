"""`difflab runs`."""

from __future__ import annotations

import click

from ..progress import doing
from .common import Command, emit_json, force_option, json_option, log, picture

EXAMPLES = """
difflab runs run-1 run-2
difflab runs experiments/* -o runs.html
difflab runs run-1 run-2 --json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("folders", metavar="DIR...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", help="A page (.html) with curves, results and settings.")
@force_option
@json_option
def command(folders: tuple[str, ...], output: str | None, force: bool, as_json: bool) -> None:
    """Compare the finished runs in the folders DIR that difflab train has written: results, times, settings."""
    path = picture(output, (".html",), force) if output is not None else None
    from ..nn.runs import compare_runs, runs_page

    with doing("reading the runs"):
        found = compare_runs(folders)
    if path is not None:
        from ..files import write

        write(path, runs_page(found), force)
    if as_json:
        emit_json({"version": 1, "runs": [r.summary() for r in found.runs]})
    else:
        click.echo(str(found))
    if path is not None:
        log(f"wrote {path}")
