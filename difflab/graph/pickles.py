"""What pickle keeps of a graph."""

from __future__ import annotations

from ..errors import UnsupportedError
from ..types import Value


def pickled(graph: Value) -> tuple[Value, ...]:
    """What pickle keeps of a graph: nodes by their places, so that no chain is too long for it."""
    place = {node: k for k, node in enumerate(graph.order)}
    steps = []
    for node in graph.order:
        if node.primitive.kind != "deferred" and not node.primitive.listed:
            raise UnsupportedError(
                f"pickle: {node.name or 'a node'} ({node.primitive.name}) runs functions of this process, which cannot "
                "be pickled: pickle the arguments, and trace the function again where they are loaded"
            )
        operands = tuple(place[x] for x in node.operands)
        steps.append((node.primitive, operands, node.params, node.value, node.name, node.block))
    kept = {
        "inputs": [place[n] for n in graph.inputs],
        "outputs": [place[n] for n in graph.outputs],
        "guards": [(place[n], outcome) for n, outcome in graph.guards],
        "shapes": [(place[n], shape) for n, shape in graph.shapes.items()],
        "defaults": [(place[n], value) for n, value in graph.defaults.items()],
        "notes": [(place[n], told) for n, told in graph.notes.items()],
        "partner": [(place[b], place[f]) for b, f in graph.partner.items()],
        "structure": {"rebuild": graph.rebuild, "flatten": graph.flatten_inputs, "text": graph.text},
        "attributes": graph.graph,
    }
    return steps, kept
