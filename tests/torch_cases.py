"""Comparing a function with torch's in float64: values, and the gradients by all floating-point arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import difflab as dl


def rng_array(shape: Any, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def outputs(y: Any) -> list[Any]:
    """The parts of a result, without those that are None."""
    if isinstance(y, tuple | list):
        return [leaf for v in y for leaf in outputs(v)]
    return [] if y is None else [y]


def agree(ours: Any, theirs: Any, arrays: list[Any], rtol: float = 1e-8) -> None:
    """Values, and the gradients of a random weighting of all outputs; arrays of integers and None are constants."""
    torch = pytest.importorskip("torch")
    tensors = [None if a is None else torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    theirs_out, ours_out = outputs(theirs(*tensors)), outputs(ours(*arrays))
    weights = [rng_array(tuple(t.shape), 7) for t in theirs_out]
    assert len(ours_out) == len(theirs_out)
    for y, t in zip(ours_out, theirs_out):
        np.testing.assert_allclose(y, t.detach().numpy(), rtol=1e-9, atol=1e-11)
    places = [k for k, a in enumerate(arrays) if a is not None and a.dtype.kind == "f"]

    def loss(*chosen: Any) -> Any:
        full = list(arrays)
        for k, x in zip(places, chosen):
            full[k] = x
        return sum(np.sum(y * w) for y, w in zip(outputs(ours(*full)), weights) if y.dtype.kind == "f")

    total = sum((t * torch.tensor(w)).sum() for t, w in zip(theirs_out, weights) if t.is_floating_point())
    found = dl.grad(loss, tuple(range(len(places))))(*[arrays[k] for k in places])
    wanted = torch.autograd.grad(total, [tensors[k] for k in places], allow_unused=True)
    for g, t, k in zip(found, wanted, places):
        t = np.zeros(arrays[k].shape) if t is None else t.numpy()
        np.testing.assert_allclose(g, t, rtol=rtol, atol=1e-10)
