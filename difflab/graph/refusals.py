"""What a traced value refuses, and the mend each error names."""

from __future__ import annotations

import difflib
import linecache
import re
import sys
from typing import Any

from ..errors import EscapedTracerError, TraceError
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
            "or array/asarray of difflab.numpy, which take lists of traced values"
        )
    return TraceError(
        f"{what} of a traced value: it has no plain number to give away. Leave it as it is (NumPy functions take it: "
        "np.exp instead of math.exp), and print it without formatting to see its value"
    )
