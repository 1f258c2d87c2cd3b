"""A lesson with its outputs as a notebook: the file format of Jupyter, version 4.5, is plain JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from difflab.files import write

from .percent import Cell

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(cells: list[Cell], outputs: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """The notebook as nested dictionaries; `outputs` has one list for each code cell."""
    made, remaining, count = [], iter(outputs), 0
    for position, cell in enumerate(cells, 1):
        metadata = {"tags": list(cell.tags)} if cell.tags else {}
        entry: dict[str, Any] = {"cell_type": cell.kind, "id": f"cell-{position}", "metadata": metadata}
        if cell.kind == "code":
            count += 1
            entry |= {"execution_count": count, "outputs": [numbered(o, count) for o in next(remaining)]}
        made.append(entry | {"source": cell.source})
    return {"cells": made, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}


def numbered(output: dict[str, Any], count: int) -> dict[str, Any]:
    return output | {"execution_count": count} if output["output_type"] == "execute_result" else output


def save(folder: Path, name: str, cells: list[Cell], outputs: list[list[dict[str, Any]]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(notebook(cells, outputs), indent=1, ensure_ascii=False) + "\n"
    write(folder / f"{name}.ipynb", text, force=True)
