"""Sparse matrices with known places: SciPy's where the elements are numbers, and one of traced values in traces."""

from __future__ import annotations

from typing import Any

import numpy as np
import optree
import scipy.sparse as sp

from ..errors import ShapeError
from ..graph.node_carrier import NODE
from ..primitives import Carrier
from ..types import Array, Shape, Value


class TracedMatrix:
    """A sparse matrix in CSR form whose elements are traced values; out of a compiled function it comes as SciPy's.

    `data` are the elements, which any function may use; `indices`, `indptr`, `shape` and `nnz` are SciPy's. It has
    `m @ x` for dense x, `m.T`, `m.diagonal()` and `m.toarray()`.

    >>> import difflab as dl
    >>> square = dl.compile(dl.jacobian(lambda x: x**2, sparse=True))
    >>> square(np.array([1.0, 2.0])).data
    array([2., 4.])
    >>> of_norm = dl.grad(lambda x: np.sum(dl.jacobian(lambda x: x**2, sparse=True)(x) @ np.ones(2)))
    >>> of_norm(np.array([1.0, 2.0]))
    array([2., 2.])
    """

    def __init__(self, pattern: Value, data: Value) -> None:
        self.pattern: Value = pattern
        self.data: Value = data

    def __repr__(self) -> str:
        return f"<sparse matrix of traced values, shape {self.shape}, {self.nnz} elements>"

    def __getattr__(self, name: str) -> Value:
        raise AttributeError(
            f"a sparse matrix of traced values has no {name!r}: in a trace it has data, indices, indptr, shape, nnz, "
            "m @ x, m.T, m.diagonal() and m.toarray(); what returns it from a compiled function returns SciPy's matrix"
        )

    def _from_leaves_(self) -> tuple[Made, list[Value]]:
        """For an entry's text: the function that makes SciPy's matrix of the leaves that these stand for."""
        return leaves_of(self)[1].made, [self.data]

    @property
    def shape(self) -> Shape:
        return tuple(map(int, self.pattern.shape))

    @property
    def nnz(self) -> int:
        return int(self.pattern.nnz)

    @property
    def indices(self) -> Value:
        return self.pattern.indices.copy()

    @property
    def indptr(self) -> Value:
        return self.pattern.indptr.copy()

    @property
    def rows(self) -> Value:
        """The row of each element."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.pattern.indptr))

    @property
    def T(self) -> Value:
        order, pattern = transposed(self.pattern)
        return TracedMatrix(pattern, NODE.getitem(self.elements(), index=(order,)))

    def elements(self) -> Value:
        """`data`, known to belong to one matrix."""
        if Carrier.shape(self.data) != (self.nnz,):
            raise ShapeError(
                f"a batch of sparse matrices, with data of shape {Carrier.shape(self.data)}: use its .data, or "
                "the matrix inside the function that is mapped"
            )
        return self.data

    def toarray(self) -> Value:
        return NODE.scatter(self.elements(), index=(self.rows, self.pattern.indices), shape=self.shape)

    def diagonal(self) -> Value:
        """The elements with equal indices; zeros where there are none."""
        here = np.flatnonzero(self.rows == self.pattern.indices)
        chosen = NODE.getitem(self.elements(), index=(here,))
        return NODE.scatter(chosen, index=(self.pattern.indices[here],), shape=(min(self.shape),))

    def __matmul__(self, x: Value) -> Value:
        data, x = self.elements(), x if hasattr(x, "dtype") else np.asarray(x)
        if Carrier.ndim(x) not in (1, 2) or Carrier.shape(x)[0] != self.shape[1]:
            raise ShapeError(f"a sparse matrix of shape {self.shape} @ an array of shape {Carrier.shape(x)}")
        read = NODE.getitem(x, index=(self.pattern.indices,))
        data = data if Carrier.ndim(x) == 1 else NODE.reshape(data, shape=(self.nnz, 1))
        return NODE.scatter(data * read, index=(self.rows,), shape=(self.shape[0], *Carrier.shape(x)[1:]))


def transposed(pattern: Value) -> tuple[Value, Value]:
    """Which element stands at each place of the transposed matrix, and that matrix's pattern."""
    numbered = sp.csr_array((np.arange(pattern.nnz) + 1, pattern.indices, pattern.indptr), shape=pattern.shape)
    found = sp.csr_array(numbered.T)
    return found.data - 1, sp.csr_array((np.ones(found.nnz, bool), found.indices, found.indptr), shape=found.shape)


class Made:
    """Makes SciPy's matrices with one pattern, each of its own.

    The attributes are copied: in a fifth of the time that SciPy's constructor takes, which checks them again.
    """

    def __init__(self, pattern: Value) -> None:
        self.kind: type[Any] = pattern.__class__
        self.fields: dict[str, Any] = dict(pattern.__dict__)
        self.indices: Array = pattern.indices
        self.indptr: Array = pattern.indptr

    def __call__(self, data: Array) -> Value:
        made = object.__new__(self.kind)
        fields = made.__dict__ = self.fields.copy()
        fields["data"], fields["indices"], fields["indptr"] = data, self.indices.copy(), self.indptr.copy()
        return made


class Held:
    """A pattern beside the leaves of a tree, where it is compared by identity: SciPy's == compares the elements."""

    def __init__(self, pattern: Value) -> None:
        self.pattern = pattern
        self.made: Made = Made(pattern)


def leaves_of(m: Any) -> tuple[tuple[Value], Held]:
    return (m.data,), m.__dict__.setdefault("held", Held(m.pattern))


def with_leaves(held: Any, leaves: Any) -> Value:
    """SciPy's matrix; of what is no array with an element for each place, a TracedMatrix."""
    (data,) = leaves
    if data.__class__ is np.ndarray and data.shape == held.pattern.indices.shape:
        return held.made(data)
    made = TracedMatrix(held.pattern, data)
    made.__dict__["held"] = held
    return made


optree.register_pytree_node(TracedMatrix, leaves_of, with_leaves, namespace=optree.registry.__GLOBAL_NAMESPACE)
