"""What the tests of passes share: which may round, what equal bits are, and all short formulas in rows of the table."""

from __future__ import annotations

from itertools import product

import numpy as np

import difflab as dl
from difflab.graph.traced import apply
from difflab.primitives import NUMPY, TABLE

# Passes that may round otherwise, and why; every other keeps each value to the last bit.
ROUNDING = {
    "powers": "a * (1/b) becomes a / b, which is rounded once less",
    "expansion": "rows that NumPy computes in Python become a program of ufuncs",
    "factors": "an operand is scaled by a power of two, which may lie beyond the range of numbers",
    "inner products": "sums of products become contractions",
    "transposed products": "the library of products rounds by how its operands lie in memory",
}
EDGES = [-np.inf, -7.0, -2.5, -1.0, -0.5, -0.0, 0.0, 1e-310, 0.75, 1.0, 1.5, 2.0, 1e300, np.inf, np.nan]
FEWER = [-np.inf, -2.5, -1.0, -0.0, 0.0, 0.7, 1.5, 2.0, 1e300, np.nan]
SINGLE = dict.fromkeys("xyz", np.array(EDGES))
SEVERAL = dict(zip("xyz", np.array([(x, y, -y / 2) for x, y in product(FEWER, repeat=2)]).T))
NUMBERS = "0.0", "-0.0", "1.0", "-1.0", "2.0", "0.5"
DEAR = 100  # operations an element from which on a row is left out


def as_function(row):
    """The row as a function of its operands, with the parameters of its first example."""
    params = row.examples[0] if row.examples else {}
    return lambda *xs: apply(row, xs, params)


def of_operands(count):
    """By name the elementwise rows that take so many floats."""
    found = {}
    for row in TABLE.values():
        if row.kind == "elementwise" and len(row.partials) == count and row.flops < DEAR:
            try:
                with np.errstate(all="ignore"):
                    kind = as_function(row)(*[SINGLE["x"]] * count).dtype.kind
            except (TypeError, ValueError):  # rows of integers
                continue
            found |= {row.name: as_function(row)} if kind in "fb" and "polygamma" not in row.name else {}
    return found  # SciPy's polygamma takes milliseconds


ONE, TWO, THREE = of_operands(1), of_operands(2), of_operands(3)
# What is wrapped around rows of two operands: signs of Python, what chooses, and what compares.
PARTNERS = [n for n in TWO if TABLE[n].infix or TABLE[n].facts & {"chooses", "commutative"} or TABLE[n].truth]


def formulas(name):
    """Texts in which the row meets every other one, with values for x, y and z."""
    if name in ONE:
        yield SINGLE, [f"{f}({name}(x))" for f in ONE]
        beside = "({0}(x), y)", "(y, {0}(x))", "({0}(x), x)", "(x, {0}(x))", "({0}(x), {0}(y))", "({0}(x), 1.0)"
        yield SEVERAL, [f + form.format(name) for f in PARTNERS for form in beside]
    elif name in TWO:
        calls = [f"{name}({x})" for x in ("x, y", "x, x", *[f"x, {c}" for c in NUMBERS], *[f"{c}, x" for c in NUMBERS])]
        yield SEVERAL, calls + [f"{f}({call})" for f in ONE for call in calls[:2]]
        beside = "({0}, {1})", "({1}, {0})"
        yield SEVERAL, [f + form.format(calls[0], v) for f in PARTNERS for form in beside for v in "xyz"]
        yield SEVERAL, [f"where({name}({c}, y), {a}, {b})" for c in "xz" for a, b in ("xy", "yx", ("x", "negative(x)"))]
    else:
        yield SEVERAL, [f"{name}({a})" for a in ("x, y, z", "y, x, x", "x, -1.0, 2.0", "x, 2.0, 1.0", "x, y, 0.0")]


def outcome(graph, run, before):
    """The graph after the pass, and the value of every node in it; what the pass left alone is not computed anew."""
    after, values = run(graph), dict(before)
    for node in after.order:
        if node not in values:
            values[node] = NUMPY.of(node.primitive)(*[values[x] for x in node.operands], **node.params)
    return after, values


def recorded(texts, point):
    """One graph with an output for each text that NumPy can compute, the values of its nodes, and those texts."""
    names = ONE | TWO | THREE
    run = lambda text, **at: eval(text, names, at)
    with np.errstate(all="ignore"):
        texts = [text for text in texts if computable(lambda text=text: run(text, **point))]
        graph = dl.trace(lambda x, y, z: [run(text, x=x, y=y, z=z) for text in texts], *point.values())
        return graph, graph.evaluate(list(point.values())), texts


def computable(call):
    try:
        call()
    except TypeError:  # arithmetic of truth values
        return False
    return True


def equal_bits(found, want, why=""):
    """The same shape, dtype and bits, also of zeros; one NaN is like another."""
    found, want = np.asarray(found), np.asarray(want)
    assert (found.dtype, found.shape) == (want.dtype, want.shape), why
    if found.tobytes() != want.tobytes():
        np.testing.assert_array_equal(found, want, err_msg=why)
        if want.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(found[want == 0]), np.signbit(want[want == 0]), err_msg=why)
