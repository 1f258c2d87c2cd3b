"""Comparing a function with torch's in float64: values, and the gradients by all floating-point arguments.

A test that takes the fixture `torch` runs twice. "live" computes what torch says, and is skipped where torch is not
installed. "recorded" needs no torch: it holds the same results against figures of torch's in the file beside this one,
for each array its shape and one weighted sum of its elements. `pytest --write-figures -k live` writes them anew.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorded import record, recorded

import difflab as dl

FILE = Path(__file__).with_name("torch_figures.json")


class Absent:
    """Stands for torch where nothing is asked of it: what it has, and what that returns, is the same again."""

    def __getattr__(self, name: str) -> Absent:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Absent:
        return self


@dataclass
class Judge:
    """What the running test is held against."""

    torch: Any = None
    test: str = ""
    live: bool = False
    writes: bool = False
    calls: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def begin(self, node: Any, live: bool) -> Any:
        self.torch = pytest.importorskip("torch") if live else Absent()
        self.test = os.path.basename(node.nodeid).replace("live", "").replace("recorded", "")
        self.live, self.calls = live, 0
        self.writes = live and node.config.option.write_figures
        self.figures = self.figures or recorded(FILE)
        return self.torch

    def next_key(self) -> str:
        self.calls += 1
        return f"{self.test} {self.calls}"


JUDGE = Judge()


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--write-figures", action="store_true", help="write what torch, mpmath and others say to tests/")


def pytest_sessionfinish(session: Any) -> None:
    if JUDGE.writes:
        record(FILE, JUDGE.figures)


@pytest.fixture(params=["live", "recorded"])
def torch(request: Any) -> Any:
    """torch, or where the test goes by the recorded figures something that only looks like it."""
    return JUDGE.begin(request.node, request.param == "live")


def rng_array(shape: Any, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def outputs(y: Any) -> list[Any]:
    """The parts of a result, without those that are None."""
    if isinstance(y, tuple | list):
        return [leaf for v in y for leaf in outputs(v)]
    if isinstance(y, dict):
        return [leaf for k in sorted(y) for leaf in outputs(y[k])]
    return [] if y is None else [y]


def summed(y: Any) -> tuple[list[int], float, float]:
    """Shape, weighted sum of an array, and the sum of the sizes of its terms."""
    y = np.nan_to_num(np.asarray(y, np.float64), nan=1e3, posinf=1e4, neginf=-1e4)
    terms = (y * rng_array(y.shape, 11)).ravel().tolist()
    return list(y.shape), math.fsum(terms), math.fsum(map(abs, terms))


def close(found: Any, wanted: Callable[[], Any], rtol: float = 1e-9, atol: float = 1e-11) -> None:
    """Every array of `found` against `wanted()`, which asks torch; or against what it said when it was recorded."""
    found, key = outputs(found), JUDGE.next_key()
    if not JUDGE.live:
        figures = JUDGE.figures[key]
        assert len(found) == len(figures)
        for y, (shape, figure) in zip(found, figures):
            ours = summed(y)
            assert ours[0] == shape
            assert abs(ours[1] - figure) <= 2 * rtol * ours[2] + atol * max(1, np.size(y)), (ours[1], figure)
        return
    theirs = [t.detach().numpy() if hasattr(t, "detach") else np.asarray(t) for t in outputs(wanted())]
    assert len(found) == len(theirs)
    for y, t in zip(found, theirs):
        np.testing.assert_allclose(y, t, rtol=rtol, atol=atol)
    if JUDGE.writes:
        JUDGE.figures[key] = [summed(t)[:2] for t in theirs]


def told(by_torch: Callable[[], Any]) -> Any:
    """What `by_torch()` says, numbers and texts in lists and dicts; or what it said when it was recorded."""
    key = JUDGE.next_key()
    if not JUDGE.live:
        return JUDGE.figures[key]
    found = json.loads(json.dumps(by_torch()))
    if JUDGE.writes:
        JUDGE.figures[key] = found
    return found


def agree(ours: Any, theirs: Any, arrays: list[Any], rtol: float = 1e-8) -> None:
    """Values, and the gradients of a random weighting of all outputs; arrays of integers and None are constants."""
    found = outputs(ours(*arrays))
    weights = [rng_array(np.shape(y), 7) for y in found]
    places = [k for k, a in enumerate(arrays) if a is not None and a.dtype.kind == "f"]

    def loss(*chosen: Any) -> Any:
        full = list(arrays)
        for k, x in zip(places, chosen):
            full[k] = x
        return sum(np.sum(y * w) for y, w in zip(outputs(ours(*full)), weights) if y.dtype.kind == "f")

    def gradients() -> list[Any]:
        tensors = [None if a is None else torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        total = sum(
            (t * torch.tensor(w)).sum() for t, w in zip(outputs(theirs(*tensors)), weights) if t.is_floating_point()
        )
        given = [tensors[k] for k in places]
        slopes = torch.autograd.grad(total, given, allow_unused=True)
        return [torch.zeros_like(x) if g is None else g for x, g in zip(given, slopes)]

    torch = JUDGE.torch
    close(found, lambda: theirs(*[None if a is None else torch.tensor(a) for a in arrays]))
    close(dl.grad(loss, tuple(range(len(places))))(*[arrays[k] for k in places]), gradients, rtol, 1e-10)
