"""Texts: parsed, printed, recorded at a point, evaluated."""

from __future__ import annotations

from difflab.cli.common import computing
from difflab.differentiate.problem import as_problem

from .expressions import divided, mutate as mutate, read, seeds as seeds

SECONDS = 2.0


def run(data: bytes) -> None:
    graph, at = read(data)
    repr(graph), str(graph), len(graph.order)
    with computing():  # what NumPy refuses at a point is bad input at the shell
        problem = as_problem(divided(data)[0], at)
        problem.value  # noqa: B018 (computed when it is asked for)
