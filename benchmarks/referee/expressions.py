"""Expressions that can be written as difflab's text, as a Python function of NumPy, and computed in mpmath."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mpmath import mp, mpf

NAMESPACE: dict[str, Any] = {}


def namespace() -> dict[str, Any]:
    """What the Python functions see."""
    if not NAMESPACE:
        from scipy import special

        import difflab
        import difflab.numpy as dnp

        NAMESPACE.update(np=np, dl=difflab, dnp=dnp, special=special, math=math)
    return NAMESPACE


class Term:
    """One vertex: how it is written, how it is computed, what it is made of.

    `kind` is "s" (number), "v" (vector), "m" (square matrix), "b" (truth value), "c" (array of truth values).
    `text` and `python` have places {0}, {1}, ... for the operands; `text` is None where the language has no word.
    """

    __slots__ = ("args", "fn", "kind", "moves", "python", "row", "shape", "stops", "text", "value")

    def __init__(
        self,
        row: str,
        kind: str,
        fn: Callable[..., Any],
        args: Iterable[Term],
        text: str | None,
        python: str,
        value: Any = None,
        stops: bool = False,
    ) -> None:
        self.row, self.kind, self.fn, self.args = row, kind, fn, tuple(args)
        self.text, self.python, self.stops, self.value = text, python, stops, value
        self.shape = np.shape(value)
        self.moves = row == "input" or any(a.moves for a in self.args)  # whether an input is in it


def terms_of(result: Term) -> list[Term]:
    """All terms that the result is made of, operands first."""
    order: list[Term] = []
    seen: set[int] = set()
    stack: list[tuple[Term, bool]] = [(result, False)]
    while stack:
        term, done = stack.pop()
        if done:
            order.append(term)
        elif id(term) not in seen:
            seen.add(id(term))
            stack.append((term, True))
            stack += [(a, False) for a in reversed(term.args)]
    return order


@dataclass
class Case:
    """A function at a point: what is certified, and what the referee computes."""

    seed: int
    index: int
    kind: str
    mode: str
    result: Term
    at: dict[str, Any]
    wrt: list[str] | None = None
    terms: list[Term] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.terms = terms_of(self.result)
        self._places = {id(t): k for k, t in enumerate(self.terms)}
        self._plan = [(t, t.fn, [self._places[id(a)] for a in t.args]) for t in self.terms]
        self._base: dict[int, list[Any]] = {}
        self.stops = any(t.stops for t in self.terms)

    @property
    def rows(self) -> set[str]:
        return {t.row for t in self.terms} - {"input", "constant"}

    @property
    def names(self) -> list[str]:
        return self.wrt or list(self.at)

    def coordinates(self) -> list[tuple[str, Any]]:
        """The coordinates that move: (name, index)."""
        return [(n, i) for n in self.names for i in np.ndindex(np.shape(self.at[n]))]

    def point(self) -> dict[str, Any]:
        """The point in mpmath numbers."""
        exact = np.frompyfunc(mpf, 1, 1)
        return {n: exact(np.asarray(x)) if np.ndim(x) else mpf(float(x)) for n, x in self.at.items()}

    def value(self, point: dict[str, Any]) -> Any:
        """The function in mpmath; what is stopped keeps its value at the case's point."""
        values: list[Any] = []
        base = self.base() if self.stops else None
        for k, (term, fn, places) in enumerate(self._plan):
            if term.row == "input":
                values.append(point[term.python])
            elif base is not None and term.stops:
                values.append(base[k])
            else:
                values.append(fn(*[values[p] for p in places]))
        return values[-1]

    def base(self) -> list[Any]:
        """The values of all terms at the case's own point, once for each precision."""
        if mp.prec not in self._base:
            values: list[Any] = []
            point = self.point()
            for term, fn, places in self._plan:
                values.append(point[term.python] if term.row == "input" else fn(*[values[p] for p in places]))
            self._base[mp.prec] = values
        return self._base[mp.prec]

    def written(self, mode: str) -> tuple[list[str], str]:
        """Statements and the last expression, in text or in Python: what is used twice has a name."""
        uses = Counter(id(a) for t in self.terms for a in t.args)
        words: dict[int, str] = {}
        statements: list[str] = []
        for t in self.terms:
            form = t.text if mode == "text" else t.python
            if form is None:
                raise ValueError(f"{t.row} has no word in the language")
            word = form.format(*[words[id(a)] for a in t.args]) if t.args else form
            if uses[id(t)] > 1 and t.args:
                name = f"t{len(statements) + 1}"
                statements.append(f"{name} = {word}")
                word = name
            words[id(t)] = word
        return statements, words[id(self.result)]

    @property
    def source(self) -> str:
        """The text, or the line of Python that defines f."""
        statements, last = self.written(self.mode)
        if self.mode == "text":
            return "; ".join([*statements, last])
        return f"def f({', '.join(self.at)}): " + "; ".join([*statements, f"return {last}"])

    def function(self) -> Any:
        """What certify is given."""
        if self.mode == "text":
            return self.source
        scope = dict(namespace())
        exec(self.source, scope)
        return scope["f"]

    def paste(self) -> str:
        """Lines that certify the case again."""
        at = "dict(" + ", ".join(f"{n}={_written(x)}" for n, x in self.at.items()) + ")"
        wrt = f", wrt={self.wrt!r}" if self.wrt else ""
        if self.mode == "text":
            return f"dl.certify({self.source!r}, {at}{wrt})"
        return f"{self.source}\ndl.certify(f, {at}{wrt})"


def _written(x: Any) -> str:
    if np.ndim(x) == 0:
        return repr(float(x))
    if np.size(x) > 40 and len({float(e) for e in np.ravel(x)}) == 1:
        return f"np.full({np.shape(x)}, {float(np.ravel(x)[0])!r})"
    return f"np.array({np.asarray(x).tolist()!r})"
