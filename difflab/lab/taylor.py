"""Stub of the Taylor remainder test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class TaylorTest:
    order: float
    passed: bool
    window: tuple[float, float]


def taylor_test(f: Any, gradient: Any, x: Any, seed: int = 0) -> TaylorTest:
    rng = np.random.default_rng(seed)
    orders = []
    for _ in range(5):
        d = rng.normal(size=np.shape(x))
        hs = np.geomspace(1e-2, 1e-5, 13)
        slope = float(np.sum(gradient(x) * d))
        r = np.array([abs(f(x + h * d) - f(x) - h * slope) for h in hs])
        keep = r > 1e-14 * abs(f(x))
        orders.append(np.polyfit(np.log(hs[keep]), np.log(r[keep]), 1)[0] if keep.sum() > 2 else 2.0)
    order = float(np.median(orders))
    return TaylorTest(order, order > 1.5, (1e-5, 1e-2))
