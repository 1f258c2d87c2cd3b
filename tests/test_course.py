"""The map of the course leads somewhere: every lesson, picture, command and test that it names is there, and runs."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from difflab.cli.app import run

TOOL = Path(__file__).parent.parent / "docs" / "tools" / "course.py"
if not TOOL.is_file():
    pytest.skip("the documentation is not part of the wheel", allow_module_level=True)
spec = importlib.util.spec_from_file_location("course", TOOL)
course = importlib.util.module_from_spec(spec)
spec.loader.exec_module(course)

ROWS = [row for row in course.rows() if not row.opens]
LONG = ("train", "gallery")  # parsed here, run by their own tests
COMMANDS = sorted({text for row in ROWS for text in course.run_of(row) if text.startswith("difflab ")})
RUN = [text for text in COMMANDS if shlex.split(text)[1] not in LONG]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", "-", f"{row.section} {row.item}")[:60])
def test_a_row_leads_somewhere(row):
    assert course.problems(row) == []


def test_it_has_every_item_of_the_notes_in_their_order():
    assert len(ROWS) == 160 and len({(row.section, row.item) for row in ROWS}) == 160
    numbers = [tuple(map(int, row.section.split("."))) for row in ROWS if row.section != "tools"]
    assert numbers == sorted(numbers)
    assert all(row.section == "tools" for row in ROWS[len(numbers) :])
    figures = {re.match(r"Figure ([\d.]+):", row.item)[1] for row in ROWS if row.kind == "figure"}
    wanted = {2: range(1, 7), 3: range(1, 2), 4: range(1, 15)}
    assert figures == {f"{chapter}.{k}" for chapter, numbers in wanted.items() for k in numbers}


def test_nothing_waits():
    assert [f"{row.section} {row.item}: {row.waits()}" for row in ROWS if row.waits()] == []


def test_the_page_is_what_the_table_gives():
    text = course.PAGE.read_text(encoding="utf-8")
    assert course.page(text) == text, "python docs/tools/course.py writes it again"
    inside = course.headings(course.PAGE)
    assert all(anchor in inside for anchor in re.findall(r"\]\(#([^)]+)\)", text))


@pytest.mark.parametrize("text", RUN)
def test_a_command_runs(text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(shlex.split(text)[1:]) in (0, 1), capsys.readouterr().err  # 1: an answer that is no agreement
    words = shlex.split(text)
    assert "-o" not in words or (tmp_path / words[words.index("-o") + 1]).stat().st_size > 100


GOOD = dict(section="2.1", kind="formula", item="x", lesson="07#mean-or-median", picture="docs/pictures/step.png",
            command='difflab compare "x*x" --at x=1', test="test_draw.py::test_each_view_shows_its_labels")  # fmt: skip
WRONG = [
    (dict(kind="thing"), "kind 'thing'"),
    (dict(lesson=""), "no lesson"),
    (dict(lesson="99#a"), "no lesson 99"),
    (dict(lesson="docs/nothing.md"), "no lesson docs/nothing.md"),
    (dict(lesson="07#median-or-mean"), "no heading median-or-mean"),
    (dict(picture="graphs/9-9.svg"), "no picture graphs/9-9.svg"),
    (dict(kind="figure", picture=""), "no picture"),
    (dict(test=""), "no test"),
    (dict(test="test_draw.py::test_nothing"), "no test test_draw.py::test_nothing"),
    (dict(test="test_nothing.py::test_views"), "no test test_nothing.py"),
    (dict(command="difflab compose x"), "no command 'compose'"),
    (dict(command='difflab compare "x*x" --att x=1'), "--att"),
    (dict(command='difflab draw "x*x" --view sideways'), "sideways"),
    (dict(command="python tutorials/99.py"), "no program"),
    (dict(command="rm -rf x"), "no command of difflab"),
]


@pytest.mark.parametrize("change, told", WRONG, ids=[told for _, told in WRONG])
def test_a_row_that_leads_nowhere_is_told(change, told):
    assert course.problems(course.Row(**GOOD)) == []
    (found,) = course.problems(course.Row(**GOOD | change))
    assert told in found and found.startswith("2.1 x: ")


def test_what_waits_is_neither_linked_nor_missed():
    row = course.Row(
        **GOOD | dict(lesson="?99#a | 07#mean-or-median", picture="?graphs/9.svg", test="?test_a.py::test_b")
    )
    assert course.problems(row) == [] and row.waits() == ["?99#a", "?graphs/9.svg", "?test_a.py::test_b"]
    assert "to come" in course.lesson_links(row) and "9.svg" not in course.picture_links(row)
