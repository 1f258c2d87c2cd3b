"""Rows on JAX's arrays: a kernel of the row's name, JAX's function of that name, or the row's program in other rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ...errors import DifflabError, UnsupportedError
from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.node_carrier import NODE
from ...graph.recorded import graph_of
from ...graph.recording import Tape
from ...primitives import Carrier, Primitive, rows
from ...primitives.found import function_in
from ...primitives.spelling import ON_HOST
from ...types import DType, Rule, Shape, Value
from .refusals import asking

MISSING = "JAX is not installed (pip install 'difflab[jax]')"
KERNELS = tuple(f"difflab.primitives.kernels.xla{part}" for part in ("", "_elements", "_windows", "_random"))
COMPUTED: ContextVar[str | None] = ContextVar("COMPUTED", default=None)
CONVOLUTIONS = (rows.conv, rows.conv_input_transpose, rows.conv_weight_transpose)
JOINS = (rows.concatenate, rows.stack, rows.append)
HOMES = ("jax.numpy", "jax.scipy.special", "jax.nn", "jax.numpy.linalg", "jax.numpy.fft", "jax.scipy.linalg")


@cache
def jax() -> ModuleType:
    """The module; UnsupportedError where it is not installed."""
    try:
        return import_module("jax")
    except ImportError:
        raise UnsupportedError(MISSING) from None


def x64() -> Value:
    """A scope in which JAX's numbers have 64 bits where they are asked for; outside of it nothing changes."""
    module = jax()
    home = module if hasattr(module, "enable_x64") else import_module("jax.experimental")
    return home.enable_x64(True)


class JaxCarrier(Carrier):
    """JAX's arrays, traced or not."""

    name = "jax"

    def function(self, row: Primitive) -> Rule:
        return asking(row, super().function(row))

    def native(self, row: Primitive, spelled: str | None) -> Rule | None:
        jax()
        if spelled == ON_HOST:
            return partial(on_host, row)
        if not row.listed:
            return partial(traced, row) if row.kind == "custom" and row.value is not None else None
        if row.kind == "composite" and row.value is not None and function_in(KERNELS, row) is None:
            return None  # its program is what difflab means; XLA joins the operations
        if (found := function_in((*KERNELS, *HOMES), row)) is not None:
            return found
        return partial(on_host, row) if row.kind == "elementwise" and row.value is None else None

    @staticmethod
    def zeros_like(x: Value) -> Value:
        found: Value = jax().numpy.zeros_like(x)
        return found

    @staticmethod
    def ones_like(x: Value) -> Value:
        found: Value = jax().numpy.ones_like(x)
        return found


def on_host(row: Primitive, *operands: Value, **params: Any) -> Value:
    """An elementwise row by its own function on NumPy's arrays, called out of the compiled program."""
    shape = np.broadcast_shapes(*map(np.shape, operands))
    sample = [np.ones((), Carrier.dtype(x)) for x in operands]
    like = jax().ShapeDtypeStruct(shape, np.asarray(row.evaluate(*sample, **params)).dtype)

    def run(*xs: Value) -> Value:
        with np.errstate(all="ignore"):
            return np.asarray(row.evaluate(*map(np.asarray, xs), **params), like.dtype)

    call: Any = jax().custom_jvp(lambda *xs: jax().pure_callback(run, like, *xs, vmap_method="broadcast_all"))

    def rule(xs: tuple[Value, ...], tangents: tuple[Value, ...]) -> tuple[Value, Value]:
        y = call(*xs)
        slopes = [s(CARRIER, y, *xs, **params) if callable(s) else s for s in getattr(row, "partials", ())]
        terms = [s * t for s, t in zip(slopes, tangents) if s is not None and Carrier.dtype(t).kind in "fc"]
        return y, sum(terms, jax().numpy.zeros_like(y))

    call.defjvp(rule)
    numpy = jax().numpy  # of one shape, so that a batch puts its axis before the same axes of all
    found: Value = call(*[numpy.broadcast_to(numpy.asarray(x), shape) for x in operands])
    return found


def traced(row: Primitive, *operands: Value, **params: Any) -> Value:
    """A user's function, which is written for NumPy: its graph at numbers of these shapes, lowered in its place."""
    with Tape() as (tape, operations), np.errstate(all="ignore"):
        inputs = [tape.input(sample(Carrier.shape(x), Carrier.dtype(x))) for x in operands]
        result = row.program(NODE, *inputs, **params)
    several = isinstance(result, tuple | list)
    graph = graph_of(operations, inputs, list(result) if several else [result], tape.guards)
    if graph.guards:
        raise UnsupportedError(f"{row.name}: its function looks at values (an if or a mask); use dl.cond or np.where")
    found = run(graph, list(operands))
    return tuple(found) if several else found[0]


def sample(shape: Shape, dtype: DType) -> Value:
    """Numbers to trace a function at where there are none: such that matrices made of them have inverses and factors.

    They are all different, between 1/2 and 3/2, and a square matrix has a large diagonal. Whole numbers are 1.
    """
    if dtype.kind not in "fc":
        return np.ones(shape, dtype)[()]
    x = 0.5 + np.modf(0.6180339887498949 * np.arange(np.prod(shape, dtype=int)))[0].reshape(shape)
    if len(shape) > 1 and shape[-1] == shape[-2]:
        x += 2 * shape[-1] * np.eye(shape[-1])
    return x.astype(dtype)[()]


CARRIER = JaxCarrier()


def run(graph: Graph, values: list[Value]) -> list[Value]:
    """The outputs of the graph, and behind them what its guards look at; each value in the dtype that NumPy gives it.

    UnsupportedError with every operation that cannot be lowered.
    """
    env: dict[Node, Value] = dict(zip(graph.inputs, values))
    refused: dict[str, None] = {}
    for node in graph.order:
        if node in env:
            continue
        if any(x not in env for x in node.operands):  # one of them was refused
            continue
        operands = narrowed(node, together(node, [env[x] for x in node.operands]))
        try:
            env[node] = same_dtype(node, CARRIER.of(node.primitive)(*operands, **node.params))
        except DifflabError as error:
            refused[str(error)] = None
        except NotImplementedError as error:
            refused[f"{node.primitive.name}: {error}"] = None
    if refused:
        raise UnsupportedError("this cannot be lowered to XLA: " + "; ".join(refused))
    return [env[n] for n in [*graph.outputs, *[n for n, _ in graph.guards]]]


@contextmanager
def computed_in(precision: str | None) -> Iterator[None]:
    """Products and convolutions that are lowered meanwhile take their single-precision operands in this dtype.

    They are what time is spent in. All else, sums of losses and updates of weights above all, stays as it is.
    """
    token = COMPUTED.set(precision)
    try:
        yield
    finally:
        COMPUTED.reset(token)


def narrowed(node: Node, operands: list[Value]) -> list[Value]:
    """The operands of a product in the dtype that products are computed in; the result is widened again."""
    dtype, row = COMPUTED.get(), node.primitive
    if dtype is None or not (row.labels or row in CONVOLUTIONS) or node.dtype != np.float32:
        return operands
    return [jax().numpy.asarray(x, dtype) if Carrier.dtype(x) == np.float32 else x for x in operands]


def together(node: Node, operands: list[Value]) -> list[Value]:
    """Operands of several dtypes in the one that NumPy computes in: JAX takes float32 for int32 beside float32.

    Python's numbers take the dtype of what they meet, truth values stay.
    """
    row = node.primitive
    if row is rows.ldexp or not (row.kind == "elementwise" or row.labels or row in JOINS):
        return operands
    typed = [hasattr(v, "dtype") and x.dtype.kind in "iufc" for x, v in zip(node.operands, operands)]
    dtypes = {x.dtype for x, known in zip(node.operands, typed) if known}
    if len(dtypes) < 2:
        return operands
    common = jax().dtypes.canonicalize_dtype(np.result_type(*dtypes))
    return [jax().numpy.asarray(v).astype(common) if known else v for v, known in zip(operands, typed)]


def same_dtype(node: Node, found: Value) -> Value:
    """The value in the dtype that NumPy's has: JAX's own rules of promotion differ here and there."""
    if isinstance(found, tuple | list) or node.value.__class__ is tuple:
        return tuple(found)
    if node.primitive is rows.constant and not hasattr(found, "dtype"):
        return found  # Python's numbers take the dtype of what they meet
    numpy, dtype = jax().numpy, jax().dtypes.canonicalize_dtype(node.dtype)
    if not hasattr(found, "dtype") or found.dtype == dtype:
        return found if hasattr(found, "dtype") else numpy.asarray(found, dtype)
    return numpy.asarray(found).astype(dtype)
