"""Writes that torch's derivatives do not see: under torch.no_grad, and through what detach() shares memory with.

Such a write changes values and leaves derivatives as they were before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import NamedTuple

from ...errors import UnsupportedError
from ..packages import Foreign

TOLD = (
    "from_torch: the function writes, through detach(), .data or a part under torch.no_grad(), into a tensor that has "
    "a derivative, and reads it afterwards: write into its clone()"
)
# Of the operand these take the shape alone.
NEW = {f"{kind}_like" for kind in ("zeros", "ones", "full", "empty", "rand", "randn")} | {
    f"new_{kind}" for kind in ("zeros", "ones", "full", "empty")
}


def written(step: Foreign) -> list[Foreign]:
    """The steps whose memory a step in place writes into."""
    return list(aliased(step, writing=True))


def aliased(step: Foreign, writing: bool = False) -> Iterator[Foreign]:
    """The operands whose memory an operation writes into, or that its result shares."""
    schema: Foreign = getattr(step.target, "_schema", None)
    for x, a in zip(step.args, schema.arguments if schema is not None else ()):
        if hasattr(x, "op") and a.alias_info is not None and (a.alias_info.is_write or not writing):
            yield x


class Tensor(NamedTuple):
    """What a step's result shares its memory with, whether by way of `detach`, and whether it is a part of it."""

    root: Foreign
    hidden: bool = False
    part: bool = False


class Watch:
    """Goes through steps in order; raises UnsupportedError where a write that has no derivative is read."""

    def __init__(self, torch: Foreign, moving: Set[Foreign]) -> None:
        self.torch = torch
        self.tensors: dict[Foreign, Tensor] = {}
        self.moving: set[Foreign] = set(moving)  # roots that have a derivative
        self.spoiled: dict[Foreign, bool] = {}  # roots that were written into, and whether `detach` alone reads that
        self.straight: list[tuple[Foreign, Foreign]] = []  # results of writes, and what these have changed

    def of(self, x: Foreign) -> Tensor:
        return self.tensors.get(x) or Tensor(x)

    def through(self, graph: Foreign, recording: bool = True) -> None:
        for step in graph.nodes:
            if step.target is self.torch._C._set_grad_enabled:
                recording = bool(step.args[0])
            elif getattr(step.target, "__name__", "") == "wrap_with_set_grad_enabled":
                self.inside(step)
            elif step.op == "call_function" and getattr(step.target, "__name__", "") == "getitem":
                self.tensors.setdefault(step, self.of(step.args[0]))
            elif step.op in ("call_function", "output"):
                self.take(step, recording)

    def take(self, step: Foreign, recording: bool) -> None:
        shared = list(aliased(step))
        into = written(step)
        for x in step.all_input_nodes:
            if self.of(x).root in self.spoiled and (x not in shared or x in into):
                self.read(self.of(x))
        live = recording and any(self.live(x) for x in step.all_input_nodes)
        for x in into:
            self.write(step, self.of(x), recording, live)
        if shared:
            if step not in self.tensors:
                first = self.of(shared[0])
                hidden = first.hidden or step.target is self.torch.ops.aten.detach.default
                self.tensors[step] = Tensor(first.root, hidden, first.part or not (into or hidden))
        elif live and str(getattr(step.target, "overloadpacket", "")).rpartition(".")[2] not in NEW:
            self.moving.add(step)

    def live(self, x: Foreign) -> bool:
        found = self.of(x)
        return found.root in self.moving and not found.hidden

    def read(self, x: Tensor) -> None:
        if not (x.hidden and self.spoiled[x.root]):
            raise UnsupportedError(TOLD)

    def write(self, step: Foreign, x: Tensor, recording: bool, live: bool) -> None:
        if x.root not in self.moving:
            if live and not x.hidden:
                self.moving.add(x.root)
        elif x.hidden:
            self.spoiled.setdefault(x.root, True)
        elif not recording and x.part:
            self.spoiled[x.root] = False
        elif not recording:  # the value of the one, and the derivative of the other
            self.straight.append((step, x.root))
            self.tensors[step] = Tensor(step)
            self.moving.add(step)

    def inside(self, step: Foreign) -> None:
        """A part of the function that has a mode of its own, as torch.export has it."""
        recording, name, *given = step.args
        graph = getattr(step.graph.owning_module, name.target).graph
        for inner, outer in zip((x for x in graph.nodes if x.op == "placeholder"), given):
            self.tensors[inner] = self.of(outer)
        before = len(self.straight)
        self.through(graph, bool(recording))
        changed = dict(self.straight[before:])
        del self.straight[before:]
        results = graph.output_node().args[0]
        for user in step.users:
            result = results[user.args[1]]
            if result in changed:
                self.straight.append((user, changed[result]))
                self.moving.add(user)
                self.tensors[user] = Tensor(user)
            else:
                self.tensors[user] = self.of(result)


def unseen(torch: Foreign, module: Foreign, moving: Set[str]) -> dict[Foreign, Foreign]:
    """What has the value of one step and the derivative of another: a step in place under torch.no_grad, and what it
    changes. `moving` are the names of placeholders that have derivatives. Raises UnsupportedError.
    """
    watch = Watch(torch, {x for x in module.graph.nodes if x.op == "placeholder" and x.name in moving})
    watch.through(module.graph)
    return dict(watch.straight)


def straight(torch: Foreign, graph: Foreign, write: Foreign, result: Foreign, under: Foreign) -> None:
    """Puts behind the result of a write a value that has the derivative of what it changed: plus a difference of 0."""
    aten = torch.ops.aten
    readers = list(result.users)
    with graph.inserting_before(write):
        kept = graph.call_function(aten.clone.default, (under,))
        fixed = graph.call_function(aten.detach.default, (kept,))
        zero = graph.call_function(aten.sub.Tensor, (kept, fixed))
    with graph.inserting_after(result):
        value = graph.call_function(aten.detach.default, (result,))
    with graph.inserting_after(value):
        new = graph.call_function(aten.add.Tensor, (value, zero))
    for made in (kept, fixed, zero, value, new):
        made.meta.update(result.meta)
    for reader in readers:
        reader.replace_input_with(result, new)
