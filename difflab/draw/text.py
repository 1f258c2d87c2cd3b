"""Values as short text for pictures."""

from __future__ import annotations

import numpy as np

from ..types import Value


def short(x: Value, digits: int = 3) -> str:
    """A number with a few significant digits; a small array in full, a large one by shape, mean and norm."""
    if x is None:  # what flows back to one of several results that nothing uses
        return "0"
    if isinstance(x, tuple | list):
        return "(" + ", ".join(short(v, digits) for v in x[:3]) + ")"
    x = np.asarray(x)
    if x.dtype.kind == "b":
        return ("true" if x else "false") if x.ndim == 0 else f"{shape(x)} {int(np.sum(x))} true"
    if x.dtype.kind == "c":
        return f"{complex(x):.3g}" if x.ndim == 0 else shape(x)
    if x.dtype.kind not in "iuf":
        return shape(x)
    if x.ndim == 0:
        return number(float(x), digits)
    if x.size <= 4 and x.ndim == 1:
        return "[" + ", ".join(number(float(v), 2) for v in x) + "]"
    if x.size == 0:
        return shape(x) + " empty"
    with np.errstate(all="ignore"):
        mean, norm = float(np.mean(x)), float(np.linalg.norm(x.ravel()))
        mean = 0.0 if abs(mean) < 1e-12 * norm else mean  # what rounding leaves differs between machines
        return f"{shape(x)}  mean {number(mean, 2)}  ‖·‖ {number(norm, 2)}"


def number(x: float, digits: int = 3) -> str:
    """
    >>> number(-0.19661193), number(-4.0), number(1e-12)
    ('-0.197', '-4', '1e-12')
    """
    if x != x:
        return "NaN"
    if x in (float("inf"), float("-inf")):
        return "∞" if x > 0 else "-∞"
    if x == 0:
        return "0"
    if 1e-3 <= abs(x) < 1e5:
        text = f"{x:.{digits}g}" if abs(x) < 10**digits else f"{x:.0f}"
        return f"{x:.0f}" if "e" in text else text
    mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"


def shape(x: Value) -> str:
    return "(" + ", ".join(map(str, np.shape(x))) + ("," if np.ndim(x) == 1 else "") + ")"


def clean(text: object, length: int = 60) -> str:
    """A name or formula without control characters and of bounded length."""
    text = "".join(c if c.isprintable() else " " for c in str(text))
    return text if len(text) <= length else text[: length - 1] + "…"
