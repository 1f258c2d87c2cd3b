"""What became of a graph on its way to a program, for a person to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plan.regions import size
from ..write.numpy_source import NumpySource

if TYPE_CHECKING:
    from .compiled import Compiled


def explain(program: Compiled) -> str:
    """Nodes after each pass, operations and their cost, the memory plan and how regions are cut."""
    lines = [f"{name}: {before} -> {after} nodes" for name, before, after in program.log]
    graph = program.graph
    flops = sum(n.primitive.flops * (1 if n.value.__class__ is tuple else size(n.shape)) for n in graph.operations)
    kind = "math (single float64 numbers)" if program.scalar else "NumPy"
    lines.append(f"source: {kind}, {len(graph.operations)} operations, about {flops:,.0f} flops")
    source = program.source
    if isinstance(source, NumpySource):
        plan = source.plan
        lines.append(
            f"memory: {len(plan.sizes)} buffers of {plan.bytes:,} bytes for values of {plan.asked:,} bytes; "
            f"{source.bytes:,} bytes with the blocks' own (the peak of one run, without inputs and results)"
        )
        for name, blocks in source.blocks.items():
            region = source.regions[list(source.blocks).index(name)]
            lines.append(
                f"{name}: {len(region.members)} operations on {blocks.rows:,} rows, {blocks.count} blocks of "
                f"{blocks.step:,}, {blocks.threads} thread{'s' * (blocks.threads > 1)}, "
                f"{len(blocks.plan.sizes)} block buffers of {blocks.step * blocks.plan.bytes:,} bytes"
            )
    return "\n".join(lines + source.explain())
