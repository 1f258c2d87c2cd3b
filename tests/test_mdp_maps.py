"""Maps of gymnasium's text environments, and where arrows, numbers and words stand in their cells."""

from __future__ import annotations

import numpy as np
import pytest
from environments import environment
from matplotlib.backends.backend_agg import FigureCanvasAgg

from difflab import mdp
from difflab.cli.mdp import grid_text
from difflab.errors import InputError
from difflab.mdp import grids

UP, RIGHT, DOWN, LEFT = grids.STEPS


@pytest.fixture(scope="module")
def gymnasium():
    return pytest.importorskip("gymnasium", reason="the gym extra is not installed")


def imported(name, **options):
    return mdp.MDP.from_gymnasium(environment(name, **options), 0.97)


@pytest.mark.parametrize(
    ("name", "options", "shape", "steps"),
    [
        ("FrozenLake-v1", {}, (4, 4), (LEFT, DOWN, RIGHT, UP)),
        ("FrozenLake-v1", {"is_slippery": False}, (4, 4), (LEFT, DOWN, RIGHT, UP)),
        ("FrozenLake-v1", {"desc": ["SFF", "FHG"]}, (2, 3), (LEFT, DOWN, RIGHT, UP)),
        ("FrozenLake8x8-v1", {}, (8, 8), (LEFT, DOWN, RIGHT, UP)),
        ("CliffWalking-v1", {}, (4, 12), (UP, RIGHT, DOWN, LEFT)),
        ("CliffWalking-v1", {"is_slippery": True}, (4, 12), (UP, RIGHT, DOWN, LEFT)),
        ("Taxi", {}, (5, 5), (DOWN, UP, RIGHT, LEFT, None, None)),
    ],
)
def test_the_map_and_its_directions(gymnasium, name, options, shape, steps):
    grid = imported(name, **options).layout
    assert grid.shape == shape and grid.steps == steps


def test_what_stands_in_the_cells(gymnasium):
    lake = imported("FrozenLake-v1").layout
    assert lake.words == {0: "start", 5: "hole", 7: "hole", 11: "hole", 12: "hole", 15: "goal"}
    assert lake.terminals == {5, 7, 11, 12, 15} and not lake.walls
    cliff = imported("CliffWalking-v1").layout
    assert cliff.walls == set(range(37, 47)) and cliff.terminals == {47}
    assert cliff.words[40] == "cliff" and cliff.words[36] == "start" and cliff.words[47] == "goal"
    taxi = imported("Taxi").layout
    assert taxi.words == {0: "R", 4: "to G", 20: "from Y", 23: "B"} and taxi.title == "passenger at Y, to G"
    assert taxi.barriers == {(1, 2), (6, 7), (15, 16), (20, 21), (17, 18), (22, 23)}


def test_the_taxi_drives_round_its_walls(gymnasium):
    """No action of the table crosses a barrier that is drawn, and every other neighbour can be reached."""
    process = imported("Taxi")
    env, grid = environment("Taxi").unwrapped, process.layout
    assert [tuple(env.decode(s))[:4] for s in grid.states] == [(r, c, 2, 1) for r in range(5) for c in range(5)]
    moved = set()
    for s in grid.states:
        for a in range(4):
            ((_, n, _, _),) = env.P[s][a]
            here, there = grid.cells[s], grid.cells[n]
            moved.add((min(here, there), max(here, there)))
    neighbours = {(c, c + 1) for c in range(25) if c % 5 < 4} | {(c, c + 5) for c in range(20)}
    assert neighbours - moved == grid.barriers
    assert len(grid.cells) == process.n_states == 501 and grid.cells[500] == -1
    for s in range(500):
        row, column, *_ = env.decode(s)
        assert grid.cells[s] == 5 * row + column


def test_another_passenger(gymnasium):
    process = mdp.taxi_map(imported("Taxi"), "taxi", "B")
    env = environment("Taxi").unwrapped
    assert [tuple(env.decode(s))[2:] for s in process.layout.states] == [(4, 3)] * 25
    assert process.layout.words == {0: "R", 4: "G", 20: "Y", 23: "to B"}
    assert process.layout.barriers == imported("Taxi").layout.barriers
    assert mdp.taxi_map(process).layout == imported("Taxi").layout  # and back
    solution = process.solve()
    told = grid_text(solution, process.layout)
    assert "passenger in the taxi, to B" in told and told.count("●") == 1
    assert "●" in told.splitlines()[-1]  # in the place of B
    for bad, words in ((("X", "G"), "passenger='X'"), (("R", "taxi"), "destination='taxi'")):
        with pytest.raises(InputError, match=words):
            mdp.taxi_map(process, *bad)
    with pytest.raises(InputError, match="no map of a taxi"):
        mdp.taxi_map(mdp.gridworld())


def drawn(axes):
    """The tail and the tip of each arrow."""
    (quiver,) = [c for c in axes.collections if hasattr(c, "U")]
    tails = np.array(quiver.XY)
    return tails, tails + np.stack([quiver.U, quiver.V], axis=1)


@pytest.mark.parametrize("name", ["grid", "FrozenLake-v1", "CliffWalking-v1", "Taxi"])
def test_arrows_stand_in_the_middle_of_their_cells(name, gymnasium):
    process = mdp.gridworld((5, 5), discount=0.9) if name == "grid" else imported(name)
    solution, grid = process.solve(), process.layout
    tails, tips = drawn(mdp.plot_solution(solution).axes[0])
    best = grid.of_cells(solution.ties())
    for c in sorted(set(grid.open_cells) - grid.terminals):
        centre = np.array([c % grid.shape[1], c // grid.shape[1]], float)
        mine = np.abs(tips - centre).max(axis=1) < 0.5
        told = {(round(dy), round(dx)) for dx, dy in (tips[mine] - centre) / 0.22}
        ways = {grid.steps[a] for a in np.flatnonzero(best[c])} - {None}
        assert told == ways
        if len(ways) == 1 and best[c].sum() == 1:  # one arrow lies half on this side, half on that
            np.testing.assert_allclose((tails[mine] + tips[mine])[0] / 2, centre, atol=1e-12)
        elif ways:
            np.testing.assert_allclose(tails[mine], np.broadcast_to(centre, tails[mine].shape), atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 4), (4, 12), (18, 18)])
def test_numbers_arrows_and_words_do_not_meet(shape):
    process = mdp.gridworld(shape, terminals=[(0, 0)], slip=0.1, discount=0.95)
    made = mdp.plot_solution(process.solve())
    FigureCanvasAgg(made).draw()
    axes, renderer = made.axes[0], made.canvas.get_renderer()
    _, tips = drawn(axes)
    boxes = [t.get_window_extent(renderer) for t in axes.texts if t.get_text() != "end"]
    inside = axes.transData.inverted()
    for box in boxes:
        (x0, y0), (x1, y1) = inside.transform([(box.x0, box.y1), (box.x1, box.y0)])
        assert not np.any((tips[:, 0] > x0) & (tips[:, 0] < x1) & (tips[:, 1] > y0) & (tips[:, 1] < y1))


def test_every_picture_of_a_map(gymnasium, tmp_path):
    for name in ("FrozenLake-v1", "CliffWalking-v1", "Taxi"):
        process = imported(name)
        solution = process.solve()
        states, _, _ = process.episode(solution.policy, rng=0, steps=60)
        words = {t.get_text() for t in mdp.plot_solution(solution).axes[0].texts}
        assert set(process.layout.words.values()) <= words
        mdp.plot_q(solution)
        axes = mdp.plot_episode(process, states).axes[0]
        cells = process.layout.cells_of(states)
        middle = axes.lines[-2].get_xydata()[0] if axes.lines else None
        assert np.abs(middle - [cells[0] % process.layout.shape[1], cells[0] // process.layout.shape[1]]).max() < 0.2
        mdp.plot_sensitivity(process, solution.values)
        assert grid_text(solution, process.layout)


def test_a_state_behind_the_others_is_no_tie(gymnasium):
    solution = imported("Taxi").solve()
    assert not solution.ties()[500].any() and not np.isnan(solution.advantage).any()
