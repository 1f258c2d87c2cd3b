"""stub"""
from __future__ import annotations
from typing import Any
from ...draw.drawing import Drawing
class Trail(Drawing):
    @property
    def svg(self) -> str: return ""
def trail(title: str, found: Any) -> Trail: return Trail()
