"""What a solved process leaves in a folder: solution.json, solution.npz, pictures, and a page that shows them."""

from __future__ import annotations

import html
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..errors import InputError
from ..files import target, write
from ..lab.tour_page import POLICY, STYLE, Figure, figure
from ..nn.pictures import png
from . import pictures
from .grids import Grid
from .sensitivity import sensitivity

if TYPE_CHECKING:
    from .solution import Solution

NAMES = ("solution.json", "solution.npz", "values.png", "report.html")
SECTION = "<section>\n<h2>{title}</h2>\n<p>{about}</p>\n{body}\n</section>"


def check_folder(folder: Path, force: bool) -> None:
    """Before any work: the folder can be made and nothing in it would be lost, nor written through a link."""
    if folder.is_symlink():
        raise InputError(f"{folder} is a link; nothing is written through links")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder")
    if not folder.exists() and not folder.parent.is_dir():
        raise InputError(f"the folder {folder.parent} does not exist; make it first")
    if folder.exists():
        for name in NAMES:
            target(folder / name, force)


def write_folder(solution: Solution, folder: Path, title: str, force: bool = False) -> list[Path]:
    """The files; returns their paths."""
    check_folder(folder, force)
    folder.mkdir(exist_ok=True)
    arrays = {"values": solution.values, "q": solution.q, "policy": solution.policy, "residuals": solution.residuals}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    made = [
        write(folder / "solution.json", json.dumps(solution.summary(), allow_nan=False, indent=1), force),
        write(folder / "solution.npz", buffer.getvalue(), force),
        pictures.plot_solution(solution, folder / "values.png", force),
        write(folder / "report.html", page(solution, title), force),
    ]
    return made


def page(solution: Solution, title: str) -> str:
    lead = (
        f"{solution.process!r}. {solution.method.replace('_', ' ')}: {solution.iterations} iterations, "
        f"{solution.seconds:.3g} s. No value is further from the optimal one than {solution.error_bound:.2g}."
    )
    body = "\n".join(
        SECTION.format(title=html.escape(t), about=html.escape(about), body=content)
        for t, about, content in sections(solution)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{html.escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<header><h1>{html.escape(title)}</h1><p>{html.escape(lead)}</p></header>
{body}
<footer>Made by difflab {__version__}.</footer>
</main>
</body>
</html>
"""


def shown(made: Any, alt: str) -> str:
    return figure(Figure(png=png(made), alt=alt))


def sections(solution: Solution) -> list[tuple[str, str, str]]:
    process = solution.process
    grid = isinstance(process.layout, Grid)
    about = "Arrows are the best actions; where several are as good, all are drawn." if grid else "The first states."
    found = [("Values and policy", about, shown(pictures.plot_solution(solution), "values"))]
    if grid and max(process.layout.shape) <= pictures.ARROW_CELLS and solution.gain is None:
        found.append(("Action values", "One triangle for each direction.", shown(pictures.plot_q(solution), "q")))
    if len(solution.residuals) > 1:
        curve = shown(pictures.plot_convergence({solution.method: solution}), "convergence")
        found.append(("Convergence", "The bound of the error after each iteration.", curve))
    if solution.gain is None and solution.stages is None:
        s = sensitivity(solution)
        told = (
            "The derivative of the mean value by the reward of each state: how often it is visited, discounted, under "
            f"the best policy. By the discount it is {s.discount:.4g}."
        )
        found.append(
            ("Which reward matters", told, shown(pictures.plot_sensitivity(process, s.visits, title=""), "heat map"))
        )
    notes = "".join(f"<li>{html.escape(n)}</li>" for n in solution.notes)
    if notes:
        found.append(("Notes", "What the solver says.", f"<ul>{notes}</ul>"))
    return found
