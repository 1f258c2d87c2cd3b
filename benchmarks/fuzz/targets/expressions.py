"""What the targets of texts share: `text @@ point` as one input."""

from __future__ import annotations

from random import Random
from typing import Any

from difflab.errors import DifflabError
from difflab.graph.parse import parse, parse_point

from .. import grammar
from ..mutate import bytes_of, of_bytes, of_tokens, text_of

MARK = " @@ "
WRITTEN = (
    ("q = x + y; f = q * z", "x=-2, y=5, z=-4"),
    ("1/(1+exp(-(w0*x0+w1*x1+w2)))", "w0=2, x0=-1, w1=-3, x1=-2, w2=-3"),
    ("log(sum(exp(W @ x))) - (W @ x)[0]", "W=[[1,2],[3,4]], x=[0.1,0.2]"),
    ("sum(M, axis=(0, 1), keepdims=True)[0, 0]", "M=[[1,2],[3,4]]"),
    ("where(0 < x < 1 and not x > 2, x, 0)", "x=0.5"),
    ("det(A) + inv(A)[0, 0] + solve(A, [1, 2])[1] + slogdet(A)[1]", "A=[[1,2],[3,4]]"),
    ("tile(x, 2)[5] + repeat(x, 2)[5] + roll(x, 1)[0] + flip(x)[0]", "x=[1,2,3]"),
    ("+".join(["x"] * 300), "x=1"),
)


def seeds() -> list[bytes]:
    rng = Random(0)
    return [bytes_of(MARK.join(pair)) for pair in (*WRITTEN, *(grammar.text(rng) for _ in range(40)))]


def mutate(data: bytes, rng: Random) -> bytes:
    """A new text, or this one with other tokens, another point, or other bytes."""
    what = rng.random()
    if what < 0.5:
        return bytes_of(MARK.join(grammar.text(rng)))
    if what < 0.55:
        return of_bytes(data, rng)
    text, _, at = text_of(data).partition(MARK)
    words = (*grammar.WORDS, grammar.rows()[rng.randrange(len(grammar.rows()))][0])
    if what < 0.62:
        return bytes_of(text + MARK + of_tokens(at, words, rng))
    return bytes_of(of_tokens(text, words, rng) + MARK + at)


def divided(data: bytes) -> tuple[str, str]:
    text, _, at = text_of(data).partition(MARK)
    return text, at


def read(data: bytes) -> tuple[Any, dict[str, Any]]:
    """The graph and a point that has exactly its names: what is missing is 0.5."""
    text, point = divided(data)
    graph = parse(text)
    try:
        at = parse_point(point)
    except DifflabError:
        at = {}
    return graph, {str(n.name): at.get(str(n.name), 0.5) for n in graph.inputs}


def point_of(data: bytes) -> list[str]:
    """--at for the shell, with a value for each name."""
    text, point = divided(data)
    try:
        names = [str(n.name) for n in parse(text).inputs]
        given = parse_point(point) if point.strip() else {}
    except DifflabError:
        return ["--at", point] if point.strip() else []
    parts = [p for p in (point.strip(), ",".join(f"{n}=0.5" for n in names if n not in given)) if p]
    return ["--at", ",".join(parts)] if parts else []
