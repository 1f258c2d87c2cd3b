"""What a grid is before it is solved, cell by cell: rewards, jumps, where episodes begin; read from the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..draw.text import number
from .process import MDP
from .types import Floats

if TYPE_CHECKING:
    from .grids import Grid

MOST_STATES = 500  # up to which the rewards of entering are sought: they are a system of equations in the states
ENTERING, LEAVING = "reward of entering the cell", "reward of leaving the cell, from least to most"


def rewards_told(process: MDP, grid: Grid) -> tuple[list[str], str]:
    """A text for each cell, and what it says: the reward of entering where that explains all, else of leaving."""
    entered = entering(process) if grid.states is None and process.n_states <= MOST_STATES else None
    cells = range(grid.shape[0] * grid.shape[1])
    if entered is None:
        return [leaving(process, grid.state_of(c)) for c in cells], LEAVING
    return ["" if np.isnan(entered[c]) else number(round(entered[c], 9)) for c in cells], ENTERING


def entering(process: MDP) -> Floats | None:
    """The reward (S,) of coming into each state, nan where nobody comes; None where rewards do not follow from that.

    An expected reward is the sum of them by the probabilities of where the action leads: R = P e.
    """
    goes_on = np.diff(process.transitions.indptr) > 0  # not in an end
    P, R = process.transitions[goes_on], process.rewards[goes_on]
    if not P.shape[0] or not np.isfinite(R).all():
        return None
    seen = np.unique(P.indices[P.data > 0])
    try:
        factor = np.linalg.cholesky((P.T @ P).toarray()[np.ix_(seen, seen)])
    except np.linalg.LinAlgError:
        return None
    if np.diag(factor).min() < 1e-5:  # several rewards explain the same process
        return None
    told = np.full(process.n_states, np.nan)
    told[seen] = np.linalg.solve(factor.T, np.linalg.solve(factor, (P.T @ R)[seen]))
    misses = np.abs(P[:, seen] @ told[seen] - R).max()
    return told if misses <= 1e-9 * max(1.0, np.abs(R).max()) else None


def leaving(process: MDP, state: int) -> str:
    """The least and the greatest reward of a state's actions; nothing for an end."""
    if state >= process.n_states or process.terminal[state]:
        return ""
    found = process.rewards[process.starts[state] : process.starts[state + 1]]
    found = found[np.isfinite(found)]
    if not found.size:
        return ""
    low, high = number(float(found.min())), number(float(found.max()))
    return low if low == high else f"{low} to {high}"


def jumps(process: MDP, grid: Grid) -> dict[int, str]:
    """Cells that every action leaves for one and the same cell, which is no neighbour: "to (4, 1)"."""
    found, (rows, columns) = {}, grid.shape
    for c in grid.open_cells:
        s = grid.state_of(c)
        if s >= process.n_states or process.terminal[s]:
            continue
        P = process.transitions[process.starts[s] : process.starts[s + 1]]
        targets = grid.cells_of(np.unique(P.indices[P.data > 0]))
        if len(targets) == 1 and 0 <= (t := int(targets[0])) < rows * columns:
            (i, j), (k, n) = divmod(c, columns), divmod(t, columns)
            if abs(i - k) + abs(j - n) > 1:
                found[c] = f"to ({k}, {n})"
    return found


def begins(process: MDP, grid: Grid) -> dict[int, str]:
    """The cells where episodes begin; none where that may be anywhere, or in most of them."""
    if process.start is None:
        return {}
    found = {int(c) for c in grid.cells_of(np.flatnonzero(process.start)) if c >= 0}
    return dict.fromkeys(found, "start") if 2 * len(found) <= len(grid.open_cells) else {}


def words(process: MDP, grid: Grid) -> dict[int, str]:
    """What stands in the cells in words; the grid's own come first."""
    ends = dict.fromkeys(grid.terminals, "end")
    found = {**begins(process, grid), **jumps(process, grid), **ends, **grid.words}
    first = {c: f"start, {w}" for c, w in jumps(process, grid).items() if c in begins(process, grid)}
    return {**found, **first}
