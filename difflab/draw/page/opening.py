"""The drawings of a page: one for each way in which its blocks are open."""

from __future__ import annotations

import re

from ..build import COLLAPSE_OVER
from ..picture import OpenBlocks
from ..text import clean
from .model import Model
from .scene import Scene
from .slim import drawing

MOST_BYTES = 40_000  # of drawings with one block open; beyond that a block opens together with all others
WIDE = 2800  # points, or two screens: a wider drawing begins with its blocks closed


def width(svg: str) -> float:
    found = re.search(r'viewBox="0 0 (\d+)', svg)
    return float(found[1]) if found else 0.0


def drawings(model: Model, title: str) -> tuple[list[str], list[str], dict[int, int], int]:
    """The drawings' SVG, what is open in each, which drawing opens which block, and the number of the first shown."""

    def drawn(opened: OpenBlocks) -> str:
        return drawing(Scene(model, opened, title))

    blocks = model.graph.blocks
    if not blocks:
        return [drawn(True)], ["open"], {}, 0
    states = ["all closed"]
    svgs = [drawn(False)]
    states.append("all open")
    svgs.append(drawn(True))
    large = len(model.order) > COLLAPSE_OVER or width(svgs[1]) > WIDE
    openings = dict.fromkeys(range(len(blocks)), 1)
    used = len(svgs[1])
    for k, block in enumerate(blocks):
        used += len(svgs[1])
        if used > MOST_BYTES or len(blocks) == 1:
            break
        svg = drawn(set(block.path))
        if svg in svgs:
            openings[k] = svgs.index(svg)
            continue
        openings[k] = len(svgs)
        states.append(f"{clean(' / '.join(block.path), 40)} open")
        svgs.append(svg)
    return svgs, states, openings, 0 if large else 1
