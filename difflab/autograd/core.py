"""Sweeps by autograd's names, and rules of a user's own."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from ..differentiate import own_rules
from ..differentiate.own_rules import fitted
from ..graph.pytree import map_leaves
from ..graph.snapshots import kept
from ..types import Function, Tree, Value
from .boxes import Box as Box, getval as getval, isbox as isbox
from .nodes import JVPNode as JVPNode, Node as Node, VJPNode as VJPNode, backward_pass as backward_pass, trace as trace
from .records import cotangents, pulled, recorded
from .sequences import func as func, subval as subval, toposort as toposort
from .vspaces import SparseObject as SparseObject, VSpace as VSpace, dense, vspace as vspace

SparseBox = Box


def make_vjp(fun: Function, x: Tree) -> tuple[Function, Tree]:
    """The pullback of fun at x, and its value there.

    >>> import numpy as np
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

    >>> import numpy as np
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

    def run(*args: Any, **kwargs: Any) -> Value:
        return dense(f(*args, **kwargs))

    run.__name__, run.__doc__ = getattr(f, "__name__", type(f).__name__), f.__doc__
    wrapped = own_rules.primitive(run)
    made: Value = wrapped
    made.fun = f
    made.defvjp = lambda rule, argnum=0: _old_defvjp(made, rule, argnum)
    made.defgrad = lambda rule, argnum=0: _one_more(made, "defgrad", {argnum: rule})
    made.defvjp_is_zero = lambda argnums=(0,): _one_more(made, "defvjp_is_zero", dict.fromkeys(argnums))
    return wrapped


def _old_defvjp(f: Function, rule: Function, argnum: int) -> None:
    """The form in which rules were stated before autograd 1.2: rule(g, ans, vs, gvs, *args, **kwargs)."""

    def staged(ans: Value, *args: Any, **kwargs: Any) -> Function:
        return lambda g: rule(g, ans, vspace(args[argnum]), vspace(g), *args, **kwargs)

    _one_more(f, "defvjp", {argnum: staged})


def _one_more(f: Function, form: str, rules: dict[int, Function | None]) -> None:
    """Rules that are stated one by one, as methods of the primitive; autograd deprecated that in 2017."""
    warnings.warn(
        f"{f.__name__}.{form} is a form that autograd deprecated: use autograd.extend.defvjp", DeprecationWarning, 3
    )
    table: dict[int, Any] = f.__dict__.setdefault("old_rules", {})
    table.update(rules)
    defvjp(f, *table.values(), argnums=list(table))


def defvjp(fun: Function, *vjpmakers: Function | None, argnums: Iterable[int] | None = None) -> None:
    """States pullbacks, `rule(ans, *args, **kwargs)` -> function of the cotangent; see `difflab.defvjp`."""
    own_rules.defvjp(overridden(fun), *vjpmakers, argnums=argnums)
    _read_sparse(fun)


def defvjp_argnum(fun: Function, vjpmaker: Function) -> None:
    """States a pullback `rule(argnum, ans, args, kwargs)` for all arguments."""
    defvjp_argnums(
        fun,
        lambda argnums, ans, args, kwargs: _each([vjpmaker(k, ans, args, kwargs) for k in argnums]),
    )


def _each(pullbacks: list[Function]) -> Function:
    return lambda g: [pull(g) for pull in pullbacks]


def defvjp_argnums(fun: Function, vjpmaker: Any) -> None:
    """States the pullback by several arguments, `rule(argnums, ans, args, kwargs)`."""
    own_rules.defvjp_argnums(overridden(fun), vjpmaker)
    _read_sparse(fun)


def _read_sparse(fun: Any) -> None:
    """What pullbacks give as sparse objects becomes arrays."""
    stated: Function = fun.own_rules.reverse

    def reverse(*call: Any) -> Function:
        pull = stated(*call)
        return lambda g: list(map(dense, pull(g)))

    fun.own_rules.reverse = reverse


def defjvp(fun: Function, *jvpfuns: Function | str | None, argnums: Iterable[int] | None = None) -> None:
    """States tangents, `rule(g, ans, *args, **kwargs)`, "same" or None; see `difflab.defjvp`."""
    own_rules.defjvp(overridden(fun), *jvpfuns, argnums=argnums)


def defjvp_argnum(fun: Function, jvpmaker: Function) -> None:
    """States a tangent `rule(argnum, g, ans, args, kwargs)` for all arguments."""
    own_rules.defjvp_argnums(
        overridden(fun),
        lambda argnums, gs, ans, args, kwargs: sum(
            dense(jvpmaker(k, g, ans, args, kwargs)) for k, g in zip(argnums, gs)
        ),
    )


def defjvp_argnums(fun: Function, jvpmaker: Any) -> None:
    """States the tangent by several arguments, `rule(argnums, gs, ans, args, kwargs)`."""
    own_rules.defjvp_argnums(overridden(fun), jvpmaker)


def def_linear(fun: Function) -> None:
    """Says that a function is linear in each of its arguments."""

    def tangent(k: int, g: Any, ans: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return fun(*args[:k], g, *args[k + 1 :], **kwargs)

    defjvp_argnum(fun, tangent)


class RuleTable:
    """The rules by primitives: `table[f]` is that of f, or difflab's own; `table[f] = rule` states another.

    >>> import numpy as np
    >>> import difflab.autograd.numpy as anp
    >>> pull = primitive_vjps[anp.sin]((0,), np.sin(1.0), (1.0,), {})
    >>> float(pull(1.0)[0]) == float(np.cos(1.0))
    True
    """

    def __init__(self, direction: str, state: Function) -> None:
        self.direction = direction
        self.state = state

    def __getitem__(self, f: Value) -> Function:
        rule = getattr(getattr(overridden(f), "own_rules", None), self.direction, None)
        if rule is None:
            raise KeyError(f)
        found: Function = rule
        return found

    def __setitem__(self, f: Value, rule: Function) -> None:
        self.state(f, rule)

    def __contains__(self, f: Value) -> bool:
        return hasattr(f, "override") or getattr(getattr(f, "own_rules", None), self.direction, None) is not None

    def get(self, f: Value, default: Value = None) -> Value:
        try:
            return self[f]
        except KeyError:
            return default

    def pop(self, f: Value, *default: Value) -> Value:
        """Takes a rule away that was stated; a function that difflab knows keeps difflab's own."""
        rules = getattr(f, "own_rules", None)
        found = getattr(rules, self.direction, None)
        if found is None and not default:
            raise KeyError(f)
        if found is not None and not hasattr(f, "override"):
            setattr(rules, self.direction, None)
        return default[0] if found is None else found


primitive_vjps: RuleTable = RuleTable("reverse", defvjp_argnums)
primitive_jvps: RuleTable = RuleTable("forward", defjvp_argnums)

__all__ = [
    "Box", "JVPNode", "Node", "SparseBox", "SparseObject", "VJPNode", "VSpace", "backward_pass", "def_linear", "defjvp",
    "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum", "defvjp_argnums", "fitted", "func", "getval", "isbox",
    "make_jvp", "make_vjp", "primitive", "primitive_jvps", "primitive_vjps", "subval", "toposort", "trace", "vspace",
]  # fmt: skip
