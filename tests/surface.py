"""What is public, as lines of text: every name that users write, with its kind, its parameters and their defaults.

Annotations are not in it: types may become finer without anybody's program noticing. What the package computes is not
in it either; other tests hold that.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import tempfile
import tomllib
from enum import Enum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import GenericAlias, ModuleType

import numpy as np

import difflab as dl
import difflab.numpy as dnp
from difflab import mdp, nn, testing
from difflab.cli.app import program
from difflab.graph.function_names import functions
from difflab.primitives import BUILT_IN, TABLE

ROOT = Path(__file__).parents[1]
MODULES = """
difflab difflab.autograd difflab.autograd.core difflab.autograd.extend difflab.autograd.tracer difflab.errors
difflab.lab difflab.mdp difflab.mdp.learning difflab.nn difflab.nn.functional difflab.nn.optim
difflab.nn.data difflab.nn.init difflab.nn.kernels difflab.nn.models difflab.nn.pictures difflab.nn.spec
difflab.nn.torch_weights difflab.nn.training.recipes difflab.primitives difflab.sketch difflab.testing
difflab.testing.strategies
""".split()
# What the documentation takes from modules that are otherwise the package's own.
SOME = {
    "difflab.compile.passes.pipeline": "PASSES",
    "difflab.differentiate.methods": "Method REGISTRY answer register",
    "difflab.progress": "watched",
    "difflab.primitives.primitive": "Domain composite custom elementwise linear named",
}
# What Python calls by itself, or makes in some of its versions only.
NOT_TOLD = """
__annotate__ __annotate_func__ __class_getitem__ __delattr__ __doc__ __getnewargs__ __init__ __init_subclass__ __new__
__post_init__ __replace__ __set_name__ __setattr__
""".split()
EMPTY = inspect.Parameter.empty


def lines() -> list[str]:
    """Everything, sorted."""
    return sorted({*python(), *numpy(), *rows(), *shell(), *plugin(), *installed()})


# Python: modules, and what is in them.
def python():
    taken = [(m, public(import_module(m))) for m in MODULES] + [(m, names.split()) for m, names in SOME.items()]
    values = {f"{m}.{n}": getattr(import_module(m), n) for m, names in taken for n in sorted(names)}
    modules = [*MODULES, "difflab.numpy"]
    known = {id(import_module(m)): m for m in modules}  # names by identity, where there may be several
    for path in sorted(values, key=lambda p: getattr(values[p], "__name__", None) != p.rpartition(".")[2]):
        if callable(values[path]) or isinstance(values[path], dict):
            known.setdefault(id(values[path]), path)  # the first, or the first that it has itself
    yield from (f"{module}  module" for module in modules)
    for path, value in values.items():
        if known.get(id(value), path) != path:
            yield f"{path}  is {known[id(value)]}"
        elif not isinstance(value, ModuleType):
            yield from thing(path, value, known)
    for path, value in results():
        yield from result(path, value, known)


def public(module):
    """Its own list of names, or what type checkers take for it: what it defines, and what it imports `as` itself."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    if "__dir__" in vars(module):
        return [n for n in dir(module) if n[0] != "_" or n == "__version__"]
    found = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = [n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            found += [n.id for n in named if isinstance(n.ctx, ast.Store)]
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found += public(import_module("." * node.level + (node.module or ""), module.__package__))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found += [a.name for a in node.names if a.asname == a.name]
    return [n for n in dict.fromkeys(found) if n[0] != "_"]


def thing(path, value, known):
    """A function, a class with all that is in it, or a constant."""
    if isinstance(value, GenericAlias):
        yield f"{path}  type"
    elif inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        if dataclasses.is_dataclass(value):
            kind = "frozen dataclass" if value.__dataclass_params__.frozen else "dataclass"
        yield f"{path}  {kind}{bases(value, known)}{constructor(value)}"
        yield from told_of(path, members(value, known))
    elif inspect.isroutine(value):
        yield f"{path}  function{signature(value)}"
    else:
        yield f"{path}  constant {type(value).__name__}"
        if isinstance(value, dict) and value is not TABLE:
            yield from (f"{path}[{key!r}]  key" for key in value)


def result(path, value, known):
    """What a public function returns: its class, where no module lists that, and what it keeps beside."""
    kind = type(value)
    if inspect.isfunction(value):
        yield f"{path}  function"
        listed = {}
    elif id(kind) in known:
        path, listed = known[id(kind)], members(kind, {})
    else:
        name = f" {kind.__name__}" if kind.__name__[0] != "_" else ""
        yield f"{path}  object{name}{bases(kind, known)}"
        yield from told_of(path, members(kind, known))
        listed = members(kind, {})
    for name, x in vars(value).items() if hasattr(value, "__dict__") else ():
        if name[0] != "_" and name not in listed:
            called = inspect.isfunction(value) and inspect.isroutine(x)
            yield f"{path}.{name}  attribute{signature(x) if called else ''}"


def told_of(path, members):
    return (f"{path}.{name}  {told}" for name, told in members.items())


def ours(kind):
    return kind.__module__.partition(".")[0] == "difflab"


def bases(kind, known):
    """The classes that it is known to be a kind of: public ones and those of others, without what they imply."""
    above = [k for k in kind.__mro__[1:] if id(k) in known or not (ours(k) or k.__module__ in ("abc", "typing"))]
    nearest = [k for k in above if not any(k is not other and issubclass(other, k) for other in above)]
    told = [known.get(id(k), k.__name__) for k in nearest if k is not object]
    return f" of {', '.join(told)}" if told else ""


def constructor(kind):
    for k in kind.__mro__:
        for name in ("__init__", "__new__"):
            if name in vars(k):
                return signature(vars(k)[name], bound=True, kind=kind) if ours(k) else ""
    return ""


def members(kind, known):
    """What difflab's classes say of it, with what users call; operators and the like by their names.

    What a public class above it says in the same words is told there.
    """
    found = dict.fromkeys(fields(kind), "field")
    for name in {n for k in kind.__mro__ if ours(k) for n in vars(k)} - set(found):
        value = next(vars(k)[name] for k in kind.__mro__ if name in vars(k))
        if re.fullmatch(r"__\w+__|_repr_\w+_", name):
            if name not in NOT_TOLD and (value is None or inspect.isroutine(value) or isinstance(value, property)):
                found[name] = "special" if value is not None else "refused"
        elif name[0] != "_":
            found[name] = member(kind, name, value)
    above = next((members(k, {}) for k in kind.__mro__[1:] if id(k) in known), {})
    return {name: told for name, told in found.items() if above.get(name) != told}


def fields(kind):
    if dataclasses.is_dataclass(kind):
        return [f.name for f in dataclasses.fields(kind)]
    return getattr(kind, "_fields", ())


def member(kind, name, value):
    if isinstance(value, property | cached_property):
        return "property"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__}{signature(getattr(kind, name))}"
    if inspect.isfunction(value):
        return f"method{signature(value, bound=True)}"
    return "attribute" if inspect.isdatadescriptor(value) else f"attribute {type(value).__name__}"


# Signatures.
class Said:
    """A default, as it is told."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def signature(value, bound=False, kind=None):
    """The parameters behind a space, without annotations, and without the first where it is bound later."""
    try:
        found = inspect.signature(value)
    except ValueError:  # Python does not know those of some
        return " (?)"
    return " " + written(list(found.parameters.values())[bound:], kind)


def written(parameters, kind=None):
    made = {f.name: f.default_factory for f in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else {}
    told = []
    for p in parameters:
        default = p.default
        if repr(default) == "<factory>":
            default = Said(f"<{text(made[p.name])}>")
        elif default is not EMPTY:
            default = Said(text(default))
        told.append(p.replace(annotation=EMPTY, default=default))
    return str(inspect.Signature(told))


def text(value):
    """A default in words that are the same in every process and with every Python and NumPy."""
    if isinstance(value, tuple | list):
        inner, name = ", ".join(map(text, value)), type(value).__name__
        if name == "tuple" and len(value) == 1:
            inner += ","
        return f"[{inner}]" if name == "list" else f"{name.removeprefix('tuple')}({inner})"
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({', '.join(sorted(map(text, value)))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{text(k)}: {text(v)}' for k, v in value.items())}}}"
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype}({value.tolist()!r})"
    if isinstance(value, np.ufunc) or inspect.isclass(value) or inspect.isroutine(value):
        return getattr(value, "__qualname__", value.__name__)
    return f"<{type(value).__name__}>" if " at 0x" in repr(value) else repr(value)


# What public functions return and no module lists.
def results():
    at = dict(x=0.0, y=2.0)
    graph = dl.trace(dl.block(np.sin, name="sine"), 1.0)
    forward = graph.forward(**{graph.inputs[0].name: 1.0})
    backward = forward.backward()
    comparison = dl.compare("abs(x)*y", at, methods=["reverse", "certified"])
    accuracy = dl.accuracy(rows=["sin"], points=3, peers=False)
    swell = dl.expression_swell("logistic", depths=(1,), simplify=False)
    solution = mdp.gridworld((3, 3), slip=0.1).solve()
    taylor = testing.taylor_test(lambda x: x * x, lambda x: 2 * x, 1.0)
    model, x, y = nn.Sequential(nn.Linear(2, 1)), np.ones((4, 2)), np.ones((4, 1))
    look = nn.inspect(model, *model.init(0), x, y, nn.functional.mse_loss)
    with tempfile.TemporaryDirectory() as folder:
        nn.fit(model, (x, y), loss="mse_loss", epochs=1, progress=False, out=folder)
        trained = nn.load_checkpoint(Path(folder) / "last.npz")
    summary = nn.summary(model, (2,))
    yield "difflab.accuracy()", accuracy
    yield "difflab.accuracy().rows[]", accuracy.rows[0]
    yield "difflab.block()", dl.block("named")
    yield "difflab.builder()", dl.builder()
    yield "difflab.certify()", dl.certify("x*y", at)
    yield "difflab.compare().kinks[]", comparison.kinks[0]
    yield "difflab.compare().methods[]", comparison.methods["reverse"]
    yield "difflab.compile()", dl.compile(np.sin)
    yield "difflab.sketch.grid()", dl.sketch.grid(x)
    yield "difflab.expression_swell()", swell
    yield "difflab.expression_swell().rows[]", swell.rows[0]
    yield "difflab.mdp.draw_grid()", mdp.draw_grid(solution)
    yield "difflab.mdp.draw_process()", mdp.draw_process(solution.process)
    yield "difflab.mdp.kinks()[]", mdp.kinks(solution)[0]
    yield "difflab.nn.depth_study()", nn.depth_study(layers=2, width=4, samples=4)
    yield "difflab.nn.inspect().layers[]", look.layers[0]
    yield "difflab.nn.load_checkpoint()", trained
    yield "difflab.nn.summary()", summary
    yield "difflab.nn.summary().rows[]", summary.rows[0]
    yield "difflab.step_size_study()", dl.step_size_study("x*x", dict(x=1.0))
    yield "difflab.testing.find_broken_rule()", testing.find_broken_rule(lambda x: x * x, dict(x=1.0))
    yield "difflab.testing.taylor_test()", taylor
    yield "difflab.testing.taylor_test().directions[]", taylor.directions[0]
    yield "difflab.trace()", graph
    yield "difflab.trace().blocks[]", graph.blocks[0]
    yield "difflab.trace().copy()", graph.copy()
    yield "difflab.trace().forward()", forward
    yield "difflab.trace().forward().backward()", backward
    yield "difflab.trace().forward().backward().edges[]", backward.edges[0]
    yield "difflab.trace().order", graph.order


# The table: names in difflab.numpy and in text, calls, and what is read as them.
def rows():
    in_text = set(functions())
    for row in BUILT_IN:
        facts = [] if row.differentiable else ["no derivative"]
        facts += [] if row.outputs is None else [f"{row.outputs or 'several'} results"]
        facts += [f"reads {' '.join(sorted(row.reads))}"] if row.reads else []
        facts += [] if row.name in in_text else ["not in texts"]
        call = written(row.signature.parameters.values())
        yield f"row {row.name}  {'; '.join([f'{row.kind} {call}', *facts])}"
    yield from (f"text {name}  another name" for name in in_text - set(TABLE))


def numpy():
    """What difflab.numpy has of its own: rows under their names and SciPy's, and what takes lists of traced values."""
    special = {path.removeprefix("special.") for row in BUILT_IN for path in row.reads or () if "special." in path}
    own = {row.name for row in BUILT_IN} | special
    for name in {"fft", "linalg", *dnp.__all__} | (own & set(dir(dnp))):
        value = getattr(dnp, name)
        told = signature(value) if name in dnp.__all__ and inspect.isfunction(value) else ""
        kind = "module" if isinstance(value, ModuleType) else "function" if inspect.isfunction(value) else "constant"
        yield f"difflab.numpy.{name}  {kind}{told}"


# The shell, pytest, pip.
def shell():
    context = program.make_context("difflab", ["version"])
    commands = {"difflab": program} | {
        f"difflab {n}": program.get_command(context, n) for n in program.list_commands(context)
    }
    for path, command in commands.items():
        yield f"shell {path}  command"
        arguments = 0
        for parameter in command.params:
            told = parameter.to_info_dict()
            if told["param_type_name"] == "argument":
                arguments += 1
                name = f"argument {arguments}"
            else:
                name = "/".join(sorted(told["opts"] + told["secondary_opts"], key=lambda o: (len(o) < 3, o)))
            yield f"shell {path} {name}  {'; '.join(option(told))}"


def option(told):
    kind = told["type"]
    if told.get("is_flag"):
        yield "flag"
    else:
        yield f"one of {' '.join(kind['choices'])}" if "choices" in kind else kind["name"]
    for limit in ("min", "max"):
        if kind.get(limit) is not None:
            yield f"{limit} {kind[limit]}{' itself not' * kind[f'{limit}_open']}"
    if told["nargs"] != 1:
        yield f"{told['nargs']} values" if told["nargs"] > 0 else "any number"
    yield from (word for word in ("required", "multiple", "count", "hidden") if told.get(word))
    if told["default"] is not None and told["default"] != ():
        yield f"default {text(told['default'])}"


def plugin():
    """The marker and the fixtures, of the module that pytest loads."""
    found = import_module(project()["entry-points"]["pytest11"]["difflab"])
    told = []
    found.pytest_configure(type("Config", (), {"addinivalue_line": lambda self, *line: told.append(line)})())
    for kind, line in told:
        name, call = re.fullmatch(r"(\w+)(\(.*?\)): .*", line).groups()
        yield f"pytest {kind.removesuffix('s')} {name}  {call}"
    for name, value in vars(found).items():
        mark = getattr(value, "_fixture_function_marker", None) or getattr(value, "_pytestfixturefunction", None)
        if mark is not None:
            yield f"pytest fixture {mark.name or name}  scope {mark.scope}"


def installed():
    told = project()
    yield from (f"pip difflab[{extra}]  extra" for extra in told["optional-dependencies"])
    yield from (f"pip {name}  script" for name in told["scripts"])


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
