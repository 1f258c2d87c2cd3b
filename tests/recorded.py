"""Figures that a test records in a JSON file and is held against later: one line for each, so that changes are seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def recorded(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.exists() else {}


def record(file: Path, figures: dict[str, Any]) -> None:
    lines = [f"{json.dumps(key)}: {json.dumps(figures[key])}" for key in sorted(figures)]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n")
