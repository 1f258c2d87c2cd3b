"""Processes, episodes and grids as diagrams: what stands in them, what is said of them, and their safety."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from difflab import mdp
from difflab.draw.svg import ATTRIBUTES, TAGS
from difflab.errors import DifflabError
from difflab.gallery import FIGURES
from difflab.mdp.grid_rules import entering
from difflab.palette import LIGHT_TO_DARK

NAMED = mdp.MDP.from_function(
    lambda s, a: [(0.7, s, 4.0), (0.3, "end", -1.0)] if a == "work" else (s, 0.5),
    ["day", "<b>night</b>", "end"],
    ["work", "rest"],
    0.9,
    terminals=["end"],
    start={"day": 0.25, "<b>night</b>": 0.75},
)
GRID = mdp.gridworld((3, 4), terminals=[(0, 0)], walls=[(1, 1)], slip=0.2, discount=0.9, start=(2, 3))


def words(drawing):
    """What is to be read, and the tooltips."""
    root = ET.fromstring(drawing._repr_svg_())
    shown = [e.text or "" for e in root.iter() if e.tag.endswith("}text")]
    return shown, " ".join(e.text or "" for e in root.iter() if e.tag.endswith(("}title", "}desc")))


def test_a_process_with_its_probabilities_and_rewards():
    shown, told = words(mdp.draw_process(NAMED))
    assert shown.count("day") == 1 and shown.count("work") == shown.count("rest") == 2
    assert shown.count("p = 0.7") == shown.count("p = 0.3") == 2 and shown.count("r = 4") == shown.count("r = -1") == 2
    assert shown.count("r = 0.5") == 2 and "p = 1" not in shown
    assert {"S₀", "p = 0.25", "p = 0.75", "end"} <= set(shown) and "<b>night</b>" in shown
    assert (
        "In day, work leads to day with probability 0.7, end with probability 0.3" in told and "It ends in end" in told
    )
    assert len(mdp.draw_process(NAMED).picture.wires) == 2 + 4 + 2 * 2 + 2


def test_a_solution_puts_its_values_in():
    solution = NAMED.solve()
    shown, _ = words(mdp.draw_process(solution))
    best = [word for word in shown if word.endswith(", best")]
    assert len(best) == 2 and f"v = {solution.values[0]:.3g}" in shown
    picture = mdp.draw_process(solution).picture
    bold = [box.lines[0].text for box in picture.boxes if box.kind == "operation" and box.lines[0].bold]
    names = [NAMED.action_names[solution.policy[s]] for s in (0, 1)]
    assert bold == names


def test_rewards_of_pairs_stand_before_the_action():
    process = mdp.MDP.from_arrays([[[0.5, 0.5], [0.5, 0.5]]], [[2.0], [3.0]], 0.5)
    picture = mdp.draw_process(process).picture
    (lead,) = [w for w in picture.wires if w.lines and w.lines[0].text == "r = 2"]
    assert picture.boxes[lead.source].lines[0].text == "s0" and picture.boxes[lead.target].kind == "operation"


def test_an_episode_is_a_chain():
    states, actions, rewards = GRID.episode(GRID.solve().policy, rng=2)
    drawing = mdp.draw_episode(GRID, states, actions, rewards, steps=2)
    shown, told = words(drawing)
    gain = mdp.discounted_return(rewards, 0.9)
    assert {"S₀", "A₀", "R₁", "S₁", "A₁", "R₂", "S₂", "γ", "…"} <= set(shown) and "A₂" not in shown
    assert f"= {gain:.3g}, γ = 0.9" in shown and f"The return is {gain:.6g}" in told and "(2, 3)" in shown
    whole, _ = words(mdp.draw_episode(GRID, states, actions, rewards, steps=99))
    assert (
        "…" not in whole
        and "end" in whole
        and f"R{str(len(rewards)).translate(str.maketrans('0123456789', '₀₁₂₃₄₅₆₇₈₉'))}" in whole
    )


def test_a_grid_says_its_values_and_arrows():
    solution = GRID.solve()
    drawing = mdp.draw_grid(solution)
    svg, (shown, told) = drawing._repr_svg_(), words(drawing)
    for s in range(12):
        if s != 5:
            assert f"{solution.values[s]:.3g}".replace("-0", "-0") in shown
    assert "end" in shown and "wall" in told and "Row 2:" in told
    cells = [c for c in range(12) if c not in (0, 5)]
    assert svg.count("<polygon") == sum(int(solution.ties()[c].sum()) for c in cells)
    one = mdp.draw_grid(mdp.gridworld((1, 2), terminals=[(0, 1)]).solve())._repr_svg_()
    tail, tip = (
        float(x) for x in re.search(r'<path d="M([\d.]+) \S+ L[\s\S]*?<polygon points="([\d.]+),', one).groups()
    )
    assert (tail + tip) / 2 == pytest.approx(26 + 76 / 2)  # half of the arrow on each side of the middle


def test_a_grid_before_it_is_solved_says_its_rewards_ends_and_start():
    """The reward of entering is found again from expected rewards, slips and bumps into walls included."""
    ends = {(0, 3): 1.0, (1, 3): -1.0}
    grid = mdp.gridworld((3, 4), ends, [(1, 1)], slip=0.2, step_reward=-0.04, rewards={(2, 1): 0.5}, start=(2, 0))
    drawing = mdp.draw_grid(grid)
    svg, (shown, told) = drawing._repr_svg_(), words(drawing)
    assert "reward of entering the cell" in shown and "<polygon" not in svg
    assert shown.count("-0.04") == 8 and shown.count("end") == 2 and shown.count("start") == 1
    assert "Row 0: -0.04, -0.04, -0.04, 0.96 end. Row 1: -0.04, wall, -0.04, -1.04 end." in told
    assert "Row 2: -0.04 start, 0.46, -0.04, -0.04." in told
    assert 'alt="Rewards on a grid of 3 x 4 cells' in grid._repr_html_() and "in (2, 0)" in grid._repr_html_()
    assert 'alt="Rewards on a grid of 20 x 20 cells' in mdp.gridworld((20, 20))._repr_html_()


def test_rewards_that_do_not_follow_from_the_cell_entered_stand_where_they_are_earned():
    """Sutton and Barto's grid: bumping costs 1, two cells carry you off; no reward of entering explains that."""
    shown, told = words(mdp.draw_grid(mdp.teleport_gridworld()))
    assert "reward of leaving the cell, from least to most" in shown and shown.count("-1 to 0") == 14
    assert "10 to (4, 1)" in told and "5 to (2, 3)" in told
    alone = words(mdp.draw_grid(mdp.gridworld((1, 1), terminals=[], discount=0.9)))  # who stays does not jump
    assert "-1" in alone[0] and "to (" not in alone[1]
    to_and_fro = mdp.gridworld((2, 2), slip=1.0)  # nobody steps where they want: each cell is entered as often
    assert "of leaving" in words(mdp.draw_grid(to_and_fro))[1]


@pytest.mark.parametrize(
    ("start", "marked"), [(None, 0), ((1, 2), 1), ({(0, 0): 0.5, (1, 2): 0.5}, 2), ([1 / 11] * 11 + [0.0], 0)]
)
def test_where_episodes_begin(start, marked):
    shown, _ = words(mdp.draw_grid(mdp.gridworld((3, 4), terminals=[(2, 3)], start=start)))
    assert shown.count("start") == marked


def drawings():
    solution = GRID.solve()
    yield mdp.draw_process(NAMED)
    yield mdp.draw_episode(GRID, *GRID.episode(solution.policy, rng=0))
    yield mdp.draw_grid(solution)
    yield from (figure.make() for name, figure in FIGURES.items() if name.startswith("8-"))


def test_every_drawing_is_plain_themed_and_described():
    for drawing in drawings():
        root = ET.fromstring(drawing._repr_svg_())
        assert root.get("role") == "img"
        for tag in ("title", "desc"):
            assert root.find(f"{{http://www.w3.org/2000/svg}}{tag}").text
        used = {e.tag.partition("}")[2] for e in root.iter()}
        assert used <= TAGS | {"rect", "circle"}
        names = {a for e in root.iter() for a in e.attrib}
        assert names <= ATTRIBUTES | {"rx", "r", "role"}
        colours = {e.get(a) for e in root.iter() for a in ("fill", "stroke")} - {None, "none", "transparent"}
        assert colours <= set(LIGHT_TO_DARK), colours


def test_drawings_are_written_and_not_over_others(tmp_path):
    path = mdp.draw_process(NAMED, tmp_path / "p.svg")
    assert path.read_text() == mdp.draw_process(NAMED)._repr_svg_()
    assert mdp.draw_grid(GRID.solve(), tmp_path / "g.svg").exists()
    assert mdp.draw_episode(GRID, *GRID.episode(GRID.solve().policy, 0), path=tmp_path / "e.png").read_bytes()[:4]
    with pytest.raises(DifflabError, match="force"):
        mdp.draw_process(NAMED, path)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: mdp.draw_process(mdp.gridworld((20, 20))), "would be 1,992 boxes, more than 120"),
        (lambda: mdp.draw_process(3), "draw_process: 3 is not a solution"),
        (lambda: mdp.draw_process(NAMED, "p.gif"), "'p.gif' ends in .gif"),
        (lambda: mdp.draw_grid(3), "draw_grid: 3 is not a solution"),
        (lambda: mdp.draw_grid(NAMED), "is no grid"),
        (lambda: mdp.draw_grid(mdp.gridworld((30, 2))), "30 x 2 has no room"),
        (lambda: mdp.draw_grid(GRID.solve(), "g.png"), "g.png.*written as .svg"),
        (lambda: mdp.draw_grid(NAMED.solve()), "is no grid"),
        (lambda: mdp.draw_grid(mdp.gridworld((2, 30)).solve()), "2 x 30 has no room"),
        (lambda: mdp.draw_episode(GRID, [0], [], []), "has no steps"),
        (lambda: mdp.draw_episode(GRID, [0, 1], [1], [1.0, 2.0]), r"shapes \(2,\), \(1,\), \(2,\)"),
        (lambda: mdp.draw_episode(GRID, [0, 99], [1], [1.0]), "give what MDP.episode returns"),
    ],
)
def test_what_cannot_be_drawn(call, told):
    with pytest.raises(DifflabError, match=told):
        call()


def test_the_figures_of_chapter_8():
    names = [name for name in FIGURES if name.startswith("8-")]
    assert [n.partition("-")[2] for n in names] == [
        "1-agent-and-environment", "2-1-process", "2-1-gridworld", "2-2-bellman-backup", "2-2-value-iteration",
    ]  # fmt: skip
    backup = FIGURES["8-2-2-bellman-backup"].make()
    grid = mdp.gridworld((3, 3), terminals=[(0, 1)], slip=0.2, discount=0.9)
    assert float(backup.values[backup.graph.outputs[0]]) == pytest.approx(grid.solve().q[4, 0])


@pytest.mark.parametrize(("apart", "told"), [(0.0, False), (1e-6, False), (1e-3, True), (0.5, True)])
def test_rewards_of_entering_are_only_told_where_one_choice_of_them_fits(apart, told):
    """Two states that are entered with almost the same chances: many rewards explain the process nearly as well."""
    rewards = np.array([3.0, -1.0])
    chances = np.array([[0.5, 0.5], [0.5 + apart, 0.5 - apart]])
    found = entering(mdp.MDP.from_arrays(chances[None], (chances @ rewards)[:, None], 0.9))
    if told:
        np.testing.assert_allclose(found, rewards, rtol=1e-8)
    else:
        assert found is None
