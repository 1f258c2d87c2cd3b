"""Sizes and contrasts on the step-through page, in a real browser: what has to be read can be read."""

from __future__ import annotations

import pytest
from test_page import chain, passes
from test_page_browser import SCALAR

from benchmarks.page import measured

LAYERS = "h1 = tanh(a*x + b*y + c); h2 = tanh(d*x + q*y + f); g = 1/(1 + exp(-(u*h1 + v*h2 + w))); L = (g - t)**2"
MADE = {
    "product": SCALAR["product"],
    "neuron": SCALAR["neuron"],
    "functions": SCALAR["functions"],
    "used twice": SCALAR["used twice"],
    "chain of 20": (chain(18), dict(x=0.5, y=0.3)),
    "two layers": (LAYERS, {name: 0.3 + 0.1 * k for k, name in enumerate("abcdqfuvwxyt")}),
}
# The pixels of every text that is seen: in the drawing with the scale of the drawing.
PIXELS = """() => [...document.querySelectorAll('body *')].filter(e =>
    [...e.childNodes].some(c => c.nodeType === 3 && c.textContent.trim()) && e.checkVisibility() &&
    !e.closest('noscript, script, template, style'))
  .map(e => {
    const svg = e.closest('#stage svg'), scale = svg ? Number(/scale\\(([\\d.]+)\\)/.exec(svg.style.transform)[1]) : 1;
    return [scale * parseFloat(getComputedStyle(e).fontSize), e.textContent.slice(0, 40)];
  })"""
BRIGHTNESS = """([place, property]) => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const [a, b] = [getComputedStyle(document.querySelector(place))[property],
    getComputedStyle(document.querySelector('#stage')).backgroundColor].map(light);
  return Math.max(a, b) / Math.min(a, b);
}"""


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_smaller_than_eleven_pixels_after_fit(open_pass, name):
    text, at = MADE[name]
    page = open_pass(passes(text, **at), width=1400)
    last = page.evaluate("difflab.steps().length") - 1
    for k in (0, last // 2, last - 1, last):
        page.evaluate("k => difflab.go(k)", k)
        page.click("#fit")
        found = page.evaluate(PIXELS)
        assert len(found) > 10
        small = [(size, text) for size, text in found if size < 10.99]
        assert small == [], small[:5]
        on = page.locator("#stage .node.on").first
        if on.count():
            stage, box = page.locator("#stage").bounding_box(), on.bounding_box()
            assert stage["y"] - 1 <= box["y"] and box["y"] + box["height"] <= stage["y"] + stage["height"] + 1


@pytest.mark.parametrize("name", ["product", "used twice", "neuron"])
def test_fit_shows_all_of_a_small_drawing(open_pass, name):
    text, at = MADE[name]
    page = open_pass(passes(text, **at), width=1400)
    page.click("#fit")
    stage = page.locator("#stage").bounding_box()
    for box in page.locator("#stage g.node").all():
        found = box.bounding_box()
        assert stage["x"] <= found["x"] and found["x"] + found["width"] <= stage["x"] + stage["width"]
        assert stage["y"] <= found["y"] and found["y"] + found["height"] <= stage["y"] + stage["height"]


def test_left_to_right_where_it_fits_else_down(open_pass):
    for name, down in (("product", False), ("neuron", True)):
        text, at = MADE[name]
        page = open_pass(passes(text, **at), name=name, width=1400)
        first, last = (page.locator(f"#stage g.node[data-n='{k}']").bounding_box()
                       for k in (0, page.evaluate("difflab.found().values.length") - 1))  # fmt: skip
        right, below = last["x"] - first["x"], last["y"] - first["y"]
        assert (below > right) == down, name


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_forward_wires_are_seen(open_pass, dark):
    page = open_pass(passes("x * y", x=2.0, y=3.0), dark=dark)
    assert page.evaluate(BRIGHTNESS, ["#stage .wire > path", "stroke"]) >= 3
    for role in ("v", "a", "t"):
        assert page.evaluate(BRIGHTNESS, [f"#stage text.{role}", "fill"]) >= 4.5


def test_numbers_stand_in_columns(open_pass):
    page = open_pass(passes("u = x*y; u * sin(u)", x=0.5, y=3.0))
    page.evaluate("difflab.go(difflab.steps().findIndex(s => s.type === 'edge' && s.parts.length === 2))")
    page.click("#steps summary")
    page.wait_for_selector("#step-rows td")
    for place in (
        "#stage text.v",
        "#stage text.a",
        "#stage text.p",
        "#figures mn",
        "#sum li",
        "#count",
        "#step-rows td",
    ):
        style = page.locator(place).first.evaluate("e => getComputedStyle(e).fontVariantNumeric")
        assert style == "tabular-nums", place


@pytest.mark.parametrize("nodes, frames", [(60, 60), (500, 20)])
def test_a_step_and_a_dragged_slider_take_less_than_a_frame(open_pass, monkeypatch, nodes, frames):
    """By the processor time of the page's main thread, with three times as much for a slow and busy machine."""
    monkeypatch.setattr("benchmarks.page.SECONDS", 1.5)
    page = open_pass(passes(chain(nodes), x=0.5, y=0.3), width=1400)
    for what in ("step", "drag"):
        assert measured(page, what)[2] < 3 * 1000 / frames, what
