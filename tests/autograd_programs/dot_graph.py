"""A trace with nodes of the program's own class, written as DOT; another that says what is computed."""

from typing import ClassVar

import autograd.numpy as np
from autograd import grad
from autograd.misc.tracers import full_graph
from autograd.tracer import Node, trace


class Step(Node):
    said: ClassVar[list[str]] = []

    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):
        self.name = fun.__name__
        self.parents = dict(zip(parent_argnums, parents))
        self.args, self.value = args, value
        Step.said.append(f"{self.name} of {len(args)}, by {parent_argnums}: {float(np.sum(value)):.9f}")

    def initialize_root(self, x):
        self.name, self.parents, self.args, self.value = "input", {}, (), x


def dot(end):
    """The lines of a DOT file, nodes by the order in which they are met."""
    numbers, lines, waiting = {end: 0}, [], [end]
    while waiting:
        node = waiting.pop()
        lines.append(f"n{numbers[node]} [label={node.name}]")
        for place in range(len(node.args)):
            if place not in node.parents:
                lines.append(f"constant {float(node.args[place])} -> n{numbers[node]}")
                continue
            parent = node.parents[place]
            if parent not in numbers:
                numbers[parent] = len(numbers)
                waiting.append(parent)
            lines.append(f"n{numbers[parent]} -> n{numbers[node]}")
    return "\n".join(lines)


def f(x):
    y = np.sin(x)
    return (y + np.exp(x) - 0.5) * y


value, end = trace(Step.new_root(1.0), f, 1.0)
drawn = dot(end)
said = list(Step.said)
through, node = trace(Step.new_root(1.0), grad(f), 1.0)
graph = full_graph(f, 1.0)
found = [value, end.value, through, node.value, graph.value, len(said), *[ord(c) for c in drawn + "".join(said)]]
