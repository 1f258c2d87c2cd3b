"""What planning's values are, in one word each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..types import Array, DType, Key, Value

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Start: TypeAlias = Hashable | ArrayLike | Mapping[Value, float]  # a state, probabilities (S,), or a dict of both; None
Dynamics: TypeAlias = Callable[[Value, Value], Value]  # step(state, action): what follows, as users write it
Random: TypeAlias = np.random.Generator | int | None  # a generator, a seed of one, or None for a new one
Choices: TypeAlias = Sequence[Value] | Callable[[Value], Sequence[Value]]  # actions, of all states or by state

if TYPE_CHECKING:

    class Rows:
        """Probabilities: a row for each pair of state and action, a column for each state. SciPy says no types."""

        data: Array
        indices: Array
        indptr: Array
        shape: tuple[int, int]
        dtype: DType
        nnz: int
        T: Rows

        def __init__(self, content: Value, shape: tuple[int, int] = ..., *, dtype: object = ...) -> None: ...
        def __getitem__(self, key: Key) -> Rows: ...
        def __matmul__(self, other: Value) -> Value: ...
        def __rmatmul__(self, other: Value) -> Value: ...
        def __add__(self, other: Rows) -> Rows: ...
        def __sub__(self, other: Rows) -> Rows: ...
        def __rmul__(self, other: float) -> Rows: ...
        def astype(self, dtype: object) -> Rows: ...
        def copy(self) -> Rows: ...
        def sum(self, axis: int) -> Array: ...
        def tocsc(self) -> Value: ...
        def toarray(self) -> Floats: ...
        def sum_duplicates(self) -> None: ...
        def sort_indices(self) -> None: ...
        def eliminate_zeros(self) -> None: ...

else:
    Rows = sparse.csr_array
