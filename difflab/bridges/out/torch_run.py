"""A graph on PyTorch's tensors: node by node, loops and branches as Python's own, rules of a user's as autograd's."""

from __future__ import annotations

from functools import cache

from ...compile.xla.carrier import sample
from ...differentiate.transform import vjp
from ...graph.graph import Graph
from ...graph.node import Node
from ...graph.node_carrier import NODE
from ...graph.trace import record
from ...late import Late
from ...primitives import Primitive, rows
from ...primitives.found import function_in
from ...types import Function, Rule, Value
from .expand import computed_in, expanded, refused
from .torch_kernels import dtype_of

torch: Value = Late("torch")
KERNELS = tuple(f"difflab.bridges.out.torch_{part}" for part in ("kernels", "reductions", "elements", "windows"))
HOMES = ("torch", "torch.special")  # for elementwise rows without parameters, whose functions take tensors alone
OTHERS = frozenset((rows.kl_div,))  # PyTorch's function of that name is another one


@cache
def kernel(row: Primitive) -> Rule | None:
    """The row's function on tensors, or None."""
    if not row.listed:
        return None
    found = function_in(KERNELS, row)
    return function_in(HOMES, row) if found is None and row.kind == "elementwise" and row not in OTHERS else found


def own_rule(row: Primitive) -> bool:
    """Whether it is a user's function with derivative rules of its own."""
    return row.kind == "custom" and not row.listed and row.value is not None and not row.spelling


def known(row: Primitive) -> bool:
    return kernel(row) is not None or own_rule(row) or any(name in row.spelling for name in CONTROL)


class OnTorch:
    """A graph whose rows are all known, as a function from tensors to a list of tensors."""

    def __init__(self, graph: Graph, values: list[Value]) -> None:
        self.graph: Graph = expanded(graph, values, known)
        self.steps: list[tuple[Node, Function]] = []
        missing = []
        for node in self.graph.order:
            if node.primitive.leaf or node.primitive.kind == "pick":
                continue
            found = self.function(node)
            if found is None:
                missing.append(node.primitive.name)
            else:
                self.steps.append((node, found))
        if missing:
            raise refused("PyTorch", missing)
        self.constants: list[tuple[Node, Value]] = [
            (n, n.params["value"]) for n in self.graph.order if n.primitive is rows.constant
        ]

    def function(self, node: Node) -> Function | None:
        """What computes a node, from its operands as tensors."""
        row = node.primitive
        for name, build in CONTROL.items():
            if name in row.spelling:
                made: Function = build(*row.spelling[name])
                return made
        if own_rule(row):
            return with_own_rule(node)
        found = kernel(row)
        if found is None:
            return None
        wanted = operand_dtypes(node)

        def run(*operands: Value) -> Value:
            cast = [x if d is None or x.dtype is d else x.to(d) for x, d in zip(operands, wanted)]
            return found(*cast, **node.params)

        return run

    def __call__(self, *values: Value) -> list[Value]:
        device = next((x.device for x in values if hasattr(x, "device")), None)
        env: dict[Node, Value] = dict(zip(self.graph.inputs, values))
        for node, value in self.constants:
            env[node] = torch.tensor(value, dtype=dtype_of(node.dtype), device=device)
        for node, run in self.steps:
            operands = [picked(x, env) for x in node.operands]
            env[node] = same_dtype(node, run(*operands))
        return [picked(y, env) for y in self.graph.outputs]


def picked(node: Node, env: dict[Node, Value]) -> Value:
    """The value of a node, or the one of several results that it picks."""
    if node.primitive.kind == "pick":
        return picked(node.operands[0], env)[node.params["index"]]
    return env[node]


def operand_dtypes(node: Node) -> list[Value]:
    """For each operand PyTorch's dtype that NumPy computes in, or None where it stays as it is."""
    return [None if wanted is None else dtype_of(wanted) for wanted in computed_in(node)]


def same_dtype(node: Node, found: Value) -> Value:
    """The value in the dtype that NumPy's has."""
    if node.value.__class__ is tuple:
        return [x if x.dtype is dtype_of(v.dtype) else x.to(dtype_of(v.dtype)) for x, v in zip(found, node.value)]
    wanted = dtype_of(node.dtype)
    return found if found.dtype is wanted else found.to(wanted)


# Control flow.
def body_on_torch(body: Value) -> OnTorch:
    graph: Graph = body.graph
    return OnTorch(graph, [sample(x.shape, x.dtype) for x in graph.inputs])


def scan(body: Value, a: int, b: int, count: int, reverse: bool) -> Function:
    """The last carry, the ys, and each step's carry."""
    run, n = body_on_torch(body), b - a
    outputs = body.outputs

    def loop(*xs: Value) -> list[Value]:
        captured, carry, slices = list(xs[:a]), list(xs[a:b]), xs[b:]
        found: list[list[Value]] = [[] for _ in range(len(outputs) - n + n)]
        for t in reversed(range(count)) if reverse else range(count):
            after = run(*captured, *carry, *[x[t] for x in slices])
            for kept, x in zip(found, [*after[n:], *carry]):
                kept.append(x)
            carry = after[:n]
        likes = [*outputs[n:], *outputs[:n]]
        return [*carry, *[stacked(kept[::-1] if reverse else kept, like) for kept, like in zip(found, likes)]]

    return loop


def stacked(kept: list[Value], like: Value) -> Value:
    return torch.stack(kept) if kept else torch.zeros((0, *like.shape), dtype=dtype_of(like.dtype))


def while_loop(test: Value, body: Value, a: int, b: int) -> Function:
    """The last value, and the number of steps."""
    condition, run = body_on_torch(test), body_on_torch(body)

    def loop(*xs: Value) -> list[Value]:
        value, count = list(xs[b:]), 0
        while bool(condition(*xs[:a], *value)[0]):
            value, count = run(*xs[a:b], *value), count + 1
        return [*value, torch.tensor(count)]

    return loop


def cond(branches: Value, part: Function) -> Function:
    runs = [body_on_torch(branch) for branch in branches]

    def choose(*xs: Value) -> Value:
        which = int(bool(xs[0]))
        *given, last = part(list(xs), which)
        found = runs[which](*given, torch.tensor(last))
        return found if len(found) != 1 else found[0]

    return choose


CONTROL: dict[str, Function] = {"scan": scan, "while_loop": while_loop, "cond": cond}


# Rules of a user's.
def with_own_rule(node: Node) -> Function:
    """A user's function with the pullback that difflab has for it, as autograd's own function."""
    row, params = node.primitive, node.params
    examples = [sample(x.shape, x.dtype) for x in node.operands]
    moving = [k for k, x in enumerate(node.operands) if x.dtype.kind in "fc"]
    several = node.value.__class__ is tuple
    forward, _ = record(lambda *xs: row.program(NODE, *xs, **params), *examples)

    def pull(xs: list[Value], cts: list[Value]) -> list[Value]:
        def f(*chosen: Value) -> Value:
            full = list(xs)
            for k, x in zip(moving, chosen):
                full[k] = x
            return NODE.of(row)(*full, **params)

        return list(vjp(f, *[xs[k] for k in moving])[1](tuple(cts) if several else cts[0]))

    results = node.value if several else (node.value,)
    backward, _ = record(pull, examples, [sample(v.shape, v.dtype) for v in results])
    ahead, back = (
        OnTorch(forward, examples),
        OnTorch(backward, [*examples, *[sample(v.shape, v.dtype) for v in results]]),
    )
    return autograd_function(ahead, back, moving, several)


def autograd_function(ahead: OnTorch, back: OnTorch, moving: list[int], several: bool) -> Function:
    def forward(*xs: Value) -> Value:
        found = ahead(*xs)
        return tuple(x.clone() for x in found) if several else found[0].clone()

    def setup_context(ctx: Value, inputs: tuple[Value, ...], output: Value) -> None:
        ctx.save_for_backward(*inputs)

    def backward(ctx: Value, *cts: Value) -> Value:
        found = dict(zip(moving, back(*ctx.saved_tensors, *cts)))
        return tuple(found.get(k) for k in range(len(ctx.saved_tensors)))

    rules = {f.__name__: staticmethod(f) for f in (forward, setup_context, backward)}
    own: Value = type("Own", (torch.autograd.Function,), {"generate_vmap_rule": True, **rules})
    applied: Function = own.apply
    return applied
