"""The programs of training: one step, and the evaluation of a batch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np
import optree

from ...compile.program.program import CompiledFunction, compile
from ...differentiate.transform import value_and_grad
from ...errors import InputError, ShapeError
from ...types import Array, Params, State, Tree, Value
from .. import functional as F
from ..arrays import Memory
from ..layers.layer import Layer
from ..optim.checks import number
from ..optim.clipping import clip_grad_norm, clip_grad_value

Loss = Callable[..., Value]  # of output and target
Clip = Callable[[Tree], Tree]  # of gradients
LOSSES = ("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss",
          "binary_cross_entropy", "binary_cross_entropy_with_logits")  # fmt: skip


def loss_of(loss: str | Loss) -> Loss:
    """The loss itself, or the one of nn.functional with this name."""
    if isinstance(loss, type):
        raise InputError(f"fit: loss={loss.__name__} is a class; make one, with {loss.__name__}()")
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise InputError(f"fit: loss={loss!r}; give a function of output and target, or one of {', '.join(LOSSES)}")
    found: Loss = getattr(F, loss)
    return found


def name_of(loss: object) -> str:
    """What tells one loss, augmentation or clipping from another: a function's name, an object's settings."""
    if isinstance(loss, partial):
        return f"{name_of(loss.func)} {f'{loss.args} ' if loss.args else ''}{loss.keywords}"
    if (name := getattr(loss, "__name__", None)) is not None:
        return str(name)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(loss))  # an address is another one when the run is resumed


def clipping(norm: float | None, value: float | None) -> Clip:
    """What is done to the gradients before a step."""
    if norm is not None and value is not None:
        raise InputError(f"fit: clip_norm={norm} and clip_value={value}; give one of them")
    for name, most in (("clip_norm", norm), ("clip_value", value)):
        if most is not None and (not number(most) or not 0 < most < math.inf):
            raise InputError(f"fit: {name}={most!r}; give a number above 0, or leave it out")
    if norm is not None:
        return partial(clipped_by_norm, most=float(norm))
    return unclipped if value is None else partial(clipped_by_value, most=float(value))


def unclipped(gradients: Tree) -> Tree:
    return gradients


def clipped_by_norm(gradients: Tree, most: float) -> Tree:
    return clip_grad_norm(gradients, most)[0]


def clipped_by_value(gradients: Tree, most: float) -> Tree:
    return clip_grad_value(gradients, most)


class Programs:
    """A model, a loss and an optimiser as compiled functions.

    `step(params, memory, state, x, y)` gives the parameters, the optimiser's memory and the layers' state after one
    step, the mean loss of the batch before it, and how many samples were classified rightly. The arrays given for the
    first three are overwritten.
    """

    def __init__(
        self, model: Layer, loss: Loss, optimiser: Value, classify: bool,
        clip: Clip = unclipped, backend: str | None = None,
    ) -> None:  # fmt: skip
        self.clip = clip
        self.backend = backend
        self.model: Layer = model
        self.loss: Loss = loss
        self.optimiser: Value = optimiser
        self.classify: bool = classify
        self.judged: set[int] = set()

    def objective(self, params: Params, state: State, x: Value, y: Value) -> Value:
        output, state = self.model.apply(params, state, x, training=True)
        return self.loss(output, y), (state, self.hits(output, y))

    def hits(self, output: Value, y: Value) -> Value:
        """How many rows have their largest entry at the class; 0 where there are no classes."""
        return np.sum(np.argmax(output, 1) == y) if self.classify else np.zeros((), np.int64)

    def update(self, params: Params, memory: Memory, state: State, x: Value, y: Value) -> Value:
        """One step, as a plain function."""
        (value, (state, hits)), gradient = value_and_grad(self.objective, has_aux=True)(params, state, x, y)
        params, memory = self.optimiser.update(params, self.clip(gradient), memory)
        return params, memory, state, value, hits

    @cached_property
    def step(self) -> CompiledFunction:
        return compile(self.update, donate_argnums=(0, 1, 2), backend=self.backend)

    @cached_property
    def infer(self) -> CompiledFunction:
        apply = lambda params, state, x: self.model.apply(params, state, x, training=False)[0]
        return compile(apply, backend=self.backend)

    @cached_property
    def judge(self) -> CompiledFunction:
        return compile(self.both, backend=self.backend)

    def both(self, params: Params, state: State, x: Value, y: Value) -> Value:
        """The mean loss of a batch and the number of right answers, with training=False."""
        output = self.model.apply(params, state, x, training=False)[0]
        return self.loss(output, y), self.hits(output, y)

    # What is another thing where arrays lie on devices.
    def take(self, trees: tuple[Tree, ...], x: Array, y: Array) -> tuple[tuple[Tree, ...], Value, int]:
        """A step from parameters, memory and state: these after it, the loss, and the hits."""
        *after, mean, hits = self.step(*trees, x, y)
        return tuple(after), mean, int(hits)

    def agree(self, wish: int) -> int:
        """What is done behind the last step, by the wishes of all processes."""
        return wish

    def ready(self, trees: tuple[Tree, ...], x: Array, y: Array) -> None:
        """Builds the step's program for batches of this shape."""
        self.step.prepare(*trees, x, y)

    def ready_to_judge(self, *args: Tree) -> None:
        self.judge.prepare(*args)

    def placed(self, params: Params, memory: Memory, state: State) -> tuple[Tree, ...]:
        """The trees where the programs want them."""
        return params, memory, state

    def fetched(self, tree: Tree) -> Tree:
        """The tree as NumPy's arrays; a copy, where steps would write over it."""
        return optree.tree_map(np.array, tree)

    def seen(self, trees: tuple[Params, State]) -> tuple[Params, State]:
        """Parameters and state as NumPy's arrays, to be looked at before the next step."""
        return trees

    def cleaned(self, memory: Tree) -> Tree:
        """The optimiser's memory without what costs time and does nothing."""
        return optree.tree_map(without_dust, memory)

    def finite(self, tree: Tree) -> bool:
        """Whether every number is finite."""
        return all(np.isfinite(p).all() for p in optree.tree_leaves(tree))

    @property
    def alone(self) -> bool:
        """Whether no other process trains with this one."""
        return True

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes files."""
        return True

    @property
    def layout(self) -> dict[str, Any]:
        """What a checkpoint says of the devices; a run may go on with others."""
        return {}

    def evaluate(
        self,
        params: Params,
        state: State,
        x: Array,
        y: Array,
        batch_size: int = 256,
        look: Callable[[], None] = lambda: None,
    ) -> tuple[float, float | None]:
        """The mean loss over all samples, and the share of right answers (None where there are no classes).

        `look` is called after each batch.
        """
        total, right = 0.0, 0
        for start in range(0, len(x), batch_size):
            part = slice(start, start + batch_size)
            if len(x[part]) not in self.judged:  # so that a resumed run evaluates by the same code
                self.ready_to_judge(params, state, x[part], y[part])
                self.judged.add(len(x[part]))
            value, hits = self.judge(params, state, x[part], y[part])
            total += float(value) * len(x[part])
            right += int(hits)
            look()
        return total / len(x), right / len(x) if self.classify else None

    def check(self, params: Params, state: State, x: Array, y: Array) -> None:
        """Runs two samples through model and loss, so that what does not fit is said before any training."""
        few = slice(0, 2)
        output, _ = self.model.apply(params, state, x[few], training=False)
        shape = np.shape(output)
        if self.classify and (len(shape) != 2 or shape[1] <= int(y.max(initial=0))):
            raise ShapeError(
                f"fit: for samples of shape {x.shape[1:]} the model's output has shape {shape[1:]}; labels up to "
                f"{int(y.max(initial=0))} need one score for each of at least {int(y.max(initial=0)) + 1} classes"
            )
        value = self.loss(output, y[few])
        if np.shape(value) != ():
            raise ShapeError(
                f'fit: the loss has shape {np.shape(value)}; it must be one number, as with reduction="mean"'
            )


def without_dust(x: Array) -> Array:
    """Zeros in place of single-precision numbers below 1e-30.

    Averages of gradients that stay 0 decay to denormal numbers, which cost a processor a hundred times as much and do
    nothing: a parameter's step is at most 1e-22 of them. Done every few steps, none of them gets that small.
    """
    return np.where(np.abs(x) < 1e-30, np.float32(0), x) if x.dtype == np.float32 else x


def finite(value: Value) -> bool:
    return math.isfinite(float(value))
