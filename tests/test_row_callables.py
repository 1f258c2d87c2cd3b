"""Every callable of every row takes what it will be given: operands and parameters as they come from real calls."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from array_cases import CASES, CONSTANT
from test_primitives_arrays import flat, inputs
from test_primitives_linalg import CASES as LINALG

import difflab as dl
from difflab import primitives
from difflab.differentiate.problem import as_problem
from difflab.errors import UnsupportedError
from difflab.graph.node_carrier import NODE
from difflab.graph.recording import Tape
from difflab.graph.traced import apply
from difflab.lab.kinks import kinks
from difflab.nn import functional as F
from difflab.primitives import NUMPY, TABLE, Gate
from difflab.primitives.found import find
from difflab.primitives.products import placeholder

MOST = 4  # different calls of a row that are tried
LABELS = np.array([0, 2, -100])
# Rows that networks use, and rows whose calls lead to another row unless they are made in this way.
MORE = [
    (lambda z: F.cross_entropy(z, LABELS), (3, 4)),
    (lambda z, p: F.cross_entropy(z, F.softmax(p, 1)), (3, 4), (3, 4)),
    (lambda x: F.layer_norm(x, (4,)), (3, 4)),
    (lambda x: F.batch_norm(x, None, None, training=True)[0], (3, 4)),
    (lambda x: F.one_hot(np.floor(x * x).astype(int) % 3, 3) * x[..., None], (3, 4)),
    (lambda x, k: F.dropout(x, 0.5, key=k.astype(int)), (3, 4), ()),
    (lambda z: F.nll_loss(z, LABELS), (3, 4)),
    (lambda x: np.linalg.matrix_rank(x) * x, (3, 3)),
    (lambda x: dl.numpy.multigammaln(3.0 + x * x, 3), (2,)),
]


def functions():
    """Functions with points, and their derivatives."""
    cases = [(f, inputs(shapes)) for rows in [*CASES.values(), MORE] for f, *shapes in rows]
    cases += [(f, [np.asarray(x) for x in xs]) for rows in LINALG.values() for f, xs in rows]
    for f, xs in cases:
        yield from ((f, xs), (dl.grad(flat(f), tuple(range(len(xs)))), xs))
        yield lambda *xs, f=f: dl.jvp(f, xs, xs)[1], xs
    yield from ((f, inputs(shapes)) for rows in CONSTANT.values() for f, *shapes in rows)


@cache
def uses():
    """For each row calls of it, as operands and parameters: in functions, and in what their derivatives record."""
    found = defaultdict(dict)
    for f, xs in functions():
        with np.errstate(all="ignore"):
            try:
                graph = dl.trace(f, *xs)
            except (TypeError, ValueError):  # the gradient of complex numbers
                continue
            env = graph.evaluate(xs)
        for node in graph.order:
            if node.primitive.name != "pick" and node.operands:
                remember(found[node.primitive.name], [env[x] for x in node.operands], node.params)
    for row in primitives.table():
        if row.kind == "elementwise":
            for example in row.examples or ({},):
                for shape in ((), (2, 3)):
                    remember(found[row.name], [np.full(shape, whole_or(d.low, row)) for d in operands(row)], example)
    return found


def operands(row):
    return [*row.domain, *[row.domain[-1]] * 3][: len(row.partials)]


def whole_or(low, row):
    return 1 if row.name.startswith("bitwise") or row.name in ("invert", "ldexp") else np.nextafter(low, np.inf)


def remember(calls, xs, params):
    key = (tuple(sorted(params)), tuple(np.ndim(x) for x in xs), tuple(np.asarray(x).dtype.kind for x in xs))
    if len(calls) < MOST:
        calls.setdefault(key, (xs, params))


def never_runs(row):
    """Whether calls of the row always mean another one, or are answered when they are read."""
    if row.value is placeholder or row.name in ("pick", "input", "constant"):
        return True
    if row.name in ("conv_max_pool", "pooled_weight_transpose", "pooled_input_transpose"):  # the compiler's own
        return True
    given = [row.value, row.kinks, row.one_sided, row.batch, row.result, row.spelling or None]
    return row.kind == "opaque" and all(g is None for g in given)


NAMES = [row.name for row in primitives.table() if not never_runs(row)]


def calls(name):
    found = list(uses()[name].values())
    assert found, f"{name}: no test calls this row; give it a case in array_cases.CASES"
    return [(TABLE[name], xs, params) for xs, params in found]


def floating(x):
    return np.asarray(x).dtype.kind in "fc"


PATHS = [(row.name, carrier) for row in primitives.table() for carrier in ("numpy", "arb", "complex", "elements")
         if isinstance(row.spelling.get(carrier), str)]  # fmt: skip


@pytest.mark.parametrize("name, carrier", PATHS)
def test_a_spelling_points_to_a_function(name, carrier):
    assert callable(find(TABLE[name].spelling[carrier]))


@pytest.mark.parametrize("name", NAMES)
def test_value_and_shape(name):
    for row, xs, params in calls(name):
        y = row.evaluate(*xs, **params)
        if row.outputs:  # 0: as many as it is asked for
            assert len(y) == row.outputs
        if isinstance(y, tuple | list) and row.result is not None:
            assert len(list(row.result(*y))) == len(y)
        if row.value_shaped is not None:
            assert row.value_shaped(*xs) in (True, False)
        assert row.latex.format(*"xyzuvw"[: max(len(xs), 1)] + "abcdef", index=0)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives(name):
    for row, xs, params in calls(name):
        with np.errstate(all="ignore"):
            y = row.evaluate(*xs, **params)
            several = isinstance(y, tuple | list)
            ones = [np.ones_like(v) for v in y] if several else np.ones_like(y)
            if row.kind == "elementwise":
                for x, rule in zip(xs, row.partials, strict=True):
                    if callable(rule) and floating(x):
                        slope = rule(NUMPY, y, *xs, **params)
                        for part in slope if isinstance(slope, Gate) else (slope,):
                            np.broadcast_to(part, np.shape(y))
            if row.kind == "linear":
                for i, x in enumerate(xs):
                    if i not in row.fixed and floating(x):
                        row.transpose(NUMPY, i, ones, *xs, **params)
                        if row.gate is not None:
                            row.gate(NUMPY, i, np.ones(np.shape(y), bool), *xs, **params)
            if row.kind == "custom":
                if row.vjp is not None and floating(xs[0]):
                    assert len(row.vjp(NUMPY, ones, y, *xs, **params)) == len(xs)
                if row.jvp is not None and floating(xs[0]):
                    tangents = [np.ones_like(x) if floating(x) else None for x in xs]
                    row.jvp(NUMPY, tangents, y, *xs, **params)
            if row.kind == "composite":  # the sweeps run its program on nodes
                with Tape() as (tape, _):
                    row.value(NODE, *[tape.input(np.asarray(x)[()]) for x in xs], **params)


@pytest.mark.parametrize("name", [name for name in NAMES if TABLE[name].kinks is not None])
def test_kinks(name):
    for row, xs, params in calls(name):
        for at in (xs, [np.ones_like(x) for x in xs]):  # at a tie of everything too
            with np.errstate(all="ignore"):
                mask = np.asarray(row.kinks(NUMPY, *at, **params))
                y = row.evaluate(*at, **params)
            assert mask.dtype == bool
            if row.kind == "elementwise":
                assert mask.shape == np.broadcast_shapes(*map(np.shape, at))
            if row.one_sided is not None:
                left, right = row.one_sided(NUMPY, *at, **params)
                for side in (left, right):
                    np.broadcast_to(np.asarray(side, float), np.shape(y))
            if all(np.asarray(x).dtype.kind == "f" and np.all(np.isfinite(x)) for x in at):
                f = lambda *z, row=row, params=params, at=at: np.sum(
                    apply(row, [p if np.ndim(a) else p[()] for a, p in zip(at, z)], params) * 1.0
                )
                assert isinstance(kinks(as_problem(f, tuple(at))), list)


@pytest.mark.parametrize("name", NAMES)
def test_batches(name):
    for row, xs, params in calls(name):
        if row.value_shaped is not None and row.value_shaped(*xs):
            continue
        f = lambda *z, row=row, params=params: apply(row, z, params)
        batch = [np.stack([x, x]) for x in map(np.asarray, xs)]
        with np.errstate(all="ignore"):
            found, one = dl.vmap(f)(*batch), f(*xs)
        several = isinstance(one, tuple | list)
        for got, expected in zip(found, one) if several else [(found, one)]:
            assert np.shape(got) == (2, *np.shape(expected))


@pytest.mark.parametrize("name", [name for name in NAMES if "sympy" in TABLE[name].spelling])
def test_spelling_for_sympy(name):
    sympy = pytest.importorskip("sympy")
    from difflab.graph.sympy_io import CARRIER

    for row, xs, params in calls(name):
        if all(floating(x) and np.size(x) <= 6 for x in xs):
            symbols = [np.array(sympy.symbols(f"x{k}_:{np.size(x)}", real=True)) for k, x in enumerate(xs)]
            with suppress(UnsupportedError):
                CARRIER.of(row)(*[s.reshape(np.shape(x))[()] for s, x in zip(symbols, xs)], **params)


@pytest.mark.parametrize(
    "f, x, tied",
    [
        (lambda x: np.quantile(x, 0.3), [3.0, 1.0, 2.0], [False, False, False]),
        (lambda x: np.quantile(x, 0.5), [1.0, 1.0, 2.0], [True, True, False]),
        (lambda x: np.quantile(x, 0.3), [1.0, 1.0, 2.0, 2.0, 5.0], [True, True, True, True, False]),
        (lambda x: np.quantile(x, 0.3), [1.0, 3.0, 3.0, 7.0], [False, True, True, False]),
        (lambda x: np.quantile(x, 1.0), [1.0, 1.0, 2.0], [False, False, False]),
        (lambda x: np.percentile(x, 100), [1.0, 2.0, 2.0], [False, True, True]),
        (lambda x: np.quantile(x, 0.4, method="lower"), [5.0, 1.0, 1.0], [False, True, True]),
        (np.median, [1.0, 2.0, 2.0, 3.0], [False, False, False, False]),  # their mean does not care which is which
        (np.median, [1.0, 2.0, 2.0, 2.0], [False, True, True, True]),
        (lambda x: np.median(x, axis=1)[0], [[4.0, 4.0, 1.0], [1.0, 2.0, 3.0]], [[True, True, False], [False] * 3]),
        (lambda x: np.quantile(x, [0.0, 1.0], axis=0)[1, 0], [[1.0], [1.0], [2.0]], [[True], [True], [False]]),
    ],
)
def test_quantiles_are_kinked_where_an_element_they_read_is_tied(f, x, tied):
    graph = dl.trace(f, np.array(x))
    env = graph.evaluate([np.array(x)])
    (node,) = [n for n in graph.order if n.primitive.kinks is not None]
    assert np.array_equal(node.primitive.kinks(NUMPY, env[node.operands[0]], **node.params), tied)


def test_a_tied_quantile_has_two_slopes():
    (kink,) = kinks(as_problem(lambda x: np.quantile(x, 0.5), (np.array([1.0, 1.0, 2.0]),)))
    assert kink.left == 0.0 and kink.right == pytest.approx(1.0)
