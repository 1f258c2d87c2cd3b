"""A running training on a local page: it comes to the same bits, and the page shows what there is."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import optree
import pytest
from patience import HANGS, until

from difflab import nn
from difflab.cli.app import run as shell
from difflab.nn.live import Watch, server as server_module, watch as watch_module, watched
from difflab.nn.live.watch import BINS, histogram
from difflab.nn.training.progress import Silent
from difflab.nn.training.recipes import Recipe, run

pytest.importorskip("starlette", reason="the lab extra is not installed")
pytest.importorskip("uvicorn", reason="the lab extra is not installed")


class Curious(Watch):
    """Asks before every step, and does not wait: as much is looked at as can be."""

    def advance(self, samples, loss, accuracy):
        super().advance(samples, loss, accuracy)
        self.rest = 0.0
        self.seen = getattr(self, "seen", 0) + 1
        self.tell()


RECIPES = {
    "mlp": Recipe("mlp", "digits", epochs=2, batch_size=256),
    "cnn with noise and batch norm": Recipe("cnn", "digits", epochs=1, batch_size=256, batch_norm=True, noise=0.1),
    "points": Recipe("mlp", "moons", epochs=3, optimiser="sgd", clip_norm=1.0),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_watched_training_comes_to_the_same_bits(recipe):
    watch = Curious(Silent())
    plain, seen = run(recipe, progress=False), run(recipe, progress=watch)
    for a, b in zip(*(optree.tree_leaves((r.run.params, r.run.state)) for r in (plain, seen))):
        assert a.tobytes() == b.tobytes()
    times = ("seconds", "samples_per_second")
    bare = lambda history: [{k: v for k, v in r.items() if k not in times} for r in history]
    assert bare(plain.run.history) == bare(seen.run.history) == bare(watch.tell()["history"])
    assert watch.seen > recipe.epochs and watch.tell()["looked"] == recipe.epochs


def test_what_is_told_is_what_the_training_has_come_to():
    watch = Curious(Silent())
    recipe = Recipe("cnn", "digits", epochs=1, batch_size=256)
    found = run(recipe, progress=watch)
    said = json.loads(json.dumps(watch.tell(), allow_nan=False))
    assert said["ended"] and said["epochs"] == 1
    assert [e for e, _ in said["curve"]] == pytest.approx([min(256 * k, 1438) / 1438 for k in range(1, 7)], abs=1e-6)
    assert said["curve"][-1][1] == pytest.approx(found.run.history[0]["train_loss"], rel=1e-5)
    assert [x["name"] for x in said["layers"]] == [n for n in found.run.model.names if found.run.params[n]]
    look = nn.inspect(found.run.model, found.run.params, found.run.state, found.data.x_train[:256],
                      found.data.y_train[:256], recipe.make_loss(found.data))  # fmt: skip
    sizes = [(x.weights, x.weight_gradient) for x in look.layers if x.weights is not None]
    told = [(x["weights"]["size"], x["gradient"]["size"]) for x in said["layers"]]
    np.testing.assert_allclose(told, sizes, rtol=2e-4)
    counted = sum(sum(x["weights"]["counts"]) for x in said["layers"])
    assert counted == sum(p.size for p in optree.tree_leaves(found.run.params))
    scores = found.run.predict(found.data.x_test[:256])
    wrong = {int(k) for k in np.flatnonzero(scores.argmax(1) != found.data.y_test[:256])}
    assert said["mistakes"] and {m["sample"] for m in said["mistakes"]} <= wrong
    for m in said["mistakes"]:
        k = m["sample"]
        assert (m["said"], m["is"]) == (str(scores[k].argmax()), str(found.data.y_test[k]))
        assert (m["height"], m["width"], len(m["pixels"])) == (8, 8, 64) and max(m["pixels"]) == 255
    assert [m["sure"] for m in said["mistakes"]] == sorted((m["sure"] for m in said["mistakes"]), reverse=True)


def test_whoever_asks_once_is_shown_one_look():
    looks = []

    class Counted(Watch):
        def inspect(self, params, state):
            looks.append(self.now())
            super().inspect(params, state)

    watch = Counted(Silent())
    watch.tell()
    run(Recipe("mlp", "moons", epochs=3), progress=watch)
    assert len(looks) == 1 and looks[0] < 1


def test_nobody_asks_and_nothing_is_computed():
    watch = Watch(Silent())
    run(Recipe("mlp", "moons", epochs=2), progress=watch)
    assert watch.said["layers"] == [] and watch.said["looked"] is None and len(watch.said["history"]) == 2


def test_a_resumed_run_shows_its_first_epochs(tmp_path):
    run(Recipe("mlp", "moons", epochs=2, schedule="constant"), tmp_path / "run")
    watch = Watch(Silent())
    run(Recipe("mlp", "moons", epochs=3, schedule="constant"), tmp_path / "run", resume=True, progress=watch)
    assert [r["epoch"] for r in watch.tell()["history"]] == [1, 2, 3]


def test_a_long_curve_is_thinned():
    watch = Watch(Silent())
    watch.epoch(0, 1, 5000, 0)
    for k in range(5000):
        watch.advance(1, 1.0 / (k + 1), None)
    curve = watch.tell()["curve"]
    assert 250 < len(curve) <= 600 and curve[-1][0] > 0.99 and [e for e, _ in curve] == sorted(e for e, _ in curve)


@pytest.mark.parametrize("values, most, lost", [
    ([], 0.0, 0), ([0.0, 0.0], 0.0, 0), ([np.nan, np.inf], 0.0, 2), ([1e300, -1.0], 1e300, 0), ([1e-40], 1e-40, 0),
])  # fmt: skip
def test_histograms_of_anything_are_json(values, most, lost):
    made = histogram(np.array(values))
    assert made["most"] == most and made["lost"] == lost and len(made["counts"]) == BINS
    assert sum(made["counts"]) == len(values) - lost
    json.dumps(made, allow_nan=False)


# The server.
def answer(address, path="", **headers):
    url = address if not path else address.split("/?")[0] + path
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as found:
            return found.status, found.read().decode(), dict(found.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


@pytest.fixture(scope="module")
def finished():
    """A training that has ended, and its page."""
    told = []
    with watched(told.append, open_browser=False, title="cnn on digits", progress=False) as watch:
        watch.tell()
        run(Recipe("cnn", "digits", epochs=3), progress=watch)
        yield told[0]
        watch.tell()


def test_nobody_looks_without_the_token(finished):
    token = finished.partition("token=")[2]
    right = {"x-difflab-token": token}
    assert answer(finished)[0] == 200
    assert answer(finished + "x")[0] == 403 and answer(finished, "/")[0] == 403
    assert answer(finished, "/now", **right)[0] == 200
    for headers in ({}, {"x-difflab-token": token + "x"}, right | {"Host": "evil.example"}):
        status, body, _ = answer(finished, "/now", **headers)
        assert status == 403 and "history" not in body
    assert answer(finished, "/now?token=" + token)[0] == 403  # in a header only: another page cannot send it
    headers = {k.lower(): v for k, v in answer(finished)[2].items()}
    assert "default-src 'none'" in headers["content-security-policy"] and headers["cache-control"] == "no-store"
    assert finished.startswith("http://127.0.0.1:")


def test_the_page_shows_the_training(visit, finished):
    page = visit(finished, width=1400)
    page.wait_for_selector("#told:has-text('the training has ended')")
    said = json.loads(answer(finished, "/now", **{"x-difflab-token": finished.partition("token=")[2]})[1])
    assert page.locator("#layers h3").all_inner_texts() == [x["name"] for x in said["layers"]]
    assert page.locator("#layers .histogram").count() == 2 * len(said["layers"])
    assert page.locator("#mistakes li").count() == len(said["mistakes"]) > 0
    assert page.locator("#mistakes canvas").count() == len(said["mistakes"])
    assert f"is {said['mistakes'][0]['is']}" in page.locator("#mistakes li").first.inner_text()
    assert len(page.locator("#loss .line.train").get_attribute("d").split("L")) == 3
    assert len(page.locator("#accuracy .line.test").get_attribute("d").split("L")) == 3


@pytest.mark.parametrize("width, dark", [(1400, False), (1400, True), (400, False), (400, True)])
def test_axe_finds_nothing(visit, finished, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed (extra test)")
    page = visit(finished, width=width, dark=dark)
    page.wait_for_selector("#mistakes li")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_says_that_the_training_was_ended(visit):
    told = []
    with watched(told.append, open_browser=False, progress=False) as watch:
        page = visit(told[0])
        page.route("**/now", lambda route: route.fulfill(body="gone"))
        page.wait_for_selector("#told.bad")
        watch.close()
        watch.tell()
    assert "ended" in page.inner_text("#told")


def test_an_open_page_is_told_of_the_end(monkeypatch):
    monkeypatch.setattr(server_module, "GOODBYE", HANGS)
    monkeypatch.setattr(watch_module, "RECENT", HANGS)
    with watched(lambda _: None, open_browser=False, progress=False) as watch:
        looking = threading.Thread(target=until, args=(lambda: watch.tell()["ended"],))
        looking.start()
        run(Recipe("mlp", "moons", epochs=2), progress=watch)
    assert watch.told_end.is_set()
    looking.join()
    with watched(lambda _: None, open_browser=False, progress=False) as unseen:
        run(Recipe("mlp", "moons", epochs=1), progress=unseen)  # nobody looks, and nobody is waited for
    assert not unseen.told_end.is_set()


# The shell.
@pytest.fixture(params=[(), ("--devices", "2")], ids=["alone", "two devices"])
def training(tmp_path, request):
    """A training at the shell with --live, and the address that it says."""
    if request.param:
        pytest.importorskip("jax")
    command = [sys.executable, "-m", "difflab", "train", "mlp", "--epochs", "100000", "--out", str(tmp_path / "run")]
    more = ("--live", "--no-browser", "--no-report", *request.param)
    process = subprocess.Popen([*command, *more], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if found := re.search(r"http://\S+", line):
            break
    yield process, found[0]
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_running_training_is_seen_and_interrupted(training, tmp_path):
    process, address = training
    now = lambda: json.loads(answer(address, "/now", **{"x-difflab-token": address.partition("token=")[2]})[1])
    assert until(lambda: now()["history"] and now()["layers"])
    said = now()
    assert not said["ended"] and said["epochs"] == 100_000
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait() == 130 and "--resume goes on" in rest
    assert (tmp_path / "run" / "last.npz").exists()
    with pytest.raises(OSError):
        answer(address)


def test_the_shell_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    call = [
        "train",
        "mlp",
        "--data",
        "moons",
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "run"),
        "--live",
        "--no-browser",
    ]
    with watched(lambda _: None, open_browser=False, progress=False) as watch:
        pass
    assert watch.tell()["history"] == []
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert shell(call) == 2 and "pip install 'difflab[lab]'" in capsys.readouterr().err
    monkeypatch.undo()
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert shell([*call, "--port", str(taken.getsockname()[1])]) == 2
        assert "cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_json_is_alone_on_standard_output(tmp_path, capsys):
    call = ["train", "mlp", "--data", "moons", "--epochs", "1", "--out", str(tmp_path / "run"), "--no-report", "--json"]
    assert shell([*call, "--live", "--no-browser", "--quiet"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["epochs"] == 1 and "http://127.0.0.1:" in told.err
