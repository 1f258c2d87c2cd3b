"""Traced values by autograd's names: boxes."""

from __future__ import annotations

from ..graph.laxity import unboxed
from ..graph.traced import Traced
from ..types import Value

Box = Traced


def isbox(x: Value) -> bool:
    """Whether x is a traced value.

    >>> isbox(1.0)
    False
    """
    return x.__class__ is Traced


def getval(x: Value) -> Value:
    """The plain value of a traced one, without its derivative; anything else as it is.

    >>> getval(1.0)
    1.0
    """
    return unboxed(x)
