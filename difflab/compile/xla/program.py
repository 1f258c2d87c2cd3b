"""A program that XLA compiles from the optimised graph, with NumPy's arrays going in and coming out."""

from __future__ import annotations

import re
import time
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...types import Function, Value
from .carrier import jax, run, x64

FUSED = re.compile(r"^\s*(?:ROOT )?%?[\w.-]+ = .*? fusion\(", re.MULTILINE)
CALLED = re.compile(r'custom_call_target="([^"]+)"')


class XlaSource:
    """The graph as a function of JAX, compiled for the shapes and dtypes of its inputs.

    Numbers keep their precision, whatever the user's own setting of JAX is: that holds outside of this program.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.seconds: float = 0.0
        self.lowered: Any = None
        self.program: Any = None

    def compile(self) -> Function:
        """The function from NumPy's arrays to the outputs and what the guards look at."""
        start = time.perf_counter()
        like = [jax().ShapeDtypeStruct(x.shape, x.dtype) for x in self.graph.inputs]
        with x64():
            self.lowered = jax().jit(lambda *values: run(self.graph, list(values)), keep_unused=True).lower(*like)
            self.program = program = self.lowered.compile()
        self.seconds = time.perf_counter() - start

        def call(*values: Value) -> list[Value]:
            with x64():
                found = program(*values)
            # JAX's buffers are read-only, and may be an argument's own memory: the caller gets arrays of its own.
            return [np.array(y) if y.shape else np.asarray(y)[()] for y in found]

        return call

    @property
    def text(self) -> str:
        """The program as XLA gets it, in StableHLO."""
        found: str = self.lowered.as_text()
        return found

    def explain(self) -> list[str]:
        """What XLA made of it."""
        text = self.program.as_text()
        fused, called = len(FUSED.findall(text)), sorted(set(CALLED.findall(text)))
        lines = [f"jax: compiled by XLA in {self.seconds:.2f} s into {fused} fusion{'s' * (fused != 1)} of operations"]
        if called:
            lines.append(f"jax: library calls: {', '.join(called)}")
        return lines
