"""The program of a module or function, by torch.export, or by make_fx where Python code reads values."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from types import FunctionType

import numpy as np

from ...errors import InputError, UnsupportedError
from ...graph.pytree import flatten, paths
from ...graph.trace import argument_names
from ...types import Function, Params, Tree, Value
from ..packages import Foreign, needed
from .following import WHAT, detached, escaped, followed
from .operations import supported
from .program import Arguments, Program, as_array, attributes, needed_for
from .writes import straight, unseen

DECOMPOSED = ("grid_sampler_2d",)  # core ATen keeps it, and torch can say it in other operations


def exported(f: Function, args: tuple[Tree, ...], kwargs: Params) -> Program:
    """The program of f at the examples."""
    torch = needed("torch", WHAT)
    if not callable(f):
        raise InputError(f"{WHAT}: {f!r:.60} is neither a module nor a function; to load weights, see nn.from_torch")
    module = f if isinstance(f, torch.nn.Module) else as_module(torch, f)
    names = [*argument_names(f if module is not f else f.forward, len(args)), *kwargs]
    args, kwargs = as_tensors(torch, (args, kwargs))
    examples = Examples(torch, names, args, kwargs)
    with quiet():
        rules = table(torch)
        try:
            program = torch.export.export(module, args, kwargs)
            stop_gradients(torch, program)
            program = program.run_decompositions(rules)
            left = any(escaped(torch, x) for x in program.constants.values())
            reason: Exception | None = ValueError("torch.func's values became constants") if left else None
        except UnsupportedError:
            raise
        except Exception as error:  # of any kind: torch's code has raised many
            reason = error
        if reason is None and all(map(sized, program.graph.nodes)):
            return of_export(torch, program, examples)
        reason = reason or ValueError("the shapes depend on values")
        steps, out = followed(torch, module, examples.leaves, examples.spec, rules, reason)
    return of_steps(module, steps, out, examples)


class Examples:
    """The examples of a call: all leaves in torch's order, and how difflab names and nests them."""

    def __init__(self, torch: Foreign, names: list[str], args: tuple[Tree, ...], kwargs: Params) -> None:
        trees = torch.utils._pytree
        self.leaves: list[Value]
        self.spec: Foreign
        self.leaves, self.spec = trees.tree_flatten((args, kwargs))
        numbered = [None if x is None else k for k, x in enumerate(self.leaves)]
        left, right = trees.tree_unflatten(numbered, self.spec)
        self.inputs: list[tuple[int, str]] = []  # the places of tensors among the leaves, and their names
        fixed = []
        place = 0
        for name, tree in zip(names, (*left, *right.values())):
            for k, path in zip(flatten(tree)[0], [""] if isinstance(tree, int) else paths(tree)):
                if isinstance(self.leaves[k], torch.Tensor):
                    self.inputs.append((k, name + path))
                else:
                    fixed.append((place, name + path, self.leaves[k]))
                place += 1
        self.flatten: Arguments = Arguments(tuple(fixed))

    def placed(self, placeholders: Sequence[str]) -> list[tuple[str, str, Value]]:
        """The placeholder, the name and the value of each input; `placeholders` has one for each leaf."""
        return [(placeholders[k], name, as_array(self.leaves[k], name)) for k, name in self.inputs]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what torch's exporters warn, log and print of themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    buffer = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(buffer):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def as_module(torch: Foreign, f: Function) -> Foreign:
    """A function as the module that torch.export takes."""
    named = f
    if isinstance(f, FunctionType):  # torch notes the lines of functions called `forward`, and of no others
        code = f.__code__.replace(co_name="forward")
        named = FunctionType(code, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
        named.__kwdefaults__ = f.__kwdefaults__

    def forward(self: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
        return named(*args, **kwargs)

    return type("Called", (torch.nn.Module,), {"forward": forward})()


def as_tensors(torch: Foreign, tree: Tree) -> Tree:
    """The tree with NumPy's arrays as tensors; numbers and all else stay as they are."""

    def tensor(x: Value) -> Value:
        return torch.from_numpy(np.array(x)) if isinstance(x, np.ndarray | np.generic) else x

    return torch.utils._pytree.tree_map(tensor, tree)


def table(torch: Foreign) -> Foreign:
    """torch's decompositions to core ATen, but for operations that have a function here."""
    rules = torch.export.default_decompositions()
    for operation in list(rules):
        if supported(operation):
            rules.pop(operation, None)
    more = torch._decomp.global_decomposition_table["post_autograd"]
    for name in DECOMPOSED:
        operation = getattr(torch.ops.aten, name).default
        rules[operation] = more[operation]
    return rules


def stop_gradients(torch: Foreign, program: Foreign) -> None:
    """Marks what torch.no_grad keeps from having a derivative, before the decompositions forget it."""
    module, kinds = program.graph_module, torch.export.graph_signature.InputKind
    specs = program.graph_signature.input_specs
    changed = unseen(torch, module, {s.arg.name for s in specs if s.kind in (kinds.USER_INPUT, kinds.PARAMETER)})
    for step in list(module.graph.nodes):
        if step.op == "call_function" and getattr(step.target, "__name__", "") == "wrap_with_set_grad_enabled":
            for result in list(step.users) if step.args[0] is False else ():
                if result in changed:
                    straight(torch, module.graph, step, result, changed[result])
                else:
                    detached(torch, module.graph, result)
    module.recompile()


def sized(step: Foreign) -> bool:
    """Whether the shape of a step's result is known without its values."""
    return all(isinstance(n, int) for n in getattr(step.meta.get("val"), "shape", ()))


def of_export(torch: Foreign, program: Foreign, examples: Examples) -> Program:
    """What an exported program says."""
    kinds, results = (getattr(torch.export.graph_signature, name) for name in ("InputKind", "OutputKind"))
    specs = program.graph_signature.input_specs
    held = {**program.constants, **program.state_dict}
    given = [s.arg.name for s in specs if s.kind is kinds.USER_INPUT]
    weights = [(s.arg.name, s.target, held[s.target]) for s in specs if s.kind is kinds.PARAMETER]
    others = {s.arg.name: held[s.target] for s in specs if s.kind in (kinds.BUFFER, kinds.CONSTANT_TENSOR)}
    outputs = zip(program.graph.output_node().args[0], program.graph_signature.output_specs)
    wanted = [result for result, spec in outputs if spec.kind is results.USER_OUTPUT]
    return assembled(program.graph_module, examples, given, weights, others, wanted, program.call_spec.out_spec)


def of_steps(module: Foreign, steps: Foreign, out: Foreign, examples: Examples) -> Program:
    """What a module of steps says, whose placeholders are parameters, buffers and arguments."""
    names = iter([step.name for step in steps.graph.nodes if step.op == "placeholder"])
    weights = [(next(names), name, p) for name, p in module.named_parameters()]
    others = {next(names): b for _, b in module.named_buffers()}
    given = [""] * len(examples.leaves)
    for k, _ in sorted(examples.inputs):
        given[k] = next(names)
    return assembled(steps, examples, given, weights, others, list(steps.graph.output_node().args[0]), out)


def assembled(
    module: Foreign,
    examples: Examples,
    given: Sequence[str],
    weights: Sequence[tuple[str, str, Foreign]],
    others: Params,
    results: list[Foreign],
    out: Foreign,
) -> Program:
    """The program, with arguments and results in the structures that difflab reads."""
    inputs = examples.placed(given)
    taken = {name for _, name, _ in inputs}
    named = [(place, f"self.{name}" if name in taken else name, x) for place, name, x in weights]
    places, rebuild = flatten(out.unflatten([None if r is None else k for k, r in enumerate(results)]))
    if not places:
        raise InputError(f"{WHAT}: the function returned no tensor; does it lack a return statement?")
    return Program(
        steps=needed_for(module.graph, results),
        inputs=[*inputs, *[(place, name, as_array(x, name)) for place, name, x in named]],
        arguments=len(inputs),
        constants={place: as_array(x, place) for place, x in others.items()} | attributes(module),
        results=[results[k] for k in places],
        flatten=examples.flatten,
        rebuild=rebuild,
    )
