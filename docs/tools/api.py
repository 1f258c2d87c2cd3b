"""The pages of the API reference: each public name is shown by mkdocstrings under the name that users write."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import difflab
from difflab.primitives import TABLE

FUNCTIONS = {
    "Record and draw": "trace parse builder label block draw from_sympy to_sympy Graph Node Traced",
    "Derivatives": "grad value_and_grad elementwise_grad jacobian hessian hvp vjp jvp stop_gradient custom_gradient "
    "primitive defvjp defjvp checkpoint fixed_point backward_graph",
    "Batches and control flow": "vmap scan cond while_loop",
    "Methods, compared and certified": "differentiate Derivative compare Comparison certify step_size_study "
    "expression_swell accuracy",
    "Compiled programs": "compile Program to_jax",
    "Other people's code": "from_jax from_torch from_onnx judge find_nonfinite gradients_by_module to_torch to_onnx "
    "to_numpy_source to_c to_latex",
    "Errors": "DifflabError",
}
MODULES = (
    "difflab.nn",
    "difflab.nn.functional",
    "difflab.nn.optim",
    "difflab.nn.data",
    "difflab.sketch",
    "difflab.lab",
    "difflab.mdp",
    "difflab.mdp.learning",
    "difflab.testing",
    "difflab.testing.strategies",
    "difflab.autograd",
    "difflab.autograd.core",
    "difflab.autograd.extend",
    "difflab.autograd.tracer",
)
INHERITED = {"Comparison": ["agree", "max_ulps"], "Graph": ["to_graphviz"], "Sketch": ["save"]}  # of classes not shown


def pages() -> dict[str, str]:
    """Markdown by address."""
    found = {"reference/difflab.md": package()}
    for name in MODULES:
        found[f"reference/{name}.md"] = module(name)
    found["reference/difflab.numpy.md"] = namespace()
    return found


def addresses() -> list[dict[str, str]]:
    """In the order of the navigation."""
    return [{name: f"reference/{name}.md"} for name in ("difflab", "difflab.numpy", *MODULES)]


def package() -> str:
    listed = {n for names in FUNCTIONS.values() for n in names.split()}
    missing = {n for n in dir(difflab) if not n.startswith("_") and n not in listed} - {
        n for n in dir(difflab) if isinstance(getattr(difflab, n), ModuleType)
    }
    if missing:
        raise ValueError(f"docs/tools/api.py has no place for {', '.join(sorted(missing))}")
    parts = ["# difflab", "", str(difflab.__doc__), ""]
    for title, names in FUNCTIONS.items():
        parts += [f"## {title}", "", *(entry(difflab, n, 3) for n in names.split())]
    parts += [entry(difflab.errors, n, 3) for n in public(difflab.errors) if n != "DifflabError"]
    return "\n".join(parts)


def module(name: str) -> str:
    found = import_module(name)
    parts = [f"# {name}", "", f"::: {name}", "    options:", "      members: false",
             "      show_root_heading: false", "      show_root_toc_entry: false", ""]  # fmt: skip
    return "\n".join([*parts, *(entry(found, n, 2) for n in public(found))])


def public(found: ModuleType) -> list[str]:
    """The public functions and classes of a module, in the order of its own list or by name; no second names."""
    names = getattr(found, "__all__", None) or sorted(n for n in dir(found) if not n.startswith("_"))
    return [n for n in names if of_ours(getattr(found, n)) and getattr(found, n).__name__ == n]


def of_ours(value: Any) -> bool:
    return callable(value) and (getattr(value, "__module__", None) or "").startswith("difflab")


def entry(found: ModuleType, name: str, level: int) -> str:
    """Shown under its public name; mkdocstrings looks for it where it is defined."""
    path = f"{getattr(found, name).__module__}.{name}"
    below = f"      inherited_members: {INHERITED[name]}\n" if name in INHERITED else ""
    return f"::: {path}\n    options:\n      heading: {name}\n      heading_level: {level}\n{below}"


def namespace() -> str:
    """difflab.numpy: what it adds to NumPy, each name linked to its row."""
    import numpy as np
    from rows import anchor, groups

    import difflab.numpy as dnp

    page_of = {row.name: page for page, rows in groups().items() for row in rows}
    ours = [n for n in dir(dnp) if not n.startswith("_") and not hasattr(np, n) and n in page_of]
    parts = ["# difflab.numpy", "", "::: difflab.numpy", "    options:", "      members: false",
             "      show_root_heading: false", "      show_root_toc_entry: false", "",
             "## What NumPy has not", "", "| name | |", "|---|---|"]  # fmt: skip
    from rows import prose

    parts += [f"| [{n}](primitives/{page_of[n]}.md#{anchor(TABLE[n])}) | {prose(TABLE[n].doc)} |" for n in ours]
    return "\n".join(parts) + "\n"
