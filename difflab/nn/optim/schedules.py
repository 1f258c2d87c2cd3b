"""Learning rates that change: functions of the number of updates made, with PyTorch's names and formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..arrays import Number, Schedule
from .checks import at_least_zero, number, whole


def real(step: Number) -> Number:
    return step.astype(np.float64) if hasattr(step, "astype") else float(step)


def check(schedule: Schedule, **least: float) -> None:
    for name, bound in {"lr": 0.0, **least}.items():
        value = getattr(schedule, name)
        if not at_least_zero(value) or not value >= bound:
            raise InputError(f"{type(schedule).__name__}: {name}={value!r}; give a number of at least {bound:g}")


@dataclass(frozen=True)
class StepLR:
    """lr, times gamma after every step_size updates.

    >>> [float(StepLR(1.0, 2, gamma=0.5)(k)) for k in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    lr: float
    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        check(self, step_size=1, gamma=0.0)

    def __call__(self, step: Number) -> Number:
        return self.lr * self.gamma ** np.floor(real(step) / self.step_size)


@dataclass(frozen=True)
class MultiStepLR:
    """lr, times gamma at each of the milestones."""

    lr: float
    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        given = self.milestones
        if not isinstance(given, Sequence | np.ndarray) or not all(whole(m) for m in given):
            raise InputError(f"MultiStepLR: milestones={given!r:.80}; give a list of integers, counts of updates")
        object.__setattr__(self, "milestones", tuple(map(int, given)))
        check(self, gamma=0.0)

    def __call__(self, step: Number) -> Number:
        passed = sum(np.where(real(step) >= m, 1.0, 0.0) for m in self.milestones)
        return self.lr * self.gamma**passed


@dataclass(frozen=True)
class ExponentialLR:
    """lr times gamma to the power of the number of updates."""

    lr: float
    gamma: float

    def __post_init__(self) -> None:
        check(self, gamma=0.0)

    def __call__(self, step: Number) -> Number:
        return self.lr * self.gamma ** real(step)


@dataclass(frozen=True)
class CosineAnnealingLR:
    """From lr down to eta_min along half a cosine over T_max updates; it stays there (Loshchilov and Hutter 2017).

    >>> [round(float(CosineAnnealingLR(1.0, 4)(k)), 3) for k in (0, 2, 4, 9)]
    [1.0, 0.5, 0.0, 0.0]
    """

    lr: float
    T_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        check(self, T_max=1, eta_min=0.0)

    def __call__(self, step: Number) -> Number:
        part = np.minimum(real(step) / self.T_max, 1.0)
        return self.eta_min + 0.5 * (self.lr - self.eta_min) * (1 + np.cos(np.pi * part))


@dataclass(frozen=True)
class LinearLR:
    """lr times a factor that goes from start_factor to end_factor over total_iters updates."""

    lr: float
    start_factor: float = 1 / 3
    end_factor: float = 1.0
    total_iters: int = 5

    def __post_init__(self) -> None:
        check(self, start_factor=0.0, end_factor=0.0, total_iters=1)

    def __call__(self, step: Number) -> Number:
        part = np.minimum(real(step) / self.total_iters, 1.0)
        return self.lr * (self.start_factor + (self.end_factor - self.start_factor) * part)


@dataclass(frozen=True)
class OneCycleLR:
    """Up to lr along half a cosine, and down to almost nothing along another (Smith and Topin 2018)."""

    lr: float
    total_steps: int
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __post_init__(self) -> None:
        check(self, total_steps=1, div_factor=1.0, final_div_factor=1.0)
        if not number(self.pct_start) or not 0 < self.pct_start < 1:
            raise InputError(f"OneCycleLR: pct_start={self.pct_start!r}; give a share between 0 and 1")

    def __call__(self, step: Number) -> Number:
        first, top = self.lr / self.div_factor, self.lr
        last = first / self.final_div_factor
        turn = self.pct_start * self.total_steps - 1
        t = np.minimum(real(step), self.total_steps - 1.0)
        up = np.minimum(t / max(turn, 1e-9), 1.0)
        down = np.maximum(t - turn, 0.0) / max(self.total_steps - 1 - turn, 1e-9)
        rising = top + (first - top) * 0.5 * (1 + np.cos(np.pi * up))
        falling = last + (top - last) * 0.5 * (1 + np.cos(np.pi * down))
        return np.where(t < turn, rising, falling)


@dataclass(frozen=True)
class Warmup:
    """From 0 in a straight line to another schedule's first rate, in `steps` updates; then that schedule.

    >>> [float(Warmup(StepLR(1.0, 100), 4)(k)) for k in (0, 1, 3, 4)]
    [0.25, 0.5, 1.0, 1.0]
    """

    schedule: Schedule
    steps: int

    def __post_init__(self) -> None:
        if not callable(self.schedule):
            raise InputError(
                f"Warmup: schedule={self.schedule!r}; give a schedule, such as CosineAnnealingLR(0.1, 1000)"
            )
        if not whole(self.steps) or self.steps < 1:
            raise InputError(f"Warmup: steps={self.steps!r}; give an integer of at least 1")

    def __call__(self, step: Number) -> Number:
        t = real(step)
        later = self.schedule(np.maximum(t - self.steps, 0.0))
        return np.where(t < self.steps, self.schedule(np.zeros(())) * (t + 1) / self.steps, later)
