"""`difflab accuracy`."""

from __future__ import annotations

import json

import click

from ..errors import InputError
from .common import Command, console, emit_json, force_option, json_option, log, picture

EXAMPLES = """
difflab accuracy --rows tanh,sigmoid,expm1
difflab accuracy -o accuracy.md
difflab accuracy --points 50 --no-peers --json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.option("--rows", metavar="NAME,...", help="Only these operations; all elementwise ones by default.")
@click.option(
    "--points",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="Random points for each operation.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--peers/--no-peers", default=True, help="Measure autograd, JAX and PyTorch beside it where installed.")
@click.option("-o", "--output", metavar="FILE", help="Write the table (.md, .json).")
@force_option
@json_option
def command(
    rows: str | None, points: int, seed: int, peers: bool, output: str | None, force: bool, as_json: bool
) -> None:
    """Errors in ulps of every operation's value and derivative, against the independent certificate."""
    path = picture(output, (".md", ".json"), force) if output is not None else None
    names = None if rows is None else [name.strip() for name in rows.split(",") if name.strip()]
    if names == []:
        raise InputError("--rows names no operation")
    from ..files import write
    from ..lab.accuracy import accuracy

    report = accuracy(names, points=points, peers=peers, seed=seed)
    if path:
        table = report.to_markdown() if path.suffix == ".md" else json.dumps(report.to_json(), allow_nan=False) + "\n"
        write(path, table, force)
        log(f"wrote {path}")
    if as_json:
        emit_json(report.to_json())
    else:
        report.print(console())
