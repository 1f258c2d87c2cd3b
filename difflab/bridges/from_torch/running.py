"""The steps of a program, run one after the other on traced values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...graph.node import BLOCK
from ...graph.traced import Traced
from ...types import Params, Value
from .operations import function_of, name_of
from .origins import Origins
from .program import Program

IGNORED = ("layout", "device", "pin_memory", "memory_format", "non_blocking", "generator")  # of where, not of what


class Run:
    """One run of a program: the values of its steps, and from where the recorded operations come."""

    def __init__(self, program: Program, inputs: Params, operations: list[Traced]) -> None:
        self.program = program
        self.values: Params = {**program.constants, **inputs}
        self.operations = operations
        self.origins = Origins()
        self.notes: list[tuple[Any, str]] = []

    def outputs(self) -> list[Value]:
        """The values of the results."""
        with np.errstate(all="ignore"):
            for step in self.program.steps:
                self.take(step)
        return [self.read(x) for x in self.program.results]

    def take(self, step: Any) -> None:
        """Runs one step, in its block, and notes its origin on what it records."""
        before = len(self.operations)
        token = BLOCK.set(self.origins.block(step))
        try:
            value = self.computed(step)
        finally:
            BLOCK.reset(token)
        self.values[step.name] = value
        new = self.operations[before:]
        if new and value.__class__ is Traced and value.name is None and any(value is made for made in new):
            value.name = step.name
        if (told := self.origins.note(step)) and new:
            self.notes += [(made, told) for made in new]

    def computed(self, step: Any) -> Value:
        args = [self.read(x) for x in step.args]
        kwargs = {name: self.read(x) for name, x in step.kwargs.items() if name not in IGNORED}
        value = function_of(step.target)(*args, **kwargs)
        return fitted(value, step.meta.get("val"), step)

    def read(self, x: Any) -> Value:
        """An argument of a step as the functions take it: values, and NumPy's dtypes for torch's."""
        if isinstance(x, list | tuple):
            return type(x)(map(self.read, x)) if type(x) in (list, tuple) else [self.read(e) for e in x]
        if hasattr(x, "all_input_nodes"):
            return self.values[x.name]
        kind = str(x)
        return np.dtype(kind.removeprefix("torch.")) if kind.startswith("torch.") and kind[6:] in np.sctypeDict else x


def fitted(value: Value, like: Any, step: Any) -> Value:
    """The value in the dtype that torch gives it; another shape is a mistake of the table."""
    if isinstance(like, list | tuple):
        return [fitted(v, e, step) for v, e in zip(value, like)]
    if value is None or not hasattr(like, "dtype"):
        return value
    dtype, shape = np.dtype(str(like.dtype).removeprefix("torch.")), tuple(like.shape)
    if value.__class__ is not Traced:
        value = np.asarray(value)
    if value.shape != shape:
        raise UnsupportedError(
            f"from_torch: {name_of(step.target)} gives shape {value.shape} where torch has {shape}: please report it"
        )
    return value if value.dtype == dtype else value.astype(dtype)
