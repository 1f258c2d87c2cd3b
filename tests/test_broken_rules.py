"""find_broken_rule: a wrong rule put into each row in turn is named, and none is named where all are right."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from array_cases import CASES

import difflab as dl
from difflab.graph.traced import apply
from difflab.lab.accuracy import not_real
from difflab.primitives import TABLE, Gate, table
from difflab.testing import find_broken_rule
from difflab.testing.orders import scalar


@contextmanager
def replaced(row, **fields):
    """A row with other rules, for a while."""
    before = {k: getattr(row, k) for k in fields}
    try:
        for k, v in fields.items():
            object.__setattr__(row, k, v)
        yield
    finally:
        for k, v in before.items():
            object.__setattr__(row, k, v)


def wrong(rule, factor):
    def partial(m, y, *x, **params):
        found = rule if isinstance(rule, int) else rule(m, y, *x, **params)
        return Gate(found.mask, found.factor * factor) if isinstance(found, Gate) else found * factor

    return partial


def partials_by(row):
    """The operands that an elementwise row has a derivative by."""
    return [i for i, p in enumerate(row.partials) if p is not None and p != 0 and row.domain[i].of != "whole"]


def subject(row, wanted, seed):
    """A row as a scalar function of the operands `wanted`, and a point of its domain."""
    rng = np.random.default_rng(seed)
    drawn = [float(rng.uniform(d.low, d.high)) for d in row.domain]
    at = [{"whole": round(v), "truth": v > 0}.get(d.of, v) for v, d in zip(drawn, row.domain)]
    params = dict((row.examples or ({},))[0])

    def f(*x):
        full = list(at)
        for i, v in zip(wanted, x):
            full[i] = v
        return apply(row, tuple(full), params) * 1.5

    return f, tuple(at[i] for i in wanted)


# The derivative of these is 0, so that no factor makes it wrong.
FLAT = ("sign", "heaviside")
ELEMENTWISE = [
    row.name
    for row in table()
    if row.kind == "elementwise"
    and row.differentiable
    and not not_real(row)
    and row.name not in FLAT
    and partials_by(row)
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_wrong_rule_of_an_elementwise_row_is_named(name):
    row = TABLE[name]
    wanted = partials_by(row)
    todo = {(i, factor) for i in wanted for factor in (1.01, -1.0)}
    for seed in range(20):  # at one point a partial may be 0, where a wrong factor does not show
        f, at = subject(row, wanted, seed)
        assert not find_broken_rule(f, at)
        for i, factor in sorted(todo):
            partials = [wrong(p, factor) if k == i else p for k, p in enumerate(row.partials)]
            with replaced(row, partials=tuple(partials)):
                found = find_broken_rule(f, at)
            assert {b.operation for b in found} <= {name}
            if found:
                assert found[0].operand == i and found[0].rule == pytest.approx(factor * found[0].truth, rel=1e-6)
                todo.remove((i, factor))
        if not todo:
            return
    assert not todo


# Of these both partials are the same.
SYMMETRIC = ("add",)
TWO = [n for n in ELEMENTWISE if len(partials_by(TABLE[n])) == len(TABLE[n].partials) == 2 and n not in SYMMETRIC]


@pytest.mark.parametrize("name", TWO)
def test_swapped_partials_are_named(name):
    row = TABLE[name]
    for seed in range(20):
        f, at = subject(row, [0, 1], seed)
        with replaced(row, partials=row.partials[::-1]):
            found = find_broken_rule(f, at)
        if found:
            assert found[0].operation == name
            return
    pytest.fail(f"{name} was not named at any point")


@pytest.mark.parametrize("name", [n for n in CASES if TABLE[n].kind in ("linear", "custom")])
def test_a_wrong_rule_of_an_array_row_is_named(name):
    row = TABLE[name]
    rule = row.transpose if row.kind == "linear" else row.vjp
    if row.kind == "linear":
        fields = dict(transpose=lambda m, *args, **params: 1.01 * rule(m, *args, **params))
    else:
        fields = dict(vjp=lambda *args, **params: [None if c is None else 1.01 * c for c in rule(*args, **params)])
    for f, *shapes in CASES[name]:
        rng = np.random.default_rng(0)
        xs = tuple(rng.normal(size=s)[()] if isinstance(s, tuple) else s for s in shapes)
        if not all(np.size(x) and np.all(np.isfinite(x)) for x in xs) or np.size(f(*xs)) == 0:
            continue
        g = scalar(f, xs, 0)
        assert not find_broken_rule(g, xs)
        with replaced(row, **fields):
            if any(b.operation == name and b.mode == "reverse" for b in find_broken_rule(g, xs)):
                return
    pytest.fail(f"{name} was not named in any case")


@pytest.mark.parametrize("name, f", [("prod", np.prod), ("solve", lambda x: np.sum(np.linalg.solve(x, x[0])))])
def test_a_wrong_pushforward_is_named_as_such(name, f):
    row = TABLE[name]
    push = row.jvp
    x = np.array([[2.0, 0.3], [0.1, 1.5]])
    with replaced(row, jvp=lambda *args, **params: 1.01 * push(*args, **params)):
        found = find_broken_rule(f, x)
    assert [(b.operation, b.mode) for b in found] == [(name, "forward")]


@dl.custom_gradient
def forgetful_square(x):
    return x * x, lambda g: g * x


@dl.custom_gradient
def right_cube(x):
    return x**3, lambda g: 3 * g * x**2


@dl.custom_gradient
def wrong_by_one_of_two(x, y):
    return x * np.sin(y), lambda g: (g * np.sin(y), g * np.cos(y))


@dl.custom_gradient
def wrong_around_a_wrong_one(x):
    return forgetful_square(x) * 2, lambda g: 3.9 * g * x


@dl.custom_gradient
def right_around_a_wrong_one(x):
    return forgetful_square(x) * 2, lambda g: 4 * g * x


def nested(x):
    inner = lambda y: np.sin(forgetful_square(y)) + right_cube(y)
    return inner(x) * 2


wrong_block = dl.block(lambda x: 1 / (1 + np.exp(-x)), name="sigmoid_of_mine", derivative=lambda y, x: y * (1 + y))

X = np.array([0.5, 2.0])
NAMED = {
    "in a nested function": (lambda x: np.sum(nested(x)), X, [("forgetful_square", ())]),
    "one of two arguments": (lambda x, y: wrong_by_one_of_two(x, y) + x, (1.5, 0.4), [("wrong_by_one_of_two", ())]),
    "in a checkpoint": (lambda x: np.sum(dl.checkpoint(nested)(x)), X, [("forgetful_square", ("nested",))]),
    "in a scan": (
        lambda x: dl.scan(lambda c, t: (c * t + forgetful_square(c), c), 0.3, x)[0],
        X,
        [("forgetful_square", ("scan",))],
    ),
    "in a branch": (
        lambda x: dl.cond(x > 0, forgetful_square, np.cos, x),
        1.5,
        [("forgetful_square", ("cond",))],
    ),
    "a pullback around another": (wrong_around_a_wrong_one, 1.5, [("wrong_around_a_wrong_one", ())]),
    "a right pullback around a wrong one": (right_around_a_wrong_one, 1.5, []),
    "a batch": (lambda x: np.sum(dl.vmap(forgetful_square)(x)), X, [("forgetful_square", ())]),
    "a block": (lambda x: wrong_block(x) * x, 0.3, [("sigmoid_of_mine", ())]),
    "nothing": (lambda x: np.sum(right_cube(x)), X, []),
}


@pytest.mark.parametrize("case", NAMED)
def test_the_users_own_rules_are_named(case):
    f, at, expected = NAMED[case]
    found = find_broken_rule(f, at)
    assert [(b.operation, b.inside) for b in found] == expected
    assert not found.unjudged and bool(found) == bool(expected)
    for b in found:
        assert b.operation in str(found) and b.ulps > 1e6


def test_a_wrong_row_inside_of_a_composite_one_is_named():
    row = TABLE["multiply"]
    with replaced(row, partials=(row.partials[0], wrong(row.partials[1], 1.01))):
        found = find_broken_rule(lambda x: np.sum(np.kron(x, x)), X)
    assert {b.operation for b in found} <= {"multiply"} and any("kron" in b.inside for b in found)


def test_the_line_of_the_operation_is_told():
    (found,) = find_broken_rule(lambda x: np.sum(nested(x)), X)
    line = int(found.source.rpartition(":")[2])
    with open(__file__) as file:
        assert "forgetful_square(y)" in file.read().splitlines()[line - 1]
    assert "test_broken_rules.py" in found.source and found.source in str(found)


def test_complex_rules_are_judged_too():
    f = lambda x: np.sum(np.abs(np.fft.fft(x) * 1j + x) ** 2)
    assert not find_broken_rule(f, X)
    row = TABLE["multiply"]
    with replaced(row, partials=(wrong(row.partials[0], 1.01), row.partials[1])):
        assert {b.operation for b in find_broken_rule(lambda x: np.sum(np.real(np.fft.fft(x) * 1j)), X)} == {"multiply"}


def test_conventions_at_kinks_are_no_fault():
    f = lambda x: np.sum(np.maximum(x, 0) * np.abs(x) + np.sort(x))
    assert not find_broken_rule(f, np.array([0.0, 0.0, 1.0]))


def test_findings_say_themselves_in_json():
    (found,) = find_broken_rule(lambda x: np.sum(nested(x)), X)
    assert found.to_json()["operation"] == "forgetful_square" and found.to_json()["index"] in ([0], [1])


def test_a_disagreement_names_the_rule():
    from difflab.testing import DisagreementError, assert_gradients_agree

    with pytest.raises(DisagreementError, match="the rule of forgetful_square is wrong"):
        assert_gradients_agree(lambda x: np.sum(nested(x)), X)
    with pytest.raises(DisagreementError, match="the rule of forgetful_square is wrong"):
        assert_gradients_agree(lambda x: np.sum(nested(x)), X, gradient=dl.grad(lambda x: np.sum(nested(x))))


def test_overflow_in_an_operation_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not find_broken_rule(lambda x: np.sum(1 / (1 + np.exp(-x))), np.array([-800.0, 700.0]))
