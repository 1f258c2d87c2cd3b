"""The derivatives of exp(L) by two parameters from those of L."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import comb

from ..types import Value

Orders = tuple[int, int]


def moments(cumulant: Callable[[int, int], Value], j: int, k: int) -> Mapping[Orders, Value]:
    """The derivatives of exp(L), over exp(L), up to the orders j and k: the complete Bell polynomials in two variables.

    `cumulant(i, l)` is the derivative of L of these orders. By (exp L)' = L' exp(L), derived again by Leibniz's rule.
    """
    found: dict[Orders, Value] = {(0, 0): 1.0}
    for i in range(j + 1):
        for l in range(k + 1):
            if i:
                parts = [
                    comb(i - 1, p) * comb(l, q) * (cumulant(p + 1, q) * found[i - 1 - p, l - q])
                    for p in range(i)
                    for q in range(l + 1)
                ]
            elif l:
                parts = [comb(l - 1, q) * (cumulant(0, q + 1) * found[0, l - 1 - q]) for q in range(l)]
            else:
                continue
            found[i, l] = sum(parts[1:], parts[0])
    return found


def leibniz(f: Callable[[int, int], Value], g: Callable[[int, int], Value], j: int, k: int) -> Value:
    """The derivative of a product of these orders, from those of its factors."""
    parts = [comb(j, i) * comb(k, l) * (f(j - i, k - l) * g(i, l)) for i in range(j + 1) for l in range(k + 1)]
    return sum(parts[1:], parts[0])
