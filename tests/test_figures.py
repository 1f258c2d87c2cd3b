"""What pictures of networks and of processes hold: every number, text and colour of the drawn objects.

`figures.json` has what was drawn when somebody had last looked at the pictures; `pytest tests/test_figures.py
--write-figures` writes it anew. Positions that matplotlib works out itself are not in it.
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest
from recorded import record, recorded
from torch_cases import rng_array, summed

from difflab import mdp, nn
from difflab.mdp import pictures as planned
from difflab.nn import descent, pictures

FILE = Path(__file__).with_name("figures.json")


GIVEN = ("FixedFormatter", "FuncFormatter", "NullFormatter")  # of ticks whose labels are not matplotlib's own


def number(x):
    return round(float(x), 6)


def told(x):
    """Shape and weighted sum of an array, without what is no number."""
    shape, total, _ = summed(np.ma.filled(np.ma.asarray(x, dtype=float), np.nan))
    return [*shape, float(f"{total:.6g}")]


def colour(c):
    from matplotlib.colors import to_hex

    return to_hex(c, keep_alpha=True)


def text(t):
    x, y = t.get_position()
    place = [number(x), number(y)]
    return [t.get_text(), *place, number(t.get_fontsize()), colour(t.get_color()), t.get_ha(), t.get_va()]


def box(p):
    return [number(v) for v in (p.get_x(), p.get_y(), p.get_width(), p.get_height())] if hasattr(p, "get_width") else []


def artists(axes):
    """Lines, images, shapes, texts and legends of one plot."""
    found = {"title": axes.get_title(), "labels": [axes.get_xlabel(), axes.get_ylabel()]}
    found["scales"] = [axes.get_xscale(), axes.get_yscale(), axes.axison, axes.get_frame_on()]
    found["size"] = [number(axes.title.get_fontsize()), number(axes.yaxis.label.get_fontsize())]
    if not axes.get_autoscale_on():
        found["limits"] = [*map(number, axes.get_xlim()), *map(number, axes.get_ylim())]
    found["lines"] = [
        [line.get_label(), line.get_marker(), number(line.get_markersize()), number(line.get_linewidth()),
         line.get_linestyle(), colour(line.get_color()), told(line.get_xdata()), told(line.get_ydata())]
        for line in axes.lines
    ]  # fmt: skip
    found["images"] = [
        [
            i.get_cmap().name,
            i.get_interpolation().replace("antialiased", "auto"),
            *map(number, (*i.get_clim(), *i.get_extent())),
            told(i.get_array()),
        ]
        for i in axes.images
    ]
    found["patches"] = [
        [type(p).__name__, colour(p.get_facecolor()), colour(p.get_edgecolor()), told(p.get_path().vertices), *box(p)]
        for p in axes.patches
    ]
    if len(found["patches"]) > 8:
        found["patches"] = [len(found["patches"]), told([p[4:8] for p in found["patches"]]), found["patches"][0]]
    found["collections"] = [
        [type(c).__name__, told(c.get_offsets()), told([v for p in c.get_paths() for v in p.vertices]),
         told(c.get_facecolor()), told(c.get_edgecolor()), told(c.get_linewidth())]
        for c in axes.collections
    ]  # fmt: skip
    found["texts"] = [text(t) for t in axes.texts]
    fixed = [a for a in (axes.xaxis, axes.yaxis) if type(a.get_major_formatter()).__name__ in GIVEN]
    found["ticks"] = [[t.get_text() for t in axis.get_ticklabels()] for axis in fixed]
    legend = axes.get_legend()
    found["legend"] = [t.get_text() for t in legend.get_texts()] if legend else []
    return {k: v for k, v in found.items() if v not in ([], "")}


def described(figure):
    return {"size": list(map(number, figure.get_size_inches())), "axes": [artists(a) for a in figure.axes],
            "texts": [text(t) for t in figure.texts]}  # fmt: skip


HISTORY = [
    {"epoch": k, "train_loss": 1 / k, "test_loss": None if k == 2 else 1.5 / k, "train_accuracy": 0.5 + 0.1 * k,
     "test_accuracy": 0.4 + 0.1 * k}
    for k in (1, 2, 3)
]  # fmt: skip
LOSSES = [{**r, "train_accuracy": None, "test_accuracy": None, "test_loss": None} for r in HISTORY]
TRUTH, GUESS = np.array([0, 0, 1, 2, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 2, 0])
SCORES = 4 * np.eye(3)[GUESS] + rng_array((7, 3))
IMAGES = np.abs(rng_array((7, 1, 4, 4), 2))
NET = nn.Sequential({"conv": nn.Conv2d(1, 3, 3), "relu": nn.ReLU(), "flat": nn.Flatten(), "linear": nn.Linear(12, 3)})
PARAMS, STATE = NET.init(0)
GRID = mdp.gridworld((3, 4), walls=[(1, 1)], terminals=[(0, 3)], rewards={(0, 3): 1.0}, slip=0.2, discount=0.9)
SOLVED = GRID.solve()
CHAIN = mdp.MDP.from_arrays(np.random.default_rng(0).dirichlet(np.ones(5), size=(2, 5)), rng_array((5, 2)), 0.8).solve()


def inspected():
    from difflab.nn.inspect import inspect

    return inspect(NET, PARAMS, STATE, IMAGES, TRUTH, nn.functional.cross_entropy).plot()


def pole(solution, process):
    from difflab.mdp.sensitivity import sensitivity

    return planned.plot_sensitivity(process, sensitivity(solution).visits, title="visits")


PICTURES = {
    "learning curves": lambda path: pictures.learning_curves(HISTORY),
    "losses": lambda path: pictures.learning_curves(LOSSES),
    "confusion": lambda path: pictures.confusion(TRUTH, GUESS, ("a", "b", "c")),
    "confusion of many": lambda path: pictures.confusion(TRUTH, GUESS, tuple(f"class {k}" for k in range(21))),
    "mistakes": lambda path: pictures.mistakes(IMAGES, SCORES, TRUTH, ("a", "b", "c")),
    "kernels of a layer": lambda path: pictures.first_kernels(NET, PARAMS),
    "maps": lambda path: pictures.activation_maps(NET, PARAMS, STATE, IMAGES[0]),
    "inspection": lambda path: inspected(),
    "grid": lambda path: planned.plot_solution(SOLVED),
    "chain": lambda path: planned.plot_solution(CHAIN),
    "action values": lambda path: planned.plot_q(SOLVED),
    "convergence": lambda path: planned.plot_convergence({"one": SOLVED, "two": CHAIN}),
    "sensitivity": lambda path: pole(SOLVED, GRID),
    "sensitivity of a chain": lambda path: pole(CHAIN, CHAIN.process),
    "episode": lambda path: planned.plot_episode(GRID, np.array([8, 4, 0, 0, 1, 2, 3])),
    "ravine": lambda path: descent.descent_picture("ravine", path, steps=30),
    "rosenbrock": lambda path: descent.descent_picture("rosenbrock", path, steps=30),
    "saddle": lambda path: descent.descent_picture("saddle", path, steps=30),
    "step sizes": lambda path: descent.step_size_picture(path),
    "momentum": lambda path: descent.momentum_picture(path),
    "rates": lambda path: descent.convergence_picture(path),
    "photograph": lambda path: descent.kernels_picture(path),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_holds_what_it_held(name, tmp_path, monkeypatch, request):
    saved = []
    save = matplotlib.figure.Figure.savefig

    def savefig(figure, *args, **kwargs):
        saved.append(figure)
        save(figure, *args, **kwargs | {"dpi": 20})

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", savefig)
    made = PICTURES[name](tmp_path / "picture.png")
    found = described(saved[0] if saved else made)
    if request.config.option.write_figures:
        record(FILE, recorded(FILE) | {name: found})
    differ(json.loads(json.dumps(found)), recorded(FILE)[name], name)


def differ(found, want, where):
    """Fails with the place where two descriptions differ; numbers to five digits."""
    assert type(found) is type(want) or {type(found), type(want)} <= {int, float}, where
    if isinstance(want, dict):
        assert found.keys() == want.keys(), where
        for key in want:
            differ(found[key], want[key], f"{where}: {key}")
    elif isinstance(want, list):
        assert len(found) == len(want), where
        for k, (a, b) in enumerate(zip(found, want)):
            differ(a, b, f"{where}: {k}")
    else:
        near = pytest.approx(want, rel=1e-5, abs=1e-5, nan_ok=True) if isinstance(want, float) else want
        assert found == near, where
