"""Gridworlds: states are cells, actions are the four directions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, ShapeError
from ..types import Array, Value
from .build import assemble
from .checks import floats
from .process import MDP
from .types import Flags, Floats, Integers, Rows, Start

DIRECTIONS = ("up", "right", "down", "left")
MOST_CELLS = 100_000_000
STEPS = ((-1, 0), (0, 1), (1, 0), (0, -1))


@dataclass(frozen=True)
class Grid:
    """How states lie in the plane: `shape` is (rows, columns), cell c is divmod(c, columns).

    `walls` and `terminals` are cells. `states` has the state of each cell where that is not the cell's own number (a
    slice of a larger process), and `cells` the cell of each state, -1 for none. `steps` is the direction (down, right)
    of each action, None for one that stays. `words` stands in cells, `barriers` between two of them.
    """

    shape: tuple[int, int]
    walls: frozenset[int]
    terminals: frozenset[int]
    states: tuple[int, ...] | None = None
    cells: tuple[int, ...] | None = None
    steps: tuple[tuple[int, int] | None, ...] = STEPS
    words: Mapping[int, str] = field(default_factory=dict)
    barriers: frozenset[tuple[int, int]] = frozenset()
    title: str = ""

    def of_cells(self, x: Array) -> Array:
        """What states have (S, ...), for each cell."""
        return x if self.states is None else x[list(self.states)]

    def state_of(self, cell: int) -> int:
        return cell if self.states is None else self.states[cell]

    def cells_of(self, states: Array) -> Array:
        """The cells of states; -1 for one that has none."""
        return states if self.cells is None else np.asarray(self.cells)[states]

    @property
    def open_cells(self) -> list[int]:
        """The cells where somebody can be."""
        return [c for c in range(self.shape[0] * self.shape[1]) if c not in self.walls]


Cell = tuple[int, int]


def gridworld(
    shape: tuple[int, int] = (5, 5),
    terminals: Sequence[Cell] | Mapping[Cell, float] | Array | None = None,
    walls: Sequence[Cell] | Array = (),
    slip: float = 0.0,
    step_reward: float = -1.0,
    discount: float = 1.0,
    rewards: Mapping[Cell, float] | Array | None = None,
    teleports: Mapping[Cell, tuple[Cell, float]] | None = None,
    start: Start = None,
) -> MDP:
    """A grid of cells with actions up, right, down, left (0 to 3); moving off the grid or into a wall stays in place.

    Without arguments the course's grid: 5 x 5, two opposite corners terminal, -1 for each step. `terminals` and `walls`
    list cells, as tuples or as an array (n, 2); `terminals` may also map them to a reward for entering. With
    probability `slip` the step goes to one of the two sides instead. `rewards` maps cells to a further reward for
    entering them, or is an array of the grid's shape. `teleports` maps a cell to (target, reward): every action leads
    there. `start` is the cell where episodes begin, a dict of cell: probability, or probabilities in the grid's shape
    or (S,). Raises InputError for cells outside the grid.

    >>> grid = gridworld((4, 4), terminals=[(0, 0), (3, 3)])
    >>> grid.evaluate(np.full((16, 4), 0.25)).reshape(4, 4)[0].round(6).tolist()
    [0.0, -14.0, -20.0, -22.0]
    """
    rows, columns = shape_of(shape)
    if not isinstance(slip, Real) or not 0 <= slip <= 1:
        raise InputError(f"gridworld: slip={slip!r} is a probability, from 0 to 1")
    if not isinstance(step_reward, Real) or not np.isfinite(step_reward):
        raise InputError(f"gridworld: step_reward={step_reward!r}; it must be a finite number")
    if terminals is None:
        terminals = [(0, 0), (rows - 1, columns - 1)]
    cell = lambda at, what: cell_of(at, (rows, columns), what)
    blocked = np.zeros(rows * columns, bool)
    blocked[cells_of(walls, (rows, columns), "wall")] = True
    ends = np.asarray(cells_of(terminals, (rows, columns), "terminal"), np.intp).tolist()
    if blocked[ends].any():
        raise InputError("gridworld: a terminal cell is a wall")
    entering = np.zeros(rows * columns)
    for extra in (terminals, rewards):
        if isinstance(extra, Mapping):
            for at, r in extra.items():
                entering[cell(at, "reward")] += number(r, f"the reward of entering {at}")
        elif extra is rewards and rewards is not None:
            entering += rewards_of(rewards, (rows, columns))
    next_cell = moves(rows, columns, blocked)
    jumps = jumps_of(teleports or {}, cell)
    P, R = steps(next_cell, slip, step_reward + entering, jumps)
    S = rows * columns
    grid = Grid((rows, columns), frozenset(np.flatnonzero(blocked).tolist()), frozenset(ends))
    pairs = np.repeat(np.arange(S), 4), np.tile(np.arange(4), S)
    ends = [*ends, *np.flatnonzero(blocked)]
    return assemble(P, R, *pairs, S, 4, discount, ends, action_names=DIRECTIONS, layout=grid, start=start)


def shape_of(shape: Value) -> tuple[int, int]:
    try:
        rows, columns = (operator.index(n) for n in shape)
    except (TypeError, ValueError):
        raise InputError(f"gridworld: shape={shape!r}; it is (rows, columns)") from None
    if rows < 1 or columns < 1:
        raise InputError(f"gridworld: shape={(rows, columns)}; both must be at least 1")
    if rows * columns > MOST_CELLS:
        raise InputError(f"gridworld: shape={(rows, columns)} has {rows * columns:,} cells, more than {MOST_CELLS:,}")
    return rows, columns


def cell_of(at: Value, shape: tuple[int, int], what: str) -> int:
    try:
        i, j = (operator.index(n) for n in at)
    except (TypeError, ValueError):
        raise InputError(f"gridworld: {what} {at!r} is not a cell (row, column)") from None
    if not (0 <= i < shape[0] and 0 <= j < shape[1]):
        raise InputError(f"gridworld: {what} {(i, j)} is outside the grid of shape {shape}; cells count from (0, 0)")
    return i * shape[1] + j


def cells_of(many: Value, shape: tuple[int, int], what: str) -> Integers | list[int]:
    """The numbers of many cells, given as a sequence of them or as an array (n, 2) of whole numbers."""
    if isinstance(many, np.ndarray) and many.dtype.kind in "iu" and many.shape[1:] == (2,):
        outside = ((many < 0) | (many >= shape)).any(axis=1)
        if not outside.any():
            return many[:, 0].astype(np.intp) * shape[1] + many[:, 1].astype(np.intp)
        many = many[outside]
    if not isinstance(many, Iterable):
        raise InputError(f"gridworld: {what}s={many!r}; give a list of cells (row, column)")
    return [cell_of(at, shape, what) for at in many]


def rewards_of(rewards: ArrayLike, shape: tuple[int, int]) -> Floats:
    found = floats(rewards, "gridworld: rewards", finite=True)
    if found.shape != shape:
        raise ShapeError(f"gridworld: rewards of shape {found.shape} for a grid of shape {shape}")
    return found.ravel()


def number(x: Value, what: str) -> float:
    if not isinstance(x, Real) or not np.isfinite(float(x)):
        raise InputError(f"gridworld: {what} is {x!r}; it must be a finite number")
    return float(x)


def jumps_of(teleports: Mapping[Value, Value], cell: Callable[[Value, str], int]) -> dict[int, tuple[int, float]]:
    found = {}
    if not isinstance(teleports, Mapping):
        raise InputError(f"gridworld: teleports={teleports!r}; give a dict of cell: (target, reward)")
    for at, jump in teleports.items():
        if not isinstance(jump, tuple | list) or len(jump) != 2:
            raise InputError(f"gridworld: the teleport of {at} is {jump!r}; it is (target, reward)")
        found[cell(at, "teleport")] = cell(jump[0], "teleport"), number(jump[1], f"the reward of the teleport at {at}")
    return found


def moves(rows: int, columns: int, blocked: Flags) -> NDArray[np.int32]:
    """The cell (S, 4) that each direction leads to."""
    i, j = np.divmod(np.arange(rows * columns), columns)
    found = np.empty((rows * columns, 4), np.int32)
    for a, (di, dj) in enumerate(STEPS):
        to = np.clip(i + di, 0, rows - 1) * columns + np.clip(j + dj, 0, columns - 1)
        found[:, a] = np.where(blocked[to], np.arange(rows * columns), to)
    return found


def steps(
    next_cell: NDArray[np.int32], slip: float, entering: Floats, jumps: dict[int, tuple[int, float]]
) -> tuple[Rows, Floats]:
    """Transitions (4 S, S) and expected rewards (4 S,); what stays in place has the reward of a step onto itself."""
    S = len(next_cell)
    ways = [(0, 1.0 - slip)] + ([(1, slip / 2), (3, slip / 2)] if slip else [])
    to = np.stack([np.roll(next_cell, -turn, axis=1) for turn, _ in ways], axis=2)
    p = np.broadcast_to([p for _, p in ways], to.shape)
    rewards = (entering[to] * p).sum(axis=2)
    if jumps:
        to, p = to.copy(), p.copy()
        for at, (target, r) in jumps.items():
            to[at], p[at], rewards[at] = target, [1.0, *[0.0] * (len(ways) - 1)], r
    indptr = np.arange(0, 4 * S * len(ways) + 1, len(ways), dtype=np.int64)
    P = Rows((p.ravel().copy(), to.ravel(), indptr), shape=(4 * S, S))
    P.sum_duplicates()
    if jumps:
        P.eliminate_zeros()
    return P, rewards.ravel()


def teleport_gridworld(discount: float = 0.9) -> MDP:
    """Sutton and Barto's 5 x 5 grid (example 3.5): two cells carry you off for 10 and 5, leaving the grid costs 1.

    >>> teleport_gridworld().solve(tolerance=1e-9).values.reshape(5, 5)[0].round(1).tolist()
    [22.0, 24.4, 22.0, 19.4, 17.5]
    """
    teleports = {(0, 1): ((4, 1), 10.0), (0, 3): ((2, 3), 5.0)}
    grid = gridworld((5, 5), terminals=(), step_reward=0.0, discount=discount, teleports=teleports)
    to = moves(5, 5, np.zeros(25, bool))
    off = (to == np.arange(25)[:, None]).astype(float)
    R = -off
    for (i, j), (_, r) in teleports.items():
        R[5 * i + j] = r
    return grid.replace(rewards=R)
