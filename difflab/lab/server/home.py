"""The lab's page: the playground, and around it what the server adds."""

from __future__ import annotations

import threading
from html import escape
from importlib.resources import files

from ...cards.as_html import FRAMELESS, STYLE
from ...draw.playground import Host, playground
from .question import CODE, EXAMPLES, LONGEST_CODE

POLICY = "; img-src data:; connect-src 'self'; frame-src 'self'"
KINDS = (("expression", "An expression"), ("code", "NumPy code"))
CONTROLS = (
    '<div id="program" hidden>'
    '<div id="functions"><label for="function">Function</label><select id="function"></select></div>'
    '<div id="run"><button type="submit">Draw it</button></div></div>\n'
)
SECTIONS = (
    ("certificate", "A certificate", "Certify value and gradient here"),
    ("simplified", "The gradient, simplified by sympy", "Simplify the gradient"),
    ("comparison", "Five methods at this point", ""),
    ("curve", "The V-curve: error against step", ""),
)


class Home:
    """The page's text, made once, when it is asked for first."""

    def __init__(self, token: str, file: str) -> None:
        self.token: str = token
        self.file: str = file
        self.lock: threading.Lock = threading.Lock()
        self.made: str = ""

    def text(self) -> str:
        with self.lock:
            self.made = self.made or playground(host(self.token, self.file))
            return self.made


def host(token: str, file: str) -> Host:
    """What stands around the drawing."""
    return Host(
        title="difflab: a laboratory for derivatives",
        heading="A laboratory for derivatives",
        choice=choice(file),
        controls=CONTROLS,
        above=links(token),
        below="\n".join(section(*s) for s in SECTIONS),
        style=FRAMELESS + asset("lab.css"),
        script=asset("editor.js") + asset("lab.js"),
        data={"token": token, "file": file, "code": CODE, "longest": LONGEST_CODE},
        examples=EXAMPLES,
        policy=POLICY,
        styles=(STYLE.removeprefix("<style>").removesuffix("</style>"),),
    )


def choice(file: str) -> str:
    """What is typed: an expression, code, or what stands in the file."""
    kinds = [*KINDS, *([("file", file)] if file else [])]
    first = kinds[-1][0] if file else "expression"
    radios = "".join(
        f'<label><input type="radio" name="kind" value="{kind}"{" checked" * (kind == first)}> {escape(told)}</label>'
        for kind, told in kinds
    )
    return f'<fieldset id="kinds"><legend>What is drawn</legend>{radios}</fieldset>\n'


def links(token: str) -> str:
    """The parts of the page, and the page of a network."""
    inside = "".join(f'<a href="#h-{name}">{escape(title)}</a> ' for name, title, _ in SECTIONS)
    return (
        f'<nav aria-label="Parts of the page">{inside}'
        f'<a href="/train?token={escape(token)}">A network that learns</a></nav>\n'
    )


def section(name: str, title: str, button: str) -> str:
    asked = f'<button type="button" data-part="{name}">{escape(button)}</button>' if button else ""
    return (
        f'<section aria-labelledby="h-{name}"><h2 id="h-{name}">{escape(title)}</h2>{asked}'
        f'<p class="why" role="status"></p><div id="{name}"></div></section>'
    )


def asset(name: str) -> str:
    return files(str(__package__)).joinpath("assets", name).read_text(encoding="utf-8")
