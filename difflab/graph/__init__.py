"""Graphs: nodes, tracing, text and sympy in and out."""

from . import operators as operators  # nodes have their operators as soon as there are nodes
