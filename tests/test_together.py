"""Tasks that threads share: each is run once, by whoever is free, and what fails is told."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import difflab as dl
from difflab.primitives.kernels.parallel import cores, together, workers


@pytest.fixture
def busy():
    """The threads that help, taken by others for the time of the test."""
    end = threading.Event()
    jobs = [workers().submit(end.wait) for _ in range(max(1, cores() - 1))]
    yield
    end.set()
    for job in jobs:
        job.result()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_task_is_run_once(count):
    seen = []
    together([lambda k=k: seen.append(k) for k in range(count)])
    assert sorted(seen) == list(range(count))


def test_where_nobody_helps_all_is_done_here(busy):
    seen = []
    together([lambda: seen.append(threading.get_ident()) for _ in range(3)])
    assert seen == [threading.get_ident()] * 3


@pytest.mark.parametrize("where", [0, 1])
def test_what_fails_is_told(where):
    def task(k):
        if k == where:
            raise ZeroDivisionError("here")

    with pytest.raises(ZeroDivisionError, match="here"):
        together([lambda k=k: task(k) for k in range(2)])


def test_behind_a_failure_nothing_new_is_begun(busy):
    seen = []

    def fails():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        together([fails, lambda: seen.append(1)])
    assert not seen


def test_large_products_are_cut_and_their_bits_do_not_depend_on_who_helps(busy, monkeypatch):
    x, w = np.random.default_rng(0).normal(size=(2, 200, 200))
    program = dl.compile(lambda x, w: np.tanh(x @ w), backend="numpy")
    program.prepare(x, w)
    assert "product(" in program.source and program.program.last.build().source.threaded
    found = program(x, w)
    monkeypatch.setenv("DIFFLAB_THREADS", "1")
    assert np.array_equal(found, program(x, w))
    np.testing.assert_allclose(found, np.tanh(x @ w), rtol=1e-12, atol=1e-13)
