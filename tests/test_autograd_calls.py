"""Every function that HIPS/autograd has a rule for: derivatives against differences, and against its own."""

from __future__ import annotations

import ast
import re
from importlib import import_module

import numpy as np
import pytest
from autograd_calls import CALLS, INPUTS

DISTRIBUTIONS = [f"scipy.stats.{d}" for d in "norm t beta chi2 gamma poisson dirichlet multivariate_normal".split()]
MODULES = {"np": "numpy", "la": "numpy.linalg", "sp": "scipy.special", "sl": "scipy.linalg", "sig": "scipy.signal"}


def package(root):
    """What the names of a call mean in a package."""
    named = {name: import_module(f"{root}.{path}") for name, path in MODULES.items()}
    for path in (*DISTRIBUTIONS, "builtins"):
        import_module(f"{root}.{path}")
    stats, integrate = import_module(f"{root}.scipy.stats"), import_module(f"{root}.scipy.integrate")
    return {**named, "st": stats, "odeint": integrate.odeint, "ag": import_module(root)}


OURS = package("difflab.autograd")


def theirs():
    pytest.importorskip("autograd", reason="the peers' lane compares with HIPS/autograd")
    return package("autograd")


class Call:
    """A call as a function of its inputs, with a cotangent and tangents."""

    def __init__(self, text):
        self.code = compile(text, text, "eval")
        written = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        self.names = [name for name in INPUTS if name in written]
        self.point = [INPUTS[name] for name in self.names]
        self.every = tuple(range(len(self.names)))
        rng = np.random.default_rng(3)
        self.tangents = tuple([draw(rng, x) for x in self.point])
        self.cotangent = draw(rng, np.asarray(self.read(OURS)(*self.point)))

    def read(self, names):
        return lambda *xs: eval(self.code, {**names, **dict(zip(self.names, xs))})

    def slope(self, names):
        """The derivative along the tangents by reverse mode: a number, as a function of the inputs."""
        ag, sums = names["ag"], names["np"]

        def slope(*xs):
            cotangents = ag.make_vjp(self.read(names), self.every)(*xs)[0](self.cotangent)
            return sum(sums.sum(sums.real(c * t)) for c, t in zip(cotangents, self.tangents))

        return slope

    def derivatives(self, names):
        """Of the first order, backward and forward, and of the second."""
        ag = names["ag"]
        yield "value", lambda: self.read(names)(*self.point)
        yield "backward", lambda: self.slope(names)(*self.point)
        yield "forward", lambda: ag.make_jvp(self.read(names), self.every)(*self.point)(self.tangents)[1]
        yield "second", lambda: self.along(ag.make_vjp(self.slope(names), self.every)(*self.point)[0](1.0))

    def along(self, cotangents):
        return sum(np.sum(np.real(c * t)) for c, t in zip(cotangents, self.tangents))

    def differences(self, f, step=1e-5):
        """The derivative of f along the tangents, by differences of the fourth order."""
        near, far = (
            np.asarray(f(*[x + s * t for x, t in zip(self.point, self.tangents)]))
            - np.asarray(f(*[x - s * t for x, t in zip(self.point, self.tangents)]))
            for s in (step, 2 * step)
        )
        return (8 * near - far) / (12 * step)

    def expected(self):
        run, first = self.read(OURS), self.differences(self.read(OURS))
        return {
            "value": run(*self.point),
            "backward": np.sum(np.real(self.cotangent * first)),
            "forward": first,
            "second": self.differences(self.slope(OURS)),
        }


def draw(rng, x):
    found = rng.normal(size=np.shape(x))
    return np.asarray(found + 1j * rng.normal(size=np.shape(x)) if np.iscomplexobj(x) else found)[()]


def close(a, b, tolerance):
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=0, atol=tolerance * (1 + np.max(np.abs(b), initial=0)))


@pytest.mark.parametrize("text", CALLS)
def test_derivatives_agree_with_differences(text):
    call = Call(text)
    expected = call.expected()
    for order, compute in call.derivatives(OURS):
        assert close(compute(), expected[order], 1e-6), order


@pytest.mark.parametrize("text", CALLS)
def test_derivatives_are_autograds_where_those_are_right(text):
    names = theirs()
    call = Call(text)
    expected, ours = call.expected(), dict(call.derivatives(OURS))
    for order, compute in call.derivatives(names):
        try:
            found = compute()
        except Exception:
            continue  # autograd has none, or another one than it says
        if close(found, expected[order], 1e-6):
            assert close(ours[order](), found, 1e-9), order


def test_every_function_with_a_rule_is_called():
    """What has no name in a module is internal to autograd."""
    theirs()
    rules, names = import_module("autograd.core").primitive_vjps, {}
    for path in (*MODULES.values(), "numpy.fft", "scipy.integrate", *DISTRIBUTIONS):
        for name, f in vars(import_module(f"autograd.{path}")).items():
            if callable(f) and not name.startswith("_") and f in rules:
                names.setdefault(f, []).append(name)
    assert len(names) > 170
    called = set(re.findall(r"\w+", " ".join(CALLS)))
    missing = [found for found in names.values() if not called & set(found)]
    assert missing == [["truncate_pad"]]  # a helper of its Fourier transforms
