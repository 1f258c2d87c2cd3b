"""Points, and functions that grow term by term from the vocabulary."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
from mpmath import mpf
from mpmath.libmp import fnan

from . import arrays, words
from .expressions import Term
from .kinds import unkinked
from .reals import UnjudgedError, magnitude, number

POOLS: dict[str, tuple[float, ...]] = {
    "kink": (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 6.0, 1.5, -0.0, 2.5, 0.0, 1.0),
    "zero": (0.0, -0.0, 0.0, 1.0, -1.0),
    "tail": (30.0, -30.0, 37.0, 40.0, -40.0, 100.0, -100.0, 300.0, -300.0, 700.0, 710.0, -745.0, 1e3, -1e3, 1e4, 26.6),
    "denormal": (5e-324, -5e-324, 2.2e-308, 1e-310, 1e-300, -1e-300, 1e-200, -1e-160, 1e-100, 1e-20),
    "huge": (1e15, 1e16, 1e22, 1e100, 1e300, -1e300, 1.7e308, 2.0**53, -1e17, 123456789.0),
    "near": (0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 3.0),
}


def ordinary_number(rng: random.Random) -> float:
    shape = rng.random()
    if shape < 0.35:
        return round(rng.uniform(-3, 3), 2) or 0.37
    if shape < 0.6:
        return rng.uniform(-3, 3)
    if shape < 0.85:
        return rng.uniform(0.02, 0.98)
    return rng.choice((-1, 1)) * math.exp(rng.uniform(-3, 3))


def beside(rng: random.Random, x: float) -> float:
    """A double close to x."""
    step = rng.random()
    if step < 0.4:
        return math.nextafter(x, rng.choice((-math.inf, math.inf)))
    return x + rng.choice((-1, 1)) * 10.0 ** -rng.choice((17, 16, 15, 12, 9, 6, 30, 100, 300))


class Grower:
    """Draws inputs and terms, to the taste of a kind of case."""

    def __init__(self, rng: random.Random, kind: str) -> None:
        self.rng, self.kind = rng, kind
        self.mode = rng.choice(("text", "traced"))
        self.at: dict[str, Any] = {}
        self.pool: list[Term] = []

    # --- points

    def coordinate(self) -> float:
        rng = self.rng
        if self.kind == "ordinary" or rng.random() < 0.25:
            return ordinary_number(rng)
        if self.kind == "near":
            return beside(rng, rng.choice(POOLS["near"]))
        if self.kind == "ties":
            if not hasattr(self, "tied"):
                self.tied = rng.choice((ordinary_number(rng), rng.choice(POOLS["kink"])))
            return self.tied * rng.choice((1, 1, 1, -1))
        return rng.choice(POOLS.get(self.kind, POOLS["kink"]))

    def input(self, name: str, shape: tuple[int, ...]) -> Term:
        if shape:
            value: Any = np.array([self.coordinate() for _ in range(math.prod(shape))]).reshape(shape)
            kind = "v" if len(shape) == 1 else "m"
            exact = np.frompyfunc(mpf, 1, 1)(value)
        else:
            value = self.coordinate()
            kind, exact = "s", mpf(value)
        self.at[name] = value
        return Term("input", kind, lambda: None, (), name, name, exact)

    # --- choosing operands

    def pick(self, kind: str) -> Term | None:
        """A term of that kind, late ones more often."""
        found = [t for t in self.pool if t.kind == kind]
        if not found:
            return None
        return self.rng.choices(found, [1 + k for k in range(len(found))])[0]

    def scalar(self) -> Term:
        found = self.pick("s")
        if found is None:
            v = self.pick("v") or self.pick("m")
            assert v is not None
            found = words.entry(v, self.rng.randrange(9))
        return found

    def constant(self) -> Term:
        last = len(words.CONSTANTS)
        if self.kind == "ordinary" or self.rng.random() < 0.7:
            last -= 3  # the extreme ones
        return words.constant(self.rng.randrange(last), self.mode)

    def scalar_or_constant(self) -> Term:
        return self.constant() if self.rng.random() < 0.35 else self.scalar()

    # --- steps

    def grown(self) -> Term:
        rng = self.rng
        names = "xyz"[: rng.choices((1, 2, 3), (5, 4, 2))[0]]
        n = rng.choice((2, 3))
        for name in names:
            shape = rng.choices(((), (rng.choice((n, n, 4)),), (n, n)), (14, 5, 1.5))[0]
            self.pool.append(self.input(name, shape))
        for _ in range(rng.choice((1, 2, 3, 4, 5, 6, 8, 10, 12))):
            self.grow()
        return self.closed()

    def closed(self) -> Term:
        """The last number, or a sum of the last array; joined with what has no use yet."""
        used = {id(a) for t in self.pool for a in t.args}
        loose = [t for t in self.pool if id(t) not in used]
        result: Term | None = None
        for t in reversed(loose[-4:]):
            if t.kind in "bc":
                t = words.where(t, self.scalar(), self.constant())
            if t.kind in "vm":
                t = words.array_word(_SUMS[t.kind], [t])
            result = (
                t
                if result is None
                else words.applied(self.rng.choice(("add", "multiply", "subtract")), [result, t], True)
            )
        assert result is not None
        return result

    def grow(self) -> None:
        """One more term, tried some times until its value is to the kind's taste."""
        for _ in range(12):
            try:
                made = self.step()
            except UnjudgedError:
                continue
            if made is not None and made.moves and self.welcome(made) and (self.kind != "ordinary" or unkinked(made)):
                self.pool.append(made)
                return

    def welcome(self, t: Term) -> bool:
        """Ordinary cases are defined and of moderate size; the others are allowed to go wrong now and then."""
        entries = [number(e) for e in np.asarray(t.value, dtype=object).flat]
        if any(e._mpf_ == fnan for e in entries):
            return self.kind != "ordinary" and self.rng.random() < 0.08
        if any(e and not -1000 < magnitude(e) < 3000 for e in entries):
            return False
        if self.kind == "ordinary":
            return all(not e or -14 < magnitude(e) < 14 for e in entries)
        return True

    def step(self) -> Term | None:
        rng = self.rng
        has_array = any(t.kind in "vm" for t in self.pool)
        weights = {
            self.unary: 9, self.binary: 9, self.kinked: 5, self.special: 2.2, self.selected: 2.5,
            self.array: 7 if has_array else 0, self.stack: 1, self.control: 2 if self.mode == "traced" else 0,
            self.stop: 0.5, self.integer_power: 2, self.many_operands: 0.8,
        }  # fmt: skip
        return rng.choices(list(weights), list(weights.values()))[0]()

    def applied(self, name: str, args: list[Term]) -> Term:
        parameters = self.rng.choice(words.PARAMETERS.get(name, [("", {})]))
        return words.applied(name, args, self.rng.random() < 0.7, parameters)

    def operand(self) -> Term:
        """A number, sometimes an array."""
        if self.rng.random() < 0.25:
            return self.pick("v") or self.scalar()
        return self.scalar()

    def unary(self) -> Term:
        return self.applied(self.rng.choice(words.SMOOTH), [self.operand()])

    def kinked(self) -> Term:
        rng = self.rng
        if rng.random() < 0.6:
            return self.applied(rng.choice(words.KINKED), [self.operand()])
        if rng.random() < 0.15:
            low, high = words.decimal(rng.choice((-1.0, 0.0, -0.5))), words.decimal(rng.choice((1.0, 0.5, 2.0)))
            return self.applied("clip", [self.operand(), low, high])
        name = rng.choice(words.BINARY_KINKED)
        args = [self.operand(), self.scalar_or_constant()]
        if rng.random() < 0.3:
            args.reverse()
        return self.applied(name, args)

    def special(self) -> Term | None:
        rng = self.rng
        draw = rng.random()
        if draw < 0.75:
            return self.applied(rng.choice(words.SPECIAL), [self.scalar()])
        if draw < 0.8:
            return self.applied(rng.choice(words.SLOW), [self.scalar()])
        if draw < 0.86:
            n = rng.choice((0, 1, 2))
            t = words.applied("polygamma", [self.scalar()], True, ("", {"n": n}))
            t.text, t.python = f"polygamma({n}, {{0}})", f"dnp.polygamma({n}, {{0}})"
            return t
        order = (
            words.whole(rng.choice((0, 1, 2))) if rng.random() < 0.5 else words.decimal(rng.choice((0.5, 1.5, 2.25)))
        )
        if draw < 0.93:
            name = rng.choice(("jv", "iv", "yv", "ive", "kv", "kve"))
            return self.applied(name, [order, self.scalar()])
        name = rng.choice(("gammainc", "gammaincc", "zeta", "boxcox", "boxcox1p", "betainc", "round"))
        x = self.scalar()
        if name == "round":
            t = words.applied("round", [x], True, (", 1", {"decimals": 1}))
            t.python = "np.round({0}, 1)"
            return t
        first = words.decimal(rng.choice((0.5, 1.0, 2.0, 3.5)))
        if name == "betainc":
            return self.applied(name, [first, words.decimal(rng.choice((0.5, 1.0, 2.5))), x])
        if name in ("boxcox", "boxcox1p", "zeta"):
            second = words.decimal(rng.choice((0.5, -1.0, 2.0, 1.5)))
            if name == "zeta":
                return self.applied(name, [words.decimal(rng.choice((2.0, 1.5, 3.0))), x])
            return self.applied(name, [x, second])
        return self.applied(name, [first, x])

    def binary(self) -> Term:
        rng = self.rng
        name = rng.choice(words.BINARY_SMOOTH) if rng.random() < 0.3 else rng.choice(words.BINARY)
        args = [self.operand(), self.scalar_or_constant()]
        if rng.random() < 0.15:
            args = [args[0], args[0]]
        if rng.random() < 0.4:
            args.reverse()
        return self.applied(name, args)

    def integer_power(self) -> Term:
        n = self.rng.choice((2, 2, 3, 4, -1, -2, 0, 1))
        exponent: Term = words.whole(n)
        if self.rng.random() < 0.2:
            exponent = words.decimal(self.rng.choice((0.5, 1.5, -0.5, 2.0, 2.5)))
        return self.applied("power", [self.operand(), exponent])

    def many_operands(self) -> Term | None:
        """max and min of more than two, and sums of lists of constants times numbers, in the language of texts."""
        if self.mode != "text":
            return None
        a, b, c = self.scalar(), self.scalar(), self.scalar_or_constant()
        name = self.rng.choice(("max", "min"))
        pick = max if name == "max" else min
        fn = arrays.whole_only(lambda *xs: pick(xs))
        return words.made(name, "s", fn, [a, b, c], f"{name}({{0}}, {{1}}, {{2}})", "")

    def condition(self) -> Term:
        rng = self.rng
        c = self.applied(rng.choice(words.COMPARISONS), [self.scalar(), self.scalar_or_constant()])
        if rng.random() < 0.25:
            name = rng.choice(list(words.LOGIC))
            count, fn, text, python = words.LOGIC[name]
            others = [self.applied(rng.choice(words.COMPARISONS), [self.scalar(), self.constant()])]
            c = words.made(name, "b", fn, [c, *others][:count], text, python)
        return c

    def selected(self) -> Term:
        a, b = self.scalar_or_constant(), self.scalar_or_constant()
        v = self.pick("v")
        if v is not None and self.rng.random() < 0.4:
            c = self.applied(self.rng.choice(words.COMPARISONS[:4]), [v, self.constant()])
            return words.where(c, v, b)
        return words.where(self.condition(), a, b)

    def array(self) -> Term | None:
        rng = self.rng
        k = rng.choice(_COMMON) if rng.random() < 0.35 else rng.randrange(len(words.ARRAY_WORDS))
        name, operands, _, text, _, _ = words.ARRAY_WORDS[k]
        if text is None and self.mode == "text":
            return None
        args = []
        for kind in operands:
            found = self.scalar() if kind == "s" else self.pick({"3": "v"}.get(kind, kind))
            if found is None or (kind == "3" and len(found.value) != 3):
                return None
            args.append(found)
        sizes = {len(a.value) for a in args if a.kind in "vm"}
        if len(sizes) > 1:
            return None
        if name in ("eigh", "eigvalsh", "svd") and len(args[0].value) != 2:
            return None
        if name == "fft" and rng.random() < 0.5:
            return None
        return words.array_word(k, args)

    def stack(self) -> Term:
        rng = self.rng
        if rng.random() < 0.3:
            v = self.pick("v") or self.pick("m")
            if v is not None:
                return words.entry(v, rng.randrange(9))
        return words.stacked([self.scalar() for _ in range(rng.choice((2, 3)))])

    def control(self) -> Term | None:
        rng = self.rng
        u, v = self.scalar(), self.scalar_or_constant()
        draw = rng.random()
        body = rng.randrange(len(words.BODIES))
        if draw < 0.35:  # a branch of Python's that gives a constant would be computed in floats from there on
            return words.by_if(self.condition(), u, v) if u.moves and v.moves else None
        if draw < 0.65:
            return words.branch(self.condition(), u, v, body, rng.randrange(len(words.BODIES)))
        if draw < 0.75:
            return words.counted_loop(u, v, body, rng.choice((1, 2, 3)))
        if draw < 0.88:
            return words.open_loop(u, v, rng.choice((2.0, 3.0, 10.0)), rng.choice((1.0, 1.5, 2.0)))
        xs = self.pick("v")
        if xs is None:
            return words.counted_loop(u, v, body, 2)
        return words.scanned(u, xs, body)

    def stop(self) -> Term:
        return words.stopped(self.scalar())


_SUMS = {w[1]: k for k, w in enumerate(words.ARRAY_WORDS) if w[0] == "sum" and w[2] == "s"}
_OFTEN = ("sum", "max", "sort", "norm", "logsumexp", "det", "dot")
_COMMON = [k for k, w in enumerate(words.ARRAY_WORDS) if w[0] in _OFTEN]
