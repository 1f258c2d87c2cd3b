"""What is known about one operation: the row, its kinds, the table, and the carriers that rows run on.

A rule says `m.sin(x)`; what the carrier `m` is decides what flows: NumPy arrays, sympy expressions, arb series, nodes.
A carrier finds a row's function once, under the row's spelling for it, its own name, or the row's value in terms of
other rows, and keeps it.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from ..errors import InputError, UnsupportedError
from ..types import Function, Params, Rule, Value
from .found import find
from .parts import (
    ARRAYS as ARRAYS,
    REAL as REAL,
    Domain as Domain,
    Gate as Gate,
    Reading as Reading,
    named as named,
    positional as positional,
)
from .text import Text

Row = TypeVar("Row", bound="Primitive")
TABLE: dict[str, Primitive] = {}
ALIASES: dict[str, Primitive] = {}
BATCH_LAST = -1
UNSHAPED = object()  # in place of the shape of what has none, such as a list
REFUSALS = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)  # of NumPy, for what it cannot take


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Primitive:
    """One operation. Everything that is known about it stands here.

    `value(m, *operands, **params)` computes it with the functions of the carrier `m`; None means that each carrier
    has it natively, under `spelling[carrier.name]` or its own name; `refused[carrier.name]` says why one has none.
    `reads` are the NumPy or SciPy functions that mean this row; `arguments` turns a call in their signature into
    `(operands, params)`, with the name of another row where it means that one (`read` asks it), and `reading` says more
    of it. `called` says where a person may call it, in "text" and by "numpy" (as `difflab.numpy` has it where NumPy
    does not); rows of the recording itself, and derivatives that others need, nowhere. `aliases` are its other names in
    text. `latex`, and `text` in plain text, are its formula; `infix` is Python's sign. `batch` is the rule of `vmap`
    for it, where the kind does not give one (see `batches.py`).

    For programs, `spelling` has texts: "math" of a single float in Python (see `text.spell`), "native" of an element
    (`Native`), "ufunc" the name of NumPy's ufunc where "numpy" is another function with the same values on floats;
    "compiled" is a program in other rows, "parts" one in rows and reductions along axes, for native loops.
    "javascript" is a function of numbers or lists in a page's script (`draw/page/assets/`), or of arrays a program in
    other rows that is accurate there; "javascript back" sends a cotangent back. `by_rows(node)` says whether row i of
    the result needs row i of the operands only (see `by_rows.py`); `by_parts(node, part)` which parts of the operands a
    part of the result needs, and the parameters of the operation on these (see `by_parts.py`); `labels(ranks,
    **params)` is a product in einsum's notation, or None; `lies_as` the operand whose order in memory the result has,
    or BATCH_LAST. `hollow(*operands, **params)` gives smaller operands, their parameters and the lengths of the
    result's first axes: the operation on them tells the shape and dtype of the result at little cost.

    `facts` are words:

    - "linear", "commutative", "smooth", "f(0)=0": what the operation is in mathematics;
    - "odd", "even": a minus sign of an operand, whichever it is, becomes the result's, or vanishes, to the last bit
      (only a sum of zeros is 0 with either sign in front of them);
    - "rising": elementwise, and greater, or the same up to the last digit, where the operand is greater: on all reals;
    - "increasing": no result is less where an operand is greater, in mathematics, where the operation has values;
    - "outward": no result is less where an operand is further from 0;
    - "convex", "concave": in all operands together; "not negative": no result is below 0;
    - "sums": each element of the result is a sum of elements of the operands, with weights that are not negative and
      that the values do not decide (those of the operands that are `fixed` do);
    - "moves": each element of the result is one of the first operand's, and the values do not decide which;
    - "fresh": the result never shares memory with an operand;
    - "bits": works on the bits of integers; of truth values it gives truth values;
    - "threads": the kernel has threads of its own;
    - "own pullback": a user's pullback is its derivative, which need not be linear: forward mode transposes it;
    - "normwise": the rounding is bounded by the norm of the result, not for each element.
    """

    name: str
    doc: str
    glyph: str = ""
    latex: str = ""
    infix: str = ""
    text: Text | None = None
    value: Rule | None = None
    spelling: Mapping[str, Value] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[str, ...] | None = None
    arguments: Callable[..., tuple[tuple[Value, ...], Params] | tuple[tuple[Value, ...], Params, str]] = positional
    reading: Reading = ARRAYS
    called: tuple[str, ...] = ("text", "numpy")
    aliases: tuple[str, ...] = ()
    domain: tuple[Domain, ...] = (REAL,)
    kinks: Rule | None = None
    one_sided: Rule | None = None
    non_differentiable: str = ""
    facts: frozenset[str] = frozenset()
    flops: float = 1.0
    differentiable: bool = True
    batch: Rule | None = None
    by_rows: Callable[..., bool] | None = None
    by_parts: Rule | None = None
    labels: Callable[..., str | None] | None = None
    lies_as: int | None = None
    hollow: Rule | None = None
    value_shaped: Callable[..., bool] | None = None  # whether the result's shape depends on the operands' values
    outputs: int | None = None  # how many results, where they are several; 0: the arguments say how many
    result: Rule | None = None
    examples: tuple[Value, ...] = ()
    source: str = ""

    kind = "opaque"

    def __post_init__(self) -> None:
        object.__setattr__(self, "__doc__", self.doc)

    @property
    def plain(self) -> Primitive:
        """The row itself, and of a call that waits for its operands the row that it will be."""
        return self

    @property
    def listed(self) -> bool:
        """Whether it is the table's own row of its name, and not a function of a user's that is called so too."""
        return TABLE.get(self.name) is self

    @cached_property
    def merges(self) -> bool:
        """Whether it is a function of its operands and parameters alone, so that equal calls have equal results."""
        return self.listed and self.kind not in ("leaf", "opaque")

    @property
    def leaf(self) -> bool:
        """Whether its nodes compute nothing: inputs and constants."""
        return self.kind == "leaf"

    @property
    def truth(self) -> bool:
        """Whether its results are truth values, element by element."""
        return self.kind == "elementwise" and not self.differentiable and "bits" not in self.facts

    @cached_property
    def evaluate(self) -> Rule:
        """The operation on plain NumPy values."""
        return NUMPY.of(self)

    @property
    def program(self) -> Rule:
        """Its value in terms of other rows, for callers that know that it has one."""
        if self.value is None:
            raise UnsupportedError(f"{self.name} is no program in other rows")
        return self.value

    def read(self, /, *args: Any, **kwargs: Any) -> tuple[Primitive, tuple[Value, ...], Params]:
        """What a call in NumPy's signature means: the row (this one, or another), its operands and its parameters.

        >>> TABLE["where"].read([True, False])
        (<primitive nonzero>, ([True, False],), {})
        """
        found = self.arguments(*args, **kwargs)
        return lookup(found[2]) if len(found) > 2 else self, found[0], found[1]

    @cached_property
    def signature(self) -> inspect.Signature:
        """How the row is called; for rows called by position, what their own rules take."""
        return inspect.signature(self.arguments) if self.arguments is not positional else self.own_signature()

    def own_signature(self) -> inspect.Signature:
        return inspect.signature(positional)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> Any:
        return (lookup, (self.name,)) if self.listed else super().__reduce__()


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Leaf(Primitive):
    """An input or a constant: a node without operands."""

    kind = "leaf"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Elementwise(Primitive):
    """An operation that acts on each element. `partials[i](m, y, *x, **params)` is dy/dx_i.

    A partial may be the constant 1, -1 or 0 (0: no path), a `Gate`-returning function, or None (no rule).
    """

    partials: tuple[Value, ...] = ()
    kind = "elementwise"

    def own_signature(self) -> inspect.Signature:
        rule = next((rule for rule in self.partials if callable(rule)), None)
        if rule is not None:
            return without(rule, 2)
        if self.value is not None:
            return without(self.value, 1)
        operands = [inspect.Parameter(f"x{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(len(self.partials))]
        return inspect.Signature(operands)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Linear(Primitive):
    """An operation linear in each operand (or in all `jointly`): its rule is the transpose of the linear map.

    `transpose(m, position, cotangent, *x, **params)` is the cotangent of operand `position`; `fixed` lists the
    operands (such as indices) that it is not linear in. `gate(m, position, gate, *x, **params)`, where a row has it,
    says what of operand `position` is stopped when the result is: by default the transpose of ones says it, which
    costs as much as the derivative. It may leave open more than that (None: ask the default).
    """

    transpose: Rule
    gate: Rule | None = None
    jointly: bool = False
    fixed: tuple[int, ...] = ()
    kind = "linear"

    def own_signature(self) -> inspect.Signature:
        return without(self.transpose, 3)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Pick(Linear):
    """One output of an operation that has several: the drivers put its cotangent in its place among the others'."""

    kind = "pick"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Custom(Primitive):
    """An operation with an explicit jvp and vjp.

    `jvp(m, tangents, y, *x, **params)` gives the tangent of y (a tangent may be None: zero);
    `vjp(m, cotangent, y, *x, **params)` gives one cotangent per operand (None: no path).
    For several outputs, cotangents come as a list with zeros filled in. A `selective` row's vjp takes `wanted=`, the
    places of the operands of which cotangents are asked for, and may leave the others out. One that takes `gaps` gets
    None in place of those zeros.
    """

    jvp: Rule | None = None
    vjp: Rule | None = None
    selective: bool = False
    gaps: bool = False
    kind = "custom"

    def own_signature(self) -> inspect.Signature:
        rule = self.vjp or self.jvp
        found = super().own_signature() if rule is None else without(rule, 3)
        asked = [p for p in found.parameters.values() if not (self.selective and p.name == "wanted")]
        return found.replace(parameters=asked)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Composite(Primitive):
    """An operation that is a short program in other rows; its derivative is the derivative of that program."""

    kind = "composite"

    def own_signature(self) -> inspect.Signature:
        return super().own_signature() if self.value is None else without(self.value, 1)


def without(rule: Rule, count: int) -> inspect.Signature:
    """The signature of a rule behind the carrier and what else comes before the operands, as a user calls the row."""
    rest = list(inspect.signature(rule).parameters.values())[count:]
    return inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in rest])


class Carrier:
    """Finds the function of each row for one kind of value. Subclasses say what is native to them."""

    name = "abstract"

    def __getattr__(self, name: str) -> Any:
        row = TABLE.get(name)
        if row is None:
            raise AttributeError(f"there is no primitive named {name!r}")
        function = self.function(row)
        setattr(self, name, function)
        return function

    def of(self, row: Primitive) -> Rule:
        """The function of a row, also of one that a user made and that is not in the table."""
        if row.kind == "deferred":
            late: Any = row  # its class is defined further up
            return partial(late.run, self)
        return getattr(self, row.name) if TABLE.get(row.name) is row else self.function(row)

    def function(self, row: Primitive) -> Rule:
        spelled = row.spelling.get(self.name)
        if callable(spelled):
            found: Function = spelled
            return found
        native = self.native(row, spelled)
        if native is not None:
            return native
        if row.value is not None:
            return partial(row.value, self)
        raise UnsupportedError(f"{row.name}: not available on {self.name} values")

    def native(self, row: Primitive, spelled: str | None) -> Rule | None:
        raise NotImplementedError

    def run(self, graph: Any, values: list[Value]) -> dict[Value, Value]:
        """The value of every node of a graph."""
        found: dict[Value, Value] = graph.evaluate(values, self)
        return found

    # Questions every value can answer, whatever flows.
    @staticmethod
    def shape(x: Value) -> tuple[int, ...]:
        found: Any = getattr(x, "shape", UNSHAPED)
        return np.shape(x) if found is UNSHAPED else found

    @staticmethod
    def ndim(x: Value) -> int:
        found: Any = getattr(x, "shape", UNSHAPED)
        return np.ndim(x) if found is UNSHAPED else len(found)

    @staticmethod
    def size(x: Value) -> int:
        n = 1
        for k in Carrier.shape(x):
            n *= k
        return n

    @staticmethod
    def dtype(x: Value) -> Any:
        return x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype

    @staticmethod
    def is_complex(x: Value) -> bool:
        dtype = Carrier.dtype(x)
        return dtype is not None and bool(dtype.kind == "c")  # the vertices of a formula have none

    @staticmethod
    def zeros_like(x: Value) -> Value:
        """A plain array of zeros of the operand's shape and dtype (a constant, whatever flows)."""
        return np.zeros(Carrier.shape(x), Carrier.dtype(x))

    @staticmethod
    def ones_like(x: Value) -> Value:
        return np.ones(Carrier.shape(x), Carrier.dtype(x))


class NumpyCarrier(Carrier):
    """Plain NumPy arrays and scalars."""

    name = "numpy"

    def native(self, row: Primitive, spelled: str | None) -> Rule | None:
        if spelled is not None:
            found: Function | None = find(spelled)
            return found
        return getattr(np, row.name, None) if row.listed else None


NUMPY = NumpyCarrier()


def register(row: Row) -> Row:
    """Adds a row to the table; a name can be taken once."""
    if row.name in TABLE:
        raise InputError(f"the primitive {row.name!r} is in the table already")
    TABLE[row.name] = row
    ALIASES.update(dict.fromkeys(row.aliases, row))
    return row


def lookup(name: str) -> Primitive:
    """The row of that name."""
    if name not in TABLE:
        close = difflib.get_close_matches(name, TABLE, n=1)
        mend = f"did you mean {close[0]}?" if close else "difflab.primitives.table() lists what is there"
        raise InputError(f"there is no primitive named {name!r}; {mend}")
    return TABLE[name]


def elementwise(name: str, partials: Iterable[Value] = (), **row: Any) -> Elementwise:
    """Adds an elementwise row."""
    return register(Elementwise(name=name, partials=tuple(partials), **_filled(name, row)))


def linear(name: str, transpose: Rule, **row: Any) -> Linear:
    """Adds a row that is linear in its operands."""
    return register(Linear(name=name, transpose=transpose, **_filled(name, row)))


def custom(name: str, **row: Any) -> Custom:
    """Adds a row with an explicit jvp and vjp."""
    return register(Custom(name=name, **_filled(name, row)))


def composite(name: str, value: Rule, **row: Any) -> Composite:
    """Adds a row that is a program in other rows."""
    return register(Composite(name=name, value=value, **_filled(name, row)))


def underivable(name: str, **row: Any) -> Primitive:
    """Adds a row whose results have no derivative: places, truth values, shapes."""
    return register(Primitive(name=name, differentiable=False, **_filled(name, row)))


def _filled(name: str, row: Params) -> Params:
    """A row's fields, with what follows from its name where they do not say it: the sign, and the formula."""
    escaped = name.replace("_", r"\_")
    row.setdefault("glyph", name)
    row.setdefault("latex", rf"\operatorname{{{{{escaped}}}}}({{0}})")
    row["facts"] = frozenset(row.get("facts", ()))
    return row
