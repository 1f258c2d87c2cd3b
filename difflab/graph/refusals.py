"""What a traced value refuses, and the mend each error names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import DtypeError, EscapedTracerError, NoAttributeError, ShapeError, TraceError, UnsupportedError
from ..primitives import TABLE, Primitive, by_numpy_function
from ..types import Value
from . import torch_names

MOST_MADE = 10**7  # numbers that an operation of a text makes of fewer
MANY = 10**6  # numbers of which an operation of a text does not make half as many again


def in_place(what: str) -> TraceError:
    return TraceError(
        f"{what} changes an array in place, and a recorded value cannot change: write x = x + y instead of x += y; "
        "set_at and add_at of difflab.numpy give a new array, set or added to at an index"
    )


def escaped(row: Primitive) -> EscapedTracerError:
    return EscapedTracerError(
        f"{row.name}: a traced value escaped: it was stored while a function was being differentiated and used after "
        "that function had returned. Return it from the function instead (has_aux=True passes extra results out)"
    )


def without_number(node: Value, use: str) -> TraceError:
    """A vertex of a graph, or of a text, where a number is needed: as a count, a place or an order, say."""
    said = f"{node.name!r}" if node.name else f"a result of {node.primitive.name}"
    return TraceError(f"{said} has no number before the graph is run, so it cannot be used as {use}")


def vertex_used(what: str, x: Value) -> EscapedTracerError:
    return EscapedTracerError(
        f"{what}: {x!r} escaped: the function that made it has returned, or the graph that it belongs to is "
        "finished. Return it from the function, or call the graph; dl.builder() begins another graph"
    )


def several_results(x: Value) -> str:
    """What to say of a node with several results where one is needed; "" of any other."""
    row = getattr(x.primitive, "row", x.primitive)
    given = x.params["call"].kwargs if row is not x.primitive else {}
    if row.outputs is None or given.get("compute_uv") is False or given.get("mode") == "r":
        return ""
    return f"{row.name} gives several results: take one of them, as in {row.name}(...)[0]"


def undecided(x: Value) -> TraceError:
    """A graph is built by hand, and Python asks for a number."""
    return TraceError(
        f"{x!r} has no value while a graph is built by hand, so no if, while, min(), max() or int() can look at it: "
        "write np.where(condition, a, b), np.minimum or np.maximum; dl.trace(f, example) follows an if at an example"
    )


def shape_unknown(what: str) -> TraceError:
    return TraceError(
        f"the shape of this value is not known while the graph is built, and {what.strip('_')} asks for it: say the "
        "inputs' shapes, as in b.input('x', shape=(3,)), with shape=() for a number"
    )


def objects(row: Primitive, others: Iterable[str]) -> DtypeError:
    return DtypeError(
        f"{row.name}: with an operand of type {' and '.join(others)} NumPy makes an array of Python objects, which has "
        "no derivative: give float(x)"
    )


def nearest(name: str) -> str:
    """The mend for a NumPy function without a row: a name of the table that is close, or the list."""
    if name.endswith("(vectorized)"):  # np.vectorize, np.frompyfunc
        return "dl.vmap(f)(x) runs a Python function on each element; difflab.numpy.vectorize takes branches"
    close = difflib.get_close_matches(name, list(TABLE), n=1, cutoff=0.75)
    return f"did you mean np.{close[0]}?" if close else "difflab.primitives.table() lists what is there"


def no_attribute(name: str, names: Iterable[str]) -> NoAttributeError:
    """The error for an attribute that arrays have not either, or that would change them."""
    return NoAttributeError(f"a traced value has no attribute {name!r}; {attribute_mend(name, names)}", name)


def attribute_mend(name: str, names: Iterable[str]) -> str:
    if name == "at":
        return "build the new array with np.where, np.concatenate or np.stack"
    if found := torch_names.mend(name):
        return found
    if by_numpy_function(getattr(np, name, None)) is not None:
        return f"NumPy has it as a function: np.{name}(x)"
    if name in TABLE and TABLE[name].kind == "elementwise":
        return f"difflab has it as a function: dl.numpy.{name}(x)"
    close = difflib.get_close_matches(name, [n for n in names if not n.startswith("_")], n=1, cutoff=0.7)
    return f"did you mean {close[0]!r}?" if close else "it has those of a NumPy array"


def moderate(row: Primitive, operands: Sequence[Value], value: Value) -> None:
    """Refuses an operation of a text that makes very many numbers of fewer.

    A short text can nest what doubles its operand until the memory is full, so what is large already grows no further.
    Large arrays that are given may be used, and what is made of single numbers has as many elements as the text says.
    """
    size, given = numbers_in(value), sum(map(numbers_in, operands))
    most = MOST_MADE if given <= MANY else min(MOST_MADE, given * 3 // 2)
    if len(operands) < given < size and size > most:
        raise UnsupportedError(
            f"{row.name} makes {size:,} numbers of {given:,}: an operation of a text makes at most {most:,} of so "
            "many; write the function in Python"
        )


def numbers_in(x: Value) -> int:
    """How many numbers a value has; an operation with several results has those of all."""
    return sum(map(numbers_in, x)) if isinstance(x, tuple | list) else int(getattr(x, "size", 1))


def shapes_refused(row: Primitive, operands: Sequence[Value], error: ValueError) -> Exception:
    """NumPy's complaint about shapes with the name of the operation and of the operands; any other error as it is."""
    if row.kind != "elementwise" or "broadcast" not in str(error) or isinstance(error, ShapeError):
        return error
    said = []
    for x in operands:
        name = getattr(x, "name", None)
        said.append(f"{getattr(x, 'shape', ())}" + (f" of {name}" if isinstance(name, str) else ""))
    return ShapeError(
        f"{row.name}: shapes {' and '.join(said)} do not fit: counted from the last axis, lengths must be equal or 1"
    )
