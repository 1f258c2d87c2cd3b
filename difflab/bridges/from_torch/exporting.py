"""The program of a module or function, by torch.export, or by make_fx where Python branches on values."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...errors import InputError, UnsupportedError
from ...graph.pytree import flatten, paths
from ...graph.trace import argument_names
from ...types import Function, Params, Tree, Value
from ..packages import needed
from .operations import supported
from .program import Arguments, Program, Results, as_array

WHAT = "from_torch"
DECOMPOSED = ("grid_sampler_2d",)  # core ATen keeps it, and torch can say it in other operations


def exported(f: Function, args: tuple[Tree, ...], kwargs: Params) -> Program:
    """The program of f at the examples."""
    torch = needed("torch", WHAT)
    if not callable(f):
        raise InputError(f"{WHAT}: {f!r:.60} is neither a module nor a function; to load weights, see nn.from_torch")
    module = f if isinstance(f, torch.nn.Module) else as_module(torch, f)
    names = [*argument_names(f if module is not f else f.forward, len(args)), *kwargs]
    args, kwargs = as_tensors(torch, (args, kwargs))
    with quiet():
        try:
            program = torch.export.export(module, args, kwargs).run_decompositions(table(torch))
        except Exception as error:
            return followed(torch, module, args, kwargs, names, error)
        if not all(map(sized, program.graph.nodes)):
            return followed(torch, module, args, kwargs, names, UnsupportedError("values decide shapes"))
    return of_export(torch, program, (*args, *kwargs.values()), names)


def sized(step: Any) -> bool:
    """Whether the shape of a step's result is known without its values."""
    return all(isinstance(n, int) for n in getattr(step.meta.get("val"), "shape", ()))


@contextmanager
def quiet() -> Iterator[None]:
    """Without what torch's exporters warn and log of themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def as_module(torch: Any, f: Function) -> Any:
    """A function as the module that torch.export takes."""

    class Called(torch.nn.Module):  # type: ignore[misc]
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return f(*args, **kwargs)

    return Called()


def as_tensors(torch: Any, tree: Tree) -> Tree:
    """The tree with NumPy's arrays as tensors; numbers and all else stay as they are."""

    def tensor(x: Value) -> Value:
        return torch.from_numpy(np.array(x)) if isinstance(x, np.ndarray | np.generic) else x

    return torch.utils._pytree.tree_map(tensor, tree)


def table(torch: Any) -> Any:
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


def of_export(torch: Any, program: Any, examples: Sequence[Tree], names: list[str]) -> Program:
    """What an exported program says."""
    kinds = torch.export.graph_signature.InputKind
    specs = program.graph_signature.input_specs
    given = [s.arg.name for s in specs if s.kind is kinds.USER_INPUT]
    weights = [(s.arg.name, s.target) for s in specs if s.kind is kinds.PARAMETER]
    held = {**program.constants, **program.state_dict}
    constants = {
        s.arg.name: as_array(held[s.target], s.target) for s in specs if s.kind in (kinds.BUFFER, kinds.CONSTANT_TENSOR)
    }
    results = list(program.graph.output_node().args[0])
    outputs = program.graph_signature.output_specs
    wanted = [r for r, o in zip(results, outputs) if o.kind is torch.export.graph_signature.OutputKind.USER_OUTPUT]
    parameters = [(place, name, as_array(program.state_dict[name], name)) for place, name in weights]
    module = program.graph_module
    return assembled(torch, module, examples, names, given, parameters, constants, wanted, program.call_spec.out_spec)


def assembled(
    torch: Any,
    module: Any,
    examples: Sequence[Tree],
    names: list[str],
    given: list[str],
    parameters: list[tuple[str, str, Value]],
    constants: Params,
    results: list[Any],
    out: Any,
) -> Program:
    """The program, with arguments and results in the structures that difflab reads."""
    inputs, fixed = arguments_of(torch, examples, names, given)
    rebuild = results_of(out, len(results))
    return Program(
        steps=needed_for(module.graph, results),
        inputs=[*inputs, *parameters],
        arguments=len(inputs),
        constants=constants | attributes(module),
        results=results,
        flatten=Arguments(tuple(fixed)),
        rebuild=rebuild,
    )


def arguments_of(
    torch: Any, examples: Sequence[Tree], names: list[str], given: list[str]
) -> tuple[list[tuple[str, str, Value]], list[tuple[int, str, Value]]]:
    """The arguments that are tensors, with placeholder and name; and the others, with their place."""
    leaves, spec = torch.utils._pytree.tree_flatten(list(examples))
    places = torch.utils._pytree.tree_unflatten([None if x is None else k for k, x in enumerate(leaves)], spec)
    inputs, fixed = [], []
    place = 0
    for name, tree in zip(names, places):
        alone = isinstance(tree, int)
        for k, path in zip(flatten(tree)[0], [""] if alone else paths(tree)):
            if isinstance(leaves[k], torch.Tensor):
                inputs.append((given[k], name + path, as_array(leaves[k], name + path)))
            else:
                fixed.append((place, name + path, leaves[k]))
            place += 1
    return inputs, fixed


def results_of(out: Any, count: int) -> Function:
    """The function that puts results into the structure in which the function returned them."""
    places, rebuild = flatten(out.unflatten(list(range(count))))
    return Results(rebuild, tuple(places))


def attributes(module: Any) -> Params:
    """The tensors that steps read as attributes."""
    found: Params = {}
    for step in module.graph.nodes:
        if step.op == "get_attr":
            value = module
            for part in step.target.split("."):
                value = getattr(value, part)
            found[step.name] = as_array(value, step.target) if hasattr(value, "dtype") else value
    return found


def needed_for(graph: Any, results: list[Any]) -> list[Any]:
    """The steps whose values the results need, in order."""
    wanted = {r for r in results if hasattr(r, "all_input_nodes")}
    for step in reversed(graph.nodes):
        if step in wanted:
            wanted.update(step.all_input_nodes)
    return [step for step in graph.nodes if step in wanted and step.op == "call_function"]


def followed(torch: Any, module: Any, args: Any, kwargs: Any, names: list[str], reason: Exception) -> Program:
    """The program of the branches that are taken at the examples, where torch.export refuses to choose."""
    proxy = needed("torch.fx.experimental.proxy_tensor", WHAT)
    leaves, spec = torch.utils._pytree.tree_flatten((args, kwargs))
    places = [k for k, x in enumerate(leaves) if isinstance(x, torch.Tensor)]
    weights = {name: p.detach() for name, p in module.named_parameters()}
    held = {name: b.detach().clone() for name, b in module.named_buffers()}
    structure: list[Any] = []

    def run(weights: Any, buffers: Any, *tensors: Any) -> Any:
        filled = list(leaves)
        for k, x in zip(places, tensors):
            filled[k] = x
        a, k = torch.utils._pytree.tree_unflatten(filled, spec)
        found = torch.func.functional_call(module, {**weights, **buffers}, a, k)
        flat, out = torch.utils._pytree.tree_flatten(found)
        structure[:] = [out]
        return flat

    try:
        with torch.no_grad():
            traced = proxy.make_fx(
                torch.func.functionalize(run),
                decomposition_table=dict(table(torch).items()),
                _error_on_data_dependent_ops=False,
                record_stack_traces=True,
            )(weights, held, *[leaves[k].detach() for k in places])
    except Exception as error:
        raise UnsupportedError(
            f"{WHAT}: torch.export cannot record this: {told(reason)}; nor can make_fx: {told(error)}"
        ) from error
    placeholders = [step.name for step in traced.graph.nodes if step.op == "placeholder"]
    first, behind = len(weights), len(weights) + len(held)
    given = dict(zip(places, placeholders[behind:]))
    return assembled(
        torch,
        traced,
        (*args, *kwargs.values()),
        names,
        [given.get(k, "") for k in range(len(leaves))],
        [(place, name, as_array(p, name)) for place, (name, p) in zip(placeholders, weights.items())],
        {place: as_array(b, name) for place, (name, b) in zip(placeholders[first:], held.items())},
        list(traced.graph.output_node().args[0]),
        structure[0],
    )


def told(error: Exception) -> str:
    """The first line of what torch says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
