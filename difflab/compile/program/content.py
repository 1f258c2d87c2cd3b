"""What decides whether a place that a function reads holds what it held: the value of a number, the bytes of an array.

Of a tuple, list, dict, set or deque it is what is so in its items, of an object, a module or a function its identity.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Hashable
from functools import partial
from operator import is_
from sys import stdlib_module_names
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType

import numpy as np

from ...graph.snapshots import is_fixed
from ...types import Array, Value

PLAIN = frozenset((int, float, bool, str, complex, type(None)))
MAX_ITEMS = 200  # of a container that are looked into before a call
LARGEST, FEW = 1 << 22, 1 << 12  # bytes of an array that is compared with a copy, and of one whose bytes are
DEEPEST = 100  # container in a container
LIBRARIES = ("difflab", "numpy", "scipy")
FRAMEWORKS = frozenset("jax jaxlib matplotlib numba optree pandas sklearn sympy tensorflow torch".split())
CONTAINERS = (tuple, list, dict, set, frozenset, deque)


def content(x: object, around: tuple[int, ...] = ()) -> Hashable:
    """What decides about equality; None of a library's module. `around` are the containers that x stands in."""
    if x.__class__ in PLAIN:
        return x.__class__, repr(x) if x.__class__ is float else x
    if isinstance(x, np.ndarray | np.generic) and x.dtype != object:
        if x.nbytes > FEW and is_fixed(x):
            return Same(x)
        data = np.ascontiguousarray(x)
        return x.shape, x.dtype.str, data.tobytes() if data.nbytes <= FEW else zlib.crc32(data.data)
    if settled(x):
        return x
    if isinstance(x, (*CONTAINERS, np.ndarray)) and id(x) not in around and len(around) < DEEPEST:
        items = items_of(x)
        if len(items) > MAX_ITEMS:
            return Items(x)
        inside = [content(e, (*around, id(x))) for e in items]
        if any(found is not None for found in inside):
            return (x.__class__, tuple(x) if isinstance(x, dict) else None, *inside)
    if isinstance(x, MethodType):
        return Same(x.__func__), Same(x.__self__)
    return None if isinstance(x, ModuleType) and not readable(x) else Same(x)


def items_of(x: Value) -> list[object]:
    """What a container, or an array of objects, holds."""
    if isinstance(x, np.ndarray):
        return list(x.flat) if x.dtype == object else []
    return list(x.values()) if isinstance(x, dict) else list(x)


class Items:
    """The items of a large container, compared by their identity one by one: nobody looks inside of them."""

    def __init__(self, x: Value) -> None:
        self.items: tuple[object, ...] = (*(x if isinstance(x, dict) else ()), *items_of(x))

    def __hash__(self) -> int:
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Items) or len(self.items) != len(other.items):
            return False
        return all(map(is_, self.items, other.items))


class Same:
    """An object that is compared by its identity, and kept: a later object may not stand at its address."""

    def __init__(self, x: object) -> None:
        self.x: object = x

    def __hash__(self) -> int:
        return id(self.x)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.x is other.x


def readable(x: object) -> bool:
    """Whether x is an object or a module of a user's, whose attributes may be read by the code that names them."""
    if isinstance(x, ModuleType):
        return is_users(x.__name__)
    if isinstance(x, FunctionType | MethodType | partial | type) or settled(x):
        return False
    home = str(type(x).__module__).partition(".")[0]
    if home in LIBRARIES or home in FRAMEWORKS:
        return False
    return isinstance(getattr(x, "__dict__", None), dict) or bool(slots_of(x))


def slots_of(x: object) -> list[str]:
    """The names of the `__slots__` of an object of a user's class."""
    kinds = [kind for kind in type(x).__mro__ if "__slots__" in kind.__dict__ and is_users(kind.__module__)]
    return [name for kind in kinds for name, found in vars(kind).items() if type(found) is MemberDescriptorType]


def is_users(module: object) -> bool:
    """Whether a module, by its name, is neither ours, NumPy's, another framework's nor Python's own."""
    home = str(module).partition(".")[0]
    return home not in LIBRARIES and home not in FRAMEWORKS and home not in stdlib_module_names


def settled(x: object) -> bool:
    """Whether x is an object that cannot change and compares by its settings, as a layer or an optimiser does."""
    settings = getattr(x.__class__, "__dataclass_params__", None)
    if settings is None or not (settings.frozen and settings.eq) or isinstance(x, type):
        return False
    try:
        hash(x)
    except TypeError:
        return False
    return True


def is_compared(x: Array) -> bool:
    """Whether a copy of an array is kept to compare it with: of larger ones, and of views, a sum is taken."""
    whole = x.flags.c_contiguous or x.flags.f_contiguous
    return x.dtype != object and (is_fixed(x) or (x.nbytes <= LARGEST and whole))


def changed(x: Array) -> Callable[[], bool]:
    """Whether the array's shape, dtype or bytes are others than now. Of words NumPy compares many at once.

    One that nobody can write into is looked at again when somebody can.
    """
    if is_fixed(x):
        return lambda: bool(x.flags.writeable)
    shape, dtype = x.shape, x.dtype
    if x.nbytes <= FEW:
        data = x.tobytes()
        return lambda: x.tobytes() != data or x.shape != shape or x.dtype != dtype
    words = x.ravel(order="K").view(np.uint64 if x.nbytes % 8 == 0 else np.uint8)
    kept = words.copy()
    return lambda: not (words == kept).all() or x.shape != shape or x.dtype != dtype
