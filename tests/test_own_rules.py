"""Rules of a user's own (defvjp, defjvp, custom_gradient): sums of tangents, missing paths, containers, wrong rules."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import difflab as dl
from difflab.errors import DtypeError, InputError, ShapeError

V = np.array([1.0, 2.0, 3.0])


def with_vjp(*rules, f=lambda x: x * x):
    made = dl.primitive(f)
    dl.defvjp(made, *rules)
    return made


def with_jvp(*rules, f=lambda x: x * x):
    made = dl.primitive(f)
    dl.defjvp(made, *rules)
    return made


def total(f):
    return lambda *xs: np.sum(f(*xs))


def own(f, pullback):
    return dl.custom_gradient(lambda *xs: (f(*xs), pullback(*xs)))


def pair(kind):
    """Two results of x and y in a container, whose tangents come from two rules."""
    rule = lambda g, ans, x, y: kind(2 * g, 3 * g)
    made = with_jvp(rule, rule, f=lambda x, y: kind(2 * (x + y), 3 * (x + y)))
    return dl.jvp(lambda x, y: np.prod(np.stack(optree.tree_leaves(made(x, y)))), (1.0, 1.0), (1.0, 1.0))[1]


third = own(lambda x, y, z: x * y * z, lambda x, y, z: lambda g: (None, g * x * z, g * x * y))
inside = own(lambda p: {"q": p["a"] * p["b"]}, lambda p: lambda g: {"a": g["q"] * p["b"], "b": g["q"] * p["a"]})

RIGHT = {
    "two rules for a tuple": (lambda: pair(lambda a, b: (a, b)), 48.0),
    "two rules for a list": (lambda: pair(lambda a, b: [a, b]), 48.0),
    "two rules for a dict": (lambda: pair(lambda a, b: {"a": a, "b": b}), 48.0),
    "no path to two results": (
        lambda: dl.jvp(with_jvp(None, f=lambda x: (x, 2 * x)), (1.0,), (1.0,))[1], (0.0, 0.0)
    ),
    "None before others": (lambda: dl.grad(third, (0, 1, 2))(2.0, 3.0, 4.0), (0.0, 8.0, 6.0)),
    "None, forward": (lambda: dl.jvp(third, (2.0, 3.0, 4.0), (1.0, 1.0, 1.0))[1], 14.0),
    "None, over a batch": (lambda: dl.vmap(dl.grad(third, (0, 1)))(V, V, V), (0 * V, V * V)),
    "None alone": (lambda: dl.grad(total(own(np.square, lambda x: lambda g: None)))(V), 0 * V),
    "a dict in and out": (
        lambda: dl.grad(lambda p: np.sum(inside(p)["q"]))({"a": V, "b": 2 * V}), {"a": 2 * V, "b": V}
    ),
    "a dict out of numbers": (lambda: inside({"a": 2.0, "b": 3.0}), {"q": 6.0}),
    "numbers of NumPy for argnums": (lambda: dl.grad(numbered)(2.0), 5.0),
}  # fmt: skip


def numbered(x):
    made = dl.primitive(lambda n, x: n * x)
    dl.defvjp(made, lambda ans, n, x: lambda g: g * n, argnums=np.array([1]))
    return made(5.0, x)


@pytest.mark.parametrize("name", RIGHT)
def test_rules_of_ones_own_are_summed_and_put_in_their_places(name):
    run, want = RIGHT[name]
    found = run()
    assert optree.tree_structure(found) == optree.tree_structure(want)
    for got, wanted in zip(optree.tree_leaves(found), optree.tree_leaves(want)):
        np.testing.assert_allclose(got, wanted)


def defined(**options):
    return lambda: dl.defvjp(dl.primitive(np.multiply), lambda ans, x, y: lambda g: g, **options)


GIVEN = {"a": V, "b": V}
other_keys = own(lambda p: p["a"] * p["b"], lambda p: lambda g: {"c": g * p["b"], "d": g * p["a"]})
one_key = own(lambda p: p["a"] * p["b"], lambda p: lambda g: {"a": g * p["b"]})
WRONG = {
    "a number for an array": (
        lambda: dl.grad(total(with_vjp(lambda ans, x: lambda g: 1.0)))(V), ShapeError, r"shape \(\), the .* \(3,\)"
    ),
    "another length": (
        lambda: dl.grad(total(with_vjp(lambda ans, x: lambda g: np.ones(2))))(V), ShapeError, r"0 has shape \(2,\)"
    ),
    "custom_gradient, another length": (
        lambda: dl.grad(total(own(np.square, lambda x: lambda g: np.ones(2))))(V), ShapeError, r"0 has shape \(2,\)"
    ),
    "text": (
        lambda: dl.grad(total(with_vjp(lambda ans, x: lambda g: "a")))(V), DtypeError, "is 'a', and no array"
    ),
    "no function": (
        lambda: dl.grad(total(with_vjp(lambda ans, x: 2 * x)))(V), InputError, "lambda g: "
    ),
    "a tangent of another length": (
        lambda: dl.jvp(with_jvp(lambda g, ans, x: np.ones(2)), (V,), (V,)), ShapeError, r"tangents of shapes \(2,\)"
    ),
    "one tangent for two results": (
        lambda: dl.jvp(with_jvp(lambda g, ans, x: (g,), f=lambda x: (x, x)), (V,), (V,)), ShapeError, "for results of"
    ),
    "tangents of two and of one": (
        lambda: dl.jvp(
            with_jvp(lambda g, ans, x, y: (g, g), lambda g, ans, x, y: (g,), f=lambda x, y: (x, y)), (V, V), (V, V)
        ),
        ShapeError,
        "2 and of 1 leaf values",
    ),
    "other keys": (lambda: dl.grad(total(other_keys))(GIVEN), ShapeError, r"\['c'\] \['d'\], the argument has \['a'\]"),
    "a key that lacks": (lambda: dl.grad(total(one_key))(GIVEN), ShapeError, "has 1 leaf values, the argument has 2"),
    "argnums as a number": (defined(argnums=0), InputError, r"argnums=0; give the numbers of the arguments"),
    "argnums below 0": (defined(argnums=(-1,)), InputError, r"argnums=\(-1,\)"),
    "argnums for more rules": (defined(argnums=(0, 1)), InputError, r"argnums=\(0, 1\) for 1 rules"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_refused_by_what_it_gave(name):
    run, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        run()
