"""The table: which function of difflab's each operation of ATen is; what has none is refused, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ...errors import UnsupportedError
from ...types import Function
from ..packages import Foreign
from .branching import BRANCHING
from .elementwise import ELEMENTWISE
from .factoring import FACTORING
from .gathering import GATHERING
from .indexing import INDEXING
from .making import MAKING, RANDOM
from .matrices import MATRICES
from .networks import NETWORKS
from .reducing import REDUCING
from .shaping import SHAPING

# By the name of ATen's operation, or by that of one of its overloads ("max.dim"), which goes first.
OPERATIONS: dict[str, Function] = {
    **MAKING,
    **ELEMENTWISE,
    **SHAPING,
    **REDUCING,
    **INDEXING,
    **GATHERING,
    **MATRICES,
    **FACTORING,
    **NETWORKS,
    **BRANCHING,
}


def keys(target: Foreign) -> tuple[str, str]:
    """The names under which the table may have an operation: that of the overload, and that of all."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return getattr(target, "__name__", str(target)), ""
    name = schema.name.removeprefix("aten::").replace("::", ".")
    return (f"{name}.{schema.overload_name}" if schema.overload_name else name), name


def supported(target: Foreign) -> bool:
    """Whether the table has the operation."""
    return any(name in OPERATIONS for name in keys(target))


def draws(target: Foreign) -> bool:
    """Whether the operation draws random numbers."""
    return keys(target)[1] in RANDOM


def function_of(target: Foreign) -> Function:
    """The function of an operation that the table has."""
    overload, name = keys(target)
    return OPERATIONS[overload] if overload in OPERATIONS else OPERATIONS[name]


def name_of(target: Foreign) -> str:
    """An operation's full name, `aten.add.Tensor`."""
    return str(target) if hasattr(target, "_schema") else getattr(target, "__name__", str(target))


def refuse_unknown(steps: Iterable[Foreign]) -> None:
    """UnsupportedError with every operation that the table lacks, and how often it is there."""
    lacking = [step.target for step in steps if not supported(step.target)]
    if not lacking:
        return
    counts = Counter(name_of(target) for target in lacking)
    listed = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    drawn = any(map(draws, lacking))
    mend = "; what draws random numbers has no derivative to record: call module.eval() first" if drawn else ""
    kinds = "1 operation has" if len(counts) == 1 else f"{len(counts)} operations have"
    raise UnsupportedError(f"from_torch: {kinds} no row in difflab: {listed}{mend}")
