"""Random functions at random points: ordinary ones, and all the places where a certificate could go wrong."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

from . import words
from .expressions import Case, Term, terms_of
from .growing import Grower
from .reals import UnjudgedError

DIGITS = 25  # of the values that the generator looks at
KINDS = {
    "ordinary": 34, "kink": 15, "near": 7, "tail": 6, "denormal": 4, "huge": 4, "zero": 6, "ties": 8, "flat": 10,
    "removable": 5, "many": 0.6,
}  # fmt: skip


def generate(seed: int, index: int) -> Case:
    """The case of that number: always the same."""
    rng = random.Random(f"{seed}:{index}")
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    while True:
        try:
            with mp.workdps(DIGITS):
                return Maker(rng, kind).case(seed, index)
        except (UnjudgedError, OverflowError):
            continue


class Maker(Grower):
    """Draws one case."""

    def case(self, seed: int, index: int) -> Case:
        makers: dict[str, Callable[[], Term]] = {"flat": self.flat, "removable": self.removable, "many": self.many}
        result = makers.get(self.kind, self.grown)()
        if not result.moves:
            raise UnjudgedError("a constant")
        used = {t.python for t in terms_of(result) if t.row == "input"}
        self.at = {n: x for n, x in self.at.items() if n in used}
        names = list(self.at)
        wrt = None
        if len(names) > 1 and self.rng.random() < 0.3:
            wrt = sorted(self.rng.sample(names, self.rng.randint(1, len(names) - 1)))
        return Case(seed, index, self.kind, self.mode, result, self.at, wrt)

    def simple(self) -> Term:
        """x, y, or a little more."""
        rng = self.rng
        t = rng.choice(self.pool[:2])
        if rng.random() < 0.3:
            t = self.applied("subtract", [t, words.decimal(float(rng.choice((0.0, 1.0, float(t.value)))))])
        return t

    def even(self) -> Term:
        """Something with a flat place, such as x**2 or 1 - cos(x)."""
        rng, x = self.rng, self.simple()
        one = words.whole(1)
        made = rng.choice(
            (
                lambda: self.applied("square", [x]),
                lambda: self.applied("power", [x, words.whole(rng.choice((2, 3, 4)))]),
                lambda: self.applied("subtract", [one, self.applied("cos", [x])]),
                lambda: self.applied("cos", [x]),
                lambda: self.applied("subtract", [one, self.applied("square", [x])]),
                lambda: self.applied("negative", [self.applied("square", [x])]),
                lambda: self.applied("exp_minus_square", [x]),
                lambda: self.applied("multiply", [x, self.simple()]),
                lambda: self.applied("subtract", [self.applied("cosh", [x]), one]),
                lambda: self.applied("sinpi", [x]),
                lambda: self.applied("sin", [self.applied("multiply", [words.constant(_PI, self.mode), x])]),
                lambda: self.applied("expm1", [x]),
                lambda: self.applied("subtract", [x, x]),
                lambda: self.applied("multiply", [x, self.applied("absolute", [x])]),
                lambda: self.applied("tanhshrink", [x]),
            )
        )()
        return made

    def flat(self) -> Term:
        """A kink, a jump or a pole behind something flat: derivative 0 at the point, and still none."""
        rng = self.rng
        self.pool = [self.input(n, ()) for n in "xy"]
        g = self.even()
        one = words.decimal(rng.choice((1.0, -1.0, 0.5)))
        draw = rng.randrange(9)
        if draw < 3:
            t = self.applied(rng.choice([*words.KINKED, "sqrt", "log", "reciprocal", "cbrt", "entr", "arccos"]), [g])
        elif draw == 3:
            t = self.applied(rng.choice(words.BINARY_KINKED), [g, one])
        elif draw == 4:
            t = self.applied("arctan2", [g, one])
        elif draw == 5:
            c = self.applied(rng.choice(words.COMPARISONS), [g, words.whole(rng.choice((0, 0, 1)))])
            t = words.where(c, self.simple(), self.applied("multiply", [words.whole(3), self.simple()]))
        elif draw == 6 and self.mode == "traced":
            c = self.applied(rng.choice(words.COMPARISONS), [g, words.whole(rng.choice((0, 0, 1)))])
            choice = rng.randrange(3)
            u, v = self.simple(), self.simple()
            body = rng.randrange(len(words.BODIES))
            t = words.by_if(c, u, v) if choice == 0 else words.branch(c, u, v, body, rng.randrange(len(words.BODIES)))
        elif draw == 7:
            low = words.decimal(rng.choice((-5.0, -100.0, 0.0)))
            t = self.applied(rng.choice(("maximum", "minimum")), [self.applied(rng.choice(_CLIFFS), [g]), low])
        else:
            t = self.applied("maximum", [g, self.even()])
        if rng.random() < 0.5:
            t = self.applied(rng.choice(("add", "multiply")), [t, self.simple()])
        return t

    def removable(self) -> Term:
        """A quotient of two things that may vanish together, and sums that cancel."""
        rng = self.rng
        self.pool = [self.input(n, ()) for n in "xy"]
        top, bottom = self.even(), rng.choice((self.simple, self.even))()
        t = self.applied(rng.choice(("divide", "divide", "remainder", "arctan2", "power", "hypot")), [top, bottom])
        if rng.random() < 0.4:
            t = self.applied(rng.choice((*words.SMOOTH, *words.KINKED)), [t])
        if rng.random() < 0.4:
            t = self.applied(rng.choice(("add", "multiply")), [t, self.simple()])
        return t

    def many(self) -> Term:
        """More coordinates than are worth a series each."""
        rng = self.rng
        size = rng.choice((201, 250, 300))
        fill = self.rng.choice((0.0, 0.5, 1.0, -1.0, 3.0))
        self.mode = "traced"
        x = np.full(size, fill)
        if rng.random() < 0.5:
            x = np.round(np.array([rng.uniform(-2, 2) for _ in range(size)]), 2)
            x[rng.randrange(size)] = rng.choice((0.0, 1.0))
        self.at = {"x": x}
        v = Term("input", "v", lambda: None, (), "x", "x", np.frompyfunc(mpf, 1, 1)(x))
        self.pool = [v]
        for _ in range(rng.choice((1, 1, 2))):
            name = rng.choice((*words.KINKED, "sin", "exp", "square", "softplus", "tanh", "arctan", "log1p"))
            v = self.applied(name, [v])
            if rng.random() < 0.3:
                v = words.array_word(_VECTOR[rng.choice(("sort", "cumsum", "flip", "softmax"))], [v])
            if rng.random() < 0.3:
                c = self.applied("greater", [v, words.decimal(0.0)])
                v = words.where(c, v, self.applied("multiply", [v, words.whole(3)]))
        return words.array_word(_VECTOR[rng.choice(("sum", "max", "norm", "logsumexp", "mean", "sum"))], [v])


_CLIFFS = ("log", "reciprocal", "sqrt", "log1p", "gammaln", "digamma", "arctanh")
_PI = next(k for k, c in enumerate(words.CONSTANTS) if c[0] == "pi")
_VECTOR = {w[0]: k for k, w in reversed(list(enumerate(words.ARRAY_WORDS))) if w[1] == "v"}
