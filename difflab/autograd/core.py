"""Records and sweeps by autograd's names, the nodes with which programs call them apart, and rules of a user's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..differentiate import own_rules
from ..differentiate.own_rules import fitted
from ..differentiate.transform import Recording, matching
from ..graph.laxity import LAX, floats
from ..graph.pytree import flatten, map_leaves
from ..graph.snapshots import kept
from ..graph.traced import Traced
from ..primitives import Carrier
from ..types import Function, Tree, Value
from .vspaces import VSpace as VSpace, vspace as vspace


def recorded(name: str, fun: Function, x: Tree) -> Recording:
    """One run of fun on a traced x, in autograd's laxer ways."""
    return Recording(name, fun, (x,), laxity=LAX)


def pulled(record: Recording, cotangents: list[Value], once: bool = False) -> Tree:
    """The cotangent of the function's argument; with `once` the record is given up."""
    return record.unflatten_inputs(record.pull(cotangents, once))[0]


def cotangents(name: str, given: Tree, value: Tree) -> list[Value]:
    """The leaves of a cotangent; what has the right number of elements, or broadcasts, has the right shape."""
    leaves, rebuild = flatten(value)
    got, _ = flatten(given)
    if len(got) == len(leaves):
        given = rebuild([shaped(c if c.__class__ is Traced else floats(c), y) for c, y in zip(got, leaves)])
    return matching(f"{name}: the cotangent", given, value)


def shaped(ct: Value, y: Value) -> Value:
    shape = Carrier.shape(y)
    if Carrier.shape(ct) == shape:
        return ct
    if Carrier.size(ct) == Carrier.size(y):
        return np.reshape(ct, shape)
    try:
        return np.broadcast_to(ct, shape)
    except ValueError:
        return ct  # whoever takes it says what does not fit


def make_vjp(fun: Function, x: Tree) -> tuple[Function, Tree]:
    """The pullback of fun at x, and its value there.

    >>> vjp, value = make_vjp(np.square, 3.0)
    >>> value, vjp(1.0)
    (np.float64(9.0), np.float64(6.0))
    """
    record = recorded("make_vjp", fun, map_leaves(kept, x))
    value = record.value

    def vjp(g: Tree) -> Tree:
        return pulled(record, cotangents("make_vjp", g, value))

    return vjp, value


def make_jvp(fun: Function, x: Tree) -> Function:
    """A function of a tangent at x: the value of fun, and its derivative along the tangent.

    >>> make_jvp(np.square, 3.0)(1.0)
    (np.float64(9.0), np.float64(6.0))
    """
    x = map_leaves(kept, x)

    def jvp(g: Tree) -> tuple[Tree, Tree]:
        record = recorded("make_jvp", fun, x)
        point = record.unflatten_inputs([i.value for i in record.inputs])[0]
        tangents = cotangents("make_jvp", g, point)
        return record.value, record.rebuild_output(record.push(tangents))

    return jvp


class Node:
    """The end of a recording, or its beginning, where `record` is None."""

    def __init__(self, record: Recording | None = None) -> None:
        self.record = record

    @classmethod
    def new_root(cls, *args: Any, **kwargs: Any) -> Node:
        """The beginning of a recording."""
        return cls(*args, **kwargs)


class VJPNode(Node):
    """A node of reverse mode; `backward_pass` sweeps from it."""


class JVPNode(Node):
    """A node of forward mode, with the tangent `g`."""

    def __init__(self, g: Tree = None, record: Recording | None = None) -> None:
        super().__init__(record)
        self.g = g


def trace(start_node: Node, fun: Function, x: Tree) -> tuple[Tree, Node]:
    """fun's value at x and the node of its end.

    >>> value, end = trace(VJPNode.new_root(), np.square, 3.0)
    >>> value, backward_pass(1.0, end)
    (np.float64(9.0), np.float64(6.0))
    """
    record = recorded("trace", fun, x)
    if isinstance(start_node, JVPNode):
        point = record.unflatten_inputs([i.value for i in record.inputs])[0]
        tangent = record.rebuild_output(record.push(cotangents("trace", start_node.g, point)))
        return record.value, JVPNode(tangent, record)
    return record.value, type(start_node)(record)


def backward_pass(g: Tree, end_node: Node) -> Tree:
    """The cotangent of a recording's input, from that of its end."""
    record = end_node.record
    if record is None:
        return g
    return pulled(record, cotangents("backward_pass", g, record.value))


# Rules of a user's own.
def overridden(f: Value) -> Value:
    """f as something that rules can be stated for."""
    if not hasattr(f, "own_rules") and hasattr(f, "override"):
        f.override()
    return f


def primitive(f: Function) -> Function:
    """f as one operation with rules stated by `defvjp` and `defjvp`; f may be a ufunc of SciPy's.

    >>> import numpy as np
    >>> from difflab.autograd import grad
    >>> half = primitive(lambda x: x / 2)
    >>> defvjp(half, lambda ans, x: lambda g: g / 2)
    >>> grad(half)(1.0)
    np.float64(0.5)
    """
    wrapped = own_rules.primitive(f)
    made: Value = wrapped
    made.defvjp = lambda rule, argnum=0: _old_defvjp(made, rule, argnum)
    return wrapped


def _old_defvjp(f: Function, rule: Function, argnum: int) -> None:
    """The form in which rules were stated before autograd 1.2: rule(g, ans, vs, gvs, *args, **kwargs)."""
    table: dict[int, Any] = f.__dict__.setdefault("old_rules", {})
    table[argnum] = lambda ans, *args, **kwargs: (
        lambda g: rule(g, ans, vspace(args[argnum]), vspace(g), *args, **kwargs)
    )
    own_rules.defvjp(f, *table.values(), argnums=list(table))


def defvjp(fun: Function, *vjpmakers: Function | None, argnums: Iterable[int] | None = None) -> None:
    """States pullbacks, `rule(ans, *args, **kwargs)` -> function of the cotangent; see `difflab.defvjp`."""
    own_rules.defvjp(overridden(fun), *vjpmakers, argnums=argnums)


def defvjp_argnum(fun: Function, vjpmaker: Function) -> None:
    """States a pullback `rule(argnum, ans, args, kwargs)` for all arguments."""
    own_rules.defvjp_argnums(
        overridden(fun),
        lambda argnums, ans, args, kwargs: _each([vjpmaker(k, ans, args, kwargs) for k in argnums]),
    )


def _each(pullbacks: list[Function]) -> Function:
    return lambda g: [pull(g) for pull in pullbacks]


def defvjp_argnums(fun: Function, vjpmaker: Any) -> None:
    """States the pullback by several arguments, `rule(argnums, ans, args, kwargs)`."""
    own_rules.defvjp_argnums(overridden(fun), vjpmaker)


def defjvp(fun: Function, *jvpfuns: Function | str | None, argnums: Iterable[int] | None = None) -> None:
    """States tangents, `rule(g, ans, *args, **kwargs)`, "same" or None; see `difflab.defjvp`."""
    own_rules.defjvp(overridden(fun), *jvpfuns, argnums=argnums)


def defjvp_argnum(fun: Function, jvpmaker: Function) -> None:
    """States a tangent `rule(argnum, g, ans, args, kwargs)` for all arguments."""
    own_rules.defjvp_argnums(
        overridden(fun),
        lambda argnums, gs, ans, args, kwargs: sum(jvpmaker(k, g, ans, args, kwargs) for k, g in zip(argnums, gs)),
    )


def defjvp_argnums(fun: Function, jvpmaker: Any) -> None:
    """States the tangent by several arguments, `rule(argnums, gs, ans, args, kwargs)`."""
    own_rules.defjvp_argnums(overridden(fun), jvpmaker)


def def_linear(fun: Function) -> None:
    """Says that a function is linear in each of its arguments."""

    def tangent(k: int, g: Any, ans: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return fun(*args[:k], g, *args[k + 1 :], **kwargs)

    defjvp_argnum(fun, tangent)


__all__ = [
    "JVPNode", "Node", "VJPNode", "VSpace", "backward_pass", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums",
    "defvjp", "defvjp_argnum", "defvjp_argnums", "fitted", "make_jvp", "make_vjp", "primitive", "trace", "vspace",
]  # fmt: skip
