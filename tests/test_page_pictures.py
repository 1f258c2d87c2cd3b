"""What leaves the step-through page as a picture, what a projector shows, and what is printed, in a real browser."""

from __future__ import annotations

import base64
import re
import struct
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from patience import until
from test_page import HOSTILE, chain, passes
from test_page_browser import NEURON, blocks
from test_page_share import CLIPBOARD

import difflab as dl

SVG = "{http://www.w3.org/2000/svg}"
# Texts with their colours and sizes, as they are seen.
SEEN = """root => [...document.querySelectorAll(`${root} text`)].flatMap(t => t.children.length ? [...t.children] : [t])
  .filter(t => t.textContent.trim() && getComputedStyle(t).display !== 'none')
  .map(t => [t.textContent, ...['fill', 'fontSize', 'fontWeight'].map(k => getComputedStyle(t)[k])].join('|'))"""
# Of two pictures the part of the pixels that are quite different.
DIFFERENT = """async sources => {
  const images = sources.map(src => Object.assign(new Image(), {src}));
  await Promise.all(images.map(image => image.decode()));
  const [w, h] = [images[1].naturalWidth, images[1].naturalHeight];
  const pixels = images.map(image => {
    const pen = Object.assign(document.createElement('canvas'), {width: w, height: h}).getContext('2d');
    pen.drawImage(image, 0, 0, w, h);
    return pen.getImageData(0, 0, w, h).data;
  });
  const pale = data => { // as many as lines and arrowheads have
    let n = 0;
    for (let i = 0; i < data.length; i += 4) n += data[i] === 157 && data[i + 1] === 191 && data[i + 2] === 227;
    return n;
  };
  const count = (a, b) => a.reduce((n, v, i) => n + (Math.abs(v - b[i]) > 80), 0) / a.length;
  return [count(pixels[0], pixels[1]), new Set(pixels[1]).size, pale(pixels[1]) / pale(pixels[0])];
}"""


def saved(page, button):
    with page.expect_download() as waiting:
        page.click(button)
    path = waiting.value.path()
    return path.read_bytes(), waiting.value.suggested_filename


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("make", [lambda: passes(NEURON[0], **NEURON[1]), blocks], ids=["neuron", "blocks"])
def test_a_saved_svg_looks_the_same_standing_alone(open_pass, visit, tmp_path, make, dark):
    page = open_pass(make(), dark=dark)
    page.evaluate("difflab.go(difflab.steps().findIndex(s => s.type === 'edge') + 2)")
    data, name = saved(page, "#save-svg")
    assert re.fullmatch(r"Forward-and-backward-pass[-\w]*\.svg", name)
    root = ET.fromstring(data)
    given = {key for element in root.iter() for key in element.attrib}
    assert not given & {"class", "style", "tabindex", "role"} and not any(k.startswith("data-") for k in given)
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= set(
        "svg g defs marker linearGradient stop path polygon rect text tspan title".split()
    )
    (tmp_path / "alone.svg").write_bytes(data)
    alone = visit((tmp_path / "alone.svg").as_uri())
    shown, wanted = alone.evaluate(SEEN, "svg"), page.evaluate(SEEN, "#stage")
    assert wanted and shown[1 : 1 + len(wanted)] == wanted  # below the title, above the sentence
    words = "".join(t.partition("|")[0] for t in shown[1 + len(wanted) :]).replace("\u00a0", " ")
    assert words == page.inner_text("#say") and page.evaluate(SEEN, "#stage") == wanted
    ground = root.find(f"{SVG}rect").get("fill")
    assert ground == ("rgb(20, 23, 29)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_saved_png_is_the_svg_in_pixels(open_pass, visit, dark):
    page = open_pass(passes(NEURON[0], **NEURON[1]), dark=dark)
    page.evaluate("difflab.go(20)")
    (svg, _), (png, name) = saved(page, "#save-svg"), saved(page, "#save-png")
    width, height = struct.unpack(">II", png[16:24])
    root = ET.fromstring(svg)
    assert name.endswith(".png") and (width, height) == (2 * int(root.get("width")), 2 * int(root.get("height")))
    urls = [f"data:image/{kind};base64,{base64.b64encode(b).decode()}" for kind, b in (("svg+xml", svg), ("png", png))]
    different, colours, pale = visit("about:blank").evaluate(DIFFERENT, urls)
    assert different < 0.001 and colours > 20
    assert dark or 0.97 < pale < 1.03  # finished wires, with their arrowheads


def test_a_picture_of_a_large_graph_has_all_of_it(open_pass):
    backward = passes(chain(200), x=0.5, y=0.3)
    page = open_pass(backward)
    page.evaluate("difflab.go(difflab.steps().length - 1)")
    hidden = page.locator("g.unseen").count()
    data, _ = saved(page, "#save-svg")
    texts = [t.text for t in ET.fromstring(data).iter(f"{SVG}text")]
    assert hidden > 50 and page.locator("g.unseen").count() == hidden
    assert {n.name for n in backward.graph.order if n.name} <= set(texts) and sum("∂" in str(t) for t in texts) > 200
    png, _ = saved(page, "#save-png")
    assert max(struct.unpack(">II", png[16:24])) <= 8001


def test_names_that_are_markup_stay_text_in_a_picture(open_pass, visit, tmp_path):
    def f(x):
        with dl.block(HOSTILE):
            return np.sin(x)

    path = dl.draw(dl.trace(f, 1.0).forward(x=1.0).backward(), tmp_path / "page.html", title=HOSTILE)
    page = visit(path.as_uri())
    data, name = saved(page, "#save-svg")
    root = ET.fromstring(data)
    assert b"<img" not in data and b"<script" not in data and re.fullmatch(r"[-\w]+\.svg", name)
    assert not any(e.tag.endswith(("script", "img")) for e in root.iter())


def test_pictures_are_copied_or_shown(open_pass):
    page = open_pass(passes("x * y", x=2.0, y=3.0))
    page.evaluate(CLIPBOARD, "allowed")
    page.click("#copy-svg")
    assert until(lambda: page.evaluate("window.copied.length") == 1, page.wait_for_timeout)
    assert ET.fromstring(page.evaluate("window.copied[0]")).tag == f"{SVG}svg"
    page.click("#copy-png")
    assert until(lambda: page.evaluate("window.copied[1]") == "image/png", page.wait_for_timeout)
    for outcome in ("missing", "denied"):
        page.evaluate(CLIPBOARD, outcome)
        page.click("#copy-png")
        page.wait_for_selector("#by-hand-picture canvas[role=img]")
        assert "right click" in page.inner_text("#shared")
    page.click("#copy-svg")
    assert page.input_value("#by-hand").startswith("<svg") and page.evaluate("document.activeElement.id") == "by-hand"


def test_a_frame_that_may_not_save_shows_what_it_has(visit, tmp_path):
    shown = passes("x * y", x=2.0, y=3.0)._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{shown}", encoding="utf-8")
    inside = visit((tmp_path / "notebook.html").as_uri()).frame_locator("iframe")
    inside.locator("#save-svg").click()
    assert inside.locator("#by-hand").input_value().startswith("<svg")
    inside.locator("#save-png").click()
    inside.locator("#by-hand-picture canvas").wait_for()
    inside.locator("#copy-link").click()
    assert "no address" in inside.locator("#shared").inner_text()
    inside.locator("#project").click()
    assert inside.locator("html.projector").count() == 1


VISIBLE = """words => [...document.querySelectorAll(words)].filter(e => e.checkVisibility()).map(e => e.id)"""
CONTROLS = "button, input, select, textarea, summary"


@pytest.mark.parametrize("width", [1400, 400])
def test_a_projector_shows_the_drawing_and_the_sentence(open_pass, width):
    page = open_pass(passes(NEURON[0], **NEURON[1]), width=width)
    on = lambda: page.evaluate("document.documentElement.classList.contains('projector')")
    page.evaluate("difflab.go(20)")
    before = page.evaluate("document.querySelector('#stage svg').style.transform")
    page.keyboard.press("f")
    assert (
        on()
        and page.evaluate(VISIBLE, f"{CONTROLS}, .legend, #symbols") == ["previous", "next", "project"]
        and page.inner_text("#project") == "Leave"
    )
    heading = page.locator("h1").bounding_box()  # for screen readers alone
    assert heading["x"] + heading["width"] < 0
    stage, words = page.locator("#stage").bounding_box(), page.locator("#words").bounding_box()
    assert stage["width"] >= width - 1 and stage["height"] > 400 and words["y"] >= stage["y"] + stage["height"] - 1
    assert float(page.evaluate("parseFloat(getComputedStyle(document.querySelector('#say')).fontSize)")) >= 20
    if width > 600:  # a narrow window may have no free spot, as the next test says
        assert page.locator(".flow .card .note").bounding_box()["height"] > 20
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")[0] <= width
    for key, step in (("PageDown", 21), ("ArrowRight", 22), ("PageUp", 21), ("ArrowLeft", 20)):
        page.keyboard.press(key)
        assert page.evaluate("difflab.now()") == step, key
    box = page.locator("g.node.on:not(.unseen)").bounding_box()
    assert stage["x"] <= box["x"] and box["x"] + box["width"] <= stage["x"] + stage["width"]
    page.keyboard.press("Escape")
    assert not on() and page.evaluate("document.querySelector('#stage svg').style.transform") == before
    page.keyboard.press("PageDown")
    assert page.evaluate("difflab.now()") == 20
    page.click("#project")
    assert on()
    page.click("#project")
    assert not on() and page.inner_text("#project") == "Full screen"
    page.locator("#sliders input[type=number]").first.press("f")
    assert not on()


# Of each step back the equation on a projector: its text, its smallest letters in pixels, whether all of it is seen.
EQUATIONS = """() => difflab.steps().flatMap((step, k) => {
  if (step.type !== 'edge') return [];
  difflab.go(k);
  const docked = document.querySelector('#docked'), card = document.querySelector('.flow .card');
  const places = [...(docked.checkVisibility() ? [docked] : []), ...(card ? [card] : [])];
  const stage = document.querySelector('#stage').getBoundingClientRect(), say = document.querySelector('#say');
  const scale = card ? card.getScreenCTM().a : 1, window = { left: 0, top: stage.bottom, right: innerWidth,
    bottom: say.getBoundingClientRect().top };
  return [places.map(place => {
    const { left, top, right, bottom } = place.getBoundingClientRect(), frame = place === card ? stage : window;
    const letters = [...place.querySelectorAll('text, div')].map(e => scale * parseFloat(getComputedStyle(e).fontSize));
    const inside = left >= frame.left && top >= frame.top && right <= frame.right && bottom <= frame.bottom + 1;
    return [(place.querySelector('.equation') ?? place.firstElementChild).textContent, Math.min(...letters), inside];
  })];
})"""


@pytest.mark.parametrize("width, least", [(400, 14), (560, 14), (1400, 20)])
@pytest.mark.parametrize("text, at", [NEURON, ("relu(x) * y + log(x)", {"x": 2.0, "y": 3.0})], ids=["neuron", "relu"])
def test_a_projector_always_has_the_equation_of_a_step_back(open_pass, width, least, text, at):
    """On the drawing where a card has room there, else above the sentence."""
    page = open_pass(passes(text, **at), width=width, calm=True)
    page.keyboard.press("f")
    found = page.evaluate(EQUATIONS)
    assert len(found) >= 4
    for k, places in enumerate(found):
        assert len(places) == 1, (k, places)
        words, letters, seen = places[0]
        assert re.fullmatch(r"\S+ × \S+ = \S+", words.replace("\u00a0", " ")) and letters >= least and seen, (k, places)
    page.keyboard.press("f")
    page.evaluate(EQUATIONS)
    assert not page.locator("#docked").is_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_paper_gets_drawing_gradient_and_steps(open_pass, dark):
    backward = passes("u = x*y; u * sin(u)", x=0.5, y=3.0)
    page = open_pass(backward, dark=dark)
    page.evaluate("difflab.go(2)")
    page.emulate_media(media="print", color_scheme="dark" if dark else "light")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(VISIBLE, "select, input, textarea, #curve, #share, .bar, #inputs") == []
    assert page.locator("#step-rows tr").count() == page.evaluate("difflab.steps().length")
    rows = [r.inner_text().split("\t") for r in page.locator("#gradient tbody tr").all()]
    assert rows == [["x", "0.5", "∂f/∂x = 3.3108"], ["y", "3", "∂f/∂y = 0.5518"]]
    assert "∂ 3.31" in page.locator("#stage").text_content() and page.locator("g.unseen").count() == 0
    drawing, stage = page.locator("#stage svg").bounding_box(), page.locator("#stage").bounding_box()
    assert drawing["height"] <= stage["height"] + 1 and drawing["width"] <= stage["width"] + 1
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 35, 48)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.evaluate("difflab.now()") == 2 and page.locator("#gradient").count() == 0
    assert page.evaluate("document.querySelector('#steps').open") is False
    assert page.pdf().startswith(b"%PDF") and page.locator("#gradient").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_where_texts_are_copied_by_hand_nor_on_a_projector(open_pass, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = open_pass(passes("relu(x) * y + log(x)", x=0.0, y=3.0), dark=dark)
    page.evaluate(CLIPBOARD, "denied")
    page.click("#copy-png")
    page.wait_for_selector("#by-hand-picture canvas[role=img]")
    page.click("#copy-python")
    for key in ("", "f"):
        if key:
            page.locator("#by-hand").blur()
            page.keyboard.press(key)
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


def test_paper_has_every_equation_whatever_the_zoom_of_the_window(open_pass):
    page = open_pass(passes("x*a + x*b + x*c + x*d + sin(x*g)*exp(x*h)", **dict.fromkeys("xabcdgh", 1.25)), width=800)
    page.keyboard.press("End")
    for _ in range(3):
        page.click("#smaller")
    seen = "() => [...document.querySelectorAll('.small-equation')].map(e => e.checkVisibility())"
    assert True not in page.evaluate(seen)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(page.evaluate(seen)) > 5 and all(page.evaluate(seen))


TOGETHER = """() => difflab.steps().flatMap((step, k) => {
  if (step.type !== 'edge') return [];
  difflab.go(k);
  const stage = document.querySelector('#stage').getBoundingClientRect(), words = document.querySelector('#words');
  const boxes = ['.node.on', '.node.from'].map(c => document.querySelector('#stage ' + c).getBoundingClientRect());
  const inside = boxes.every(b => b.left >= stage.left && b.right <= stage.right && b.top >= stage.top &&
    b.bottom <= stage.bottom);
  return [[inside, words.scrollHeight <= words.clientHeight, words.clientHeight / innerHeight]];
})"""


def test_a_projector_shows_sender_and_receiver_and_all_of_the_sentence(open_pass):
    at = np.array([[0.5, -1.0, 0.25], [1.5, 0.75, -0.5]]), np.array([1.0, -0.5, 2.0]), np.array([0.1, -0.2])
    graph = dl.trace(lambda W, x, b: np.sum(np.tanh(W @ x + b) ** 2) + np.sum(x), *at)
    page = open_pass(graph.forward(*at).backward(), width=1280, height=720, calm=True)
    page.keyboard.press("f")
    found = page.evaluate(TOGETHER)
    assert len(found) > 6 and all(inside and fits and part < 0.26 for inside, fits, part in found), found
