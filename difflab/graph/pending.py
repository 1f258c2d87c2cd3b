"""What stands for a value that is not known, or not only a value."""

from __future__ import annotations

from ..types import Value
from .refusals import shape_unknown


class Pending:
    """The value of a traced value of which a builder knows no shape; whoever asks for it is told so."""

    def __getattr__(self, name: str) -> Value:
        if name.startswith("__") and name != "__array__":  # a protocol that asks whether it is spoken here
            raise AttributeError(name)
        raise shape_unknown(name)


PENDING = Pending()


class SeenShape(tuple[int, ...]):
    """A guard's outcome: the shape of a value whose shape depends on values (a mask, a search)."""

    __slots__ = ()
