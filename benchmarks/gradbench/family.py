"""One problem in all libraries, as workloads: its value, and a derivative of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..workload import Make, Workload
from .libraries import BACKENDS, LIBRARIES

Problem = Callable[..., Any]  # f(library, *args)


def in_libraries(
    name: str,
    f: Problem,
    args: tuple[Any, ...],
    peers: Iterable[str],
    more: dict[str, Make] | None = None,
    **options: Any,
) -> Workload:
    """f in difflab's backends and the peers; `more` are makers for those that it cannot be written once for."""

    def maker(which: str) -> Make:
        def make() -> Any:
            library = LIBRARIES[which]()
            return library.program(partial(f, library), args)

        return make

    found = {n: maker(n) for n in [*BACKENDS, *peers]}
    return Workload(name, found.pop("difflab"), {**found, **(more or {})}, **options)


def gradient(f: Problem, argnums: Any = 0) -> Problem:
    """The value and its gradient, as each library has them."""

    def both(library: Any, *args: Any) -> Any:
        return library.value_and_grad(partial(f, library), argnums)(*args)

    return both
