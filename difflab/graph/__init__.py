"""Graphs: nodes, tracing, text and sympy in and out."""
