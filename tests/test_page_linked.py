"""What goes together on the step-through page: contributions and their sum, a step, its formula and its line."""

from __future__ import annotations

import builtins
import re
from functools import partial

import numpy as np
import pytest
from test_page import chain, data_of, passes
from test_page_browser import SCALAR, blocks

import difflab as dl
from difflab.draw.page import page_of
from difflab.draw.page.model import Model
from difflab.draw.page.program import Program
from difflab.primitives import NUMPY
from difflab.primitives.primitive import TABLE

DOWN = "rgb(10, 92, 180)"


def arrays():
    def f(W, x, b):
        y = np.tanh(W @ x + b)
        return np.sum(y[1:] ** 2) * np.mean(x[None] * W, axis=0)[1]

    at = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([0.1, 0.2]), 1.5
    return dl.trace(f, *at).forward(*at).backward()


W, X, Y = [[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]], [0.1, 0.2, -0.3], [2.0, 5.0]
VECTORS = [
    ("sum(x*[1,2])", dict(x=Y)),
    ("sum(softmax(x)*[1,0,0])", dict(x=X)),
    ("sum(x*[1,2,3,4,5,6,7,8])", dict(x=range(8))),
    ("sum([[1,2],[3,4]]@x - [5,6])", dict(x=Y)),
    ("sum(tanh(W@x))", dict(W=W, x=X)),
    ("sum(tanh(y@W))", dict(W=W, y=Y)),
    ("y@W@x", dict(W=W, x=X, y=Y)),
    ("sum((W@reshape(x, (3, 1)))**2)", dict(W=W, x=X)),
    ("sum(reshape(reshape(y, (2, 1))@reshape(x, (1, 3)), (6,))**2)", dict(x=X, y=Y)),
    ("sum(W@transpose(W))", dict(W=W)),
    ("sum(sum(W, axis=0)*x) + sum(sum(W, axis=1)*y)", dict(W=W, x=X, y=Y)),
    ("sum(outer(x, y)**2)*x[0]", dict(x=X, y=Y)),
]
PASSES = {name: lambda t=text, a=at: passes(t, **a) for name, (text, at) in SCALAR.items()}
PASSES |= {
    "a closed gate": lambda: passes("x**x + y**x", x=0.0, y=2.0),
    "arrays": arrays,
    "chain": lambda: passes(chain(40), x=0.5, y=0.3),
    "blocks": blocks,
    **{text: lambda t=text, a=at: passes(t, **{k: np.asarray(x, float) for k, x in a.items()}) for text, at in VECTORS},
    "a seed": lambda: dl.parse("x * y").forward(x=1.0, y=2.0).backward(seed=2.5),
}


class Rows(dict):
    """Variables, and behind them every operation by the name of its row."""

    def __missing__(self, name):
        if name in dir(builtins) and name not in TABLE:
            raise KeyError(name)
        return partial(NUMPY.of(TABLE[name]), axis=None) if name in ("sum", "softmax") else NUMPY.of(TABLE[name])


@pytest.mark.parametrize("name", PASSES)
def test_the_program_is_a_program(name):
    """Its lines, run one after the other, give the values and the adjoints of the pass."""
    backward = PASSES[name]()
    model = Model(backward.forward, backward)
    program = Program(model)
    space = {"inf": np.inf, "nan": np.nan}
    given = [n for n in model.order if not n.operands and n in program.names]
    values = Rows({program.names[n]: backward.forward.values[n] for n in given})
    with np.errstate(all="ignore"):
        for node in model.order:
            if node in program.forward:
                values[program.names[node]] = eval(program.forward[node], space, values)
                assert np.allclose(values[program.names[node]], backward.forward.values[node], equal_nan=True), node
        values[f"d_{program.names[model.output]}"] = backward.seed
        for e in model.edges:
            sender, receiver = (f"d_{program.names[n]}" for n in (e.target, e.source))
            sent = eval(program.line(e.target, e.position).replace("⟦u⟧", sender), space, values)
            assert np.allclose(sent, e.downstream, equal_nan=True), (receiver, program.line(e.target, e.position))
            values[receiver] = values[receiver] + sent if receiver in values else sent
    for n in backward.reached:
        assert np.allclose(values[f"d_{program.names[n]}"], backward.adjoint[n], equal_nan=True)


@pytest.mark.parametrize(
    "text, at, forward, back",
    [
        ("f = -(x + y)**2 / x", dict(x=1.0, y=2.0), ["x + y", "v1**2", "-v2", "v3 / x"], None),
        ("x*y", dict(x=1.0, y=2.0), ["x * y"], ["⟦u⟧ * y", "⟦u⟧ * x"]),
        ("relu(x)", dict(x=1.0), ["relu(x)"], ["where(x > 0, ⟦u⟧, 0)"]),
        ("sum(W@x)", dict(W=W, x=X), None, ["broadcast_to(⟦u⟧, shape=(2,))", "outer(⟦u⟧, x)", "W.T @ ⟦u⟧"]),
        ("sum(y@W)", dict(W=W, y=Y), None, ["broadcast_to(⟦u⟧, shape=(3,))", "⟦u⟧ @ W.T", "outer(y, ⟦u⟧)"]),
        ("sum(x*[1,2])", dict(x=Y), ["x * [1, 2]", "sum(v1)"], ["broadcast_to(⟦u⟧, shape=(2,))", "⟦u⟧ * [1, 2]"]),
        ("x - 2*y", dict(x=1.0, y=2.0), None, ["⟦u⟧", "-⟦u⟧", "⟦u⟧ * 2"]),
    ],
)
def test_lines_as_python_writes_them(text, at, forward, back):
    found = data_of(page_of(passes(text, **{k: np.asarray(x, float)[()] for k, x in at.items()}), ulps=False))[
        "program"
    ]
    assert forward is None or [line for line in found["forward"] if line] == forward
    assert back is None or found["back"] == back


def test_names_become_identifiers_of_their_own():
    f = lambda p: dl.label(p["a b"] * p["a"]["b"], "lambda")
    at = {"a b": 2.0, "a": {"b": 3.0}}
    backward = dl.trace(f, at).forward(at).backward()
    names = list(Program(Model(backward.forward, backward)).names.values())
    assert all(name.isidentifier() for name in names) and len(set(names)) == len(names) and "lambda" not in names


def steps_of(page, kind):
    return page.evaluate("kind => difflab.steps().flatMap((s, k) => (s.type === kind ? [k] : []))", kind)


def go(page, k):
    page.evaluate("k => difflab.go(k)", k)


def test_contributions_that_meet_are_stacked_and_added(open_pass):
    page = open_pass(passes("u = x*y; u * sin(u)", x=0.5, y=3.0))
    box = page.locator("#stage g.node:has(text.p)")
    rows = lambda: [" ".join(row.locator("tspan").all_text_contents()) for row in box.locator("text.p").all()]
    seen, said = [], []
    for k in steps_of(page, "edge"):
        go(page, k)
        if page.is_visible("#sum"):
            seen.append((rows(), box.locator("text.a").text_content(), page.inner_text("#sum").split("\n")))
            said.append(page.inner_text("#say"))
    assert box.count() == 1
    head = "u is used 2 times, so contributions add:"
    assert [s[:2] for s in seen] == [
        (["◂ v2 0.997", "◂ v1 …"], "∂ 0.997 + …"),
        (["◂ v2 0.997", "◂ v1 + 0.106"], "∂ 1.1"),
    ]
    assert [[w for w in s[2] if w] for s in seen] == [
        [head, "from v2", "0.997", "1 more to come", "…", "∂f/∂u", "= 0.997 + …"],
        [head, "from v2", "0.997", "from v1", "+ 0.106", "∂f/∂u", "= 1.1"],
    ]
    assert said[0].endswith("1 more to come there.")
    assert said[1].endswith("All have arrived at u and are added: 0.997 (from v2) + 0.106 (from v1) = 1.1.")
    go(page, page.evaluate("difflab.steps().findIndex(s => s.type === 'edge' && s.parts.length === 2)"))
    assert page.locator("#say .down").last.text_content().startswith("0.997 (from v2)")
    for place in ("#stage text.p tspan.down", "#sum .down", "#say .down >> nth=-1"):
        style = "fill" if "tspan" in place else "color"
        assert page.locator(place).first.evaluate("(e, s) => getComputedStyle(e)[s]", style) == DOWN
    go(page, 0)
    assert rows() == ["", ""] and not page.is_visible("#sum")


def test_the_rows_of_a_stack_lie_in_their_box_in_a_column(open_pass):
    page = open_pass(passes("x*a + x*b + x*c + x*d + x*g + x*h + x*k", **dict.fromkeys("xabcdghk", 1.25)))
    page.keyboard.press("End")
    page.click("#fit")
    box = page.locator("#stage g.node:has(text.p)")
    frame = box.locator("rect").bounding_box()
    numbers = box.locator("tspan.down").all()
    assert box.locator("text.p").count() == len(numbers) == 5  # of seven, the last row has three
    assert "3 others" in box.text_content() and numbers[-1].text_content() == "+ 3.75"
    ends = {round(n.evaluate("e => e.getBoundingClientRect().right")) for n in numbers}
    assert len(ends) == 1
    for text in box.locator("text").all():
        inner = text.bounding_box()
        assert frame["y"] - 1 <= inner["y"] and inner["y"] + inner["height"] <= frame["y"] + frame["height"] + 3
        assert frame["x"] <= inner["x"] and inner["x"] + inner["width"] <= frame["x"] + frame["width"]


def test_the_wrong_order_stacks_what_it_has(open_pass):
    page = open_pass(passes("u = x*y; u * sin(u)", x=0.5, y=3.0))
    page.select_option("#order", "eager")
    said = []
    for k in steps_of(page, "edge"):
        go(page, k)
        said.append(page.inner_text("#lines [aria-current]"))
    assert len(set(said)) == len(said) and page.locator("#lines .line").count() == page.evaluate(
        "difflab.steps().length"
    )


def formula(page, place):
    """MathML as text: what stands one above the other as a fraction with a slash."""
    read = """root => {
      const signs = {mfrac: '/', msup: '^'};
      const text = e => e.nodeType === 3 ? e.textContent : [...e.childNodes].map(text).join(signs[e.localName] ?? '');
      return [...root.querySelectorAll('math')].map(text);
    }"""
    return page.locator(place).evaluate(read)


def test_the_active_step_as_a_formula(open_pass):
    page = open_pass(passes("q = x + y; f = q**2 / z", x=-2.0, y=5.0, z=-4.0))
    found = {}
    for k in range(page.evaluate("difflab.steps().length")):
        go(page, k)
        found[page.inner_text("#lines [aria-current]")] = (formula(page, "#symbols"), formula(page, "#figures"))
    assert found["x = -2"] == ([], ["x=-2"])
    assert found["v1 = q**2"] == (["v1=q^2"], ["v1=3^2=9"])
    assert found["f = v1 / z"] == (["f=v1/z"], ["f=9/-4=-2.25"])
    assert found["d_z = d_f * -f / z"][0] == ["∂f/∂z=∂f/∂f·∂f/∂z", "∂f/∂z=-f/z"]
    assert found["d_q = d_v1 * 2 * q"] == (["∂f/∂q=∂f/∂v1·∂v1/∂q", "∂v1/∂q=2·q"], ["-0.25×6=-1.5"])
    assert found["return d_x, d_y, d_z"][1] == ["∂f/∂x=-1.5", "∂f/∂y=-1.5", "∂f/∂z=-0.563"]


ROLES = {"up": "rgb(180, 84, 10)", "local": "rgb(122, 79, 191)", "down": DOWN}


def test_formula_and_line_have_the_colours_of_the_roles(open_pass):
    page = open_pass(passes("q = x + y; f = q * z", x=-2.0, y=5.0, z=-4.0))
    go(page, steps_of(page, "edge")[0])
    colour = lambda place: page.locator(place).first.evaluate("e => getComputedStyle(e).color")
    for place in ("#symbols", "#figures", "#lines [aria-current]"):
        assert {role: colour(f"{place} .{role}") for role in ROLES} == ROLES, place
    go(page, 0)
    assert colour("#figures .value") == colour("#lines [aria-current] .value") == "rgb(11, 110, 79)"


@pytest.mark.parametrize(
    "text, at",
    [
        ("where(x > y, abs(x) * relu(y), clip(x, 0, y)) + maximum(x, 2*y)", dict(x=1.5, y=0.5)),
        ("-(-x)**-2 - (x - (y - x)) / (x / y) + 2**-y * x**2**y", dict(x=1.5, y=0.5)),
        ("sqrt(x**2 + y**2) * (x < y) + arctan2(-y, -x)", dict(x=-1.5, y=1e-7)),
    ],
)
def test_every_formula_is_read_whole(open_pass, text, at):
    page = open_pass(passes(text, **at))
    for k in range(page.evaluate("difflab.steps().length")):
        go(page, k)
        plain = [t for t in page.locator("#equation mtext").all_text_contents() if t.strip() != "where"]
        assert plain == [], k


def test_numbers_below_zero_have_brackets_where_they_need_them(open_pass):
    page = open_pass(passes("x**2 * y - x", x=-3.0, y=-2.0))
    found = []
    for k in steps_of(page, "node"):
        go(page, k)
        found += formula(page, "#figures")
    assert found == ["x=-3", "y=-2", "v1=(-3)^2=9", "v2=9·(-2)=-18", "v3=-18-(-3)=-15"]


def test_one_line_a_step_marked_and_in_sight_in_its_panel_alone(open_pass):
    page = open_pass(passes(chain(60), x=0.5, y=0.3))
    count = page.evaluate("difflab.steps().length")
    assert page.locator("#lines .line").count() == count
    panel = page.locator("#lines")
    at = page.evaluate("scrollY")
    for k in (0, count // 2, count - 1, 3):
        go(page, k)
        current = page.locator("#lines [aria-current]")
        assert current.count() == 1 and current.get_attribute("data-step") == str(k)
        inner, outer = current.bounding_box(), panel.bounding_box()
        assert outer["y"] <= inner["y"] and inner["y"] + inner["height"] <= outer["y"] + outer["height"]
        assert page.evaluate("scrollY") == at
    marked = "e => getComputedStyle(e, '::before').content"
    assert page.locator("#lines [aria-current]").evaluate(marked) == '"▶"'  # not by colour alone


def test_lines_of_the_inputs_follow_the_sliders(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    page.locator("input[type=number]").first.fill("-0.5")
    assert [t.strip() for t in page.locator("#lines .line").all_text_contents()[:3]] == [
        "x = -0.5",
        "y = 3",
        "v1 = x * y",
    ]


LIT = """() => [...document.querySelectorAll('.lit')].map(({id, dataset}) => {
  const kinds = {step: 'line', edge: 'local', k: 'row', e: 'wire', v: 'node'};
  return id || Object.keys(kinds).filter(k => k in dataset).map(k => `${kinds[k]} ${dataset[k]}`)[0];
}).sort()"""
TOGETHER = [  # of q = x + y (3), f = q * z (4): what is pointed at, what lights up
    ("#stage g.node[data-v='3']", ["line 3", "node 3", "row 3"]),
    ("#lines [data-step='3']", ["line 3", "node 3", "row 3"]),
    ("tr[data-k='3'] td:nth-child(2) button", ["line 3", "node 3", "row 3"]),
    ("#lines [data-step='6']", ["line 6", "local 0", "node 3", "node 4", "wire 0"]),
    ("[data-edge='0']", ["line 6", "local 0", "node 3", "node 4", "wire 0"]),
    ("#equation", ["equation", "line 0", "node 0"]),
]


@pytest.mark.parametrize("by", ["pointer", "focus"])
def test_what_belongs_together_lights_up_together(open_pass, by):
    page = open_pass(passes("q = x + y; f = q * z", x=-2.0, y=5.0, z=-4.0))
    page.click("#formulas summary")
    page.wait_for_selector("#formula-rows tr")
    page.mouse.move(1, 1)  # what the pointer is on counts more than the focus
    for place, wanted in TOGETHER:
        thing = page.locator(place).first
        if by == "pointer":
            thing.hover()
        elif place == "#equation":
            continue
        else:
            thing.evaluate("e => e.focus()")
        assert page.evaluate(LIT) == wanted, place
    if by == "pointer":
        page.hover("h1")
    else:
        page.evaluate("document.activeElement.blur()")
    assert page.evaluate(LIT) == []


def test_what_is_lit_is_outlined(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    page.hover("#lines [data-step='2']")
    outline = page.locator("#lines .lit").evaluate("e => getComputedStyle(e).outlineStyle")
    stroke = page.locator("#stage .node.lit > rect").evaluate("e => getComputedStyle(e).strokeDasharray")
    assert outline == "dashed" and stroke != "none"


def test_a_click_on_a_line_a_formula_or_a_node_goes_there(open_pass):
    page = open_pass(passes("q = x + y; f = q * z", x=-2.0, y=5.0, z=-4.0))
    page.click("#formulas summary")
    page.wait_for_selector("#formula-rows tr")
    now = lambda: page.evaluate("difflab.now()")
    formula = "tr[data-k='3'] td:nth-child(2) button"
    for place, k in (("#lines [data-step='5']", 5), ("[data-edge='0']", 6), (formula, 3), ("g.node[data-v='4']", 4)):
        page.locator(place).first.click()
        assert now() == k, place


def test_the_keyboard_reaches_lines_and_nodes(open_pass):
    page = open_pass(passes("q = x + y; f = q * z", x=-2.0, y=5.0, z=-4.0))
    now = lambda: page.evaluate("difflab.now()")
    assert page.locator("#lines [tabindex='0']").count() == page.locator("#stage g.node[tabindex='0']").count() == 1
    page.locator("#lines [tabindex='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert now() == 3
    page.locator("#stage g.node[tabindex='0']").focus()
    assert page.locator("#stage g.node:focus").get_attribute("aria-label") == "q = x + y"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert now() == 4


def test_hostile_names_stay_text(open_pass):
    bad = "<img src=x onerror=alert(1)>"
    page = open_pass(
        dl.trace(lambda p: p[bad] * 2.0 + p["a"], {bad: 1.0, "a": 2.0}).forward({bad: 1.0, "a": 2.0}).backward()
    )
    page.click("#formulas summary")
    for k in range(page.evaluate("difflab.steps().length")):
        go(page, k)
        assert page.locator("img").count() == 0
    assert not re.search("<img", page.inner_html("#lines"))
