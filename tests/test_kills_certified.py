"""The proof's bookkeeping: operations counted, levels examined, ends of domains, errors in other units."""

from __future__ import annotations

import resource
from types import SimpleNamespace

import flint
import numpy as np
import pytest
import sympy
from flint import arb, arb_series
from scipy import linalg

import difflab as dl
from difflab.differentiate import arb_carrier, proof, steps, worker
from difflab.differentiate.arb_carrier import CARRIER
from difflab.differentiate.arb_rules import FORMULAS
from difflab.differentiate.methods import method_named
from difflab.differentiate.rounding import operand_error
from difflab.differentiate.symbolic import precise
from difflab.graph.traced import call_row
from difflab.primitives import TABLE
from difflab.primitives.germs import germ, session

GERM = germ.Germ(arb_series([arb(0.5), arb(1)]))
COUNTED = {
    "-x": lambda x: -x,
    "x + x": lambda x: x + x,
    "2 - x": lambda x: 2 - x,
    "x * x": lambda x: x * x,
    "x / x": lambda x: x / x,
    "exp": lambda x: germ.mapped(x, lambda s: s.exp()),
}


@pytest.mark.parametrize("name", COUNTED)
def test_every_operation_counts_towards_the_next_look_at_the_clock(monkeypatch, name):
    looked = []
    monkeypatch.setattr(session.NOW, "tick", lambda: looked.append(session.NOW.left))
    for left in (9, 1, 0):
        monkeypatch.setattr(session.NOW, "left", left)
        COUNTED[name](GERM)
        assert session.NOW.left < left and bool(looked) == (session.NOW.left < 0)


@pytest.mark.parametrize("bits", [64, 128, 512, 1024, 2048])
def test_one_sided_runs_look_for_a_kink_at_every_third_doubling_and_at_the_last(monkeypatch, bits):
    levels = []
    monkeypatch.setattr(proof.Proof, "examine", lambda self: levels.append(self.bits))
    found = dl.certify("floor(sin(x)**2 + cos(x)**2)", dict(x=0.3), bits=bits)
    assert not found.certified
    doubled = [64 * 2**k for k in range(6) if 64 * 2**k <= bits]
    assert levels == [b for k, b in enumerate(doubled) if k % 3 == 0 or b == doubled[-1]]


@pytest.mark.parametrize("count", [1, 3, 12, 13, 20])
def test_among_many_coordinates_the_first_kink_is_enough(monkeypatch, count):
    """With up to 12 every one-sided derivative is told: two runs for each."""
    runs, side = [], proof.Proof.side
    monkeypatch.setattr(proof.Proof, "side", lambda self, *x: runs.append(x[1]) or side(self, *x))
    found = dl.certify(lambda x: np.sum(np.abs(x)), np.zeros(count))
    assert not found.certified and "kink" in repr(found)
    assert runs == [-1, 1] * (count if count <= 12 else 1)


ENDS = [("erfinv(x)", (-1.0, 1.0)), ("erfcinv(x)", (0.0, 2.0)), ("ndtri(x)", (0.0, 1.0)), ("arctanh(x)", (-1.0, 1.0))]


@pytest.mark.parametrize("text, ends", ENDS, ids=[t for t, _ in ENDS])
def test_at_and_beyond_the_ends_of_an_open_domain_it_is_proven_that_there_is_no_value(text, ends):
    low, high = ends
    for x in (low, high, low - 1.5, high + 1.5):
        assert "undefined" in repr(dl.certify(text, dict(x=x))), x
    for x in (low + 2.0**-20, high - 2.0**-20):
        assert dl.certify(text, dict(x=x)).certified, x


NORMWISE = sorted(r.name for r in TABLE.values() if "normwise" in r.facts)


@pytest.mark.parametrize("name", NORMWISE)
@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e6])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (4, 2, 3)], ids=str)
def test_an_operand_of_linear_algebra_is_off_by_roundings_of_its_largest_entry(name, unit, shape):
    x = unit * np.linspace(-2.0, 1.0, int(np.prod(shape))).reshape(shape)
    found = operand_error(TABLE[name], x)
    assert found == pytest.approx(4 * (shape[-1] if shape else 1) * 2.0**-52 * 2.0 * unit, rel=1e-12, abs=0)
    assert operand_error(TABLE[name], np.array([1, 2])) is None


FROM_CONSTANTS = [
    ("quantile([x, 2*x], sqrt(2)/2)", 1 + np.sqrt(0.5)),
    ("sum(diff([x, x*x, 3], sqrt(4)))", 1 - 2 * 1.4),
    ("x*slogdet([[1, 2], [3, 4]])[1]", np.log(2)),
    ("sum(tile(x, 6/3))", 2.0),
]


@pytest.mark.parametrize("method", ["reverse", "forward", "numerical"])
@pytest.mark.parametrize("text, slope", FROM_CONSTANTS, ids=[t for t, _ in FROM_CONSTANTS])
def test_parameters_computed_from_constants(text, slope, method):
    assert dl.differentiate(text, dict(x=0.7), method=method).gradient["x"] == pytest.approx(slope, rel=1e-9)


TRUTHS = {  # operands whose derivative is nothing, before and behind one that has its own
    "where": (lambda x: np.where(x, x * x, 3 * x), lambda x: 2 * x if x else 3.0),
    "heaviside": (lambda x: np.heaviside(x, 3 * x + 1), lambda x: 0.0 if x else 3.0),
    "copysign": (lambda x: np.copysign(x * x, x), lambda x: np.copysign(2 * x, 1.0)),
    "round": (lambda x: np.round(x) * x, lambda x: np.round(x)),
}


@pytest.mark.parametrize("name", TRUTHS)
@pytest.mark.parametrize("x", [-0.7, 0.0, 1.3])
def test_operands_without_a_derivative_stop_no_other(name, x):
    f, slope = TRUTHS[name]
    if name == "copysign" and x == 0:
        return
    assert dl.jvp(f, (x,), (1.0,))[1] == pytest.approx(slope(x)) and dl.grad(f)(x) == pytest.approx(slope(x))


PLACES = [
    (np.argsort, {}), (np.argsort, {"axis": 0}), (np.argsort, {"axis": None}), (np.argmax, {}),
    (np.argmin, {"axis": 1}), (np.argpartition, {"kth": 1}), (np.argpartition, {"kth": 1, "axis": 0}),
    (np.argpartition, {"kth": 4, "axis": None}), (np.partition, {"kth": 1, "axis": 0}),
    (np.partition, {"kth": 4, "axis": None}), (np.sort, {"axis": None}), (np.sort, {"axis": 0}),
]  # fmt: skip


@pytest.mark.parametrize("f, options", PLACES, ids=[f"{f.__name__}-{o}" for f, o in PLACES])
def test_places_and_orders_along_any_axis(f, options):
    x = np.random.default_rng(3).normal(size=(3, 4))
    np.testing.assert_array_equal(dl.trace(lambda x: f(x, **options), x)(x), f(x, **options))


@pytest.mark.parametrize("given", [{}, {"prepend": 0.5}, {"append": [[1.0], [2.0]]}, {"prepend": np._NoValue}])
def test_differences_with_ends(given):
    x = np.arange(6.0).reshape(2, 3) ** 2
    np.testing.assert_array_equal(dl.trace(lambda x: np.diff(x, **given), x)(x), np.diff(x, **given))


BLOCKS = {
    "numbers": lambda x: np.block([x[0, 0], x[1, 0]]),
    "rows": lambda x: np.block([[x[0]], [x[1]]]),
    "rows and numbers": lambda x: np.block([[x[0], 1.0], [2.0, x[1]]]),
    "of other depths": lambda x: np.block([[x], [x[0]]]),
    "in three": lambda x: np.block([[[x]], [[2 * x]]]),
    "one": lambda x: np.block(x),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_fewer_axes_are_filled_up(name):
    x = np.arange(6.0).reshape(2, 3)
    want = BLOCKS[name](x)
    found = dl.trace(BLOCKS[name], x)(x)
    np.testing.assert_array_equal(found, want)
    assert np.shape(found) == want.shape


REFUSED = [
    (lambda x: np.add.reduceat(x, [0]), "np.add.reduceat has no derivative rule"),
    (lambda x: np.subtract.accumulate(x), "np.subtract.accumulate has no derivative rule"),
    (lambda x: np.divide.reduce(x), "np.divide.reduce has no derivative rule"),
    (lambda x: np.spacing(x), "np.spacing has no derivative rule"),
    (lambda x: np.nextafter(x, 1.0), "np.nextafter has no derivative rule"),
]


@pytest.mark.parametrize("f, words", REFUSED, ids=[w for _, w in REFUSED])
def test_what_has_no_rule_is_named_as_it_was_called(f, words):
    with pytest.raises(dl.errors.TraceError) as refused:
        dl.trace(f, np.ones(3))
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize("text, at", [("x*y", {"x": 2.0, "y": 3.0}), ("abs(x)", {"x": 0.0}), ("sin(x)", {"x": 1e22})])
@pytest.mark.parametrize("order", [1, 2])
def test_the_runs_of_a_proof_are_counted(monkeypatch, text, at, order):
    runs, along = [], proof.Proof.along
    monkeypatch.setattr(proof.Proof, "along", lambda self, *x, **k: runs.append(0) or along(self, *x, **k))
    assert dl.certify(text, at, order=order).evaluations == len(runs) >= 1


METHODS = {  # exact, what it rests on beside the rules of the rows, whether it judges, is limited, can be run again
    "reverse": (True, "", False, False, True),
    "forward": (True, "", False, False, True),
    "symbolic": (True, "algebra", False, True, False),
    "numerical": (False, "values", False, False, False),
    "certified": (True, "enclosures", True, True, False),
}


@pytest.mark.parametrize("name", METHODS)
def test_what_is_said_of_a_method(name):
    m = method_named(name)
    assert (m.exact, m.independent, m.judges, m.limited, m.program is not None) == METHODS[name]
    assert m.opaque == (name == "numerical")
    for other in METHODS:
        apart = METHODS[name][1] != METHODS[other][1]
        assert m.is_independent_of(method_named(other)) == apart


NESTED = {
    "a branch": (lambda c: dl.cond(c > 0, np.sin, np.cos, c), 2),
    "a loop": (lambda c: dl.while_loop(lambda y: y < 5, lambda y: 2 * y, c), 1),
    "an operation": (lambda c: c * c, 1),
}


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("count", [1, 3])
def test_operations_of_a_scan_are_those_of_its_steps(name, count):
    """A branch or a loop within one counts as one operation, beside its condition."""
    step, flops = NESTED[name]
    graph = dl.trace(lambda x: dl.scan(lambda c, k: (step(c), None), x, np.arange(float(count)))[0], 0.5)
    assert [n.primitive.flops for n in graph.order if n.primitive.name == "scan"] == [count * flops]


MATRIX = np.array([[1e-3, 5.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
OPTIONS = [
    (np.linalg.matrix_rank, {}), (np.linalg.matrix_rank, {"hermitian": True}), (np.linalg.matrix_rank, {"tol": 3.0}),
    (np.linalg.matrix_rank, {"hermitian": True, "tol": 1e-2}), (np.linalg.matrix_rank, {"rtol": 0.5}),
    (np.linalg.pinv, {}), (np.linalg.pinv, {"rcond": 1e-7}), (np.linalg.eigvalsh, {}),
    (np.linalg.eigvalsh, {"UPLO": "U"}),
    (np.linalg.norm, {"ord": 0, "axis": 1}), (np.linalg.norm, {"ord": 1, "axis": 0}),
    (np.linalg.norm, {"ord": 1}), (np.linalg.norm, {"ord": np.inf}), (np.linalg.norm, {"ord": -np.inf}),
    (np.linalg.norm, {"ord": -1}), (np.linalg.norm, {"ord": 2}), (np.linalg.norm, {"ord": "nuc"}),
    (np.linalg.norm, {"axis": 1}), (np.linalg.norm, {"axis": 0, "keepdims": True}), (np.linalg.cond, {"p": 1}),
    (np.linalg.svd, {"compute_uv": False}), (np.linalg.svd, {"compute_uv": False, "full_matrices": False}),
]  # fmt: skip


@pytest.mark.parametrize("f, options", OPTIONS, ids=[f"{f.__name__}-{o}" for f, o in OPTIONS])
def test_options_of_linear_algebra_mean_the_same_when_recorded(f, options):
    matrix = MATRIX + (np.eye(3) if f is np.linalg.cond else 0.0)
    found = dl.trace(lambda a: f(a, **options), matrix)(matrix)
    np.testing.assert_allclose(found, f(matrix, **options), rtol=1e-12, atol=1e-14)


NORMALISED = [f"{f}(A, axis={axis})[1, 0]" for f in ("softmax", "log_softmax") for axis in (0, 1)]
NORMALISED += [
    f"logsumexp(A, axis={axis}{k})[{i}]" for axis in (0, 1) for k, i in (("", "0"), (", keepdims=True", "0, 0"))
]


@pytest.mark.parametrize(
    "text", [*NORMALISED, "logsumexp(A)", "norm(A, 3, 1)[0]", "max(A, axis=0)[1] * min(A, axis=1)[0]"]
)
def test_certificates_of_reductions_along_an_axis(text):
    at = {"A": np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]])}
    found, plain = dl.certify(text, at), dl.differentiate(text, at)
    assert found.certified
    np.testing.assert_allclose(plain.gradient["A"], found.gradient["A"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["gamma", "gammaln", "digamma"])
@pytest.mark.parametrize("x, kind", [(0.0, "undefined"), (-2.0, "undefined"), (0.01, "undecided"), (-0.99, "undecided"),
                                     (1.2, None)])  # fmt: skip
def test_a_pole_is_proven_at_it_and_undecided_beside_it(name, x, kind):
    with session.session(60.0):
        flint.ctx.prec, flint.ctx.cap = 64, 2
        around = arb_series([arb(x, 0.0625), arb(1)])
        operand = germ.constant(arb(x)) if kind == "undefined" else germ.Germ(arb_series([arb(x), arb(1)]), around)
        found = CARRIER.of(TABLE[name])(operand)
        assert (found.lost and found.lost.kind) == kind
        assert kind is None or "pole" in found.lost.text


@pytest.mark.parametrize(
    "y, x", [(0.0, 1.0), (0.0, 0.25), (0.5, 1.0), (-0.5, 1.0), (1.0, 0.0), (1.0, -1.0), (-2.0, -1.0)]
)
def test_the_angle_of_a_point_is_certified_right_of_the_origin(y, x):
    found = dl.certify("arctan2(y, x)", {"y": y, "x": x})
    assert found.certified
    assert found.gradient == {"y": pytest.approx(x / (x * x + y * y)), "x": pytest.approx(-y / (x * x + y * y))}


WHERE = [(np.sum, 0.0), (np.prod, 1.0), (np.any, False), (np.all, True)]


@pytest.mark.parametrize("f, empty", WHERE, ids=[f.__name__ for f, _ in WHERE])
@pytest.mark.parametrize("where", [True, False, "mask", np._NoValue], ids=str)
def test_reductions_of_what_is_chosen(f, empty, where):
    x = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.5]])
    mask = x > 0 if isinstance(where, str) else where
    found = dl.trace(lambda x: f(x, axis=1, where=mask), x)(x)
    np.testing.assert_allclose(found, f(x, axis=1, where=mask))
    assert where is not False or np.all(found == empty)


def test_all_of_an_array_may_be_chosen_where_nothing_is_empty():
    x = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.5]])
    np.testing.assert_array_equal(dl.trace(lambda x: np.max(x, axis=1, where=True), x)(x), [2.0, 3.0])


def test_weights_are_counted_at_places_that_the_same_value_gives():
    f = lambda x: np.bincount((x > 1).astype(np.int64), weights=x * x, minlength=3) @ np.array([2.0, 3.0, 5.0])
    x = np.array([0.5, 1.5, 2.5])
    assert dl.grad(f)(x).tolist() == pytest.approx([2.0, 9.0, 15.0])


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("options", [{}, {"trans": 1}, {"trans": "T"}, {"unit_diagonal": True}], ids=str)
def test_triangular_systems_as_scipy_solves_them(lower, options):
    a, b = np.array([[2.0, 1.0, 0.5], [0.3, 3.0, 0.7], [0.2, 0.1, 4.0]]), np.array([1.0, 2.0, 3.0])
    f = lambda a: call_row(TABLE["solve_triangular"], a, b, lower=lower, **options)
    np.testing.assert_allclose(f(a), linalg.solve_triangular(a, b, lower=lower, **options), rtol=1e-12)


def test_the_tolerance_of_pinv_is_numpys():
    a = np.ones((3, 2))
    for options, want in (({}, 1e-15), ({"rtol": None}, 3 * 2.0**-52), ({"rtol": 1e-9}, 1e-9), ({"rcond": 1e-8}, 1e-8)):
        graph = dl.trace(lambda a, options=options: np.linalg.pinv(a, **options), a)
        assert [n.params["rcond"] for n in graph.order if n.primitive.name == "pinv"] == [want]


def test_constants_that_rules_hold_are_known_exactly():
    """Each as the double next to it; none twice."""
    with session.session(60.0):
        flint.ctx.prec = 200
        found = [float(f().mid()) for f in FORMULAS]
    root = np.sqrt(2 / np.pi)
    assert len(set(found)) == len(found)
    wanted = [np.log(2), 1 / np.log(2), np.log(10), 1 / np.log(10), np.pi, 1 / np.pi, np.pi / 180, 180 / np.pi]
    wanted += [2 / np.sqrt(np.pi), np.sqrt(np.pi) / 2, np.sqrt(2 * np.pi), root, 2 * root, np.sqrt(0.5)]
    assert set(np.round(wanted, 12)) == set(np.round(found, 12))


@pytest.mark.parametrize("shape", [(2,), (2, 3), (3,)], ids=str)
@pytest.mark.parametrize("method", ["forward", "reverse"])
def test_sweeps_are_one_for_each_entry_or_one(shape, method):
    at = {"A": np.ones(shape), "x": 2.0}
    found = dl.differentiate("sum(A*A)*x", at, method=method)
    assert found.evaluations == (1 + int(np.prod(shape)) if method == "forward" else 1)


@pytest.mark.parametrize("name", ["isposinf", "isneginf", "isinf", "isnan", "isfinite"])
def test_what_is_finite_is_known_of_balls(name):
    found = dl.certify(f"where({name}(x), 5*x, 2*x)", {"x": 1.5})
    assert found.certified and found.gradient["x"] == (5.0 if name == "isfinite" else 2.0)


@pytest.mark.parametrize(
    "a, b, near", [(1.5, 1.0, False), (1.0, 1.5, False), (1.0, 1.0 + 1e-12, True), (2.0, 2.0, True)]
)
def test_closeness_is_decided_for_balls(a, b, near):
    f = lambda x, y: np.where(np.isclose(x, y), x * y, 3 * x)
    found = dl.certify(f, (a, b))
    assert found.gradient == ((b, a) if near else (3.0, 0.0)) or not found.certified


@pytest.mark.parametrize("x", [0.0, 4.0])
@pytest.mark.parametrize("inner", ["x", "x*x", "x**4"])
def test_the_power_of_a_half_is_the_root(x, inner):
    one, other = (dl.certify(t, {"x": x}) for t in (f"({inner})**0.5", f"sqrt({inner})"))
    assert one.verdict == other.verdict and repr((one.value, one.gradient)) == repr((other.value, other.gradient))
    assert one.reason.replace("power", "sqrt") == other.reason


@pytest.mark.parametrize("size", [1, 5, 40])
def test_arrays_count_by_their_elements_towards_the_next_look_at_the_clock(monkeypatch, size):
    looked, node = [], dl.trace(lambda x: x * 2, np.ones(size)).outputs[0]
    monkeypatch.setattr(session.NOW, "tick", lambda: looked.append(1))
    monkeypatch.setattr(session.NOW, "left", 10)
    arb_carrier.large(node)
    assert session.NOW.left == 10 - size and bool(looked) == (size > 10)


def test_formulas_are_evaluated_whatever_their_symbols_are_called():
    symbols = [sympy.Symbol(n) for n in ("lambda", "x y", "1", "class")]
    formula = symbols[0] * symbols[1] + symbols[2] / symbols[3]
    (found,) = precise(symbols, [2.0, 3.0, 4.0, 8.0], [formula])
    assert found == 6.5


STEADY = {r.name for r in TABLE.values() if not r.differentiable}


def test_rows_without_a_derivative():
    """Those whose results are whole numbers, truth values, shapes, or the like."""
    assert "matrix_rank" in STEADY and {"argsort", "argmax", "searchsorted", "nonzero", "shape"} & set(TABLE) <= STEADY


def test_eigenvectors_of_stacks_move_as_those_of_each_matrix():
    rng = np.random.default_rng(1)
    a, t = rng.normal(size=(2, 3, 3)) + np.diag([1.0, 4.0, 9.0]), rng.normal(size=(2, 3, 3))
    f = lambda a: np.linalg.eig(a)
    (w, v), (dw, dv) = dl.jvp(f, (a,), (t,))
    for k in range(2):
        (w1, v1), (dw1, dv1) = dl.jvp(f, (a[k],), (t[k],))
        for x, y in ((w[k], w1), (v[k], v1), (dw[k], dw1), (dv[k], dv1)):
            np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "change, size, fits", [(1e-6, 1.0, True), (0.009, 1.0, True), (0.011, 1.0, False), (0.5, 100.0, True)]
)
def test_what_breaks_a_ladder_is_noise_where_it_is_small(monkeypatch, change, size, fits):
    """The largest difference of its quotients times the step, up to a hundredth of the values."""
    made, h = [], 1e-3
    level = lambda h, q: SimpleNamespace(h=h, quotient=lambda side: q, size=size)
    low = [level(1e-5, 2.0), level(1e-4, 2.0 + 0.1 * change / h), level(h, 7.0)]
    ladder = SimpleNamespace(
        broken=h, spacing=1e-5, levels=low, samples=SimpleNamespace(level=lambda _: level(h, 2.0 + change / h))
    )
    monkeypatch.setattr(steps, "Ladder", lambda *x, least: made.append(least) or "ladder")
    assert steps.as_noise(ladder) == ("ladder" if fits else None)
    assert made == ([pytest.approx(change)] if fits else [])


@pytest.mark.parametrize("grown", [10, 90, 110])
def test_memory_is_watched_in_megabytes(monkeypatch, grown):
    """Where the system says its largest size in kilobytes, as Linux does."""
    sizes = iter([50_000, 50_000 + 1024 * grown, 10**9])
    usage = lambda who: SimpleNamespace(ru_maxrss=next(sizes))
    monkeypatch.setattr(resource, "getrusage", usage)
    monkeypatch.setattr(worker.time, "sleep", lambda s: waited.append(s))
    monkeypatch.setattr(worker.os, "_exit", lambda code: ended.append(code))
    waited, ended = [], []
    worker.watch_memory(100)
    assert ended == [worker.MEMORY_EXIT] and len(waited) == (grown < 100)
