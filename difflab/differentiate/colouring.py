"""Colours for the columns or rows of a sparse pattern: those of one colour are differentiated together.

Columns that share no row may have one colour (Curtis, Powell, Reid 1974), and so may, in a symmetric pattern, columns
of a star colouring (Gebremedhin, Manne, Pothen 2005). A row's colours are kept as the bits of one integer: the first
free colour of a column is the lowest bit that none of its rows has, so a colouring costs a step for each element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from ..types import Array, DType, Value

MAX_STEPS = 5_000_000  # of the search for a star colouring


class Plan(NamedTuple):
    """How the elements are read from the compressed matrix: `seeds` has a row for each colour.

    Element k of the CSR matrix is entry (`colour[k]`, `place[k]`) of the compressed one.
    """

    forward: bool
    seeds: Array
    colour: Array
    place: Array


def count(colours: Array) -> int:
    return int(colours.max(initial=-1)) + 1


def first_fit(pattern: Value) -> Array:
    """A colour for each column: no two of one colour have an element in the same row.

    Each column in turn takes the first colour that is free; in the order in which they stand, which is the best for
    bands, or the fullest first, where that needs fewer.
    """
    columns = sp.csc_array(pattern)
    least = int(np.diff(sp.csr_array(pattern).indptr).max(initial=0))
    if least == pattern.shape[1]:  # one row has all columns
        return np.arange(least)
    colours = in_order(columns, np.arange(pattern.shape[1]))
    if count(colours) > max(least, 1):
        fullest = in_order(columns, np.argsort(-np.diff(columns.indptr), kind="stable"))
        colours = min(colours, fullest, key=count)
    return colours


def in_order(columns: Value, order: Array) -> Array:
    starts, indices = columns.indptr.tolist(), columns.indices.tolist()
    used = [0] * columns.shape[0]
    colours = [0] * columns.shape[1]
    for j in order.tolist():
        mine = indices[starts[j] : starts[j + 1]]
        taken = 0
        for i in mine:
            taken |= used[i]
        free = ~taken & (taken + 1)
        for i in mine:
            used[i] |= free
        colours[j] = free.bit_length() - 1
    return np.array(colours, int)


def star(pattern: Value) -> Array | None:
    """A colour for each column of a symmetric pattern, or None where the search would take too long.

    Neighbours differ, and no path of four has two colours: then each element, or the one across the diagonal, is alone
    in its row among the columns of its colour.
    """
    n = pattern.shape[0]
    near = [[int(j) for j in row if j != i] for i, row in enumerate(np.split(pattern.indices, pattern.indptr[1:-1]))]
    degree = np.array([len(row) for row in near])
    if sum(sum(degree[j] ** 2 for j in row) for row in near if row) > MAX_STEPS:
        return None
    colours = [-1] * n
    for v in np.argsort(-degree, kind="stable").tolist():
        taken = set()
        for w in near[v]:
            if colours[w] >= 0:
                taken.add(colours[w])
            for x in near[w]:
                if x == v or colours[x] < 0 or colours[x] in taken:
                    continue
                if colours[w] < 0 or any(y != w and colours[y] == colours[w] for y in near[x]):
                    taken.add(colours[x])
        colours[v] = next(c for c in range(len(taken) + 1) if c not in taken)
    return np.array(colours)


def make_plan(pattern: Value, symmetric: bool, mode: str, dtype: DType) -> Plan:
    """The fewest sweeps among tangents for columns, cotangents for rows and, of a Hessian, a star colouring."""
    rows, columns = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr)), pattern.indices
    if symmetric:
        by_column = first_fit(pattern)
        found = star(pattern) if count(by_column) > 2 else None
        if found is None or count(found) >= count(by_column):
            return Plan(True, seeds(by_column, dtype), by_column[columns], rows)
        crowd = np.zeros((pattern.shape[0], count(found)), int)
        np.add.at(crowd, (rows, found[columns]), 1)
        alone = crowd[rows, found[columns]] == 1
        colour, place = np.where(alone, found[columns], found[rows]), np.where(alone, rows, columns)
        return Plan(True, seeds(found, dtype), colour, place)
    forward, colours = direction(pattern, mode)
    colour, place = (colours[columns], rows) if forward else (colours[rows], columns)
    return Plan(forward, seeds(colours, dtype), colour, place)


def direction(pattern: Value, mode: str) -> tuple[bool, Array]:
    """Whether columns are coloured, not rows, and the colours.

    The fullest row says how many colours the columns need at least, the fullest column how many the rows need. The side
    that may need fewer is coloured first, and the other only if it may do better than that.
    """
    across = sp.csr_array(pattern.T)
    if mode != "auto":
        return mode == "forward", first_fit(pattern if mode == "forward" else across)
    least = {True: np.diff(pattern.indptr).max(initial=0), False: np.diff(across.indptr).max(initial=0)}
    coloured: Callable[[bool], Array] = lambda forward: first_fit(pattern if forward else across)
    first = bool(least[True] <= least[False])
    colours = coloured(first)
    if count(colours) + (not first) > least[not first]:
        others = coloured(not first)
        if count(others) + first <= count(colours):  # of as many colours those of columns: a forward sweep is cheaper
            return not first, others
    return first, colours


def seeds(colours: Array, dtype: DType) -> Array:
    """For each colour the vector with ones at its columns."""
    out = np.zeros((count(colours), colours.size), dtype)
    out[colours, np.arange(colours.size)] = 1.0
    return out
