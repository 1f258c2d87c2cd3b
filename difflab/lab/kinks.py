"""Kinks: where a row has no derivative at the point, with its one-sided derivatives and what the engine returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..differentiate.problem import Problem, output_ancestors
from ..graph.node import Node
from ..primitives import NUMPY, Gate, Primitive
from ..types import Params, Tree, Value


@dataclass(frozen=True)
class Kink:
    """A node without a derivative here: its local one-sided derivatives and the value that the engine returns.

    `where` is the operation and its operand here, `place` says where the operation has no derivative at all ("x = 0").
    """

    node: Node
    where: str
    left: float
    right: float
    returned: float
    place: str
    jump: bool = False  # a comparison: flat on both sides, with a step between

    @property
    def convention(self) -> str:
        """Which number of those that could stand for a derivative is returned."""
        if self.returned == self.left == self.right:
            return "the slope of both sides"
        if np.isclose(2 * self.returned, self.left + self.right):
            return "the mean of both sides"
        if self.returned in (self.left, self.right):
            return "the left side" if self.returned == self.left else "the right side"
        return "the row's own"

    def __str__(self) -> str:
        if self.jump:
            return f"{self.where}: its truth changes here, which may be a kink or a jump of the whole ({self.place})"
        if self.left == self.right:
            return f"{self.where}: the slope is {self.left:g} on both sides ({self.place})"
        return (
            f"{self.where}: left derivative {self.left:g}, right derivative {self.right:g}; "
            f"the engine returns {self.returned:g} ({self.place})"
        )

    def to_json(self) -> dict[str, Tree]:
        return {
            "operation": self.node.primitive.name,
            "where": self.where,
            "left": self.left,
            "right": self.right,
            "returned": self.returned,
            "place": self.place,
            "convention": self.convention,
            "jump": self.jump,
        }


def kinks(problem: Problem, limit: int = 20) -> list[Kink]:
    """The kinks that the point sits on, among the nodes that the output depends on."""
    graph = problem.graph
    with np.errstate(all="ignore"):
        env = graph.evaluate(list(problem.values))
    moving = depends_on_inputs(problem)
    found: list[Kink] = []
    needed = output_ancestors(graph)
    for node in graph.order:
        row = node.primitive
        if row.kinks is None or node not in needed or not any(x in moving for x in node.operands):
            continue
        xs = [env[x] for x in node.operands]
        if any(getattr(x, "size", 1) == 0 for x in xs):
            continue  # nothing there can move
        with np.errstate(all="ignore"):
            mask = np.asarray(row.kinks(NUMPY, *xs, **node.params))
        if np.any(mask) and len(found) < limit:
            kink = describe(node, env, xs, mask, moving)
            if row.kind != "custom" or not np.isclose(kink.left, kink.right, rtol=1e-5, atol=1e-9):
                found.append(kink)  # of a custom row, the kink may lie along another operand
    return found


def depends_on_inputs(problem: Problem) -> set[Node]:
    graph = problem.graph
    moving = {graph.inputs[k] for k in problem.places}
    for node in graph.order:
        if any(x in moving for x in node.operands) and not stands_still(node):
            moving.add(node)
    return moving


def stands_still(node: Node) -> bool:
    """Truth values and integers jump where their own row says so, and what follows from them has no other kink."""
    return node.value.__class__ is not tuple and node.dtype is not None and node.dtype.kind not in "fc"


def describe(node: Node, env: dict[Node, Value], xs: list[Value], mask: Value, moving: set[Node]) -> Kink:
    row = node.primitive
    place = next(k for k, x in enumerate(node.operands) if x in moving)
    index = tuple(int(i) for i in np.argwhere(np.atleast_1d(mask))[0]) if mask.ndim else ()
    with np.errstate(all="ignore"):
        if not row.differentiable:
            left, right, returned = 0.0, 0.0, 0.0
        elif row.one_sided is not None and place == 0:
            left, right = (entry(v, index) for v in row.one_sided(NUMPY, *xs, **node.params))
        else:
            left, right = difference(row, xs, place, index, node.params)
        if row.differentiable:
            returned = local(row, env[node], xs, place, index, node.params)
    name = node.operands[place].name
    where = f"{row.name} of {name or 'an inner value'} at {entry(xs[place], index):g}"
    if index:
        where += f", element {list(index)}"
    return Kink(node, where, left, right, returned, row.non_differentiable or "by its row", not row.differentiable)


def entry(x: Value, index: tuple[int, ...]) -> float:
    x = np.asarray(x)
    return float(x[index] if x.ndim == len(index) else x.flat[0])


def difference(
    row: Primitive, xs: list[Value], place: int, index: tuple[int, ...], params: Params
) -> tuple[float, float]:
    """One-sided differences of the row itself, for rows that do not state their one-sided derivatives."""
    f, x = NUMPY.of(row), np.asarray(xs[place], dtype=float)
    h = 1e-7 * max(1.0, abs(entry(x, index)))

    def total(step: float) -> float:
        moved = x.copy()
        moved[index if x.ndim == len(index) else ()] += step
        return float(np.sum(f(*xs[:place], moved, *xs[place + 1 :], **params)))

    centre = total(0.0)
    return (centre - total(-h)) / h, (total(h) - centre) / h


def local(row: Value, y: Value, xs: list[Value], place: int, index: tuple[int, ...], params: Params) -> float:
    """The partial derivative that the row's rule gives."""
    if row.kind != "elementwise":
        from ..differentiate.transform import vjp

        f = lambda x: call_node(row, [*xs[:place], x, *xs[place + 1 :]], params)
        x = np.asarray(xs[place], dtype=float)
        value, pull = vjp(f, x)
        return entry(pull(np.ones(np.shape(value)))[0], index if x.ndim == len(index) else ())
    rule = row.partials[place]
    if isinstance(rule, int):
        return float(rule)
    partial = rule(NUMPY, y, *xs, **params)
    if isinstance(partial, Gate):
        partial = np.asarray(partial.mask) * (1.0 * np.asarray(partial.factor))
    return entry(partial, index)


def call_node(row: Primitive, operands: list[Value], params: Params) -> Value:
    from ..graph.traced import apply

    return apply(row, tuple(operands), params)
