"""`difflab compare`."""

from __future__ import annotations

import contextlib

import click

from ..errors import DifflabError
from .common import (
    PLOTS,
    Command,
    Number,
    at_option,
    console,
    emit_json,
    force_option,
    json_option,
    log,
    picture,
    problem_at,
    read_expression,
    read_point,
)

EXAMPLES = """
difflab compare "(x + y) * z" --at x=-2,y=5,z=-4
difflab compare "1/(1+exp(-(w0*x0+w1*x1+w2)))" --at w0=2,x0=-1,w1=-3,x1=-2,w2=-3
difflab compare "sum(tanh(W @ x))" --at "W=[[1,2],[3,4]],x=[0.1,0.2]" --wrt W
difflab compare "exp(x)/x" --at x=1.5 --method reverse --method numerical:central --method certified
difflab compare "tanh(x)" --at x=20 --framework jax --framework torch
echo "sin(x) * x" | difflab compare - --at x=1 --json
"""
STATUS = (
    "Exit status: 0 the methods agree; 1 anything else that was computed (they disagree, or it is undecided: a kink, "
    "outside the domain, no digits, out of time), with the reason; 2 bad input."
)


@click.command(cls=Command, examples=EXAMPLES, epilog=STATUS)
@click.argument("expression")
@at_option
@click.option("--wrt", multiple=True, metavar="NAME", help="Differentiate by this input only; repeatable.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME",
    help="A method, such as reverse, symbolic:raw or numerical:central; repeatable. All by default.",
)
@click.option(
    "--framework",
    "frameworks",
    type=click.Choice(["jax", "torch"]),
    multiple=True,
    help="Add JAX's or PyTorch's own derivative of the same function; repeatable.",
)
@click.option(
    "--seconds",
    type=Number(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Limit of processor time of each method that may take long (symbolic, certified).",
)
@click.option(
    "--plot", "plot", metavar="FILE", help="Also plot error against preparation and evaluation time (.png, .svg, .pdf)."
)
@force_option
@json_option
def command(
    expression: str,
    points: tuple[str, ...],
    wrt: tuple[str, ...],
    methods: tuple[str, ...],
    frameworks: tuple[str, ...],
    seconds: float,
    plot: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """One gradient by every method, with errors in ulps of the certified value.

    EXPRESSION is text such as "q = x + y; q * z", or - for standard input.
    """
    if not methods:  # all of them
        from ..differentiate.limits import prepare

        with contextlib.suppress(OSError, DifflabError):  # said where it is needed
            prepare()
    text, at = read_expression(expression), read_point(points)
    path = picture(plot, PLOTS, force) if plot is not None else None
    problem_at(text, at, list(wrt) or None)
    from ..lab.compare import compare

    chosen, by = list(methods) or None, list(wrt) or None
    result = compare(text, at, methods=chosen, wrt=by, seconds=seconds, frameworks=frameworks)
    if as_json:
        emit_json(result.to_json())
    else:
        result.print(console())
    if path:
        result.plot(path, force=force)
        log(f"wrote {path}")
    return 0 if result.agree else 1
