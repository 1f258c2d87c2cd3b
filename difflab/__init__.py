"""A laboratory for derivatives: write a function once; see, compare, certify and compile its gradient."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import hooks
from .version import __version__ as __version__

if TYPE_CHECKING:  # what editors and type checkers see; at run time the names below are loaded lazily
    from . import (
        autograd as autograd,
        errors as errors,
        lab as lab,
        mdp as mdp,
        nn as nn,
        numpy as numpy,
        primitives as primitives,
        sketch as sketch,
        testing as testing,
    )
    from .bridges.from_jax.imported import from_jax as from_jax
    from .bridges.from_onnx.program import from_onnx as from_onnx
    from .bridges.from_torch.reading import from_torch as from_torch
    from .bridges.judging.judge import judge as judge
    from .bridges.modules import gradients_by_module as gradients_by_module
    from .bridges.nonfinite.find import find_nonfinite as find_nonfinite
    from .bridges.out.numpy_file import to_numpy_source as to_numpy_source
    from .bridges.out.to_c import to_c as to_c
    from .bridges.out.to_latex import to_latex as to_latex
    from .bridges.out.to_onnx import to_onnx as to_onnx
    from .bridges.out.to_torch import to_torch as to_torch
    from .compile.program.program import Program as Program, compile as compile
    from .differentiate.batching import vmap as vmap
    from .differentiate.branches import cond as cond, while_loop as while_loop
    from .differentiate.certified import certify as certify
    from .differentiate.control_flow import scan as scan
    from .differentiate.custom import checkpoint as checkpoint, custom_gradient as custom_gradient
    from .differentiate.derivative import Derivative as Derivative
    from .differentiate.fixed_point import fixed_point as fixed_point
    from .differentiate.jacobians import hessian as hessian, jacobian as jacobian
    from .differentiate.methods import differentiate as differentiate
    from .differentiate.own_rules import defjvp as defjvp, defvjp as defvjp, primitive as primitive
    from .differentiate.passes import backward_graph as backward_graph
    from .differentiate.to_jax import to_jax as to_jax
    from .differentiate.transform import (
        elementwise_grad as elementwise_grad,
        grad as grad,
        hvp as hvp,
        jvp as jvp,
        stop_gradient as stop_gradient,
        value_and_grad as value_and_grad,
        vjp as vjp,
    )
    from .draw.draw import draw as draw
    from .errors import DifflabError as DifflabError
    from .graph.builder import builder as builder
    from .graph.graph import Graph as Graph
    from .graph.grouping import block as block
    from .graph.node import Node as Node
    from .graph.parse import parse as parse
    from .graph.sympy_io import from_sympy as from_sympy, to_sympy as to_sympy
    from .graph.trace import label as label, trace as trace
    from .graph.traced import Traced as Traced
    from .lab.accuracy import accuracy as accuracy
    from .lab.compare import Comparison as Comparison, compare as compare
    from .lab.step_size import step_size_study as step_size_study
    from .lab.swell import expression_swell as expression_swell

# Where each public name lives; it is imported when somebody first asks for it.
_HOMES = {
    "difflab.bridges.judging.judge": "judge",
    "difflab.bridges.modules": "gradients_by_module",
    "difflab.bridges.from_jax.imported": "from_jax",
    "difflab.bridges.from_torch.reading": "from_torch",
    "difflab.bridges.nonfinite.find": "find_nonfinite",
    "difflab.bridges.from_onnx.program": "from_onnx",
    "difflab.bridges.out.numpy_file": "to_numpy_source",
    "difflab.bridges.out.to_c": "to_c",
    "difflab.bridges.out.to_latex": "to_latex",
    "difflab.bridges.out.to_onnx": "to_onnx",
    "difflab.bridges.out.to_torch": "to_torch",
    "difflab.compile.program.program": "compile Program",
    "difflab.differentiate.batching": "vmap",
    "difflab.differentiate.branches": "cond while_loop",
    "difflab.differentiate.certified": "certify",
    "difflab.differentiate.control_flow": "scan",
    "difflab.differentiate.custom": "checkpoint custom_gradient",
    "difflab.differentiate.derivative": "Derivative",
    "difflab.differentiate.fixed_point": "fixed_point",
    "difflab.differentiate.jacobians": "hessian jacobian",
    "difflab.differentiate.methods": "differentiate",
    "difflab.differentiate.own_rules": "defjvp defvjp primitive",
    "difflab.differentiate.passes": "backward_graph",
    "difflab.differentiate.to_jax": "to_jax",
    "difflab.differentiate.transform": ("elementwise_grad grad hvp jvp stop_gradient value_and_grad vjp"),
    "difflab.draw.draw": "draw",
    "difflab.errors": "DifflabError",
    "difflab.graph.builder": "builder",
    "difflab.graph.graph": "Graph",
    "difflab.graph.grouping": "block",
    "difflab.graph.node": "Node",
    "difflab.graph.parse": "parse",
    "difflab.graph.sympy_io": "from_sympy to_sympy",
    "difflab.graph.trace": "label trace",
    "difflab.graph.traced": "Traced",
    "difflab.lab.accuracy": "accuracy",
    "difflab.lab.compare": "Comparison compare",
    "difflab.lab.step_size": "step_size_study",
    "difflab.lab.swell": "expression_swell",
}
_MODULES = "autograd errors lab mdp nn numpy primitives sketch testing".split()
_SYNONYMS = {"gradient": "grad", "diff": "grad", "jit": "compile", "jacfwd": "jacobian", "jacrev": "jacobian"}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
hooks.FILLERS.update(
    {
        "array namespace": "difflab.numpy",
        "backward": "difflab.differentiate.passes",
        "errors of methods": "difflab.lab.page_errors",
        "card of a graph": "difflab.draw.shown",
        "card of a process": "difflab.mdp.shown",
        "frame": "difflab.draw.shown",
        "graphviz": "difflab.draw.draw",
        "method of a framework": "difflab.bridges.compared",
        "node of a box": "difflab.autograd.nodes",
        "svg": "difflab.draw.draw",
    }
)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"difflab.{name}")
    from difflib import get_close_matches

    close = [_SYNONYMS[name]] if name in _SYNONYMS else get_close_matches(name, __dir__(), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise AttributeError(f"module 'difflab' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted([*_HOME, *_MODULES, "__version__"])


class _Package(ModuleType):
    """Keeps `dl.compile`, `dl.draw` and `dl.differentiate` the functions, though rooms have those names too."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
