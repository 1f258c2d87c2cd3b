"""Texts through the commands: compare, certify, draw, step, source, step-size, descent; the text chooses which."""

from __future__ import annotations

import zlib

from difflab.cli.common import computing
from difflab.differentiate.certified import certify
from difflab.graph.parse import parse

from .expressions import divided, mutate as mutate, point_of, read, seeds as seeds
from .shell import command

SECONDS = 30.0  # a comparison is work, with limits of its own: this is for what never ends
LIMIT = "0.5"
CHOICES = ("compare", "compare", "certify", "draw", "source", "step-size", "step", "symbolic", "compile")


def run(data: bytes) -> None:
    choice = CHOICES[zlib.crc32(data) % len(CHOICES)]
    text, at = divided(data)[0], point_of(data)
    if choice == "compare":
        command("compare", "--seconds", LIMIT, "--json", *at, "--", text)
    elif choice == "symbolic":
        command("compare", "--seconds", LIMIT, "--method", "symbolic", "--method", "reverse", *at, "--", text)
    elif choice == "certify":
        graph, point = read(data)
        with computing():
            graph.forward(**point)
        certify(graph, point, seconds=float(LIMIT))
    elif choice == "compile":
        compiled(data)
    else:
        command(choice, *at, "--", text)


def compiled(data: bytes) -> None:
    """The gradient as a program, called twice, the second time at another point."""
    import difflab as dl

    graph, point = read(data)
    names = list(point)
    if not names:
        return
    with computing():
        value = graph(**point)
        if getattr(value, "shape", ()) != ():
            return
        program = dl.compile(dl.grad(lambda *values: parse(divided(data)[0])(**dict(zip(names, values)))))
        program(*point.values())
        program(*(v + 1 for v in point.values()))
