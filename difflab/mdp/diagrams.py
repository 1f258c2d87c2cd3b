"""Processes and episodes as diagrams of boxes and wires, in the house's palette: SVG with alt text and a dark theme."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..cards.parts import Card, drawn
from ..cards.shown import Carded
from ..errors import DrawError, InputError
from ..files import write
from ..types import FileName, Value
from .checks import discount_of
from .episodes import discounted_return
from .grids import Grid
from .process import MDP, Solution
from .solution import solved
from .types import Floats, Integers

if TYPE_CHECKING:
    from ..draw.picture import Box, Line, Picture

MOST_BOXES = 120  # states and actions of a diagram that somebody can still read
FORMATS = (".svg", ".png", ".pdf", ".dot")
POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Diagram(Carded):
    """A drawing that Jupyter shows and `save` writes."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def _card_(self) -> Card:
        return drawn(type(self).__name__, self._repr_svg_())

    def _repr_svg_(self) -> str:
        from ..draw.draw import encoded

        return encoded(self.picture, "svg").decode()

    def save(self, path: FileName, force: bool = False) -> Path:
        """Writes the drawing (.svg, .png, .pdf, .dot); returns the path."""
        from ..draw.draw import encoded

        form = Path(path).suffix.lower()
        if form not in FORMATS:
            raise DrawError(f"{Path(path).name!r} ends in {form or 'nothing'}; the formats are {', '.join(FORMATS)}")
        return write(path, encoded(self.picture, form[1:]), force)

    def __repr__(self) -> str:
        return f"<Diagram: {self.picture.title}>"


def draw_process(thing: MDP | Solution, path: FileName | None = None, title: str = "", force: bool = False) -> Value:
    """A small process as a graph: states, their actions, where those lead with which probability, and the rewards.

    Of a solution the values and action values stand in the boxes too, and the best actions are in bold. Returns the
    `Diagram`, or with a path (.svg, .png, .pdf, .dot) the path written. Raises InputError for more than 120 boxes.

    >>> from difflab import mdp
    >>> mdp.draw_process(mdp.gridworld((1, 3), terminals=[(0, 2)]))
    <Diagram: A process of 3 states and 8 pairs of state and action>
    """
    from ..draw.picture import Picture

    solution = None if isinstance(thing, MDP) else solved(thing, "draw_process")
    process = thing if isinstance(thing, MDP) else thing.process
    shown = [k for k in range(process.n_pairs) if not process.terminal[process.states[k]]]
    if process.n_states + len(shown) > MOST_BOXES:
        raise InputError(
            f"draw_process: {process!r} would be {process.n_states + len(shown):,} boxes, more than {MOST_BOXES}; "
            "mdp.plot_solution draws larger ones"
        )
    told = title or f"A process of {process.n_states} states and {len(shown)} pairs of state and action"
    picture = Picture(told, description(process, shown))
    places = {s: picture.add(state_box(process, s, solution)) for s in range(process.n_states)}
    if process.start is not None:
        add_start(picture, process, places)
    for k in shown:
        add_pair(picture, process, k, places, solution)
    made = Diagram(picture)
    return made if path is None else made.save(path, force)


def state_box(process: MDP, s: int, solution: Solution | None) -> Box:
    from ..draw.picture import Box, Line

    lines = [Line(state_name(process, s), bold=True)]
    if process.terminal[s]:
        lines.append(Line("end"))
    elif solution is not None:
        lines.append(Line(f"v = {number(solution.values[s])}", "forward"))
    return Box(lines, "constant" if process.terminal[s] else "input", f"state {state_name(process, s)}")


def add_start(picture: Picture, process: MDP, places: dict[int, int]) -> None:
    from ..draw.picture import Box, Line, Wire

    assert process.start is not None
    begin = picture.add(Box([Line("S₀")], "stub", "where episodes begin"))
    for s in np.flatnonzero(process.start).tolist():
        p = float(process.start[s])
        about = f"begins in {state_name(process, s)} with probability {p:g}"
        picture.wires.append(Wire(begin, places[s], probability(p), about=about))


def add_pair(picture: Picture, process: MDP, k: int, places: dict[int, int], solution: Solution | None) -> None:
    """The box of an action, the wire to it, and those to the next states."""
    from ..draw.picture import Box, Line, Wire

    s, a = int(process.states[k]), int(process.actions[k])
    best = solution is not None and bool(solution.ties()[s, a])
    lines = [Line(action_name(process, a), bold=best)]
    if solution is not None:
        lines.append(Line(f"q = {number(solution.q[s, a])}{', best' if best else ''}", "forward"))
    box = picture.add(Box(lines, "operation", f"action {action_name(process, a)} in {state_name(process, s)}"))
    steps, lead = outcomes(process, k), Line(f"r = {number(process.rewards[k])}", "forward")
    each = len(steps) == 1 or process.reward_of_step is not None
    picture.wires.append(Wire(places[s], box, [] if each else [lead], about=f"the choice in {state_name(process, s)}"))
    for n, p, r in steps:
        told = [Line(f"r = {number(r)}", "forward")] if each else []
        about = f"to {state_name(process, n)} with probability {p:g}" + (f", reward {r:g}" if each else "")
        picture.wires.append(Wire(box, places[n], [*probability(p), *told], about=about))


def outcomes(process: MDP, k: int) -> list[tuple[int, float, float]]:
    """(next state, probability, reward) of a pair."""
    P = process.transitions
    here = slice(P.indptr[k], P.indptr[k + 1])
    rewards = process.reward_of_step
    r = [float(process.rewards[k])] * (P.indptr[k + 1] - P.indptr[k]) if rewards is None else rewards[here].tolist()
    return list(zip(P.indices[here].tolist(), P.data[here].tolist(), r))


def probability(p: float) -> list[Line]:
    """What a wire says of its probability: nothing where it is certain."""
    from ..draw.picture import Line

    return [] if p == 1 else [Line(f"p = {number(p)}")]


def description(process: MDP, shown: list[int]) -> str:
    parts = [f"A Markov decision process with discount {process.discount:g}."]
    for k in shown:
        s, a = state_name(process, process.states[k]), action_name(process, process.actions[k])
        ways = [f"{state_name(process, n)} with probability {p:g}" for n, p, _ in outcomes(process, k)]
        parts.append(f"In {s}, {a} leads to {', '.join(ways)}, for an expected reward of {process.rewards[k]:g}.")
    ends = [state_name(process, s) for s in np.flatnonzero(process.terminal)]
    return " ".join([*parts, *([f"It ends in {', '.join(ends)}."] if ends else [])])


def draw_episode(
    process: MDP,
    states: ArrayLike,
    actions: ArrayLike,
    rewards: ArrayLike,
    path: FileName | None = None,
    steps: int = 3,
    force: bool = False,
) -> Value:
    """The first steps of an episode as the chain S0, A0, R1, S1, A1, R2, ..., with the return that collects rewards.

    The three arrays are those of `MDP.episode`. The agent's policy leads from state to action, the process from both
    to reward and next state. Returns the `Diagram`, or with a path (.svg, .png, .pdf, .dot) the path written.

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 4), terminals=[(0, 3)])
    >>> mdp.draw_episode(grid, *grid.episode([1, 1, 1, 0], start=0))
    <Diagram: An episode: 3 of its 3 steps>
    """
    from ..draw.picture import Picture

    states, actions, rewards = episode_of(process, states, actions, rewards)
    n = min(steps, len(actions))
    if n < 1:
        raise InputError("draw_episode: the episode has no steps; give one that does not begin in a terminal state")
    gain = discounted_return(rewards, process.discount)
    names = [state_name(process, s) for s in states]
    told = " ".join(
        f"In {names[t]} the agent takes {action_name(process, actions[t])}, gets {rewards[t]:g} and is in "
        f"{names[t + 1]}."
        for t in range(n)
    )
    picture = Picture(f"An episode: {n} of its {len(actions)} steps", f"{told} The return is {gain:.6g}.")
    chain(picture, process, names, actions, rewards, n)
    made = Diagram(picture)
    return made if path is None else made.save(path, force)


def episode_of(
    process: MDP, states: ArrayLike, actions: ArrayLike, rewards: ArrayLike
) -> tuple[Integers, Integers, Floats]:
    found = np.asarray(states), np.asarray(actions), np.asarray(rewards, dtype=float)
    S, A, R = found
    fit = S.ndim == A.ndim == R.ndim == 1 and len(S) == len(A) + 1 == len(R) + 1 and S.dtype.kind in "iu"
    if not fit or not set(S.tolist()) <= set(range(process.n_states)) or not set(A.tolist()) <= set(process.actions):
        raise InputError(
            f"draw_episode: arrays of shapes {S.shape}, {A.shape}, {R.shape}; give what MDP.episode returns: states "
            "(T+1,), actions (T,), rewards (T,)"
        )
    return found


def chain(picture: Picture, process: MDP, names: list[str], actions: Integers, rewards: Floats, n: int) -> None:
    """The boxes and wires of n steps."""
    from ..draw.picture import Box, Line, Wire

    g, ended = discount_of(process.discount), n == len(actions)
    gain = picture.add(Box(gain_lines(rewards, g, n, ended), "step", "the return"))
    here = picture.add(Box([Line("S₀", bold=True), Line(names[0])], "input", f"state {names[0]}"))
    for t in range(n):
        a = action_name(process, actions[t])
        action = picture.add(Box([Line(f"A{below(t)}", bold=True), Line(a)], "operation", f"action {a}"))
        reward = [Line(f"R{below(t + 1)}", bold=True), Line(number(rewards[t]), "forward")]
        paid = picture.add(Box(reward, "constant", f"reward {rewards[t]:g}"))
        end = [Line("end")] if ended and t == n - 1 and len(names) == n + 1 else []
        state = [Line(f"S{below(t + 1)}", bold=True), Line(names[t + 1]), *end]
        after = picture.add(Box(state, "input", f"state {names[t + 1]}"))
        picture.wires += [
            Wire(here, action, [Line("π(a | s)")], about="the agent chooses"),
            Wire(action, after, [Line("p(s′ | s, a)")], about="the process answers"),
            Wire(action, paid, [Line("r")], about="the process pays"),
            Wire(paid, gain, [Line(power(t), "forward")], about=f"counts {g**t:g} times"),
        ]
        here = after
    if not ended:
        picture.wires.append(Wire(here, picture.add(Box([Line("…")], "stub", "and so on"))))


def gain_lines(rewards: Floats, g: float, n: int, ended: bool) -> list[Line]:
    from ..draw.picture import Line

    terms = [f"R{below(t + 1)}" if t == 0 else f"{power(t)} R{below(t + 1)}" for t in range(n)]
    told = "G = " + " + ".join(terms) + ("" if ended else " + …")
    return [Line(told, bold=True), Line(f"= {number(discounted_return(rewards, g))}, γ = {g:g}", "forward")]


def power(t: int) -> str:
    return "1" if t == 0 else "γ" if t == 1 else f"γ{str(t).translate(POWERS)}"


def below(t: int) -> str:
    return str(t).translate(BELOW)


def state_name(process: MDP, s: Value) -> str:
    """A state as the user calls it: its name, its cell, or its number."""
    if process.state_names is not None and s < len(process.state_names):
        return text(process.state_names[s])
    if isinstance(process.layout, Grid) and (cell := int(process.layout.cells_of(np.array([s]))[0])) >= 0:
        i, j = divmod(cell, process.layout.shape[1])
        return f"({i}, {j})"
    return f"s{int(s)}"


def action_name(process: MDP, a: Value) -> str:
    return f"a{int(a)}" if process.action_names is None else text(process.action_names[a])


def text(name: object) -> str:
    from ..draw.text import clean

    return clean(name, 24)


def number(x: Value) -> str:
    from ..draw.text import short

    return short(float(x))
