"""The tour's page: plain HTML that needs nothing but itself, in light and dark, on a phone too."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from ..cards.as_html import FRAMELESS
from ..types import Value
from .comparison_report import html_table
from .report_page import report_page

SMALLEST = 0.76  # scale of a picture: the text on its wires, 11 pt or 14.7 px, stays above 11 px
PHONE = 350  # points of a drawing that fits at this scale into a window of 400 pixels
COLUMN = 500  # points that a drawing has in a window of 46rem
LEAD = (
    "Each function below is recorded once as a graph; all methods differentiate it at a point. The certified method "
    "proves its digits without using any derivative rule and judges the others. Errors are in units in the last place "
    "(ulps) of the certified value."
)
LARGEST, TALLEST = 1.5, 640  # a small graph grows to fill its card, up to this scale and this height in points


@dataclass
class Figure:
    """A drawing as SVG text, perhaps with another one for narrow windows; or a card of curves as HTML."""

    svg: str = ""
    narrow: str = ""
    card: str = ""


@dataclass
class Section:
    """One stop on the page."""

    title: str
    about: str
    formula: str
    figure: Figure
    comparison: Value = None


def page(sections: list[Section], overview: tuple[tuple[str, ...], list[list[str]]]) -> str:
    """The whole page."""
    links = "".join(f'<li><a href="#s{k}">{html.escape(s.title)}</a></li>' for k, s in enumerate(sections))
    body = "\n".join(section(s, k) for k, s in enumerate(sections))
    content = f'{html_table("Examples", *overview)}\n<nav aria-label="Stops"><ul>{links}</ul></nav>\n{body}'
    made = "<code>difflab tour FOLDER</code>. Times are medians on this machine"
    return report_page("A tour of derivatives", LEAD, content, made, FRAMELESS)


def section(s: Section, k: int) -> str:
    told = s.comparison._repr_html_() if s.comparison is not None else ""
    return (
        f'<section id="s{k}">\n<h2>{html.escape(s.title)}</h2>\n<p>{html.escape(s.about)}</p>\n'
        f'<code class="formula">{html.escape(s.formula)}</code>\n{figure(s.figure)}\n{told}\n</section>'
    )


def figure(f: Figure) -> str:
    if f.card:
        return f.card
    if not f.narrow:
        return drawn(f.svg)
    size = re.search(r'width="(\d+)', f.svg)
    large = " large" * bool(size and int(size[1]) * SMALLEST > COLUMN)
    return drawn(f.svg, "wide" + large) + drawn(f.narrow, "narrow" + large)


def drawn(svg: str, where: str = "") -> str:
    """A drawing that shrinks to the column while it can be read, and grows to fill it."""
    # Several pictures on one page: their ids would clash, and nothing refers to them.
    svg = re.sub(r' (id|class)="[^"]*"', "", svg[svg.index("<svg") :])
    if size := re.match(r'<svg[^>]*? width="(\d+)[^>]*? height="(\d+)', svg):
        width, height = int(size[1]), int(size[2])
        largest = width * max(1.0, min(LARGEST, TALLEST / height))
        style = f"width: 100%; min-width: {width * SMALLEST:.0f}pt; max-width: {largest:.0f}pt"
        svg = svg.replace("<svg", f'<svg style="{style}"', 1)
    return f'<figure class="{f"scroll {where}".strip()}" tabindex="0">{svg}</figure>'
