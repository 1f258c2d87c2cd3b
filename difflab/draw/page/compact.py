"""Scripts in fewer bytes: without the spaces that mean nothing. Lines stay lines, and names stay names, to be read."""

from __future__ import annotations

import re

# Where text begins that is kept as it is: strings, templates, regular expressions. The last stand where a value may.
LITERAL = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<template>`)|(?P<comment>//[^\n]*)"""
    r"""|(?P<regex>(?<=[(,=:\[!&|?{};>\n])[ ]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*)"""
)
SPACE = re.compile(r" *([{}()\[\];,=<>?:&|!*%^]|=>) *|(?<![-+/]) ([-+/]) (?![-+/])")  # a + +b keeps its own


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
    return re.sub(r"(?<=[;{,(])\n", "", text)  # behind these a line's end means nothing


def compact_style(style: str) -> str:
    """Style without comments, and without spaces and line ends beside brackets and signs.

    >>> compact_style("a { color: red; }\\nb > c, d { margin: 0 2px }  /* e */")
    'a{color:red;}b > c,d{margin:0 2px}'
    """
    return re.sub(r"\s*([{};,])\s*|(?<=:) +", r"\1", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)).strip()


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
