"""What torch's exporters say of a function: steps, inputs and their names, constants, the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...graph.pytree import flatten
from ...types import Array, Function, Params, Tree, Value
from ..packages import Foreign

KINDS = ("float64", "float32", "int64", "int32", "int16", "int8", "uint8", "bool")


@dataclass(frozen=True, eq=False)
class Program:
    """Steps of ATen operations, as nodes of torch.fx: those that results need, in order, and what they begin with.

    `inputs` are a placeholder, a name and the value at the examples, first those of arguments, then those of
    parameters; `constants` are the values of other placeholders and attributes; `results` are steps or plain values.
    """

    steps: list[Foreign]
    inputs: list[tuple[str, str, Array]]
    arguments: int
    constants: dict[str, Value]
    results: list[Foreign]
    flatten: Function
    rebuild: Function

    @property
    def defaults(self) -> list[Array]:
        """The values of parameters."""
        return [x for _, _, x in self.inputs[self.arguments :]]


@dataclass(frozen=True)
class Arguments:
    """The leaves of a call's arguments that are tensors; `fixed`, the others, have to be as they were."""

    fixed: tuple[tuple[int, str, Value], ...]

    def __call__(self, *args: Tree) -> list[Value]:
        leaves = flatten(args)[0]
        for place, name, value in self.fixed:
            if place < len(leaves) and not same(leaves[place], value):
                raise InputError(
                    f"{name} is {leaves[place]!r:.60}, and the graph was recorded for {value!r:.60}, which is part of "
                    "it: call from_torch with the other value"
                )
        dropped = {place for place, _, _ in self.fixed}
        return [x for place, x in enumerate(leaves) if place not in dropped]


def same(x: Value, y: Value) -> bool:
    """Whether two arguments that are no tensors are the same."""
    try:
        return bool(x == y)
    except (TypeError, ValueError):
        return False


def as_array(x: Value, name: str) -> Array:
    """A copy of a tensor's numbers, which nobody writes into."""
    kind = str(x.dtype).removeprefix("torch.")
    if kind not in KINDS:
        raise InputError(f"from_torch: {name} has dtype {kind}; give one of {', '.join(KINDS)}, such as x.double()")
    found = np.array(x.detach().cpu().resolve_neg().numpy())
    found.setflags(write=False)
    return found


def read(module: Foreign) -> Params:
    """What steps read as attributes, as torch has it."""
    found: Params = {}
    for step in module.graph.nodes:
        if step.op == "get_attr":
            value = module
            for part in step.target.split("."):
                value = getattr(value, part)
            found[step.name] = value
    return found


def attributes(module: Foreign) -> Params:
    """What steps read as attributes: tensors as arrays, and the modules of branches and loops."""
    return {name: as_array(x, name) if hasattr(x, "dtype") else x for name, x in read(module).items()}


def needed_for(graph: Foreign, results: list[Foreign]) -> list[Foreign]:
    """The steps whose values the results need, in order."""
    wanted = {r for r in results if hasattr(r, "all_input_nodes")}
    for step in reversed(graph.nodes):
        if step in wanted:
            wanted.update(step.all_input_nodes)
    return [step for step in graph.nodes if step in wanted and step.op == "call_function"]
