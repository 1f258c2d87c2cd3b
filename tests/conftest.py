"""Settings and the browser that tests share."""

from __future__ import annotations

import gc
import os
import pickle
import shutil

import pytest
from browser import Desk
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


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """A million objects, which stay to the end: no search for garbage, then or later, goes through them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


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


@pytest.fixture(scope="session")
def desk(chromium):
    return Desk(chromium)


@pytest.fixture
def blank(desk):
    """An empty page, without a policy."""
    page = desk.page()
    yield page
    desk.back(page)


@pytest.fixture
def visit(desk):
    """`visit(address, width=..., dark=...)` opens a page; a script error or a request elsewhere fails the test."""
    pages = []
    wrong = []

    def open_page(address, **look):
        page = desk.page(**look)
        here = address.partition("?")[0].rpartition("/")[0]
        heard = {
            "pageerror": lambda error: wrong.append(str(error)),
            "console": lambda told: wrong.append(told.text) if told.type == "error" else None,
            "request": lambda asked: (
                None if asked.url.startswith((here, "about:", "data:")) else wrong.append(asked.url)
            ),
        }
        for event, hear in heard.items():
            page.on(event, hear)
        pages.append((page, heard))
        page.goto(address)
        return page

    yield open_page
    for page, heard in pages:
        for event, hear in heard.items():
            page.remove_listener(event, hear)
        desk.back(page)
    assert wrong == []


@pytest.fixture(scope="session")
def drawn():
    """The pages of passes, by the pass as bytes: most tests of pages begin with one of a few."""
    return {}


@pytest.fixture
def open_pass(visit, drawn, tmp_path):
    """Draws a pass to a page and opens it."""

    def opened(backward, name="page", **look):
        import difflab as dl

        path = tmp_path / f"{name}.html"
        same = name, pickle.dumps(backward)
        if same in drawn:
            path.write_bytes(drawn[same])
        else:
            drawn[same] = dl.draw(backward, path).read_bytes()
        return visit(path.as_uri(), **look)

    return opened
