"""Calls whose shapes are known only at the point (of text, or built by hand) show what the same calls traced show."""

from __future__ import annotations

import numpy as np
import pytest
from array_cases import CASES

import difflab as dl
from difflab.draw.draw import svg
from difflab.draw.marks import marks_of
from difflab.draw.page.model import Model

IMAGE = np.array([[[[1.0, 2, 3, 4], [4, 5, 5, 1], [7, 8, 9, 2], [0, 1, 0, 3]]]])
KERNEL = np.array([[[[1.0, 0], [0, 1]]]])


def shown(graph, at):
    """Of each operation its window and its marks: what a page and a drawing say beside the numbers."""
    forward = graph.forward(*at)
    backward = None if isinstance(forward.values[graph.outputs[0]], tuple) else forward.backward()
    model = Model(forward, backward)
    return [
        (told.get("window"), marks_of(node, forward, backward, False))
        for node, told in zip(model.order, model.data(live=False)["nodes"], strict=True)
        if node.operands
    ]


def by_hand(f, count):
    """The graph of a function whose inputs have no shapes yet; None where it must know them."""
    b = dl.builder()
    try:
        return b.graph(f=f(*[b.input(f"x{k}") for k in range(count)]))
    except (dl.DifflabError, TypeError, ValueError, AttributeError):
        return None


def test_every_row_shows_the_same_when_its_call_waited_for_shapes():
    rng = np.random.default_rng(5)
    waited = 0
    for name, cases in CASES.items():
        for f, *shapes in cases:
            at = [np.round(rng.normal(size=s)) if isinstance(s, tuple) else np.asarray(s) for s in shapes]
            graph = by_hand(f, len(at))
            try:
                expected = shown(dl.trace(lambda *xs, f=f: f(*xs), *at), at)
                found = None if graph is None else shown(graph, at)
            except (dl.DifflabError, TypeError):
                continue
            if found is None or len(found) != len(expected):
                continue
            waited += any(n.primitive.kind == "deferred" for n in graph.order)
            assert found == expected, name
    assert waited > 150


@pytest.mark.parametrize(
    "text, stride, size",
    [
        ("sum(conv(x, k))", [1, 1], [2, 2]),
        ("sum(max_pool(x, 2))", [2, 2], [2, 2]),
        ("sum(avg_pool(x, 3))", [3, 3], [3, 3]),
        ("sum(max_pool(x, 2, stride=1))", [1, 1], [2, 2]),
    ],
)
def test_a_window_of_text_slides_by_what_was_left_out(open_pass, text, stride, size):
    graph = dl.parse(text)
    at = {"x": IMAGE, "k": KERNEL}
    backward = graph.forward(**{str(n.name): at[str(n.name)] for n in graph.inputs}).backward()
    told = Model(backward.forward, backward).data(True)["nodes"]
    ((place, window),) = ((k, n["window"]) for k, n in enumerate(told) if "window" in n)
    assert window == {"size": size, "stride": stride, "padding": [0, 0]}
    page = open_pass(backward)
    page.evaluate("place => difflab.go(difflab.steps().findIndex(s => s.n === place))", place)
    assert page.locator("#heat .window").count() == 2


def test_a_kink_of_a_call_in_text_is_marked():
    graph = dl.parse("std(x)")
    forward = graph.forward(x=np.ones(3))
    assert marks_of(graph.outputs[0], forward, None, False) == ["kink"]
    assert "◆ kink" in svg(forward)
