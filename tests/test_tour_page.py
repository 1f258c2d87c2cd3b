"""The tour's page in a browser: its drawings fill their cards, and their text can be read."""

from __future__ import annotations

import re

import pytest

import difflab as dl
from difflab.draw.dot import dot
from difflab.draw.draw import svg
from difflab.draw.flow import Flow
from difflab.draw.narrow import narrow_svg, width_of
from difflab.lab.tour import STOPS, curves, drawn
from difflab.lab.tour_page import PHONE, Section, page

SIZES = """() => [...document.querySelectorAll("figure svg")].filter((d) => d.checkVisibility()).map((drawn) => {
  const texts = [...drawn.querySelectorAll("text")].filter((t) => t.textContent.trim());
  const sizes = texts.map((t) => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a);
  const figure = drawn.parentElement;
  return { text: Math.min(...sizes), fills: drawn.getBoundingClientRect().width / figure.clientWidth,
           cut: figure.scrollWidth - figure.clientWidth };
})"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    made = [Section(s.title, s.about, s.name, drawn(s)) for s in STOPS]
    made.append(Section("The V-curve", "about", "exp(x)", curves(dl.step_size_study("exp(x)", {"x": 1.0}))))
    made.append(Section("Methods", "about", "x*y", drawn(STOPS[0]), dl.compare("x*y", {"x": 1.0, "y": 1e-3})))
    path = tmp_path_factory.mktemp("tour") / "index.html"
    path.write_text(page(made, (("stop",), [["one"]])), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [1400, 800, 400])
def test_drawings_fill_their_cards_and_are_read(visit, address, width):
    found = visit(address, width=width).evaluate(SIZES)
    assert len(found) == len(STOPS) + 1 and all(f["text"] >= 11 for f in found), found
    assert all(f["cut"] <= 0 for f in found), found
    if width == 1400:
        assert sorted(f["fills"] for f in found)[1] > 0.65  # one goes down, and is not as wide


def sum_of(count):
    return dl.parse(" + ".join(f"w{k}*x{k}" for k in range(count)) + " + b"), {
        name: 0.1 * k - 0.35 for k, name in enumerate([f"{letter}{k}" for letter in "wx" for k in range(count)] + ["b"])
    }


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_narrow_drawing_stays_narrow_and_says_the_same(count):
    graph, at = sum_of(count)
    made = graph.forward(**at).backward()
    down, narrow = svg(made, direction="down"), narrow_svg(made, PHONE)
    assert width_of(narrow) <= PHONE < width_of(down)
    words = lambda drawn: sorted(re.findall(r"[\w.()-]+", re.sub(r"<[^>]*>", " ", drawn[drawn.index("<g") :])))
    assert words(narrow) == words(down)


def test_where_there_is_room_nothing_is_put_below():
    made = dl.parse("x * y").forward(x=2.0, y=3.0).backward()
    heights = [float(re.search(r'height="(\d+)', drawn)[1]) for drawn in (narrow_svg(made, PHONE), narrow_svg(made, 1))]
    assert heights[0] <= heights[1]
    assert narrow_svg(made, PHONE) == narrow_svg(made, 10_000)


CURVES = """() => [...document.querySelectorAll(".difflab-card svg[role=img]")].map((drawn) => {
  const texts = [...drawn.querySelectorAll("text")];
  return Math.min(...texts.map((t) => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a));
})"""

BROKEN = """[...document.querySelectorAll("td")].filter((cell) => {
  if (!/^[-\\d.]+e-\\d+$/.test(cell.textContent)) return false;
  const range = document.createRange();
  range.selectNodeContents(cell);
  return range.getClientRects().length > 1;
}).map((cell) => cell.textContent)"""


@pytest.mark.parametrize("width, dark", [(1400, False), (800, True), (400, True), (400, False)])
def test_everybody_reads_the_tour(visit, address, width, dark):
    page = visit(address, width=width, dark=dark)
    sizes = page.evaluate(CURVES)
    assert len(sizes) == 2 and min(sizes) >= 11, sizes
    assert page.evaluate(BROKEN) == [] and page.evaluate("document.documentElement.scrollWidth") <= width
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_labels_beside_a_wire_begin_with_room():
    chart = Flow([("a", "b", "there")], "There").picture
    across = dot(chart)
    chart.down = True
    assert "&#160;&#160;<font" in dot(chart) and "&#160;&#160;<font" not in across


def test_words_are_not_as_large_as_signs():
    drawn = svg(dl.parse("exp(x) * y").forward(x=1, y=2).backward())
    assert re.search(r'font-size="16.00"[^>]*>×', drawn) and re.search(r'font-size="12.00"[^>]*>exp', drawn)
