"""What annotations in this room mean by their names, beside those of `difflab/types.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Number: TypeAlias = Any  # a Python float or a number without axes, the same for all arrays
Memory: TypeAlias = dict[str, Any]  # what an optimiser keeps between its updates
Schedule: TypeAlias = Callable[[Number], Number]  # a rate from the number of updates that were made before
PerAxis: TypeAlias = Any  # one size for all axes of space, or one for each; a layer keeps one for each
Initial: TypeAlias = Any  # a scheme of nn.init or its name: an argument only, for a layer's `init` is its method
Record: TypeAlias = dict[str, Any]  # what JSON says of a layer, an epoch or a run
