"""Functions and modules of PyTorch: every operation of the run and of autograd's backward pass, as it is computed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from types import ModuleType

from ...graph.trace import argument_names
from ...testing.lines import OURS, line_of_caller
from ...types import Array, Function, Params, Tree, Value
from ..packages import needed
from .history import History, Vertex
from .names import within

ALIKE = frozenset("alias clone detach expand lift_fresh _to_copy".split())  # elementwise, though not said to be
HANDED_ON = frozenset("alias detach lift_fresh".split())  # what autograd keeps of a value, and nobody wrote


class TorchArrays:
    """PyTorch's tensors, and numbers among an operation's settings."""

    module = "torch"

    def __init__(self, torch: ModuleType) -> None:
        self.torch: Value = torch

    def numbers(self, x: Value) -> Array | None:
        if not isinstance(x, self.torch.Tensor):
            x = self.torch.as_tensor(x)
        if not (x.is_floating_point() or x.is_complex()) or x.layout is not self.torch.strided:
            return None
        wide = self.torch.float32 if x.is_floating_point() and x.dtype.itemsize < 4 else x.dtype
        found: Array = x.detach().resolve_conj().resolve_neg().to("cpu", wide).numpy()
        return found

    def like(self, x: Value, numbers: Array) -> Value:
        if not isinstance(x, self.torch.Tensor):
            return numbers.item()
        return self.torch.as_tensor(numbers).to(x.device, x.dtype)

    def calm(self) -> AbstractContextManager[Value]:
        found: AbstractContextManager[Value] = self.torch.no_grad()
        return found


def records(f: Function, args: tuple[Tree, ...]) -> Iterator[tuple[str, History]]:
    """The forward pass, and then the same with the backward pass of autograd behind it."""
    torch = needed("torch", "find_nonfinite")
    reader = Reader(torch)
    args, named = reader.inputs(f, args)
    with ExitStack() as stack:
        stack.enter_context(unchanged(torch, f))
        stack.enter_context(torch.enable_grad())
        with reader.mode():
            result = f(*args)
        outputs = [y for y in reader.leaves(result) if isinstance(y, torch.Tensor)]
        reader.record.outputs = [(reader.slot(y), "the output") for y in outputs]
        yield "forward", reader.record
        tops = [y for y in outputs if y.requires_grad]
        named |= reader.found
        wanted = [x for x in named if x.requires_grad]
        if not tops or not wanted:
            return
        seeds = [torch.ones_like(y) for y in tops]
        with reader.mode():
            slopes = torch.autograd.grad(tops, wanted, seeds, allow_unused=True)
    told = [(x, g) for x, g in zip(wanted, slopes) if g is not None]
    reader.record.outputs = [(reader.slot(g), f"the gradient by {named[x]}") for x, g in told]
    yield "backward", reader.record


def unchanged(torch: ModuleType, f: Function) -> ExitStack:
    """Around a run that leaves a module's buffers (running means) and the random numbers as they were."""
    stack = ExitStack()
    stack.enter_context(torch.random.fork_rng(devices=[]))
    for module in within(f, torch.nn.Module).values():
        for buffer in module.buffers():
            stack.callback(partial(buffer.data.copy_, buffer.detach().clone()))
    return stack


class Reader:
    """Writes what PyTorch dispatches into a record.

    A value that is written into in place gets a new slot, and so do the views that see it.
    """

    def __init__(self, torch: ModuleType) -> None:
        self.torch: Value = torch
        self.record: History = History(TorchArrays(torch))
        self.slots: dict[int, int] = {}  # by the id of a tensor, which `kept` keeps alive
        self.kept: list[Value] = []
        self.views: dict[int, list[Value]] = {}  # the tensors in each piece of memory
        self.found: dict[Value, str] = {}  # parameters that the function reads from elsewhere
        self.modules: dict[str, Value] = {}
        self.sources: dict[int, tuple[str, str]] = {}  # by autograd's number of an operation: its line and name
        self.tree: Value = needed("torch.utils._pytree", "find_nonfinite")

    def leaves(self, tree: Tree) -> list[Value]:
        found: list[Value] = self.tree.tree_leaves(tree)
        return found

    def mode(self) -> Value:
        """PyTorch under whose eyes every operation is recorded."""
        base = needed("torch.utils._python_dispatch", "find_nonfinite").TorchDispatchMode
        dispatch = lambda mode, func, types, args=(), kwargs=None: self.dispatched(func, args, kwargs or {})
        return type("Recording", (base,), {"__torch_dispatch__": dispatch})()

    # What goes in.
    def inputs(self, f: Function, args: tuple[Tree, ...]) -> tuple[tuple[Tree, ...], dict[Value, str]]:
        """The arguments as leaves of their own that want a gradient, and the parameters of f, each with its name."""
        self.modules = within(f, self.torch.nn.Module)
        named: dict[Value, str] = {}
        flat, structure = self.tree.tree_flatten_with_path(args)
        names = argument_names(getattr(f, "forward", f), len(args))
        weights = [p for m in self.modules.values() for p in m.parameters() if p.is_floating_point()]
        made = []
        for path, x in flat:
            if (hasattr(x, "__array__") or isinstance(x, float)) and not isinstance(x, self.torch.Tensor):
                x = self.torch.as_tensor(x)
                x = x.to(weights[0].dtype) if weights and x.is_floating_point() else x
            if isinstance(x, self.torch.Tensor):
                x = x.detach().clone().requires_grad_(x.is_floating_point() or x.is_complex())
                named[x] = names[path[0].idx] + self.tree.keystr(path[1:])
                self.input(x, named[x])
            made.append(x)
        for prefix, module in self.modules.items():
            for name, x in module.named_parameters():
                if x not in named:
                    named[x] = f"{prefix}.{name}" if prefix else name
                    self.input(x, named[x], parameter=True)
        return tuple(self.tree.tree_unflatten(made, structure)), named

    def input(self, x: Value, name: str, parameter: bool = False) -> None:
        vertex = Vertex("input", name=name, shape=tuple(x.shape), dtype=str(x.dtype))
        self.keep(x, self.record.input(x.detach(), vertex, parameter))

    def keep(self, x: Value, slot: int) -> None:
        self.slots[id(x)] = slot
        self.kept.append(x)
        self.views.setdefault(memory(x), []).append(x)

    def slot(self, x: Value) -> int:
        """Where a tensor or a number is in the record; what nobody made is a constant, or a parameter found late."""
        if not isinstance(x, self.torch.Tensor):
            return self.record.slot(x, Vertex("constant"))
        if id(x) not in self.slots:
            same = next((y for y in self.views.get(memory(x), ()) if seen_alike(x, y)), None)
            if same is not None:
                self.keep(x, self.slots[id(same)])
            elif x.requires_grad and x.is_leaf:
                self.found[x] = f"a parameter of shape {tuple(x.shape)}"
                self.input(x, self.found[x], parameter=True)
            else:
                vertex = Vertex("constant", shape=tuple(x.shape), dtype=str(x.dtype))
                self.keep(x, self.record.slot(x.detach(), vertex))
        return self.slots[id(x)]

    # What is done.
    def dispatched(self, func: Value, args: tuple[Value, ...], kwargs: Params) -> Value:
        """One operation: computed, and a step of the record."""
        flat, structure = self.tree.tree_flatten((args, kwargs))
        places = [k for k, x in enumerate(flat) if isinstance(x, self.torch.Tensor) or odd(x)]
        operands = [self.slot(flat[k]) for k in places]
        written = self.written(func, args, kwargs)
        for x in written:  # the record keeps what was there before
            for slot in {self.slots[id(y)] for y in self.views[memory(x)]}:
                self.record.values[slot] = self.record.values[slot].clone()
        result = func(*args, **kwargs)
        made = [y for y in self.leaves(result) if isinstance(y, self.torch.Tensor)]
        made += [x for x in written if not any(x is y for y in made)]

        def run(values: list[Value]) -> list[Value]:
            leaves = list(flat)
            for k, x in zip(places, values):
                leaves[k] = x.clone() if written and isinstance(x, self.torch.Tensor) else x
            again, more = self.tree.tree_unflatten(leaves, structure)
            found = [y for y in self.leaves(func(*again, **more)) if isinstance(y, self.torch.Tensor)]
            inside = self.written(func, again, more)
            return found + [x for x in inside if not any(x is y for y in found)]

        step = self.step(func, operands, made, run)
        old = [(x, y, self.slots[id(y)]) for x in written for y in self.views[memory(x)] if y is not x]
        for x, slot in zip(made, step):
            self.keep(x, slot)
        for x, y, slot in old:
            if not any(y is z for z in made):
                self.slots[id(y)] = self.record.hand_on(
                    [slot, self.slots[id(x)]], partial(overlaid, shape(y), shape(x))
                )
        return result

    def written(self, func: Value, args: Sequence[Value], kwargs: Params) -> list[Value]:
        """The tensors that an operation writes into."""
        if not func._schema.is_mutable:
            return []
        found: list[Value] = []
        for k, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                found += self.leaves(args[k] if k < len(args) else kwargs.get(argument.name))
        return [x for x in found if isinstance(x, self.torch.Tensor)]

    def step(self, func: Value, operands: list[int], made: list[Value], run: Function) -> Sequence[int]:
        """The step of an operation, with the line of the user's code, and what it is the derivative of."""
        torch, name = self.torch, func._overloadpacket.__name__
        node = torch._C._current_autograd_node()
        if node is None:
            source, of = line_of_caller((*OURS, str(Path(torch.__file__).parent))), None
            self.sources.setdefault(torch.autograd._get_sequence_nr() - 1, (source, name))
        else:
            source, of = self.sources.get(node._sequence_nr(), ("", None))
        vertex = Vertex(
            name,
            tuple(self.record.nodes[k] for k in operands),
            shape=tuple(made[0].shape) if made else (),
            dtype=str(made[0].dtype) if made else None,
            source=source,
        )
        alike = torch.Tag.pointwise in func.tags or name in ALIKE
        values = [y.detach() for y in made]
        hidden = name in HANDED_ON
        return self.record.take(vertex, operands, values, run, elementwise=alike, hidden=hidden, source=source, of=of)


def overlaid(below: Value, above: Value, values: list[Value]) -> list[Value]:
    """The elements of a view, after what was written into the same memory through another one."""
    (size, stride, start), (size_above, stride_above, start_above) = below, above
    old, new = values
    ends = [s + sum((n - 1) * k for n, k in zip(z, t)) for z, t, s in (below, above)]
    flat = old.new_zeros(max(ends) + 1)
    flat.as_strided(size, stride, start).copy_(old)
    flat.as_strided(size_above, stride_above, start_above).copy_(new)
    return [flat.as_strided(size, stride, start).clone()]


def shape(x: Value) -> Value:
    """Where the elements of a tensor lie."""
    return tuple(x.shape), x.stride(), x.storage_offset()


def memory(x: Value) -> int:
    """Which piece of memory a tensor lies in."""
    try:
        found: int = x.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):  # a sparse tensor
        return id(x)
    return found


def seen_alike(x: Value, y: Value) -> bool:
    """Whether two tensors are the same elements of the same memory."""
    return bool(x.dtype == y.dtype and shape(x) == shape(y))


def odd(x: Value) -> bool:
    """A number among the settings that is not finite, such as the -inf of a mask."""
    return isinstance(x, float) and not math.isfinite(x)


__all__ = ["records"]
