"""What reaches the local page's server: every body that is no question is refused by name, and none harms."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings, strategies as st

from difflab.errors import InputError
from difflab.lab.server.question import PARTS, Question, question

pytest.importorskip("starlette", reason="the lab extra is not installed")
pytest.importorskip("httpx", reason="starlette's test client needs httpx")

GOOD = {
    "part": "comparison",
    "expression": "x**2",
    "at": "x=3",
    "page": "p-1",
    "round": 4,
    "kind": "expression",
    "function": "",
}


def body(**changes):
    return json.dumps({**GOOD, **changes}).encode()


def with_number(text):
    return body(round=7).replace(b"7", text)


BAD = {
    "no JSON": (b"{", "not JSON"),
    "nothing": (b"", "not JSON"),
    "bad UTF-8": (b'{"part": "\xff"}', "not UTF-8 at byte 10"),
    "UTF-16": ("{}".encode("utf-16"), "not UTF-8"),
    "NaN": (with_number(b"NaN"), "NaN is no number"),
    "-Infinity": (with_number(b"-Infinity"), "-Infinity is no number"),
    "1e999": (with_number(b"1e999"), "round is inf"),
    "-0.0": (with_number(b"-0.0"), "round is -0.0"),
    "1.0": (with_number(b"1.0"), "round is 1.0"),
    "-1": (with_number(b"-1"), "round is -1"),
    "2**53 + 1": (with_number(str(2**53 + 1).encode()), "from 0 to 2**53"),
    "4,000 digits": (with_number(b"9" * 4000), "from 0 to 2**53"),
    "10,000 digits": (with_number(b"9" * 10_000), "not JSON"),
    "true": (body(round=True), "round is True"),
    "text for a number": (body(round="1"), "round is '1'"),
    "a list for a number": (body(round=[1]), "round is list"),
    "a number for text": (body(expression=1), "the expression is int; it must be text"),
    "null for text": (body(at=None), "the point is NoneType"),
    "a list": (b"[]", "must be an object"),
    "a number alone": (b"1", "must be an object"),
    "missing": (b'{"part": "page", "at": ""}', "has no expression"),
    "extra": (body(more=1), "has 'more'"),
    "unknown part": (body(part="nothing"), "no part 'nothing'"),
    "unknown kind": (body(kind="shell"), "no kind 'shell'; there are expression, code and file"),
    "a number for a kind": (body(kind=1), "no kind 1"),
    "a function with signs": (body(function="f()"), "function is 'f()'; it must be the name of a function"),
    "a number for a function": (body(function=1), "function is 1"),
    "a function's long name": (body(function="f" * 101), "must be the name of a function"),
    "a file's name": (body(file="/etc/passwd"), "has 'file'"),
    "long code": (body(kind="code", expression="x" * 10_001), "the code has 10,001 characters; at most 10,000"),
    "a list for a part": (body(part=[[1]]), "no part list"),
    "a page's name with signs": (body(page="<b>"), "page is '<b>'"),
    "a page's long name": (body(page="a" * 65), "at most 64"),
    "a number for a page": (body(page=3), "page is 3"),
    "nested": (b'{"part": ' + b"[" * 9000 + b"]" * 9000 + b"}", ""),
    "a lone surrogate": (body(expression="\ud800"), "half a character"),
    "too long": (body(expression="x" * 2001), "2,001 characters; at most 2,000"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_question_is_said(case):
    data, words = BAD[case]
    with pytest.raises(InputError) as error:
        question(data)
    assert words in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize("round", [0, 2**53, None])
def test_a_question_is_read(round):
    assert question(body(round=round)) == Question(*{**GOOD, "round": round}.values())
    assert question(b'{"part": "page", "expression": "x", "at": "x=1"}').page == ""
    assert question(with_number(b"-0")).round == 0


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
TREES = st.recursive(
    SCALARS,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(list(GOOD)) | st.text(), x),
    max_leaves=12,
)
ALMOST = st.fixed_dictionaries(dict.fromkeys(GOOD, SCALARS)).map(lambda changes: GOOD | changes)


@settings(max_examples=150)
@given(st.binary(max_size=60) | (TREES | ALMOST).map(lambda x: json.dumps(x).encode()))
def test_any_body_is_a_question_or_refused(data):
    try:
        found = question(data)
    except InputError as error:
        assert str(error).isprintable()
    else:
        assert isinstance(found, Question)


@pytest.fixture
def client(monkeypatch):
    from starlette.testclient import TestClient

    from difflab.lab.server import make_app
    from difflab.lab.server.work import Answer, Work

    async def run(self):
        return Answer(200, {"html": self.question.expression})

    monkeypatch.setattr(Work, "run", run)
    return TestClient(make_app("secret"), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "content, kind, status",
    [
        (body(), "application/json", 200),
        (body(), "application/json; charset=utf-8", 200),
        (body(), None, 200),
        (body(), "text/plain", 415),
        (body(), "application/x-www-form-urlencoded", 415),
        (b"{", "application/json", 400),
        (with_number(b"1e999"), "application/json", 400),
        (body() + b" " * 20_000, "application/json", 413),
    ],
)
def test_the_status_says_what_is_wrong(client, content, kind, status):
    headers = {"x-difflab-token": "secret"} | ({} if kind is None else {"content-type": kind})
    answer = client.post("/answer", content=content, headers=headers)
    assert answer.status_code == status and answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("error" in answer.json()) == (status != 200)


def test_the_token_comes_before_everything_else(client):
    for headers in ({}, {"x-difflab-token": "wrong"}, {"x-difflab-token": "secret", "host": "evil.example"}):
        answer = client.post("/answer", content=b"x" * 30_000, headers=headers)
        assert answer.status_code == 403 and answer.json()["kind"] == "token"
    assert client.get("/answer").status_code == 405 and client.get("/nothing").status_code == 404


HOSTILE = (
    "<script>alert(1)</script>",
    "x<img src=x onerror=alert(1)>",
    "where(x<1, x, 2)",
    "'\"><svg onload=alert(1)>",
    "x\0",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("part", PARTS)
def test_no_text_becomes_markup(part, text):
    from difflab.lab.server.answers import answered

    kind, shown = answered(part, text, "x=1")
    assert kind in ("html", "input")
    if kind == "html":
        assert not any(bad in shown for bad in ("<script>alert", "<img", "onerror=", "onload=", "x<1"))
