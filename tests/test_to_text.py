"""Graphs written in the language: what is read again is the same function, whatever its names are."""

from __future__ import annotations

import keyword

import numpy as np
import pytest
import random_programs as programs

import difflab as dl
from difflab.errors import UnsupportedError
from difflab.graph.to_text import to_text

STATEMENTS = [
    statement.strip()
    for group in (programs.SMOOTH, programs.NAMED, programs.KINKED, programs.PAIRED)
    for line in group.strip().splitlines()
    for statement in line.split("|")
    if statement.strip()
]
AT = (0.7, 1.3, -0.4)


def function(statement, c):
    return eval(f"lambda a, b, d: {statement.format('a', 'b', 'd', c=c)}", dict(programs.NAMES))


@pytest.mark.parametrize("c", [0.5, -1.5])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_what_is_written_is_read_as_the_same(statement, c):
    graph = dl.trace(function(statement, c), *AT)
    text, names = to_text(graph)
    again = dl.parse(text)
    at = {name: AT["abd".index(name)] for name in names.values()}
    first, second = graph.forward(*AT).backward(), again.forward(**at).backward()
    assert second.forward.values[again.outputs[0]] == first.forward.values[graph.outputs[0]]
    assert second.gradient == {name: first.gradient[name] for name in second.gradient}


@pytest.mark.parametrize(
    "names",
    [
        ["e", "pi", "self"],
        ["v1", "v2", "v_3"],
        ["lambda", "class", "in"],
        ["é", "x y", "3"],
        ["a.b", "a_b", "a-b"],
        ["sin", "cos", "__x"],
    ],
)
def test_names_that_the_language_cannot_have_are_replaced(names):
    build = dl.trace(lambda x, y, z: np.sin(x) * y + x**z, *AT).to_networkx()
    for node, name in zip([n for n, d in build.nodes(data=True) if d["op"] == "input"], names, strict=True):
        build.nodes[node]["name"] = name
    graph = dl.Graph.from_networkx(build)
    text, found = to_text(graph)
    assert [n.name for n in graph.inputs] == names and len(set(found.values())) == 3
    assert all(n.isidentifier() and n.isascii() and not keyword.iskeyword(n) for n in found.values())
    assert dl.parse(text)(**{found[n]: x for n, x in zip(graph.inputs, AT)}) == graph(*AT)


def test_arrays_and_one_of_several_outputs():
    A, x = np.array([[1.0, -2.0], [3.0, 0.5]]), np.array([0.5, -1.0])
    graph = dl.trace(lambda x: np.sum(np.tanh(A @ x)), x)
    text, names = to_text(graph)
    assert "[[1.0, -2.0], [3.0, 0.5]] @ x" in text and dl.parse(text)(x=x) == graph(x)
    several = dl.trace(lambda x, y: (x * y, x + 1), 2.0, 3.0)
    text, names = to_text(several, several.outputs[1])
    assert text == "x + 1" and list(names.values()) == ["x"]


@pytest.mark.parametrize(
    "f, at, reason",
    [
        (lambda x: x * np.inf, 1.0, "constant"),
        (lambda x: np.sum(x * np.ones(100)), np.ones(100), "constant"),
        (lambda x: dl.nn.functional.gelu(x), 1.0, "'none'"),
        (lambda x: dl.scan(lambda c, t: (c * x + t, c), 1.0, np.arange(3.0))[0], 2.0, "scan"),
    ],
)
def test_what_cannot_be_written_says_so(f, at, reason):
    with pytest.raises(UnsupportedError, match=reason):
        to_text(dl.trace(f, at))
