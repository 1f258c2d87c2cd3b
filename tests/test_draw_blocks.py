"""Closed blocks: what stands in their boxes, and which drawings begin with closed ones."""

from __future__ import annotations

import re

import numpy as np
import pytest

import difflab as dl
from difflab.draw.build import COLLAPSE_OVER
from difflab.draw.draw import picture_of
from difflab.draw.page import page_of

PARAMS = {"conv1": {"bias": np.arange(3.0), "weight": 2.0}, "conv2": {"bias": 1.0}}
POINT = np.array([1.0, -2.0, 0.5])


def network(shared=False):
    def f(params, x):
        with dl.block("conv1"):
            x = x * params["conv1"]["weight"] + params["conv1"]["bias"]
        with dl.block("conv2"):
            x = x * params["conv2"]["bias"]
        return np.sum(x * params["conv2"]["bias"] if shared else x)

    return dl.trace(f, PARAMS, POINT).forward(PARAMS, POINT).backward()


def box(picture, name):
    (found,) = [b for b in picture.boxes if b.lines[0].text == name]
    return [line.text for line in found.lines]


def test_a_closed_block_holds_its_parameters():
    picture = picture_of(network(), open_blocks=False)
    assert [b.lines[0].text for b in picture.boxes if b.kind == "input"] == ["x"]
    assert box(picture, "conv1") == [
        "conv1",
        "[2, -3, 3]",
        "∂ = [1, 1, 1]",
        "bias (3,)  ∂ = [1, 1, 1]",
        "weight 2  ∂ = -0.5",
    ]
    assert box(picture, "conv2")[-1] == "bias 1  ∂ = 2"


def test_a_parameter_that_is_used_elsewhere_has_its_own_box():
    picture = picture_of(network(shared=True), open_blocks=False)
    assert [b.lines[0].text for b in picture.boxes if b.kind == "input"] == ["conv2.bias", "x"]
    assert not any("bias" in text for text in box(picture, "conv2"))


@pytest.mark.parametrize("options", [{"open_blocks": True}, {"open_blocks": ["conv1"]}, {"view": "symbolic"}])
def test_parameters_of_open_blocks_have_boxes(options):
    picture = picture_of(network(), **{"open_blocks": False} | options)
    assert "conv1.weight" in [b.lines[0].text for b in picture.boxes if b.kind == "input"]


def test_large_graphs_begin_with_closed_blocks():
    def chain(count):
        def f(x):
            for k in range(count):
                with dl.block(f"step{k}"):
                    x = np.sin(x) + 1
            return x

        return dl.trace(f, 0.1)

    assert picture_of(chain(3)).clusters and not picture_of(chain(COLLAPSE_OVER // 2)).clusters
    for count, first in ((2, "all open"), (60, "all closed")):
        page = page_of(chain(count).forward(0.1).backward(), ulps=False)
        assert re.search(r"<option[^>]* selected>([^<]*)", page)[1] == first, count


def test_a_page_keeps_every_step_of_a_closed_block():
    page = page_of(network(), ulps=False)
    closed = page[: page.index("</svg>")] if "selected>all closed" in page else page[page.index('id="drawing-0"') :]
    numbers = {int(n) for group in re.findall(r'data-n="([\d ]+)"', closed.split("</svg>")[0]) for n in group.split()}
    graph = network().graph
    assert numbers == {k for k, n in enumerate(graph.order) if n.primitive.name != "constant"}


def test_a_closed_block_before_an_open_node_in_symbols():
    f = dl.block(lambda x: np.sin(x) * 2, name="f")
    backward = dl.trace(lambda x: f(x) * x, 1.0).forward(1.0).backward()
    shown = [line.text for b in picture_of(backward, view="symbolic", open_blocks=False).boxes for line in b.lines]
    assert any(text.endswith(" = f(x)") for text in shown), shown
