"""A function, a graph or a model as PyTorch's: its operations on tensors, with PyTorch's own derivatives."""

from __future__ import annotations

from collections.abc import Hashable
from functools import wraps

import numpy as np
import optree

from ...compile.program.closure import Captured
from ...compile.xla.carrier import sample
from ...errors import InputError
from ...graph.graph import Graph
from ...graph.pytree import flatten, named_leaves, structure
from ...graph.trace import record
from ...late import Late
from ...nn.layers.layer import Layer
from ...nn.training.run import Run
from ...types import Function, Params, State, Tree, Value
from ..packages import needed
from .torch_kernels import numpy_dtype
from .torch_run import OnTorch

torch: Value = Late("torch")
MOST = 256  # kinds of arguments that are kept


def to_torch(f: Value, *examples: Tree, params: Tree = None, state: State | None = None) -> Function:
    """f on PyTorch's tensors, which `torch.autograd` and `torch.func` differentiate and `torch.func.vmap` batches.

    A function or a graph becomes a function of tensors in f's structure. It is traced for each structure, shapes and
    dtypes of its arguments; with `examples` at once at these. Loops of `dl.scan`, `dl.while_loop` and `dl.cond` run
    as Python's loops over tensors; functions with a pullback of their own keep it. With `params`, a tree of arrays
    that f takes as its first argument, and of a model of `nn` with its `params` and `state` (or of a `Run`), it is a
    `torch.nn.Module` whose parameters have the names of the tree, as `conv1.weight`; a model is that of inference.

    UnsupportedError names every operation that PyTorch lacks; an `if` that looks at a value is refused.

    >>> import difflab as dl, numpy as np
    >>> import torch  # doctest: +SKIP
    >>> f = dl.to_torch(lambda x: np.sum(np.sin(x) ** 2))  # doctest: +SKIP
    >>> torch.func.grad(f)(torch.zeros(3, dtype=torch.float64))  # doctest: +SKIP
    tensor([0., 0., 0.], dtype=torch.float64)
    """
    needed("torch", "to_torch")
    if isinstance(f, Run):
        f, params, state = f.model, f.params, f.state
    if isinstance(f, Layer):
        return as_module(*of_model(f, params, state), examples)
    if params is not None:
        return as_module(f, params, {}, examples)
    if not callable(f):
        raise InputError(f"to_torch: {f!r:.80} is neither a function, a graph nor a model; dl.parse reads text")
    return on_tensors(f, examples)


def of_model(model: Layer, params: Tree, state: State | None) -> tuple[Function, Tree, State]:
    """The model at inference as a function of its parameters and state and of what goes in."""
    if params is None:
        raise InputError(
            "to_torch: a model holds no parameters; give params=... (and state=...) as model.init made them"
        )

    def infer(params: Params, state: State, *xs: Value) -> Value:
        return model.apply(params, state, *xs, training=False)[0]

    return infer, params, {} if state is None else state


def on_tensors(f: Function | Graph, examples: tuple[Tree, ...]) -> Function:
    """f as a function of trees of tensors."""
    kept: dict[Hashable, tuple[OnTorch, Function]] = {}
    captured = Captured(f)

    def written(args: tuple[Tree, ...]) -> tuple[OnTorch, Function, list[Value]]:
        leaves, _ = flatten(args)
        tensors = [x if isinstance(x, torch.Tensor) else tensor(x) for x in leaves]
        kinds = tuple((tuple(x.shape), x.dtype) for x in tensors)
        key = structure(args), kinds, captured.key()
        if key not in kept:
            while len(kept) >= MOST:
                kept.pop(next(iter(kept)))
            made = at(f, args, tensors)
            captured.renew()
            key = (*key[:-1], captured.key())
            kept[key] = made
        run, rebuild = kept[key]
        return run, rebuild, tensors

    @wraps(f.__call__ if isinstance(f, Graph) else f)
    def function(*args: Tree) -> Tree:
        run, rebuild, tensors = written(args)
        return rebuild(run(*tensors))

    if examples:
        written(tuple(optree.tree_map(tensor, e) for e in examples))
    return function


def at(f: Function | Graph, args: tuple[Tree, ...], tensors: list[Value]) -> tuple[OnTorch, Function]:
    """The recorded operations at arguments of this kind, and what puts the results together."""
    values = [number_like(x) for x in tensors]
    _, rebuild = flatten(args)
    graph, _ = record(f, *rebuild(values))
    return OnTorch(graph, values), graph.rebuild or first_of


def first_of(found: list[Value]) -> Value:
    return found[0] if len(found) == 1 else tuple(found)


def number_like(x: Value) -> Value:
    """The numbers of a tensor, to record a function at; where torch.func hides them, others of its shape and dtype."""
    try:
        return x.detach().cpu().numpy()[()]
    except RuntimeError:
        return sample(tuple(x.shape), numpy_dtype(x))


def tensor(x: Value) -> Value:
    """A number or an array as a tensor; a Python number has 64 bits."""
    if isinstance(x, torch.Tensor):
        return x
    array = np.asarray(x)
    if array.dtype.kind not in "biufc":
        raise InputError(f"to_torch: an argument is {x!r:.60}, a {type(x).__name__}; give tensors or numbers")
    return torch.tensor(array)


def as_module(f: Function, params: Tree, state: State, examples: tuple[Tree, ...]) -> Function:
    """f(params, [state,] *xs) as a module that holds both."""
    leaves, rebuild = flatten(params)
    buffers, rebuild_state = flatten(state)
    names, buffer_names = list(named_leaves(params, "params")), list(named_leaves(state, "state"))
    takes_state = bool(buffers) or (isinstance(state, dict) and f.__name__ == "infer")
    call = on_tensors(f, ())

    module: Value = torch.nn.Module()
    for name, x in zip(names, leaves):
        home, last = inside(module, name)
        home.register_parameter(last, torch.nn.Parameter(tensor(x).clone()))
    for name, x in zip(buffer_names, buffers):
        home, last = inside(module, name)
        home.register_buffer(last, tensor(x).clone())

    def forward(*args: Tree) -> Tree:
        own = rebuild([module.get_parameter(name) for name in names])
        rest = [rebuild_state([module.get_buffer(name) for name in buffer_names])] if takes_state else []
        return call(own, *rest, *args)

    module.forward = forward
    if examples:
        module(*[optree.tree_map(tensor, e) for e in examples])
    made: Function = module
    return made


def inside(module: Value, name: str) -> tuple[Value, str]:
    """The module that holds what has this dotted name, made where there is none, and the last part of the name."""
    *path, last = name.split(".")
    for part in path:
        if not hasattr(module, part):
            module.add_module(part, torch.nn.Module())
        module = getattr(module, part)
    return module, last
