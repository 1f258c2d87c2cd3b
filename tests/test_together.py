"""Tasks that threads share: each is run once, by whoever is free, and what fails is told."""

from __future__ import annotations

import _thread
import threading
from contextvars import copy_context

import numpy as np
import pytest
from patience import HANGS, until

import difflab as dl
from difflab.compile.run.blas import product
from difflab.primitives.kernels.parallel import Shared, helpers, together


@pytest.fixture
def busy():
    """The threads that help, taken by others for the time of the test."""
    end, begun = threading.Event(), threading.Semaphore(0)
    others = helpers()
    for _ in range(others.number):
        others.wanted.put((copy_context(), Shared([lambda: (begun.release(), end.wait())])))
    for _ in range(others.number):
        assert begun.acquire(timeout=HANGS)
    yield
    end.set()


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


def test_who_helps_takes_what_is_last_and_all_is_done_when_it_returns():
    here, seen = threading.get_ident(), []

    def first():
        assert until(lambda: any(who != here for _, who in seen))  # until somebody helps
        seen.append((0, threading.get_ident()))

    tasks = [first, *[lambda k=k: seen.append((k, threading.get_ident())) for k in range(1, 5)]]
    together(tasks)
    assert sorted(k for k, _ in seen) == [0, 1, 2, 3, 4]
    assert 4 in [k for k, who in seen if who != here] and (0, here) in seen


def test_an_interrupted_one_leaves_nobody_at_work():
    """Ctrl-C while it waits: who helps ends its task first, for it writes into arrays that are used again."""
    here, told, ended = threading.get_ident(), threading.Event(), []

    def slow():
        if threading.get_ident() == here:
            assert until(told.is_set)  # the other has the other one
            return
        told.set()
        _thread.interrupt_main()
        ended.append(sum(range(3_000_000)))  # what takes a while

    with pytest.raises(KeyboardInterrupt):
        together([slow, slow])
    assert ended
    together([lambda: None, lambda: None])  # and the next ones find everything as it was


def test_a_task_may_share_tasks_of_its_own():
    seen = []
    inner = lambda k: together([lambda j=j: seen.append((k, j)) for j in range(3)])
    together([lambda k=k: inner(k) for k in range(3)])
    assert sorted(seen) == [(k, j) for k in range(3) for j in range(3)]


@pytest.mark.parametrize("shape", [(200, 200, 200), (64, 784, 256), (256, 64, 784), (300, 300, 60), (60, 300, 300)])
def test_the_halves_of_a_product_are_the_whole(shape):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=shape[:2]), rng.normal(size=shape[1:])
    for x, y in ((a, b), (np.asfortranarray(a), b), (a, np.asfortranarray(b))):
        np.testing.assert_allclose(product(x, y, np.empty((shape[0], shape[2]))), a @ b, rtol=1e-11, atol=1e-11)


def test_large_products_are_cut_and_their_bits_do_not_depend_on_who_helps(busy, monkeypatch):
    x, w = np.random.default_rng(0).normal(size=(2, 200, 200))
    program = dl.compile(lambda x, w: np.tanh(x @ w), backend="numpy")
    program.prepare(x, w)
    assert "product(" in program.source and program.program.last.build().source.threaded
    found = program(x, w)
    monkeypatch.setenv("DIFFLAB_THREADS", "1")
    assert np.array_equal(found, program(x, w))
    np.testing.assert_allclose(found, np.tanh(x @ w), rtol=1e-12, atol=1e-13)
