"""Plots in reports: two pictures of each, of which a dark page shows the dark one."""

from __future__ import annotations

import base64
import io
import re
from functools import cache

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from patience import shows
from PIL import Image

from difflab import mdp, nn
from difflab.lab import schemes
from difflab.lab.schemes import DARK_GROUND, DPI, GROUND, HOUSE, darken, pictured, rgb
from difflab.mdp import pictures as planning, report
from difflab.nn import pictures as networks

SOLVED = mdp.gridworld((3, 4), terminals=[(0, 3)], walls=[(1, 1)], discount=0.9, slip=0.2, step_reward=-0.1).solve()
CHAIN = mdp.MDP.from_arrays(np.full((2, 2, 2), 0.5), np.eye(2), 0.9).solve()
X, Y = nn.data.blobs(60)
MODEL = nn.models.mlp((2, 8, 3))
INSPECTED = nn.inspect(MODEL, *MODEL.init(0), X, Y, nn.functional.cross_entropy)
TRUTH, GUESS = np.repeat(np.arange(4), 9), np.array([0] * 9 + [1] * 6 + [2] * 12 + [0] * 2 + [3] * 7)
HISTORY = [
    {"epoch": k, "train_loss": 1 / k, "test_loss": 1.2 / k, "train_accuracy": 0.8, "test_accuracy": 0.7}
    for k in (1, 2, 3)
]
CNN = nn.models.cnn(1, 4)
DRAWN = {
    "curves": lambda: networks.learning_curves(HISTORY),
    "confusion": lambda: networks.confusion(TRUTH, GUESS, tuple("abcd")),
    "kernels": lambda: networks.first_kernels(CNN, CNN.init(0)[0]),
    "values": lambda: planning.plot_solution(SOLVED),
    "q": lambda: planning.plot_q(SOLVED),
    "convergence": lambda: planning.plot_convergence({"one": SOLVED}),
    "sensitivity": lambda: planning.plot_sensitivity(SOLVED.process, np.linspace(-1, 1, 12)),
    "bars": lambda: planning.plot_solution(CHAIN),
    "histograms": lambda: INSPECTED.plot(),
    "episode": lambda: planning.plot_episode(SOLVED.process, [9, 8, 7, 3]),
}


@cache
def figure(name):
    return pictured(DRAWN[name], "alt")


def images(html):
    """The light picture and the dark one."""
    dark, light = (Image.open(io.BytesIO(base64.b64decode(d))) for d in re.findall(r"base64,([\w+/=]+)", html))
    return [np.asarray(image.convert("RGB"), float) / 255 for image in (light, dark)]


def brightness(colour):
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour)]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


def contrast(a, b):
    low, high = sorted((brightness(a), brightness(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", DRAWN)
def test_both_schemes_have_their_ground(name):
    light, dark = images(figure(name))
    assert light.shape == dark.shape
    for image, ground in ((light, GROUND), (dark, DARK_GROUND)):
        np.testing.assert_allclose(image[2, 2], rgb(ground), atol=4 / 255)
    white = (dark.min(axis=2) > 0.85).mean()  # letters, and what is highest on a map
    assert white < 0.1


def test_a_figure_is_laid_out_once_and_drawn_twice(monkeypatch):
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda *args: (drawn.append(args[0]), draw(*args))[1])
    pictured(DRAWN["confusion"], "alt")
    assert len(drawn) == 3 and len(set(drawn)) == 1


@pytest.mark.parametrize("name", DRAWN)
def test_both_schemes_have_their_axes_at_one_place(name, monkeypatch):
    places = []
    encode = schemes.png
    monkeypatch.setattr(
        schemes, "png", lambda made: (encode(made), places.append([a.get_position().bounds for a in made.axes]))[0]
    )
    pictured(DRAWN[name], "alt")
    np.testing.assert_allclose(*places, atol=1e-9)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", DRAWN)
def test_every_word_of_a_plot_is_read(name, dark):
    with matplotlib.rc_context(HOUSE):
        made = DRAWN[name]()
    if dark:
        darken(made)
    made.savefig(io.BytesIO())  # what maps have in which colour is only known then
    for text in made.findobj(Text):
        if not text.get_text() or not text.get_visible():
            continue
        own = text.get_bbox_patch()
        on = own.get_facecolor() if own else cell_below(text) or (DARK_GROUND if dark else GROUND)
        assert contrast(text.get_color(), on) >= 4.5, text.get_text()


def cell_below(text):
    """The colour of a heat map where a text stands, None where there is no map."""
    x, y = text.get_position()
    if text.axes is None or text not in text.axes.texts:
        return None
    for drawn in text.axes.images:
        return tuple(drawn.to_rgba(drawn.get_array())[round(float(y)), round(float(x))][:3])
    for drawn in text.axes.collections:
        for path, colour in zip(drawn.get_paths(), drawn.get_facecolor()):
            if path.contains_point((x, y)):
                return tuple(colour[:3])
    return None


@pytest.mark.parametrize("name", DRAWN)
def test_two_pictures_take_no_more_room_than_one(name):
    whole = io.BytesIO()
    DRAWN[name]().savefig(whole, format="png", dpi=DPI)
    sizes = [len(base64.b64decode(d)) for d in re.findall(r"base64,([\w+/=]+)", figure(name))]
    assert len(sizes) == 2 and sum(sizes) < 1.1 * len(whole.getvalue())


def test_what_is_not_drawn_is_no_figure_and_words_are_escaped():
    assert pictured(lambda: None, "none") == ""
    assert 'alt="a &lt; b &quot;c&quot;"' in pictured(DRAWN["curves"], 'a < b "c"')


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_shows_the_pictures_of_its_scheme(visit, tmp_path, dark):
    path = tmp_path / "report.html"
    path.write_text(report.page(SOLVED, "A room"), encoding="utf-8")
    page = visit(path.as_uri(), dark=dark)
    shown = "[...document.images].map(i => [i.currentSrc === i.src, i.naturalWidth > 100])"
    assert page.evaluate(shown) == [[not dark, True]] * 5
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    narrow = visit(path.as_uri(), width=400, dark=dark)
    sizes = "[...document.images].map(i => [i.width / i.naturalWidth, i.parentNode.parentNode.clientWidth])"
    assert all(scale > 0.89 and width < 400 for scale, width in narrow.evaluate(sizes))  # they are read, by scrolling
    assert narrow.evaluate("document.documentElement.scrollWidth") == 400
    page.emulate_media(media="print", color_scheme="dark" if dark else "light")
    printed = f"{shown}.every(i => i[0] && i[1])"
    assert shows(page, printed)
