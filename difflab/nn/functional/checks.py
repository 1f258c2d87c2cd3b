"""What the functions check of their arguments, and the words they say it with."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ...errors import InputError, ShapeError
from ...graph.node import Node

REDUCTIONS = ("mean", "sum", "none")


def dtype_of(x: Any) -> Any:
    return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype


def concrete(x: Any) -> Any:
    """The numbers in a traced value: what it is now, for a look at them in an error."""
    while x.__class__ is Node:
        x = x.value
    return np.asarray(x)


def ints(where: str, name: str, value: Any, n: int, least: int = 0) -> tuple[int, ...]:
    """One integer for each of n axes, from one for all or a sequence."""
    value = value.tolist() if hasattr(value, "tolist") else value
    try:
        found = (operator.index(value),) * n if hasattr(value, "__index__") else tuple(map(operator.index, value))
    except TypeError:
        found = ()
    if len(found) == 1 and n > 1:
        found *= n
    if len(found) != n or min(found) < least:
        raise InputError(f"{where}: {name}={value!r}; give an integer of at least {least}, or one for each of {n} axes")
    return found


def reduced(where: str, values: Any, reduction: str) -> Any:
    """The values, their sum or their mean."""
    if reduction not in REDUCTIONS:
        raise InputError(f"{where}: reduction={reduction!r}; it is one of {', '.join(REDUCTIONS)}")
    return values if reduction == "none" else np.mean(values) if reduction == "mean" else np.sum(values)


def same_shape(where: str, input: Any, target: Any) -> None:
    if np.shape(input) != np.shape(target):
        raise ShapeError(
            f"{where}: the input has shape {np.shape(input)} and the target {np.shape(target)}; they must be equal, "
            "nothing is broadcast; reshape one of them"
        )


def axis(where: str, dim: int, rank: int) -> int:
    if not -max(rank, 1) <= dim < max(rank, 1):
        raise InputError(f"{where}: dim={dim}, but the input has {rank} axes")
    return dim % max(rank, 1)


def labels(where: str, target: Any, classes: int, ignored: int | None = None) -> None:
    """Class numbers are integers from 0 to classes - 1; the first that is none is named."""
    if dtype_of(target).kind not in "iu":
        raise InputError(f"{where}: the target has dtype {dtype_of(target)}; class numbers are integers")
    found = concrete(target)
    bad = (found < 0) | (found >= classes)
    if ignored is not None:
        bad &= found != ignored
    if bad.any():
        place = tuple(int(k) for k in np.argwhere(bad)[0])
        at = f"[{', '.join(map(str, place))}]" if place else ""
        raise InputError(f"{where}: target{at} is {found[place]}; with {classes} classes labels are 0 to {classes - 1}")
