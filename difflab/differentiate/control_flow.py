"""scan, while_loop and cond: control flow that is traced once, whatever the number of steps.

Each is recorded as one node that holds the graph of its body. Their derivatives are again scans, loops and branches,
so they nest to any order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from ..compile.passes.joined_loops import Shorter, ahead
from ..compile.program.stepping import Scan
from ..compile.xla import control as xla
from ..errors import InputError, ShapeError
from ..graph.kinds import check_fit
from ..graph.leaves import check_functions
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten, structure
from ..graph.traced import apply, holds_traced
from ..graph.vertices import strip
from ..primitives import NUMPY, Carrier, Primitive
from ..primitives.arguments import whole as whole_number
from ..types import Function, Tree, Value
from .closed import Closed, control_row, describe, value_leaf
from .transform import jvp, vjp, zeros


def scan(f: Function, init: Tree, xs: Value = None, length: int | None = None, reverse: bool = False) -> Value:
    """Carries a value through a loop: `carry, y = f(carry, x)` for each x along the first axis of xs.

    Returns the last carry and the ys stacked along a new first axis. Carry, xs and ys are arrays or containers of
    arrays; the carry keeps its shapes and dtypes. With `xs=None`, `length` says how often; `reverse` starts at the
    end. f is traced once. Raises InputError or ShapeError for a carry that changes and for lengths that differ.

    >>> import numpy as np
    >>> total, partial = scan(lambda c, x: (c + x, c + x), 0.0, np.array([1.0, 2.0, 3.0]))
    >>> total, partial
    (np.float64(6.0), array([1., 3., 6.]))
    """
    return scanned(f, init, xs, length, reverse)


def scanned(
    f: Function,
    init: Tree,
    xs: Value,
    length: int | None,
    reverse: bool,
    shorter: Shorter | None = None,
    lean: bool = False,
) -> Value:
    """The scan; `shorter` is the one whose results this one has beside their tangents.

    A `lean` one leaves out the xs that nothing is computed from: they need not be kept for it.
    """
    check_functions("scan", f=f)
    carry, rebuild_carry = flatten(init)
    slices, rebuild_x = flatten(xs)
    carry = [value_leaf(x, "scan: init") for x in carry]
    slices = [value_leaf(x, "scan: xs") for x in slices]
    count = steps(slices, length)
    example = [plain_slice(x) for x in slices]

    def call(leaves: list[Value]) -> Value:
        result = f(rebuild_carry(leaves[: len(carry)]), rebuild_x(leaves[len(carry) :]))
        if not isinstance(result, tuple) or len(result) != 2:
            raise InputError(f"scan: {describe(f)} must return (carry, y), it returned a {type(result).__name__}")
        if structure(result[0]) != structure(init):
            raise InputError(f"scan: {describe(f)} returns a carry of another structure than init")
        return result

    body = Closed("scan", f, [*carry, *example], call)
    same_carry("scan", carry, body.outputs[: len(carry)])
    if lean:
        first = len(body.captured) + len(carry)
        slices = [slices[k - first] for k in body.without_unread(first) if k >= first]
    found = run_scan(body, body.captured, carry, slices, count, reverse, shorter)
    last, ys = body.rebuild([*found[: len(carry)], *found[len(carry) :]])
    return last, ys


def steps(slices: list[Value], length: int | None) -> int:
    """The number of steps, on which all must agree."""
    for x in slices:
        if not Carrier.shape(x):
            raise ShapeError("scan: a leaf of xs is a single number; its first axis is the loop")
    counts = sorted({Carrier.shape(x)[0] for x in slices})
    if len(counts) > 1:
        raise ShapeError(f"scan: the leaves of xs have first axes of {counts}; they must be equal")
    if length is not None:
        length = whole_number("scan: length", length)
        if length < 0 or (counts and counts[0] != length):
            raise ShapeError(f"scan: length={length}, but xs has {counts[0] if counts else 'no'} steps")
        return length
    if not counts:
        raise InputError("scan: xs is None, so length must be given")
    return counts[0]


def plain_slice(x: Value) -> Value:
    """An example of one step's x."""
    x = strip(x)
    check_fit(x, "scan: xs")
    x = np.asarray(x)
    return x[0] if len(x) else np.zeros(x.shape[1:], x.dtype)[()]


def same_carry(name: str, before: list[Value], after: list[Value]) -> None:
    for k, (x, y) in enumerate(zip(before, after)):
        if Carrier.shape(x) != y.shape or Carrier.dtype(x) != y.dtype:
            raise ShapeError(
                f"{name}: carry leaf {k} goes in with shape {Carrier.shape(x)} and dtype {Carrier.dtype(x)} and comes "
                f"out with shape {y.shape} and dtype {y.dtype}; they must be equal"
            )


def run_scan(
    body: Closed,
    captured: list[Value],
    carry: list[Value],
    slices: list[Value],
    count: int,
    reverse: bool,
    shorter: Shorter | None,
) -> Value:
    """The final carry, the ys, and where something is traced also every step's carry (left out of the result)."""
    operands = [*captured, *carry, *slices]
    a, b = len(captured), len(captured) + len(carry)
    on_numpy = cache(lambda: Scan(body.program, (a, b), count, reverse, body.run))
    if not holds_traced(operands):
        return on_numpy().run(operands, keep=False)

    def value(m: Carrier, *xs: Value) -> Value:
        if m is NUMPY:
            return tuple(on_numpy().run(list(xs), keep=True))
        return tuple(loop(m, body, a, b, count, reverse, list(xs)))

    def pull(m: Carrier, ct: Value, y: Value, *xs: Value, wanted: list[int]) -> Value:
        return scan_vjp(m, body, (a, b, count, reverse), list(ct), list(y), list(xs), wanted)

    def push(m: Carrier, ts: list[Value], y: Value, *xs: Value) -> Value:
        return scan_jvp(row, ts, list(xs))

    row = control_row(
        "scan",
        value,
        pull,
        push,
        flops=count * body.flops,
        selective=True,
        scan=(body, a, b, count, reverse),
        without_carries=lambda *xs: tuple(on_numpy().run(list(xs), keep=False)),
        jax=partial(xla.scan, body, a, b, count, reverse),
        **ahead(shorter, operands),
    )
    found = apply(row, tuple(operands))
    return list(found)[: len(body.outputs)]


def loop(m: Carrier, body: Closed, a: int, b: int, count: int, reverse: bool, xs: list[Value]) -> list[Value]:
    """The steps one after the other on another carrier than NumPy's; each step's carry is returned too, stacked."""
    captured, carry, slices = xs[:a], xs[a:b], xs[b:]
    n = len(carry)
    ys: list[list[Value]] = [[None] * count for _ in body.outputs[n:]]
    carries: list[list[Value]] = [[None] * count for _ in carry]
    for t in range(count - 1, -1, -1) if reverse else range(count):
        for c, x in zip(carries, carry):
            c[t] = x
        found = body(m, [*captured, *carry, *[x[t] for x in slices]])
        carry = found[:n]
        for row, y in zip(ys, found[n:]):
            row[t] = y
    return [*carry, *[m.stack(*row, axis=0) for row in [*ys, *carries]]]


def active(xs: list[Value]) -> list[int]:
    """The positions of the leaves that have derivatives."""
    return [k for k, x in enumerate(xs) if Carrier.dtype(x).kind in "fc"]


def filled(xs: list[Value], places: list[int], values: Value) -> list[Value]:
    out = list(xs)
    for k, v in zip(places, values):
        out[k] = v
    return out


def body_function(body: Closed, values: list[Value], places: list[int]) -> Callable[..., tuple[Value, ...]]:
    """The body as a function of its differentiable leaves alone, giving its differentiable outputs."""
    keep = [k for k, y in enumerate(body.outputs) if y.dtype.kind in "fc"]

    def f(*chosen: Value) -> tuple[Value, ...]:
        found = body(NODE, filled(values, places, chosen))
        return tuple(found[k] for k in keep)

    return f


def scan_vjp(
    m: Carrier,
    body: Closed,
    extent: tuple[int, int, int, bool],
    ct: list[Value],
    y: list[Value],
    xs: list[Value],
    wanted: list[int],
) -> Value:
    """The cotangents of captured values, first carry and xs: a scan from the other end.

    Of captured values and xs those that are wanted are computed; of results without a cotangent nothing is read.
    """
    a, b, count, reverse = extent
    n, outputs = b - a, body.outputs
    captured, slices, carries = xs[:a], xs[b:], y[len(outputs) :]
    asked = set(wanted)
    on_captured = [k for k in active(captured) if k in asked]
    on_carry, on_x = active(xs[a:b]), [k for k in active(slices) if b + k in asked]
    ct_carry = [m.zeros_like(y[k]) if ct[k] is None else ct[k] for k in on_carry]
    moving = [k for k in range(n, len(outputs)) if outputs[k].dtype.kind in "fc"]
    ct_ys = {k: ct[k] for k in moving if ct[k] is not None}
    ct_before = {k: ct[len(outputs) + k] for k in on_carry if ct[len(outputs) + k] is not None}  # results as well

    def step(carried: Tree, x: Value) -> Value:
        ct_c, sums = carried
        at_carry, at_x, ct_y, ct_at = x
        values = [*captured, *at_carry, *at_x]
        places = [*on_captured, *[a + k for k in on_carry], *[b + k for k in on_x]]
        value, pullback = vjp(body_function(body, values, places), *[values[k] for k in places])
        known = {**dict(zip(on_carry, ct_c)), **ct_y}
        found = pullback(tuple(known[k] if k in known else zeros(v) for k, v in zip([*on_carry, *moving], value)))
        p, q = len(on_captured), len(on_captured) + len(on_carry)
        ct_next = [g + ct_at[k] if k in ct_at else g for k, g in zip(on_carry, found[p:q])]
        return (ct_next, [s + g for s, g in zip(sums, found[:p])]), list(found[q:])

    start = (ct_carry, [zeros(captured[k]) for k in on_captured])
    (ct_first, sums), ct_slices = scanned(
        step, start, (carries, slices, ct_ys, ct_before), count, not reverse, lean=True
    )
    result: list[Value] = [None] * len(xs)
    for k, g in zip(on_captured, sums):
        result[k] = g
    for k, g in zip(on_carry, ct_first):
        result[a + k] = g
    for k, g in zip(on_x, ct_slices):
        result[b + k] = g
    return result


def scan_jvp(row: Primitive, ts: list[Value], xs: list[Value]) -> Value:
    """The tangents of the outputs: a scan with carry and tangent side by side, whose results hold the scan's own."""
    body, a, b, count, reverse = row.spelling["scan"]
    n, outputs = b - a, body.outputs
    captured, carry, slices = xs[:a], xs[a:b], xs[b:]
    full = [zeros(x) if t is None else t for x, t in zip(xs, ts)]
    on_captured, on_carry, on_x = active(captured), active(carry), active(slices)
    d_captured = [full[k] for k in on_captured]
    moving = [k for k, y in enumerate(outputs) if y.dtype.kind in "fc"]

    def step(carried: Tree, x: Value) -> Value:
        (c, dc), (s, ds) = carried, x
        values = [*captured, *c, *s]
        places = [*on_captured, *[a + k for k in on_carry], *[b + k for k in on_x]]
        f = body_function(body, values, places)
        _, tangents = jvp(f, tuple(values[k] for k in places), (*d_captured, *dc, *ds))
        new, by_place = body(NODE, values), dict(zip(moving, tangents))
        return (new[:n], [by_place[k] for k in on_carry]), (new[n:], dc, [by_place[k] for k in moving if k >= n])

    start = (carry, [full[a + k] for k in on_carry])
    slopes = (slices, [full[b + k] for k in on_x])
    # The longer one's results: carry, its tangents, ys, the tangents before each step, those of the ys, all carries.
    p, before = len(on_carry), len(outputs) + len(on_carry) + len(moving)
    same = [*range(n), *range(n + p, len(outputs) + p), *range(before, before + n)]
    (_, d_last), (_, d_before, d_ys) = scanned(step, start, slopes, count, reverse, Shorter(row, xs, same))
    by_place = dict(zip([*on_carry, *[k for k in moving if k >= n]], [*d_last, *d_ys]))
    d_outputs = [by_place[k] if k in by_place else zeros_of(y) for k, y in enumerate(outputs[:n])]
    d_outputs += [by_place[k] if k in by_place else zeros_of(y, (count,)) for k, y in enumerate(outputs) if k >= n]
    at_carry = dict(zip(on_carry, d_before))
    d_outputs += [at_carry[k] if k in at_carry else zeros_of(y, (count,)) for k, y in enumerate(outputs[:n])]
    return tuple(d_outputs)


def zeros_of(y: Value, lead: tuple[int, ...] = ()) -> Value:
    return np.zeros((*lead, *y.shape), y.dtype if y.dtype.kind in "fc" else float)[()]
