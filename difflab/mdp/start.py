"""Where episodes begin: a state, or a distribution of S0 over the states."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np

from ..errors import InputError, ShapeError
from ..types import Value
from .checks import floats, whole
from .process import DISTRIBUTION, MDP
from .types import Floats, Start

SUM_ERROR = 1e-8  # how far the probabilities may sum from 1
FORMS = "a state, probabilities (S,), or a dict of state: probability"


def starting_in(process: MDP, start: Start) -> MDP:
    """The process with its own distribution of S0, checked; without one where start is None."""
    return process if start is None else replace(process, start=distribution(process, start, "mdp"))


def distribution(process: MDP, start: Start, what: str) -> Floats:
    """The probabilities (S,) of S0. None means the process's own, or all states that are not terminal alike.

    Raises InputError where they are no probabilities, or give some to a terminal state: nothing begins there.
    """
    if start is None:
        return anywhere(process, what) if process.start is None else process.start
    if isinstance(start, Mapping):
        found = np.zeros(process.n_states)
        for place, p in start.items():
            found[place_of(process, place, what)] += probability(p, f"{what}: the start in {place!r}")
    elif is_place(process, start):
        found = np.zeros(process.n_states)
        found[place_of(process, start, what)] = 1.0
    else:
        found = floats(start, f"{what}: start ({FORMS})")
        grid = None if process.layout is None or process.layout.states else process.layout.shape
        if found.shape not in ((process.n_states,), grid):
            raise ShapeError(f"{what}: start has shape {found.shape} for {process.n_states} states; give {FORMS}")
        found = np.resize(found, process.n_states) if found.ndim == 2 else found
    return checked(process, found, what)


def checked(process: MDP, found: Floats, what: str) -> Floats:
    bad = np.flatnonzero(~(found >= 0) | ~np.isfinite(found))
    if len(bad):
        raise InputError(
            f"{what}: start gives state {named(process, bad[0])} the probability {found[bad[0]]:g}; probabilities are "
            "numbers from 0 to 1"
        )
    total = float(found.sum())
    if not abs(total - 1) <= SUM_ERROR:
        raise InputError(f"{what}: the probabilities of start sum to {total:.12g}, they must sum to 1")
    ends = np.flatnonzero((found > 0) & process.terminal)
    if len(ends):
        raise InputError(
            f"{what}: start gives the terminal state {named(process, ends[0])} the probability {found[ends[0]]:g}; an "
            "episode begins where something follows"
        )
    return found / total


def anywhere(process: MDP, what: str) -> Floats:
    alive = ~process.terminal
    if not alive.any():
        raise InputError(f"{what}: every state is terminal")
    return alive / float(alive.sum())


def is_place(process: MDP, start: Value) -> bool:
    """Whether `start` is one state: a number, a state's name, a cell of the grid."""
    if isinstance(start, Mapping):
        return False
    if isinstance(start, str) or (np.ndim(start) == 0 and not isinstance(start, np.ndarray)):
        return True
    if not isinstance(start, tuple):
        return False
    named = process.state_names is not None and hashable(start) and start in process.state_names
    return named or (process.layout is not None and len(start) == 2 and all(isinstance(x, int) for x in start))


def place_of(process: MDP, place: Value, what: str) -> int:
    """The number of the state that a number, a name, or a cell of a grid means."""
    names = process.state_names
    if names is not None and hashable(place):
        try:
            return list(names).index(place)
        except ValueError:
            if not isinstance(place, int | np.integer):
                raise InputError(f"{what}: start={place!r} is not among the states") from None
    grid = getattr(process.layout, "shape", None)
    if grid is not None and isinstance(place, tuple) and len(place) == 2:
        i, j = (whole(x, f"{what}: start, a coordinate of its cell") for x in place)
        if i >= grid[0] or j >= grid[1]:
            raise InputError(f"{what}: start={place} is outside the grid of shape {grid}; cells count from (0, 0)")
        return int(process.layout.state_of(i * int(grid[1]) + j))
    state = whole(place, f"{what}: start")
    if state >= process.n_states:
        raise InputError(f"{what}: start={state} of {process.n_states} states; they are counted from 0")
    return state


def probability(x: Value, what: str) -> float:
    found = floats(x, what)
    if found.shape:
        raise ShapeError(f"{what} has the probability {x!r}; it is one number")
    return float(found)


def hashable(x: object) -> bool:
    return isinstance(x, Hashable)


def named(process: MDP, state: Value) -> Value:
    return int(state) if process.state_names is None else repr(process.state_names[state])


DISTRIBUTION.fill(distribution)
