"""A lesson with its outputs as a Markdown page and picture files, for people who browse the repository."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from difflab.files import write

from .percent import Cell
from .tables import BEGIN, END, as_markdown

PICTURES = "pictures"
SUFFIX = {"image/svg+xml": "svg", "image/png": "png"}


class Page:
    """The text of a lesson's page and its pictures by file name; `save` writes both."""

    def __init__(self, name: str, cells: list[Cell], outputs: list[list[dict[str, Any]]]) -> None:
        self.name = name
        self.pictures: dict[str, bytes] = {}
        self.outputs = iter(outputs)
        parts: list[str] = []
        for solution, group in groupby(cells, key=lambda c: "solution" in c.tags):
            blocks = [block for cell in group for block in self.blocks(cell)]
            if solution:
                blocks = ["<details>\n<summary>Solution</summary>", *blocks, "</details>"]
            parts += blocks
        parts.append(f"---\n\n*The outputs come from running [{name}.py]({name}.py). [All lessons](README.md)*")
        self.text = "\n\n".join(parts) + "\n"

    def blocks(self, cell: Cell) -> Iterator[str]:
        if cell.kind == "markdown":
            yield cell.source
            return
        yield fenced(cell.source, "python")
        for output in next(self.outputs):
            if output["output_type"] == "stream":
                yield fenced(output["text"].rstrip("\n"), "text")
            else:
                yield self.shown(output["data"])

    def shown(self, data: dict[str, str]) -> str:
        """The form of a value that a page shows best."""
        for kind, suffix in SUFFIX.items():
            if kind in data:
                file = f"{self.name}-{len(self.pictures) + 1}.{suffix}"
                self.pictures[file] = data[kind].encode() if suffix == "svg" else base64.b64decode(data[kind])
                return f"![{alternative(data)}]({PICTURES}/{file})"
        if "text/latex" in data:
            formula = data["text/latex"].strip("$").removeprefix(r"\displaystyle").strip()
            return f"$${formula}$$"
        if "text/markdown" in data:
            return data["text/markdown"].strip()
        if "text/html" in data and 'class="kind"' not in data["text/html"]:  # a card is for notebooks
            return as_markdown(data["text/html"].strip())
        return fenced(data["text/plain"], "text")

    def save(self, folder: Path) -> None:
        """Writes pictures, then the page that shows them, then removes pictures of an earlier run."""
        (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        for file, content in self.pictures.items():
            write(folder / PICTURES / file, content, force=True)
        write(folder / f"{self.name}.md", self.text, force=True)
        for file in self.there(folder) - set(self.pictures):
            (folder / PICTURES / file).unlink()

    def there(self, folder: Path) -> set[str]:
        return {p.name for p in (folder / PICTURES).glob(f"{self.name}-*")}

    def difference(self, folder: Path) -> str | None:
        """What is not current in the page that lies in a folder, or None."""
        path = folder / f"{self.name}.md"
        if not path.exists():
            return f"there is no {path.name}"
        if self.there(folder) != set(self.pictures):
            return f"{PICTURES}/ holds {sorted(self.there(folder))}, the lesson makes {sorted(self.pictures)}"
        old, new = comparable(path.read_text(encoding="utf-8")), comparable(self.text)
        for a, b in zip(old, new):
            if not same(a, b):
                return f"{path.name} says {a[:100]!r}, the lesson says {b[:100]!r}"
        return None if len(old) == len(new) else f"{path.name} has another length"


def fenced(text: str, language: str) -> str:
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", text))])
    return f"{ticks}{language}\n{text}\n{ticks}"


def alternative(data: dict[str, str]) -> str:
    """What stands for a picture: the title that a drawing carries, or the titles of a figure."""
    title = re.search(r"<title[^>]*>([^<]*)</title>", data.get("image/svg+xml", ""))
    told = title[1] if title else data.get("text/plain", "picture")
    return re.sub(r"[\[\]\n]+", " ", told).strip()


NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
DURATION = re.compile(r"\b\d[\d.e+-]* ?(?:ns|µs|us|ms|s)\b")


def comparable(text: str) -> list[str]:
    """The page without what differs from run to run: durations, the rules and padding of tables, tables of compare.

    A comparison's table holds times and ulps, which belong to the machine; the lesson asserts what it claims of them.
    """
    text = re.sub(f"{BEGIN}.*?{END}", "<comparison>", text, flags=re.DOTALL)
    text = DURATION.sub("<duration>", text)
    text = re.sub(r"[─━]+", "-", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def same(a: str, b: str) -> bool:
    """Whether two lines have the same words, and numbers that rounding on another machine explains."""
    if a == b:
        return True
    numbers = list(zip(NUMBER.findall(a), NUMBER.findall(b)))
    return NUMBER.sub("#", a) == NUMBER.sub("#", b) and all(
        math.isclose(float(x), float(y), rel_tol=1e-2, abs_tol=1e-9) for x, y in numbers
    )
