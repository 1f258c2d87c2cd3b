"""Neural networks on the engine."""

from . import functional

__all__ = ["functional"]
