"""Scripts in fewer bytes: without the spaces that mean nothing. Lines stay lines, and names stay names, to be read."""

from __future__ import annotations

import re

# Where text begins that is kept as it is: strings, templates, regular expressions. The last stand where a value may.
LITERAL = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<template>`)|(?P<comment>//[^\n]*)"""
    r"""|(?P<regex>(?<=[(,=:\[!&|?{};>\n])[ ]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*)"""
)
SPACE = re.compile(r" *([{}()\[\];,=<>?:&|!*%^]|=>) *|(?<![-+/]) ([-+/]) (?![-+/])")  # a + +b keeps its own


CONSTANTS = re.compile(r"(?<![\w$.])const ?([^;\n]*);const ?(?=[\w$\[{])")  # one, and the next
OPENING, CLOSING = "([{", ")]}"


def compact(script: str) -> str:
    """The script without comments behind a line's code, and without spaces beside brackets and signs.

    >>> compact('const f = (a, b) => `${a} of ${b + 1}`; // adds')
    'const f=(a,b)=>`${a} of ${b + 1}`;'
    >>> compact("x = y / 2; z = t.replace(/ = /g, ' = ')")
    "x=y/2;z=t.replace(/ = /g,' = ')"
    >>> compact("a + b - c; d + +e; f - -g")
    'a+b-c;d + +e;f - -g'
    """
    parts, at = [], 0
    while (found := LITERAL.search(script, at)) is not None:
        parts.append(SPACE.sub(r"\1\2", script[at : found.start()]))
        if found["template"] is not None:
            end = template_end(script, found.end())
            parts.append(script[found.start() : end])
        else:
            end = found.end()
            parts.append("" if found["comment"] is not None else found[0].strip())
        at = end
    parts.append(SPACE.sub(r"\1\2", script[at:]))
    text = re.sub(r" +\n", "\n", "".join(parts))
    # There a line's end means nothing; functions begin on lines of their own, by which they are found.
    return together(re.sub(r"(?<=[;{,(])\n|(?<=\})\n(?=[A-Za-z$}])(?!function)", "", text))


def together(script: str) -> str:
    """Short constants that stand behind each other as one statement.

    >>> together("const a=1;const b=f(a);const c=2;for(const x of b)g(x);const d=3;")
    'const a=1,b=f(a),c=2;for(const x of b)g(x);const d=3;'
    """

    def joined(found: re.Match[str]) -> str:
        text = found[1]
        return f"const{'' if text[0] in OPENING else ' '}{text}," if text and whole(text) else found[0]

    before = ""
    while before != script:
        before, script = script, CONSTANTS.sub(joined, script)
    return script


def whole(text: str) -> bool:
    """Whether brackets close in it that open in it, and no others: it is not the head of a loop, nor half a function.

    >>> whole("f(a)"), whole("x of b)g(x)"), whole('t="("'), whole("f=()=>{g(")
    (True, False, True, False)
    """
    open_ones: list[str] = []
    if text.count("`") % 2:
        return False
    for sign in re.sub(r"\"[^\"]*\"|'[^']*'|`[^`]*`", "", text):
        if sign in OPENING:
            open_ones.append(CLOSING[OPENING.index(sign)])
        elif sign in CLOSING and (not open_ones or open_ones.pop() != sign):
            return False
    return not open_ones


def compact_style(style: str) -> str:
    """Style without comments, and without spaces and line ends beside brackets and signs.

    >>> compact_style("a { color: red; }\\nb > c, d { margin: 0 2px }  /* e */")
    'a{color:red}b>c,d{margin:0 2px}'
    """
    bare = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    return re.sub(r"\s*([{};,])\s*|(?<=:) +| *(>) *", r"\1\2", bare).replace(";}", "}").strip()


def template_end(script: str, at: int) -> int:
    """The place behind a template's last quote; what stands in `${}` may hold templates of its own."""
    depth = 0
    while True:
        sign = script[at]
        if sign == "\\":
            at += 2
            continue
        if depth == 0 and sign == "`":
            return at + 1
        if script.startswith("${", at) and depth == 0:
            depth, at = 1, at + 2
            continue
        if depth and sign == "`":
            at = template_end(script, at + 1)
            continue
        depth += (sign == "{") - (sign == "}") if depth else 0
        at += 1
