"""block: gives a name to a group of operations while they are recorded, or makes them one operation."""

from __future__ import annotations

from functools import wraps
from typing import Any

from ..errors import InputError
from ..primitives.primitive import Carrier, Elementwise
from ..types import Function, Value
from .block import Block
from .node import BLOCK
from .trace import trace
from .traced import Traced, apply


class block:
    """Names a group of operations: `with block("softmax"): ...`, `@block`, `@block(name=...)` or `block(f, name=...)`.

    With `derivative`, a function `(y, *x) -> partial` (or a tuple of partials, one for each operand), the group
    becomes one elementwise operation whose derivative is that formula and not the chain rule through its inside.

    >>> import difflab as dl, numpy as np
    >>> s = dl.block(lambda x: 1 / (1 + np.exp(-x)), name="sigmoid", derivative=lambda y, x: y * (1 - y))
    >>> dl.grad(s)(0.0)
    np.float64(0.25)
    """

    def __new__(cls, target: Value = None, *, name: str | None = None, derivative: Function | None = None) -> Value:
        if target is None:
            return lambda f: cls(f, name=name, derivative=derivative)
        if callable(target):
            label = name or getattr(target, "__name__", "block").strip("<>")
            return _hard_coded(target, label, derivative) if derivative else _grouped(target, label)
        if not isinstance(target, str):
            raise InputError(f"block: {target!r} is neither a function nor a name")
        return _Scope(name or target)


class _Scope:
    def __init__(self, name: str) -> None:
        self.name = name
        self.tokens: list[Value] = []

    def __enter__(self) -> Block:
        inner = Block(self.name, BLOCK.get())
        self.tokens.append(BLOCK.set(inner))
        return inner

    def __exit__(self, *_: Any) -> None:
        BLOCK.reset(self.tokens.pop())


def _grouped(f: Function, name: str) -> Function:
    @wraps(f)
    def grouped(*args: Any, **kwargs: Any) -> Value:
        with _Scope(name):
            return f(*args, **kwargs)

    return grouped


def _hard_coded(f: Function, name: str, derivative: Function) -> Function:
    def rule(i: int) -> Function:
        def partial(m: Carrier, y: Value, *x: Value) -> Value:
            found = derivative(y, *x)
            return found[i] if isinstance(found, tuple) else found

        return partial

    row = Elementwise(
        name=name,
        doc=f"The block {name}, with its own derivative.",
        glyph=name,
        latex=rf"\operatorname{{{name}}}({{0}})",
        value=lambda m, *x: _inside(f, m, x),
        partials=tuple(rule(i) for i in range(16)),
    )

    @wraps(f)
    def blocked(*args: Any) -> Value:
        return apply(row, args) if any(x.__class__ is Traced for x in args) else f(*args)

    return blocked


def _inside(f: Function, m: Carrier, x: tuple[Value, ...]) -> Value:
    """The block's inside on any carrier: at once on NumPy values, else through its graph."""
    if m.name in ("numpy", "complex", "node"):
        return f(*x)
    graph = trace(f, *[_example(e) for e in x])
    return m.run(graph, list(x))[graph.outputs[0]]


def _example(x: Any) -> float:
    try:
        return float(getattr(x, "midpoint", x))
    except (TypeError, ValueError):
        return 1.0
