"""vmap: a function of single elements as a function of batches of them.

The function is recorded on the first element of the batch; then the record runs once more, with values that have a
batch axis in front. What an operation does with the batch follows from its kind: elementwise rows broadcast, composite
rows run their program, and other rows state a rule (`Primitive.batch`). A row without a rule runs once for each
element, which is always right, and slow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import optree

from ..errors import InputError, ShapeError, TraceError, UnsupportedError
from ..graph.kinds import check_fit
from ..graph.node_carrier import NODE
from ..graph.operators import OPERATORS
from ..graph.pytree import flatten
from ..graph.recording import Tape
from ..graph.traced import SEQUENCES, SeenShape, Traced, apply
from ..graph.vertices import strip
from ..primitives import Carrier, Primitive, batches
from ..types import Axis, Function, Params, Tree, Value
from .transform import separate


class Batched:
    """A value for each element of a batch. Shape, dtype and operators are those of one element."""

    value: Value

    __slots__ = ("value",)
    __array_ufunc__ = None  # NumPy leaves operators with arrays to the methods below

    def __init__(self, value: Value) -> None:
        self.value = value  # an array or node, the batch axis in front

    @property
    def shape(self) -> Value:
        return self.value.shape[1:]

    @property
    def dtype(self) -> Value:
        return self.value.dtype

    def __neg__(self) -> Value:
        return BATCHED.negative(self)

    def __array__(self, *args: Any, **kwargs: Any) -> Value:
        raise UnsupportedError("a batched value is not one array")


class BatchedCarrier(Carrier):
    """Rows on batched values; a row on operands that are all the same for the batch runs once."""

    name = "batched"

    def function(self, row: Primitive) -> Function:
        return lambda *operands, **params: on_batch(row, operands, params)


BATCHED = BatchedCarrier()


def _operators() -> None:
    for name, (row, _) in OPERATORS.items():
        setattr(Batched, f"__{name}__", lambda a, b, _row=row: getattr(BATCHED, _row)(a, b))
        setattr(Batched, f"__r{name}__", lambda a, b, _row=row: getattr(BATCHED, _row)(b, a))


_operators()


def on_batch(row: Primitive, operands: Value, params: Params) -> Value:
    """The operation on operands of which some are batched."""
    lead = tuple([x.__class__ is Batched for x in operands])
    if not any(lead):
        return apply(row, operands, params)
    if row.batch is None and row.kind == "composite" and row.value is not None:
        return row.value(BATCHED, *operands, **params)
    rule = row.batch or (batches.elements if row.kind == "elementwise" else one_by_one)
    values = [x.value if b else x for b, x in zip(lead, operands)]
    try:
        found = rule(NODE, row, lead, *values, **params)
    except UnsupportedError:  # a case that the rule does not have
        found = one_by_one(NODE, row, lead, *values, **params)
    return tuple(map(Batched, found)) if isinstance(found, SEQUENCES) else Batched(found)


def one_by_one(m: Carrier, row: Primitive, lead: tuple[bool, ...], *xs: Value, **params: Value) -> Value:
    """The operation on each element of the batch; the results stacked."""
    n = batches.length(m, lead, xs)
    found = []
    for i in range(n):
        operands = tuple(m.getitem(x, index=(i,)) if b else x for b, x in zip(lead, xs))
        found.append(apply(row, operands, params))
    if isinstance(found[0], SEQUENCES):
        return tuple(stacked(m, row, [y[k] for y in found]) for k in range(len(found[0])))
    return stacked(m, row, found)


def stacked(m: Carrier, row: Primitive, results: list[Value]) -> Value:
    shapes = {Carrier.shape(y) for y in results}
    if len(shapes) > 1:
        raise ShapeError(
            f"vmap: the shape of {row.name} depends on values, and the elements of the batch give {sorted(shapes)}; "
            "use np.where with a shape that is always the same"
        )
    return m.stack(*results, axis=0)


class BatchedRun:
    """A recording of a function of one element, run with a batch."""

    rebuild: Callable[[list[Value]], Value]
    outputs: list[Value]

    def __init__(self, f: Function, columns: list[Value], rebuild: Callable[[list[Value]], Value]) -> None:
        """`columns` are the leaves of the arguments: Batched, or whatever is the same for all elements."""
        self.values: dict[Traced, Value] = {}
        leaves = list(columns)
        with Tape() as (tape, operations):
            for k, x in enumerate(columns):
                if x.__class__ is Batched:
                    leaves[k] = tape.input(first_element(x))
                    self.values[leaves[k]] = x
                elif isinstance(x, np.ndarray) and x.dtype.kind in "biufc":
                    leaves[k] = tape.input(x)  # traced too, so that a batch of indices can read it
            args, kwargs = rebuild(leaves)
            result = f(*args, **kwargs)
        if result is None:
            raise InputError("vmap: the function returned None; does it lack a return statement?")
        self.tape = tape
        outputs, self.rebuild = flatten(result)
        for node in needed(operations, [*outputs, *[g for g, _ in tape.guards]]):
            self.run(node)
        for node, outcome in tape.guards:
            self.check(node, outcome)
        self.outputs = [self.value_of(y) for y in outputs]

    def value_of(self, x: Value) -> Value:
        return self.values.get(x, x.value) if self.tape.owns(x) else x

    def run(self, node: Traced) -> None:
        operands = [self.value_of(x) for x in node.operands]
        if node.primitive.kind == "pick":
            if node.operands[0] in self.values:
                self.values[node] = operands[0][node.params["index"]]
        elif any(x.__class__ is Batched for x in operands):
            some = any(x.__class__ is Batched and x.value.shape[0] for x in operands)
            found = on_batch(node.primitive, operands, node.params) if some else of_none(node.value)
            several = isinstance(found, SEQUENCES)
            self.values[node] = tuple(map(in_dtype, found, node.value)) if several else in_dtype(found, node.value)

    def check(self, node: Traced, outcome: object) -> None:
        """Whether a branch that the first element took is taken by all."""
        x = self.value_of(node)
        if x.__class__ is not Batched or isinstance(outcome, SeenShape):
            return
        value = NODE.astype(x.value, dtype=bool) if isinstance(outcome, bool) else x.value
        if not bool(NODE.all(NODE.equal(value, outcome), axis=None, keepdims=False)):
            raise TraceError(
                f"vmap: Python's `if`, `while` or indexing looked at a value ({node.primitive.name}) that differs "
                "between the elements of the batch; use np.where or dl.cond, which take both"
            )


def of_none(one: Value) -> Value:
    """The result for a batch without elements: `one` is that of the element on which the function was recorded."""
    if isinstance(one, SEQUENCES):
        return tuple(of_none(y) for y in one)
    return Batched(np.zeros((0, *Carrier.shape(one)), Carrier.dtype(one)))


def in_dtype(x: Value, one: Value) -> Value:
    """A result in the dtype it has for one element: a program in other rows may promote otherwise than the row."""
    if x.__class__ is not Batched or x.dtype == one.dtype:
        return x
    if x.dtype.kind == "c" and one.dtype.kind == "f":
        x = BATCHED.real(x)
    return BATCHED.astype(x, dtype=one.dtype)


def first_element(x: Batched) -> Value:
    """The plain first element, on which the function is recorded."""
    value = strip(x.value)
    return value[0] if value.shape[0] else np.ones(x.shape, x.dtype)[()]


def needed(nodes: list[Traced], roots: list[Value]) -> list[Traced]:
    """The nodes, in their order, that the roots depend on."""
    wanted = {x for x in roots if x.__class__ is Traced}
    for node in reversed(nodes):
        if node in wanted:
            wanted.update(x for x in node.operands if x.__class__ is Traced)
    return [node for node in nodes if node in wanted]


def vmap(f: Function, in_axes: Value = 0, out_axes: Value = 0) -> Function:
    """f over a batch: what f does to one element, for each element along an axis of the arguments, at once.

    `in_axes` says along which axis of each argument the batch lies: an int, None for what is the same for all
    elements, or a tuple with an entry for each positional argument (which may follow its structure). Keyword arguments
    have theirs in front. `out_axes` says where it stands in the results. vmap, grad, jvp and compile nest.

    >>> import difflab as dl, numpy as np
    >>> vmap(lambda a, x: a @ x, in_axes=(None, 0))(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[1., 2.],
           [3., 4.]])
    >>> vmap(dl.grad(lambda x: np.sum(x**3)))(np.array([[1.0, 2.0], [0.0, 1.0]]))
    array([[ 3., 12.],
           [ 0.,  3.]])
    """
    if not callable(f):
        raise InputError(f"vmap: {f!r} is not a function")
    if not isinstance(in_axes, int | tuple | list | type(None)):
        raise InputError(f"vmap: in_axes={in_axes!r} is neither an int, None nor a tuple with an entry per argument")

    @wraps(f)
    def batched(*args: Any, **kwargs: Any) -> Value:
        axes = tuple(in_axes) if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise InputError(f"vmap: in_axes={in_axes!r} has {len(axes)} entries for {len(args)} arguments")
        places = prefixed("in_axes", (axes, dict.fromkeys(kwargs, 0)), (args, kwargs))
        leaves, rebuild = flatten((args, kwargs))
        columns = [in_front(x, axis) for x, axis in zip(leaves, places)]
        sizes = {x.value.shape[0] for x in columns if x.__class__ is Batched}
        if len(sizes) != 1:
            told = f"batches of different sizes, {sorted(sizes)}" if sizes else "no argument with a batch axis"
            raise ShapeError(f"vmap: {told}; in_axes={in_axes!r}")
        run = BatchedRun(f, columns, rebuild)
        tree = run.rebuild(list(range(len(run.outputs))))
        to = prefixed("out_axes", out_axes, tree)
        (n,) = sizes
        return run.rebuild(separate([put_back(y, axis, n) for y, axis in zip(run.outputs, to)], leaves))

    batched.__qualname__ = f"vmap({getattr(f, '__qualname__', 'f')})"
    return batched


def places(lead: tuple[bool, ...]) -> tuple[int | None, ...]:
    """The `in_axes` of operands of which some have the batch axis in front."""
    return tuple(0 if b else None for b in lead)


def prefixed(name: str, prefix: Value, tree: Tree) -> list[Value]:
    """The axis of each leaf: entries that stand for a whole subtree are repeated."""
    try:
        return optree.broadcast_prefix(prefix, tree_without_none(tree), none_is_leaf=True)
    except ValueError as error:
        raise InputError(f"vmap: {name}={prefix!r} does not fit the structure of the values: {error}") from None


def tree_without_none(tree: Tree) -> Value:
    """The structure as `flatten` sees it: None has no leaves there."""
    return optree.tree_map(lambda x: () if x is None else x, tree, none_is_leaf=True)


def in_front(x: Value, axis: Axis) -> Value:
    """A leaf with its batch axis in front, or as it is where it has none."""
    if axis is None:
        return x
    if not isinstance(axis, int):
        raise InputError(f"vmap: the axis {axis!r} is neither an int nor None")
    if x.__class__ is not Traced:
        check_fit(x, "vmap: an argument")
        x = np.asarray(x)
        if x.dtype.kind not in "biufc":
            raise InputError(f"vmap: a batch of dtype {x.dtype}; give numbers, or None as its entry of in_axes")
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"vmap: an argument of shape {x.shape} has no axis {axis} for the batch")
    axis %= x.ndim
    return Batched(NODE.moveaxis(x, source=(axis,), destination=(0,)) if axis else x)


def put_back(y: Value, axis: Axis, n: int) -> Value:
    """A result with its batch axis where it is wanted."""
    if y.__class__ is not Batched:
        if axis is None:
            return y
        if y.__class__ is not Traced and np.asarray(y).dtype.kind not in "biufc":
            raise InputError(f"vmap: the function returned {y!r}, which is not a number or an array of numbers")
        y = Batched(NODE.broadcast_to(y, shape=(n, *Carrier.shape(y))))
    elif axis is None:
        raise InputError("vmap: out_axes=None is for results that are the same for all elements; this one differs")
    value = y.value
    rank = value.ndim
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise ShapeError(f"vmap: out_axes={axis!r} for results with {rank - 1} axes")
    return NODE.moveaxis(value, source=(0,), destination=(axis % rank,)) if axis % rank else value
