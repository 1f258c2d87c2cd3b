"""Modules and functions of PyTorch as graphs: exported by torch, and recorded operation by operation."""
