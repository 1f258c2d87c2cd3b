"""`difflab lab`."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import InputError
from .common import Command, force_option, log, picture

EXAMPLES = """
difflab lab
difflab lab losses.py
difflab lab --port 8765 --no-browser
difflab lab --train
difflab lab --train -o learning.html
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("file", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; any that is free if left out.")
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
@click.option("--train", is_flag=True, help="A network that learns before your eyes, with its backward pass open.")
@click.option("-o", "--out", metavar="FILE", help="With --train: write the page (.html), which needs no server.")
@force_option
def command(file: str | None, port: int, browser: bool, train: bool, out: str | None, force: bool) -> None:
    """A page on this machine: type an expression or NumPy code, step through its gradient, certify it, compare methods.

    With FILE.py the page shows the functions of that file, which is run, and follows each time it is saved. With
    --train the page is a network that learns: data, layers and settings are yours to change.

    Only this machine reaches it, and only with the token in the address. Needs the extra `lab`; Ctrl-C ends it.
    """
    if out is not None:
        write_page(out, train, force)
        return
    watched = None if file is None else watchable(file, train)
    from ..lab.server import serve

    log("difflab lab: Ctrl-C ends it. Open")
    serve(port, browser, tell=click.echo, page="train" if train else "", file=watched)


def watchable(file: str, train: bool) -> Path:
    """The file of Python that is named."""
    path = Path(file)
    if train:
        raise InputError(f"{file} cannot be shown with --train: the page of a network has no program")
    if path.suffix != ".py":
        raise InputError(f"{file} is no file of Python; its name must end in .py")
    if not path.is_file():
        raise InputError(f"there is no file {file}")
    return path


def write_page(out: str, train: bool, force: bool) -> None:
    if not train:
        raise InputError(f"--out {out} is for --train; difflab step EXPRESSION -o FILE writes a step-through page")
    path = picture(out, (".html",), force)
    from ..files import write
    from ..lab.learning import learning_page

    write(path, learning_page(), force)
    log(f"wrote {path}")
