"""Sparse Jacobians and Hessians: columns that share no row are differentiated together.

The pattern is found from the record (`sparsity.py`) and its columns are coloured (Curtis, Powell, Reid 1974; star
colouring of symmetric patterns: Gebremedhin, Manne, Pothen 2005). One tangent for each colour gives the compressed
matrix, from which every element is read off. Pattern, colours and the evaluation are one compiled program: it is made
anew where the function takes other branches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from ..compile.program.program import compile
from ..errors import DtypeError, InputError, ShapeError
from ..graph.traced import NODE, Traced
from ..graph.vertices import strip
from ..primitives import Carrier
from ..types import Array, DType, Function, Value
from .batching import vmap
from .sparsity import jacobian_pattern
from .transform import jvp, vjp

FIXED = (bool, int, str, type(None))
MAX_STEPS = 5_000_000  # of the search for a star colouring


class Plan(NamedTuple):
    """How the elements are read from the compressed matrix: `seeds` has a row for each colour.

    Element k of the CSR matrix is entry (`colour[k]`, `place[k]`) of the compressed one.
    """

    forward: bool
    seeds: Array
    colour: Array
    place: Array


def first_fit(pattern: Value) -> Array:
    """A colour for each column, the first that is free: no two of one colour have an element in the same row."""
    rows, columns = sp.csr_array(pattern), sp.csc_array(pattern)
    colours = np.full(pattern.shape[1], -1)
    sizes = np.diff(rows.indptr)
    if sizes.size and sizes.max() == len(colours):  # one row has all columns
        return np.arange(len(colours))
    for j in range(len(colours)):
        mine = columns.indices[columns.indptr[j] : columns.indptr[j + 1]]
        if mine.size:
            near = np.concatenate([rows.indices[rows.indptr[i] : rows.indptr[i + 1]] for i in mine])
            colours[j] = first_free(colours[near])
    return np.maximum(colours, 0)


def first_free(taken: Array) -> int:
    used = set(taken.tolist())
    return next(c for c in range(len(used) + 1) if c not in used)


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
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    columns = pattern.indices
    by_column = first_fit(pattern)
    count: Callable[[Array], int] = lambda colours: int(colours.max(initial=-1)) + 1
    if symmetric:
        found = star(pattern) if count(by_column) > 2 else None
        if found is not None and count(found) < count(by_column):
            crowd = np.zeros((pattern.shape[0], count(found)), int)
            np.add.at(crowd, (rows, found[columns]), 1)
            alone = crowd[rows, found[columns]] == 1
            colour, place = np.where(alone, found[columns], found[rows]), np.where(alone, rows, columns)
            return Plan(True, seeds(found, dtype), colour, place)
        return Plan(True, seeds(by_column, dtype), by_column[columns], rows)
    by_row = by_column if mode == "forward" else first_fit(sp.csr_array(pattern.T))
    if mode == "reverse" or count(by_row) < count(by_column):
        return Plan(False, seeds(by_row, dtype), by_row[rows], columns)
    return Plan(True, seeds(by_column, dtype), by_column[columns], rows)


def seeds(colours: Array, dtype: DType) -> Array:
    """For each colour the vector with ones at its columns."""
    out = np.zeros((int(colours.max(initial=-1)) + 1, colours.size), dtype)
    out[colours, np.arange(colours.size)] = 1.0
    return out


def elements(g: Function, x: Value, symmetric: bool, mode: str) -> tuple[Value, Value]:
    """The elements of the Jacobian of g at x, and its pattern in CSR form, which says where they stand."""
    point = strip(x)
    pattern = jacobian_pattern(g, point)
    if symmetric:
        pattern = pattern + sp.csr_array(pattern.T)
    pattern.sum_duplicates()
    if not pattern.nnz:
        g(x)  # a program has to see the branches also where the derivative is zero
        return np.zeros(0, point.dtype), pattern
    plan = make_plan(pattern, symmetric, mode, point.dtype)
    if plan.forward:
        tangent: Callable[[Value], Value] = lambda v: jvp(g, (x,), (NODE.reshape(v, shape=Carrier.shape(x)),))[1]
        compressed = vmap(lambda v: NODE.reshape(tangent(v), shape=(pattern.shape[0],)))(plan.seeds)
    else:
        y, pullback = vjp(g, x)
        pull: Callable[[Value], Value] = lambda v: pullback(
            NODE.reshape(NODE.astype(v, dtype=y.dtype), shape=Carrier.shape(y))
        )[0]
        compressed = vmap(lambda v: NODE.reshape(pull(v), shape=(pattern.shape[1],)))(plan.seeds)
    return NODE.getitem(compressed, index=(plan.colour, plan.place)), pattern


def sparse_jacobian(name: str, f: Function, g: Function, argnums: int | Sequence[int], mode: str = "auto") -> Function:
    """The function that returns the Jacobian of g as a CSR matrix; g is f or its gradient."""
    if not isinstance(argnums, int):
        raise InputError(f"{name}: sparse=True takes one argument, not argnums={argnums!r}")
    programs: dict[Value, Value] = {}
    patterns: list[Value] = []

    def program_for(fixed: dict[Value, Value]) -> Value:
        """The program with some arguments (by position or name) fixed: counts, flags and functions are not traced."""
        key = tuple([(k, type(v), v) for k, v in fixed.items()])  # True is equal to 1
        if key in programs:
            return programs[key]

        def parts(moving: dict[Value, Value]) -> Value:
            given = fixed | moving
            positions = sorted(k for k in given if isinstance(k, int))
            named = {k: v for k, v in given.items() if isinstance(k, str)}
            place = argnums % len(positions)

            def of_one(x: Value) -> Value:
                return g(*[x if k == place else given[k] for k in positions], **named)

            data, pattern = elements(of_one, given[place], name == "hessian", mode)
            patterns.append(pattern)
            return data, np.int64(len(patterns) - 1)  # a constant of the program: which pattern is its own

        return programs.setdefault(key, compile(parts))

    def matrix(*args: Any, **kwargs: Any) -> Value:
        if not -len(args) <= argnums < len(args):
            raise InputError(f"{name}: argnums={argnums} but the function was called with {len(args)} arguments")
        check_point(name, args[argnums])
        given = dict(enumerate(args)) | kwargs
        place = argnums % len(args)
        fixed = {k: v for k, v in given.items() if k != place and (isinstance(v, FIXED) or callable(v))}
        moving = {k: v for k, v in given.items() if k not in fixed}
        data, which = program_for(fixed)(moving)
        if data.__class__ is Traced:
            raise InputError(f"{name}: a sparse matrix cannot hold traced values; use sparse=False inside a trace")
        return with_data(patterns[int(which)], data)

    made: Any = matrix
    made.__wrapped__ = f
    return matrix


def with_data(pattern: Value, data: Value) -> Value:
    """A matrix of its own with that pattern; a third of the time that the constructor takes, which checks it again."""
    made = copy(pattern)
    made.data, made.indices, made.indptr = data, pattern.indices.copy(), pattern.indptr.copy()
    return made


def check_point(name: str, x: Value) -> None:
    dtype = getattr(x, "dtype", None)
    if dtype is None and not isinstance(x, int | float):
        raise ShapeError(f"{name}: sparse=True takes an array, not a {type(x).__name__}; join its parts to one vector")
    if dtype is not None and dtype.kind != "f":
        raise DtypeError(f"{name}: sparse=True takes real floats, not dtype {dtype}")
