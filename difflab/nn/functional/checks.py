"""What the functions ask of their arguments, and how they say what is wrong."""

from __future__ import annotations

import operator
import sys
from types import FrameType

import numpy as np

from ...errors import DtypeError, InputError, ShapeError
from ...graph.kinds import NUMBERS, check_fit, unfit
from ...graph.traced import Traced, call_row
from ...primitives import Primitive, rows
from ...types import Axis, Shape, Value


def row(of: Primitive, *operands: Value, **params: Value) -> Value:
    """A row of the table on plain or traced operands."""
    return call_row(of, *operands, **params)


def array(x: Value) -> Value:
    """Lists and numbers as arrays; traced values as they are."""
    if x.__class__ is Traced or (x.__class__ is np.ndarray and x.dtype.kind in NUMBERS):
        return x
    found = x if hasattr(x, "dtype") and hasattr(x, "shape") else np.asarray(x)
    if unfit(x) or unfit(found):
        check_fit(x if unfit(x) else found, given_as(x))
    return found


def given_as(x: Value) -> str:
    """The function of this room that was given x, and its name for it, to be said in an error."""
    said, room = "an argument", __name__.rpartition(".")[0]
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(room):
        name = next((n for n, value in frame.f_locals.items() if value is x), None)
        said = f"{frame.f_code.co_name}: {name}" if name else said
        frame = frame.f_back
    return said


def real(x: Value) -> Value:
    """The same, with integers as floating-point numbers."""
    x = array(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def per_axis(what: str, value: Value, n: int, least: int) -> Shape:
    """One integer for each of n axes, from one for all or a sequence of n (or of one)."""
    try:
        if hasattr(value, "__index__"):
            found = (operator.index(value),) * n
        else:
            found = tuple(operator.index(v) for v in value)
            found = found * n if len(found) == 1 else found
    except TypeError:
        raise InputError(f"{what}={value!r}; give an integer, or one for each of the {n} axes") from None
    if len(found) != n or min(found, default=least) < least:
        raise InputError(f"{what}={value!r}; give an integer of at least {least}, or one for each of the {n} axes")
    return found


def numbers(what: str, **settings: Value) -> None:
    """Refuses settings that are no real numbers, by name; a traced one, or an array of one number, is a number too."""
    for name, value in settings.items():
        if value.__class__ is not float and value.__class__ is not int and not is_number(value):
            raise InputError(f"{what}: {name}={value!r:.80}; give a number")


def is_number(value: Value) -> bool:
    if isinstance(value, float | np.integer | np.floating):
        return True
    return hasattr(value, "dtype") and value.shape == () and value.dtype.kind in "fiu"


def integers(what: str, **settings: Value) -> None:
    """Refuses settings that are no integers, by name."""
    for name, value in settings.items():
        try:
            operator.index(value)
        except TypeError:
            raise InputError(f"{what}: {name}={value!r:.80}; give an integer") from None


def batched(what: str, x: Value, n: int) -> tuple[Value, bool]:
    """The input as (batch, channels, *spatial) with n spatial axes, and whether it had its batch axis."""
    if x.ndim not in (n + 1, n + 2):
        raise ShapeError(
            f"{what}: an input of shape {x.shape}; it is (batch, channels, {axis_names(n)}) "
            f"or (channels, {axis_names(n)})"
        )
    return (x, True) if x.ndim == n + 2 else (x.reshape((1, *x.shape)), False)


def axis_names(n: int) -> str:
    return ", ".join(("depth", "height", "width")[3 - n :] if n > 1 else ("length",))


def unbatched(y: Value, had_batch: bool) -> Value:
    return y if had_batch else y.reshape(y.shape[1:])


def same_shape(what: str, **operands: Value) -> None:
    """Refuses operands whose shapes differ: a broadcast in a loss is nearly always a mistake."""
    (first, a), *others = operands.items()
    for name, b in others:
        if a.shape != b.shape:
            mend = " (reshape one of them)" if a.size == b.size else ""
            raise ShapeError(
                f"{what}: {first} has shape {a.shape} and {name} has shape {b.shape}; they must be equal{mend}"
            )


def reduced(what: str, values: Value, reduction: str) -> Value:
    """The mean or the sum of the values, or these themselves."""
    if reduction == "mean":
        return np.mean(values)
    if reduction == "sum":
        return np.sum(values)
    if reduction == "none":
        return values
    raise InputError(f"{what}: reduction={reduction!r}; it is 'mean', 'sum' or 'none'")


def one_of(what: str, value: object, *allowed: str) -> None:
    if value not in allowed:
        raise InputError(f"{what}={value!r}; it is {' or '.join(map(repr, allowed))}")


def labels(what: str, x: Value) -> Value:
    """Integers, traced or not."""
    x = array(x)
    if x.dtype.kind not in "iu":
        raise DtypeError(f"{what}: the labels have dtype {x.dtype}; they must be integers")
    return x


def norm(x: Value, p: float, dim: Axis, keepdims: bool) -> Value:
    """The p-norm along an axis."""
    return row(rows.vector_norm, x, ord=p, axis=dim, keepdims=keepdims)


def legacy(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """torch's older arguments in terms of the newer one."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def clamped(x: Value) -> Value:
    """max(x, 0) with the derivative 1 at 0, as torch's clamp has it."""
    return np.where(x >= 0, x, 0.0)


def concrete(x: Value) -> bool:
    """Whether the values are there to be looked at."""
    return isinstance(x, np.ndarray | np.generic)
