"""Wrong rules put into rows on purpose, to see that the table's checks fall: `python tests/table_attack.py` runs all.

A mutant changes one thing of one row and names the facets that must notice it. One that changes nothing that the data
can show (a factor on a slope that is 0 everywhere) is told as such, not counted as noticed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import table_elementwise as numbers
import table_spellings as spellings
from table_carriers import ELEMENTS
from table_facets import FACETS, ROWS, facets_of, has_slopes, read_as_another

from difflab.differentiate import complex_step
from difflab.errors import UnsupportedError
from difflab.graph.node_carrier import NODE
from difflab.graph.traced import Traced
from difflab.primitives import NUMPY, TABLE, Gate
from difflab.primitives.batches import AXES

FACTOR = 1.01


class Mutant(NamedTuple):
    """What is changed, as a context, and the facets of which one must fall."""

    row: str
    kind: str
    facets: tuple[str, ...]
    change: Callable[[], Any]

    def noticed(self) -> bool | None:
        """Whether a check falls; None where the data never came to what is changed, or it changed nothing."""
        CHANGED.clear()
        with self.change(), np.errstate(all="ignore"):
            for facet in self.facets:
                if facet not in facets_of(self.row):
                    continue
                try:
                    FACETS[facet](self.row)
                except Exception:
                    return True
        return False if CHANGED else None


CHANGED: list[bool] = []  # filled by a wrong rule when it makes something else of what it is given


# Changes.
@contextmanager
def fields(row, **new):
    """A row with other fields, and every carrier without what it knows of the row."""
    before = {k: getattr(row, k) for k in new}
    kept = [(c, c.__dict__.pop(row.name, None)) for c in carriers()]
    evaluate = row.__dict__.pop("evaluate", None)
    try:
        for k, v in new.items():
            object.__setattr__(row, k, v)
        yield
    finally:
        for k, v in before.items():
            object.__setattr__(row, k, v)
        for carrier, function in kept:
            carrier.__dict__.pop(row.name, None)
            if function is not None:
                carrier.__dict__[row.name] = function
        row.__dict__.pop("evaluate", None)
        if evaluate is not None:
            row.__dict__["evaluate"] = evaluate


def carriers():
    from difflab.differentiate.arb_carrier import CARRIER as ARB
    from difflab.graph.sympy_io import CARRIER as SYMPY

    return [NUMPY, NODE, ARB, SYMPY, complex_step.CARRIER, ELEMENTS]


@contextmanager
def on_carrier(row, carrier, wrong):
    """One carrier's function of the row replaced by a wrong one."""
    right = carrier.of(row)

    def marked(*xs, **params):
        y = wrong(right)(*xs, **params)
        CHANGED.append(True)
        return y

    with fields(row):
        carrier.__dict__[row.name] = marked
        if carrier is NUMPY:
            row.__dict__["evaluate"] = marked
        yield


def scaled(y):
    """A result a little off: numbers by a factor (and off 0), truth values and integers turned round."""
    if isinstance(y, tuple | list):
        return type(y)(map(scaled, y)) if type(y) in (tuple, list) else type(y)(*map(scaled, y))
    dtype = getattr(y, "dtype", None)
    if isinstance(y, bool) or (dtype is not None and dtype.kind == "b"):
        return np.logical_not(y)
    if dtype is not None and dtype.kind in "iu":
        return y + 1
    if isinstance(y, np.ndarray) and dtype.kind == "O":
        return np.vectorize(scaled, otypes=[object])(y) if y.size else y
    if getattr(y, "is_Boolean", False) or getattr(y, "is_Relational", False):
        return ~y
    return y * FACTOR + 0.001


def off(function):
    def wrong(*xs, **params):
        y = scaled(function(*xs, **params))
        CHANGED.append(True)
        return y

    return wrong


def off_by_step(function):
    """Results whose imaginary part is off, so that the slope is; integers and truth values have none."""

    def step(y):
        if isinstance(y, tuple | list):
            return [*map(step, y)]
        return y * FACTOR + 1e-202j if np.asarray(y).dtype.kind in "fcO" else y

    return lambda *xs, **params: step(function(*xs, **params))


def altered(found, change):
    """A partial, a cotangent or several of them with a change."""
    if found is None:
        return None
    if isinstance(found, Gate):
        return Gate(found.mask, change(found.factor))
    if isinstance(found, tuple | list):
        return type(found)(altered(f, change) for f in found)
    CHANGED.append(True)
    return change(found)


def steeper(y):
    """The same value with a slope that is off: found by second derivatives alone."""
    return y + 0.01 * (y - NODE.stop_gradient(y)) if isinstance(y, Traced) and y.dtype.kind in "fc" else y


CHANGES = {"x 1.01": lambda y: y * FACTOR, "sign": lambda y: -y, "second order": steeper}


def changed(rule, change):
    return lambda *args, **params: altered(rule(*args, **params), change)


def changed_partial(rule, kind, i):
    """The partial by operand i changed; it may be a constant."""

    def wrong(m, y, *xs, **params):
        found = rule(m, y, *xs, **params) if callable(rule) else float(rule)
        gate = found if isinstance(found, Gate) else Gate(True, found)
        if np.any(getattr(gate.mask, "value", gate.mask)):
            CHANGED.append(True)
        x = xs[i] if m is NODE or not np.iscomplexobj(xs[i]) else np.real(xs[i])
        factor = {
            "x 1.01": lambda f: f * FACTOR - (0.0 if callable(rule) else 0.02),
            "sign": lambda f: -f + (0.0 if callable(rule) else 0.01),
            "second order": lambda f: f + 0.01 * (x - m.stop_gradient(x)),
        }[kind](gate.factor)
        return Gate(found.mask, factor) if isinstance(found, Gate) else factor

    return wrong


# The mutants of a row.
def mutants(name: str) -> Iterator[Mutant]:
    row = TABLE[name]
    if name in ("input", "constant") or read_as_another(row):
        return
    yield Mutant(name, "value", ("value",), lambda: on_carrier(row, NUMPY, off))
    yield from of_carriers(row)
    if row.value is not None:
        programs = ("value", "program", "jvp", "vjp")
        yield Mutant(name, "program", programs, lambda: fields(row, value=off(row.value)))
    if row.batch is not None:
        for kind, wrong in BATCHES.items():
            yield Mutant(name, f"batch {kind}", ("batch",), lambda w=wrong: fields(row, batch=w(row.batch)))
    if has_slopes(row):
        yield from of_slopes(row)


def of_carriers(row):
    from difflab.differentiate.arb_carrier import CARRIER as ARB
    from difflab.graph.sympy_io import CARRIER as SYMPY

    for facet, carrier in (("sympy", SYMPY), ("arb", ARB), ("complex step", complex_step.CARRIER),
                           ("elements", ELEMENTS)):  # fmt: skip
        if facet in facets_of(row.name) and has(row, carrier):
            wrong = off_by_step if facet == "complex step" else off
            yield Mutant(row.name, facet, (facet,), lambda c=carrier, w=wrong: on_carrier(row, c, w))


def has(row, carrier):
    """Whether the carrier knows the row at all."""
    try:
        return carrier.of(row) is not None
    except UnsupportedError:
        return False


def turned(rule):
    """The batch's elements in another order."""
    return lambda m, *args, **params: rolled(m, rule(m, *args, **params))


def rolled(m, y):
    CHANGED.append(True)
    if isinstance(y, tuple | list):
        return type(y)(rolled(m, part) for part in y)
    return m.concatenate(m.getitem(y, index=(slice(1, None),)), m.getitem(y, index=(slice(None, 1),)), axis=0)


def shifted(rule):
    """The axis that the parameters count, off by one."""

    def wrong(m, row, lead, *xs, **params):
        near = {k: other_axis(v, m.ndim(xs[0]) - lead[0]) for k, v in params.items() if k in AXES}
        CHANGED.extend([True] if near != {k: params[k] for k in near} else [])
        return rule(m, row, lead, *xs, **{**params, **near})

    return wrong


def other_axis(axis, n):
    if isinstance(axis, tuple):
        return tuple(other_axis(k, n) for k in axis)
    return (axis + 1) % n if isinstance(axis, int) and n else axis


BATCHES = {"turned": turned, "axis off by one": shifted}


def of_slopes(row):
    both = ("jvp", "vjp", "complex values")
    if row.kind == "elementwise":
        live = numbers.slanted(row, numbers.operands_of(row.name))
        for i in live:
            for kind in CHANGES:
                facets = ("second derivative",) if kind == "second order" else both
                new = [changed_partial(p, kind, i) if k == i else p for k, p in enumerate(row.partials)]
                yield Mutant(row.name, f"partial {i} {kind}", facets, lambda n=new: fields(row, partials=tuple(n)))
        if len(live) == 2 and row.partials[live[0]] != row.partials[live[1]]:
            new = list(row.partials)
            new[live[0]], new[live[1]] = new[live[1]], new[live[0]]
            yield Mutant(row.name, "partials exchanged", both, lambda: fields(row, partials=tuple(new)))
        return
    for rule, facets in RULES[row.kind]:
        function = getattr(row, rule)
        if function is None:
            continue
        for kind, change in CHANGES.items():
            facets_ = ("second derivative",) if kind == "second order" else facets
            wrong = changed(function, change)
            yield Mutant(row.name, f"{rule} {kind}", facets_, lambda w=wrong, r=rule: fields(row, **{r: w}))
    if row.kind == "custom" and row.vjp is not None:
        yield Mutant(row.name, "vjp exchanged", ("vjp",), lambda: fields(row, vjp=exchanged(row.vjp)))


RULES = {
    "linear": [("transpose", ("vjp",))],
    "custom": [("jvp", ("jvp",)), ("vjp", ("vjp",))],
    "composite": [("value", ("jvp", "vjp"))],
}


def exchanged(vjp):
    """The cotangents of two operands the other way round."""

    def wrong(m, ct, y, *xs, **params):
        found = list(vjp(m, ct, y, *xs, **params))
        live = [i for i, c in enumerate(found) if c is not None]
        if len(live) > 1 and m.shape(xs[live[0]]) == m.shape(xs[live[1]]):
            CHANGED.append(True)
            found[live[0]], found[live[1]] = found[live[1]], found[live[0]]
        return found

    return wrong


# JavaScript: a form with its value or its slopes a little off.
def wrong_scripts(name):
    """(a wrong form, the points) for each example of the row, by the value and, where there are any, by the slopes."""
    for row, params, points in spellings.script_points(name):
        head, _, rest = spellings.form_of(row, params, points[0].xs).partition(",d:[")
        arguments, _, value = head.partition("=>")
        off = f"(y=>typeof y==='boolean'?!y:1.01*y+0.001)({value})"
        yield f"{arguments}=>{off},d:[{rest}", points
        if any(t.slopes for t in points) and f"=>{NOTHING_PASSES}" not in rest:
            slopes, kinks, more = rest.partition("],k:(")
            slopes = slopes if kinks else rest.rpartition("]}")[0]
            yield f"{head},d:[{slopes}].map({WRONG_SLOPE}){kinks[1:] + more if kinks else '}'}", points


NOTHING_PASSES = "false,c:"  # of a gate that is always shut nobody asks the slope
WRONG_SLOPE = (
    "d=>typeof d==='number'?d*1.01-0.02:typeof d==='object'?{g:d.g,c:(...a)=>1.01*d.c(...a)-0.02}"
    ":(...a)=>1.01*d(...a)-0.02"
)


def main(names) -> int:
    total, silent, survivors = 0, 0, []
    for name in names or ROWS:
        for mutant in mutants(name):
            noticed = mutant.noticed()
            total += noticed is not None
            silent += noticed is None
            if noticed is False:
                survivors.append(f"{mutant.row}: {mutant.kind}")
                print("survives:", survivors[-1], flush=True)
    print(f"{total} wrong rules, {total - len(survivors)} noticed; {silent} more changed nothing or have no data")
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
