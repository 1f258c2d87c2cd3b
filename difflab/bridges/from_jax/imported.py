"""from_jax: a function written for JAX as a graph."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from ...compile.xla.carrier import x64
from ...errors import InputError, TraceError
from ...garbage import SEARCHED_SELDOM
from ...graph.graph import Graph
from ...graph.leaves import check_functions
from ...graph.node import Node
from ...graph.pytree import flatten, leaves_of, paths
from ...graph.recorded import graph_of
from ...graph.recording import Tape
from ...graph.trace import argument_names, leaf, leaves_of_all
from ...graph.traced import Traced
from ...primitives import rows
from ...types import Function, Tree, Value
from ..packages import needed
from .walk import Reader, dtype_of, first_line

SHORT = ("float16", "bfloat16", "float32", "complex64")
NUMBERS = (bool, int, float, complex, np.ndarray, np.generic)


@SEARCHED_SELDOM
def from_jax(f: Function, *args: Tree) -> Graph:
    """The graph of a function written for JAX, at arguments of these shapes and dtypes: numbers, arrays, containers.

    Its inputs have the names of f's arguments, functions under `jax.jit` and `jax.named_scope` are blocks, and
    `graph.notes[node]` is the line of the program that a node came from. Values are JAX's to rounding. Derivatives
    are difflab's own: of a function with a `jax.custom_jvp` or `jax.custom_vjp` the graph holds what it computes, in a
    block that says so, and no rule. Arrays of float64 give a graph of float64 whatever `jax_enable_x64` says, which
    stays as it is; float32 stays float32. What does not depend on the arguments, random numbers among them, is computed
    once. Raises UnsupportedError with every operation that cannot be read and how often it stands there, InputError for
    arguments that are no numbers or where JAX is missing, TraceError where f looks at values.

    >>> import difflab as dl, numpy as np
    >>> import jax.numpy as jnp  # doctest: +SKIP
    >>> g = dl.from_jax(lambda x: jnp.sum(jnp.tanh(x) ** 2), np.ones(3))  # doctest: +SKIP
    >>> g, dl.grad(g)(np.zeros(3))  # doctest: +SKIP
    (<Graph of 5 nodes, inputs ['x'], 1 output(s)>, array([0., 0., 0.]))
    """
    check_functions("from_jax", f=f)
    jax = needed("jax", "from_jax")
    names, leaves = named(jax, f, args)
    with precision(leaves):
        closed, result = jaxpr_of(jax, f, args)
        reader = Reader()
        with Tape() as (tape, operations), np.errstate(all="ignore"):
            inputs = [tape.input(leaf(example(x), f"from_jax: argument {n}"), n) for n, x in zip(names, leaves)]
            outputs = reader.run(closed, [entering(x, v.aval) for x, v in zip(inputs, closed.jaxpr.invars)])
            reader.check()
            outputs = list(tape.kept(outputs))
    rebuild, flat, order = rebuilding(jax, result), inward(jax, args), read_by(outputs, operations)
    graph = graph_of(order, inputs, outputs, tape.guards, rebuild=rebuild, flatten=flat)
    graph.notes = {node: line for node, line in reader.sources.items() if node.__class__ is Node}
    return graph


def read_by(outputs: list[Value], operations: list[Traced]) -> list[Traced]:
    """The inputs, and the operations that the outputs hang on: a body that is traced leaves others behind."""
    wanted = {y for y in outputs if y.__class__ is Traced}
    for made in reversed(operations):
        if made in wanted:
            wanted.update(x for x in made.operands if x.__class__ is Traced)
    return [made for made in operations if made in wanted or made.primitive is rows.input]


def named(jax: ModuleType, f: Function, args: tuple[Tree, ...]) -> tuple[list[str], list[Value]]:
    """The leaves of the arguments and their names: `x`, `params['w'][0]`."""
    names: list[str] = []
    leaves: list[Value] = []
    for name, tree in zip(argument_names(f, len(args)), args):
        found, _ = jax.tree_util.tree_flatten_with_path(tree)
        same = alike(jax, tree)
        told = paths(tree) if same and not (len(found) == 1 and found[0][1] is tree) else None
        for k, (path, x) in enumerate(found):
            where = f"{name}{told[k] if told else jax.tree_util.keystr(path)}"
            names.append(where)
            leaves.append(number(jax, x, where))
    if not leaves:
        raise InputError("from_jax: the function has no arguments, and a graph needs an input: give it one")
    return names, leaves


def number(jax: ModuleType, x: Value, where: str) -> Value:
    """A leaf, if it is a number or an array of numbers."""
    dtype = getattr(x, "dtype", None)
    if dtype is not None and not isinstance(dtype, np.dtype):
        raise InputError(
            f"from_jax: argument {where} is a random key ({dtype}), and a graph computes with numbers: give the "
            "function its key inside, as in lambda x: f(x, key)"
        )
    if not isinstance(x, NUMBERS) and not isinstance(x, jax.Array):
        raise InputError(
            f"from_jax: argument {where}={x!r:.60} of type {type(x).__name__} is no number and no array: give it "
            f"inside, as in lambda x: f(x, {x!r:.60})"
        )
    return x


def example(x: Value) -> Value:
    if isinstance(x, bool):
        return np.bool_(x)
    return x if isinstance(x, NUMBERS) else np.asarray(x)


def precision(leaves: list[Value]) -> AbstractContextManager[Any]:
    """The scope of 64 bits, unless the arguments are of 32: what f makes of no argument shall not widen them."""
    dtypes = {str(x.dtype) for x in leaves if hasattr(x, "dtype")}
    short = dtypes & set(SHORT) and not dtypes & {"float64", "complex128"}
    return nullcontext() if short else x64()


def jaxpr_of(jax: ModuleType, f: Function, args: tuple[Tree, ...]) -> tuple[Any, Tree]:
    """The closed jaxpr of f, and the structure of its result."""
    try:
        closed, result = jax.make_jaxpr(f, return_shape=True)(*args)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError) as error:
        raise TraceError(
            f"from_jax: the function looks at values, or hands them to NumPy, and JAX cannot trace it: "
            f"{first_line(error)}; use jax.lax.cond, jax.numpy.where and functions of jax.numpy"
        ) from error
    return closed, result


def entering(x: Value, aval: Any) -> Value:
    """An input in the dtype in which the function computes with it: Python's numbers take that of what they meet."""
    dtype = dtype_of(aval)
    return x if x.dtype == dtype else x.astype(dtype)


# Containers: optree's where both know them, so that the graph can do without JAX; else JAX's.
def alike(jax: ModuleType, tree: Tree) -> bool:
    """Whether difflab takes the containers apart as JAX does."""
    leaves, structure = jax.tree_util.tree_flatten(tree)
    return leaves_of(jax.tree_util.tree_unflatten(structure, list(range(len(leaves))))) == list(range(len(leaves)))


def inward(jax: ModuleType, args: tuple[Tree, ...]) -> Function:
    return (
        leaves_of_all if all(alike(jax, tree) for tree in args) else partial(leaves_by_jax, jax.tree_util.tree_leaves)
    )


def leaves_by_jax(leaves: Function, *args: Tree) -> list[Value]:
    found: list[Value] = leaves(args)
    return found


def rebuilding(jax: ModuleType, result: Tree) -> Function:
    leaves, structure = jax.tree_util.tree_flatten(result)
    if not leaves:
        raise InputError("from_jax: the function returns no array; does it lack a return statement?")
    if alike(jax, result):
        return flatten(jax.tree_util.tree_unflatten(structure, list(range(len(leaves)))))[1]
    return partial(jax.tree_util.tree_unflatten, structure)
