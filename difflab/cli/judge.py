"""`difflab judge`: the gradient of a function of JAX or PyTorch against the derivative of what it computes."""

from __future__ import annotations

import click

from ..errors import InputError
from ..progress import doing
from .check import arguments, load, users_code
from .common import Command, Number, at_option, emit_json, json_option, read_point

EXAMPLES = """
difflab judge losses.py:loss --at "w=[0.3,-1.2,0.7]"
difflab judge package.losses:loss --at x=1.5,y=2 --jax --json
difflab judge losses.py:quantised --at "w=[0.3,-1.2]" --torch --allow StraightThrough
"""


@click.command(
    cls=Command,
    examples=EXAMPLES,
    epilog="Exit status: 0 the gradient is right, 1 it is wrong, 2 bad input.",
)
@click.argument("function", metavar="MODULE:FUNCTION")
@at_option
@click.option("--torch", is_flag=True, help="It is a function of PyTorch.")
@click.option("--jax", is_flag=True, help="It is a function of JAX.")
@click.option("--allow", multiple=True, metavar="NAME", help="An operation whose rule is meant to differ (repeatable).")
@click.option("--seconds", type=Number(min=0.1), default=30.0, help="Processor time for the search.")
@json_option
def command(
    function: str,
    points: tuple[str, ...],
    torch: bool,
    jax: bool,
    allow: tuple[str, ...],
    seconds: float,
    as_json: bool,
) -> int:
    """Judge the gradient that JAX or PyTorch gives of a function, its own rules included.

    MODULE:FUNCTION is package.module:function or file.py:function. It is imported, and so run: name only code that you
    trust. --at gives its arguments by name. What the function computes is recorded, and differentiated without the
    framework's rules; where the two are apart, the operation whose rule is wrong is named. Without --torch or --jax the
    function's result says which it is.
    """
    if torch and jax:
        raise InputError("--torch and --jax are both given; a function is of one of them: leave one out")
    at = read_point(points)
    with users_code(), doing("importing"):
        f = load(function, "MODULE:FUNCTION")
    given = arguments(f, function, at)
    from ..bridges.judging.judge import judge

    with users_code():
        found = judge(f, *given, framework="torch" if torch else "jax" if jax else "auto", allow=allow, seconds=seconds)
    if as_json:
        emit_json(found.to_json())
    else:
        click.echo(str(found))
    return 0 if found.agree else 1
