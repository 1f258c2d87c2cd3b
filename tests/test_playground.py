"""The playground as a file: complete in itself, small, safe, written from the table; and the Graphviz in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from importlib.resources import files

import pytest

import difflab as dl
from difflab.cli.app import run
from difflab.draw.playground import playground
from difflab.draw.playground.examples import EXAMPLES
from difflab.draw.playground.table import WITHOUT, Table
from difflab.graph.function_names import function_named, functions
from difflab.graph.parse import parse_point
from difflab.primitives import Elementwise

ASSETS = files("difflab.draw.playground") / "assets"
SMALLEST_LIMIT = 2_500_000
# Elementwise rows that need a whole number, or are of no single real number.
NOT_HERE = {"imag", "polygamma", "sinc_derivative"}


@pytest.fixture(scope="module")
def page():
    return playground()


@pytest.fixture(scope="module")
def table():
    return Table()


def test_the_command_writes_it(tmp_path, page):
    path = tmp_path / "p.html"
    assert run(["playground", str(path)]) == 0 and path.read_text(encoding="utf-8") == page
    assert run(["playground", str(path)]) == 2  # it is there already
    assert run(["playground", str(tmp_path / "p.svg")]) == 2


def test_it_loads_nothing_and_is_small(page):
    assert len(page.encode()) < SMALLEST_LIMIT
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)[1]
    assert "http" not in policy and "unsafe" not in policy.replace("'wasm-unsafe-eval'", "")
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "connect-src" not in policy
    for outside in ("<script src", "<link", "url(http", "<img", "<object", "<base", "<embed"):
        assert outside not in page
    assert not re.search(r"(?<![\w.])(?:eval|Function)\(|new Function|importScripts|document\.write", own_scripts(page))


def own_scripts(page):
    return page.replace((ASSETS / "viz.js").read_text(), "")


def test_its_policy_admits_its_scripts_and_those_of_the_page_in_it(page):
    digest = lambda text: "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
    policy = re.search(r'content="(default-src[^"]*)"', page)[1]
    inner = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])["page"]
    scripts = [text[text.rindex("<script>") + 8 : text.rindex("</script>")] for text in (page, inner)]
    styles = [re.search(r"<style>(.*?)</style>", text, re.S)[1] for text in (page, inner)]
    assert all(digest(text) in policy for text in scripts + styles)
    assert digest(scripts[1]) in inner and digest(styles[1]) in inner
    assert policy.count("sha256-") == 4


def test_each_function_of_numbers_is_there(table):
    data = table.data()
    elsewhere = {name for name in data["elsewhere"] if isinstance(function_named(name, 1), Elementwise)}
    assert elsewhere == NOT_HERE
    assert set(data["called"]) | set(data["elsewhere"]) == set(functions())
    for name, meant in data["called"].items():
        for count, k in meant.items():
            row = dl.parse(f"{name}({', '.join('abcd'[: int(count)])})").outputs[0].primitive
            assert data["operations"][k]["name"] == row.name and table.forms[k] != WITHOUT


def test_each_operation_says_its_derivatives(table):
    for name, meant in table.called.items():
        for count, k in meant.items():
            row, said = function_named(name, int(count)), table.listed[k]
            if row.differentiable:
                assert len(said["local"]) == int(count), name
                for rule, tree in zip(row.partials, said["local"], strict=True):
                    assert (tree == {"none": True}) == (rule is None), name
            else:
                assert "local" not in said, name


def test_the_examples_are_of_the_language():
    for title, text, at in EXAMPLES:
        graph = dl.parse(text)
        assert title and {n.name for n in graph.inputs} == set(parse_point(at))


def test_graphviz_is_the_one_that_is_said(page):
    said = json.loads((ASSETS / "viz.json").read_text())
    assert said["package"] == "@viz-js/viz" and said["licence"] == "MIT"
    for name in ("viz.js", "viz.wasm"):
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == said["sha256"][name]
    assert f"Viz.js {said['version']}" in page
    packed = re.search(r'<script type="text/plain" id="graphviz">(.*?)</script>', page)[1]
    assert gzip.decompress(base64.b64decode(packed)) == (ASSETS / "viz.wasm").read_bytes()
