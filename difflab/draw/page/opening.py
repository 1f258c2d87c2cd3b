"""The drawings of a page: one for each way in which its blocks are open."""

from __future__ import annotations

from typing import Any

from ...graph.block import Block
from ..build import COLLAPSE_OVER
from ..text import clean
from .model import Model
from .scene import Scene
from .slim import drawing

MOST_DRAWINGS, LARGE = 6, 150


def drawings(model: Model, title: str) -> tuple[list[str], list[str], dict[int, int], int]:
    """The drawings' SVG, what is open in each, which drawing opens which block, and the number of the first shown."""
    blocks = model.graph.blocks
    if not blocks:
        return [drawing(Scene(model, True, title))], ["open"], {}, 0
    wanted: list[tuple[str, Any]] = [("all closed", False), ("all open", True)]
    openings = dict.fromkeys(range(len(blocks)), 1)
    singles = [b for b in blocks if b.name not in ("",)]
    if 1 < len(singles) <= MOST_DRAWINGS - 2 and len(model.order) <= LARGE:
        for block in singles:
            openings[blocks.index(block)] = len(wanted)
            wanted.append((f"{clean(block.name, 40)} open", path_of(block)))
    svgs = [drawing(Scene(model, opened, title)) for _, opened in wanted]
    return svgs, [name for name, _ in wanted], openings, 0 if len(model.order) > COLLAPSE_OVER else 1


def path_of(block: Block) -> set[str]:
    """The names that open a block: its own and those around it."""
    return set(block.path)
