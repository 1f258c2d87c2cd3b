"""Functions that are recorded as one operation, with derivative rules of their user's: primitive, defvjp, defjvp."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import update_wrapper
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from ..errors import DtypeError, InputError, NoDerivativeError, ShapeError, TraceError
from ..graph.leaves import check_functions
from ..graph.pytree import flatten, map_leaves, paths
from ..graph.traced import Traced, apply, holds_traced
from ..primitives import Carrier, Custom
from ..types import Function, Params, Shape, Tree, Value
from .transform import vjp, zeros

# From the numbers of arguments, the result, the arguments and keywords: to a pullback with a cotangent for each number.
Reverse: TypeAlias = Callable[[tuple[int, ...], Value, tuple[Value, ...], Params], Callable[[Value], Iterable[Value]]]
# From the numbers of arguments, their tangents, the result, the arguments and keywords: to the tangent of the result.
Forward: TypeAlias = Callable[[tuple[int, ...], list[Value], Value, tuple[Value, ...], Params], Value]


TRANSPOSING: ContextVar[tuple[Any, ...]] = ContextVar("TRANSPOSING", default=())  # primitives whose tangents are


class Arguments:
    """A call's arguments, of which the arrays and traced values are the operands of one operation."""

    rebuild: Function  # the structure of the result, once the function has run

    def __init__(self, args: tuple[Value, ...], kwargs: Params) -> None:
        self.names: list[str] = list(kwargs)
        self.trees: list[tuple[list[Value], Function]] = [flatten(x) for x in (*args, *kwargs.values())]
        self.count: int = len(args)
        self.places: list[tuple[int, int]] = []  # of each operand: its argument, and its place among the leaves
        self.operands: list[Value] = []
        for k, (leaves, _) in enumerate(self.trees):
            for j, x in enumerate(leaves):
                if x.__class__ is Traced or (x.__class__ is np.ndarray and x.dtype.kind in "biufc"):
                    self.places.append((k, j))
                    self.operands.append(x)
                    leaves[j] = None  # what stands here comes with the operands

    def filled(self, operands: Sequence[Value]) -> tuple[tuple[Value, ...], Params]:
        """The arguments and keywords with these operands."""
        leaves = [list(given) for given, _ in self.trees]
        for (k, j), x in zip(self.places, operands):
            leaves[k][j] = x
        trees = [rebuild(xs) for xs, (_, rebuild) in zip(leaves, self.trees)]
        return tuple(trees[: self.count]), dict(zip(self.names, trees[self.count :]))

    def numbers(self, name: str, operands: Iterable[int]) -> tuple[int, ...]:
        """The numbers of the arguments in which these operands stand."""
        found = sorted({self.places[i][0] for i in operands})
        if found and found[-1] >= self.count:
            raise NoDerivativeError(
                f"{name}: the argument {self.names[found[-1] - self.count]} is given by keyword, and rules are for "
                "arguments given by position: give it so"
            )
        return tuple(found)

    def trees_of(self, numbers: Sequence[int], leaves: Sequence[Value]) -> list[Tree]:
        """One tree for each of these arguments, out of a leaf for each operand; zeros where there is none."""
        found = []
        for k in numbers:
            given, rebuild = self.trees[k]
            full: list[Value] = [0.0] * len(given)
            for (place, j), x in zip(self.places, leaves):
                if place == k:
                    full[j] = x
            found.append(rebuild(full))
        return found


class OwnRules:
    """A user's function as an operation: its row, and the rules that are stated for it."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.name: str = getattr(f, "__name__", type(f).__name__).strip("<>")
        self.reverse: Reverse | None = None
        self.forward: Forward | None = None
        self.row: Custom = Custom(
            name=self.name,
            doc=f"The function {self.name}, with derivative rules of its own.",
            glyph=self.name,
            latex=rf"\operatorname{{{self.name}}}({{0}})",
            value=self.value,
            vjp=self.pull,
            jvp=self.push,
            selective=True,
            facts=frozenset(("own pullback",)),
        )

    def __call__(self, args: tuple[Value, ...], kwargs: Params) -> Value:
        given = Arguments(args, kwargs)
        if not any(x.__class__ is Traced for x in given.operands):
            return self.f(*args, **kwargs)
        result = apply(self.row, tuple(given.operands), {"given": given})
        return given.rebuild(list(result) if isinstance(result, tuple) else [result])

    def value(self, m: Carrier, *xs: Value, given: Arguments) -> Value:
        args, kwargs = given.filled(xs)
        leaves, given.rebuild = flatten(self.f(*args, **kwargs))
        if holds_traced(leaves) and not holds_traced(xs):
            raise TraceError(
                f"{self.name}: a primitive's function read a traced value from around it, by which no rule is stated: "
                "give it as an argument"
            )
        return leaves[0] if len(leaves) == 1 else tuple(leaves)

    def pull(self, m: Carrier, ct: Value, y: Value, *xs: Value, given: Arguments, wanted: Value = None) -> Value:
        """A cotangent for each wanted operand."""
        wanted = [i for i in (range(len(xs)) if wanted is None else wanted) if Carrier.dtype(xs[i]).kind in "fc"]
        if self.reverse is None:
            return self.transposed_push(ct, y, xs, given, wanted)
        args, kwargs = given.filled(xs)
        numbers = given.numbers(self.name, wanted)
        answer = given.rebuild(list(y) if isinstance(y, tuple) else [y])
        cotangent = given.rebuild(list(ct) if isinstance(y, tuple) else [ct])
        pullback = a_pullback(self.name, self.reverse(numbers, answer, args, kwargs))
        trees = list(pullback(cotangent))
        if len(trees) != len(numbers):
            raise ShapeError(f"{self.name}: its rule gave {len(trees)} cotangents for {len(numbers)} arguments")
        found: list[Value] = [None] * len(xs)
        for k, tree in zip(numbers, trees):
            leaves = cotangents_of(self.name, k, tree, args[k])
            for i in wanted:
                if given.places[i][0] == k and tree is not None:
                    found[i] = checked(self.name, k, leaves[given.places[i][1]], xs[i])
        return found

    def push(self, m: Carrier, ts: list[Value], y: Value, *xs: Value, given: Arguments) -> Value:
        """The tangent of the result."""
        if self.forward is None:
            return self.transposed_pull(m, ts, y, xs, given)
        args, kwargs = given.filled(xs)
        numbers = given.numbers(self.name, [i for i, t in enumerate(ts) if t is not None])
        answer = given.rebuild(list(y) if isinstance(y, tuple) else [y])
        filled = [zeros(x) if t is None else t for t, x in zip(ts, xs)]
        found = self.forward(numbers, given.trees_of(numbers, filled), answer, args, kwargs)
        leaves, _ = flatten(found)
        results = y if isinstance(y, tuple) else (y,)
        shapes = [Carrier.shape(e) for e in leaves], [Carrier.shape(e) for e in results]
        if len(leaves) != len(results) or not all(map(broadcasts, *shapes)):
            raise ShapeError(
                f"{self.name}: its rule gave tangents of shapes {said(shapes[0])} for results of shapes "
                f"{said(shapes[1])}"
            )
        return leaves if isinstance(y, tuple) else leaves[0]

    def transposed_push(
        self, ct: Value, y: Value, xs: tuple[Value, ...], given: Arguments, wanted: Sequence[int]
    ) -> Value:
        """The pullback where only tangents have a rule: the transpose of the map that it states."""
        if self.forward is None:
            raise NoDerivativeError(
                f"{self.name} is a primitive without a derivative rule: state one with defvjp or defjvp"
            )

        def along(*ts: Value) -> Value:
            full: list[Value] = [None] * len(xs)
            for i, t in zip(wanted, ts):
                full[i] = t
            found = self.push(Carrier(), full, y, *xs, given=given)
            return tuple(found) if isinstance(y, tuple) else found

        if self in TRANSPOSING.get():
            raise NoDerivativeError(
                f'{self.name}: the rule for its tangent applies it to the tangent, as "same" does, which does not say '
                "how a cotangent flows back: state that with defvjp"
            )
        token = TRANSPOSING.set((*TRANSPOSING.get(), self))
        try:
            likes = [zeros(xs[i]) for i in wanted]
            cotangents = vjp(along, *likes)[1](tuple(ct) if isinstance(y, tuple) else ct)
        finally:
            TRANSPOSING.reset(token)
        found: list[Value] = [None] * len(xs)
        for i, c in zip(wanted, cotangents):
            found[i] = c
        return found

    def transposed_pull(self, m: Carrier, ts: list[Value], y: Value, xs: tuple[Value, ...], given: Arguments) -> Value:
        """The tangent where only the pullback has a rule."""
        wanted = [i for i, t in enumerate(ts) if t is not None]
        like = tuple(zeros(e) for e in y) if isinstance(y, tuple) else zeros(y)

        def back(ct: Value) -> tuple[Value, ...]:
            found = self.pull(m, list(ct) if isinstance(ct, tuple) else ct, y, *xs, given=given, wanted=wanted)
            return tuple(zeros(xs[i]) if found[i] is None else fitted(found[i], xs[i]) for i in wanted)

        found = vjp(back, like)[1](tuple(ts[i] for i in wanted))[0]
        return list(found) if isinstance(y, tuple) else found


def a_pullback(name: str, pull: Value) -> Function:
    """What a rule returned; refused where it cannot be called."""
    if not callable(pull):
        raise InputError(
            f"{name}: its rule returned a {type(pull).__name__}, and not a function from the result's cotangent to the "
            "argument's: write it as lambda ans, *args: lambda g: ..."
        )
    found: Function = pull
    return found


def cotangents_of(name: str, number: int, tree: Tree, argument: Tree) -> list[Value]:
    """The leaves of an argument's cotangent, which has its structure; None for each where there is no path."""
    wanted, _ = flatten(argument)
    if tree is None:
        return [None] * len(wanted)
    leaves, _ = flatten(tree)
    if len(leaves) != len(wanted):
        raise ShapeError(
            f"{name}: the cotangent of argument {number} has {len(leaves)} leaf values, the argument has {len(wanted)}"
        )
    if len(wanted) > 1 and paths(tree) != paths(argument):
        raise ShapeError(
            f"{name}: the cotangent of argument {number} has the leaves {' '.join(paths(tree))}, the argument has "
            f"{' '.join(paths(argument))}"
        )
    return leaves


def checked(name: str, number: int, ct: Value, x: Value) -> Value:
    """A user's cotangent of a leaf x: numbers in its shape, or in one that x was broadcast to."""
    if Carrier.dtype(ct).kind not in "biufc":
        raise DtypeError(f"{name}: the cotangent of argument {number} is {ct!r:.60}, and no array of numbers")
    shape, wanted = Carrier.shape(ct), Carrier.shape(x)
    if not broadcasts(wanted, shape):
        raise ShapeError(f"{name}: the cotangent of argument {number} has shape {shape}, the argument has {wanted}")
    return ct


def broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether an array of this shape is broadcast to that one."""
    behind = to[len(to) - len(shape) :]
    return len(shape) <= len(to) and all(n in (1, k) for n, k in zip(shape, behind))


def said(shapes: Iterable[Shape]) -> str:
    return ", ".join(map(str, shapes)) or "none"


def fitted(ct: Value, x: Value) -> Value:
    """A cotangent in the shape of its operand: the transpose of broadcasting."""
    from_shape, shape = Carrier.shape(ct), Carrier.shape(x)
    if from_shape == shape:
        return ct
    extra = len(from_shape) - len(shape)
    axes = (*range(extra), *[extra + k for k, n in enumerate(shape) if n == 1 and from_shape[extra + k] != 1])
    if extra < 0:
        return np.broadcast_to(ct, shape)
    return np.reshape(np.sum(ct, axis=axes), shape) if axes else np.broadcast_to(ct, shape)


def rules_of(name: str, f: Any) -> OwnRules:
    """The rules of a primitive; refuses other functions."""
    rules = getattr(f, "own_rules", None)
    if not isinstance(rules, OwnRules):
        raise InputError(f"{name}: {f!r} is no primitive: make one of the function first, f = dl.primitive(f)")
    return rules


def primitive(f: Function) -> Function:
    """f as one operation, which is run and not looked into; its derivative is what `defvjp` or `defjvp` states.

    f is called with plain arrays, once for each gradient, and returns an array or a container of arrays. Arguments may
    be anything; rules are for those given by position. A call without traced arguments is a call of f.

    >>> import difflab as dl, numpy as np
    >>> @dl.primitive
    ... def logsum(x):
    ...     return np.log(np.sum(np.exp(x)))
    >>> dl.defvjp(logsum, lambda ans, x: lambda g: g * np.exp(x - ans))
    >>> dl.grad(logsum)(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    check_functions("primitive", f=f)
    rules = OwnRules(f)

    def wrapped(*args: Any, **kwargs: Any) -> Value:
        return rules(args, kwargs)

    made: Value = wrapped
    update_wrapper(made, f, updated=())
    made.__name__ = made.__qualname__ = rules.name
    made.own_rules = rules
    return wrapped


def defvjp(f: Function, *rules: Function | None, argnums: Iterable[int] | None = None) -> None:
    """States how cotangents flow back through a primitive: a rule for each argument, or for each of `argnums`.

    `rule(ans, *args, **kwargs)` has the result and the arguments and returns a function from the cotangent of the
    result to that of the argument, of its shape (an array that was broadcast is summed back). None: there is no path.
    Rules are NumPy on these values, and may be differentiated in turn. Forward mode uses the transpose until `defjvp`
    states another rule.

    >>> import difflab as dl, numpy as np
    >>> power = dl.primitive(lambda x, n: x**n)
    >>> dl.defvjp(power, lambda ans, x, n: lambda g: g * n * x ** (n - 1), None)
    >>> dl.grad(dl.grad(power))(2.0, 3)
    np.float64(12.0)
    """
    table = by_number("defvjp", rules, argnums)
    name = rules_of("defvjp", f).name

    def reverse(numbers: tuple[int, ...], ans: Value, args: tuple[Value, ...], kwargs: Params) -> Value:
        pullbacks = [table_rule(name, table, k) for k in numbers]
        ready = [None if rule is None else a_pullback(name, rule(ans, *args, **kwargs)) for rule in pullbacks]
        return lambda g: [None if pull is None else pull(g) for pull in ready]

    defvjp_argnums(f, reverse)


def defvjp_argnums(f: Function, rule: Reverse) -> None:
    """States the pullback by several arguments at once: `rule(argnums, ans, args, kwargs)` returns a function from the
    cotangent to a cotangent for each of argnums.

    >>> import difflab as dl
    >>> product = dl.primitive(lambda x, y: x * y)
    >>> defvjp_argnums(product, lambda argnums, ans, args, kwargs: lambda g: [g * args[1 - k] for k in argnums])
    >>> dl.grad(product, (0, 1))(2.0, 3.0)
    (np.float64(3.0), np.float64(2.0))
    """
    check_functions("defvjp", rule=rule)
    rules_of("defvjp", f).reverse = rule


def defjvp(f: Function, *rules: Function | str | None, argnums: Iterable[int] | None = None) -> None:
    """States the tangent of a primitive's result: a sum of rules, for each argument or for each of `argnums`.

    `rule(g, ans, *args, **kwargs)` has the argument's tangent, the result and the arguments. "same": f is linear in
    that argument, so f of the tangent in its place. None: there is no path. Reverse mode uses the transpose where
    `defvjp` has stated no rule.

    >>> import difflab as dl, numpy as np
    >>> cube = dl.primitive(lambda x: x**3)
    >>> dl.defjvp(cube, lambda g, ans, x: 3 * x**2 * g)
    >>> dl.jvp(cube, (2.0,), (1.0,)), dl.grad(cube)(2.0)
    ((np.float64(8.0), np.float64(12.0)), np.float64(12.0))
    """
    for rule in rules:
        if isinstance(rule, str) and rule != "same":
            raise InputError(f'defjvp: {rule!r} is no rule: give a function, None, or "same" for a linear argument')
    table = by_number("defjvp", rules, argnums)
    name = rules_of("defjvp", f).name

    def forward(
        numbers: tuple[int, ...], gs: list[Value], ans: Value, args: tuple[Value, ...], kwargs: Params
    ) -> Value:
        total = None
        for k, g in zip(numbers, gs):
            rule = table_rule(name, table, k)
            if rule is None:
                continue
            term = f(*args[:k], g, *args[k + 1 :], **kwargs) if rule == "same" else rule(g, ans, *args, **kwargs)
            total = term if total is None else sum_of(name, total, term)
        return map_leaves(zeros, ans) if total is None else total

    defjvp_argnums(f, forward)


def sum_of(name: str, a: Tree, b: Tree) -> Tree:
    """The sum of two tangents, leaf by leaf: that of two tuples is not the longer one."""
    (xs, rebuild), (ys, _) = flatten(a), flatten(b)
    if len(xs) != len(ys):
        raise ShapeError(f"{name}: its rules gave tangents of {len(xs)} and of {len(ys)} leaf values")
    return rebuild([x + y for x, y in zip(xs, ys)])


def defjvp_argnums(f: Function, rule: Forward) -> None:
    """States the tangent by several arguments at once: `rule(argnums, gs, ans, args, kwargs)`.

    >>> import difflab as dl
    >>> product = dl.primitive(lambda x, y: x * y)
    >>> defjvp_argnums(product, lambda ks, gs, ans, args, kw: sum(g * args[1 - k] for k, g in zip(ks, gs)))
    >>> dl.jvp(product, (2.0, 3.0), (1.0, 1.0))[1]
    np.float64(5.0)
    """
    check_functions("defjvp", rule=rule)
    rules_of("defjvp", f).forward = rule


def by_number(name: str, rules: Sequence[Any], argnums: Iterable[int] | None) -> dict[int, Any]:
    """The rules by the numbers of their arguments."""
    for rule in rules:
        if rule is not None and not callable(rule) and not isinstance(rule, str):
            raise InputError(f"{name}: {rule!r} is no rule: give a function, or None where there is no path")
    if argnums is None:
        return dict(enumerate(rules))
    numbers = list(islice(argnums, len(rules) + 1)) if isinstance(argnums, Iterable) else argnums
    if not isinstance(numbers, list) or not all(isinstance(k, int | np.integer) and k >= 0 for k in numbers):
        raise InputError(f"{name}: argnums={argnums!r:.60}; give the numbers of the arguments, such as argnums=(0, 2)")
    if isinstance(argnums, Sequence) and len(argnums) != len(rules):
        raise InputError(f"{name}: argnums={argnums!r:.60} for {len(rules)} rules; give one rule for each of argnums")
    return dict(zip(numbers, rules))


def table_rule(name: str, table: dict[int, Any], number: int) -> Any:
    if number not in table:
        raise NoDerivativeError(
            f"{name}: no rule is stated for argument {number}, only for {sorted(table) or 'none'}: state one, or None "
            "where there is no path"
        )
    return table[number]
