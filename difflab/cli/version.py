"""`difflab version`."""

from __future__ import annotations

import click

from ..version import __version__
from .common import Command


@click.command(cls=Command, examples="difflab version")
def command() -> None:
    """Print the version."""
    click.echo(f"difflab {__version__}")
