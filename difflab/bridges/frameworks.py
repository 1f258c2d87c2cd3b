"""Which library a function is written in."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph.graph import Graph
from ..graph.pytree import flatten, leaves_of
from ..types import Function, Tree, Value

FRAMEWORKS = ("jax", "torch")


def candidates(f: Function | Graph, args: tuple[Tree, ...]) -> list[str]:
    """Which libraries f may be written in, the likeliest first; one alone where arguments or f say it."""
    if isinstance(f, Graph):
        return ["numpy"]
    for name in ("torch", "jax"):
        kinds = kinds_of(name)
        if kinds and any(isinstance(x, kinds) for x in (f, *leaves_of(args))):
            return [name]
    return ["numpy", *[name for name in FRAMEWORKS if name in sys.modules]]


def kinds_of(name: str) -> tuple[type, ...]:
    """The classes of a library's arrays and functions, where it is imported."""
    library: Any = sys.modules.get(name)
    if library is None:
        return ()
    if name == "torch":
        return library.Tensor, library.nn.Module
    return library.Array, library.custom_jvp, library.custom_vjp, type(library.jit(len))


def framework_of(f: Function, args: tuple[Tree, ...], asked: str, what: str) -> str:
    """The framework that is asked for; of "auto" what f and its arguments say, or else the result of f there."""
    if asked != "auto":
        if asked not in FRAMEWORKS:
            raise InputError(f"{what}: framework={asked!r}; it is 'auto', 'jax' or 'torch'")
        return asked
    names, told = candidates(f, args), []
    if names[0] in FRAMEWORKS:
        return names[0]
    for name in names[1:]:
        try:
            found = f(*as_tensors(args) if name == "torch" else args)
        except Exception as error:  # f may be another framework's
            told.append(f"{name}: {type(error).__name__}: {str(error)[:120]}")
            continue
        if any(isinstance(y, kinds_of(name)[0]) for y in leaves_of(found)):
            return name
    why = f" ({'; '.join(told)})" if told else "; NumPy code is judged by dl.compare and difflab.testing"
    raise InputError(f"{what}: the function returns no array of JAX or PyTorch at these arguments{why}")


def as_tensors(args: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """The arguments with tensors in place of arrays and floats, outside of any graph of autograd's."""
    leaves, rebuild = flatten(args)
    made: tuple[Tree, ...] = rebuild([as_tensor(x) for x in leaves])
    return made


def as_tensor(x: Value) -> Value:
    torch: Any = sys.modules["torch"]
    if isinstance(x, torch.Tensor):
        return x.detach()
    return torch.tensor(np.asarray(x)) if isinstance(x, np.ndarray | np.generic | float) else x


__all__ = ["as_tensor", "candidates", "framework_of"]
