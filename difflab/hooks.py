"""What is called in one room and done in a room above it, without an import that goes up."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
FILLERS: dict[str, str] = {}  # which file fills which hook: told by the package's `__init__`, which knows all rooms


class Hook(Generic[P, R]):
    """A function whose signature stands below and whose body stands above, in a file that hands it over by `fill`.

    The file is imported when the hook is first called, if FILLERS names it and nothing has imported it by then.
    `fill` is a statement, and no decorator: what it is given keeps its own signature, which may be wider.

    >>> NORM: Hook[[list[float]], float] = Hook("norm")
    >>> NORM.fill(lambda x: sum(e * e for e in x) ** 0.5)
    >>> NORM([3.0, 4.0])
    5.0
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.filler: Callable[P, R] | None = None

    def fill(self, filler: Callable[P, R]) -> None:
        """Says what a call does from now on."""
        self.filler = filler

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.filler is None and self.name in FILLERS:
            import_module(FILLERS[self.name])
        assert self.filler is not None, f"nothing fills the hook {self.name!r}"
        return self.filler(*args, **kwargs)
