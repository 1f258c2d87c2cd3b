"""The gamma and beta functions."""

from __future__ import annotations

from ..types import Value
from .arguments import whole
from .primitive import Carrier, Domain, composite
from .scipy_row import special
from .spelling import ON_HOST, by_mpmath, by_sympy

PI = 3.141592653589793
POSITIVE = Domain(0.1, 10.0, tails=(1e-8, 50.0, 150.0), branch_points=(1.0, 2.0))

# The gamma family.
special(
    "gamma",
    lambda m, y, x: y * m.digamma(x),
    "The gamma function.",
    latex=r"\Gamma({0})",
    domain=(POSITIVE,),
    non_differentiable="x = 0, -1, -2, ...",
    spelling={"javascript": "gamma", "arb": "germs.special.gamma", "mpmath": "gamma"},
    facts={"one formula"},
)
special(
    "gammaln",
    lambda m, y, x: m.digamma(x),
    "The logarithm of |Γ(x)|.",
    latex=r"\ln|\Gamma({0})|",
    domain=(POSITIVE,),
    reads=("special.gammaln", "special.loggamma"),
    spelling={
        "javascript": "gammaln",
        "sympy": "loggamma",
        "arb": "germs.special.gammaln",
        "mpmath": by_mpmath(lambda mp, x: mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x)))),
        "peers": "lgamma",
    },
    non_differentiable="x = 0, -1, -2, ...",
    facts={"one formula"},
    aliases=("lgamma",),
)


def rgamma_slope(m: Carrier, y: Value, x: Value) -> Value:
    """-ψ(x)/Γ(x), below a half from the reflection formula: at 0, -1, -2, ... it is 0 times infinity."""
    low = m.less(x, 0.5)
    z = m.where(low, 1 - x, 1.0)
    reflected = m.gamma(z) * (m.cospi(x) - m.sinpi(x) / PI * m.digamma(z))
    right = m.where(low, 1.0, x)
    return m.where(low, reflected, -m.rgamma(right) * m.digamma(right))


special(
    "rgamma",
    rgamma_slope,
    "1 / Γ(x).",
    latex=r"\frac{{1}}{{\Gamma({0})}}",
    domain=(POSITIVE,),
    value=lambda m, x: 1 / m.gamma(x),
    spelling={"javascript": "rgamma", "arb": "germs.special.rgamma", "mpmath": "rgamma"},
)
special(
    "digamma",
    lambda m, y, x: m.polygamma(x, n=1),
    "The derivative of ln Γ.",
    latex=r"\psi({0})",
    scipy="psi",
    domain=(POSITIVE,),
    non_differentiable="x = 0, -1, -2, ...",
    spelling={"javascript": "digamma", "arb": "germs.special.digamma", "mpmath": "digamma", "peers": "psi"},
    facts={"one formula"},
    aliases=("psi",),
)
special(
    "polygamma",
    lambda m, y, x, *, n: m.polygamma(x, n=n + 1),
    "The n-th derivative of digamma.",
    latex=r"\psi^{{(n)}}({0})",
    kernel="kernels.special.polygamma",
    domain=(POSITIVE,),
    reads=("special.polygamma",),
    arguments=lambda n, x: ((x,), {"n": whole("polygamma: n", n, 0, 160)}),
    spelling={
        "javascript": "polygamma",
        "sympy": by_sympy(lambda sympy, x, n: sympy.polygamma(n, x)),
        "arb": "germs.special.digamma",
        "mpmath": by_mpmath(lambda mp, x, n: mp.polygamma(n, x)),
    },
    examples=({"n": 1}, {"n": 2}),
    non_differentiable="x = 0, -1, -2, ...",
    facts={"one formula"},
)
special(
    "polygamma_gap",
    (lambda m, z, x, y, *, n: m.polygamma_gap(x, y, n=n + 1), lambda m, z, x, y, *, n: m.polygamma(x + y, n=n + 1)),
    "The n-th derivative of digamma at x + y less that at x, which cancels for small y where it is subtracted.",
    latex=r"\psi^{{(n)}}({0} + {1}) - \psi^{{(n)}}({0})",
    domain=(Domain(0.1, 10.0), Domain(0.1, 10.0, tails=(1e-9,))),
    kernel="kernels.special.polygamma_gap",
    reads=(),
    value=lambda m, x, y, *, n: m.polygamma(x + y, n=n) - m.polygamma(x, n=n),
    examples=({"n": 0},),
    spelling={"javascript": "polygammaGap", "jax": ON_HOST},
    called=(),
)
special(
    "beta",
    (
        lambda m, z, x, y: -z * m.polygamma_gap(x, y, n=0),
        lambda m, z, x, y: -z * m.polygamma_gap(y, x, n=0),
    ),
    "The beta function.",
    kernel="kernels.special.beta",
    latex=r"B({0}, {1})",
    domain=(Domain(0.1, 10.0), Domain(0.1, 10.0)),
    facts={"commutative"},
    value=lambda m, x, y: m.gamma(x) * m.gamma(y) / m.gamma(x + y),
    spelling={"javascript": "beta", "arb": "germs.special.beta", "mpmath": "beta"},
)
special(
    "betaln",
    (lambda m, z, x, y: -m.polygamma_gap(x, y, n=0), lambda m, z, x, y: -m.polygamma_gap(y, x, n=0)),
    "The logarithm of the beta function.",
    kernel="kernels.special.betaln",
    latex=r"\ln B({0}, {1})",
    domain=(Domain(0.1, 10.0), Domain(0.1, 10.0)),
    facts={"commutative"},
    value=lambda m, x, y: m.gammaln(x) + m.gammaln(y) - m.gammaln(x + y),
    spelling={"javascript": "betaln"},
)


composite(
    "multigammaln",
    lambda m, a, *, d: d * (d - 1) * 0.25 * m.log(4 * m.arctan(1)) + _sum(m.gammaln(a - 0.5 * j) for j in range(d)),
    doc="The logarithm of the multivariate gamma function of dimension d.",
    latex=r"\ln\Gamma_d({0})",
    reads=("special.multigammaln",),
    arguments=lambda a, d: ((a,), {"d": whole("multigammaln: d", d, 1, 1000)}),
    domain=(Domain(3.0, 10.0),),
    examples=({"d": 3},),
)


def _sum(terms: Value) -> Value:
    first, *rest = terms
    for term in rest:
        first = first + term
    return first
