"""Bessel functions."""

from __future__ import annotations

from ..types import Value
from .primitive import Domain, named
from .scipy_row import special
from .spelling import ROUNDED, SCALED

ORDER = Domain(0.0, 4.0)
WHOLE = ORDER._replace(of="whole")

# Bessel functions. The derivatives by recurrence; none is known by the order.
FIRST = Domain(0.1, 30.0)


def bessel(
    name: str, doc: str, latex: str, below: int, above: int, names: tuple[str, ...] = (), order: Domain = ORDER
) -> None:
    """A family in which 2 f_v' = below f_{v-1} + above f_{v+1}."""
    special(
        name,
        (None, lambda m, z, v, x: 0.5 * (below * getattr(m, name)(v - 1, x) + above * getattr(m, name)(v + 1, x))),
        doc,
        latex=latex,
        domain=(order, FIRST),
        reads=tuple(f"special.{n}" for n in (name, *names)),
        kernel=f"kernels.special.{name}" if name in ("kv", "yn") else f"special.{name}",
        spelling={
            "sympy": f"bessel{name[0]}",
            "javascript": f"bessel{name[0].upper()}",
            "arb": f"germs.special.{name}",
            "mpmath": f"kernels.digits.{name}",
        },
        refused={"complex": ROUNDED},
        flops=100,
    )


bessel(
    "jv",
    "The Bessel function of the first kind and real order.",
    "J_{{{0}}}({1})",
    1,
    -1,
    ("jn",),
)
bessel(
    "yv",
    "The Bessel function of the second kind and real order.",
    "Y_{{{0}}}({1})",
    1,
    -1,
)
bessel(
    "iv",
    "The modified Bessel function of the first kind and real order.",
    "I_{{{0}}}({1})",
    1,
    1,
)
bessel(
    "kv",
    "The modified Bessel function of the second kind and real order.",
    "K_{{{0}}}({1})",
    -1,
    -1,
)
bessel(
    "yn",
    "The Bessel function of the second kind and integer order.",
    "Y_{{{0}}}({1})",
    1,
    -1,
    order=WHOLE,
)
special(
    "kn",
    (None, lambda m, z, n, x: -0.5 * (m.kv(n - 1, x) + m.kv(n + 1, x))),
    "The modified Bessel function of the second kind and integer order.",
    latex="K_{{{0}}}({1})",
    domain=(WHOLE, FIRST),
    spelling={"javascript": "besselK", "sympy": "besselk", "arb": "germs.special.kn", "mpmath": "kernels.digits.kn"},
    flops=100,
    refused={"complex": ROUNDED},
)
special(
    "ive",
    (None, lambda m, z, v, x: m.ive_derivative(v, x, n=1)),
    "exp(-|x|) times iv(v, x).",
    kernel="kernels.special.ive",
    latex="e^{{-|{1}|}} I_{{{0}}}({1})",
    domain=(ORDER, FIRST),
    value=lambda m, v, x: m.exp(-m.absolute(x)) * m.iv(v, x),
    flops=100,
    spelling={"javascript": "besselIe", "arb": "germs.special.ive"},
    refused={"complex": SCALED},
)
special(
    "kve",
    (None, lambda m, z, v, x: m.kve_derivative(v, x, n=1)),
    "exp(x) times kv(v, x).",
    kernel="kernels.special.kve",
    latex="e^{{{1}}} K_{{{0}}}({1})",
    domain=(ORDER, FIRST),
    value=lambda m, v, x: m.exp(x) * m.kv(v, x),
    flops=100,
    spelling={"javascript": "besselKe", "arb": "germs.special.kve"},
    refused={"complex": ROUNDED},
)
special(
    "j0",
    lambda m, y, x: -m.j1(x),
    "The Bessel function J₀.",
    latex="J_0({0})",
    domain=(FIRST,),
    value=lambda m, x: m.jv(0, x),
    facts={"smooth"},
)
special(
    "j1",
    lambda m, y, x: 0.5 * (m.j0(x) - m.jv(2, x)),
    "The Bessel function J₁.",
    latex="J_1({0})",
    domain=(FIRST,),
    value=lambda m, x: m.jv(1, x),
    facts={"smooth", "f(0)=0"},
)
special(
    "y0",
    lambda m, y, x: -m.y1(x),
    "The Bessel function Y₀.",
    latex="Y_0({0})",
    domain=(FIRST,),
    value=lambda m, x: m.yv(0, x),
)
special(
    "y1",
    lambda m, y, x: 0.5 * (m.y0(x) - m.yv(2, x)),
    "The Bessel function Y₁.",
    latex="Y_1({0})",
    domain=(FIRST,),
    value=lambda m, x: m.yv(1, x),
)
special(
    "i0",
    lambda m, y, x: m.i1(x),
    "The modified Bessel function I₀.",
    latex="I_0({0})",
    domain=(FIRST,),
    value=lambda m, x: m.iv(0, x),
    facts={"smooth"},
    reads=("special.i0", "i0"),
    arguments=named("x"),
    refused={"complex": ROUNDED},
)
special(
    "i1",
    lambda m, y, x: 0.5 * (m.i0(x) + m.iv(2, x)),
    "The modified Bessel function I₁.",
    latex="I_1({0})",
    domain=(FIRST,),
    value=lambda m, x: m.iv(1, x),
    facts={"smooth", "f(0)=0"},
    refused={"complex": ROUNDED},
)
special(
    "k0",
    lambda m, y, x: -m.k1(x),
    "The modified Bessel function K₀.",
    latex="K_0({0})",
    domain=(FIRST,),
    value=lambda m, x: m.kv(0, x),
)
special(
    "k1",
    lambda m, y, x: -0.5 * (m.k0(x) + m.kv(2, x)),
    "The modified Bessel function K₁.",
    latex="K_1({0})",
    domain=(FIRST,),
    value=lambda m, x: m.kv(1, x),
)


def scaled(f: Value, v: Value, x: Value, n: int, side: float, middle: int) -> Value:
    """n times side (f_{v-1} + f_{v+1}) + middle f_v: for x > 0 the derivative, but for the exponential factor."""
    if n == 0:
        return f(v, x)
    parts = (scaled(f, v - 1, x, n - 1, side, middle), scaled(f, v + 1, x, n - 1, side, middle))
    return side * (parts[0] + parts[1]) + middle * scaled(f, v, x, n - 1, side, middle)


# The scaled functions vary slowly, and the differences of Bessel functions that their derivatives are would cancel.
special(
    "kve_derivative",
    (None, lambda m, z, v, x, *, n: m.kve_derivative(v, x, n=n + 1)),
    "The n-th derivative of kve by x.",
    latex=r"\partial^n e^{{{1}}} K_{{{0}}}({1})",
    domain=(ORDER, FIRST),
    reads=(),
    kernel="kernels.special.kve_derivative",
    examples=({"n": 1},),
    flops=2000,
    value=lambda m, v, x, *, n: m.exp(x) * scaled(m.kv, v, x, n, -0.5, 1),
    spelling={"mpmath": "kernels.digits.kve_derivative"},
    called=(),
)
special(
    "ive_derivative",
    (None, lambda m, z, v, x, *, n: m.ive_derivative(v, x, n=n + 1)),
    "The n-th derivative of ive by x.",
    latex=r"\partial^n e^{{-|{1}|}} I_{{{0}}}({1})",
    domain=(ORDER, FIRST),
    reads=(),
    kernel="kernels.special.ive_derivative",
    flops=2000,
    examples=({"n": 1},),
    value=lambda m, v, x, *, n: m.exp(-m.absolute(x)) * scaled(m.iv, v, x, n, 0.5, -1),
    spelling={"mpmath": "kernels.digits.ive_derivative"},
    called=(),
)
special(
    "i0e",
    lambda m, y, x: m.ive_derivative(0.0, x, n=1),
    "exp(-|x|) I₀(x).",
    latex="e^{{-|{0}|}} I_0({0})",
    domain=(FIRST,),
    value=lambda m, x: m.exp(-m.absolute(x)) * m.iv(0, x),
    non_differentiable="x = 0",
    facts={"one formula"},
    refused={"complex": SCALED},
)
special(
    "i1e",
    lambda m, y, x: m.ive_derivative(1.0, x, n=1),
    "exp(-|x|) I₁(x).",
    latex="e^{{-|{0}|}} I_1({0})",
    domain=(FIRST,),
    value=lambda m, x: m.exp(-m.absolute(x)) * m.iv(1, x),
    facts={"f(0)=0"},
    refused={"complex": SCALED},
)
special(
    "k0e",
    lambda m, y, x: m.kve_derivative(0.0, x, n=1),
    "exp(x) K₀(x).",
    latex="e^{{{0}}} K_0({0})",
    domain=(FIRST,),
    value=lambda m, x: m.exp(x) * m.kv(0, x),
)
special(
    "k1e",
    lambda m, y, x: m.kve_derivative(1.0, x, n=1),
    "exp(x) K₁(x).",
    latex="e^{{{0}}} K_1({0})",
    domain=(FIRST,),
    value=lambda m, x: m.exp(x) * m.kv(1, x),
)
