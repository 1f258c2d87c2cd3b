"""`difflab summary`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InputError
from ..types import Shape, Tree
from .common import Command, emit_json, json_option

if TYPE_CHECKING:
    from ..nn.layers.layer import Layer

EXAMPLES = """
difflab summary vgg16
difflab summary lenet5 --shape 1x28x28 --classes 10
difflab summary run/best.npz
"""
SHAPES = {"mlp": (1, 28, 28), "cnn": (1, 8, 8), "lenet5": (1, 28, 28), "vgg16": (3, 224, 224)}
LARGEST = 100_000


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("model", metavar="MODEL")
@click.option("--shape", metavar="CxHxW", help="The size of one image, such as 3x224x224.")
@click.option("--classes", type=click.IntRange(1), help="How many there are; 10, and 1000 for vgg16.")
@click.option("--batch-norm", is_flag=True, help="Batch normalisation, in the models that have it as a choice.")
@json_option
def command(model: str, shape: str | None, classes: int | None, batch_norm: bool, as_json: bool) -> None:
    """Shapes, parameters, operations and receptive fields of MODEL (mlp, cnn, lenet5, vgg16) or a checkpoint.

    No parameter is made and nothing but shapes is computed, so that a model of any size takes no time and memory.
    """
    from ..nn.models import for_images
    from ..nn.summary import summary

    if model.endswith(".npz") or Path(model).is_file():
        if classes is not None or batch_norm:
            raise InputError("--classes and --batch-norm go with a model's name; a checkpoint has its own")
        layers, size = of_checkpoint(model, shape)
    else:
        size = read_shape(shape) if shape is not None else SHAPES.get(model, SHAPES["mlp"])
        layers = for_images(model, size, classes or (1000 if model == "vgg16" else 10), batch_norm)
    found = summary(layers, size)
    if as_json:
        rows = [{"name": r.name, "layer": r.layer, "shape": r.shape, "parameters": r.parameters, "operations": r.flops,
                 "receptive_field": r.field} for r in found.rows]  # fmt: skip
        emit_json({"parameters": found.parameters, "operations": found.flops, "layers": rows})
    else:
        click.echo(str(found))


def read_shape(text: str) -> Tree:
    """Channels, height and width."""
    text = text.replace("×", "x")
    if not re.fullmatch(r"\d{1,6}(x\d{1,6}){2}", text, re.ASCII) or not 1 <= min(sizes := numbers(text)) <= max(sizes):
        raise InputError(f"--shape {text[:80]!r}; give channels, height and width of an image, such as 3x224x224")
    if max(sizes) > LARGEST:
        raise InputError(f"--shape {text}; no size is above {LARGEST}")
    return sizes


def numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("x")))


def of_checkpoint(path: str, shape: str | None) -> tuple[Layer, Shape]:
    """The model of a checkpoint, and the shape of its samples."""
    from ..nn.training.checkpoint import load_checkpoint

    trained = load_checkpoint(path)
    if shape is not None:
        return trained.model, read_shape(shape)
    known = trained.about.get("sample_shape")
    if not isinstance(known, list) or not all(type(n) is int and 1 <= n <= LARGEST for n in known):
        raise InputError(f"{path} does not say how large its samples are; give it, --shape 1x28x28")
    return trained.model, tuple(known)
