"""cond and while_loop: control flow that looks at values while the program runs."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from ..compile.passes.joined_loops import Shorter, ahead
from ..compile.program.stepping import While
from ..compile.xla import control as xla
from ..errors import InputError, ShapeError
from ..graph.leaves import check_functions
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten, structure
from ..graph.traced import apply, holds_traced
from ..primitives import NUMPY, Carrier, Primitive
from ..types import Function, Tree, Value
from .closed import INSIDE, Closed, control_row, describe, plain, value_leaf
from .control_flow import active, body_function, filled, same_carry, scan, zeros_of
from .counted import counted
from .transform import jvp, vjp, zeros


def cond(pred: Value, true_fun: Function, false_fun: Function, *operands: Value) -> Value:
    """true_fun(*operands) where pred is true, else false_fun(*operands); only the chosen one is computed.

    Both must return the same structure, shapes and dtypes. Unlike Python's `if` it is one node of the graph, so a
    program holds both branches.

    >>> cond(2.0 > 1.0, lambda x: 2 * x, lambda x: -x, 5.0)
    np.float64(10.0)
    """
    return chosen(pred, true_fun, false_fun, operands)


def chosen(
    pred: Value, true_fun: Function, false_fun: Function, operands: tuple[Tree, ...], shorter: Shorter | None = None
) -> Value:
    """The branch's result; `shorter` is the one whose results this one has first, beside their tangents."""
    if Carrier.shape(pred) != () or Carrier.dtype(pred).kind not in "biu":
        raise InputError(f"cond: pred has shape {Carrier.shape(pred)} and dtype {Carrier.dtype(pred)}; give one bool")
    leaves, rebuild = flatten(operands)
    leaves = [value_leaf(x, "cond: an operand") for x in leaves]
    check_functions("cond", true_fun=true_fun, false_fun=false_fun)
    shapes: list[Value] = []

    def call(f: Function) -> Callable[[list[Value]], Value]:
        def run(xs: list[Value]) -> Value:
            result = f(*rebuild(xs))
            shapes.append(structure(result))
            return result

        return run

    branches = [Closed("cond", f, [*leaves, 0.0], without_last(call(f))) for f in (false_fun, true_fun)]
    if shapes[0] != shapes[1]:
        raise InputError(f"cond: {describe(true_fun)} and {describe(false_fun)} return different structures")
    for k, (x, y) in enumerate(zip(branches[1].outputs, branches[0].outputs)):
        if x != y:
            raise ShapeError(
                f"cond: result leaf {k} has shape {x.shape} and dtype {x.dtype} in the true branch, "
                f"{y.shape} and {y.dtype} in the other"
            )
    found = choose(pred, branches, [b.captured for b in branches], leaves, shorter)
    return branches[0].rebuild(found)


def without_last(call: Callable[[list[Value]], Value]) -> Callable[[list[Value]], Value]:
    """A branch may have no operands; its graph then still has one input, which it does not read."""
    return lambda xs: call(xs[:-1])


def choose(
    pred: Value,
    branches: list[Closed],
    captured: list[list[Value]],
    leaves: list[Value],
    shorter: Shorter | None,
) -> list[Value]:
    """The outputs of the chosen branch, as one node where anything is traced."""
    operands = [pred, *captured[0], *captured[1], *leaves]
    choice = Choice(branches, len(captured[0]), len(captured[1]))
    if not holds_traced(operands):
        which = int(bool(pred))
        return branches[which].run(choice.part(operands, which))
    on_jax = partial(xla.cond, branches, choice.part)
    choice.row = row = control_row(
        "cond",
        choice.value,
        choice.pull,
        choice.push,
        cond=(branches, choice.part),
        jax=on_jax,
        **ahead(shorter, operands),
    )
    result = apply(row, tuple(operands))
    return list(result) if isinstance(result, tuple) else [result]


class Choice:
    """The rules of one `cond`: its operands are the condition, what each branch captured, and the operands of both."""

    bounds: tuple[int, int, int]
    row: Primitive

    def __init__(self, branches: list[Closed], first: int, second: int) -> None:
        self.branches = branches
        self.bounds = 1, 1 + first, 1 + first + second

    def own(self, xs: Value, which: int) -> list[int]:
        """Where the chosen branch's operands stand among all."""
        start, middle, end = self.bounds
        return [*(range(middle, end) if which else range(start, middle)), *range(end, len(xs))]

    def part(self, xs: Value, which: int) -> list[Value]:
        return [*(xs[k] for k in self.own(xs, which)), np.float64(0.0)]

    def places(self, xs: Value, which: int) -> list[int]:
        """Where the chosen branch's differentiable operands stand among all."""
        return [k for k in self.own(xs, which) if Carrier.dtype(xs[k]).kind in "fc"]

    def value(self, m: Carrier, *xs: Value) -> Value:
        which = int(bool(plain(xs[0])))
        found = self.branches[which](m, self.part(xs, which))
        return tuple(found) if len(found) != 1 else found[0]

    def pull(self, m: Carrier, ct: Value, y: Value, *xs: Value) -> Value:
        outputs = self.branches[0].outputs
        cts = [c for c, o in zip(ct if isinstance(ct, list | tuple) else [ct], outputs) if o.dtype.kind in "fc"]
        on = active(list(xs))

        def back(which: int) -> Function:
            def run(values: Value, cts: Value) -> Value:
                mine = self.part(values, which)
                spots = active(mine[:-1])
                _, pullback = vjp(body_function(self.branches[which], mine, spots), *[mine[k] for k in spots])
                found = dict(zip(self.places(values, which), pullback(tuple(cts))))
                return [found[k] if k in found else zeros(values[k]) for k in on]

            return run

        return filled([None] * len(xs), on, cond(xs[0], back(1), back(0), list(xs), cts))

    def push(self, m: Carrier, ts: Value, y: Value, *xs: Value) -> Value:
        on, outputs = active(list(xs)), self.branches[0].outputs
        moving = [k for k, o in enumerate(outputs) if o.dtype.kind in "fc"]

        def beside(which: int) -> Function:
            """The chosen branch's results, and behind them their tangents."""

            def run(values: Value, tangents: Tree) -> Value:
                body, mine, full = self.branches[which], self.part(values, which), dict(zip(on, tangents))
                spots = active(mine[:-1])
                at, directions = tuple(mine[k] for k in spots), tuple(full[k] for k in self.places(values, which))
                return [*body(NODE, mine), *jvp(body_function(body, mine, spots), at, directions)[1]]

            return run

        result = [zeros_of(o) for o in outputs]
        if moving:
            given = [zeros(xs[k]) if ts[k] is None else ts[k] for k in on]
            shorter = Shorter(self.row, list(xs), list(range(len(outputs))))
            found = chosen(xs[0], beside(1), beside(0), (list(xs), given), shorter)
            result = filled(result, moving, found[len(outputs) :])
        return tuple(result) if len(result) != 1 else result[0]


def while_loop(cond_fun: Function, body_fun: Function, init_val: Tree) -> Value:
    """Applies `val = body_fun(val)` as long as cond_fun(val) is true.

    The value keeps its structure, shapes and dtypes. Forward mode and reverse mode both work, in the bodies of
    other loops as well: reverse mode runs the steps that were taken as a `scan`.

    >>> while_loop(lambda x: x < 100, lambda x: 3 * x, 1.0)
    np.float64(243.0)
    """
    return looped(cond_fun, body_fun, init_val)


def looped(cond_fun: Function, body_fun: Function, init_val: Tree, shorter: Shorter | None = None) -> Value:
    """The loop; `shorter` is the one whose values this one carries first, beside their tangents."""
    check_functions("while_loop", cond_fun=cond_fun, body_fun=body_fun)
    leaves, rebuild = flatten(init_val)
    leaves = [value_leaf(x, "while_loop: init_val") for x in leaves]

    def call(xs: list[Value]) -> Value:
        result = body_fun(rebuild(xs))
        if structure(result) != structure(init_val):
            raise InputError(f"while_loop: {describe(body_fun)} returns another structure than init_val")
        return result

    test = Closed("while_loop", cond_fun, leaves, lambda xs: cond_fun(rebuild(xs)))
    body = Closed("while_loop", body_fun, leaves, call)
    if len(test.outputs) != 1 or test.outputs[0].shape != ():
        raise InputError(f"while_loop: {describe(cond_fun)} must return one bool")
    same_carry("while_loop", leaves, body.outputs)
    found = repeat(test, body, test.captured, body.captured, leaves, shorter)
    return body.rebuild(found)


def repeat(
    test: Closed,
    body: Closed,
    of_test: list[Value],
    of_body: list[Value],
    leaves: list[Value],
    shorter: Shorter | None = None,
) -> list[Value]:
    """The last value; as one node, whose further output is the number of steps, where anything is traced."""
    operands = [*of_test, *of_body, *leaves]
    a = len(of_test)
    b = a + len(of_body)

    on_numpy = cache(lambda: While(test.program, body.program, a, b, (test.run, body.run)))

    def value(m: Carrier, *xs: Value) -> Value:
        found, count = on_numpy().run(list(xs)) if m is NUMPY else steps(m, list(xs))
        return (*found, np.int64(count))

    def steps(m: Carrier, xs: list[Value]) -> tuple[list[Value], int]:
        value, count = xs[b:], 0
        while bool(plain(test(m, [*xs[:a], *value])[0])):
            value, count = body(m, [*xs[a:b], *value]), count + 1
        return value, count

    def pull(m: Carrier, ct: Value, y: Value, *xs: Value) -> Value:
        on = active(list(xs))
        cts = [c for c, o in zip(ct, body.outputs) if o.dtype.kind in "fc"]

        def back(count: int, *both: Value) -> tuple[Value, ...]:
            given, cts = list(both[: len(xs)]), both[len(xs) :]

            def last(*chosen: Value) -> Value:
                values = filled(given, on, chosen)
                found, _ = scan(lambda c, _: (body(NODE, [*values[a:b], *c]), None), values[b:], None, length=count)
                return tuple(found[k] for k in active(found))

            return tuple(vjp(last, *[given[k] for k in on])[1](tuple(cts)))

        # A program checks that the number of steps is the same when it runs again; in the body of another loop it
        # is another one each time.
        count = y[-1] if INSIDE.get() else operator.index(y[-1])
        return filled([None] * len(xs), on, counted(back, count, [*xs, *cts]))

    def push(m: Carrier, ts: Value, y: Value, *xs: Value) -> Value:
        return while_jvp(test, body, a, b, list(ts), list(xs), row)

    if not holds_traced(operands):
        return on_numpy().run(operands)[0]
    on_jax = partial(xla.while_loop, test, body, a, b)
    more = ahead(shorter, operands)
    row = control_row("while_loop", value, pull, push, while_loop=(test, body, a, b), jax=on_jax, **more)
    return list(apply(row, tuple(operands)))[:-1]


def while_jvp(test: Closed, body: Closed, a: int, b: int, ts: list[Value], xs: list[Value], row: Primitive) -> Value:
    """The tangents of the last value: a loop with value and tangent side by side."""
    full = [zeros(x) if t is None else t for x, t in zip(xs, ts)]
    of_body, leaves = xs[a:b], xs[b:]
    on_body, on = active(of_body), active(leaves)
    d_body = [full[a + k] for k in on_body]

    def step(carried: Tree) -> Value:
        value, tangents = carried
        values = [*of_body, *value]
        places = [*on_body, *[len(of_body) + k for k in on]]
        f = body_function(body, values, places)
        _, d_next = jvp(f, tuple(values[k] for k in places), (*d_body, *tangents))
        return body(NODE, values), list(d_next)

    start = (leaves, [full[b + k] for k in on])
    go_on = lambda carried: test(NODE, [*xs[:a], *carried[0]])[0]
    _, tangents = looped(go_on, step, start, Shorter(row, xs, [*range(len(leaves)), len(leaves) + len(on)]))
    result = filled([zeros_of(o) for o in body.outputs], on, tangents)
    return (*result, np.zeros(()))
