"""Pictures of processes and their solutions, by matplotlib: grids, convergence, sensitivities, episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError, ShapeError
from ..lab.plots import COLOURS, MARKERS, figure, ink, save
from ..palette import DEAD, INK, QUIET, WRONG
from ..types import FileName, Params, Value
from .checks import floats
from .grids import STEPS, Grid
from .process import MDP, Solution
from .solution import solved
from .types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

TEXT_CELLS = 20  # rows or columns up to which a cell has room for its number
ARROW_CELLS = 40
WALL = QUIET
BARRIER = WRONG
ARROW = 0.22  # from the middle of a cell to the tip of an arrow: the number above and the word below stay free
# Where the triangle of each direction lies in its cell: corners relative to the centre, and the place of its number.
TRIANGLES = (
    (((-0.5, -0.5), (0.5, -0.5)), (0.0, -0.32)),
    (((0.5, -0.5), (0.5, 0.5)), (0.32, 0.0)),
    (((0.5, 0.5), (-0.5, 0.5)), (0.0, 0.32)),
    (((-0.5, 0.5), (-0.5, -0.5)), (-0.32, 0.0)),
)


def plot_solution(solution: Solution, path: FileName | None = None, force: bool = False) -> Value:
    """Values and best actions: over the grid, or as bars for a process that is none.

    Returns the figure, or with a path (.png, .svg, .pdf) the path written.
    """
    if isinstance(solved(solution, "plot_solution").process.layout, Grid):
        made = grid_values(solution)
    else:
        made = bars(solution)
    return made if path is None else save(made, path, force)


def grid_of(process: MDP) -> Grid:
    if not isinstance(process.layout, Grid):
        raise InputError(
            f"{process!r} is no grid; this picture needs one, made by mdp.gridworld or with a map of gymnasium's"
        )
    return process.layout


def cell_inches(grid: Grid) -> float:
    return float(np.clip(7.0 / max(grid.shape), 0.005, 0.9))


def canvas(grid: Grid) -> tuple[Figure, Axes]:
    rows, columns = grid.shape
    cell = cell_inches(grid)
    made, axes = figure(max(columns * cell, 2.4) + 1.6, max(rows * cell, 1.6) + 0.7)
    axes.grid(False)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_aspect("equal")
    small = max(rows, columns) <= TEXT_CELLS
    axes.set_xticks(range(columns) if small else [], range(columns) if small else [])
    axes.set_yticks(range(rows) if small else [], range(rows) if small else [])
    axes.tick_params(length=0, labelsize=8)
    return made, axes


def shaded(grid: Grid, values: Floats) -> Floats:
    """Values (S,) as the picture (rows, columns); walls are masked."""
    picture = np.ma.array(np.asarray(grid.of_cells(values), float).reshape(grid.shape), mask=False)
    picture.mask.reshape(-1)[list(grid.walls)] = True
    return picture


def map_of(name: str) -> Colormap:
    import matplotlib

    return matplotlib.colormaps[name].with_extremes(bad=WALL)


def grid_values(solution: Solution) -> Figure:
    grid = grid_of(solution.process)
    made, axes = canvas(grid)
    picture = axes.imshow(shaded(grid, solution.values), cmap=map_of("viridis"), interpolation="nearest")
    label = "value" if solution.gain is None else "bias: better than beginning in state 0"
    made.colorbar(picture, ax=axes, label=label, shrink=0.85)
    rows, columns = grid.shape
    if max(rows, columns) <= TEXT_CELLS:
        write_values(axes, grid, solution.values, picture)
    if max(rows, columns) <= ARROW_CELLS:
        arrows(axes, grid, solution, picture)
    mark_cells(axes, grid)
    about = f"{solution.method.replace('_', ' ')}, error below {solution.error_bound:.1e}"
    axes.set_title(f"{grid.title}; {about}" if grid.title else about, fontsize=9)
    return made


def write_values(axes: Axes, grid: Grid, values: Floats, picture: ScalarMappable) -> None:
    size, found = number_height(grid), grid.of_cells(values)
    for c in grid.open_cells:
        i, j = divmod(c, grid.shape[1])
        at = (j - 0.44, i - 0.42)
        axes.text(*at, short(found[c]), fontsize=size, ha="left", va="top", color=ink(picture.to_rgba(found[c])))


def number_height(grid: Grid) -> float:
    """The size of the letters in a cell, in points."""
    return float(np.clip(70 / max(grid.shape), 5, 9))


def short(x: float) -> str:
    """A number in few characters."""
    return f"{x:.3g}" if abs(x) < 1000 else f"{x:.2g}"


def arrows(axes: Axes, grid: Grid, solution: Solution, picture: ScalarMappable) -> None:
    """The best actions of each cell: one arrow through its middle, or where several are as good one each from there.

    An action that goes nowhere is a dot.
    """
    best, values = grid.of_cells(solution.ties()), grid.of_cells(solution.values)
    room = max(grid.shape) > TEXT_CELLS  # no number above
    at, to, colours = [], [], []
    for c in sorted(set(grid.open_cells) - grid.terminals):
        i, j = divmod(c, grid.shape[1])
        taken = [grid.steps[a] for a in np.flatnonzero(best[c]) if a < len(grid.steps)]
        ways = sorted({way for way in taken if way is not None})
        colour = ink(picture.to_rgba(values[c]))
        for way in ways:
            down, right = np.multiply(way, 0.3 if room else ARROW)
            one = len(taken) == 1
            at.append((j - right * one, i - down * one))
            to.append(((1 + one) * right, (1 + one) * down))
            colours.append(colour)
        if None in taken:
            axes.plot(j, i, "o", color=colour, markersize=min(7.0, 20 * cell_inches(grid)))
    if at:
        (x, y), (u, v) = np.array(at).T, np.array(to).T
        style: Params = {"angles": "xy", "scale_units": "xy", "scale": 1, "units": "xy"}
        axes.quiver(x, y, u, v, color=colours, width=0.035, headwidth=4, headlength=4, headaxislength=3.5, **style)


def mark_cells(axes: Axes, grid: Grid) -> None:
    """Frames round the ends, the words of cells, and walls between cells."""
    from matplotlib.patches import Rectangle

    many = len(grid.terminals) > 400
    for c in () if many else grid.terminals:
        i, j = divmod(c, grid.shape[1])
        frame = Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=COLOURS[1], linewidth=2)
        axes.add_patch(frame)
    words = {**({} if many else dict.fromkeys(grid.terminals, "end")), **grid.words}
    for c, word in words.items() if max(grid.shape) <= TEXT_CELLS else ():
        write_word(axes, grid, c, word)
    for c, d in grid.barriers:
        (i, j), k = divmod(c, grid.shape[1]), d // grid.shape[1]
        ends = ([j + 0.5] * 2, [i - 0.5, i + 0.5]) if i == k else ([j - 0.5, j + 0.5], [max(i, k) - 0.5] * 2)
        axes.plot(*ends, color=BARRIER, linewidth=3.5, solid_capstyle="butt")


def write_word(axes: Axes, grid: Grid, cell: int, word: str) -> None:
    """In the middle of a cell without an arrow, at the bottom of the others."""
    (i, j), points = divmod(cell, grid.shape[1]), 72 * cell_inches(grid)
    alone = cell in grid.walls or cell in grid.terminals
    size = float(np.clip(min(points / (0.8 * max(len(word), 4)), (0.25 if alone else 0.16) * points), 4, 8))
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.1 * size}
    colour = COLOURS[1] if cell in grid.terminals else INK
    at = (j, i + (0 if alone else 0.37))
    axes.text(*at, word, fontsize=size, ha="center", va="center", color=colour, weight="bold", bbox=ground)


def plot_q(solution: Solution, path: FileName | None = None, force: bool = False) -> Value:
    """Action values: each cell of the grid in four triangles, one for each direction."""
    from matplotlib.collections import PolyCollection

    grid = grid_of(solved(solution, "plot_q").process)
    if max(grid.shape) > ARROW_CELLS:
        raise InputError(
            f"plot_q: a grid of shape {grid.shape} has no room for triangles; draw at most {ARROW_CELLS} cells"
        )
    made, axes = canvas(grid)
    axes.set_facecolor(WALL)
    if not set(STEPS) <= set(grid.steps):
        raise InputError("plot_q: the actions of this process do not go in the four directions")
    cells, q = [c for c in grid.open_cells if c not in grid.terminals], grid.of_cells(solution.q)
    turned = [grid.steps.index(way) for way in STEPS]
    polygons, values, places = [], [], []
    for c in cells:
        i, j = divmod(c, grid.shape[1])
        for a, (corners, text) in zip(turned, TRIANGLES):
            polygons.append([(j, i), *[(j + x, i + y) for x, y in corners]])
            values.append(q[c, a])
            places.append((j + text[0], i + text[1]))
    drawn = PolyCollection(polygons, array=np.array(values), cmap="viridis", edgecolors="white", linewidths=0.6)
    axes.add_collection(drawn)
    made.colorbar(drawn, ax=axes, label="q(s, a)", shrink=0.85)
    best = grid.of_cells(solution.ties())
    if max(grid.shape) <= 10:
        size = number_size(grid, max((len(short(v)) for v in values), default=1))
        for k, ((x, y), v) in enumerate(zip(places, values)):
            bold = "bold" if best[cells[k // 4], turned[k % 4]] else "normal"
            axes.text(x, y, short(v), fontsize=size, ha="center", va="center", color=ink(drawn.to_rgba(v)), weight=bold)
    for s in grid.terminals:
        i, j = divmod(s, grid.shape[1])
        axes.fill([j - 0.5, j + 0.5, j + 0.5, j - 0.5], [i - 0.5, i - 0.5, i + 0.5, i + 0.5], color=DEAD)
    mark_cells(axes, grid)
    about = "action values; the best in bold" if max(grid.shape) <= 10 else "action values"
    axes.set_title(f"{grid.title}; {about}" if grid.title else about, fontsize=9)
    return made if path is None else save(made, path, force)


def number_size(grid: Grid, letters: int) -> float:
    """Points in which so many letters fit into a triangle."""
    return float(np.clip(0.34 * 72 * cell_inches(grid) / (0.62 * letters), 3.5, 6.5))


def brief(name: object, letters: int) -> str:
    """A name in so many letters, its end kept: that is where names of a kind differ."""
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    return text if len(text) <= letters else f"{text[: letters // 2 - 1]}…{text[len(text) - letters + letters // 2 :]}"


def bars(solution: Solution, most: int = 60) -> Figure:
    """Values of the first states as bars, with their best actions."""
    process = solution.process
    n = min(process.n_states, most)
    made: Figure
    made, axes = figure(min(3.0 + 0.22 * n, 11), 3.8)
    axes.bar(range(n), solution.values[:n], color=COLOURS[0])
    names = [brief(x, 16) for x in (range(n) if process.state_names is None else process.state_names[:n])]
    axes.set_xticks(range(n), names, rotation=90 if n > 12 or sum(map(len, names)) > 40 else 0, fontsize=7)
    axes.set_ylabel("value")
    axes.set_xlabel("state" if n == process.n_states else f"state (the first {n} of {process.n_states:,})")
    if n <= 30:
        told = [brief(a if process.action_names is None else process.action_names[a], 12) for a in solution.policy[:n]]
        wide = sum(map(len, told)) > 40
        for s, name in enumerate(told):
            at = (s, max(float(solution.values[s]), 0.0))
            name = "" if process.terminal[s] else name
            axes.annotate(name, at, (0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=7,
                          rotation=90 if wide else 0)  # fmt: skip
        axes.margins(y=0.35 if wide else 0.1)
    axes.set_title(f"values, and the best action above; error below {solution.error_bound:.1e}", fontsize=9)
    return made


def plot_convergence(solutions: Mapping[str, Solution], path: FileName | None = None, force: bool = False) -> Value:
    """The proven bound after each iteration of several solvers, with the line discount^k of value iteration."""
    if not isinstance(solutions, Mapping):
        raise InputError('plot_convergence: give a dict of name: solution, such as {"newton": process.solve("newton")}')
    if not solutions:
        raise InputError("plot_convergence: no solutions; give a dict of name: solution")
    made, axes = figure(7.5, 4.6)
    longest, g, top = 1, 0.0, 1.0
    for k, (name, s) in enumerate(solutions.items()):
        solved(s, "plot_convergence")
        curve = np.array([r if np.isfinite(r) and r > 0 else np.nan for r in s.residuals])
        axes.plot(range(1, len(curve) + 1), curve, label=name.replace("_", " "), marker=MARKERS[k % len(MARKERS)],
                  markevery=max(1, len(curve) // 12), markersize=5, color=COLOURS[k % len(COLOURS)])  # fmt: skip
        longest, g = max(longest, len(curve)), s.process.discount
        top = max(top, float(np.nanmax(curve, initial=1.0)))
    if 0 < g < 1:
        steps = np.arange(1, longest + 1)
        axes.plot(steps, top * g ** (steps - 1), ":", color=COLOURS[6], label=rf"$\gamma^k$, $\gamma$ = {g:g}")
    axes.set_yscale("log")
    if longest > 60:
        axes.set_xscale("log")
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("iteration")
    axes.set_ylabel("bound of the error of the values")
    axes.legend(fontsize=8)
    return made if path is None else save(made, path, force)


def plot_sensitivity(
    process: MDP, numbers: ArrayLike, path: FileName | None = None, title: str = "sensitivity", force: bool = False
) -> Value:
    """A heat map of numbers (S,) or (S, A) over the grid, 0 in the middle of the colours; bars without a grid.

    Of numbers (S, A), the sum over actions is shown: a reward of the state itself.
    """
    x = np.nan_to_num(floats(numbers, "plot_sensitivity: numbers"))
    if x.shape == (process.n_states, process.n_actions):
        x = x.sum(axis=1)
    if x.shape != (process.n_states,):
        raise ShapeError(f"plot_sensitivity: numbers of shape {x.shape} for {process!r}; give (S,) or (S, A)")
    largest = float(np.abs(x).max(initial=0.0)) or 1.0
    if isinstance(process.layout, Grid):
        grid = process.layout
        made, axes = canvas(grid)
        drawn = axes.imshow(shaded(grid, x), cmap=map_of("PuOr"), vmin=-largest, vmax=largest, interpolation="nearest")
        made.colorbar(drawn, ax=axes, shrink=0.85)
        if max(grid.shape) <= TEXT_CELLS:
            size, shown = number_height(grid), grid.of_cells(x)
            for c in grid.open_cells:
                i, j = divmod(c, grid.shape[1])
                colour = ink(drawn.to_rgba(shown[c]))
                axes.text(j, i, f"{shown[c]:.2g}", fontsize=size, ha="center", va="center", color=colour)
    else:
        order = np.argsort(-np.abs(x))[:30]
        made, axes = figure(7.5, 3.8)
        axes.bar(range(len(order)), x[order], color=[COLOURS[0] if v >= 0 else COLOURS[1] for v in x[order]])
        names = order if process.state_names is None else [brief(process.state_names[s], 16) for s in order]
        axes.set_xticks(range(len(order)), names, rotation=90, fontsize=7)
        axes.set_xlabel("state, the largest first")
    axes.set_title(title, fontsize=9)
    return made if path is None else save(made, path, force)


def plot_episode(process: MDP, states: ArrayLike, path: FileName | None = None, force: bool = False) -> Value:
    """The path of an episode over the grid: later steps are darker, repeated ones lie side by side."""
    grid = grid_of(process)
    states = np.asarray(states)
    if states.ndim != 1 or not len(states) or states.dtype.kind not in "iu":
        raise InputError("plot_episode: states is the first result of MDP.episode, one state number after the other")
    outside = states[(states < 0) | (states >= process.n_states)]
    if len(outside):
        raise InputError(f"plot_episode: state {outside[0]} of {process.n_states} states; they are counted from 0")
    made, axes = canvas(grid)
    axes.imshow(shaded(grid, np.zeros(process.n_states)), cmap=map_of("Greys"), vmin=0, vmax=1)
    if grid.states is not None:  # the episode may be of another slice: its places are drawn, not what is wanted there
        grid = replace(grid, words={c: word[-1] for c, word in grid.words.items()})
    mark_cells(axes, grid)
    cells = grid.cells_of(states)
    i, j = np.divmod(cells[cells >= 0], grid.shape[1])
    rng = np.random.default_rng(0)
    shift = rng.uniform(-0.16, 0.16, (2, len(i)))
    x, y = j + shift[0], i + shift[1]
    if len(i) > 1:
        import matplotlib

        shades = matplotlib.colormaps["cividis_r"](np.linspace(0.15, 1.0, len(i) - 1))
        style: Params = {"angles": "xy", "scale_units": "xy", "scale": 1, "units": "xy"}
        axes.quiver(x[:-1], y[:-1], np.diff(x), np.diff(y), color=shades, width=0.045, headwidth=5, **style)
    axes.plot(x[0], y[0], "o", color=COLOURS[2], markersize=9, label="start", zorder=4)
    axes.plot(x[-1], y[-1], "s", color=COLOURS[1], markersize=8, label="last", zorder=4)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_title(f"{len(states) - 1} steps", fontsize=9)
    return made if path is None else save(made, path, force)
