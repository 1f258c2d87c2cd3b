"""Training over many devices: batches are cut, parameters lie whole on each device or are cut by a rule."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ...compile.program.program import known_backend
from ...compile.xla.mesh import BY_RULE, SPLIT, WHOLE, Mesh, largest_axis, process, processes, replicated
from ...compile.xla.sharded import Sharded
from ...errors import InputError
from ...types import Array, Params, State, Tree, Value
from ..arrays import Memory
from ..layers.layer import Layer
from .step import Clip, Loss, Programs

PARAMETERS = ("whole", "split")
PRECISIONS = ("float32", "bfloat16")


def counted_devices(devices: int | None, backend: str | None, parameters: str, precision: str | None) -> str | None:
    """The backend, with what was asked for checked against it."""
    if parameters not in PARAMETERS:
        raise InputError(f"fit: parameters={parameters!r}; they lie {' or '.join(map(repr, PARAMETERS))} on devices")
    if precision not in (None, *PRECISIONS):
        raise InputError(f"fit: precision={precision!r}; it is one of {', '.join(PRECISIONS)}")
    if devices is None:
        if precision == "bfloat16" or parameters != "whole":
            raise InputError(
                f"fit: precision={precision!r}, parameters={parameters!r} need devices=, such as devices=1"
            )
        return backend
    if not isinstance(devices, int) or isinstance(devices, bool) or devices < 1:
        raise InputError(f"fit: devices={devices!r}; give how many of them, at least 1")
    if backend not in (None, "jax"):
        raise InputError(f"fit: devices={devices} and backend={backend!r}; devices are JAX's: leave backend out")
    return known_backend("jax", "fit")


class DevicePrograms(Programs):
    """The same programs over a mesh of devices. Parameters and memory stay there between steps."""

    def __init__(
        self, model: Layer, loss: Loss, optimiser: Value, classify: bool, clip: Clip, mesh: Mesh, precision: str | None
    ) -> None:
        super().__init__(model, loss, optimiser, classify, clip, "jax")
        self.mesh: Mesh = mesh
        self.precision: str | None = None if precision == "float32" else precision
        self.wish: int = 0  # of this process, told to the others in the next step
        self.wishes: int = 0  # the largest that the last step has told

    def step_and_wish(self, params: Params, memory: Memory, state: State, x: Value, y: Value, wishes: Value) -> Value:
        """One step, and the largest of the processes' wishes: they all have to save or end behind the same step."""
        return *self.update(params, memory, state, x, y), np.max(wishes)

    @cached_property
    def sharded(self) -> Sharded:
        kinds = (BY_RULE, BY_RULE, WHOLE)
        return Sharded(
            self.step_and_wish,
            self.mesh,
            (*kinds, SPLIT, SPLIT, SPLIT),
            (*kinds, WHOLE, WHOLE, WHOLE),
            (0, 1, 2),
            self.precision,
        )

    @cached_property
    def judge(self) -> Any:
        sharded = self.sharded_judge
        return lambda *args: self.mesh.fetch(sharded(*args))

    @cached_property
    def sharded_judge(self) -> Sharded:
        return Sharded(self.both, self.mesh, (BY_RULE, WHOLE, SPLIT, SPLIT), (WHOLE, WHOLE), (), self.precision)

    def take(self, trees: tuple[Tree, ...], x: Array, y: Array) -> tuple[tuple[Tree, ...], Value, int]:
        *after, mean, hits, wishes = self.sharded(*trees, x, y, self.wished)
        mean, hits, wishes = self.mesh.fetch((mean, hits, wishes))
        self.wishes = int(wishes)
        return tuple(after), mean[()], int(hits)

    @property
    def wished(self) -> Array:
        return np.full(self.mesh.count, self.wish, np.int32)

    def agree(self, wish: int) -> int:
        self.wish = wish
        return wish if self.alone else self.wishes

    def ready(self, trees: tuple[Tree, ...], x: Array, y: Array) -> None:
        self.sharded.program((*trees, x, y, self.wished))

    def ready_to_judge(self, *args: Tree) -> None:
        self.sharded_judge.program(args)

    def placed(self, params: Params, memory: Memory, state: State) -> tuple[Tree, ...]:
        return tuple(self.mesh.place(t, kind) for t, kind in zip((params, memory, state), (BY_RULE, BY_RULE, WHOLE)))

    def fetched(self, tree: Tree) -> Tree:
        return self.mesh.fetch(tree)

    def seen(self, trees: tuple[Params, State]) -> tuple[Params, State]:
        params, state = self.fetched(trees)
        return params, state

    def cleaned(self, memory: Tree) -> Tree:
        return memory  # XLA's threads flush denormal numbers, and other devices have none that cost time

    def finite(self, tree: Tree) -> bool:
        return super().finite(self.fetched(tree))

    @property
    def alone(self) -> bool:
        return processes() == 1

    @property
    def writes(self) -> bool:
        return process() == 0

    @property
    def layout(self) -> dict[str, Any]:
        told = {"devices": self.mesh.per_process, "processes": processes()}
        return told | ({"precision": self.precision} if self.precision else {})


def device_mesh(devices: int, parameters: str, batch_size: int) -> Mesh:
    """The mesh; refuses a batch that its devices cannot share."""
    count = devices * processes()
    mesh = Mesh(devices, replicated if parameters == "whole" else largest_axis(count))
    assert len(mesh.devices) == count
    if batch_size % count:
        near = max(count, round(batch_size / count) * count)
        raise InputError(f"fit: batch_size={batch_size} does not divide over {count} devices; take {near}")
    return mesh
