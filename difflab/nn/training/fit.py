"""fit: training that can be watched, stopped, killed and resumed, and gives the same bits in the end."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import optree
from numpy.typing import DTypeLike

from ...compile.program.program import known_backend
from ...compile.xla.mesh import same_everywhere
from ...errors import DomainError, InputError, ShapeError
from ...files import Claim, claimed, unlinked
from ...interrupts import Interrupts
from ...progress import doing
from ...types import Array, DType, FileName, Function, Tree, Value
from ..arrays import Record
from ..data.dataset import Dataset, batches
from ..layers.layer import Layer, floating
from ..optim.optimiser import Optimiser
from .backend import fastest
from .callbacks import check_watching, sign
from .checkpoint import Checkpoint, Reader, counted, description, record_of, refuse_another
from .devices import DevicePrograms, counted_devices, device_mesh
from .progress import Silent, shown
from .run import Run
from .samples import as_dataset, checksum
from .step import Loss, Programs, clipping, finite, loss_of, name_of
from .trouble import first_bad_node

AUGMENTED = 0x617567  # keeps the generators of augmentation apart from that of the samples' order
NOTHING, LOOK, SAVE, STOP = 0, 1, 2, 3  # what a process wishes behind a step; the largest wish is granted
SNAPSHOT = 64  # steps between copies in memory, from which a step that gave no number is found again


def fit(
    model: Layer,
    data: Dataset | tuple[Array, ...],
    loss: str | Loss = "cross_entropy",
    optimiser: Optimiser | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    seed: int = 0,
    callbacks: Sequence[Function] = (),
    *,
    augment: Function | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    dtype: DTypeLike = np.float32,
    params: Tree = None,
    state: Tree = None,
    out: FileName | None = None,
    resume: bool = False,
    save_every: float = 30.0,
    progress: bool | Silent | None = None,
    about: Record | None = None,
    backend: str | None = None,
    devices: int | None = None,
    parameters: str = "whole",
    precision: str | None = None,
) -> Run:
    """Trains a model on mini-batches.

    `data` is a `Dataset` or arrays (x, y) or (x, y, x_test, y_test). `loss` is a function of output and target, or its
    name in nn.functional; `optimiser` one of nn.optim (Adam). `seed` decides the first parameters, unless `params` and
    `state` are given, and the order of the samples. After each epoch every callback gets the history, a list of dicts;
    the run ends where one returns True.

    `augment` makes another batch of each, called with its samples and a generator that seed, epoch and step decide:
    `nn.data.Augment(shift=2)`, or a function of one's own. `clip_norm` scales gradients down to this norm (of all of
    them together), `clip_value` cuts their entries to ± this number (see `nn.optim.clip_grad_norm`, `clip_grad_value`).

    With a folder `out` the run keeps `last.npz`, `best.npz` and `metrics.jsonl` there, at every epoch and every
    `save_every` seconds; `resume` goes on from `last.npz`, and comes to the same bits as if it had never been stopped.
    A loss that is not finite ends the run with a DomainError that names the first bad node, and leaves the last good
    checkpoint.

    `progress` says whether a bar is shown (by default on a terminal); difflab train --live gives one with a page.

    `backend` is that of `compile`. With "auto" the fastest is found before the first step, on the run's own batches; it
    is in the checkpoint, and a resumed run keeps it.

    `devices` is how many of JAX's devices each process trains on: batches are cut over them, and the losses are those
    of one device but for the order of additions (batch_size has to be a multiple; an epoch's last batch that is none
    runs whole on each). `parameters` lie "whole" on every device, or "split" where they are large, with the optimiser's
    memory. `precision="bfloat16"` computes products and convolutions in 16 bits; weights stay in `dtype`. A resumed run
    comes to the same bits on the same devices, and to the same losses up to rounding on others.

    >>> from difflab import nn
    >>> x, y = nn.data.blobs(90)
    >>> run = fit(nn.models.mlp((2, 8, 3)), (x, y), epochs=20, batch_size=30, optimiser=nn.optim.Adam(lr=0.02))
    >>> run.history[-1]["train_accuracy"] > 0.9
    True
    """
    from ..optim import Adam

    dtype = floating(dtype, "fit")
    dataset = as_dataset(data).astype(dtype)
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"fit: {name}={value!r}; give an integer of at least 1")
    if not isinstance(model, Layer):
        raise InputError(f"fit: model={model!r} is not a layer; give one of nn, such as nn.Sequential(...)")
    if isinstance(optimiser, type) or not (optimiser is None or hasattr(optimiser, "update")):
        raise InputError(f"fit: optimiser={optimiser!r}; give one of nn.optim, such as nn.optim.Adam(lr=1e-3)")
    if augment is not None and (not callable(augment) or isinstance(augment, type)):
        raise InputError(
            f"fit: augment={augment!r:.80}; give nn.data.Augment(...), or a function of samples and generator"
        )
    check_watching(callbacks, save_every, about)
    backend = counted_devices(devices, backend, parameters, precision)
    told = (
        model, loss_of(loss), Adam() if optimiser is None else optimiser, bool(dataset.classes),
        clipping(clip_norm, clip_value),
    )  # fmt: skip
    if devices is None:
        programs = Programs(*told, known_backend(backend, "fit"))
    else:
        programs = DevicePrograms(*told, device_mesh(devices, parameters, batch_size), precision)
    trainer = Trainer(programs, dataset, batch_size, seed, dtype, augment)
    trainer.begin(params, state)
    trainer.about |= about or {}
    if out is None:
        if resume:
            raise InputError("fit: resume=True needs out=, the folder of the run to go on with")
        return trainer.run(epochs, callbacks, save_every, shown(progress))
    trainer.folder = Path(out)
    if not programs.writes:
        trainer.look(trainer.folder, resume)
        return trainer.run(epochs, callbacks, save_every, shown(False))
    with claimed(out) as claim:
        trainer.look(claim.folder, resume)
        trainer.claim = claim
        return trainer.run(epochs, callbacks, save_every, shown(progress))


class Trainer:
    """One run: where it stands, and what it needs to go on."""

    def __init__(
        self,
        programs: Programs,
        data: Dataset,
        batch_size: int,
        seed: int,
        dtype: DType,
        augment: Function | None = None,
    ) -> None:
        self.programs: Programs = programs
        self.model: Layer = programs.model
        self.optimiser: Value = programs.optimiser
        self.data: Dataset = data
        self.batch_size: int = batch_size
        self.seed: int = seed
        self.dtype: DType = dtype
        self.augment: Function | None = augment
        self.folder: Path | None = None
        self.claim: Claim | None = None  # of the process that writes
        self.epoch: int = 0  # whole epochs
        self.done: int = 0  # steps of the present one
        self.total: float = 0.0  # sums over the present epoch
        self.right: int = 0
        self.spent: float = 0.0  # seconds of the present epoch before it was resumed
        self.history: list[Record] = []
        self.best: int | None = None
        self.about: Record = {"dtype": str(dtype), "model": description(self.model)}
        self.about |= {"settings": self.settings()}
        self.about |= {"classes": list(data.classes), "data": data.name, "sample_shape": list(data.shape)}

    def settings(self) -> Record:
        """What must be the same for a run to be resumed."""
        x, y = self.data.x_train, self.data.y_train
        some = x[:: max(1, len(x) // 64)]
        told = {
            "model": repr(self.model),
            "loss": name_of(self.programs.loss),
            "optimiser": repr(self.optimiser),
            "batch_size": self.batch_size,
            "seed": self.seed,
            "dtype": str(self.dtype),
            "data": f"{x.shape} {zlib.crc32(y.tobytes()):08x} {zlib.crc32(some.tobytes()):08x}",
        }
        chosen = {"augment": name_of(self.augment) if self.augment else None, "clip": name_of(self.programs.clip)}
        return told | {name: value for name, value in chosen.items() if value not in (None, "unclipped")}

    def begin(self, params: Tree, state: Tree) -> None:
        first = self.model.init(self.seed, dtype=self.dtype)
        given: Tree = (params, state)
        copies: Tree = optree.tree_map(np.array, given)
        self.params: Tree
        self.state: Tree
        self.params = first[0] if params is None else copies[0]
        self.state = first[1] if state is None else copies[1]
        self.programs.check(self.params, self.state, self.data.x_train, self.data.y_train)
        self.batch(
            0, np.arange(min(2, len(self.data.x_train)))
        )  # a copy; says before any training what augmentation does not go with
        self.memory: Tree = self.optimiser.init(self.params)

    def look(self, folder: Path, resume: bool) -> None:
        """Into the run's folder; a run that is in it already is gone on with, or refused."""
        last = unlinked(folder / "last.npz")
        if last.exists() and not resume:
            raise InputError(f"{folder} holds a run already; resume it (resume=True, --resume), or name another folder")
        if last.exists():
            with Reader(last) as reader:
                self.restore(reader)

    def restore(self, reader: Reader) -> None:
        about = reader.about
        refuse_another(reader, self.settings(), self.about)
        self.params, self.state, self.memory = (reader.tree(n, getattr(self, n)) for n in ("params", "state", "memory"))
        try:
            place = about["place"]
            self.epoch, self.done, self.right = (counted(place[k]) for k in ("epoch", "step", "right"))
            self.programs.backend = known_backend(about.get("backend", self.programs.backend), "fit")
            self.total, self.spent = float(place["total"]), float(place["seconds"])
            self.history = [record_of(r) for r in about["history"]]
            self.best = None if about["best_epoch"] is None else counted(about["best_epoch"], len(self.history), 1)
            if len(self.history) != self.epoch:
                raise ValueError(f"{self.epoch} epochs, and {len(self.history)} of them recorded")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise reader.damaged(error) from None

    def save(self, best: bool = False) -> None:
        """Writes what is needed to go on, and what has been measured; with `best` the best parameters as well."""
        if self.folder is None:
            return
        params, memory, state = self.programs.fetched((self.params, self.memory, self.state))  # all processes do
        if self.claim is None:
            return
        trees = {"params": params, "state": state}
        place = {
            "epoch": self.epoch,
            "step": self.done,
            "total": self.total,
            "right": self.right,
            "seconds": self.spent,
        }
        told = self.about | {"history": self.history, "best_epoch": self.best, "place": place}
        files: dict[str, bytes | str] = {"best.npz": Checkpoint(trees, told).encoded()} if best else {}
        files["metrics.jsonl"] = "".join(json.dumps(record, allow_nan=False) + "\n" for record in self.history)
        files["last.npz"] = Checkpoint(trees | {"memory": memory}, told).encoded()
        self.claim.write(files, force=True, durable=True)

    # The run itself.
    def run(self, epochs: int, callbacks: Sequence[Function], save_every: float, bar: Silent) -> Run:
        stopped = "stopped by a callback" if self.history and self.asked(callbacks) else ""
        if not self.programs.alone:
            same_everywhere((self.settings(), checksum(self.data), epochs, self.epoch, self.done, len(callbacks)))
        with doing("compiling the step"):
            self.prepare()
        self.params, self.memory, self.state = self.programs.placed(self.params, self.memory, self.state)
        with Interrupts() as interrupts:
            bar.begin(self.history)
            try:
                while self.epoch < epochs and not stopped:
                    bar.epoch(self.epoch, epochs, len(self.data.x_train), self.done * self.batch_size)
                    self.one_epoch(interrupts, save_every, bar)
                    self.show(bar, LOOK)
                    bar.finish(self.history[-1])
                    stopped = "stopped by a callback" if self.asked(callbacks) else ""
            finally:
                bar.close()
        params, state = self.programs.fetched((self.params, self.state))
        return Run(self.model, params, state, self.history, self.best, stopped, self.about)

    def asked(self, callbacks: Sequence[Function]) -> bool:
        return sum(callback(self.history) is True for callback in callbacks) > 0

    def prepare(self) -> None:
        """Builds the programs of whole and rest batches before the first step, which runs what later ones run."""
        count = len(self.data.x_train)
        if self.programs.backend == "auto":
            x, y = self.data.x_train[: self.batch_size], self.data.y_train[: self.batch_size]
            trees = (self.params, self.memory, self.state)
            self.programs.backend = fastest(self.programs.update, trees, x, y)
        if self.programs.backend != "numpy":
            self.about["backend"] = self.programs.backend
        self.about |= self.programs.layout
        for size in {min(self.batch_size, count), count % self.batch_size} - {0}:
            x, y = self.data.x_train[:size], self.data.y_train[:size]
            try:
                self.programs.ready((self.params, self.memory, self.state), x, y)
            except ShapeError as error:
                if size == min(self.batch_size, count):
                    raise
                rest = f"the last batch of an epoch has {size} of the {count:,} samples"
                raise ShapeError(f"fit: {rest}, which the model refuses; take another batch_size: {error}") from None

    def one_epoch(self, interrupts: Interrupts, save_every: float, bar: Silent) -> None:
        started = saved = time.perf_counter()
        before = self.spent
        n, safe = len(self.data.x_train), self.snapshot()
        for k, chosen in enumerate(batches(n, self.batch_size, seed=self.seed, epoch=self.epoch)):
            if k < self.done:
                continue
            if k % SNAPSHOT == 0:
                self.memory = self.programs.cleaned(self.memory)
                safe = self.snapshot()
            mean = self.one_step(*self.batch(k, chosen))
            if not finite(mean):
                self.trouble(safe, k)
            self.total += float(mean) * len(chosen)
            self.done = k + 1
            seen = min(self.done * self.batch_size, n)
            bar.advance(len(chosen), self.total / seen, self.right / seen if self.data.classes else None)
            now = time.perf_counter()
            self.spent = before + now - started
            urgent = STOP if interrupts.asked is not None else SAVE if now - saved > save_every else NOTHING
            agreed = self.programs.agree(urgent or (LOOK if bar.wants() else NOTHING))
            if agreed >= SAVE:
                self.save()
                saved = now
            self.show(bar, agreed)
            if agreed == STOP:
                self.stop(interrupts)
        self.finish_epoch(before + time.perf_counter() - started, safe, interrupts)

    def show(self, bar: Silent, agreed: int) -> None:
        """Lets the bar look where it wants to: with other processes, which fetch what it sees, where they agreed."""
        if bar.wants() if self.programs.alone else agreed != NOTHING:
            bar.look(*self.programs.seen((self.params, self.state)))

    def batch(self, step: int, chosen: Array) -> tuple[Array, Array]:
        """The samples of one step, augmented by what seed, epoch and step decide alone, and their labels."""
        x, y = self.data.x_train[chosen], self.data.y_train[chosen]
        if self.augment is None:
            return x, y
        made = np.asarray(self.augment(x, np.random.default_rng((self.seed, self.epoch, step, AUGMENTED))))
        if made.shape != x.shape:
            raise ShapeError(f"fit: augment made samples of shape {made.shape} of a batch of shape {x.shape}")
        if made.dtype.kind not in "fiub":
            raise InputError(f"fit: augment made samples of dtype {made.dtype}; they must be real numbers")
        return made.astype(x.dtype, copy=False), y

    def stop_if_asked(self, interrupts: Interrupts) -> None:
        if interrupts.asked is not None and self.programs.alone:
            self.save()
            self.stop(interrupts)

    def stop(self, interrupts: Interrupts) -> None:
        interrupts.act()
        raise InputError("fit: another process was asked to stop, and so all have; resume goes on from here")

    def one_step(self, x: Array, y: Array) -> Value:
        (self.params, self.memory, self.state), mean, hits = self.programs.take(
            (self.params, self.memory, self.state), x, y
        )
        self.right += hits
        return mean

    def finish_epoch(self, seconds: float, safe: Tree, interrupts: Interrupts) -> None:
        if not self.programs.finite(self.params):
            self.trouble(safe, self.done)
        data, n = self.data, len(self.data.x_train)
        record = {
            "epoch": self.epoch + 1,
            "train_loss": self.total / n,
            "train_accuracy": self.right / n if data.classes else None,
            "test_loss": None,
            "test_accuracy": None,
        }
        if len(data.x_test):
            look = partial(self.stop_if_asked, interrupts)
            found = self.programs.evaluate(self.params, self.state, data.x_test, data.y_test, look=look)
            record |= {"test_loss": found[0] if finite(found[0]) else None, "test_accuracy": found[1]}
        record |= {"seconds": round(seconds, 3), "samples_per_second": round(n / max(seconds, 1e-9), 1)}
        self.history.append(record)
        self.epoch, self.done, self.total, self.right, self.spent = self.epoch + 1, 0, 0.0, 0, 0.0
        best = self.best is None or score(record) < score(self.history[self.best - 1])
        if best:
            self.best = self.epoch
        self.save(best)

    # A step that gave no number.
    def snapshot(self) -> Tree:
        trees: Tree = (self.params, self.memory, self.state)
        return self.done, self.programs.fetched(trees)

    def trouble(self, safe: Tree, last: int) -> None:
        """Runs the steps since the last copy again, up to the first that leaves no number, and says what is wrong."""
        start: int
        trees: tuple[Tree, ...]
        start, trees = safe
        for k, chosen in enumerate(batches(len(self.data.x_train), self.batch_size, seed=self.seed, epoch=self.epoch)):
            if k < start:
                continue
            x, y = self.batch(k, chosen)
            given: Tree = trees
            params, memory, state = optree.tree_map(np.array, given)
            after, mean, _ = self.programs.take((params, memory, state), x, y)
            good = finite(mean) and self.programs.finite(after[0])
            if not good or k >= last:
                reason = first_bad_node(self.programs.update, *trees, x, y)
                kept = f"; {self.claim.folder / 'last.npz'} is from before it" if self.claim and self.epoch else ""
                where = f"epoch {self.epoch + 1}, step {k + 1}: the loss is {float(mean):g}"
                hint = "" if "is the input" in reason else ". A smaller learning rate or clipped gradients may help"
                raise DomainError(f"{where}; {reason}{hint}{kept}")
            trees = self.programs.fetched(after)


def score(record: Record) -> float:
    """What the best epoch has the least of: wrong answers, or loss, in the test if there is one."""
    for metric in ("test_accuracy", "test_loss", "train_accuracy", "train_loss"):
        if record[metric] is not None:
            told: float = sign(metric) * record[metric]
            return told
    return float("inf")
