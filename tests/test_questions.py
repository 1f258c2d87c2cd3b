"""Ten questions of a student: each is answered in a lesson, by lines that run, and on the step-through page."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from difflab.draw.page.why import ANSWERS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "questions.md"
if not PAGE.is_file():
    pytest.skip("the documentation is not part of the wheel", allow_module_level=True)
spec = importlib.util.spec_from_file_location("course", ROOT / "docs" / "tools" / "course.py")
course = importlib.util.module_from_spec(spec)
spec.loader.exec_module(course)

SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
QUESTIONS = {title: " ".join(body.split()) for title, body in (s.split("\n", 1) for s in SECTIONS)}


def problems(page, text):
    """What is wrong with the links of a text that stands on a page."""
    found = []
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = address.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.is_file():
            found.append(f"{address}: no such file")
        elif anchor and anchor not in course.headings(file):
            found.append(f"{address}: no such heading")
    return found


def section(address):
    """The text of a lesson from a heading to the next one that is no deeper."""
    name, anchor = address.split("#")
    text = (PAGE.parent / name).read_text(encoding="utf-8")
    parts = re.split(r"^(?=##+ )", text, flags=re.MULTILINE)
    starts = [k for k, part in enumerate(parts) if course.slug(part.split("\n", 1)[0]) == anchor]
    depth = len(re.match("#+", parts[starts[0]])[0])
    inner = [parts[starts[0]]]
    for part in parts[starts[0] + 1 :]:
        if len(re.match("#+", part)[0]) <= depth:
            break
        inner.append(part)
    return "".join(inner)


def test_there_are_ten_in_order():
    assert [int(title.split(".")[0]) for title in QUESTIONS] == list(range(1, 11))
    assert all(title.endswith("?") or "what not" in title for title in QUESTIONS)


def test_every_link_and_anchor_is_there():
    assert problems(PAGE, PAGE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("title", QUESTIONS)
def test_a_question_is_answered_by_lines_that_run(title):
    lessons = re.findall(r"\]\((\.\./tutorials/0[1-5]_\w+\.md#[\w-]+)\)", QUESTIONS[title])
    assert lessons, "no section of lessons 1 to 5"
    for address in lessons:
        assert re.search(r"^ *assert ", section(address), flags=re.MULTILINE), f"{address} asserts nothing"


def test_each_question_is_asked_on_the_page_in_the_same_words():
    asked = [re.search(r"On the page: \*([^*]+)\*", body)[1] for body in QUESTIONS.values()]
    assert sorted(asked) == sorted(question for question, _ in ANSWERS.values())


@pytest.mark.parametrize("title", QUESTIONS)
def test_an_answer_is_short(title):
    answer = QUESTIONS[title].partition(" On the page:")[0]
    assert len(re.findall(r"[.?:!](?= |$)", answer)) <= 6 and len(answer) < 620, answer


def test_two_clicks_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "](docs/questions.md)" in readme and problems(ROOT / "README.md", readme) == []
    assert "](../docs/questions.md)" in (ROOT / "tutorials" / "README.md").read_text(encoding="utf-8")
    assert "questions.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "link, told",
    [
        ("../tutorials/05_a_value_used_twice.md#why-contributions-subtract", "no such heading"),
        ("../tutorials/05_a_value_used_once.md", "no such file"),
        ("#11-why", "no such heading"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(link, told):
    assert problems(PAGE, f"see [there]({link})") == [f"{link}: {told}"]
