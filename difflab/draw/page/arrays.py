"""Operations on arrays as data for the script: every row becomes one of a few kinds, or a short program of them.

Elementwise rows keep their formula (`script.Form`) and are applied to each entry; rows that are linear become tables of
entries; products loops over labels; rows that are programs in other rows become those programs; rows with a derivative
rule of their own carry that rule as one more program. A row that needs a function of lists in JavaScript names it in
`spelling["javascript"]`, or gives another program there that is accurate on doubles.
"""

from __future__ import annotations

import json

import numpy as np

from ...errors import UnsupportedError
from ...graph.node_carrier import NODE
from ...graph.recording import Tape
from ...graph.traced import Traced
from ...primitives import Custom, Linear, Primitive, rows
from ...types import Function, Params, Tree, Value
from . import tables
from .model import encoded, entries
from .script import Form

MOST_OPS = 400  # different operations of one page, those of programs counted


class Operations:
    """The operations of a page: `texts[k]` is the k-th as JavaScript, `forms` the formulas of the elementwise ones."""

    def __init__(self, most_forms: int) -> None:
        self.texts: list[str] = []
        self.forms: list[str] = []
        self.most_forms = most_forms
        self.known: dict[str, int] = {}
        self.known_forms: dict[str, int] = {}
        self.backward: bool = True  # whether operations are given rules; those inside rules only run

    @property
    def script(self) -> str:
        return f"const FORMS = [\n{_lines(self.forms)}\n];\nconst OPS = [\n{_lines(self.texts)}\n];"

    def number(self, row: Primitive, xs: list[Value], params: Params, own: set[int], made: Value) -> int:
        """The operation of a row on operands of which those at `own` change; UnsupportedError where there is none.

        `made` is its result, whose shape the operation keeps.
        """
        operands = [(np.shape(x), np.asarray(x).dtype.kind if k in own else written(x)) for k, x in enumerate(xs)]
        key = repr((id(row), params, operands, self.backward))
        if key not in self.known:
            found = self.operation(row, xs, params, own, made)
            text = json.dumps(found, separators=(",", ":"), allow_nan=True)
            self.known[key] = self.texts.index(text) if text in self.texts else len(self.texts)
            if self.known[key] == len(self.texts):
                self.texts.append(text)
            if len(self.texts) > MOST_OPS:
                raise UnsupportedError(f"a page computes with at most {MOST_OPS} different operations")
        return self.known[key]

    def operation(self, row: Primitive, xs: list[Value], params: Params, own: set[int], made: Value) -> dict[str, Tree]:
        shape = list(np.shape(made)) if not isinstance(made, tuple) else []
        script = row.spelling.get("javascript")
        if row.kind == "elementwise":
            return {"k": "map", "f": self.form(row, xs, params, own), "s": shape}
        if row.kind == "pick":
            return {"k": "pick", "i": params["index"]}
        if isinstance(row, Linear):
            return self.linear(row, xs, params, own, made)
        if isinstance(script, str):
            return self.call(row, script, xs, params, own, made)
        if labels := labelled(row, xs, params):
            return {"k": "product", **tables.einsum(labels, [np.shape(x) for x in xs]), "s": shape}
        rule = script if callable(script) else row.value
        if rule is None:
            raise UnsupportedError(f"{row.name} of arrays has no program in JavaScript")
        found = self.program(row, rule, xs, params, own)
        if isinstance(row, Custom) and self.backward:
            found["v"] = self.pullback(row, xs, params, own, made)
        return {**found, "s": shape}

    def form(self, row: Primitive, xs: list[Value], params: Params, own: set[int]) -> int:
        """The formula of one entry; single constants are written into it."""
        constants = {k: x for k, x in enumerate(xs) if k not in own and np.ndim(x) == 0}
        key = repr((id(row), len(xs), params, {k: (type(x), x) for k, x in constants.items()}))
        if key not in self.known_forms:
            if len(self.forms) >= self.most_forms:
                raise UnsupportedError(f"a page computes with at most {self.most_forms} different formulas")
            self.forms.append(Form(Traced(row, tuple(xs), params, None, None, None, None), constants).text)
            self.known_forms[key] = len(self.forms) - 1
        return self.known_forms[key]

    def linear(self, row: Linear, xs: list[Value], params: Params, own: set[int], made: Value) -> dict[str, Tree]:
        """A table, a product, or where operands say the places, a reading at places that change."""
        shape = list(np.shape(made))
        if np.asarray(made).dtype.kind not in "fbiu":
            raise UnsupportedError(f"{row.name} gives complex numbers here, and sliders are for real ones")
        if any(k in row.fixed for k in own):
            if row is not rows.take_along_axis:
                raise UnsupportedError(f"{row.name} reads at places that change, which a page does not follow")
            return {"k": "along", **lanes(xs[0], params["axis"], "x"), **lanes(xs[1], params["axis"], "i"), "s": shape}
        if row is rows.astype and np.dtype(params["dtype"]).kind != "f" and np.asarray(xs[0]).dtype.kind == "f":
            raise UnsupportedError("astype makes whole numbers of doubles here")
        if labels := labelled(row, xs, params):
            return {"k": "product", **tables.einsum(labels, [np.shape(x) for x in xs]), "s": shape}
        free = [k for k in range(len(xs)) if k not in row.fixed]
        sizes = [int(np.size(x)) for x in xs]  # of equal tables those of other operands are others
        if row.jointly or len(free) == 1:
            found = tables.table(row, xs, params, free)
            return {"k": "table", "a": free, "z": sizes, **found, "s": shape, "m": "moves" in row.facts}
        changing = [k for k in free if k in own]
        if len(changing) == 1:
            found = tables.table(row, xs, params, changing)
            return {"k": "table", "a": changing, "z": sizes, **found, "s": shape}
        if len(free) == 2:
            return {"k": "product", "a": free, "q": tables.triples(row, xs, params, (free[0], free[1])), "s": shape}
        raise UnsupportedError(f"{row.name} of {len(free)} operands has no table")

    def call(
        self, row: Primitive, script: str, xs: list[Value], params: Params, own: set[int], made: Value
    ) -> dict[str, Tree]:
        """A function of lists, with the row's own rule behind it or a function that sends back."""
        found: dict[str, Tree] = {"k": "call", "f": script, "s": list(np.shape(made))}
        if "axis" in params:
            found |= groups(xs[0], params["axis"])
        elif "size" in params:
            found |= windows(xs[0], params)
        elif np.ndim(xs[0]) == 2:
            found["k"] = "whole"
        else:
            raise UnsupportedError(f"{row.name} of a stack of matrices has no program in JavaScript")
        if "javascript back" in row.spelling:
            found["b"] = row.spelling["javascript back"]
        elif isinstance(row, Custom) and self.backward:
            found["v"] = self.pullback(row, xs, params, own, made)
        return found

    def regrouped(self, op: int, count: int, values: list[Value], places: dict[int, int]) -> int:
        """An operation whose constants are not among the operands of its vertex, on those operands alone."""
        slots: list[Tree] = []
        constants: list[Tree] = []
        for k, x in enumerate(values):
            slots.append(places[k] if k in places else count + len(constants))
            if k not in places:
                constants.append(written(x))
        text = json.dumps({"k": "program", "n": count, "c": constants, "o": [[op, slots]], "y": count + len(constants)})
        self.texts.append(text)
        return len(self.texts) - 1

    # Programs.
    def program(
        self, row: Primitive, rule: Function, xs: list[Value], params: Params, own: set[int]
    ) -> dict[str, Tree]:
        """What a rule does on the operands, as calls on slots: first the operands, then constants, then results."""
        with Tape() as (tape, operations), np.errstate(all="ignore"):
            inner = [tape.input(x) if k in own else x for k, x in enumerate(xs)]
            out = run(row, rule, *inner, **params)
        if tape.guards:
            raise UnsupportedError(f"{row.name} goes ways that the values decide")
        return Program(self, inner, operations).written(out)

    def pullback(self, row: Custom, xs: list[Value], params: Params, own: set[int], made: Value) -> int:
        """The row's own rule, as a program of the cotangent, the result and the operands."""
        if row.vjp is None:
            raise UnsupportedError(f"{row.name} has no derivative rule")
        results = made if isinstance(made, tuple) else (made,)
        with Tape() as (tape, operations), np.errstate(all="ignore"):
            cts = [tape.input(np.ones(np.shape(v))[()]) for v in results]
            ys = [tape.input(v) for v in results]
            ct, y = (cts, ys) if isinstance(made, tuple) else (cts[0], ys[0])
            inner = [tape.input(x) if k in own else x for k, x in enumerate(xs)]
            outs = run(row, row.vjp, ct, y, *inner, **params)
        if tape.guards:
            raise UnsupportedError(f"the derivative of {row.name} goes ways that the values decide")
        slots: list[Value] = [*cts, *ys, *inner]
        outs = [x if k in own else None for k, x in enumerate(outs)]
        self.backward = False
        try:
            found = Program(self, slots, operations).written(outs)
        finally:
            self.backward = True
        self.texts.append(json.dumps(found, separators=(",", ":")))
        return len(self.texts) - 1


def run(row: Primitive, rule: Function, *operands: Value, **params: Value) -> Value:
    """A rule on recorded operands; it may want a matrix to have an inverse where the row itself does not."""
    try:
        return rule(NODE, *operands, **params)
    except np.linalg.LinAlgError as error:
        raise UnsupportedError(f"{row.name} has no program in JavaScript at this point: {error}") from None


class Program:
    """Recorded operations as calls on slots: first the operands, then constants, then the result of each call."""

    def __init__(self, table: Operations, operands: list[Value], operations: list[Traced]) -> None:
        self.table: Operations = table
        self.operations: list[Traced] = operations
        self.count: int = len(operands)
        self.slots: dict[int, int] = {id(x): k for k, x in enumerate(operands)}
        self.constants: list[Tree] = []
        self.kept: list[Value] = [*operands]  # so that no id is given twice

    def written(self, out: Value) -> dict[str, Tree]:
        outs = list(out) if isinstance(out, list | tuple) else [out]
        needed = {id(x) for x in outs}
        wanted = []
        for node in reversed(self.operations):
            if id(node) in needed and node.operands:
                wanted.append(node)
                needed |= {id(x) for x in node.operands}
        calls: list[list[Tree]] = []
        for node in wanted:
            for x in node.operands:
                self.constant(x)
        for x in outs:
            if x is not None:
                self.constant(x)
        start = self.count + len(self.constants)
        for node in reversed(wanted):
            self.slots[id(node)] = start + len(calls)
            values, own = node.tape.read(node.operands)
            number = self.table.number(node.primitive, values, node.params, set(own), node.value)
            calls.append([number, [self.slot(x) for x in node.operands]])
        places = [None if x is None else self.slot(x) for x in outs]
        return {
            "k": "program",
            "n": self.count,
            "c": self.constants,
            "o": calls,
            "y": places if isinstance(out, list | tuple) else places[0],
        }

    def constant(self, x: Value) -> None:
        """Gives a plain value a slot."""
        if x.__class__ is not Traced and id(x) not in self.slots:
            self.slots[id(x)] = self.count + len(self.constants)
            self.constants.append(written(x))
            self.kept.append(x)

    def slot(self, x: Value) -> int:
        return self.slots[id(x)]


def written(x: Value) -> Tree:
    """A constant for the script: a number, or the shape of an array and its entries."""
    if np.asarray(x).dtype.kind not in "fbiu":
        raise UnsupportedError(f"sliders are for real numbers, and a constant has dtype {np.asarray(x).dtype}")
    return entries(x) if np.ndim(x) else encoded(x)


def labelled(row: Primitive, xs: list[Value], params: Params) -> str | None:
    """The product that a row is, in einsum's notation."""
    ranks = tuple(np.ndim(x) for x in xs)
    found = row.labels(ranks, **params) if row.labels is not None else None
    return found if found and "." not in found else None


def lanes(x: Value, axis: int, name: str) -> dict[str, Tree]:
    """The places of an array's entries, one list for each line along an axis."""
    places = np.moveaxis(np.arange(np.size(x)).reshape(np.shape(x)), axis, -1)
    return {name: tables.written(places.ravel(), places.shape), name + "n": int(np.shape(x)[axis])}


def groups(x: Value, axis: Value) -> dict[str, Tree]:
    """For functions along axes: the places that each call is given, one list behind the other, and their number."""
    n = np.ndim(x)
    taken = tuple(range(n)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    kept = [k for k in range(n) if k not in {t % n for t in taken}]
    places = np.arange(np.size(x)).reshape(np.shape(x)).transpose(*kept, *taken) if n else np.zeros((1,), int)
    count = int(np.prod([np.shape(x)[k] for k in taken])) if n else 1
    return {"g": tables.written(places.ravel(), places.shape), "n": count}


def windows(x: Value, params: Params) -> dict[str, Tree]:
    """The places in each window, of a pooling; -1 where a window is over the edge."""
    means = rows.avg_pool
    assert isinstance(means, Linear)
    own = {k: params[k] for k in ("size", "stride", "padding", "dilation")}
    found: dict[int, list[int]] = {}
    given = {**own, "count_padding": True, "divisor": 1}
    for i, column in enumerate(tables.columns(means, [np.zeros(np.shape(x))], given, [0])):
        for j, _ in column:
            found.setdefault(j, []).append(i)
    count = int(np.prod(own["size"]))
    return {"g": [p for j in sorted(found) for p in (*found[j], *[-1] * (count - len(found[j])))], "n": count}


def _lines(texts: list[str]) -> str:
    return ",\n".join(texts)
