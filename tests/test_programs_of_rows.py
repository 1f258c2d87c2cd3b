"""Every row in a program, with all thresholds lowered: all that can be is cut into blocks and written into buffers."""

from __future__ import annotations

import importlib

import numpy as np
import optree
import pytest
from array_cases import CASES, CONSTANT
from test_primitives_arrays import flat, inputs

import difflab as dl
from difflab import primitives
from difflab.graph.traced import apply

BATCH = 40
INTEGERS = ("ldexp",)  # rows that want integers
ELEMENTWISE = [
    r
    for r in primitives.table()
    if r.kind == "elementwise" and r.differentiable and not r.examples and r.name not in INTEGERS
]


@pytest.fixture(autouse=True)
def low_thresholds(monkeypatch):
    for module, name, value in (
        ("plan.regions", "ROWS_WORTH", 2),
        ("plan.regions", "FLAT_WORTH", 2),
        ("plan.regions", "WORK_WORTH", 0),
        ("write.region_source", "LONGEST", 16),
        ("write.region_source", "THREADS_WORTH", 0),
        ("run.blocks", "THREADS_WORTH", 0),
        ("write.numpy_source", "SMALL", 0),
        ("plan.plan", "WORTH", 0),
        ("passes.factors", "SHORTEST", 1),
    ):
        monkeypatch.setattr(importlib.import_module(f"difflab.compile.{module}"), name, value)


def check(f, xs, tolerance=1e-9):
    """The program, run three times, against the engine."""
    program = dl.compile(f)
    with np.errstate(all="ignore"):
        want = optree.tree_leaves(f(*xs))
        for _ in range(3):
            found = optree.tree_leaves(program(*xs))
            for a, b in zip(found, want, strict=True):
                scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0) if isinstance(b, np.ndarray) else 0.0
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * (1 + scale))
                assert np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize("name", sorted(CASES))
def test_array_rows(name):
    for f, *shapes in CASES[name]:
        xs = inputs(shapes)
        check(f, xs)
        if name not in CONSTANT:
            check(dl.value_and_grad(flat(f), argnums=tuple(range(len(xs)))), xs)


@pytest.mark.parametrize("name", sorted(set(CASES) - set(CONSTANT)))
def test_array_rows_in_batches(name):
    """By rows of a common leading axis."""
    for f, *shapes in CASES[name]:
        xs = inputs(shapes)
        if any(np.isnan(x).any() for x in xs):
            continue
        batch = [np.stack([x * (1 + 0.01 * k) for k in range(BATCH)]) for x in xs]
        try:
            mapped = dl.vmap(flat(f))
            mapped(*batch)
        except dl.DifflabError:  # a branch or a shape that depends on values
            continue
        check(dl.value_and_grad(lambda *a, mapped=mapped: np.sum(mapped(*a)), argnums=tuple(range(len(xs)))), batch)


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda r: r.name)
def test_elementwise_rows(row):
    rng = np.random.default_rng(1)
    points = []
    for domain in row.domain:
        low, high = max(domain.low, -50.0), min(domain.high, 50.0)
        points.append(rng.uniform(low + 1e-3, high - 1e-3, size=(BATCH, 3)))

    def f(*xs):
        return np.sum(apply(row, xs) * np.arange(1.0, 4.0))

    argnums = tuple(k for k, p in enumerate(row.partials) if p is not None)
    check(f, points)
    check(dl.value_and_grad(f, argnums=argnums or 0), points)


@pytest.mark.parametrize("shape", [(BATCH, 0), (0, 3), (BATCH, 1, 0)])
def test_blocks_without_elements(shape):
    """Beside rows that have elements, so that there is a block to run."""

    def f(x, y):
        axes = tuple(range(1, x.ndim))
        parts = np.sin(x) * np.exp(x), np.cos(x) ** 3, np.sqrt(2 + np.tanh(x))
        return sum(np.sum(part, axis=axes) for part in parts) * np.cos(y) + np.exp(y)

    x, y = np.zeros(shape), np.linspace(0.0, 1.0, shape[0])
    check(f, (x, y))
    check(dl.value_and_grad(lambda x, y: np.sum(f(x, y)), argnums=(0, 1)), (x, y))
