"""The arguments of a function as one vector of entries, each with a name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from ..differentiate.problem import real
from ..errors import DisagreementError, DtypeError, InputError, ShapeError, UnsupportedError
from ..graph.pytree import flatten, leaves_of, paths
from ..graph.trace import argument_names
from ..types import Array, Function, Value

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


class Arguments:
    """The arguments at which a gradient is judged: `values` are the leaves, `names` what messages call them."""

    leaves: list[Value]
    rebuild: Callable[[list[Value]], Value]
    values: list[Value]
    sizes: list[int]

    def __init__(self, f: Function, given: tuple[Value, ...]) -> None:
        self.leaves, self.rebuild = flatten(given)
        self.names: list[str] = []
        for name, argument in zip(argument_names(f, len(given)), given):
            leaves = leaves_of(argument)
            alone = len(leaves) == 1 and leaves[0] is argument
            self.names += [name] if alone else [name + p for p in paths(argument)]
        if not self.leaves:
            raise InputError("the point has no numbers to differentiate by")
        self.values = [finite(x, name) for x, name in zip(self.leaves, self.names)]
        self.given: tuple[Value, ...] = self.rebuild(list(self.values))
        self.sizes = [int(np.size(x)) for x in self.values]

    @property
    def size(self) -> int:
        return sum(self.sizes)

    def place(self, k: int) -> tuple[int, tuple[int, ...]]:
        """The leaf and the index in it of entry k."""
        for leaf, size in enumerate(self.sizes):
            if k < size:
                return leaf, tuple(int(i) for i in np.unravel_index(k, np.shape(self.values[leaf])))
            k -= size
        raise IndexError(k)

    def label(self, k: int) -> str:
        leaf, index = self.place(k)
        return self.names[leaf] + (str(list(index)) if index else "")

    def find(self, label: str) -> int:
        """The entry of that label."""
        start = 0
        for name, size, x in zip(self.names, self.sizes, self.values):
            rest = label[len(name) :].strip()
            if label.startswith(name) and (rest == "" or rest.startswith("[")):
                index = tuple(int(i) for i in rest.strip("[]").split(",") if i.strip().isdigit())
                if len(index) == np.ndim(x) and all(i < n for i, n in zip(index, np.shape(x))):
                    return start + int(np.ravel_multi_index(index, np.shape(x))) if index else start
            start += size
        raise InputError(f"entry={label!r}: the entries are {self.label(0)} to {self.label(self.size - 1)}")

    def dtype(self, k: int) -> Value:
        return self.values[self.place(k)[0]].dtype

    def vector(self, leaves: list[Value], dtype: DTypeLike = float) -> Array:
        """One leaf of numbers for each leaf of the point, end to end."""
        return np.concatenate([np.ravel(np.asarray(x, dtype)) for x in leaves])

    def split(self, vector: Array) -> list[Value]:
        """The parts of a vector, in the shapes of the leaves."""
        ends = np.cumsum(self.sizes)[:-1]
        return [np.reshape(v, np.shape(x))[()] for v, x in zip(np.split(vector, ends), self.values)]

    def moved(self, change: Array) -> tuple[Value, ...]:
        """The arguments with a vector added, in their own dtypes."""
        new = [np.asarray(x + d, x.dtype)[()] for x, d in zip(self.values, self.split(change))]
        moved: tuple[Value, ...] = self.rebuild(new)
        return moved

    def along(self, f: Function, *directions: Value) -> Function:
        """t -> f(point + t direction), or a function of several such numbers, in double precision."""
        wide = [np.asarray(x, float)[()] for x in self.values]
        steps = [self.split(d) for d in directions]

        def line(*t: Value) -> Value:
            moved = list(wide)
            for number, step in zip(t, steps):
                # what does not move stays a number, so that the record is as small as it can be
                moved = [x + number * d if np.any(d) else x for x, d in zip(moved, step)]
            return f(*self.rebuild(moved))

        line.__name__ = getattr(f, "__name__", type(f).__name__)
        return line


def finite(x: Value, name: str) -> Value:
    """A leaf of the point as a float number or array, or the reason why it is none."""
    if not isinstance(x, bool | int | float | list | np.ndarray | np.generic):
        raise DtypeError(
            f"{name} is a {type(x).__module__}.{type(x).__name__}; give the point as NumPy arrays or numbers, and let "
            "the function convert them"
        )
    x = real(x, name)
    if not np.all(np.isfinite(x)):
        raise InputError(f"{name} holds {np.asarray(x)[~np.isfinite(x)][0]}: a derivative is taken at finite numbers")
    return x


def number(y: Value, name: str) -> float:
    """A function's result as a Python float, whichever library it comes from."""
    shape = getattr(y, "shape", None)
    shape = tuple(np.shape(y) if shape is None else shape)
    if shape != ():
        raise ShapeError(f"{name} returns shape {shape}, a gradient needs a single number")
    try:
        return float(y)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"{name} returns {y!r}, which is not a real number: {error}") from None


def plain(f: Function) -> Function:
    """f as a function of NumPy values alone, whichever library it is written in.

    The arrays that f is given are copies: it may write into them.
    """
    name = getattr(f, "__name__", type(f).__name__)

    @wraps(f, updated=())
    def values(*arguments: Value) -> Value:
        leaves, rebuild = flatten(arguments)
        if not all(isinstance(x, float | np.generic | np.ndarray) and np.asarray(x).dtype != object for x in leaves):
            raise UnsupportedError(f"{name} cannot be recorded, so only its values are known")
        return number(f(*rebuild([copied(x) for x in leaves])), name)

    return values


def copied(x: Value) -> Value:
    return x.copy() if isinstance(x, np.ndarray) else x


def gradient_leaves(point: Arguments, found: Value, what: str) -> list[Value]:
    """The arrays of somebody's gradient, in the structure of the point, or a DisagreementError that says what differs.

    Tensors of PyTorch and arrays of JAX are taken as they are.
    """
    wanted = point.given[0] if len(point.given) == 1 else point.given
    leaves = leaves_of(found)
    if len(leaves) != len(point.leaves):
        raise DisagreementError(
            f"{what} gives {len(leaves)} arrays for {len(point.leaves)} ({', '.join(point.names[:6])}"
            f"{', ...' if len(point.names) > 6 else ''})"
            + ("; for several arguments return a tuple" * (len(point.given) > 1))
        )
    if len(leaves) > 1 and paths(found) != paths(wanted):
        raise DisagreementError(
            f"{what} has the structure {', '.join(paths(found)[:6])}, the point has {', '.join(paths(wanted)[:6])}"
        )
    arrays = [as_array(g, f"{what} for {name}") for g, name in zip(leaves, point.names)]
    for g, x, name in zip(arrays, point.values, point.names):
        if np.shape(g) != np.shape(x):
            raise DisagreementError(f"{what} gives shape {np.shape(g)} for {name}, which has shape {np.shape(x)}")
    return arrays


def as_array(g: Any, what: str) -> Value:
    try:
        g = np.asarray(g)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DisagreementError(f"{what} cannot be read as an array: {error}") from None
    if g.dtype.kind in "biu":
        g = g.astype(float)
    if g.dtype.kind != "f":
        raise DisagreementError(f"{what} has dtype {g.dtype}; the gradient of a real number is real floats")
    return g
