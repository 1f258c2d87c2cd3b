"""Random programs for properties: readable NumPy source, built from a list of small recipes.

A recipe is a few small integers: which operation, which of the values so far. `build` reads the recipes one after the
other, runs each statement at two points of different sizes, and keeps it where NumPy computes it at both; so a program
is right by construction, also for a size that it was not built on, and leaving out a recipe leaves a program, which is
why hypothesis shrinks them well. `Program.source` is Python text; `program(*args)` runs it on NumPy, and
`program.read_with(names)` with other meanings of `np`, `dnp`, `sp` and `dl`, such as those of `exact_numpy`.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import namedtuple
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import optree
import scipy.special as sp
from hypothesis import HealthCheck, reject, settings, strategies as st

import difflab as dl
import difflab.numpy as dnp
from difflab.errors import TraceError
from difflab.primitives import TABLE

SIZES = 3, 5  # what n is at the two points that a program is built on
LARGEST_ARRAY, LARGEST_VALUE = 40, 30.0
CONSTANTS = (0.5, 2.0, -1.5, 0.1, 1.0, 0.0, -1.0, 3.0)

Pair = namedtuple("Pair", "left right")


@optree.dataclasses.dataclass(namespace=optree.registry.__GLOBAL_NAMESPACE)
class Layer:
    w: object
    b: object


NAMES = {"np": np, "dnp": dnp, "sp": sp, "dl": dl, "Pair": Pair, "Layer": Layer}

# Statements. {0}, {1}, {2}: values so far, {c}: a constant, {axis}: an axis. In each group the simplest stand first.
SMOOTH = """
{0} + {c} | {c} * {0} | np.sin({0}) | np.exp(-{0} * {0}) | {0} ** 2 | -{0} | np.tanh({0}) | np.cos({0}) | {c} - {0}
np.log1p({0} ** 2) | np.sqrt(1 + {0} * {0}) | np.arctan({0}) | 1 / (1.5 + np.sin({0})) | {0} ** 3 | np.exp({0} - 1)
np.expm1({0}) | np.arcsinh({0}) | np.square({0}) | np.log(2 + np.cos({0})) | (2 + np.sin({0})) ** 0.5 | np.sinh({0})
2.0 ** {0} | np.arcsin(0.5 * np.sin({0})) | np.reciprocal(2 + np.cos({0}))
"""
NAMED = """
dnp.sigmoid({0}) | dnp.softplus({0}) | sp.erf({0}) | sp.gammaln(2.5 + np.cos({0}))
sp.xlogy(2.5 + np.cos({0}), 1 + {0} ** 2)
"""
KINKED = """
np.maximum({0}, {c}) | np.abs({0}) | np.where({0} > {c}, {0}, 0.5 * {0}) | np.minimum({c}, {0})
np.clip({0}, -0.5, 1.0)
dnp.relu({0}) | np.floor({0}) * {0} | np.sign({0}) | np.where(np.abs({0}) < 1, {0} ** 2, {c}) | np.abs({0}) ** 1.5
"""
PAIRED = """
{0} * {1} | {0} + {1} | {0} + {1} + {2} | {0} - {1} | {0} / (1 + {1} ** 2) | {0} * {1} - {1} * {2}
np.logaddexp({0}, {1})
np.arctan2({0}, 2 + np.cos({1})) | (1 + {0} ** 2) ** np.tanh({1})
"""
PAIRED_KINKED = """
np.maximum({0}, {1}) | np.where({0} > {1}, {0} * {1}, {1}) | np.where({2} > 0, {0}, {1}) | np.minimum({0}, {1})
np.hypot({0}, {1})
"""
ARRAYS = """
np.sum({0}) | {0}[0] | np.sum({0}, axis={axis}) | {0} @ {1} | np.mean({0}, axis={axis}) | {0}[1:] | {0}.T
{0}[:, None] | {0}[None] | np.max({0}, axis={axis}) | np.min({0}) | {0}[::-1] | {0}[..., -1] | np.cumsum({0}, axis=0)
np.stack([{0}, {1}]) | np.concatenate([{0}, {1}]) | np.ravel({0}) | np.reshape({0}, (-1, 1))
np.stack([{0}, {1}], axis=-1)
np.concatenate([{0}, {1}], axis=-1) | np.outer({0}, {1}) | np.dot({0}, {1}) | {0}[[0, -1, 0]]
np.prod({0}, axis={axis})
np.var({0}, axis={axis}) | np.std({0}) | np.linalg.norm({0}) | dnp.logsumexp({0}, axis={axis})
dnp.softmax({0}, axis=-1)
np.sort({0}, axis=-1) | {1}[np.argsort({0})] | np.cumprod({0}, axis=-1) | np.diff({0}, axis=0) | np.roll({0}, 1, axis=0)
np.repeat({0}, 2, axis=0) | np.tile({0}, 2) | np.swapaxes({0}, 0, -1) | np.pad({0}, 1) | np.triu({0}) | np.trace({0})
np.diag({0}) | np.tensordot({0}, {1}, axes=1) | np.einsum("ij,ij->i", {0}, {1}) | np.einsum("i,ij->j", {0}, {1})
np.linalg.solve({0} @ {0}.T + 2 * np.eye({0}.shape[0]), {1}) | np.linalg.det({0} @ {0}.T + np.eye({0}.shape[0]))
np.linalg.inv({0} @ {0}.T + np.eye({0}.shape[0])) | np.broadcast_to({0}, (2, *{0}.shape))
{0}.reshape({0}.shape[0], -1)
np.expand_dims({0}, -1) | np.moveaxis({0}, 0, -1) | np.flip({0}) | {0}[::2] | np.take({0}, [1, 0, 1], axis=0)
np.inner({0}, {1})
np.split({0}, [1])[1] | {0}.mean(axis=0) | {0}.sum() | np.logaddexp.reduce({0}) | np.maximum.accumulate({0})
"""
PYTHON = """
{0} * 2 if np.sum({1}) > {c} else np.sin({0}) | sum([u * k for k, u in enumerate({0})], 0 * {0}.sum())
{0}[{0} > {c}].sum()
np.sum({0} > {c}) * {1} | np.ravel({0})[np.argmax({0})] | {0} if {0}.ndim > 1 else {0} * {0}
"""
CASTS = (
    "{0}.astype(np.float32) | {0}.astype(np.float64) | np.float32(0.3) * {0} | "
    "np.array([1.0, -2.0, 0.5])[:{0}.shape[0]] * {0}"
)
# Of the families above, what is written alike in text, and what takes time and memory in proportion to n.
TEXT = """
np.sum({0}) | {0}[0] | {0} @ {1} | np.mean({0}) | {0}[1:] | np.max({0}) | np.min({0}) | {0}[::-1]
np.cumsum({0}, axis=0)
np.prod({0}) | np.concatenate([{0}, {1}]) | np.outer({0}, {1}) | np.linalg.norm({0}) | np.stack([{0}, {1}])
"""
LONG_ARRAYS = """
np.sum({0}) | {0}[0] | np.sum({0}, axis={axis}) | np.mean({0}, axis={axis}) | {0}[1:] | {0}[:, None]
np.max({0}, axis={axis})
{0}[::-1] | {0}[..., -1] | np.cumsum({0}, axis=0) | np.stack([{0}, {1}]) | np.concatenate([{0}, {1}])
np.ravel({0}) | {0}.T
np.stack([{0}, {1}], axis=-1) | dnp.softmax({0}, axis=-1) | dnp.logsumexp({0}, axis=-1) | np.var({0}, axis={axis})
{0} @ np.ones((3, 2)) | np.einsum("ij,ij->i", {0}, {1}) | np.cumsum({0}, axis=-1) | np.reshape({0}, (-1, 1))
"""
RAW = (
    "np.log({0}) | 1 / {0} | np.sqrt({0}) | {0} ** 0.5 | {0} / {1} | np.arcsin({0}) | {0} ** {1} | np.power({0}, -1.5)"
)
# Calls of a function of a and b; `{a}` and `{b}` are what it is called with, `part` says what it is built on.
CALLS = (
    ("{h}({0}, {1})", "whole"),
    ("{h}({0}, {1}) + {h}({1}, {0})", "whole"),
    ("dl.checkpoint({h})({0}, {1})", "whole"),
    ("dl.vmap({h})({0}, {1})", "rows"),
    ("dl.vmap({h}, in_axes=(0, None))({0}, {1})", "first"),
    ("dl.vmap({h}, in_axes=(0, None), out_axes=-1)({0}, {1})", "first"),
    ("dl.scan(lambda s, u: (0.5 * s + np.mean({h}(s, u)), np.sum({h}(s, u))), {0}, {1})[0]", "second"),
    ("dl.scan(lambda s, u: (np.tanh(s + np.sum({h}(s, u))), 2 * s), {0}, {1}, reverse=True)[1]", "second"),
    ("dl.cond(np.sum({0}) > {c}, {h}, lambda *t: 0.5 * {h}(*t), {0}, {1})", "whole"),
    ("dl.grad(lambda t: np.sum({h}(t, {1})))({0})", "whole"),
    ("dl.jvp({h}, ({0}, {1}), ({1}, {0}))[1]", "whole"),
    ("dl.vjp({h}, {0}, {1})[1](0.5 * {h}({0}, {1}))[1]", "whole"),
    ("dl.while_loop(lambda t: np.sum(t * t) > 0.5, lambda t: 0.5 * t, {h}({0}, {1}))", "whole"),
)
FAMILIES = {
    "smooth": SMOOTH,
    "named": NAMED,
    "paired": PAIRED,
    "kinked": KINKED + "|" + PAIRED_KINKED,
    "arrays": ARRAYS,
    "python": PYTHON,
    "casts": CASTS,
    "raw": RAW,
    "text": TEXT,
    "long": LONG_ARRAYS,
}


def calls_of_rows():
    """Calls of every elementwise row of the table that takes any floats; what compares chooses between values."""
    x = np.array([-1.5, 0.0, 0.5])
    for row in [row for row in TABLE.values() if row.kind == "elementwise" and "numpy" in row.called]:
        call = f"dnp.{row.name}({', '.join(['{0}', '{1}', '{2}'][: len(row.partials)])})"
        call = f"np.where({call}, {{0}}, {{2}})" if row.truth else call
        try:
            with np.errstate(all="ignore"):
                dl.vjp(eval(f"lambda x, y, z: {call.format(*'xyz')}", dict(NAMES)), x, x, x)[1](x)
        except (TypeError, ValueError, AttributeError, dl.DifflabError):  # of integers, or without a derivative
            continue
        yield call


STATEMENTS = {name: [s.strip() for s in re.split(r"[|\n]", text) if s.strip()] for name, text in FAMILIES.items()}
STATEMENTS["rows"] = list(calls_of_rows())
AXES = ("0", "-1", "None", "0, keepdims=True", "-1, keepdims=True")
FLAT = ((3,),)
LONG = (("n", 3), ("n",), ("n", 2))
CALLED = ((), ("n",), (3,), (2, 2))
SHAPES = ((), ("n",), (3,), ("n", 3), (2, 2), (2,), ("n", 2), (3, "n"), ("n", "n"), (1,), (2, 1, 3))


@dataclass
class Value:
    """A value of the program: how its text calls it, and what it is at the points the program is built on."""

    name: str
    runs: tuple


@dataclass
class Statement:
    lines: list
    name: str
    reads: set


@dataclass
class Program:
    """Source text `f`, and points for it."""

    source: str
    shapes: tuple  # of the leaves of the arguments, "n" for a size that is free
    dtypes: tuple
    layout: str
    words: set = field(default_factory=set)

    def __repr__(self):
        return f"\n{self.source}\n# {self.layout}: shapes {self.shapes}, {[np.dtype(d).name for d in self.dtypes]}"

    def _repr_pretty_(self, printer, cycle):  # hypothesis would show the fields
        printer.text(repr(self))

    def read_with(self, names, **more):
        space = {**NAMES, **names, **more}
        exec(compile(self.source, "<random program>", "exec"), space)
        return space["f"]

    @cached_property
    def function(self):
        return self.read_with({})

    def __call__(self, *args):
        return self.function(*args)

    def of_leaves(self, *leaves):
        """The program as a function of the leaves of its arguments."""
        return self.function(*self.arguments(list(leaves)))

    @property
    def text(self):
        """The lines of the body in difflab's own language."""
        lines = [re.sub(r"\b(np\.linalg|np|dnp|sp)\.", "", line.strip()) for line in self.source.splitlines()[1:]]
        return "; ".join(line.removeprefix("return ") for line in lines)

    @property
    def narrow(self):
        """Whether some of it is computed in single precision."""
        return np.float32 in self.dtypes or "np.float32" in self.words

    @property
    def branches(self):
        """Whether the path through it, the steps of a loop, or a shape in it, depends on values."""
        return re.search(r" if |while_loop| > [-.\d]+\]", self.source) is not None

    @property
    def products(self):
        """Whether the library of products runs, which rounds by how its operands lie in memory."""
        return re.search(r"@|inner|dot|einsum|linalg", self.source) is not None

    def narrowed(self):
        return replace(self, dtypes=(np.float32,) * len(self.dtypes))

    def leaves(self, seed=0, n=SIZES[0], ties=False, among=()):
        """Leaves of a point: numbers with two decimals, with `ties` multiples of 1/2, many of which are equal, or
        numbers that are drawn from `among`."""
        random = np.random.default_rng([seed, n])
        found = []
        for shape, dtype in zip(self.shapes, self.dtypes):
            sizes = tuple(n if k == "n" else k for k in shape)
            x = random.integers(-3, 4, sizes) / 2 if ties else np.round(random.normal(size=sizes) + 0.05, 2) + 0.003
            x = random.choice(among, sizes) if among else x
            found.append(np.asarray(x, dtype)[()])
        if self.source and n == SIZES[0]:
            self.passed_over(found)
        return found

    def passed_over(self, leaves):
        """Gives a point up where rows of a batch take different branches: vmap refuses that by name.

        What else is refused there (a loop whose values change their dtype in single precision) the test sees itself.
        """
        with np.errstate(all="ignore"):
            try:
                self.of_leaves(*leaves)
            except TraceError:
                reject()
            except dl.DifflabError:
                pass

    def arguments(self, leaves):
        return LAYOUTS[self.layout][1](leaves)

    def point(self, seed=0, n=SIZES[0], ties=False, among=()):
        return self.arguments(self.leaves(seed, n, ties, among))


# How leaves are laid out in arguments: the parameters, the arguments made of leaves, and how the text reads each leaf.
LAYOUTS = {
    "plain": (lambda k: "xyzuvw"[:k], lambda x: tuple(x), lambda k: list("xyzuvw"[:k])),
    "dict": ("p", lambda x: ({f"w{k}": v for k, v in enumerate(x)},), lambda k: [f"p['w{j}']" for j in range(k)]),
    "nested": (
        "px",
        lambda x: ({"a": [x[0], tuple(x[1:][-1:])], "b": None}, tuple(x[1:-1])),
        lambda k: ["p['a'][0]", *[f"x[{j}]" for j in range(k - 2)], *(["p['a'][1][0]"] if k > 1 else [])],
    ),
    "pair": (
        "px",
        lambda x: (Pair(x[0], x[-1] if len(x) > 1 else None), x[1:-1]),
        lambda k: ["p.left", *[f"x[{j}]" for j in range(k - 2)], *(["p.right"] if k > 1 else [])],
    ),
    "layer": (
        "px",
        lambda x: (Layer(x[0], x[1:][-1:]), {str(j): v for j, v in enumerate(x[1:-1])}),
        lambda k: ["p.w", *[f"x['{j}']" for j in range(k - 2)], *(["p.b[0]"] if k > 1 else [])],
    ),
}


class Builder:
    """The statements of one function body, grown recipe by recipe."""

    def __init__(self, values, statements, spaces, names):
        self.values, self.statements, self.names = list(values), statements, names
        self.spaces = spaces  # the variables at each point
        self.body = []

    def add(self, recipe):
        which, picks, k, inner = recipe
        if inner is not None:
            made = self.call(which, picks, k, inner)
        else:
            made = self.line(self.statements[which % len(self.statements)], picks, k)
        if made:
            self.body.append(made)

    def chosen(self, text, picks):
        """The values that a recipe picks, counted from the last one; where they do not fit, the next ones are tried."""
        count = len(self.values)
        need = 1 + max([int(d) for d in re.findall(r"\{(\d)\}", text)], default=0)
        for shift in range(min(count, 4)):
            for turn in range(min(count, 3) if need > 1 else 1):
                yield [self.values[-1 - (p + shift + turn * (j > 0)) % count] for j, p in enumerate(picks[:need])]

    def line(self, text, picks, k):
        array = re.search(
            r"\{0\}[.[]|axis|reduce|accumulate|argsort|pad", text
        )  # NumPy has axes 0 and -1 for numbers, which nobody writes
        for operands in self.chosen(text, picks):
            if array and not all(np.ndim(x) for x in operands[0].runs):
                continue
            written = self.written(text, operands, k)
            runs = self.run(written)
            if runs is not None:
                return self.keep(written, runs, operands)
        return None

    def written(self, text, operands, k, **more):
        names = [v.name for v in operands]
        return text.format(*names, c=CONSTANTS[k % len(CONSTANTS)], axis=AXES[k % len(AXES)], **more)

    def run(self, text):
        """The expression's values, or None where NumPy refuses it or they are no finite floats."""
        with np.errstate(all="ignore"):
            try:
                code = compile(text, "<statement>", "eval")
                found = tuple(eval(code, space) for space in self.spaces)
            except (ValueError, IndexError, TypeError, AttributeError, dl.DifflabError, np.linalg.LinAlgError):
                return None
        fine = all(
            isinstance(y, np.ndarray | np.generic)
            and y.dtype.kind == "f"
            and 0 < y.size <= LARGEST_ARRAY
            and y.ndim < 4
            and np.all(np.isfinite(y))
            for y in found
        )
        return found if fine else None

    def keep(self, text, runs, operands, before=()):
        if max(np.max(np.abs(y)) for y in runs) > LARGEST_VALUE:
            text = f"np.tanh(0.05 * ({text}))"
            runs = tuple(np.tanh(0.05 * y) for y in runs)
        name = f"{self.names[0]}{next(self.names[1])}"
        for space, y in zip(self.spaces, runs):
            space[name] = y
        self.values.append(Value(name, runs))
        reads = {v.name for v in operands} | set(re.findall(r"[a-z]\d+", " ".join([text, *before])))
        return Statement([*before, f"{name} = {text}"], name, reads)

    def call(self, which, picks, k, inner):
        """A function of two values, and a statement that calls it."""
        form, part = CALLS[which % len(CALLS)]
        for operands in itertools.islice(self.chosen(form, picks), 6):
            pieces = [self.parts(v, part, j) for j, v in enumerate(operands)]
            if None in pieces:
                continue
            made = self.function(pieces, inner, operands)
            name, lines = made
            if "{1}, {0}" in form and np.shape(operands[0].runs[0]) != np.shape(operands[1].runs[0]):
                continue
            text = self.written(form, operands, k, h=name)
            runs = self.run(text)
            if runs is not None:
                return self.keep(text, runs, operands, lines)
        return None

    def parts(self, value, part, position):
        """What the function is given of an operand: all of it, or one row."""
        if part == "whole" or part == ("second", "first")[position]:
            return value.runs
        return tuple(x[0] for x in value.runs) if all(np.ndim(x) for x in value.runs) else None

    def function(self, pieces, inner, outside):
        number = next(self.names[1])
        name, parameters = f"h{number}", (f"a{number}", f"b{number}")
        values = [Value(p, runs) for p, runs in zip(parameters, pieces)]
        captured = [v for v in self.values if v not in outside][-1:]
        spaces = [dict(space) for space in self.spaces]
        for v in values:
            for space, x in zip(spaces, v.runs):
                space[v.name] = x
        builder = Builder([*captured, *values], self.statements, spaces, self.names)
        for recipe in inner:
            builder.add(recipe)
        last = builder.values[-1]
        lines = [f"def {name}({', '.join(parameters)}):", *indented(pruned(builder.body, {last.name}))]
        lines.append(f"    return {last.name}")
        for space in self.spaces:
            exec("\n".join(lines), space)
        return name, lines


def pruned(body, wanted):
    """The lines of the statements that what is wanted depends on."""
    wanted, kept = set(wanted), []
    for statement in reversed(body):
        if statement.name in wanted:
            wanted |= statement.reads
            kept.append(statement)
    return [line for statement in reversed(kept) for line in statement.lines]


def indented(lines):
    return ["    " + line for line in lines]


def build(recipes, shapes, dtypes, layout, result, families):
    """The program of these recipes. `result`: "number" for a scalar function, else a list of picks for a container."""
    _, _, paths = LAYOUTS[layout]
    parameters = LAYOUTS[layout][0]
    parameters = parameters(len(shapes)) if callable(parameters) else parameters
    shapes, dtypes = tuple(shapes), tuple(dtypes[k % len(dtypes)] for k in range(len(shapes)))
    program = Program("", shapes, dtypes, layout)
    spaces, leaves = [], []
    for n in SIZES:
        spaces.append({**NAMES, **dict(zip(parameters, program.point(n=n)))})
        leaves.append(program.leaves(n=n))
    values = [Value(path, runs) for path, runs in zip(paths(len(shapes)), zip(*leaves))]
    statements = [s for family in families for s in STATEMENTS[family]]
    builder = Builder(values, statements, spaces, ("v", itertools.count(1)))
    for recipe in recipes:
        builder.add(recipe)
    chosen, text = RESULTS[result[0]](builder.values, result[1])
    lines = [f"def f({', '.join(parameters)}):", *indented(pruned(builder.body, {v.name for v in chosen}))]
    program.source = "\n".join([*lines, f"    return {text}"])
    program.words = set(re.findall(r"[a-z_]\w*(?:\.\w+)*", program.source))
    return program


def number(values, picks):
    """One number that depends on some of the values, the last one among them."""
    chosen = picked(values, picks)
    terms = [f"np.sum({v.name})" if np.ndim(v.runs[0]) else v.name for v in chosen]
    return chosen, " + ".join([terms[0], *[f"{c} * {t}" for c, t in zip((0.5, -2.0, 0.25), terms[1:])]])


def container(values, picks):
    """Some of the values in a container; inputs and repetitions among them."""
    chosen = picked(values, picks)
    names = [v.name for v in chosen]
    forms = (
        lambda x: x[0],
        lambda x: f"({', '.join(x)},)",
        lambda x: "{" + ", ".join(f"'k{j}': {v}" for j, v in enumerate(x)) + "}",
        lambda x: f"Pair({x[0]}, [{', '.join(x[1:])}])",
        lambda x: f"Layer(({x[0]},), {{'rest': [{', '.join([*x[1:], x[0]])}], 'none': None}})",
    )
    return chosen, forms[sum(picks) % len(forms)](names)


def picked(values, picks):
    return [values[-1 - p % len(values)] for p in (0, *picks)]


RESULTS = {"number": number, "container": container}
DOUBLE, SINGLE = (np.float64,), (np.float32,)
SMALL = st.integers(0, 7)


def recipes(families, calls=True, depth=1, most=12):
    """Lists of recipes: operation, three picks of values, a choice of constant or axis, a function's own recipes."""
    which = st.integers(0, sum(len(STATEMENTS[f]) for f in families) - 1)
    plain = st.tuples(which, st.tuples(SMALL, SMALL, SMALL), SMALL, st.none())
    if calls and depth:
        inner = recipes(families, calls, depth - 1, 3)
        nested = st.tuples(st.integers(0, len(CALLS) - 1), st.tuples(SMALL, SMALL, SMALL), SMALL, inner)
        plain = st.one_of(plain, plain, plain, plain, plain, nested)
    return st.lists(plain, max_size=most, min_size=1)


SEEDS = st.integers(0, 999)
IN_TEXT = ("smooth", "paired", "kinked", "text")
EVERYTHING = ("smooth", "paired", "arrays", "named", "kinked", "python", "casts")


def examples(count):
    """So many examples of a property; DIFFLAB_PROPERTIES multiplies them."""
    times = int(os.environ.get("DIFFLAB_PROPERTIES", "1"))
    return settings(max_examples=count * times, deadline=None, suppress_health_check=list(HealthCheck))


def weighted(f):
    """A number made of all that f returns, in which each entry has a weight of its own."""

    def number(*args):
        leaves = optree.tree_leaves(f(*args))
        weights = [np.cos(np.arange(np.size(y)) + k).reshape(np.shape(y)) for k, y in enumerate(leaves)]
        return sum(np.sum(y * w.astype(y.dtype)[()]) for y, w in zip(leaves, weights))

    return number


@st.composite
def programs(
    draw, result="container", families=EVERYTHING, shapes=SHAPES, dtypes=(DOUBLE, SINGLE), layouts=None, calls=True
):
    """A strategy of programs. `result`: "number" for scalar functions or "container" for any."""
    return build(
        draw(recipes(families, calls)),
        draw(st.lists(st.sampled_from(shapes), min_size=1, max_size=3)),
        draw(st.sampled_from(dtypes)),
        draw(st.sampled_from(layouts or tuple(LAYOUTS))),
        (result, draw(st.lists(SMALL, max_size=3))),
        families,
    )
