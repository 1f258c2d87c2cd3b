"""The symbolic method, and graphs from and to sympy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import difflab as dl
from difflab.differentiate.problem import as_problem
from difflab.differentiate.symbolic import MAX_ENTRIES, derivative, sendable, work
from difflab.errors import DifflabError, DomainError, InputError, TimeLimitError, UnsupportedError
from difflab.graph.sympy_io import CARRIER
from difflab.graph.traced import apply
from difflab.primitives import TABLE, rows

sympy = pytest.importorskip("sympy")
X, Y = sympy.symbols("x y")
V = np.array([0.3, 1.2, -2.0])
A = np.array([[2.0, 1.0], [0.5, 3.0]])

EXPRESSIONS = [
    (X - Y, "subtract"),
    (-X - Y, "negative subtract"),
    (X / Y, "divide"),
    (-X / (2 * Y), "multiply divide negative"),
    (2 * X / 3, "multiply divide"),
    (X**-2, "power"),
    (1 / X, "reciprocal"),
    (sympy.sqrt(X), "sqrt"),
    (sympy.exp(-X), "negative exp"),
    (X**Y, "power"),
    (X ** sympy.Rational(1, 3), "power"),
    (sympy.sin(X) ** 2 + 1, "sin square add"),
    (sympy.Max(1, X, Y), "maximum maximum"),
    (sympy.Abs(X) * sympy.sign(X), "absolute sign multiply"),
    (sympy.Piecewise((X, X > 0), (Y, True)), "greater where"),
    (sympy.And(X > 0, Y > 0), "greater greater logical_and"),
    (sympy.Eq(X, Y), "equal"),
    (sympy.asin(X) + sympy.atan2(X, Y), "arcsin arctan2 add"),
    (sympy.sinc(sympy.pi * X), "sinc"),
    (sympy.polygamma(0, X) + sympy.polygamma(2, X), "digamma polygamma add"),
    (sympy.Integer(10) ** 50 * X, "multiply"),
    (sympy.Float("0.1") * X, "multiply"),
]


@pytest.mark.parametrize(("expression", "rows"), EXPRESSIONS, ids=[str(e) for e, _ in EXPRESSIONS])
def test_from_sympy_and_back(expression, rows):
    g = dl.from_sympy(expression)
    assert sorted(n.primitive.name for n in g.operations) == sorted(rows.split())
    assert dl.to_sympy(g) == expression


@pytest.mark.parametrize(
    "expression",
    [
        "x",
        3,
        sympy.Matrix([X]),
        sympy.MatrixSymbol("M", 2, 2),
        sympy.I * X,
        sympy.zoo,
        sympy.Integral(X, X),
        sympy.Function("f")(X),
        sympy.LambertW(X),
        sympy.EmptySet,
        sympy.Tuple(X, Y),
        sympy.Integer(10) ** 400 * X,
        X ** (sympy.Integer(10) ** 400),
        sympy.Symbol("a") + sympy.Symbol("a", real=True),
    ],
    ids=lambda e: str(e)[:20],
)
def test_from_sympy_refuses(expression):
    with pytest.raises(DifflabError, match="from_sympy"):
        dl.from_sympy(expression)


def test_shared_and_long_expressions():
    shared = X
    for _ in range(60):  # 2^60 leaves as a tree
        shared = sympy.Mul(sympy.sin(shared, evaluate=False), sympy.cos(shared, evaluate=False), evaluate=False)
    assert len(dl.from_sympy(shared)) == 181
    long = sympy.Add(*[sympy.sin(sympy.Symbol(f"x{k}")) for k in range(5000)])
    assert len(dl.from_sympy(long).operations) == 9999
    deep = X
    for _ in range(2000):
        deep = sympy.sin(deep, evaluate=False) + X
    assert len(dl.from_sympy(deep)) == 4001


def test_names_of_symbols_are_only_names():
    hostile = sympy.Symbol("__import__('os').system('false')")
    g = dl.from_sympy(hostile * 2)
    assert g.inputs[0].name == hostile.name
    assert dl.differentiate(g, {hostile.name: 1.0}, method="symbolic").gradient[hostile.name] == 2


def test_to_sympy_expands_arrays():
    g = dl.trace(lambda x: np.sum(x**2) * x[0], V)
    names = sorted(s.name for s in dl.to_sympy(g).free_symbols)
    assert names == ["x_0", "x_1", "x_2"]
    entries = np.array([X, Y], dtype=object)
    assert dl.to_sympy(dl.parse("sum(v) * v[1]"), {"v": entries}) == sympy.expand(X + Y) * Y


LEAVES = st.sampled_from([X, Y, sympy.Integer(2), sympy.Rational(1, 3), sympy.pi, sympy.Float(0.5)])
EXPRESSION = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(sympy.Add, inner, inner),
        st.builds(sympy.Mul, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a: 1 / (2 + sympy.sin(a)), inner),
        st.builds(sympy.sin, inner),
        st.builds(sympy.atan, inner),
        st.builds(lambda a: sympy.sqrt(a**2 + 1), inner),
        st.builds(lambda a, b: sympy.Max(a, b), inner, inner),
        st.builds(lambda a, b: sympy.Piecewise((a, X > Y), (b, True)), inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(EXPRESSION, st.floats(0.1, 2), st.floats(0.1, 2))
def test_round_trips_keep_the_value(expression, x, y):
    expression = expression + 0 * X
    g = dl.from_sympy(expression)
    at = {n.name: {"x": x, "y": y}[n.name] for n in g.inputs}
    want = float(expression.subs({X: x, Y: y}))
    assert float(g(**at)) == pytest.approx(want, rel=1e-9, abs=1e-9)
    again = dl.from_sympy(sympy.sympify(dl.to_sympy(g)))
    at = {n.name: at[n.name] for n in again.inputs}
    assert float(again(**at)) == pytest.approx(want, rel=1e-9, abs=1e-9)


SCALARS = [
    ("sin(x)*exp(y)", {"x": 0.3, "y": 1.2}),
    ("abs(x)", {"x": 0.0}),
    ("relu(x)", {"x": 0.0}),
    ("max(x, y)", {"x": 1.0, "y": 1.0}),
    ("where(x > 0, x**2, -x)", {"x": -1.0}),
    ("floor(x)*x + sign(x)*x + round(x)*x", {"x": 2.4}),
    ("mod(x, 3)*x", {"x": 4.5}),
    ("sinc(x)", {"x": 0.0}),
    ("softplus(x)", {"x": 800.0}),
    ("sigmoid(x)", {"x": -750.0}),
    ("erf(x)*gammaln(y)", {"x": 0.3, "y": 2.5}),
    ("(0 < x < 1)*x", {"x": 0.5}),
    ("arctan2(x, y)", {"x": 1.0, "y": -1.0}),
    ("x**(1/3) + 10**20*x", {"x": 2.0}),
    ("5 + 0*x", {"x": 1.0}),
    ("lambda_*x", {"lambda_": 2.0, "x": 3.0}),
]
ARRAYS = [
    ("mean(x**2) + prod(x) + std(x) + norm(x)", {"x": V}),
    ("max(x) + min(x)", {"x": V}),
    ("logsumexp(x) + softmax(x)[0] + log_softmax(x)[1]", {"x": V}),
    ("cumsum(x)[1] + cumprod(x)[2]", {"x": V}),
    ("sum(A @ x[:2]) + x[2]", {"A": A, "x": V}),
    ("det(A) + inv(A)[0, 1] + solve(A, [1, 2])[0] + slogdet(A)[1]", {"A": A}),
    ("trace(A @ A.T) + A[1, 0]", {"A": A}),
    ("sum(kron(x, x)) + sum(outer(x, x)) + sum(concatenate([x, 2*x]))", {"x": V}),
    ("sum(maximum(x, 0) * [1, 2, 3])", {"x": V}),
    ("sum(x)*x_0", {"x": V, "x_0": 3.0}),
]


@pytest.mark.parametrize(("text", "at"), SCALARS + ARRAYS, ids=[t for t, _ in SCALARS + ARRAYS])
def test_symbolic_agrees_with_reverse(text, at):
    reverse = dl.differentiate(text, at, method="reverse")
    symbolic = dl.differentiate(text, at, method="symbolic")
    for name in at:
        np.testing.assert_allclose(symbolic.gradient[name], reverse.gradient[name], rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(symbolic.value, reverse.value, rtol=1e-12)
    assert symbolic.label.startswith("exact formula")


def test_formulas_that_overflow_say_so():
    assert any("digits" in n for n in dl.differentiate("softplus(x)", {"x": 800.0}, method="symbolic").notes)


@pytest.mark.parametrize("text", ["3*x/x - 3", "log(x) - log(x)", "x*(1/x)"])
def test_no_finite_gradient_where_the_function_is_undefined(text):
    found = dl.differentiate(text, {"x": 0.0}, method="symbolic")
    assert np.isnan(found.gradient["x"]) and any("not defined" in n for n in found.notes)


@pytest.mark.parametrize("form", ["raw", "cse", "simplified"])
def test_each_form_has_the_gradient_and_counts_operations(form):
    found = derivative(as_problem("sin(x)**2 + cos(x)**2 + x*exp(x*y)", {"x": 0.3, "y": 2.0}), form=form)
    assert found.gradient["y"] == pytest.approx(0.09 * np.exp(0.6))
    counts = found.details["operations"]
    assert found.operations == counts[form] and counts["cse"] <= counts["raw"] and "exp" in found.details["formula"]


def test_what_has_no_formula_is_refused():
    with pytest.raises(InputError, match="raw, cse, simplified"):
        derivative(as_problem("x", {"x": 1.0}), form="short")
    with pytest.raises(UnsupportedError, match=str(MAX_ENTRIES)):
        derivative(as_problem("sum(x)", {"x": np.ones(MAX_ENTRIES + 1)}))
    for text in ("sort(x)[0]", "svd(outer(x, x))[1][0]"):
        with pytest.raises(UnsupportedError):
            derivative(as_problem(text, {"x": V}))


def test_the_time_limit_holds():
    steps = "; ".join(["l0 = x", *(f"l{k + 1} = 4*l{k}*(1 - l{k})" for k in range(40))])
    with pytest.raises(TimeLimitError, match="1 s of processor time"):  # not the minutes that it would take
        derivative(as_problem(steps, {"x": 0.3}), seconds=1)


# No rule for one of the operands, or no formula by sympy.
SKIPPED = set(
    "ldexp jv yv iv kv yn kn ive ive_derivative kve kve_derivative heaviside gammainc".split()
    + "gammaincc betainc zeta hyp2f1 hyp1f1".split()
)


def test_every_elementwise_row_that_sympy_knows():
    """One point of each row, in one child: the formula's derivative against the rule."""
    rng = np.random.default_rng(0)
    for row in TABLE.values():
        if row.kind != "elementwise" or row.name in SKIPPED or all(p in (0, None) for p in row.partials):
            continue
        domains = row.domain if len(row.domain) == len(row.partials) else row.domain * len(row.partials)
        at = tuple(
            float(
                rng.uniform(max(d.low, -3), min(d.high, 3)) if max(d.low, -3) < min(d.high, 3) else rng.uniform(*d[:2])
            )
            for d in domains
        )
        params = row.examples[0] if row.examples and isinstance(row.examples[0], dict) else {}

        def call(*xs, row=row, params=params):
            return apply(row, xs, params)

        reverse = dl.differentiate(call, at, method="reverse").gradient
        try:
            symbolic = dl.differentiate(call, at, method="symbolic").gradient
        except UnsupportedError:
            continue
        np.testing.assert_allclose(symbolic, reverse, rtol=1e-8, atol=1e-300, err_msg=row.name)


# By the branch taken.
PIECES = [
    ("where(x > y, x**2, y**3) + where(x - y, x, y)", {"x": -1.0, "y": 2.0}, "comparison"),
    ("(0 < x < 1)*x", {"x": 0.5}, "comparison"),
    ("abs(x)*relu(y) + copysign(x, y)*heaviside(y, 0.5)", {"x": -1.5, "y": 2.0}, "absolute, copysign, heaviside, relu"),
    ("floor(x)*x + ceil(x)*y + sign(y)*x + round(x)*y + fix(x)*y", {"x": 2.4, "y": -1.5}, "ceil, floor, round, sign"),
    ("mod(x, 3)*x + fmod(y, 2)*y", {"x": 4.5, "y": -3.5}, "floor, trunc"),
    ("sort(x)[1]**2 + median(x)*max(x) + min(x)*clip(x, -1, 1)[2]", {"x": V}, "comparison, maximum, minimum"),
    ("argmax(x)*x[0] + sum(where(x > 0, x**2, -x))", {"x": V}, "comparison"),
    ("leaky_relu(x) + hardtanh(x)*elu(x) + softshrink(3*x) + cbrt(x)", {"x": -0.8}, "absolute, comparison"),
    ("max(x, y, x + y)*max(2, x)", {"x": 1.0, "y": 0.5}, "maximum"),
    ("maximum(x, x)*y + maximum(y, 2*y)", {"x": 1.0, "y": 2.0}, "maximum"),
    ("max(x, max(y, z)*abs(y)) - 1e-14*x", {"x": 0.1, "y": 0.1 + 1e-16, "z": -1.0}, "absolute, maximum"),
]


@pytest.mark.parametrize(("text", "at", "chose"), PIECES, ids=[t for t, *_ in PIECES])
def test_the_branch_taken(text, at, chose):
    found, reverse = (dl.differentiate(text, at, method=m, **o) for m, o in (("symbolic", BRANCH), ("reverse", {})))
    for name in at:
        np.testing.assert_allclose(found.gradient[name], reverse.gradient[name], rtol=1e-10, atol=1e-14)
    assert found.label == "exact formula of the branch taken here" and found.details["branches"] == "the one taken here"
    (note,) = found.notes
    assert set(chose.split(", ")) <= set(note.partition("(")[2].partition(")")[0].split(", "))
    assert not any(word in found.details["formula"] for word in ("Max", "Min", "Abs", "sign", "floor"))


BRANCH = {"form": "branch"}


def test_without_a_choice_the_branch_is_the_whole():
    found = dl.differentiate("x**2*y", {"x": 3.0, "y": 1.0}, method="symbolic", form="branch")
    assert found.label == "exact formula, cse" and found.details["branches"] == "all" and not found.notes


@pytest.mark.parametrize(
    ("text", "at", "word"),
    [
        ("abs(x)", {"x": 0.0}, "absolute of x"),
        ("max(x, y)", {"x": 1.0, "y": 1.0}, "maximum of x"),
        ("max(v)", {"v": np.ones(3)}, "max of v"),
        ("sort(v)[0]", {"v": np.ones(3)}, "sort of v"),
        ("where(x > 1, x, 2*x)", {"x": 1.0}, "greater of x"),
        ("floor(x)", {"x": 2.0}, "floor of x"),
        ("max(x*x, 3*x - 2)", {"x": 2.0}, "maximum"),
    ],
)
def test_ties_are_refused(text, at, word):
    with pytest.raises(UnsupportedError, match=f"by branch there is no formula: .*{word}.*a tie at the point"):
        dl.differentiate(text, at, method="symbolic", form="branch")


def test_a_tie_that_the_output_does_not_read_is_none():
    found = dl.differentiate("maximum(v, w)[0]*3", {"v": np.ones(2), "w": np.arange(2.0)}, method="symbolic", **BRANCH)
    assert found.gradient["v"].tolist() == [3.0, 0.0]
    fixed = dl.differentiate("maximum(y, z)*x", dict(x=1.0, y=2.0, z=2.0), method="symbolic", wrt="x", **BRANCH)
    assert fixed.gradient["x"] == 2.0  # what does not move has no kink


PIECE = st.recursive(
    st.sampled_from(["x", "y", "1.5", "-0.7"]),
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("{} * {}".format, inner, inner),
        st.builds("sin({})".format, inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("min({}, {})".format, inner, inner),
        st.builds("abs({})".format, inner),
        st.builds("relu({})".format, inner),
        st.builds("where({} > {}, {}, {})".format, inner, inner, inner, inner),
        st.builds("clip({}, -1, 1)".format, inner),
        st.builds("floor({})".format, inner),
    ),
    max_leaves=9,
)


@settings(max_examples=80)
@given(PIECE, st.sampled_from([-1.0, 0.0, 0.3, 1.5, 2.75]), st.sampled_from([-1.0, 0.0, 0.3, -0.4, 1.0]))
def test_random_pieces_against_certificates(text, x, y):
    problem = as_problem(f"{text} + 0.25*x*y", {"x": x, "y": y})
    proven = dl.certify(problem.text, {"x": x, "y": y})
    try:
        value, found, _ = work(sendable(problem), "branch", 10.0)
    except UnsupportedError as error:
        assert "tie" in str(error)
        return
    assert proven.certified or proven.verdict == "undecided", text  # a kink has no formula
    if proven.certified:
        np.testing.assert_allclose(found, [proven.gradient[n] for n in problem.wrt], rtol=1e-10, atol=1e-12)
        assert value == pytest.approx(float(problem.value), rel=1e-12, abs=1e-12)


def five_backups(rewards):
    """Value iteration on q, with all its maxima."""
    P = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 4))
    q = rewards
    for _ in range(5):
        q = rewards + 0.9 * np.transpose(P @ np.max(q, axis=1))
    return np.max(q[0])


def test_value_iteration_has_a_formula_in_time():
    rewards = np.random.default_rng(1).normal(size=(4, 2))
    found = dl.differentiate(five_backups, rewards, method="symbolic", seconds=3)
    np.testing.assert_allclose(found.gradient, dl.differentiate(five_backups, rewards).gradient, atol=1e-14)
    assert found.label == "exact formula of the branch taken here" and "maximum" in found.notes[0]
    assert "with all branches" in found.notes[1] and "took longer than 1.5 s" in found.notes[1]
    with pytest.raises(UnsupportedError, match="with all branches, .* took longer .*; of the one taken here: .*tie"):
        dl.differentiate(five_backups, 0 * rewards, method="symbolic", seconds=1)


def test_the_comparison_says_the_branch():
    c = dl.compare("max(x, y)*x", {"x": 1.0, "y": 2.0}, methods=["reverse", "symbolic:branch", "certified"])
    assert c.agree and c.methods["symbolic:branch"].verdict == "agrees"
    told = c.to_json()["methods"]["symbolic:branch"]
    assert told["label"] == "exact formula of the branch taken here" and "maximum" in told["notes"][0]
    assert "by branch" in str(c)


@pytest.mark.parametrize("x", [-0.5, 0.5])
@pytest.mark.parametrize("y", [-0.3, 0.3])
def test_copysign_by_branch_has_the_sign_of_both(x, y):
    found = dl.differentiate("copysign(3*x, y)", {"x": x, "y": y}, method="symbolic", **BRANCH)
    assert found.gradient["x"] == 3 * np.sign(x * y) and found.gradient["y"] == 0


def test_a_power_of_no_value_is_refused_by_name():
    with pytest.raises(DomainError, match="power: division by zero"):
        CARRIER.of(rows.power)(np.array([2, 0]), -1)


@pytest.mark.parametrize(
    "text", ["square(x > 0)", "float_power(x > 0, 2)", "exp(x > 0)", "hypot(x > 0, 1)", "maximum(x > 0, 0.5)"]
)
def test_truth_values_are_numbers_to_functions(text):
    graph = dl.parse(text)
    for x in (0.5, -0.5):
        want = pytest.approx(float(graph(x=x)), rel=1e-3)  # NumPy computes them in half precision
        assert float(dl.to_sympy(graph).subs("x", x)) == want
