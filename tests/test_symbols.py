"""The symbolic view: its equations are those of the backward pass, in numbers too."""

from __future__ import annotations

import re

import numpy as np
import pytest

import difflab as dl
from difflab import palette
from difflab.draw.dot import TONES
from difflab.draw.draw import picture_of, svg
from difflab.draw.formula import names_of, written
from difflab.draw.symbols import Symbols

A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
GRAPHS = [
    ("q = x + y; f = q * z", dict(x=-2.0, y=5.0, z=-4.0)),
    ("q = x * y; f = q * q + sin(q)", dict(x=2.0, y=0.5)),
    ("1/(1 + exp(-(w*x + b)))", dict(w=2.0, x=-1.0, b=0.3)),
    ("f = relu(x) * abs(x - 1) + x**3 / y - sqrt(y)", dict(x=0.7, y=2.0)),
    ("f = where(x > y, x * y, y**2) - tanh(x)", dict(x=0.7, y=0.2)),
    ("r = A @ x - b; f = sum(r**2)", dict(A=A, x=np.array([1.0, 0.5, 2.0]), b=np.array([1.0, 3.0]))),
]
READ = {"·": "*", "∧": "and", "∨": "or"}


def cards(thing, **options):
    return [[line.text for line in box.lines] for box in picture_of(thing, view="symbolic", **options).boxes
            if box.kind == "card"]  # fmt: skip


def lines(thing, **options):
    return [line.text for box in picture_of(thing, view="symbolic", **options).boxes for line in box.lines]


def formula_value(text, names):
    """A local derivative as the card writes it; `a where b` is a if b, else 0."""
    for sign, python in READ.items():
        text = text.replace(sign, python)
    factor, _, condition = text.partition(" where ")
    if condition:
        negated = condition.startswith("not ")
        known = bool(formula_value(condition.removeprefix("not "), names))
        return formula_value(factor, names) if known != negated else 0.0
    return dl.parse(text)(**{n: v for n, v in names.items() if re.search(rf"\b{n}\b", text)})


@pytest.mark.parametrize("text, at", GRAPHS)
def test_every_local_formula_has_the_value_of_the_pass(text, at):
    backward = dl.parse(text).forward(**at).backward()
    symbols = Symbols(backward.graph, names_of(backward.graph), lambda n: n, backward)
    values = {symbols.names[n]: v for n, v in backward.forward.values.items() if n.primitive.name != "constant"}
    checked = 0
    for edge in backward.edges:
        if edge.source.primitive.name == "constant":
            continue
        first = symbols.one(edge.source, edge.target, edge.position)[0]
        if edge.local is not None and " × " not in first.text:
            name, _, formula = first.text.partition(" = ")
            assert name.rstrip("₁₂") == f"∂{symbols.names[edge.target]}/∂{symbols.names[edge.source]}"
            np.testing.assert_allclose(formula_value(formula, values), edge.local, rtol=1e-12)
            checked += 1
    assert checked >= 2


def test_the_course_graph_in_symbols_and_in_numbers():
    graph = dl.parse("q = x + y; f = q * z")
    found = cards(graph)
    assert ["∂q/∂x = 1", "∂f/∂q × ∂q/∂x = ∂f/∂x"] in found and ["∂f/∂z = q", "1 × ∂f/∂z = ∂f/∂z"] in found
    numbers = cards(graph.forward(x=-2, y=5, z=-4).backward())
    assert [card[:2] for card in numbers] == found
    assert [card[2] for card in numbers] == ["-4 × 1 = -4", "-4 × 1 = -4", "1 × (-4) = -4", "1 × 3 = 3"]


def test_roles_have_the_colours_of_the_house():
    box = next(b for b in picture_of(dl.parse("f = x * y"), view="symbolic").boxes if b.kind == "card")
    assert box.lines[0].tone == "local"
    assert [tone for _, tone in box.lines[1].spans] == ["backward", "ink", "local", "ink", "downstream"]


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return np.dot(
        [0.2126, 0.7152, 0.0722], [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    )


@pytest.mark.parametrize("theme", [lambda c: c, palette.LIGHT_TO_DARK.get], ids=["light", "dark"])
@pytest.mark.parametrize("tone", TONES)
def test_every_tone_can_be_read_on_every_ground(tone, theme):
    for ground in (palette.OPERATION, palette.INPUT, palette.BLOCK, palette.MARK, palette.CONSTANT):
        dark, light = sorted(luminance(theme(c)) for c in (TONES[tone], ground))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, ground


def test_the_roles_are_told_in_words_where_something_flows():
    told = lambda text: [line.text for line in picture_of(dl.parse(text), view="symbolic").key]
    assert told("x * y") == ["upstream × local = downstream (back)"] and not told("x")


def test_parts_of_a_value_used_several_times():
    graph = dl.parse("q = x * y; f = q * q + sin(q)")
    shown = lines(graph)
    assert "∂f/∂q = sum of 3 parts" in shown and "∂v1/∂q₁ = q" in shown and "∂v1/∂q₂ = q" in shown
    assert sum("= part of ∂f/∂q" in t for t in shown) == 3 and not any("part of ∂f/∂x" in t for t in shown)
    assert "∂f/∂q = 0.54 + 1 + 1 = 2.54" in lines(graph.forward(x=2, y=0.5).backward())


def test_products_linear_maps_and_broadcasts():
    text, at = GRAPHS[-1]
    graph = dl.parse(text)
    shown = lines(graph)
    assert "∂f/∂v1 @ xᵀ = ∂f/∂A" in shown and "Aᵀ @ ∂f/∂v1 = ∂f/∂x" in shown and "sumᵀ(1) = ∂f/∂v2" in shown
    backward = graph.forward(**at | dict(b=1.0)).backward()
    up = backward.adjoint[backward.graph.order[2 + 1]]
    np.testing.assert_allclose(backward.gradient["A"], np.outer(up, at["x"]))
    np.testing.assert_allclose(backward.gradient["x"], A.T @ up)
    assert "Σ ∂f/∂r × ∂r/∂b = ∂f/∂b" in lines(backward)
    assert not any("Σ" in t for t in lines(graph.forward(**at).backward()))


@pytest.mark.parametrize(
    "text, still", [("where(x > y, x, 2*x)", "y"), ("x * stop_gradient(y)", "y"), ("x * floor(y)", "y")]
)
def test_no_card_where_nothing_flows(text, still):
    for thing in (dl.parse(text), dl.parse(text).forward(x=1.5, y=0.5).backward()):
        assert not any(t.endswith(f"∂f/∂{still}") for card in cards(thing) for t in card)
        assert any(t.endswith("∂f/∂x") for card in cards(thing) for t in card)


def test_no_card_where_a_row_has_no_rule():
    assert [t for card in cards(dl.parse("jv(y, x)")) for t in card if "/∂y" in t] == []


def test_a_seed_stands_for_what_comes_later():
    shown = lines(dl.parse("z = x * y").forward(x=3, y=-4).backward(seed=2))
    assert {"∂L/∂z × ∂z/∂x = ∂L/∂x", "2 × (-4) = -8", "2 × 3 = 6", "∂L/∂y = 6"} <= set(shown)


def test_a_closed_block_is_a_general_function():
    f, rest = dl.block(lambda x, y: x * y + y, name="f"), dl.block(np.exp, name="rest")
    graph = dl.trace(lambda x, y: dl.label(rest(dl.label(f(x, y), "z")), "L"), 1.0, 2.0)
    shown = lines(graph, open_blocks=False)
    assert {"z = f(x, y)", "L = rest(z)", "∂L/∂z × ∂z/∂x = ∂L/∂x", "∂L/∂z × ∂z/∂y = ∂L/∂y"} <= set(shown)
    assert any("part of ∂L/∂y" in t for t in lines(graph, open_blocks=True))
    picture = picture_of(graph, view="symbolic", open_blocks=True)  # a card between two boxes of a block stands in it
    assert any(box.kind == "card" and box.cluster for box in picture.boxes)


@pytest.mark.parametrize("view", ["both", "symbolic"])
def test_an_operation_with_several_results(view):
    point = np.diag([1.0, 2.0])
    graph = dl.trace(lambda A: np.sum(np.linalg.eigh(A)[0] ** 2), point)
    assert "eigh" in svg(graph.forward(point).backward(), view=view)
    assert "v2 = v1[0]" in lines(graph)


NESTED = """
(x + y)*z | x - (y - z) | x - y - z | x/(y*z) | x/y/z | x*(y/z) | (x**y)**z | x**(y**z) | (-x)**2 | -x**2 | -(x + y)
square(x + 1) | square(-x) | square(square(x)) | reciprocal(x*y) | reciprocal(reciprocal(x)) | x**-2 | 2**-x | x - -2
(x < y) and (y < z) or x > 1 | not (x < 1) | (x < y) < 1 | (x and y) < z | (x - y)**(z - 1)
"""


@pytest.mark.parametrize("text", [t.strip() for line in NESTED.strip().splitlines() for t in line.split("|")])
def test_a_formula_of_formulas_is_read_as_what_it_was_made_of(text):
    graph = dl.parse(text)
    formula = written(graph.outputs[0], {n: str(n.name) for n in graph.inputs})[0]
    for sign, python in READ.items():
        formula = formula.replace(sign, python)
    for at in (dict(x=1.5, y=-2.5, z=3.0), dict(x=0.5, y=2.0, z=-1.0)):
        at = {name: value for name, value in at.items() if name in {n.name for n in graph.inputs}}
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(dl.parse(formula)(**at), graph(**at), rtol=1e-14)
