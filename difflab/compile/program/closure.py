"""What a function reads besides its arguments: it is baked into a program, so it chooses the program.

Numbers, strings, arrays, frozen dataclasses, and tuples, lists and dicts of them are seen in closure cells, in the
module's globals, and in the attributes that the code names of the objects found there and of a method's own; also those
of the functions and methods that the function calls. What it changes itself while it is traced is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from dis import get_instructions
from functools import partial
from inspect import getattr_static
from operator import is_
from sys import stdlib_module_names
from types import CellType, CodeType, FunctionType, MethodType, ModuleType

import numpy as np

from ...graph.snapshots import is_fixed
from ...types import Array, Function, Value

PLAIN = frozenset((int, float, bool, str, complex, type(None)))
MAX_FUNCTIONS = 100
MAX_ITEMS = 200  # of a container that are looked into before a call
LARGEST, FEW = 1 << 22, 1 << 12  # bytes of an array that is compared with a copy, and of one whose bytes are
MAX_DEPTH = 4  # of containers in containers, and of objects in objects
LIBRARIES = ("difflab", "numpy", "scipy")
EMPTY = object()
CONTAINERS = (tuple, list, dict)
RUNS_NOTHING: frozenset[object] = PLAIN | {
    *CONTAINERS,
    np.ndarray,
    np.float64,
    np.ufunc,
    ModuleType,
}  # no code of anybody's behind them
NO_CELL, NO_SPACE = CellType(object()), ({"": object()}, "")  # in the places of those that are left out: nothing to see


class Captured:
    """The places that a function reads from; `key()` is their present content."""

    def __init__(self, f: Function) -> None:
        self.functions: list[Function] = []
        self.cells: list[CellType] = []
        self.spaces: list[tuple[dict[str, object], str]] = []  # globals and attributes: where they stand, and the name
        self._looked_at: set[int] = set()
        self._known: set[object] = set()
        self.f = f
        self.renew()

    def renew(self) -> None:
        """Looks again where the function reads: another object or function may stand where it reads now."""
        self._looked_at.clear()
        self.functions.clear()
        self._collect(self.f, set())

    def _add(self, space: dict[str, object], name: str) -> None:
        if (id(space), name) not in self._known:
            self._known.add((id(space), name))
            self.spaces.append((space, name))

    def _collect(self, f: object, seen: set[int]) -> None:
        if f.__class__ in RUNS_NOTHING or id(f) in seen or len(seen) > MAX_FUNCTIONS:
            return
        seen.add(id(f))
        if isinstance(wrapped := getattr(f, "__wrapped__", None), FunctionType):
            self._collect(wrapped, seen)
        if isinstance(f, MethodType | partial):
            self.functions.append(f)
        if (inner := behind(f)) is not None:
            self._collect(inner, seen)
            self._attributes(f.__self__ if isinstance(f, MethodType) else f, names_behind(inner), seen)
        if not isinstance(f, FunctionType):
            return
        self.functions.append(f)
        ours = str(f.__globals__.get("__name__", "")).partition(".")[0] in LIBRARIES
        found = [*self._read_cells(f.__closure__ or (), ours), *(f.__defaults__ or ())]
        if not ours:
            names = set(names_of(f.__code__))
            for name in sorted(names & set(f.__globals__)):
                self._add(f.__globals__, name)
                found.append(f.__globals__[name])
            for x in found:
                self._attributes(x, names, seen)
        for x in found:
            self._collect(x, seen)

    def _attributes(self, x: object, names: set[str], seen: set[int], depth: int = 0) -> None:
        """Notes what code that says these names reads from an object: attributes, and what its methods read of it."""
        if depth > MAX_DEPTH or id(x) in self._looked_at or not readable(x):
            return
        self._looked_at.add(id(x))
        if not isinstance(x, ModuleType):
            names = self._methods(type(x), names, seen)
        space = vars(x)
        for name in sorted(names & set(space)):
            self._add(space, name)
            self._collect(space[name], seen)
            self._attributes(space[name], names, seen, depth + 1)

    def _methods(self, kind: type, names: set[str], seen: set[int]) -> set[str]:
        """The names, and those that the methods and properties of these names say themselves."""
        known, todo = set(names), list(names)
        while todo:
            found = getattr_static(kind, todo.pop(), None)
            found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
            if isinstance(found, FunctionType):
                self._collect(found, seen)
                new = set(names_of(found.__code__)) - known
                known |= new
                todo += new
        return known

    def _read_cells(self, cells: Iterable[CellType], ours: bool) -> Iterator[object]:
        for cell in cells:
            if not ours and id(cell) not in self._known:  # the cells of grad and the like never change
                self._known.add(id(cell))
                self.cells.append(cell)
            yield held(cell)

    def reach(self) -> tuple[list[Function], list[object]]:
        """The functions that run, and the present content of all places, defaults of arguments among them."""
        found = [held(cell) for cell in self.cells]
        for f in self.functions:
            found += [*(getattr(f, "__defaults__", None) or ()), *(getattr(f, "__kwdefaults__", None) or {}).values()]
        return self.functions, [*found, *(space.get(name) for space, name in self.spaces)]

    def key(self) -> tuple[Hashable, ...]:
        """The content of all places, in a form that can be compared and hashed."""
        places = [*map(held, self.cells), *[space.get(name) for space, name in self.spaces]]
        return tuple([content(x) for x in places])

    def leave_out(self, before: tuple[Hashable, ...]) -> None:
        """Forgets what the function itself has changed since `before` was the key: a counter, a list that grows.

        What the code cannot have changed, another thread has: that stays.
        """
        now = self.key()
        if now == before:
            return
        stored = {name for f in self.functions for name in stores(code_of(f))}
        count = len(self.cells)
        for k, (was, then) in enumerate(zip(before, now)):
            if was == then:
                continue
            if k < count:
                if stored or isinstance(held(self.cells[k]), CONTAINERS):
                    self.cells[k] = NO_CELL
            else:
                space, name = self.spaces[k - count]
                if name in stored or isinstance(space.get(name), CONTAINERS):
                    self.spaces[k - count] = NO_SPACE

    def checks(self) -> dict[str, tuple[tuple[str, object], ...]] | None:
        """What to ask before the program of the present content is used again: conditions that are true where something
        has changed, each with the names and objects that it stands on. None where that cannot be asked quickly.
        """
        places: list[tuple[str, object, object]] = [("cell_contents", cell, held(cell)) for cell in self.cells]
        places += [(name, space, space.get(name)) for space, name in self.spaces]
        found: dict[str, tuple[tuple[str, object], ...]] = {}
        for k, (name, place, x) in enumerate(places):
            read = f"_place{k}.cell_contents" if name == "cell_contents" else f"_place{k}.get({name!r})"
            there = (f"_place{k}", place)
            if isinstance(x, np.ndarray):
                if not is_compared(x):
                    return None
                found[f"{read} is not _was{k} or _changed{k}()"] = there, (f"_was{k}", x), (f"_changed{k}", changed(x))
            elif x is EMPTY:
                return None
            elif isinstance(x, CONTAINERS):
                if (inside := content(x)) is not None:
                    found[f"_content({read}) != _was{k}"] = there, (f"_was{k}", inside), ("_content", content)
            elif x.__class__ in PLAIN or isinstance(x, FunctionType | np.generic) or settled(x) or readable(x):
                found[f"{read} is not _was{k}"] = there, (f"_was{k}", x)
        return found


class Items:
    """The items of a large container, compared by their identity one by one: nobody looks inside of them."""

    def __init__(self, x: Value) -> None:
        self.items: tuple[object, ...] = (*x, *x.values()) if isinstance(x, dict) else tuple(x)

    def __hash__(self) -> int:
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Items) or len(self.items) != len(other.items):
            return False
        return all(map(is_, self.items, other.items))


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
        home = x.__name__.partition(".")[0]
        return home not in LIBRARIES and home not in stdlib_module_names
    if isinstance(x, FunctionType | MethodType | partial | type) or settled(x):
        return False
    return bool(getattr(x, "__dict__", None)) and type(x).__module__.partition(".")[0] not in LIBRARIES


def names_behind(f: object) -> set[str]:
    return set(names_of(f.__code__)) if isinstance(f, FunctionType) else set()


def behind(f: object) -> object:
    """The function that a method, a partial application or an object with `__call__` runs; else None."""
    if isinstance(f, MethodType):
        return f.__func__
    if isinstance(f, partial):
        return f.func
    for kind in type(f).__mro__:
        if "__call__" in kind.__dict__:
            call = kind.__dict__["__call__"]
            return call if isinstance(call, FunctionType) else None
    return None


def held(cell: CellType) -> object:
    """What a closure's cell holds; EMPTY where nothing has been assigned yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return EMPTY


def names_of(code: CodeType) -> Iterator[str]:
    """The global names in a function's code, inner functions included."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from names_of(inner)


def code_of(f: object) -> CodeType | None:
    code = getattr(f if isinstance(f, FunctionType) else behind(f), "__code__", None)
    return code if isinstance(code, CodeType) else None


def stores(code: CodeType | None) -> Iterator[str]:
    """The names of globals, attributes and variables around it that a function's code assigns to."""
    if code is None:
        return
    for step in get_instructions(code):
        if step.opname in ("STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF"):
            yield str(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from stores(inner)


def content(x: object, depth: int = 0) -> Hashable:
    """What decides about equality: the value of a number, the bytes of an array, the identity of a function.

    Of a tuple, a list or a dict what is so in its items; None where nothing is.
    """
    if x.__class__ in PLAIN:
        return x.__class__, repr(x) if x.__class__ is float else x
    if isinstance(x, np.ndarray | np.generic) and x.dtype != object:
        data = np.ascontiguousarray(x)
        return x.shape, x.dtype.str, data.tobytes() if data.nbytes <= 4096 else zlib.crc32(data.data)
    if settled(x):
        return x
    if isinstance(x, FunctionType) or readable(x):
        return Same(x)
    if isinstance(x, CONTAINERS) and depth < MAX_DEPTH:
        if len(x) > MAX_ITEMS:
            return Items(x)
        items = list(x.values()) if isinstance(x, dict) else list(x)
        inside = [content(e, depth + 1) for e in items]
        if any(found is not None for found in inside):
            return (x.__class__, tuple(x) if isinstance(x, dict) else None, *inside)
    return None


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
