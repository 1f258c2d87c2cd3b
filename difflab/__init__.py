"""A laboratory for derivatives: write a function once; see, compare, certify and compile its gradient."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "difflab.differentiate.custom": "checkpoint custom_gradient",
    "difflab.differentiate.passes": "backward_graph",
    "difflab.differentiate.transform": (
        "elementwise_grad grad hessian hvp jacobian jvp stop_gradient value_and_grad vjp"
    ),
    "difflab.errors": "DifflabError",
    "difflab.graph.block": "block",
    "difflab.graph.graph": "Graph",
    "difflab.graph.node": "Node",
    "difflab.graph.trace": "label trace",
}
_MODULES = ("errors", "numpy", "primitives", "testing")
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"difflab.{name}")
    raise AttributeError(f"module 'difflab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_HOME, "__version__"])
