"""The gallery is complete, current and safe to write."""

from __future__ import annotations

import pathlib
import re

import numpy as np
import pytest

import difflab as dl
from difflab.draw.draw import picture_of
from difflab.draw.flow import Flow
from difflab.draw.landscape import Landscape
from difflab.draw.layout import version
from difflab.gallery import FIGURES, write_gallery
from difflab.gallery.write import page, source

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


def test_figures_of_the_course_are_numbered_and_in_its_order():
    numbered = [f for f in FIGURES.values() if f.number]
    assert {"2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "3.1"} <= {f.number for f in numbered}
    assert all(f.name.startswith(f.number.replace(".", "-") + "-") for f in numbered)
    for chapter in "23":
        numbers = [f.number for f in numbered if f.number.startswith(chapter)]
        assert numbers == sorted(numbers)


def test_the_loss_of_figure_2_2_is_one_node_that_opens():
    closed, opened = (picture_of(FIGURES[n].make(), **FIGURES[n].options) for n in FIGURES if n.startswith("2-2"))
    assert not closed.down and [b.lines[0].text for b in closed.boxes if b.kind == "block"] == ["L"]
    block = next(k for k, b in enumerate(closed.boxes) if b.kind == "block")
    assert {closed.boxes[w.source].lines[0].text for w in closed.wires if w.target == block} == {"p", "y"}
    assert list(opened.clusters.values()) == ["L"] and len(opened.boxes) > len(closed.boxes)


def test_the_contour_lines_of_a_landscape_lie_on_their_levels():
    bowl = Landscape(lambda p: p[0] ** 2 + 4 * p[1] ** 2, [(2.0, 1.0), (1.0, -0.2)], (-3, 3, -2, 2))
    for level, found in bowl.contours():
        assert found and np.allclose([bowl.f(p) for line in found for p in line], level, atol=0.01)
    assert "1 step from" in bowl.svg() and "from 8 to 1.16" in bowl.svg() and bowl._repr_svg_() == bowl.svg()
    assert bowl.place([(-3, 2), (3, -2)]) == ["34.0,14.0", "594.0,387.3"]  # the corners of the frame
    for path, box in (([1.0, 2.0], (-1, 1, -1, 1)), ([(0, 0)], (1, -1, -1, 1))):
        with pytest.raises(dl.DifflabError, match="Landscape"):
            Landscape(bowl.f, path, box)


def test_a_flow_chart_may_go_round():
    chart = Flow([("a\nx", "b", "to"), ("b", "a\nx", "fro", "backward")], "Round", {"a\nx": "input"})
    assert [(w.source, w.target, w.backward) for w in chart.picture.wires] == [(0, 1, False), (1, 0, True)]
    assert chart.picture.boxes[0].kind == "input" and "fro" in chart.svg() and "a x to b" in chart.svg()


@pytest.mark.parametrize("name", FIGURES)
def test_what_the_page_shows_runs_as_it_stands(name):
    with np.errstate(all="ignore"):
        exec(compile(source(FIGURES[name].make), name, "exec"), {})


def test_the_page_goes_by_chapters():
    headings = re.findall(r"^(##+) (.*)", page(), re.MULTILINE)
    chapters = [text for level, text in headings if level == "##"]
    assert chapters[0].startswith("Chapter 2") and chapters[1].startswith("Chapter 3")
    inside = ""
    for level, text in headings:
        inside = text if level == "##" else inside
        if level == "###" and text[0].isdigit():
            assert inside.startswith(f"Chapter {text[0]}"), text
