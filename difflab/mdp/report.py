"""What a solved process leaves in a folder: solution.json, solution.npz, pictures, and a page that shows them."""

from __future__ import annotations

import contextlib
import html
import io
import json
from pathlib import Path

import numpy as np

from ..errors import DifflabError
from ..files import in_a_folder, target_folder, write_all
from ..lab.plots import encoded
from ..lab.report_page import report_page
from ..lab.schemes import pictured
from ..lab.tour_page import Figure, figure
from ..types import Params
from . import pictures
from .graphs import backup_graph
from .grids import Grid
from .process import Solution
from .sensitivity import sensitivity

NAMES = ("solution.json", "solution.npz", "values.png", "report.html")
SMALL_PAIRS = 4_000  # of a process that other methods solve as well, to be compared
LARGEST_BACKUP = 24  # next states of all actions together, up to which a backup is drawn
SECTION = "<section>\n<h2>{title}</h2>\n<p>{about}</p>\n{body}\n</section>"


def check_folder(folder: Path, force: bool) -> None:
    """Before any work: the folder can be made and nothing in it would be lost, nor written through a link."""
    target_folder(folder, NAMES, force)
    if not folder.exists():
        in_a_folder(folder)


def write_folder(solution: Solution, folder: Path, title: str, force: bool = False) -> list[Path]:
    """The files; returns their paths."""
    check_folder(folder, force)
    arrays: Params = {
        "values": solution.values, "q": solution.q, "policy": solution.policy, "residuals": solution.residuals
    }  # fmt: skip
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    contents = (
        json.dumps(solution.summary(), allow_nan=False, indent=1),
        buffer.getvalue(),
        encoded(pictures.plot_solution(solution), "png"),
        page(solution, title),
    )
    return write_all(folder, dict(zip(NAMES, contents)), force)


def page(solution: Solution, title: str) -> str:
    lead = (
        f"{solution.process!r}. {solution.method.replace('_', ' ')}: {solution.iterations} iterations, "
        f"{solution.seconds:.3g} s. "
    )
    if solution.gain is None:
        lead += f"No value is further from the optimal one than {solution.error_bound:.2g}."
    else:
        lead += f"The best average reward of a step is {solution.gain:.8g}, within {solution.error_bound:.2g}."
    body = "\n".join(
        SECTION.format(title=html.escape(t), about=html.escape(about), body=content)
        for t, about, content in sections(solution)
    )
    return report_page(title, lead, body)


def beside(solution: Solution) -> dict[str, Solution]:
    """The solution, and for a small discounted process those of other methods, to compare how they converge."""
    process, runs = solution.process, {solution.method: solution}
    if solution.gain is not None or solution.stages is not None or process.n_pairs > SMALL_PAIRS:
        return runs
    for method in ("value_iteration", "gauss_seidel", "policy_iteration", "anderson"):
        with contextlib.suppress(DifflabError):  # a method that has no proof here is left out
            runs.setdefault(method, process.solve(method, max(solution.error_bound, 1e-6), max_iterations=5000))
    return runs


def backup_section(solution: Solution) -> list[tuple[str, str, str]]:
    """The Bellman backup of the first state that has few next states, as a graph."""
    process = solution.process
    spread = np.bincount(process.states, np.diff(process.transitions.indptr), process.n_states)
    fit = np.flatnonzero((spread > 0) & (spread <= LARGEST_BACKUP) & ~process.terminal)
    if not len(fit) or solution.gain is not None:
        return []
    state = int(fit[0])
    name = state if process.state_names is None else process.state_names[state]
    graph = backup_graph(process, state=state)
    values = {str(n.name): float(solution.values[int(str(n.name)[1:])]) for n in graph.inputs}
    try:
        picture = figure(Figure(svg=graph.forward(**values)._repr_svg_()))
    except DifflabError:  # no Graphviz here
        return []
    about = (
        f"The value of state {name} from those of its next states: an expectation for each action, then the best of "
        "them."
    )
    return [("A Bellman backup as a graph", about, picture)]


def episode_section(solution: Solution) -> list[tuple[str, str, str]]:
    """One episode under the policy from the state that is worth least, over a small grid."""
    process = solution.process
    alive = np.flatnonzero(~process.terminal)
    grid = isinstance(process.layout, Grid) and max(process.layout.shape) <= pictures.ARROW_CELLS
    if not grid or not len(alive):
        return []
    start = int(alive[solution.values[alive].argmin()])
    states, _, rewards = process.episode(solution.policy, rng=0, start=start, steps=100)
    about = f"From the state that is worth least: {len(rewards)} steps, rewards {rewards.sum():.4g} in all."
    return [
        (
            "An episode under the policy",
            about,
            pictured(lambda: pictures.plot_episode(process, states), "path of an episode"),
        )
    ]


def sections(solution: Solution) -> list[tuple[str, str, str]]:
    process = solution.process
    grid = isinstance(process.layout, Grid)
    about = "Arrows are the best actions; where several are as good, all are drawn." if grid else "The first states."
    found = [("Values and policy", about, pictured(lambda: pictures.plot_solution(solution), "values"))]
    if grid and max(process.layout.shape) <= pictures.ARROW_CELLS and solution.gain is None:
        found.append(
            ("Action values", "One triangle for each direction.", pictured(lambda: pictures.plot_q(solution), "q"))
        )
    runs = beside(solution)
    if any(len(s.residuals) > 1 for s in runs.values()):
        curve = pictured(lambda: pictures.plot_convergence(runs), "convergence")
        found.append(("Convergence", "The bound of the error after each iteration.", curve))
    if solution.gain is None and solution.stages is None:
        s = sensitivity(solution)
        told = (
            "The derivative of the mean value by the reward of each state: how often it is visited, discounted, under "
            f"the best policy. By the discount it is {s.discount:.4g}."
        )
        heat = pictured(lambda: pictures.plot_sensitivity(process, s.visits, title=""), "heat map")
        found.append(("Which reward matters", told, heat))
    found += [*backup_section(solution), *episode_section(solution)]
    notes = "".join(f"<li>{html.escape(n)}</li>" for n in solution.notes)
    if notes:
        found.append(("Notes", "What the solver says.", f"<ul>{notes}</ul>"))
    return found
