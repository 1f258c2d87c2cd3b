"""Functions and modules of PyTorch: what they call, one call by another, each with autograd's derivative of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from ...graph.graph import Graph
from ...graph.pytree import flatten
from ...types import Array, Function, Tree, Value
from ..frameworks import as_tensor
from ..from_torch.reading import from_torch
from ..nonfinite.names import within
from ..nonfinite.on_torch import unchanged
from ..packages import needed
from .steps import Step, total

# What moves, makes or asks about tensors without computing with them.
STILL = frozenset(
    """__get__ __set__ detach clone contiguous size shape dim numel is_floating_point requires_grad_ stride item
    __bool__ __len__ __repr__ backward""".split()
)
# Of a symmetric matrix: a rule may put its derivative on either side of the diagonal.
SYMMETRIC = ("cholesky", "linalg_cholesky", "linalg_cholesky_ex", "linalg_eigh", "linalg_eigvalsh")


class OfTorch:
    """A function or module of PyTorch at its arguments; the parameters of a module are arguments too."""

    title = "PyTorch"

    def __init__(self, f: Function, args: tuple[Tree, ...]) -> None:
        self.torch: ModuleType = needed("torch", "judge")
        self.f = f
        self.rebuild: Function
        leaves, self.rebuild = flatten(args)
        self.leaves: list[Value] = [as_tensor(x) for x in leaves]
        self.args: tuple[Tree, ...] = self.rebuild(self.leaves)
        alone = isinstance(f, self.torch.nn.Module)
        modules: list[Any] = list(within(f, self.torch.nn.Module).values())
        self.parameters: dict[str, Any] = dict(modules[0].named_parameters()) if alone else {}
        captured = [m for m in modules if not alone and any(map(self.floats, m.parameters()))]
        self.unjudged: list[str] = [
            f"the parameters of {type(m).__name__}, which the function reads: judge the module itself" for m in captured
        ]

    def scope(self) -> AbstractContextManager[Any]:
        """Buffers, such as the statistics of a batch norm, and the state of random numbers are as before at its end."""
        return unchanged(self.torch, self.f)

    def graph(self) -> Graph:
        return from_torch(self.f, *self.args)

    def value(self, xs: list[Value], weights: list[Array]) -> float:
        """The weighted results at other floats."""
        torch, count = self.torch, sum(map(self.floats, self.leaves))
        rest = iter(xs[:count])
        full = [torch.tensor(np.asarray(next(rest)), dtype=x.dtype) if self.floats(x) else x for x in self.leaves]
        weighty = [(n, p) for n, p in self.parameters.items() if self.floats(p)]
        held = {n: torch.tensor(np.asarray(x), dtype=p.dtype) for (n, p), x in zip(weighty, xs[count:])}
        with torch.no_grad():
            args = self.rebuild(full)
            found = torch.func.functional_call(self.f, held, args) if held else self.f(*args)
        return total(weights, [y.detach().cpu().numpy() for y in flatten(found)[0] if self.floats(y)])

    def gradient(self, weights: list[Array]) -> list[Array]:
        """autograd's derivatives of the weighted results by the arguments and parameters that are floats."""
        full = [x.detach().clone().requires_grad_() if self.floats(x) else x for x in self.leaves]
        moving = [x for x in full if self.floats(x)] + [p for p in self.parameters.values() if self.floats(p)]
        with self.torch.enable_grad(), all_moving(self.parameters, self.floats):
            found = flatten(self.f(*self.rebuild(full)))[0]
            if not any(y.requires_grad for y in found if self.floats(y)):
                self.unjudged.append("whether that is meant: no result moves with an argument (no_grad, detach, item)")
            return self.pulled(found, moving, weights)

    def pulled(self, found: list[Value], moving: list[Value], weights: list[Array]) -> list[Array]:
        results = [y for y in found if self.floats(y)]
        total = [(y * self.torch.tensor(w, dtype=y.dtype)).sum() for w, y in zip(weights, results)]
        if not any(y.requires_grad for y in total):
            return [np.zeros(x.shape, str(x.dtype).removeprefix("torch.")) for x in moving]
        grads = self.torch.autograd.grad(sum(total), moving, allow_unused=True)
        return [(self.torch.zeros_like(x) if g is None else g).detach().cpu().numpy() for g, x in zip(grads, moving)]

    def floats(self, x: Value) -> bool:
        return isinstance(x, self.torch.Tensor) and x.dtype.is_floating_point

    def steps(self) -> Iterator[Step]:
        """The calls of torch's functions and of `autograd.Function`s while f runs."""
        calls: list[tuple[str, Function, tuple[Any, ...], dict[str, Any], Value]] = []
        given = [x.clone().requires_grad_().clone() if self.floats(x) else x for x in self.leaves]
        with recorded(self.torch, calls), self.torch.enable_grad(), all_moving(self.parameters, self.floats):
            self.f(*self.rebuild(given))
        for name, function, args, kwargs, result in calls:
            step = self.step(name, function, args, kwargs, result)
            if step is not None:
                yield step

    def step(self, name: str, function: Function, args: Any, kwargs: Any, result: Value) -> Step | None:
        leaves, spec = self.torch.utils._pytree.tree_flatten((args, kwargs))
        places = [k for k, x in enumerate(leaves) if self.floats(x) and x.requires_grad]
        results = [y for y in self.torch.utils._pytree.tree_leaves(result) if self.floats(y)]
        if name in STILL or not places or not results:
            return None
        moving = [leaves[k] for k in places]

        def of_floats(*xs: Value) -> Value:
            full = [x.detach().clone() if isinstance(x, self.torch.Tensor) else x for x in leaves]
            for k, x in zip(places, xs):
                x = (x + x.mT) / 2 if name in SYMMETRIC else x
                full[k] = x.clone()  # which a function may write into
            positional, named = self.torch.utils._pytree.tree_unflatten(full, spec)
            found = self.torch.utils._pytree.tree_leaves(function(*positional, **named))
            return tuple(y for y in found if self.floats(y))

        def pull(weights: list[Array]) -> list[Array]:
            xs = [x.detach().clone().requires_grad_() for x in moving]
            with self.torch.enable_grad():
                return self.pulled(list(of_floats(*xs)), xs, weights)

        return Step(
            name=name,
            source="",
            moving={f"x{k}" if len(places) > 1 else "x": x.detach().cpu().numpy() for k, x in enumerate(moving)},
            shapes=[tuple(y.shape) for y in results],
            pull=pull,
            graph=lambda: from_torch(of_floats, *[x.detach() for x in moving]),
        )


def copied(x: Any) -> Any:
    """A tensor as it is now; that it moves with the inputs is kept, the graph behind it is not."""
    return x.detach().clone().requires_grad_(x.requires_grad)


@contextmanager
def all_moving(parameters: dict[str, Any], floats: Function) -> Iterator[None]:
    """The parameters as inputs, whatever is trained, and as they were afterwards."""
    before = [p.requires_grad for p in parameters.values()]
    try:
        for p in parameters.values():
            p.requires_grad_(floats(p))
        yield
    finally:
        for p, wanted in zip(parameters.values(), before):
            p.requires_grad_(wanted)


@contextmanager
def recorded(torch: Any, calls: list[Any]) -> Iterator[None]:
    """Notes every call of a function of torch's, and of `apply` of a user's Function, from the outermost only.

    A Function's `apply` may have been given a name long before: such a call is met in the class beneath.
    """
    original = torch.autograd.Function.__dict__["apply"]
    below = torch.autograd.function._SingleLevelFunction
    busy = [False]

    def note(name: str, function: Function, args: Any, kwargs: Any) -> Value:
        if busy[0]:
            return function(*args, **kwargs)
        busy[0] = True
        copies = torch.utils._pytree.tree_map(lambda x: copied(x) if isinstance(x, torch.Tensor) else x, (args, kwargs))
        try:
            result = function(*args, **kwargs)
        finally:
            busy[0] = False
        calls.append((name, function, *copies, result))
        return result

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Value:
        return note(f"{cls.__name__} (autograd.Function)", original.__get__(None, cls), args, kwargs)

    def applied(cls: Any, *args: Any, **kwargs: Any) -> Value:
        return super(below, cls).apply(*args, **kwargs) if busy[0] else apply(cls, *args, **kwargs)

    def called(self: Any, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Value:
        return note(getattr(function, "__name__", str(function)), function, args, kwargs or {})

    mode = type("Calls", (torch.overrides.TorchFunctionMode,), {"__torch_function__": called})
    torch.autograd.Function.apply, below.apply = classmethod(apply), classmethod(applied)
    try:
        with mode():
            yield
    finally:
        torch.autograd.Function.apply = original
        del below.apply


__all__ = ["OfTorch"]
