"""Functions with a derivative of their own: custom_gradient, and checkpoint, which recomputes instead of storing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

from ..errors import InputError, ShapeError
from ..graph.leaves import check_functions
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten, leaves_of
from ..graph.recording import Tape
from ..graph.traced import Traced, apply, holds_traced
from ..primitives import Carrier, Custom, Primitive
from ..types import Function, Tree, Value
from .batching import needed, places, vmap
from .closed import Closed
from .own_rules import checked, cotangents_of
from .transform import jvp, vjp, zeros


def custom_gradient(f: Function) -> Function:
    """A function with its own pullback: f returns `(value, pullback)`.

    `pullback(cotangent)` returns one cotangent for each argument (a tuple, or the bare value for one argument).
    Forward mode uses the transpose of the pullback.

    >>> import difflab as dl, numpy as np
    >>> @dl.custom_gradient
    ... def clipped(x):
    ...     return x**3, lambda g: np.minimum(g, 1.0)
    >>> dl.grad(lambda x: 5 * clipped(x))(2.0)
    np.float64(1.0)
    """
    check_functions("custom_gradient", f=f)

    @wraps(f)
    def wrapped(*args: Any) -> Value:
        leaves, rebuild = flatten(args)
        name = getattr(f, "__name__", type(f).__name__)
        shape: list[Value] = []

        def run(*xs: Value) -> Value:
            result = f(*rebuild(list(xs)))
            if not isinstance(result, tuple) or len(result) != 2 or not callable(result[1]):
                raise InputError(f"custom_gradient: {name} must return (value, pullback)")
            outputs, again = flatten(result[0])
            shape[:] = [again]
            back = lambda ct: result[1](again(list(ct) if isinstance(ct, list | tuple) else [ct]))
            return outputs[0] if len(outputs) == 1 else tuple(outputs), back

        def pull(ct: Value, *xs: Value) -> tuple[Value, ...]:
            found = run(*xs)[1](ct)
            alone = not isinstance(found, tuple) or (len(args) == 1 and found.__class__ is not tuple)
            found = (found,) if alone else found
            if len(found) != len(args):
                raise ShapeError(
                    f"custom_gradient: the pullback of {name} returned {len(found)} cotangents for {len(args)} "
                    "arguments"
                )
            return tuple(_cotangents(f"custom_gradient: {name}", found, rebuild(list(xs))))

        def push(m: Carrier, ts: list[Value], y: Value, *xs: Value) -> Value:
            filled = tuple(zeros(x) if t is None else t for t, x in zip(ts, xs))
            like = tuple(zeros(e) for e in y) if isinstance(y, tuple) else zeros(y)
            return vjp(lambda ct: pull(ct, *xs), like)[1](filled)[0]

        row = _with_rules(f, lambda *xs: run(*xs)[0], pull, push)
        result = apply(row, tuple(leaves)) if holds_traced(leaves) else run(*leaves)[0]
        return shape[0](list(result) if isinstance(result, tuple) else [result])

    return wrapped


def _cotangents(name: str, trees: tuple[Tree, ...], args: tuple[Tree, ...]) -> Iterator[Value]:
    """One for each leaf of the arguments: zeros where there is no path."""
    for k, (tree, argument) in enumerate(zip(trees, args)):
        for ct, x in zip(cotangents_of(name, k, tree, argument), leaves_of(argument)):
            moving = Carrier.dtype(x).kind in "fc"
            yield (zeros(x) if ct is None else checked(name, k, ct, x)) if moving else zeros(0.0)


def checkpoint(f: Function) -> Function:
    """f, whose intermediate values are not kept for the backward sweep but computed again in it.

    f may read traced values from around it; they are differentiated as its arguments are.

    >>> import difflab as dl, numpy as np
    >>> dl.grad(dl.checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    """
    check_functions("checkpoint", f=f)

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Value:
        leaves, rebuild = flatten(args)
        if not holds_traced(leaves):
            return f(*args, **kwargs)
        shape: list[Value] = []

        def run(*xs: Value) -> Value:
            outputs, again = flatten(f(*rebuild(list(xs)), **kwargs))
            shape[:] = [again]
            if holds_traced(outputs) and not holds_traced(xs):
                raise _CapturedError
            return outputs[0] if len(outputs) == 1 else tuple(outputs)

        before = {x.tape: len(x.tape.operations or ()) for leaf in leaves for x in _levels(leaf)}
        try:
            result = apply(_recomputed(f, run), tuple(leaves))
        except _CapturedError:  # f as a graph, in which the captured values are inputs as well
            body = Closed("checkpoint", f, leaves, lambda xs: f(*rebuild(xs), **kwargs))
            _forget(before, body.captured)
            result = apply(_recomputed(f, _results(body)), (*body.captured, *leaves))
        return shape[0](list(result) if isinstance(result, tuple) else [result])

    return wrapped


class _CapturedError(Exception):
    """A function of plain values returned traced ones."""


def _levels(x: Value) -> Iterator[Traced]:
    """A traced value, and what it is on each of the tapes around."""
    while x.__class__ is Traced:
        yield x
        x = x.value


def _forget(before: dict[Value, int], roots: list[Value]) -> None:
    """Takes out of the tapes what was recorded since, and would be kept till the sweep, but for what roots need.

    A value that is taken out cannot be used any more, by whoever has stored it.
    """
    closed = Tape()
    closed.close()
    wanted = [level for x in roots for level in _levels(x)]
    for tape in sorted(before, key=lambda t: t.serial, reverse=True):
        since = tape.operations[before[tape] :]
        kept = needed(since, [*wanted, *[x for x, _ in tape.guards]])
        tape.operations[before[tape] :] = kept
        if tape.known is not None:  # what is taken out must not come back
            tape.known.clear()
        for x in set(since).difference(kept):
            x.tape = closed
        values = [y for x in kept for y in (x, *x.operands, *(x.value if x.value.__class__ is tuple else ()))]
        wanted += [level for y in values for level in _levels(y)]


def _results(body: Closed) -> Function:
    def run(*xs: Value) -> Value:
        outputs = body(NODE, list(xs))
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    return run


def _recomputed(f: Function, run: Function) -> Custom:
    """The row whose derivatives run the function again."""

    def part(xs: Value) -> Value:
        keep = [i for i, x in enumerate(xs) if Carrier.dtype(x).kind in "fc"]

        def g(*chosen: Value) -> Value:
            full = list(xs)
            for i, x in zip(keep, chosen):
                full[i] = x
            return run(*full)

        return g, keep

    def pull(m: Carrier, ct: Value, y: Value, *xs: Value) -> Value:
        g, keep = part(xs)
        found = vjp(g, *[xs[i] for i in keep])[1](tuple(ct) if isinstance(ct, list) else ct)
        result: list[Value] = [None] * len(xs)
        for i, c in zip(keep, found):
            result[i] = c
        return result

    def push(m: Carrier, ts: list[Value], y: Value, *xs: Value) -> Value:
        g, keep = part(xs)
        points = tuple(xs[i] for i in keep)
        return jvp(g, points, tuple(zeros(xs[i]) if ts[i] is None else ts[i] for i in keep))[1]

    def batch(m: Carrier, row: Primitive, lead: tuple[bool, ...], *xs: Value) -> Value:
        return checkpoint(vmap(run, places(lead)))(*xs)

    return _dynamic(f, run, pull, push, batch)


def _with_rules(f: Function, run: Value, pull: Value, push: Value) -> Custom:
    """The row of a function with its own pullback; over a batch, the row of the batched function and pullback."""

    def batch(m: Carrier, row: Primitive, lead: tuple[bool, ...], *xs: Value) -> Value:
        axes = places(lead)

        def push_all(m: Carrier, ts: list[Value], y: Value, *xs: Value) -> Value:
            filled = tuple(zeros(x) if t is None else t for t, x in zip(ts, xs))
            return vmap(lambda ts, y, xs: push(m, list(ts), y, *xs), (axes, 0, axes))(filled, y, xs)

        pull_all = lambda ct, *xs: vmap(pull, (0, *axes))(ct, *xs)
        return apply(_with_rules(f, vmap(run, axes), pull_all, push_all), xs)

    return _dynamic(f, run, lambda m, ct, y, *xs: pull(ct, *xs), push, batch, frozenset(("own pullback",)))


def _dynamic(
    f: Function, run: Value, pull: Value, push: Value, batch: Value, facts: frozenset[str] = frozenset()
) -> Custom:
    name = getattr(f, "__name__", "function").strip("<>")
    return Custom(
        name=name,
        doc=f"The function {name}, with its own derivative.",
        glyph=name,
        latex=rf"\operatorname{{{name}}}({{0}})",
        value=lambda m, *xs: run(*xs),
        vjp=pull,
        jvp=push,
        batch=batch,
        facts=facts,
    )
