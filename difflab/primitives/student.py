"""Student's t distribution function and its inverse, with their derivatives by the degrees of freedom."""

from __future__ import annotations

from math import comb, factorial, inf

from ..types import Value
from .incomplete import over
from .primitive import Carrier, Domain
from .scipy_row import special
from .spelling import OF_REALS

FREEDOM = Domain(0.5, 10.0, tails=(0.1, 40.0))
POINT = Domain(-4.0, 4.0, tails=(-20.0, 20.0, 1e-6), branch_points=(0.0,))


def pull(m: Carrier, df: Value, t: Value, i: int) -> Value:
    """The i-th derivative by ν of (ν + 1) t / (ν + t²), less which times the density is its slope by t."""
    w = m.hypot(m.sqrt(df), t)
    s = t / w
    if i == 0:
        return (df + 1) / w * s
    found = (-1) ** i * factorial(i) * (s * ((1 - t) / w) * ((1 + t) / w))
    for _ in range(2 * i - 1):
        found = found / w
    return found


def density_by_t(m: Carrier, df: Value, t: Value, n: int) -> Value:
    parts = [comb(n, k) * (m.t_density(df, t, n=k) * pull(m, df, t, n - k)) for k in range(n + 1)]
    return -sum(parts[1:], parts[0])


special(
    "t_density",
    (lambda m, y, df, t, *, n: m.t_density(df, t, n=n + 1), lambda m, y, df, t, *, n: density_by_t(m, df, t, n)),
    "The n-th derivative by the degrees of freedom of the density of Student's t distribution.",
    latex=r"\partial_\nu^n f_{{{0}}}({1})",
    domain=(FREEDOM, POINT),
    kernel="kernels.student.t_density",
    reads=(),
    examples=({"n": 0}, {"n": 1}),
    flops=100,
    spelling={
        "arb": "germs.student.t_density",
        "mpmath": "kernels.digits_student.t_density",
        "javascript": "tDensity",
    },
    refused={"complex": OF_REALS},
    called=(),
)
special(
    "stdtr",
    (lambda m, y, df, t: m.stdtr_slope(df, t, n=1), lambda m, y, df, t: m.t_density(df, t, n=0)),
    "The distribution function of Student's t distribution with df degrees of freedom.",
    latex="F_{{{0}}}({1})",
    domain=(FREEDOM, POINT),
    kernel="kernels.student.stdtr",
    spelling={
        "arb": "germs.student.stdtr",
        "mpmath": "kernels.digits_student.stdtr",
        "javascript": "stdtr",
    },
    refused={"complex": OF_REALS},
)
special(
    "stdtr_slope",
    (lambda m, y, df, t, *, n: m.stdtr_slope(df, t, n=n + 1), lambda m, y, df, t, *, n: m.t_density(df, t, n=n)),
    "The n-th derivative of stdtr by the degrees of freedom.",
    latex=r"\partial_\nu^n F_{{{0}}}({1})",
    domain=(FREEDOM, POINT),
    kernel="kernels.student.stdtr_slope",
    reads=(),
    examples=({"n": 1},),
    flops=4000,
    spelling={
        "arb": "germs.student.stdtr",
        "mpmath": "kernels.digits_student.stdtr",
        "javascript": "stdtrSlope",
    },
    refused={"complex": OF_REALS},
    called=(),
)
special(
    "stdtrit",
    (
        lambda m, x, df, p: over(m, -m.stdtr_slope(df, x, n=1), m.t_density(df, x, n=0), -x),
        lambda m, x, df, p: over(m, 1.0, m.t_density(df, x, n=0), inf),
    ),
    "The x at which stdtr(df, x) is p.",
    latex="F_{{{0}}}^{{-1}}({1})",
    domain=(FREEDOM, Domain(0.01, 0.99, tails=(1e-5,))),
    kernel="kernels.student.stdtrit",
    spelling={
        "arb": "germs.student.stdtrit",
        "mpmath": "kernels.digits_student.stdtrit",
        "javascript": "stdtrit",
    },
    refused={"complex": OF_REALS},
    flops=200,
)
