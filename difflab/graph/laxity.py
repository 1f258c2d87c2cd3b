"""Laxer ways of a tape: what difflab refuses, and code written for HIPS/autograd relies on, as one switch each.

A tape carries a `Laxity`. All switches are off (`STRICT`) but on the tapes that `difflab.autograd` opens (`LAX`), and
on those inside them that are given their values: a rule which runs while such a tape is read has the same author.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

import numpy as np

from ..hooks import Hook
from ..primitives import Elementwise, ufunc_of
from ..types import Params, Value
from .leaks import leak


@dataclass(frozen=True)
class Laxity:
    """Which laxer ways are on.

    - `integers`: functions are differentiated by integers and truth values too, which become floats;
    - `objects`: arrays of Python objects become arrays of floats, or of the traced values that they hold;
    - `decided`: a traced value that is the same in a neighbourhood (a comparison, `floor`, `sign`, what is computed of
      them alone) is a plain one for whoever asks: np.asarray, float(), int(), an index; a guard notes the answer;
    - `listed`: np.asarray and np.array of traced values make an array of Python objects, which `objects` reads;
    - `rebinding`: `y += x` gives the name y the sum, a new value, as it does for numbers;
    - `single`: an output of one element has a gradient, whatever its shape;
    - `iterables`: generators and views of dicts stand for lists, as in `stack(d.values())`;
    - `deferring`: an array of another library computes with traced values in its own way, as xarray's does.
    """

    integers: bool = False
    objects: bool = False
    decided: bool = False
    listed: bool = False
    rebinding: bool = False
    single: bool = False
    iterables: bool = False
    deferring: bool = False

    def leaf(self, x: Value) -> Value:
        """What a function is differentiated by: floats, where integers or objects are given and may be."""
        if isinstance(x, np.ndarray) and x.dtype.kind == "O":
            return x.astype(float) if self.objects else x
        return floats(x) if self.integers else x


STRICT = Laxity()
LAX = Laxity(True, True, True, True, True, True, True, True)


class Unread(list[Any]):
    """The guards of a recording that is swept once and never run again: nobody reads them, so none is kept."""

    def append(self, guard: Any) -> None:
        """Nothing."""


UNREAD = Unread()
NODE_OF_BOX: Hook[[Any], Any] = Hook("node of a box")  # what code written for autograd asks a box for
ITERATORS: tuple[Any, ...] = (type({}.keys()), type({}.values()), GeneratorType, map, zip, filter, range)


def floats(x: Value) -> Value:
    """Integers, truth values and arrays of such or of Python numbers as floats; anything else as it is."""
    if isinstance(x, bool | int | np.bool_ | np.integer):
        return np.float64(x)
    integers = "biu" if hasattr(x, "primitive") else "biuO" if isinstance(x, np.ndarray) else ""
    return x.astype(float) if integers and x.dtype.kind in integers else x


def listed(x: Value) -> Value:
    """A generator, a view of a dict or a range as a list; anything else as it is."""
    return [*x] if isinstance(x, ITERATORS) else x


def numbers(x: Value) -> Value:
    """An array of Python objects as what it holds: nested lists where traced values are among them, else floats."""
    if x.__class__ is not np.ndarray or x.dtype.kind != "O":
        return x
    held: Value = x.tolist()
    return held if any(hasattr(e, "primitive") for e in x.flat) else x.astype(float)


def derived(x: Any) -> bool:
    """Whether a traced value has a derivative by an input of its tape: whether it can change near it."""
    waiting, seen = [x], set()
    while waiting:
        y = waiting.pop()
        if y in seen or y.tape is not x.tape:
            continue
        seen.add(y)
        row = y.primitive
        if y.value.__class__ is not tuple and y.dtype.kind not in "fc":
            continue
        if row.leaf:
            return True
        steps = isinstance(row, Elementwise) and (
            all(rule == 0 for rule in row.partials) or ("steps" in row.facts and y.dtype.kind == "f")
        )
        if row.differentiable and not steps:
            waiting += [z for z in y.operands if hasattr(z, "primitive")]
    return False


def plain(x: Any, what: str) -> Value:
    """The value of a traced one that `what` asks for, noted as a guard; refused where it has a derivative."""
    if not x.tape.laxity.decided or not steady(x):
        raise leak(what)
    return unboxed(x)


def steady(x: Any) -> bool:
    """Whether a value has no derivative, on the tapes around its own neither."""
    while hasattr(x, "primitive"):
        if not x.has_value or derived(x):
            return False
        x = x.value
    return True


def note(x: Any, value: Value) -> None:
    """A guard: whoever runs the record again is told where this value comes out otherwise."""
    if x.tape.operations is None or x.tape.guards is UNREAD:
        return
    if not x.shape and x.dtype.kind == "b":
        x.tape.guards.append((x, bool(value)))
        return
    same = x == value  # one truth value is what every reader of guards can compare; NaN is equal to itself here
    if x.dtype.kind in "fc" and np.isnan(value).any():
        same = same | ((x != x) & np.isnan(value))
    x.tape.guards.append((same.all() if x.shape else same, True))


def deferred(row: Any, operands: Sequence[Value], params: Params) -> Value:
    """What an operand of another library makes of the operation, or NotImplemented."""
    ufunc = ufunc_of(row)
    for x in operands if isinstance(ufunc, np.ufunc) and not params else ():
        hand_over = getattr(type(x), "__array_ufunc__", None)
        if hand_over is not None and not isinstance(x, np.ndarray | np.generic) and not hasattr(x, "primitive"):
            answer = hand_over(x, ufunc, "__call__", *operands)
            if answer is not NotImplemented:
                return answer
    return NotImplemented


def objects(x: Any) -> Value:
    """An array of Python objects, each a traced number."""
    array = np.empty(x.shape, object)
    for place in np.ndindex(x.shape):
        array[place] = x[place] if place else x
    return array


def array_of(x: Any) -> Value:
    """What NumPy is given that asks a traced value for an array."""
    laxity = x.tape.laxity
    if laxity.decided and steady(x):
        return np.asarray(unboxed(x))
    if laxity.listed and x.tape.operations is not None:
        return objects(x)
    raise leak("np.array")


def readable(operands: Sequence[Value], assemble: Any) -> tuple[Value, ...]:
    """The operands of an operation, of which some are arrays of Python objects."""
    return tuple([assemble(numbers(x)) if x.__class__ is np.ndarray and x.dtype.kind == "O" else x for x in operands])


def unboxed(x: Any) -> Value:
    """The plain value of a traced one, whatever its derivative, noted as a guard; anything else as it is."""
    if not hasattr(x, "primitive") or not hasattr(x, "tape"):
        return x
    value = unboxed(x.value)
    note(x, value)
    return value
