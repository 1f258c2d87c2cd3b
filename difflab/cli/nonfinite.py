"""`difflab nonfinite`: the first operation that makes a NaN or an infinity in a user's function or in its gradient."""

from __future__ import annotations

import click

from ..progress import doing
from .check import arguments, load, users_code
from .common import Command, at_option, emit_json, force_option, json_option, log, picture, read_point

EXAMPLES = """
difflab nonfinite losses.py:loss --at "w=[0.3,-1.2,0.7]"
difflab nonfinite model.py:loss --at x=0 --framework jax -o found.svg
difflab nonfinite package.losses:loss --at x=1.5,y=2 --json
"""


@click.command(
    cls=Command,
    examples=EXAMPLES,
    epilog="Exit status: 0 value and gradient are finite, 1 they are not, 2 bad input.",
)
@click.argument("function", metavar="MODULE:FUNCTION")
@at_option
@click.option(
    "--framework",
    type=click.Choice(["auto", "numpy", "jax", "torch"]),
    default="auto",
    help="The library that the function is written in. By default it is found out.",
)
@click.option("-o", "--output", metavar="FILE.svg", help="Draw the way to the operation.")
@force_option
@json_option
def command(
    function: str, points: tuple[str, ...], framework: str, output: str | None, force: bool, as_json: bool
) -> int:
    """Find the first operation, forward or backward, that makes a NaN or an infinity.

    MODULE:FUNCTION is package.module:function or file.py:function, of NumPy, JAX or PyTorch. It is imported, and so
    run: name only code that you trust. --at gives its arguments by name. What is not finite on the way, and spoils
    neither the value nor the gradient, is not reported.
    """
    at = read_point(points)
    path = picture(output, (".svg",), force) if output is not None else None
    with users_code(), doing("importing"):
        f = load(function, "MODULE:FUNCTION")
    given = arguments(getattr(f, "forward", f), function, at)
    from ..bridges.nonfinite.find import find_nonfinite

    with users_code(), doing("searching"):
        found = find_nonfinite(f, *given, framework=framework)
    if found is not None and path is not None:
        found.draw(path, force)
        log(f"wrote {path}")
    if as_json:
        emit_json({"function": function, "finite": found is None, **({} if found is None else found.to_json())})
    else:
        click.echo("value and gradient are finite" if found is None else str(found))
    return 0 if found is None else 1
