"""The README's five pictures: there, light, told in words, in the palette, and made by the documented command."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from difflab.draw.svg import style
from difflab.palette import LIGHT_TO_DARK, ROLES
from difflab.sketch import colours

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOUND = re.findall(r"!\[([^]]+)\]\(([^)]+)\)", README) + [
    (alt, path) for path, alt in re.findall(r'<img src="([^"]+)" alt="([^"]+)">', README)
]
TOOL = ROOT / "docs" / "tools" / "pictures.py"
STYLES = (style(), colours.style())
HEX = re.compile(r"#[0-9a-fA-F]{3,6}\b")


def test_five_pictures_show_the_project():
    assert README.count("<img") + README.count("![") == len(FOUND) == 5
    assert all(path.startswith("docs/pictures/") for _, path in FOUND)


@pytest.mark.parametrize("alt, path", FOUND, ids=[path for _, path in FOUND])
def test_each_is_light_and_told_in_words(alt, path):
    assert len(alt) > 40
    assert (ROOT / path).stat().st_size < 200_000


@pytest.mark.parametrize("path", [p for _, p in FOUND if p.endswith(".svg")])
def test_drawings_have_the_colours_of_today_in_light_and_in_dark(path):
    drawn = (ROOT / path).read_text(encoding="utf-8")
    body = re.sub(r"<style>.*?</style>", "", drawn, flags=re.DOTALL)
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{3,6})"', body))
    assert used and used <= set(LIGHT_TO_DARK), used - set(LIGHT_TO_DARK)
    assert "prefers-color-scheme: dark" in drawn


@pytest.mark.parametrize("path", [p for _, p in FOUND if p.endswith(".png")])
def test_screenshots_have_the_roles_exactly(path):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed").open(ROOT / path).convert("RGB")
    pixels = {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.unique(np.asarray(image).reshape(-1, 3), axis=0)}
    assert {ROLES[role][0] for role in ("value", "upstream", "local", "downstream", "ink")} <= pixels


@pytest.mark.parametrize("folder", ["tutorials/pictures", "graphs", "docs/pictures"])
def test_no_drawing_is_older_than_the_palette(folder):
    """A drawing carries its colours for dark pages, which are those of the day when it was made."""
    drawings = [p for p in sorted((ROOT / folder).glob("*.svg")) if p.name != "compare.svg"]  # a terminal's
    assert drawings and [p.name for p in drawings if not any(s in p.read_text(encoding="utf-8") for s in STYLES)] == []


def test_the_command_makes_each_of_them():
    told = TOOL.read_text(encoding="utf-8")
    assert "python docs/tools/pictures.py" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert all(Path(path).name in told for _, path in FOUND)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "tools").glob("*.py")), ids=lambda p: p.name)
def test_tools_take_their_colours_from_the_palette(path):
    assert HEX.findall(path.read_text(encoding="utf-8")) == []


def test_plots_of_rows_have_the_roles_in_both_schemes(monkeypatch):
    from difflab.primitives import rows

    monkeypatch.syspath_prepend(str(TOOL.parent))
    spec = importlib.util.spec_from_file_location("plots_of_the_site", TOOL.parent / "plots.py")
    plots = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plots)
    (drawn,) = plots.plots(rows.tanh, ["x"])
    light, dark = ROLES["local"]
    assert f".plots .slope{{stroke:{light}}}" in drawn and f'slate"] .plots .slope{{stroke:{dark}}}' in drawn
    assert drawn.count('class="value"') == drawn.count('class="slope"') == 2  # the line and its word
