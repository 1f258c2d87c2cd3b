"""A card as HTML for a notebook: it loads nothing, runs nothing, and is as light or dark as the notebook around it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from ..palette import ROLES
from .chart import MOST, legend, svg
from .parts import Card, Chart, Code, Fold, Part, Picture, Row, Table, Words, brief, clean

LARGEST = 150_000  # bytes of a cell's HTML: a picture that is larger is left out
ROLE_OF = {"ink": "ink", "soft": "edge", "line": "soft", "paper": "panel", "mark": "wrong",
           "c0": "value", "c1": "upstream", "c2": "downstream", "c3": "local"}  # fmt: skip
LIGHT, DARK = (
    f"color-scheme:{scheme};" + ";".join(f"--{name}:{ROLES[role][k]}" for name, role in ROLE_OF.items())
    for k, scheme in enumerate(("light", "dark"))
)
# Notebooks say whether they are dark: JupyterLab, VS Code, Colab, the documentation's pages. Else the system does.
SAID = ("body[data-jp-theme-light=false]", "body.vscode-dark", "body.vscode-high-contrast", "html[theme=dark]",
        "[data-md-color-scheme=slate]")  # fmt: skip
SAID_LIGHT = (
    "body[data-jp-theme-light=true]",
    "body.vscode-light",
    "html[theme=light]",
    "[data-md-color-scheme=default]",
)
ME = ".difflab-card" * 3  # so that a notebook's own rules for tables count for less


def style() -> str:
    dark, light = (",".join(f"{where} {ME}" for where in said) for said in (SAID, SAID_LIGHT))
    curves = "".join(
        f"{ME} .c{k}{{stroke:var(--c{k % 4});fill:none;stroke-width:2}}{ME} circle.c{k}{{fill:var(--c{k % 4})}}"
        for k in range(MOST)
    )
    rules = {
        "": "background:var(--paper);color:var(--ink);border:1px solid var(--line);border-radius:8px;padding:12px 16px;"
        "margin:4px 0;font:14px/1.45 system-ui,sans-serif;max-width:100%;box-sizing:border-box;overflow-wrap:anywhere",
        " p": "margin:0 0 8px;color:inherit",
        " .kind": "font-weight:700",
        " .attention": "color:var(--mark);font-weight:600",
        " .title": "font-weight:600;color:var(--soft);margin:10px 0 2px;font-size:13px",
        " .row": "display:flex;flex-wrap:wrap;gap:4px 28px;align-items:flex-start",
        " .row>div": "min-width:0;max-width:100%",
        " .row>div:has(>.row)": "flex:1 1 300px",  # what is beside a picture stands in a column of its own
        " .scroll": "overflow-x:auto;max-width:100%;margin:2px 0 8px",
        " table": "border-collapse:collapse;border:0;margin:0;font:inherit;font-size:13px;color:inherit;"
        "font-variant-numeric:tabular-nums;width:auto;table-layout:auto;display:table",
        " tr": "background:none;border:0",
        " th,X td": "text-align:left;padding:2px 16px 2px 0;border:0;border-bottom:1px solid var(--line);"
        "overflow-wrap:break-word;vertical-align:top;color:inherit;background:none;max-width:44em;white-space:normal",
        " th": "color:var(--soft);font-weight:600;white-space:nowrap",
        " .n": "text-align:right;white-space:nowrap",
        " pre": "margin:4px 0 8px;padding:8px 10px;border:1px solid var(--line);border-radius:4px;background:none;"
        "color:inherit;font:12.5px/1.4 ui-monospace,monospace;white-space:pre;overflow:auto;max-height:26em",
        " summary": "cursor:pointer;color:var(--soft);font-size:13px;padding:2px 0",
        " svg,X img": "max-width:100%;height:auto;vertical-align:middle",
        " .picture": "overflow-x:auto;margin:4px 0 8px",
        " .picture img": "max-width:none",
        " svg text": "font-size:12px;fill:var(--soft);font-family:inherit",
        " .grid": "stroke:var(--line);fill:none",
        " .legend": "display:flex;flex-wrap:wrap;gap:0 16px;font-size:12.5px;margin:0 0 8px",
        " ul": "margin:4px 0 0;padding-left:1.2em;color:var(--soft);font-size:13px",
        ".bare": "padding:0;border:0;background:none",
        " iframe": "border:0;display:block;width:100%",
    }
    told = "".join(f"{ME}{name.replace('X', ME)}{{{rule}}}" for name, rule in rules.items())
    return (
        f"<style>{ME}{{{LIGHT}}}@media(prefers-color-scheme:dark){{{ME}{{{DARK}}}}}{light}{{{LIGHT}}}{dark}{{{DARK}}}"
        f"{told}{curves}</style>"
    )


STYLE = style()
# For pages whose sections are frames enough: cards in them have none, and their curves fill the column.
FRAMELESS = (
    f"section {ME}{{padding:0;margin:12px 0 0;border:0;background:none}}section {ME} .row>div{{flex:1 1 300px}}"
    f"section {ME} svg[role=img]{{width:100%;max-width:28rem}}"
)


def framed(body: str, kind: str = "") -> str:
    """Markup of its own in a card's frame and style."""
    return f'<div class="difflab-card {kind}">{STYLE}{body}</div>'.replace(' "', '"', 1)


def as_html(card: Card) -> str:
    head = f'<p><span class="kind">{escape(brief(card.kind))}</span> {escape(brief(card.about))}</p>'
    return framed(head + body(card.parts, LARGEST))


def body(parts: Sequence[Part], room: int) -> str:
    """The parts one after another, while there is room; what would need more is named."""
    found: list[str] = []
    for part in parts:
        text = written(part, room)
        if len(text) > room:
            text = '<p class="title">(a part that is too large for a cell is not shown)</p>'
        found.append(text)
        room -= len(text)
    return "".join(found)


def written(part: Part, room: int) -> str:
    match part:
        case Words(text, attention):
            return f"<p{' class=attention' if attention else ''}>{escape(clean(text[:4000]))}</p>"
        case Table():
            return table(part)
        case Chart(title):
            drawn = svg(part) or "<p>no finite number to draw</p>"
            return f'{titled(title)}{drawn}<div class="legend">{legend(part.series)}</div>'
        case Picture(drawing, alt):
            return picture(drawing, alt)
        case Code():
            text = escape(part.shown())
            return f'<pre tabindex="0">{text}</pre>'
        case Fold(title, parts):
            return f"<details><summary>{escape(brief(title))}</summary>{body(parts, room)}</details>"
        case Row(parts):
            sides = [f"<div>{written(p, room)}</div>" for p in parts]
            return f'<div class="row">{"".join(sides)}</div>'


def titled(title: str) -> str:
    return f'<p class="title">{escape(brief(title))}</p>' if title else ""


def picture(drawing: str, alt: str) -> str:
    """An SVG as an image: what is in it cannot run, has names of its own, and follows the card's light or dark."""
    data = base64.b64encode(drawing.encode()).decode()
    return (
        f'<div class="picture" tabindex="0" role="group" aria-label="{escape(clean(alt)[:200])}">'
        f'<img alt="{escape(clean(alt)[:1000])}" src="data:image/svg+xml;base64,{data}"></div>'
    )


def table(part: Table) -> str:
    right = part.right()
    label = escape(brief(part.title or ", ".join(part.heads) or "facts"))

    def line(cells: Sequence[str], tag: str) -> str:
        sides = [' class="n"' if k < len(right) and right[k] else "" for k in range(len(cells))]
        first = 'th scope="row"' if tag == "td" and not part.heads else tag
        marked = [
            f"<{first if k == 0 else tag}{side}>{escape(c)}</{first[:2] if k == 0 else tag}>"
            for k, (c, side) in enumerate(zip(cells, sides))
        ]
        return f"<tr>{''.join(marked)}</tr>"

    head = f"<thead>{line([brief(h) for h in part.heads[: len(right)]], 'th')}</thead>" if part.heads else ""
    rows = "".join(line(cells, "td") for cells in part.shown())
    return (
        f'{titled(part.title)}<div class="scroll" tabindex="0" role="group" aria-label="{label}">'
        f"<table>{head}<tbody>{rows}</tbody></table></div>"
    )
