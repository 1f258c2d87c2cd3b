"""Processes in files: .npz (never a pickle), .json, and maps of grids as text."""

from __future__ import annotations

import io
import json
import sys
from codecs import BOM_UTF8
from collections.abc import Hashable
from pathlib import Path
from typing import NoReturn

import numpy as np

from ..errors import InputError, ShapeError
from ..files import write
from ..reading import Archive, read_bytes
from ..types import FileName, Params, Value
from .build import MOST_ACTIONS, assemble, from_arrays, from_triples, terminals_of
from .grids import gridworld
from .process import MDP
from .start import starting_in
from .types import Floats, Integers, Rows

LARGEST = 2_000_000_000  # bytes that the arrays of a file may unpack to
MOST_STATES = 500_000_000
LONGEST_TEXT = 50_000_000
LARGEST_MAP, LONGEST_MAP = 1_500_000, 6_000_000  # cells, bytes
CELLS = frozenset("#.SGH ")
BUILD = "build larger ones in Python with mdp.gridworld, and save them as .npz"
CSR = ("data", "indices", "indptr", "rewards", "states", "actions", "shape")


def save(process: MDP, path: FileName, force: bool = False) -> Path:
    """Writes a process as .npz: its CSR of transitions, rewards, states and actions of the pairs, terminals, discount,
    and the distribution of S0 where it has one.

    >>> import tempfile, pathlib
    >>> from difflab import mdp
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = mdp.save(mdp.gridworld(), pathlib.Path(folder, "grid.npz"))
    ...     mdp.load(path)
    MDP(25 states, 4 actions, 100 pairs, discount 1)
    """
    if Path(path).suffix != ".npz":
        raise InputError(f"save: {Path(path).name} must end in .npz")
    if not isinstance(process, MDP):
        raise InputError(f"save: {str(process)[:80]} is no MDP")
    P, buffer = process.transitions, io.BytesIO()
    arrays: Params = {
        "data": P.data, "indices": P.indices, "indptr": P.indptr, "rewards": process.rewards,
        "states": process.states, "actions": process.actions, "shape": np.array([process.n_states, process.n_actions]),
        "terminals": np.flatnonzero(process.terminal), "discount": np.float64(process.discount),
    }  # fmt: skip
    if process.start is not None:
        arrays["start"] = process.start
    np.savez_compressed(buffer, **arrays)
    return write(path, buffer.getvalue(), force)


def load(path: FileName, discount: float | None = None) -> MDP:
    """A process from a file; `discount` replaces the file's.

    - .npz: arrays P (A, S, S), R, discount and, if wanted, start (S,), or what `save` writes;
    - .json: {"discount": 0.9, "transitions": [[state, action, probability, next state, reward], ...],
      "terminals": [...], "start": [[state, probability], ...]}, with states and actions as whole numbers from 0, or as
      names;
    - .txt: a map of a grid: `#` wall, `.` free, `G` goal (+1), `H` hole (-1), `S` where episodes begin (several: all
      alike), each step costs 0.04.

    Raises InputError or ShapeError naming the file and what is wrong in it.
    """
    path = Path(path)
    if path.suffix.lower() not in READERS:
        raise InputError(f"{path.name or path}: a process is read from .npz, .json or .txt")
    raw = read_bytes(path, LARGEST)
    try:
        return READERS[path.suffix.lower()](raw, discount)
    except (InputError, ShapeError) as error:
        raise type(error)(f"{path.name}: {error}") from None


def parse(raw: bytes, discount: float | None = None) -> MDP:
    """A process from the bytes of a file of any of the forms of `load`, told apart by how they begin.

    >>> parse(b'{"discount": 0.5, "transitions": [[0, 0, 1, 1, 2]], "terminals": [1]}')
    MDP(2 states, 1 actions, 1 pairs, discount 0.5)
    """
    form = (
        ".npz" if raw[:2] == b"PK" else ".json" if raw.removeprefix(BOM_UTF8).lstrip()[:1] in (b"{", b"[") else ".txt"
    )
    try:
        return READERS[form](raw, discount)
    except (InputError, ShapeError) as error:
        raise type(error)(f"standard input, read as {form[1:]}: {error}") from None


def read_npz(raw: bytes, discount: float | None) -> MDP:
    try:
        archive = Archive(raw)
        if archive.size > LARGEST:
            raise InputError(f"its arrays unpack to {archive.size:,} bytes, more than {LARGEST:,}")
        arrays = {name: archive.array(name) for name in archive.entries}
    except InputError as error:
        raise InputError(f"is no .npz of plain arrays: {error}") from None
    g = discount_of_file(arrays.get("discount"), discount)
    terminals = arrays.get("terminals", ())
    if "P" in arrays and "R" in arrays:
        return from_arrays(arrays["P"], arrays["R"], g, terminals, arrays.get("start"))
    missing = [name for name in CSR if name not in arrays]
    if missing:
        raise InputError(
            f"has the arrays {sorted(arrays)}; it needs P and R, or what mdp.save writes ({missing[0]} is missing)"
        )
    S, A = shape_of(arrays["shape"])
    numbers = {name: numbers_of(arrays, name, name not in ("data", "rewards")) for name in CSR[:-1]}
    states, actions, rewards = numbers["states"], numbers["actions"], numbers["rewards"]
    K = len(rewards)
    P = rows_of(numbers["data"], numbers["indices"], numbers["indptr"], (K, S))
    if states.shape != (K,) or actions.shape != (K,) or np.any(states[1:] < states[:-1]):
        raise InputError("states and actions do not fit its rows")
    if K and not (0 <= states[0] <= states[-1] < S and 0 <= actions.min() <= actions.max() < A):
        raise InputError(f"names states or actions beyond its shape, {S} states and {A} actions")
    ends = np.unique(terminals_of(terminals, S))
    back = np.flatnonzero(np.isin(states, ends))
    P = P + Rows((np.ones(len(back)), (back, states[back])), shape=P.shape)  # they stay where they are
    return assemble(P, rewards, states, actions, S, A, g, ends, start=arrays.get("start"))


def rows_of(data: Floats, indices: Integers, indptr: Integers, shape: tuple[int, int]) -> Rows:
    """A CSR matrix of rows that are whole, in order, and within its shape: scipy reads beyond its arrays otherwise."""
    wrong = (
        f"{len(indptr)} starts of {shape[0]} rows" if len(indptr) != shape[0] + 1
        else "rows that end before they begin" if np.any(indptr[1:] < indptr[:-1])
        else f"rows from {indptr[0]} to {indptr[-1]}" if indptr[0] or not indptr[-1] == len(data) == len(indices)
        else "next states beyond its shape" if len(indices) and not 0 <= indices.min() <= indices.max() < shape[1]
        else ""
    )  # fmt: skip
    if wrong:
        raise InputError(f"its rows are no CSR matrix: {wrong}, for {len(data)} probabilities and {shape[1]} states")
    return Rows((data, indices, indptr), shape=shape)


def shape_of(shape: Value) -> tuple[int, int]:
    found = shape.tolist() if shape.dtype.kind in "iu" and shape.shape == (2,) else None
    if found is None or not (1 <= found[0] <= MOST_STATES and 1 <= found[1] <= MOST_ACTIONS):
        raise InputError(f"its shape is {str(shape)[:60]}; it must be the numbers of states and actions")
    return found[0], found[1]


def numbers_of(arrays: Params, name: str, whole: bool) -> Value:
    """A vector of numbers from the file."""
    found = arrays[name]
    if found.ndim != 1 or found.dtype.kind not in ("iu" if whole else "iuf"):
        what = "whole numbers" if whole else "numbers"
        raise InputError(
            f"its {name} have shape {found.shape} and dtype {found.dtype}; they must be a vector of {what}"
        )
    if not whole:
        return found if found.dtype in (np.float32, np.float64) else found.astype(np.float64)
    if found.size and max(abs(int(found.min())), int(found.max())) > MOST_STATES * MOST_ACTIONS:
        raise InputError(f"its {name} go up to {found.max()}; that cannot be right")
    return found.astype(np.int64)


def discount_of_file(found: Value, given: float | None) -> float:
    if given is not None:
        return given
    if found is None:
        raise InputError("has no discount; give one (--gamma)")
    try:
        return float(found)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"has the discount {str(found)[:60]!r}; it is a factor between 0 and 1") from None


def read_json(raw: bytes, discount: float | None) -> MDP:
    if len(raw) > LONGEST_TEXT:
        raise InputError(f"holds {len(raw):,} bytes, more than {LONGEST_TEXT:,}; use .npz")

    def unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
        names = [k for k, _ in pairs]
        twice = {k for k in names if names.count(k) > 1} if len(names) < 100 else set()
        if twice:
            raise InputError(f"names {sorted(twice)[0]!r} twice")
        return dict(pairs)

    def refuse(name: str) -> NoReturn:
        raise InputError(f"holds {name}, which is no number in JSON")

    try:
        found = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=unique, parse_constant=refuse)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # bytes that are no text, no JSON, numbers of thousands of digits
        raise InputError(f"is not JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("transitions"), list):
        raise InputError('is no object with a list "transitions" of [state, action, probability, next state, reward]')
    return from_named(found, discount_of_file(found.get("discount"), discount))


def from_named(found: dict[str, Value], g: float) -> MDP:
    states: dict[Hashable, int] = {}
    actions: dict[Hashable, int] = {}
    rows = []
    for k, row in enumerate(found["transitions"]):
        good = isinstance(row, list) and len(row) == 5 and all(is_number(row[i]) for i in (2, 4))
        if not good or not all(isinstance(row[i], int | str) for i in (0, 1, 3)):
            raise InputError(
                f"transition {k} is {str(row)[:80]}; it must be [state, action, probability, next, reward]"
            )
        rows.append(row)
    terminals = found.get("terminals", [])
    if not isinstance(terminals, list):
        raise InputError(f'has the "terminals" {str(terminals)[:60]!r}; they are a list of states')
    start = start_of(found.get("start"))
    named = [x for r in rows for x in (r[0], r[3])] + terminals + [x for x, _ in start]
    number(named, states, "state", 50_000_000)
    number([r[1] for r in rows], actions, "action", MOST_ACTIONS - 1)
    entries = [(states[s], actions[a], p, states[n], r) for s, a, p, n, r in rows]
    ends = [states[t] for t in terminals]
    text = any(isinstance(x, str) for x in [*states, *actions])
    names = {"state_names": list(states), "action_names": list(actions)} if text else {}
    made = from_triples(entries, len(states), max(len(actions), 1), g, ends, **names)
    weights = np.bincount([states[x] for x, _ in start], [p for _, p in start], made.n_states) if start else None
    return starting_in(made, weights)


def start_of(found: Value) -> list[tuple[Value, float]]:
    """The list of [state, probability] of a file in JSON."""
    if found is None:
        return []
    good = isinstance(found, list) and all(isinstance(x, list) and len(x) == 2 and is_number(x[1]) for x in found)
    if not good or not found:
        raise InputError(f'has the "start" {str(found)[:60]!r}; it is a list of [state, probability]')
    return [(state, float(p)) for state, p in found]


def is_number(x: object) -> bool:
    """A number of JSON that a double holds; true and false are none."""
    return isinstance(x, int | float) and not isinstance(x, bool) and abs(x) <= sys.float_info.max


def number(found: list[Value], index: dict[Hashable, int], what: str, most: int) -> None:
    """Whole numbers, up to `most`, stand for themselves; names are counted as they come."""
    if all(isinstance(x, int) and not isinstance(x, bool) for x in found):
        if any(x < 0 for x in found):
            raise InputError(f"{what} {min(found)}: they are counted from 0")
        if max(found, default=0) > most:
            raise InputError(f"{what} {max(found)} is too large; they are counted from 0")
        index.update({k: k for k in range(max(found, default=0) + 1)})
        return
    for x in found:
        if not isinstance(x, int | str) or isinstance(x, bool):
            raise InputError(f"{what} {str(x)[:40]!r} is neither a whole number nor a name")
        index.setdefault(x, len(index))


def read_map(raw: bytes, discount: float | None) -> MDP:
    if len(raw) > LONGEST_MAP:
        raise InputError(f"holds {len(raw):,} bytes, more than {LONGEST_MAP:,}; {BUILD}")
    try:
        text = raw.decode("utf-8-sig")  # some editors begin a file with a mark of their own
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text: byte {error.object[error.start]:#04x} at {error.start}") from None
    numbered = [(i, line.rstrip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    lines = [line for _, line in numbered]
    width = max(map(len, lines), default=0)
    if not width:
        raise InputError("is an empty map")
    if len(lines) * width > LARGEST_MAP:
        raise InputError(f"is a map of {len(lines):,} x {width:,} cells, more than {LARGEST_MAP:,}; {BUILD}")
    for i, line in numbered:
        if strange := set(line) - CELLS:
            j = min(map(line.index, strange))
            raise InputError(f"line {i}, column {j + 1} is {line[j]!r}; a map has # . S G H")
    whole = "".join(line.ljust(width, "#") for line in lines)
    cells = np.frombuffer(whole.encode("ascii"), "S1").reshape(-1, width)
    ends = np.argwhere((cells == b"G") | (cells == b"H"))
    rewards = (cells == b"G") * 1.0 - (cells == b"H")
    g = 0.99 if discount is None else discount
    begin = (cells == b"S") / max(int((cells == b"S").sum()), 1)
    walls, start = np.argwhere(cells == b"#"), begin if begin.any() else None
    return gridworld(cells.shape, ends, walls, step_reward=-0.04, discount=g, rewards=rewards, start=start)


READERS = {".npz": read_npz, ".json": read_json, ".txt": read_map}
