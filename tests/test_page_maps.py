"""Arrays on the step-through page in a real browser: maps, editing, dragging, following an entry, marks."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from page_programs import PROGRAMS

import difflab as dl

W, X = np.array([[1.0, -2.0, 0.5], [3.0, 4.0, -1.0]]), np.array([0.1, 0.2, -0.3])


def layer():
    return dl.trace(lambda W, x: np.sum(np.tanh(W @ x)), W, X)


def opened(open_pass, graph, *at, **look):
    page = open_pass(graph.forward(*at).backward(), **look)
    page.keyboard.press("End")
    return page


def numbers(page, k):
    found = page.evaluate("k => JSON.parse(JSON.stringify(difflab.found().adjoint[k]))", k)
    return np.array(found["x"], dtype=float).reshape(found["s"])


def check(page, graph, *at):
    backward = graph.forward(*at).backward()
    for k, node in enumerate(graph.inputs):
        assert np.allclose(numbers(page, k), backward.adjoint[node], rtol=1e-12, atol=1e-14)


def cell(page, name, i, adjoint=False):
    kind = ".map.adjoint" if adjoint else ".map:not(.adjoint)"
    return page.locator(f"#stage g.node:has(> text:text-is('{name}')) {kind} [data-i='{i}']")


def test_maps_stand_in_the_boxes_with_shape_and_numbers(open_pass):
    page = opened(open_pass, layer(), W, X)
    box = page.locator("#stage g.node:has(> text:text-is('W'))")
    assert box.locator(".map").count() == 2 and box.locator(".cell").count() == 12
    assert box.locator("> text.v").text_content() == "(2, 3)" and box.locator("> text.a").text_content() == "∂"
    assert box.locator(".map:not(.adjoint) text").all_text_contents() == ["1", "-2", "0.5", "3", "4", "-1"]
    fills = [c.evaluate("e => getComputedStyle(e).fill") for c in box.locator(".map:not(.adjoint) .cell").all()]
    assert len(set(fills)) == 6
    page.evaluate("difflab.go(0)")
    assert box.locator(".map.adjoint text").all_text_contents() == [""] * 6
    cell(page, "W", 4).hover()
    assert "W[1, 1] = 4" in page.inner_text("#tip") and "∂f/∂W[1, 1] = " in page.inner_text("#tip")


def test_an_entry_is_edited(open_pass):
    graph = layer()
    page = opened(open_pass, graph, W, X)
    cell(page, "W", 4).click()
    box = page.locator("#sliders input[type=number]").first
    assert box.get_attribute("aria-label") == "W[1, 1], number" and box.input_value() == "4"
    box.fill("0.25")
    moved = W.copy()
    moved[1, 1] = 0.25
    check(page, graph, moved, X)
    assert cell(page, "W", 4).evaluate("e => e.nextElementSibling.textContent") == "0.25"
    box.fill("")
    assert box.get_attribute("aria-invalid") == "true" and "W[1, 1] is not changed" in page.inner_text("#marks")
    check(page, graph, moved, X)
    page.click("#reset")
    check(page, graph, W, X)


def test_an_entry_is_dragged_and_the_drawing_stays(open_pass):
    graph = layer()
    page = opened(open_pass, graph, W, X)
    before = page.evaluate("document.querySelector('#stage svg').style.transform")
    frame = cell(page, "x", 1).bounding_box()
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 20)
    page.mouse.move(x, y - 40)
    page.mouse.up()
    found = page.evaluate("JSON.parse(JSON.stringify(difflab.found().values[1]))")["x"]
    assert found[0] == 0.1 and found[2] == -0.3 and found[1] == pytest.approx(0.3)
    check(page, graph, W, np.array(found))
    assert page.evaluate("document.querySelector('#stage svg').style.transform") == before


def test_keys_choose_change_and_type(open_pass):
    graph = layer()
    page = opened(open_pass, graph, W, X)
    page.locator("#stage .map").first.focus()
    step = page.evaluate("difflab.now()")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("difflab.now()") == step
    assert "W[1, 1] = 4" in page.locator("#stage .map").first.get_attribute("aria-label")
    page.keyboard.press("PageDown")
    moved = W.copy()
    moved[1, 1] = 3.95
    check(page, graph, moved, X)
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    moved[1, 1] = 2.0
    check(page, graph, moved, X)
    page.locator("#stage .map").first.focus()
    page.keyboard.press("Escape")
    assert page.locator(".cell.chosen").count() == 0


def test_a_map_that_is_reached_by_tab_comes_into_view(open_pass):
    f, at = PROGRAMS["a small image through a network"]
    page = opened(open_pass, dl.trace(f, *at), *at, width=700)
    page.evaluate("difflab.go(0)")
    page.locator("#stage .map").first.focus()
    for _ in range(4):
        page.keyboard.press("Tab")
    stage = page.locator("#stage").bounding_box()
    box = page.locator("#stage g.node:has(.map:focus)").bounding_box()
    assert stage["x"] <= box["x"] and box["x"] + box["width"] <= stage["x"] + stage["width"]
    assert page.evaluate("document.querySelector('#stage').scrollLeft") == 0


def marked(page, name, kind, adjoint=False):
    side = ".map.adjoint" if adjoint else ".map:not(.adjoint)"
    found = page.locator(f"#stage g.node:has(> text:text-is('{name}')) {side} .cell.{kind}").all()
    return [int(c.get_attribute("data-i")) for c in found]


def test_an_entry_is_followed(open_pass):
    page = opened(open_pass, layer(), W, X)
    cell(page, "v1", 1).click()
    assert marked(page, "W", "before") == [3, 4, 5] and marked(page, "x", "before") == [0, 1, 2]
    assert (
        marked(page, "v2", "after") == [1]
        and page.locator("#stage g.node.linked").count() == 1
        and marked(page, "v1", "chosen") == [1]
    )
    said = page.inner_text("#follow")
    assert "v1[1] = 1.4 depends on W[1, 0], W[1, 1], W[1, 2] and all 3 entries of x" in said and "v2[1]" in said
    cell(page, "v2", 0).click()
    assert marked(page, "v1", "before") == [0] and marked(page, "W", "before") == [0, 1, 2]
    cell(page, "x", 2, adjoint=True).click()
    assert marked(page, "W", "before") == [2, 5]
    assert marked(page, "v1", "before", adjoint=True) == [0, 1] and marked(page, "x", "before") == []
    assert "comes from W[0, 2], W[1, 2]" in page.inner_text("#follow")
    page.click("#follow button")
    assert page.locator(".cell.chosen, .cell.before, .cell.after, .cell.aside").count() == 0


def test_an_entry_is_followed_in_the_pass_that_is_shown(open_pass):
    page = opened(open_pass, layer(), W, X)
    end = page.evaluate("difflab.now()")
    for name, i, adjoint in (("W", 4, False), ("x", 2, True), ("v1", 1, False), ("v2", 0, True)):
        cell(page, name, i, adjoint).click()
        assert page.evaluate("difflab.now()") == end, (name, adjoint)
        assert marked(page, name, "chosen", adjoint) == [i]
    framed = page.locator("#stage .map.adjoint:has(.cell.before), #stage .map.adjoint:has(.cell.chosen)")
    assert framed.count() and "" not in framed.locator("text").all_text_contents()
    page.evaluate("difflab.go(0)")
    cell(page, "x", 2, adjoint=True).click()  # not there yet: the step at which it comes
    assert (
        "back to x" in page.inner_text("#say")
        and page.inner_text("#count") == f"{page.evaluate('difflab.now()') + 1} / {end + 1}"
    )
    assert "" not in page.locator("#stage .map.adjoint:has(.cell.chosen) text").all_text_contents()
    page.evaluate("difflab.go(0)")
    cell(page, "v1", 1).click()
    assert page.inner_text("#say").startswith("v1 = W @ x")


def test_a_projector_tells_what_is_followed_and_pages_step(open_pass):
    page = opened(open_pass, layer(), W, X, height=760)
    page.keyboard.press("f")
    assert not page.locator("#follow").is_visible()
    page.evaluate("difflab.go(0)")
    cell(page, "W", 1).click()
    said = page.locator("#follow")
    assert "W[0, 1] = -2 is given" in said.inner_text()
    assert said.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 17
    words, stage = said.bounding_box(), page.locator("#stage").bounding_box()
    assert words["y"] >= stage["y"] + stage["height"] and words["y"] + words["height"] <= 760
    for key, step in (("PageDown", 1), ("PageDown", 2), ("PageUp", 1)):
        page.keyboard.press(key)
        assert page.evaluate("difflab.now()") == step, key
    assert page.evaluate("JSON.parse(JSON.stringify(difflab.found().values[0]))")["x"] == W.ravel().tolist()


def test_kinks_of_arrays_are_marked(open_pass):
    f, at = PROGRAMS["relu at its kink"]
    page = opened(open_pass, dl.trace(f, *at), *at)
    assert marked(page, "v1", "kink") == [0]
    assert "v1 stands at a kink at [0]" in page.inner_text("#marks")
    page.evaluate("difflab.go(1)")
    assert "It stands at a kink at [0]: no derivative here" in page.inner_text("#say")
    assert page.locator("g.node.kink").count() == 1
    cell(page, "x", 0).click()
    page.locator("#sliders input[type=number]").fill("-1")
    assert page.inner_text("#marks") == "" and marked(page, "v1", "kink") == []
    page.locator("#sliders input[type=number]").fill("1")
    assert "a kink of v1 was crossed at [0]" in page.inner_text("#marks")


def test_entries_that_are_no_numbers_are_marked(open_pass):
    f, at = PROGRAMS["a root below zero"]
    page = opened(open_pass, dl.trace(f, *at), *at)
    assert marked(page, "v1", "odd") == [0] and "v1: Not a number at [0]" in page.inner_text("#marks")
    page.evaluate("difflab.go(1)")
    assert "⚠ Not a number at [0]" in page.inner_text("#say")


def test_the_largest_of_equal_entries_is_a_kink(open_pass):
    page = opened(open_pass, dl.trace(lambda x: np.max(x), np.ones(3)), np.array([2.0, 1.0, 2.0]))
    assert "v1 stands at a kink" in page.inner_text("#marks")


WALK = """() => {
  const main = document.querySelector("main"), follow = document.querySelector("#follow");
  const told = difflab.steps().map((_, k) => { difflab.go(k); return main.innerText; });
  const followed = [...document.querySelectorAll("#stage .map")].map(map => { map.focus(); return follow.innerText; });
  return [told, followed];
}"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_step_of_every_program_is_drawn_and_told(open_pass, name):
    f, at = PROGRAMS[name]
    page = open_pass(dl.trace(f, *at).forward(*at).backward())
    told, followed = page.evaluate(WALK)
    assert len(told) == page.evaluate("difflab.steps().length") > 0
    assert [text for text in told if "undefined" in text or "[object" in text] == []
    assert all(followed)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(open_pass, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = opened(open_pass, layer(), W, X, dark=dark)
    for i in (None, 1):
        if i is not None:
            cell(page, "v1", i).click()
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [1400, 800, 400])
def test_nothing_is_wider_than_the_window(open_pass, width):
    page = opened(open_pass, layer(), W, X, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# Of the boxes with maps: each text and map in its box, none over another; the smallest letters in pixels.
INSIDE = """() => [...document.querySelectorAll('#stage g.node:has(.map)')].flatMap(box => {
  const frame = box.querySelector('rect').getBoundingClientRect(), name = box.querySelector('text').textContent;
  const things = [...box.querySelectorAll(':scope > text, .map')].filter(e => e.tagName === 'g' || e.textContent);
  const at = things.map(e => (e.tagName === 'g' ? e.querySelector('.cell').parentNode : e).getBoundingClientRect());
  const inside = at.every(r => r.left >= frame.left && r.right <= frame.right && r.bottom <= frame.bottom);
  const apart = at.every((r, i) => at.every((q, k) => i >= k || r.right <= q.left + 1 || q.right <= r.left + 1 ||
    r.bottom <= q.top + 7 || q.bottom <= r.top + 7)); // a line of text has room above and below its letters
  return [[name, inside, apart]];
})"""
LETTERS = """() => [...document.querySelectorAll('#stage text')]
  .filter(t => t.textContent.trim() && t.checkVisibility())
  .map(t => [parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a, t.textContent])"""
WIDE = {
    "four axes": ("sum(tanh(conv(x,k)))", {"x": np.ones((1, 1, 3, 3)), "k": np.full((1, 1, 2, 2), -0.065)}),
    "a kink in four axes": ("sum(relu(x)*k)", {"x": np.zeros((2, 1, 2, 2)), "k": np.ones((2, 1, 2, 2))}),
    "one entry": ("sum(x*k)", {"x": np.ones((1, 1, 1, 1)), "k": np.ones((1, 1, 1, 1))}),
    "indexing": ("sum(x[0:1, 0]) + x[1, 1]*x[-1, 0]", {"x": W}),
}


def of_text(text, at):
    return dl.parse(text).forward(**at).backward()


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("name", WIDE)
def test_nothing_in_a_box_of_an_array_meets(open_pass, name, width):
    page = open_pass(of_text(*WIDE[name]), width=width)
    for key in ("Home", "End"):
        page.keyboard.press(key)
        found = page.evaluate(INSIDE)
        assert found and [told for told in found if not (told[1] and told[2])] == []
        assert [told for told in page.evaluate(LETTERS) if told[0] < 10.99] == []


def test_indexing_says_what_it_reads(open_pass):
    page = open_pass(of_text(*WIDE["indexing"]))
    signs = [box.locator("text").first.text_content() for box in page.locator("#stage g.node.step").all()]
    assert [s for s in signs if s.startswith("[")] == ["[0:1, 0]", "[1, 1]", "[-1, 0]"]


def test_the_focus_stands_around_its_map(open_pass):
    page = opened(open_pass, layer(), W, X)
    page.locator("#stage .map").first.focus()
    page.keyboard.press("ArrowRight")
    ring, cells = page.locator("#stage .map .ring").first.bounding_box(), page.locator("#stage .map .cell")
    first, last = cells.first.bounding_box(), cells.nth(5).bounding_box()
    assert ring["x"] < first["x"] and ring["y"] < first["y"]
    assert ring["x"] + ring["width"] > last["x"] + last["width"]
    assert ring["y"] + ring["height"] > last["y"] + last["height"]
    focused = page.locator("#stage .map:focus-visible")
    assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "none"
    assert focused.locator(".ring").evaluate("e => getComputedStyle(e).stroke") != "none"


def test_what_has_not_come_is_no_grid(open_pass):
    page = open_pass(layer().forward(W, X).backward())
    stroke = lambda name, adjoint: cell(page, name, 0, adjoint).evaluate("e => getComputedStyle(e).stroke")
    page.keyboard.press("Home")
    assert stroke("W", False) != "none" and stroke("W", True) == "none" and stroke("v1", False) == "none"
    page.keyboard.press("End")
    assert "none" not in [stroke("W", True), stroke("v1", False)]


def test_linear_steps_show_the_upstream_in_the_call_that_sends_it_back(open_pass):
    page = opened(open_pass, layer(), W, X)
    cards = []
    for k in range(page.evaluate("difflab.steps().length")):
        page.evaluate("k => difflab.go(k)", k)
        if page.locator(".flow .card").count():
            card = page.locator(".flow .card .equation")
            cards.append((card.text_content().replace("\u00a0", " "), card.locator(".up, .local, .down").count()))
    assert cards == [
        ("broadcast_to(1, shape=(2,)) = [1, 1]", 4),
        ("[1, 1] × [0.82, 0.22] = [0.82, 0.22]", 3),
        ("outer([0.82, 0.22], x) = (2, 3)", 4),
        ("W.T @ [0.82, 0.22] = [1.5, -0.78, 0.19]", 3),
    ]
    said = page.inner_text("#say")
    assert "‖" not in said and "mean" not in said and "[[0.082, 0.16, -0.25], [0.022, 0.043, -0.065]]" in said
    page.evaluate("difflab.go(8)")
    maps = [figure.inner_text().split("\n") for figure in page.locator("#heat figure").all()]
    assert [m[0] for m in maps] == ["upstream ∂f/∂v1", "through matmulᵀ = downstream, to W"]
    assert page.locator("#heat .down text").all_text_contents() == [
        "0.082",
        "0.16",
        "-0.25",
        "0.022",
        "0.043",
        "-0.065",
    ]


ROLES = """() => ['positive', 'negative', 'upstream', 'downstream', 'value', 'local', 'wrong'].map(role => {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = `var(--${role})`;
  const found = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  return found;
})"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_maps_have_hues_that_no_role_has(open_pass, dark):
    hue = lambda rgb: 360 * colorsys.rgb_to_hls(*[v / 255 for v in rgb])[0]
    positive, negative, *roles = map(hue, open_pass(layer().forward(W, X).backward(), dark=dark).evaluate(ROLES))
    apart = lambda a, b: min(abs(a - b), 360 - abs(a - b))
    assert min(apart(h, role) for h in (positive, negative) for role in roles) > 15 and apart(positive, negative) > 120
