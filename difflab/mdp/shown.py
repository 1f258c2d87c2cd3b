"""What a notebook cell and a terminal show of processes and solutions: the map, the numbers, how it went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..cards.parts import Card, Chart, Part, Picture, Row, Series, Table, Words, brief, duration, facts, figure
from ..errors import DifflabError
from ..types import Array
from .diagrams import draw_process, state_name
from .grid_svg import draw_grid
from .process import CARD, MDP, Solution

MOST_DRAWN = 80_000  # bytes of a drawing in a cell
BOXES, CELLS = 24, 400  # states with a diagram, cells of a map
LISTED = 100  # states in the table


def card(thing: MDP | Solution) -> Card:
    return of_process(thing) if isinstance(thing, MDP) else of_solution(thing)


def of_process(process: MDP) -> Card:
    ends = int(np.count_nonzero(process.terminal))
    rewards = process.rewards[np.isfinite(process.rewards)]
    told = facts(
        {
            "states": process.n_states,
            "of them terminal": ends,
            "actions": process.n_actions,
            "pairs of state and action": process.n_pairs,
            "stored probabilities": process.transitions.nnz,
            "discount": process.discount,
            "rewards": f"{rewards.min():.6g} to {rewards.max():.6g}" if rewards.size else "",
            "begins": beginning(process),
        }
    )
    return Card("MDP", f"of {process.n_states:,} states, discount {process.discount:g}").add(
        Row([*diagram(process), told])
    )


def beginning(process: MDP) -> str:
    if process.start is None:
        return "anywhere"
    states = np.flatnonzero(process.start)
    return f"in {len(states):,} states" if len(states) > 1 else f"in {state_name(process, states[0])}"


def of_solution(solution: Solution) -> Card:
    process = solution.process
    told = facts(
        {
            "method": solution.method,
            "values are within": f"{solution.error_bound:.3g}",
            "iterations": solution.iterations,
            "time": duration(solution.seconds),
            "average reward": solution.gain,
            "expected return": solution.from_the_start().get("expected_return"),
        }
    )
    about = f"of {process.n_states:,} states by {solution.method}: values within {solution.error_bound:.2g}"
    steps = np.arange(1, len(solution.residuals) + 1)
    log = any(r > 0 for r in solution.residuals)
    chart = Chart("bound on the error", {"bound": Series(steps, solution.residuals)}, "iteration", log_y=log)
    parts: list[Part] = [*diagram(solution), Row([told, *([chart] if len(steps) > 1 else [])])]
    notes = [Words(note) for note in solution.notes[:6]]
    return Card("Solution", about).add(Row(parts), states(solution), *notes)


def diagram(thing: MDP | Solution) -> list[Part]:
    """The map of a grid, or the diagram of a small process."""
    process = thing if isinstance(thing, MDP) else thing.process
    try:
        if process.layout is not None and process.n_states <= CELLS:
            made = draw_grid(thing)
            drawing, title = made.svg, made.title
        elif process.n_states <= BOXES:
            made = draw_process(thing)
            drawing, title = made._repr_svg_(), made.picture.description
        else:
            return []
    except DifflabError:  # no grid after all, too many boxes, or no Graphviz: the tables remain
        return []
    return [Picture(drawing, title)] if len(drawing) <= MOST_DRAWN else []


def states(solution: Solution) -> Table:
    """The value, the best action and all action values of the first states."""
    process = solution.process
    count = min(process.n_states, LISTED)
    heads = [
        "state",
        "value",
        "best action",
        *[f"q({name(process.action_names, a)})" for a in range(process.n_actions)],
    ]
    best = solution.ties()
    rows = [
        [
            name(process.state_names, s),
            figure(solution.values[s]),
            "end" if process.terminal[s] else names(process.action_names, np.flatnonzero(best[s])),
            *[number(q) for q in solution.q[s]],
        ]
        for s in range(count)
    ]
    more = [[f"… {process.n_states - count:,} more"]] if process.n_states > count else []
    return Table(rows + more, heads, "values")


def name(names: Sequence[object] | None, k: int) -> str:
    return brief(str(names[k])) if names is not None and k < len(names) else str(k)


def names(words: Sequence[object] | None, places: Array) -> str:
    return ", ".join(name(words, int(k)) for k in places)


def number(q: Array) -> str:
    """An action value; nothing where the action does not exist."""
    return "" if np.isneginf(q) else figure(q, 5)


CARD.fill(card)
