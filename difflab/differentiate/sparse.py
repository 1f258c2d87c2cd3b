"""Sparse Jacobians and Hessians: columns that share no row are differentiated together.

The pattern is found from the record (`sparsity.py`), or given. Arithmetic on slices gives the elements as a few
diagonals (`pieces.py`). Of other functions the pattern's columns or rows are coloured (`colouring.py`), and one tangent
for each colour gives the compressed matrix, from which every element is read off. Pattern, colours and the evaluation
are one compiled program: it is made anew where the function takes other branches.

Inside a trace the elements are traced values, which SciPy's matrices cannot hold: there the result is `TracedMatrix`,
which comes out of the program as SciPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..compile.program.program import compile
from ..errors import DtypeError, InputError, ShapeError
from ..graph.node_carrier import NODE
from ..graph.pytree import flatten
from ..graph.vertices import strip
from ..primitives import Carrier
from ..types import DType, Function, Shape, Tree, Value
from .batching import vmap
from .colouring import Plan, make_plan
from .pieces import in_pieces
from .sparse_matrix import TracedMatrix
from .sparsity import jacobian_pattern
from .transform import Recording, check_argnums, jvp

FIXED = (bool, int, str, type(None))
Rebuild = Callable[[list[Value]], Tree]


class Joined:
    """A function of a tree as a function of one array, and what its last run returned; one array stays as it is."""

    name: str
    g: Function
    inside: Rebuild

    def __init__(self, name: str, g: Function, x: Tree) -> None:
        self.name, self.g = name, g
        leaves, self.inside = flatten(x)
        for leaf in leaves:
            check_leaf(name, leaf)
        self.shapes: list[Shape] = [Carrier.shape(leaf) for leaf in leaves]
        self.dtypes: list[DType] = [Carrier.dtype(leaf) for leaf in leaves]
        self.alone: Value = leaves[0] if len(leaves) == 1 else None
        self.x: Value = self.alone if self.alone is not None else vector(leaves)
        self.outputs: list[Value] = []
        self.outside: Rebuild = self.inside

    def __call__(self, x: Value) -> Value:
        leaves, start = [x], 0
        if self.alone is None:
            leaves = []
            for shape, dtype in zip(self.shapes, self.dtypes):
                size = int(np.prod(shape))
                part = NODE.getitem(x, index=(slice(start, start + size),))
                leaves.append(NODE.astype(NODE.reshape(part, shape=shape), dtype=dtype))
                start += size
        result = self.g(self.inside(leaves))
        if result is None:
            raise InputError(f"{self.name}: the function returned None; does it lack a return statement?")
        self.outputs, self.outside = flatten(result)
        for y in self.outputs:
            if not hasattr(y, "dtype") and not isinstance(y, int | float):
                raise ShapeError(f"{self.name}: sparse=True needs a function that returns arrays, not {y!r}")
        return self.outputs[0] if len(self.outputs) == 1 else vector(self.outputs)

    def matrices(self, pattern: Value, data: Value) -> Tree:
        """The joined matrix as a tree: a block for each leaf of the output and, in it, each leaf of the argument."""
        inner, outer = [int(np.prod(s)) for s in self.shapes], [Carrier.size(y) for y in self.outputs]
        if len(inner) == len(outer) == 1:
            return self.outside([self.inside([TracedMatrix(pattern, data)])])
        numbered = sp.csr_array((np.arange(pattern.nnz) + 1, pattern.indices, pattern.indptr), shape=pattern.shape)
        rows, columns = np.cumsum([0, *outer]), np.cumsum([0, *inner])
        blocks = []
        for r0, r1 in pairwise(rows):
            parts = [numbered[r0:r1, c0:c1] for c0, c1 in pairwise(columns)]
            blocks.append([TracedMatrix(sp.csr_array(p.astype(bool)), data[p.data - 1]) for p in parts])
        return self.outside([self.inside(row) for row in blocks])


def vector(leaves: list[Value]) -> Value:
    """All elements behind each other."""
    if not leaves:
        return np.zeros(0)
    return NODE.concatenate(*[NODE.reshape(x, shape=(Carrier.size(x),)) for x in leaves], axis=0)


def elements(g: Joined, mode: str, given: Value) -> tuple[Value, Value]:
    """The elements of the Jacobian of g at its point, and its pattern in CSR form, which says where they stand."""
    x, symmetric = g.x, g.name == "hessian"
    point = np.asarray(strip(x))
    pattern = given
    if given is not None:
        check_given(g.name, g, point, given)
    else:
        pattern = jacobian_pattern(g, point)
        if symmetric:
            pattern = pattern + sp.csr_array(pattern.T)
        pattern.sum_duplicates()
    if not pattern.nnz:
        g(x)  # a program has to see the branches also where the derivative is zero
        return np.zeros(0, point.dtype), pattern
    record = Recording(g.name, g, (x,))
    data = in_pieces(record, pattern, symmetric) if mode == "auto" else None
    if data is None:
        data = by_colours(record, make_plan(pattern, symmetric, mode, point.dtype))
    if given is not None:
        check_complete(g.name, g, point, data, pattern)
    return data, pattern


def by_colours(record: Recording, plan: Plan) -> Value:
    """The elements of the Jacobian, read from its products with the plan's seeds."""
    x, y = record.inputs[0].value, record.tape.value_of(record.outputs[0])
    flat: Callable[[Value], Value] = lambda v: NODE.reshape(v, shape=(Carrier.size(v),))
    push: Callable[[Value], Value] = lambda v: flat(record.push([NODE.reshape(v, shape=Carrier.shape(x))])[0])
    pull: Callable[[Value], Value] = lambda v: flat(
        record.pull([NODE.reshape(NODE.astype(v, dtype=y.dtype), shape=Carrier.shape(y))])[0]
    )
    compressed = vmap(push if plan.forward else pull)(plan.seeds)
    # Places in the flattened matrix: NumPy reads them in a quarter of the time that pairs of places take.
    return NODE.getitem(flat(compressed), index=plan.colour * Carrier.shape(compressed)[1] + plan.place)


def check_leaf(name: str, x: Value) -> None:
    dtype = getattr(x, "dtype", None)
    if dtype is None and not isinstance(x, int | float):
        raise ShapeError(f"{name}: sparse=True takes arrays or trees of arrays, not a {type(x).__name__}")
    if dtype is not None and dtype.kind != "f":
        raise DtypeError(f"{name}: sparse=True takes real floats, not dtype {dtype}")


def read_pattern(name: str, pattern: Value) -> Value:
    """The pattern that a user gives, in canonical CSR form; every stored element of a sparse one counts."""
    if pattern is None:
        return None
    if sp.issparse(pattern):
        found = sp.csr_array(pattern, copy=True)
        found.data = np.ones(found.nnz, bool)
    else:
        dense = np.asarray(pattern)
        if dense.ndim != 2 or dense.dtype.kind not in "biuf":
            raise InputError(
                f"{name}: pattern of shape {dense.shape} and dtype {dense.dtype}; it is a matrix of truth values or of "
                "numbers, a row for each output element and a column for each input element"
            )
        found = sp.csr_array(dense != 0)
    found.sum_duplicates()
    if name == "hessian" and (found != found.T).nnz:
        raise InputError("hessian: the pattern is not symmetric, as second derivatives are")
    return found


def check_given(name: str, g: Joined, point: Value, pattern: Value) -> None:
    """Whether the given pattern has the shape of the Jacobian."""
    g(point)
    shape = sum(map(Carrier.size, g.outputs)), Carrier.size(point)
    if pattern.shape != shape:
        raise ShapeError(f"{name}: pattern of shape {pattern.shape}, and the matrix has shape {shape}")


def check_complete(name: str, g: Joined, point: Value, data: Value, pattern: Value) -> None:
    """Whether the elements of a given pattern are the whole Jacobian here: its product with a random tangent tells."""
    v = np.random.default_rng(0).uniform(1.0, 2.0, Carrier.size(point)).astype(point.dtype)
    want = np.ravel(strip(jvp(g, (point,), (v.reshape(point.shape),))[1]))
    matrix = sp.csr_array((np.asarray(strip(data)), pattern.indices, pattern.indptr), shape=pattern.shape)
    slack = np.sqrt(np.finfo(point.dtype).eps) * (abs(matrix) @ v + np.abs(want))
    wrong = np.flatnonzero(np.abs(matrix @ v - want) > slack)  # NaN and inf are not judged
    if wrong.size:
        raise InputError(
            f"{name}: the pattern lacks elements of the derivative, in row {wrong[0]} and {wrong.size - 1} others; "
            "without pattern= it is found from the function"
        )


def sparse_jacobian(
    name: str, f: Function, g: Function, argnums: int | Sequence[int], mode: str = "auto", pattern: Value = None
) -> Function:
    """The function that returns the Jacobian of g as CSR matrices; g is f or its gradient."""
    if not callable(f):
        raise InputError(f"{name}: {f!r} is not a function")
    given = read_pattern(name, pattern)
    programs: dict[Value, Value] = {}
    alone: list[Value] = []  # the program of a call with one argument and nothing else

    def program_for(fixed: dict[Value, Value], count: int, wanted: tuple[int, ...], plain: bool = False) -> Value:
        """The program with some arguments (by position or name) fixed: counts, flags and functions are not traced."""
        key = count, plain, tuple([(k, type(v), v) for k, v in fixed.items()])  # True is equal to 1
        if key in programs:
            return programs[key]
        positions = [k for k in range(count) if k not in fixed]
        named = {k: v for k, v in fixed.items() if isinstance(k, str)}

        def parts(*moving: Value, **others: Value) -> Value:
            args = [fixed.get(k) for k in range(count)]
            for k, x in zip(positions, moving):
                args[k] = x

            def of_chosen(tree: Tree) -> Tree:
                chosen = dict(zip(wanted, [tree] if isinstance(argnums, int) else tree))
                return g(*[chosen.get(k, x) for k, x in enumerate(args)], **named, **others)

            x = args[wanted[0]] if isinstance(argnums, int) else tuple([args[k] for k in wanted])
            joined = Joined(name, of_chosen, x)
            data, found = elements(joined, mode, given)
            return joined.matrices(found, data)

        # With one parameter, as most calls have, the program has an entry of its own (`compile/program/entry.py`).
        single: Function = lambda x: parts(x)
        return programs.setdefault(key, compile(single if plain else parts))

    def matrix(*args: Any, **kwargs: Any) -> Value:
        if len(args) == 1 and args[0].__class__ is np.ndarray and not kwargs and alone:  # the way of most calls
            return alone[0](args[0])
        wanted = check_argnums(name, argnums, len(args))
        for k in wanted:
            if args[k].__class__ is not np.ndarray:
                for leaf in flatten(args[k])[0]:
                    check_leaf(name, leaf)
        if len(args) == 1 and not kwargs:
            alone[:] = [program_for({}, 1, wanted, plain=True)]
            return alone[0](*args)
        everything = dict(enumerate(args)) | kwargs
        fixed = {k: v for k, v in everything.items() if k not in wanted and (isinstance(v, FIXED) or callable(v))}
        moving = [x for k, x in enumerate(args) if k not in fixed]
        others = {k: v for k, v in kwargs.items() if k not in fixed}
        return program_for(fixed, len(args), wanted)(*moving, **others)

    made: Any = matrix
    made.__wrapped__ = f
    return matrix
