"""What may be done to a random program without changing it: passes, compiling, vmap, threads, copies, other notations.

Here run a few examples. `python -m benchmarks.properties --minutes 10 --seed 1` runs the same properties with many
(DIFFLAB_PROPERTIES multiplies their number); a program that breaks one is printed as source.
"""

from __future__ import annotations

import copy
import os
import pickle
from unittest import mock

import numpy as np
import optree
import pytest
from hypothesis import given, strategies as st
from passes import ROUNDING, equal_bits
from random_programs import CALLED, DOUBLE, EVERYTHING, IN_TEXT, LONG, SEEDS, examples, programs, weighted

import difflab as dl
from difflab.compile.passes.pipeline import PASSES, optimise

WILD = (*EVERYTHING, "raw")
OF_SUMS = {"signs", "assembly"}  # passes that may make -0 of a sum of zeros
EDGES = (-2.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 3.0, np.nan)


def same(found, want, tolerance=0.0, zeros=True):
    """The same structure, shapes and dtypes; the same bits, or values that differ by a few roundings of the largest.

    Without `zeros` those may differ in sign.
    """
    assert optree.tree_structure(found) == optree.tree_structure(want)
    for a, b in zip(optree.tree_leaves(found), optree.tree_leaves(want)):
        assert (np.shape(a), np.asarray(a).dtype) == (np.shape(b), np.asarray(b).dtype)
        if tolerance == 0.0:
            equal_bits(a, b) if zeros else np.testing.assert_array_equal(a, b)
            continue
        finite = np.abs(b)[np.isfinite(b)]
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * (1 + np.max(finite, initial=0.0)))


def rounding(program):
    return 5e-3 if program.narrow else 1e-9


def with_gradient(program):
    """The program's own result, and the gradient of a number made of it."""
    total = weighted(program.function)

    def f(*args):
        return program.function(*args), dl.grad(total, tuple(range(len(args))))(*args)

    return f


def answer(f, *args):
    """What f returns, or the kind of error that it raises."""
    with np.errstate(all="ignore"):
        try:
            return f(*args), None
        except (ValueError, IndexError, dl.DifflabError) as error:
            return None, type(error)


@examples(25)
@given(programs(families=(*WILD, "rows")), SEEDS, st.booleans())
def test_passes_keep_values(program, seed, ties):
    f, here, there = with_gradient(program), program.point(seed, ties=ties), program.point(seed + 1)
    with np.errstate(all="ignore"):
        graph = dl.trace(f, *here)
        points = [here, here if graph.guards else there]
        wants = [graph(*point) for point in points]
        before = graph
        for name, run in PASSES.items():
            alone, before = run(graph), run(before)
            for point, want in zip(points, wants):
                exact = name not in ROUNDING and not program.products
                same(alone(*point), want, 0.0 if exact else rounding(program), zeros=name not in OF_SUMS)
                same(before(*point), want, rounding(program))
        same(optimise(graph)[0](*here), wants[0], rounding(program))


@examples(40)
@given(programs(families=("rows",), shapes=CALLED, calls=False), SEEDS)
def test_passes_keep_the_bits_of_rows_of_the_table(program, seed):
    """Also of zeros with a sign and of NaN, and from what the passes before made of it."""
    points = [program.point(seed, among=EDGES), program.point(seed, ties=True), program.point(seed)]
    with np.errstate(all="ignore"):
        graph = dl.trace(with_gradient(program), *points[0])
        for name, run in PASSES.items():
            after = run(graph)
            for point in points if name not in ROUNDING else ():
                same(after(*point), graph(*point), zeros=name not in OF_SUMS)
            graph = after


@examples(25)
@given(programs(families=WILD), SEEDS)
def test_compiled_equals_eager_on_other_points(program, seed):
    """Recorded at one point; run at others, which take other branches and have ties, other sizes and dtypes."""
    f = with_gradient(program)
    compiled = dl.compile(f)
    answer(compiled, *program.point(seed))
    points = [
        program.point(seed + 1),
        program.point(seed, ties=True),
        program.point(seed, n=1),
        program.point(seed, n=0),
    ]
    points += [program.point(seed, n=6, ties=True), program.narrowed().point(seed), program.point(seed)]
    for point in points:
        want, refused = answer(f, *point)
        found, error = answer(compiled, *point)
        assert error is None or refused is not None, error  # it may leave out what fails and is not needed
        if error is None and refused is None:
            same(
                found,
                want,
                5e-3 if any(x.dtype == np.float32 for x in optree.tree_leaves(point)) else rounding(program),
            )
            same(compiled(*point), compiled(*point))


@examples(15)
@given(programs(dtypes=(DOUBLE,), families=tuple(f for f in EVERYTHING if f != "casts")), SEEDS, st.data())
def test_compiled_programs_see_structures_keywords_and_closures(program, seed, data):
    layouts = data.draw(st.permutations(["list", "dict", "nested"]))[:2]
    number = 2.0

    def f(tree, scale=1.0):
        return number * scale * weighted(program.of_leaves)(*optree.tree_leaves(tree))

    gradient, eager = dl.compile(dl.grad(f)), dl.grad(f)
    compiled = dl.compile(f)
    for factor in (1.0, -3.0):
        number = factor
        for layout in layouts:
            x = program.leaves(seed)
            tree = {"list": x, "dict": dict(zip("abc", x)), "nested": (x[:1], {"z": tuple(x[1:])})}[layout]
            for _ in range(1 + (layout == layouts[0])):
                same(gradient(tree), eager(tree), rounding(program))
                same(gradient(tree, 2.0), eager(tree, 2.0), rounding(program))
                same(gradient(tree, scale=0.5), eager(tree, scale=0.5), rounding(program))
                same(compiled(scale=0.5, tree=tree), f(tree, 0.5), rounding(program))


NUMBERS = programs("number", ("smooth", "paired", "kinked", "named"), shapes=((),), dtypes=(DOUBLE,), calls=False)


def native():
    pytest.importorskip("numba", reason="numba is not installed (extra native)")


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_programs_of_python_floats(backend):
    if backend == "native":
        native()

    @examples(25 if backend == "numpy" else 3)
    @given(NUMBERS, SEEDS)
    def check(program, seed):
        f = dl.value_and_grad(program.of_leaves, tuple(range(len(program.shapes))))
        compiled = dl.compile(f, backend=backend)
        for k, ties in ((seed, False), (seed + 1, False), (seed, True)):
            x = [float(v) for v in program.leaves(k, ties=ties)]
            want = f(*x)
            found = [compiled(*x) for _ in range(3)]
            assert all(y.__class__ is float for y in optree.tree_leaves(found))
            same(found[1], found[2])
            for y in found:
                same(y, optree.tree_map(float, want), 1e-9)
            with np.errstate(all="ignore"):
                same(compiled(*map(np.float64, x)), want, 1e-9)

    check()


def test_native_equals_eager():
    native()

    @examples(2)
    @given(programs(dtypes=(DOUBLE,)), SEEDS)
    def check(program, seed):
        f = with_gradient(program)
        compiled = dl.compile(f, backend="native")
        for point in (program.point(seed), program.point(seed + 1), program.point(seed, n=6, ties=True)):
            want, _ = answer(f, *point)
            if want is not None:
                same(compiled(*point), want, rounding(program))

    check()


AXES = st.lists(st.sampled_from([0, 0, -1, None]), min_size=3, max_size=3)


@examples(40)
@given(programs(), SEEDS, AXES, st.sampled_from([0, -1]))
def test_vmap_is_a_loop(program, seed, axes, out_axis):
    """Of the program, of its gradient, of vmap itself; and the gradient of vmap."""
    count = len(program.shapes)
    axes = (0 if all(a is None for a in axes[:count]) else axes[0], *axes[1:count])
    elements = [program.leaves(seed + k) for k in range(3)]
    rows = [[elements[0][j] if axes[j] is None else x for j, x in enumerate(e)] for e in elements]
    batch = [x if a is None else np.stack([e[j] for e in elements], a) for j, (a, x) in enumerate(zip(axes, rows[0]))]
    tolerance = 5e-3 if program.narrow else 1e-8
    number = weighted(program.of_leaves)
    gradient = dl.grad(number, tuple(range(count)))

    def loop(f):
        return optree.tree_map(lambda *y: np.stack(y, out_axis), *[f(*row) for row in rows])

    inner = dl.vmap(program.of_leaves, axes, out_axis)
    every = lambda *x: np.sum(dl.vmap(number, axes)(*x))
    try:
        each = [gradient(*row) for row in rows]
        want = [sum(g[j] for g in each) if a is None else np.stack([g[j] for g in each], a) for j, a in enumerate(axes)]
        same(inner(*batch), loop(program.of_leaves), tolerance)
        same(dl.vmap(gradient, axes, out_axis)(*batch), loop(gradient), tolerance)
        same(list(dl.grad(every, tuple(range(count)))(*batch)), want, tolerance)
        twice = [np.stack([x, x]) for x in batch]
        same(dl.vmap(inner)(*twice), optree.tree_map(lambda y: np.stack([y, y]), inner(*batch)), tolerance)
    except (dl.errors.TraceError, dl.errors.ShapeError):  # the elements take different paths, or masks of other sizes
        assert program.branches


@examples(4)
@given(programs(families=("smooth", "paired", "kinked", "long"), shapes=LONG, calls=False), SEEDS)
def test_threads_do_not_show(program, seed):
    point = program.point(seed, n=20_011)

    def total(*args):
        leaves = optree.tree_leaves((args, program.function(*args)))
        return sum(np.sum(np.tanh(np.sin(y) * np.exp(-y * y))) for y in leaves)

    f = dl.value_and_grad(total, tuple(range(len(point))))
    found = []
    for threads in ("1", "2", "3"):
        with mock.patch.dict(os.environ, {"DIFFLAB_THREADS": threads}), np.errstate(all="ignore"):
            compiled = dl.compile(f)
            compiled.prepare(*point)
            found += [compiled(*point), compiled(*point)]
            assert compiled.program.last.source.plan.regions  # which threads share
    for y in found[1:]:
        same(y, found[0])
    with np.errstate(all="ignore"):
        same(found[0], f(*point), 1e-2 if program.narrow else 1e-8)


COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda x: pickle.loads(pickle.dumps(x))}


@pytest.mark.parametrize("how", COPIES)
def test_copies_give_the_same_bits(how):
    @examples(20)
    @given(programs(families=("python", "smooth", "paired", "arrays"), shapes=CALLED), SEEDS)
    def check(program, seed):
        if how == "pickle" and any(word.startswith("dl.") for word in program.words):
            return  # functions of scan, cond and checkpoint are in the graph
        point = program.point(seed)
        graph = dl.trace(with_gradient(program), *point)
        other = COPIES[how](graph)
        assert [n.name for n in other.inputs] == [n.name for n in graph.inputs] and len(other) == len(graph)
        assert [outcome for _, outcome in other.guards] == [outcome for _, outcome in graph.guards]
        same(other(*point), graph(*point))
        same(optimise(other)[0](*point), optimise(graph)[0](*point))

    check()


@examples(25)
@given(programs("number", IN_TEXT, shapes=((), (3,), (2, 2)), dtypes=(DOUBLE,), layouts=("plain",), calls=False), SEEDS)
def test_text_means_what_the_source_means(program, seed):
    """The program's lines as an expression: the same graph, so the same bits, of the value and of the gradient."""
    leaves = program.leaves(seed)
    graph = dl.parse(program.text)
    named = {n: x for n, x in zip("xyz", leaves) if n in [i.name for i in graph.inputs]}
    found = graph(**named)
    np.testing.assert_array_equal(found, dl.trace(program.of_leaves, *leaves)(*leaves))
    # NumPy's power of single numbers may differ from its own of arrays in the last bit.
    np.testing.assert_allclose(found, program.of_leaves(*leaves), rtol=1e-14, atol=0)
    backward = graph.forward(**named).backward().gradient
    eager = dict(zip("xyz", dl.grad(program.of_leaves, tuple(range(len(leaves))))(*leaves)))
    for name in named:
        np.testing.assert_allclose(backward[name], eager[name], rtol=1e-12, atol=1e-12)


@examples(10)
@given(programs("number", ("smooth", "paired"), shapes=((),), dtypes=(DOUBLE,), layouts=("plain",), calls=False), SEEDS)
def test_through_sympy_and_back(program, seed):
    leaves = [float(x) for x in program.leaves(seed)]
    graph = dl.trace(program.function, *leaves)
    again = dl.from_sympy(dl.to_sympy(graph))
    assert {n.name for n in again.inputs} <= set("xyz")
    named = {n.name: dict(zip("xyz", leaves))[n.name] for n in again.inputs}
    np.testing.assert_allclose(again(**named), graph(*leaves), rtol=1e-9, atol=1e-9)
