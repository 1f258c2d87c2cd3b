"""One file for each thing that is fuzzed; `NAMES` in the order of a tour through all of them."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from ..guard import Target

NAMES = ("text", "point", "options", "idx", "csv", "samples", "checkpoint", "mdp", "page", "commands")


def target(name: str) -> Target:
    return cast(Target, import_module(f"{__name__}.{name}"))
