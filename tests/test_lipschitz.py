"""Local Lipschitz constants against the singular values of Jacobians that are written down."""

from __future__ import annotations

import numpy as np
import pytest

import difflab as dl
from difflab import nn
from difflab.errors import DomainError, DtypeError, InputError, TraceError

rng = np.random.default_rng(0)
WIDE, TALL = rng.normal(size=(3, 7)), rng.normal(size=(8, 3))
kernel = rng.normal(size=(3, 2, 3, 3))
CASES = {
    "a wide matrix": (lambda x: WIDE @ x, np.zeros(7)),
    "a tall matrix": (lambda x: TALL @ x, np.zeros(3)),
    "a curved function": (lambda x: np.tanh(TALL @ x) ** 2, np.array([0.3, -0.2, 0.1])),
    "a convolution": (lambda x: nn.functional.conv2d(x[None], kernel, stride=2, padding=1)[0], np.zeros((2, 5, 6))),
    "relu at a point": (lambda x: np.maximum(WIDE @ x, 0), rng.normal(size=7)),
    "a number of many": (lambda x: np.sum(np.sin(x)), np.arange(4.0)),
    "many of a number": (lambda x: np.exp(x * np.arange(3)), 0.7),
}


@pytest.mark.parametrize("case", CASES)
def test_the_largest_singular_value(case):
    f, x = CASES[case]
    found = dl.lab.lipschitz(f, x, tolerance=1e-7)
    J = np.reshape(dl.jacobian(f)(x), (np.size(f(x)), np.size(x)))
    want = np.linalg.svd(J, compute_uv=False)[0]
    assert found.converged and found.value == pytest.approx(want, rel=1e-6) and float(found) == found.value
    assert np.shape(found.direction) == np.shape(x) and np.linalg.norm(found.direction) == pytest.approx(1)
    assert np.linalg.norm(J @ np.ravel(found.direction)) == pytest.approx(found.value, rel=1e-12)


def test_trees_are_one_long_vector():
    f = lambda p: {"a": p[0] * 3, "b": (p[1] @ WIDE, p[0])}
    x = (rng.normal(size=2), rng.normal(size=3))
    want = max(np.sqrt(10), np.linalg.norm(WIDE, 2))
    found = dl.lab.lipschitz(f, x, tolerance=1e-7)
    assert found.value == pytest.approx(want, rel=1e-6)
    assert [d.shape for d in found.direction] == [(2,), (3,)]


def test_it_is_never_above_and_says_when_it_has_not_arrived():
    close = np.diag([1.0, 0.999, 0.5])
    few = dl.lab.lipschitz(lambda x: close @ x, np.zeros(3), steps=3)
    assert not few.converged and few.steps == 3 and few.residual > 1e-4 and few.value <= 1 + 1e-14
    many = dl.lab.lipschitz(lambda x: close @ x, np.zeros(3), steps=10_000, tolerance=1e-6)
    assert many.converged and many.steps > 100 and many.value == pytest.approx(1, abs=1e-9)


def test_the_record_is_made_once_and_keeps_the_dtype():
    calls = []

    def f(x):
        calls.append(x.dtype)
        return np.float32(2) * x

    found = dl.lab.lipschitz(f, np.ones(4, np.float32))
    assert calls == [np.float32] and found.direction.dtype == np.float32
    assert found.value == pytest.approx(2, rel=1e-6)


def test_nothing_to_stretch():
    found = dl.lab.lipschitz(lambda x: 0 * x + 1, np.ones(3))
    assert (found.value, found.converged, found.steps) == (0.0, True, 1)


@pytest.mark.parametrize(
    ("call", "kind", "told"),
    [
        (lambda: dl.lab.lipschitz(3, np.ones(2)), InputError, "3 is not a function"),
        (lambda: dl.lab.lipschitz(np.sin, np.ones(2), steps=0), InputError, "steps=0"),
        (lambda: dl.lab.lipschitz(np.sin, np.ones(2), tolerance=2), InputError, "tolerance=2"),
        (lambda: dl.lab.lipschitz(np.sin, np.ones(2, int)), DtypeError, "lipschitz: argument 0.*int"),
        (lambda: dl.lab.lipschitz(np.sin, np.ones(2) * 1j), DtypeError, "x is complex"),
        (lambda: dl.lab.lipschitz(lambda x: np.exp(1j * x), np.ones(2)), DtypeError, r"f\(x\) is complex"),
        (lambda: dl.lab.lipschitz(np.sqrt, np.zeros(2)), DomainError, "not finite"),
        (lambda: dl.grad(lambda x: float(dl.lab.lipschitz(np.sin, x)))(TALL[0]), TraceError, "lipschitz: the point"),
        (lambda: dl.grad(lambda x: float(dl.lab.lipschitz(lambda z: z * x, TALL[0])))(TALL[0]), TraceError, "call it"),
    ],
)
def test_what_has_no_constant_is_refused(call, kind, told):
    with np.errstate(all="ignore"), pytest.raises(kind, match=told):
        call()
