"""Cards as notebooks show them: in JupyterLab's colours and VS Code's, on a phone, with a page in a frame that fits."""

from __future__ import annotations

import numpy as np
import pytest
from patience import shows, until
from test_cards import SHOWN

import difflab as dl
from difflab import mdp, nn

FRAMED = {"ForwardPass", "BackwardPass"}  # a page in a frame: test_page_browser.py looks at it

THEMES = {  # what a notebook says of itself, and whether that is dark
    "JupyterLab, light": ('data-jp-theme-light="true"', False),
    "JupyterLab, dark": ('data-jp-theme-light="false"', True),
    "VS Code, dark": ('class="vscode-dark"', True),
    "VS Code, light": ('class="vscode-light"', False),
}
# JupyterLab's own rules for tables in cells.
OWN = """
.jp-RenderedHTMLCommon table { border-collapse: collapse; table-layout: fixed; margin-left: auto; font-size: 12px }
.jp-RenderedHTMLCommon td, .jp-RenderedHTMLCommon th { text-align: right; padding: .5em; max-width: none }
.jp-RenderedHTMLCommon tbody tr:nth-child(odd) { background: #8888 }
"""


@pytest.fixture(scope="module")
def shown():
    """Cards of every kind of part, and of everything that has a display."""
    data = nn.data.blobs(60)
    run = nn.fit(nn.models.mlp((2, 8, 3)), data, epochs=3, progress=False)
    program = dl.compile(lambda x: np.sin(x) * x)
    program(2.0)
    things = [
        dl.parse("q = x + y; f = q * z"), dl.certify("abs(x)", {"x": 0.0}), run, program.program,
        dl.compare("x*y", {"x": 1.0, "y": 2.0}), mdp.teleport_gridworld().solve(), mdp.teleport_gridworld(),
        nn.summary(nn.models.lenet5(), (1, 28, 28)), nn.models.lenet5(),
        dl.lab.lipschitz(lambda x: x * np.arange(3.0), np.ones(3)),
    ]  # fmt: skip
    every = [make() for name, (make, _) in SHOWN.items() if name not in FRAMED]
    return [t._repr_html_() for t in things + every]


def notebook(folder, cells, says=""):
    """A notebook as it is exported, or looked at: the cells' outputs one below another."""
    body = "".join(f'<div class="jp-RenderedHTMLCommon">{cell}</div>' for cell in cells)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Notebook</title>'
    main = f"<main><h1>A notebook</h1>{body}</main>"
    text = f'<!DOCTYPE html><html lang="en"><head>{head}<style>{OWN}</style></head><body {says}>{main}</body></html>'
    (folder / "notebook.html").write_text(text, encoding="utf-8")
    return (folder / "notebook.html").as_uri()


BRIGHTNESS = """(where) => {
  const [r, g, b] = getComputedStyle(document.querySelector(where)).backgroundColor.match(/\\d+/g).map(Number);
  return (r + g + b) / 765;
}"""

SMALL = """[...document.querySelectorAll(".difflab-card :not(style)")].filter(e => !e.children.length
  && e.textContent.trim() && e.getClientRects().length && parseFloat(getComputedStyle(e).fontSize) < 11)
  .map(e => e.textContent)"""
STRIPED = """[...document.querySelectorAll(".difflab-card tr")]
  .filter(e => getComputedStyle(e).backgroundColor !== "rgba(0, 0, 0, 0)").length"""


@pytest.mark.parametrize("theme", THEMES)
def test_cards_are_as_dark_as_their_notebook_whatever_the_system_is(visit, tmp_path, shown, theme):
    says, dark = THEMES[theme]
    page = visit(notebook(tmp_path, shown, says), dark=not dark)
    assert (page.evaluate(BRIGHTNESS, ".difflab-card") < 0.3) is dark
    assert page.evaluate("getComputedStyle(document.querySelector('.difflab-card img')).colorScheme") == (
        "dark" if dark else "light"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_elsewhere_the_system_decides(visit, tmp_path, shown, dark):
    page = visit(notebook(tmp_path, shown), dark=dark)
    assert (page.evaluate(BRIGHTNESS, ".difflab-card") < 0.3) is dark


@pytest.mark.parametrize("width", [1400, 800, 400])
@pytest.mark.parametrize("theme", list(THEMES)[:2])
def test_cards_fit_and_are_read_by_everybody(visit, tmp_path, shown, theme, width):
    page = visit(notebook(tmp_path, shown, THEMES[theme][0]), width=width)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(SMALL) == []
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_rules_of_the_notebook_do_not_reach_into_cards(visit, tmp_path, shown):
    page = visit(notebook(tmp_path, shown, THEMES["JupyterLab, light"][0]))
    words = page.locator(".difflab-card th").first
    assert words.evaluate("e => getComputedStyle(e).textAlign") == "left"
    assert page.evaluate(STRIPED) == 0


def framed(visit, folder, text="q = x + y; f = q * z", **options):
    cells = [dl.parse(text).forward(x=-2, y=5, z=-4).backward()._repr_html_()] * 2
    return visit(notebook(folder, cells, THEMES["JupyterLab, dark"][0]), **options)


# The frame is as high as the page in it: nothing hidden, and no more than a margin left empty.
FITS = """document.documentElement.scrollHeight <= innerHeight
  && innerHeight - document.body.getBoundingClientRect().bottom < 60"""


@pytest.mark.parametrize("width", [1400, 800, 400])
def test_a_page_in_a_cell_is_as_high_as_its_content(visit, tmp_path, width):
    page = framed(visit, tmp_path, width=width)
    assert shows(page, "[...document.querySelectorAll('iframe')].every(f => f.style.height)")
    for k in (0, 1):
        frame = page.locator("iframe").nth(k)
        inside = frame.element_handle().content_frame()
        assert until(lambda inside=inside: inside.evaluate(FITS), page.wait_for_timeout)
        assert frame.bounding_box()["width"] >= width - 24
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width, high", [(1400, 860), (1000, 0.34 * 1000), (400, 220)])
def test_the_stage_in_a_cell_is_as_high_as_the_cell_s_width_asks_for(visit, tmp_path, width, high):
    """The frame's own height, which follows the page's, has no part in it."""
    text = "; ".join(["a0 = x * y * z", *(f"a{k} = sin(a{k - 1})" for k in range(1, 13))])
    page = framed(visit, tmp_path, text, width=width)
    inside = page.locator("iframe").first.element_handle().content_frame()
    assert until(lambda: inside.evaluate(FITS), page.wait_for_timeout)
    shown, whole = inside.evaluate("() => [document.querySelector('#stage').clientHeight, "
                                   "document.querySelector('#stage svg').getBoundingClientRect().height]")  # fmt: skip
    assert shown == pytest.approx(min(high, max(170, whole + 24)), abs=12), whole


def test_the_frame_grows_with_its_page_and_does_not_grow_for_ever(visit, tmp_path):
    page = framed(visit, tmp_path)
    frame = page.locator("iframe").first
    inside = frame.element_handle().content_frame()
    high = lambda: frame.bounding_box()["height"]
    # Not before it fits closely: while styles and fonts load the page may be higher than it is in the end.
    fits = lambda: inside.evaluate(FITS)
    assert until(lambda: high() > 500 and fits(), page.wait_for_timeout)
    before = high()
    page.frame_locator("iframe").first.locator("summary").last.press("Enter")  # a click may miss what still moves
    assert until(lambda: high() > before and fits(), page.wait_for_timeout)
    grown = high()
    inside.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert high() == grown < 4000


def test_a_page_in_a_cell_is_as_dark_as_its_notebook(visit, tmp_path):
    page = framed(visit, tmp_path, dark=False)
    inside = page.locator("iframe").first.element_handle().content_frame()
    assert until(lambda: inside.evaluate(BRIGHTNESS, "body") < 0.3, page.wait_for_timeout)
    assert inside.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
