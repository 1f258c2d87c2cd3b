"""A graph as a text of the language: one statement for each operation, which `parse` reads as the same function."""

from __future__ import annotations

import keyword
import math
import re

import networkx as nx
import numpy as np

from ..errors import ParseError, UnsupportedError
from ..primitives import rows
from ..types import Value
from .function_names import function_named, functions
from .graph import Graph
from .node import Node
from .parse import parse
from .signs import BINARY, COMPARISONS
from .text_expressions import CONSTANTS

OF_TWO = {op.row: op.sign for op in (*BINARY, *COMPARISONS)}
OF_ONE = {rows.negative: "-", rows.positive: "+"}
NOT_NAMES = {*CONSTANTS, *functions(), "self"}  # nor what forward(**inputs) takes itself
MOST_ENTRIES = 64  # of a constant array


def to_text(graph: Graph, output: Node | None = None) -> tuple[str, dict[Node, str]]:
    """The text of the function from the inputs to `output` (the first output, if left out), and its inputs' names.

    A name that the language cannot have is replaced by one that it can. Raises UnsupportedError where an operation or
    a constant cannot be written.

    >>> import difflab as dl, numpy as np
    >>> text, names = to_text(dl.trace(lambda x, y: np.sin(x) * y + x**2, 1.0, 2.0))
    >>> print(text)
    v1 = sin(x)
    v2 = v1 * y
    v3 = x ** 2
    v2 + v3
    >>> list(names.values())
    ['x', 'y']
    """
    output = graph.outputs[0] if output is None else output
    needed = reaching(graph, output)
    names: dict[Node, str] = {}
    taken: set[str] = set(NOT_NAMES)
    own = {str(n.name) for n in needed if n.name}
    lines = []
    for node in needed:
        if node.primitive is rows.constant:
            names[node] = literal(node.params["value"])
            continue
        text = "" if node.primitive is rows.input else operation(node, names)
        last = node is output and not node.name
        if not last:
            names[node] = fresh(node.name, taken, own)
        if text or last:
            lines.append(text if last else f"{names[node]} = {text}")
    inputs = {n: names[n] for n in needed if n.primitive is rows.input}
    found = "\n".join(lines) or f"+{names[output]}"
    try:
        parse(found)
    except ParseError as error:
        raise UnsupportedError(f"the language has no text for this graph: {error}") from None
    return found, inputs


def reaching(graph: Graph, output: Node) -> list[Node]:
    """The nodes that a node is computed from, and itself, in order."""
    found = nx.ancestors(graph, output) | {output}
    return [n for n in graph.order if n in found]


def fresh(wanted: str | None, taken: set[str], own: set[str]) -> str:
    """A name that the language can have and that is not taken: its own, or one like it, or v1, v2, ..."""
    found = re.sub(r"\W+", "_", wanted or "", flags=re.ASCII).strip("_")[:60]
    if wanted and (not found or found[0].isdigit()):
        found = "v_" + found
    k = 0
    name = found or "v1"
    while name in taken or keyword.iskeyword(name) or (name in own and name != wanted):
        k += 1
        name = f"{found}_{k}" if found else f"v{k}"
    taken.add(name)
    return name


def operation(node: Node, names: dict[Node, str]) -> str:
    """What a node computes, from the names of its operands."""
    row, operands = node.primitive.plain, [names[x] for x in node.operands]
    if not node.params and row in OF_TWO and len(operands) == 2:
        return f" {OF_TWO[row]} ".join(operands)
    if not node.params and row in OF_ONE and len(operands) == 1:
        return f"{OF_ONE[row]}{operands[0]}"
    name = row.name
    if function_named(name, len(operands)) is not row:
        raise UnsupportedError(f"the language has no name for {name} of {len(operands)} operands")
    settings = [f"{key}={setting(value)}" for key, value in node.params.items() if value is not None]
    return f"{name}({', '.join(operands + settings)})"


def setting(value: Value) -> str:
    """A parameter: a number, a truth value, or a tuple of them."""
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, tuple) and value:
        return f"({', '.join(map(setting, value))},)"
    raise UnsupportedError(f"the language cannot write the parameter {value!r:.60}")


def literal(value: Value) -> str:
    """A constant; in brackets where it begins with a sign, which a power would bind more strongly than."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.size > MOST_ENTRIES or not array.size or not np.all(np.isfinite(array)):
        raise UnsupportedError(f"the language cannot write the constant {value!r:.60}")
    if array.ndim:
        return repr(array.tolist())
    number = float(value)
    text = str(int(value)) if isinstance(value, int) and not isinstance(value, np.generic) else repr(number)
    return f"({text})" if text.startswith("-") else text


__all__ = ["to_text"]
