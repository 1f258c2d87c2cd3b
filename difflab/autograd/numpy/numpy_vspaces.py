"""Vector spaces of arrays, by autograd's names."""

from __future__ import annotations

from ..vspaces import VSpace as VSpace, vspace as vspace

ArrayVSpace = ComplexArrayVSpace = VSpace

__all__ = ["ArrayVSpace", "ComplexArrayVSpace", "VSpace", "vspace"]
