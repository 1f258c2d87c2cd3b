"""The libraries as the workloads see them: the same names for the same things, so that each is written once.

Each class says how a user of that library writes a loop or a derivative, and runs a function: `program(f, args)` is a
function of no arguments. Where a library has no loop of its own, Python's loop is what its user writes.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

import difflab as dl
from difflab.compile.program import auto

Run = Callable[[], Any]
PATIENCE = 600.0  # seconds for what "auto" builds in the background


class Difflab:
    """NumPy's functions, compiled for one of the backends."""

    m: Any = np
    scan, while_loop = staticmethod(dl.scan), staticmethod(dl.while_loop)
    grad, value_and_grad, jvp, vmap = (staticmethod(f) for f in (dl.grad, dl.value_and_grad, dl.jvp, dl.vmap))
    logsumexp = staticmethod(lambda x, axis: dl.numpy.logsumexp(x, axis=axis))

    def __init__(self, backend: str = "numpy") -> None:
        self.backend = backend

    def constant(self, x: Any) -> Any:
        x = np.asarray(x)
        x.flags.writeable = False  # so it is not compared at each call, as the documentation says
        return x

    def program(self, f: Any, args: tuple[Any, ...]) -> Run:
        if self.backend == "native":
            import_module("numba")  # without it the backend would fall back
        compiled = dl.compile(f, backend=self.backend)
        compiled.prepare(*args)
        run = lambda: compiled(*args)
        if self.backend == "auto":
            settle(compiled, run)
        return run


def settle(compiled: Any, run: Run) -> None:
    """Calls until the contest of "auto" has begun, and waits for its end."""
    while not compiled.program.last.asked:
        run()
    if not auto.WORKER.settled(PATIENCE):
        raise TimeoutError(f"auto has not settled in {PATIENCE:.0f} s")


class Jax:
    """One jit around all; loops are lax's."""

    def __init__(self) -> None:
        self.jax = jax = import_module("jax")
        jax.config.update("jax_enable_x64", True)
        self.m = import_module("jax.numpy")
        self.scan, self.while_loop = jax.lax.scan, jax.lax.while_loop
        self.grad, self.value_and_grad, self.jvp, self.vmap = jax.grad, jax.value_and_grad, jax.jvp, jax.vmap
        self.logsumexp = jax.nn.logsumexp

    def constant(self, x: Any) -> Any:
        return x

    def program(self, f: Any, args: tuple[Any, ...]) -> Run:
        compiled, points = self.jax.jit(f), self.jax.tree.map(self.m.asarray, args)
        return lambda: self.jax.block_until_ready(compiled(*points))


class Names:
    """NumPy's names for another library's functions where they differ; the rest as they are."""

    def __init__(self, home: Any, **others: Any) -> None:
        self.home = home
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.home, name)


def python_scan(m: Any) -> Any:
    """A loop over the first axis, for libraries without one."""

    def scan(f: Any, carry: Any, xs: Any = None, length: int | None = None) -> Any:
        found = []
        for k in range(length if xs is None else len(xs)):
            carry, y = f(carry, None if xs is None else xs[k])
            found.append(y)
        return carry, None if found[0] is None else m.stack(found)

    return scan


def python_while(test: Any, body: Any, state: Any) -> Any:
    while test(state):
        state = body(state)
    return state


class Torch:
    """Eager: at the top derivatives are autograd's, inside of functions those of torch.func."""

    while_loop = staticmethod(python_while)

    def __init__(self) -> None:
        self.torch = torch = import_module("torch")
        double = lambda x: torch.as_tensor(x, dtype=torch.float64)
        self.m = Names(
            torch,
            max=torch.amax,
            min=lambda x, axis: torch.amin(x, axis),
            zeros=lambda shape: torch.zeros(shape, dtype=torch.float64),
            logical_and=lambda a, b: torch.logical_and(torch.as_tensor(a), torch.as_tensor(b)),
            where=lambda c, a, b: torch.where(torch.as_tensor(c), double(a), double(b)),
        )
        self.scan, self.logsumexp = python_scan(torch), torch.logsumexp
        self.grad, self.vmap = torch.func.grad, torch.func.vmap

    def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
        return self.torch.func.jvp(f, tuple(primals), tuple(tangents))

    def value_and_grad(self, f: Any, argnums: Any = 0) -> Any:
        numbers = argnums if isinstance(argnums, tuple) else (argnums,)

        def both(*args: Any) -> Any:
            full = [x.detach().requires_grad_() if k in numbers else x for k, x in enumerate(args)]
            y = f(*full)
            return y.detach(), self.torch.autograd.grad(y, [full[k] for k in numbers])

        return both

    def constant(self, x: Any) -> Any:
        return self.torch.as_tensor(x)

    def program(self, f: Any, args: tuple[Any, ...]) -> Run:
        points = [self.torch.as_tensor(x, dtype=self.torch.float64) for x in args]
        return lambda: f(*points)


class TorchCompile(Torch):
    """The function as a whole, its derivatives too."""

    def value_and_grad(self, f: Any, argnums: Any = 0) -> Any:
        both = self.torch.func.grad_and_value(f, argnums)
        return lambda *args: both(*args)[::-1]

    def program(self, f: Any, args: tuple[Any, ...]) -> Run:
        return super().program(self.torch.compile(f), args)


class Autograd:
    """NumPy with derivatives, one operation at a time."""

    while_loop = staticmethod(python_while)

    def __init__(self) -> None:
        self.autograd = import_module("autograd")
        self.m = import_module("autograd.numpy")
        self.scan, self.grad = python_scan(self.m), self.autograd.grad
        special = import_module("autograd.scipy.special")
        self.logsumexp = lambda x, axis: special.logsumexp(x, axis=axis)

    def jvp(self, f: Any, primals: Any, tangents: Any) -> Any:
        return self.autograd.make_jvp(lambda p: f(*p))(tuple(primals))(tuple(tangents))

    def vmap(self, f: Any) -> Any:
        return lambda *xs: self.m.stack([f(*row) for row in zip(*xs)])

    def value_and_grad(self, f: Any, argnums: Any = 0) -> Any:
        numbers = argnums if isinstance(argnums, tuple) else (argnums,)

        def both(*args: Any) -> Any:
            def g(moving: Any) -> Any:
                full = list(args)
                for k, x in zip(numbers, moving):
                    full[k] = x
                return f(*full)

            return self.autograd.value_and_grad(g)(tuple(args[k] for k in numbers))

        return both

    def constant(self, x: Any) -> Any:
        return x

    def program(self, f: Any, args: tuple[Any, ...]) -> Run:
        return lambda: f(*args)


LIBRARIES: dict[str, Callable[[], Any]] = {
    "difflab": Difflab,
    "difflab native": lambda: Difflab("native"),
    "difflab jax": lambda: Difflab("jax"),
    "difflab auto": lambda: Difflab("auto"),
    "JAX jit": Jax,
    "torch": Torch,
    "torch.compile": TorchCompile,
    "autograd": Autograd,
}
EAGER = ("torch", "autograd")
BACKENDS = tuple(name for name in LIBRARIES if name.startswith("difflab"))
