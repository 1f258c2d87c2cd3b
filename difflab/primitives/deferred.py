"""Calls in NumPy's signature that wait for the shapes of their operands: rows of graphs made from text or by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DifflabError, InputError, UnsupportedError
from ..types import Function, Value
from .primitive import REFUSALS, Carrier, Primitive


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Deferred(Primitive):
    """A call in NumPy's signature whose meaning waits for the shapes of its operands (in graphs made from text)."""

    row: Primitive
    kind = "deferred"

    @property
    def plain(self) -> Primitive:
        return self.row

    def __reduce__(self) -> Any:
        return late, (self.row,)

    def run(self, m: Carrier, *operands: Value, call: Function) -> Value:
        """The row on the carrier, once the operands are there; `call` puts them back into the call's arguments."""
        args, kwargs = call(operands)
        try:
            row, found, params = self.row.read(*args, **kwargs)
        except DifflabError:
            raise
        except (MemoryError, RecursionError) as error:
            raise UnsupportedError(f"{self.row.name}: {error}") from None
        except REFUSALS as error:
            raise InputError(f"{self.row.name}: {error}") from None
        try:
            result = m.of(row)(*found, **params)
        except (DifflabError, np.linalg.LinAlgError):  # the latter depends on the numbers, and is told as such
            raise
        except (MemoryError, RecursionError) as error:
            raise UnsupportedError(f"{row.name}: {error}") from None
        except REFUSALS as error:
            raise InputError(f"{row.name}: {error}") from error
        if result is None or isinstance(result, type | str | np.dtype):
            raise InputError(f"{self.row.name} gives {result!r}, and a gradient needs a number")
        # In text a shape or a list of places is an array like any other: it is computed with.
        return np.asarray(result) if row.leaf and isinstance(result, tuple) else result


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DeferredItem(Deferred):
    """x[key], where x may also be the results of an operation that has several."""

    def run(self, m: Carrier, *operands: Value, call: Function) -> Value:
        (x, key), _ = call(operands)
        if not isinstance(x, tuple | list):
            return super().run(m, *operands, call=call)
        try:
            return x[key]
        except (TypeError, IndexError) as error:
            raise InputError(f"[{key}] of {len(x)} results: {error}") from None


def late(row: Primitive) -> Deferred:
    """The row whose call waits for the shapes of its operands."""
    made = DeferredItem if row.name == "getitem" else Deferred
    return made(name=row.name, doc=row.doc, glyph=row.glyph, latex=row.latex, infix=row.infix, row=row)
