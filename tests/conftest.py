"""Settings and the browser that tests share."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings
from patience import HANGS

pytest_plugins = ["fast", "mpmath_truths", "skips", "torch_cases"]

# The machine may be slow and shared: no deadline for one example, nor for drawing it. In CI the same examples are drawn
# each time.
PATIENT = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("shared", **PATIENT)
settings.register_profile("ci", **PATIENT, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "shared")

os.environ["DIFFLAB_CACHE"] = "off"  # neither read from the user's cache nor written to it
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium of the system."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra test)")
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None:
        pytest.skip(f"there is no browser on this machine ({', '.join(CHROMIUMS)})")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            timeout=HANGS * 1000,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """`visit(address, width=..., dark=...)` opens a page; a script error or a request elsewhere fails the test."""
    contexts = []
    wrong = []

    def open_page(address, width=1300, height=1000, dark=False, calm=False):
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if calm else "no-preference",
        )
        context.set_default_timeout(HANGS * 1000)
        contexts.append(context)
        page = context.new_page()
        here = address.partition("?")[0].rpartition("/")[0]
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
        page.on(
            "request",
            lambda asked: None if asked.url.startswith((here, "about:", "data:")) else wrong.append(asked.url),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def open_pass(visit, tmp_path):
    """Draws a pass to a page and opens it."""

    def opened(backward, name="page", **look):
        import difflab as dl

        path = dl.draw(backward, tmp_path / f"{name}.html")
        return visit(path.as_uri(), **look)

    return opened
