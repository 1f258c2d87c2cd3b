"""While a function is recorded, Python searches for garbage seldom, and as before afterwards."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from patience import HANGS

import difflab as dl
from difflab.garbage import SEARCHED_SELDOM, SELDOM


@pytest.fixture(autouse=True)
def as_it_was():
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    assert gc.get_threshold() == (700, 10, 10)
    gc.set_threshold(*before)


def chain(x):
    for _ in range(5000):
        x = np.sin(x) * 1.5 + 0.1
    return x


GRAPH = dl.trace(chain, 0.5)


def searches(work):
    """How often garbage is searched for."""
    seen = []
    note = lambda phase, info: seen.append(info["generation"]) if phase == "start" else None
    gc.collect()
    gc.callbacks.append(note)
    try:
        work()
    finally:
        gc.callbacks.remove(note)
    return seen


@pytest.mark.parametrize(
    "work",
    [
        lambda: dl.grad(chain)(0.5),
        lambda: dl.trace(chain, 0.5),
        lambda: GRAPH.forward(0.5).backward(),
        lambda: dl.backward_graph(GRAPH),
    ],
)
def test_a_recording_is_seldom_searched(work):
    """15,000 operations make 30,000 objects: at 700 a search, 43 of them."""
    work()
    found = searches(work)
    assert len(found) <= 25 and 2 not in found


def test_what_raises_leaves_it_as_it_was():
    with pytest.raises(ZeroDivisionError):
        dl.grad(lambda x: x * (1 // 0))(1.0)


def test_blocks_stand_in_each_other_and_on_threads():
    outer, inner = threading.Event(), threading.Event()

    def other():
        with SEARCHED_SELDOM:
            outer.set()
            inner.wait(HANGS)

    thread = threading.Thread(target=other)
    with SEARCHED_SELDOM:
        thread.start()
        outer.wait(HANGS)
        with SEARCHED_SELDOM:
            assert gc.get_threshold() == SELDOM
    assert gc.get_threshold() == SELDOM  # the other thread is still in its block
    inner.set()
    thread.join()


@pytest.mark.parametrize("asked", [(0, 0, 0), (50_000, 5, 5), (100_000, 10, 10)])
def test_what_the_user_asked_for_stays(asked):
    gc.set_threshold(*asked)
    seen = []
    dl.grad(lambda x: (seen.append(gc.get_threshold()), x)[1])(1.0)
    assert seen == [asked] and gc.get_threshold() == asked
    gc.set_threshold(700, 10, 10)


def test_what_the_function_sets_stays():
    dl.grad(lambda x: (gc.set_threshold(123, 4, 5), x)[1])(1.0)
    assert gc.get_threshold() == (123, 4, 5)
    gc.set_threshold(700, 10, 10)


def test_cycles_of_the_function_are_still_found():
    """A function that makes garbage in cycles does not fill the memory."""
    alive = [0, 0]

    class Block:
        def __init__(self):
            self.me = self
            alive[0] += 1
            alive[1] = max(alive[1], alive[0])

        def __del__(self):
            alive[0] -= 1

    def f(x):
        for _ in range(50_000):
            Block()
        return x * x

    dl.grad(f)(1.0)
    gc.collect()
    assert alive[0] == 0 and alive[1] <= 12_000
