"""Expressions to begin with: a title, a text of the language, a point."""

from __future__ import annotations

EXAMPLES = (
    ("Two operations", "q = x + y; f = q * z", "x=-2, y=5, z=-4"),
    ("A sigmoid neuron", "1/(1+exp(-(w0*x0+w1*x1+w2)))", "w0=2, x0=-1, w1=-3, x1=-2, w2=-3"),
    ("A value used twice", "u = x*y; u * sin(u)", "x=0.5, y=3"),
    ("A kink", "abs(x) + x*y", "x=0, y=2"),
    ("Cancellation", "(1 - cos(x)) / x**2", "x=1e-8"),
    ("Where a difference formula fails", "exp(x) / (sin(x)**3 + cos(x)**3)", "x=1.5"),
)
