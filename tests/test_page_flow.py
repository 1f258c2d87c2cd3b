"""The way back on the step-through page, in a real browser: the wire, its card, and the colours of the roles."""

from __future__ import annotations

import numpy as np
import pytest
from test_page import passes
from test_page_browser import SCALAR

import difflab as dl

ROLES = {"up": "rgb(180, 84, 10)", "local": "rgb(122, 79, 191)", "down": "rgb(10, 92, 180)"}
COVERED = """() => {
  const card = document.querySelector('.flow .card rect')?.getBoundingClientRect();
  if (!card) return null;
  const inside = (x, y) => x > card.left && x < card.right && y > card.top && y < card.bottom;
  const boxes = [...document.querySelectorAll('#stage g.node')].map(g => g.getBoundingClientRect());
  const over = boxes.some(b => b.left < card.right && card.left < b.right &&
    b.top < card.bottom && card.top < b.bottom);
  return over || [...document.querySelectorAll('#stage g.wire > path')].some(path => {
    const to = path.getScreenCTM();
    return Array.from({length: 101}, (_, i) => path.getPointAtLength(path.getTotalLength() * i / 100))
      .map(p => p.matrixTransform(to)).some(p => inside(p.x, p.y));
  });
}"""

# At each step, as it is and after `fit`: the cards and equations that the stage's edge cuts, and how many are seen.
CUT = """() => {
  const cut = [];
  let seen = 0;
  const look = (k, when) => {
    for (const label of document.querySelectorAll('.flow :is(.small-equation, .card)')) {
      if (!label.checkVisibility()) continue;
      const [at, stage] = [label, document.querySelector('#stage')].map(e => e.getBoundingClientRect());
      seen += 1;
      if (at.left < stage.left || at.right > stage.right || at.top < stage.top || at.bottom > stage.bottom)
        cut.push(`${when}, step ${k}: ${label.textContent}`);
    }
  };
  difflab.steps().forEach((step, k) => {
    difflab.go(k);
    look(k, 'as it is');
    document.querySelector('#fit').click();
    look(k, 'after fit');
    if (k % 3 == 2) document.querySelector('#larger').click();
  });
  return [seen, cut];
}"""
W, X, B = np.array([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5]]), np.array([1.0, -0.5, 2.0]), np.array([0.1, -0.2])
LABELLED = {
    "layer": (lambda W, x, b: np.sum(np.tanh(W @ x + b) ** 2), (W, X, B)),
    "norm": (lambda W, x: np.linalg.norm(W @ x), (W, X)),
    "numbers": (lambda x, y: x * y * np.sin(x * y), (0.5, 3.0)),
}


@pytest.mark.parametrize("width", [1400, 1240, 800, 400])
@pytest.mark.parametrize("name", LABELLED)
def test_no_label_is_cut(open_pass, name, width):
    f, at = LABELLED[name]
    page = open_pass(dl.trace(f, *at).forward(*at).backward(), width=width, height=900)
    seen, cut = page.evaluate(CUT)
    assert seen >= 4 and cut == []


def test_paper_has_the_labels_that_are_out_of_sight(open_pass):
    f, at = LABELLED["numbers"]
    page = open_pass(dl.trace(f, *at).forward(*at).backward(), width=800)
    labels = "[...document.querySelectorAll('.flow .small-equation')].map(e => e.checkVisibility())"
    page.evaluate("difflab.go(1e9)")
    page.click("#fit")
    for _ in range(6):
        page.click("#larger")
    assert False in page.evaluate(labels)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = page.evaluate(labels)
    assert len(printed) > 2 and all(printed)


@pytest.mark.parametrize("width", [1400, 800, 400])
@pytest.mark.parametrize("name", ["product", "neuron", "used twice"])
def test_the_card_of_a_step_covers_nothing(open_pass, name, width):
    text, at = SCALAR[name]
    page = open_pass(passes(text, **at), width=width)
    covered = []
    for k, kind in enumerate(page.evaluate("difflab.steps().map(s => s.type)")):
        page.evaluate("k => difflab.go(k)", k)
        if kind == "edge":
            covered.append(page.evaluate(COVERED))
        else:
            assert page.locator(".flow .card").count() == 0
    # In a narrow window a card that would not fit into sight is left out: the words below say the same.
    assert True not in covered and covered.count(False) > (0.8 if width > 400 else 0.6) * len(covered)


def test_a_step_back_has_its_three_colours_everywhere(open_pass):
    page = open_pass(passes("q = x + y; f = q * z", x=-2.0, y=5.0, z=-4.0))
    page.evaluate("difflab.go(difflab.steps().findIndex(s => s.type === 'edge'))")
    assert page.inner_text("#say") == "f sends 1 (upstream) × -4 (local, z) = -4 (downstream) back to q."
    assert page.locator(".flow .equation").text_content().replace("\u00a0", " ") == "1 × -4 = -4"
    for role, colour in ROLES.items():
        for place in (".flow .equation", ".flow .note", "#say", "#figures", ".legend"):
            style = "fill" if place.startswith(".flow") else "color"
            found = page.locator(f"{place} .{role}").first
            assert found.evaluate("(e, style) => getComputedStyle(e)[style]", style) == colour, (role, place)


@pytest.mark.parametrize("calm", [False, True])
def test_the_wire_runs_back_to_the_receiver(open_pass, calm):
    page = open_pass(passes("q = x + y; f = q * z", x=-2.0, y=5.0, z=-4.0), calm=calm)
    first = page.evaluate("difflab.steps().findIndex(s => s.type === 'edge')")
    page.evaluate("k => difflab.go(k)", first)
    assert page.locator(".flow .moving").count() == (0 if calm else 2)
    gap = """() => {
      const head = document.querySelector('.flow .head').getBoundingClientRect();
      const box = name => document.querySelector(`#stage g.node.${name} > rect`).getBoundingClientRect();
      return [Math.abs(head.left - box('on').right), box('from').left - head.right];
    }"""
    at_receiver, from_sender = page.evaluate(gap)
    assert at_receiver < 8 < from_sender
    page.evaluate("k => difflab.go(k)", first + 1)
    assert page.locator(".flow .small-equation").text_content().replace("\u00a0", " ") == "1 × -4 = -4"
