"""The backend "auto", and the cache of its choices; with and without the packages of the candidates."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from patience import HANGS

import difflab as dl
from difflab import cache
from difflab.compile.program import auto
from difflab.compile.xla import program as xla_program
from difflab.errors import FallbackWarning, InputError
from difflab.nn.training.backend import fastest

BACKENDS = ("numpy", *auto.NEEDS)
X = np.array([[0.0, -1.5, 2.0, 0.5], [1.0, 1.0, -0.25, 3.0], [2.0, 0.0, 0.0, -2.0]])


def products(x):
    return np.sum(np.tanh(x @ x.T) ** 2) + np.linalg.norm(x)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A cache of this test's own, and contests after a few calls."""
    monkeypatch.setenv("DIFFLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(auto, "CALLS", 3)
    return tmp_path / "cache"


def settled(program, *args):
    """Calls the program until its contest has ended; all results."""
    found = [program(*args) for _ in range(4)]
    assert auto.WORKER.settled(HANGS)
    return [*found, program(*args), program(*args)]


def test_auto_gives_numpys_results_and_says_its_times(kept):
    f = dl.value_and_grad(products)
    program = dl.compile(f, backend="auto")
    for found in settled(program, X):
        for a, b in zip(found, f(X)):
            np.testing.assert_allclose(a, b, rtol=1e-10)
    told = [line for line in program.explain().splitlines() if line.startswith("auto:")]
    for name in ("numpy", *[name for name, package in auto.NEEDS.items() if find_spec(package)]):
        assert re.search(rf"\b{name} [\d,.]+ us", told[0])
    for name, package in auto.NEEDS.items():
        assert (f"auto: {name} not tried, {package} is not installed" in told) is (find_spec(package) is None)
    assert re.search(r"; (numpy|native|jax) stays$", told[0])
    assert len(cache.choices()) == 1


def test_numbers_guards_and_donated_arrays_under_auto(kept):
    program = dl.compile(lambda x: x**2 if x > 0 else -x, backend="auto")
    for x in (3.0, -2.0):
        assert {type(y) for y in settled(program, x)} == {float}
    assert [program(x) for x in (3.0, -2.0, 5.0)] == [9.0, 2.0, 25.0]
    update = dl.compile(lambda p, g: p - 0.5 * g, donate_argnums=(0,), backend="auto")
    p = np.zeros(4)
    for k in range(8):
        p = update(p, np.ones(4))
        assert np.array_equal(p, np.full(4, -0.5 * (k + 1)))
    assert auto.WORKER.settled(HANGS)
    np.testing.assert_array_equal(update(p, np.ones(4)), np.full(4, -4.5))


def test_what_others_may_write_to_is_not_read(kept):
    cache.choose("key", {"best": "jax"})
    assert cache.choices() == {"key": {"best": "jax"}}
    assert kept.stat().st_mode & 0o077 == 0 and (kept / "choices.json").stat().st_mode & 0o077 == 0
    (kept / "choices.json").chmod(0o666)
    assert cache.choices() == {}
    (kept / "choices.json").chmod(0o600)
    kept.chmod(0o777)
    with pytest.warns(FallbackWarning, match=r"the cache .* is not read: .*; chmod 700 it"):
        assert cache.choices() == {}
    kept.chmod(0o700)
    (kept / "choices.json").write_text("{")
    assert cache.choices() == {}


@pytest.mark.parametrize("bound", [{"MOST_BYTES": 300}, {"MOST_PROGRAMS": 2}])
def test_the_cache_is_bounded_cleared_and_turned_off(kept, monkeypatch, bound):
    monkeypatch.setattr(cache, "MOST_CHOICES", 5)
    for name, most in bound.items():
        monkeypatch.setattr(cache, name, most)
    for k in range(9):
        cache.choose(f"key {k}", {"best": "numpy"})
        cache.keep_program(f"program{k}", b"x" * 100, (cache.XLA, cache.NATIVE)[k % 2])
        os.utime(kept / f"program{k}{(cache.XLA, cache.NATIVE)[k % 2]}", (k, k))
        if k == 7:  # asked for, so that the other one goes
            assert cache.program("program6", cache.XLA) == b"x" * 100
    assert list(cache.choices()) == [f"key {k}" for k in range(4, 9)]
    assert [path.stem for path in cache.programs()] == ["program6", "program8"]
    told = cache.told()
    assert (told["programs"], told["native"], told["xla"]) == (2, 0, 2) and 200 < told["bytes"] <= 300
    assert cache.clear() == 3 and cache.told()["choices"] == 0
    monkeypatch.setenv("DIFFLAB_CACHE", "off")
    cache.choose("key", {"best": "numpy"})
    assert cache.choices() == {} and cache.folder() is None and not kept.joinpath("choices.json").exists()


@pytest.mark.parametrize("winner", ["native", "jax"])
def test_the_winner_answers_from_then_on(kept, monkeypatch, winner):
    pytest.importorskip(auto.NEEDS[winner])
    monkeypatch.setattr(auto.Contest, "timed", lambda self, entrants, stop: {n: 1.0 - (n == winner) for n in entrants})
    program = dl.compile(dl.grad(products), backend="auto")
    for found in settled(program, X):
        np.testing.assert_allclose(found, dl.grad(products)(X), rtol=1e-10)
    assert program.program.last.winner.backend == winner
    assert f"; {winner} stays" in program.explain()
    again = dl.compile(dl.grad(products), backend="auto")
    settled(again, X)
    assert again.program.last.winner.backend == winner
    assert f"auto: {winner} was the fastest in an earlier process" in again.explain()


@pytest.mark.parametrize("winner", BACKENDS)
def test_structures_closures_and_branches_under_each_winner(kept, monkeypatch, winner):
    """What a program must see again is seen whichever backend answers: what the function reads, branches, kinds."""
    if winner in auto.NEEDS:
        pytest.importorskip(auto.NEEDS[winner])
    monkeypatch.setattr(auto.Contest, "timed", lambda self, entrants, stop: {n: 1.0 - (n == winner) for n in entrants})
    scale, table = [2.0], {"w": np.ones(3)}

    def f(params, x, *, power=2):
        y = params["w"] * scale[0] * table["w"] + params["b"][0]
        return np.sum(y**power) if x > 0 else -np.sum(y)

    program = dl.compile(dl.grad(f), backend="auto")
    point = {"w": X[0, :3], "b": [0.5]}
    for change in (lambda: None, lambda: scale.__setitem__(0, 3.0), lambda: table.update(w=np.arange(3.0))):
        change()
        for x in (1.0, -1.0):
            for power in (2, 3):
                want = dl.grad(f)(point, x, power=power)
                for _ in range(5):
                    got = program(point, x, power=power)
                    assert got.keys() == want.keys() and type(got["b"]) is list
                    np.testing.assert_allclose(got["w"], want["w"], rtol=1e-12)
                    np.testing.assert_allclose(got["b"], want["b"], rtol=1e-12)
            assert auto.WORKER.settled(HANGS)
    narrow = {"w": np.ones(5, np.float32), "b": [np.float32(0.5)]}
    table["w"] = np.ones(5, np.float32)
    for _ in range(5):
        assert program(narrow, 1.0)["w"].dtype == dl.grad(f)(narrow, 1.0)["w"].dtype
    assert auto.WORKER.settled(HANGS)


@pytest.mark.parametrize("winner", BACKENDS)
def test_what_is_read_may_change_before_the_contest_ends(kept, monkeypatch, winner):
    """The winner's short way is for what its program was traced with, not for what stands there when it has won."""
    if winner in auto.NEEDS:
        pytest.importorskip(auto.NEEDS[winner])
    monkeypatch.setattr(auto.Contest, "timed", lambda self, entrants, stop: {n: 1.0 - (n == winner) for n in entrants})
    scale = 2.0

    def f(x):
        return np.sum(x * scale)

    program = dl.compile(f, backend="auto")
    for _ in range(4):
        assert program(X) == 2.0 * np.sum(X)
    scale = 3.0
    assert auto.WORKER.settled(HANGS)
    for scale in (3.0, 2.0, 5.0, 3.0):
        assert program(X) == np.sum(X * scale)
    plain = dl.compile(lambda x: np.sum(x * X), backend="auto")
    code = plain.__code__
    settled(plain, X)
    assert plain.__code__ is not code  # else it has its own lines


@pytest.mark.parametrize("winner", BACKENDS)
def test_threads_share_a_program_while_the_contest_is_on(kept, monkeypatch, winner):
    if winner in auto.NEEDS:
        pytest.importorskip(auto.NEEDS[winner])
    monkeypatch.setattr(auto.Contest, "timed", lambda self, entrants, stop: {n: 1.0 - (n == winner) for n in entrants})
    program = dl.compile(dl.grad(products), backend="auto")
    points = [X + k for k in range(8)]
    want = [dl.grad(products)(x) for x in points]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(6):
            for got, true in zip(pool.map(program, points), want, strict=True):
                np.testing.assert_allclose(got, true, rtol=1e-10)
    assert auto.WORKER.settled(HANGS)
    with ThreadPoolExecutor(4) as pool:  # the winner answers now
        for got, true in zip(pool.map(program, points), want, strict=True):
            np.testing.assert_allclose(got, true, rtol=1e-10)


def test_a_choice_hangs_on_what_loops_and_branches_do():
    def of(body):
        loop = lambda xs: dl.scan(lambda c, x: (body(c) + x, c), 0.5, xs)[0]
        return auto.fingerprint(dl.trace(dl.grad(loop), np.ones(4)))

    assert of(np.tanh) == of(np.tanh) != of(np.sin)
    branch = lambda g: auto.fingerprint(dl.trace(lambda x: dl.cond(x > 0, np.sin, g, x), 1.0))
    assert branch(np.cos) == branch(np.cos) != branch(np.exp)


def test_a_candidate_with_another_result_is_left_out(kept, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr(auto.Contest, "timed", lambda self, entrants, stop: {n: 1.0 - (n == "jax") for n in entrants})
    monkeypatch.setattr(xla_program.XlaSource, "compile", lambda self: lambda *xs: [2 * np.sum(xs[0])])
    program = dl.compile(np.sum, backend="auto")
    assert all(y == np.sum(X) for y in settled(program, X))
    assert "auto: jax left out, its result differs from NumPy's" in program.explain()


def test_a_contest_that_fails_is_told_and_ends_no_other(kept, monkeypatch):
    pytest.importorskip("jax")
    with monkeypatch.context() as broken:
        broken.setattr(auto, "fingerprint", lambda graph: {}["a graph"])
        program = dl.compile(products, backend="auto")
        assert settled(program, X) == pytest.approx([products(X)] * 6)
    assert "auto: NumPy's program stays; the contest ended with KeyError: 'a graph'" in program.explain()
    other = dl.compile(dl.grad(products), backend="auto")
    settled(other, X)
    assert re.search("; (numpy|native|jax) stays", other.explain())


def test_the_winner_refuses_what_numpy_refuses(kept, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr(auto.Contest, "timed", lambda self, entrants, stop: {n: 1.0 - (n == "jax") for n in entrants})
    program = dl.compile(lambda x, i: np.sum(x[i], axis=0), backend="auto")
    settled(program, X, np.array([0, 2]))
    assert program.program.last.winner.backend == "jax"
    with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 3"):
        program(X, np.array([0, 5]))


def test_the_second_process_starts_warm(kept):
    pytest.importorskip("jax")
    code = (
        "import numpy as np, difflab as dl\n"
        "f = dl.compile(lambda x: np.tanh(x @ x.T).sum(), backend='jax')\n"
        "f(np.eye(3)); print(f(np.eye(3)), f.explain().splitlines()[-1])"
    )
    run = lambda: subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    first, second = run(), run()
    assert "compiled by XLA" in first and "from the cache" in second
    assert first.split()[0] == second.split()[0]
    (path,) = cache.programs()
    path.write_bytes(b"damaged")
    assert "compiled by XLA" in run()


def test_the_environment_names_the_backend(monkeypatch):
    monkeypatch.setenv("DIFFLAB_BACKEND", "auto")
    assert dl.compile(np.sum).program.backend == "auto"
    assert dl.compile(np.sum, backend="numpy").program.backend == "numpy"
    monkeypatch.setenv("DIFFLAB_BACKEND", "quick")
    with pytest.raises(InputError, match=r"DIFFLAB_BACKEND='quick'; the backends are 'numpy', 'native', 'jax', 'auto'"):
        dl.compile(np.sum)


def test_what_is_not_installed_is_left_out(kept, monkeypatch):
    monkeypatch.setattr(auto, "find_spec", lambda package: None)
    program = dl.compile(dl.grad(products), backend="auto")
    for found in settled(program, X):
        np.testing.assert_allclose(found, dl.grad(products)(X), rtol=1e-12)
    told = program.explain()
    assert "auto: native not tried, numba is not installed" in told and "; numpy stays" in told
    assert cache.choices() and program.program.last.winner is None


@pytest.mark.parametrize(
    "wrong", [np.zeros(3), np.zeros(2, np.float32), np.array([1.0, np.nan]), np.array([1, 2]), np.array([1.0, 2.1])]
)
def test_results_are_alike_in_shape_dtype_and_numbers(wrong):
    assert auto.alike(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-12]))
    assert auto.alike(np.array([np.nan, np.inf]), np.array([np.nan, np.inf]))
    assert not auto.alike(wrong, np.array([1.0, 2.0]))


def test_a_run_finds_its_backend_before_the_first_step(tmp_path, monkeypatch):
    data = dl.nn.data.blobs(32)
    fit = lambda **options: dl.nn.fit(dl.nn.models.mlp((2, 4, 3)), data, batch_size=16, progress=False, **options)
    assert fit(epochs=1, backend="auto").about.get("backend", "numpy") in ("numpy", *auto.NEEDS)
    whole = fit(epochs=2, backend="numpy")
    fit(epochs=1, backend="numpy", out=tmp_path / "run")
    again = fit(epochs=2, backend="numpy", out=tmp_path / "run", resume=True)
    for name, layer in whole.params.items():
        for key, value in layer.items():
            np.testing.assert_array_equal(again.params[name][key], value)


def test_a_backend_that_refuses_a_step_is_not_chosen(monkeypatch):
    import importlib

    module = importlib.import_module("difflab.nn.training.backend")
    given = {"native": "numpy", "jax": "numpy"}  # both are always there

    def compiled(update, donate_argnums, backend):
        if backend == "jax":
            raise InputError("refused")
        return dl.compile(update, donate_argnums=donate_argnums)

    monkeypatch.setattr(module, "NEEDS", given)
    monkeypatch.setattr(module, "compile", compiled)
    update = lambda p, m, s, x, y: (p - 0.1 * x, m, s, np.sum(y), np.sum(x))
    trees = (np.zeros(3), np.zeros(1), np.zeros(1))
    assert fastest(update, trees, np.ones(3), np.ones(3)) in ("numpy", "native")
    assert np.array_equal(trees[0], np.zeros(3))
