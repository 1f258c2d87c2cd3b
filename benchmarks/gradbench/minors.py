"""The determinant by expansion into minors, as the textbook's recursion and as the sum over all permutations."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from ..workload import Make, Workload
from .family import gradient, in_libraries
from .libraries import EAGER

UNROLLED = 6  # the largest order that XLA compiles in seconds


def expanded(rows: list[list[Any]]) -> Any:
    """Along the first row, each minor by the same rule."""
    if len(rows) == 1:
        return rows[0][0]
    total: Any = 0.0
    for k, x in enumerate(rows[0]):
        term = x * expanded([[*row[:k], *row[k + 1 :]] for row in rows[1:]])
        total = total + term if k % 2 == 0 else total - term
    return total


def recursive(lib: Any, a: Any) -> Any:
    n = len(a)
    return expanded([[a[i, j] for j in range(n)] for i in range(n)])


def by_permutations(n: int) -> Any:
    """A product of n gathered elements for each permutation, and their signed sum."""
    orders = np.array(list(permutations(range(n))))
    inversions = sum(orders[:, i] > orders[:, j] for i in range(n) for j in range(i + 1, n))
    signs, rows = 1.0 - 2.0 * (inversions % 2), np.arange(n)

    def f(lib: Any, a: Any) -> Any:
        return lib.m.sum(lib.constant(signs) * lib.m.prod(a[lib.constant(rows), lib.constant(orders)], 1))

    return f


def by_casadi(a: Any, derivative: bool) -> Make:
    def make() -> Any:
        import casadi

        n = len(a)
        x = casadi.SX.sym("x", n, n)
        y = expanded([[x[i, j] for j in range(n)] for i in range(n)])
        found = [y, casadi.reshape(casadi.jacobian(y, x), n, n)] if derivative else [y]
        program = casadi.Function("f", [x], found)
        return lambda: [np.asarray(z) for z in program.call([a])]

    return make


def cofactors(a: Any) -> Make:
    """By LAPACK: the determinant, and the gradient as its product with the inverse's transpose."""
    return lambda: lambda: np.linalg.det(a) * np.linalg.inv(a).T


def workloads(quick: bool = False) -> list[Workload]:
    found = []
    for n in (3,) if quick else (5, 6, 7):
        a = np.random.default_rng(0).normal(size=(n, n))
        peers = ("JAX jit", *EAGER) if n <= UNROLLED else EAGER
        name = f"determinant by minors, order {n}"
        floors = {"LAPACK": cofactors(a)}
        found.append(in_libraries(f"{name}: value", recursive, (a,), peers, {"CasADi": by_casadi(a, False)}))
        found.append(
            in_libraries(
                f"{name}: gradient", gradient(recursive), (a,), peers, {"CasADi": by_casadi(a, True)}, floors=floors
            )
        )
    n = 4 if quick else 7
    a, f = np.random.default_rng(0).normal(size=(n, n)), by_permutations(n)
    name = f"determinant by permutations, order {n}"
    peers = ("JAX jit", "torch")
    found.append(in_libraries(f"{name}: value", f, (a,), peers))
    found.append(in_libraries(f"{name}: gradient", gradient(f), (a,), peers))
    return found
