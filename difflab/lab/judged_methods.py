"""What a comparison found, which its reports read."""

from __future__ import annotations

from dataclasses import dataclass

from ..types import Value
from .entries import MethodResult
from .kinks import Kink


@dataclass
class JudgedMethods:
    """A gradient by several methods, and the verdict on each and on all."""

    text: str
    value: float
    methods: dict[str, MethodResult]
    verdict: str
    reason: str
    reference: str
    kinks: list[Kink]
    notes: list[str]
    nodes: dict[str, Value]
    at: dict[str, Value]

    @property
    def agree(self) -> bool:
        """Whether every method that could be judged meets the certificate (or an independent method, where there is
        none)."""
        return self.verdict == "agree"

    @property
    def certified(self) -> bool:
        """Whether the function is proven to be differentiable at the point, whatever kinks its operations have."""
        return any(m.details.get("certified") for m in self.methods.values())

    @property
    def max_ulps(self) -> float:
        """The largest error of an exact method, in ulps of the certified value."""
        found = [m.max_ulps for m in self.methods.values() if m.method.exact and m.max_ulps is not None]
        return max(found, default=0.0)
