"""The point of --at: read by itself, and by the command."""

from __future__ import annotations

from random import Random

from difflab.errors import DifflabError
from difflab.graph.parse import parse_point

from .. import grammar
from ..mutate import bytes_of, of_bytes, of_tokens, text_of
from .shell import command

SECONDS = 2.0
WORDS = (
    *grammar.WORDS,
    "x=",
    "y=1",
    ",",
    ";",
    "nan",
    "-inf",
    "infinity",
    "[[",
    "]]",
    "x",
    "W=[[1,2],[3,4]]",
    "1e999",
    "\t",
    "\0",
)


def run(data: bytes) -> None:
    text = text_of(data)
    try:
        found = parse_point(text)
    except DifflabError:
        found = {}
    names = "+".join(f"sum({name})" for name in found) or "x"
    command("compare", names, "--method", "reverse", f"--at={text}", "--json")


def seeds() -> list[bytes]:
    points = ("x=-2, y=5e-1, W=[[1,2],[3,4]], v=(1, 2); z=pi/2", "x=nan,y=-inf", "x=sqrt(2), y=1/3, z=10**300", "")
    rng = Random(1)
    return [bytes_of(p) for p in (*points, *(grammar.text(rng)[1] for _ in range(20)))]


def mutate(data: bytes, rng: Random) -> bytes:
    what = rng.random()
    if what < 0.2:
        return of_bytes(data, rng)
    if what < 0.5:
        value = grammar.Writer(rng).expression(rng.choice((0, 1, 2)))
        return bytes_of(f"{rng.choice(('x', 'y', 'W', 'é', '__x', ''))}={value}, {grammar.text(rng)[1]}")
    return bytes_of(of_tokens(text_of(data), WORDS, rng))
