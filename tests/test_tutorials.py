"""The lessons' runner on small lessons, and the form of every lesson; .ci/run executes the lessons themselves."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANGS

import difflab as dl

pytest.importorskip("tutorials", reason="the lessons are not part of the wheel")

from tutorials.markdown import Page, comparable, same
from tutorials.percent import LessonError, parse, read
from tutorials.run import ROOT, WIDEST, bundle, execute

LESSONS = sorted(Path(ROOT, "tutorials").glob("[0-9][0-9]_*.py"))

SMALL = """# %% [markdown]
# # 1. Small
#
# A sum, $1 + 1$.

# %%
import difflab as dl

print("hello")
assert 1 + 1 == 2
1 + 1

# %%
dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4).backward()

# %%
from matplotlib import pyplot as plt

figure, axes = plt.subplots()
axes.set_title("A line")
axes.plot([1, 2])

# %% [markdown] tags=["solution"]
# Add them.

# %% tags=["solution"]
dl.compare("x**2", at=dict(x=3.0))
"""


@pytest.fixture
def lesson(tmp_path):
    path = tmp_path / "01_small.py"
    path.write_text(SMALL)
    return path


def command(*words):
    done = subprocess.run(
        [sys.executable, "-m", "tutorials", *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=HANGS
    )
    return done.returncode, done.stdout + done.stderr


def test_cells_have_lines_kinds_and_tags():
    cells = parse(SMALL)
    assert [c.kind for c in cells] == ["markdown", "code", "code", "code", "markdown", "code"]
    assert cells[0].source == "# 1. Small\n\nA sum, $1 + 1$."
    assert [c.tags for c in cells][3:] == [(), ("solution",), ("solution",)]
    for cell in cells:
        first = cell.source.splitlines()[0]
        assert SMALL.splitlines()[cell.line - 1].endswith(first)


@pytest.mark.parametrize(
    "text, told",
    [
        ("x = 1\n# %%\n", "line 1: text before"),
        ("# %% [markdown]\n# a\nb\n", "line 3: a line of a markdown cell"),
        ("# %% [raw]\n", "line 1: '# %% [raw]'"),
    ],
)
def test_what_is_not_the_format_is_refused_with_its_line(text, told):
    with pytest.raises(LessonError, match=re.escape(told)):
        parse(text)


def test_page_and_notebook_of_a_lesson(lesson, tmp_path):
    status, told = command("--lessons", tmp_path)
    assert status == 0, told
    page = (tmp_path / "01_small.md").read_text()
    assert page.startswith("# 1. Small\n")
    assert "```text\nhello\n```\n\n```text\n2\n```" in page
    assert "![Forward and backward pass of q = x + y; f = q * z](pictures/01_small-1.svg)" in page
    assert "![A line](pictures/01_small-2.png)" in page
    assert "Line2D" not in page  # what plot returns is not worth showing
    hidden = page[page.index("<details>") : page.index("</details>")]
    assert "Add them." in hidden and "dl.compare" in hidden and "| method " in hidden and "<t" not in hidden
    assert (tmp_path / "pictures/01_small-1.svg").read_text().startswith("<svg")
    assert (tmp_path / "pictures/01_small-2.png").read_bytes().startswith(b"\x89PNG")

    status, told = command("--lessons", tmp_path, "--to", "ipynb", "--out", tmp_path / "books")
    assert status == 0, told
    book = json.loads((tmp_path / "books/01_small.ipynb").read_text())
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert [c["cell_type"] for c in book["cells"]] == [c.kind for c in parse(SMALL)]
    code = [c for c in book["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in code] == [1, 2, 3, 4]
    assert len({c["id"] for c in book["cells"]}) == len(book["cells"])
    assert code[0]["outputs"][1]["data"] == {"text/plain": "2"}
    assert base64.b64decode(code[2]["outputs"][0]["data"]["image/png"]).startswith(b"\x89PNG")
    assert book["cells"][-1]["metadata"] == {"tags": ["solution"]}

    assert command("--lessons", tmp_path, "--check")[0] == 0
    lesson.write_text(SMALL.replace("1 + 1\n\n#", "1 + 2\n\n#"))
    status, told = command("--lessons", tmp_path, "--check")
    assert status == 1 and "01_small.py: the page is not current" in told and "1 + 2" in told


@pytest.mark.parametrize(
    "cell, told",
    [
        ("x = 2\nassert (\n    x == 3\n)", "cell 2, line 6: AssertionError\n    assert (\n        x == 3\n    )"),
        ("def f():\n    return 1 / 0\n\nf()", "cell 2, line 6: ZeroDivisionError: division by zero\n    return 1 / 0"),
        ("x = (", "cell 2, line 5: SyntaxError"),
        ("assert 1 == 2, 'one is not two'", "cell 2, line 5: AssertionError: one is not two\n    assert 1 == 2"),
        ("raise SystemExit(0)", "cell 2, line 5: SystemExit: 0"),
    ],
)
def test_a_failure_names_lesson_cell_and_statement_and_writes_nothing(tmp_path, cell, told):
    (tmp_path / "02_bad.py").write_text(f"# %%\nprint(1)\n\n# %%\n{cell}\n")
    status, said = command("--lessons", tmp_path)
    assert status == 1
    assert f"02_bad.py, {told}" in said
    assert [p.name for p in tmp_path.iterdir()] == ["02_bad.py"]


def test_a_lesson_that_does_not_exist_is_bad_usage(lesson, tmp_path):
    status, told = command("--lessons", tmp_path, "7")
    assert status == 2 and "there is no lesson 7; the lessons are 1" in told


def test_lessons_are_counted_from_zero(tmp_path):
    (tmp_path / "00_begin.py").write_text("# %%\nprint(0)\n")
    (tmp_path / "01_go_on.py").write_text("# %%\nprint(1)\n")
    status, told = command("--lessons", tmp_path, "0")
    assert status == 0 and "00_begin: page written" in told and "01_go_on" not in told


def test_a_lesson_that_hangs_or_dies_is_a_failure(tmp_path):
    path = tmp_path / "03_slow.py"
    path.write_text("# %%\nimport time\n\ntime.sleep(60)\n")
    with pytest.raises(LessonError, match=r"03_slow\.py: stopped after 1 s"):
        execute(path, seconds=1)
    path.write_text("# %%\nimport os\n\nos._exit(3)\n")
    with pytest.raises(LessonError, match=r"03_slow\.py: the process ended with status 3"):
        execute(path)


def test_pictures_of_an_earlier_run_are_removed(tmp_path):
    drawn = {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}, "metadata": {}}
    cells = parse("# %%\n1\n")
    Page("01_a", cells, [[drawn, drawn]]).save(tmp_path)
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == ["01_a-1.svg", "01_a-2.svg"]
    fewer = Page("01_a", cells, [[drawn]])
    assert "pictures/ holds" in (fewer.difference(tmp_path) or "")
    fewer.save(tmp_path)
    assert [p.name for p in (tmp_path / "pictures").iterdir()] == ["01_a-1.svg"]
    assert fewer.difference(tmp_path) is None


def test_a_drawing_wider_than_a_page_runs_down():
    width = lambda svg: int(re.match(r'<svg [^>]*?width="(\d+)pt"', svg)[1])
    short = dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4).backward()
    assert bundle(short)["image/svg+xml"] == short._repr_svg_()
    long = dl.parse("z = w*x + b; a = tanh(z); e = a - y; L = e**2").forward(w=0.8, x=1.5, b=-0.4, y=0.2).backward()
    assert width(long._repr_svg_()) > WIDEST >= width(bundle(long)["image/svg+xml"])


def test_pages_are_compared_up_to_rounding_and_durations():
    assert comparable("took 1.5 ms   now\n") == comparable("took 3 µs now")
    assert same("the error is 1.2e-12", "the error is 3e-13")
    assert same("array([1.0000001, 2.])", "array([1., 2.])")
    assert not same("f = 3", "f = 4")
    assert not same("f = 3", "g = 3")


def test_the_index_lists_every_lesson():
    index = Path(ROOT, "tutorials/README.md").read_text()
    for path in LESSONS:
        assert f"({path.stem}.md)" in index


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_a_lesson_has_its_parts(path):
    cells = read(path)
    text = "\n\n".join(c.source for c in cells if c.kind == "markdown")
    code = [c for c in cells if c.kind == "code"]
    solutions = [c for c in code if "solution" in c.tags]
    assert text.startswith(f"# {int(path.name[:2])}. ")
    assert "After this lesson you can" in text
    assert sum(c.source.count("assert") for c in code) >= 3
    assert len(solutions) >= 2 and all("assert" in c.source for c in solutions)
    assert cells[-1].kind == "markdown" and "## What to read next" in cells[-1].source
    page = path.with_suffix(".md").read_text()
    assert all(c.source in page for c in cells)
    for picture in re.findall(r"\]\((pictures/[^)]*)\)", page):
        assert (path.parent / picture).stat().st_size > 0
    for address in re.findall(r"\]\((\.\.?/[^)#]*)", page):
        assert (path.parent / address).exists(), address
