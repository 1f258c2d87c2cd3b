"""`difflab predict`."""

from __future__ import annotations

import click

from ..progress import doing
from .common import Command, console, emit_json, json_option

EXAMPLES = """
difflab predict run/best.npz shoe.png
difflab predict run/best.npz t10k-images-idx3-ubyte.gz --json
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("checkpoint")
@click.argument("files", nargs=-1, required=True)
@click.option("--invert", is_flag=True, help="Swap black and white, for dark strokes on light paper.")
@json_option
def command(checkpoint: str, files: tuple[str, ...], invert: bool, as_json: bool) -> None:
    """What the network in CHECKPOINT says of FILES: pictures, .npy arrays, IDX files, or a .csv of numbers."""
    from ..nn.predict import predict

    with doing("predicting"):
        found = predict(checkpoint, list(files), invert=invert)
    if as_json:
        emit_json([{"file": p.source, "answer": p.answer, "probability": p.probability, "second": p.second,
                    "values": p.values} for p in found])  # fmt: skip
        return
    from rich.table import Table

    table = Table()
    for name in ("file", "answer", "probability", "second"):
        table.add_column(name)
    for p in found:
        table.add_row(p.source, p.answer, "" if p.probability is None else f"{p.probability:.1%}", p.second or "")
    console().print(table)
