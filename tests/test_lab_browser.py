"""The lab in a real browser: what is typed is drawn here or by Python, everything follows, and every control works."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from patience import HANGS, until

pytest.importorskip("starlette", reason="the lab extra is not installed")
pytest.importorskip("uvicorn", reason="the lab extra is not installed")

SOFTMAX = "log(sum(exp(W @ x))) - (W @ x)[0]"
PROGRAM = "def wave(x, y):\n    return np.sin(x) * y\n\n\ndef cube(a):\n    return a**3\n"


@contextmanager
def served(*arguments):
    command = [sys.executable, "-m", "difflab", "lab", *arguments, "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def address(chromium):
    with served() as address:
        yield address


@pytest.fixture
def page(visit, address):
    page = visit(address, height=1600)
    drawn(page)
    page.wait_for_selector("#curve svg")
    return page


def drawn(page, title=""):
    """The step-through page that is shown, when all that was asked for is there."""
    shown = (
        "() => { const f = document.querySelectorAll('#pages iframe'); return [f.length, f[0]?.title ?? '', "
        "difflab.still(), document.getElementById('told').textContent]; }"
    )

    def there():
        count, name, still, told = page.evaluate(shown)
        return count == 1 and name.endswith(title) and still and told == ""

    assert until(there, page.wait_for_timeout), (title, page.evaluate(shown))
    return page.query_selector("#pages iframe").content_frame()


def typed(page, expression, at):
    """Types both; in between the point has followed the names."""
    page.fill("#expression", expression)
    assert until(lambda: page.evaluate("difflab.still()"), page.wait_for_timeout)
    page.fill("#at", at)


def press(page, part):
    """A button far below: the browser is to have scrolled before the click, which goes into the frame else."""
    button = page.locator(f"[data-part={part}]")
    button.scroll_into_view_if_needed()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    button.click()


def told(page, words):
    said = lambda: page.evaluate("document.getElementById('told').textContent")
    assert until(lambda: words in said(), page.wait_for_timeout), said()


def judged(page, *cells):
    """The table of methods has these cells, and is of what is shown."""
    for cell in cells:
        page.wait_for_selector(f"section:not(.stale) #comparison td:text-is('{cell}')")


def values(frame):
    """The values of all nodes: numbers, and lists of entries."""
    return frame.evaluate("difflab.found().values.map(v => v.data ?? v)")


def program(page, text):
    """Types code and draws it."""
    page.check("[value=code]")
    page.fill("#expression", text)
    page.click("#run button")


def test_a_typed_expression_is_shown(page):
    typed(page, "x**3 * y", "x=2, y=5")
    frame = drawn(page, "x**3 * y")
    assert "x**3 * y" in frame.inner_text("h1") and values(frame)[-1] == 40
    judged(page, "60")  # 3 x**2 y
    page.fill("#expression", "x**3 *")
    told(page, "something is missing or misplaced here\n  x**3 *\n        ^")
    assert page.get_attribute("#expression", "aria-invalid") == "true"
    assert page.locator("#pages.stale iframe").count() == 1  # the last drawing stays


def test_the_point_follows_the_names_of_a_new_expression(page):
    from playwright.sync_api import expect

    page.fill("#expression", "x * y + w")
    expect(page.locator("#at")).to_have_value("x=-2, y=5, w=1", timeout=HANGS * 1000)
    drawn(page, "x * y + w")
    page.fill("#at", "x=-2, y=5, w=1, z=3")  # who writes a name too many is told
    told(page, "the point names z")
    assert page.input_value("#at").endswith("z=3")


@pytest.mark.parametrize(
    "expression, at, value",
    [
        (SOFTMAX, "W=[[1,2],[3,4]], x=[0.1,0.2]", np.log(np.exp(0.5) + np.exp(1.1)) - 0.5),
        ("sum(x * x)", "x=[1, 2, 3]", 14),
        ("leaky_relu(x, negative_slope=0.1) * y", "x=-2, y=3", -0.6),
        ("[1, 2] @ x", "x=[3, 4]", 11),
        ("sum([x, 2*x])", "x=1.5", 4.5),
    ],
)
def test_what_the_browser_has_no_words_for_python_draws(page, expression, at, value):
    typed(page, expression, at)
    frame = drawn(page, " ".join(expression.split()))
    assert page.inner_text("#told") == ""
    assert np.ravel(values(frame)[-1])[0] == pytest.approx(value, rel=1e-12)
    assert until(lambda: "stale" not in page.get_attribute("section:has(#comparison)", "class"), page.wait_for_timeout)
    frame.click("#next")
    assert frame.evaluate("difflab.now()") == 1


def test_the_point_follows_where_python_draws_too(page):
    page.fill("#expression", "leaky_relu(x * q, negative_slope=0.1)")
    frame = drawn(page, "negative_slope=0.1)")
    assert page.input_value("#at") == "x=-2, q=1" and values(frame)[-1] == pytest.approx(-0.2)
    page.fill("#expression", "sum(x @ 3)")
    told(page, "a number has no matrix product")
    assert page.get_attribute("#expression", "aria-invalid") == "true"
    page.fill("#at", "x=[1,2,[3]]")
    told(page, "the value of x")
    assert page.get_attribute("#at", "aria-invalid") == "true"


def test_sliders_of_what_python_draws_move_the_point_and_the_table(page):
    typed(page, "leaky_relu(x, negative_slope=0.5) * y", "x=-2, y=3")
    frame = drawn(page, "* y")
    frame.locator("#sliders input[type=number]").first.fill("-4")
    assert until(lambda: page.input_value("#at") == "x=-4, y=3", page.wait_for_timeout)
    judged(page, "-2")  # by y
    typed(page, "sum(w * w)", "w=[1,2]")
    frame = drawn(page, "sum(w * w)")
    frame.evaluate("difflab.set([Object.assign(Object.create(Object.getPrototypeOf(difflab.found().values[0])), "
                   "{ shape: [2], data: [3, 2] })])")  # fmt: skip
    assert until(lambda: page.input_value("#at") == "w=[3,2]", page.wait_for_timeout)


def test_a_certificate_is_given_when_it_is_asked_for(page):
    typed(page, "(1 - cos(x)) / x**2", "x=1e-8")
    drawn(page, "x**2")
    assert page.inner_text("#certificate") == ""
    press(page, "certificate")
    page.wait_for_selector("#certificate .difflab-card")
    assert "-8.3333333333333335e-10" in page.inner_text("#certificate")
    typed(page, "abs(x)", "x=0")
    drawn(page, "abs(x)")
    assert "stale" in page.get_attribute("section:has(#certificate)", "class")  # it is of another expression
    press(page, "certificate")
    page.wait_for_selector("section:not(.stale) #certificate :text('not differentiable')")


def test_sympy_simplifies_when_it_is_asked(page):
    page.fill("#expression", "exp(x) * sin(y)**2 + exp(x) * cos(y)**2")
    drawn(page, "cos(y)**2")
    press(page, "simplified")
    page.wait_for_selector("#simplified code")
    assert page.locator("#simplified code").all_inner_texts() == ["∂f/∂x = exp(x)", "∂f/∂y = 0"]


def test_code_is_drawn_with_its_sliders_and_its_functions(page):
    program(page, PROGRAM)
    frame = drawn(page, "cube")
    assert page.input_value("#at") == "a=1" and page.input_value("#function") == "cube"
    page.select_option("#function", "wave")
    frame = drawn(page, "wave")
    assert page.input_value("#at") == "x=1, y=1" and "wave(x, y)" in frame.inner_text("h1")
    frame.locator("#sliders input[type=number]").nth(1).fill("2.5")
    assert until(lambda: page.input_value("#at") == "x=1, y=2.5", page.wait_for_timeout)
    assert values(frame)[-1] == pytest.approx(2.5 * np.sin(1))
    assert frame.locator("#curve svg").count() == 1
    judged(page, "0.8414709848078965")
    press(page, "certificate")
    page.wait_for_selector("#certificate :text('certified')")
    press(page, "simplified")
    page.wait_for_selector("#simplified code:text('∂f/∂x = y*cos(x)')")
    page.fill("#at", "x=2, y=3")
    assert values(drawn(page, "wave"))[-1] == pytest.approx(3 * np.sin(2))


def test_code_is_run_when_it_is_asked_for_and_never_half_typed(page):
    program(page, "def f(x):\n    return x * 2\n")
    drawn(page, "f")
    page.focus("#expression")
    page.keyboard.press("Control+End")
    page.keyboard.type("    nonsense(")
    told(page, "Ctrl+Enter, or the button, draws it")
    page.fill("#at", "x=7")  # of the code that was drawn last
    assert values(drawn(page, "f"))[-1] == 14
    page.focus("#expression")
    page.keyboard.press("Control+Enter")
    told(page, "line 3: '(' was never closed\n      nonsense(\n              ^")
    assert page.locator("#pages.stale iframe").count() == 1


def test_the_editor_goes_on_at_the_same_depth(page):
    page.check("[value=code]")
    page.fill("#expression", "")
    page.focus("#expression")
    page.keyboard.type("def f(x):\nfor k in range(3):\nx = x * k\n")
    assert page.input_value("#expression") == "def f(x):\n    for k in range(3):\n        x = x * k\n        "
    page.keyboard.press("Shift+Enter")
    assert page.input_value("#expression").endswith("\n        \n")


def test_each_kind_keeps_what_was_typed(page):
    program(page, PROGRAM)
    drawn(page, "cube")
    page.check("[value=expression]")
    drawn(page, "q * z")
    assert page.input_value("#expression") == "q = x + y; f = q * z" and page.input_value("#at") == "x=-2, y=5, z=-4"
    assert page.locator("#run").is_hidden() and page.locator("#functions").is_hidden()
    page.check("[value=code]")
    drawn(page, "cube")
    assert page.input_value("#expression") == PROGRAM and page.input_value("#at") == "a=1"
    assert page.locator("#examples").is_hidden()


def test_what_takes_too_long_is_stopped_and_the_rest_goes_on(page):
    program(page, "def f(x):\n    while True:\n        x = np.sin(x)\n")
    told(page, "Python computes")
    page.fill("#expression", "def f(x):\n    return x + 1\n")  # a newer question ends the older
    page.click("#run button")
    assert values(drawn(page, "f"))[-1] == 2


def test_a_file_is_followed_when_it_is_saved(visit, tmp_path, chromium):
    path = tmp_path / "losses.py"
    path.write_text("import numpy as np\n\n\n" + PROGRAM)
    with served(str(path)) as address:
        page = visit(address)
        drawn(page, "cube")
        assert page.is_checked("[value=file]") and page.get_attribute("#expression", "readonly") is not None
        assert page.input_value("#expression").endswith(PROGRAM) and page.input_value("#at") == "a=1"
        page.select_option("#function", "wave")
        drawn(page, "wave")
        path.write_text("import numpy as np\n\n\n" + PROGRAM.replace("np.sin(x)", "(x + w)").replace("x, y", "x, y, w"))
        assert until(lambda: page.input_value("#at") == "x=1, y=1, w=1", page.wait_for_timeout)
        assert values(drawn(page, "wave"))[-1] == 2
        path.write_text("def f(x):\n    return nosuch(x)\n")
        told(page, "line 2: NameError: name 'nosuch' is not defined\n      return nosuch(x)\n             ^^^^^^")
        assert page.locator("#pages.stale iframe").count() == 1 and "nosuch" in page.input_value("#expression")
        path.unlink()
        told(page, "losses.py cannot be read")
        path.write_text("def f(x):\n    return x + 5\n")
        assert until(lambda: page.input_value("#at") == "x=1", page.wait_for_timeout)
        assert values(drawn(page, "f"))[-1] == 6
        page.check("[value=code]")  # the other kinds are there too
        drawn(page, "f")
        page.close()


def test_a_link_opens_what_it_says(page, visit):
    typed(page, "a**2 * b", "a=1.5, b=-2")
    frame = drawn(page, "a**2 * b")
    frame.evaluate("difflab.go(4)")
    frame.click("#copy-link")
    assert until(lambda: "at=1.5,-2&step=5" in page.evaluate("location.hash"), page.wait_for_timeout)
    other = visit(page.evaluate("location.href"))
    shown = drawn(other, "a**2 * b")
    assert shown.evaluate("[difflab.now(), difflab.found().values[0]]") == [4, 1.5]
    other.get_by_role("link", name="V-curve").click()  # a place in the page is no other expression
    assert other.input_value("#expression") == "a**2 * b"


def test_the_keyboard_alone_reaches_every_control(page):
    page.focus("[name=kind]:checked")
    page.keyboard.press("ArrowRight")
    assert page.is_checked("[value=code]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "expression"
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(PROGRAM)
    page.keyboard.press("Control+Enter")
    drawn(page, "cube")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "at"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "function"
    page.keyboard.press("ArrowUp")
    drawn(page, "wave")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.dataset.part ?? document.activeElement.tagName"))
        if seen[-1] == "certificate":
            break
    assert "IFRAME" in seen and seen[-1] == "certificate"
    page.keyboard.press("Enter")
    page.wait_for_selector("#certificate :text('certified')")


def test_the_examples_fit_their_box(page):
    wide = """() => {
      const box = document.getElementById("example"), style = getComputedStyle(box);
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = style.font;
      const room = box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 20;
      return room - Math.max(...[...box.options].map((o) => pen.measureText(o.text).width));
    }"""
    for width in (1400, 800, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(wide) >= 0, width


@pytest.mark.parametrize("width", [1400, 800, 400])
@pytest.mark.parametrize("expression", ["x * y", "leaky_relu(x, negative_slope=0.1)"], ids=["here", "Python"])
def test_the_frame_is_as_high_as_the_page_in_it(visit, address, width, expression):
    page = visit(address, width=width)
    page.fill("#expression", expression)
    inside = drawn(page, expression)
    fits = "document.documentElement.scrollHeight <= innerHeight && innerHeight < document.body.clientHeight + 120"
    assert until(lambda: inside.evaluate(fits), page.wait_for_timeout)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_selector("#curve svg")
    page.get_by_role("link", name="V-curve").click()
    assert until(lambda: page.locator("#h-curve").evaluate("e => e.getBoundingClientRect().top < innerHeight"),
                 page.wait_for_timeout)  # fmt: skip


def test_curves_are_read_and_no_number_is_broken(visit, address):
    page = visit(address, width=400, dark=True)
    page.wait_for_selector("#curve svg")
    sizes = page.evaluate("""[...document.querySelectorAll("#curve svg[role=img] text")].map(
      (t) => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)""")
    assert len(sizes) > 10 and min(sizes) >= 11
    broken = """[...document.querySelectorAll("#comparison td")].filter((cell) => {
      if (!/^[-\\d.]+e-\\d+$/.test(cell.textContent)) return false;
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getClientRects().length > 1;
    }).map((cell) => cell.textContent)"""
    assert re.search(r"e-", page.inner_text("#comparison")) and page.evaluate(broken) == []


def test_the_table_follows_the_slider(page):
    box = drawn(page).locator("input[type=number]").first
    box.fill("3")
    box.press("Enter")
    judged(page, "8")  # d/dz of (x + y) z is now 3 + 5
    assert page.input_value("#at") == "x=3, y=5, z=-4"


@pytest.mark.parametrize("width, dark", [(1400, False), (1400, True), (400, False), (400, True)])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(visit, address, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = visit(address, width=width, dark=dark, calm=True)
    drawn(page)
    page.wait_for_selector("#curve svg")
    for part in ("certificate", "simplified"):
        press(page, part)
        page.wait_for_selector(f"#{part} .difflab-card")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    program(page, PROGRAM)
    drawn(page, "cube")
    page.fill("#expression", "def f(x):\n    return nosuch(x)\n")
    page.click("#run button")
    told(page, "line 2: NameError")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
