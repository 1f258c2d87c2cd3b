"""Arrays on the step-through page: what the generated script computes is NumPy's, forward and backward."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from page_programs import PROGRAMS

import difflab as dl
from difflab.draw.page import page_of

CLOSE = 1e-12
RUN = """
const special_ = v => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v);
const told = v => (v instanceof Arr ? { s: v.shape, x: v.data.map(special_) } : v === undefined ? null : special_(v));
const answer = at => {
  data.inputs.forEach((k, i) => { if (at) nodes[k].value = at[i]; });
  const { values, flows, adjoint } = passes(false);
  return { values: values.map(told), adjoint: adjoint.map(told),
    flows: flows.map(f => ({ k: f.k, up: told(f.up), local: told(f.local), down: told(f.down) })) };
};
"""


def script_of(backward):
    """The part of a page's script that computes, with its data, as a function of a list of points."""
    text = page_of(backward, ulps=False)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1]
    script = re.search(r"<script>\(\(\) => \{\n(.*)\n\}\)\(\);</script>", text, re.S)[1]
    assert "const OPS = [" in script, re.findall("Recorded steps:[^<]*", text)
    script = script[: script.index('const stage = document.getElementById("stage")')]
    page = f"const document = {{ getElementById: () => ({{ textContent: {json.dumps(data)} }}) }};"
    return f"(points => {{{page}\n{script}\n{RUN}\nreturn points.map(answer);}})"


def run_all(scripts, chromium):
    """Each script at its points: in Node where it is there, else in the browser."""
    node = shutil.which("node")
    if node is None:
        page = chromium().new_page()
        found = [page.evaluate(f"points => ({script})(points)", points) for script, points in scripts]
        page.close()
        return found
    calls = ",\n".join(f"() => {script}({json.dumps(points)})" for script, points in scripts)
    tried = "f => { try { return f(); } catch (e) { return String(e.stack); } }"
    text = f"console.log(JSON.stringify([{calls}].map({tried})));"
    done = subprocess.run([node, "-"], input=text, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


SPECIAL = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def value_of(told):
    number = lambda v: float(SPECIAL.get(v, v))
    if isinstance(told, dict):
        return np.array([number(v) for v in told["x"]]).reshape(told["s"])
    return np.float64(number(told))


def agree(got, true):
    """Whether an array of the page is Python's, to 1e-12 of its own size."""
    got, true = value_of(got), np.asarray(true, dtype=float)
    if got.shape != true.shape:
        return False
    finite = np.abs(true[np.isfinite(true)])
    size = max(float(finite.max(initial=0.0)), 1e-3)
    return np.allclose(got, true, rtol=CLOSE, atol=CLOSE * size, equal_nan=True)


def points_of(f, at):
    """The point itself and one beside it."""
    beside = [np.asarray(x * 1.25 + 0.125) if np.all(np.isfinite(x)) else x for x in at]
    return [at, beside]


def sent(x):
    x = np.asarray(x)
    entries = [
        v if np.isfinite(v) else next(name for name, s in SPECIAL.items() if str(s) == str(v))
        for v in x.ravel().tolist()
    ]
    return {"s": list(x.shape), "x": entries} if x.ndim else entries[0]


@pytest.fixture(scope="module")
def computed(request):
    scripts = []
    for f, at in PROGRAMS.values():
        backward = dl.trace(f, *at).forward(*at).backward()
        scripts.append((script_of(backward), [[sent(x) for x in p] for p in points_of(f, at)]))
    return dict(zip(PROGRAMS, run_all(scripts, lambda: request.getfixturevalue("chromium")), strict=True))


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_script_computes_what_numpy_computes(computed, name):
    f, at = PROGRAMS[name]
    graph, answers = dl.trace(f, *at), computed[name]
    assert not isinstance(answers, str), answers
    for point, answer in zip(points_of(f, at), answers, strict=True):
        backward = graph.forward(*point).backward()
        for node, got in zip(graph.order, answer["values"], strict=True):
            assert agree(got, backward.forward.values[node]), (node, got, backward.forward.values[node])
        assert [flow["k"] for flow in answer["flows"]] == list(range(len(backward.edges)))
        for flow, e in zip(answer["flows"], backward.edges, strict=True):
            assert agree(flow["up"], e.upstream) and agree(flow["down"], e.downstream), (e, flow)
            if e.local is not None:
                local = np.broadcast_to(e.local, np.shape(value_of(flow["local"])))
                assert agree(flow["local"], local), (e, flow)
        for node, got in zip(graph.order, answer["adjoint"], strict=True):
            if node in backward.reached:
                assert agree(got, backward.adjoint[node]), (node, got, backward.adjoint[node])
