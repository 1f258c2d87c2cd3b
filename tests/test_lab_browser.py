"""The local page in a real browser: an expression is typed, everything follows."""

from __future__ import annotations

import subprocess
import sys

import pytest
from patience import HANGS, until

pytest.importorskip("starlette", reason="the lab extra is not installed")
pytest.importorskip("uvicorn", reason="the lab extra is not installed")


@pytest.fixture(scope="module")
def address(chromium):
    command = [sys.executable, "-m", "difflab", "lab", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    yield server.stdout.readline().strip()
    server.terminate()
    server.wait()


@pytest.fixture
def page(visit, address):
    page = visit(address, height=1600)
    page.wait_for_selector("#curve svg")
    return page


def test_a_typed_expression_is_shown(page):
    page.fill("#expression", "x**3 * y")
    page.fill("#at", "x=2, y=5")
    page.wait_for_selector("#comparison td:text-is('60')")  # 3 x**2 y
    page.wait_for_selector("#told:empty", state="attached")
    inner = page.frame_locator("#page")
    assert "x**3 * y" in inner.locator("h1").inner_text()
    page.fill("#expression", "x**3 *")
    page.wait_for_selector("#told.bad")
    assert "expression" in page.inner_text("#told")


def test_the_point_follows_the_names_of_a_new_expression(page):
    from playwright.sync_api import expect

    page.fill("#expression", "x * y + w")
    expect(page.locator("#at")).to_have_value("x=-2, y=5, w=1", timeout=HANGS * 1000)
    page.wait_for_selector("#told:empty", state="attached")
    page.fill("#at", "x=-2, y=5, w=1, z=3")  # who writes a name too many is told
    page.wait_for_selector("#told.bad")
    assert "z" in page.inner_text("#told") and page.input_value("#at").endswith("z=3")


def test_the_examples_fit_their_box(page):
    wide = """() => {
      const box = document.getElementById("example"), style = getComputedStyle(box);
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = style.font;
      const room = box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 20;
      return room - Math.max(...[...box.options].map((o) => pen.measureText(o.text).width));
    }"""
    for width in (1400, 800, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(wide) >= 0, width


@pytest.mark.parametrize("width", [1400, 800, 400])
def test_the_frame_is_as_high_as_the_page_in_it(visit, address, width):
    page = visit(address, width=width)
    page.wait_for_selector("#curve svg")
    inside = page.locator("#page").element_handle().content_frame()
    fits = "document.documentElement.scrollHeight <= innerHeight && innerHeight < document.body.clientHeight + 120"
    assert until(lambda: inside.evaluate(fits), page.wait_for_timeout)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="V-curve").click()
    assert until(lambda: page.locator("#h-curve").evaluate("e => e.getBoundingClientRect().top < innerHeight"),
                 page.wait_for_timeout)  # fmt: skip


def test_curves_are_read_and_no_number_is_broken(visit, address):
    page = visit(address, width=400, dark=True)
    page.wait_for_selector("#curve svg")
    sizes = page.evaluate("""[...document.querySelectorAll("#curve svg[role=img] text")].map(
      (t) => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)""")
    assert len(sizes) > 10 and min(sizes) >= 11
    broken = """[...document.querySelectorAll("#comparison td")].filter((cell) => {
      if (!/^[-\\d.]+e-\\d+$/.test(cell.textContent)) return false;
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getClientRects().length > 1;
    }).map((cell) => cell.textContent)"""
    assert "e-" in page.inner_text("#comparison") and page.evaluate(broken) == []


def test_the_table_follows_the_slider(page):
    box = page.frame_locator("#page").locator("input[type=number]").first
    box.fill("3")
    box.press("Enter")
    page.wait_for_selector("#comparison td:text-is('8')")  # d/dz of (x + y) z is now 3 + 5
    assert page.input_value("#at") == "x=3, y=5, z=-4"


@pytest.mark.parametrize("width, dark", [(1300, False), (1300, True), (380, False)])
def test_axe_finds_nothing(visit, address, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = visit(address, width=width, dark=dark)
    page.wait_for_selector("#curve svg")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
