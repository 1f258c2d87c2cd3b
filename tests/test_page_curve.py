"""The curve on the step-through page, in a real browser: what it draws is f, and its point moves the input."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from test_page import passes
from test_page_browser import NEURON, SCALAR, close

import difflab as dl

PIXEL = 0.6  # what rounding to tenths and to ticks may leave


def scale(page, axis):
    """From pixels to numbers along an axis of the plot, by its ticks: slope and offset."""
    anchor = {"x": "middle", "y": "end"}[axis]
    places, texts = page.evaluate(
        """([axis, anchor]) => {
          const lines = [...document.querySelectorAll('#plot line.grid, #plot line.zero')];
          const own = lines.filter(l => (l.getAttribute('x1') === l.getAttribute('x2')) === (axis === 'x'));
          const texts = [...document.querySelectorAll(`#plot text.tick[text-anchor=${anchor}]`)];
          return [own.map(l => Number(l.getAttribute(axis + '1'))), texts.map(t => t.textContent)];
        }""",
        [axis, anchor],
    )
    assert len(places) == len(texts) >= 2
    return np.polyfit(places, [float(t) for t in texts], 1)


def branches(page):
    """The drawn branches of f as arrays of x and y, in numbers."""
    by_x, by_y = scale(page, "x"), scale(page, "y")
    found = []
    for part in page.get_attribute("#plot path.f", "d").split("M")[1:]:
        points = np.array([[float(n) for n in re.findall(r"-?[\d.]+", p)[:2]] for p in part.split("L")])
        found.append((np.polyval(by_x, points[:, 0]), np.polyval(by_y, points[:, 1])))
    return found, abs(by_x[0]), abs(by_y[0])


@pytest.mark.parametrize("name", SCALAR)
def test_what_is_drawn_is_f(open_pass, name):
    text, at = SCALAR[name]
    graph, backward = dl.parse(text), passes(text, **at)
    page = open_pass(backward)
    for k, node in enumerate(graph.inputs):
        page.select_option("#along", str(k))
        found, by_x, by_y = branches(page)
        top, bottom = sorted(np.polyval(scale(page, "y"), [26, 400 - 42]))
        seen = 0
        for xs, ys in found:
            for x, y in zip(xs[::7], ys[::7]):
                near = [graph(**(at | {str(node.name): x + d})) for d in (-PIXEL * by_x, 0, PIXEL * by_x)]
                if top < y < bottom and np.all(np.isfinite(near)):
                    assert min(near) - PIXEL * by_y <= y <= max(near) + PIXEL * by_y, (node.name, x)
                    seen += 1
        assert seen > 20
        assert close(page.inner_text("#tangent-slope"), float(f"{backward.gradient[node.name]:.10g}"))


def test_the_secant_is_the_central_difference_and_says_its_error(open_pass):
    page = open_pass(passes("x**3 + y", x=1.0, y=2.0))
    errors = []
    for place, h in ((0, "1"), (-1, "0.5"), (-3, "0.1"), (-6, "0.01"), (-45, "1e-15")):
        page.fill("#curve-h", str(place))
        assert page.inner_text("#curve-h-text") == h
        step = float(h)
        true = ((1 + step) ** 3 + 2 - ((1 - step) ** 3 + 2)) / (2 * step)
        assert float(page.inner_text("#secant-slope")) == pytest.approx(true, rel=1e-8)
        errors.append(float(page.inner_text("#secant-error")))
    assert errors[:4] == pytest.approx([1, 0.25, 0.01, 1e-4], rel=1e-2) and errors[4] > 0.1
    assert page.locator("#plot rect.end").count() == 2


def test_the_point_can_be_dragged_and_moves_the_input_everywhere(open_pass):
    page = open_pass(passes("x * y", x=1.0, y=3.0))
    by_x = scale(page, "x")
    page.locator("#plot").scroll_into_view_if_needed()
    plot, point = page.locator("#plot svg").bounding_box(), page.locator("#plot .point").bounding_box()
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    page.mouse.down()
    for x in (2.0, -2.0):
        page.mouse.move(plot["x"] + (x - by_x[1]) / by_x[0], plot["y"] + 5, steps=3)
    page.mouse.up()
    value = page.evaluate("difflab.found().values[0]")
    assert abs(value + 2.0) < 0.03 and page.evaluate("difflab.found().values[2]") == 3 * value
    box, slider = page.locator("#sliders input[type=number]").first, page.locator("#sliders input[type=range]").first
    assert float(box.input_value()) == value == float(slider.input_value())
    page.mouse.move(plot["x"] + 100, plot["y"] + 5)
    assert page.evaluate("difflab.found().values[0]") == value  # it was let go


def test_the_point_moves_by_keys_and_tells_where_it_is(open_pass):
    page = open_pass(passes("x * y", x=1.0, y=3.0))
    point, x = page.locator("#plot .point"), lambda: page.evaluate("difflab.found().values[0]")
    step = page.evaluate("difflab.now()")
    point.focus()
    for key, value in (
        ("ArrowRight", 1.05), ("ArrowUp", 1.1), ("ArrowLeft", 1.05), ("ArrowDown", 1.0), ("Shift+ArrowRight", 1.5),
        ("PageDown", 1.0), ("PageUp", 1.5), ("Home", -5), ("ArrowLeft", -5.05), ("Home", -10.05), ("End", 0),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert x() == pytest.approx(value, abs=0.051 if key in ("Home", "End") else 1e-12), key
    page.locator("#sliders input[type=number]").first.fill("2")
    assert point.get_attribute("aria-valuetext") == "x = 2, f = 6" and point.get_attribute("aria-valuenow") == "2"
    assert point.evaluate("e => e === document.activeElement") is False
    assert page.evaluate("difflab.now()") == step  # the arrows went through no steps


def test_kinks_are_marked_where_they_are(open_pass):
    page = open_pass(passes("relu(x) - abs(x - 2) + abs(y - 1) + relu(sin(x) - 5)", x=1.0, y=3.0))
    by_x = scale(page, "x")
    marks = lambda: [float(m.get_attribute("x")) for m in page.locator("#plot text.kink").all()]
    assert sorted(np.polyval(by_x, marks())) == pytest.approx([0, 2], abs=0.02)  # and none of y, nor of what is never 0
    assert page.locator("#plot .at-kink").count() == 0 and "tangent has slope 2" in page.inner_text("#curve-say")
    page.locator("#sliders input[type=number]").first.fill("2")
    assert page.locator("#plot .at-kink").count() == 1
    assert "A kink of v3: no tangent" in page.inner_text("#curve-say")
    page.locator("#sliders input[type=number]").nth(1).fill("1")  # a kink of another input alone is no concern here
    page.locator("#sliders input[type=number]").first.fill("1")
    assert page.locator("#plot .at-kink").count() == 0


@pytest.mark.parametrize(
    "text, edges",
    [
        ("log(x) + sqrt(2 - x)", [(0, 2)]),
        ("1/x", [(-5, 0), (0, 5)]),
        ("1/(x - 0.123)", [(-5, 0.123), (0.123, 5)]),
        ("floor(x/2)", [(-5, -4), (-4, -2), (-2, 0), (0, 2), (2, 4), (4, 5)]),
        ("where(x > 1.234, 3, 0) + 0*x", [(-5, 1.234), (1.234, 5)]),
        ("sqrt(x**2 - 4)", [(-5, -2), (2, 5)]),
        ("tanh(500*x)", [(-5, 5)]),  # steep, and no jump
        ("x**2", [(-5, 5)]),
        ("log(-abs(x) - 1)", []),
    ],
)
def test_the_curve_is_broken_where_f_is(open_pass, text, edges):
    page = open_pass(passes(text, x=1.0))
    if not edges:
        assert page.get_attribute("#plot path.f", "d") == "M0 0" and page.locator("#plot .gap").count() == 1
        return
    found, by_x, _ = branches(page)
    ends = [(xs[0], xs[-1]) for xs, _ in found]
    assert np.allclose(ends, edges, atol=1.5 * by_x)
    words = page.locator("#plot .gap-word").count()
    assert words == {"log(x) + sqrt(2 - x)": 2, "sqrt(x**2 - 4)": 1}.get(text, 0)


def test_where_f_is_no_number_the_point_stays_in_reach(open_pass):
    page = open_pass(passes("log(x)", x=1.0))
    box = page.locator("#sliders input[type=number]").first
    box.fill("-1")
    assert "no point on the curve" in page.inner_text("#curve-say") and page.locator("#plot .nowhere").count() == 1
    assert page.locator("#plot .tangent").count() == 0 and page.inner_text("#tangent-slope") == "NaN"
    page.locator("#plot .point").focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    assert page.locator("#plot .nowhere").count() == 0 and float(box.input_value()) > 0
    box.fill("1e6")  # far outside of the window, which follows
    assert page.locator("#plot .point").get_attribute("aria-valuenow") == "1000000"
    assert float(page.locator("#plot .point").get_attribute("aria-valuemin")) < 1e6


def test_closer_and_wider(open_pass):
    page = open_pass(passes("sin(x)", x=1.0))
    width = lambda: (
        float(page.get_attribute("#plot .point", "aria-valuemax"))
        - float(page.get_attribute("#plot .point", "aria-valuemin"))
    )
    for button, wanted in (("#closer", 5), ("#closer", 2.5), ("#wider", 5)):
        page.click(button)
        assert width() == pytest.approx(wanted)
    for button, wanted in (("#closer", 2e-6), ("#wider", 2e6)):
        for _ in range(45):
            page.click(button)
        assert width() == pytest.approx(wanted) and "NaN" not in page.inner_html("#plot")


def test_other_inputs_and_another_choice_change_the_curve(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    slope = lambda: page.inner_text("#tangent-slope")
    drawn = page.get_attribute("#plot path.f", "d")
    assert slope() == "3"
    page.locator("#sliders input[type=number]").nth(1).fill("-1")
    assert slope() == "-1" and page.get_attribute("#plot path.f", "d") != drawn
    page.select_option("#along", label="y")
    assert slope() == "2" and page.locator("#plot text.name").last.text_content() == "y"
    page.click("#reset")
    assert page.get_attribute("#plot .point", "aria-valuetext") == "y = 3, f = 6"


def test_the_tangent_is_that_of_f_whatever_the_seed_and_the_order(open_pass):
    page = open_pass(dl.parse("u = x*y; u * sin(u)").forward(x=0.5, y=3.0).backward(seed=2.0))
    page.select_option("#order", "eager")
    true = passes("u = x*y; u * sin(u)", x=0.5, y=3.0).gradient["x"]
    assert float(page.inner_text("#tangent-slope")) == pytest.approx(true, rel=1e-9)
    assert "times the seed 2" in page.inner_text("#curve-say")


@pytest.mark.parametrize("width", [1400, 400])
def test_the_axes_numbers_stand_in_line(open_pass, width):
    page = open_pass(passes(NEURON[0], **NEURON[1]), width=width)
    texts = page.locator("#plot text.tick[text-anchor=end]")
    boxes = [t.bounding_box() for t in texts.all()]
    rights, written = [b["x"] + b["width"] for b in boxes], texts.all_text_contents()
    assert max(rights) - min(rights) < 1 and len({len(t.partition(".")[2]) for t in written if t != "0"}) == 1
    plot = page.locator("#plot").bounding_box()
    assert all(b["x"] >= plot["x"] for b in boxes)
    below = [t.bounding_box() for t in page.locator("#plot text.tick[text-anchor=middle]").all()]
    xs = sorted((b["x"], b["x"] + b["width"]) for b in below)
    assert all(a[1] < b[0] for a, b in pairwise(xs))
    assert plot["x"] <= xs[0][0] and xs[-1][1] <= plot["x"] + plot["width"]


@pytest.mark.parametrize(
    "text, at",
    [("exp(exp(x))", 6.0), ("x * 1e300", 5.0), ("0 * x", 1.0), ("x - x + 1e-300", 1.0), ("cosh(40*x)**20", 1.0)],
)
def test_no_function_is_too_large_or_too_flat(open_pass, text, at):
    page = open_pass(passes(text, x=at))
    drawn = page.inner_html("#plot")
    assert "NaN" not in drawn and "Infinity" not in drawn and page.locator("#plot text.tick").count() >= 3


def test_the_window_follows_a_point_that_is_moved_far_off_and_back(open_pass):
    page = open_pass(passes("x**2", x=2.0))
    ends = lambda: [float(page.get_attribute("#plot .point", f"aria-value{end}")) for end in ("min", "max")]
    for x in (1e99, -1e300, 1.7e308, -1e-320, 2.0):
        page.evaluate("x => difflab.set([x])", x)  # an attribute that is no number fails the test
        low, high = ends()
        assert np.isfinite(high - low) and low < high, x
    assert low < 2 < high and high - low < 1e7


def test_there_is_no_curve_where_nothing_moves(open_pass):
    assert open_pass(dl.parse("x * y").forward(x=1.0, y=2.0), name="forward").locator("#curve").count() == 0
    page = open_pass(dl.trace(lambda x: x * x, np.ones(3)).forward(np.ones(3)).backward(), name="arrays")
    assert page.locator("#curve").count() == 0


def test_a_pole_is_no_kink(open_pass):
    page = open_pass(passes("minimum(abs(1/(x - 0.123)), 3)", x=1.0))
    marks = [float(m.get_attribute("x")) for m in page.locator("#plot text.kink").all()]
    assert sorted(np.polyval(scale(page, "x"), marks)) == pytest.approx([0.123 - 1 / 3, 0.123 + 1 / 3], abs=0.02)


W, X = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]]), np.array([0.1, 0.2, -0.3])
OF_ENTRIES = {
    "a layer": (lambda W, x: np.sum(np.tanh(W @ x)), (W, X)),
    "kinks": (lambda W, x: np.sum(np.maximum(W, 0.0) * x) + np.sum(np.abs(x)), (W, X)),
    "a maximum": (lambda W, x: np.max(W[0] * x) * 2.0, (W, X)),
    "a number beside": (lambda W, c: np.sum(W**2) * c, (W, np.float64(0.5))),
}


@pytest.mark.parametrize("name", OF_ENTRIES)
def test_the_curve_along_an_entry_is_f(open_pass, name):
    f, at = OF_ENTRIES[name]
    page = open_pass(dl.trace(f, *at).forward(*at).backward())
    gradients = [np.ravel(g) for g in dl.grad(f, argnums=(0, 1))(*at)]
    flat = [(n, i) for n, x in enumerate(at) for i in range(np.size(x))]
    assert page.locator("#along option").count() == len(flat)
    for k in (1, len(flat) - 1):
        page.select_option("#along", str(k))
        n, i = flat[k]
        assert float(page.inner_text("#tangent-slope")) == pytest.approx(gradients[n][i], rel=1e-8, abs=1e-12)
        found, by_x, by_y = branches(page)
        seen = 0
        for xs, ys in found:
            for x, y in zip(xs[::7], ys[::7]):
                near = [float(f(*with_entry(at, n, i, x + d))) for d in (-PIXEL * by_x, 0, PIXEL * by_x)]
                assert min(near) - PIXEL * by_y <= y <= max(near) + PIXEL * by_y, (k, x)
                seen += 1
        assert seen > 20


def with_entry(at, n, i, x):
    moved = [np.array(v) for v in at]
    moved[n].flat[i] = x
    return moved


def test_a_clicked_entry_has_the_curve_and_a_dragged_point_moves_it(open_pass):
    f, at = OF_ENTRIES["a layer"]
    page = open_pass(dl.trace(f, *at).forward(*at).backward())
    page.locator("#stage g.node:has(> text:text-is('W')) .map:not(.adjoint) [data-i='4']").click()
    assert page.locator("#along option:checked").text_content() == "W[1, 1]"
    assert page.locator("#plot text.name").last.text_content() == "W[1, 1]"
    page.locator("#plot .point").focus()
    page.keyboard.press("PageUp")
    moved = page.evaluate("JSON.parse(JSON.stringify(difflab.found().values[0]))")["x"]
    assert moved[4] > 0 and moved[:4] + moved[5:] == [v for k, v in enumerate(W.ravel().tolist()) if k != 4]
    assert page.get_attribute("#plot .point", "aria-valuetext").startswith("W[1, 1] = ")


def test_at_a_kink_the_table_has_no_tangent(open_pass):
    page = open_pass(passes("relu(x)", x=0.0))
    assert page.inner_text("#tangent-name") == "at a kink no tangent; by convention"
    page.locator("#sliders input[type=number]").fill("1")
    assert page.inner_text("#tangent-name") == "tangent: reverse mode"
    f, at = OF_ENTRIES["kinks"]
    page = open_pass(dl.trace(f, *at).forward(*at).backward(), name="entries")
    page.select_option("#along", label="W[1, 1]")
    assert page.inner_text("#tangent-name") == "at a kink no tangent; by convention"


def test_methods_stand_side_by_side_for_entries(open_pass):
    f, at = OF_ENTRIES["a layer"]
    page = open_pass(dl.trace(f, *at).forward(*at).backward())
    page.click("#methods summary")
    rows = [row.inner_text().split("\t") for row in page.locator("#method-rows tr").all()]
    truth = np.concatenate([g.ravel() for g in dl.grad(f, argnums=(0, 1))(*at)])
    assert [r[0] for r in rows[:2]] == ["∂f/∂W[0, 0]", "∂f/∂W[0, 1]"] and len(rows) == 9
    assert [float(r[4]) for r in rows] == pytest.approx(truth, rel=1e-8)
    assert [float(r[1]) for r in rows] == pytest.approx(truth, rel=1e-6)
    assert {text for r in rows for text in r[2:4]} == {"—"}  # sympy and forward mode are for numbers
