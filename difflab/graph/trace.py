"""trace: run a function once on traced examples and keep what it did as a graph."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from inspect import CO_VARARGS
from types import FunctionType
from typing import Any

from ..errors import InputError
from ..garbage import SEARCHED_SELDOM
from ..types import Function, Tree, Value
from .graph import Graph
from .laxity import STRICT, Laxity
from .leaves import check_leaf
from .pytree import flatten, leaves_of, paths
from .recorded import graph_of
from .recording import Guards, Tape
from .traced import Traced
from .vertices import as_value

WRAPPED = 20  # functions in each other, up to which a signature is read off the innermost one's code


def trace(f: Function, *examples: Tree) -> Graph:
    """The graph of f at the examples: floats, arrays, or nested containers of them (integers stay constants' kind).

    Python's `if`, `for` and `while` follow the examples' values, and the graph records the path taken.

    >>> g = trace(lambda x, y: (x + y) * x, 1.0, 2.0)
    >>> [n.primitive.name for n in g.order]
    ['input', 'input', 'add', 'multiply']
    """
    return record(f, *examples)[0]


@SEARCHED_SELDOM
def record(
    f: Function,
    *examples: Tree,
    guards: Guards | None = None,
    merging: bool = False,
    laxity: Laxity = STRICT,
    operations: list[Traced] | None = None,
    tape: Tape | None = None,
) -> tuple[Graph, list[Tree]]:
    """The graph of f at the examples, and the values of its outputs there; `guards` is filled.

    `merging` records equal operations once; `laxity` is the tape's, and `operations` the list that it fills. Or else
    the `tape` is given.
    """
    if not callable(f):
        raise InputError(f"trace: {f!r} is not a function; use dl.parse for text")
    arguments: list[Tree] = []
    inputs: list[Traced] = []
    opened = Tape(operations, guards, merging, laxity) if tape is None else tape
    with opened as (tape, recorded):
        for name, example in zip(argument_names(f, len(examples)), examples):
            leaves, rebuild = flatten(example)
            suffixes = [""] if len(leaves) == 1 and leaves[0] is example else paths(example)
            traced = [tape.input(leaf(x, f"trace: argument {name}{s}"), name + s) for x, s in zip(leaves, suffixes)]
            inputs += traced
            arguments.append(rebuild(traced))
        result = f(*arguments)
    if result is None:
        raise InputError("trace: the function returned None; does it lack a return statement?")
    outputs, rebuild_output = flatten(result)
    outputs = tape.kept(outputs)
    values = [tape.value_of(y) for y in outputs]
    graph = graph_of(recorded, inputs, outputs, tape.guards, rebuild=rebuild_output, flatten=leaves_of_all)
    graph.differentiated = list(tape.differentiated)
    return graph, values


def leaves_of_all(*args: Any) -> list[Tree]:
    return [x for a in args for x in leaves_of(a)]


def leaf(x: Value, where: str) -> Value:
    """An example value: numbers as float64, arrays of any numeric dtype."""
    if x.__class__ is not Traced and getattr(getattr(x, "dtype", None), "kind", "O") in "biu":
        return as_value(x)
    return check_leaf(x, where)


def argument_names(f: Function, count: int) -> list[str]:
    """The names of f's positional arguments, for the graph's inputs."""
    positional, star = written_names(f)
    return [positional[k] if k < len(positional) else f"{star}{k - len(positional)}" for k in range(count)]


def written_names(f: Value) -> tuple[Sequence[str], str]:
    """The names of positional arguments in f's signature, and that of `*args`."""
    plain = f
    for _ in range(WRAPPED):
        if plain.__class__ is not FunctionType or "__signature__" in plain.__dict__:
            break
        if "__wrapped__" not in plain.__dict__:  # the code says what `inspect` would, in a hundredth of its time
            code = plain.__code__
            more = code.co_argcount + code.co_kwonlyargcount
            return code.co_varnames[: code.co_argcount], code.co_varnames[more] if code.co_flags & CO_VARARGS else "x"
        plain = plain.__dict__["__wrapped__"]
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return (), "x"
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional, next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "x")


def label(x: Value, name: str) -> Value:
    """Names a traced value, for pictures and `graph.node(name)`; any other value is returned as it is.

    >>> g = trace(lambda x, y: label(x + y, "q") * x, 1.0, 2.0)
    >>> g.node("q").primitive.name
    'add'
    """
    if x.__class__ is Traced:
        x.name = name
    return x
