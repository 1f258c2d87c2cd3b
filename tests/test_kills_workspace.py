"""What a program says of its memory is what its buffers take."""

from __future__ import annotations

import importlib

import numpy as np
import optree
import pytest

import difflab as dl

X = np.random.default_rng(3).normal(size=(600, 8))
W = np.random.default_rng(4).normal(size=(8, 8))
PROGRAMS = {
    "flat": (lambda x, w: np.sum(np.tanh(x) * np.exp(-x * x)), True),
    "rows": (lambda x, w: np.sum(np.tanh(x @ w) ** 2, axis=1), True),
    "two": (lambda x, w: np.tanh(np.sum(np.sin(x) * x, axis=0) @ np.sum(np.cos(x @ w) * x, axis=0)), True),
    "none": (lambda x, w: np.sin(w @ w) @ w, False),
}


def taken(workspace):
    """The bytes of all buffers, each counted once."""
    buffers = {}
    for array in optree.tree_leaves(workspace):
        while array.base is not None:
            array = array.base
        buffers[id(array)] = array.nbytes
    return sum(buffers.values())


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("slope", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_bytes_of_a_workspace(name, slope, cores, monkeypatch):
    for module, threshold, value in (
        ("plan.regions", "ROWS_WORTH", 2),
        ("plan.regions", "FLAT_WORTH", 2),
        ("plan.regions", "WORK_WORTH", 0),
        ("write.region_source", "LONGEST", 64),
        ("run.blocks", "THREADS_WORTH", 0),
        ("write.numpy_source", "SMALL", 0),
    ):
        monkeypatch.setattr(importlib.import_module(f"difflab.compile.{module}"), threshold, value)
    monkeypatch.setattr(importlib.import_module("difflab.compile.run.blocks"), "cores", lambda: cores)
    f, cut = PROGRAMS[name]
    program = dl.compile(dl.grad(lambda x, w: np.sum(f(x, w)), argnums=(0, 1)) if slope else f)
    program(X, W)
    source = program.program.last.build().source
    assert bool(source.blocks) or not cut
    assert {b.threads for b in source.blocks.values()} <= {1, cores}
    assert taken(source.workspace()) == source.bytes
    assert f"{source.bytes:,} bytes with the blocks' own" in program.explain()
