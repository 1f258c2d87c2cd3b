"""`difflab lab`."""

from __future__ import annotations

import click

from .common import Command, log

EXAMPLES = """
difflab lab
difflab lab --port 8765 --no-browser
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; any that is free if left out.")
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
def command(port: int, browser: bool) -> None:
    """A page on this machine: type an expression, step through its gradient, compare the methods, see the V-curve.

    Only this machine reaches it, and only with the token in the address. Needs the extra `lab`; Ctrl-C ends it.
    """
    from ..lab.server import serve

    log("difflab lab: Ctrl-C ends it. Open")
    serve(port, browser, tell=click.echo)
