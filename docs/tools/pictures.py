"""The README's five pictures and those of the guides: `python docs/tools/pictures.py` writes docs/pictures/ again.

It needs a Chromium of the system for what shows pages (extra test); names after the command make those alone.
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageColor
from rich.console import Console
from rich.terminal_theme import TerminalTheme

import difflab as dl
from difflab import mdp, nn
from difflab.gallery import FIGURES
from difflab.palette import ROLES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from difflab.graph.graph import BackwardPass

OUT = Path(__file__).parents[1] / "pictures"
SCALE = 1.25
MOST = 200_000  # bytes of a picture: a README is read on a phone as well
ANSI = ("ink", "wrong", "value", "upstream", "downstream", "local", "value", "edge")  # roles of a terminal's colours
NORMAL = [ImageColor.getrgb(ROLES[role][0])[:3] for role in ANSI]
THEME = TerminalTheme((255, 255, 255), NORMAL[0], NORMAL, NORMAL)
# Rich's own frame names a font on another server; this one has none.
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {terminal_width} {terminal_height}" role="img">
<title>difflab compare: five methods, one table</title>
<style>.{unique_id}-matrix {{ font: {char_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
{styles}</style>
<rect width="100%" height="100%" fill="white"/>
<defs>{lines}</defs>
<g class="{unique_id}-matrix" transform="translate(0 4)">{backgrounds}{matrix}</g>
</svg>
"""


def comparison() -> None:
    """A formula that loses its digits: three methods are exact for it, and wrong."""
    formula, point = "(1 - cos(x)) / x**2", dict(x=1e-8)
    dl.compare(formula, at=point)  # the first call also loads what the methods need
    c = dl.compare(formula, at=point)
    console = Console(record=True, width=106, file=io.StringIO(), force_terminal=True)
    c.print(console)
    svg = console.export_svg(theme=THEME, code_format=FRAME, unique_id="t")
    (OUT / "compare.svg").write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE))


def backward_pass() -> None:
    """The course's first graph, its backward pass with an equation on each wire."""
    dl.draw(dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4).backward(), OUT / "backward-pass.svg", force=True)


def lenet() -> None:
    """A block for each layer, as in the gallery."""
    (OUT / "lenet-5.svg").write_text(FIGURES["lenet-5"].svg(), encoding="utf-8")


def v_curve() -> None:
    dl.step_size_study("exp(x)", at=dict(x=1.0)).plot(OUT / "v-curve.png", force=True)
    smaller(OUT / "v-curve.png")


def gridworld() -> None:
    """A room with a wall and a pit, on a slippery floor."""
    grid = mdp.gridworld(
        (4, 6), {(0, 5): 10.0, (1, 5): -10.0}, [(1, 1), (1, 2), (2, 4)], slip=0.2, step_reward=-0.2, discount=0.95
    )
    mdp.draw_grid(grid.solve(), OUT / "gridworld.svg", force=True)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


def taken(page: Page, name: str, **what: Any) -> None:
    """A picture of the page, once it stands still."""
    page.wait_for_timeout(500)
    page.screenshot(path=OUT / name, **what)
    smaller(OUT / name)


def smaller(path: Path) -> None:
    """The PNG in its 256 most frequent colours: those of the roles stay what they are, edges of letters are near."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    colours, which, count = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    often = colours[np.argsort(-count)[:256]].astype(int)
    nearest = np.array([np.abs(often - colour).sum(axis=1).argmin() for colour in colours.astype(int)], np.uint8)
    image = Image.fromarray(nearest[which].reshape(pixels.shape[:2]), "P")
    image.putpalette(often.astype(np.uint8).tobytes())
    image.save(path, optimize=True)


@contextlib.contextmanager
def paged(passes: BackwardPass, width: int, height: int) -> Iterator[Page]:
    """The step-through page of a pass, in a browser."""
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        page = started.new_page(
            viewport={"width": width, "height": height}, reduced_motion="reduce", device_scale_factor=SCALE
        )
        page.goto(dl.draw(passes, Path(folder) / "page.html").as_uri())
        yield page


def step() -> None:
    """The step-through page in the middle of a backward pass."""
    at = dict(w=2.0, x=-1.0, b=1.5)
    with paged(dl.parse("u = w*x + b; f = sigmoid(u)").forward(**at).backward(), 1240, 780) as page:
        page.evaluate("difflab.go(difflab.steps().length - 2)")
        taken(page, "step.png")


def arrays() -> None:
    """Arrays on the page are heat maps; where one entry of a gradient comes from."""
    W, x = np.array([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5]]), np.array([1.0, -0.5, 2.0])
    graph = dl.trace(lambda W, x: np.linalg.norm(W @ x), W, x)
    with paged(graph.forward(W, x).backward(), 860, 750) as page:
        page.evaluate("difflab.go(1e9)")
        page.locator("#stage g.node:has(> text:text-is('W')) .map.adjoint [data-i='5']").click()
        page.click("#fit")
        page.mouse.move(600, 20)  # away: what is under it lights up
        page.evaluate("document.activeElement.blur(); difflab.go(1e9)")
        taken(page, "arrays.png")


def notebook() -> None:
    """What cells show, in a light notebook and in a dark one."""
    run = nn.fit(nn.models.mlp((2, 24, 3)), nn.data.blobs(300), epochs=12, progress=False)
    slippery = mdp.gridworld((3, 4), terminals=[(0, 3)], slip=0.1).solve()
    style = "body {{ margin: 0; background: {} }} .difflab-card {{ margin: 8px !important }}"
    page = f'<meta charset="utf-8"><style>{style}</style><body {{}}>{{}}'
    cells = [
        ("notebook-light.png", "white", "true", [dl.certify("abs(x) + y*y", dict(x=0.0, y=3.0)), run]),
        ("notebook-dark.png", "black", "false", [dl.step_size_study("exp(x)", at=dict(x=1.0)), slippery]),
    ]
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        view = started.new_page(viewport={"width": 1000, "height": 400}, device_scale_factor=SCALE)
        for name, paper, light, shown in cells:
            body = "".join(thing._repr_html_() for thing in shown)
            written = Path(folder) / "cells.html"
            written.write_text(page.format(paper, f'data-jp-theme-light="{light}"', body), encoding="utf-8")
            view.goto(written.as_uri())
            taken(view, name, full_page=True)


FUNCTIONS = """
def log(x):
    return np.sum(np.where(x > 0, np.sqrt(x), 0.0) + np.log(x - 1.0))
def where(x):
    return jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0.0))
def mask(scores):
    scores = np.where([[True, True], [False, False]], scores, -np.inf)
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return np.sum(weights / np.sum(weights, axis=-1, keepdims=True))
"""


def nonfinite() -> None:
    """Where a NaN begins, in the three examples of its page; the second is JAX's."""
    import jax.numpy as jnp

    names: dict[str, Any] = {"np": np, "jnp": jnp}
    exec(compile(FUNCTIONS.lstrip(), "model.py", "exec"), names)
    points = {"log": np.array([4.0, 0.5]), "where": jnp.array([0.0, 1.0]), "mask": np.array([[0.5, 1.0], [2.0, 0.1]])}
    for name, point in points.items():
        found = dl.find_nonfinite(names[name], point)
        assert found is not None
        found.draw(OUT / f"nonfinite-{name}.svg", force=True)


MADE = (backward_pass, step, arrays, lenet, gridworld, comparison, v_curve, notebook, nonfinite)

if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for picture in MADE:
        if picture.__name__ in sys.argv[1:] or not sys.argv[1:]:
            picture()
    for path in OUT.iterdir():
        assert path.stat().st_size < MOST, f"{path.name} has {path.stat().st_size:,} bytes, at most {MOST:,}"
