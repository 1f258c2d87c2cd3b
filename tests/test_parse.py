"""Text to graphs: meaning, exact numbers, limits, refusals and the point of --at."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, strategies as st
from patience import within

import difflab as dl
from difflab.differentiate.problem import as_problem
from difflab.errors import DifflabError, InputError, ParseError, ShapeError, UnsupportedError
from difflab.graph import long_chains
from difflab.graph.function_names import functions
from difflab.graph.parse import parse, parse_point
from difflab.primitives.quotient import Quotient

M = np.arange(1.0, 7.0).reshape(2, 3)
S = np.array([[1.0, 2.0], [3.0, 4.0]])
V = np.array([1.0, 2.0, 3.0])

MEANING = [
    ("-x**2", {"x": 3.0}, -9),
    ("2**3**2", {}, 512),
    ("2**-1", {}, 0.5),
    ("10**200/10**199", {}, 10),
    ("10**20*x", {"x": 2.0}, 2e20),
    ("9007199254740993 - 9007199254740992", {}, 1),
    ("7//2 + 7%4", {}, 6),
    ("cos(pi) + log(e)", {}, 0),
    ("abs(x) + pow(x, 2) + asin(0) + atan2(0, 1)", {"x": -2.0}, 6),
    ("lgamma(x) + psi(1) + digamma(1)", {"x": 5.0}, math.log(24) - 2 * 0.5772156649015329),
    ("sum(x)", {"x": V}, 6),
    ("sum(M, axis=0)[1]", {"M": M}, 7),
    ("sum(M, 0)[0]", {"M": M}, 5),
    ("sum(M, axis=(0, 1), keepdims=True)[0, 0]", {"M": M}, 21),
    ("mean(x) + prod(x) + max(x) + min(x)", {"x": V}, 12),
    ("max(x, 2.5)[0] + max(1, 2, 3)", {"x": V}, 5.5),
    ("cumsum(M, axis=1)[1, 2]", {"M": M}, 15),
    ("norm(x) + norm(x, 1) + norm(x, ord=1)", {"x": V}, math.sqrt(14) + 12),
    ("logsumexp(x) - log(sum(exp(x)))", {"x": V}, 0),
    ("sum(softmax(x)) + log_softmax([0, 0])[0]", {"x": V}, 1 - math.log(2)),
    ("clip(x, 0, 1) + clip(x, min=0, max=2)", {"x": 5.0}, 3),
    ("where(0 < x < 1 and not x > 2, x, 0)", {"x": 0.5}, 0.5),
    ("(M @ x)[0] + sum(M.T @ M) + dot(x, x)", {"M": M, "x": V}, 14 + float((M.T @ M).sum()) + 14),
    ("x[0] + x[-1] + M[1, 2] + M[1][2] + sum(x[[0, 2]]) + sum(M[:, None, 1:])", {"x": V, "M": M}, 36),
    ("sum([[x, 1], [2, y]] @ [1, 2])", {"x": 1.0, "y": 2.0}, 9),
    ("sum(reshape(x, (3, 1))) + sum(reshape(x, [3, 1])) + broadcast_to(x, (2, 3))[1, 1]", {"x": V}, 14),
    ("tile(x, 2)[5] + repeat(x, 2)[5] + roll(x, 1)[0] + flip(x)[0]", {"x": V}, 12),
    ("det(A) + inv(A)[0, 0] + solve(A, [1, 2])[1] + slogdet(A)[1]", {"A": S}, -2 - 2 + 0.5 + math.log(2)),
    ("split(x, 3)[2][0] + eigh([[2, 0], [0, 1]])[0][1]", {"x": V}, 5),
    ("elu(x) + elu(x, alpha=2) + leaky_relu(x)", {"x": -1.0}, 3 * math.expm1(-1) - 0.01),
    ("sigmoid(x) + relu(x) + softplus(x) + erf(x) + sinc(x)", {"x": 0.0}, 1.5 + math.log(2)),
    ("x  # a comment (with ' signs\n", {"x": 2.0}, 2),
    ("a = 1\n  b = 2\na + b", {}, 3),
    ("(x +\n y)", {"x": 1.0, "y": 2.0}, 3),
]


@pytest.mark.parametrize(("text", "at", "value"), MEANING, ids=[m[0][:30] for m in MEANING])
def test_texts_mean_what_python_means(text, at, value):
    assert float(parse(text)(**at)) == pytest.approx(value, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize(("text", "at", "value"), MEANING, ids=[m[0][:30] for m in MEANING])
def test_texts_mean_the_same_when_traced(text, at, value):
    assert float(as_problem(text, at).value) == pytest.approx(value, rel=1e-14, abs=1e-15)


def test_statements_name_nodes():
    g = parse("q = x + y; f = q * z")
    assert [n.name for n in g.inputs] == ["x", "y", "z"] and g.outputs[0].name == "f"
    passed = g.forward(x=-2, y=5, z=-4)
    assert passed.value("q") == 3 and passed.backward().adjoint("q") == -4
    assert g.node("q").primitive.name == "add"


NAMINGS = [
    "q = x + y; r = q; r * q",
    "q = x; r = q; r * q",
    "q = 2; r = q; r * q * x",
    "q = x * 2; r = q; s = r; q + s",
]


@pytest.mark.parametrize("text", NAMINGS)
def test_a_second_name_leaves_the_first(text):
    """Every name that a statement gives, and every input, is found afterwards and has its value, as in Python."""
    at = {"x": 3.0, "y": 0.5}
    names, g = dict(at), parse(text)
    *statements, last = text.split("; ")
    exec("\n".join(statements), {}, names)
    passed = g.forward(**{n.name: at[n.name] for n in g.inputs})
    for name in [s.split(" = ")[0] for s in statements]:
        assert passed.value(name) == names[name], name
    assert g(**{n.name: at[n.name] for n in g.inputs}) == eval(last, {}, names)


def test_shape_dependent_nodes_keep_their_names():
    assert [n.primitive.name for n in parse("sum(x, axis=0)[0] + (A @ x.T)[1]").operations][:2] == ["sum", "getitem"]


def test_constants_can_be_named_again():
    assert parse("pi = 3; pi * x")(x=2.0) == 6


@pytest.mark.parametrize("text", ["x + 1/3", "1/3*x", "x**(2/3)", "x*(1/3 + 1/7)"])
def test_quotients_are_exact_in_sympy(text):
    sympy = pytest.importorskip("sympy")
    assert not dl.to_sympy(parse(text)).atoms(sympy.Float)


def test_quotients_stay_exact_when_certified():
    assert dl.certify("x*(1/3 + 1/7 - 10/21) + x", {"x": 2.0}).gradient["x"] == 1
    third = dl.certify("x**(1/3)", {"x": 2.0}).gradient["x"]
    assert third == 0.20998684164914552  # by mpmath: 0.20998684164914552746


def test_quotient_is_the_nearest_double():
    third = Quotient(Fraction(1, 3))
    assert third == 1 / 3 and repr(third) == "Quotient(1/3)" and third.__reduce__()[1] == (Fraction(1, 3),)


def test_literals_are_the_doubles_they_denote():
    assert parse("0.1")() == 0.1 and dl.certify("0.1*x", {"x": 1.0}).gradient["x"] == 0.1


# Long and deep.
@pytest.mark.parametrize("sign", ["+", "-", "*", "/"])
def test_chains_of_5000_terms(sign):
    with within(60):  # a second; minutes where each term costs what all before it do
        g = parse("x" + f"{sign}x" * 4999)
    assert len(g.operations) == 4999
    want = {"+": 5000.0, "-": -4998.0, "*": 1.0, "/": 1.0}[sign]
    assert g(x=1.0) == want and dl.differentiate("x" + f"{sign}x" * 4999, {"x": 1.0}, method="reverse").value == want


def test_sum_of_5000_products_of_different_names():
    g = parse("+".join(f"sin(x{k})*y" for k in range(5000)))
    assert len(g.inputs) == 5001


SPLIT = [
    ("a + b*c - (d + e)", ["a", "b*c", "(d + e)"], ["+", "-"]),
    ("a*-b/c", ["a", "-b", "c"], ["*", "/"]),
    ("-a", ["-a"], []),
    ("x**-2 + 1e-3 - -y", ["x**-2", "1e-3", "-y"], ["+", "-"]),
    ("f(a + b)[c - d] * g", ["f(a + b)[c - d]", "g"], ["*"]),
    ("(a + b)", ["(a + b)"], []),
    ("a @ b // c % d", ["a", "b", "c", "d"], ["@", "//", "%"]),
]


@pytest.mark.parametrize("text, parts, between", SPLIT, ids=[t for t, *_ in SPLIT])
def test_chains_are_split_at_their_own_operators(text, parts, between):
    spans, found = long_chains.terms(text)
    assert ([text[a:b].strip() for a, b in spans], found) == (parts, between)


def test_long_chains_are_replaced_where_they_stand(monkeypatch):
    """More than LONG operators, of at least 20 characters; each placeholder is as long as what it stands for."""
    monkeypatch.setattr(long_chains, "LONG", 3)
    inner, tail = "a1 + b1 + c1 + d1 + e1", "x + y + z + u*v + w + 10"
    text = f"f({inner}, 2) - [p + q, r]; \n{tail}"
    short, chains = long_chains.shorten(text)
    assert [text[a:b].strip() for a, b in chains.values()] == [inner, tail]
    assert len(short) == len(text)
    for name, (a, b) in chains.items():
        assert short[a:b].strip() == name
        assert len(short[a:b]) - len(short[a:b].lstrip()) == len(text[a:b]) - len(text[a:b].lstrip())
    rest = lambda t: [
        t[a:b] for a, b in zip([0, *(b for _, b in chains.values())], [*(a for a, _ in chains.values()), None])
    ]
    assert rest(short) == rest(text)
    for few in ("a1 + b1 + c1 + d1111111", "a+b+c+d+e"):  # three operators; five, but short
        assert long_chains.shorten(few) == (few, {})


@pytest.mark.parametrize(("text", "at", "value"), MEANING, ids=[m[0][:30] for m in MEANING])
def test_meaning_as_long_chains(text, at, value, monkeypatch):
    """Everything that is long enough is read as a chain: the same numbers, and the same graph."""
    usual = [n.primitive.name for n in parse(text).operations]
    monkeypatch.setattr(long_chains, "LONG", 0)
    monkeypatch.setattr(import_module("difflab.graph.text_expressions"), "LONG", 0)
    assert float(parse(text)(**at)) == pytest.approx(value, rel=1e-14, abs=1e-15)
    assert sorted(n.primitive.name for n in parse(text).operations) == sorted(usual)


def test_long_chains_stop_at_words():
    text = "(x > 0 and " + "x + " * 200 + "x > 1) * 3"
    assert parse(text)(x=1.0) == 3
    assert parse("where(x > 0 or " + "+".join(["x"] * 300) + " > 0, 1, 2)")(x=-1.0) == 2


TERM = st.sampled_from(["x", "y", "2", "0.5", "(x + 1)", "-y", "sin(x)", "x**2", "(y*(x - 3))", "2**-x"])


@given(
    st.lists(st.tuples(TERM, st.sampled_from("+-*/")), min_size=1, max_size=12),
    st.sampled_from([1, 40]),
    st.floats(0.5, 2),
    st.floats(0.5, 2),
)
def test_against_python(pieces, times, x, y):
    text = ("".join(f"{t} {s} " for t, s in pieces) * times) + "x"
    env = {"x": np.float64(x), "y": np.float64(y), "sin": np.sin}
    with np.errstate(all="ignore"):
        want = eval(text, env)  # the reference of this test: text made above
        got = parse(f"{text} + 0*y")(x=x, y=y)
    if np.isfinite(want):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10 * len(pieces) * times)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except ParseError as error:
        well_formed(error)


@given(
    st.lists(
        st.sampled_from([*"xy12.,;=()[]+-*/<>@:#", "**", " ", "sin(", "sum(", "not ", "where(", "\n"]),
        max_size=30,
    )
)
def test_any_tokens_are_read_or_refused(tokens):
    try:
        parse("".join(tokens))
    except ParseError as error:
        well_formed(error)


def well_formed(error: ParseError) -> None:
    message = str(error)
    assert len(message) < 3000
    assert all(c == "\n" or c.isprintable() for c in message)


REFUSED = [
    ("", "empty"),
    (" \n ", "empty"),
    ("x +", "missing"),
    ("sni(x)", "did you mean sin?"),
    ("ln(x)", "log(x)"),
    ("np.sin(x)", "write sin(...)"),
    ("x.sum()", "write sum(...)"),
    ("x ^ 2", "write **"),
    ("x.__class__", "__class__"),
    ("().__class__.__mro__", "only .T"),
    ("__import__('os')", "strings"),
    ("f'{x}'", "strings"),
    ("lambda: x", "lambda"),
    ("[x for x in y]", "not part of the language"),
    ("(x := 1)", ":="),
    ("import os", "import"),
    ("x if x else y", "where("),
    ("{x: 1}", "{"),
    ("sin(*x)", "calls"),
    ("sin(**x)", "calls"),
    ("sin(x)(y)", "by their names"),
    ("eval(x)", "no function eval"),
    ("sin()", "needs an operand"),
    ("sum()", "needs an operand"),
    ("sin(x, y)", "takes 1 operand"),
    ("maximum(x)", "takes 2 operands"),
    ("where(x)", "takes 3 operands"),
    ("sum(x, 1, 2, 3, 4, 5, 6, 7)", "too many"),
    ("sum(x, axis=y)", "constant"),
    ("x[y]", "constant integer"),
    ("x[1.5]", "constant integer"),
    ("[]", "empty list"),
    ("[[1, 2], [3]]", "differ in length"),
    ("[" * 100 + "1" + "]" * 100, "dimensions"),
    ("x = 1; x = 2", "already"),
    ("q = q + 1; q", "before it has a value"),
    ("x = y; y = 3; x", "an input already"),
    ("x, y = 1, 2", "one name"),
    ("x; y", "last statement"),
    ("1j * x", "complex"),
    ("None", "NoneType"),
    ("9**9**9**9", "exponent"),
    ("x**(9**9**9)", "exponent"),
    ("2**1024", "larger than any float"),
    ("10**308 * 10**308", "larger than any float"),
    ("1e308 * 10", "larger than any float"),
    ("1e999", "larger than any float"),
    ("9" * 500, "larger than any float"),
    ("1" * 100_000, "larger than any float"),
    ("(" * 5000 + "x", "brackets"),
    ("x" + "**x" * 5000, "too many operators"),
    ("x" + "[0]" * 3000, "nested too deeply"),
    ("x" + ".T" * 3000, "nested too deeply"),
    ("not " * 3000 + "x", "nested too deeply"),
    ("+" * 3000 + "x", "signs in a row"),
    ("x" * 300_000, "characters; the limit"),
    ("x" * 150, "at most 100 letters"),
    ("+".join("x" for _ in range(60_000)), "operations"),
    ("\u0455in(x)", "U+0455 CYRILLIC"),
    ("x\u22121", "type -"),
    ("x\x00y", "U+0000"),
    ("x\x1b[31m", "U+001B"),
    ("\u202ex", "U+202E"),
    ("\ud800", "U+D800"),
    ("<b>x</b>", "missing or misplaced"),
    ('x" URL="javascript:1', "strings"),
    ("tile([1, 2], 10**9)", "at most"),
    ("repeat(x, 10**12)", "at most"),
    ("_chain_0 + x", "underscores"),
]


@pytest.mark.parametrize(("text", "saying"), REFUSED, ids=[repr(t[:20]) for t, _ in REFUSED])
def test_refused_texts_say_why_and_where(text, saying):
    with within(20), pytest.raises(ParseError) as refused:  # two at most
        parse(text)
    assert saying in str(refused.value)
    well_formed(refused.value)
    if text.strip() and len(text) < 200_000 and saying != "operations":
        assert str(refused.value).splitlines()[-1].strip(" ^") == ""  # the caret line


LONG = "x + " * 200
PLACES = [  # what is shown by carets stands between « and »
    "y = 2\nx + «sni»(y)",
    "x + sin(«x ^ 2») + 1",
    "«modf(x) + 1» + x",
    "x «$» 2",
    "x + «\x7f»y",
    "x + «2**5000»",
    "x * «2.5**2000» + 1",
    "«10**400» - x",
    "«'»a' + x",
    "x + «(»y + 1",
    "x + y«)» + 1",
    "x + (y + «)» * 2",
    "y = 2\nx + 3 «4» + y",
    f"{LONG}sin(x) + 3 «4» + y",
    f"{LONG}sin(x + («*» y)) + y",
    f"{LONG}«modf(x)» + x",
    f"sin({LONG}«modf(x)» + x) + y",
    f"{LONG}sin({LONG}«slogdet([[x]])» + x) + y",
    f"{LONG}«sni»(x) + y",
    f"{LONG}sin({LONG}«sni»(x) + y) + y",
    f"y = {LONG}x\n{LONG}cos({LONG}x + «sni»(y)) + y",
]


@pytest.mark.parametrize("text", PLACES, ids=lambda text: text[-30:])
def test_the_caret_points_at_the_place(text):
    before, wrong = text.split("«")
    wrong = wrong.split("»")[0]
    with pytest.raises(ParseError) as refused:
        parse(text.replace("«", "").replace("»", ""))
    _, shown, carets = str(refused.value).splitlines()
    assert len(shown) <= 130
    assert shown[carets.index("^") : carets.rindex("^") + 1].strip() == wrong.replace("\x7f", "�")
    assert shown[: carets.index("^")].rstrip().endswith(before.splitlines()[-1:][-1][-40:].rstrip() if before else "")


REASONS = [
    ("2**5000", "this power is larger than any float"),
    ("2.5**2000", "this power is larger than any float"),
    ("x + \x7fy", "(U+007F a control character) is not an ASCII letter or sign"),
    ("x + \x01y", "(U+0001 a control character) is not an ASCII letter or sign"),
    ("x.sin()", "only functions by their names can be called, such as sin(x); write sin(...)"),
    ("x.unknown()", "only functions by their names can be called, such as sin(x)\n"),
]


@pytest.mark.parametrize("text, reason", REASONS, ids=ascii)
def test_reasons_name_the_mend(text, reason):
    with pytest.raises(ParseError) as refused:
        parse(text)
    assert reason in str(refused.value)


def test_powers_of_moderate_size_are_exact():
    assert parse("x + 2**200 / 2**199")(0.0) == 2.0 and parse("x + 10**300")(0.0) == 1e300


@pytest.mark.parametrize("text", ["sum(tile(x, {n}))", "sum(repeat(x, {n}))"])
@pytest.mark.parametrize("n", [10**7, 10**7 + 1])
def test_how_many_copies_a_text_may_ask_for(text, n):
    if n <= 10**7:
        assert parse(text.format(n=n)).inputs
        return
    with pytest.raises(ParseError, match="at most 10000000 copies"):
        parse(text.format(n=n))


def test_not_text():
    with pytest.raises(ParseError, match="int"):
        parse(3)


SHAPES = [
    ("x + y", {"x": V, "y": np.ones(2)}),
    ("x[5]", {"x": V}),
    ("x[0]", {"x": 1.0}),
    ("x[::0]", {"x": V}),
    ("x @ y", {"x": V, "y": M}),
    ("sum(x, axis=3)", {"x": V}),
    ("sum(x, axis=0.5)", {"x": V}),
    ("sum(x, foo=1)", {"x": V}),
    ("reshape(x, (7,))[0]", {"x": V}),
    ("slogdet(x)[5]", {"x": S}),
    ("tile(tile(x, 9999999), 9999999)[0]", {"x": V}),
]


@pytest.mark.parametrize(("text", "at"), SHAPES, ids=[s[0] for s in SHAPES])
def test_what_does_not_fit_is_told_at_the_point(text, at):
    with pytest.raises(DifflabError):
        as_problem(text, at)


def test_a_vector_is_not_a_scalar():
    with pytest.raises(ShapeError, match="scalar"):
        as_problem("x * 2", {"x": V})


def test_every_function_can_be_named():
    assert {"sin", "asin", "sum", "sigmoid", "logsumexp", "abs", "norm", "where"} <= set(functions())
    assert not {"input", "constant", "getitem", "power_minus"} & set(functions())


# The point.
def test_points_are_read_from_text():
    at = parse_point("x=-2, y=5e-1, W=[[1,2],[3,4]], v=(1, 2); z=pi/2")
    assert at["x"] == -2 and at["y"] == 0.5 and at["z"] == math.pi / 2 and isinstance(at["x"], float)
    np.testing.assert_array_equal(at["W"], S)
    np.testing.assert_array_equal(at["v"], [1, 2])
    assert parse_point("x=-inf")["x"] == -math.inf and math.isnan(parse_point("x=nan")["x"])
    assert parse_point("x=sqrt(2), y=1/3, z=10**300") == {"x": math.sqrt(2), "y": 1 / 3, "z": 1e300}
    assert parse_point("") == {}


POINTS = [
    ("x=1,x=2", "x twice"),
    ("x", "name=value"),
    ("x=", "name=value"),
    ("=1", "not a name"),
    ("x.y=1", "not a name"),
    ("<b>=1", "not a name"),
    ("\u0455=1", "not a name"),
    ("x=1,2", "name=value"),
    ("x=y", "the value of x"),
    ("x=[1,y]", "the value of x"),
    ("x=[[1,2],[3]]", "differ in length"),
    ("x=[]", "empty list"),
    ("x=[[],[]]", "empty list"),
    ("W=[1,2", "not closed"),
    ("x=1 y=2", "put a comma between the values"),
    ("x=9**9**9", "exponent"),
    ("x=1e999", "larger than any float"),
    ("x=__import__('os')", "strings"),
    ("x=1\x00", "U+0000"),
    ("x=inv([[1,1],[1,1]])", "cannot be computed"),
    ("x=" + "[" * 5000, "brackets"),
    ("x=" + "1" * 300_000, "limit"),
]


@pytest.mark.parametrize(("text", "saying"), POINTS, ids=[repr(t[:20]) for t, _ in POINTS])
def test_points_refused(text, saying):
    with pytest.raises(InputError, match=re.escape(saying)) as refused:
        parse_point(text)
    assert len(str(refused.value)) < 3000 and all(c == "\n" or c.isprintable() for c in str(refused.value))


@given(st.text(max_size=40))
def test_any_point_is_read_or_refused(text):
    try:
        parse_point(text)
    except DifflabError as error:
        assert len(str(error)) < 3000


@pytest.mark.parametrize(
    "text", ["3*divmod(700, x)", "modf(x) + modf(x)", "-modf(x)", "slogdet(A)*2", "array_split(v, 2)*2", "modf(x) < 2"]
)
def test_an_operator_on_several_results_is_refused(text):
    """Python would repeat the tuple three times, or join two of them."""
    with pytest.raises(dl.DifflabError, match=r"gives several results: take one of them, as in \w+\(\.\.\.\)\[0\]"):
        dl.parse(text)


def test_one_of_several_results_is_computed_with():
    assert dl.parse("3*divmod(700, x)[1] + modf(x)[0]")(x=64.5) == 3 * (700 % 64.5) + 0.5
    singular = dl.parse("2*svd(A, compute_uv=False)")(A=np.diag([3.0, 1.0]))  # with this setting it has one
    assert singular.tolist() == [6.0, 2.0]


def test_a_text_makes_no_millions_of_numbers_of_few():
    doubled = dl.parse("concatenate([x, x])")
    assert doubled(np.zeros(2**22)).shape == (2**23,)  # large arrays that are given may be used
    assert dl.parse("outer(x, x)")(np.zeros(3000)).size == 9_000_000
    for f in (lambda text, x: dl.parse(text)(x), lambda text, x: dl.compare(text, {"x": x})):
        with pytest.raises(UnsupportedError, match=r"outer makes 16,000,000 numbers of 8,000: .* at most 10,000,000"):
            f("sum(outer(x, x))", np.zeros(4000))
        with pytest.raises(
            UnsupportedError, match=r"repeat makes 8,000,000 numbers of 4,000,000: .* at most 6,000,000"
        ):
            f("sum(repeat(x, 2))", np.zeros(4_000_000))
