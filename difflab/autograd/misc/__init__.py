"""Flattening, optimisers, fixed points and graphs."""

from __future__ import annotations

from .flatten import flatten as flatten
from .tracers import const_graph as const_graph, full_graph as full_graph
