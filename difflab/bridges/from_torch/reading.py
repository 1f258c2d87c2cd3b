"""from_torch: a module or function of PyTorch as a graph."""

from __future__ import annotations

from ...garbage import SEARCHED_SELDOM
from ...graph.graph import Graph
from ...graph.recorded import graph_of
from ...graph.recording import Tape
from ...types import Function, Tree, Value
from .exporting import exported
from .operations import refuse_unknown
from .origins import Origins
from .program import Program
from .running import Run, all_steps


@SEARCHED_SELDOM
def from_torch(module: Function, *args: Tree, **kwargs: Tree) -> Graph:
    """The graph of a `torch.nn.Module`, or of a function of tensors, at the example arguments.

    `torch.export` records it; where Python branches on values, which that refuses, the branch taken at the examples is
    recorded. Tensors among the arguments become inputs under the function's own names, a module's parameters become
    inputs under theirs (`conv1.weight`) whose defaults are their values now: `g(x)` is what the module gives, and
    `g(x, **{"conv1.weight": w})` what it gave with other weights. Buffers and all else are constants. The graph holds
    for the shapes of the examples; dtypes are theirs. Modules are blocks, and `g.notes[node]` says from which line of
    source a node comes, and from which `torch.autograd.Function`: of these the forward is recorded, and difflab
    differentiates it. Modules are read in the mode in which they are: batch normalisation in training uses the
    batch's statistics, without keeping them. What draws random numbers, such as dropout in training, is refused.

    Raises UnsupportedError with every operation that has no row, InputError where torch is not installed.

    >>> import difflab as dl, torch  # doctest: +SKIP
    >>> layer = torch.nn.Linear(2, 1).double()  # doctest: +SKIP
    >>> g = dl.from_torch(layer, torch.ones(3, 2, dtype=torch.float64))  # doctest: +SKIP
    >>> [node.name for node in g.inputs]  # doctest: +SKIP
    ['input', 'weight', 'bias']
    """
    program = exported(module, args, kwargs)
    refuse_unknown(all_steps(program))
    return recorded(program)


def recorded(program: Program) -> Graph:
    """The graph of an exported program, whose operations all have functions in the table."""
    with Tape() as (tape, operations):
        inputs = {place: tape.input(x, name) for place, name, x in program.inputs}
        run = Run(program.steps, {**program.constants, **inputs}, operations, Origins())
        outputs = tape.kept(run.results(program.results))
    nodes: list[Value] = list(inputs.values())
    graph = graph_of(operations, nodes, outputs, tape.guards, rebuild=program.rebuild, flatten=program.flatten)
    graph.shapes = {node: node.shape for node in nodes}
    graph.defaults = dict(zip(nodes[program.arguments :], program.defaults))
    graph.notes = dict(run.notes)
    return graph
