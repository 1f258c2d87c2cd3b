"""What a notebook shows: every class that public functions return has a display, or a reason for none is told here.

The classes are found, not listed: from the public names over what functions, methods and properties say they return.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pathlib
import pkgutil
import re
import sys
from contextlib import suppress
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest
import surface

import difflab as dl
from difflab import mdp, nn, testing
from difflab.cards.as_html import LARGEST, as_html
from difflab.cards.as_text import as_text
from difflab.cards.chart import svg
from difflab.cards.parts import Card, Chart, Code, Fold, Picture, Series, Table, Words, arrays, facts, figure
from difflab.draw.flow import Flow
from difflab.draw.landscape import Landscape
from difflab.testing.agreement import examine

CELL = 200_000  # bytes: what a notebook's file gets for one cell
W = np.ones((30, 30))
HOSTILE = "<script>alert(1)</script>"

# Classes that a cell can hardly end with, or whose one line says all: by the reason.
PLAIN = {
    "an entry of a result, shown in its table": """
        Block Direction Edge Errors Finding FinishedRun Kink LayerLook MethodResult Row RowAccuracy Swell ValueKink
        Violation""",
    "one value among others of a graph: its line says operation and shape": "Node Traced Vertex Named",
    "a container of Python's, with another way to ask": "ByName Order",
    "settings, which the line says": """
        Augment EarlyStopping GaussNewton Grid LBFGS Method Newton Recipe Scheme Constant Normal Orthogonal Scaled
        Uniform""",
    "a step of an optimiser, shown in the optimiser's card": "Transformation",
    "what lies in the space of a value, as code for HIPS/autograd writes it": "SparseObject",
    "a function, whose curve is a plot of its values": """
        CosineAnnealingLR ExponentialLR LinearLR MultiStepLR OneCycleLR StepLR Warmup Criterion""",
    "the shape and dtype of a value, which the line says": "VSpace",
    "work in progress: what it makes has a display": "Builder Names Canvas Record Tape block Shapes",
    "a row of the table of operations, with a page in the documentation": """
        Primitive Carrier Domain Gate Reading Text""",
    "the package's own, between two of its rooms": """
        Compiled Memory Recording Region NumpySource RegionSource ScalarSource WalkedSource XlaSource Problem
        PolicySystem Written""",
    "a protocol: what answers it is a function with the program's display": "CompiledFunction",
}
REASON = {name: why for why, names in PLAIN.items() for name in names.split()}


def classes():
    """difflab's classes by name; some names are those of several."""
    found = {}
    for info in pkgutil.walk_packages(dl.__path__, "difflab."):
        if not re.search(r"__main__|\.cli|\.gallery|\.native|server", info.name):
            for name, x in vars(importlib.import_module(info.name)).items():
                if inspect.isclass(x) and x.__module__ == info.name:
                    found.setdefault(name, []).append(x)
    return found


@cache
def for_the_type_checker(module):
    """What a module imports under TYPE_CHECKING, by its name there."""
    found, here = {}, sys.modules[module]
    for block in ast.parse(inspect.getsource(here)).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for step in ast.walk(block):
                if isinstance(step, ast.ImportFrom):
                    with suppress(ImportError):  # of a peer that is not there
                        home = importlib.import_module("." * step.level + (step.module or ""), here.__package__)
                        found |= {x.asname or x.name: getattr(home, x.name, None) for x in step.names}
    return found


def returned():
    """Every class that is public, or that something public says it returns or holds: with the way to it."""
    known, found, waiting = classes(), {}, []

    def told(annotation, module, way):
        for word in re.findall(r"\w+", annotation if isinstance(annotation, str) else str(annotation)):
            own = getattr(sys.modules[module], word, None) or for_the_type_checker(module).get(word)
            for kind in [own] if inspect.isclass(own) else known.get(word, []):
                add(kind, way)

    def add(kind, way):
        if kind.__module__.startswith("difflab.") and kind not in found:
            found[kind] = way
            waiting.append(kind)

    for module in surface.MODULES:
        for name in surface.public(importlib.import_module(module)):
            x = getattr(importlib.import_module(module), name)
            if inspect.isclass(x):
                add(x, f"{module}.{name}")
            elif inspect.isfunction(x) and x.__module__.startswith("difflab."):
                told(x.__annotations__.get("return", ""), x.__module__, f"{module}.{name}()")
    while waiting:
        kind = waiting.pop()
        for k in kind.__mro__:
            if k.__module__.startswith("difflab."):
                members = {n: x for n, x in vars(k).items() if n[0] != "_"}
                for n, x in members.items():
                    f = x.fget if isinstance(x, property) else getattr(x, "func", getattr(x, "__func__", x))
                    if inspect.isfunction(f):
                        told(f.__annotations__.get("return", ""), f.__module__, f"{found[kind]}.{n}")
                for n, annotation in vars(k).get("__annotations__", {}).items():
                    if n[0] != "_":
                        told(annotation, k.__module__, f"{found[kind]}.{n}")
    return {k: way for k, way in found.items() if not issubclass(k, BaseException)}


def shows(kind):
    return any(hasattr(kind, f"_repr_{form}_") for form in ("html", "mimebundle"))


def reason(kind):
    return next((REASON[k.__name__] for k in kind.__mro__ if k.__name__ in REASON), None)


RETURNED = returned()


def test_every_result_has_a_display_or_a_reason_for_none():
    assert len(RETURNED) > 150
    mute = {k.__name__: way for k, way in RETURNED.items() if not shows(k) and reason(k) is None}
    assert mute == {}, "give it a `_card_`, or say in PLAIN why it needs none"


def test_reasons_are_about_classes_without_a_display():
    """A class that gets a display, or goes away, leaves the list."""
    left = {name for k in RETURNED if not shows(k) for name in [c.__name__ for c in k.__mro__]}
    assert sorted(set(REASON) - left) == []


# One of each, and what its display says.
def total(W):
    return dl.numpy.sum(dl.numpy.sin(W))


@dl.custom_gradient
def cube(x):
    return x**3, lambda g: 2 * g * x**2


def judgement():
    from difflab.bridges.judging.judgement import Finding, Judgement

    finding = Finding(HOSTILE, "x", (0,), 0.3, 1.01, 1.0, 4e13, "bug", "off by more than rounding explains")
    return Judgement(HOSTILE, "JAX", [finding], [np.float64(1.0)], {"x": W})


def trained(epochs=3):
    x, y = nn.data.blobs(60)
    return nn.fit(nn.models.mlp((2, 40, 3)), (x, y), epochs=epochs, progress=False)


def looked():
    model = nn.Sequential({HOSTILE: nn.Linear(4, 3), "relu": nn.ReLU()})
    y = np.zeros(5, int)
    return nn.inspect(model, *model.init(0), np.ones((5, 4)), y, nn.functional.cross_entropy)


def compiled():
    f = dl.compile(total)
    f(W)
    return f.program


def outcome():
    recipes = importlib.import_module("difflab.nn.training.recipes")
    run, data = (
        trained(),
        nn.data.Dataset(HOSTILE, np.ones((3, 2)), np.zeros(3, int), np.ones((1, 2)), np.zeros(1, int)),
    )
    run.history[-1] |= {"test_accuracy": None, "test_loss": None}
    return recipes.Outcome(recipes.Recipe(), run, data, data, 1.0, None)


def runs():
    home = importlib.import_module("difflab.nn.runs")
    history = tuple(trained().history)
    made = [home.FinishedRun(name, pathlib.Path(name), history, {"lr": name}, "blobs", 7) for name in (HOSTILE, "b")]
    return home.Runs(tuple(made))


def checkpoint():
    model = nn.Linear(2, 3)
    return importlib.import_module("difflab.nn.training.checkpoint").Trained(model, *model.init(0), {"who": HOSTILE})


def sympy_symbol():
    return importlib.import_module("sympy").Symbol(HOSTILE)


def tour():
    home = importlib.import_module("difflab.lab.tour")
    same = dl.compare("x*y", {"x": 1.0, "y": 2.0})
    return home.Tour(pathlib.Path(HOSTILE), {stop.name: same for stop in home.STOPS})


GRID = mdp.teleport_gridworld()
SHOWN = {
    "Graph": (lambda: dl.from_sympy(sympy_symbol() * 2), "operation"),
    "ForwardPass": (lambda: dl.trace(total, W).forward(W), "iframe"),
    "BackwardPass": (lambda: dl.parse("x*y").forward(x=1.0, y=2.0).backward(), "iframe"),
    "Draft": (lambda: dl.parse("x*y").copy(), "operation"),
    "Derivative": (lambda: dl.differentiate(dl.from_sympy(sympy_symbol() * 2), {HOSTILE: 1.0}), "derivative"),
    "Certificate": (lambda: dl.certify("abs(x)", {"x": 0.0}), "kink"),
    "Comparison": (lambda: dl.compare(dl.from_sympy(sympy_symbol() * 2), {HOSTILE: 1.0}), "verdict"),
    "StepSizeStudy": (lambda: dl.step_size_study(dl.from_sympy(sympy_symbol() ** 3), {HOSTILE: 1.0}), "central"),
    "ExpressionSwell": (lambda: dl.expression_swell("logistic", [1, 2], simplify=False), "backward graph"),
    "AccuracyReport": (lambda: dl.accuracy(rows=["sin"], points=3, peers=False), "ulps"),
    "Lipschitz": (lambda: dl.lab.lipschitz(lambda x: 2 * x, np.ones(3)), "residual"),
    "Convexity": (lambda: dl.lab.convexity("x**3", {"x": (-1, 1)}), "not convex"),
    "TaylorTest": (lambda: testing.taylor_test(lambda x: x * x, lambda x: 3 * x, 1.0), "failed"),
    "Tour": (tour, "Tour"),
    "Judgement": (judgement, "by more than rounding"),
    "Program": (compiled, "np.sin"),
    "Report": (lambda: examine(cube, (2.0,)), "wrong entries"),
    "NonFinite": (lambda: dl.find_nonfinite(lambda p: np.log(p[HOSTILE]), {HOSTILE: -W}), "makes NaN"),
    "BrokenRules": (lambda: testing.find_broken_rule(lambda x: cube(x), 2.0), "its rule says"),
    "Run": (trained, "loss"),
    "Outcome": (outcome, "epochs"),
    "Runs": (runs, "best epoch"),
    "Trained": (checkpoint, "weight"),
    "Sequential": (lambda: nn.Sequential({HOSTILE: nn.Linear(4, 3)}), "15 parameters"),
    "AdamW": (lambda: nn.optim.AdamW(), "weight_decay"),
    "Chain": (lambda: nn.optim.chain(nn.optim.clip(1.0), nn.optim.SGD(lr=0.1)), "clip"),
    "Result": (
        lambda: nn.optim.minimize(lambda p: (p[HOSTILE] ** 2).sum(), {HOSTILE: W}, nn.optim.SGD(lr=0.1), 5),
        "step",
    ),
    "Inspection": (looked, "gradients"),
    "DepthStudy": (lambda: nn.depth_study(layers=3, width=8, samples=4), "layers"),
    "Dataset": (lambda: nn.data.load("digits"), "classes"),
    "Summary": (lambda: nn.summary(nn.Sequential({HOSTILE: nn.Linear(4, 3)}), (4,)), "receptive field"),
    "MDP": (
        lambda: dataclasses.replace(mdp.gridworld((1, 2), terminals=[(0, 1)]), state_names=(HOSTILE, "b")),
        "states",
    ),
    "Solution": (lambda: GRID.solve(), "best action"),
    "Sensitivity": (lambda: mdp.sensitivity(GRID.solve()), "reward"),
    "Recovered": (lambda: mdp.Recovered(np.ones(3), np.ones((3, 2)), -1.0, [-3.0, -1.0], 2), "log-likelihood"),
    "Learned": (lambda: mdp.learning.q_learning(GRID, episodes=40), "episode"),
    "Diagram": (lambda: mdp.draw_process(mdp.gridworld((1, 2), terminals=[(0, 1)])), "states"),
    "GridDrawing": (lambda: mdp.draw_grid(GRID.solve()), "grid"),
    "Sketch": (lambda: dl.sketch.grid(np.eye(3)), "img"),
    "Flow": (lambda: Flow([(HOSTILE, "b", "there")], HOSTILE), "img"),
    "Landscape": (lambda: Landscape(lambda p: p[0] ** 2 + p[1] ** 2, [(1, 1)], (-2, 2, -2, 2), HOSTILE), "img"),
}


class Tags(HTMLParser):
    """What is in a display: tags, and what would load something or run at an event."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.bad, self.nameless = [], set(), [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.seen.add(tag)
        if tag not in ("img", "path", "circle", "meta", "br"):
            self.open.append(tag)
        self.bad += [f"{tag} {n}" for n in found if n.startswith("on") or n in ("href", "xlink:href", "srcset")]
        if not found.get("src", "data:").startswith("data:"):
            self.bad.append(found["src"])
        self.nameless += tag == "img" and not found.get("alt")
        self.nameless += tag == "svg" and not (found.get("aria-label") or found.get("aria-hidden"))
        self.nameless += tag == "iframe" and not found.get("title")

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag


def test_one_of_each_class_with_a_display_is_looked_at():
    """A display that somebody writes is shown in SHOWN as well."""
    made = {name for v in classes().values() for k in v for name in [k.__name__] if "_card_" in vars(k)}
    above = {"Carded", "Shown", "Drawable", "Drawing", "Layer", "Optimiser"}
    assert sorted(made - above - set(SHOWN)) == []


@pytest.mark.parametrize("name", SHOWN)
def test_a_display_is_safe_small_and_complete(name):
    thing, said = one(name), SHOWN[name][1]
    assert type(thing).__name__ == name
    shown = thing._repr_html_()
    bundle = thing._repr_mimebundle_() if hasattr(thing, "_repr_mimebundle_") else {}
    assert said in shown and len(shown.encode()) + sum(len(x.encode()) for x in bundle.values()) < CELL
    tags = Tags(shown)
    assert not tags.open and not tags.bad and not tags.nameless
    assert "<script>alert" not in shown and ("script" not in tags.seen or name.endswith("Pass"))
    assert "http" not in re.sub(r"http://www.w3.org/\S+|srcdoc=\"[^\"]*\"", "", shown)


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("name", SHOWN)
def test_what_is_printed_is_no_wider_than_the_terminal(name, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    thing = one(name)
    if "_card_" in dir(thing) and isinstance(thing._card_(), Card):
        lines = as_text(thing._card_()).splitlines()
        assert len(lines) > 1 and max(map(len, lines)) <= width
    printed = str(thing)
    tabular = not isinstance(thing, dl.Graph | Flow | Landscape) and type(thing).__str__ is not object.__str__
    if tabular and type(thing).__name__ not in SENTENCES:
        assert max(map(len, printed.splitlines())) <= width


SENTENCES = "Convexity Judgement NonFinite TaylorTest DepthStudy Report BrokenRules AdamW Chain Summary Draft".split()
MADE = {}


def one(name):
    if name not in MADE:
        MADE[name] = SHOWN[name][0]()
    return MADE[name]


ODD = [
    Card(""),
    Card(HOSTILE, HOSTILE * 100),
    Card("A", "\x00\ud800\u202e").add(Words("\ud800" * 9), Table([["\ud800", "a\nb"]])),
    Card("A").add(Table([]), Chart("", {}), Fold("", []), None),
    Card("A").add(Chart("c", {"a": Series([1, 2], [np.nan, np.inf]), "b": Series([], [])})),
    Card("A").add(Chart("c", {"a": Series([1], [5.0]), "b": Series([1, 2], [3.0, 3.0])}, log_y=True)),
    Card("A").add(Chart("c", {"a": Series([0, 1, 2], [-1.0, 0.0, 1.0])}, log_x=True, log_y=True)),
    Card("A").add(Chart("c", {"a": Series([0, 1], [-1.7e308, 1.7e308])})),
    Card("A").add(Chart("c", {"a": Series([0, 1, 2], [5e-324, 1e-323, 0.0])}, log_y=True)),
    Card("A").add(Chart("c", {str(k): Series(range(9), np.arange(9.0) * k) for k in range(50)})),
    Card("A").add(Chart(HOSTILE, {HOSTILE: Series(np.arange(10**6), np.sin(np.arange(10**6)))}, HOSTILE)),
    Card("A").add(Table([[str(k)] * 100 for k in range(10**5)], ["h"] * 100)),
    Card("A").add(Table([["x" * 10**6], ["short"], []])),
    Card("A").add(Code("x" * 10**6 + "\n" * 10**5)),
    Card("A").add(*[Code("y = x\n" * 10**4)] * 100),
    Card("A").add(Picture("<svg>" + "x" * 10**6, "too large")),
    Card("A").add(arrays({"e": np.zeros((0, 3)), "n": np.full((2, 2), np.nan), "o": np.array([None, 1], object),
                          "c": np.array([1j]), "s": "text", "i": np.iinfo(np.uint64).max, "b": np.array([True]),
                          "r": [[1], [2, 3]], "h": np.full(3, 1e308)})),
    Card("A").add(facts({"none": None, "nan": float("nan"), "long": "w " * 10**5})),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(ODD)))
def test_odd_content_shows(k):
    page, text = as_html(ODD[k]), as_text(ODD[k], 50)
    assert len(page.encode()) <= LARGEST + 20_000
    assert not Tags(page).open and "<script>" not in page and "nan" not in "".join(re.findall(r' d="[^"]*"', page))
    assert all(len(line) <= 50 for line in text.splitlines()) and len(text) < 400_000


def test_curves_keep_their_extremes():
    y = np.zeros(10**5)
    y[777], y[888] = 5.0, -3.0
    x, kept = Series(np.arange(10**5), y).points()
    assert len(kept) <= 300 and kept.max() == 5 and kept.min() == -3 and x[kept.argmax()] == 777
    drawn = svg(Chart("c", {"y": Series(np.arange(10**5), y)}, "step"))
    assert "greatest 5" in drawn and "least -3" in drawn and len(drawn) < 10_000


def test_curves_differ_without_colours():
    shown = as_html(Card("A").add(Chart("c", {n: Series([0, 1], [0, 1]) for n in "abcdefgh"})))
    dashes = re.findall(r'<path class="c\d" d="M1 4H27"( stroke-dasharray="[^"]*")?', shown)
    assert len(set(dashes)) == len(dashes) == 8


def test_a_model_of_any_size_is_shown_without_being_made():
    model = nn.Sequential(*[nn.Linear(10**6, 10**6) for _ in range(50)])
    assert "50,000,050,000,000 parameters" in model._repr_html_()


def test_a_compiled_function_shows_its_source():
    f = dl.compile(total)
    assert "Nothing has been traced" in f._repr_html_()
    f(W)
    assert "np.sin" in f._repr_html_() and "def program" in str(f.program)


def test_numbers_stand_to_the_right():
    assert Table([["a", "1,000", "2.5 ms"], ["b", "nan", ""]]).right() == [False, True, True]
    assert figure(np.float32(0.5)) == "0.5" and figure(12345) == "12,345"
    assert '<td class="n">1,000</td>' in as_html(Card("A").add(Table([["a", "1,000"]], ["n", "v"])))


def test_narrow_columns_wrap_and_lose_nothing():
    words = [f"word{k}" for k in range(25)]
    text = as_text(Card("A").add(Table([["a" * 30, " ".join(words), "12"]], ["name", "words", "n"])), 40)
    assert all(len(line) <= 40 for line in text.splitlines())
    assert all(re.search(rf"\b{w}\b", text) for w in words) and text.count("a" * 6) >= 1 and " 12" in text
