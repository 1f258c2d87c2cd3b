"""Nothing public moves by accident: every name, every signature and every default is as recorded.

`pytest --write-figures tests/test_surface.py` writes tests/surface.txt anew, after a look at what changed: without a
name the programs of others break, and another default changes what they compute. What is new is recorded then, too.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import surface

FILE = Path(__file__).with_name("surface.txt")
IMPORT = re.compile(r"^[ >.]*(?:from (difflab[\w.]*) import ([\w, ]+)|import (difflab[\w.]*))", re.MULTILINE)


def test_nothing_public_has_moved(request):
    found = surface.lines()
    if request.config.option.write_figures:
        FILE.write_text("".join(f"{line}\n" for line in found), encoding="utf-8")
    known = FILE.read_text(encoding="utf-8").splitlines()
    assert len(known) > 3000
    changes = difflib.unified_diff(known, found, "tests/surface.txt", "what is there now", lineterm="", n=0)
    told = [line for line in changes if not line.startswith("@@")]
    if told:
        told += ["", "Where that is meant: pytest --write-figures tests/test_surface.py"]
        pytest.fail("\n".join(told), pytrace=False)


def imported(text):
    """The names that a page of the documentation imports."""
    for module, names, whole in IMPORT.findall(text):
        yield from [f"{module}.{name.split()[0]}" for name in names.split(",")] if module else [whole]


def test_what_the_documentation_takes_is_recorded():
    root = surface.ROOT
    pages = [root / "README.md", *root.glob("docs/**/*.md"), *root.glob("tutorials/[0-9]*.py")]
    taken = {name for page in pages for name in imported(page.read_text(encoding="utf-8"))}
    taken |= set(re.findall(r'"(difflab[\w.]*)"', (root / "docs/tools/api.py").read_text(encoding="utf-8")))
    assert {"difflab", "difflab.numpy", "difflab.nn.optim", "difflab.testing.check_grads"} <= taken
    assert taken - {line.partition("  ")[0] for line in FILE.read_text(encoding="utf-8").splitlines()} == set()


Place = namedtuple("Place", "row column")
Side = enum.Enum("Side", "LEFT RIGHT")


@pytest.mark.parametrize(
    "default, told",
    [
        (0.1, "0.1"), ("a", "'a'"), ((), "()"), ((1,), "(1,)"), ([1, (2, 3)], "[1, (2, 3)]"), ({"a": 1}, "{'a': 1}"),
        (frozenset("ba"), "frozenset('a', 'b')"), (Place(1, (2,)), "Place(1, (2,))"), (Side.LEFT, "Side.LEFT"),
        (np.float32, "float32"), (np.float64(0.1), "float64(0.1)"), (np.array([0.5]), "float64([0.5])"),
        (np.exp, "exp"), (str.upper, "str.upper"), (object(), "<object>"),
    ],
)  # fmt: skip
def test_a_default_reads_the_same_in_every_process(default, told):
    assert surface.text(default) == told


def test_a_signature_is_told_without_annotations():
    def f(a: int, /, b: float = 1.0, *c: int, d: str = "", **e: int) -> None: ...

    assert surface.signature(f) == " (a, /, b=1.0, *c, d='', **e)"
    assert surface.signature(f, bound=True) == " (b=1.0, *c, d='', **e)"
