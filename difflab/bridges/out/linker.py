"""Functions and what they name, gathered into one text: the source of each, with its global names made unique."""

from __future__ import annotations

import ast
import base64
import builtins
import functools
import inspect
import keyword
import linecache
import math
import re
import sys
import types
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace

import numpy as np

from ...compile.run.blas import controls
from ...compile.run.sincos import tables
from ...errors import UnsupportedError
from ...late import Late
from ...primitives import NUMPY, Carrier, Primitive
from ...primitives.found import of_scipy
from ...primitives.kernels import parallel, workspace
from ...types import Array, Value

PACKAGE = __name__.partition(".")[0]
LARGE = 400  # bytes from which an array is written as base64
NAMESPACES = ("linalg", "fft", "lib.stride_tricks")
SCIPY = "from scipy import special"
# What runs in threads, or keeps memory, in a few lines without either: the same numbers.
IN_PLACE_OF: dict[Value, str] = {
    parallel.cores: f"def {{name}}():\n    return {parallel.cores()}",  # products are cut for as many
    parallel.together: "def {name}(tasks):\n    for task in tasks:\n        task()",
    workspace.scratch: "def {name}(purpose, shape, dtype):\n    return np.zeros(shape, dtype)",
    workspace.empty: "def {name}(shape, dtype):\n    return np.empty(shape, dtype)",
    controls: "def {name}():\n    return " + ("()" if controls() is not None else "None"),
}


class Linker:
    """Definitions in the order in which they need each other, and the imports that they need."""

    def __init__(self) -> None:
        self.imports: set[str] = {"import numpy as np"}
        self.definitions: list[str] = []
        self.known: dict[int, str] = {}
        self.carried: set[str] = set()
        self.constants: dict[tuple[str, str], str] = {}
        self.held: list[Value] = []  # so that ids stay their own
        self.taken: set[str] = {"np", "special", "base64", *dir(builtins)}

    def fresh(self, wanted: str) -> str:
        name = re.sub(r"\W", "_", wanted).strip("_") or "value"
        name = f"f_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
        found, k = name, 1
        while found in self.taken:
            k += 1
            found = f"{name}_{k}"
        self.taken.add(found)
        return found

    def text(self) -> str:
        return "\n\n\n".join(self.definitions)

    # Values.
    def reference(self, value: Value, wanted: str = "value") -> str:
        """An expression for a value; what it needs is defined before."""
        plain = self.literal(value)
        if plain is not None:
            return plain
        if id(value) not in self.known:
            self.held.append(value)
            self.known[id(value)] = self.defined(value, wanted)
        return self.known[id(value)]

    def named(self, value: Value, name: str) -> str:
        """A reference to what a name stands for; numbers and texts keep the name, so that a reader knows them."""
        text = self.reference(value, name)
        if type(value) not in (bool, int, float, str, type(None)):
            return text
        if (name, text) not in self.constants:
            self.constants[name, text] = self.assigned(text, name)
        return self.constants[name, text]

    def literal(self, value: Value) -> str | None:
        """A value that is written where it stands."""
        if value is None or value is Ellipsis or type(value) in (bool, int, str, bytes):
            return repr(value)
        if type(value) is float:
            return repr(value) if math.isfinite(value) else f'float("{value!r}")'
        if type(value) is complex:
            return f"complex({self.literal(value.real)}, {self.literal(value.imag)})"
        if isinstance(value, np.dtype):
            return f'np.dtype("{value.str}")'
        if isinstance(value, np.generic):
            return f"{self.array(np.asarray(value))}[()]"
        if isinstance(value, slice):
            return f"slice({', '.join(self.reference(e) for e in (value.start, value.stop, value.step))})"
        if type(value) in (tuple, list, set, frozenset):
            inside = ", ".join(self.reference(e) for e in value)
            if type(value) is tuple:
                return f"({inside},)" if inside else "()"
            return f"[{inside}]" if type(value) is list else f"{type(value).__name__}([{inside}])"
        if type(value) is dict:
            return "{" + ", ".join(f"{self.reference(k)}: {self.reference(v)}" for k, v in value.items()) + "}"
        return self.of_library(value)

    def of_library(self, value: Value) -> str | None:
        """What Python, NumPy or SciPy have under a name."""
        if value is np or (isinstance(value, types.ModuleType) and value.__name__ == "numpy"):
            return "np"
        if isinstance(value, Late | types.ModuleType):
            return self.module(value.name if isinstance(value, Late) else value.__name__)
        name = getattr(value, "__name__", "")
        home = getattr(value, "__self__", None)
        if isinstance(home, np.ufunc):
            return f"{self.of_library(home)}.{name}"
        if getattr(builtins, name, None) is value:
            return str(name)
        if name and getattr(np, name, None) is value:
            return f"np.{name}"
        for space in NAMESPACES:
            if name and getattr(functools.reduce(getattr, space.split("."), np), name, None) is value:
                return f"np.{space}.{name}"
        if callable(value) and of_scipy(value):
            self.imports.add(SCIPY)
            special = getattr(sys.modules.get("scipy.special"), name, None) is value
            return f"special.{name}" if special else f"special._ufuncs.{name}"
        owner = getattr(value, "__module__", None)
        if owner in sys.stdlib_module_names and getattr(sys.modules.get(owner), name, None) is value:
            self.imports.add(f"import {owner.lstrip('_')}")
            return f"{owner.lstrip('_')}.{name}"
        return None

    def module(self, name: str) -> str:
        if name == "scipy.special":
            self.imports.add(SCIPY)
            return "special"
        if name.partition(".")[0] not in sys.stdlib_module_names:
            raise UnsupportedError(f"to_numpy_source: it needs the package {name}")
        self.imports.add(f"import {name}")
        return name

    def array(self, array: Array) -> str:
        """An array, exactly, with its axes in the order that they have in memory, on which BLAS's last digits hang."""
        if array.dtype.hasobject:
            raise UnsupportedError("to_numpy_source: it holds an array of Python objects")
        order = sorted(range(array.ndim), key=lambda k: -abs(array.strides[k]))
        plain = order == list(range(array.ndim)) or array.flags.c_contiguous
        base = array if plain else array.transpose(order)
        back = "" if plain else f".transpose({[order.index(k) for k in range(array.ndim)]!r})"
        if array.nbytes <= LARGE and (array.dtype.kind in "biu" or np.all(np.isfinite(array))):
            return f'np.array({base.tolist()!r}, "{array.dtype.str}").reshape({base.shape!r}){back}'
        self.imports.add("import base64")
        data = base64.b64encode(np.ascontiguousarray(base).tobytes()).decode()
        return f'np.frombuffer(base64.b64decode("{data}"), "{array.dtype.str}").reshape({base.shape!r}).copy(){back}'

    def defined(self, value: Value, wanted: str) -> str:
        """The name under which a value is defined."""
        if isinstance(value, np.ndarray):
            return self.assigned(self.array(value), "k")
        if value is NUMPY:
            self.imports.add("import types")
            return self.assigned("types.SimpleNamespace()", "m")
        if value is tables:
            return self.assigned(f"lambda: {self.reference(tables())}", "tables")
        if value in (f for f in IN_PLACE_OF if f is value):
            name = self.fresh(value.__name__)
            self.definitions.append(IN_PLACE_OF[value].format(name=name))
            return name
        if isinstance(value, functools.partial):
            parts = [self.reference(value.func), *map(self.reference, value.args)]
            named = [f"{k}={self.reference(v)}" for k, v in value.keywords.items()]
            self.imports.add("import functools")
            return self.assigned(f"functools.partial({', '.join([*parts, *named])})", wanted)
        inner = inspect.unwrap(value) if callable(value) else value
        if isinstance(inner, types.FunctionType):
            return self.function(inner)
        if isinstance(value, types.MethodType):
            return f"{self.reference(value.__self__)}.{value.__name__}"
        if isinstance(value, type):
            return self.class_of(value)
        return self.instance(value, wanted)

    def assigned(self, text: str, wanted: str) -> str:
        name = self.fresh(wanted)
        self.definitions.append(f"{name} = {text}")
        return name

    # Code.
    def function(self, f: types.FunctionType) -> str:
        """A function by its source; what it closes over is written in place of the names."""
        code = f.__code__
        env = dict(f.__globals__)
        for cell_name, cell in zip(code.co_freevars, f.__closure__ or ()):
            env[cell_name] = cell.cell_contents
        found = node_of(code)
        if isinstance(found, ast.Lambda):
            made = ast.FunctionDef("made", found.args, [ast.Return(found.body)], [], None, None)
            return self.define(ast.fix_missing_locations(made), env, "made", f)
        return self.define(found, env, f.__name__, f)

    def define(self, node: Value, env: Mapping[str, Value], wanted: str, f: Value = None) -> str:
        """A definition with its global names replaced; the name that it has in the text."""
        name = self.fresh(wanted)
        if f is not None:
            self.held.append(f)
            self.known[id(f)] = name  # it may call itself
        clean: Value = ast.parse(ast.unparse(node)).body[0]
        clean.decorator_list = [d for d in clean.decorator_list if "cache" in ast.unparse(d)]
        clean = Renamer(self, env, bound_in(clean)).visit(clean)
        arguments = getattr(clean, "args", None)
        if arguments is not None and arguments.args and arguments.args[0].arg == "m":
            self.carry({n.attr for n in ast.walk(clean) if isinstance(n, ast.Attribute) and is_m(n.value)})
        clean.name = name
        self.definitions.append(ast.unparse(ast.fix_missing_locations(clean)))
        return name

    def carry(self, names: set[str]) -> None:
        """What a rule asks of its carrier is put into the namespace that stands in NumPy's carrier's place."""
        home = self.reference(NUMPY)
        for name in sorted(names - self.carried):
            self.carried.add(name)
            self.definitions.append(f"{home}.{name} = {self.reference(getattr(NUMPY, name), name)}")

    def class_of(self, kind: type) -> str:
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(kind)))
        return self.define(tree.body[0], vars(sys.modules[kind.__module__]), kind.__name__, kind)

    def instance(self, value: Value, wanted: str) -> str:
        """An object of a class of difflab's, with its attributes."""
        kind = type(value)
        if isinstance(value, Primitive):
            raise UnsupportedError(f"to_numpy_source: the kernel of an operation asks for the row {value.name}")
        if not kind.__module__.startswith(f"{PACKAGE}."):
            told = f"{kind.__module__}.{kind.__name__}"
            raise UnsupportedError(f"to_numpy_source: it needs a {told}, which is no plain value")
        if isinstance(value, tuple):
            return self.assigned(f"{self.reference(kind)}({', '.join(map(self.reference, value))})", wanted)
        if isinstance(value, int):
            return self.assigned(f"{self.reference(kind)}({int(value)})", wanted)
        name = self.assigned(f"object.__new__({self.reference(kind)})", kind.__name__.lower())
        lines = [f"{name}.{k} = {self.reference(v)}" for k, v in vars(value).items()]
        self.definitions.append("\n".join(lines))
        return name


def is_m(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "m"


@cache
def tree_of(path: str) -> ast.Module:
    return ast.parse("".join(linecache.getlines(path)))


def node_of(code: types.CodeType) -> Value:
    """The definition or lambda that a code object was made of."""
    places: list[Value] = [p for p in code.co_positions() if None not in p]
    for node in ast.walk(tree_of(code.co_filename)):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            if first == code.co_firstlineno:
                return node
        if isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and node.lineno == code.co_firstlineno:
            body = node.body
            spot: Value = (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset)
            if any(p[0] == spot[0] and p[2] >= spot[2] and (p[1], p[3]) <= (spot[1], spot[3]) for p in places[1:]):
                return node
    raise UnsupportedError(f"to_numpy_source: the source of {code.co_qualname} is not there")


def bound_in(tree: ast.AST) -> set[str]:
    """The names that a definition binds itself: arguments, assignments, inner definitions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node is not tree:
            found.add(node.name)
        elif isinstance(node, ast.Global | ast.Nonlocal) and isinstance(node, ast.Global):
            raise UnsupportedError("to_numpy_source: a function that keeps something in a global name")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((a.asname or a.name).partition(".")[0] for a in node.names)
    return found


class Renamer(ast.NodeTransformer):
    """Puts references in the places of global names, and drops annotations, which are for readers of difflab."""

    def __init__(self, linker: Linker, env: Mapping[str, Value], bound: set[str]) -> None:
        self.linker: Linker = linker
        self.env: Mapping[str, Value] = env
        self.bound: set[str] = bound

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.bound or node.id not in self.env or isinstance(node.ctx, ast.Store):
            return node
        return parsed(self.linker.named(self.env[node.id], node.id))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Of a module of difflab's, what it holds."""
        if isinstance(node.value, ast.Name) and node.value.id not in self.bound:
            home = self.env.get(node.value.id)
            if home is Carrier:  # its questions are the same for every carrier
                self.linker.carry({node.attr})
                return parsed(f"{self.linker.reference(NUMPY)}.{node.attr}")
            ours = isinstance(home, types.ModuleType) and home.__name__.startswith(PACKAGE)
            if ours or isinstance(home, SimpleNamespace):
                return parsed(self.linker.reference(getattr(home, node.attr), node.attr))
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return ast.AnnAssign(node.target, ast.Constant("value"), None, node.simple)
        return ast.Assign([self.visit(node.target)], self.visit(node.value))


def parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
