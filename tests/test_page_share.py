"""Sharing the step-through page, in a real browser: a link to what is shown, and a program that reproduces it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from test_page import passes
from test_page_browser import SCALAR, blocks

import difflab as dl

STATE = """() => ({
  at: difflab.found().values.slice(0, 3), step: difflab.now(), order: document.querySelector('#order')?.value,
  blocks: document.querySelector('#blocks')?.value, along: document.querySelector('#along')?.value,
  h: document.querySelector('#curve-h')?.value,
  boxes: [...document.querySelectorAll('#sliders input')].map(b => Number(b.value)),
})"""
# What the clipboard of a page is told, where it has one; headless browsers and pages of files have none, or refuse.
CLIPBOARD = """outcome => {
  window.copied = [];
  const clipboard = outcome === 'missing' ? undefined : {
    writeText: async text => { if (outcome === 'denied') throw new Error('no'); window.copied.push(text); },
    write: async items => { if (outcome === 'denied') throw new Error('no'); window.copied.push(items[0].types[0]); },
  };
  Object.defineProperty(navigator, 'clipboard', {value: clipboard, configurable: true});
}"""


def copied(page, button, outcome="allowed"):
    page.evaluate(CLIPBOARD, outcome)
    page.click(button)
    page.wait_for_selector("#shared:not(:empty)")
    return page.evaluate("window.copied")


def test_a_link_brings_back_what_was_shown(open_pass, visit):
    page = open_pass(blocks())
    page.locator("#sliders input[type=number]").first.fill("-0.0625")
    page.locator("#sliders input[type=number]").nth(1).fill("1.5e25")
    page.select_option("#order", "eager")
    page.select_option("#blocks", label="all closed")
    page.select_option("#along", "1")
    page.fill("#curve-h", "-7")
    page.evaluate("difflab.go(5)")
    (link,) = copied(page, "#copy-link")
    assert page.inner_text("#shared") == "The link is copied."
    assert link.endswith("#at=-0.0625,1.5e25&step=6&order=eager&blocks=0&along=1&h=-7") and page.url == link
    again = visit(link)
    assert again.evaluate(STATE) == page.evaluate(STATE) and again.inner_text("#shared") == ""
    assert again.evaluate("difflab.found().values[0]") == -0.0625


@pytest.mark.parametrize("outcome", ["missing", "denied"])
def test_without_a_clipboard_the_text_stands_selected(open_pass, outcome):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    assert copied(page, "#copy-link", outcome) == []
    chosen = "(b => b.value.slice(b.selectionStart, b.selectionEnd))(document.querySelector('#by-hand'))"
    assert page.evaluate(chosen).endswith("#at=2,3&step=1&order=right&along=0&h=-1")
    assert page.evaluate("document.activeElement.id") == "by-hand" and "Ctrl+C" in page.inner_text("#shared")
    copied(page, "#copy-python", outcome)
    assert page.evaluate(chosen).startswith("import difflab as dl")
    copied(page, "#copy-python")
    assert page.is_hidden("#by-hand")


WRONG = {
    "at=1": "at",
    "at=1,2,3": "at",
    "at=1,x": "at",
    "at=1,NaN": "at",
    "at=1,1e999": "at",
    "at=1,0x10": "at",
    "at=1, 2": "at",
    "at=<img src=x onerror=alert(1)>,2": "at",
    "at=": "at",
    "step=0": "step",
    "step=999": "step",
    "step=1.5": "step",
    "step=1e1": "step",
    "order=constructor": "order",
    "blocks=0": "blocks",
    "along=2": "along",
    "along=-1": "along",
    "along=__proto__": "along",
    "h=5": "h",
    "h=x&step=<b>&at=1,2,": "at, h, step",
    "at=%E0%A4%A,2": "at",
}
UNKNOWN = [
    "nonsense",
    "__proto__=1&constructor=2",
    "%",
    "%%%&&&===",
    "toString=1",
    "<script>alert(1)</script>",
    "a" * 200_000,
]


@pytest.mark.parametrize("fragment", [*WRONG, *UNKNOWN], ids=lambda f: f[:30])
def test_a_link_that_is_wrong_changes_nothing_and_says_so(open_pass, fragment):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    before, markup = page.evaluate(STATE), page.evaluate("document.querySelectorAll('*').length")
    page.evaluate("hash => { location.hash = hash; }", fragment)
    page.wait_for_selector("#shared:not(:empty)")
    told = page.inner_text("#shared")
    assert page.evaluate(STATE) == before and page.evaluate("document.querySelectorAll('*').length") == markup
    assert (f"({WRONG[fragment]})" in told) if fragment in WRONG else "(" not in told
    assert "<" not in told and "alert" not in told


def test_what_is_right_in_a_link_is_followed(open_pass, visit):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    page = visit(page.url + "#at=-0,1e-3&step=999&more=1&h=-45&along=1")
    assert page.evaluate("Object.is(difflab.found().values[0], -0) && difflab.found().values[1]") == 0.001
    assert page.evaluate(STATE)["h"] == "-45" and "(step)" in page.inner_text("#shared")
    page.evaluate("location.hash = '#at=,7'")  # what is empty stays
    assert page.wait_for_selector("#sliders input[type=number] >> nth=1") and page.evaluate(
        "difflab.found().values"
    ) == [-0.0, 7, -0.0]


def test_pages_without_sliders_have_links_too(open_pass, visit):
    many = np.ones(500)  # more than a page computes with
    page = open_pass(dl.trace(lambda x: np.sum(x * x), many).forward(many).backward())
    page.evaluate("difflab.go(2)")
    (link,) = copied(page, "#copy-link")
    assert link.endswith("#step=3") and visit(link).evaluate("difflab.now()") == 2
    other = visit(link.replace("step=3", "at=1,1,1"))
    assert "(at)" in other.inner_text("#shared")


def run(text):
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [float(line.rpartition("=")[2]) for line in done.stdout.splitlines()]


def conditions(x, y):
    return np.where((x > y) & (x != 0), np.maximum(x, y), np.clip(x, -1, 1)) + np.square(y)


TRACED = {
    "operators": (lambda x, y: (x + 2) * -y / (x - 1.5) ** 2 + +np.abs(y) % 3, (0.7, 1.3)),
    "conditions": (conditions, (0.7, 1.3)),
    "names": (lambda e, pi, self, sin: np.sin(e) * pi + self**sin, (0.7, 1.3, 2.0, 0.5)),
    "a power of a negative number": (lambda x: (-2.0) ** np.round(x) - x, (0.7,)),
    "large numbers": (lambda x: x * 1e300 + 1e-300 / x, (0.7,)),
}


@pytest.mark.parametrize("name", [*SCALAR, *TRACED])
def test_the_program_reproduces_value_and_gradient(open_pass, name):
    if name in SCALAR:
        graph, at = dl.parse(SCALAR[name][0]), list(SCALAR[name][1].values())
    else:
        f, at = TRACED[name]
        graph = dl.trace(f, *at)
    page = open_pass(graph.forward(*at).backward())
    at = [round(1.5 * x + 0.0625, 3) for x in at]
    page.evaluate("at => difflab.set(at)", at)
    (program,) = copied(page, "#copy-python")
    backward = graph.forward(*at).backward()
    true = [backward.forward.values[graph.outputs[0]], *backward.gradient.values()]
    assert run(program) == pytest.approx([float(x) for x in true], rel=1e-12)
