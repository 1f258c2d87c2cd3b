"""The page of a network that learns, in a browser: every control, and its numbers beside those of difflab.nn."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from patience import shows

import difflab as dl
from difflab import nn, value_and_grad
from difflab.cli.app import run as shell
from difflab.draw.page.document import asset
from difflab.draw.page.script import helpers
from difflab.lab.learning import learning_page
from difflab.lab.learning.formulas import Formulas
from difflab.lab.learning.page import ACTIVATIONS, FEATURES, LOSSES, PENALTIES
from difflab.nn import functional as F
from difflab.nn.inspect import EXPLODING, VANISHING

BASE = {"set": "spiral", "hidden": [5, 4], "features": ["x1", "x2", "sin_x1"], "batch": 20, "rate": 0.02}
PYTHON_ACTIVATIONS = {
    "tanh": F.tanh, "relu": F.relu, "leaky_relu": F.leaky_relu, "sigmoid": F.sigmoid, "gelu": F.gelu, "silu": F.silu,
    "linear": lambda z: z,
}  # fmt: skip
PYTHON_LOSSES = {
    "logistic": lambda z, t: F.binary_cross_entropy_with_logits(z, (t + 1) / 2),
    "hinge": lambda z, t: np.mean(F.relu(1 - t * z)),
    "squared": F.mse_loss,
    "absolute": F.l1_loss,
}
PYTHON_PENALTIES = {"none": lambda w: 0.0, "l2": lambda w: np.sum(w * w) / 2, "l1": lambda w: np.sum(np.abs(w))}
OPTIMISERS = {
    "sgd": nn.optim.SGD,
    "momentum": lambda lr: nn.optim.SGD(lr=lr, momentum=0.9),
    "adam": nn.optim.Adam,
    "rmsprop": nn.optim.RMSprop,
    "adagrad": nn.optim.Adagrad,
}
FEATURE_VALUES = {
    "x1": lambda x, y: x, "x2": lambda x, y: y, "x1_squared": lambda x, y: x**2, "x2_squared": lambda x, y: y**2,
    "product": lambda x, y: x * y, "sin_x1": lambda x, y: np.sin(x), "sin_x2": lambda x, y: np.sin(y),
}  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("learning") / "learning.html"
    path.write_text(learning_page(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(visit, address):
    return visit(address, width=1400, calm=True)


def use(page, **settings):
    page.evaluate("s => learning.use(s)", {**page.evaluate("learning.settings()"), **BASE, **settings})


def state(page):
    return page.evaluate("learning.state()")


def trees(layers):
    """The page's layers as a tree of arrays: weights of shape (outputs, inputs)."""
    return [{"w": np.reshape(layer["w"], (len(layer["b"]), -1)), "b": np.array(layer["b"], float)} for layer in layers]


def objective(settings, x, t):
    """The mean loss of a batch, with what the regularisation adds, as a function of the layers."""
    activation, penalty = PYTHON_ACTIVATIONS[settings["activation"]], PYTHON_PENALTIES[settings["penalty"]]

    def loss(layers):
        a = x
        for k, layer in enumerate(layers):
            z = F.linear(a, layer["w"], layer["b"])
            a = activation(z) if k < len(layers) - 1 else z
        added = sum(penalty(layer["w"]) for layer in layers)
        return PYTHON_LOSSES[settings["loss"]](a[:, 0], t) + settings["strength"] * added

    return loss


def flat(layers):
    return np.concatenate([np.ravel(layer[name]) for layer in layers for name in ("w", "b")])


CASES = {
    **{f"activation {a}": {"activation": a} for a in ACTIVATIONS},
    **{f"loss {k}": {"loss": k, "set": "regression" if "values" in dict(c.facts)["for"] else "moons"}
       for k, c in LOSSES.items()},
    **{f"penalty {p}": {"penalty": p, "strength": 0.01} for p in PENALTIES},
    **{f"optimiser {o}": {"optimiser": o} for o in OPTIMISERS},
    "every feature": {"features": list(FEATURES), "set": "circles"},
    "no hidden layer": {"hidden": []},
    "six hidden layers": {"hidden": [8, 7, 6, 5, 4, 3]},
    "all samples": {"batch": 1000},
    "one sample": {"batch": 1},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_its_numbers_are_those_of_nn(page, case):
    """From weights of Python's: gradients and weights after each of some steps are the same to 1e-12."""
    use(page, **CASES[case])
    settings = page.evaluate("learning.settings()")
    rng = np.random.default_rng(7)
    params = [
        {"w": rng.normal(size=layer["w"].shape) / 2, "b": rng.normal(size=layer["b"].shape) / 4}
        for layer in trees(state(page)["layers"])
    ]
    page.evaluate("l => learning.load(l)", [{k: v.ravel().tolist() for k, v in layer.items()} for layer in params])
    optimiser = OPTIMISERS[settings["optimiser"]](lr=settings["rate"])
    memory = optimiser.init(params)
    for _ in range(12):
        now = state(page)
        t = np.array(now["batch"]["targets"])
        x = np.reshape(now["batch"]["x"], (len(t), -1))
        _, gradient = value_and_grad(objective(settings, x, t))(params)
        np.testing.assert_allclose(flat(trees(now["gradients"])), flat(gradient), rtol=1e-12, atol=1e-12)
        params, memory = optimiser.update(params, gradient, memory)
        page.evaluate("learning.train(1)")
        np.testing.assert_allclose(flat(trees(state(page)["layers"])), flat(params), rtol=1e-12, atol=1e-12)


def test_another_optimiser_goes_on_with_a_memory_of_its_own(page):
    use(page, batch=1000)  # every step has all samples, in another order
    page.evaluate("learning.train(5)")
    page.select_option("#optimiser", "adagrad")
    now, settings = state(page), page.evaluate("learning.settings()")
    assert now["steps"] == 5
    params, optimiser = trees(now["layers"]), nn.optim.Adagrad(lr=settings["rate"])
    gradient = trees(now["gradients"])
    params, _ = optimiser.update(params, gradient, optimiser.init(params))
    page.evaluate("learning.train(1)")
    np.testing.assert_allclose(flat(trees(state(page)["layers"])), flat(params), rtol=1e-12, atol=1e-12)


def test_its_losses_are_those_of_nn(page):
    """The mean loss of all training samples, one batch of them."""
    for name, case in CASES.items():
        if name.startswith("loss"):
            use(page, **case, batch=1000)
            now, settings = state(page), page.evaluate("learning.settings()")
            t = np.array(now["batch"]["targets"])
            x = np.reshape(now["batch"]["x"], (len(t), -1))
            ours = float(objective(settings, x, t)(trees(now["layers"])))
            assert now["now"]["train"] == pytest.approx(ours, rel=1e-12), name


def test_its_features_are_the_functions_they_are_called(page):
    use(page, features=list(FEATURES), batch=1000)
    x = np.reshape(state(page)["batch"]["x"], (-1, len(FEATURES)))
    for k, name in enumerate(FEATURES):
        np.testing.assert_allclose(x[:, k], FEATURE_VALUES[name](x[:, 0], x[:, 1]), rtol=1e-15, atol=1e-15)


def test_a_spiral_is_learned_by_two_hidden_layers(page):
    before = state(page)["now"]
    page.evaluate("learning.train(2400)")  # at 5 steps a frame and 60 frames a second: 8 seconds
    after = state(page)["now"]
    assert before["testRight"] < 0.8 and after["testRight"] > 0.97 and after["train"] < 0.1 * before["train"]


def test_what_the_guide_says_to_try(page):
    learned = lambda steps: (page.evaluate("n => learning.train(n)", steps), state(page)["now"])[1]
    squares = ["x1_squared", "x2_squared"]
    use(page, set="circles", hidden=[], features=squares)
    assert learned(1500)["testRight"] == 1.0
    use(page, set="circles", hidden=[], features=["x1", "x2"])
    assert learned(1500)["testRight"] < 0.7
    deep = {"set": "spiral", "hidden": [8] * 6, "features": ["x1", "x2"]}
    use(page, **deep, activation="sigmoid")
    norms = state(page)["now"]["norms"]
    assert norms[0] < 1e-4 * norms[-1]
    use(page, **deep, activation="relu", start="large", optimiser="sgd", rate=0.01)
    assert min(state(page)["now"]["norms"]) > 1e4
    after = learned(20)
    assert after["train"] == pytest.approx(np.log(2), abs=1e-2) and max(after["norms"][:-1]) == 0
    noisy = {"set": "moons", "noise": 0.5, "share": 0.9, "hidden": [8, 8, 8], "features": ["x1", "x2"], "rate": 0.01}
    tests = {}
    for penalty in ("none", "l2"):
        use(page, **noisy, activation="tanh", start="fitting", optimiser="adam", penalty=penalty, strength=0.01)
        early, late = learned(300), learned(2500)
        tests[penalty] = late["test"]
        if penalty == "none":
            assert late["train"] < 0.01 < early["train"] and late["test"] > 1.5 * early["test"]
    assert tests["l2"] < 0.5 * tests["none"]


def test_it_begins_the_same_each_time(page, visit, address):
    page.evaluate("learning.train(20)")
    other = visit(address)
    other.evaluate("learning.train(20)")
    assert state(page) == state(other)
    page.click("#reset")
    page.evaluate("learning.train(20)")
    assert state(page) == state(other)


def test_first_weights_make_gradients_vanish_and_explode(page):
    use(page, hidden=[8, 8, 8, 8, 8, 8], activation="tanh")
    for activation, start, told in (
        ("tanh", "fitting", ""), ("tanh", "small", "vanishing"), ("relu", "large", "exploding"),
        ("relu", "fitting", ""), ("sigmoid", "fitting", "vanishing"),
    ):  # fmt: skip
        page.select_option("#activation", activation)
        page.select_option("#start", start)
        words = set(re.findall(r"⚠ (\w+)", page.inner_html("#bars")))
        assert words == ({told} if told else set()), (activation, start)
    script = (Path(nn.__file__).parents[1] / "lab/learning/assets/charts.js").read_text()
    found = re.search(r"VANISHING = (\S+), EXPLODING = (\S+);", script)
    assert [float(found[1]), float(found[2])] == [VANISHING, EXPLODING]


# Every control: what is done to it, and what has to be so then.
CONTROLS = {
    "set": (lambda p: p.select_option("#set", "circles"), "learning.settings().set === 'circles'"),
    "noise": (lambda p: slide(p, "noise", "0.4"), "learning.settings().noise === 0.4"),
    "share": (lambda p: slide(p, "share", "0.5"), "learning.settings().share === 0.5"),
    "renew": (lambda p: p.click("#renew"), "learning.settings().seed === 2"),
    "activation": (lambda p: p.select_option("#activation", "relu"), "learning.settings().activation === 'relu'"),
    "start": (lambda p: p.select_option("#start", "large"), "learning.settings().start === 'large'"),
    "loss": (lambda p: p.select_option("#loss", "hinge"), "learning.settings().loss === 'hinge'"),
    "optimiser": (lambda p: p.select_option("#optimiser", "adagrad"), "learning.settings().optimiser === 'adagrad'"),
    "rate": (lambda p: p.select_option("#rate", "0.3"), "learning.settings().rate === 0.3"),
    "batch": (lambda p: p.select_option("#batch", "64"), "learning.state().batch.targets.length === 64"),
    "penalty": (lambda p: p.select_option("#penalty", "l1"), "!document.getElementById('strength').disabled"),
    "strength": (lambda p: (p.select_option("#penalty", "l2"), p.select_option("#strength", "0.1")),
                 "learning.settings().strength === 0.1 && learning.state().now.penalty > 0"),
    "layers-less": (lambda p: p.click("#layers-less"), "learning.settings().hidden.length === 1"),
    "layers-more": (lambda p: p.click("#layers-more"), "learning.state().layers.length === 4"),
    "neurons": (lambda p: p.get_by_label("One neuron less in layer 2").click(),
                "JSON.stringify(learning.settings().hidden) === '[8,7]'"),
    "feature": (lambda p: p.click("[data-feature=product]"),
                "JSON.stringify(learning.settings().features) === '[\"x1\",\"x2\",\"product\"]'"),
    "step": (lambda p: p.click("#step"), "learning.state().steps === 1"),
    "run": (lambda p: p.click("#run"), "learning.state().steps > 20"),
    "pace": (lambda p: (p.select_option("#pace", "1"), p.click("#run")), "learning.state().steps > 2"),
    "tested": (lambda p: p.check("#tested"), "document.getElementById('tested').checked"),
}  # fmt: skip


def slide(page, name, value):
    page.locator(f"#{name}").fill(value)


@pytest.mark.parametrize("control", CONTROLS)
def test_every_control(page, control):
    act, then = CONTROLS[control]
    assert not page.evaluate(then)
    act(page)
    assert shows(page, then)


def test_no_control_is_without_a_test(page):
    found = page.evaluate("[...document.querySelectorAll('button[id], select, input')].map((c) => c.id)")
    assert set(found) == set(CONTROLS) - {"neurons", "feature"} | {"reset"}  # which a test of its own presses


def test_points_of_the_test_are_drawn_on_request(page):
    drawn = "document.getElementById('points').toDataURL()"
    before = page.evaluate(drawn)
    page.check("#tested")
    assert page.evaluate(drawn) != before
    page.uncheck("#tested")
    assert page.evaluate(drawn) == before


def test_pictures_wires_and_curve_follow_the_training(page):
    seen = """() => [document.getElementById("field").toDataURL(),
      document.querySelector(".line.train").getAttribute("d"),
      ...[...document.querySelectorAll("[data-layer] canvas")].map((c) => c.toDataURL()),
      ...[...document.querySelectorAll(".wire")].map((w) => w.getAttribute("stroke-width"))]"""
    before = page.evaluate(seen)
    page.evaluate("learning.train(200)")
    after = page.evaluate(seen)
    assert len(before) == len(after) == 2 + 17 + (2 * 8 + 8 * 8 + 8)
    assert sum(a == b for a, b in zip(before, after)) <= 3  # a wire may end where it began
    signs = page.evaluate("[...document.querySelectorAll('.wire')].map((w) => w.classList.contains('below'))")
    weights = [w for layer in state(page)["layers"] for w in layer["w"]]
    assert signs == [w < 0 for w in weights]


def cells(page, place, count=4):
    found = page.locator(f"#inside {place}").all_inner_texts()
    return [[float(c.replace("−", "-")) for c in re.split(r"\s*\t\s*", line)[1:count] if c.strip()] for line in found]


def test_the_backward_pass_is_opened(page):
    """upstream x local = downstream for each sample that is shown, and the sum is the derivative."""
    page.evaluate("learning.train(3)")
    page.get_by_label("Neuron 3 of layer 2").click()
    for up, local, down in cells(page, "table:first-of-type tbody tr")[:6]:
        assert up * local == pytest.approx(down, rel=2e-3)
    gradients = trees(state(page)["gradients"])
    assert cells(page, "tfoot tr")[0][-1] == pytest.approx(gradients[1]["b"][2], rel=1e-3)
    page.locator("#inside").get_by_role("button", name="neuron 5 of layer 1").click()
    for up, local, down in cells(page, "table:first-of-type tbody tr")[:6]:
        assert up * local == pytest.approx(down, rel=2e-3)
    assert cells(page, "tfoot tr")[0][-1] == pytest.approx(gradients[1]["w"][2, 4], rel=1e-3)
    told = re.search(r"takes w from (\S+) to (\S+) in", page.inner_text("#inside").replace("−", "-"))
    page.evaluate("learning.train(1)")
    assert float(told[2]) == pytest.approx(state(page)["layers"][1]["w"][2 * 8 + 4], rel=1e-4)
    page.get_by_role("button", name="Back to neuron 3 of layer 2").click()
    page.get_by_label("The output", exact=True).click()
    assert "1/20" in page.inner_text("#inside .equation")


def test_a_wire_is_taken_hold_of(page):
    place = page.evaluate("""() => {
      const wire = document.querySelectorAll(".grip")[0], at = wire.getPointAtLength(wire.getTotalLength() / 2);
      const box = document.getElementById("wires").getBoundingClientRect();
      return [box.left + at.x, box.top + at.y];
    }""")
    page.mouse.click(*place)
    assert "The wire from" in page.inner_text("#inside") and page.locator(".wire.chosen").count() == 1


def test_steps_that_are_too_large_are_told(page):
    use(page, set="regression", optimiser="sgd", activation="linear", rate=3)
    page.click("#run")
    assert shows(page, "document.getElementById('told').textContent.includes('smaller learning rate')")
    assert page.inner_text("#run") == "▶ Run"
    page.click("#reset")
    assert page.inner_text("#told") == ""


def test_the_keyboard_alone_is_enough(page):
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')"))
    assert {"run", "step", "reset", "set", "noise", "layers-more", "Neuron 1 of layer 1", "The output"} <= reached
    page.focus("#step")
    page.keyboard.press("Enter")
    assert state(page)["steps"] == 1
    page.get_by_label("One neuron more in layer 1").is_disabled()
    page.get_by_label("One neuron less in layer 1").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the control keeps the focus
    assert page.evaluate("learning.settings().hidden") == [6, 8]


@pytest.mark.parametrize("width, dark", [(1400, False), (1400, True), (400, False), (400, True)])
def test_axe_finds_nothing(visit, address, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = visit(address, width=width, dark=dark)
    page.evaluate("learning.train(30)")
    page.locator("#settings").evaluate("e => { e.open = true; }")
    for hidden in ([8, 8], [8] * 6, []):
        use(page, hidden=hidden, features=list(FEATURES), start="large")
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


TEXTS = {
    "x*y + sin(x)": ("x", "y"), "x**3 / (1 + exp(-x))": ("x",), "maximum(x, y) * x": ("x", "y"), "y**2": ("x", "y"),
    "log(1 + x*x) - arctan(x*y)": ("x", "y"), "where(x < y, x*x, 3*y)": ("x", "y"), "sqrt(x*x + y*y)": ("x", "y"),
    "elu(2*x) + gelu(y - x)": ("x", "y"), "5": ("x",), "x": ("x",), "minimum(abs(x), 1) - relu(-x)": ("x",),
}  # fmt: skip


def test_formulas_are_the_rows(chromium):
    """Value and derivative of each text at random points, in JavaScript and in Python."""
    made = Formulas()
    objects = [made.of(text, inputs) for text, inputs in TEXTS.items()]
    script = "\n".join(made.functions)
    library = helpers(script, "\n".join(map(asset, ("special.js", "incomplete.js", "bessel.js"))))
    rng, page = np.random.default_rng(5), chromium.new_page()
    for (text, inputs), made_object in zip(TEXTS.items(), objects):
        points = rng.normal(size=(20, len(inputs))).tolist()
        body = f"{library}\n{script}\nconst made={made_object};"
        found = page.evaluate(f"points => {{{body} return points.map((p) => [made.f(...p), made.d(...p)]);}}", points)
        for p, (value, slope) in zip(points, found):
            graph = dl.parse(text)
            at = {k: v for k, v in zip(inputs, p) if k in [str(n.name) for n in graph.inputs]}
            ours = float(graph.forward(**at).values[graph.outputs[0]])
            ours_slope = float(dl.differentiate(graph, at).gradient[inputs[0]]) if inputs[0] in at else 0.0
            assert (value, slope) == pytest.approx((ours, ours_slope), rel=1e-12, abs=1e-13), (text, p)
    page.close()


def test_the_lab_serves_the_page_to_those_with_the_token():
    pytest.importorskip("starlette", reason="the lab extra is not installed")
    from starlette.testclient import TestClient

    from difflab.lab.server import make_app

    client = TestClient(make_app("secret"), base_url="http://127.0.0.1")
    assert client.get("/train").status_code == client.get("/train?token=other").status_code == 403
    found = client.get("/train?token=secret")
    assert found.status_code == 200 and found.text == learning_page() and found.headers["cache-control"] == "no-store"
    assert client.get("/train?token=secret", headers={"host": "evil.example"}).status_code == 403
    assert 'href="/train?token=secret"' in client.get("/?token=secret").text


def test_the_shell_writes_the_page(tmp_path, capsys):
    assert shell(["lab", "--train", "-o", str(tmp_path / "a.html")]) == 0
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert text == learning_page() and not re.search(r"(src|href)=|eval\(|new Function|https?:(?!//www.w3.org)", text)
    for bad, told in ((["lab", "--train", "-o", str(tmp_path / "a.html")], "exists already; use --force"),
                      (["lab", "-o", str(tmp_path / "b.html")], "--train"),
                      (["lab", "--train", "-o", str(tmp_path / "b.svg")], ".html")):  # fmt: skip
        assert shell(bad) == 2 and told in capsys.readouterr().err
