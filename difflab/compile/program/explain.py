"""What became of a graph on its way to a program, for a person to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...graph.graph import Graph
from ..passes.pipeline import optimise
from ..plan.regions import size
from ..write.numpy_source import NumpySource
from .auto import Auto

if TYPE_CHECKING:
    from .compiled import Compiled


def explain(program: Compiled) -> str:
    """Nodes after each pass, operations and their cost, the memory plan and how regions are cut."""
    lines = [f"{name}: {before} -> {after} nodes" for name, before, after in program.log]
    graph = program.graph
    flops = sum(n.primitive.flops * (1 if n.value.__class__ is tuple else size(n.shape)) for n in graph.operations)
    kind = "math (single float64 numbers)" if program.scalar else "XLA" if program.backend == "jax" else "NumPy"
    if program.scalar and any(x.shape for x in graph.inputs):
        kind += ", arrays read element by element"
    lines.append(f"source: {kind}, {len(graph.operations)} operations, about {flops:,.0f} flops")
    lines += swelling(program)
    source = program.source
    if isinstance(source, NumpySource):
        memory = source.owner.memory
        lines.append(
            f"memory: {len(memory.sizes)} buffers of {memory.bytes:,} bytes for values of {memory.asked:,} bytes; "
            f"{source.bytes:,} bytes with the blocks' own (the peak of one run, without inputs and results)"
        )
        for name, blocks in source.blocks.items():
            region = source.plan.regions[list(source.blocks).index(name)]
            lines.append(
                f"{name}: {len(region.members)} operations on {blocks.rows:,} rows, {blocks.count} blocks of "
                f"{blocks.step:,}, {blocks.threads} thread{'s' * (blocks.threads > 1)}, "
                f"{len(blocks.memory.sizes)} block buffers of {blocks.step * blocks.memory.bytes:,} bytes"
            )
    own = program.explain() if isinstance(program, Auto) else []
    return "\n".join([*lines, *source.explain(), *own])


def swelling(program: Compiled) -> list[str]:
    """How many times the operations of a function the program with its derivative has, where it has one."""
    traced = program.traced
    if not traced.differentiated:
        return []
    alone = Graph(order=traced.order, inputs=traced.inputs, outputs=traced.differentiated)
    count = len(optimise(alone, program.without)[0].operations)
    ratio = len(program.graph.operations) / max(count, 1)
    return [f"derivative: {ratio:.1f} times the operations of the function alone, which has {count}"]
