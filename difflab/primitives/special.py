"""Special functions: the error, gamma, Bessel and entropy families of scipy.special."""

from __future__ import annotations

from typing import Any

from .primitive import Domain, Gate, composite, elementwise

TWO_OVER_SQRT_PI = 1.1283791670955126
SQRT_PI_HALF = 0.886226925452758
SQRT_TWO_PI = 2.5066282746310002
SQRT_TWO_OVER_PI = 0.7978845608028654
SQRT_HALF = 0.7071067811865476
NORMAL = Domain(-5.0, 5.0, tails=(1e-300, -1e-9, -20.0, 26.0), branch_points=(0.0,))
POSITIVE = Domain(0.1, 10.0, tails=(1e-8, 50.0, 150.0), branch_points=(1.0, 2.0))
PROBABILITY = Domain(0.001, 0.999, tails=(1e-300, 1e-10, 1 - 1e-10), branch_points=(0.5,))
ORDER = Domain(0.0, 4.0)


def special(name: str, partials: Any, doc: str, **row: Any) -> None:
    """A row that is the function of that name in scipy.special."""
    scipy_name = row.pop("scipy", name)
    spelling = {"numpy": row.pop("kernel", f"special.{scipy_name}"), **row.pop("spelling", {})}
    row.setdefault("reads", (f"special.{scipy_name}",))
    partials = partials if isinstance(partials, tuple) else (partials,)
    row.setdefault("flops", 30)
    if len(partials) > 1:
        arguments = ", ".join(f"{{{i}}}" for i in range(len(partials)))
        row.setdefault("latex", rf"\operatorname{{{{{name}}}}}({arguments})".replace("_", r"\_"))
    elementwise(name, partials, doc=doc, spelling=spelling, **row)


# The error function and the normal distribution. exp(-x²) has its own row, with the rounding of x*x put back.
special("exp_minus_square", lambda m, y, x: -2 * x * y, "exp(-x²), accurate in the tails.", latex="e^{{-{0}^2}}",
        domain=(NORMAL,), facts={"smooth"}, reads=(), kernel="kernels_elementwise.exp_minus_square",
        value=lambda m, x: m.exp(-x * x))
special("exp_square", lambda m, y, x: 2 * x * y, "exp(x²), accurate in the tails.", latex="e^{{{0}^2}}",
        domain=(NORMAL,), facts={"smooth"}, reads=(), kernel="kernels_elementwise.exp_square",
        value=lambda m, x: m.exp(x * x))
special("normal_density", lambda m, y, x: -x * y, "The density of the normal distribution.", latex=r"\varphi({0})",
        domain=(Domain(tails=(1e-300, -37.0, 20.0), branch_points=(0.0,)),), facts={"smooth"}, reads=(),
        kernel="kernels_elementwise.normal_density", value=lambda m, x: m.exp(-x * x / 2) / m.sqrt(2 * m.arccos(-1)))
special("erf", lambda m, y, x: TWO_OVER_SQRT_PI * m.exp_minus_square(x), "The error function.", domain=(NORMAL,),
        facts={"smooth", "f(0)=0"})
special("erfc", lambda m, y, x: -TWO_OVER_SQRT_PI * m.exp_minus_square(x), "1 - erf(x), accurate in the tail.",
        domain=(NORMAL,), facts={"smooth"}, kernel="kernels_elementwise.erfc")
special("erfcx", lambda m, y, x: 2 * x * y - TWO_OVER_SQRT_PI, "exp(x²) erfc(x).", domain=(NORMAL,), facts={"smooth"},
        value=lambda m, x: m.exp(x * x) * m.erfc(x))
special("erfi", lambda m, y, x: TWO_OVER_SQRT_PI * m.exp_square(x), "The imaginary error function -i erf(ix).",
        domain=(NORMAL,), facts={"smooth", "f(0)=0"})
special("dawsn", lambda m, y, x: 1 - 2 * x * y, "Dawson's integral.", domain=(NORMAL,), facts={"smooth", "f(0)=0"},
        value=lambda m, x: SQRT_PI_HALF * m.exp(-x * x) * m.erfi(x))
special("erfinv", lambda m, y, x: SQRT_PI_HALF * m.exp_square(y), "The inverse error function.",
        domain=(Domain(-0.99, 0.99, tails=(1e-300, 1 - 1e-10), branch_points=(0.0,)),), facts={"f(0)=0"})
special("erfcinv", lambda m, y, x: -SQRT_PI_HALF * m.exp_square(y), "The inverse of erfc.",
        domain=(Domain(0.01, 1.99, tails=(1e-100, 1e-10), branch_points=(1.0,)),))
special("ndtr", lambda m, y, x: m.normal_density(x), "The normal distribution function Φ.", latex=r"\Phi({0})",
        domain=(Domain(tails=(1e-300, -37.0, 20.0), branch_points=(0.0,)),), facts={"smooth"},
        kernel="kernels_elementwise.ndtr", value=lambda m, x: m.erfc(-x / m.sqrt(2)) / 2)
special("ndtri", lambda m, y, x: SQRT_TWO_PI * m.exp_square(SQRT_HALF * y), "The inverse of Φ.",
        latex=r"\Phi^{{-1}}({0})", domain=(PROBABILITY,))


def mills(m: Any, y: Any, x: Any) -> Any:
    """φ/Φ: through erfcx for negative x, where both vanish."""
    negative = m.less(x, 0.0)
    left = SQRT_TWO_OVER_PI / m.erfcx(-SQRT_HALF * m.where(negative, x, 0.0))
    right = m.where(negative, 0.0, x)
    return m.where(negative, left, m.normal_density(right) / m.ndtr(right))


special("log_ndtr", mills, "log Φ(x), accurate in both tails.", latex=r"\ln\Phi({0})",
        domain=(Domain(tails=(-37.0, -1e3, 20.0), branch_points=(0.0,)),), facts={"smooth"},
        value=lambda m, x: m.log(m.ndtr(x)))

# The gamma family.
special("gamma", lambda m, y, x: y * m.digamma(x), "The gamma function.", latex=r"\Gamma({0})", domain=(POSITIVE,),
        non_differentiable="x = 0, -1, -2, ...")
special("gammaln", lambda m, y, x: m.digamma(x), "The logarithm of |Γ(x)|.", latex=r"\ln\Gamma({0})",
        domain=(POSITIVE,), reads=("special.gammaln", "special.loggamma"), spelling={"sympy": "loggamma", "arb": "lgamma"},
        non_differentiable="x = 0, -1, -2, ...")
special("rgamma", lambda m, y, x: -y * m.digamma(x), "1 / Γ(x).", latex=r"\frac{{1}}{{\Gamma({0})}}",
        domain=(POSITIVE,), value=lambda m, x: 1 / m.gamma(x))
special("digamma", lambda m, y, x: m.polygamma(x, n=1), "The derivative of ln Γ.", latex=r"\psi({0})", scipy="psi",
        domain=(POSITIVE,), non_differentiable="x = 0, -1, -2, ...")
special("polygamma", lambda m, y, x, *, n: m.polygamma(x, n=n + 1), "The n-th derivative of digamma.",
        latex=r"\psi^{{(n)}}({0})", kernel="kernels_elementwise.polygamma", domain=(POSITIVE,),
        reads=("special.polygamma",), arguments=lambda n, x: ((x,), {"n": int(n)}),
        spelling={"sympy": lambda x, n: __import__("sympy").polygamma(n, x)}, examples=({"n": 1}, {"n": 2}),
        non_differentiable="x = 0, -1, -2, ...")
special("beta", (lambda m, z, x, y: z * (m.digamma(x) - m.digamma(x + y)),
                 lambda m, z, x, y: z * (m.digamma(y) - m.digamma(x + y))), "The beta function.",
        latex=r"B({0}, {1})", domain=(Domain(0.1, 10.0), Domain(0.1, 10.0)), facts={"commutative"},
        value=lambda m, x, y: m.gamma(x) * m.gamma(y) / m.gamma(x + y))
special("betaln", (lambda m, z, x, y: m.digamma(x) - m.digamma(x + y),
                   lambda m, z, x, y: m.digamma(y) - m.digamma(x + y)), "The logarithm of the beta function.",
        latex=r"\ln B({0}, {1})", domain=(Domain(0.1, 10.0), Domain(0.1, 10.0)), facts={"commutative"},
        value=lambda m, x, y: m.gammaln(x) + m.gammaln(y) - m.gammaln(x + y))


def gamma_density(m: Any, a: Any, x: Any) -> Any:
    return m.exp(m.xlogy(a - 1, x) - x - m.gammaln(a))


special("gammainc", (None, lambda m, z, a, x: gamma_density(m, a, x)),
        "The regularised lower incomplete gamma function P(a, x); no derivative by a.", latex="P({0}, {1})",
        domain=(Domain(0.5, 5.0), Domain(0.1, 10.0)))
special("gammaincc", (None, lambda m, z, a, x: -gamma_density(m, a, x)),
        "The regularised upper incomplete gamma function Q(a, x); no derivative by a.", latex="Q({0}, {1})",
        domain=(Domain(0.5, 5.0), Domain(0.1, 10.0)))
special("betainc", (None, None, lambda m, z, a, b, x: m.exp(m.xlogy(a - 1, x) + m.xlog1py(b - 1, -x) - m.betaln(a, b))),
        "The regularised incomplete beta function I_x(a, b); no derivative by a and b.", latex="I_{{{2}}}({0}, {1})",
        domain=(Domain(0.5, 5.0), Domain(0.5, 5.0), Domain(0.01, 0.99)))
composite(
    "multigammaln",
    lambda m, a, *, d: d * (d - 1) * 0.25 * m.log(3.141592653589793) + _sum(m.gammaln(a - 0.5 * j) for j in range(d)),
    doc="The logarithm of the multivariate gamma function of dimension d.",
    latex=r"\ln\Gamma_d({0})",
    reads=("special.multigammaln",),
    arguments=lambda a, d: ((a,), {"d": int(d)}),
    domain=(Domain(3.0, 10.0),),
    examples=({"d": 3},),
)


def _sum(terms: Any) -> Any:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first


special("zeta", (None, lambda m, z, s, a: -s * m.zeta(s + 1, a)),
        "The Hurwitz zeta function; no derivative by its order.", latex=r"\zeta({0}, {1})",
        domain=(Domain(2.0, 5.0), Domain(0.5, 10.0)))

# Bessel functions. The derivatives by recurrence; none is known by the order.
FIRST = Domain(0.1, 30.0)


def bessel(name: str, doc: str, latex: str, below: int, above: int, names: tuple[str, ...] = ()) -> None:
    """A family in which 2 f_v' = below f_{v-1} + above f_{v+1}."""
    special(
        name,
        (None, lambda m, z, v, x: 0.5 * (below * getattr(m, name)(v - 1, x) + above * getattr(m, name)(v + 1, x))),
        doc,
        latex=latex,
        domain=(ORDER, FIRST),
        reads=tuple(f"special.{n}" for n in (name, *names)),
        flops=100,
    )


bessel("jv", "The Bessel function of the first kind and real order.", "J_{{{0}}}({1})", 1, -1, ("jn",))
bessel("yv", "The Bessel function of the second kind and real order.", "Y_{{{0}}}({1})", 1, -1)
bessel("iv", "The modified Bessel function of the first kind and real order.", "I_{{{0}}}({1})", 1, 1)
bessel("kv", "The modified Bessel function of the second kind and real order.", "K_{{{0}}}({1})", -1, -1)
bessel("yn", "The Bessel function of the second kind and integer order.", "Y_{{{0}}}({1})", 1, -1)
special("kn", (None, lambda m, z, n, x: -0.5 * (m.kv(n - 1, x) + m.kv(n + 1, x))),
        "The modified Bessel function of the second kind and integer order.", latex="K_{{{0}}}({1})",
        domain=(ORDER, FIRST), flops=100)
special("ive", (None, lambda m, z, v, x: 0.5 * (m.ive(v - 1, x) + m.ive(v + 1, x)) - m.sign(x) * z),
        "exp(-|x|) times iv(v, x).", latex="e^{{-|{1}|}} I_{{{0}}}({1})", domain=(ORDER, FIRST), flops=100)
special("kve", (None, lambda m, z, v, x: z - 0.5 * (m.kve(v - 1, x) + m.kve(v + 1, x))),
        "exp(x) times kv(v, x).", latex="e^{{{1}}} K_{{{0}}}({1})", domain=(ORDER, FIRST), flops=100)
special("j0", lambda m, y, x: -m.j1(x), "The Bessel function J₀.", latex="J_0({0})", domain=(FIRST,), facts={"smooth"})
special("j1", lambda m, y, x: 0.5 * (m.j0(x) - m.jv(2, x)), "The Bessel function J₁.", latex="J_1({0})",
        domain=(FIRST,), facts={"smooth", "f(0)=0"})
special("y0", lambda m, y, x: -m.y1(x), "The Bessel function Y₀.", latex="Y_0({0})", domain=(FIRST,))
special("y1", lambda m, y, x: 0.5 * (m.y0(x) - m.yv(2, x)), "The Bessel function Y₁.", latex="Y_1({0})",
        domain=(FIRST,))
special("i0", lambda m, y, x: m.i1(x), "The modified Bessel function I₀.", latex="I_0({0})", domain=(FIRST,),
        facts={"smooth"}, reads=("special.i0", "i0"))
special("i1", lambda m, y, x: 0.5 * (m.i0(x) + m.iv(2, x)), "The modified Bessel function I₁.", latex="I_1({0})",
        domain=(FIRST,), facts={"smooth", "f(0)=0"})
special("k0", lambda m, y, x: -m.k1(x), "The modified Bessel function K₀.", latex="K_0({0})", domain=(FIRST,))
special("k1", lambda m, y, x: -0.5 * (m.k0(x) + m.kv(2, x)), "The modified Bessel function K₁.", latex="K_1({0})",
        domain=(FIRST,))
special("i0e", lambda m, y, x: m.i1e(x) - m.sign(x) * y, "exp(-|x|) I₀(x).", latex="e^{{-|{0}|}} I_0({0})",
        domain=(FIRST,))
special("i1e", lambda m, y, x: 0.5 * (m.i0e(x) + m.ive(2, x)) - m.sign(x) * y, "exp(-|x|) I₁(x).",
        latex="e^{{-|{0}|}} I_1({0})", domain=(FIRST,), facts={"f(0)=0"})
special("k0e", lambda m, y, x: y - m.k1e(x), "exp(x) K₀(x).", latex="e^{{{0}}} K_0({0})", domain=(FIRST,))
special("k1e", lambda m, y, x: y - 0.5 * (m.k0e(x) + m.kve(2, x)), "exp(x) K₁(x).", latex="e^{{{0}}} K_1({0})",
        domain=(FIRST,))

# Entropies and their like.
special("logit", lambda m, y, x: m.reciprocal(x * (1 - x)), "log(x / (1 - x)), the inverse of the sigmoid.",
        domain=(PROBABILITY,), value=lambda m, x: m.log(x / (1 - x)))
special("log_ratio", (lambda m, z, x, y: m.reciprocal(x), lambda m, z, x, y: -m.reciprocal(y)),
        "log(x / y), also where x and y are close.", latex=r"\ln\frac{{{0}}}{{{1}}}", reads=(),
        domain=(Domain(0.01, 10.0, tails=(1e-300,)), Domain(0.01, 10.0, tails=(1e300,))),
        kernel="kernels_elementwise.log_ratio", value=lambda m, x, y: m.log(x / y))


def gated(factor: Any) -> Any:
    """A partial that is 0 where x = 0, whatever the other operand is."""
    return lambda m, z, x, y: Gate(m.not_equal(x, 0.0), factor(m, x, y))


special("xlogy", (lambda m, z, x, y: m.log(y), gated(lambda m, x, y: x / y)), "x log(y), 0 where x = 0.",
        latex=r"{0} \ln({1})", domain=(Domain(branch_points=(0.0,)), Domain(0.01, 10.0, tails=(1e-300, 1e300))),
        value=lambda m, x, y: x * m.log(y))
special("xlog1py", (lambda m, z, x, y: m.log1p(y), gated(lambda m, x, y: x / (1 + y))), "x log(1 + y), 0 where x = 0.",
        latex=r"{0} \ln(1 + {1})", domain=(Domain(branch_points=(0.0,)), Domain(-0.9, 10.0, tails=(1e-300, 1e300))),
        value=lambda m, x, y: x * m.log1p(y))
special("entr", lambda m, y, x: -m.log(x) - 1, "-x log(x), the summand of an entropy; 0 at 0.",
        latex=r"-{0}\ln({0})", domain=(Domain(0.001, 10.0, tails=(1e-300, 1e300)),), non_differentiable="x = 0",
        value=lambda m, x: -x * m.log(x))
PAIR = (Domain(0.01, 10.0, tails=(1e-200,)), Domain(0.01, 10.0, tails=(1e200,)))
special("rel_entr", (lambda m, z, x, y: m.log_ratio(x, y) + 1, lambda m, z, x, y: -x / y),
        "x log(x / y), the summand of a relative entropy.", latex=r"{0}\ln\frac{{{0}}}{{{1}}}", domain=PAIR,
        value=lambda m, x, y: x * m.log(x / y))
special("kl_div", (lambda m, z, x, y: m.log_ratio(x, y), lambda m, z, x, y: (y - x) / y),
        "x log(x / y) - x + y.", latex=r"{0}\ln\frac{{{0}}}{{{1}}} - {0} + {1}", domain=PAIR,
        value=lambda m, x, y: x * m.log(x / y) - x + y)
special("cosm1", lambda m, y, x: -m.sin(x), "cos(x) - 1, accurate near 0.", latex=r"(\cos({0}) - 1)",
        domain=(Domain(tails=(1e-300, 1e-9)),), facts={"smooth", "f(0)=0"}, value=lambda m, x: m.cos(x) - 1)
special("exprel", lambda m, y, x: m.exprel_derivative(x, n=1), "(exp(x) - 1)/x, 1 at 0.",
        latex=r"\frac{{e^{{{0}}} - 1}}{{{0}}}", domain=(Domain(tails=(1e-300, -1e-9, -700.0, 700.0, 31.0)),),
        facts={"smooth"}, value=lambda m, x: (m.exp(x) - 1) / x)
special("exprel_derivative", lambda m, y, x, *, n: m.exprel_derivative(x, n=n + 1), "The n-th derivative of exprel.",
        latex=r"\operatorname{{exprel}}^{{(n)}}({0})", kernel="kernels_elementwise.exprel", reads=(),
        domain=(Domain(tails=(1e-300, -1e-9, -700.0, 700.0, 31.0)),), facts={"smooth"}, examples=({"n": 1},))
special("pseudo_huber", (
    lambda m, z, d, r: _pseudo_by_delta(m, d, r),
    lambda m, z, d, r: r / m.hypot(1.0, r / d)), "δ² (sqrt(1 + (r/δ)²) - 1).",
    latex=r"\delta^2 (\sqrt{{1 + ({1}/{0})^2}} - 1)", domain=(Domain(0.1, 5.0), Domain(tails=(1e-9, 1e5))),
    value=lambda m, d, r: d * d * (m.sqrt(1 + (r / d) * (r / d)) - 1))


def _pseudo_by_delta(m: Any, d: Any, r: Any) -> Any:
    """2δ(h - 1) - r²/(δ h) = δ (h - 1)²/h with h = sqrt(1 + (r/δ)²), h - 1 = q²/(h + 1)."""
    q = r / d
    h = m.hypot(1.0, q)
    return d * m.square(q * q / (h + 1)) / h


special("huber", (
    lambda m, z, d, r: Gate(m.greater(m.absolute(r), d), m.absolute(r) - d),
    lambda m, z, d, r: m.clip(r, -d, d)),
    "r²/2 for |r| <= δ, else δ (|r| - δ/2).", latex=r"\operatorname{{huber}}_{{{0}}}({1})",
    domain=(Domain(0.5, 5.0), Domain()), non_differentiable="|r| = δ (second derivative)",
    value=lambda m, d, r: m.where(m.less_equal(m.absolute(r), d), r * r / 2, d * (m.absolute(r) - d / 2)))
special("boxcox", (lambda m, z, x, c: m.power(x, c - 1), None), "(x**λ - 1)/λ, log(x) at λ = 0; no derivative by λ.",
        latex=r"\frac{{{0}^{{{1}}} - 1}}{{{1}}}", domain=(Domain(0.01, 10.0), Domain(-2.0, 2.0)),
        value=lambda m, x, c: (m.power(x, c) - 1) / c)
special("boxcox1p", (lambda m, z, x, c: m.power(1 + x, c - 1), None), "((1 + x)**λ - 1)/λ; no derivative by λ.",
        latex=r"\frac{{(1 + {0})^{{{1}}} - 1}}{{{1}}}", domain=(Domain(-0.9, 10.0), Domain(-2.0, 2.0)),
        value=lambda m, x, c: (m.power(1 + x, c) - 1) / c)
special("log_cosh", lambda m, y, x: m.tanh(x), "log(cosh(x)), which does not overflow.", latex=r"\ln\cosh({0})",
        kernel="kernels_elementwise.log_cosh", reads=(), facts={"smooth", "f(0)=0"},
        domain=(Domain(tails=(1e-100, 1e-5, 400.0)),), value=lambda m, x: m.log((m.exp(x) + m.exp(-x)) / 2))
