"""A program's source with a comment on each line: which node it computes, and by what formula."""

from __future__ import annotations

import re

from ...graph.node import Node
from ...primitives.text import call, infix
from ..xla.program import XlaSource
from .compiled import Compiled
from .walked import WalkedSource

COLUMN = 46


def annotated(program: Compiled) -> str:
    """The source, each line with its node's formula; a line of the backward pass names the operation it goes through.

    >>> import difflab as dl
    >>> graph = dl.backward_graph(dl.trace(lambda x: dl.label(x * x, "y"), 3.0))
    >>> print(annotated(Compiled(graph, [False])).splitlines()[2].split("# ")[1])
    y = square(x)
    """
    program.build()
    if isinstance(program.source, XlaSource | WalkedSource):
        return program.source.text
    nodes = {name: node for node, name in program.source.names.of.items() if node.operands}
    lines = []
    for line in program.source.text.splitlines():
        found = re.match(r"    (\w+) = ", line)
        node = nodes.get(found.group(1)) if found else None
        lines.append(f"{line:<{COLUMN}}  # {remark(node, program)}" if node is not None else line)
    return "\n".join(lines) + "\n"


def remark(node: Node, program: Compiled) -> str:
    """What a node is: its name, its formula, and in the backward pass the forward operation it belongs to."""
    text = formula(node, program)
    if node.name:
        text = f"{node.name} = {text}"
    partner = program.graph.partner.get(node)
    return f"{text}, back through {label(partner, program)}" if partner is not None else text


def label(node: Node, program: Compiled) -> str:
    given = {} if isinstance(program.source, XlaSource | WalkedSource) else program.source.names.of
    return node.name or given.get(node) or node.primitive.name


def formula(node: Node, program: Compiled) -> str:
    row, operands = node.primitive, [label(x, program) for x in node.operands]
    return infix(row.infix, *operands) if row.infix and len(operands) == 2 else call(row.name, *operands)
