"""The local page in a real browser: an expression is typed, everything follows."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

pytest.importorskip("starlette", reason="the lab extra is not installed")
pytest.importorskip("uvicorn", reason="the lab extra is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no chromium on this machine")


@pytest.fixture(scope="module")
def address():
    command = [sys.executable, "-m", "difflab", "lab", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    yield server.stdout.readline().strip()
    server.terminate()
    server.wait(10)


@pytest.fixture
def page(address):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 1600})
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#curve svg", timeout=30_000)
        yield page
        assert page.errors == []
        browser.close()


def test_a_typed_expression_is_shown(page):
    page.fill("#expression", "x**3 * y")
    page.fill("#at", "x=2, y=5")
    page.wait_for_selector("#comparison td:text-is('60')", timeout=20_000)  # 3 x**2 y
    page.wait_for_selector("#told:empty", state="attached", timeout=20_000)
    inner = page.frame_locator("#page")
    assert "x**3 * y" in inner.locator("h1").inner_text()
    page.fill("#expression", "x**3 *")
    page.wait_for_selector("#told.bad", timeout=20_000)
    assert "expression" in page.inner_text("#told")


def test_the_table_follows_the_slider(page):
    box = page.frame_locator("#page").locator("input[type=number]").first
    box.fill("3")
    box.press("Enter")
    page.wait_for_selector("#comparison td:text-is('8')", timeout=20_000)  # d/dz of (x + y) z is now 3 + 5
    assert page.input_value("#at") == "x=3, y=5, z=-4"
