"""Array rows against references: value, both modes, second derivative, batches, shapes and dtypes, other carriers.

Every check returns how many comparisons it made; none is no proof.
"""

from __future__ import annotations

import numpy as np
import optree
from table_data import uses
from table_references import REFERENCES, independent

import difflab as dl
from difflab.graph.recording import Tape
from difflab.graph.traced import Traced
from difflab.primitives import TABLE

STEP = 1e-3
SLOPE = ((1, 45 / 60), (2, -9 / 60), (3, 1 / 60))  # of central differences of sixth order
BEND = ((0, -49 / 18), (1, 3 / 2), (2, -3 / 20), (3, 1 / 90))
REFUSED = (
    TypeError,
    ValueError,
    IndexError,
    ZeroDivisionError,
    np.linalg.LinAlgError,
)  # what NumPy says of operands it does not take


def leaves(y):
    """The results of a call, plain or traced, as a list."""
    return [x.value if isinstance(x, Traced) else x for x in optree.tree_leaves(y)]


def reference(f, xs):
    with independent():
        return leaves(f(*xs))


def traced(f, xs, chosen=None):
    """The results of a call on traced operands (of all, or those chosen), and what was recorded."""
    chosen = chosen or (True,) * len(xs)
    with Tape() as (tape, operations), np.errstate(all="ignore"):
        y = f(*[tape.input(np.asarray(x)[()]) if c else x for x, c in zip(xs, chosen)])
    return leaves(y), operations


def calls(name):
    """Each call of the row that its uses record: operands, parameters, value."""
    for use in uses(name):
        for node in traced(use.f, use.xs)[1]:
            if node.primitive.name == name:
                yield [x.value if isinstance(x, Traced) else x for x in node.operands], node.params, node.value


def agree(what, got, want, tolerance):
    """Whether results have the shapes that they should have, and their numbers up to the tolerance; how many.

    The error counts relative to the largest number of a result, or to 1e-3 where all are smaller.
    """
    assert len(got) == len(want), f"{what}: {len(got)} results, not {len(want)}"
    for a, b in zip(got, want):
        if not isinstance(b, np.ndarray | np.generic | float | int | complex):
            assert a == b, f"{what}: {a!r}, not {b!r}"
            continue
        assert np.shape(a) == np.shape(b), f"{what}: shape {np.shape(a)}, not {np.shape(b)}"
        a, b = np.asarray(a), np.asarray(b)
        if b.dtype.kind in "biu":
            assert np.array_equal(a, b), f"{what}: {a}, not {b}"
        elif b.dtype.kind in "fc":
            size = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
            close = np.allclose(a, b, rtol=tolerance, atol=tolerance * max(1e-3, min(1, size)), equal_nan=True)
            assert close, f"{what}: {a}, not {b}"
    return len(want)


def directions(xs, seed):
    rng = np.random.default_rng(seed)

    def one(x):
        v = rng.choice([-1.0, 1.0], np.shape(x)) * (0.3 + 0.7 * rng.random(np.shape(x)))
        if np.iscomplexobj(x):
            v = v + 1j * rng.normal(size=np.shape(x))
        return np.where(np.isnan(x), 0.0, v)[()]

    return tuple(one(x) for x in xs)


def moved(xs, vs, t):
    return [x + t * v for x, v in zip(xs, vs)]


def slope(f, xs, vs):
    """The derivative along vs of each result of the reference."""
    terms = [(w, reference(f, moved(xs, vs, k * STEP)), reference(f, moved(xs, vs, -k * STEP))) for k, w in SLOPE]
    return [sum(w * (np.asarray(a[i]) - np.asarray(b[i])) for w, a, b in terms) / STEP for i in range(len(terms[0][1]))]


def pairing(a, b):
    return sum(np.sum(np.real(np.nan_to_num(p) * q)) for p, q in zip(a, b))


def differentiable(name):
    return [use for use in uses(name) if use.smooth and all(np.asarray(x).dtype.kind in "fc" for x in use.xs)]


def small(x):
    return np.all(np.abs(x) < 1000)


def real(xs):
    """Whether operands are finite real numbers, which the carriers of single elements are for."""
    return all(np.asarray(x).dtype.kind in "fbiu" and np.all(np.isfinite(x)) and small(x) for x in xs)


def floating(x):
    return np.asarray(x).dtype.kind == "f" and np.size(x) > 0


# The checks.
def value(name):
    count = 0
    for use in uses(name):
        want = reference(use.f, use.xs)
        got = traced(use.f, use.xs)[0]
        count += agree("value", got, want, 1e-12) if name != "empty_like" else len(got)
        dtypes = [[getattr(x, "dtype", type(x)) for x in y] for y in (got, want)]
        assert dtypes[0] == dtypes[1], f"dtypes {dtypes[0]}, not {dtypes[1]}"
    return count


def jvp(name):
    count = 0
    for use in differentiable(name):
        vs = directions(use.xs, 3)
        got = leaves(dl.jvp(use.f, use.xs, vs)[1])
        count += agree("jvp", got, slope(use.f, use.xs, vs), 1e-8)
    return count


def vjp(name):
    """Operand by operand, so that cotangents that are exchanged show."""
    count = 0
    for use in differentiable(name):
        y, pull = dl.vjp(use.f, *use.xs)
        cts = directions(leaves(y), 4)
        back = pull(optree.tree_unflatten(optree.tree_structure(y), list(cts)))
        for i, x in enumerate(use.xs):
            assert back[i].shape == np.shape(x) and back[i].dtype == np.asarray(x).dtype
            vs = [v if k == i else 0.0 for k, v in enumerate(directions(use.xs, 5))]
            want = pairing(cts, slope(use.f, use.xs, vs))
            got = pairing(back[i : i + 1], vs[i : i + 1])
            assert abs(got - want) <= 1e-8 * (1 + abs(want)), f"vjp, operand {i}: {got}, not {want}"
            count += 1
    return count


def curved(x):
    """An operand with curvature, so that the slopes of a piecewise linear row change along it."""
    return x + 0.02 * x * x


def bent(use):
    """A real function of the results with curvature, of a call."""
    weights = directions(reference(use.f, use.xs), 6)

    def loss(*xs):
        ys = [y for y in optree.tree_leaves(use.f(*map(curved, xs))) if y.dtype.kind in "fc"]
        terms = [np.sum(np.real(w * y)) + np.sum(np.real(y * np.conj(y))) / 7 for w, y in zip(weights, ys)]
        return sum(terms[1:], terms[0])

    return loss


def plain_bent(use):
    """The same from plain numbers."""
    weights = directions(reference(use.f, use.xs), 6)
    loss = lambda ys: sum(np.sum(np.real(w * y)) + np.sum(np.abs(y) ** 2) / 7 for w, y in zip(weights, ys))
    return lambda xs: loss([y for y in map(np.asarray, reference(use.f, [*map(curved, xs)])) if y.dtype.kind in "fc"])


def second(name):
    """Forward over reverse, reverse over reverse and forward over forward, along two directions at once."""
    count = 0
    for use in differentiable(name):
        vs, f, plain = directions(use.xs, 7), bent(use), plain_bent(use)
        at = lambda t, use=use, vs=vs, plain=plain: plain(moved(use.xs, vs, t))
        want = sum(w * (at(k * STEP) + (at(-k * STEP) if k else 0)) for k, w in BEND) / STEP**2
        gradient = dl.grad(f, tuple(range(len(vs))))
        forward = lambda *xs, f=f, vs=vs: dl.jvp(f, xs, vs)[1]
        inner = lambda *xs, g=gradient, vs=vs: sum(np.sum(np.real(a * v)) for a, v in zip(g(*xs), vs) if np.size(v))
        found = {
            "forward over reverse": pairing(dl.jvp(gradient, use.xs, vs)[1], vs),
            "reverse over forward": pairing(dl.grad(forward, tuple(range(len(vs))))(*use.xs), vs),
            "forward over forward": float(dl.jvp(forward, use.xs, vs)[1]),
        }
        if not any(np.any(np.isnan(x)) for x in use.xs):
            found["reverse over reverse"] = pairing(dl.grad(inner, tuple(range(len(vs))))(*use.xs), vs)
        for how, got in found.items():
            rounding = 4e-15 * abs(at(0.0)) / STEP**2
            assert abs(got - want) <= 3e-7 * (1 + abs(want)) + rounding, f"second, {how}: {got}, not {want}"
            count += 1
    return count


def chosen(use):
    """A real function of some elements of the results, with curvature in front."""
    ys = [np.asarray(y) for y in reference(use.f, use.xs)]
    weights, rng = directions(ys, 8), np.random.default_rng(9)
    masks = [rng.random(y.shape) < 0.6 for y in ys]

    def loss(*xs):
        parts = zip(masks, optree.tree_leaves(use.f(*map(curved, xs))), weights)
        return sum((np.sum(np.real(w * np.where(m, y, 0.0))) for m, y, w in parts if y.dtype.kind in "fc"), 0.0)

    return loss


def gate(name):
    """Behind a choice: what stops the elements that are not taken stops nothing that is heard in another."""
    count = 0
    for use in differentiable(name):
        vs, f = directions(use.xs, 7), chosen(use)
        want, got = slope(f, use.xs, vs)[0], pairing(dl.grad(f, tuple(range(len(vs))))(*use.xs), vs)
        assert abs(got - want) <= 1e-8 * (1 + abs(want)), f"gate: {got}, not {want}"
        count += 1
    return count


def batch(name):
    """vmap against a loop of the reference: each operand alone and all, and batches of three, of one and of none."""
    count = 0
    for use in uses(name):
        n = len(use.xs)
        for chosen in {tuple(k == j for k in range(n)) for j in range(n)} | {(True,) * n}:
            if not all(chosen) and not takes(use, chosen):
                continue
            axes = tuple(0 if c else None for c in chosen)
            columns = [c if has else x for has, c, x in zip(chosen, use.columns, use.xs)]
            count += one_batch(name, use.f, columns, axes)
            if all(chosen) and use.smooth and real(use.xs):
                count += slopes_of_batch(use, columns)
            if all(chosen):
                count += one_batch(name, use.f, [c[:1] for c in columns], axes)
                count += no_batch(name, use, [c[:0] for c in columns])
    return count


def slopes_of_batch(use, columns):
    """The gradient of each element of the batch: of a batch of gradients, and the gradient of a batch."""
    loss, places = bent(use), tuple(range(len(columns)))
    gradient = dl.grad(loss, places)
    try:
        want = [gradient(*xs) for xs in zip(*columns)]
        got = dl.vmap(gradient)(*columns)
        whole = dl.grad(lambda *xs: np.sum(dl.vmap(loss)(*xs)), places)(*columns)
    except (dl.DifflabError, ValueError):  # shapes that differ between the elements
        return 0
    want = [np.stack(part) for part in zip(*want)]
    return agree("gradients of a batch", list(got), want, 1e-8) + agree("of a batch", list(whole), want, 1e-8)


def takes(use, chosen):
    """Whether NumPy hands the call over where only these operands are traced."""
    try:
        traced(use.f, use.xs, chosen)
    except dl.DifflabError:
        return False
    return True


def one_batch(name, f, columns, axes):
    n = next(len(c) for c, axis in zip(columns, axes) if axis == 0)
    ys = [reference(f, [c if axis is None else c[i] for c, axis in zip(columns, axes)]) for i in range(n)]
    mapped = dl.vmap(f, axes)
    if not all(isinstance(y, np.ndarray | np.generic | float | int) for y in ys[0]) or any(
        np.shape(a) != np.shape(b) for y in ys for a, b in zip(y, ys[0])
    ):
        try:
            mapped(*columns)
        except dl.DifflabError:
            return 1
        raise AssertionError("batch: results whose shapes differ must be refused")
    with np.errstate(all="ignore"):
        got = leaves(mapped(*columns))
    return 1 if name == "empty_like" else agree("batch", got, [np.stack(part) for part in zip(*ys)], 1e-9)


def no_batch(name, use, columns):
    try:
        got = leaves(dl.vmap(use.f)(*columns))
    except (dl.DifflabError, np.linalg.LinAlgError):
        return 0  # one element decides the shape, and there is none; a matrix of zeros stands for it
    one = reference(use.f, [np.ones_like(x) for x in use.xs])  # what stands for an element that is not there
    return agree("empty batch", got, [np.zeros((0, *np.shape(y))) for y in one], 1e-9)


def shapes(name):
    """Shape and dtype of the result are NumPy's for other dtypes, no elements and one too many; or both refuse."""
    count = 0
    for use in uses(name):
        real = [np.real(x) for x in use.xs]
        tried = [[np.asarray(x, np.float32) for x in real]]
        if read_from_numpy(name):
            tried += [[np.asarray(np.nan_to_num(x), t) for x in real] for t in (int, bool)]
            for i, x in enumerate(map(np.asarray, use.xs)):
                if x.ndim:
                    longer = np.concatenate([x, x[..., :1]], axis=-1)
                    tried.append([longer if k == i else other for k, other in enumerate(use.xs)])
            tried += [[x[:0] if x.ndim else x for x in map(np.asarray, use.xs)]]
        for xs in tried:
            count += same_kind(name, use.f, xs)
    return count


def read_from_numpy(name):
    """Whether users call the row in NumPy's name; others get from difflab's own code what they are made for."""
    return TABLE[name].reads != () and name not in REFERENCES


def same_kind(name, f, xs):
    if name in NOT_AS_NUMPY and all(np.asarray(x).dtype.kind in "bi" or not np.size(x) for x in xs):
        return 1
    try:
        want = reference(f, xs)
    except REFUSED:
        want = None
    try:
        got = traced(f, xs)[0]
    except dl.DifflabError:
        return 1 if want is None else 0  # difflab may refuse more
    except REFUSED as error:
        assert want is None, f"{error!r} on {kinds(xs)}, which NumPy takes"
        return 1
    if want is None:
        return 0
    bools = all(np.asarray(x).dtype.kind == "b" for x in xs)
    told = [[(s, d.rstrip("0123456789") if bools else d) for s, d in kinds(y)] for y in (got, want)]
    assert told[0] == told[1], f"{kinds(got)}, not {kinds(want)}, of {kinds(xs)}"
    return 1


# Rows that make something else of whole numbers, or of nothing, than NumPy, and why.
NOT_AS_NUMPY = {
    "piecewise": "what the functions return keeps its fraction, which NumPy drops with integers",
    "polymul": "NumPy drops leading zeros, so that the shape depends on values",
}


def kinds(xs):
    return [(np.shape(x), str(getattr(x, "dtype", np.asarray(x).dtype))) for x in xs]
