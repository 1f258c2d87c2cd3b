"""The rows as names: `rows.add` is the row of addition, and `node.primitive is rows.add` asks whether a node adds.

A row is asked for by identity, never by its name: a function of a user's may be called "add" as well, and is another
row. The row behind a call that waits for its operands is `row.plain`.

>>> from difflab.primitives import rows
>>> rows.add
<primitive add>
>>> rows.ad
Traceback (most recent call last):
AttributeError: there is no row 'ad'
"""

from __future__ import annotations

from .primitive import TABLE, Primitive


def __getattr__(name: str) -> Primitive:
    row = TABLE.get(name)
    if row is None:
        raise AttributeError(f"there is no row {name!r}")
    globals()[name] = row  # the next time no function is called
    return row
