"""Functions of JAX: their jaxpr's equations one by one, each with JAX's own derivative of it."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from ...graph.graph import Graph
from ...types import Array, Function, Tree, Value
from ..from_jax.control import NAMED, OWN_RULES
from ..from_jax.imported import from_jax, named, precision
from ..from_jax.walk import plain, source_line
from ..packages import needed
from .steps import Step, total

STILL = frozenset(
    "stop_gradient iota random_bits random_seed random_wrap random_unwrap threefry2x32 eq ne lt le gt ge".split()
)


def symmetric(x: Value) -> Value:
    """The symmetric part: of a symmetric matrix a rule may put its derivative on either side of the diagonal."""
    return (x + x.swapaxes(-1, -2)) / 2


SYMMETRIC: dict[str, Function] = {"cholesky": symmetric, "eigh": symmetric}


class OfJax:
    """A function of JAX at its arguments."""

    title = "JAX"

    def __init__(self, f: Function, args: tuple[Tree, ...]) -> None:
        self.jax: ModuleType = needed("jax", "judge")
        self.f: Function = f
        self.args: tuple[Tree, ...] = args
        self.names: list[str]
        self.leaves: list[Value]
        self.names, self.leaves = named(self.jax, f, args)
        self.unjudged: list[str] = []
        self.compiled: Function = self.jax.jit(self.results)

    def scope(self) -> AbstractContextManager[Any]:
        return precision(self.leaves)

    def graph(self) -> Graph:
        return from_jax(self.f, *self.args)

    def value(self, xs: list[Value], weights: list[Array]) -> float:
        """The weighted results at other floats."""
        rest = iter(xs)
        full = [self.jax.numpy.asarray(next(rest), np.asarray(x).dtype) if floats(x) else x for x in self.leaves]
        return total(weights, [np.asarray(y) for y in self.compiled(full)])

    def results(self, leaves: list[Value]) -> list[Value]:
        """f's results that are floats, at these leaves of its arguments."""
        structure = self.jax.tree_util.tree_structure(self.args)
        found = self.f(*self.jax.tree_util.tree_unflatten(structure, leaves))
        return [y for y in self.jax.tree_util.tree_leaves(found) if floats(y)]

    def gradient(self, weights: list[Array]) -> list[Array]:
        """JAX's derivatives of the weighted results by the leaves that are floats."""
        places = [k for k, x in enumerate(self.leaves) if floats(x)]

        def of_floats(*xs: Value) -> list[Value]:
            full = list(self.leaves)
            for k, x in zip(places, xs):
                full[k] = x
            return self.results(full)

        return pulled(self.jax, of_floats, [self.leaves[k] for k in places], weights)

    def steps(self) -> Iterator[Step]:
        closed = self.jax.make_jaxpr(self.f)(*self.args)
        yield from self.walk(closed, self.leaves)

    def walk(self, closed: Any, operands: list[Value]) -> Generator[Step, None, list[Value]]:
        """The equations of a jaxpr at these operands; returns the results."""
        inner = getattr(closed, "jaxpr", closed)
        env: dict[Any, Value] = dict(zip(inner.constvars, map(plain, getattr(closed, "consts", ()))))
        env.update(zip(inner.invars, operands))
        read: Function = lambda x: np.asarray(x.val, x.aval.dtype) if hasattr(x, "val") else env[x]
        for equation in inner.eqns:
            values = [read(x) for x in equation.invars]
            operation = str(equation.primitive)
            if operation in NAMED:
                body = next(equation.params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in equation.params)
                found = yield from self.walk(body, values)
            else:
                found = bound(equation, values)
                moving = [x for x, v in zip(equation.invars, values) if floats(v) and not hasattr(x, "val")]
                if operation not in STILL and moving and any(map(floats, found)):
                    yield self.step(equation, values, found)
            env.update(zip(equation.outvars, found))
        return [read(x) for x in inner.outvars]

    def step(self, equation: Any, values: list[Value], found: list[Value]) -> Step:
        mirrored: Function = SYMMETRIC.get(str(equation.primitive), lambda x: x)
        literal = [hasattr(x, "val") for x in equation.invars]
        places = [k for k, x in enumerate(values) if floats(x) and not literal[k]]

        def of_floats(*xs: Value) -> list[Value]:
            full = list(values)
            for k, x in zip(places, xs):
                full[k] = mirrored(x)
            return [y for y in bound(equation, full) if floats(y)]

        moving = [values[k] for k in places]
        return Step(
            name=name_of(equation),
            source=source_line(equation),
            moving={f"x{k}" if len(values) > 1 else "x": np.asarray(x) for k, x in zip(places, moving)},
            shapes=[np.shape(y) for y in found if floats(y)],
            pull=lambda weights: pulled(self.jax, of_floats, moving, weights),
            graph=lambda: from_jax(of_floats, *moving),
            inner=self.inside(equation, values),
        )

    def inside(self, equation: Any, values: list[Value]) -> Any:
        """The operations of a loop, turn by turn, or of the branch that is taken; None of any other operation."""
        entered = INSIDE.get(str(equation.primitive))
        return None if entered is None else lambda: self.turns(entered(self, equation.params, values))

    def turns(self, bodies: Turns) -> Iterator[Iterator[Step]]:
        """The operations of each turn; the results of one, which its operations must have been asked for, lead on."""
        found: list[Value] | None = None
        for _ in range(MOST_TURNS):
            try:
                closed, operands = bodies.send(found) if found is not None else next(bodies)
            except StopIteration:
                return
            results: list[list[Value]] = []
            yield self.noted(closed, operands, results)
            found = results[0]

    def noted(self, closed: Any, operands: list[Value], results: list[list[Value]]) -> Iterator[Step]:
        results.append((yield from self.walk(closed, operands)))

    def results_of(self, closed: Any, operands: list[Value]) -> list[Value]:
        results: list[list[Value]] = []
        deque(self.noted(closed, operands, results), maxlen=0)
        return results[0]


Turns: TypeAlias = Generator[tuple[Any, list[Value]], list[Value], None]  # bodies with their operands; results are sent


def of_scan(_: OfJax, params: dict[str, Any], values: list[Value]) -> Turns:
    fixed, carried = params["num_consts"], params["num_carry"]
    carry, moving = values[fixed : fixed + carried], values[fixed + carried :]
    for k in range(params["length"]):
        place = params["length"] - 1 - k if params["reverse"] else k
        found = yield params["jaxpr"], [*values[:fixed], *carry, *[x[place] for x in moving]]
        carry = found[:carried]


def of_while(program: OfJax, params: dict[str, Any], values: list[Value]) -> Turns:
    tests, fixed = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    carry = values[fixed:]
    while bool(program.results_of(params["cond_jaxpr"], [*values[:tests], *carry])[0]):
        carry = yield params["body_jaxpr"], [*values[tests:fixed], *carry]


def of_branch(_: OfJax, params: dict[str, Any], values: list[Value]) -> Turns:
    yield params["branches"][int(np.clip(int(values[0]), 0, len(params["branches"]) - 1))], values[1:]


INSIDE: dict[str, Callable[[OfJax, dict[str, Any], list[Value]], Turns]] = {
    "scan": of_scan,
    "while": of_while,
    "cond": of_branch,
}
MOST_TURNS = 64  # that are looked into


def floats(x: Value) -> bool:
    return np.dtype(getattr(x, "dtype", type(x) if isinstance(x, float) else int)).kind == "f"


def name_of(equation: Any) -> str:
    """The operation's name; of a function with a rule of its own the function's, with the kind of rule."""
    params, said = equation.params, str(equation.primitive)
    kind = OWN_RULES.get(said)
    if kind is None:
        return said
    inner = next(params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in params)
    about = getattr(getattr(inner, "jaxpr", inner), "debug_info", None)
    function = str(params.get("name") or getattr(about, "func_name", "") or "function").strip("<>_")
    return f"{function} ({kind})"


def bound(equation: Any, values: list[Value]) -> list[Value]:
    """One equation's results at these operands, which JAX may be differentiating by."""
    core = import_module("jax.extend.core")
    given = {x: v for x, v in zip(equation.invars, values) if not hasattr(x, "val")}
    with warnings.catch_warnings():  # a jaxpr without a function has no names to tell
        warnings.simplefilter("ignore", DeprecationWarning)
        alone = core.Jaxpr((), list(given), list(equation.outvars), [equation], equation.effects)
    found = core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))(*given.values())
    # What a rule hands on as it is comes as an array of a class of JAX's own.
    return [np.asarray(y) if isinstance(y, np.ndarray) else y for y in found]


def pulled(jax: Any, f: Function, xs: list[Value], weights: list[Array]) -> list[Array]:
    """The derivatives of f's weighted results, as JAX's reverse mode gives them."""
    found, pullback = jax.vjp(f, *xs)
    cotangents = [jax.numpy.asarray(w, y.dtype) for w, y in zip(weights, found)]
    return [np.asarray(g) for g in pullback(cotangents)]


__all__ = ["OfJax"]
