"""The tables that a notebook shows as HTML, as Markdown that is read as text too."""

from __future__ import annotations

import re
from html.parser import HTMLParser

# Times and ulps belong to the machine: what stands between these two is not compared with another run.
BEGIN, END = "<!-- measured -->", "<!-- end -->"
KNOWN = {"table", "thead", "tbody", "tr", "th", "td", "ul", "li", "div", "p", "code", "style"}


class Reader(HTMLParser):
    """Collects tables, lines of lists and paragraphs, in their order; `strange` is a tag that is none of these."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[list[list[str]] | str] = []
        self.text = ""
        self.strange = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.strange = self.strange or ("" if tag in KNOWN else tag)
        if tag == "table":
            self.blocks.append([])
        elif tag == "tr" and self.blocks and isinstance(self.blocks[-1], list):
            self.blocks[-1].append([])
        if tag in ("th", "td", "li", "p"):
            self.text = ""

    def handle_endtag(self, tag: str) -> None:
        last = self.blocks[-1] if self.blocks else ""
        if tag in ("th", "td") and isinstance(last, list) and last:
            last[-1].append(plain(self.text))
        elif tag == "li":
            self.blocks.append("- " + plain(self.text))
        elif tag == "p":
            self.blocks.append(f"`{self.text}`" if "`" not in self.text else plain(self.text))

    def handle_data(self, data: str) -> None:
        self.text += data


def plain(text: str) -> str:
    """The text with Markdown's own signs escaped."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(text.split()))


def as_markdown(html: str) -> str:
    """Tables and lists as Markdown; anything else as it is.

    >>> print(as_markdown("<table><tr><th>x</th><th>n</th></tr><tr><td>a*b</td><td>12</td></tr></table>"))
    | x    |  n |
    |------|---:|
    | a\\*b | 12 |
    """
    reader = Reader()
    reader.feed(html)
    if reader.strange or not reader.blocks:
        return html
    parts: list[str] = []
    for block in reader.blocks:
        text = table(block) if isinstance(block, list) else block
        listed = text.startswith("- ") and bool(parts) and parts[-1].startswith("- ")
        parts = [*parts[:-1], f"{parts[-1]}\n{text}"] if listed else [*parts, text]
    told = "\n\n".join(parts)
    return f"{BEGIN}\n\n{told}\n\n{END}" if 'class="difflab-comparison"' in html else told


def table(rows: list[list[str]]) -> str:
    """Rows as a table whose columns line up, numbers to the right."""
    widths = [max(len(row[k]) for row in rows if k < len(row)) for k in range(len(rows[0]))]
    right = [all(re.fullmatch(r"-?[\d,.]+|", row[k]) for row in rows[1:] if k < len(row)) for k in range(len(widths))]
    lines = []
    for row in rows:
        cells = [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right)]
        lines.append("| " + " | ".join(cells) + " |")
    rule = "|".join("-" * (w + 1) + (":" if r else "-") for w, r in zip(widths, right))
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])
