"""A laboratory for derivatives: write a function once; see, compare, certify and compile its gradient."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "difflab.differentiate.transform": (
        "elementwise_grad grad hessian hvp jacobian jvp stop_gradient value_and_grad vjp"
    ),
}
_MODULES = "numpy primitives graph testing nn mdp lab draw cli errors".split()
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'difflab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_HOME, "__version__"])
