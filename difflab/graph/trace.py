"""trace: run a function once on traced examples and keep what it did as a graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from .graph import Graph, as_value, graph_of
from .leaks import hidden
from .leaves import check_leaf
from .node import Node, Trace
from .pytree import flatten, leaves_of, paths


def trace(f: Callable[..., Any], *examples: Any) -> Graph:
    """The graph of f at the examples: floats, arrays, or nested containers of them (integers stay constants' kind).

    Python's `if`, `for` and `while` follow the examples' values, and the graph records the path taken.

    >>> g = trace(lambda x, y: (x + y) * x, 1.0, 2.0)
    >>> [n.primitive.name for n in g.order]
    ['input', 'input', 'add', 'multiply']
    """
    return record(f, *examples)[0]


def record(f: Callable[..., Any], *examples: Any) -> tuple[Graph, list[Any]]:
    """The graph of f at the examples, and the values of its outputs there."""
    if not callable(f):
        raise InputError(f"trace: {f!r} is not a function; use dl.parse for text")
    recording = Trace()
    arguments, inputs = [], []
    for name, example in zip(argument_names(f, len(examples)), examples):
        leaves, rebuild = flatten(example)
        suffixes = [""] if len(leaves) == 1 and leaves[0] is example else paths(example)
        nodes = [recording.input(leaf(x, f"trace: argument {name}{s}"), name + s) for x, s in zip(leaves, suffixes)]
        inputs += nodes
        arguments.append(rebuild(nodes))
    try:
        result = f(*arguments)
    except (ValueError, TypeError, SystemError) as error:
        if (refusal := hidden(error)) is not None:
            raise refusal from None
        raise
    finally:
        nodes = recording.close()
    if result is None:
        raise InputError("trace: the function returned None; does it lack a return statement?")
    outputs, rebuild_output = flatten(result)
    outputs = [recording.snapshot(y) if y.__class__ is np.ndarray else y for y in outputs]
    values = [y.value if y.__class__ is Node and y.recording is recording else y for y in outputs]
    graph = graph_of(
        nodes,
        inputs,
        outputs,
        recording.guards,
        rebuild=rebuild_output,
        flatten=leaves_of_all,
    )
    return graph, values


def leaves_of_all(*args: Any) -> list[Any]:
    return [x for a in args for x in leaves_of(a)]


def leaf(x: Any, where: str) -> Any:
    """An example value: numbers as float64, arrays of any numeric dtype."""
    if x.__class__ is not Node and getattr(getattr(x, "dtype", None), "kind", "O") in "biu":
        return as_value(x)
    return check_leaf(x, where)


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names of f's positional arguments, for the graph's inputs."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")
    return [positional[k] if k < len(positional) else f"{star}{k - len(positional)}" for k in range(count)]


def label(x: Any, name: str) -> Any:
    """Names a traced value, for pictures and `graph.node(name)`; any other value is returned as it is.

    >>> g = trace(lambda x, y: label(x + y, "q") * x, 1.0, 2.0)
    >>> g.node("q").primitive.name
    'add'
    """
    if x.__class__ is Node:
        x.name = name
    return x
