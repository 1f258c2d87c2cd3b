"""The maps of gymnasium's text environments: FrozenLake, CliffWalking and Taxi as grids, drawn like a gridworld.

A state's cell, and the directions of the actions, are read from the environment and its table, not from its name.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..types import Array, Value
from .grids import STEPS, Grid
from .process import MDP
from .types import Integers

WORDS = {"S": "start", "G": "goal", "H": "hole"}
SEATS, PLACES = 5, 4  # of the taxi: where the passenger may be (four places and the taxi), where they may want to go
LETTERS = ("R", "G", "Y", "B", "taxi")


def layout_of(env: Value, process: MDP) -> Grid | None:
    """The map of an environment, or None where it has none that is known."""
    env = getattr(env, "unwrapped", env)
    desc = getattr(env, "desc", None)
    cliff, shape = getattr(env, "_cliff", None), getattr(env, "shape", None)
    if isinstance(desc, np.ndarray) and desc.ndim == 2 and desc.dtype.kind in "SU":
        text = np.char.decode(desc) if desc.dtype.kind == "S" else desc
        if text.size <= process.n_states <= text.size + 1:
            return lettered(process, text)
        if hasattr(env, "locs") and process.n_states >= ((text.shape[0] - 2) * (text.shape[1] // 2)) * SEATS * PLACES:
            return taxi(process, text, passenger="Y", destination="G")
    if isinstance(cliff, np.ndarray) and shape == cliff.shape and cliff.size <= process.n_states <= cliff.size + 1:
        return cliffs(process, cliff, int(getattr(env, "start_state_index", -1)))
    return None


def directions(process: MDP, cells: Integers, shape: tuple[int, int]) -> tuple[tuple[int, int] | None, ...]:
    """The direction (down, right) of each action, None for one that stays.

    Of the steps that lead one cell on: how likely they go a way where there is a cell, less how likely the opposite
    one. On a slippery lake an action goes aside as often as on, and never back.
    """
    P = process.transitions
    row = np.repeat(np.arange(process.n_pairs), np.diff(P.indptr))
    here, there = (np.stack(np.divmod(c, shape[1])) for c in (cells[process.states[row]], cells[P.indices]))
    action, seen = process.actions[row], (cells[process.states[row]] >= 0) & (cells[P.indices] >= 0)

    def often(a: int, way: tuple[int, int]) -> float:
        ahead = here + np.array(way)[:, None]
        open_ = seen & (action == a) & ((ahead >= 0) & (ahead < np.array(shape)[:, None])).all(axis=0)
        possible, gone = float(P.data[open_].sum()), float(P.data[open_ & (there == ahead).all(axis=0)].sum())
        return gone / possible if possible else 0.0

    found = []
    for a in range(process.n_actions):
        scores = {way: often(a, way) - often(a, (-way[0], -way[1])) for way in STEPS}
        best = max(scores, key=lambda way: scores[way])
        found.append(best if scores[best] > 1e-9 else None)
    return tuple(found)


def lettered(process: MDP, text: NDArray[np.str_]) -> Grid:
    """A map of letters: S, F, H and G of FrozenLake."""
    cells, letters = numbered(process, text.size), {c: WORDS[x] for c, x in enumerate(text.flat) if x in WORDS}
    ends = frozenset(c for c in range(text.size) if process.terminal[c])
    steps = directions(process, np.array(cells), text.shape)
    return Grid(text.shape, frozenset(), ends, cells=cells, steps=steps, words=letters)


def cliffs(process: MDP, cliff: Array, start: int) -> Grid:
    """CliffWalking: nobody stands in the cliff, whoever steps into it begins anew."""
    cells, walls = numbered(process, cliff.size), frozenset(np.flatnonzero(cliff).tolist())
    ends = frozenset(c for c in range(cliff.size) if process.terminal[c])
    words = {**dict.fromkeys(walls, "cliff"), **dict.fromkeys(ends, "goal"), start: "start"}
    steps = directions(process, np.array(cells), cliff.shape)
    return Grid(cliff.shape, walls, ends, cells=cells, steps=steps, words={c: w for c, w in words.items() if c >= 0})


def numbered(process: MDP, size: int) -> tuple[int, ...]:
    """Cells that have their states' numbers; an end behind the others has none."""
    return tuple(s if s < size else -1 for s in range(process.n_states))


def taxi(process: MDP, text: NDArray[np.str_], passenger: str, destination: str) -> Grid:
    """The taxi's city while the passenger is in one place (or in the taxi) and wants to go to another."""
    rows, columns = text.shape[0] - 2, text.shape[1] // 2
    size, (seat, goal) = rows * columns, (LETTERS.index(passenger), LETTERS.index(destination))
    inside = text[1:-1, 1::2]  # what stands in the cells; between two of them is a ":" or a "|"
    barriers = {
        (i * columns + j, i * columns + j + 1)
        for i in range(rows)
        for j in range(columns - 1)
        if text[i + 1, 2 * j + 2] == "|"
    }
    words = {int(c): str(x) for c, x in enumerate(inside.flat) if x.strip()}
    told = {LETTERS[goal]: "to", LETTERS[seat]: "from"}
    words = {c: f"{told[x]} {x}" if x in told else x for c, x in words.items()}
    per_cell = SEATS * PLACES
    cells = tuple(s // per_cell if s < size * per_cell else -1 for s in range(process.n_states))
    states = tuple(per_cell * c + PLACES * seat + goal for c in range(size))
    where = "in the taxi" if passenger == "taxi" else f"at {passenger}"
    return Grid(
        (rows, columns),
        frozenset(),
        frozenset(),
        states,
        cells,
        directions(process, np.array(cells), (rows, columns)),
        words,
        frozenset(barriers),
        f"passenger {where}, to {destination}",
    )


def taxi_map(process: MDP, passenger: str = "Y", destination: str = "G") -> MDP:
    """The same taxi process, drawn while its passenger waits at R, G, Y or B, or is in the "taxi".

    Raises InputError for a process that is not gymnasium's Taxi and for places that it does not have.
    """
    grid = getattr(process, "layout", None)
    if not isinstance(grid, Grid) or grid.states is None:
        raise InputError(f"taxi_map: {process!r} has no map of a taxi; it is for MDP.from_gymnasium of Taxi")
    for what, given, known in (("passenger", passenger, LETTERS), ("destination", destination, LETTERS[:-1])):
        if given not in known:
            raise InputError(f"taxi_map: {what}={given!r}; it is one of {', '.join(known)}")
    text = np.full((grid.shape[0] + 2, 2 * grid.shape[1] + 1), " ", dtype="<U1")
    for c, word in grid.words.items():
        i, j = divmod(c, grid.shape[1])
        text[i + 1, 2 * j + 1] = word[-1]
    for c, _ in grid.barriers:
        i, j = divmod(c, grid.shape[1])
        text[i + 1, 2 * j + 2] = "|"
    return replace(process, layout=taxi(process, text, passenger, destination))
