"""The maker of rows that are functions of scipy.special."""

from __future__ import annotations

from typing import Any

from ..types import Value
from .primitive import elementwise


def special(name: str, partials: Value, doc: str, **row: Any) -> None:
    """A row that is the function of that name in scipy.special."""
    scipy_name = row.pop("scipy", name)
    spelling = {"numpy": row.pop("kernel", f"special.{scipy_name}"), **row.pop("spelling", {})}
    row.setdefault("reads", (f"special.{scipy_name}",))
    partials = partials if isinstance(partials, tuple) else (partials,)
    row.setdefault("flops", 30)
    if len(partials) > 1:
        arguments = ", ".join(f"{{{i}}}" for i in range(len(partials)))
        row.setdefault("latex", rf"\operatorname{{{{{name}}}}}({arguments})".replace("_", r"\_"))
    elementwise(name, partials, doc=doc, spelling=spelling, **row)
