"""The README's pictures, made by difflab: `python docs/tools/pictures.py` writes docs/pictures/ again.

The graph of the passes and that of LeNet-5 are the gallery's.
"""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import TerminalTheme

import difflab as dl
from difflab import mdp, nn

OUT = Path(__file__).parents[1] / "pictures"
INK, PAPER = (36, 41, 47), (255, 255, 255)
NORMAL = [INK, (179, 38, 30), (0, 97, 74), (158, 60, 0), (0, 82, 164), (122, 40, 138), (0, 96, 110), (110, 118, 129)]
THEME = TerminalTheme(PAPER, INK, NORMAL, NORMAL)
# Rich's own frame names a font on another server; this one has none.
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {terminal_width} {terminal_height}" role="img">
<title>difflab compare: five methods, one table</title>
<style>.{unique_id}-matrix {{ font: {char_height}px Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
{styles}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
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


def v_curve() -> None:
    dl.step_size_study("exp(x)", at=dict(x=1.0)).plot(OUT / "v-curve.png", force=True)


def gridworld() -> None:
    grid = mdp.gridworld((5, 5), terminals=[(0, 0), (4, 4)], slip=0.2, discount=0.95)
    mdp.plot_solution(grid.solve(), OUT / "gridworld.png", force=True)


def step() -> None:
    """The step-through page in the middle of a backward pass, by a browser of the system (extra test)."""
    from playwright.sync_api import sync_playwright

    at = dict(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0)
    backward = dl.parse("1/(1+exp(-(w0*x0+w1*x1+w2)))").forward(**at).backward()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1240, "height": 860}, device_scale_factor=1.25)
        page.goto(dl.draw(backward, Path(folder) / "step.html").as_uri())
        page.evaluate("difflab.go(22)")
        page.screenshot(path=OUT / "step.png")
        browser.close()


def notebook() -> None:
    """What cells show, in a light notebook and in a dark one."""
    from playwright.sync_api import sync_playwright

    run = nn.fit(nn.models.mlp((2, 24, 3)), nn.data.blobs(300), epochs=12, progress=False)
    slippery = mdp.gridworld((3, 4), terminals=[(0, 3)], slip=0.1).solve()
    style = "body {{ margin: 0; background: {} }} .difflab-card {{ margin: 8px !important }}"
    page = f'<meta charset="utf-8"><style>{style}</style><body {{}}>{{}}'
    cells = [
        ("notebook-light.png", "#fff", "true", [dl.certify("abs(x) + y*y", dict(x=0.0, y=3.0)), run]),
        ("notebook-dark.png", "#111", "false", [dl.step_size_study("exp(x)", at=dict(x=1.0)), slippery]),
    ]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1000, "height": 400}, device_scale_factor=1.25)
        for name, paper, light, shown in cells:
            body = "".join(thing._repr_html_() for thing in shown)
            written = Path(folder) / "cells.html"
            written.write_text(page.format(paper, f'data-jp-theme-light="{light}"', body), encoding="utf-8")
            view.goto(written.as_uri())
            view.screenshot(path=OUT / name, full_page=True)
            Image.open(OUT / name).convert("RGB").quantize(64).save(OUT / name, optimize=True)
        browser.close()


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for picture in (comparison, v_curve, gridworld, step, notebook):
        picture()
