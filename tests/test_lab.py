"""The local page: what it answers, and whom."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from difflab.errors import DifflabError, InputError
from difflab.lab.server.answers import EXAMPLES, LONGEST, answer, answered

ASSETS = files("difflab.lab.server") / "assets"
LAB_SCRIPTS = "".join((ASSETS / name).read_text() for name in ("editor.js", "lab.js"))

starlette = pytest.importorskip("starlette", reason="the lab extra is not installed")
pytest.importorskip("httpx", reason="httpx, which starlette's test client needs, is not installed (extra test)")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def client():
    from starlette.testclient import TestClient

    from difflab.lab.server import make_app

    return TestClient(make_app("secret"), base_url="http://127.0.0.1:8000")


def asked(client, part="comparison", expression="x**2", at="x=3", token="secret", **headers):
    body = {"part": part, "expression": expression, "at": at}
    return client.post("/answer", json=body, headers={"x-difflab-token": token, **headers})


def test_the_page_needs_the_token_and_this_machine(client):
    assert client.get("/").status_code == 403
    assert client.get("/?token=wrong").status_code == 403
    assert client.get("/?token=secret", headers={"host": "evil.example"}).status_code == 403
    home = client.get("/?token=secret")
    assert home.status_code == 200 and "aria-live" in home.text
    for wrong in ({"token": "wrong"}, {"host": "evil.example"}):
        assert asked(client, **wrong).status_code == 403
    for headers in ({"x-difflab-token": "wrong"}, {"x-difflab-token": "secret", "host": "evil.example"}):
        assert client.get("/file", headers=headers).status_code == 403


def test_the_page_s_policy_admits_its_own_scripts_and_styles_alone(client):
    home = client.get("/?token=secret")
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', home.text)[1]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["connect-src"] == rules["frame-src"] == "'self'"
    assert "http" not in policy and "unsafe" not in policy.replace("'wasm-unsafe-eval'", "") and "nonce" not in policy
    digest = lambda text: "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
    script = home.text[home.text.rindex("<script>") + 8 : home.text.rindex("</script>")]
    style = re.search(r"<style>(.*?)</style>", home.text, re.S)[1]
    card = re.search(r"<style>(.*?)</style>", asked(client).json()["html"], re.S)[1]
    assert digest(script) in rules["script-src"]
    assert digest(style) in rules["style-src"] and digest(card) in rules["style-src"]
    assert "style=" not in asked(client).json()["html"]  # which the policy would leave out
    within = home.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in within and "form-action 'none'" in within
    assert not re.search(r"(?<![\w.])(?:eval|Function)\(|new Function|document\.write", LAB_SCRIPTS)


@pytest.mark.parametrize("title, expression, at", EXAMPLES, ids=[e[0] for e in EXAMPLES])
def test_every_example_answers(client, title, expression, at):
    page = asked(client, "page", expression, at).json()["page"]
    shown = client.get(page)
    assert shown.status_code == 200 and "<svg" in shown.text
    assert shown.headers["content-security-policy"] == "sandbox allow-scripts"
    assert "reverse" in asked(client, "comparison", expression, at).json()["html"]
    proof = asked(client, "certificate", expression, at).json()["html"]
    assert ("not differentiable" if title == "A kink" else "</span> certified: value") in proof
    assert "∂f/∂" in asked(client, "simplified", expression, at).json()["html"]
    curve = asked(client, "curve", expression, at).json()["html"]
    assert ("<svg" in curve and "best step" in curve) or "there is none" in curve


def test_old_pages_are_let_go(client, monkeypatch):
    monkeypatch.setattr("difflab.lab.server.pages.MOST", 8)
    names = [asked(client, "page", "x", f"x={k}").json()["page"] for k in range(10)]
    assert client.get(names[0]).status_code == 404 and client.get(names[-1]).status_code == 200


@pytest.mark.parametrize(
    "expression, at, words",
    [
        ("", "x=1", "the expression is empty"),
        ("x +", "x=1", "x +"),
        ("x*y", "x=1", "no value for y"),
        ("x", "x=1,z=2", "the point names z"),
        ("x", "x=", "write name=value"),
        ("nosuch(x)", "x=1", "nosuch"),
        ("x" * (LONGEST + 1), "x=1", "at most 2,000"),
        (3, "x=1", "must be text"),
    ],
)
def test_what_is_wrong_is_said(client, expression, at, words):
    with pytest.raises(DifflabError, match=None) as error:
        answer("page", expression, at)
    assert words in str(error.value)
    assert words in asked(client, "page", expression, at).json()["error"]


def test_requests_that_are_not_questions(client):
    headers = {"x-difflab-token": "secret"}
    assert client.post("/answer", content=b"{", headers=headers).status_code == 400
    assert client.post("/answer", content=b"x" * 30_000, headers=headers).status_code == 413
    assert "no part" in asked(client, "nothing").json()["error"]


@pytest.mark.parametrize(
    "seconds, megabytes, expression, words",
    [
        (0.3, 1024, "sum(sin(linspace(0,x,10000000)))", "took longer than 0.3 s and was stopped; take smaller arrays"),
        (60.0, 128, "sum(linspace(0,x,10000000))", "needs more than 0.125 GiB of memory"),
        (60.0, 128, "sum(outer(linspace(0,x,20000),linspace(0,1,20000)))", "(outer: Unable to allocate 2.98 GiB"),
    ],
)
@pytest.mark.parametrize("part", ["page", "comparison", "curve"])
def test_limits_are_said_by_name(client, monkeypatch, part, seconds, megabytes, expression, words):
    monkeypatch.setattr("difflab.lab.server.work.SECONDS", seconds)
    monkeypatch.setattr("difflab.lab.server.work.MEGABYTES", megabytes)
    found = asked(client, part, expression, "x=1")
    assert (found.status_code, found.json()["kind"]) == (422, "limit")
    assert found.json()["error"].startswith(f"the {part} ") and words in found.json()["error"]


def test_an_answer_has_a_largest_size(monkeypatch):
    monkeypatch.setattr("difflab.lab.server.answers.LARGEST", 1000)
    assert answered("comparison", "x", "x=1") == (
        "input",
        "the comparison would have 0 MB, at most 16 are shown; take a smaller array",
    )


def test_an_error_of_difflab_is_said_with_its_traceback_on_the_terminal(monkeypatch, capfd):
    monkeypatch.setattr("difflab.lab.server.answers.answer", lambda *_: 1 / 0)
    kind, told = answered("comparison", "x", "x=1")
    assert kind == "error" and told.startswith("ZeroDivisionError: division by zero; its traceback")
    assert "Traceback" in capfd.readouterr().err


def test_a_port_in_use_is_named():
    from difflab.lab.server.door import free_port

    with free_port(0) as taken:
        taken.listen()
        with pytest.raises(InputError, match="cannot be used"):
            free_port(taken.getsockname()[1])
