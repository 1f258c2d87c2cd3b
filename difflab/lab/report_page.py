"""The frame of every report: plain HTML that needs nothing but itself, in light and dark, on a phone too."""

from __future__ import annotations

import html

from ..palette import variables
from ..version import __version__

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
@media screen { .scroll img { min-width: var(--least); } }
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
STYLE = variables() + RULES
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def report_page(title: str, lead: str, body: str, made: str = "", style: str = "") -> str:
    """A whole page: a title and a sentence, which are text, and the sections, which are HTML.

    `made` is HTML too, and says by which command; `style` is added to the style of all reports.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{html.escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<main>
<header><h1>{html.escape(title)}</h1><p>{html.escape(lead)}</p></header>
{body}
<footer>Made by difflab {__version__}{f": {made}" if made else ""}.</footer>
</main>
</body>
</html>
"""
