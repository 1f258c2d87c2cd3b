"""The playground in a real browser: it reads, draws and differentiates as Python does, and every control works."""

from __future__ import annotations

import re

import numpy as np
import pytest
from patience import until
from playground_texts import spoilt, text

import difflab as dl
from difflab.differentiate.problem import as_problem
from difflab.differentiate.rounding import gradient_rounding
from difflab.draw.page.copied import copied
from difflab.draw.page.document import asset
from difflab.draw.page.model import Model
from difflab.draw.page.program import Program
from difflab.draw.playground import playground
from difflab.errors import DifflabError
from difflab.lab.ulps import ulps

CLOSE = 8  # ulps; beyond, what the rounding of the formula explains
MANY = 2000
NAMED = re.compile(r"(U\+[0-9A-F]{4,}) [A-Z -]+\)")  # Python names every character; the page only those that it mends
SYNTAX = "this is not an expression"
HERE = "leaves to Python", "nothing flows here", "left to Python here"


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("playground") / "playground.html"
    path.write_text(playground(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def reader(chromium, address):
    """A playground that stays open, for questions to its reader."""
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_selector("iframe:not(.coming)")
    yield page
    page.close()


@pytest.fixture
def opened(visit, address):
    """Opens the playground, drawn."""

    def at(fragment="", **look):
        page = visit(address + fragment, **look)
        page.wait_for_selector("iframe:not(.coming)")
        return page

    return at


def inside(page):
    """The step-through page in the frame that is shown."""
    page.wait_for_selector("iframe:not(.coming)", state="attached")
    return page.query_selector("iframe:not(.coming)").content_frame()


def drawn(page, expression):
    """Waits until the passes of an expression are there."""
    title = f"Forward and backward pass of {' '.join(expression.split())}"
    shown = (
        "() => { const f = document.querySelectorAll('iframe'); return [f.length, f[0]?.title, difflab.still(), "
        "document.getElementById('told').textContent]; }"
    )
    assert until(lambda: page.evaluate(shown) == [1, title, True, ""]), page.evaluate(shown)
    return inside(page)


def typed(page, expression, at=None):
    page.fill("#expression", expression)
    if at is not None:
        page.fill("#at", at)
    return drawn(page, expression)


def points(rng, texts):
    """Texts that Python reads and that have inputs, with a point."""
    for t in texts:
        try:
            graph = dl.parse(t)
        except DifflabError:
            continue
        if graph.inputs:
            yield t, graph, {str(n.name): float(v) for n, v in zip(graph.inputs, rng.uniform(-2, 2, len(graph.inputs)))}


def resolved(formula, node, names):
    """A formula with names for its marks: which of two equal operands a mark means is all the same."""
    mark = lambda found: names[node["operands"][int(found[1])]]
    return re.sub(r"⟦(\d)⟧", mark, formula)


NUMBER = re.compile(r"(?<![\w.])\d+\.\d{12,}(?:e[-+]\d+)?")
# A power whose exponent is computed from constants: how Python writes it depends on what class of number that gives.
COMPUTED = re.compile(r"vjp\(power|logical_or\(True")


def alike(a, b):
    """The same text; of numbers with all digits, which are results of functions, the last ones may differ."""
    close = all(ulps(float(x), float(y)) <= CLOSE for x, y in zip(NUMBER.findall(a), NUMBER.findall(b)))
    return close and NUMBER.sub("#", a) == NUMBER.sub("#", b)


def test_what_the_page_shows_is_what_python_makes_of_the_same_text(reader):
    rng = np.random.default_rng(7)
    cases = list(points(rng, [text(rng) for _ in range(250)]))
    found = reader.evaluate("cases => cases.map(([t, at]) => difflab.data(t, at))", [[t, at] for t, _, at in cases])
    for (t, graph, at), got in zip(cases, found, strict=True):
        with np.errstate(all="ignore"):
            forward = graph.forward(**at)
            backward = forward.backward()
        model = Model(forward, backward)
        true, program = model.data(True), Program(model).data()
        names = [n["name"] for n in true["nodes"]]
        assert [n[0] for n in got["nodes"]] == names, t
        nodes = [got["alike"][like] | {"operands": operands} for _, operands, like, *_ in got["nodes"]]
        for mine, other in zip(nodes, true["nodes"], strict=True):
            assert mine["operands"] == other["operands"] and mine.get("kind") == other.get("kind"), t
            assert mine.get("dead") == other.get("dead"), t
            formulas = (resolved(n.get("formula", ""), other, names) for n in (mine, other))
            assert alike(*formulas), (t, mine, other)
        assert [e[:3] for e in got["edges"]] == [e[:3] for e in true["edges"]], t
        for mine, other in zip(got["edges"], true["edges"], strict=True):
            target = true["nodes"][other[1]]
            assert alike(*(resolved(e[3], target, names) for e in (mine, other))), (t, mine, other)
        for key in ("forward", "back"):
            for mine, other in zip(got["program"][key], program[key], strict=True):
                assert alike(mine, other) or COMPUTED.search(mine), (t, mine, other)
        for key in ("inputs", "output", "outputName", "seed"):
            assert got[key] == true[key], (t, key)
        assert got["copied"] == copied(model, True), t


def python_says(t):
    try:
        dl.parse(t)
        return None
    except DifflabError as error:
        return NAMED.sub(r"\1)", str(error))


def test_wrong_texts_are_refused_as_in_python_and_at_the_same_place(reader):
    rng = np.random.default_rng(11)
    texts = [spoilt(rng) for _ in range(1500)]
    found = reader.evaluate("texts => texts.map(t => difflab.data(t, {}).error ?? null)", texts)
    syntax, elsewhere = [], 0
    for t, got in zip(texts, found, strict=True):
        true = python_says(t)
        if got is not None and any(words in got for words in HERE):
            elsewhere += 1
            continue
        got = got and NAMED.sub(r"\1)", got)
        assert (got is None) == (true is None), (t, got, true)
        if true is not None and true.startswith(SYNTAX):
            syntax.append(got == true)
        elif true is not None and not got.startswith(SYNTAX):  # Python's own parser may find another fault first
            assert got == true, t
    assert len(syntax) > 400 and elsewhere < 100
    assert np.mean(syntax) > 0.92  # in rare texts Python's parser, which tries other rules again, says another place


def numbers_of(reader, datas):
    """Value and gradient of many expressions, by the engine of the page in the frame, and by the symbolic steps."""
    inner = reader.evaluate("document.querySelector('iframe').srcdoc")
    script = inner[inner.rindex("<script>") + 8 : inner.rindex("</script>")].removeprefix("(() => {")
    forms = script[: script.index("const $=id=>")]
    run = (
        "models => models.map(model => {"
        "const document = { getElementById: id => id === 'data' ? { textContent: JSON.stringify(model) } : null };\n"
        f"{forms}\n{asset('engine.js')}\n{asset('shown.js', 'difflab.draw.playground')}\n"
        "const found = passes(false), x = data.inputs.map(k => number(nodes[k].value));"
        "return { found: [Number(found.values[out]), ...data.inputs.map(k => found.adjoint[k] ?? 0)],"
        " symbolic: SYMBOLIC ? SYMBOLIC(...x) : null }; })"
    )
    page = reader.context.browser.new_page()  # a page without a policy, for a script that is put together here
    try:
        return page.evaluate(run, datas)
    finally:
        page.close()


def test_two_thousand_random_expressions_have_python_s_numbers(reader):
    rng = np.random.default_rng(3)
    cases = list(points(rng, [text(rng) for _ in range(MANY * 5 // 4)]))[:MANY]
    assert len(cases) == MANY
    datas = reader.evaluate("cases => cases.map(([t, at]) => difflab.data(t, at))", [[t, at] for t, _, at in cases])
    refused = [d.get("error") for d in datas if "error" in d]
    assert refused == []
    symbolic = 0
    for (t, graph, at), got in zip(cases, numbers_of(reader, datas), strict=True):
        with np.errstate(all="ignore"):
            forward = graph.forward(**at)
            gradient = forward.backward().gradient
        true = [float(forward.values[graph.outputs[0]]), *(float(gradient[name]) for name in at)]
        inside = np.all(
            np.isfinite(true)
        )  # elsewhere a formula may have a slope, or 0 where a pass has 0 times infinity
        slopes = got["symbolic"] if got["symbolic"] and inside else true[1:]
        symbolic += got["symbolic"] is not None
        if max(map(ulps, [*got["found"], *slopes], [*true, *true[1:]])) <= CLOSE:
            continue
        rounding = gradient_rounding(as_problem(t, at))
        bounds = [rounding.value, *(float(rounding.gradient[name]) for name in at)]
        for mine, other, bound in zip([*got["found"], *slopes], [*true, *true[1:]], [*bounds, *bounds[1:]]):
            assert ulps(mine, other) <= CLOSE or abs(mine - other) <= 2 * bound, (t, at, mine, other, bound)
    assert symbolic > MANY * 0.9


def test_an_expression_is_typed_and_the_point_follows_its_names(opened):
    page = opened()
    frame = typed(page, "x*y + sin(x)")
    assert page.input_value("#at") == "x=-2, y=5" and page.input_value("#example") == ""
    found = frame.evaluate("difflab.found().values")
    assert found[-1] == pytest.approx(-10 + np.sin(-2.0))
    typed(page, "x*w")
    assert page.input_value("#at") == "x=-2, w=1"
    typed(page, "x*y*w")
    assert page.input_value("#at") == "x=-2, y=5, w=1"  # what a name had is remembered
    frame = typed(page, "x*y", "x=pi/2, y=-1e-3")
    assert frame.evaluate("difflab.found().values[0]") == np.pi / 2
    assert page.evaluate("document.activeElement.id") == "at"  # who types is not interrupted


@pytest.mark.parametrize(
    "expression, at, told, box",
    [
        ("x +", None, "something is missing or misplaced here\n  x +\n     ^", "expression"),
        ("sin x", None, "two values stand side by side; write a product as a*b, and what a function", "expression"),
        ("snin(x)", None, "there is no function snin; did you mean sin?\n  snin(x)\n  ^^^^", "expression"),
        ("sum(x)", None, "sum: it works on arrays", "expression"),
        ("leaky_relu(x, negative_slope=0.1)", None, "negative_slope=... is left to Python here", "expression"),
        ("3 + 4", None, "nothing flows here: the result is the constant 7", "expression"),
        ("jv(x, y)", None, "jv has no derivative by its operand x", "expression"),
        ("x * y", "x=1", "the point gives no value for y; write y=1", "at"),
        ("x * y", "x=1, y=2, z=3", "the point names z; the expression has x, y", "at"),
        ("x * y", "x=1 y=2", "put a comma between the values", "at"),
        ("x * y", "x=1, y=z", "the value of y: it names z", "at"),
    ],
)
def test_what_is_wrong_is_said_and_the_last_drawing_stays(opened, expression, at, told, box):
    page = opened()
    page.fill("#expression", expression)
    if at is not None:
        page.wait_for_selector("#pages:not(.stale)")
        until(lambda: page.input_value("#at") == "x=-2, y=5")
        page.fill("#at", at)
    until(lambda: told in page.evaluate("document.getElementById('told').textContent"))
    assert told in page.evaluate("document.getElementById('told').textContent")
    assert page.get_attribute(f"#{box}", "aria-invalid") == "true"
    assert page.locator("iframe").count() == 1
    typed(page, "x * y", "x=1, y=2")
    assert page.get_attribute(f"#{box}", "aria-invalid") == "false"


def test_who_comes_into_the_point_before_it_follows_writes_over_it(opened):
    page = opened()
    page.fill("#expression", "x*w")
    page.keyboard.press("Tab")  # which selects all, and the values of the new names are written only now
    drawn(page, "x*w")
    assert page.evaluate("document.activeElement.id") == "at"
    page.keyboard.type("x=3, w=2")
    drawn(page, "x*w")
    assert page.input_value("#at") == "x=3, w=2"


def test_every_example_is_drawn(opened):
    page = opened()
    for k in range(page.locator("#example option").count() - 1):
        page.select_option("#example", str(k))
        frame = drawn(page, page.input_value("#expression"))
        assert page.inner_text("#told") == "" and page.input_value("#example") == str(k)
        assert frame.locator("g.node").count() >= 3


def test_the_controls_of_the_passes_work(opened):
    page = opened()
    frame = typed(page, "u = x*y; u * sin(u)", "x=0.5, y=3")
    frame.click("#next")
    assert frame.evaluate("difflab.now()") == 1
    frame.click("#previous")
    frame.fill("#scrubber", "7")
    assert "sends" in frame.inner_text("#say")
    frame.click("#play")
    assert until(lambda: frame.evaluate("difflab.now()") > 7)
    frame.click("#play")
    frame.select_option("#order", "eager")
    assert "Why topological order?" in frame.inner_text("#why")
    frame.select_option("#order", "right")
    frame.locator("#sliders input[type=number]").first.fill("2")
    assert until(lambda: page.input_value("#at") == "x=2, y=3")
    assert frame.evaluate("difflab.found().values[2]") == 6
    stage = frame.locator("#stage").bounding_box()
    moved = lambda: frame.evaluate("document.querySelector('#stage svg').style.transform")
    before = moved()
    page.mouse.move(stage["x"] + 8, stage["y"] + 8)
    page.mouse.down()
    page.mouse.move(stage["x"] + 60, stage["y"] + 40)
    page.mouse.up()
    assert moved() != before
    frame.click("#methods > summary")
    assert until(lambda: frame.locator("#method-rows tr").count() == 2)
    cells = frame.locator("#method-rows tr").first.locator("td").all_inner_texts()
    numbers = [float(c) for c in cells]
    assert numbers[1] == numbers[2] == numbers[3] == pytest.approx(numbers[0], rel=1e-6)
    assert "cos" in frame.inner_text("#formula-list")
    assert frame.locator("#curve svg").count() == 1
    frame.click("#formulas > summary")
    assert until(lambda: frame.locator("#formula-rows tr").count() == 3)  # a fold tells of itself a little later
    frame.click("#steps > summary")
    assert until(lambda: frame.locator("#step-rows tr").count() == frame.evaluate("difflab.steps().length"))


def test_a_link_says_expression_point_and_step(opened, visit, address):
    page = opened()
    frame = typed(page, "a**2 * b", "a=1.5, b=-2")
    frame.evaluate("difflab.go(4)")
    frame.click("#copy-link")
    wanted = address + "#f=a**2%20*%20b&at=1.5,-2&step=5"
    assert until(lambda: page.evaluate("location.href").startswith(wanted))  # the frame tells the page around it
    link = page.evaluate("location.href")
    other = opened("#" + link.partition("#")[2])
    shown = inside(other)
    assert other.input_value("#expression") == "a**2 * b"
    assert shown.evaluate("[difflab.now(), difflab.found().values[0]]") == [4, 1.5]
    assert until(lambda: other.input_value("#at") == "a=1.5, b=-2")
    broken = visit(address + "#f=" + "%3Cscript%3E")
    broken.wait_for_selector("#told:has-text('something is missing')")


def test_the_program_that_is_copied_is_python(opened):
    page = opened()
    frame = typed(page, "q = x*y\nq**2", "x=3, y=0.5")
    frame.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    frame.click("#copy-python")
    program = frame.input_value("#by-hand")
    told = []
    exec(compile(program, "copied", "exec"), {"print": lambda *x: told.append(" ".join(map(str, x)))})
    assert told == ["f = 2.25", "d f / d x = 1.5", "d f / d y = 9.0"]


def test_the_keyboard_alone_reaches_and_moves_everything(opened):
    page = opened()
    page.focus("#expression")
    page.keyboard.press("Control+A")
    page.keyboard.type("x * x + y")
    drawn(page, "x * x + y")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "at"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "example"
    frame = inside(page)
    for _ in range(12):
        page.keyboard.press("Tab")
        if frame.evaluate("document.activeElement.id") == "next":
            break
    page.keyboard.press("Enter")
    assert frame.evaluate("difflab.now()") == 1
    page.keyboard.press("ArrowRight")
    assert frame.evaluate("difflab.now()") == 2


@pytest.mark.parametrize("width, dark", [(1400, False), (1400, True), (400, False), (400, True)])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(opened, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = opened(width=width, dark=dark, calm=True)
    frame = typed(page, "abs(x) + x*y + relu(y)", "x=0, y=2")
    frame.evaluate("difflab.go(8)")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    for document in (page, frame):
        assert document.evaluate("document.documentElement.scrollWidth") <= width
    page.fill("#expression", " + ".join(f"sin(x + {k})" for k in range(40)) + " +")  # many lines, and none is longer
    page.wait_for_selector("#pages.stale")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_it_works_without_a_network_and_asks_for_nothing(chromium, address):
    context = chromium.new_context(offline=True)
    try:
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("iframe:not(.coming)")
        typed(page, "tanh(x) * y")
        assert [url for url in asked if not url.startswith(("about:", address))] == []
    finally:
        context.close()


def test_sixty_nodes_are_drawn_and_follow_a_slider(opened):
    page = opened()
    steps = "; ".join(["v1 = x * y"] + [f"v{k} = sin(v{k - 1}) * {'xy'[k % 2]}" for k in range(2, 30)])
    frame = typed(page, steps)
    assert frame.evaluate("difflab.found().values.length") >= 59
    moved = frame.evaluate(
        """async () => {
          const slider = document.querySelector("#sliders input[type=range]"), seen = new Set();
          for (let k = 0; k < 30; k++) {
            slider.value = k * 0.1;
            await new Promise(requestAnimationFrame);
            slider.dispatchEvent(new Event("input"));
            seen.add(difflab.found().values.at(-1));
          }
          return seen.size;
        }"""
    )
    assert moved == 30
    point = dict(part.split("=") for part in page.input_value("#at").split(", "))
    assert float(point["x"]) == frame.evaluate("difflab.found().values[0]") == 2.9
