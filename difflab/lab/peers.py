"""The same functions in other libraries, for the accuracy table: value and partial derivatives in float64."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..primitives import Primitive, rows
from ..types import Function, Value

MODULES: dict[str, tuple[str, ...]] = {
    "autograd": ("autograd.numpy", "autograd.scipy.special"),
    "jax": ("jax.numpy", "jax.scipy.special", "jax.nn"),
    "torch": ("torch", "torch.special", "torch.nn.functional"),
}


def function(library: str, row: Primitive) -> Value:
    """The library's function of the row's name, or of the other name that libraries have for it."""
    for path in MODULES[library]:
        module = import_module(path)
        for name in (row.name, row.spelling.get("peers", row.name)):
            found = getattr(module, name, None)
            if callable(found):
                return found
    return None


def options(library: str, row: Primitive, params: dict[str, Value]) -> dict[str, Value] | None:
    """The row's parameters in the library's spelling; None where it has no such parameter."""
    if row is rows.gelu:
        tanh = params.get("approximate") == "tanh"
        if library == "torch":
            return {"approximate": "tanh" if tanh else "none"}
        return {"approximate": tanh} if library == "jax" else None
    if not params or (row in (rows.elu, rows.leaky_relu, rows.round) and library != "autograd"):
        return params
    return {} if row is rows.nan_to_num else None


def peer(library: str, differentiate: Function) -> Value:
    if find_spec(library) is None:
        return None

    def evaluate(row: Primitive, operands: list[Value], params: dict[str, Value], wanted: list[int]) -> Value:
        f, keywords = function(library, row), options(library, row, params)
        if f is None or keywords is None:
            return None
        try:
            with np.errstate(all="ignore"):
                return differentiate(lambda *x: f(*x, **keywords), operands, wanted)
        except Exception:  # a peer that refuses these operands simply has no entry
            return None

    return evaluate


def by_autograd(f: Function, operands: list[Value], wanted: list[int]) -> Value:
    from autograd import elementwise_grad

    return np.asarray(f(*operands)), {i: np.asarray(elementwise_grad(f, i)(*operands)) for i in wanted}


def by_jax(f: Function, operands: list[Value], wanted: list[int]) -> Value:
    import jax

    home = jax if hasattr(jax, "enable_x64") else import_module("jax.experimental")
    with home.enable_x64(True):
        x = [jax.numpy.asarray(v) for v in operands]

        def g(*chosen: Any) -> Value:
            full = list(x)
            for i, v in zip(wanted, chosen):
                full[i] = v
            return f(*full)

        if not wanted:
            return np.asarray(f(*x)), {}
        value, pullback = jax.vjp(g, *[x[i] for i in wanted])
        return np.asarray(value), dict(zip(wanted, map(np.asarray, pullback(jax.numpy.ones_like(value)))))


def by_torch(f: Function, operands: list[Value], wanted: list[int]) -> Value:
    import torch

    x = [torch.tensor(v) for v in operands]
    for i in wanted:
        x[i].requires_grad_(True)
    value = f(*x)
    if wanted:
        value.backward(torch.ones_like(value))
    return value.detach().numpy(), {i: g.numpy() for i in wanted if (g := x[i].grad) is not None}


PEERS: dict[str, Callable[[], Value]] = {
    "autograd": lambda: peer("autograd", by_autograd),
    "jax": lambda: peer("jax", by_jax),
    "torch": lambda: peer("torch", by_torch),
}
