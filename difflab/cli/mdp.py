"""`difflab mdp`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Hashable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError
from ..progress import doing, watched
from .common import Command, emit_json, force_option, json_option, log, named_folder
from .devices import take_devices
from .processes import own_part, place_of, process_options, writes
from .progress import Display
from .supervisor import supervised

if TYPE_CHECKING:
    from ..mdp import MDP, Solution

EXAMPLES = """
difflab mdp gridworld
difflab mdp gridworld --shape 6x8 --slip 0.2 --gamma 0.95 --walls "1,1;2,1" --out grid
difflab mdp gymnasium:FrozenLake-v1 --gamma 0.99 --method policy_iteration
difflab mdp map.txt --gamma 0.98 --json
difflab mdp gridworld --slip 0.2 --start "0,4:0.5;4,0:0.5"
difflab mdp process.npz --method finite --horizon 12
difflab mdp gridworld --shape 200x300 --gamma 0.99 --devices 2
difflab mdp - --json < process.json
"""
ARROWS = "↑→↓←"
WIDEST = 16
LONGEST_INPUT = 50_000_000  # bytes
LONGEST_NUMBER = 18  # digits: what is longer counts nothing, and Python refuses to read thousands of them


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("source", metavar="gridworld|FILE|gymnasium:NAME|-")
@click.option("--gamma", type=float, default=None, help="The discount; 0.99 for gymnasium, 1 for gridworld.")
@click.option("--method", default="auto", show_default=True, help="auto, or a solver's name.")
@click.option("--tolerance", type=float, default=1e-6, show_default=True, help="The largest error of a value.")
@click.option("--horizon", type=int, default=None, help="Steps to go, for --method finite.")
@click.option("--shape", default="5x5", show_default=True, help="Rows x columns of the gridworld.")
@click.option("--terminals", default=None, help='Cells "0,0;4,4"; two opposite corners if not given.')
@click.option("--walls", default="", help='Cells "1,1;2,1".')
@click.option("--slip", type=float, default=0.0, show_default=True, help="The probability of going aside.")
@click.option("--step-reward", type=float, default=-1.0, show_default=True, help="The reward of each step.")
@click.option("--start", default=None, help='Where it begins: "0,0" or "0,0:0.7;2,1:0.3"; state numbers elsewhere.')
@click.option("--out", default=None, help="A folder for solution.json, solution.npz, values.png and report.html.")
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Iterations on standard error at once; by default on a terminal, after 2 s.",
)
@click.option(
    "--devices", type=click.IntRange(1), default=None, help="Cut the states over JAX's devices (of each process)."
)
@process_options
@force_option
@json_option
@click.pass_obj
def command(
    arguments: list[str],
    /,
    source: str,
    gamma: float | None,
    method: str,
    tolerance: float,
    horizon: int | None,
    start: str | None,
    out: str | None,
    progress: bool | None,
    force: bool,
    as_json: bool,
    devices: int | None,
    coordinator: str | None,
    processes: int | None,
    process_id: int | None,
    wait: float,
    **grid: Any,
) -> int:
    """Solve a Markov decision process: best values and actions, with a proven bound of the error."""
    place = place_of(coordinator, processes, process_id, wait)
    if place is not None and own_part() is None:
        return supervised(place, arguments, "")
    devices = take_devices(place, devices)
    from ..mdp.report import check_folder, write_folder

    folder = None if out is None else named_folder(out)
    if folder is not None and writes(place):
        check_folder(folder, force)
    with doing("reading the process"):
        process = read(source, gamma, **grid)
        if start is not None:
            process = process.replace(start=places(start, source == "gridworld"))
    options: dict[str, int] = {} if horizon is None else {"horizon": horizon}
    options |= {} if devices is None else {"devices": devices}
    if horizon is not None and method != "finite":
        raise InputError(f"--horizon {horizon} is for --method finite; this is {method}")
    with contextlib.nullcontext() if progress is None else watched(Display(0.0) if progress else None):
        solution = process.solve(method, tolerance, **options)
    if not writes(place):
        return 0
    if as_json:
        emit_json(solution.summary())
    else:
        show(solution)
    if folder is not None:
        with doing("drawing the report"):
            written = write_folder(solution, folder, f"difflab mdp {source}", force)
        for path in written:
            log(f"wrote {path}")
    return 0


def read(source: str, gamma: float | None, **grid: Any) -> MDP:
    from click.core import ParameterSource

    from ..mdp import MDP, gridworld, load
    from ..mdp.files import parse

    if source == "gridworld":
        return gridworld(
            shape_of(grid["shape"]),
            None if grid["terminals"] is None else cells(grid["terminals"], "--terminals"),
            walls=cells(grid["walls"], "--walls"),
            slip=grid["slip"],
            step_reward=grid["step_reward"],
            discount=1.0 if gamma is None else gamma,
        )
    given = [
        name for name in grid if click.get_current_context().get_parameter_source(name) == ParameterSource.COMMANDLINE
    ]
    if given:
        raise InputError(f"--{given[0].replace('_', '-')} is for gridworld; {source!r} says itself how it is built")
    if source == "-":
        return parse(standard_input(), gamma)
    if source.startswith("gymnasium:"):
        return MDP.from_gymnasium(source.removeprefix("gymnasium:"), 0.99 if gamma is None else gamma)
    if "." not in source:
        close = " did you mean gridworld?" if get_close_matches(source, ["gridworld"]) else ""
        raise InputError(
            f"there is no process {source!r};{close} give gridworld, a file (.npz, .json, .txt; - is standard input) "
            "or gymnasium:NAME"
        )
    return load(source, gamma)


def standard_input() -> bytes:
    if sys.stdin is None:
        raise InputError("standard input is closed; give a file, gridworld or gymnasium:NAME")
    data = sys.stdin.buffer.read(LONGEST_INPUT + 1)
    if len(data) > LONGEST_INPUT:
        raise InputError(f"standard input holds more than {LONGEST_INPUT:,} bytes; save it as .npz and give the file")
    return data


def shape_of(text: str) -> tuple[int, int]:
    parts = text.lower().replace(",", "x").replace("×", "x").split("x")
    if len(parts) != 2 or not all(p.strip().isdecimal() and len(p) <= LONGEST_NUMBER for p in parts):
        raise InputError(f"--shape {text[:60]!r}: give rows x columns, as in 5x5")
    return int(parts[0]), int(parts[1])


def cells(text: str, option: str) -> list[tuple[int, int]]:
    found = []
    for part in filter(None, (p.strip(" ()") for p in text.split(";"))):
        numbers = part.split(",")
        try:
            row, column = (int(n) for n in numbers)
        except ValueError:
            raise InputError(f"{option} {part[:60]!r} is not a cell; give cells as row,column;row,column") from None
        found.append((row, column))
    return found


def places(text: str, grid: bool) -> dict[Hashable, float]:
    """The states of --start with their probabilities; without any, all alike."""
    parts = [p.strip() for p in text.split(";") if p.strip()]
    if not parts:
        raise InputError(f"--start {text!r} names no state; give row,column or state:probability;state:probability")
    found: dict[Hashable, float] = {}
    for part in parts:
        place, colon, told = part.rpartition(":") if ":" in part else (part, "", "")
        try:
            p = float(told) if colon else 1 / len(parts)
        except ValueError:
            raise InputError(f"--start {part[:60]!r}: {told[:40]!r} is no probability") from None
        counted = place.isdecimal() and len(place) <= LONGEST_NUMBER
        key: Hashable = cells(place, "--start")[0] if grid and place else int(place) if counted else place
        found[key] = found.get(key, 0.0) + p
    return found


def show(solution: Solution) -> None:
    from ..mdp import Grid

    process, layout = solution.process, solution.process.layout
    click.echo(f"{process!r}")
    told = "average reward" if solution.gain is not None else "values"
    click.echo(
        f"{solution.method}: {solution.iterations} iterations, {solution.seconds:.3g} s, "
        f"{told} within {solution.error_bound:.2g} (proven)"
    )
    if solution.gain is not None:
        click.echo(f"best average reward of a step: {solution.gain:.8g}")
    if begins := solution.from_the_start():
        click.echo(f"expected return from the start: {begins['expected_return']:.8g}")
    for note in solution.notes:
        click.echo(note)
    if isinstance(layout, Grid) and max(layout.shape) <= WIDEST:
        click.echo(grid_text(solution, layout))
    else:
        click.echo(rows_text(solution))


def grid_text(solution: Solution, layout: Any) -> str:
    """Values with the arrows of all best actions behind them, and a dot for an action that stays."""
    from ..mdp.grids import STEPS

    rows, columns = layout.shape
    best, values = layout.of_cells(solution.ties()), layout.of_cells(solution.values)
    lines = []
    for i in range(rows):
        words = []
        for j in range(columns):
            c = i * columns + j
            if c in layout.walls:
                words.append(layout.words.get(c, "#" * 5))
            elif c in layout.terminals:
                words.append(layout.words.get(c, "end"))
            else:
                ways = [way for a, way in enumerate(layout.steps) if best[c, a]]
                arrows = "".join(ARROWS[k] for k, way in enumerate(STEPS) if way in ways) + "●" * (None in ways)
                words.append(f"{values[c] + 0.0:.4g} {arrows}")
        lines.append(words)
    width = max(len(w) for line in lines for w in line)
    head = f"\n{layout.title}\n" if layout.title else "\n"
    return head + "\n".join("  ".join(w.rjust(width) for w in line) for line in lines)


def rows_text(solution: Solution, most: int = 20) -> str:
    process = solution.process
    shown = min(process.n_states, most)
    lines = ["", f"{'state':>16}  {'value':>14}  best action"]
    for s in range(shown):
        state = s if process.state_names is None else clean(process.state_names[s])[:16]
        a = int(solution.policy[s])
        action = a if process.action_names is None else clean(process.action_names[a])
        told = "end" if process.terminal[s] else action
        lines.append(f"{state!s:>16}  {solution.values[s] + 0.0:>14.8g}  {told}")
    if shown < process.n_states:
        lines.append(f"... and {process.n_states - shown:,} more states; --json or --out has them all")
    return "\n".join(lines)


def clean(name: object) -> str:
    """A name without characters that steer a terminal."""
    return "".join(c if c.isprintable() else "�" for c in str(name))
