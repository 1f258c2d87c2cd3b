"""A laboratory for derivatives: write a function once; see, compare, certify and compile its gradient."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

# Where each public name lives; it is imported when somebody first asks for it.
_HOMES = {
    "difflab.compile.program": "compile Program",
    "difflab.differentiate.certified": "certify",
    "difflab.differentiate.custom": "checkpoint custom_gradient",
    "difflab.differentiate.derivative": "Derivative",
    "difflab.differentiate.methods": "differentiate",
    "difflab.differentiate.passes": "backward_graph",
    "difflab.differentiate.transform": (
        "elementwise_grad grad hessian hvp jacobian jvp stop_gradient value_and_grad vjp"
    ),
    "difflab.draw.draw": "draw",
    "difflab.errors": "DifflabError",
    "difflab.graph.block": "block",
    "difflab.graph.graph": "Graph",
    "difflab.graph.node": "Node",
    "difflab.graph.parse": "parse",
    "difflab.graph.sympy_io": "from_sympy to_sympy",
    "difflab.graph.trace": "label trace",
    "difflab.lab.accuracy": "accuracy",
    "difflab.lab.compare": "Comparison compare",
    "difflab.lab.step_size": "step_size_study",
    "difflab.lab.swell": "expression_swell",
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
    return sorted([*_HOME, *_MODULES, "__version__"])


class _Package(ModuleType):
    """Keeps `dl.compile`, `dl.draw` and `dl.differentiate` the functions, though rooms have those names too."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
