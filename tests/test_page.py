"""The step-through page as a file: complete in itself, small, safe, and what it says when it cannot compute."""

from __future__ import annotations

import html
import importlib
import json
import re

import numpy as np
import pytest

import difflab as dl
from benchmarks.page import chain
from difflab.draw.page import page_of
from difflab.draw.page.why import ANSWERS
from difflab.errors import DrawError


def passes(text, **at):
    return dl.parse(text).forward(**at).backward()


def data_of(page):
    """The page's data, its nodes unfolded as the script does it."""
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    data["nodes"] = [
        {"name": name, "operands": operands} | data["alike"][like] | (own[0] if own else {})
        for name, operands, like, *own in data["nodes"]
    ]
    return data


def test_the_page_is_complete_in_itself():
    page = page_of(passes("1/(1+exp(-(w*x+b)))", w=2.0, x=-1.0, b=0.5))
    outside = re.findall(r"(?:https?:)?//[\w.]+", re.sub("http://www.w3.org/(2000/svg|1998/Math/MathML)", "", page))
    assert [found for found in outside if "." in found] == []
    assert not re.search(r"<(?:link|img|iframe|object|base|form)\b|\bon\w+\s*=\s*[\"']|style=\"", page)
    assert "default-src 'none'" in page and "unsafe" not in page


def test_the_same_pass_gives_the_same_page():
    make = lambda: page_of(passes("sin(x) * y", x=1.0, y=2.0), ulps=False)
    assert make() == make()


def test_the_scripts_are_shortened_once(monkeypatch):
    """That takes most of the time of making a page, and many are made in one process: by a gallery, by the lab."""
    page_of(passes("x * y", x=1.0, y=2.0), ulps=False)
    lengths = []
    module = importlib.import_module("difflab.draw.page.document")  # the package has a function of that name
    monkeypatch.setattr(module, "compact", lambda script: lengths.append(len(script)) or script)
    page_of(passes("x + y", x=1.0, y=2.0), ulps=False)
    assert sum(lengths) < 1000


def test_sixty_nodes_take_less_than_150_kilobytes():
    backward = passes(chain(60), x=0.5, y=0.3)
    assert len(backward.forward.graph) >= 60
    assert len(page_of(backward).encode()) < 150_000


def test_a_large_graph_is_drawn_in_short_wires():
    backward = passes(chain(300), x=0.5, y=0.3)
    page = page_of(backward, ulps=False)
    assert page.count("data-r=") > 100  # x and y stand again beside each use
    uses = {int(k) for wire in re.findall(r'data-e="([\d ]+)"', page) for k in wire.split()}
    assert uses == set(range(len(data_of(page)["edges"])))


HOSTILE = '</script><img src=x onerror="alert(1)">&amp;{}\u2028\x00'


def test_text_of_the_user_stays_text():
    graph = dl.parse("x * y")
    page = page_of(graph.forward(x=1.0, y=2.0).backward(), title=HOSTILE, ulps=False)
    assert "<img" not in page and html.escape('<img src=x onerror="alert(1)">') in page
    assert page.count("<script") == page.count("</script>") == 2

    def f(x):
        with dl.block(HOSTILE):
            return np.sin(x)

    made = dl.trace(f, 1.0)
    page = page_of(made.forward(x=1.0).backward(), ulps=False)
    assert "<img" not in page and page.count("</script>") == 2
    assert any("<img src=x" in str(n.get("block")) for n in data_of(page)["nodes"])


@pytest.mark.parametrize(
    "f, at, reason",
    [
        (lambda x: np.sum(np.tanh(x)), np.ones(401), "x has 401 entries, and a page moves arrays of 1 to 400"),
        (lambda x: np.sum(np.ones((21, 20)) * x), 1.0, "420 entries"),
        (lambda x: np.sum(np.abs(x)), np.array([1j, 2.0]), "sliders are for doubles, and x is none"),
        (lambda x: np.real(np.fft.fft(np.stack([x, x]))[0]), 1.0, "real numbers"),
        (lambda x: np.sum(np.linalg.svd(x)[1]), np.ones((2, 2)), "page"),
        (lambda x: np.sum(x), np.ones(3, np.float32), "doubles"),
        (lambda x: x * x, np.float32(2), "doubles"),
    ],
)
def test_what_cannot_move_is_recorded_and_says_why(f, at, reason):
    graph = dl.trace(f, at)
    page = page_of(graph.forward(x=at).backward(), ulps=False)
    assert "Recorded steps" in page and reason in page and "const FORMS = null" in page


QUESTIONS = [
    (lambda: passes("x * y", x=1.0, y=2.0), "order parts sum kink step sweeps swell certified"),
    (lambda: dl.parse("x * y").forward(x=1.0, y=2.0), ""),
    (lambda: passes("sum(relu(x))", x=np.array([1.0, -1.0])), "order parts sum vjp kink step sweeps"),
    (lambda: dl.trace(dl.block(np.sin, name="wave"), 1.0).forward(1.0).backward(),
     "block order parts sum kink step sweeps swell certified"),
]  # fmt: skip


@pytest.mark.parametrize("make, asked", QUESTIONS, ids=["scalars", "forward", "arrays", "block"])
def test_questions_stand_where_there_is_something_to_ask(make, asked):
    page = page_of(make())
    found = re.findall(r'<details class="why"><summary>(.*?)</summary><p>(.*?)</p>', page)
    told = [(html.unescape(question), html.unescape(answer)) for question, answer in found]
    assert told == [ANSWERS[name] for name in asked.split()]


def test_every_question_of_a_page_is_asked_somewhere():
    assert {name for _, asked in QUESTIONS for name in asked.split()} == set(ANSWERS)


def test_a_forward_pass_alone_has_a_page():
    page = page_of(dl.parse("x * y").forward(x=1.0, y=2.0))
    assert data_of(page)["edges"] == [] and '<select id="order"' not in page and 'id="methods"' not in page


@pytest.mark.parametrize("thing", [dl.parse("x * y"), 3, "x"])
def test_what_has_no_values_has_no_page(thing, tmp_path):
    with pytest.raises(DrawError, match="forward"):
        page_of(thing)
    with pytest.raises(DrawError):
        dl.draw(thing, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_a_page_takes_no_view(tmp_path):
    with pytest.raises(DrawError, match="title="):
        dl.draw(passes("x * y", x=1.0, y=2.0), tmp_path / "page.html", view="forward")


def test_jupyter_gets_a_frame_that_may_only_run_scripts():
    shown = passes("x * y", x=1.0, y=2.0)._repr_html_()
    assert re.search(r'<iframe srcdoc="[^"]+" sandbox="allow-scripts"', shown)
    assert html.unescape(re.search(r'srcdoc="([^"]+)"', shown)[1]).startswith("<!DOCTYPE html>")


def test_heat_maps_show_signs_and_sizes():
    x = np.zeros((30, 20))
    x[::29, ::19] = [[1.0, -1.0], [0.0, np.nan]]
    found = data_of(page_of(dl.trace(np.sum, x).forward(x), ulps=False))
    rows = found["nodes"][0]["heat"]["rows"]
    assert [len(row) for row in rows] == [12] * 8
    assert len({rows[0][0], rows[0][-1], rows[-1][0], rows[-1][-1]}) == 4 and rows[-1][-1] == " "


@pytest.mark.parametrize(
    "shape, run, expected",
    [
        (
            (1, 1, 5, 6),
            lambda F, x: F.conv2d(x, np.ones((1, 1, 3, 2)), stride=(2, 1), padding=1),
            ([3, 2], [2, 1], [1, 1]),
        ),
        ((2, 3, 4, 4), lambda F, x: F.max_pool2d(x, 2), ([2, 2], [2, 2], [0, 0])),
        ((2, 3, 4, 4), lambda F, x: F.avg_pool2d(x, 3, 1), ([3, 3], [1, 1], [0, 0])),
        ((1, 1, 5, 5), lambda F, x: F.conv2d(x, np.ones((1, 1, 2, 2)), dilation=2), None),
        ((1, 1, 30, 30), lambda F, x: F.max_pool2d(x, 2), None),  # a sample of the entries: no place for a window
        ((1, 1, 9), lambda F, x: F.conv1d(x, np.ones((1, 1, 3))), None),
        ((2, 2), lambda F, x: np.tanh(x), None),
    ],
)
def test_windows_that_slide(shape, run, expected):
    x = np.arange(np.prod(shape), dtype=float).reshape(shape)
    found = data_of(page_of(dl.trace(lambda x: run(dl.nn.functional, x), x).forward(x), ulps=False))
    windows = [n["window"] for n in found["nodes"] if n.get("window")]
    assert [(w["size"], w["stride"], w["padding"]) for w in windows] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    "text, at",
    [
        ("where(x == 0, 1, sin(x)/x)", dict(x=0.5)),
        ("clip(x, 0, y) * clip(1, x, y)", dict(x=0.5, y=2.0)),
        ("where(x > 0, x, 0) + round(x)", dict(x=0.5)),
    ],
)
def test_constants_among_operands_move_too(text, at):
    backward = passes(text, **at)
    assert backward.edges and "Recorded steps" not in page_of(backward, ulps=False)


def test_scans_have_their_steps():
    f = lambda x: dl.scan(lambda c, t: (c * x + t, c), 1.0, np.arange(3.0))[0]
    backward = dl.trace(f, 2.0).forward(2.0).backward()
    assert backward.edges[-1].source is backward.graph.inputs[0] and backward.edges[-1].downstream == 13.0


@pytest.mark.parametrize(
    "text, formula",
    [
        ("x**2", "2·⟦0⟧"),
        ("x**y", "⟦1⟧·⟦0⟧**(⟦1⟧ - 1) where ⟦1⟧ ≠ 0 ∨ isfinite(⟦0⟧**(⟦1⟧ - 1))"),
        ("relu(x)", "1 where ⟦0⟧ > 0"),
        ("max(x, y)", "where(⟦0⟧ = ⟦1⟧, 0.5, 1) where ⟦0⟧ ≥ ⟦1⟧"),
    ],
)
def test_local_derivatives_are_written_whole(text, formula):
    graph = dl.parse(text)
    page = page_of(graph.forward(**{str(n.name): 0.5 for n in graph.inputs}).backward(), ulps=False)
    assert data_of(page)["edges"][0][3] == formula


def test_without_scripts_the_numbers_are_there():
    page = page_of(passes("x * y", x=2.0, y=3.5), ulps=False)
    still = re.search(r"<noscript>(.*?)</noscript>", page, re.S)[1]
    assert "<td>v1<td>7<td>1" in still and "<td>x<td>2<td>3.5" in still


def test_a_constant_has_no_page():
    with pytest.raises(DrawError, match="the constant 5"):
        page_of(dl.parse("2 + 3"))


def test_sixty_nodes_of_arrays_take_less_than_185_kilobytes():
    def f(x, y):
        for _ in range(15):
            x = np.tanh(x * y) + x / 2
        return np.sum(x)

    at = np.full((3, 3), 0.5), np.full(3, 0.3)
    backward = dl.trace(f, *at).forward(*at).backward()
    assert len(backward.forward.graph.operations) >= 60
    page = page_of(backward, ulps=False)
    assert "const OPS = [" in page and len(page.encode()) < 185_000


def test_a_page_has_the_functions_of_lists_that_it_calls():
    x = np.array([1.0, 3.0, 2.0])
    page_with = lambda f: page_of(dl.trace(f, x).forward(x).backward(), ulps=False)
    page = page_with(lambda x: np.max(x) * np.min(x))
    assert "LISTS={largest,smallest},GAPS={largest:lead,smallest:trail};" in page
    assert "function trail(" in page and "function determinant(" not in page
    assert "LISTS={},GAPS={};" in page_with(lambda x: np.sum(np.tanh(x)))
