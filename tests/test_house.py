"""Every fact about an operation stands in its row: outside primitives/ no code asks for a row by its name.

A user's function may have the name of a row and is another row, so code asks by identity (`row is rows.add`), by kind
(`row.kind`), or for what the row says of itself (a field, a word in `facts`, a spelling).

And types tell: `difflab/types.py` names what is `Any` to a checker, and no other file says much of it.
"""

from __future__ import annotations

import ast
import pathlib
from functools import cache

import pytest

import difflab

ROOT = pathlib.Path(difflab.__file__).parent
FILES = [p for p in sorted(ROOT.rglob("*.py")) if p.relative_to(ROOT).parts[0] != "primitives"]
ROWS = ("row", "primitive", "plain")  # what an expression for a row is called, or ends in
MOST_ANY = 1  # words in 100 lines; only ever lowered
MOST_LINES = 420  # of a file: about 400
MOST_IGNORES = 20  # comments that silence the checker; only ever lowered
# What looks a name up and may: the expressions by file, and why.
LEFT = {
    "graph/sympy_io.py": {
        "getattr(sympy, spelled or (row.name if row.listed else ''), None)": "sympy's class of the row's own name",
        "getattr(sympy, spelled or row.name, None)": "the same, of the table's rows",
    },
}


def is_row(x: ast.AST) -> bool:
    return (isinstance(x, ast.Attribute) and x.attr in ROWS) or (isinstance(x, ast.Name) and x.id in ROWS)


def is_name(x: ast.AST, bound: set[str]) -> bool:
    """Whether an expression is the name of a row, or a variable that holds one."""
    if isinstance(x, ast.IfExp):
        return is_name(x.body, bound) or is_name(x.orelse, bound)
    if isinstance(x, ast.BoolOp):
        return any(is_name(v, bound) for v in x.values)
    if isinstance(x, ast.Tuple):
        return any(is_name(v.value if isinstance(v, ast.Starred) else v, bound) for v in x.elts)
    return (isinstance(x, ast.Attribute) and x.attr == "name" and is_row(x.value)) or (
        isinstance(x, ast.Name) and x.id in bound
    )


def holders(function: ast.AST) -> set[str]:
    """The variables of a function that hold the name of a row."""
    found: set[str] = set()
    for n in ast.walk(function):
        pairs = []
        if isinstance(n, ast.Assign):
            for t in n.targets:
                both = isinstance(t, ast.Tuple) and isinstance(n.value, ast.Tuple)
                pairs += zip(t.elts, n.value.elts) if both else [(t, n.value)]
        elif isinstance(n, ast.NamedExpr):
            pairs = [(n.target, n.value)]
        elif isinstance(n, ast.comprehension) and isinstance(n.target, ast.Tuple):
            each = n.iter.elt if isinstance(n.iter, ast.GeneratorExp) else None
            pairs = list(zip(n.target.elts, each.elts)) if isinstance(each, ast.Tuple) else []
        found |= {
            t.id for t, v in pairs if isinstance(t, ast.Name) and not isinstance(v, ast.Tuple) and is_name(v, set())
        }
    return found


def is_text(x: ast.AST) -> bool:
    """A text or a collection that holds one, written out or as a constant of the file."""
    if isinstance(x, ast.Tuple | ast.List | ast.Set):
        return any(is_text(e) for e in x.elts)
    if isinstance(x, ast.Starred):
        return is_text(x.value)
    return (isinstance(x, ast.Constant) and isinstance(x.value, str)) or (isinstance(x, ast.Name) and x.id.isupper())


def asks_by_name(n: ast.AST, bound: set[str]) -> bool:
    """Whether an expression compares the name of a row with a text, looks it up, or takes a row by its name."""
    match n:
        case ast.Compare(left=left, comparators=others):
            sides = [left, *others]
            return any(is_name(x, bound) for x in sides) and any(is_text(x) for x in sides)
        case ast.Subscript(value=ast.Name(id="TABLE"), slice=ast.Constant()):
            return True
        case ast.Subscript(slice=index, ctx=ast.Load()):
            return is_name(index, bound)
        case ast.Call(func=ast.Name(id="lookup"), args=[ast.Constant(), *_]):
            return True
        case (
            ast.Call(func=ast.Attribute(attr="get"), args=[key, *_])
            | ast.Call(func=ast.Name(id="getattr"), args=[_, key, *_])
        ):
            return is_name(key, bound)
        case ast.Match(subject=subject):
            return is_name(subject, bound)
    return False


def asked(source: str) -> list[str]:
    """The expressions of a source that ask for a row by its name."""
    tree, found = ast.parse(source), []
    bound: dict[ast.AST, set[str]] = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            bound |= dict.fromkeys(ast.walk(function), holders(function))
    for n in ast.walk(tree):
        if asks_by_name(n, bound.get(n, set())):
            found.append(ast.unparse(n.subject if isinstance(n, ast.Match) else n))
    return found


@cache
def found() -> dict[str, list[str]]:
    """What every file asks for by name."""
    return {str(p.relative_to(ROOT)): asked(p.read_text()) for p in FILES}


def test_rows_are_asked_for_by_identity():
    """A new entry belongs into the row; the list of what is left only gets shorter."""
    new = {f: [e for e in every if e not in LEFT.get(f, {})] for f, every in found().items()}
    assert {f: every for f, every in new.items() if every} == {}


def test_what_is_left_is_there():
    """An entry that is mended leaves the list."""
    assert {f: [e for e in every if e not in found()[f]] for f, every in LEFT.items()} == {f: [] for f in LEFT}


@pytest.mark.parametrize(
    "source",
    [
        "node.primitive.name == 'add'",
        "'add' != row.name",
        "node.primitive.plain.name in ('add', 'subtract')",
        "row.name in RISING",
        "RULES[node.primitive.name]",
        "RULES.get(row.name)",
        "PRODUCTS.get((row.name, 1, 2))",
        "getattr(np, row.name, None)",
        "TABLE['add']",
        "lookup('add')",
        "def f(node):\n    name, x = node.primitive.name, node.operands\n    return name in SIGNED",
        "def f(row):\n    name = row.name if row.listed else ''\n    return name == 'add'",
        "def f(used):\n    return any(name in CHOICES for row, name in ((row, row.name) for row in used))",
        "def f(row):\n    match row.name:\n        case 'add':\n            return 1",
    ],
)
def test_it_is_seen(source):
    assert len(asked(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "row is rows.add",
        "f'{row.name}'",
        "block.name == 'add'",
        "TABLE[name]",
        "row.kind == 'leaf'",
        "found[row.name] = 1",
    ],
)
def test_what_is_fine_is_not_seen(source):
    assert asked(source) == []


def test_any_is_said_by_its_other_names():
    """`Value`, `Tree`, `Function` and the like say what a thing is, where its type cannot."""
    sources = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in sorted(ROOT.rglob("*.py"))}
    del sources["types.py"]
    words = {
        f: sum(isinstance(n, ast.Name) and n.id == "Any" for n in ast.walk(ast.parse(s))) for f, s in sources.items()
    }
    lines = sum(s.count("\n") for s in sources.values())
    most = sorted(((count, f) for f, count in words.items()), reverse=True)[:5]
    assert sum(words.values()) <= MOST_ANY * lines / 100, f"{sum(words.values())} in {lines} lines; the most: {most}"


def test_the_checker_is_seldom_silenced():
    ignored = {
        p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8").count("# type: ignore")
        for p in ROOT.rglob("*.py")
    }
    assert sum(ignored.values()) <= MOST_IGNORES, sorted(((n, f) for f, n in ignored.items()), reverse=True)[:5]


def test_no_file_is_long():
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in ROOT.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}
