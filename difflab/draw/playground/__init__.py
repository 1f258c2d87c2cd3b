"""The playground: one HTML file where an expression is typed, drawn and differentiated, without Python.

What it computes with is written from the table of operations, what it shows is the step-through page.
"""

from __future__ import annotations

from .document import Host, document as playground

__all__ = ["Host", "playground"]
