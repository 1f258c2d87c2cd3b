"""A function or a graph as a function of JAX, whose derivatives are difflab's own."""

from __future__ import annotations

from collections.abc import Hashable
from functools import wraps
from typing import Any

import numpy as np

from ..compile.program.closure import Captured
from ..compile.xla.carrier import jax, run, sample, x64
from ..errors import InputError, UnsupportedError
from ..graph.graph import Graph
from ..graph.leaves import check_functions
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten, structure
from ..graph.trace import record
from ..graph.traced import SeenShape
from ..primitives import Carrier
from ..types import Function, Params, Tree, Value
from .transform import jvp, vjp

MOST = 256  # kinds of arguments that are kept


def to_jax(f: Function | Graph, *examples: Tree) -> Function:
    """f as a function of JAX's arrays, for `jax.jit`, `jax.grad`, `jax.vmap`, `jax.shard_map` and `jax.export`.

    f is traced for each structure, shapes and dtypes of its arguments, and for what it reads from closures and globals;
    with `examples` at once at these, and what cannot be lowered is said then: UnsupportedError with every operation.
    Arguments that are no numbers (truth values of Python's, strings, functions) are taken as they are. Its derivatives
    under JAX are difflab's, with difflab's conventions where there is none. In reverse mode JAX transposes the forward
    one, and multiplies by infinite slopes what a choice has left out; `to_jax(grad(f))` does not. Numbers of 64 bits
    need JAX's own setting `jax_enable_x64`; without it JAX has single precision. An `if` that looks at a value is
    refused: use `dl.cond` or `np.where`.

    >>> import difflab as dl, numpy as np
    >>> import jax  # doctest: +SKIP
    >>> f = dl.to_jax(lambda x: np.sum(np.sin(x) ** 2))  # doctest: +SKIP
    >>> jax.jit(jax.grad(f))(np.zeros(3, np.float32))  # doctest: +SKIP
    Array([0., 0., 0.], dtype=float32)
    """
    if not isinstance(f, Graph):
        check_functions("to_jax", f=f)
    jax()
    known: dict[Hashable, Lowered] = {}
    captured = Captured(f)

    def lowered(args: tuple[Tree, ...], kwargs: Params) -> tuple[Lowered, list[Value]]:
        leaves, _ = flatten((args, kwargs))
        values = [x for x in leaves if is_number(x)]
        fixed = tuple([hashable(x) for x in leaves if not is_number(x)])
        kinds = tuple([(Carrier.shape(x), str(Carrier.dtype(x))) if is_number(x) else None for x in leaves])
        key = structure((args, kwargs)), kinds, fixed, captured.key()
        if key not in known:
            while len(known) >= MOST:
                known.pop(next(iter(known)), None)
            found = Lowered(f, args, kwargs)
            captured.renew()
            key = (*key[:-1], captured.key())
            known[key] = found
        return known[key], values

    @wraps(f.__call__ if isinstance(f, Graph) else f)
    def function(*args: Tree, **kwargs: Tree) -> Tree:
        found, values = lowered(args, kwargs)
        return found.rebuild(list(found.call(*values)))

    if examples:
        found, values = lowered(examples, {})
        with x64():
            jax().eval_shape(found.call, *[jax().ShapeDtypeStruct(np.shape(x), Carrier.dtype(x)) for x in values])
    return function


class Lowered:
    """f at arguments of one kind: its graph, and the function of JAX."""

    def __init__(self, f: Function, args: tuple[Tree, ...], kwargs: Params) -> None:
        leaves, rebuild = flatten((args, kwargs))

        def of_numbers(*values: Value) -> Tree:
            rest = iter(values)
            positional, named = rebuild([next(rest) if is_number(x) else x for x in leaves])
            return f(*positional, **named)

        graph, _ = record(wraps(f)(of_numbers), *[example(x) for x in leaves if is_number(x)])
        if any(not isinstance(seen, SeenShape) for _, seen in graph.guards):  # of a shape, its operation speaks
            raise UnsupportedError(
                "to_jax: an if, a while or a mask looks at a value, and XLA's programs take every way; use dl.cond, "
                "dl.while_loop or np.where"
            )
        self.rebuild: Function = graph.rebuild or (lambda found: found[0])
        self.call: Function = with_rule(graph)


def is_number(x: Value) -> bool:
    """Whether a leaf of the arguments is an array or a number; all else is taken as it is."""
    return hasattr(x, "dtype") or (isinstance(x, int | float | complex) and not isinstance(x, bool))


def hashable(x: Value) -> Hashable:
    if not jax().tree_util.all_leaves([x]):
        raise InputError(
            f"to_jax: a {type(x).__name__} is a container to JAX and not to difflab; optree.register_pytree_node "
            "makes it one"
        )
    try:
        hash(x)
    except TypeError:
        raise InputError(f"to_jax: the argument {x!r} is neither a number nor hashable; give an array") from None
    found: Hashable = x
    return found


def with_rule(graph: Graph) -> Function:
    """The graph as a function of flat arrays whose derivative is the lowered graph of difflab's own, to any order.

    A user's own pullback is difflab's in reverse mode alone; a graph with one is for JAX's reverse mode, and any other
    for both.
    """
    own = any("own pullback" in node.primitive.facts for node in graph.order)
    return with_pullback(graph) if own else with_tangents(graph)


class Parts:
    """A graph as a function of its real inputs: `on` are their places, `moving` those of its real outputs."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.on: list[int] = [k for k, x in enumerate(graph.inputs) if x.dtype.kind in "fc"]
        self.moving: list[int] = [k for k, y in enumerate(graph.outputs) if y.dtype.kind in "fc"]
        self.samples: list[Value] = [sample(x.shape, x.dtype) for x in graph.inputs]
        self.derivative: Function | None = None

    def call(self, *values: Value) -> tuple[Value, ...]:
        return tuple(run(self.graph, list(values)))

    def at(self, values: list[Value]) -> Function:
        """The real outputs from the real inputs, the others being those of `values`."""

        def f(*chosen: Value) -> list[Value]:
            full = list(values)
            for k, x in zip(self.on, chosen):
                full[k] = x
            env = self.graph.evaluate(full, NODE)
            return [env[self.graph.outputs[k]] for k in self.moving]

        return f

    def lowered(self, derivative: Function, directions: list[Value]) -> Function:
        """The derivative of these values and directions, recorded once."""
        if self.derivative is None:
            self.derivative = with_rule(record(derivative, self.samples, directions)[0])
        return self.derivative


def with_tangents(graph: Graph) -> Function:
    parts = Parts(graph)

    def push(values: list[Value], directions: list[Value]) -> Value:
        return jvp(parts.at(values), tuple(values[k] for k in parts.on), tuple(directions))[1]

    def rule(primals: tuple[Value, ...], tangents: tuple[Value, ...]) -> tuple[Value, Value]:
        along = parts.lowered(push, [parts.samples[k] for k in parts.on])
        found = iter(along(*primals, *[tangents[k] for k in parts.on]))
        outputs: Value = function(*primals)
        return outputs, tuple(next(found) if k in parts.moving else none(y) for k, y in enumerate(outputs))

    function: Any = jax().custom_jvp(parts.call)
    function.defjvp(rule)
    lowered: Function = function
    return lowered


def with_pullback(graph: Graph) -> Function:
    parts = Parts(graph)

    def pull(values: list[Value], cotangents: list[Value]) -> Value:
        return list(vjp(parts.at(values), *[values[k] for k in parts.on])[1](cotangents))

    def backward(primals: tuple[Value, ...], cotangents: tuple[Value, ...]) -> tuple[Value, ...]:
        like = [np.ones(graph.outputs[k].shape, graph.outputs[k].dtype)[()] for k in parts.moving]
        found = iter(parts.lowered(pull, like)(*primals, *[cotangents[k] for k in parts.moving]))
        return tuple(next(found) if k in parts.on else none(x) for k, x in enumerate(primals))

    function: Any = jax().custom_vjp(parts.call)
    function.defvjp(lambda *values: (function(*values), values), backward)
    lowered: Function = function
    return lowered


def none(x: Value) -> Value:
    """The tangent of what is no real number."""
    return np.zeros(np.shape(x), jax().dtypes.float0)


def example(x: Value) -> Value:
    """A number of the same kind: a value of the user's own where there is one."""
    if isinstance(x, np.ndarray | np.generic | float | int | complex):
        return x
    return sample(np.shape(x), Carrier.dtype(x))
