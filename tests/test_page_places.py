"""The lines of wires on the step-through page: their points, their arrowheads, and a drawing that is shown again."""

from __future__ import annotations

import pytest
from test_page import chain, passes
from test_page_browser import SCALAR, blocks

from difflab.draw.page.document import asset
from difflab.draw.page.slim import relative

LINES = {
    "straight": "M5,-7.2C9,-7.2 40,-7.2 40,-7.2",
    "bent": "M75,-1248C86,-1166 111,-1031 149,-1000 237,-930 1052,-970 1165,-970",
    "with straight parts": "M5,7C9,7 10.4,1 12,3 12,3 12,3 400,3 400,3 400,3 400,20 400,20 410,90 500,20",
    "uneven": "M0,0C0,0 0,0 300,0 300,0 900,500 0,10",
    "short": "M0,0C0.4,0 0.6,0 1,0",
}
# How far our points, at equal ways along the line, are from the browser's; how far apart ours are; both lengths.
COMPARED = """d => {
  %s
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", d);
  const points = pointsOf(d), ours = points.at(-1).at, length = path.getTotalLength();
  const away = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
  const parts = Array.from({length: 51}, (_, k) => k / 50);
  return [Math.max(...parts.map(t => away(pointAt(points, t * ours), path.getPointAtLength(t * length)))),
    Math.max(...points.slice(1).map((p, k) => away(p, points[k]))), ours, length];
}"""


@pytest.mark.parametrize("name", LINES)
def test_points_of_a_line_are_those_that_the_browser_measures(blank, name):
    off, apart, ours, length = blank.evaluate(COMPARED % asset("places.js"), relative(LINES[name]))
    assert off < 0.5 and apart <= 6.01 and ours == pytest.approx(length, rel=2e-3)


PLACE = """d => {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", d);
  const length = path.getTotalLength(), { x, y } = path.getPointAtLength(0.3 * length);
  return [length, x, y];
}"""


def test_a_relative_line_is_graphvizs_line(blank):
    for line in LINES.values():
        ours, theirs = (blank.evaluate(PLACE, d) for d in (relative(line), line))
        assert ours == pytest.approx(theirs, rel=0.02, abs=1), line


# How far so many points beyond its end each wire is from the border of the nearest box.
TIPS = """beyond => [...document.querySelectorAll('#stage g.wire[data-e] > path')].map(path => {
  const n = path.getTotalLength(), [a, b] = [n - 1, n].map(at => path.getPointAtLength(at));
  const x = b.x + beyond * (b.x - a.x), y = b.y + beyond * (b.y - a.y);
  return Math.min(...[...document.querySelectorAll('#stage g.node > rect')].map(rect => {
    const [left, top, w, h] = ['x', 'y', 'width', 'height'].map(k => Number(rect.getAttribute(k)));
    const dx = Math.max(left - x, x - left - w), dy = Math.max(top - y, y - top - h);
    return dx < 0 && dy < 0 ? -Math.max(dx, dy) : Math.hypot(Math.max(dx, 0), Math.max(dy, 0));
  }));
})"""


@pytest.mark.parametrize("name", ["product", "neuron", "used twice"])
def test_arrowheads_touch_their_receivers(open_pass, name):
    text, at = SCALAR[name]
    page = open_pass(passes(text, **at))
    found = page.evaluate(TIPS, 7)
    assert len(found) >= 2 and max(found) < 4
    style = "document.querySelectorAll('#stage .wire > path')[0]"
    assert "there" in page.evaluate(f"getComputedStyle({style}).markerEnd")
    page.evaluate("difflab.go(difflab.steps().length - 1)")
    assert page.evaluate(f"getComputedStyle({style}).markerEnd") == "none"
    assert "arrived" in page.evaluate(f"getComputedStyle({style}).markerStart")
    assert max(page.evaluate(TIPS, 0)) < 4  # without the arrowhead the line itself goes to the sender's border


def test_a_drawing_shown_again_is_as_it_was(open_pass):
    page = open_pass(blocks())
    page.evaluate("difflab.go(difflab.steps().length - 1)")
    drawn = "[...document.querySelectorAll('#stage path, #stage text')].map(e => e.getAttribute('d') + e.textContent)"
    before = page.evaluate(drawn)
    for _ in range(2):
        page.select_option("#blocks", "0")
        page.select_option("#blocks", "1")
    assert page.evaluate(drawn) == before and any("∂" in t for t in before)


EVERY_STEP = """async () => {
  for (let k = 0; k < difflab.steps().length; k++) {
    difflab.go(k);
    await new Promise(requestAnimationFrame);
  }
  return difflab.steps().length;
}"""


def test_a_page_of_sixty_nodes_opens_at_once_and_steps_sixty_times_a_second(open_pass):
    """By the processor time of the page's main thread. Asking the browser for each point of a wire took 2.5 seconds,
    and comparing a card with every point of every wire 30 ms a step."""
    page = open_pass(passes(chain(60), x=0.5, y=0.3), width=1400)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    spent = lambda: {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}["TaskDuration"]
    page.reload()
    page.evaluate("1")
    opened = spent()
    assert opened < 0.8
    count = page.evaluate(EVERY_STEP)
    assert count > 150 and (spent() - opened) / count < 1 / 60
