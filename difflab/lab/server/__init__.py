"""A local page on which a person types an expression: `difflab lab`."""

from .answers import EXAMPLES, answer
from .app import make_app, serve

__all__ = ["EXAMPLES", "answer", "make_app", "serve"]
