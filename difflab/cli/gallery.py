"""`difflab gallery`."""

from __future__ import annotations

import click

from .common import Command, force_option, log, named_folder

EXAMPLES = """
difflab gallery my-gallery
difflab gallery graphs --force
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("folder")
@force_option
def command(folder: str, force: bool) -> None:
    """Write the course's figures as SVG files, and a README.md that shows them all, into FOLDER."""
    from ..gallery import write_gallery

    write_gallery(named_folder(folder), force=force)
    log(f"wrote the gallery to {folder}")
