"""The map of the course: `python docs/tools/course.py` writes docs/course.md again from docs/course.tsv.

A row of the table is one definition, formula, figure or claim of the class notes; a row without a kind opens a section.
Several places in one cell are separated by " | ", a leading "?" marks one that is still being built. Cells are

- lesson: `07#one-of-many-cross-entropy`, the number of a lesson and a heading, or a guide, `docs/planning.md#solvers`;
- picture: a file of graphs/, tutorials/pictures/ or docs/pictures/;
- command: what to type; empty: the lesson or the guide itself is run;
- test: `test_draw.py::test_each_view_shows_its_labels`.

`python docs/tools/course.py --check` says what leads nowhere.
"""

from __future__ import annotations

import ast
import re
import shlex
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TABLE, PAGE = ROOT / "docs" / "course.tsv", ROOT / "docs" / "course.md"
BEGIN, END = "<!-- the map: written by docs/tools/course.py -->", "<!-- end of the map -->"
KINDS = ("claim", "definition", "figure", "formula")


class Row(NamedTuple):
    """One line of the table."""

    section: str
    kind: str
    item: str
    lesson: str = ""
    picture: str = ""
    command: str = ""
    test: str = ""

    @property
    def opens(self) -> bool:
        return not self.kind

    def places(self, field: str) -> list[str]:
        """What a cell names, without what is still being built."""
        return [part for part in self.parts(field) if not part.startswith("?")]

    def waits(self) -> list[str]:
        """What is still being built."""
        return [
            part for field in ("lesson", "picture", "command", "test") for part in self.parts(field) if part[0] == "?"
        ]

    def parts(self, field: str) -> list[str]:
        return [part.strip() for part in getattr(self, field).split(" | ") if part.strip()]


def rows(text: str | None = None) -> list[Row]:
    """The table.

    >>> rows("section\\tkind\\titem\\n2.1\\t\\tLosses\\n2.1\\tformula\\tsquared error\\t07#mean-or-median")[1].lesson
    '07#mean-or-median'
    """
    lines = (TABLE.read_text(encoding="utf-8") if text is None else text).splitlines()[1:]
    return [Row(*line.split("\t")) for line in lines if line.strip()]


# Where a place is.
@cache
def lesson_file(number: str) -> Path | None:
    """The page of a lesson by its number of two digits."""
    found = sorted((ROOT / "tutorials").glob(f"{number}_*.md"))
    return found[0] if len(found) == 1 else None


def page_of(place: str) -> tuple[Path | None, str]:
    """The file and the heading that a lesson's cell names."""
    name, _, heading = place.partition("#")
    return (ROOT / name if name.startswith("docs/") else lesson_file(name)), heading


def slug(heading: str) -> str:
    """The anchor of a heading.

    >>> slug("Too expensive: batch, stochastic, mini-batch"), slug("## `a = b`")
    ('too-expensive-batch-stochastic-mini-batch', 'a--b')
    """
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).strip().replace(" ", "-")


@cache
def headings(page: Path) -> dict[str, str]:
    """The headings of a page by their anchors, those of its code left out."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {slug(h): h.lstrip("# ") for h in re.findall(r"^#+ .*$", text, flags=re.MULTILINE)}


@cache
def known_tests(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def run_of(row: Row) -> list[str]:
    """What to type: the row's commands, else its lesson or guide as a program."""
    if row.parts("command"):
        return row.places("command")
    pages = [page for page, _ in map(page_of, row.places("lesson")) if page is not None]
    return [program(page) for page in pages[:1]]


def program(page: Path) -> str:
    """How a lesson or a guide is run: silence means that everything in it holds."""
    if page.parent.name == "tutorials":
        return f"python tutorials/{page.stem}.py"
    return f"python -m doctest {page.relative_to(ROOT)}"


# What is wrong.
def problems(row: Row) -> list[str]:
    """What a row lacks, and what in it leads nowhere."""
    if row.opens:
        return []
    found = [] if row.kind in KINDS else [f"kind {row.kind!r}; the kinds are {', '.join(KINDS)}"]
    needed = ("lesson", "test", *(["picture"] if row.kind == "figure" else []))
    found += [f"no {field}" for field in needed if not row.parts(field)]
    found += [] if run_of(row) or row.waits() else ["no command"]
    for place in row.places("lesson"):
        page, heading = page_of(place)
        if page is None or not page.is_file():
            found.append(f"no lesson {place}")
        elif heading and (heading not in headings(page) or "--" in heading):
            found.append(f"{page.name} has no heading {heading}; {', '.join(headings(page))}")
    found += [f"no picture {p}" for p in row.places("picture") if not (ROOT / p).is_file()]
    for place in row.places("test"):
        name, _, test = place.partition("::")
        file = ROOT / "tests" / name
        if not file.is_file() or test not in known_tests(file):
            found.append(f"no test {place}")
    found += [told for words in run_of(row) if (told := wrong_command(words))]
    return [f"{row.section} {row.item}: {told}" for told in found]


def wrong_command(text: str) -> str:
    """Why a command cannot be typed, "" if it can: programs that are lessons, and difflab's own commands, parsed."""
    words = shlex.split(text)
    if words[0] == "python":
        lesson = words[1:] if words[1:3] != ["-m", "doctest"] else words[3:]
        return "" if len(lesson) == 1 and (ROOT / lesson[0]).is_file() else f"no program {text}"
    if words[0] != "difflab":
        return f"{text} is no command of difflab"
    import click

    from difflab.cli.app import COMMANDS

    name, rest = (words[1] if len(words) > 1 else ""), words[2:]
    if name not in COMMANDS:
        return f"difflab has no command {name!r}"
    command = import_module(f"difflab.cli.{name.replace('-', '_')}").command
    try:
        command.make_context(name, rest)
    except click.ClickException as error:
        return f"{text}: {error.format_message()}"
    return ""


# The page.
def lesson_links(row: Row) -> str:
    """The links to the headings, or to the pages as a whole."""
    found = []
    for place in row.parts("lesson"):
        page, heading = page_of(place.lstrip("?"))
        if place.startswith("?") or page is None:
            found.append(f"({place.lstrip('?')}: to come)")
            continue
        number = f"lesson {int(page.name[:2])}" if page.name[:2].isdigit() else title(page)
        told = f"{number}, {headings(page)[heading]}" if heading else number
        address = (
            f"../{page.relative_to(ROOT)}" if page.parent.name == "tutorials" else str(page.relative_to(ROOT / "docs"))
        )
        found.append(f"[{told}]({address}{'#' * bool(heading)}{heading})")
    return ", ".join(found)


def title(page: Path) -> str:
    return re.sub(r"^\d+\. ", "", next(iter(headings(page).values())))


def picture_links(row: Row) -> str:
    found: list[str] = []
    for place in row.places("picture"):
        address = place.removeprefix("docs/") if place.startswith("docs/") else f"../{place}"
        name = Path(place).stem
        number = re.match(r"\d+-\d+(-\d+(?=-))?", name) if place.startswith("graphs/") else None
        told = f"figure {number[0].replace('-', '.')}" if number else "picture"
        again = any(f"[{told}]" in other for other in found)
        found.append(f"[{'again' if again else told}]({address})")
    return ", ".join(found)


def code(text: str) -> str:
    return f"`{text}`"


def entry(row: Row) -> str:
    """A row as an item of a list: what it is, where it is told and shown, what to type, what holds it."""
    kind = "" if row.kind == "figure" else f" ({row.kind})"
    where = ", ".join(filter(None, (lesson_links(row), picture_links(row))))
    held = [f"tests/{place}" for place in row.places("test")]
    return "<br>\n  ".join([f"- **{row.item}**{kind}", where, *map(code, run_of(row) + held)])


def written() -> str:
    """The map as Markdown."""
    parts = []
    for row in rows():
        if row.opens:
            number = "" if row.section == "tools" else f"{row.section} "
            parts.append(f"{'###' if '.' in row.section else '##'} {number}{row.item}\n")
        else:
            parts.append(entry(row))
    return re.sub(r"\n+(##+ .*)\n+", r"\n\n\1\n\n", "\n".join(parts)) + "\n"


def page(text: str) -> str:
    """The page with the map between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{written()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("course.py: no arguments, or --check", file=sys.stderr)
        return 2
    found = [told for row in rows() for told in problems(row)]
    old = PAGE.read_text(encoding="utf-8")
    new = page(old)
    if arguments:
        found += ["docs/course.md is not what the table gives: python docs/tools/course.py"] * (new != old)
    elif new != old:
        PAGE.write_text(new, encoding="utf-8")
    waiting = sum(bool(row.waits()) for row in rows())
    count = sum(not row.opens for row in rows())
    print(
        "\n".join(found) or f"{count} rows: every one leads somewhere" + f", {waiting} wait for a part" * bool(waiting)
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
