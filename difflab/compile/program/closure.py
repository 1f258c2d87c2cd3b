"""What a function reads besides its arguments: it is baked into a program, so it chooses the program.

Numbers, strings, arrays, frozen dataclasses, and containers of them are seen in closure cells, in the module's globals,
in what arguments are given by default or by `partial`, and in the attributes of the objects and classes that the code
can get hold of (`reach.py`), those of the functions and methods that it calls included. What the function changes
itself while it is traced is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from dis import get_instructions
from types import CodeType, FunctionType

import numpy as np

from ...types import Function
from .content import CONTAINERS, PLAIN, changed, content, is_compared
from .reach import EMPTY, Cell, Item, Place, Reach

MOST_GIVEN = 256  # as many as a program keeps kinds of arguments
MANY = 4  # times as many places as can be reached now: the others are forgotten then
NOTHING = Item({}, "")  # where a place is left out: nothing to see


class Captured:
    """The places that a function reads from; `key()` is their present content."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self.given: deque[object] = deque(maxlen=MOST_GIVEN)
        self.places: dict[tuple[int, str], Place] = {}
        self.left_out: list[Place] = []  # kept, so that nothing else gets their addresses
        self.renew()

    def also(self, given: Iterable[object]) -> None:
        """Looks into what is handed to the function as it is, as objects and functions may be."""
        new = [x for x in given if x.__class__ not in PLAIN and not any(x is y for y in self.given)]
        if new:
            self.given += new
            self.renew()

    def renew(self) -> None:
        """Looks again where the function reads: another object or function may stand where it reads now."""
        reach = Reach(self.f, *self.given)
        self.functions: list[Function] = reach.functions
        self.met: list[object] = list(reach.met.values())
        places = reach.places | self.places if self.places else reach.places
        if len(places) > MANY * len(reach.places) + 100:
            places = {name: places[name] for name in reach.places}
        self.places = places  # a new one: other threads may be reading the old one

    def reach(self) -> tuple[list[Function], list[object]]:
        """The functions that run, and all that they can get hold of, defaults of arguments among it."""
        return self.functions, self.met

    def key(self) -> tuple[Hashable, ...]:
        """The content of all places, in a form that can be compared and hashed."""
        return tuple([content(place.read()) for place in self.places.values()])

    def leave_out(self, before: tuple[Hashable, ...]) -> None:
        """Forgets what the function itself has changed since `before` was the key: a counter, a list that grows.

        What the code cannot have changed, another thread has: that stays.
        """
        now = self.key()
        if now == before:
            return
        stored = {name for f in self.functions if isinstance(f, FunctionType) for name in stores(f.__code__)}
        places = dict(self.places)
        for (key, place), was, then in zip(self.places.items(), before, now):
            by_name = bool(stored) if isinstance(place, Cell) else place.name in stored
            if was != then and (by_name or isinstance(place.read(), CONTAINERS)):
                self.left_out.append(place)
                places[key] = NOTHING
        self.places = places

    def checks(self) -> dict[str, tuple[tuple[str, object], ...]] | None:
        """What to ask before the program of the present content is used again: conditions that are true, or cannot be
        asked, where something has changed, each with the names and objects that it stands on. None where that takes
        long.
        """
        found: dict[str, tuple[tuple[str, object], ...]] = {}
        for k, place in enumerate(self.places.values()):
            x, read, there = place.read(), place.text(f"_place{k}"), (f"_place{k}", place.home)
            if place is NOTHING:
                continue
            if isinstance(x, np.ndarray) and x.dtype != object:
                if not is_compared(x):
                    return None
                found[f"{read} is not _was{k} or _changed{k}()"] = there, (f"_was{k}", x), (f"_changed{k}", changed(x))
            elif x is EMPTY:
                found[place.appeared(f"_place{k}")] = (there,)
            elif (inside := content(x)) is None:
                continue
            elif isinstance(x, (*CONTAINERS, np.ndarray)):
                found[f"_content({read}) != _was{k}"] = there, (f"_was{k}", inside), ("_content", content)
            else:
                found[f"{read} is not _was{k}"] = there, (f"_was{k}", x)
        return found


def stores(code: CodeType) -> Iterator[str]:
    """The names of globals, attributes and variables around it that a function's code assigns to."""
    for step in get_instructions(code):
        if step.opname in ("STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF"):
            yield str(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from stores(inner)
