"""Programs as files that need NumPy alone: run in a process where difflab cannot be imported, with the same bits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from out_cases import FUNCTIONS, MODELS, flat, model

import difflab as dl
from difflab.errors import InputError, UnsupportedError

CHILD = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "difflab":
            raise ImportError("difflab is not here")
sys.meta_path.insert(0, Refuse())
sys.path[:] = [p for p in sys.path if p]
import numpy as np
points = np.load(sys.argv[2], allow_pickle=True)
out = {}
for name in points.files:
    space = {"__name__": name}
    exec(compile(open(sys.argv[1] + "/" + name + ".py").read(), name, "exec"), space)
    found = space["function"](*points[name])
    for k, y in enumerate(found if isinstance(found, tuple) else (found,)):
        out[f"{name}:{k}"] = y
assert not [m for m in sys.modules if m.partition(".")[0] == "difflab"]
np.savez(sys.argv[3], **out)
"""


def program(f, xs):
    """What the program gives, not the trace of its first call."""
    compiled = dl.compile(f)
    for _ in range(3):
        found = compiled(*xs)
    return flat(found)


def everything():
    r = np.random.default_rng(1)
    large = r.normal(size=20_000)
    wave = dl.value_and_grad(lambda x: np.sum(np.sin(x) * np.cos(x) * np.exp(-x * x)))
    cases = dict(FUNCTIONS)
    cases |= {"blocks": (wave, (large,)), "gradient of product": (dl.grad(lambda x, y: np.sin(x) * y), (0.3, 2.0))}
    cases["many constants"] = (lambda x: x @ np.arange(3000.0).reshape(3, 1000) / 7, (np.ones(3),))
    for name in MODELS:
        made, params, state, x = model(name)
        infer = lambda x, made=made, params=params, state=state: made.apply(params, state, x, training=False)[0]
        cases[f"model {name}"] = (infer, (x,))
    return cases


def test_files_run_without_difflab_and_have_the_programs_bits(tmp_path):
    points, wanted = {}, {}
    for name, (f, xs) in everything().items():
        label = name.replace(" ", "_")
        (tmp_path / f"{label}.py").write_text(dl.to_numpy_source(f, *xs))
        points[label] = np.empty(len(xs), object)
        for k, x in enumerate(xs):
            points[label][k] = x
        wanted |= {f"{label}:{k}": y for k, y in enumerate(program(f, xs))}
    np.savez(tmp_path / "points.npz", **points)
    (tmp_path / "child.py").write_text(CHILD)
    command = [sys.executable, "-I", "child.py", ".", "points.npz", "found.npz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(tmp_path / "found.npz")
    assert set(found.files) == set(wanted)
    wrong = [k for k, y in wanted.items() if not (found[k].dtype == y.dtype and np.array_equal(found[k], y, True))]
    assert not wrong


def space_of(f, *xs, **more):
    space = {}
    exec(dl.to_numpy_source(f, *xs, **more), space)
    return space


def test_the_head_says_what_it_needs():
    from scipy import special

    assert "needs NumPy alone" in dl.to_numpy_source(lambda x: np.sin(x), 1.0).splitlines()[0]
    text = dl.to_numpy_source(lambda x: special.gammaln(x), np.ones(3))
    assert "needs NumPy and SciPy" in text.splitlines()[0] and "from scipy import special" in text


def test_what_math_refuses_is_numpys():
    f = space_of(lambda x: 1 / x, 1.0)["function"]
    with np.errstate(all="ignore"):
        assert f(0.0) == np.inf and f(4.0) == 0.25


def test_other_shapes_and_other_branches_are_refused():
    f = space_of(lambda x: x * 2 if x[0] > 0 else -x, np.ones(3), name="twice")["twice"]
    np.testing.assert_array_equal(f(np.ones(3)), 2 * np.ones(3))
    with pytest.raises(ValueError, match=r"x has shape \(4,\), and this was written for \(3,\)"):
        f(np.ones(4))
    with pytest.raises(ValueError, match="decided otherwise"):
        f(-np.ones(3))


def test_compiled_functions_and_graphs():
    compiled = dl.compile(lambda x: x * x)
    assert space_of(compiled, 3.0)["function"](3.0) == 9.0
    graph = dl.trace(lambda x, y: x + y, 1.0, np.ones(2))
    np.testing.assert_array_equal(space_of(graph)["function"](1.0, np.ones(2)), 2 * np.ones(2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: dl.to_numpy_source(np.sin), InputError, "needs examples"),
        (lambda: dl.to_numpy_source(np.sin, 1.0, name="two words"), InputError, "no name of a function"),
        (lambda: dl.to_numpy_source("x"), InputError, "neither a function nor a graph"),
    ],
)
def test_what_cannot_be_written_is_told(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_what_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("difflab.bridges.out.numpy_file.LARGEST", 3)
    with pytest.raises(UnsupportedError, match="5 operations are more than are written, 3"):
        dl.to_numpy_source(lambda x: np.sin(np.cos(np.tan(np.exp(x)))), 1.0)
