"""Imports only go down the floors, no two files import each other, and `import difflab` stays light.

Every import counts: those inside functions, those under TYPE_CHECKING, and the modules that are named in texts and
imported by `import_module`, which no tool sees.
"""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

import networkx as nx
import pytest

import difflab

ROOT = pathlib.Path(difflab.__file__).parent
FLOORS = (  # from the ground up; "" is the package's own `__init__`, which names all rooms below it
    "cache cards clock errors files garbage glance hooks interrupts late palette progress reading types version",
    *"primitives graph numpy compile differentiate draw lab nn sketch mdp testing bridges autograd".split(),
    "",
    *"gallery cli __main__".split(),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split() or [""]}
# Texts that name a module which is not imported there.
NO_IMPORTS = {
    ("graph.array_namespace", "numpy"),  # what its functions say of themselves: `__module__`
    ("primitives.found", "primitives.linalg"),  # modules of NumPy and SciPy
    ("differentiate.limits", "differentiate.warm"),  # what another process imports
}


def named(path: pathlib.Path) -> str:
    """A file's name without the package's: `graph.trace`, `mdp` for mdp/__init__.py, "" for the package's own."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


FILES = {named(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports(name: str, text: str, package: str) -> set[str]:
    """The files of difflab that a file imports, at any depth."""
    tree = ast.parse(text)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = f"difflab.{package}".rstrip(".").split(".")
                base = ".".join([*up[: len(up) - node.level + 1], *([base] if base else [])])
            found |= {f"{base}.{a.name}" if known(f"{base}.{a.name}") else base for a in node.names}
    found |= set(in_texts(tree, package))
    inside = {short(n) for n in found if known(n)}
    return {n for n in inside if n != name and (name, n) not in NO_IMPORTS}


def short(module: str) -> str:
    return module.removeprefix("difflab").removeprefix(".")


def known(module: str) -> bool:
    return module.partition(".")[0] == "difflab" and short(module) in FILES


def in_texts(tree: ast.Module, package: str) -> Iterator[str]:
    """Modules named in full, and those whose names are completed by `import_module(f"{__package__}.{word}")`."""
    told = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}  # docstrings
    constants = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in told]
    texts = [n.value for n in constants if isinstance(n.value, str)]
    yield from (text for text in texts if text.startswith("difflab."))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            prefix = beginning(node.args[0], f"difflab.{package}")
            yield from (prefix + word.replace("-", "_") for text in texts for word in text.split() if prefix)


def beginning(module: ast.expr, package: str) -> str:
    """What an f-string begins with before its first unknown part."""
    found = ""
    for part in module.values if isinstance(module, ast.JoinedStr) else []:
        if isinstance(part, ast.Constant):
            found += part.value
        elif isinstance(part, ast.FormattedValue) and ast.unparse(part.value) == "__package__":
            found += package
        else:
            break
    return found


def read(name: str) -> set[str]:
    package = name if FILES[name].name == "__init__.py" else name.rpartition(".")[0]
    return imports(name, FILES[name].read_text(), package)


@cache
def graph() -> dict[str, set[str]]:
    """The imports of each file."""
    return {name: read(name) for name in FILES}


def floor(name: str) -> int:
    return FLOOR[name.partition(".")[0]]


def test_every_room_has_a_floor():
    assert {name.partition(".")[0] for name in FILES} == set(FLOOR)


def test_imports_only_go_down():
    edges = [(name, other) for name, others in graph().items() for other in others]
    assert sorted((name, other) for name, other in edges if floor(other) > floor(name)) == []


def test_no_two_files_import_each_other():
    """Not over others either."""
    edges = [(name, other) for name, others in graph().items() for other in others]
    assert [sorted(c) for c in nx.strongly_connected_components(nx.DiGraph(edges)) if len(c) > 1] == []


@pytest.mark.parametrize(
    "code",
    [
        "from ..draw import svg",
        "from ..draw.svg import themed",
        "import difflab.draw.svg",
        "def f():\n    from ..draw.svg import themed",
        "if TYPE_CHECKING:\n    from difflab.draw.svg import themed",
        "HOMES = {'svg': 'difflab.draw.svg'}",
        "COMMANDS = 'svg dot'\nload = lambda n: import_module(f'difflab.draw.{n}')",
    ],
)
def test_every_kind_of_import_is_seen(code):
    assert "draw.svg" in imports("graph.trace", code, "graph")


def test_texts_that_are_completed_are_imports():
    code = "def at_home(file):\n    return import_module(f'{__package__}.{file}')\nat_home('parse')"
    assert imports("graph.trace", code, "graph") == {"graph.parse"}
    assert imports("graph.trace", "from . import node, parse\nfrom .. import errors, grad", "graph") == {
        "graph.node", "graph.parse", "errors", "",
    }  # fmt: skip


def loaded_by(code: str) -> set[str]:
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return set(told.splitlines()[-1].split())


HEAVY = {"sympy", "mpmath", "matplotlib", "jax", "torch", "numba", "scipy"}  # each takes longer than NumPy
SHOWING = {"rich", "click", "graphviz"}
AT = "'x * y + sin(x)', '--at', 'x=1,y=2'"
DRAWN = f"from difflab.cli.app import run; assert run(['draw', {AT}]) == 0"
COMPARED = f"from difflab.cli.app import run; assert run(['compare', {AT}, *METHODS]) == 0"
SOLVED = "from difflab import mdp; mdp.gridworld((3, 3)).solve()"
WITH = "METHODS = [w for name in {!r}.split() for w in ('--method', name)]; "


@pytest.mark.parametrize(
    ("code", "unused"),
    [
        ("import difflab", {"numpy", "networkx", "flint"} | HEAVY | SHOWING),
        ("import difflab.cli.app", {"numpy", "networkx", "flint", "rich"} | HEAVY),
        ("import difflab; difflab.grad(lambda x: x * x)(2.0)", {"networkx", "flint"} | HEAVY | SHOWING),
        ("import difflab, numpy as np; difflab.grad(np.sin)(2.0)", {"networkx", "flint"} | HEAVY | SHOWING),
        ("import difflab; difflab.grad; difflab.parse; difflab.compile", {"flint"} | HEAVY | SHOWING),
        ("import difflab; difflab.compile(lambda x: x * x)(2.0)", {"flint"} | HEAVY | SHOWING),
        (DRAWN, {"flint", "rich"} | HEAVY),
        (SOLVED, {"difflab.nn", "scipy.optimize", "flint", "rich"} | (HEAVY - {"scipy"})),
        (WITH.format("reverse forward numerical") + COMPARED, HEAVY),
        (WITH.format("reverse certified") + COMPARED, HEAVY - {"mpmath"}),
        # sympy works in a process of its own
        (WITH.format("reverse symbolic") + COMPARED, HEAVY - {"mpmath"}),
    ],
)
def test_what_is_not_used_is_not_imported(code, unused):
    """What a first call costs is mostly imports, and they can be counted where time cannot."""
    assert not unused & loaded_by(code)


def test_functions_of_scipy_are_known_without_an_import_of_ours():
    code = "import difflab; from scipy.special import erf; assert difflab.grad(erf)(0.0) == 2 / 3.141592653589793**0.5"
    assert "scipy.special" in loaded_by(code)
