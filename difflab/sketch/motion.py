"""Windows that slide by themselves: rules of style, so that no script is needed.

Where a reader's system asks for less motion nothing moves, and the still picture is shown. Under a pointer it waits.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from .canvas import Point
from .words import decimals

MOVE, REST = 0.4, 0.8  # seconds a step, and until the next


class Motion:
    """The rules of a drawing of some frames; `seed` tells its names from those of other drawings on a page."""

    def __init__(self, frames: int, seed: bytes) -> None:
        self.frames = frames
        self.seconds: float = frames * (MOVE + REST)
        self.name: str = f"s{zlib.crc32(seed):08x}"
        self.rules: list[str] = []
        self.moving: list[str] = []

    def share(self, seconds: float) -> str:
        return decimals(100 * seconds / self.seconds) + "%"

    def slides(self, places: Sequence[Point], still: int) -> str:
        """The class of what moves from place to place and is drawn where it stands in the still picture."""
        x0, y0 = places[still]
        steps = []
        for k, (x, y) in enumerate(places):
            start = k * (MOVE + REST)
            frames = f"{self.share(start)},{self.share(start + REST)}"
            steps.append(f"{frames}{{transform:translate({decimals(x - x0)}px,{decimals(y - y0)}px)}}")
        x, y = places[0][0] - x0, places[0][1] - y0  # and back to the beginning
        steps.append(f"100%{{transform:translate({decimals(x)}px,{decimals(y)}px)}}")
        return self.add("ease-in-out", "".join(steps))

    def shows(self, k: int, until: int | None = None) -> str:
        """The class of what is seen in frame k alone, or from it to the frame `until` (not included)."""
        until = k + 1 if until is None else until
        start, end = k * (MOVE + REST), until * (MOVE + REST)
        start, end = max(start - MOVE / 2, 0.0), min(end - MOVE / 2, self.seconds)  # half way of the move
        steps = f"0%{{opacity:{int(k == 0)}}}"
        steps += f"{self.share(start)}{{opacity:1}}" if k else ""
        steps += f"{self.share(end)}{{opacity:0}}" if until < self.frames else ""
        return self.add("step-end", steps)

    def add(self, easing: str, steps: str) -> str:
        name = f"{self.name}-{len(self.moving)}"
        self.rules.append(f"@keyframes {name}{{{steps}}}")
        self.moving.append(f".{name}{{animation:{name} {decimals(self.seconds)}s {easing} infinite}}")
        return name

    def style(self) -> str:
        calm = "@media (prefers-reduced-motion: no-preference)"
        pause = f'svg:hover [class^="{self.name}"]{{animation-play-state:paused}}'
        return "".join(self.rules) + f"{calm}{{{''.join(self.moving)}}}" + pause
