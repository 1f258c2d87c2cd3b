"""Verdicts: nothing is excused beyond a bound, and wrong rules, coarse differences and strangers are found out."""

from __future__ import annotations

import json
import random

import array_cases
import numpy as np
import pytest

import difflab as dl
from difflab import primitives
from difflab.differentiate import methods
from difflab.differentiate.derivative import Derivative
from difflab.differentiate.methods import Method, answer, method_named, register
from difflab.differentiate.problem import as_problem
from difflab.differentiate.rounding import gradient_rounding
from difflab.errors import InputError, TimeLimitError, UnsupportedError
from difflab.graph.traced import apply
from difflab.lab import compare as comparing
from difflab.lab.entries import Entry, judge_exact, judge_inexact
from difflab.nn import functional
from difflab.primitives import Gate, lookup
from difflab.testing import assert_gradients_agree

AD = ["reverse", "forward", "certified"]


@pytest.fixture(autouse=True)
def untimed(monkeypatch):
    monkeypatch.setattr(comparing, "TIMING_SECONDS", 0.0)
    monkeypatch.setattr(comparing, "SMALL", -1)


@pytest.fixture
def method():
    """Registers methods for one test."""
    added = []

    def add(name, run, **fields):
        added.append(register(Method(name, run, **fields)))
        return added[-1]

    yield add
    for made in added:
        del methods.REGISTRY[made.name]


# Wrong rules: each row's own rule is taken to be 1 % too large.
def scaled(rule):
    def wrong(*args, **kwargs):
        found = rule(*args, **kwargs)
        if isinstance(found, Gate):
            return Gate(found.mask, 1.01 * found.factor)
        if isinstance(found, tuple | list):
            return [None if x is None else 1.01 * x for x in found]
        return None if found is None else 1.01 * found

    return wrong


def flat(rule):
    return rule is None or (isinstance(rule, int) and rule == 0)


def wrong_rules(row):
    if row.kind == "elementwise":
        constant = lambda rule: scaled(lambda m, y, *x, **p: rule)
        change = lambda rule: rule if flat(rule) else constant(rule) if isinstance(rule, int) else scaled(rule)
        return {"partials": tuple(map(change, row.partials))}
    if row.kind == "linear":
        return {"transpose": scaled(row.transpose)}
    return {name: scaled(rule) for name, rule in (("vjp", row.vjp), ("jvp", row.jvp)) if rule is not None}


SQUARE = (3, 3)
ones = lambda x: 0.3 * x + 2 * np.eye(3)
symmetric = lambda x: x + np.swapaxes(x, -1, -2) + np.diag([0.0, 3.0, 7.0])
row = array_cases.row
MORE = {
    "matmul": (lambda a, b: a @ b, (3, 4), (4, 2)),
    "einsum": (lambda a, b: np.einsum("ij,kj->ik", a, b), (3, 4), (2, 4)),
    "solve": (lambda a, b: np.linalg.solve(ones(a), b), SQUARE, (3,)),
    "inv": (lambda a: np.linalg.inv(ones(a)), SQUARE),
    "cofactor": (lambda a: row("cofactor")(ones(a)), SQUARE),
    "det": (lambda a: np.linalg.det(ones(a)), SQUARE),
    "slogdet": (lambda a: np.linalg.slogdet(ones(a))[1], SQUARE),
    "euclidean_norm": (lambda x: np.linalg.norm(x), (4,)),
    "p_norm": (lambda x: np.linalg.norm(x, 3), (4,)),
    "cholesky": (lambda a: np.linalg.cholesky(ones(a) @ ones(a).T), SQUARE),
    "eigh": (lambda a: np.linalg.eigh(symmetric(a))[0], SQUARE),
    "qr": (lambda a: np.linalg.qr(ones(a))[1], SQUARE),
    "fft": (lambda x: np.fft.fft(x).real, (5,)),
    "ifft": (lambda x: np.fft.ifft(x).real, (5,)),
    "rfft": (lambda x: np.fft.rfft(x).real, (5,)),
    "irfft": (lambda x: np.fft.irfft(x, 6), (4,)),
    "expm": (lambda a: row("expm")(0.3 * a), SQUARE),
    "svd": (lambda a: np.linalg.svd(symmetric(a))[1], SQUARE),
    "pinv": (lambda a: np.linalg.pinv(ones(a)), SQUARE),
    "moments": (lambda x: np.add(*row("moments", axes=(1,))(x)[:2]), (2, 5)),
    "pick": (lambda a: np.linalg.slogdet(ones(a))[1], SQUARE),
    "sum_to": (row("sum_to", shape=(1, 4)), (3, 4)),
    "eig": (lambda a: np.linalg.eig(symmetric(a))[0].real, SQUARE),
    "conjugate": (lambda x: np.conjugate((1 + 2j) * x).imag, (3,)),
    "imag": (lambda x: np.imag((1 + 2j) * x), (3,)),
    "label_loss": (lambda x: functional.cross_entropy(x, np.array([0, 2])), (2, 3)),
    "without_ignored": (lambda x: row("without_ignored", ignore_index=-100)(x, np.array([0, -100])), (2,)),
    "standardised": (lambda x: functional.layer_norm(x, (5,)), (2, 5)),
}
WHOLE = {"ldexp": (1,), "yn": (0,), "kn": (0,)}
FLAT = {"floor", "ceil", "trunc", "rint", "round", "floor_divide", "stop_gradient", "sign", "heaviside"}


def at_an_ordinary_point(row):
    """A scalar function of one row, and a point at which its derivatives are not 0."""
    rng = np.random.default_rng(3)
    if row.kind != "elementwise" or row.name in MORE:
        f, *shapes = MORE[row.name] if row.name in MORE else array_cases.CASES[row.name][0]
        xs = tuple(np.asarray(rng.normal(size=s) if isinstance(s, tuple) else s)[()] for s in shapes)
        weights = rng.uniform(0.5, 1.5, np.shape(f(*xs)))
        return (lambda *x: np.sum(weights * f(*x))), xs
    for _ in range(20):
        full = [rng.uniform(d.low, d.high) for d in row.domain]
        full = [np.rint(x) if k in WHOLE.get(row.name, ()) else x for k, x in enumerate(full)]
        full = [3 if row.name == "ldexp" and k == 1 else True if row.name == "where" and k == 0 else x
                for k, x in enumerate(full)]  # fmt: skip
        moving = [k for k, rule in enumerate(row.partials) if not flat(rule) and isinstance(full[k], float)]

        def f(*x, full=full, moving=moving):
            places = dict(zip(moving, x))
            return apply(row, [places.get(k, v) for k, v in enumerate(full)], dict((row.examples or ({},))[0]))

        point = tuple(np.float64(full[k]) for k in moving)
        slopes = dl.grad(f, argnums=tuple(range(len(point))))(*point)
        if np.all(np.isfinite(slopes)) and np.any(slopes):
            return f, point
    raise AssertionError(f"{row.name}: no ordinary point")


ROWS = [r for r in primitives.table()
        if r.kind in ("elementwise", "linear", "custom") and r.differentiable and r.name not in FLAT]  # fmt: skip


@pytest.mark.parametrize("name", [r.name for r in ROWS])
def test_a_rule_that_is_wrong_by_one_per_cent_is_found(name):
    row = lookup(name)
    f, at = at_an_ordinary_point(row)
    right = dl.compare(f, at, methods=[*AD, "numerical"])
    assert right.methods["reverse"].agrees and right.methods["forward"].agrees, right.reason
    for attribute, wrong in wrong_rules(row).items():
        old = getattr(row, attribute)
        object.__setattr__(row, attribute, wrong)
        try:
            c = dl.compare(f, at, methods=[*AD, "numerical"])
        finally:
            object.__setattr__(row, attribute, old)
        found = {"transpose": ["reverse"], "vjp": ["reverse"], "jvp": ["forward"]}.get(
            attribute, ["reverse", "forward"]
        )
        assert c.verdict == "disagree" and all(m in c.reason for m in found)
        for m in found:
            assert c.methods[m].verdict == "disagrees", c.methods[m].reason


# What rounding can explain, and nothing more.
FUNCTIONS = "sin cos tan exp log sqrt tanh sinh arctan expm1 log1p square sigmoid softplus erf gelu cbrt sinc log_cosh"
FUNCTIONS += " gammaln j0 digamma erfc ndtr log_ndtr"


def formula(r, depth):
    if depth == 0 or r.random() < 0.12:
        return r.choice(["x", "y", "x", "y", "0.3", "2", "pi", "1/3", "1.7"])
    if r.random() < 0.5:
        return f"{r.choice(FUNCTIONS.split())}({formula(r, depth - 1)})"
    return f"({formula(r, depth - 1)} {r.choice('+-*/')} {formula(r, depth - 1)})"


def smooth_cases(count, seed):
    """Random formulas at random points, with their certificates."""
    r = random.Random(seed)
    while count:
        text = formula(r, r.choice([2, 3, 4, 5]))
        at = {"x": r.uniform(-3, 3), "y": 10 ** r.uniform(-6, 2)}
        at = {n: v for n, v in at.items() if n in {str(i.name) for i in dl.parse(text).inputs}}
        try:
            proof = dl.certify(text, at, seconds=2) if at else None
        except ValueError:
            proof = None
        if proof is not None and proof.certified:
            count -= 1
            yield text, at, proof


def test_rounding_is_within_its_bound_and_deliberate_errors_are_not():
    accepted = {1e-2: 0, 1e-6: 0}
    entries = 0
    for text, at, proof in smooth_cases(150, seed=11):
        problem = as_problem(text, at)
        bound = gradient_rounding(problem).gradient
        found = {m: method_named(m).run(problem).by_name for m in ("reverse", "forward")}
        for name in at:
            true, limit = float(proof.gradient[name]), float(bound[name]) + 0.5 * np.spacing(abs(proof.gradient[name]))
            for m, g in found.items():
                if np.isfinite(g[name]):
                    assert abs(g[name] - true) <= limit, (text, at, m)
            entries += true != 0
            for size in accepted:
                accepted[size] += true != 0 and size * abs(true) <= limit
    assert entries > 150 and accepted[1e-2] == 0 and accepted[1e-6] <= 2


@pytest.mark.parametrize(
    ("text", "x", "verdict"),
    [
        ("cos(2*pi*x)", 1.0, "agrees, within rounding"),  # pi is rounded in floats
        ("pi*x", 1.0, "agrees"),
        ("2*sin(x/2)**2/x**2", 1e-8, "agrees, within rounding"),  # accurate terms that cancel
        ("(1-cos(x))/x**2", 1e-8, "no digits"),  # terms that are rounding themselves
        ("(sqrt(2)**2-2)*x", 1.0, "no digits"),
        ("sin(1e5*x)", 0.7, "agrees"),
        ("jv(0.5, x)", 16.21, "agrees"),
    ],
)
def test_rounding_of_constants_and_cancellation(text, x, verdict):
    c = dl.compare(text, dict(x=x), methods=AD)
    assert c.methods["reverse"].verdict == c.methods["forward"].verdict == verdict
    assert c.agree == verdict.startswith("agrees")
    assert verdict == "agrees" or "rounding" in str(c)


def test_many_entries_and_loops_are_bounded_too():
    rng = np.random.default_rng(0)
    W, x = rng.normal(size=(40, 40)), rng.normal(size=40)
    problem = as_problem(lambda W, x: np.sum(np.tanh(W @ np.tanh(W @ x))), (W, x))
    bound = gradient_rounding(problem).gradient
    fine = method_named("reverse").run(
        as_problem(lambda W, x: np.sum(np.tanh(W @ np.tanh(W @ x))), (W.astype(np.longdouble), x.astype(np.longdouble)))
    )
    found = method_named("reverse").run(problem).by_name
    for name in ("W", "x"):
        off = np.abs(found[name] - fine.by_name[name])
        assert np.all(off <= bound[name] + 1e-18) and np.median(bound[name]) < 1e-9
    steps = as_problem(lambda x: dl.scan(lambda c, _: (np.sin(c) * x + c, c), x, length=50)[0], 0.3)
    assert 0 < gradient_rounding(steps).gradient["x"] < 1e-12


# Differences that claim too much or too little.
def coarse(problem, step=1e-2):
    """Central differences with the textbook's estimate of their own error."""
    found, claimed = [], {}
    for name, k in zip(problem.wrt, problem.places):
        x = float(problem.values[k])

        def f(at, k=k):
            values = list(problem.values)
            values[k] = np.float64(at)
            return float(problem.function(values))

        with np.errstate(all="ignore"):
            wide, narrow = ((f(x + h) - f(x - h)) / (2 * h) for h in (step, step / 2))
        found.append(narrow)
        claimed[name] = abs(wide - narrow)
    return answer(problem, "coarse", "a coarse difference", problem.value, found, 0.0, claimed_error=claimed)


NEAR = [f"tan({a}*x)" for a in (0.5, 1, 2)] + [f"1/(x-{a})" for a in (0.3, 1, 1.5)] + [
    "abs(x-1)+x/3", "relu(x-1)", "maximum(x,1)", "sqrt(abs(x-1))", "log(abs(x-1))", "floor(x)*x", "sign(x-1)*x**2",
    "where(x>1,x**2,x)", "sin(1/(x-1))", "sin(300*x)", "exp(-1e4*(x-1)**2)", "tanh(1e3*(x-1))", "cbrt(x-1)",
    "gamma(x-1)",
]  # fmt: skip
OFF = (0.0, 1e-3, 1e-6, 0.004)


def test_a_coarse_difference_is_never_called_agreement(method):
    method("coarse", coarse, independent="values")
    agreed, wrong = 0, 0
    cases = [(text, 1 + off + (np.pi / 2 - 1) * (text == "tan(1*x)")) for text in NEAR for off in OFF]
    assert len(cases) >= 60
    for text, x in cases:
        c = dl.compare(text, dict(x=x), methods=["reverse", "certified", "coarse"])
        row, proof = c.methods["coarse"], c.methods["certified"]
        if proof.details["verdict"] != "certified":
            assert not c.agree and not row.agrees, (text, x)
            continue
        off = abs(row.by_name["x"] - proof.by_name["x"])
        if row.agrees:
            agreed += 1
            assert off <= row.claimed_error["x"] * (1 + 1e-9) + 1e-15 * abs(proof.by_name["x"]), (text, x)
            assert row.claimed_error["x"] <= 0.01 * abs(proof.by_name["x"]) or proof.by_name["x"] == 0
        elif row.verdict == "disagrees":
            wrong += 1
            assert not c.agree
    assert agreed and wrong


def test_a_sixth_method_is_judged_everywhere(method):
    """SPSA (Spall 1992): random, imprecise, without or with a claim of its own."""

    def spsa(problem, honest=False):
        rng, k = np.random.default_rng(0), 20
        estimates = []
        for _ in range(k):
            signs = rng.choice([-1.0, 1.0], len(problem.places))
            ahead, behind = list(problem.values), list(problem.values)
            for place, s in zip(problem.places, signs):
                ahead[place], behind[place] = ahead[place] + 1e-4 * s, behind[place] - 1e-4 * s
            estimates.append((problem.function(ahead) - problem.function(behind)) / 2e-4 * signs)
        mean, spread = np.mean(estimates, axis=0), 4 * np.std(estimates, axis=0) / np.sqrt(k)
        claimed = dict(zip(problem.wrt, spread)) if honest else None
        return answer(problem, "spsa", "SPSA", problem.value, list(mean), 0.0, claimed_error=claimed, evaluations=2 * k)

    method("spsa", spsa, independent="values")
    method("honest", lambda problem: spsa(problem, honest=True), independent="values")
    text, at = "x*y + sin(x)*z", dict(x=1.0, y=2.0, z=0.5)
    c = dl.compare(text, at)
    assert list(c.methods)[-2:] == ["spsa", "honest"]
    assert c.methods["spsa"].verdict == "no digits" and "claims no error" in c.methods["spsa"].reason
    assert c.methods["honest"].verdict == "no digits" and not c.methods["honest"].agrees
    assert c.methods["reverse"].verdict == "agrees" and c.max_ulps < 8  # the ulps of exact methods alone
    assert "no digits" in str(c) and "no digits" in c._repr_html_()
    assert json.loads(json.dumps(c.to_json()))["methods"]["spsa"]["verdict"] == "no digits"
    assert dl.differentiate(text, at, method="spsa").method == "spsa"
    assert_gradients_agree(text, at, methods=["reverse", "certified", "spsa"])
    alone = dl.compare(text, at, methods=["reverse", "spsa"])
    assert alone.verdict == "undecided" and not alone.agree


def test_a_variant_sets_the_methods_keyword(method):
    asked = []

    def run(problem, scheme="plain"):
        asked.append(scheme)
        return answer(problem, "mine", scheme, problem.value, [np.float64(2.0)], 0.0)

    method("mine", run, exact=True, independent="mine", options="scheme")
    assert dl.compare("2*x", dict(x=1.0), methods=["mine:odd", "certified"]).methods["mine:odd"].agrees
    assert set(asked) == {"odd"}
    with pytest.raises(InputError, match="no variants"):
        method_named("reverse:fast")
    with pytest.raises(InputError, match="already|new name"):
        register(Method("mine", run))


# The whole comparison.
@pytest.mark.parametrize(
    ("text", "at", "word"),
    [
        ("log(x)", -1.0, "undefined"),
        ("sin(x)/x", 0.0, "undefined"),
        ("where(x>0,x,-x)", 0.0, "kink"),
        ("abs(x)", 0.0, "kink"),
        ("floor(x)", 1.0, "jump"),
        ("sqrt(x)", 0.0, "not differentiable"),
    ],
)
def test_where_there_is_no_derivative_nothing_agrees(text, at, word):
    c = dl.compare(text, dict(x=at))
    assert c.verdict == "undecided" and not c.agree and c.reason
    assert {m.verdict for m in c.methods.values() if m.failure is None} == {f"not judged: {word}"}
    assert word != "kink" or "from the left" in c.methods["reverse"].reason
    assert json.loads(json.dumps(c.to_json(), allow_nan=False))["verdict"] == "undecided"


@pytest.mark.parametrize(("text", "x"), [("where(x*x>0,3*x,x)", 0.0), ("abs(x-1)+x/3", 1.01), ("abs(x)*x", 0.0)])
def test_a_kink_of_a_row_excuses_nothing_where_the_function_is_smooth(text, x, method):
    method("wrong", lambda problem: answer(problem, "wrong", "wrong", 0.0, [np.float64(7.0)], 0.0), exact=True)
    c = dl.compare(text, dict(x=x), methods=["certified", "wrong"])
    if c.methods["certified"].details["verdict"] == "certified":
        assert c.verdict == "disagree" and c.methods["wrong"].verdict == "disagrees"
    assert not c.agree


def test_without_an_independent_judge_nothing_is_decided():
    assert dl.compare("x**2", dict(x=3.0), methods=["reverse", "forward"]).verdict == "undecided"
    assert dl.compare("x**2", dict(x=3.0), methods=["certified"]).verdict == "undecided"
    c = dl.compare("x**2", dict(x=3.0), methods=["reverse", "symbolic"])
    assert c.verdict == "agree" and any("independent of each other" in n for n in c.notes)
    assert dl.compare("abs(x)", dict(x=0.0), methods=["reverse", "symbolic"]).verdict == "undecided"


def failing(error):
    def run(problem, seconds=10.0):
        raise error

    return run


@pytest.mark.parametrize("error", [TimeLimitError("out of time"), UnsupportedError("no balls for this")])
def test_where_no_certificate_can_be_had_two_independent_methods_agree(error, monkeypatch):
    judge = Method("certified", failing(error), exact=True, independent="enclosures", judges=True, limited=True)
    monkeypatch.setitem(methods.REGISTRY, "certified", judge)
    c = dl.compare("exp(x)*y", dict(x=1.0, y=2.0))
    assert c.agree and c.reference == "symbolic"
    assert "which are independent of each other" in " ".join(str(c).split())
    assert c.methods["certified"].verdict.startswith("not judged: ")
    assert dl.compare("exp(x)*y", dict(x=1.0, y=2.0), methods=["certified", *AD[:2]]).verdict == "undecided"
    assert dl.compare("abs(x)*y", dict(x=0.0, y=2.0)).verdict == "undecided"
    assert dl.compare("log(x)", dict(x=-2.0)).verdict == "undecided"


def test_seconds_limit_every_limited_method(method):
    given = {}

    def slow(problem, seconds):
        given["slow"] = seconds
        return answer(problem, "slow", "slow", problem.value, [np.float64(1.0)], 0.0)

    method("slow", slow, exact=True, independent="slow", limited=True)
    c = dl.compare("x", dict(x=1.0), methods=["slow", "certified"], seconds=0.5)
    assert given == {"slow": 0.5} and c.agree


def test_refused_entries_are_not_judged(method):
    def shy(problem):
        found = answer(problem, "shy", "shy", problem.value, [np.array([2.0, np.nan])], 0.0, claimed_error={"x": 1e-9})
        found.refusals = {"x": np.array(["", "pole: near x[1]"], dtype=object)}
        return found

    method("shy", shy, independent="values")
    c = dl.compare(lambda x: np.sum(2 * x), np.array([1.0, 2.0]), methods=["certified", "reverse", "shy"])
    assert c.agree and c.methods["shy"].verdict == "not judged: pole" and "x[1]" in c.methods["shy"].reason


def test_a_gradient_without_a_number_disagrees(method):
    method("nan", lambda p: Derivative("nan", "nan", 1.0, {"x": np.nan}, {"x": np.nan}), exact=True)
    assert dl.compare("x*x", dict(x=1.0), methods=["nan", "certified"]).verdict == "disagree"


def test_preparation_and_evaluation_are_two_times(monkeypatch):
    monkeypatch.setattr(comparing, "SMALL", 4000)
    c = dl.compare("x*y", dict(x=1.0, y=2.0))
    for m in c.methods.values():
        assert m.evaluation > 0 and (m.name == "numerical") == (not m.preparation)
    assert c.methods["symbolic"].preparation > c.methods["symbolic"].evaluation
    assert "preparation" in str(c) and "evaluation" in c._repr_html_()
    assert c.to_json()["methods"]["reverse"]["preparation"] > 0


@pytest.mark.parametrize(
    ("text", "x", "verdict"),
    [("log(1 + exp(-x))", 40.0, "no digits"), ("x**3 - 1", 1.0, "disagrees"), ("sin(x)", 0.0, "disagrees")],
)
def test_differences_of_rounding_have_no_digits_but_a_zero_excuses_nothing(text, x, verdict, method):
    flat = lambda p: answer(p, "flat", "flat", p.value, [np.float64(0.0)], 0.0, claimed_error={"x": np.float64(0.0)})
    method("flat", flat, independent="values")
    c = dl.compare(text, dict(x=x), methods=["reverse", "certified", "flat"])
    assert c.methods["flat"].verdict == verdict


@pytest.mark.parametrize(
    ("entry", "verdict"),
    [
        (Entry(1.01, 1.0, np.inf, 0.0, np.inf), "no digits"),  # a bound that says nothing excuses nothing
        (Entry(1.01, 1.0, 0.009, 0.0, 1.0), "disagrees"),
        (Entry(1.01, 1.0, 0.009, 0.002, 1.0), "no digits"),  # the judge's own width counts, and is over 1 % together
        (Entry(1.001, 1.0, 0.005, 0.0, 1.0), "agrees"),
        (Entry(1e-15, 0.0, 1e-14, 0.0, 1.0), "agrees, within rounding"),
        (Entry(1e-15, 0.0, 1e-14, 0.0, 0.0), "no digits"),
        (Entry(np.nan, 1.0, 1.0, 0.0, 1.0, "kink: at 0"), "not judged: kink"),
        (Entry(1.0 + 2**-53, 1.0, 0.0, 0.0, 1.0), "agrees"),
        (Entry(1.0 + 2**-52, 1.0, 0.0, 0.0, 1.0), "disagrees"),  # half an ulp is allowed, one is not
    ],
)
def test_an_entry_is_held_to_its_bound(entry, verdict):
    assert judge_exact(entry).verdict == verdict


def test_a_claim_never_excuses_more_than_itself():
    claimed = lambda found, error: judge_inexact(Entry(found, 1.0, error, 0.0, 1.0), claims=True).verdict
    assert claimed(1.001, 0.002) == "agrees" and claimed(1.001, 0.0009) == "disagrees"
    assert claimed(1.001, 0.02) == "no digits" and claimed(1.5, 0.4) == "disagrees"


@pytest.mark.parametrize("of", ["cos(10*pi*x)", "sin(3.7*x)", "1/(x-0.3)", "log(x**2 + 0.1)"])
def test_numbers_beside_float32_take_its_dtype(of):
    """A Python number beside a float32 array does not make the arithmetic float64, whose rounding would excuse less."""
    f = dl.parse(of)
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=5).astype(np.float32)
        for function, at in ((lambda x: np.sum(f(x=x)), x), (of, dict(x=x[0]))):
            c = dl.compare(function, at, methods=["reverse", "forward", "certified"])
            assert c.verdict == "agree", (of, seed, c.reason)


def test_too_large_for_a_float_is_not_undefined():
    c = dl.compare("exp(x)", at=dict(x=1000.0))
    assert c.verdict == "undecided" and "larger than the largest double" in c.reason and "undefined" not in c.reason
    assert any("larger than the largest float" in note for note in c.notes)
    assert dl.compare("1/x", at=dict(x=0.0)).reason.startswith("undefined")
    assert dl.compare("log(x)", at=dict(x=-1.0), methods=["reverse", "numerical"]).reason.startswith("undefined")


def test_a_text_without_inputs_is_compared():
    assert dl.compare("3", at={}).verdict == "agree"


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), None, "a", True])
def test_seconds_have_to_be_a_time(seconds):
    for judge in (dl.compare, dl.certify):
        with pytest.raises(InputError, match="seconds="):
            judge("sin(x)", at=dict(x=1.0), seconds=seconds)
    assert dl.compare("sin(x)", at=dict(x=1.0), seconds=float("inf")).agree


def test_an_infinite_derivative_disagrees_whatever_rounding_allows():
    """In float32 (x * 1e30)**2 overflows, and with it the bound on rounding."""
    f = lambda x: np.log1p((x * 1e30) ** 2)
    c = dl.compare(f, np.float32(2.0), methods=["reverse", "certified"])
    assert not np.isfinite(c.methods["reverse"].gradient) and c.verdict == "disagree"
    assert judge_exact(Entry(np.inf, 1.0, np.inf, 0.0, 1.0)).verdict == "disagrees"
