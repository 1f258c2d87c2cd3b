"""Pictures, files and the shell command of Markov decision processes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from patience import HANGS
from PIL import Image

import difflab as dl
from difflab import mdp
from difflab.cli.mdp import places
from difflab.errors import ShapeError


@pytest.fixture(scope="module")
def grid():
    return mdp.gridworld((4, 5), walls=[(1, 1)], slip=0.1, discount=0.9)


@pytest.fixture(scope="module")
def solution(grid):
    return grid.solve()


def colours(path):
    return len(np.unique(np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3), axis=0))


def test_every_picture_is_written(grid, solution, tmp_path):
    states, _, _ = grid.episode(np.full((20, 4), 0.25), rng=0, start=7)
    s = mdp.sensitivity(solution, of=7)
    runs = {m: grid.solve(m) for m in ("value_iteration", "policy_iteration")}
    for name, made in {
        "values": mdp.plot_solution(solution, tmp_path / "values.png"),
        "q": mdp.plot_q(solution, tmp_path / "q.png"),
        "convergence": mdp.plot_convergence(runs, tmp_path / "convergence.png"),
        "sensitivity": mdp.plot_sensitivity(grid, s.rewards, tmp_path / "sensitivity.png"),
        "episode": mdp.plot_episode(grid, states, tmp_path / "episode.png"),
        "bars": mdp.plot_solution(
            mdp.MDP.from_arrays(np.eye(3)[None], np.ones((3, 1)), 0.5).solve(), tmp_path / "b.png"
        ),
    }.items():
        assert colours(made) > 30, name
    with pytest.raises(dl.DifflabError, match="exists already"):
        mdp.plot_q(solution, tmp_path / "q.png")


def test_a_large_grid_is_an_image(tmp_path):
    grid = mdp.gridworld((120, 150), discount=0.95)
    assert colours(mdp.plot_solution(grid.solve(tolerance=1e-3), tmp_path / "large.png")) > 50
    with pytest.raises(dl.DifflabError, match="no room"):
        mdp.plot_q(grid.solve(tolerance=1e-3))


def test_the_backup_is_a_graph_with_the_right_values(grid, solution):
    whole = mdp.backup_graph(grid)
    assert np.allclose(whole(v=solution.values), solution.values, atol=1e-5)
    one = mdp.backup_graph(grid, state=7)
    values = {n.name: solution.values[int(n.name[1:])] for n in one.inputs}
    assert float(one(**values)) == pytest.approx(solution.values[7], abs=1e-5)
    assert one.node("q1") is not None and "<svg" in one._repr_svg_()


@pytest.mark.parametrize("make", [lambda: mdp.gridworld((3, 4), slip=0.2, discount=0.9), mdp.teleport_gridworld])
def test_npz_round_trip(make, tmp_path):
    process = make()
    again = mdp.load(mdp.save(process, tmp_path / "p.npz"))
    assert np.allclose(again.solve(tolerance=1e-9).values, process.solve(tolerance=1e-9).values, atol=1e-8)
    assert np.array_equal(again.terminal, process.terminal)


FILES = [
    ("a.json", '{"discount": 0.5, "transitions": [["a", "go", 1, "b", 2], ["b", "go", 1, "a", 0]]}', [8 / 3, 4 / 3]),
    ("b.json", '{"discount": 0.5, "transitions": [[0, 0, 1, 1, 2]], "terminals": [1]}', [2, 0]),
    ("c.txt", "##G\nS..\n", None),
    ("c.txt", "\ufeff##G\nS..\n", None),  # as some editors save it
]


@pytest.mark.parametrize("name, text, values", FILES, ids=[n for n, _, _ in FILES])
def test_files_that_are_read(name, text, values, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    s = mdp.load(path).solve(tolerance=1e-9)
    assert np.allclose(s.values, values) if values else s.values[5] == pytest.approx(1 - 0.04)


BAD = [
    ("x.json", "{", "is not JSON"),
    ("x.json", '{"transitions": 3}', '"transitions"'),
    ("x.json", '{"transitions": [[0, 0, NaN, 1, 2]]}', "holds NaN"),
    ("x.json", '{"discount": 0.5, "discount": 1, "transitions": []}', "'discount' twice"),
    ("x.json", '{"discount": 0.5, "transitions": [[0, 0, 1]]}', "transition 0"),
    ("x.json", "[" * 100_000, "is not JSON"),
    ("x.json", '{"discount": 0.5, "transitions": [[0, 0, 0.4, 0, 1]]}', "sum to 0.4"),
    ("x.json", '{"discount": "x", "transitions": [[0, 0, 1, 1, 2]]}', "the discount 'x'"),
    ("x.json", '{"discount": %s, "transitions": [[0, 0, 1, 0, 2]]}' % ("9" * 400), "the discount '999"),
    ("x.json", '{"discount": 0.5, "transitions": [[0, 0, 1, 0, %s]]}' % ("9" * 400), "transition 0"),
    ("x.json", '{"discount": 0.5, "transitions": [[0, 0, 1, %s, 0]]}' % ("9" * 5000), "is not JSON"),
    ("x.json", '{"discount": 0.5, "transitions": [[0, 0, true, 0, 1]]}', "transition 0"),
    ("x.json", '{"discount": 0.5, "transitions": [[0, 0, 1, 0, 1e999]]}', "transition 0"),
    ("x.json", '{"discount": 0.5, "transitions": [[0, 0, 1, 0, 1]], "terminals": 5}', "the \"terminals\" '5'"),
    ("x.txt", "S?G", "'?'"),
    ("x.txt", "S.G\n\nS?G", "line 3, column 2"),
    ("x.txt", "", "empty map"),
    ("x.json", '{"discount": 0.9, "transitions": [[0, 0, -1, 0, 1], [0, 0, 2, 0, 1]]}', "has the probability -1"),
    ("x.json", '{"discount": 0.9, "transitions": [[0, 2000000, 1, 0, 1]]}', "action 2000000 is too large"),
    ("x.npz", "no zip", "no .npz"),
    ("x.csv", "1", "read from .npz"),
]


@pytest.mark.parametrize("name, text, words", BAD, ids=[w for _, _, w in BAD])
def test_files_that_are_refused(name, text, words, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        mdp.load(path)
    assert words in str(error.value) and name in str(error.value)


def test_errors_about_shapes_name_the_file(tmp_path):
    np.savez(tmp_path / "flat.npz", P=np.ones((2, 2)), R=np.ones(2), discount=0.9)
    with pytest.raises(ShapeError, match=r"^flat.npz: mdp: P has shape \(2, 2\)"):
        mdp.load(tmp_path / "flat.npz")


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    """Whatever is changed in a file, what comes is a process or an error of difflab."""
    rng, grid = np.random.default_rng(0), mdp.gridworld((3, 3), slip=0.1, discount=0.9)
    P, R = grid.dense()
    saved = dict(np.load(mdp.save(grid, tmp_path / "grid.npz")))
    plain = {"P": P, "R": R, "discount": np.float64(0.9), "terminals": np.array([0])}
    changes = [
        lambda a: a.astype(complex), lambda a: a.astype(str), lambda a: a[..., None], lambda a: np.zeros(0),
        lambda a: np.array(3), lambda a: a.astype(bool), lambda a: np.full(a.shape, np.nan), lambda a: -a - 1,
        lambda a: a.ravel()[:-1], lambda a: np.full(a.shape, 10**9), lambda a: np.full(a.shape, 1e18),
        lambda a: rng.permutation(a.ravel()).reshape(a.shape),
    ]  # fmt: skip
    refused = 0
    for arrays in (saved, plain):
        for name in arrays:
            for k, change in enumerate(changes):
                path = tmp_path / f"{name}{k}.npz"
                np.savez(path, **(arrays | {name: change(arrays[name])}))
                try:
                    mdp.load(path).solve()
                except dl.DifflabError:
                    refused += 1
    assert refused > 100


def test_no_pickle_is_loaded(tmp_path):
    np.savez(tmp_path / "p.npz", P=np.array([object()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="plain arrays"):
        mdp.load(tmp_path / "p.npz")


def shell(*words, given=None):
    line = [sys.executable, "-m", "difflab", "mdp", *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=HANGS, input=given)


def test_the_command_prints_a_grid_and_writes_a_folder(tmp_path):
    out = tmp_path / "out"
    r = shell("gridworld", "--shape", "4x4", "--gamma", "0.9", "--slip", "0.1", "--out", str(out), "--progress")
    assert r.returncode == 0 and "proven" in r.stdout and "→" in r.stdout and "auto chose" in r.stdout
    names = {p.name for p in out.iterdir()}
    assert names == {"solution.json", "solution.npz", "values.png", "report.html"}
    page = (out / "report.html").read_text()
    assert (
        page.count("<img") == 5
        and page.count("<svg") == 1
        and "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    )
    again = shell("gridworld", "--out", str(out))
    assert again.returncode == 2 and "exists already" in again.stderr
    assert shell("gridworld", "--out", str(out), "--force").returncode == 0


def test_json_is_strict():
    r = shell("gridworld", "--json", "--method", "value_iteration")
    found = json.loads(r.stdout, parse_constant=lambda name: pytest.fail(name))
    assert r.returncode == 0 and found["values"][0] == 0 and found["error_bound"] <= 1e-6 and len(found["q"]) == 25


@pytest.mark.parametrize(
    "words, told",
    [
        (["gridworld", "--gamma", "1.5"], "discount=1.5"),
        (["gridworld", "--shape", "3"], "--shape '3'"),
        (["gridworld", "--shape", "9" * 5000 + "x1"], "give rows x columns"),
        (["gridworld", "--walls", "a"], "--walls 'a'"),
        (["gridworld", "--walls", "--1,0"], "--walls '--1,0'"),
        (["gridworld", "--shape", "1000000x1000000"], "more than 100,000,000"),
        (["gridworld", "--out", "a/b/c"], "does not exist"),
        (["map.txt", "--slip", "0.1"], "--slip is for gridworld"),
        (["gymnasium:CartPole-v1"], "mdp"),
        (["gridworld", "--method", "luck"], "no method 'luck'"),
        (["gridworld", "--tolerance", "-1"], "tolerance=-1"),
        (["gridworld", "--horizon", "3"], "--method finite"),
        (["nothing.npz"], "cannot be read"),
        (["gymnasium:Nothing-v0"], "Nothing"),
    ],
)
def test_bad_input_ends_with_two(words, told):
    r = shell(*words)
    assert r.returncode == 2 and told in r.stderr and "Traceback" not in r.stderr and len(r.stderr) < 5000


def test_a_start_of_thousands_of_digits_is_a_name():
    assert places("12", grid=False) == {12: 1.0} and places("9" * 5000, grid=False) == {"9" * 5000: 1.0}


def test_standard_input_and_names_that_steer_terminals():
    r = shell("-", given='{"discount": 0.5, "transitions": [["\\u001b[31mred", "\\u0007", 1, "\\u001b[31mred", 1]]}')
    assert r.returncode == 0 and "red" in r.stdout and "\x1b" not in r.stdout + r.stderr
    assert shell("-", "--json", given="S.G").returncode == 0
    marked = shell("-", given='\ufeff{"discount": 0.5, "transitions": [[0, 0, 1, 1, 2]], "terminals": [1]}')
    assert marked.returncode == 0 and "2 states" in marked.stdout
    r = shell("-", given="{")
    assert r.returncode == 2 and "standard input" in r.stderr


def test_nothing_is_written_through_links(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "nowhere").symlink_to("missing")
    for name in ("link", "nowhere"):
        r = shell("gridworld", "--out", str(tmp_path / name), "--force")
        assert (
            r.returncode == 2 and "is a link" in r.stderr and not r.stdout and not list((tmp_path / "real").iterdir())
        )


def test_long_names_and_numbers_do_not_overlap(tmp_path):
    """Labels of bars and triangles, measured as they are drawn."""
    from itertools import combinations

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from difflab.mdp.pictures import brief

    states = [f"a long name of state {k}" for k in range(12)]
    named = mdp.MDP.from_function(
        lambda s, a: [(0.7, states[(states.index(s) + 1) % 12], 1.0), (0.3, s, -1.0)], states, ["forward, fast"], 0.9
    )
    big = mdp.gridworld((3, 3), step_reward=-123456.0, slip=0.1, discount=0.9).solve(tolerance=1.0)
    wide = mdp.gridworld((8, 10), slip=0.2, discount=0.95).solve()
    for made in (mdp.plot_solution(named.solve()), mdp.plot_q(big), mdp.plot_q(wide), mdp.plot_solution(big)):
        drawn = FigureCanvasAgg(made).get_renderer()
        made.canvas.draw()
        axes = made.axes[0]
        texts = [t for t in [*axes.texts, *axes.get_xticklabels()] if t.get_text() not in ("", "end")]
        boxes = [t.get_window_extent(drawn) for t in texts]
        clash = [(a.get_text(), b.get_text()) for (a, x), (b, y) in combinations(zip(texts, boxes), 2) if x.overlaps(y)]
        assert not clash, clash[:3]
    assert brief(states[11], 16) != brief(states[10], 16) and len(brief(states[11], 16)) == 16
