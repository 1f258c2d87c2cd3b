"""python -m benchmarks.spellings: one function in all spellings of its arguments, and determinants by minors.

Microseconds of a call of the value and gradient, the least of several turns, beside CasADi with buffers, JAX and numba
with derivatives by hand; and the seconds until the first result of a new function, beside autograd's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

import difflab as dl

from . import scalar
from .gradbench import minors
from .gradbench.libraries import Difflab

ROUNDS, SECONDS = 7, 0.05
POINT = scalar.POINT
Run = Callable[[], Any]
BY_HAND = {"CasADi, buffers": "casadi", "JAX jit": "jax", "numba by hand": "numba"}


def neurons() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """The sigmoid neuron's value and gradient, and arguments, as a user may write them."""
    f, five, v = scalar.neuron, (0, 1, 2, 3, 4), np.array(POINT)
    named = dict(zip(scalar.NAMES, POINT))
    return {
        "named floats": (dl.value_and_grad(f, five), POINT),
        "*args": (dl.value_and_grad(lambda *a: f(*a), five), POINT),
        "np.float64": (dl.value_and_grad(f, five), tuple(map(np.float64, POINT))),
        "dict": (dl.value_and_grad(lambda p: f(**p)), (named,)),
        "array, f(*v)": (dl.value_and_grad(lambda v: f(*v)), (v,)),
        "array, v[0]": (dl.value_and_grad(lambda v: f(v[0], v[1], v[2], v[3], v[4])), (v,)),
    }


def neuron_peers() -> dict[str, Callable[[], Run]]:
    def build(m: Any, w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
        return 1.0 / (1.0 + m.exp(-(w0 * x0 + w1 * x1 + w2)))

    return {
        "CasADi, buffers": scalar.by_casadi(build, scalar.NAMES, POINT),
        "JAX jit": scalar.by_jax(build, POINT),
        "numba by hand": scalar.by_numba(scalar.neuron_by_hand, POINT),
    }


def det(a: Any) -> Any:
    return minors.recursive(Difflab(), a)


def det_peers(a: Any) -> dict[str, Callable[[], Run]]:
    def by_jax() -> Run:
        import jax

        jax.config.update("jax_enable_x64", True)
        f, x = jax.jit(jax.value_and_grad(det)), jax.numpy.asarray(a)
        return lambda: jax.block_until_ready(f(x))

    def by_casadi() -> Run:
        import casadi

        n = len(a)
        x = casadi.SX.sym("x", n, n)
        y = minors.expanded([[x[i, j] for j in range(n)] for i in range(n)])
        f = casadi.Function("f", [x], [y, casadi.reshape(casadi.gradient(y, x), n, n)])
        buffer, call = f.buffer()
        given, value, gradient = np.asfortranarray(a), np.zeros(1), np.zeros((n, n), order="F")
        buffer.set_arg(0, memoryview(given.T.reshape(-1)))
        buffer.set_res(0, memoryview(value))
        buffer.set_res(1, memoryview(gradient.T.reshape(-1)))
        alive = f, buffer, given

        def run() -> Any:
            assert alive
            call()
            return value[0], gradient

        return run

    found = {"CasADi, buffers": by_casadi}
    return {**found, "JAX jit": by_jax} if len(a) <= minors.UNROLLED else found


def first_by_autograd(a: Any) -> float:
    from autograd import value_and_grad

    start = time.perf_counter()
    value_and_grad(det)(a)
    return time.perf_counter() - start


def best(runs: dict[str, Run]) -> dict[str, float]:
    """Microseconds of a call, in turns."""
    found = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start, count = time.perf_counter(), 0
            while (spent := time.perf_counter() - start) < SECONDS or count < 3:
                for _ in range(10):
                    run()
                count += 10
            found[name] = min(found[name], 1e6 * spent / count)
    return found


def of_difflab(f: Any, args: tuple[Any, ...]) -> Iterator[tuple[str, Run, str]]:
    """A run in each backend, and how long its first and second result took."""
    for backend in ("numpy", *(["native"] if find_spec("numba") else [])):
        program, took = dl.compile(f, backend=backend), []
        for _ in range(2):
            start = time.perf_counter()
            program(*args)
            took.append(time.perf_counter() - start)
        yield f"difflab {backend}", lambda p=program: p(*args), f"{took[0]:.3f} s, {took[1]:.3f} s"


def main(orders: list[int]) -> None:
    peers = {n: make() for n, make in neuron_peers().items() if find_spec(BY_HAND[n])}
    for name, (f, args) in neurons().items():
        runs = {n: run for n, run, _ in of_difflab(f, args)}
        show(f"neuron, {name}", best(runs | peers))
    for n in orders:
        a = np.random.default_rng(0).normal(size=(n, n))
        found = list(of_difflab(dl.value_and_grad(det), (a,)))
        runs = {name: run for name, run, _ in found}
        runs |= {name: make() for name, make in det_peers(a).items() if find_spec(BY_HAND[name])}
        for name, run in runs.items():
            np.testing.assert_allclose(run()[1], np.linalg.det(a) * np.linalg.inv(a).T, rtol=1e-8, err_msg=name)
        show(f"determinant, order {n}", best(runs))
        first = {name: took for name, _, took in found}
        if find_spec("autograd"):
            first["autograd"] = f"{first_by_autograd(a):.3f} s"
        print(f"    first and second result: {', '.join(f'{n} {t}' for n, t in first.items())}", flush=True)


def show(title: str, times: dict[str, float]) -> None:
    print(f"{title:<24}" + "".join(f"  {n} {t:.2f} us" for n, t in times.items()), flush=True)


if __name__ == "__main__":
    main(list(map(int, sys.argv[1:])) or [4, 5, 6, 7])
