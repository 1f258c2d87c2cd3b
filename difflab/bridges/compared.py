"""JAX and PyTorch as methods: the same graph, written for the framework and differentiated by its own rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from ..compile.xla.carrier import x64
from ..differentiate.answer import answer
from ..differentiate.derivative import Derivative
from ..differentiate.methods import Method, restricted
from ..differentiate.problem import Problem
from ..differentiate.to_jax import to_jax
from ..errors import InputError
from ..lab.compare import FRAMEWORK
from ..types import Value
from .out.to_torch import to_torch
from .packages import needed

TITLES = {"jax": "JAX", "torch": "PyTorch"}


def by_jax(problem: Problem) -> Callable[[], tuple[Value, list[Value]]]:
    """The value and the gradient by JAX, compiled by XLA."""
    jax = needed("jax", "compare")
    f, xs = restricted(problem)
    both: Any = jax.jit(jax.value_and_grad(to_jax(f), tuple(range(len(xs)))))

    def run() -> tuple[Value, list[Value]]:
        value, found = both(*xs)
        return np.asarray(value)[()], [np.asarray(g)[()] for g in found]

    return run


def by_torch(problem: Problem) -> Callable[[], tuple[Value, list[Value]]]:
    """The value and the gradient by PyTorch's autograd."""
    torch = needed("torch", "compare")
    f, xs = restricted(problem)
    g = to_torch(f, *xs)

    def run() -> tuple[Value, list[Value]]:
        tensors = [torch.tensor(np.asarray(x)).requires_grad_() for x in xs]
        y = g(*tensors)
        found = torch.autograd.grad(y, tensors, allow_unused=True) if y.requires_grad else [None] * len(xs)
        grads = [np.zeros(np.shape(x)) if d is None else d.detach().numpy() for x, d in zip(xs, found)]
        return y.detach().numpy()[()], [d[()] for d in grads]

    return run


BUILDERS = {"jax": by_jax, "torch": by_torch}


def scope(name: str) -> AbstractContextManager[Any]:
    """JAX computes in double precision only where it is told to."""
    return x64() if name == "jax" else nullcontext()


def run(name: str, problem: Problem) -> Derivative:
    start = time.perf_counter()
    with scope(name):
        compute = BUILDERS[name](problem)
        value, found = compute()
    took = time.perf_counter() - start
    return answer(problem, name, f"{TITLES[name]}, reverse mode", value, found, start, preparation=took)


def program(name: str, problem: Problem) -> Callable[[], Value]:
    with scope(name):
        compute = BUILDERS[name](problem)
        compute()

    def again() -> Value:
        with scope(name):
            return compute()

    return again


def method(name: str) -> Method:
    """The method of a framework; its rules are its own, so it is independent of difflab's."""
    if name not in BUILDERS:
        raise InputError(f"frameworks: {name!r}; they are 'jax' and 'torch'")
    needed(name, "compare(frameworks=...)")
    return Method(name, partial(run, name), exact=True, independent=TITLES[name], program=partial(program, name))


FRAMEWORK.fill(method)
