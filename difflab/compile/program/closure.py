"""What a function reads besides its arguments: it is baked into a program, so it chooses the program.

Numbers, strings, arrays and frozen dataclasses in closure cells and in the module's globals are seen, also those of the
functions that the function calls. Attributes of objects and items of containers are not: pass them as arguments.
"""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Iterable, Iterator
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType

import numpy as np

from ...types import Function

PLAIN = frozenset((int, float, bool, str, complex, type(None)))
MAX_FUNCTIONS = 100
LIBRARIES = ("difflab", "numpy", "scipy")
EMPTY = object()


class Captured:
    """The places that a function reads from; `key()` is their present content."""

    def __init__(self, f: Function) -> None:
        self.functions: list[Function] = []
        self.cells: list[CellType] = []
        self.globals: list[tuple[dict[str, object], str]] = []
        self._collect(f, set())

    def _collect(self, f: object, seen: set[int]) -> None:
        if id(f) in seen or len(seen) > MAX_FUNCTIONS:
            return
        seen.add(id(f))
        if isinstance(wrapped := getattr(f, "__wrapped__", None), FunctionType):
            self._collect(wrapped, seen)
        if isinstance(f, MethodType | partial):
            self.functions.append(f)
        if not isinstance(f, FunctionType):
            return
        self.functions.append(f)
        ours = str(f.__globals__.get("__name__", "")).partition(".")[0] in LIBRARIES
        found = [*self._read_cells(f.__closure__ or (), ours), *(f.__defaults__ or ())]
        if not ours:
            for name in set(names_of(f.__code__)) & set(f.__globals__):
                self.globals.append((f.__globals__, name))
                found.append(f.__globals__[name])
        for x in found:
            self._collect(x, seen)

    def _read_cells(self, cells: Iterable[CellType], ours: bool) -> Iterator[object]:
        for cell in cells:
            if not ours:  # the cells of grad and the like never change
                self.cells.append(cell)
            yield held(cell)

    def reach(self) -> tuple[list[Function], list[object]]:
        """The functions that run, and the present content of all places, defaults of arguments among them."""
        found = [held(cell) for cell in self.cells]
        for f in self.functions:
            found += [*(getattr(f, "__defaults__", None) or ()), *(getattr(f, "__kwdefaults__", None) or {}).values()]
        return self.functions, [*found, *(space.get(name) for space, name in self.globals)]

    def key(self) -> tuple[Hashable, ...]:
        """The content of all places, in a form that can be compared and hashed."""
        places = [*map(held, self.cells), *(space.get(name) for space, name in self.globals)]
        return tuple(map(content, places))

    def checks(self) -> dict[str, tuple[tuple[str, object], ...]] | None:
        """What to ask before the program of the present content is used again: conditions that are true where something
        has changed, each with the name and the object that it stands on. None where that cannot be asked quickly.
        """
        places: list[tuple[str, object, object]] = [("cell_contents", cell, held(cell)) for cell in self.cells]
        places += [(name, space, space.get(name)) for space, name in self.globals]
        found: dict[str, tuple[tuple[str, object], ...]] = {}
        for k, (name, place, x) in enumerate(places):
            if isinstance(x, np.ndarray | np.generic) or x is EMPTY:
                return None
            if x.__class__ in PLAIN or isinstance(x, FunctionType) or settled(x):
                read = f"_place{k}.cell_contents" if name == "cell_contents" else f"_place{k}.get({name!r})"
                found[f"{read} is not _was{k}"] = ((f"_place{k}", place), (f"_was{k}", x))
        return found


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


def content(x: object) -> Hashable:
    """What decides about equality: the value of a number, the bytes of an array, the identity of a function."""
    if x.__class__ in PLAIN:
        return x.__class__, repr(x) if x.__class__ is float else x
    if isinstance(x, np.ndarray | np.generic) and x.dtype != object:
        data = np.ascontiguousarray(x)
        return x.shape, x.dtype.str, data.tobytes() if data.nbytes <= 4096 else zlib.crc32(data.data)
    if settled(x):
        return x
    return id(x) if isinstance(x, FunctionType) else None


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
