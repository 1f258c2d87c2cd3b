"""`difflab predict`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InputError
from ..progress import doing
from .common import PLOTS, Command, console, emit_json, force_option, json_option, log, picture

if TYPE_CHECKING:
    from ..nn.predict import Prediction

MOST_SHOWN, WIDEST, MOST_DRAWN = 3, 40, 64
EXAMPLES = """
difflab predict run/best.npz shoe.png
difflab predict run/best.npz a.png b.png --seen seen.png
difflab predict run/best.npz t10k-images-idx3-ubyte.gz --json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("checkpoint")
@click.argument("files", nargs=-1, required=True)
@click.option("--invert", is_flag=True, help="Swap black and white, for dark strokes on light paper.")
@click.option("--seen", metavar="FILE", help="A picture (.png, .svg, .pdf) of what the network saw.")
@force_option
@json_option
def command(
    checkpoint: str, files: tuple[str, ...], invert: bool, seen: str | None, force: bool, as_json: bool
) -> None:
    """What the network in CHECKPOINT says of FILES: pictures, .npy arrays, IDX files, or a .csv of numbers.

    Pictures are made grey and as small as the network's; up to three are shown below the answers as it saw them.
    """
    path = None if seen is None else picture(seen, PLOTS, force)
    from ..nn.predict import predict

    with doing("predicting"):
        found = predict(checkpoint, list(files), invert=invert)
    if path is not None:
        draw_seen(found, path, force)
    for warning in dict.fromkeys(p.warning for p in found if p.warning):
        log(f"warning: {warning}")
    if as_json:
        emit_json([{"file": p.source, "answer": p.answer, "probability": p.probability, "second": p.second,
                    "values": p.values, "warning": p.warning or None} for p in found])  # fmt: skip
        return
    from rich.table import Table

    table = Table()
    for name in ("file", "answer", "probability", "second"):
        table.add_column(name)
    for p in found:
        table.add_row(p.source, p.answer, "" if p.probability is None else f"{p.probability:.1%}", p.second or "")
    console().print(table)
    show_seen(found)


def images_of(found: list[Prediction]) -> list[Prediction]:
    return [p for p in found if p.seen is not None and p.seen.ndim == 3]


def show_seen(found: list[Prediction]) -> None:
    """The pictures in characters, where they are few and small."""
    from ..nn.pictures import in_characters

    images = images_of(found)
    if 0 < len(images) <= MOST_SHOWN:
        for p in images:
            high, wide = p.seen.shape[1:]
            small = max(high, wide) <= WIDEST
            told = f"\n{in_characters(p.seen)}" if small else "; --seen FILE.png draws it"
            click.echo(f"{p.source} as the network saw it, {high} x {wide}{told}")


def draw_seen(found: list[Prediction], path: Path, force: bool) -> None:
    """The first of the pictures, each with its answer."""
    from ..lab.plots import save
    from ..nn.pictures import picture, tiles

    images = images_of(found)[:MOST_DRAWN]
    if not images:
        raise InputError("--seen: the network reads rows of numbers, which have no picture")
    titles = [p.answer if p.probability is None else f"{p.answer} {p.probability:.0%}" for p in images]
    save(tiles([picture(p.seen) for p in images], titles), path, force)
    log(f"wrote {path}")
