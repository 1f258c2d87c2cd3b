"""The engine's API: grad, vjp, jvp and what they share.

Each records the function once on traced values and runs a sweep over the record. They nest in each other, because
the values that flow may be traced themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import numpy as np

from ..errors import DifflabError, DtypeError, InputError, ShapeError
from ..garbage import SEARCHED_SELDOM
from ..graph.kinds import FITTING, check_fit, other_library
from ..graph.laxity import STRICT, UNREAD, Laxity
from ..graph.leaves import check_leaf
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten, map_leaves, paths, structure
from ..graph.recording import Tape
from ..graph.refusals import escaped
from ..graph.snapshots import kept
from ..graph.traced import Traced
from ..primitives import Carrier
from ..types import Function, Tree, Value
from . import forward, reverse

ANSWERS = frozenset((Traced, np.ndarray, *FITTING))  # classes of results that need no look


class Recording:
    """One run of a function on traced inputs: its operations, inputs, outputs and the structure of both."""

    trees: list[tuple[int, Callable[[list[Value]], Value]]]
    inputs: list[Traced]
    tape: Tape
    operations: list[Traced]
    aux: Tree
    outputs: list[Value]
    rebuild_output: Callable[[list[Value]], Value]

    def __init__(
        self, name: str, f: Function, primals: tuple[Value, ...], has_aux: bool = False, laxity: Laxity = STRICT
    ) -> None:
        self.name = name
        self.trees, self.inputs = [], []
        arguments = []
        with SEARCHED_SELDOM, Tape(guards=UNREAD, laxity=laxity) as (self.tape, self.operations):
            for k, primal in enumerate(primals):
                leaves, rebuild = flatten(primal)
                if laxity is not STRICT:
                    leaves = [laxity.leaf(x) for x in leaves]
                try:
                    inputs = [self.tape.input(check_leaf(x, name)) for x in leaves]
                except DifflabError:
                    where = f"{name}: argument {getattr(f, 'places', range(len(primals)))[k]}"
                    for x, path in zip(leaves, paths(primal)):
                        check_leaf(x, where + path)
                    raise
                self.trees.append((len(leaves), rebuild))
                self.inputs.extend(inputs)
                arguments.append(rebuild(inputs))
            result = f(*arguments)
        self.aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise InputError(
                    f"{name}: with has_aux=True the function must return (output, aux), it returned {describe(result)}"
                )
            result, aux = result
            self.aux = map_leaves(self.tape.value_of, aux)
        if result is None:
            raise InputError(f"{name}: the function returned None; does it lack a return statement?")
        self.outputs, self.rebuild_output = flatten(result)
        for y in self.outputs:
            if y.__class__ is Traced and y.tape is not self.tape and y.tape.operations is None:
                raise escaped(y.primitive)
            if y.__class__ not in ANSWERS and (what := other_library(type(y))):
                raise InputError(
                    f"{name}: the function returned {what.partition(':')[0]}; it has to return the array in it"
                )

    @property
    def value(self) -> Value:
        return self.rebuild_output([self.tape.value_of(y) for y in self.outputs])

    def pull(self, cotangents: list[Value], once: bool = False) -> list[Value]:
        """The cotangent of each input leaf; zeros where the output does not depend on it.

        With `once` the record is given up on the way, so that its values take no memory any longer.
        """
        self.tape.differentiate(self.outputs)
        seeds: dict[Traced, Value] = {}
        for y, ct in zip(self.outputs, cotangents):
            if self.tape.owns(y) and y.dtype.kind in "fc":
                seeds[y] = seeds[y] + ct if y in seeds else ct
        found = reverse.sweep(self.operations, seeds, self.tape.nested, once=once)
        return separate([found[x] if x in found else zeros(x.value) for x in self.inputs], cotangents)

    def push(self, tangents: list[Value]) -> list[Value]:
        """The tangent of each output leaf."""
        self.tape.differentiate(self.outputs)
        found = forward.sweep(self.operations, dict(zip(self.inputs, tangents)), self.tape.nested)
        return [
            found[y] if y.__class__ is Traced and y in found else zeros(self.tape.value_of(y)) for y in self.outputs
        ]

    def unflatten_inputs(self, leaves: list[Value]) -> tuple[Value, ...]:
        trees, start = [], 0
        for count, rebuild in self.trees:
            trees.append(rebuild(leaves[start : start + count]))
            start += count
        return tuple(trees)


def separate(results: list[Value], given: list[Value]) -> list[Value]:
    """Results that the caller may change: no read-only view, no array twice, nothing that was passed in."""
    if all(x.__class__ is not np.ndarray for x in results):
        return results
    seen = [x for x in given if x.__class__ is np.ndarray]
    for k, x in enumerate(results):
        if x.__class__ is np.ndarray and not x.shape:
            results[k] = x[()]
        elif x.__class__ is np.ndarray:
            if not x.flags.writeable or any(np.may_share_memory(x, y) for y in seen):
                results[k] = x = x.copy()
            seen.append(x)
    return results


def zeros(x: Value) -> Value:
    dtype = Carrier.dtype(x)
    return np.zeros(Carrier.shape(x), dtype if dtype.kind in "fc" else float)[()]


def describe(x: Value) -> str:
    if x is None:
        return "None"
    shape = f" of shape {x.shape}" if hasattr(x, "shape") else ""
    return f"a {type(x).__name__}{shape}"


def scalar_output(name: str, record: Recording) -> Value:
    """The one real scalar that a gradient needs; anything else is refused with the mend."""
    if len(record.outputs) != 1:
        raise ShapeError(
            f"{name}: the function returned {len(record.outputs)} values, a gradient needs one scalar; "
            "return one of them, or use has_aux=True for the others"
        )
    y = record.tape.value_of(record.outputs[0])
    if not hasattr(y, "dtype"):
        if not isinstance(y, int | float | complex):
            raise InputError(f"{name}: the function returned {describe(y)}; a gradient needs a number")
        y = np.asarray(y)[()]
    if y.shape != ():
        raise ShapeError(
            f"{name}: the output has shape {y.shape}, a gradient needs a scalar; use dl.jacobian, or "
            "dl.vjp with a cotangent"
        )
    if y.dtype.kind == "c":
        raise DtypeError(
            f"{name}: the output is complex, a gradient needs a real scalar; return its .real, .imag or "
            "np.abs of it, or use dl.vjp"
        )
    if y.dtype.kind == "b":
        raise DtypeError(f"{name}: the output is a truth value, which has no gradient; return a number")
    return y


def check_argnums(name: str, argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    wanted = tuple(argnums) if isinstance(argnums, tuple | list) else (argnums,)
    for k in wanted:
        if not isinstance(k, int) or not -count <= k < count:
            raise InputError(
                f"{name}: argnums={argnums!r} but the function was called with {count} positional "
                f"argument{'s' if count != 1 else ''}"
            )
    return tuple(k % count for k in wanted)


def selected(
    name: str, f: Function, argnums: int | Sequence[int], args: tuple[Value, ...], kwargs: dict[str, Value]
) -> Value:
    """f as a function of the chosen arguments alone, and those arguments."""
    if not callable(f):
        raise InputError(f"{name}: {f!r} is not a function")
    wanted = check_argnums(name, argnums, len(args))

    def g(*chosen: Value) -> Value:
        full = list(args)
        for k, x in zip(wanted, chosen):
            full[k] = x
        return f(*full, **kwargs)

    g.places = wanted  # type: ignore[attr-defined]  # for errors
    return g, tuple(args[k] for k in wanted)


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns f's value and its gradient.

    f returns a real scalar (with `has_aux`, a pair of that and anything else). `argnums` is an int or a tuple of
    ints; the gradient has the structure, shapes and dtypes of those arguments.

    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    return _gradient("value_and_grad", f, argnums, has_aux, True)


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of f, by reverse mode. See `value_and_grad`.

    >>> import numpy as np
    >>> grad(np.tanh)(0.0)
    np.float64(1.0)
    """
    return _gradient("grad", f, argnums, has_aux, False)


def _gradient(name: str, f: Function, argnums: int | Sequence[int], has_aux: bool, with_value: bool) -> Function:
    @_wraps(f, name)
    def gradient(*args: Any, **kwargs: Any) -> Value:
        g, chosen = selected(name, f, argnums, args, kwargs)
        record = Recording(name, g, chosen, has_aux)
        y = scalar_output(name, record)
        seed = np.ones((), y.dtype)[()] if y.dtype.kind == "f" else 1.0
        gradients = record.unflatten_inputs(record.pull([seed], once=True))
        result = gradients[0] if isinstance(argnums, int) else gradients
        if with_value:
            return ((y, record.aux) if has_aux else y), result
        return (result, record.aux) if has_aux else result

    return gradient


def _wraps(f: Function, name: str) -> Callable[[Function], Function]:
    def decorate(g: Any) -> Value:
        g = wraps(f)(g)
        g.__name__ = f"{name}({getattr(f, '__name__', 'f')})"
        g.__qualname__ = f"{name}({getattr(f, '__qualname__', 'f')})"  # what a prompt shows
        return g

    return decorate if callable(f) else lambda g: g


def elementwise_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The derivative of a function that acts on each element: the pullback of ones.

    >>> import numpy as np
    >>> elementwise_grad(np.square)(np.array([1.0, 3.0]))
    array([2., 6.])
    """

    @_wraps(f, "elementwise_grad")
    def gradient(*args: Any, **kwargs: Any) -> Value:
        g, chosen = selected("elementwise_grad", f, argnums, args, kwargs)
        record = Recording("elementwise_grad", g, chosen)
        ones = [Carrier.ones_like(record.tape.value_of(y)) for y in record.outputs]
        gradients = record.unflatten_inputs(record.pull(ones, once=True))
        return gradients[0] if isinstance(argnums, int) else gradients

    return gradient


def vjp(f: Function, *primals: Value, has_aux: bool = False) -> Value:
    """f's value and its pullback: `pullback(cotangent)` is a tuple of one cotangent per primal.

    The cotangent has the structure and shapes of the output; each result those of its primal.

    >>> value, pullback = vjp(lambda x, y: x * y, 3.0, 4.0)
    >>> pullback(1.0)
    (np.float64(4.0), np.float64(3.0))
    """
    # The pullback may be called after somebody has written into the primals.
    record = Recording("vjp", f, map_leaves(kept, primals), has_aux)
    value = record.value

    def pullback(cotangent: Tree) -> tuple[Value, ...]:
        cts = matching("vjp: the cotangent", cotangent, value)
        return record.unflatten_inputs(record.pull(cts))

    return (value, pullback, record.aux) if has_aux else (value, pullback)


def jvp(f: Function, primals: Tree, tangents: Tree) -> Value:
    """f's value and the derivative along the tangents, by forward mode.

    >>> import numpy as np
    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise InputError("jvp: primals and tangents are tuples, one entry for each argument of the function")
    record = Recording("jvp", f, tuple(primals))
    points = record.unflatten_inputs([x.value for x in record.inputs])
    ts = matching("jvp: the tangents", tuple(tangents), points)
    value = record.value
    return value, record.rebuild_output(record.push(ts))


def matching(what: str, given: Tree, like: Tree) -> list[Value]:
    """The leaves of a cotangent or tangent, checked against the value it belongs to."""
    want, _ = flatten(like)
    if type(like) in (list, tuple) and type(given) in (list, tuple):
        given = type(like)(given)  # NumPy's versions differ in which of the two they return
    got, _ = flatten(given)
    if len(got) != len(want) or (len(want) != 1 and structure(given) != structure(like)):
        raise ShapeError(
            f"{what} must have the structure of {describe(like)} with {len(want)} "
            f"leaf values, got {describe(given)} with {len(got)}"
        )
    result = []
    for x, y in zip(got, want):
        if x.__class__ is not Traced:
            check_fit(x, what)
            x = np.asarray(x)[()]
            check_fit(x, what)
        if x.shape != Carrier.shape(y):
            raise ShapeError(f"{what}: shape {x.shape}, but the value it belongs to has shape {Carrier.shape(y)}")
        dtype = Carrier.dtype(y)
        if dtype.kind in "fc" and x.dtype != dtype:
            if x.dtype.kind == "c" and dtype.kind == "f":
                raise DtypeError(f"{what} is complex, but the value it belongs to is real")
            if x.dtype.kind not in "biufc":
                raise DtypeError(f"{what} has dtype {x.dtype}; give numbers")
            x = NODE.astype(x, dtype=dtype)
        result.append(x)
    return result


def hvp(f: Function) -> Function:
    """`hvp(f)(x, v)`: the Hessian of f at x times v, forward over reverse, at the cost of a few gradients.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """

    @_wraps(f, "hvp")
    def product(x: Value, v: Value) -> Value:
        return jvp(grad(f), (x,), (v,))[1]

    return product


STOPPED: ContextVar[list[Value] | None] = ContextVar("STOPPED", default=None)


def stop_gradient(x: Value) -> Value:
    """x as a constant: nothing flows back through it, at any order.

    >>> grad(lambda x: stop_gradient(x) * x)(3.0)
    np.float64(3.0)
    """
    seen = STOPPED.get()
    if seen is not None:
        seen += flatten(x)[0]
    return map_leaves(lambda leaf: NODE.stop_gradient(leaf) if leaf.__class__ is Traced else leaf, x)


@contextmanager
def watched() -> Iterator[list[Value]]:
    """The leaves that `stop_gradient` is given while the block runs."""
    seen: list[Value] = []
    token = STOPPED.set(seen)
    try:
        yield seen
    finally:
        STOPPED.reset(token)
