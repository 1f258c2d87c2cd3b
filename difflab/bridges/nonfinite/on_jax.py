"""Functions of JAX: their jaxpr, then that of `jax.vjp`, computed equation by equation into all that they call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import ModuleType
from typing import NamedTuple

import numpy as np

from ...graph.trace import argument_names
from ...testing.report import relative_path
from ...types import Array, Function, Tree, Value
from ..packages import needed
from .history import History, Step, Vertex

# Equations that are elementwise; of any other the search asks which entries depend on which.
ELEMENTWISE = frozenset(
    """abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp complex conj
    convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt igamma igammac
    imag integer_pow is_finite le lgamma log log1p logistic lt max min mul ne neg nextafter not or polygamma pow real
    reduce_precision regularized_incomplete_beta rem round rsqrt select_n sign sin sinh sqrt square stop_gradient sub
    tan tanh xor zeta""".split()
)
# Equations that call a jaxpr on their operands, and the parameters that it is found under.
CALLS = frozenset(
    """jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call
    custom_vjp_call_jaxpr""".split()
)
INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
PLACE = re.compile(r"(.+?:\d+)(?::\d+)?(?: \(.*)?$")  # file:line, perhaps the column and the function


class JaxArrays:
    """JAX's values."""

    module = "jnp"

    def __init__(self, jax: ModuleType) -> None:
        self.jax: Value = jax
        self.jnp: Value = jax.numpy

    def numbers(self, x: Value) -> Array | None:
        dtype = getattr(x, "dtype", None) or np.asarray(x).dtype
        if not self.jnp.issubdtype(dtype, self.jnp.inexact):
            return None
        found: Array = np.asarray(x)
        return found if found.dtype.kind in "fc" else found.astype(np.float32)  # bfloat16 and the like

    def like(self, x: Value, numbers: Array) -> Value:
        return self.jnp.asarray(numbers, dtype=getattr(x, "dtype", None))

    def calm(self) -> AbstractContextManager[Value]:
        found: AbstractContextManager[Value] = self.jax.debug_nans(False)  # JAX's own search for NaN would end ours
        return found


def records(f: Function, args: tuple[Tree, ...]) -> Iterator[tuple[str, History]]:
    """The forward pass, and then the backward pass as `jax.vjp` makes it."""
    jax = needed("jax", "find_nonfinite")
    call = Call(jax, f, args)
    with JaxArrays(jax).calm():
        jaxpr, shape = jax.make_jaxpr(call.outputs, return_shape=True)(*call.values)
        forward, outputs = Reader(jax).read(jaxpr, call)
    forward.outputs = [(k, "the output") for k in outputs]
    yield "forward", forward
    inexact = jax.numpy.inexact
    if not call.moving or not any(jax.numpy.issubdtype(y.dtype, inexact) for y in shape):
        return
    with JaxArrays(jax).calm():
        record, outputs = Reader(jax, forward).read(jax.make_jaxpr(call.gradient)(*call.values), call)
    record.outputs = [(k, f"the gradient by {call.names[i]}") for k, i in zip(outputs, call.moving)]
    yield "backward", record


class Call:
    """A function at its arguments, as a function of their arrays and floats alone.

    Whole numbers of Python's, texts and functions are what they are: they often are counts and settings.
    """

    def __init__(self, jax: ModuleType, f: Function, args: tuple[Tree, ...]) -> None:
        self.jax: ModuleType = jax
        self.f: Function = f
        self.structure: Value
        paths, self.structure = jax.tree_util.tree_flatten_with_path(args)
        names = argument_names(f, len(args))
        self.leaves: list[Value] = [x for _, x in paths]
        self.taken: list[int] = [k for k, x in enumerate(self.leaves) if hasattr(x, "dtype") or isinstance(x, float)]
        self.values: list[Value] = [self.leaves[k] for k in self.taken]
        told = [names[p[0].idx] + jax.tree_util.keystr(p[1:]) for p, _ in paths]
        self.names: list[str] = [told[k] for k in self.taken]
        arrays = JaxArrays(jax)
        self.moving: list[int] = [k for k, x in enumerate(self.values) if arrays.numbers(x) is not None]

    def outputs(self, *values: Value) -> list[Value]:
        """f's results, one after the other."""
        leaves = list(self.leaves)
        for k, x in zip(self.taken, values):
            leaves[k] = x
        found = self.f(*self.jax.tree_util.tree_unflatten(self.structure, leaves))
        return [self.jax.numpy.asarray(y) for y in self.jax.tree_util.tree_leaves(found)]

    def gradient(self, *values: Value) -> Sequence[Value]:
        """The gradient of the sum of f's results by each of the arguments that have one."""
        jnp = self.jax.numpy

        def moved(*some: Value) -> list[Value]:
            every = list(values)
            for k, x in zip(self.moving, some):
                every[k] = x
            return [y for y in self.outputs(*every) if jnp.issubdtype(y.dtype, jnp.inexact)]

        results, pullback = self.jax.vjp(moved, *[values[k] for k in self.moving])
        found: Sequence[Value] = pullback([jnp.ones_like(y) for y in results])
        return found


class Scope(NamedTuple):
    """Where an equation stands: the turn of a loop, the place in the code, the transformations around it."""

    turn: str = ""
    told: str = ""
    stack: str = ""

    def inside(self, told: str, stack: str) -> Scope:
        return Scope(self.turn, told, stack)

    def turned(self, k: int, loop: str) -> Scope:
        outer = f"{self.turn}, " if self.turn else ""
        return self._replace(turn=f"{outer}iteration {k} of {loop}")


class JaxHistory(History):
    """A record that tells the equations of a function from those of its derivative, for the words of a finding.

    JAX keeps for both the place in the code alone. `primal` is the record of the function itself: what comes at a place
    in its order are its own equations, what stands between them belongs to a derivative.
    """

    def __init__(self, arrays: JaxArrays, primal: JaxHistory | None) -> None:
        super().__init__(arrays)
        self.primal = primal
        self.moving: set[int] = set()  # the slots that depend on an input
        self.own: dict[tuple[str, str], list[Step]] = {}  # the function's own equations, by place and turn
        self.places: dict[Step, tuple[str, str]] = {}  # of the others, their place and turn

    def place(self, step: Step, key: tuple[str, str]) -> None:
        """Takes note of the step just made."""
        if self.moving.intersection(step.operands):
            self.moving.update(step.results)
        own = self.own.setdefault(key, [])
        wanted = None if self.primal is None else self.primal.own.get(key, [])[len(own) : len(own) + 1]
        if wanted is None or [x.node.primitive.name for x in wanted] == [step.node.primitive.name]:
            own.append(step)
        else:
            self.places[step] = key

    def is_forward(self, step: Step) -> bool:
        return step not in self.places

    def derivative_of(self, step: Step) -> str:
        if step not in self.places:
            return ""
        key = self.places[step]
        read = set(step.operands)
        for k in list(read):  # over the other parts of the derivative, to what the function itself has
            read.update(x for s in self.back(k) if self.places.get(s) == key for x in s.operands)
        read &= self.moving
        near = self.own.get(key, [])
        made = {s.node.primitive.name for s in near if read.intersection(s.results)}
        used = {s.node.primitive.name for s in near if read.intersection(s.operands)}
        found = made if len(made) == 1 else used
        return next(iter(found)) if len(found) == 1 else ""


class Reader:
    """Computes a jaxpr into a record."""

    def __init__(self, jax: ModuleType, primal: JaxHistory | None = None) -> None:
        self.jax = jax
        self.record: JaxHistory = JaxHistory(JaxArrays(jax), primal)
        self.summarize: Value = needed("jax.extend.source_info_util", "find_nonfinite").summarize

    def read(self, closed: Value, call: Call) -> tuple[JaxHistory, list[int]]:
        """The record of a jaxpr at the call's values, and the slots of its outputs."""
        slots = []
        for x, name in zip(call.values, call.names):
            vertex = Vertex("input", name=name, shape=np.shape(x), dtype=getattr(x, "dtype", None))
            slots.append(self.record.input(self.jax.numpy.asarray(x), vertex))
        self.record.moving.update(slots)
        return self.record, self.run(closed, slots, Scope())

    def constant(self, x: Value) -> int:
        return self.record.slot(x, Vertex("constant", shape=np.shape(x), dtype=getattr(x, "dtype", None)))

    def run(self, closed: Value, slots: Sequence[int], scope: Scope) -> list[int]:
        """The slots of the outputs of a jaxpr."""
        jaxpr: Value = getattr(closed, "jaxpr", closed)
        env = {v: self.constant(x) for v, x in zip(jaxpr.constvars, getattr(closed, "consts", ()))}
        env.update(zip(jaxpr.invars, slots))
        of: Callable[[Value], int] = lambda v: self.constant(v.val) if hasattr(v, "val") else env[v]
        for eqn in jaxpr.eqns:
            env.update(zip(eqn.outvars, self.equation(eqn, [of(v) for v in eqn.invars], scope)))
        return [of(v) for v in jaxpr.outvars]

    def equation(self, eqn: Value, slots: list[int], scope: Scope) -> Sequence[int]:
        name = str(eqn.primitive)
        told = self.summarize(eqn.source_info)
        here = scope.inside(told if PLACE.match(told) else scope.told, f"{scope.stack}/{eqn.source_info.name_stack}")
        loop = {"scan": self.scan, "while": self.loop, "cond": self.branch}.get(name)
        if loop is not None and not (name == "scan" and not eqn.params["length"]):
            return loop(eqn.params, slots, here)
        inner = next((eqn.params[k] for k in INNER if k in eqn.params), None) if name in CALLS else None
        if inner is not None and len(getattr(inner, "jaxpr", inner).invars) == len(slots):
            return self.run(inner, slots, here)
        return self.computed(eqn, slots, here)

    def computed(self, eqn: Value, slots: list[int], scope: Scope) -> Sequence[int]:
        """One equation as a step."""
        bound = eqn.primitive.get_bind_params(eqn.params)
        functions, params = bound if isinstance(bound, tuple) else ((), bound)  # functions apart: JAX before 0.7

        def run(values: list[Value]) -> list[Value]:
            with eqn.ctx.manager if hasattr(eqn, "ctx") else nullcontext():
                found = eqn.primitive.bind(*functions, *values, **params)
            return list(found) if eqn.primitive.multiple_results else [found]

        place = PLACE.match(scope.told)
        source = "" if place is None else relative_file(place[1])
        name, out = str(eqn.primitive), eqn.outvars[0].aval if eqn.outvars else None
        vertex = Vertex(
            name,
            tuple(self.record.nodes[k] for k in slots),
            shape=getattr(out, "shape", ()),
            dtype=getattr(out, "dtype", None),
            source=source,
            params=dict(eqn.params),
        )
        results = self.record.take(
            vertex,
            slots,
            run([self.record.values[k] for k in slots]),
            run,
            elementwise=name in ELEMENTWISE,
            source=source,
            turn=scope.turn,
        )
        self.record.place(self.record.steps[-1], (scope.told, scope.turn))
        return results

    # Loops and branches.
    def scan(self, params: Value, slots: list[int], scope: Scope) -> list[int]:
        """Each turn of a scan, on the elements that it takes."""
        first, length = params["num_consts"] + params["num_carry"], params["length"]
        fixed, carry, rows = slots[: params["num_consts"]], slots[params["num_consts"] : first], slots[first:]
        order = range(length - 1, -1, -1) if params["reverse"] else range(length)
        made: list[list[int]] = []
        for k in order:
            inside = scope.turned(k, "scan")
            some = [self.record.hand_on([x], partial(element, k), partial(into, length, k), inside.turn) for x in rows]
            self.record.moving.update(y for x, y in zip(rows, some) if x in self.record.moving)
            outputs = self.run(params["jaxpr"], [*fixed, *carry, *some], inside)
            carry = outputs[: params["num_carry"]]
            made.append(outputs[params["num_carry"] :])
        if params["reverse"]:
            made.reverse()
        stack = lambda values: [self.jax.numpy.stack(values)]
        columns = [self.record.hand_on(column, stack, list, scope.turn) for column in zip(*made)]
        self.record.moving.update(
            y for column, y in zip(zip(*made), columns) if self.record.moving.intersection(column)
        )
        return [*carry, *columns]

    def loop(self, params: Value, slots: list[int], scope: Scope) -> list[int]:
        """Each turn of a while loop."""
        ends = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
        asked, fixed, carry = slots[: ends[0]], slots[ends[0] : ends[1]], slots[ends[1] :]
        k = 0
        while bool(self.record.values[self.run(params["cond_jaxpr"], [*asked, *carry], scope)[0]]):
            carry = self.run(params["body_jaxpr"], [*fixed, *carry], scope.turned(k, "while"))
            k += 1
        return carry

    def branch(self, params: Value, slots: list[int], scope: Scope) -> list[int]:
        """The branch that is taken."""
        which = int(np.clip(int(self.record.values[slots[0]]), 0, len(params["branches"]) - 1))
        return self.run(params["branches"][which], slots[1:], scope)


def element(k: int, values: list[Value]) -> list[Value]:
    return [values[0][k]]


def into(length: int, k: int, mask: Array) -> list[Array]:
    """The entries of a row of so many turns, from those of the k-th."""
    found = np.zeros((length, *mask.shape), bool)
    found[k] = mask
    return [found]


def relative_file(place: str) -> str:
    file, _, line = place.rpartition(":")
    return f"{relative_path(file)}:{line}"


__all__ = ["records"]
