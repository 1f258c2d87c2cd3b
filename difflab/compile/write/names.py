"""Names and single operations in the text of a program."""

from __future__ import annotations

import keyword
import math
import re
from typing import Any

import numpy as np

from ...graph.node import Node
from ...primitives import NUMPY, Primitive, rows
from ...primitives.found import of_scipy
from ...primitives.text import call, infix, of_number, spell, within
from ...types import Function, Key, Value
from ..run.scatter import known


class Names:
    """The name of each node in the text, and the objects that the text refers to by name."""

    def __init__(self, taken: set[str]) -> None:
        self.of: dict[Node, str] = {}
        self.space: dict[str, Any] = {}
        self.rows: dict[str, Function] = {}
        self.taken = taken

    def __getitem__(self, node: Node) -> str:
        return self.of[node]

    def fresh(self, wanted: str | None, otherwise: str) -> str:
        """A Python name for a node: its own where that is a plain identifier not in use."""
        if wanted and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", wanted) and not keyword.iskeyword(wanted):
            if wanted not in self.taken and not re.fullmatch(r"[tkbro]\d+|rows_\d+|block_.*", wanted):
                self.taken.add(wanted)
                return wanted
        while otherwise in self.taken:
            otherwise += "_"
        self.taken.add(otherwise)
        return otherwise

    def constant(self, value: Value, scalar: bool = False) -> str:
        """A literal, or the name of the object."""
        if scalar:  # `inf` and `nan` are names of math's
            value = float(value)
        if type(value) in (int, float) and (scalar or (math.isfinite(value) and abs(value) < 1e300)):
            return within(of_number(repr(value)))
        return self.object(value)

    def object(self, value: Value) -> str:
        name = f"k{len(self.space)}"
        self.space[name] = value
        return name

    def parameter(self, value: Value) -> str:
        if value is None or type(value) in (bool, int, str):
            return repr(value)
        if type(value) is tuple and all(v is None or type(v) in (bool, int) for v in value):
            return repr(value)
        return self.object(value)

    def function(self, row: Primitive) -> str:
        """How the text calls a row: by NumPy's or SciPy's name, or as one of `rows`."""
        found = NUMPY.of(row)
        if "ufunc" in row.spelling and getattr(found, "__module__", "") == "_operator":
            return f"np.{row.spelling['ufunc']}"
        name = getattr(found, "__name__", "")
        if getattr(found, "__self__", None) is np.add and name == "reduce":
            return "np.add.reduce"
        if getattr(np, name, None) is found:
            return f"np.{name}"
        if of_scipy(found):
            return f"special.{name}"
        label = re.sub(r"\W", "_", row.name)
        if not label.isidentifier() or keyword.iskeyword(label):
            label = f"row_{label}"
        while self.rows.get(label, found) is not found:
            label += "_"
        self.rows[label] = found
        return f"rows.{label}"


def ufunc_of(node: Node) -> np.ufunc | None:
    """NumPy's or SciPy's ufunc that computes the node into a given array, or None."""
    row = node.primitive
    if not row.listed or node.params or node.value.__class__ is tuple:
        return None
    if "ufunc" in row.spelling:
        known = row is not rows.reciprocal or node.operands[0].dtype.kind == "f"
        return getattr(np, row.spelling["ufunc"]) if known else None
    found = NUMPY.of(row)
    if not isinstance(found, np.ufunc) or found.nout != 1 or found.nin != len(node.operands):
        return None
    return found


def ufunc_name(found: np.ufunc) -> str:
    return f"np.{found.__name__}" if getattr(np, found.__name__, None) is found else f"special.{found.__name__}"


def has_dtype(node: Node) -> bool:
    return node.primitive is not rows.constant or hasattr(node.params["value"], "dtype")


def expression(node: Node, names: Names, operands: list[str] | None = None) -> str:
    """The operation as an expression that makes a new array."""
    row = node.primitive
    operands = [names[x] for x in node.operands] if operands is None else operands
    if row.kind == "pick":
        return f"{operands[0]}[{node.params['index']}]"
    if row.infix and "ufunc" in row.spelling and any(has_dtype(x) for x in node.operands):
        return infix(row.infix, *operands)
    if row is rows.reshape and set(node.params) == {"shape"}:
        return call(f"{operands[0]}.reshape", repr(node.params["shape"]))
    if row is rows.getitem and len(operands) == 1 and node.operands[0].shape:
        index = names.object(node.params["index"]) if is_list(node) else written_index(node.params["index"])
        if index is not None:
            return f"{operands[0]}[{index}]"
    if row is rows.reciprocal and node.operands[0].dtype.kind == "f":
        return spell(row.spelling["math"], operands)
    if row is rows.scatter and (places := known(node)) is not None:
        return call(names.object(places), operands[0])
    return call(names.function(row), *operands, **{k: names.parameter(v) for k, v in node.params.items()})


def is_list(node: Node) -> bool:
    """Whether a node reads the elements that an array known beforehand says: into an array of its own."""
    index = node.params.get("index")
    return node.primitive is rows.getitem and isinstance(index, np.ndarray)


def written_index(index: Key) -> str | None:
    """The text of an index of integers, slices of integers, None and Ellipsis."""
    if not isinstance(index, tuple):
        return written_entry(index)
    parts = [written_entry(e) for e in index]
    return None if not parts or None in parts else ", ".join(map(str, parts)) + ","


def written_entry(entry: Key) -> str | None:
    if entry is None or type(entry) is int:
        return repr(entry)
    if entry is Ellipsis:
        return "..."
    if isinstance(entry, slice) and all(e is None or type(e) is int for e in (entry.start, entry.stop, entry.step)):
        ends = ["" if e is None else str(e) for e in (entry.start, entry.stop)]
        return ":".join(ends) + ("" if entry.step is None else f":{entry.step}")
    return None


def into(node: Node, names: Names, out: str, operands: list[str] | None = None) -> str | None:
    """The operation as a statement that writes its value into the array `out`, or None where it cannot."""
    operands = [names[x] for x in node.operands] if operands is None else operands
    found = ufunc_of(node)
    if found in (np.maximum, np.minimum):  # NumPy wants the array named there
        return call(ufunc_name(found), *operands, out=out)
    if found is not None:
        return call(ufunc_name(found), *operands, out)
    if node.primitive is rows.einsum and len(operands) == 2 and node.params["subscripts"].startswith("a"):
        return call("np.einsum", repr(node.params["subscripts"]), *operands, out=out)
    if node.primitive is rows.sum:
        return call("np.add.reduce", operands[0], repr(node.params["axis"]), "None", out, repr(node.params["keepdims"]))
    return None
