"""A jaxpr run on traced values: one operation after the other by the rule that the tables have for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from itertools import takewhile
from typing import Any

import numpy as np

from ...compile.xla.carrier import sample
from ...errors import DifflabError, UnsupportedError
from ...graph.grouping import block
from ...graph.traced import Traced
from ...primitives import rows
from ...types import DType, Value
from ..packages import needed
from . import bits, control, elementwise, indexing, linear_algebra, reductions, shapes, windows
from .call import Call, Refused, Rule

TABLES = (elementwise, bits, shapes, reductions, indexing, linear_algebra, windows, control)
RULES: dict[str, Rule] = {name: rule for table in TABLES for name, rule in table.RULES.items()}


@cache
def jaxs_own() -> dict[str, Any]:
    """JAX's own operations by name: another package may call one of its own so too."""
    homes = [import_module(home) for home in ("jax.lax", "jax.extend.core.primitives")]
    return {p.name: p for home in homes for p in vars(home).values() if hasattr(p, "bind") and hasattr(p, "name")}


class Reader:
    """What is known while one function is read: operations that were refused, and where each node came from."""

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.sources: dict[Value, str] = {}
        self.line: str = ""  # of the program, where the operation stands that is being read

    def run(self, jaxpr: Any, operands: Sequence[Value]) -> list[Value]:
        """The results of a jaxpr, closed or with nothing to close over, at these operands."""
        inner = getattr(jaxpr, "jaxpr", jaxpr)
        env: dict[Any, Value] = dict(zip(inner.constvars, map(plain, getattr(jaxpr, "consts", ()))))
        env.update(zip(inner.invars, operands))
        with Scopes() as scopes:
            for equation in inner.eqns:
                scopes.enter(scope_names(equation))
                values = [read(env, x) for x in equation.invars]
                around, self.line = self.line, source_line(equation) or self.line
                env.update(zip(equation.outvars, self.apply(equation, values, inner)))
                self.line = around
        found = [read(env, x) for x in inner.outvars]
        return [x.whole() if isinstance(x, bits.Bits) else x for x in found]

    def apply(self, equation: Any, values: list[Value], around: Any) -> list[Value]:
        """The results of one equation of a jaxpr; where it is refused, numbers in their place: reading goes on."""
        operation = equation.primitive
        name = operation.name
        like = [x.aval for x in equation.outvars]
        rule = RULES.get(name) if jaxs_own().get(name, operation) is operation else None
        if name not in bits.KEEP:
            values = [x.whole() if isinstance(x, bits.Bits) else x for x in values]
        fixed = not any(moves(x) for x in values)
        if fixed and (rule is None or name in control.RULES or not all(map(is_number, like))):
            try:
                return by_jax(equation, values, around)
            except NotImplementedError as error:
                return self.refuse(f"{name} ({first_line(error)})", values, like)
        if rule is None:
            return self.refuse(name, values, like)
        try:
            call = Call(name, equation.params, tuple(x.shape for x in like), tuple(map(dtype_of, like)), self.run)
            found = rule(call, *values)
            results = list(found) if isinstance(found, list | tuple) else [found]
            results = [fitting(y, shape, dtype) for y, shape, dtype in zip(results, call.shapes, call.dtypes)]
        except Refused as error:
            return self.refuse(f"{name} {error}".strip(), values, like)
        except (DifflabError, np.linalg.LinAlgError) as error:
            return self.refuse(f"{name} ({first_line(error)})", values, like)
        self.note(results)
        return results

    def refuse(self, what: str, values: list[Value], like: list[Any]) -> list[Value]:
        self.refused[what] += 1
        moving = next((x.x if isinstance(x, bits.Bits) else x for x in values if moves(x)), None)
        found = []
        for aval in like:
            stand_in = sample(aval.shape, aval.dtype if is_number(aval) else np.dtype(float))
            found.append(stand_in if moving is None else np.where(np.any(np.equal(moving, moving)), stand_in, stand_in))
        return found

    def check(self) -> None:
        """Refuses, with all that cannot be read."""
        if self.refused:
            told = ", ".join(what if n == 1 else f"{what} ({n} times)" for what, n in sorted(self.refused.items()))
            raise UnsupportedError(f"from_jax: {len(self.refused)} operation(s) cannot be read: {told}")

    def note(self, results: list[Value]) -> None:
        """Keeps the line of the user's program for all nodes that an operation made."""
        left = [x for x in results if x.__class__ is Traced]
        while left:
            x = left.pop()
            if x not in self.sources and x.primitive is not rows.input:
                self.sources[x] = self.line
                left.extend(y for y in x.operands if y.__class__ is Traced)


class Scopes(ExitStack):
    """The blocks that are open while a jaxpr is run: one for each `jax.named_scope` around an operation."""

    def __enter__(self) -> Scopes:
        self.opened: list[tuple[str, Any]] = []
        return self

    def __exit__(self, *details: Any) -> None:
        self.enter(())

    def enter(self, names: tuple[str, ...]) -> None:
        """Leaves the blocks that these names do not begin with, and begins those that are missing."""
        same = len(list(takewhile(lambda pair: pair[0][0] == pair[1], zip(self.opened, names))))
        while len(self.opened) > same:
            self.opened.pop()[1].__exit__(None, None, None)
        for name in names[same:]:
            scope = block(name)
            scope.__enter__()
            self.opened.append((name, scope))


def scope_names(equation: Any) -> tuple[str, ...]:
    stack = equation.source_info.name_stack.stack
    return tuple(entry.name for entry in stack if type(entry).__name__ == "Scope")


def source_line(equation: Any) -> str:
    """File, line and function of the user's program, in JAX's own words."""
    return str(import_module("jax.extend.source_info_util").summarize(equation.source_info))


def read(env: dict[Any, Value], x: Any) -> Value:
    return plain(np.asarray(x.val, x.aval.dtype)) if hasattr(x, "val") else env[x]


def plain(x: Value) -> Value:
    """An array of JAX's as NumPy's; random keys, which NumPy has not, stay what they are."""
    return np.asarray(x)[()] if isinstance(getattr(x, "dtype", np.dtype(float)), np.dtype) else x


def moves(x: Value) -> bool:
    """Whether a value depends on the inputs."""
    return x.__class__ is Traced or isinstance(x, bits.Bits)


def is_number(aval: Any) -> bool:
    """Whether difflab has numbers of that dtype: of random keys and of short floats it has none."""
    return isinstance(aval.dtype, np.dtype) and aval.dtype.kind in "biufc"


def dtype_of(aval: Any) -> DType:
    if not is_number(aval):
        raise Refused(f"of dtype {aval.dtype}")
    found: DType = aval.dtype
    return found


def fitting(x: Value, shape: tuple[int, ...], dtype: DType) -> Value:
    """A result in the shape and dtype that JAX gives it."""
    if x.shape != shape:
        raise Refused(f"came out with shape {x.shape} and not {shape}")
    return x if x.dtype == dtype else x.astype(dtype)


def by_jax(equation: Any, values: list[Value], around: Any) -> list[Value]:
    """What does not depend on the inputs, such as random numbers, computed by JAX once and for all."""
    core = import_module("jax.extend.core")
    given = {x: v for x, v in zip(equation.invars, values) if not hasattr(x, "val")}
    outputs = list(equation.outvars)
    alone = around.replace(constvars=[], invars=list(given), outvars=outputs, eqns=[equation], effects=equation.effects)
    return [plain(y) for y in core.jaxpr_as_fun(core.ClosedJaxpr(alone, ()))(*given.values())]


def first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def platform(call: Call) -> Value:
    """Which of the ways for several kinds of machine is this one's."""
    here = needed("jax", "from_jax").default_backend()
    return np.int32(next(k for k, names in enumerate(call["platforms"]) if names is None or here in names))


RULES["platform_index"] = platform
RULES["debug_callback"] = RULES["debug_print"] = lambda call, *operands: []
