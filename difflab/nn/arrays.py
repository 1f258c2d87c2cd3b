"""What annotations in this room mean by their names; all of it may be traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Array = Any  # NumPy's array or number, or a traced one
Number = Any  # a Python float or a number without axes, the same for all arrays
Tree = Any  # any container of arrays (pytree), also one array
Params = dict[str, Any]  # nested dicts of arrays, with PyTorch's names
State = dict[str, Any]  # what a layer changes from call to call
Memory = dict[str, Any]  # what an optimiser keeps between its updates
Schedule = Callable[[Number], Number]  # a rate from the number of updates that were made before
