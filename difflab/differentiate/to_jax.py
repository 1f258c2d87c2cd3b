"""A function or a graph as a function of JAX, whose derivatives are difflab's own."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from ..compile.xla.carrier import jax, x64
from ..compile.xla.lowering import run
from ..errors import UnsupportedError
from ..graph.graph import Graph
from ..graph.leaves import check_functions
from ..graph.pytree import flatten, structure
from ..graph.trace import record
from ..graph.traced import NODE, SeenShape
from ..types import Function, Tree, Value
from .transform import jvp


def to_jax(f: Function | Graph, *examples: Tree) -> Function:
    """f as a function of JAX's arrays, for `jax.jit`, `jax.grad`, `jax.vmap`, `jax.shard_map` and `jax.export`.

    f is traced for each structure, shapes and dtypes of its arguments; with `examples` at once at these, and what
    cannot be lowered is said then: UnsupportedError with every operation. Its derivatives under JAX are difflab's, with
    difflab's conventions where there is none. Numbers of 64 bits need JAX's own setting `jax_enable_x64`; without it
    JAX has single precision. An `if` that looks at a value is refused: use `dl.cond` or `np.where`.

    >>> import difflab as dl, numpy as np
    >>> f = dl.to_jax(lambda x: np.sum(np.sin(x) ** 2))
    >>> import jax  # doctest: +SKIP
    >>> jax.jit(jax.grad(f))(np.zeros(3, np.float32))  # doctest: +SKIP
    Array([0., 0., 0.], dtype=float32)
    """
    if not isinstance(f, Graph):
        check_functions("to_jax", f=f)
    jax()
    known: dict[Value, Lowered] = {}

    def lowered(args: tuple[Tree, ...], values: list[Value]) -> Lowered:
        key = (structure(args), tuple((np.shape(x), str(dtype_of(x))) for x in values))
        if key not in known:
            known[key] = Lowered(f, args, values)
        return known[key]

    @wraps(f.__call__ if isinstance(f, Graph) else f)
    def function(*args: Tree) -> Tree:
        values, _ = flatten(args)
        found = lowered(args, values)
        return found.rebuild(list(found.call(*values)))

    if examples:
        values, _ = flatten(examples)
        found = lowered(examples, values)
        with x64():
            jax().eval_shape(found.call, *[jax().ShapeDtypeStruct(np.shape(x), dtype_of(x)) for x in values])
    return function


class Lowered:
    """f at arguments of one kind: its graph, and the function of JAX."""

    def __init__(self, f: Function, args: tuple[Tree, ...], values: list[Value]) -> None:
        _, rebuild = flatten(args)
        graph, _ = record(wraps(f)(lambda *args: f(*args)), *rebuild([example(x) for x in values]))
        if any(not isinstance(seen, SeenShape) for _, seen in graph.guards):  # of a shape, its operation speaks
            raise UnsupportedError(
                "to_jax: an if, a while or a mask looks at a value, and XLA's programs take every way; use dl.cond, "
                "dl.while_loop or np.where"
            )
        self.rebuild: Function = graph.rebuild or (lambda found: found[0])
        self.call = with_rule(graph)


def with_rule(graph: Graph) -> Function:
    """The graph as a function of flat arrays whose derivative is the lowered graph of difflab's own, to any order."""
    on = [k for k, x in enumerate(graph.inputs) if x.dtype.kind in "fc"]
    moving = [k for k, y in enumerate(graph.outputs) if y.dtype.kind in "fc"]
    made: list[Function] = []

    def call(*values: Value) -> tuple[Value, ...]:
        return tuple(run(graph, list(values)))

    def slope(values: list[Value], directions: list[Value]) -> Value:
        """The tangents of the outputs that have one."""

        def f(*chosen: Value) -> list[Value]:
            full = list(values)
            for k, x in zip(on, chosen):
                full[k] = x
            env = graph.evaluate(full, NODE)
            return [env[graph.outputs[k]] for k in moving]

        return jvp(f, tuple(values[k] for k in on), tuple(directions))[1]

    def rule(primals: tuple[Value, ...], tangents: tuple[Value, ...]) -> tuple[Value, Value]:
        if not made:
            samples = [np.ones(x.shape, x.dtype)[()] for x in graph.inputs]
            along, _ = record(slope, samples, [samples[k] for k in on])
            made.append(with_rule(along))
        found = iter(made[0](*primals, *[tangents[k] for k in on]))
        outputs: Value = function(*primals)
        none = [np.zeros(np.shape(y), jax().dtypes.float0) for y in outputs]  # the tangent of what is no real number
        return outputs, tuple(next(found) if k in moving else x for k, x in enumerate(none))

    function: Any = jax().custom_jvp(call)
    function.defjvp(rule)
    lowered: Function = function
    return lowered


def dtype_of(x: Value) -> Any:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def example(x: Value) -> Value:
    """A number of the same kind: a value of the user's own where there is one, else ones."""
    if isinstance(x, np.ndarray | np.generic | float | int | complex):
        return x
    return np.ones(np.shape(x), dtype_of(x))[()]
