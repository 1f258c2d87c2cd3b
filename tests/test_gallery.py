"""The gallery is complete, current and safe to write."""

from __future__ import annotations

import pathlib
import re

import pytest

import difflab as dl
from difflab.draw.gallery import FIGURES, write_gallery
from difflab.draw.layout import version

COMMITTED = pathlib.Path(__file__).parent.parent / "graphs"


def test_every_figure_and_the_page(tmp_path):
    names = {p.name for p in write_gallery(tmp_path / "g")}
    assert names == {*(f"{n}.svg" for n in FIGURES), "README.md"} and len(FIGURES) >= 12
    page = (tmp_path / "g" / "README.md").read_text()
    assert all(f"({name}.svg)" in page for name in FIGURES) and page.count("```python") == len(FIGURES)
    assert all(figure.make.__doc__ for figure in FIGURES.values())
    with pytest.raises(dl.DifflabError, match="force"):
        write_gallery(tmp_path / "g")


def test_the_committed_gallery_is_current(tmp_path):
    if not (COMMITTED / "README.md").exists():
        pytest.skip("the repository's graphs/ folder is not here")
    made = re.search(r"Graphviz ([\w.]+)", (COMMITTED / "README.md").read_text())
    if made is None or made[1] != version():
        pytest.skip(f"the committed gallery was laid out by Graphviz {made and made[1]}, here is {version()}")
    for path in write_gallery(tmp_path / "g"):
        assert path.read_bytes() == (COMMITTED / path.name).read_bytes(), path.name


def test_the_course_figure_has_the_course_numbers():
    made = FIGURES["2-4-3-backward-pass"].make()
    assert {k: float(v) for k, v in made.gradient.items()} == {"x": -4.0, "y": -4.0, "z": 3.0}
