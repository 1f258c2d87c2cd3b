"""Pictures: formats, views, marks, blocks, limits, and what a hostile name must not do."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import difflab as dl
from difflab import palette
from difflab.draw.draw import picture_of, svg
from difflab.draw.page import page_of
from difflab.draw.text import number, short

POINT = {"x": -2.0, "y": 5.0, "z": -4.0}


@pytest.fixture
def backward():
    return dl.parse("q = x + y; f = q * z").forward(**POINT).backward()


def texts(markup):
    lines = ET.fromstring(markup).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(e.itertext()).replace("\u00a0", " ") for e in lines]


@pytest.mark.parametrize(
    "suffix, head", [(".svg", b"<svg"), (".png", b"\x89PNG"), (".pdf", b"%PDF"), (".dot", b"digraph")]
)
def test_formats(tmp_path, backward, suffix, head):
    path = dl.draw(backward, tmp_path / f"a{suffix}")
    data = path.read_bytes()
    assert data.lstrip().startswith(head) and len(data) > 200
    assert dl.draw(backward, tmp_path / f"b{suffix}").read_bytes() == data


def test_same_bytes_under_another_hash_seed(backward):
    code = (
        "import difflab as dl; from difflab.draw.draw import svg;"
        "print(svg(dl.parse('q = x + y; f = q * z').forward(x=-2., y=5., z=-4.).backward()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout.strip()
        for seed in "12"
    }
    assert found == {svg(backward).strip()}


def test_the_numbers_of_the_course(backward):
    shown = texts(svg(backward))
    assert {"-12", "3", "-4"} <= set(shown)
    assert "1 × (-4) = -4" in shown and "1 × 3 = 3" in shown


def test_the_way_back_runs_to_the_receiver(backward):
    """Orange from the sender to the equation, blue from there to the receiver, which has the arrowhead."""
    picture = picture_of(backward)
    cards = [k for k, box in enumerate(picture.boxes) if box.kind == "card"]
    assert len(cards) == 4 and not any(w.tone == "forward" for w in picture.wires)
    found = set()
    for card in cards:
        (out,) = [w for w in picture.wires if w.source == card]
        (into,) = [w for w in picture.wires if w.target == card]
        assert (out.tone, out.reversed, into.tone, into.reversed) == ("backward", False, "downstream", True)
        spans = picture.boxes[card].lines[0].spans
        assert [tone for _, tone in spans] == ["backward", "ink", "local", "ink", "downstream"]
        found.add((picture.boxes[out.target].lines[0].text, spans[-1][0], picture.boxes[into.source].lines[0].text))
        receiver = picture.boxes[into.source].lines[0].text
        assert out.about == into.about and out.about.endswith(f"back to {receiver}")
    assert found == {("f", "-4", "q"), ("f", "3", "z"), ("q", "-4", "x"), ("q", "-4", "y")}
    assert any(
        w.reversed and w.tone == "backward" and w.about == "the backward pass begins at f" for w in picture.wires
    )


def test_nothing_stands_on_a_wire_of_a_graph(backward):
    for view in ("both", "forward", "backward", "graph", "symbolic"):
        assert not any(w.lines for w in picture_of(backward, view=view).wires), view


@pytest.mark.parametrize(
    "view, told",
    [
        ("both", "value (forward)   upstream × local = downstream (back)"),
        ("backward", "upstream × local = downstream (back)"),
        ("symbolic", "value (forward)   upstream × local = downstream (back)"),
        ("forward", "value (forward)"),
        ("graph", ""),
    ],
)
def test_each_view_has_a_key_in_the_roles_that_it_shows(backward, view, told):
    assert [line.text for line in picture_of(backward, view=view).key] == [told] * bool(told)
    assert (told in texts(svg(backward, view=view))) == bool(told)


def test_equations_of_arrays_where_there_is_room():
    shown = texts(svg(dl.parse("sum(a * b)").forward(a=np.array([1.0, 2.0]), b=np.array([3.0, -4.0])).backward()))
    assert "[1, 1] × [3, -4] = [3, -4]" in shown
    shown = texts(svg(dl.parse("sum(a * b)").forward(a=2.0, b=np.array([3.0, -4.0])).backward()))
    assert "Σ [1, 1] × [3, -4] = -1" in shown  # what a repeated operand gets is a sum
    large = dl.parse("sum(a * b)").forward(a=np.ones((30, 40)), b=np.ones((30, 40))).backward()
    assert not any(" × " in t and "upstream" not in t for t in texts(svg(large)))


def test_contributions_are_added_up():
    shown = texts(svg(dl.parse("q = x * y; f = q * q + q").forward(x=2, y=3).backward()))
    assert any("1 + 6 + 6 = 13" in t or "6 + 6 + 1 = 13" in t for t in shown)


@pytest.mark.parametrize("view", ["both", "forward", "backward", "graph", "symbolic"])
def test_each_view_shows_its_labels(backward, view):
    markup = svg(backward, view=view)
    assert "<title>" in markup and "<desc>" in markup and 'role="img"' in markup
    shown = texts(markup)
    if view == "symbolic":
        assert "∂f/∂q = z" in shown and "q = x + y" in shown
    if view == "graph":
        assert not any("∂" in t for t in shown)
    if view == "forward":
        assert "3" in shown and not any("∂" in t for t in shown)


def test_views_that_need_more():
    graph = dl.parse("x * y")
    with pytest.raises(dl.DifflabError, match="backward pass"):
        svg(graph, view="both")
    with pytest.raises(dl.DifflabError, match="sideways"):
        svg(graph, view="sideways")
    with pytest.raises(dl.DifflabError, match="str"):
        svg("x * y")


def test_dark_mode_and_safety(backward):
    markup = svg(backward)
    assert "prefers-color-scheme: dark" in markup
    for bad in ("<script", "href", "onload", "<image", "foreignObject", "<a ", "url("):
        assert bad not in markup


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_drawing_that_is_opened_alone_is_read_on_its_own_ground(visit, tmp_path, backward, dark):
    """In a text it has none: there the text's is behind it."""
    alone = dl.draw(backward, tmp_path / "a.svg")
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    expected = "rgb(20, 23, 29)" if dark else "rgba(0, 0, 0, 0)"
    assert visit(alone.as_uri(), dark=dark).evaluate(ground) == expected
    inside = tmp_path / "b.html"
    inside.write_text(f"<!DOCTYPE html><title>b</title>{alone.read_text()}")
    page = visit(inside.as_uri(), dark=dark)
    assert page.evaluate(ground) == page.locator("svg").evaluate("e => getComputedStyle(e).backgroundColor")
    assert page.evaluate(ground) == "rgba(0, 0, 0, 0)"


HOSTILE = [
    "</text><script>alert(1)</script>",
    '"]; a [URL="http://x"',
    "a:b|{c}<d>",
    "<<b>x</b>>",
    "\\N \\G \\l",
    "x\x00\ny",
    "💣" * 200,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name):
    graph = dl.trace(lambda x: dl.label(dl.block(lambda t: np.sin(t), name=name)(x), name) * 2, 1.0)
    graph.inputs[0].name = name
    for thing in (graph, graph.forward(1.0).backward()):
        markup = svg(thing, title=name)
        tags = {e.tag.rpartition("}")[2] for e in ET.fromstring(markup).iter()}
        assert tags <= {"svg", "g", "title", "desc", "style", "path", "polygon", "polyline", "ellipse", "text", "tspan"}
        assert not any("href" in k or k.startswith("on") for e in ET.fromstring(markup).iter() for k in e.attrib)


def test_blocks_closed_open_and_chosen():
    inner = dl.block(lambda x: np.exp(x) + 1, name="grow")
    graph = dl.trace(lambda x: inner(inner(x)) * 2, 0.1)
    closed = picture_of(graph, open_blocks=False)
    opened = picture_of(graph, open_blocks=True)
    assert sum(b.kind == "block" for b in closed.boxes) == 2 and not closed.clusters
    assert len(opened.clusters) == 2 and len(opened.boxes) > len(closed.boxes)
    assert not picture_of(graph, open_blocks=["other"]).clusters
    assert svg(graph.forward(0.1).backward(), open_blocks=False)


def test_many_nodes_close_blocks_then_refuse():
    step = dl.block(lambda x: np.sin(x) + 1, name="step")

    def chain(count):
        def f(x):
            for _ in range(count):
                x = step(x)
            return x

        return dl.trace(f, 0.1)

    assert not picture_of(chain(300)).clusters
    with pytest.raises(dl.DifflabError, match="2000"):
        picture_of(chain(2100))

    def plain(x):
        for _ in range(2100):
            x = x + 1
        return x

    with pytest.raises(dl.DifflabError, match="boxes"):
        picture_of(dl.trace(plain, 1.0))
    assert len(picture_of(dl.trace(plain, 1.0), force=True).boxes) > 2000


def test_layout_has_a_time_limit(tmp_path):
    def wide(x):
        terms = [np.sin(x * k) for k in range(300)]
        return sum(a * b for a in terms[::10] for b in terms[::30])

    with pytest.raises(dl.DifflabError, match="collapse blocks"):
        dl.draw(dl.trace(wide, 1.0), tmp_path / "a.svg", seconds=0.05, force=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text, at, mark", [
    ("f = y * log(x)", {"x": -1, "y": 2}, "NaN"), ("1/x", {"x": 0}, "∞"), ("relu(x)", {"x": 0}, "kink"),
    ("1e8*x", {"x": 1}, "large"), ("1e-12*x", {"x": 1}, "tiny"), ("u = exp(x); f = x", {"x": 1}, "dead"),
])  # fmt: skip
def test_marks_and_their_legend(text, at, mark):
    shown = texts(svg(dl.parse(text).forward(**at).backward()))
    assert sum(mark in t for t in shown) >= 2, shown


def test_no_finite_gradient_outside_the_domain():
    with np.errstate(all="ignore"):
        backward = dl.parse("f = y * log(x)").forward(x=-1, y=3).backward()
    assert all(np.isnan(v) for v in backward.gradient.values())


def test_files_are_safe(tmp_path, backward):
    path = tmp_path / "a.svg"
    dl.draw(backward, path)
    with pytest.raises(dl.DifflabError, match="exists already"):
        dl.draw(backward, path)
    dl.draw(backward, path, force=True)
    link = tmp_path / "link.svg"
    link.symlink_to(tmp_path / "elsewhere.svg")
    with pytest.raises(dl.DifflabError, match="link"):
        dl.draw(backward, link, force=True)
    for bad in ("a.gif", "a", "a.htm"):
        with pytest.raises(dl.DifflabError, match=r"\.svg"):
            dl.draw(backward, tmp_path / bad)
    with pytest.raises(dl.DifflabError, match="does not exist"):
        dl.draw(backward, tmp_path / "no" / "a.svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.svg", "link.svg"]


def test_jupyter(backward):
    assert backward._repr_svg_().lstrip().startswith("<svg")
    assert set(dl.parse("x").__class__._repr_mimebundle_(backward.graph)) == {"text/plain", "image/svg+xml"}


def test_values_as_short_text():
    assert [number(x) for x in (0.0, -0.19661, 1e-7, 123456.0, float("nan"), float("-inf"), 12.0)] == [
        "0", "-0.197", "1e-7", "1.23e5", "NaN", "-∞", "12"]  # fmt: skip
    assert short(np.array([1.0, 2.0])) == "[1, 2]" and "(3, 4)" in short(np.ones((3, 4)))
    assert short(np.True_) == "true" and "empty" in short(np.zeros((0, 3)))


def test_a_local_formula_with_a_condition_on_a_number():
    passes = dl.parse("(1 - cos(x)) / x**2").forward(x=0.5).backward()
    assert "<svg" in svg(passes, view="symbolic")


@pytest.mark.parametrize(
    "f, told",
    [
        (lambda x: np.modf(x)[0], "(3,), (3,)"),
        (lambda x: np.linalg.svd(np.outer(x, x))[1], "(3, 3), (3,), (3, 3)"),
        (lambda x: dl.scan(lambda c, v: (c + v, c), 0.0, x)[0], "(3,)"),
    ],
    ids=["modf", "svd", "scan"],
)
def test_a_recorded_operation_with_several_results_shows_their_shapes(f, told):
    drawn = svg(dl.trace(f, np.ones(3)), view="graph")
    assert any(t.replace(" ", "") == told.replace(" ", "") for t in texts(drawn)), texts(drawn)


def test_a_wire_says_what_flows_on_it(backward):
    said = {w.about for w in picture_of(backward).wires} | {w.about for w in picture_of(backward, view="forward").wires}
    assert "f sends 1 (upstream) × -4 (local) = -4 (downstream) back to q" in said and "x = -2 goes into q" in said
    product = picture_of(dl.parse("sum(A @ x)").forward(A=np.eye(2), x=np.ones(2)).backward())
    assert any(w.about == "v1 has [1, 1] (upstream) and sends [1, 1] (downstream) back to x" for w in product.wires)


def test_adjoints_are_downstream_and_that_of_the_output_upstream(backward):
    tones = {b.lines[0].text: line.tone for b in picture_of(backward).boxes for line in b.lines if "∂ =" in line.text}
    assert tones == {"x": "downstream", "y": "downstream", "z": "downstream", "q": "downstream", "f": "backward"}


def test_drawings_and_pages_have_one_palette(backward):
    drawn, page = svg(backward), page_of(backward, ulps=False)
    for role in ("value", "upstream", "local", "downstream"):
        light, dark = palette.ROLES[role]
        assert f'fill="{light}"' in drawn and f'[fill="{light}"]{{fill:{dark}}}' in drawn
        assert f"--{role}:{light};" in page and f"--{role}:{dark};" in page
