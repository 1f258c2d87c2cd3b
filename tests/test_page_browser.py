"""The step-through page in a real browser: its numbers are Python's, at every step and wherever the sliders stand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from patience import until
from test_page import chain, passes

import difflab as dl

NEURON = ("1/(1+exp(-(w0*x0+w1*x1+w2)))", dict(w0=2.0, x0=-1.0, w1=-3.0, x1=-2.0, w2=-3.0))
SCALAR = {
    "product": ("q = x + y; f = q * z", dict(x=-2.0, y=5.0, z=-4.0)),
    "neuron": NEURON,
    "used twice": ("u = x*y; u * sin(u) + u**3", dict(x=0.5, y=3.0)),
    "branches": ("where(x > y, x*y, x/y) + maximum(x, 2*y) + abs(x) * relu(y)", dict(x=1.5, y=-0.5)),
    "functions": ("log1p(exp(x)) * arctan2(y, x) + sqrt(x**2 + 1) * erf(y) - tanh(x*y)", dict(x=0.3, y=1.2)),
    "special": ("gamma(x + 4) * jv(1, y + 12) + logaddexp(x, y) * ndtr(x) + digamma(y + 12)", dict(x=0.3, y=1.2)),
    "constants": ("3*x**2 - 2**x + x**-1.5 + pi", dict(x=2.0)),
}
CLOSE = 1e-12


def close(got, true):
    got, true = float(got), float(true)
    if not np.isfinite(true):
        return got == true or (np.isnan(got) and np.isnan(true))
    return abs(got - true) <= CLOSE * max(abs(true), 1e-3)


def check_numbers(page, backward):
    """Every value, every number on an edge and every adjoint of the page is Python's."""
    found = page.evaluate("(({values, flows, adjoint}) => ({values, flows, adjoint}))(difflab.found())")
    order = backward.forward.graph.order
    for node, got in zip(order, found["values"], strict=True):
        assert close(got, backward.forward.values[node]), node
    assert [flow["k"] for flow in found["flows"]] == list(range(len(backward.edges)))
    for flow, e in zip(found["flows"], backward.edges, strict=True):
        for name, true in (("up", e.upstream), ("local", e.local), ("down", e.downstream)):
            assert true is None or close(flow[name], true), (name, flow, true)
    for node, got in zip(order, found["adjoint"], strict=True):
        if node in backward.reached:
            assert close(got, backward.adjoint[node]), node


@pytest.mark.parametrize("name", SCALAR)
def test_every_step_is_python_s(open_pass, name):
    text, at = SCALAR[name]
    graph = dl.parse(text)
    backward = graph.forward(**at).backward()
    page = open_pass(backward)
    check_numbers(page, backward)
    nodes = [n for n in graph.order if n.primitive.name != "constant"]
    steps = page.evaluate("difflab.steps().map(s => s.type)")
    assert steps == ["node"] * len(nodes) + ["seed"] + ["edge"] * len(backward.edges) + ["end"]
    rng = np.random.default_rng(0)
    for _ in range(20):
        point = dict(zip(at, rng.normal(scale=2.0, size=len(at))))
        page.evaluate("point => difflab.set(point)", list(point.values()))
        check_numbers(page, graph.forward(**point).backward())


def test_the_words_of_a_step(open_pass):
    page = open_pass(passes(NEURON[0], **NEURON[1]))
    said = []
    for k in range(page.evaluate("difflab.steps().length")):
        page.evaluate("k => difflab.go(k)", k)
        said.append(page.inner_text("#say"))
        assert page.inner_text("#count") == f"{k + 1} / 27" and said[-1]
    assert "v2 sends 0.197 (upstream) × -2 (local, x1) = -0.393 (downstream) back to w1." in said
    assert said[0] == "The input w0 = 2 is given."
    assert said[-1].startswith("The gradient is complete: ∂f/∂w0 = -0.197")
    assert "sends" not in page.evaluate("(difflab.go(3), document.querySelector('#say').textContent)")


def test_the_wrong_order_shows_where_it_goes_wrong(open_pass):
    backward = passes("u = x*y; u * sin(u)", x=0.5, y=3.0)
    page = open_pass(backward)
    page.select_option("#order", "eager")
    assert "Why topological order?" in page.inner_text("#why")
    said = []
    for k in range(page.evaluate("difflab.steps().length")):
        page.evaluate("k => difflab.go(k)", k)
        said.append(page.inner_text("#say"))
    assert any("Too early: u sends on while 1 of its contributions is still to come" in s for s in said)
    assert any("Lost: u had sent on already" in s for s in said)
    assert "went wrong" in said[-1] and "instead of 3.31" in said[-1]
    page.select_option("#order", "right")
    check_numbers(page, backward)


def test_sliders_boxes_and_reset(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    box, slider = page.locator("input[type=number]").first, page.locator("#sliders input[type=range]").first
    box.fill("0.1")
    assert page.evaluate("difflab.found().values")[2] == 0.1 * 3.0
    slider.fill("-1.5")
    assert float(box.input_value()) == -1.5 and page.evaluate("difflab.found().adjoint")[1] == -1.5
    slider.press("ArrowRight")
    assert float(box.input_value()) > -1.5
    page.click("#reset")
    assert page.evaluate("difflab.found().values")[:2] == [2, 3]
    box.fill("")  # nothing is computed of an empty box
    assert page.evaluate("difflab.found().values")[:2] == [2, 3]


def test_kinks_and_numbers_that_are_none_light_up(open_pass):
    page = open_pass(passes("relu(x) + log(y)", x=1.0, y=2.0))
    x, y = page.locator("input[type=number]").all()
    page.evaluate("difflab.go(difflab.steps().length - 1)")
    assert page.inner_text("#marks") == ""
    x.fill("0")
    assert "stands at a kink" in page.inner_text("#marks")
    assert page.locator("g.node.kink").count() == 1
    x.fill("2")
    x.fill("-2")
    assert "was crossed" in page.inner_text("#marks")
    y.fill("-1")
    assert "is NaN" in page.inner_text("#marks") and page.locator("g.node.bad").count() == 2
    y.fill("0")
    assert "is -∞" in page.inner_text("#marks")


def test_a_page_made_where_the_value_is_none_comes_alive(open_pass):
    page = open_pass(passes("log(x)", x=-1.0))
    assert np.isnan(page.evaluate("difflab.found().adjoint")[0])
    page.locator("input[type=number]").fill("2")
    check_numbers(page, passes("log(x)", x=2.0))


def test_a_closed_gate_is_called_so(open_pass):
    page = open_pass(passes("x**x", x=0.0))
    said = []
    for k in range(page.evaluate("difflab.steps().length")):
        page.evaluate("k => difflab.go(k)", k)
        said.append(page.inner_text("#say"))
    assert any("The gate of v1 is closed: 0 flows to x" in s for s in said) and not any("NaN" in s for s in said)


def test_boxes_refuse_what_is_no_number_and_say_so(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    box = page.locator("input[type=number]").first
    box.fill("1e400")
    assert box.get_attribute("aria-invalid") == "true" and "finite number" in page.inner_text("#marks")
    box.blur()
    assert box.input_value() == "2" and box.get_attribute("aria-invalid") == "false"
    assert page.evaluate("difflab.found().values")[2] == 6


def test_the_seed_is_part_of_every_method(open_pass):
    page = open_pass(dl.parse("x * y").forward(x=1.0, y=2.0).backward(seed=2.5))
    page.click("#methods summary")
    page.wait_for_selector("#method-rows tr")
    row = [float(cell.inner_text()) for cell in page.locator("#method-rows tr").first.locator("td").all()]
    assert row[:4] == pytest.approx([5.0, 5.0, 5.0, 5.0]) and row[4] < 1e-6


def test_an_order_that_does_no_harm_is_called_so(open_pass):
    page = open_pass(passes("x * y + y", x=2.0, y=3.0))
    page.select_option("#order", "eager")
    assert "no harm" in page.inner_text("#why")
    page = open_pass(passes("u = x*y; u * sin(u)", x=0.5, y=3.0), name="harm")
    page.select_option("#order", "eager")
    assert "no harm" not in page.inner_text("#why")
    assert "= 3.3108" in page.inner_text("#sliders")  # beside the inputs stands the right gradient


def test_what_is_dragged_away_stays_in_reach_and_a_turned_window_is_fitted(open_pass):
    page = open_pass(passes(NEURON[0], **NEURON[1]))
    stage = page.locator("#stage").bounding_box()
    for _ in range(4):
        page.mouse.move(stage["x"] + 5, stage["y"] + 50)
        page.mouse.down()
        page.mouse.move(stage["x"] + stage["width"] - 5, stage["y"] + 50)
        page.mouse.up()
    drawing = page.locator("#stage svg").bounding_box()
    assert drawing["x"] <= stage["x"] + stage["width"] - 50
    page.set_viewport_size({"width": 600, "height": 900})

    def fits():
        stage, shown = page.locator("#stage").bounding_box(), page.locator("g.node.on").bounding_box()
        return stage["x"] <= shown["x"] and shown["x"] + shown["width"] <= stage["x"] + stage["width"]

    assert until(fits, page.wait_for_timeout)


def test_keys_buttons_scrubber_and_play(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    now = lambda: page.evaluate("difflab.now()")
    last = page.evaluate("difflab.steps().length") - 1
    for key, place in (
        ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", last), ("ArrowRight", last), ("Home", 0),
        ("ArrowLeft", 0),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert now() == place, key
    assert page.is_disabled("#previous")
    page.click("#next")
    assert now() == 1
    page.fill("#scrubber", "3")
    assert now() == 3 and page.get_attribute("#scrubber", "aria-valuetext") == f"step 4 of {last + 1}"
    page.locator("#scrubber").blur()
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-pressed") == "true"
    assert until(lambda: now() > 3, page.wait_for_timeout)
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-pressed") == "false"


def test_a_finger_scrolls_the_page_over_a_drawing_that_is_seen_whole(open_pass):
    page = open_pass(passes("x * y", x=1.0, y=2.0))
    touched = "getComputedStyle(document.querySelector('#stage')).touchAction"
    assert page.evaluate(touched) == "pan-y"
    for _ in range(9):
        page.click("#larger")
    assert page.evaluate(touched) == "none"


def test_pan_zoom_and_what_a_pointer_is_told(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    page.keyboard.press("End")
    moved = lambda: page.evaluate("document.querySelector('#stage svg').style.transform")
    before = moved()
    page.click("#larger")
    assert moved() != before
    page.click("#fit")
    stage = page.locator("#stage").bounding_box()
    before = moved()
    page.mouse.move(stage["x"] + 20, stage["y"] + 20)
    page.mouse.down()
    page.mouse.move(stage["x"] + 60, stage["y"] + 40)
    page.mouse.up()
    assert moved() != before
    page.hover("g.node:has-text('×')")
    assert "value 6" in page.inner_text("#tip") and "v1 = x·y" in page.inner_text("#tip")


def test_the_methods_and_the_formulas_stand_side_by_side(open_pass):
    page = open_pass(passes("sin(x) * y", x=1.0, y=2.0))
    page.click("#methods summary")
    page.wait_for_selector("#method-rows tr")
    row = [cell.inner_text() for cell in page.locator("#method-rows tr").first.locator("th, td").all()]
    assert row[0] == "∂f/∂x" and float(row[2]) == float(row[3]) == float(row[4]) == pytest.approx(
        2 * np.cos(1.0), rel=1e-9
    )
    assert float(row[1]) == pytest.approx(2 * np.cos(1.0), rel=1e-6) and float(row[5]) < 1e-6
    page.fill("#h", "-1")
    rougher = float(page.locator("#method-rows tr").first.locator("td").last.inner_text())
    assert page.inner_text("#h-text") == "h = 1e-1" and rougher > 1e-4
    assert "y*cos(x)" in page.inner_text("#methods") and "ulps" in page.inner_text("#methods")
    page.click("#formulas summary")
    page.wait_for_selector("#formula-rows tr")
    labels = page.locator("#formula-rows button").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert "∂v1/∂x = cos(x)" in labels and "v1·y" in labels
    page.click("#steps summary")
    page.click("#step-rows button >> nth=4")
    assert page.evaluate("difflab.now()") == 4
    assert page.locator("#step-rows [aria-current=step]").count() == 1


def test_a_question_opens_by_key_beside_its_control_and_moves_no_step(open_pass):
    page = open_pass(passes("exp(x) * y + x", x=1.0, y=2.0))
    page.evaluate("difflab.go(3)")
    question = page.locator(".bar summary", has_text="Why this order?")
    answer = page.get_by_text("A node sends its ∂ on once")
    assert not answer.is_visible()
    page.focus("#order")
    page.keyboard.press("Tab")
    assert question.evaluate("element => element === document.activeElement")
    page.keyboard.press("Space")
    assert answer.is_visible() and page.evaluate("difflab.now()") == 3
    assert page.get_attribute("#play", "aria-pressed") == "false"
    assert answer.evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 12.5
    page.keyboard.press("Enter")
    assert not answer.is_visible()
    page.click("#methods > summary")
    step = page.locator("#methods .why", has_text="Which step is best?")
    step.locator("summary").click()
    assert "h about 1e-5" in step.inner_text()

    def error(power):
        page.fill("#h", str(power))
        return float(page.locator("#method-rows tr").first.locator("td").last.inner_text())

    assert error(-5) < error(-1) and error(-5) < error(-12)  # the answer is right on the page itself


def blocks():
    def f(x, y):
        with dl.block("squares"):
            s = x * x + y * y
        with dl.block("root"):
            return np.sqrt(s) + 1

    return dl.trace(f, 3.0, 4.0).forward(3.0, 4.0).backward()


def test_blocks_close_and_open(open_pass):
    page = open_pass(blocks())
    assert page.locator("g.cluster").count() == 2
    page.select_option("#blocks", label="all closed")
    assert page.locator("g.node.block").count() == 2
    assert page.locator("g.node.block").first.get_attribute("role") == "button"
    page.locator("g.node.block").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("g.node.block").count() == 1 and page.locator("g.cluster").count() == 1
    page.locator("#blocks").blur()
    page.keyboard.press("End")
    assert "∂ 0.1" in page.locator("#stage").text_content()


def test_large_tensors_have_heat_maps_of_recorded_steps(open_pass):
    W, x = np.linspace(-1, 1, 25 * 20).reshape(25, 20), np.linspace(0, 1, 20)
    graph = dl.trace(lambda W, x: np.sum(np.tanh(W @ x)), W, x)
    backward = graph.forward(W, x).backward()
    page = open_pass(backward)
    assert page.locator("#stage [data-n]").count() >= 4 and "Recorded steps" in page.inner_text("#inputs")
    assert "W has 500 entries, and a page moves arrays of 1 to 400" in page.inner_text("#inputs")
    page.evaluate("difflab.go(0)")
    assert page.locator("#heat rect").count() == 96 and "shape (25, 20)" in page.inner_text("#heat")
    page.evaluate("difflab.go(difflab.steps().length - 2)")
    assert page.locator("#heat svg").count() == 2


@pytest.mark.parametrize("calm", [False, True])
def test_windows_slide_over_what_they_read(open_pass, calm):
    F, x, k = dl.nn.functional, np.arange(25.0).reshape(1, 1, 5, 5), np.ones((1, 1, 3, 3))
    graph = dl.trace(lambda x, k: np.sum(F.max_pool2d(F.conv2d(x, k, padding=1, stride=2), 2)), x, k)
    page = open_pass(graph.forward(x, k).backward(), calm=calm)
    page.evaluate("(window.setInterval = tick => { window.tick = tick; return 1; }, 0)")
    steps = page.evaluate("difflab.steps().map(s => s.n === undefined ? null : s.n)")
    order = [n.primitive.name for n in graph.order]
    page.evaluate("k => difflab.go(k)", steps.index(order.index("conv")))
    frames = page.locator("#heat .window")
    assert frames.count() == 2
    assert [frames.first.get_attribute(n) for n in ("width", "height")] == ["3", "3"]
    places = "[...document.querySelectorAll('#heat .window')].map(e => e.style.transform)"
    seen = []
    while len(seen) < 10:
        seen.append(page.evaluate(places))
        if calm:
            assert page.evaluate("window.tick === undefined")  # nothing will ever move it
            break
        page.evaluate("tick()")
    corners = [(2 * j - 1, 2 * i - 1, j, i) for i in range(3) for j in range(3)] * 2
    wanted = [[f"translate({a}px, {b}px)", f"translate({c}px, {d}px)"] for a, b, c, d in corners]
    assert seen == wanted[: len(seen)]
    page.evaluate("difflab.go(0)")
    assert frames.count() == 0


def test_a_large_graph_shows_what_is_in_sight(open_pass):
    backward = passes(chain(350), x=0.5, y=0.3)
    page = open_pass(backward)
    check_numbers(page, backward)
    last = page.evaluate("difflab.steps().length") - 1
    for k in (0, last // 3, last // 2, last - 1):
        page.evaluate("k => difflab.go(k)", k)
        groups = page.evaluate("[...document.querySelectorAll('#stage g.node')].map(g => getComputedStyle(g).display)")
        assert 0 < groups.count("inline") < len(groups) / 4
        current = page.locator("g.wire.on:not(.unseen), g.node.on:not(.unseen)").first
        stage, box = page.locator("#stage").bounding_box(), current.bounding_box()
        assert stage["x"] <= box["x"] + box["width"] / 2 <= stage["x"] + stage["width"]
    page.click("#fit")
    assert page.locator("g.unseen").count() == 0


@pytest.mark.parametrize("width", [1300, 800, 380])
def test_nothing_is_wider_than_the_window(open_pass, width):
    page = open_pass(passes(NEURON[0], **NEURON[1]), width=width)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_jupyter_s_frame_runs_by_itself(visit, tmp_path):
    shown = passes("x * y", x=2.0, y=3.0)._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{shown}", encoding="utf-8")
    page = visit((tmp_path / "notebook.html").as_uri())
    inside = page.frame_locator("iframe")
    inside.locator("#next").press("End")
    assert "∂f/∂x = 3" in inside.locator("#say").inner_text()
    inside.locator("input[type=number]").first.fill("7")
    assert "∂f/∂y = 7" in inside.locator("#say").inner_text()


def test_a_frame_that_is_shown_later_has_its_drawing(visit, tmp_path):
    shown = passes("x * y", x=2.0, y=3.0)._repr_html_().replace("<iframe ", "<iframe hidden ")
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{shown}", encoding="utf-8")
    page = visit((tmp_path / "notebook.html").as_uri())
    inside = page.frame_locator("iframe")
    page.evaluate("document.querySelector('iframe').hidden = false")
    inside.locator("g.node.on").wait_for()

    def fits():
        stage, box = inside.locator("#stage").bounding_box(), inside.locator("g.node.on").bounding_box()
        within = stage["y"] <= box["y"] and box["y"] + box["height"] <= stage["y"] + stage["height"]
        return stage["height"] > 150 and within and stage["x"] <= box["x"] and inside.locator("g.unseen").count() == 0

    assert until(fits, page.wait_for_timeout)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("make", [lambda: passes(NEURON[0], **NEURON[1]), blocks], ids=["neuron", "blocks"])
def test_axe_finds_nothing(open_pass, make, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = open_pass(make(), dark=dark)
    for summary in page.locator("summary").all():
        summary.click()
    for k in (0, 8, page.evaluate("difflab.steps().length") - 1):
        page.evaluate("k => difflab.go(k)", k)
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_the_shell_writes_it_and_nothing_over_it(visit, tmp_path):
    run = lambda *args, command="step": subprocess.run(
        [sys.executable, "-m", "difflab", command, *args], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    done = run("x*y", "--at", "x=2,y=3", "-o", "p.html")
    assert done.returncode == 0 and "wrote" in done.stderr
    assert visit((tmp_path / "p.html").as_uri()).evaluate("difflab.found().values") == [2, 3, 6]
    before = (tmp_path / "p.html").read_bytes()
    for args, word in (
        (("x*y", "--at", "x=2,y=3", "-o", "p.html"), "--force"),
        (("x*y", "--at", "x=2", "-o", "q.html"), "no value for y"),
        (("x*", "--at", "x=2", "-o", "q.html"), "x*"),
        (("x*y", "--at", "x=2,y=3", "-o", "q.svg"), "html"),
    ):
        done = run(*args)
        assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr
    for args, word in (
        (("x*y", "-o", "q.html"), "--at x="),
        (("x*y", "--at", "x=2,y=3", "--view", "graph", "-o", "q.html"), "leave --view out"),
    ):
        done = run(*args, command="draw")
        assert done.returncode == 2 and word in done.stderr
    assert run("x*y", "--at", "x=2,y=3", "-o", "p.html", "--force", command="draw").returncode == 0
    assert (tmp_path / "p.html").read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["p.html"]
