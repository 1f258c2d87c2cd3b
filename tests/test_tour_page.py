"""The tour's page in a browser: its drawings fill their cards, and their text can be read."""

from __future__ import annotations

import re

import pytest

import difflab as dl
from difflab.draw.dot import dot
from difflab.draw.draw import svg
from difflab.draw.flow import Flow
from difflab.lab.tour import STOPS, passes
from difflab.lab.tour_page import Figure, Section, page

SIZES = """() => [...document.querySelectorAll("figure svg")].map((drawn) => {
  const texts = [...drawn.querySelectorAll("text")].filter((t) => t.textContent.trim());
  const sizes = texts.map((t) => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a);
  const figure = drawn.parentElement;
  return { text: Math.min(...sizes), fills: drawn.getBoundingClientRect().width / figure.clientWidth,
           cut: figure.scrollWidth - figure.clientWidth };
})"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    made = [Section(s.title, s.about, s.name, Figure(svg=svg(passes(s), direction=s.direction))) for s in STOPS]
    path = tmp_path_factory.mktemp("tour") / "index.html"
    path.write_text(page(made, (("stop",), [["one"]])), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize("width", [1400, 800, 400])
def test_drawings_fill_their_cards_and_are_read(visit, address, width):
    found = visit(address, width=width).evaluate(SIZES)
    assert len(found) == len(STOPS) and all(f["text"] >= 11 for f in found), found
    if width == 1400:
        assert all(f["cut"] <= 0 for f in found), found
        assert sorted(f["fills"] for f in found)[1] > 0.65  # one goes down, and is not as wide


def test_labels_beside_a_wire_begin_with_room():
    chart = Flow([("a", "b", "there")], "There").picture
    across = dot(chart)
    chart.down = True
    assert "&#160;&#160;<font" in dot(chart) and "&#160;&#160;<font" not in across


def test_words_are_not_as_large_as_signs():
    drawn = svg(dl.parse("exp(x) * y").forward(x=1, y=2).backward())
    assert re.search(r'font-size="16.00"[^>]*>×', drawn) and re.search(r'font-size="12.00"[^>]*>exp', drawn)
