"""Values and parameters of operations as plain text and numbers, for files, and back. Nothing is ever evaluated."""

from __future__ import annotations

import ast
import json
from fractions import Fraction

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError
from ..primitives.kernels.structure import Slot
from ..primitives.quotient import NAMED, Exact, Named, Quotient
from ..types import DType, Function, Shape, Value
from .kinds import NUMBERS

NAMES: dict[str, float | bool | None] = {"nan": np.nan, "inf": np.inf, "None": None, "True": True, "False": False}
WIDER = ("longdouble", "clongdouble", "float128", "complex256", "float96", "complex192")  # than Python's numbers
UNREADABLE = (SyntaxError, ValueError, TypeError, OverflowError, RecursionError, MemoryError, KeyError, ArithmeticError)


def written(x: Value) -> Value:
    """A number as it is where every file keeps it, and anything else as text that `read` turns into the same.

    >>> written((0, 1)), written(slice(None, 2)), written(np.array([1, 2])), written(0.5), written("C")
    ('(0, 1)', 'slice(None, 2, None)', "array([1, 2], 'int64')", 0.5, 'C')
    """
    if x.__class__ is str:
        return x if read(x) == x else repr(x)
    if (x.__class__ is int and abs(x) < 2**31) or (x.__class__ is float and np.isfinite(x)):
        return x
    return spelled(x)


def spelled(x: Value) -> str:
    """The text of a value inside another."""
    if x is Ellipsis:
        return "..."
    if x is None or x.__class__ in (bool, int, float, str):
        return repr(x)
    if x.__class__ is complex:
        return f"complex({x.real!r}, {x.imag!r})"
    if isinstance(x, Exact):
        return f"exact({str(x.exact)!r})"
    if x.__class__ is Slot:
        return f"slot({int(x)})"
    if x.__class__ is tuple:
        return f"({''.join(spelled(e) + ', ' for e in x).removesuffix(' ' if len(x) == 1 else ', ')})"
    if x.__class__ is list:
        return f"[{', '.join(map(spelled, x))}]"
    if x.__class__ is dict:
        return "{" + ", ".join(f"{spelled(k)}: {spelled(e)}" for k, e in x.items()) + "}"
    if x.__class__ is slice:
        return f"slice({', '.join(map(spelled, (x.start, x.stop, x.step)))})"
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in NUMBERS and x.dtype.name not in WIDER:
        empty = f", {x.shape}" if x.size == 0 else ""
        return f"array({spelled(x.tolist())}, {x.dtype.name!r}{empty})"
    if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic | float | int | complex)):
        return f"dtype({np.dtype(x).name!r})"
    raise InputError(f"{x!r:.80} of type {type(x).__name__} cannot be written as text")


def read(text: str) -> Value:
    """What the text was written from; text that is none of that, such as "C" or "ij,jk->ik", stays as it is.

    >>> read("(0, 1)"), read("slice(None, 2)"), read("[1.5, nan]"), read("-inf"), read("C")
    ((0, 1), slice(None, 2, None), [1.5, nan], -inf, 'C')
    """
    try:
        return json.loads(text, parse_constant=lambda name: float(name.replace("Infinity", "inf")))
    except (ValueError, RecursionError):
        pass
    try:
        return value_of(ast.parse(text.strip(), mode="eval").body)
    except UNREADABLE:
        return text


def value_of(tree: ast.AST) -> Value:
    """The value of a piece of syntax from the short list of what is written; anything else is a ValueError."""
    if isinstance(tree, ast.Constant) and not isinstance(tree.value, bytes):
        return tree.value
    if isinstance(tree, ast.Name):
        return NAMES[tree.id]
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub | ast.UAdd):
        number = value_of(tree.operand)
        return -number if isinstance(tree.op, ast.USub) else +number
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add | ast.Sub):  # complex numbers
        left, right = value_of(tree.left), value_of(tree.right)
        if isinstance(right, complex) and isinstance(left, int | float):
            return left + right if isinstance(tree.op, ast.Add) else left - right
    if isinstance(tree, ast.Tuple):
        return tuple(map(value_of, tree.elts))
    if isinstance(tree, ast.List):
        return list(map(value_of, tree.elts))
    if isinstance(tree, ast.Dict):
        return {value_of(k): value_of(e) for k, e in zip(tree.keys, tree.values) if k is not None}
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.keywords:
        return CALLS[tree.func.id](*map(value_of, tree.args))
    raise ValueError(ast.dump(tree)[:80])


def array(numbers: Value, dtype: DTypeLike | None = "float64", shape: Shape | None = None) -> Value:
    made = np.array(numbers, numeric(dtype))
    made = made if shape is None else made.reshape(shape)
    return made if made.ndim else made[()]


def numeric(name: DTypeLike | None) -> DType:
    """The dtype of that name, if it is one of numbers."""
    found: DType = np.dtype(name)
    if found.kind not in NUMBERS:
        raise ValueError(f"{name} is no dtype of numbers")
    return found


def exact(name: str) -> Exact:
    numerator, _, denominator = name.partition("/")
    return Named(name) if name in NAMED else Quotient(Fraction(int(numerator), int(denominator or 1)))


CALLS: dict[str, Function] = {
    "array": array,
    "complex": complex,
    "dtype": numeric,
    "exact": exact,
    "slice": slice,
    "slot": Slot,
}
