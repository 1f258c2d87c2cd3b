"""What planning's values are, in one word each."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Rows = sparse.csr_array  # probabilities: a row for each pair of state and action, a column for each state
Start: TypeAlias = Hashable | ArrayLike | Mapping[Any, float]  # a state, probabilities (S,), or a dict of both; None
Dynamics = Callable[[Any, Any], Any]  # step(state, action): what follows, as users write it
Choices = Sequence[Any] | Callable[[Any], Sequence[Any]]  # actions, of all states or by state
FileName = str | PathLike[str]
