"""Checkpoints: arrays and a description in one npz file, without pickle, written whole or not at all."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import optree

from ...cards.parts import Card, arrays, facts
from ...cards.shown import Shown
from ...errors import InputError
from ...files import write
from ...glance import cut, glance
from ...graph.hollow import hollow
from ...graph.pytree import named_leaves
from ...reading import Archive, opened
from ...types import Array, FileName, Tree, Value
from ..arrays import Record
from ..init import Shapes
from ..layers.layer import Layer, floating
from ..optim.optimiser import Optimiser
from ..spec import from_spec, to_spec

SCHEMA = "difflab.checkpoint/1"
LONGEST_DESCRIPTION = 10_000_000
FREE = ("patience", "backend", "devices", "parameters", "precision")  # of a recipe: a run may go on with others


@dataclass(repr=False)
class Checkpoint:
    """What a run has come to: trees of arrays, and `about`, which is strict JSON.

    `trees` has "params", "state" and, in the last checkpoint of a run, "memory", the optimiser's.
    """

    trees: dict[str, Tree]
    about: Record

    def __repr__(self) -> str:
        return f"<Checkpoint with {', '.join(self.trees)}; about {glance(self.about)}>"

    def save(self, path: FileName) -> Path:
        """Replaces the file in one step: whoever is killed meanwhile leaves the old one."""
        return write(path, self.encoded(), force=True, durable=True)

    def encoded(self) -> bytes:
        """The file's bytes."""
        buffer = io.BytesIO()
        arrays = {name: x for tree in self.trees for name, x in named(tree, self.trees[tree])}
        text = json.dumps({"schema": SCHEMA, **self.about}, allow_nan=False)
        np.savez(buffer, allow_pickle=False, about=np.frombuffer(text.encode(), np.uint8), **arrays)
        return buffer.getvalue()


def named(tree: str, content: Tree) -> list[tuple[str, Array]]:
    """The arrays of a tree with their paths: params/conv1/weight; in names "/" is ~1 and "~" ~0, as in JSON."""
    paths, leaves, _ = optree.tree_flatten_with_path(content)
    parts = ([str(part).replace("~", "~0").replace("/", "~1") for part in path] for path in paths)
    return [("/".join([tree, *path]), np.asarray(x)) for path, x in zip(parts, leaves)]


class Reader:
    """An npz file that is looked at before anything of it is unpacked; it is open within its `with`."""

    def __init__(self, path: FileName) -> None:
        self.path: Path = Path(path)
        if not self.path.exists():
            raise InputError(f"{self.path} does not exist; difflab train MODEL --out FOLDER writes best.npz there")
        self.file: IO[bytes] = opened(self.path)
        try:
            self.archive: Archive = self.unpacked()
            self.about: Record = self.description()
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def unpacked(self) -> Archive:
        try:
            return Archive(self.file)
        except InputError as error:
            raise self.damaged(error) from None

    def damaged(self, reason: object) -> InputError:
        return InputError(f"{self.path} is not a checkpoint of difflab, or is damaged: {reason}")

    def description(self) -> Record:
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

    def array(self, name: str, most: int) -> Array:
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

    def tree(self, tree: str, template: Tree) -> Tree:
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


def counted(value: object, most: int = 1 << 53, least: int = 0) -> int:
    """A count from a file."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{str(value)[:40]} where a count is wanted")
    return value


def record_of(record: object) -> Record:
    """One epoch's numbers from a file."""
    wanted = {"epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    if not isinstance(record, dict) or not wanted <= set(record) or record["train_loss"] is None:
        raise ValueError(f"{str(record)[:60]} where an epoch's numbers are wanted")
    if not all(v is None or isinstance(v, int | float) for v in record.values()):
        raise ValueError(f"{str(record)[:60]} among the epochs, which holds more than numbers")
    return record


def refuse_another(reader: Reader, settings: Record, about: Record) -> None:
    """Raises where the run has other settings, which are told by the names of a recipe if both began with one."""
    told = reader.about.get("settings")
    theirs: Record = told if isinstance(told, dict) else {}
    apart = [name for name in {**settings, **theirs} if theirs.get(name) != settings.get(name)]
    if not apart:
        return
    then, now = f"{str(apart[0])[:40]} {theirs.get(apart[0])}", str(settings.get(apart[0]))
    recipe, ours = reader.about.get("recipe"), about.get("recipe")
    if isinstance(recipe, dict) and isinstance(ours, dict):
        names = [name for name in ours if recipe.get(name) != ours[name] and name not in FREE]
        if names:
            then, now = (", ".join(f"{name}={r.get(name)}" for name in names) for r in (recipe, ours))
    raise InputError(
        f"{reader.path} is of a run with {then[:300]}, this one has {now[:300]}; give the settings that it began with, "
        "or another folder"
    )


def description(model: Layer) -> Record | None:
    """The model as plain data, or None for layers that are not difflab's own."""
    try:
        return to_spec(model)
    except InputError:
        return None


@dataclass(repr=False)
class Trained(Shown):
    """A model with its parameters, as it comes out of a checkpoint; the optimiser's memory where one was asked for."""

    model: Layer
    params: Tree
    state: Tree
    about: Mapping[str, Value]
    memory: Tree = None

    def __repr__(self) -> str:
        return f"<Trained {cut(repr(self.model))}; about {glance(self.about)}>"

    def _card_(self) -> Card:
        told = facts({"model": cut(repr(self.model)), **{k: glance(v) for k, v in self.about.items()}})
        return Card("Trained", "model").add(told, arrays(named_leaves(self.params), "parameters"))


def save_checkpoint(
    path: FileName,
    model: Layer,
    params: Tree,
    state: Tree,
    *,
    memory: Tree = None,
    about: Mapping[str, Value] | None = None,
) -> Path:
    """What a loop by hand has come to, as one file that `load_checkpoint` reads; replaces it in one step.

    `memory` is the optimiser's, `about` what else is to be known, as strict JSON ({"epoch": 3}). The arrays must be
    those of the model, of one dtype. There is no pickle in the file.

    >>> import tempfile
    >>> from difflab import nn
    >>> model, adam = nn.Linear(2, 1), nn.optim.Adam()
    >>> params, state = model.init(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path, memory = f"{folder}/run.npz", adam.init(params)
    ...     path = save_checkpoint(path, model, params, state, memory=memory, about={"step": 7})
    ...     found = load_checkpoint(path, optimiser=adam)
    >>> found.model, found.about["step"], int(found.memory["step"])
    (Linear(in_features=2, out_features=1, bias=True), 7, 0)
    """
    if not isinstance(model, Layer):
        raise InputError(
            f"save_checkpoint: model={model!r:.80} is not a layer; give the one whose parameters these are"
        )
    if not isinstance(about, Mapping | None):
        raise InputError(f'save_checkpoint: about={about!r:.80}; give a dict, such as {{"epoch": 3}}')
    about = dict(about or {})
    if reserved := {"schema", "model", "dtype"} & about.keys():
        raise InputError(f"save_checkpoint: about has {min(reserved)!r}, which the checkpoint says itself; rename it")
    try:
        json.dumps(about, ensure_ascii=False).encode()  # half a surrogate pair is no text
        length = len(json.dumps(about, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"save_checkpoint: about is not strict JSON: {error}") from None
    if length > LONGEST_DESCRIPTION // 2:  # the rest is for the model's description
        raise InputError(
            f"save_checkpoint: about takes {length:,} bytes as JSON; keep what is so large in its own file"
        )
    dtypes = sorted({str(np.asarray(p).dtype) for p in optree.tree_leaves(params)})
    if len(dtypes) > 1:
        raise InputError(f"save_checkpoint: the parameters are {' and '.join(dtypes)}; they must be of one dtype")
    dtype = dtypes[0] if dtypes else "float64"
    for tree, given, wanted in zip(("params", "state"), (params, state), model.init(0, dtype)):
        check_tree(tree, given, wanted)
    for name, x in named("memory", memory):
        if x.dtype.kind not in "fiub":
            raise InputError(
                f"save_checkpoint: {name} is of dtype {x.dtype}; an optimiser's memory is arrays of numbers"
            )
    trees = {"params": params, "state": state} | ({} if memory is None else {"memory": memory})
    return Checkpoint(trees, {"dtype": dtype, "model": description(model), **about}).save(path)


def check_tree(tree: str, given: Tree, wanted: Tree) -> None:
    """Refuses arrays that are not the model's, by name."""
    ours, theirs = (dict(named(tree, content)) for content in (wanted, given))
    if odd := sorted(ours.keys() ^ theirs.keys()):
        where = "the model has" if odd[0] in ours else "the model lacks"
        raise InputError(f"save_checkpoint: {tree} and the model do not fit: {where} {odd[0][:80]}")
    for name, x in ours.items():
        if x.shape != theirs[name].shape or x.dtype != theirs[name].dtype:
            raise InputError(
                f"save_checkpoint: {name} is {theirs[name].dtype} of shape {theirs[name].shape}, the model's is "
                f"{x.dtype} of {x.shape}"
            )


def load_checkpoint(path: FileName, *, model: Layer | None = None, optimiser: Optimiser | None = None) -> Trained:
    """The model of a checkpoint: made from its description, with every array's name, shape and dtype checked.

    `model` is needed for models with layers of one's own, which a file cannot describe; with the `optimiser` its memory
    is loaded, too.
    """
    with Reader(path) as reader:
        return trained(reader, model, optimiser)


def trained(reader: Reader, model: Layer | None, optimiser: Optimiser | None) -> Trained:
    """`load_checkpoint` of an open file."""
    if model is None and not isinstance(reader.about.get("model"), dict):
        raise InputError(f"{reader.path} does not describe its model; give it, load_checkpoint(path, model=...)")
    model = from_spec(reader.about["model"]) if model is None else model
    if not isinstance(model, Layer):
        raise InputError(f"load_checkpoint: model={model!r:.80} is not a layer; give the one that was saved")
    if optimiser is not None and not hasattr(optimiser, "init"):
        raise InputError(f"load_checkpoint: optimiser={optimiser!r:.80}; give one of nn.optim, such as nn.optim.Adam()")
    dtype = floating(str(reader.about.get("dtype", "float32")), type(model).__name__)
    params, state = (reader.tree(n, t) for n, t in zip(("params", "state"), hollow_trees(model, dtype, reader)))
    memory = None if optimiser is None else reader.tree("memory", optimiser.init(params))
    return Trained(model, params, state, reader.about, memory)


def hollow_trees(model: Layer, dtype: Value, reader: Reader) -> Tree:
    """Parameters and state without their memory: a file may describe a model that no machine could hold."""
    try:
        trees: Tree = model.start(Shapes(), np.dtype(np.float64))
    except (MemoryError, OverflowError, ValueError) as error:
        raise reader.damaged(f"its model is too large ({error})") from None
    return optree.tree_map(lambda x: hollow(np.shape(x), dtype if np.asarray(x).dtype.kind == "f" else x.dtype), trees)
