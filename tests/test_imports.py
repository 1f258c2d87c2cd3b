"""Imports only go down the floors, no two files import each other, and `import difflab` stays light."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import networkx as nx
import pytest

import difflab

ROOT = pathlib.Path(difflab.__file__).parent
FLOORS = {
    "clock": 0, "errors": 0, "files": 0, "hooks": 0, "interrupts": 0, "progress": 0, "reading": 0, "version": 0,
    "primitives": 1, "graph": 1,
    "differentiate": 2, "compile": 2, "numpy": 2,
    "lab": 3, "draw": 3, "nn": 3, "mdp": 3,
    "cli": 4, "testing": 4, "__main__": 5,
}  # fmt: skip
FILES = sorted(ROOT.rglob("*.py"))
NAMES = {".".join(("difflab", *p.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): p for p in FILES}


def statements(tree: ast.Module, top: bool) -> list[ast.AST]:
    """Every statement that runs when the file is imported, or with `top` false also those inside functions."""
    if not top:
        return list(ast.walk(tree))
    return [n for n in tree.body if not (isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test))]


def imports(name: str, top: bool = False) -> set[str]:
    """The files of difflab that a file imports."""
    path, found = NAMES[name], set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in statements(ast.parse(path.read_text()), top):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in NAMES else base for a in node.names}
    return {n for n in found if n in NAMES} - {"difflab", name}


GRAPH = {name: imports(name) for name in NAMES if name != "difflab"}


def floor(name: str) -> int:
    return FLOORS[name.split(".")[1]]


def test_every_room_has_a_floor():
    assert {name.split(".")[1] for name in GRAPH} <= set(FLOORS)


@pytest.mark.parametrize("name", sorted(GRAPH))
def test_imports_only_go_down(name):
    up = {other for other in GRAPH[name] if floor(other) > floor(name)}
    assert up == set()


def test_no_two_files_import_each_other():
    """No cycles; an import inside a function (a report's layout, say) is made when it is called, and is no cycle."""
    edges = [(name, other) for name in GRAPH for other in imports(name, top=True)]
    cycles = [sorted(c) for c in nx.strongly_connected_components(nx.DiGraph(edges)) if len(c) > 1]
    assert cycles == []


def loaded_by(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize("code", ["import difflab", "import difflab; difflab.grad; difflab.parse; difflab.compile"])
def test_import_is_light(code):
    assert not {"sympy", "matplotlib", "jax", "torch", "rich", "flint", "click", "graphviz"} & loaded_by(code)


def test_the_shell_starts_light():
    modules = loaded_by("import difflab.cli.app")
    assert not {"numpy", "sympy", "matplotlib", "rich"} & modules
