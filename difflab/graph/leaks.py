"""A traced value is asked to be a plain number: the error says what the caller's instruction did, and the mend.

What asks is often C code (an assignment into an array, `math.sin`, SciPy), so the caller's own instruction is read:
its kind from the bytecode and its text from the source, where there is one.
"""

from __future__ import annotations

import dis
import linecache
import re
import sys
from collections.abc import Sequence
from itertools import islice
from types import FrameType
from typing import NamedTuple

import numpy as np

from ..errors import TraceError
from .kinds import MASKED
from .torch_names import CALLED

OURS = ("difflab", "numpy")
IN_PLACE = ("copyto", "fill", "fill_diagonal", "itemset", "place", "put", "put_along_axis", "putmask")
SPELLED = {  # what math calls otherwise than NumPy
    "asin": "np.arcsin",
    "acos": "np.arccos",
    "atan": "np.arctan",
    "atan2": "np.arctan2",
    "asinh": "np.arcsinh",
    "acosh": "np.arccosh",
    "atanh": "np.arctanh",
    "comb": "scipy.special.binom",
    "dist": "np.linalg.norm(p - q)",
    "erf": "scipy.special.erf",
    "erfc": "scipy.special.erfc",
    "factorial": "scipy.special.gamma(n + 1)",
    "fsum": "np.sum",
    "gamma": "scipy.special.gamma",
    "lgamma": "scipy.special.gammaln",
    "phase": "np.angle",
    "pow": "np.power",
    "remainder": "x - y * np.round(x / y)",
    "sumprod": "np.dot",
}
CALLS = {  # functions that work on plain numbers alone, and what to write instead
    r"random|rng|normal|uniform|gamma|poisson": "draw numbers that do not depend on it and transform them, as in "
    "mean + spread * rng.standard_normal(), and give them to the function as an argument",
    r"vectorize|frompyfunc": "dl.vmap(f)(x) runs a function on each element; difflab.numpy.vectorize takes branches",
    r"nditer|ndenumerate|fromiter": "loop over it with enumerate(x), and join the results with np.stack",
    r"quad|dblquad|nquad|fixed_quad|simpson|romberg": "sum weights times values at fixed nodes "
    "(np.polynomial.legendre.leggauss), or state the derivative with dl.custom_gradient",
    r"brentq|brenth|bisect|newton|root|root_scalar|fsolve|minimize|minimize_scalar|least_squares|fixed_point|fmin\w*": (
        "dl.fixed_point differentiates the solution of an equation, and dl.custom_gradient states a derivative"
    ),
    r"odeint|solve_ivp|ode": "write the steps with dl.scan, or state the derivative with dl.custom_gradient",
    r"interp1d|CubicSpline|make_interp_spline|griddata|RegularGridInterpolator": (
        "np.interp has a derivative, and dl.custom_gradient states another"
    ),
}
ELSEWHERE = "where a library does it inside, its function has no derivative here"


class Caller(NamedTuple):
    """The instruction of the person's own code that led here."""

    instruction: str  # its opcode, such as STORE_SUBSCR or CALL
    text: str  # its source, "" where there is none
    library: str  # the function of another library that it called, such as scipy.integrate.quad


def leak(what: str) -> TraceError:
    """The error for a traced value that `what` asks for a plain number."""
    caller = caller_of(sys._getframe(1))
    name = called(caller.text)
    if caller.instruction in ("STORE_SUBSCR", "STORE_SLICE"):
        return written(caller.text)
    if name.rpartition(".")[2] in IN_PLACE:
        return written(caller.text)
    place = f"{caller.text}: " if caller.text else ""
    if (found := re.fullmatch(r"c?math\.(\w+)", name)) and what != "np.array":
        return TraceError(f"{place}math takes plain floats only and the value is traced: use {spelled(found[1])}")
    same = name.rpartition(".")[2] == caller.library.rpartition(".")[2]
    if caller.library == "numpy.ma":
        return TraceError(f"{place}with a traced value stands {MASKED}")
    function = name if same or not caller.library else caller.library
    for pattern, mend in CALLS.items():
        if re.fullmatch(rf"(?:.*\.)?(?:{pattern})(?:\..*)?", function):
            return TraceError(f"{place}{function} takes plain numbers only and the value is traced: {mend}")
    if caller.library:
        return TraceError(
            f"{place}{function} asks a traced value for its number ({what}): {ELSEWHERE}; state one with "
            "dl.custom_gradient, or write the formula with NumPy"
        )
    if what == "np.array" and (caller.text.endswith("]") or name.rpartition(".")[2] == "take"):
        return TraceError(
            f"{place}a traced value says which elements of a plain array: write take(array, index, axis=0) with the "
            "take of difflab.numpy"
        )
    if what == "np.array":
        return TraceError(
            f"{place}np.array/np.asarray cannot hold a traced value: use np.stack or np.concatenate, "
            f"or array/asarray of difflab.numpy, which take lists of traced values ({ELSEWHERE})"
        )
    if what == "int()":
        return TraceError(
            f"{place}int() of a traced value has no derivative: np.floor and np.trunc keep it traced; a count or an "
            "index is given as a plain int, which the function is not differentiated by"
        )
    return TraceError(
        f"{place}{what} of a traced value: it has no plain number to give away. Leave it as it is (NumPy functions "
        "take it: np.exp instead of math.exp), and print it without formatting to see its value"
    )


def rebinds(inputs: Sequence[object], out: Sequence[object]) -> bool:
    """Whether a ufunc that writes into its first operand is `y += x`, after which the name is its result's."""
    frame = sys._getframe(2)
    inplace = frame.f_code.co_code[frame.f_lasti]
    return out[0] is inputs[0] and len(out) == 1 and dis.opname[inplace] in ("BINARY_OP", "BINARY_OP_INPLACE")


def called(text: str) -> str:
    """The name of the function that a text calls at its end, as in np.random.normal(x)."""
    depth = 0
    for k in range(len(text) - 1, -1, -1):
        depth += (text[k] == ")") - (text[k] == "(")
        if depth == 0:
            found = re.search(r"[\w.]+$", text[:k]) if text[k] == "(" else None
            return found[0].lstrip(".") if found else (text[:k].partition("(")[0] if text[k] == "(" else "")
    return ""


def hidden(error: BaseException) -> TraceError | None:
    """The refusal that another error stands in front of: NumPy's in y[0] = x, Python's own where C code of a library
    goes on after it, and where x.size() calls a number.
    """
    if isinstance(error, TypeError):
        return called_like_a_tensor(error)
    inner: BaseException | None = error
    while isinstance(inner, SystemError):  # may stand behind another one
        inner = inner.__cause__ or inner.__context__
    inner = inner.__cause__ if isinstance(inner, ValueError) else inner
    return inner if isinstance(inner, TraceError) else None


def written(text: str) -> TraceError:
    return TraceError(
        f"a traced value cannot be written into a plain array{f' ({text})' if text else ''}: build the array with "
        "np.stack, np.concatenate or np.where instead, or with array and set_at of difflab.numpy, as in "
        "array([x[0], 0.0]) and set_at(y, 0, x[0]); in a long loop, with dl.scan"
    )


def spelled(name: str) -> str:
    """NumPy's function for one of math's."""
    known = SPELLED.get(name) or (f"np.{name}" if hasattr(np, name) else "")
    return known or f"a NumPy or SciPy function for math.{name}"


def caller_of(frame: FrameType | None) -> Caller:
    """The instruction at which the person's own code stands."""
    library = ""
    while frame is not None and root(frame) in OURS:
        if str(frame.f_globals.get("__name__", "")).startswith("numpy.ma"):
            library = "numpy.ma"
        frame = frame.f_back
    first = frame
    if library:
        return Caller(*instruction(frame), library) if frame is not None else Caller("", "", library)
    while frame is not None and foreign(frame):
        parts = [*frame.f_globals.get("__name__", "").split("."), frame.f_code.co_qualname]
        library = ".".join(p for p in parts if not p.startswith("_"))
        frame = frame.f_back
        while frame is not None and root(frame) in OURS:
            frame = frame.f_back
    if frame is None or frame.f_globals.get("__name__", "").startswith(("pytest", "_pytest", "runpy")):
        frame, library = first, ""
    return Caller("", "", library) if frame is None else Caller(*instruction(frame), library)


def root(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def foreign(frame: FrameType) -> bool:
    """Whether the frame runs code of a library."""
    file = frame.f_code.co_filename
    return root(frame) in sys.stdlib_module_names or "site-packages" in file or "dist-packages" in file


def instruction(frame: FrameType, place: int | None = None) -> tuple[str, str]:
    """The name of the instruction that a frame is at, or was, and its source on one line."""
    code, place = frame.f_code, frame.f_lasti if place is None else place
    name = dis.opname[code.co_code[place]]
    lines, last, start, end = next(islice(code.co_positions(), place // 2, None), (None,) * 4)
    if lines is None or last is None or start is None or end is None:
        return name, ""
    if name in ("STORE_SUBSCR", "STORE_SLICE"):  # the source of the target alone: the whole line says more
        return name, linecache.getline(code.co_filename, lines).strip()
    source = [linecache.getline(code.co_filename, k).encode() for k in range(lines, last + 1)]
    if not all(source):
        return name, ""
    source[-1] = source[-1][:end]
    source[0] = source[0][start:]
    text = " ".join(line.decode(errors="replace").strip() for line in source)
    return name, text if len(text) <= 120 else text[:117] + "..."


def called_like_a_tensor(error: TypeError) -> TraceError | None:
    """The mend for x.size() of a traced x and its like, which are functions in PyTorch alone."""
    place = error.__traceback__
    if place is None or not str(error).endswith("object is not callable"):
        return None
    while place.tb_next is not None:
        place = place.tb_next
    frame = place.tb_frame
    name, _, attribute = called(instruction(frame, place.tb_lasti)[1]).rpartition(".")
    receiver = frame.f_locals.get(name, frame.f_globals.get(name))
    if attribute not in CALLED or not hasattr(receiver, "primitive"):
        return None
    return TraceError(f"{name}.{attribute} is no function in NumPy: write {name}.{CALLED[attribute]}")
