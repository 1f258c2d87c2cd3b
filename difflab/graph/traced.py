"""Traced: the array-like that a function is run on, and whose operations are recorded.

Every operation makes a new one, which holds the row, its operands and the value, and belongs to a tape.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import TraceError
from ..primitives import TABLE, Carrier, Primitive, by_numpy_function, rows
from ..primitives.deferred import Deferred
from ..primitives.primitive import positional
from ..types import Function, Params, Value
from .array_methods import ArrayMethods
from .block import Block
from .kinds import FITTING, NUMBERS, check_operands, ready
from .laxity import NODE_OF_BOX, deferred, note, plain, readable, unboxed
from .leaks import rebinds
from .merging import key, part
from .node import BLOCK, NO_PARAMS, Operation, refuse_vertices
from .pending import PENDING as PENDING, SeenShape as SeenShape
from .refusals import escaped, in_place, nearest, no_attribute, objects, shapes_refused, undecided
from .torch_names import keywords_refused

SEQUENCES = (tuple, list)
PYTHON_NUMBERS = frozenset((bool, int, float, complex))
PLAIN = frozenset((float, int, np.float64))  # numbers that need no look
NEW = object.__new__
QUICK: dict[np.ufunc, Primitive] = {}  # the rows of ufuncs that were met, where `one` and `two` can record them
IN_PLACE = ("copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask")


class Traced(Operation, ArrayMethods):
    """A value that a tape records: what made it, and `value`, an array or a value of the trace around.

    An operation with several results has a tuple of them as its value, and is not handed out: each result is.
    """

    __slots__ = ()
    __array_priority__ = 1000

    def __init__(
        self,
        primitive: Primitive,
        operands: tuple[Value, ...],
        params: Params,
        value: Any,
        tape: Any,
        name: str | None,
        block: Block | None,
    ) -> None:
        self.primitive = primitive
        self.operands = operands
        self.params = params
        self.value = value
        self.tape = tape
        self.name = name
        self.block = block

    def call(self, row: str, *args: Any, **kwargs: Any) -> Value:
        return call_row(TABLE[row], self, *args, **kwargs)

    def __len__(self) -> int:
        if not self.shape:  # where a builder knows no shape, it says so
            raise TypeError("len() of a traced value of shape (): it is a single number")
        return self.shape[0]

    def __iter__(self) -> Iterator[Value]:
        row = self.primitive
        if isinstance(row, Deferred) and row.row.outputs:
            return (self[i] for i in range(row.row.outputs))
        if not self.shape:
            raise TypeError("a traced value of shape () is a single number and cannot be iterated over")
        return (self[i] for i in range(self.shape[0]))

    __hash__: Function = object.__hash__  # by identity: traced values are keys

    def __eq__(self, other: Value) -> Value:
        return apply(rows.equal, (self, other))

    def __ne__(self, other: Value) -> Value:
        return apply(rows.not_equal, (self, other))

    def known(self) -> str:
        if self.value is PENDING:
            return "of unknown shape"
        said = super().known()
        return f"{said}, value {self.value!r}" if self.has_value and self.value.__class__ is not Traced else said

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec and self.has_value else repr(self)

    @property
    def has_value(self) -> bool:
        """Whether a value flows: not while a graph is built by hand."""
        return self.tape.follows  # type: ignore[no-any-return]

    # Python asks for a concrete value.
    def __bool__(self) -> bool:
        if not self.tape.follows:
            raise undecided(self)
        outcome = bool(self.value)
        if self.tape.operations is not None:
            self.tape.guards.append((self, outcome))
        return outcome

    def __index__(self) -> int:
        if not self.tape.follows:
            raise undecided(self)
        if self.dtype.kind not in "iu":
            raise TraceError(
                f"a traced value of dtype {self.dtype} cannot be used as an integer index or a count: give a plain "
                "int, or x.astype(int)"
            )
        outcome: int = self.value.__index__()
        if self.tape.operations is not None:
            self.tape.guards.append((self, outcome))
        return outcome

    def __int__(self) -> int:
        if not self.tape.follows:
            raise undecided(self)
        if self.dtype.kind in "iu":
            return self.__index__()
        return int(plain(self, "int()"))

    # NumPy hands the call over.
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Value, **kwargs: Any) -> Value:
        if method == "__call__" and not kwargs and (quick := QUICK.get(ufunc)) is not None:
            return one(quick, inputs[0]) if len(inputs) == 1 else two(quick, *inputs)
        out = kwargs.pop("out", None)
        if out is not None and not (self.tape.laxity.rebinding and rebinds(inputs, out)):
            raise in_place(f"np.{ufunc.__name__}(..., out=)")
        if method == "at":
            raise in_place(f"np.{ufunc.__name__}.at")
        if method in ("reduce", "accumulate"):
            kwargs.setdefault("axis", 0)
        row = by_numpy_function(ufunc if method == "__call__" else (ufunc, method))
        if row is None:
            if method == "outer":
                return outer_ufunc(ufunc, *inputs, **kwargs)
            suffix = "" if method == "__call__" else "." + method
            name = ufunc.__name__
            raise TraceError(f"np.{name}{suffix} has no derivative rule in difflab; {nearest(name)}")
        if method == "__call__" and ufunc.nin == ready(row):
            QUICK[ufunc] = row
        return call_row(row, *inputs, **kwargs)

    def __array_function__(self, function: Function, types: object, args: Sequence[Value], kwargs: Params) -> Value:
        row = by_numpy_function(function)
        if row is None:
            name = getattr(function, "__name__", repr(function))
            if name in IN_PLACE:
                raise in_place(f"np.{name}")
            raise TraceError(f"np.{name} does not take traced values in difflab; {nearest(name)}")
        return call_row(row, *args, **kwargs)

    def __getattr__(self, name: str) -> Value:
        if name == "_value" and self.tape.laxity.decided:  # what code written for autograd asks a box for
            note(self, unboxed(self.value))
            return self.value
        if name == "_node" and self.tape.laxity.decided:
            return NODE_OF_BOX(self)
        if name.startswith("_"):  # a protocol that asks whether it is spoken here
            raise AttributeError(name)
        raise no_attribute(name, dir(Traced))

    def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:
        raise TraceError("a traced value cannot be pickled: it exists only while its function runs")


ONE_VALUE = frozenset((Traced, np.ndarray, np.float64))  # classes of results that need no look


def apply(row: Primitive, operands: Value, params: Params = NO_PARAMS) -> Value:
    """The operation on plain or traced operands; a traced operand makes a new one on the innermost tape."""
    tape = None
    mixed = odd = False
    plain = False
    for x in operands:
        if x.__class__ is Traced:
            t = x.tape
            if t is not tape:
                mixed = tape is not None
                if tape is None or t.serial > tape.serial:
                    tape = t
        elif x.__class__ is np.ndarray:
            plain = True
            odd = odd or x.dtype.kind not in NUMBERS
        elif x.__class__ not in FITTING:
            odd = True
    if odd:
        refuse_vertices(row, operands)
    if tape is None:
        return row.evaluate(*operands, **params)
    if tape.operations is None:
        raise escaped(row)
    if odd and tape.laxity.objects:
        read = readable(operands, assemble)
        if any(a is not b for a, b in zip(read, operands)):
            return apply(row, read, params)
    if odd and tape.laxity.deferring and (answer := deferred(row, operands, params)) is not NotImplemented:
        return answer
    if odd:
        check_operands(row.name, operands)
    if not tape.follows:
        return tape.apply(row, operands, params)
    if plain:
        operands = tape.kept(operands)
    equal = key(row, operands, params) if tape.known is not None else None
    if equal is not None and (known := tape.known[row].get(equal)) is not None:
        return unpack(row, known) if known.value.__class__ is tuple else known
    values = [x.value if x.__class__ is Traced and x.tape is tape else x for x in operands]
    if mixed or tape.nested:
        value = tape.compute(row, values, params)
        if value.__class__ is Traced:
            tape.nested = True
    else:
        try:
            value = row.evaluate(*values, **params)
        except ValueError as error:
            raise shapes_refused(row, operands, error) from error.__cause__
    several = False
    if value.__class__ not in ONE_VALUE:
        if value.__class__ in PYTHON_NUMBERS:  # 1j * np.float64(2) is Python's complex, not NumPy's
            value = np.asarray(value)[()]
        several = isinstance(value, SEQUENCES)
        value = tuple(value) if several else value
    if odd and getattr(getattr(value, "dtype", None), "kind", "") == "O":
        raise objects(row, [type(x).__name__ for x in operands if x.__class__ is not Traced])
    made = entered(row, operands, params, value, tape)
    if equal is not None:
        tape.known[row][equal] = made
    return unpack(row, made) if several else made


def one(row: Primitive, x: Value) -> Value:
    """`apply` for a row that acts on elements and has one operand: the hot path of a recording."""
    if x.__class__ is not Traced or (tape := x.tape).operations is None or not tape.follows:
        return apply(row, (operand(x),))
    operands = (x,)
    alike = tape.known[row] if tape.known is not None and row.merges else None
    if alike is not None and (known := alike.get(operands)) is not None:
        return known
    value = x.value
    if value.__class__ is Traced:
        value = one(row, value)
    elif tape.nested:
        value = tape.compute(row, [value], NO_PARAMS)
    else:
        try:
            value = row.evaluate(value)
        except ValueError as error:
            raise shapes_refused(row, operands, error) from error.__cause__
        if value.__class__ in PYTHON_NUMBERS:
            value = np.asarray(value)[()]
    made = entered(row, operands, NO_PARAMS, value, tape)
    if alike is not None:
        alike[operands] = made
    return made


def two(row: Primitive, a: Value, b: Value) -> Value:
    """The same for two operands: values of tapes, and numbers and arrays."""
    tape = a.tape if a.__class__ is Traced else b.tape if b.__class__ is Traced else None
    if tape is None or tape.operations is None or not tape.follows:
        return apply(row, (operand(a), operand(b)))
    if a.__class__ is Traced:
        x = a.value
    elif a.__class__ in PLAIN:
        x = a
    elif a.__class__ is np.ndarray and a.dtype.kind in NUMBERS:
        x = a = tape.snapshot(a)
    else:
        return apply(row, (operand(a), b))
    if b.__class__ is Traced:
        y = b.value
        if b.tape is not tape:  # a value of the outer one is a constant to the inner one
            inner = tape if tape.serial > b.tape.serial else b.tape
            if inner.operations is None or not inner.follows or inner.hollow:
                return apply(row, (a, b))
            tape, x, y = (tape, x, b) if inner is tape else (inner, a, y)
    elif b.__class__ in PLAIN:
        y = b
    elif b.__class__ is np.ndarray and b.dtype.kind in NUMBERS:
        y = b = tape.snapshot(b)
    else:
        return apply(row, (a, operand(b)))
    operands = a, b
    alike = None
    equal: Hashable = operands
    if tape.known is not None and row.merges:
        alike = tape.known[row]
        if b.__class__ in PLAIN and b:
            equal = operands if b.__class__ is float else (a, b.__class__, b)  # as `part` says it
        elif a.__class__ is not Traced or b.__class__ is not Traced:
            equal = part(a) + part(b)
        if (known := alike.get(equal)) is not None:
            return known
    if x.__class__ is Traced or y.__class__ is Traced:
        value = two(row, x, y)
        tape.nested = True
    elif tape.nested:
        value = tape.compute(row, [x, y], NO_PARAMS)
    else:
        try:
            value = row.evaluate(x, y)
        except ValueError as error:
            raise shapes_refused(row, operands, error) from error.__cause__
        if value.__class__ in PYTHON_NUMBERS:
            value = np.asarray(value)[()]
    made = entered(row, operands, NO_PARAMS, value, tape)
    if alike is not None:
        alike[equal] = made
    return made


def entered(row: Primitive, operands: tuple[Value, ...], params: Params, value: Value, tape: Value) -> Traced:
    """The next entry of a tape."""
    made: Traced = NEW(Traced)  # what __init__ does, without the call, which takes three times as long
    made.primitive = row
    made.operands = operands
    made.params = params
    made.value = value
    made.tape = tape
    made.name = None
    made.block = BLOCK.get()
    tape.operations.append(made)
    return made


def unpack(row: Primitive, made: Traced) -> Value:
    """The outputs of an operation that has several, each as a traced value of its own."""
    if any(x.__class__ is Traced for x in made.value):
        made.tape.nested = True
    parts = [apply(rows.pick, (made,), {"index": i}) for i in range(len(made.value))]
    return row.result(*parts) if row.result else tuple(parts)


def call_row(row: Primitive, *args: Any, **kwargs: Any) -> Value:
    """A call in NumPy's signature."""
    builder = pending(args) or (pending(kwargs.values()) if kwargs else None)
    if builder is not None and row.arguments is not positional:
        return builder.call(row, args, kwargs)
    try:
        meant, operands, params = row.read(*args, **kwargs)
    except (TypeError, ValueError):
        if (refusal := keywords_refused(row.name, kwargs)) is not None:
            raise refusal from None
        raise
    for x in operands:
        if x.__class__ is list or x.__class__ is tuple:
            operands = tuple([operand(x) for x in operands])
            break
    result = apply(meant, tuple(operands), params)
    if meant.value_shaped is not None and meant.value_shaped(*operands):
        guard_shape(result)
    return result


def pending(xs: Iterable[Value]) -> Value:
    """The builder of a value whose shape is not known, among arguments and in their lists; None without one."""
    for x in xs:
        if x.__class__ is Traced:
            if x.value is PENDING:
                return x.tape
        elif (x.__class__ is list or x.__class__ is tuple) and (found := pending(x)):
            return found
    return None


def guard_shape(result: Value) -> None:
    """Notes that the shape of a result came from values, for programs that are run on other values."""
    first = result[0] if isinstance(result, SEQUENCES) else result
    if first.__class__ is Traced and first.has_value:
        first.tape.guards.append((first, SeenShape(first.shape)))
        guard_shape(first.value)


def call(name: str, *args: Any, **kwargs: Any) -> Value:
    """A call of the named row in NumPy's signature."""
    return call_row(TABLE[name], *args, **kwargs)


def operand(x: Value) -> Value:
    """Lists become arrays (traced, where they hold traced values); everything else stays as it is."""
    if x.__class__ is list or x.__class__ is tuple:
        return assemble(x)
    return x


def assemble(x: Value) -> Value:
    """A nested list of numbers, arrays and traced values as one array."""
    if not isinstance(x, SEQUENCES):
        return x
    if not holds_traced(x):
        return np.asarray(x)
    return apply(rows.stack, tuple([assemble(e) for e in x]), {"axis": 0})


def holds_traced(x: Value) -> bool:
    """Whether a nested list holds a traced value."""
    if x.__class__ is Traced:
        return True
    return isinstance(x, SEQUENCES) and any(holds_traced(e) for e in x)


def outer_ufunc(ufunc: np.ufunc, a: Value, b: Value, **kwargs: Any) -> Value:
    """ufunc.outer(a, b): each element of a with each of b."""
    a, b = operand(a), operand(b)
    left = call("reshape", a, Carrier.shape(a) + (1,) * Carrier.ndim(b))
    return ufunc(left, b, **kwargs)


__all__ = ["PENDING", "Traced", "apply", "call"]
