"""What a failed test tells: a table of the wrong entries, and a line to paste that reproduces one of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..types import DType, Function, Value
from .arguments import Arguments

ROWS = 12
LONGEST_POINT = 64  # entries of a point that a line can show


@dataclass
class Row:
    """One wrong entry: what was found, what the judge expects and its error; `entry` names input and index."""

    method: str
    entry: str
    found: float
    expected: float
    error: float = 0.0
    judge: str = ""
    one_sided: Value = None
    place: int | None = None
    dtype: DType | None = None

    @property
    def ulps(self) -> float:
        """The distance in units in the last place of the point's dtype."""
        if self.found == self.expected:
            return 0.0
        kind = np.dtype(self.dtype or float).type
        with np.errstate(all="ignore"):
            distance = abs(self.found - self.expected) / float(np.spacing(kind(abs(self.expected))))
        return float(distance) if not np.isnan(distance) else float("inf")

    @property
    def relative(self) -> float:
        with np.errstate(all="ignore"):
            distance = abs(self.found - self.expected) / (abs(self.expected) or 1.0)
        return float(distance) if not np.isnan(distance) else float("inf")

    def to_json(self) -> dict[str, Any]:
        """A strict JSON value; what is not finite is text."""
        plain: Callable[[float], float | str] = lambda v: v if np.isfinite(v) else str(v)
        return {
            "method": self.method,
            "entry": self.entry,
            "found": plain(self.found),
            "expected": plain(self.expected),
            "error": plain(self.error),
            "ulps": plain(self.ulps),
            "relative": plain(self.relative),
            "judge": self.judge,
            "one_sided": None if self.one_sided is None else [plain(v) for v in self.one_sided],
        }


def table(rows: list[Row]) -> str:
    """The rows as aligned text, the worst first."""
    ordered = worst_first(rows)
    cells = [("method", "entry", "found", "expected", "ulps", "relative")]
    for r in ordered[:ROWS]:
        numbers = (f"{r.found:.17g}", f"{r.expected:.17g}", f"{r.ulps:.3g}", f"{r.relative:.1e}")
        cells.append((r.method, r.entry, *numbers))
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cells]
    if len(rows) > ROWS:
        lines.append(f"  ... and {len(rows) - ROWS} entries more")
    lines += [
        f"  {r.entry} is a kink: left derivative {r.one_sided[0]:.6g}, right derivative {r.one_sided[1]:.6g}"
        for r in ordered[:ROWS]
        if r.one_sided is not None
    ]
    return "\n".join(lines)


def worst_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda r: -r.relative)


def line_to_paste(f: Function, gradient: Function | None, point: Arguments, entry: str | None, **options: Any) -> str:
    """One line that checks one entry again: for the shell where functions and point can be named there, else Python."""
    options = {k: v for k, v in options.items() if v is not None and v is not False}
    return shell_line(f, gradient, point, entry, options) or python_line(f, gradient, point, entry, options)


def shell_line(f: Any, gradient: Any, point: Arguments, entry: str | None, options: dict[str, Value]) -> str | None:
    where, theirs = address(f), address(gradient) if gradient is not None else None
    writable = all(n.isidentifier() for n in point.names) and all(x.dtype == float for x in point.values)
    if where is None or (gradient is not None and theirs is None) or not writable or point.size > LONGEST_POINT:
        return None
    at = ",".join(f"{n}={literal(x)}" for n, x in zip(point.names, point.values))
    words = ["difflab check", quoted(where), "--at", quoted(at)]
    words += ["--gradient", quoted(theirs)] if theirs else []
    words += ["--entry", quoted(entry)] if entry else []
    known = {"rtol": "--rtol", "ulps": "--ulps", "seed": "--seed"}
    words += [f"{known[k]} {v!r}" for k, v in options.items() if k in known]
    words += ["--allow-kinks"] if "allow_kinks" in options else []
    return " ".join(words)


def quoted(text: str) -> str:
    """A word for the shell, in double quotes where it needs some (they mean the same everywhere)."""
    plain = all(c.isalnum() or c in "_-.,:/=\\" for c in text)
    return text if plain else f'"{text}"'


def python_line(f: Any, gradient: Any, point: Arguments, entry: str | None, options: dict[str, Value]) -> str:
    text = getattr(f, "text", None)
    names = [repr(text) if text else name_of(f, "f")]
    names += [name_of(gradient, "gradient")] if gradient is not None else []
    shown = point.size <= LONGEST_POINT
    arguments = [source(x) for x in point.given] if shown else [n.partition("[")[0] for n in unique(point)]
    if text and shown:
        arguments = [source(dict(zip(point.names, point.given)))]
    rest = [f"gradient={names[1]}"] if gradient is not None else []
    rest += [f"entry={entry!r}"] if entry else []
    rest += [f"{k}={v!r}" for k, v in options.items()]
    loads = ["import numpy as np", "from difflab.testing import assert_gradients_agree"]
    loads += [f"from {g.__module__} import {g.__name__}" for g in (f, gradient) if importable(g)]
    line = f"{'; '.join(loads)}; assert_gradients_agree({', '.join([names[0], *arguments, *rest])})"
    missing = [n for n, g in zip(names, (f, gradient)) if not importable(g) and not (text and g is f)]
    missing += [] if shown else arguments
    return line + (f"  # {', '.join(missing)} as in your test" if missing else "")


def unique(point: Arguments) -> list[str]:
    return list(dict.fromkeys(n.partition("[")[0] for n in point.names))


def name_of(f: Any, otherwise: str) -> str:
    name = getattr(f, "__name__", "")
    return name if name.isidentifier() else otherwise


def importable(f: Any) -> bool:
    return f is not None and address(f) is not None and f.__module__ != "__main__"


def address(f: Any) -> str | None:
    """`file.py:function` or `package.module:function`, where that leads to this very function."""
    module, name = sys.modules.get(getattr(f, "__module__", None) or ""), getattr(f, "__qualname__", "")
    if module is None or not name.isidentifier() or getattr(module, name, None) is not f:
        return None
    if module.__name__ == "__main__" or "." not in module.__name__:
        file = getattr(module, "__file__", None)
        if file and not is_installed(file):
            return f"{relative_path(file)}:{name}"
    return None if module.__name__ == "__main__" else f"{module.__name__}:{name}"


def is_installed(file: str) -> bool:
    return any(part in ("site-packages", "dist-packages") for part in Path(file).parts)


def relative_path(file: str) -> str:
    try:
        short = os.path.relpath(file)
    except ValueError:  # another drive
        return file
    return file if short.startswith("..") else short


def literal(x: Value) -> str:
    """A value of --at, with every digit."""
    return repr(np.asarray(x).tolist()).replace(" ", "")


def source(x: Value) -> str:
    """A value as Python source, with every digit and its dtype."""
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k!r}: {source(v)}" for k, v in x.items()) + "}"
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return f"{type(x).__name__}({', '.join(map(source, x))})"
    if isinstance(x, list | tuple):
        inner = ", ".join(map(source, x))
        return f"[{inner}]" if isinstance(x, list) else f"({inner}{',' * (len(x) == 1)})"
    if isinstance(x, np.ndarray | np.generic) and x.dtype != float:
        return f"np.array({np.asarray(x).tolist()!r}, dtype=np.{x.dtype})"
    if isinstance(x, np.ndarray):
        return f"np.array({x.tolist()!r})"
    return repr(float(x)) if isinstance(x, int | float | np.generic) else repr(x)
