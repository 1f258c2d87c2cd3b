"""How each row is spelled, and the constants: the vocabulary that the generator draws from."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

from . import arrays
from .expressions import Term, namespace
from .reals import FUNCTIONS, NAN, UnjudgedError, both, choose, either, exclusive, negation, number

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "remainder": "%"}
INFIX |= {"floor_divide": "//", "less": "<", "greater": ">", "less_equal": "<=", "greater_equal": ">="}
INFIX |= {"equal": "==", "not_equal": "!="}
COMPARISONS = ("less", "greater", "less_equal", "greater_equal", "equal", "not_equal")

# Unary rows by what they are: drawn with the weight given.
SMOOTH = (
    "exp sin cos tan tanh arctan sinh cosh expm1 log1p log sqrt square reciprocal arcsinh arcsin arccos arccosh "
    "arctanh log2 log10 exp2 exp10 sigmoid softplus log_sigmoid silu gelu mish tanhshrink sech lorentzian "
    "one_minus_square sinpi cospi sinc sinc_derivative deg2rad rad2deg cbrt exp_minus_square exp_square "
    "normal_density logit entr cosm1 exprel log_cosh sigmoid_slope gelu_gate negative positive real nan_to_num"
).split()
SPECIAL = (
    "erf erfc erfcx erfi dawsn erfinv erfcinv erfinv_slope erfcinv_slope ndtr ndtri ndtri_slope log_ndtr gamma "
    "gammaln rgamma digamma j0 j1 y0 y1 i0 i1 i0e i1e"
).split()
SLOW = ["k0", "k1", "k0e", "k1e"]
KINKED = (
    "absolute sign floor ceil trunc rint relu relu6 elu selu celu hardtanh hardsigmoid hardswish softshrink "
    "hardshrink softsign leaky_relu"
).split()
BINARY = "add subtract multiply divide".split()
BINARY_SMOOTH = (
    "power arctan2 hypot logaddexp logaddexp2 direction xlogy xlog1py rel_entr kl_div log_ratio relative_gap "
    "pseudo_huber huber beta betaln float_power"
).split()
BINARY_KINKED = "maximum minimum fmax fmin remainder floor_divide fmod copysign heaviside".split()

PARAMETERS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "leaky_relu": [("", {}), (", negative_slope=0.5", {"negative_slope": 0.5})],
    "elu": [("", {}), (", alpha=0.5", {"alpha": 0.5})],
    "celu": [("", {}), (", alpha=2.0", {"alpha": 2.0})],
    "hardtanh": [("", {}), (", min_val=-2.0, max_val=0.5", {"min_val": -2.0, "max_val": 0.5})],
    "softshrink": [("", {}), (", lambd=1.0", {"lambd": 1.0})],
    "hardshrink": [("", {}), (", lambd=1.0", {"lambd": 1.0})],
    "sinc_derivative": [(", n=1", {})],
}


@lru_cache(None)
def callee(name: str, numpy_first: bool) -> str:
    """The Python name of a row: NumPy's or SciPy's where they have one, else difflab's."""
    scope = namespace()
    from difflab.primitives import by_numpy_function

    for prefix in ("np", "special") if numpy_first else ("dnp",):
        found = getattr(scope[prefix], name, None)
        if isinstance(found, np.ufunc) and getattr(by_numpy_function(found), "name", "") == name:
            return f"{prefix}.{name}"
    return f"dnp.{name}"


def applied(name: str, args: list[Term], numpy_first: bool, parameters: tuple[str, dict[str, Any]] = ("", {})) -> Term:
    """A row of the table on terms."""
    words, values = parameters
    fn = FUNCTIONS[name]
    if values:
        fn = lambda *xs, f=fn: f(*xs, **values)
    if name in INFIX:
        text = python = f"({{0}} {INFIX[name]} {{1}})"
    else:
        places = ", ".join(f"{{{k}}}" for k in range(len(args)))
        text = f"{name}({places}{words})"
        python = f"{callee(name, numpy_first)}({places}{words})"
    kinds = {a.kind for a in args}
    kind = "m" if "m" in kinds else "v" if "v" in kinds else "s"
    if name in COMPARISONS:
        kind = "b" if kind == "s" else "c"
    return made(name, kind, fn, args, text, python)


def made(
    row: str, kind: str, fn: Callable[..., Any], args: list[Term], text: str | None, python: str, stops: bool = False
) -> Term:
    """A term with its value at the generator's low precision."""
    return Term(row, kind, fn, args, text, python, fn(*[a.value for a in args]), stops)


CONSTANTS: list[tuple[str, str, Callable[[], Any]]] = [  # text, Python, the exact value
    *[(str(n), str(n), (lambda n=n: mpf(n))) for n in (1, 2, 3, -1, 5, 10, -2)],
    *[(repr(x), repr(x), (lambda x=x: mpf(x))) for x in (0.5, 0.1, 1.5, -0.25, 0.3, 2.7, 1e-12, 100.0)],
    ("(1/3)", "(1/3)", lambda: mpf(1) / 3),
    ("(2/3)", "(2/3)", lambda: mpf(2) / 3),
    ("pi", "np.pi", lambda: +mp.pi),
    ("e", "np.e", lambda: +mp.e),
    ("sqrt(2)", "np.sqrt(2)", lambda: mp.sqrt(2)),
    ("exp(-1/10)", "np.exp(-1/10)", lambda: mp.exp(-mpf(1) / 10)),
    ("2**(1/3)", "2**(1/3)", lambda: mp.cbrt(2)),
    ("(2*pi)", "(2*np.pi)", lambda: 2 * mp.pi),
    ("log(2)", "np.log(2)", lambda: mp.log(2)),
    ("cos(1)", "np.cos(1)", lambda: mp.cos(1)),
    ("(sqrt(2)**2 - 2)", "(np.sqrt(2)**2 - 2)", lambda: mpf(0)),
    ("(5 % (1/3))", "(5 % (1/3))", lambda: mpf(0)),
    ("(pi/4)", "(np.pi/4)", lambda: mp.pi / 4),
    ("1e30", "1e30", lambda: mpf(1e30)),
    ("(10**20/3)", "(10**20/3)", lambda: mpf(10) ** 20 / 3),
    ("1e-300", "1e-300", lambda: mpf(1e-300)),
]


def constant(choice: int, mode: str) -> Term:
    """A constant: exact in text, the double that Python makes of it in a traced function."""
    text, python, exact = CONSTANTS[choice]
    word = f"({text})" if text.startswith("-") or "**" in text else text
    if mode == "traced":
        double = mpf(float(eval(python, dict(namespace()))))
        exact = lambda: double
        word = f"({python})"
    return Term("constant", "s", exact, (), word, word, exact())


def whole(n: int) -> Term:
    word = f"({n})" if n < 0 else str(n)
    return Term("constant", "s", lambda: mpf(n), (), word, word, mpf(n))


def decimal(x: float) -> Term:
    word = f"({x!r})" if x < 0 else repr(x)
    return Term("constant", "s", lambda: mpf(x), (), word, word, mpf(x))


def _truth(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: f(*xs)


LOGIC: dict[str, tuple[int, Callable[..., Any], str, str]] = {
    "logical_and": (2, both, "({0} and {1})", "np.logical_and({0}, {1})"),
    "logical_or": (2, either, "({0} or {1})", "np.logical_or({0}, {1})"),
    "logical_xor": (2, exclusive, "logical_xor({0}, {1})", "np.logical_xor({0}, {1})"),
    "logical_not": (1, negation, "(not {0})", "np.logical_not({0})"),
    "bitwise_and": (2, both, "bitwise_and({0}, {1})", "({0} & {1})"),
    "bitwise_or": (2, either, "bitwise_or({0}, {1})", "({0} | {1})"),
    "invert": (1, negation, "invert({0})", "(~{0})"),
}


def where(c: Term, a: Term, b: Term) -> Term:
    kinds = {c.kind, a.kind, b.kind}
    kind = "m" if "m" in kinds else "v" if kinds & {"v", "c"} else "s"
    return made("where", kind, choose, [c, a, b], "where({0}, {1}, {2})", "np.where({0}, {1}, {2})")


def by_if(c: Term, a: Term, b: Term) -> Term:
    return made("if", "s", choose, [c, a, b], None, "({1} if {0} else {2})")


# Short programs of two numbers, for the bodies of branches and loops: Python, and the same in mpmath.
_F = FUNCTIONS
BODIES: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("{0} * {1}", lambda u, v: u * v),
    ("{0} + 0.5 * {1}", lambda u, v: u + v / 2),
    ("np.sin({0}) + {1}", lambda u, v: _F["sin"](u) + v),
    ("np.exp(-{0}) * {1}", lambda u, v: _F["exp"](-u) * v),
    ("np.abs({0}) - {1}", lambda u, v: _F["absolute"](u) - v),
    ("{0} / {1}", lambda u, v: _F["divide"](u, v)),
    ("np.maximum({0}, {1})", lambda u, v: _F["maximum"](u, v)),
    ("np.sqrt({0}) * {1}", lambda u, v: _F["sqrt"](u) * v),
    ("np.where({0} > {1}, {0} * {0}, {1})", lambda u, v: choose(_F["greater"](u, v), u * u, v)),
    ("np.log({0}) + {1}", lambda u, v: _F["log"](u) + v),
    ("np.tanh({0} * {1})", lambda u, v: _F["tanh"](u * v)),
    ("{0} ** 2 - {1}", lambda u, v: u * u - v),
    ("np.floor({0}) * {1}", lambda u, v: _F["floor"](u) * v),
    ("2.0 * {0} - {0} * {0} * {1}", lambda u, v: 2 * u - u * u * v),
]


def branch(c: Term, u: Term, v: Term, first: int, second: int) -> Term:
    (one, f), (two, g) = BODIES[first], BODIES[second]

    def fn(c: Any, u: Any, v: Any) -> Any:
        return NAN if c is None else f(u, v) if c else g(u, v)

    python = f"dl.cond({{0}}, lambda u, v: {one.format('u', 'v')}, lambda u, v: {two.format('u', 'v')}, {{1}}, {{2}})"
    return made("cond", "s", fn, [c, u, v], None, python)


def counted_loop(u: Term, v: Term, body: int, count: int) -> Term:
    words, f = BODIES[body]

    def fn(u: Any, v: Any) -> Any:
        for _ in range(count):
            u = f(u, v)
        return u

    step = words.format("s[1]", "s[2]")
    python = (
        f"dl.while_loop(lambda s: s[0] < {count}, lambda s: (s[0] + 1, {step}, s[2]), (0, 1.0 * {{0}}, 1.0 * {{1}}))[1]"
    )
    return made("while_loop", "s", fn, [u, v], None, python)


def open_loop(u: Term, v: Term, limit: float, factor: float) -> Term:
    """A loop whose number of steps depends on the values."""

    def fn(u: Any, v: Any) -> Any:
        for _ in range(40):
            if number(u)._mpf_ == NAN._mpf_ or number(v)._mpf_ == NAN._mpf_:
                return NAN
            if not u < mpf(limit):
                return v
            u, v = u * mpf(factor) + 1, v * u
        raise UnjudgedError("a loop that may not end")

    python = (
        f"dl.while_loop(lambda s: s[0] < {limit!r}, lambda s: ({factor!r} * s[0] + 1, s[1] * s[0]), "
        "(1.0 * {0}, 1.0 * {1}))[1]"
    )
    return made("while_loop", "s", fn, [u, v], None, python)


def scanned(u: Term, xs: Term, body: int) -> Term:
    words, f = BODIES[body]

    def fn(u: Any, xs: Any) -> Any:
        for x in xs:
            u = f(u, x)
        return u

    python = f"dl.scan(lambda c, t: ({words.format('c', 't')}, c), 1.0 * {{0}}, {{1}})[0]"
    return made("scan", "s", fn, [u, xs], None, python)


def stopped(u: Term) -> Term:
    return made("stop_gradient", u.kind, lambda x: x, [u], "stop_gradient({0})", "dl.stop_gradient({0})", stops=True)


def stacked(entries: list[Term]) -> Term:
    places = ", ".join(f"{{{k}}}" for k in range(len(entries)))
    return made("stack", "v", arrays.array, entries, f"[{places}]", f"dnp.array([{places}])")


def entry(v: Term, k: int) -> Term:
    if v.kind == "m":
        n = len(v.value)
        i, j = divmod(k % (n * n), n)
        return made("getitem", "s", lambda x: x[i, j], [v], f"{{0}}[{i}, {j}]", f"{{0}}[{i}, {j}]")
    k %= len(v.value)
    return made("getitem", "s", lambda x: x[k], [v], f"{{0}}[{k}]", f"{{0}}[{k}]")


_W = arrays.whole_only
# kind of operands -> kind of result: name, text, Python, mpmath
ARRAY_WORDS: list[tuple[str, str, str, str | None, str, Callable[..., Any]]] = [
    ("sum", "v", "s", "sum({0})", "np.sum({0})", arrays.total),
    ("mean", "v", "s", "mean({0})", "np.mean({0})", arrays.mean),
    ("prod", "v", "s", "prod({0})", "np.prod({0})", arrays.product),
    ("var", "v", "s", "var({0})", "np.var({0})", arrays.variance),
    ("std", "v", "s", "std({0})", "np.std({0})", lambda x: arrays.root(arrays.variance(x))),
    ("max", "v", "s", "max({0})", "np.max({0})", _W(arrays.largest)),
    ("min", "v", "s", "min({0})", "np.min({0})", _W(arrays.smallest)),
    ("ptp", "v", "s", "ptp({0})", "np.ptp({0})", _W(lambda x: arrays.largest(x) - arrays.smallest(x))),
    ("median", "v", "s", "median({0})", "np.median({0})", _W(arrays.quantile(0.5))),
    ("quantile", "v", "s", "quantile({0}, 0.25)", "np.quantile({0}, 0.25)", _W(arrays.quantile(0.25))),
    ("logsumexp", "v", "s", "logsumexp({0})", "dnp.logsumexp({0})", _W(arrays.logsumexp)),
    ("norm", "v", "s", "norm({0})", "np.linalg.norm({0})", _W(arrays.norm(2))),
    ("norm", "v", "s", "norm({0}, 1)", "np.linalg.norm({0}, 1)", _W(arrays.norm(1))),
    ("norm", "v", "s", None, "np.linalg.norm({0}, np.inf)", _W(arrays.norm(float("inf")))),
    ("norm", "v", "s", None, "np.linalg.norm({0}, -np.inf)", _W(arrays.norm(float("-inf")))),
    ("norm", "v", "s", "norm({0}, 3)", "np.linalg.norm({0}, 3)", _W(arrays.norm(3))),
    ("trapezoid", "v", "s", "trapezoid({0})", "np.trapezoid({0})", arrays.trapezoid),
    ("count_nonzero", "v", "s", None, "(1.0 * np.count_nonzero({0} > 0))", _W(arrays.positives)),
    ("count_nonzero", "v", "s", "sum({0} > 0)", "np.sum({0} > 0)", _W(arrays.positives)),
    ("cumsum", "v", "v", "cumsum({0})", "np.cumsum({0})", arrays.accumulated(lambda a, b: a + b)),
    ("cumprod", "v", "v", "cumprod({0})", "np.cumprod({0})", arrays.accumulated(lambda a, b: a * b)),
    ("sort", "v", "v", "sort({0})", "np.sort({0})", _W(arrays.ordered)),
    ("softmax", "v", "v", "softmax({0})", "dnp.softmax({0})", _W(arrays.softmax)),
    ("log_softmax", "v", "v", "log_softmax({0})", "dnp.log_softmax({0})", _W(arrays.log_softmax)),
    ("flip", "v", "v", "flip({0})", "{0}[::-1]", lambda x: x[::-1]),
    ("roll", "v", "v", "roll({0}, 1)", "np.roll({0}, 1)", lambda x: np.roll(x, 1)),
    (
        "maximum_accumulate", "v", "v", "maximum_accumulate({0})", "np.maximum.accumulate({0})",
        _W(arrays.accumulated(max)),
    ),
    ("fft", "v", "v", None, "np.abs(np.fft.fft({0}))", arrays.amplitudes),
    ("fft", "v", "v", None, "np.fft.fft({0}).real ** 2 + np.fft.fft({0}).imag ** 2", arrays.spectrum),
    ("dot", "vv", "s", "({0} @ {1})", "({0} @ {1})", lambda x, y: arrays.total(x * y)),
    ("argmax", "vv", "s", None, "{1}[np.argmax({0})]", _W(arrays.chosen_by_largest)),
    ("argsort", "vv", "v", None, "np.take({1}, np.argsort({0}))", _W(lambda x, y: y[arrays.order(x)])),
    ("outer", "vv", "m", "outer({0}, {1})", "np.outer({0}, {1})", lambda x, y: x[:, None] * y[None, :]),
    ("convolve", "vv", "s", "sum(convolve({0}, {1}))", "np.sum(np.convolve({0}, {1}))",
     lambda x, y: arrays.total(arrays.convolved(x, y))),
    ("polyval", "vs", "s", "polyval({0}, {1})", "np.polyval({0}, {1})", arrays.polynomial),
    ("matmul", "mv", "v", "({0} @ {1})", "({0} @ {1})", lambda a, x: a @ x),
    ("matmul", "mm", "m", "({0} @ {1})", "({0} @ {1})", lambda a, b: a @ b),
    ("solve", "mv", "v", "solve({0}, {1})", "np.linalg.solve({0}, {1})", _W(arrays.solve)),
    ("det", "m", "s", "det({0})", "np.linalg.det({0})", arrays.determinant),
    ("inv", "m", "m", "inv({0})", "np.linalg.inv({0})", _W(arrays.inverse)),
    ("trace", "m", "s", "trace({0})", "np.trace({0})", lambda a: arrays.total(np.diagonal(a))),
    ("sum", "m", "s", "sum({0})", "np.sum({0})", arrays.total),
    ("transpose", "m", "m", "{0}.T", "{0}.T", lambda a: a.T),
    ("matrix_power", "m", "m", "matrix_power({0}, 2)", "np.linalg.matrix_power({0}, 2)", arrays.matrix_power(2)),
    ("slogdet", "m", "s", None, "np.linalg.slogdet({0})[1]", _W(arrays.log_abs_det)),
    ("slogdet", "m", "s", None, "np.linalg.slogdet({0})[0]", _W(lambda a: _F["sign"](arrays.determinant(a)))),
    ("norm", "m", "s", "norm({0})", "np.linalg.norm({0})", _W(arrays.norm(2))),
    ("cholesky", "m", "m", "cholesky({0})", "np.linalg.cholesky({0})", _W(arrays.cholesky)),
    ("eigvalsh", "m", "v", None, "np.linalg.eigvalsh({0})", _W(arrays.eigenvalues)),
    ("eigh", "m", "v", None, "np.linalg.eigh({0})[0]", _W(arrays.eigenvalues)),
    ("svd", "m", "v", None, "np.linalg.svd({0}, compute_uv=False)", _W(arrays.singular_values)),
    ("triu", "m", "m", "triu({0})", "np.triu({0})", lambda a: np.where(np.triu(np.ones(a.shape)) > 0, a, mpf(0))),
    ("sum", "m", "v", "sum({0}, axis=0)", "np.sum({0}, axis=0)",
     lambda a: arrays.array(*[arrays.total(c) for c in a.T])),
    ("max", "m", "v", "max({0}, axis=1)", "np.max({0}, axis=1)",
     _W(lambda a: arrays.array(*[arrays.largest(r) for r in a]))),
    ("interp", "s3", "s", None, "np.interp({0}, np.array([0.0, 1.0, 2.5]), {1})",
     _W(arrays.interpolate((0.0, 1.0, 2.5)))),
]  # fmt: skip


def array_word(k: int, args: list[Term]) -> Term:
    name, _, kind, text, python, fn = ARRAY_WORDS[k]
    return made(name, kind, fn, args, text, python)
