"""Array rows against references: value, both modes, second derivative, batches, shapes and dtypes, other carriers.

Every check returns how many comparisons it made; none is no proof.
"""

from __future__ import annotations

import itertools

import numpy as np
import optree
from array_cases import CASES, REAL_ONLY
from table_data import uses
from table_references import REFERENCES, NotIndependentError, independent
from test_primitives_arrays import inputs

import difflab as dl
from difflab.differentiate import complex_step
from difflab.errors import UnsupportedError
from difflab.graph.node import Node, Trace
from difflab.primitives import NUMPY, TABLE
from difflab.primitives.elements import ElementsCarrier

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
    return [x.value if isinstance(x, Node) else x for x in optree.tree_leaves(y)]


def reference(f, xs):
    with independent():
        return leaves(f(*xs))


def traced(f, xs, chosen=None):
    """The results of a call on traced operands (of all, or those chosen), and what was recorded."""
    trace = Trace()
    chosen = chosen or (True,) * len(xs)
    try:
        with np.errstate(all="ignore"):
            y = f(*[trace.input(np.asarray(x)[()]) if c else x for x, c in zip(xs, chosen)])
    finally:
        nodes = trace.close()
    return leaves(y), nodes


def calls(name):
    """Each call of the row that its uses record: operands, parameters, value."""
    for use in uses(name):
        for node in traced(use.f, use.xs)[1]:
            if node.primitive.name == name:
                yield [x.value if isinstance(x, Node) else x for x in node.operands], node.params, node.value


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
    return [(np.shape(x), str(getattr(x, "dtype", type(x).__name__))) for x in xs]


# Other carriers, call by call.
def small(x):
    return np.all(np.abs(x) < 1000)


def real(xs):
    """Whether operands are finite real numbers, which the carriers of single elements are for."""
    return all(np.asarray(x).dtype.kind in "fbiu" and np.all(np.isfinite(x)) and small(x) for x in xs)


def program(name):
    """The row's program in other rows gives what its own function gives."""
    count, row, not_real = 0, TABLE[name], False
    for xs, params, y in calls(name):
        not_real |= any(np.iscomplexobj(x) for x in xs)
        if real(xs):
            got = [
                np.asarray(g, np.asarray(w).dtype) for g, w in zip(leaves(row.value(NUMPY, *xs, **params)), leaves(y))
            ]
            count += agree("program", got, leaves(y), 1e-11)
    return count or int(not_real)  # of complex numbers the sweeps run the program, and jvp and vjp judge it


class Elements(ElementsCarrier):
    """Plain numbers as the elements of object arrays: what the symbolic and certified methods rely on."""

    name = "plain elements"

    def scalar_function(self, row, spelled):
        return row.evaluate if row.value is None or row.name == "power" else None


ELEMENTS = Elements()


def boxed(x):
    x = np.asarray(x)
    return np.array(x, object) if x.dtype.kind == "f" else x


def elements(name):
    """On plain numbers in object arrays."""
    return on_carrier(name, ELEMENTS, boxed, float)


def sympy_values(name):
    """On sympy's numbers."""
    import sympy

    from difflab.graph.sympy_io import CARRIER

    box = np.vectorize(lambda v: sympy.Float(v, 30), otypes=[object])
    return on_carrier(name, CARRIER, lambda x: box(x) if floating(x) else x, float)


def floating(x):
    return np.asarray(x).dtype.kind == "f" and np.size(x) > 0


def on_carrier(name, carrier, box, unbox):
    """The row's function for other elements on the operands of its calls; a carrier without one says so."""
    count, row, not_real = 0, TABLE[name], False
    for xs, params, y in calls(name):
        if not real(xs):
            not_real |= any(np.iscomplexobj(x) for x in xs)
            continue
        given = [box(x)[()] if np.ndim(x) == 0 and floating(x) else box(x) for x in xs]
        try:
            got = leaves(carrier.of(row)(*given, **params))
        except UnsupportedError:
            count += 1
            continue
        got = [np.asarray(g, np.asarray(w).dtype) for g, w in zip(got, leaves(y), strict=True)]
        count += agree(carrier.name, got, leaves(y), 1e-11)
    return count or int(not_real)  # a row of complex numbers alone: the elements of these carriers are real


def arb_values(name):
    """On germs along a direction: the value and the slope, to 1e-8 of the differences of the row's own function."""
    import flint
    from flint import arb, arb_series

    from difflab.differentiate.arb_carrier import CARRIER, lift_all
    from difflab.differentiate.arb_germ import LOCK, Germ, lift

    count, row, not_real = 0, TABLE[name], False
    with LOCK, flint.ctx.workprec(200):
        before, flint.ctx.cap = flint.ctx.cap, 2
        try:
            for xs, params, y in itertools.islice(calls(name), 4):
                if not real(xs) or sum(map(np.size, xs)) > 200:
                    not_real |= any(np.iscomplexobj(x) for x in xs)
                    continue
                vs = [v if floating(x) else None for v, x in zip(directions(xs, 11), xs)]
                germ = np.vectorize(
                    lambda x, v: Germ(arb_series([arb(x), arb(v)]), arb_series([arb(x, 1e-30), arb(v)])),
                    otypes=[object],
                )
                given = [lift_all(x) if v is None else germ(x, v)[()] for x, v in zip(xs, vs)]
                try:
                    got = leaves(CARRIER.of(row)(*given, **params))
                except Exception:  # the run of a graph on germs makes an UnsupportedError of any
                    count += 1
                    continue
                if not np.iscomplexobj(leaves(y)[0]):
                    count += balls(row, xs, vs, params, leaves(y), got, lift)
        finally:
            flint.ctx.cap = before
    return count or int(not_real)


def balls(row, xs, vs, params, values, got, lift):
    from mpmath_functions import as_mpf

    slopes = None if row.kind == "opaque" else own_slope(row, xs, vs, params)
    count = 0
    for k, y in enumerate(values):
        if np.asarray(y).dtype.kind != "f" or slopes is None:
            continue
        for ball, true, slope in zip(np.ravel(got[k]), np.ravel(y), np.ravel(slopes[k]), strict=True):
            germ = lift(ball)
            if germ.lost is None and germ.point[0].is_finite() and germ.around[1].is_finite():
                assert abs(float(as_mpf(germ.point[0])) - true) <= 1e-11 * max(1, abs(true)), f"arb: {ball}, not {true}"
                error = 0.0 if np.isnan(slope) else abs(float(as_mpf(germ.point[1])) - slope)
                assert error <= 1e-7 * max(1, abs(slope)), f"arb, slope: {ball}, not {slope}"
                assert np.isnan(slope) or float(germ.point[1].rad()) <= 1e-20 * max(1, abs(slope)), (
                    f"arb: a wide ball, {ball}"
                )
            count += 1
    return count


def own_slope(row, xs, vs, params):
    """Differences of the row's own function along vs (None: an operand that is held); NaN at kinks and jumps."""
    at = lambda t: leaves(row.evaluate(*[x if v is None else x + t * v for x, v in zip(xs, vs)], **params))
    ys = {k: at(k * STEP) for k in range(-3, 4)}
    if any(np.shape(p) != np.shape(q) for y in ys.values() for p, q in zip(y, ys[0])):
        return None
    found = []
    for i in range(len(ys[0])):
        y = {k: np.asarray(v[i], float) for k, v in ys.items()}
        central = sum(w * (y[k] - y[-k]) for k, w in SLOPE) / STEP
        rough = np.abs(y[3] - y[0] - (y[0] - y[-3])) / STEP
        found.append(np.where(rough > 0.1 + 0.1 * np.abs(central), np.nan, central))
    return found


def complex_values(name):
    """Complex operands: the value, and the derivative along a complex direction."""
    count = 0
    for f, *shapes in CASES.get(name, ()) if name not in REAL_ONLY else ():
        xs = tuple(x * (1 + 0.5j) for x in inputs(shapes))
        try:
            want = reference(f, xs)
        except (*REFUSED, NotIndependentError):
            continue
        vs = directions(xs, 9)
        count += agree("complex value", traced(f, xs)[0], want, 1e-11)
        if cut(f, xs, vs):
            continue
        count += agree("complex jvp", leaves(dl.jvp(f, xs, vs)[1]), slope(f, xs, vs), 1e-8)
    return count


def cut(f, xs, vs):
    """Whether the reference jumps between the points of a difference: a branch of a logarithm."""
    ys = [reference(f, moved(xs, vs, k * STEP)) for k in range(-3, 4)]
    return any(np.nanmax(np.abs(np.diff([y[i] for y in ys], axis=0)), initial=0.0) > 2 for i in range(len(ys[0])))


def complex_steps(name):
    """The spelling for the complex step, against differences of the row's own value."""
    count, row = 0, TABLE[name]
    for xs, params, y in itertools.islice(calls(name), 4) if row.differentiable else ():
        vs = [v if floating(x) else None for v, x in zip(directions(xs, 11), xs)]
        if any(np.iscomplexobj(x) for x in [*xs, *leaves(y)]):
            return 1  # the driver refuses complex numbers on the way
        stepped = [x if v is None else x + 1e-200j * v for x, v in zip(xs, vs)]
        if all(v is None for v in vs):
            continue
        want = own_slope(row, xs, vs, params)
        try:
            got = leaves(complex_step.CARRIER.of(row)(*stepped, **params))
        except UnsupportedError:
            count += 1
            continue
        if want is not None and np.shape(want[0]) == np.shape(got[0]):
            got = [np.where(np.isnan(w), w, np.imag(np.asarray(g, complex)) / 1e-200) for g, w in zip(got, want)]
            count += agree("complex step", got, want, 1e-7)
    return count
