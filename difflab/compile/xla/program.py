"""A program that XLA compiles from the optimised graph, with NumPy's arrays going in and coming out."""

from __future__ import annotations

import pickle
import platform
import re
import time
from importlib import import_module
from typing import Any

import numpy as np

from ... import cache
from ...graph.graph import Graph
from ...types import DType, Function, Value
from ..write.names import Names
from ..write.numpy_source import TAKEN, own
from .carrier import jax, run, x64
from .client import device, placed, target
from .refusals import asked, together
from .small import marked

FUSED = re.compile(r"^\s*(?:ROOT )?%?[\w.-]+ = .*? fusion\(", re.MULTILINE)
CALLED = re.compile(r'custom_call_target="([^"]+)"')


class XlaSource:
    """The graph as a function of JAX, compiled for the shapes and dtypes of its inputs.

    Numbers keep their precision, whatever the user's own setting of JAX is: that holds outside of this program.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names: Names = Names({*TAKEN})  # of the inputs, in the lines that hand them over
        for k, x in enumerate(graph.inputs):
            self.names.of[x] = self.names.fresh(x.name, f"x{k}")
        self.seconds: float = 0.0
        self.lowered: Any = None
        self.program: Any = None
        self.kept: bool = False  # whether another process compiled it

    def compile(self) -> Function:
        """The function from NumPy's arrays to the outputs and what the guards look at.

        None where NumPy would refuse something.
        """
        start = time.perf_counter()
        like = [placed(x.shape, native(x.dtype)) for x in self.graph.inputs]
        swapped = [k for k, x in enumerate(self.graph.inputs) if not x.dtype.isnative]
        places = {x: k for k, x in enumerate(self.graph.inputs)}
        leaves = [(k, y, places.get(y)) for k, y in enumerate(self.graph.outputs) if y.primitive.leaf]
        with x64():
            self.lowered = jax().jit(self.function, keep_unused=True).lower(*like)
            self.program = program = self.compiled()
        self.seconds = time.perf_counter() - start

        def call(*values: Value) -> list[Value] | None:
            given = values
            for k in swapped:
                given = (*given[:k], values[k].astype(native(values[k].dtype)), *given[k + 1 :])
            with x64():
                found, fine = program(*given)
            if fine and not all(fine):
                return None
            # JAX's buffers are read-only, and may be an argument's own memory: the caller gets arrays of its own.
            results = [np.array(y) if y.shape else np.asarray(y)[()] for y in found]
            for k, y, place in leaves:  # of the kind that they are: an array of no axes, Python's number
                results[k] = own(y.params["value"] if place is None else values[place])
            return results

        return call

    def function(self, *values: Value) -> tuple[list[Value], list[Value]]:
        """The results, and whether NumPy would have them, where there is something that it may refuse."""
        with asked(anew=True) as answers, marked(device() is not None):
            found = run(self.graph, list(values))
        return found, [together(answers)] if answers else []

    def compiled(self) -> Any:
        """The lowered program in machine code, from the cache where another process has left it."""
        if cache.folder() is None:
            return self.lowered.compile()
        serial = import_module("jax.experimental.serialize_executable")
        key = fingerprint(self.text)
        data = cache.program(key, cache.XLA)
        if data is not None:
            try:
                found = serial.deserialize_and_load(*pickle.loads(data), **target())
                self.kept = True
                return found
            except Exception:  # of another version, or damaged: it is compiled anew
                pass
        made = self.lowered.compile()
        try:
            data = pickle.dumps(serial.serialize(made))
        except Exception:  # a program that calls back into Python has no serial form
            return made
        cache.keep_program(key, data, cache.XLA)
        return made

    @property
    def text(self) -> str:
        """The program as XLA gets it, in StableHLO."""
        found: str = self.lowered.as_text()
        return found

    def explain(self) -> list[str]:
        """What XLA made of it."""
        text = self.program.as_text()
        fused, called = len(FUSED.findall(text)), sorted(set(CALLED.findall(text)))
        how = "from the cache" if self.kept else "compiled by XLA"
        lines = [f"jax: {how} in {self.seconds:.2f} s, {fused} fusion{'s' * (fused != 1)} of operations"]
        if called:
            lines.append(f"jax: library calls: {', '.join(called)}")
        return lines


def native(dtype: DType) -> DType:
    """The dtype in the machine's own order of bytes."""
    found: DType = dtype.newbyteorder("=")
    return found


def fingerprint(text: str) -> str:
    """What a compiled program hangs on: its text, the versions, the machine and its devices."""
    module = jax()
    device = module.devices()[0]
    jaxlib = import_module("jaxlib").__version__
    return cache.key([text, module.__version__, jaxlib, platform.python_version(), device.platform, device.device_kind])
