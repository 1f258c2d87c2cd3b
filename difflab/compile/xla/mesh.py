"""Arrays over many devices: which there are, how an array is cut, how it gets there and back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import optree

from ...errors import InputError, LostError
from ...types import Array, Shape, Tree, Value
from .carrier import jax, x64

AXIS = "devices"  # the mesh has this one axis
WHOLE, SPLIT, BY_RULE = "whole", "split", "by rule"  # how an argument lies: on all, cut along axis 0, as the rule says

Rule: TypeAlias = Callable[[Shape], int | None]  # the axis along which an array of this shape is cut; None: it is not


def replicated(shape: Shape) -> int | None:
    """Every device has all of it."""
    return None


@dataclass(frozen=True)
class Mesh:
    """The devices of all processes in a row, `per_process` of each, and the rule by which parameters are cut.

    >>> Mesh(1).rule((3, 4)) is None
    True
    """

    per_process: int
    rule: Rule = replicated

    @cached_property
    def count(self) -> int:
        """The devices of all processes together."""
        return self.per_process * processes()

    @cached_property
    def devices(self) -> Array:
        """JAX's devices, process by process; InputError where a process has not so many."""
        module = jax()
        found = []
        for process in range(processes()):
            there = [d for d in module.devices() if d.process_index == process]
            if len(there) < self.per_process:
                kind = module.default_backend()
                mend = "ask for fewer"
                if kind == "cpu":
                    mend += (
                        ", or start Python with XLA_FLAGS=--xla_force_host_platform_device_count="
                        f"{self.per_process} (the shell command does)"
                    )
                raise InputError(f"devices={self.per_process}: JAX has {len(there)} here, of kind {kind}; {mend}")
            found += there[: self.per_process]
        return np.array(found)

    @cached_property
    def mesh(self) -> Any:
        return jax().sharding.Mesh(self.devices, (AXIS,))

    def along(self, axis: int | None) -> Any:
        """The sharding that cuts this axis into equal parts, one for each device."""
        module = jax().sharding
        spec = module.PartitionSpec() if axis is None else module.PartitionSpec(*[None] * axis, AXIS)
        return module.NamedSharding(self.mesh, spec)

    def lies(self, shape: Shape, kind: str) -> Any:
        """The sharding of an argument of this shape. What cannot be cut into equal parts is on every device."""
        axis = {WHOLE: None, SPLIT: 0, BY_RULE: self.rule(shape)}[kind]
        fits = axis is not None and axis < len(shape) and shape[axis] > 0 and shape[axis] % self.count == 0
        return self.along(axis if fits else None)

    def place(self, tree: Tree, kind: str) -> Tree:
        """NumPy's arrays on the devices; each process hands over what its own devices have of them."""

        def put(x: Value) -> Value:
            if isinstance(x, jax().Array):
                return x
            x = np.asarray(x)
            return jax().make_array_from_callback(x.shape, self.lies(x.shape, kind), lambda index: x[index])

        with x64():
            return optree.tree_map(put, tree)

    def fetch(self, tree: Tree) -> Tree:
        """The arrays as NumPy's own, whole in every process; all processes have to ask for the same."""

        def get(x: Value) -> Value:
            if not isinstance(x, jax().Array):
                return np.array(x)
            if not (x.is_fully_addressable or x.is_fully_replicated):
                x = jax().jit(lambda y: y, out_shardings=self.along(None))(x)
            return np.array(x)

        with x64(), in_company():
            return optree.tree_map(get, tree)


@contextmanager
def in_company() -> Iterator[None]:
    """Around what waits for other processes: their end comes as an error of JAX's runtime, of one kind or another."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if processes() == 1:
            raise
        raise LostError(
            f"another of {processes()} processes has ended or cannot be reached ({str(error)[:200]}); start all again, "
            "from the last checkpoint"
        ) from error


def processes() -> int:
    """How many processes JAX's runtime joins."""
    count: int = jax().process_count()
    return count


def process() -> int:
    """The number of this one; 0 writes files."""
    number: int = jax().process_index()
    return number


def largest_axis(count: int, least: int = 1 << 14) -> Rule:
    """The rule that cuts arrays of at least `least` elements along the longest axis that `count` divides.

    >>> rule = largest_axis(4)
    >>> rule((784, 256)), rule((256, 10)), rule((1001, 1001))
    (0, None, None)
    """

    def rule(shape: Shape) -> int | None:
        if int(np.prod(shape)) < least:
            return None
        fitting = [axis for axis, size in enumerate(shape) if size % count == 0]
        return max(fitting, key=lambda axis: shape[axis], default=None)

    return rule


def bytes_per_device(tree: Tree) -> int:
    """How many bytes of placed arrays the first device of this process holds."""
    here = jax().local_devices()[0]
    parts = [
        s.data.nbytes
        for x in optree.tree_leaves(tree)
        if isinstance(x, jax().Array)
        for s in x.addressable_shards
        if s.device == here
    ]
    return int(sum(parts))


def same_everywhere(told: object) -> None:
    """Refuses a run whose processes were given different things, which `told` says of this one."""
    if processes() == 1:
        return
    mine = zlib.crc32(repr(told).encode())
    multihost = import_module("jax.experimental.multihost_utils")
    with in_company():
        found = np.asarray(multihost.process_allgather(np.uint32(mine))).reshape(-1)
    odd = [k for k, other in enumerate(found) if other != found[0]]
    if odd:
        raise InputError(
            f"process {process()} has other data or settings than {'process 0' if process() else f'process {odd[0]}'}: "
            f"hashes {found[0]:08x} and {found[odd[0]]:08x}; give all processes the same data set, options and folder"
        )
