"""gradients_by_module: how large values and gradients are, module by module of somebody's network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import InputError
from ..graph.block import Block
from ..graph.graph import BackwardPass, Graph
from ..graph.node import Node
from ..nn.inspect import Inspection, LayerLook, rms
from ..types import Function, Tree
from .judging.judge import inputs_of, program_of


def gradients_by_module(f: Function | Graph, *args: Tree, depth: int = 1, framework: str = "auto") -> Inspection:
    """Sizes of values and gradients at the end of each module, and by its parameters: what vanishes, what explodes.

    `f` is a module or function of PyTorch, a function of JAX whose parts stand under `jax.jit` or `jax.named_scope`, or
    a graph with blocks; a result of several numbers is summed. `depth` is how deep modules in modules are told apart.
    The result says in a sentence whether gradients vanish or explode, and prints and draws as `nn.inspect`'s does.
    Raises InputError where there are no modules.

    >>> import difflab as dl, numpy as np
    >>> def f(x):
    ...     for name in ("first", "second"):
    ...         with dl.block(name):
    ...             x = np.tanh(x * 3.0)
    ...     return np.sum(x)
    >>> gradients_by_module(dl.trace(f, np.ones(2)), np.ones(2)).verdict()
    "Gradients neither vanish nor explode: the gradient's size at first is 0.0305 times that at second."
    """
    if not isinstance(depth, int) or depth < 1:
        raise InputError(f"gradients_by_module: depth={depth!r}; give 1 or more")
    if isinstance(f, Graph):
        graph, values = f, f.bind(args, {})
    else:
        program = program_of(f, args, framework, "gradients_by_module")
        graph = program.graph()
        values = inputs_of(graph, program)
    forward = graph.forward(**{str(n.name): x for n, x in zip(graph.inputs, values)})
    output = graph.outputs[0]
    backward = forward.backward(np.ones_like(forward.values[output]))
    looks = list(looked_at(graph, backward, depth))
    if not looks:
        raise InputError("gradients_by_module: the graph has no modules: put parts under dl.block, or give a module")
    return Inspection(tuple(looks))


def looked_at(graph: Graph, backward: BackwardPass, depth: int) -> Iterator[LayerLook]:
    """Each module that the gradient reaches, in the order of the forward pass."""
    for name, nodes in by_module(graph, depth).items():
        inside = set(nodes)
        end = next((n for n in reversed(nodes) if n in backward.reached and leaves(graph, n, inside)), None)
        if end is None:
            continue
        owned = dict.fromkeys(x for n in nodes for x in n.operands if x in graph.inputs and x in graph.defaults)
        values = [np.ravel(backward.forward.values[x]) for x in owned]
        by_values = [np.ravel(backward.adjoint[x]) for x in owned if x in backward.reached]
        yield LayerLook(
            name,
            np.asarray(backward.forward.values[end]),
            np.asarray(backward.adjoint[end]),
            rms(np.concatenate(values)) if values else None,
            rms(np.concatenate(by_values)) if by_values else None,
        )


def by_module(graph: Graph, depth: int) -> dict[str, list[Node]]:
    """The nodes of each module, by its name; those of modules deeper in belong to the one that is told apart."""
    found: dict[str, list[Node]] = {}
    for node in graph.order:
        if node.block is not None:
            path = list(reversed(list(outward(node.block))))[:depth]
            found.setdefault(".".join(b.name for b in path), []).append(node)
    return found


def outward(block: Block | None) -> Iterator[Block]:
    while block is not None:
        yield block
        block = block.parent


def leaves(graph: Graph, node: Node, inside: set[Node]) -> bool:
    """Whether a value is read outside of its module, or is a result."""
    return node in graph.outputs or any(user not in inside for user in users(graph, node))


def users(graph: Graph, node: Node) -> Iterator[Node]:
    return (other for other in graph.order if any(x is node for x in other.operands))


__all__ = ["gradients_by_module"]
