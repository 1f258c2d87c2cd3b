"""Arrays on the step-through page: what the generated script computes is NumPy's, forward and backward."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from array_cases import CASES
from page_programs import PROGRAMS
from patience import HANGS

import difflab as dl
from difflab.draw.page.document import data_of, script_of as whole_script
from difflab.draw.page.live import Live
from difflab.draw.page.model import Model
from difflab.errors import UnsupportedError

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
    model = Model(backward.forward, backward)
    live = Live(model)
    data = json.dumps(data_of(model, live))
    script = whole_script(live, None)
    script = script[script.index("\n") : script.index('const stage=document.getElementById("stage")')]
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
    done = subprocess.run([node, "-"], input=text, capture_output=True, text=True, check=False, timeout=HANGS)
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


# The cases of the array rows: what of them a page cannot compute, and why.
REFUSED = {
    "several results", "0 entries", "whole numbers", "no program in JavaScript", "places that change", "real numbers",
}  # fmt: skip
LIVE = 330  # of the cases, at least


def test_the_cases_of_the_array_rows_are_numpy_s(request):
    rng = np.random.default_rng(3)
    found, scripts = [], []
    for name, cases in CASES.items():
        for f, *shapes in cases:
            at = [value_at(rng, s) for s in shapes]
            backward = recorded_pass(f, at)
            if backward is None:
                continue
            try:
                scripts.append((script_of(backward), [[sent(x) for x in at]]))
                found.append((name, backward))
            except UnsupportedError as error:
                assert any(reason in str(error) for reason in REFUSED), (name, error)
    assert len(found) >= LIVE
    for (name, backward), (answer,) in zip(
        found, run_all(scripts, lambda: request.getfixturevalue("chromium")), strict=True
    ):
        for node, got in zip(backward.graph.order, answer["values"], strict=True):
            assert agree(got, backward.forward.values[node]), (name, node, got)
        for flow, e in zip(answer["flows"], backward.edges, strict=True):
            assert agree(flow["down"], e.downstream), (name, e, flow)


def value_at(rng, shape):
    if not isinstance(shape, tuple):
        return np.asarray(shape)
    return np.asarray(rng.uniform(0.3, 1.5, shape) * rng.choice([-1, 1], shape))[()]


def recorded_pass(f, at):
    """The backward pass of a case on doubles with one result; None for other cases."""
    if any(x.dtype != float for x in at):
        return None
    try:
        graph = dl.trace(lambda *xs: f(*xs), *at)
        forward = graph.forward(*at)
        return None if isinstance(forward.values[graph.outputs[0]], tuple) else forward.backward()
    except dl.DifflabError:
        return None
