"""Traced values by autograd's names, and records of functions of them."""

from __future__ import annotations

from .boxes import Box as Box, getval as getval, isbox as isbox
from .core import JVPNode as JVPNode, Node as Node, VJPNode as VJPNode, trace as trace
from .extend import (
    notrace_primitive as notrace_primitive,
    primitive as primitive,
    register_notrace as register_notrace,
)
from .nodes import new_box as new_box
from .sequences import subval as subval, subvals as subvals, toposort as toposort

__all__ = [
    "Box", "JVPNode", "Node", "VJPNode", "getval", "isbox", "new_box", "notrace_primitive", "primitive",
    "register_notrace", "subval", "subvals", "toposort", "trace",
]  # fmt: skip
