"""Random programs on HIPS/autograd and on difflab.autograd: where theirs is right, ours is the same."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import optree
import pytest
from hypothesis import assume, given
from random_programs import DOUBLE, EVERYTHING, SEEDS, examples, programs

import difflab.autograd as ag
import difflab.autograd.numpy as anp
from difflab.autograd.scipy import special


def ways():
    """Both packages: their operators, and what the names of a program mean there."""
    theirs = pytest.importorskip("autograd", reason="the peers' lane compares with HIPS/autograd")
    names, sp = import_module("autograd.numpy"), import_module("autograd.scipy.special")
    return (theirs, {"np": names, "dnp": names, "sp": sp}), (ag, {"np": anp, "dnp": anp, "sp": special})


def flat(tree):
    return np.concatenate([np.ravel(x).astype(float) for x in optree.tree_leaves(tree)] or [np.zeros(0)])


def outcome(call):
    """The numbers, or None where the package has no answer."""
    try:
        found = flat(call())
    except Exception:
        return None
    return found if np.all(np.isfinite(found)) else None


def agree(a, b, tolerance):
    return np.allclose(a, b, rtol=0, atol=tolerance * (1 + np.max(np.abs(b), initial=0.0)))


def differences(f, leaves, step=1e-6):
    """The slopes of a function of several arrays, by central differences."""
    found = []
    for k, x in enumerate(leaves):
        for place in np.ndindex(np.shape(x)):
            up, down = ([np.array(y) for y in leaves] for _ in range(2))
            up[k][place] += step
            down[k][place] -= step
            found.append((f(*up) - f(*down)) / (2 * step))
    return np.array(found)


@examples(60)
@given(programs("number", tuple(f for f in EVERYTHING if f != "casts"), dtypes=(DOUBLE,)), SEEDS)
def test_what_autograd_finds_is_found(program, seed):
    leaves = program.leaves(seed)
    every = tuple(range(len(leaves)))
    tangents = [np.cos(np.arange(np.size(x)).reshape(np.shape(x))) for x in leaves]

    def derivatives(package, names):
        """The gradient, its slope along the tangents as a function, and the gradient of that."""
        function = program.read_with(names)
        f = lambda *xs: function(*program.arguments(list(xs)))
        slope = lambda *xs: sum(package.numpy.sum(g * t) for g, t in zip(package.grad(f, every)(*xs), tangents))
        return (
            outcome(lambda: package.grad(f, every)(*leaves)),
            slope,
            outcome(lambda: package.grad(slope, every)(*leaves)),
        )

    theirs, ours = (derivatives(*way) for way in ways())
    assume(theirs[0] is not None and agree(theirs[0], differences(program.of_leaves, leaves), 1e-5))
    assert ours[0] is not None and agree(ours[0], theirs[0], 1e-9)
    if theirs[2] is not None and agree(theirs[2], differences(ours[1], leaves), 1e-5):
        assert ours[2] is not None and agree(ours[2], theirs[2], 1e-7)
