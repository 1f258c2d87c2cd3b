"""Tables in CSV files."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...reading import opened
from ...types import Array, FileName

MARKS = {";": "semicolons", "\t": "tabs"}  # that other programs write between columns


def read_csv(path: FileName, *, label: str | int = -1) -> tuple[Array, Array, tuple[str, ...], list[str]]:
    """x, y, the classes and the names of the columns of x.

    `label` names the column that is to be learned, or gives its place; the others are numbers. Labels that are not all
    floats become class numbers in the order of their names; integers are classes too. A first line that is not numbers
    is taken as names.
    """
    path = Path(path)
    rows = lines(path)
    check_widths(path, rows)
    width = len(rows[0][1])
    if width < 2:
        first = rows[0][0]
        raise InputError(f"{path}: line {first} has one column; a table needs one to learn from and one to learn")
    names = [f"column {k}" for k in range(1, width + 1)]
    if isinstance(label, str) or not any(is_number(cell) for cell in rows[0][1]):
        names = [cell.strip() for cell in rows[0][1]]
        rows = rows[1:]
    if not rows:
        raise InputError(f"{path} has names of columns and no rows")
    place = column(path, label, names)
    x = np.array([[number(path, n, names[k], row[k]) for k in range(width) if k != place] for n, row in rows])
    labels = [row[place].strip() for _, row in rows]
    kept = [n for k, n in enumerate(names) if k != place]
    if all(is_number(v) for v in labels) and not all(float(v).is_integer() for v in labels):
        return x, np.array([[float(v)] for v in labels]), (), kept
    classes = sorted(set(labels), key=lambda v: (not is_number(v), float(v) if is_number(v) else 0.0, v))
    index = {v: k for k, v in enumerate(classes)}
    return x, np.array([index[v] for v in labels]), tuple(classes), kept


def read_numbers(path: FileName) -> Array:
    """A table of numbers alone, (rows, columns); a first line without any number is taken as names.

    What is no finite number is refused with its line and column.
    """
    path = Path(path)
    rows = lines(path)
    if not any(is_number(cell) for cell in rows[0][1]):
        rows = rows[1:]
    if not rows:
        raise InputError(f"{path} has no rows of numbers, separated by commas")
    check_widths(path, rows)
    return np.array([[number(path, n, f"column {k}", cell) for k, cell in enumerate(row, 1)] for n, row in rows])


def lines(path: Path) -> list[tuple[int, list[str]]]:
    """The cells of each line that is not blank, with its number; at least one."""
    try:
        with io.TextIOWrapper(opened(path), newline="", encoding="utf-8-sig") as file:
            rows = [(k, row) for k, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}") from None
    if not rows:
        raise InputError(f"{path} is empty")
    return rows


def check_widths(path: Path, rows: list[tuple[int, list[str]]]) -> None:
    """Each line has as many columns as the first, and commas between them."""
    first, cells = rows[0]
    if other := other_mark(cells):
        raise InputError(
            f"{path}: line {first} is separated by {other}; write commas between the columns and points in decimals, "
            "as pandas' to_csv does"
        )
    for line, row in rows:
        if len(row) != len(cells):
            raise InputError(f"{path}: line {line} has {len(row)} columns, line {first} has {len(cells)}")


def other_mark(cells: list[str]) -> str:
    """What separates the columns of a line that has one cell, where it looks as if something else than commas did.

    >>> other_mark(["a;b;y"]), other_mark(["a;b", "y"])
    ('semicolons', '')
    """
    return next((name for mark, name in MARKS.items() if len(cells) == 1 and mark in cells[0]), "")


def is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def number(path: Path, line: int, name: str, text: str) -> float:
    if not is_number(text):
        commas = "; separate columns by commas, and write decimals with a point"
        hint = commas * any(mark in text for mark in MARKS)
        raise InputError(f"{path}: line {line}, {name}: {text[:40]!r} is not a finite number{hint}")
    return float(text)


def column(path: Path, label: str | int, names: list[str]) -> int:
    if isinstance(label, str):
        if label not in names:
            raise InputError(f"{path}: there is no column {label!r}; the columns are {', '.join(names)}")
        return names.index(label)
    if not -len(names) <= label < len(names):
        raise InputError(f"{path}: there is no column {label}; there are {len(names)}")
    return label % len(names)
