"""What a traced value refuses, and the mend each error names."""

from __future__ import annotations

import difflib
import linecache
import re
import sys
from collections.abc import Iterable
from typing import Any

from ..errors import EscapedTracerError, ShapeError, TraceError
from ..primitives import TABLE, Primitive


def in_place(what: str) -> TraceError:
    return TraceError(
        f"{what} changes an array in place, and a recorded value cannot change: write x = x + y instead of x += y"
    )


def escaped(row: Primitive) -> EscapedTracerError:
    return EscapedTracerError(
        f"{row.name}: a traced value escaped: it was stored while a function was being differentiated and used after "
        "that function had returned. Return it from the function instead (has_aux=True passes extra results out)"
    )


def nearest(name: str) -> str:
    """The mend for a NumPy function without a row: a name of the table that is close, or the list."""
    close = difflib.get_close_matches(name, list(TABLE), n=1, cutoff=0.75)
    return f"did you mean np.{close[0]}?" if close else "difflab.primitives.table() lists what is there"


HABITS = {  # what is asked of the values of other libraries
    "backward": "gradients are taken of functions: dl.grad(f)(x)",
    "grad": "gradients are taken of functions: dl.grad(f)(x)",
    "requires_grad": "the arguments of the function say what it is differentiated by",
    "detach": "dl.stop_gradient(x) makes it a constant",
    "data": "dl.stop_gradient(x) makes it a constant",
    "numpy": "it works as an array already, and its numbers are there when the function has returned",
    "at": "build the new array with np.where, np.concatenate or np.stack",
}


def no_attribute(name: str, names: Iterable[str]) -> AttributeError:
    """The error for an attribute that arrays have not either, or that would change them."""
    close = difflib.get_close_matches(name, [n for n in names if not n.startswith("_")], n=1, cutoff=0.7)
    mend = HABITS.get(name) or (f"did you mean {close[0]!r}?" if close else "it has those of a NumPy array")
    return AttributeError(f"a traced value has no attribute {name!r}; {mend}")


def shapes_refused(row: Primitive, operands: Any, error: ValueError) -> Exception:
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


def leak(what: str) -> TraceError:
    """The error for a traced value that is asked to be a plain number, naming the NumPy function to use."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("difflab", "numpy"):
        frame = frame.f_back
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() if frame is not None else ""
    found = re.search(r"\bmath\.(\w+)", line)
    if what in ("float()", "complex()", "np.array") and re.match(r"[\w.]+\[.*\]\s*[-+*/]?=[^=]", line):
        return TraceError(
            f"a traced value cannot be written into a plain array ({line}): build the array with np.stack, "
            "np.concatenate or np.where instead"
        )
    if what == "float()" and found:
        spelled = {"pow": "power", "fabs": "abs", "gamma": "", "lgamma": "", "erf": ""}.get(found[1], found[1])
        use = f"np.{spelled}" if spelled else f"scipy.special.{ {'lgamma': 'gammaln'}.get(found[1], found[1]) }"
        return TraceError(f"math.{found[1]} takes plain floats only and the value is traced: use {use}")
    if what == "np.array":
        return TraceError(
            "np.array/np.asarray cannot hold a traced value: use np.stack or np.concatenate, "
            "or array/asarray of difflab.numpy, which take lists of traced values (where a library does it inside, its "
            "function has no derivative here)"
        )
    return TraceError(
        f"{what} of a traced value: it has no plain number to give away. Leave it as it is (NumPy functions take it: "
        "np.exp instead of math.exp), and print it without formatting to see its value"
    )
