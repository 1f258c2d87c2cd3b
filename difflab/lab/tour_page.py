"""The tour's page: plain HTML that needs nothing but itself, in light and dark, on a phone too."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from ..cards.as_html import FRAMELESS
from ..palette import variables
from ..types import Value
from ..version import __version__
from .comparison_report import html_table

RULES = """
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 84rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.3rem; margin: 0 0 .5rem; }
p { max-width: 54rem; }
a { color: var(--downstream); }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding: 0; list-style: none; }
section { background: var(--panel); border: 1px solid var(--soft); border-radius: .6rem; padding: 1.2rem;
  margin: 1.5rem 0; }
figure { margin: 1rem 0; }
.formula { display: block; padding: .5rem .7rem; border-left: 3px solid var(--downstream); background: var(--paper); }
.scroll { overflow-x: auto; margin: .8rem 0; }
figure svg { display: block; height: auto; margin: 0 auto; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.narrow { display: none; }
@media (max-width: 60rem) { .wide.large { display: none; } .narrow.large { display: block; } }
@media (max-width: 46rem) {
  .wide { display: none; }
  .narrow { display: block; }
  main { padding: 1rem .6rem 3rem; }
  section { padding: .7rem; }
}
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--soft); vertical-align: top; }
th { color: var(--quiet); font-weight: 600; }
td { white-space: nowrap; }
td:first-child, td:last-child { white-space: normal; }
td:last-child { min-width: 5.5rem; }
.n { text-align: right; }
.difflab-comparison > p { display: none; }
@media (min-width: 72rem) {  /* the notes stand beside the tables */
  .difflab-comparison { display: grid; grid-template-columns: auto minmax(14rem, 1fr); gap: 0 2.5rem; }
  .difflab-comparison > .scroll { grid-column: 1; }
  .difflab-comparison > ul { grid-column: 2; grid-row: 1 / span 4; }
}
.difflab-comparison ul { color: var(--quiet); font-size: .86rem; padding-left: 1.1rem; overflow-wrap: anywhere; }
footer { color: var(--quiet); font-size: .86rem; }
"""
STYLE = variables() + RULES  # of the reports as well
SMALLEST = 0.76  # scale of a picture: the text on its wires, 11 pt or 14.7 px, stays above 11 px
PHONE = 350  # points of a drawing that fits at this scale into a window of 400 pixels
COLUMN = 500  # points that a drawing has in a window of 46rem
LARGEST, TALLEST = 1.5, 640  # a small graph grows to fill its card, up to this scale and this height in points
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


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
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>A tour of derivatives</title>
<style>{STYLE}{FRAMELESS}</style>
</head>
<body>
<main>
<header>
<h1>A tour of derivatives</h1>
<p>Each function below is recorded once as a graph; all methods differentiate it at a point. The certified method
proves its digits without using any derivative rule and judges the others. Errors are in units in the last place (ulps)
of the certified value.</p>
</header>
{html_table("Examples", *overview)}
<nav aria-label="Stops"><ul>{links}</ul></nav>
{body}
<footer>Made by difflab {__version__}: <code>difflab tour FOLDER</code>. Times are medians on this machine.</footer>
</main>
</body>
</html>
"""


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
