"""Checkpoints: arrays and a description in one npz file, without pickle, written whole or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optree

from ...errors import InputError
from ...files import write
from ...reading import Archive, opened
from ..layers.layer import Layer
from ..spec import from_spec

SCHEMA = "difflab.checkpoint/1"
LONGEST_DESCRIPTION = 10_000_000


@dataclass
class Checkpoint:
    """What a run has come to: trees of arrays, and `about`, which is strict JSON.

    `trees` has "params", "state" and, in the last checkpoint of a run, "memory", the optimiser's.
    """

    trees: dict[str, Any]
    about: dict[str, Any]

    def save(self, path: Any) -> Path:
        """Replaces the file in one step: whoever is killed meanwhile leaves the old one."""
        return write(path, self.encoded(), force=True, durable=True)

    def encoded(self) -> bytes:
        """The file's bytes."""
        buffer = io.BytesIO()
        arrays = {name: x for tree in self.trees for name, x in named(tree, self.trees[tree])}
        text = json.dumps({"schema": SCHEMA, **self.about}, allow_nan=False)
        np.savez(buffer, allow_pickle=False, about=np.frombuffer(text.encode(), np.uint8), **arrays)
        return buffer.getvalue()


def named(tree: str, content: Any) -> list[tuple[str, Any]]:
    """The arrays of a tree with their paths: params/conv1/weight."""
    paths, leaves, _ = optree.tree_flatten_with_path(content)
    return [("/".join([tree, *map(str, path)]), np.asarray(x)) for path, x in zip(paths, leaves)]


class Reader:
    """An npz file that is looked at before anything of it is unpacked."""

    def __init__(self, path: Any) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(f"{self.path} does not exist; difflab train MODEL --out FOLDER writes best.npz there")
        file = opened(self.path)
        try:
            self.archive = Archive(file)
        except InputError as error:
            raise self.damaged(error) from None
        self.about = self.description()

    def damaged(self, reason: object) -> InputError:
        return InputError(f"{self.path} is not a checkpoint of difflab, or is damaged: {reason}")

    def description(self) -> dict[str, Any]:
        text = self.array("about", LONGEST_DESCRIPTION).tobytes()
        try:
            about = json.loads(text.decode())
            json.dumps(about, ensure_ascii=False, allow_nan=False).encode()  # what is not text cannot be shown either
        except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, numbers of thousands of digits
            raise self.damaged(error) from None
        if not isinstance(about, dict) or about.get("schema") != SCHEMA:
            found = about.get("schema") if isinstance(about, dict) else None
            raise InputError(f"{self.path}: the schema is {str(found)[:60]!r}, this difflab reads {SCHEMA!r}")
        return about

    def array(self, name: str, most: int) -> Any:
        """One array, at most so many bytes long; what is packed could hold anything, so nothing packed is read."""
        if name not in self.archive.entries:
            raise self.damaged(f"it has no {name}")
        size = self.archive.entries[name].file_size
        if size > most + 10_000:
            raise self.damaged(f"{name} takes {size} bytes, and {most} were expected")
        try:
            return self.archive.array(name, packed=False)
        except InputError as error:
            raise self.damaged(error) from None

    def tree(self, tree: str, template: Any) -> Any:
        """A tree with the structure, shapes and dtypes of the template."""
        leaves, structure = optree.tree_flatten(template)
        found = []
        for (name, want), _ in zip(named(tree, template), leaves):
            if name not in self.archive.entries:
                raise InputError(f"{self.path} holds no {name}; it is a checkpoint of another model or optimiser")
            x = self.array(name, want.nbytes)
            if x.shape != want.shape or x.dtype != want.dtype:
                raise InputError(
                    f"{self.path}: {name} is {x.dtype} of shape {x.shape}, the model's is {want.dtype} of "
                    f"{want.shape}; it is a checkpoint of another model"
                )
            found.append(x)
        surplus = {n for n in self.archive.entries if n.startswith(f"{tree}/")} - {n for n, _ in named(tree, template)}
        if surplus:
            raise InputError(f"{self.path} also holds {min(surplus)[:80]}; it is a checkpoint of another model")
        return optree.tree_unflatten(structure, found)


@dataclass
class Trained:
    """A model with its parameters, as it comes out of a checkpoint."""

    model: Layer
    params: Any
    state: Any
    about: Mapping[str, Any]


def load_checkpoint(path: Any) -> Trained:
    """The model of a checkpoint: made from its description, with every array's name, shape and dtype checked."""
    reader = Reader(path)
    if not isinstance(reader.about.get("model"), dict):
        raise InputError(f"{path} does not describe its model; load it through fit(..., resume=True)")
    model = from_spec(reader.about["model"])
    params, state = model.init(0, dtype=str(reader.about.get("dtype", "float32")))
    return Trained(model, reader.tree("params", params), reader.tree("state", state), reader.about)
