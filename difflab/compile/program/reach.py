"""What a function's code can get hold of by the names in it: functions, methods, classes, objects and containers.

Code is read, never run: names of globals are those of each function; names of attributes are taken together, as any
of the code may read any of the objects. So a thing is found whichever way leads to it, and in whatever order.
What operators run (`v[0]`, a call of an object) counts where code has hold of the object itself: a closure's `self` of
which attributes are read, and nothing else, is not called.
"""

from __future__ import annotations

import sys
from collections import ChainMap, deque
from collections.abc import Iterable, Iterator, Mapping
from dis import get_instructions
from functools import cache, cached_property, partial
from keyword import iskeyword
from operator import attrgetter, methodcaller
from types import CellType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from .content import CONTAINERS, MAX_ITEMS, PLAIN, is_users, items_of, readable, settled

MOST, INSTALLED = 2_000, 100  # things that are looked at, and functions and classes of other packages among them
EMPTY = object()
READERS = frozenset(("__getattr__", "__getattribute__"))  # what runs where any attribute is read
DYNAMIC = frozenset(("getattr", "vars", "__dict__", "attrgetter"))  # with these, code reads names that it does not say
MADE = frozenset(("__new__", "__init__", "__post_init__"))
LOADS = frozenset(("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF", "LOAD_FAST", "LOAD_FAST_CHECK"))
ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "LOAD_SUPER_ATTR"))
SILENT = MADE | {  # what operators and statements do not call
    *("__repr__", "__str__", "__format__", "__del__", "__hash__", "__eq__", "__ne__", "__set__", "__delete__"),
    *("__setattr__", "__delattr__", "__setitem__", "__delitem__", "__init_subclass__", "__set_name__", "__replace__"),
    *("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__", "__getnewargs__"),
}


class Cell(NamedTuple):
    """A closure's cell. Texts are Python's, for a home of that name."""

    home: CellType
    name: str = ""

    def read(self) -> object:
        """What it holds now; EMPTY where there is nothing."""
        return held(self.home)

    def text(self, home: str) -> str:
        """An expression of what it holds."""
        return f"{home}.cell_contents"

    def appeared(self, home: str) -> str:
        """An expression of whether there is something again, where there was nothing."""
        return "True"


class Item(NamedTuple):
    """A name in a module's globals, or in a dict."""

    home: Mapping[str, object]
    name: str

    def read(self) -> object:
        return self.home.get(self.name, EMPTY)

    def text(self, home: str) -> str:
        return f"{home}[{self.name!r}]"

    def appeared(self, home: str) -> str:
        return f"{self.name!r} in {home}"


class Attribute(NamedTuple):
    """An attribute of an object, a class or a module."""

    home: object
    name: str

    def read(self) -> object:
        try:
            return getattr(self.home, self.name)
        except Exception:  # it may be a user's code that says so
            return EMPTY

    def text(self, home: str) -> str:
        plain = self.name.isascii() and self.name.isidentifier() and not iskeyword(self.name)
        return f"{home}.{self.name}" if plain else f"getattr({home}, {self.name!r})"

    def appeared(self, home: str) -> str:
        return f"hasattr({home}, {self.name!r})"


Place: TypeAlias = Cell | Item | Attribute  # where something stands that may be exchanged
Said: TypeAlias = tuple[frozenset[str], frozenset[str], frozenset[str]]
SAID: WeakKeyDictionary[CodeType, Said] = WeakKeyDictionary()  # code is read once: as much as a trace of 100 operations


class Reach:
    """The functions that may run, the places that they read, and everything that was met on the way."""

    def __init__(self, *roots: object) -> None:
        self.functions: list[Any] = []
        self.places: dict[tuple[int, str], Place] = {}
        self.met: dict[int, object] = {}
        self.names: set[str] = set()  # that code says, of attributes among them
        self.bare: set[str] = set()  # that code says of things themselves, and not of an attribute of theirs
        self.todo: deque[object] = deque(roots)
        self.in_cells: deque[tuple[str, object]] = deque()  # by the name of the cell
        self.cells: dict[int, set[str]] = {}  # the names of the cells that a thing stands in
        self.handled: set[int] = set()  # things that code gets in another way than by a cell
        self.objects: dict[int, list[object]] = {}  # of each class
        self.owners: dict[int, tuple[object, set[str]]] = {}  # what has attributes, and the names looked for in it
        self.made: set[int] = set()  # classes that code may make objects of
        self.installed: int = 0  # functions and classes of other packages
        self.by_class: list[tuple[type, Attribute]] = []  # data that code may ask a class for, instead of an object
        self.by_super: list[Attribute] = []
        while self.todo or self.in_cells or self.asked():
            if self.todo:
                self.handled.add(id(self.todo[0]))
                self.look(self.todo.popleft())
            else:
                name, x = self.in_cells.popleft()
                self.cells.setdefault(id(x), set()).add(name)
                self.look(x)
        any_class = self.names & {"type", "__class__"}
        for place in [place for kind, place in self.by_class if any_class or id(kind) in self.made]:
            self.add(place)
        for place in self.by_super if "super" in self.names else ():
            self.add(place)

    def look(self, x: Any) -> None:
        """Notes what leads on from a thing."""
        if x.__class__ in PLAIN or id(x) in self.met or len(self.met) >= MOST:
            return
        self.met[id(x)] = x
        if isinstance(x, FunctionType | type) and is_installed(str(x.__module__).partition(".")[0]):
            self.installed += 1
            if self.installed > INSTALLED:
                return
        if isinstance(x, FunctionType):
            self.function(x)
        elif isinstance(x, MethodType | partial):
            self.functions.append(x)
            if isinstance(x, MethodType):
                self.todo.append(x.__func__)
                named = isinstance(x.__func__, FunctionType) and x.__func__.__code__.co_varnames[:1]
                self.in_cells.append((named[0] if named else "", x.__self__))
                self.bare.update(() if named else ("",))
            else:
                self.todo += [x.func, *self.given([*x.args, *x.keywords.values()])]
        elif isinstance(x, attrgetter | methodcaller):  # they tell by what they are made again
            self.names.update(part for name in x.__reduce__()[1] if isinstance(name, str) for part in name.split("."))
        elif isinstance(x, type):
            self.made.add(id(x))
            self.kind(x)
            self.kind(type(x))
        else:
            self.todo += behind(x)
            if isinstance(x, (*CONTAINERS, np.ndarray)) and len(items := items_of(x)) <= MOST:
                self.todo += items if len(items) <= MAX_ITEMS else self.given(items)  # whose content is not compared
            self.objects.setdefault(id(type(x)), []).append(x)
            if readable(x) or (settled(x) and is_users(type(x).__module__)):
                self.owners[id(x)] = x, set()
            self.kind(type(x))

    def function(self, f: FunctionType) -> None:
        """What a function reads: cells, defaults, globals; of a library's only what it was given."""
        self.functions.append(f)
        self.todo += behind(f)
        ours = not is_users(f.__globals__.get("__name__", ""))
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
            if not ours:  # the cells of grad and the like never change
                self.add(Cell(cell))
                self.in_cells.append((name, held(cell)))
            else:
                self.todo.append(held(cell))
        defaults = [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        self.todo += defaults if ours else self.given(defaults)
        if ours:
            return
        names, words, bare = said_by(f.__code__)
        self.bare |= bare
        self.names |= names | words
        for name in sorted(names | words if "globals" in names else names):
            if name in f.__globals__:
                self.named(Item(f.__globals__, name))
            elif name in sys.modules:  # a function may import it
                self.todo.append(sys.modules[name])

    def given(self, values: list[object]) -> list[object]:
        """Notes what may change inside of values that are held for good."""
        for x in values:
            if isinstance(x, (*CONTAINERS, np.ndarray)):
                self.places.setdefault((id(x), ""), Item({"": x}, ""))
        return values

    def kind(self, kind: type) -> None:
        if is_users(kind.__module__):
            self.owners.setdefault(id(kind), (kind, set()))

    def asked(self) -> bool:
        """Looks for the names that have come up in everything that has attributes; whether something was found."""
        for x, known in list(self.owners.values()):
            names = self.names_for(x) - known
            known |= names
            if isinstance(x, type):
                self.of_class(x, names)
            elif names:
                self.of_object(x, names)
        return bool(self.todo)

    def names_for(self, x: object) -> set[str]:
        """The names that code may say of a thing, in words or by an operator."""
        if isinstance(x, type):
            silent = SILENT - MADE if id(x) in self.made else SILENT
            if not self.is_operated(x):
                return self.names | READERS
            return self.names | {name for base in users(x) for name in vars(base) if is_operator(base, name)} - silent
        if self.names & DYNAMIC and not isinstance(x, ModuleType):
            return self.names | {name for name in getattr(x, "__dict__", ()) if isinstance(name, str)}
        return self.names

    def is_operated(self, kind: type) -> bool:
        """Whether code may have hold of one of its objects, and not of what these have alone."""
        if id(kind) in self.made or self.names & DYNAMIC:
            return True
        objects = self.objects.get(id(kind), [])
        return any(id(x) in self.handled or self.cells.get(id(x), set()) & self.bare for x in objects)

    def of_class(self, kind: type, names: set[str]) -> None:
        """What stands in a class and in those that it inherits from."""
        for base in users(kind):
            for name in sorted(names & set(vars(base))):
                x = vars(base)[name]
                if name not in self.names:  # an operator
                    self.todo.append(x)
                elif hasattr(type(x), "__get__") and not isinstance(x, FunctionType | property | staticmethod):
                    self.named(Item(vars(base), name), base)
                elif hasattr(type(x), "__get__"):
                    self.named(Attribute(kind, name))
                    self.by_super.append(Attribute(base, name))
                else:
                    self.by_class += [(kind, Attribute(kind, name)), (base, Attribute(base, name))]
                self.todo.append(x)

    def of_object(self, x: object, names: set[str]) -> None:
        """What stands in an object or a module, and what an object has from its class."""
        space = getattr(x, "__dict__", {})
        inherited = {} if isinstance(x, ModuleType) else dict(ChainMap(*[dict(vars(base)) for base in users(type(x))]))
        for name in sorted(names & {*space, *inherited}):
            found = inherited.get(name)
            descriptor = hasattr(type(found), "__get__") and not isinstance(found, MemberDescriptorType)
            if settled(x):
                self.todo.append(space.get(name))
            elif name in space and descriptor:  # which may give something else
                self.named(Item(space, name), x)
            elif name in space or not descriptor:
                self.named(Attribute(x, name))

    def named(self, place: Place, owner: object = None) -> None:
        """Notes a place, and looks at what it holds. What a library calls by the name itself is taken to stay."""
        x = place.read()
        self.todo.append(x)
        if not (of_library(x) and callable(x) and getattr(x, "__name__", None) == place.name):
            self.add(place, owner)

    def add(self, place: Place, owner: object = None) -> None:
        self.places.setdefault((id(place.home if owner is None else owner), place.name), place)


def behind(x: Any) -> Iterator[object]:
    """What a wrapper, a property or another descriptor runs."""
    if isinstance(x, property):
        yield x.fget
    elif isinstance(x, classmethod | staticmethod):
        yield x.__func__
    elif isinstance(x, cached_property):
        yield x.func
    attributes = getattr(x, "__dict__", None)
    if isinstance(attributes, dict) and "__wrapped__" in attributes:
        yield attributes["__wrapped__"]


def users(kind: type) -> list[type]:
    """A class and those that it inherits from, without Python's own and those of libraries."""
    return [base for base in kind.__mro__ if is_users(base.__module__)]


def is_operator(kind: type, name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and hasattr(type(vars(kind)[name]), "__get__")


@cache
def is_installed(package: str) -> bool:
    """Whether a package, by its name, is another's that was installed."""
    file = str(getattr(sys.modules.get(package), "__file__", None) or "")
    return "site-packages" in file or "dist-packages" in file


def of_library(x: object) -> bool:
    """Whether a function or class is NumPy's, ours or Python's own."""
    return not is_users(getattr(x, "__module__", None) or "builtins")


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


def said_by(code: CodeType) -> Said:
    """The names in a function's code, the strings in it that could be names, as in `getattr(x, "rate")`, and the names
    of variables around it that stand alone somewhere, without an attribute behind them.
    """
    if (known := SAID.get(code)) is None:
        known = SAID[code] = read_names(code)
    return known


def read_names(code: CodeType) -> Said:
    names, words, bare = set(code.co_names), set[str](), alone(code)
    todo: list[Iterable[object]] = [code.co_consts]
    for constants in todo:
        for x in constants:
            if isinstance(x, CodeType):
                names |= set(x.co_names)
                bare |= alone(x)
                todo.append(x.co_consts)
            elif isinstance(x, tuple | frozenset):
                todo.append(x)
            elif isinstance(x, str) and x.isidentifier():
                words.add(x)
    return frozenset(names), frozenset(words), frozenset(bare)


def alone(code: CodeType) -> set[str]:
    """The names that are loaded and not followed by an attribute of theirs."""
    steps = [step for step in get_instructions(code) if step.opname != "CACHE"]
    return {
        str(step.argval)
        for step, behind in zip(steps, [*steps[1:], None])
        if step.opname in LOADS and (behind is None or behind.opname not in ATTRIBUTES)
    }
