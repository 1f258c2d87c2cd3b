"""The steps of a program, run one after the other on traced values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ...errors import UnsupportedError
from ...graph.node import BLOCK
from ...graph.traced import Traced
from ...types import DType, Params, Value
from ..packages import Foreign
from .operations import function_of, name_of
from .origins import Origins
from .program import Program, attributes, needed_for

IGNORED = ("layout", "device", "pin_memory", "memory_format", "non_blocking", "generator")  # of where, not of what


class Run:
    """One run of steps: their values, and from where the recorded operations come."""

    def __init__(self, steps: list[Foreign], values: Params, operations: list[Traced], origins: Origins) -> None:
        self.steps = steps
        self.values = values
        self.operations = operations
        self.origins = origins
        self.notes: list[tuple[Foreign, str]] = []

    def results(self, wanted: Iterable[Foreign]) -> list[Value]:
        """The values of these steps, or plain ones."""
        with np.errstate(all="ignore"):
            for step in self.steps:
                self.take(step)
        return [self.read(x) for x in wanted]

    def take(self, step: Foreign) -> None:
        """Runs one step, in its block, and notes its origin on what it records."""
        before = len(self.operations)
        token = BLOCK.set(self.origins.block(step))
        try:
            value = self.values[step.name] = self.computed(step)
        finally:
            BLOCK.reset(token)
        new = self.operations[before:]
        if value.__class__ is Traced and value.name is None and any(value is made for made in new):
            value.name = step.name
        if told := self.origins.note(step) if new else "":
            self.notes += [(made, told) for made in new]

    def computed(self, step: Foreign) -> Value:
        """What the table's function gives."""
        args = [self.read(x) for x in step.args]
        kwargs = {name: self.read(x) for name, x in step.kwargs.items() if name not in IGNORED}
        return fitted(function_of(step.target)(*args, **kwargs), step.meta.get("val"), step)

    def read(self, x: Foreign) -> Value:
        """An argument of a step as the functions take it: values, NumPy's dtypes for torch's, functions for modules."""
        if isinstance(x, tuple | list):
            return [self.read(e) for e in x]
        if hasattr(x, "all_input_nodes"):
            value = self.values[x.name]
            return self.callable(value) if is_module(value) else value
        return dtype_of(x) if str(x).startswith("torch.") else x

    def callable(self, module: Foreign) -> Foreign:
        """The module of a branch or of a loop's body, as a function of its operands."""

        def run(*operands: Value) -> list[Value]:
            places = [step.name for step in module.graph.nodes if step.op == "placeholder"]
            results = results_of(module)
            values = dict(zip(places, operands)) | attributes(module)
            inner = Run(needed_for(module.graph, results), values, [], self.origins)
            return inner.results(results)

        return run


def results_of(module: Foreign) -> list[Foreign]:
    """What a branch or a loop's body returns."""
    found = module.graph.output_node().args[0]
    return list(found) if isinstance(found, tuple | list) else [found]


def is_module(x: Foreign) -> bool:
    """Whether x is what torch runs as a branch or as a loop's body."""
    return hasattr(x, "graph") and hasattr(x, "recompile")


def dtype_of(kind: Foreign) -> Foreign:
    """NumPy's dtype for torch's; what is none (a layout, a device) as it is."""
    try:
        return np.dtype(str(kind).removeprefix("torch."))
    except TypeError:
        return kind


def fitted(value: Value, like: Foreign, step: Foreign) -> Value:
    """The value in the dtype that torch gives it; another shape is a mistake of the table."""
    if isinstance(like, list | tuple):
        return [fitted(v, e, step) for v, e in zip(value, like)]
    if value is None or not hasattr(like, "dtype"):
        return value
    dtype: DType = dtype_of(like.dtype)
    if value.__class__ is not Traced:
        value = np.asarray(value)
    if value.shape != tuple(like.shape):
        told = f"gives shape {value.shape} where torch has {tuple(like.shape)}: please report it"
        raise UnsupportedError(f"from_torch: {name_of(step.target)} {told}")
    return value if value.dtype == dtype else value.astype(dtype)


def all_steps(program: Program) -> Iterator[Foreign]:
    """The steps of a program, and those of the modules that it runs."""
    yield from program.steps
    modules = [x for x in program.constants.values() if is_module(x)]
    while modules:
        module = modules.pop()
        yield from needed_for(module.graph, results_of(module))
        modules += [x for x in attributes(module).values() if is_module(x)]
