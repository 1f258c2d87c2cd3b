"""The playground in a real browser: it reads, draws and differentiates as Python does, and every control does its work."""

from __future__ import annotations

import json
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
    page.wait_for_selector("iframe:not(.coming)")
    return page.query_selector("iframe:not(.coming)").content_frame()


def typed(page, expression, at=None):
    """Types an expression, and waits until its passes are there."""
    page.fill("#expression", expression)
    if at is not None:
        page.fill("#at", at)
    title = f"Forward and backward pass of {' '.join(expression.split())}"
    until(lambda: inside(page).evaluate("document.title") == title and page.inner_text("#told") == "")
    return inside(page)


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
            assert all(map(alike, got["program"][key], program[key])), (t, got["program"][key], program[key])
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
    assert len(syntax) > 500 and elsewhere < 100
    assert np.mean(syntax) > 0.93  # in rare texts Python's parser, which tries other rules again, says another place


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
        slopes = got["symbolic"] or true[1:]
        symbolic += got["symbolic"] is not None
        if max(map(ulps, [*got["found"], *slopes], [*true, *true[1:]])) <= CLOSE:
            continue
        rounding = gradient_rounding(as_problem(t, at))
        bounds = [rounding.value, *(float(rounding.gradient[name]) for name in at)]
        for mine, other, bound in zip([*got["found"], *slopes], [*true, *true[1:]], [*bounds, *bounds[1:]]):
            assert ulps(mine, other) <= CLOSE or abs(mine - other) <= 2 * bound, (t, at, mine, other, bound)
    assert symbolic > MANY * 0.9
