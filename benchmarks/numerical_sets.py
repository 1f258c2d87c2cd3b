"""Functions of one variable with a point and the true derivative there, for benchmarks.numerical.

Three sets: random smooth functions, the elementary functions of numdifftools' documentation with others beside
singularities, and physics in SI units. Each is text that NumPy evaluates in doubles and mpmath at 60 digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

import mpmath
import numpy as np

NAMES = "sin cos tan exp log sqrt sinh cosh tanh expm1 log1p".split()
RENAMED = dict(arcsin="asin", arccos="acos", arctan="atan", arcsinh="asinh", arccosh="acosh", arctanh="atanh")
DOUBLES = {name: getattr(np, name) for name in (*NAMES, *RENAMED)} | {"pi": math.pi}
DIGITS = {name: getattr(mpmath, RENAMED.get(name, name)) for name in (*NAMES, *RENAMED)} | {"pi": mpmath.mpf(math.pi)}


@dataclass(frozen=True)
class Case:
    """A function of one variable, other names held at their values, and its point."""

    text: str
    name: str
    at: dict[str, float]

    @property
    def x(self) -> float:
        return self.at[self.name]

    def function(self) -> Callable[[Any], Any]:
        """The function in doubles; it takes arrays too."""
        code, rest = compiled(self.text), {k: v for k, v in self.at.items() if k != self.name}
        return lambda x: eval(code, {**DOUBLES, **rest, self.name: x})

    def truth(self) -> float:
        """The derivative at the double x, by central differences at 120 digits of the text's own real function."""
        code, rest = compiled(self.text), {k: mpmath.mpf(v) for k, v in self.at.items()}
        f = lambda x: mpmath.mpf(eval(code, {**DIGITS, **rest, self.name: x}))
        found = []
        for digits in (60, 120):
            with mpmath.workdps(digits):
                x = mpmath.mpf(self.x)
                h = (abs(x) or 1) * mpmath.mpf(10) ** (-digits // 3)
                found.append((f(x + h) - f(x - h)) / (2 * h))
        if abs(found[0] - found[1]) > mpmath.mpf(10) ** -18 * abs(found[1]):
            raise ArithmeticError(f"the derivative of {self.text} at {self.x!r} does not settle")
        return float(found[1])


def compiled(text: str) -> CodeType:
    return compile(text, text, "eval")


UNARY = (
    "sin({0})", "cos({0})", "tanh({0})", "exp({0})", "exp(-({0})**2)", "arctan({0})", "arcsinh({0})", "({0})**2",
    "({0})**3", "sqrt(1.0 + ({0})**2)", "log(1.0 + ({0})**2)", "1.0/(1.0 + ({0})**2)", "{1}*({0})", "({0}) + {1}",
)  # fmt: skip
BINARY = ("({0}) + ({1})", "({0}) - ({1})", "({0})*({1})", "({0})/(2.0 + sin({1}))", "({0})/(1.0 + ({1})**2)")


def random_text(random: np.random.Generator, depth: int) -> str:
    """A random expression in x that is smooth everywhere."""
    if depth == 0:
        return "x" if random.random() < 0.75 else repr(round(float(random.normal(0, 2)), 3))
    if random.random() < 0.55:
        number = repr(round(float(random.normal(0, 3)), 3))
        return str(random.choice(UNARY)).format(random_text(random, depth - 1), number)
    left, right = random_text(random, depth - 1), random_text(random, int(random.integers(depth)))
    return str(random.choice(BINARY)).format(left, right)


def random_smooth(seed: int, count: int = 300) -> Iterator[Case]:
    """Random compositions of elementary functions at random points of several sizes."""
    random = np.random.default_rng(seed)
    made = 0
    while made < count:
        text = random_text(random, int(random.integers(2, 6)))
        x = float(random.normal() * 10.0 ** random.choice([-3, -2, -1, 0, 0, 0, 1, 2]))
        case = Case(text, "x", {"x": x})
        with np.errstate(all="ignore"):
            y = case.function()(np.float64(x))
        if "x" not in text or not np.isfinite(y):
            continue
        try:
            truth = case.truth()
        except (ArithmeticError, ValueError):
            continue
        if 1e-12 < abs(truth) < 1e12:  # neither constant nor beyond what doubles show
            made += 1
            yield case


DOCUMENTED = (
    "cos(x)", "sin(x)", "tan(x)", "cosh(x)", "sinh(x)", "tanh(x)", "2.0**x", "expm1(x)", "exp(x)", "x**2", "x**3",
    "sqrt(x)", "log(x)", "log(x)/log(10.0)", "log1p(x)", "arccos(x)", "arcsin(x)", "arctan(x)", "arcsinh(x)",
    "arccosh(x + 1.0)", "arctanh(x)", "exp(2.0*x)", "x**3 + x**4", "1.0/x",
)  # fmt: skip
SINGULAR = (
    ("tan(x)", 1.5), ("tan(x)", 1.57), ("1.0/x", 1e-4), ("1.0/x", -1e-9), ("log(x)", 1e-3), ("log(x)", 1e-8),
    ("sqrt(x)", 1e-5), ("sqrt(x - 1.0)", 1.0001), ("1.0/(x - 1.0)", 1.003), ("1.0/(x - 1.0)**2", 0.98),
    ("arcsin(x)", 0.9999), ("arctanh(x)", -0.999), ("x**0.1", 1e-4), ("exp(1.0/x)", 0.05), ("sin(1.0/x)", 0.01),
    ("log(sin(x))", 3.14), ("1.0/(1.0 + 1e6*x**2)", 1e-3), ("tanh(1000.0*x)", 1e-3), ("sin(x)", 1e4),
    ("exp(-1.0/x**2)", 0.2), ("x**2", 1e-34), ("log(1.0 - x)", 0.99999), ("x**x", 1e-6), ("sin(1000.0*x)", 1.0),
)  # fmt: skip


def documented(seed: int) -> Iterator[Case]:
    """24 functions of numdifftools' documentation and tests at ordinary points, and 24 beside singularities.

    The first seed has the points as they stand, others move each by a few percent of its distance to the singularity.
    """
    random = np.random.default_rng(seed)
    for text in DOCUMENTED:
        yield Case(text, "x", {"x": 0.5 if seed == 0 else round(float(random.uniform(0.1, 0.9)), 6)})
    for text, x in SINGULAR:
        yield Case(text, "x", {"x": x if seed == 0 else moved(text, x, random)})


def moved(text: str, x: float, random: np.random.Generator) -> float:
    """The point at another distance from its singularity."""
    edge = next((e for e in (0.0, 1.0, -1.0, math.pi / 2, math.pi) if 0 < abs(x - e) < 0.11), None)
    factor = float(np.exp(random.normal() / 4))
    return edge + (x - edge) * factor if edge is not None else x * factor


SI = dict(
    c=299792458.0, h=6.62607015e-34, hb=1.054571817e-34, k=1.380649e-23, e=1.602176634e-19, me=9.1093837e-31,
    mp=1.67262192e-27, G=6.6743e-11, e0=8.8541878128e-12, mu0=1.25663706212e-6, R=8.314462618, NA=6.02214076e23,
    sb=5.670374419e-8, muB=9.2740100783e-24, a0=5.29177210903e-11,
)  # fmt: skip
# text, the values of its variables, the names to differentiate by
PHYSICS: tuple[tuple[str, dict[str, float], str], ...] = (
    ("2*h*c**2/lam**5/(exp(h*c/(lam*k*T)) - 1)", dict(lam=5e-7, T=5772.0), "lam T h k"),
    ("2*h*nu**3/c**2/(exp(h*nu/(k*T)) - 1)", dict(nu=5.4e14, T=2.725e3), "nu T h"),
    ("sb*A*(T**4 - T0**4)", dict(A=1.7, T=310.0, T0=293.0), "T T0"),
    ("e**2/(4*pi*e0*r**2)", dict(r=5.3e-11), "r e"),
    ("G*m1*m2/r**2", dict(m1=5.972e24, m2=7.348e22, r=3.844e8), "r m2"),
    ("2*pi*sqrt(L/g)*(1 + th**2/16)", dict(L=0.994, g=9.81, th=0.2), "L g th"),
    ("A*exp(-Ea/(R*T))", dict(A=2.5e13, Ea=1.03e5, T=298.15), "T Ea"),
    ("1/sqrt(1 - (v/c)**2)", dict(v=2.9e8), "v c"),
    ("me*c**2*(1/sqrt(1 - (v/c)**2) - 1)", dict(v=1.2e8), "v"),
    ("sqrt(e0*k*T/(n*e**2))", dict(T=1.2e4, n=1e18), "T n"),
    ("R*T/(V - b) - a/V**2", dict(T=300.0, V=2.24e-2, a=0.364, b=4.27e-5), "V T b"),
    ("me*e**4/(8*e0**2*h**2)*(1/n1**2 - 1/n2**2)", dict(n1=2.0, n2=3.0), "h e n2"),
    ("V0*exp(-t/(Rr*C))", dict(V0=12.0, t=3e-6, Rr=4.7e3, C=1e-9), "t C Rr"),
    ("1/sqrt(Rr**2 + (w*L - 1/(w*C))**2)", dict(Rr=50.0, w=6.3e6, L=1e-5, C=2.2e-9), "w L C"),
    ("sqrt(2*m*g/(rho*Cd*A))", dict(m=80.0, g=9.81, rho=1.225, Cd=0.7, A=0.6), "rho m"),
    ("2*pi*sqrt(a**3/(G*M))", dict(a=1.496e11, M=1.989e30), "a M G"),
    ("P0*exp(-m*g*z/(k*T))", dict(P0=101325.0, m=4.81e-26, g=9.81, z=8848.0, T=250.0), "z T m"),
    ("1/(exp((E - mu)/(k*T)) + 1)", dict(E=8.1e-19, mu=8.0e-19, T=300.0), "E T mu"),
    ("1/(exp(hb*w/(k*T)) - 1)", dict(w=3e13, T=77.0), "w T hb"),
    ("exp(-2*a*sqrt(2*me*(V - E))/hb)", dict(a=3e-10, V=8e-19, E=5e-19), "a E V"),
    ("h/sqrt(2*me*e*U)", dict(U=150.0), "U h"),
    ("lam + h/(me*c)*(1 - cos(th))", dict(lam=7.1e-11, th=1.2), "th lam"),
    ("nu*sqrt((1 - v/c)/(1 + v/c))", dict(nu=6e14, v=3.2e6), "v nu"),
    ("1/(1/f - 1/g)", dict(f=0.05, g=1.7), "g f"),
    ("(2*pi*me*k*T/h**2)**1.5*exp(-E/(k*T))", dict(T=9000.0, E=2.18e-18), "T E"),
    ("mu0*i/(2*pi*r)", dict(i=13.0, r=0.021), "r i"),
    ("muB*tanh(muB*B/(k*T))", dict(B=1.3, T=4.2), "B T"),
    ("4*pi*(m/(2*pi*k*T))**1.5*v**2*exp(-m*v**2/(2*k*T))", dict(m=6.63e-26, T=300.0, v=400.0), "v T m"),
    ("exp(-r/a0)/sqrt(pi*a0**3)", dict(r=7e-11), "r a0"),
    ("E0*cos(kz*z - w*t)", dict(E0=870.0, kz=1.2566e7, z=0.013, w=3.767e15, t=2.1e-12), "z t w"),
    ("4*eps*((s/r)**12 - (s/r)**6)", dict(eps=1.65e-21, s=3.4e-10, r=4.1e-10), "r s"),
    ("De*(1 - exp(-a*(r - re)))**2", dict(De=7.3e-19, a=1.94e10, r=8.1e-11, re=7.41e-11), "r a"),
    ("sqrt(g*lam/(2*pi)*tanh(2*pi*d/lam))", dict(g=9.81, lam=120.0, d=9.0), "lam d"),
    ("sqrt(2*G*M/r)", dict(M=5.972e24, r=6.371e6), "r M"),
    ("pi*dp*r**4/(8*eta*l)", dict(dp=1.3e4, r=1.1e-3, eta=8.9e-4, l=0.3), "r eta"),
    ("I0*(sin(pi*b*sin(th)/lam)/(pi*b*sin(th)/lam))**2", dict(I0=3.0, b=4e-5, th=0.011, lam=6.33e-7), "th lam b"),
    ("i0*(exp(e*U/(n*k*T)) - 1)", dict(i0=1e-12, U=0.62, n=1.2, T=298.0), "U T"),
    ("3*(R)*(Te/T)**2*exp(Te/T)/(exp(Te/T) - 1)**2", dict(Te=240.0, T=300.0), "T Te"),
    ("2*(gam)*cos(th)/(rho*g*r)", dict(gam=0.0728, th=0.35, rho=998.0, g=9.81, r=2e-4), "th r"),
    ("1 - 2*G*M/(r*c**2)", dict(M=1.989e30, r=6.96e8), "r M"),
    ("hb*c**3/(8*pi*G*M*k)", dict(M=1.989e31), "M"),
    ("1/(4*pi*e0)*q*d*cos(th)/r**2", dict(q=1.6e-19, d=1e-10, th=0.7, r=5e-9), "r th d"),
    ("sqrt(k*T/(6*pi*eta*a)*2*t)", dict(T=298.0, eta=8.9e-4, a=5e-7, t=30.0), "a"),
)


def physics(seed: int, count: int = 100) -> Iterator[Case]:
    """Formulas of physics in SI units, by one of their variables; other seeds move every variable by some percent."""
    random = np.random.default_rng(seed)
    made = 0
    for text, values, wanted in PHYSICS:
        at = SI | values
        while seed:
            at |= {k: v * float(np.exp(random.normal() / 30)) for k, v in values.items()}
            with np.errstate(all="ignore"):
                if np.isfinite(eval(compiled(text), {**DOUBLES, **{k: np.float64(v) for k, v in at.items()}})):
                    break  # no speed is beyond that of light
        for name in wanted.split():
            if made < count:
                made += 1
                yield Case(text, name, at)


SETS = {"random smooth": random_smooth, "documentation, singular": documented, "physics, SI": physics}
