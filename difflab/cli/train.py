"""`difflab train`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ..compile.program.program import BACKENDS
from ..errors import InputError
from ..progress import doing
from .common import Command, Number, emit_json, json_option, log, named_folder
from .devices import take_devices
from .processes import own_part, place_of, process_options, writes
from .progress import is_quiet
from .supervisor import supervised

if TYPE_CHECKING:
    from ..nn.training.progress import Silent

EXAMPLES = """
difflab train mlp --out run
difflab train cnn --data digits --epochs 20 --out run
difflab train lenet5 --data fashion-mnist --epochs 12 --out run
difflab train lenet5 --data fashion-mnist --epochs 12 --out run --resume
difflab train lenet5 --data fashion-mnist --epochs 12 --out run --live
difflab train mlp --backend jax --devices 2 --out run
difflab train cnn --shift 1 --noise 0.1 --clip-norm 1 --init he --out run
"""


def rate(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 <= value < float("inf"):
        raise click.BadParameter(f"{value} is no learning rate; give a number of at least 0, such as 0.001")
    return value


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("model", metavar="MODEL", type=click.Choice(["mlp", "cnn", "lenet5"]))
@click.option("--data", default="digits", show_default=True, help="A data set, a folder of IDX files, or a .csv.")
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True, help="How often all data is seen.")
@click.option("--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Samples in a step.")
@click.option(
    "--lr",
    type=float,
    callback=rate,
    help="The highest learning rate; each optimiser has its own.",
)
@click.option("--optimiser", type=click.Choice(["adamw", "adam", "sgd", "rmsprop"]), default="adamw", show_default=True)
@click.option(
    "--schedule", type=click.Choice(["one-cycle", "cosine", "constant"]), default="one-cycle", show_default=True
)
@click.option("--init", help="How the weights start: he, xavier, orthogonal, ...; by default as PyTorch's do.")
@click.option("--shift", type=click.IntRange(0), default=0, help="Move training images by up to so many pixels.")
@click.option("--flip", is_flag=True, help="Mirror training images, left to right, each with probability 1/2.")
@click.option("--noise", type=Number(0), default=0.0, help="Add noise of this size to normalised samples.")
@click.option("--clip-norm", type=float, default=None, help="Scale gradients down to this norm.")
@click.option("--clip-value", type=float, default=None, help="Cut entries of gradients to plus or minus this.")
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default=None,
    help="What the steps run on; auto finds the fastest before the first.  [default: DIFFLAB_BACKEND, or numpy]",
)
@click.option(
    "--devices", type=click.IntRange(1), default=None, help="Train on so many of JAX's devices (of each process)."
)
@click.option(
    "--parameters",
    type=click.Choice(["whole", "split"]),
    default="whole",
    show_default=True,
    help="Large parameters lie whole on each device, or split over them.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default=None,
    help="Of products on devices; weights stay wide.",
)
@click.option("--weight-decay", type=float, default=None, help="The pull of the weights towards 0.")
@click.option("--batch-norm", is_flag=True, help="Batch normalisation behind every layer but the last.")
@click.option("--label-smoothing", type=float, default=0.0, show_default=True)
@click.option(
    "--patience", type=click.IntRange(1), default=None, help="Stop when the test loss has not fallen for so long."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides weights and order.")
@click.option("--out", required=True, help="The folder for checkpoints, metrics and the report.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder, to the same bits.")
@click.option("--report/--no-report", default=True, show_default=True, help="Write a page with pictures at the end.")
@click.option("--live", is_flag=True, help="Show the training on a local page while it runs (extra lab).")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The page's port; any that is free if left out.")
@click.option("--browser/--no-browser", default=True, help="Open the live page in the browser.")
@process_options
@json_option
@click.pass_obj
def command(
    arguments: list[str], /, model: str, data: str, out: str, as_json: bool, report: bool, resume: bool, live: bool,
    port: int, browser: bool, coordinator: str | None, processes: int | None, process_id: int | None, wait: float,
    **settings: Any,
) -> int:  # fmt: skip
    """Train MODEL (mlp, cnn or lenet5) on pictures or a table, with progress on standard error."""
    from ..nn.training.recipes import Recipe, run

    place = place_of(coordinator, processes, process_id, wait)
    if place is not None and own_part() is None:
        return supervised(place, arguments, "; --resume goes on from the last checkpoint")
    settings["devices"] = take_devices(place, settings["devices"])
    first = writes(place)
    folder, recipe = named_folder(out), Recipe(model=model, data=data, **settings)
    try:
        with shown_live(live and first, port, browser, f"{model} on {data}") as progress:
            found = run(recipe, folder, resume=resume, progress=progress, tell=log if first else None)
    except (KeyboardInterrupt, MemoryError, OSError, InputError) as error:
        refused = isinstance(error, InputError) and error.__cause__ is None  # else a file could not be written
        if (folder / "last.npz").exists() and not refused and own_part() is None:  # else the supervisor says so
            log(f"stopped; the same command with --resume goes on from {folder / 'last.npz'}")
        raise
    if not first:
        return 0
    page = None
    if report:
        from ..nn.report import write_report

        with doing("drawing the report"):
            page = write_report(found, folder)
    if as_json:
        emit_json(found.summary() | {"report": None if page is None else str(page)})
    else:
        click.echo(found.text())
        if page is not None:
            click.echo(f"the report page: {page}")
    return 0


@contextmanager
def shown_live(live: bool, port: int, browser: bool, title: str) -> Iterator[Silent | bool | None]:
    """How the training shows itself: on a terminal, and with --live on a page as well."""
    bar = False if is_quiet() else None
    if not live:
        yield bar
        return
    from ..nn.live import watched

    told = lambda address: click.echo(f"difflab train: watch it at {address}", err=True)
    with watched(told, port=port, open_browser=browser, title=title, progress=bar) as watch:
        yield watch
