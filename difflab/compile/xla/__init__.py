"""Graphs as functions of JAX, and programs that XLA compiles."""
