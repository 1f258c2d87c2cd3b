"""Bytes on a device, traffic and seconds of a step: the formulas of `docs/scale.md`, which its tables are made of.

Numbers of training are in single precision and the optimiser is Adam; those of planning are in doubles.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """What goes between devices: seconds until anything arrives, and bytes a second that each of them sends.

    >>> Link(1e-3, 1e9).seconds(5e8)
    0.501
    """

    latency: float
    bandwidth: float

    def seconds(self, traffic: float) -> float:
        return self.latency + traffic / self.bandwidth


@dataclass(frozen=True)
class Cost:
    """Of a step, on each device: bytes that lie there, that it sends, and that it reads and writes in its memory."""

    held: float
    sent: float
    moved: float

    def seconds(self, link: Link, memory: float) -> float:
        """At this link and so many bytes a second of memory; arithmetic comes on top of it."""
        return link.seconds(self.sent) + self.moved / memory


def share(devices: int) -> float:
    """The part of an array that a device gets from others, or gives to them.

    >>> share(1), share(4)
    (0.0, 0.75)
    """
    return (devices - 1) / devices


def training(parameters: float, devices: int, split: bool = False, largest: float = 0.0) -> Cost:
    """A step of Adam: parameters, two averages and the gradient, whole on each device or split over all.

    Whole: the gradient is added up over all devices, which sends it twice. Split: parameters are gathered for the way
    forward and for the way back, `largest` of them at a time, and the gradient is sent once.

    >>> training(1e9, 1).held, training(1e9, 64, split=True).held
    (16000000000.0, 250000000.0)
    """
    each = 4.0 * parameters
    if not split:
        return Cost(4 * each, 2 * each * share(devices), 7 * each)
    return Cost(4 * each / devices + 4.0 * largest, 3 * each * share(devices), 7 * each / devices + 4 * each)


def planning(states: float, actions: float, length: float, devices: int) -> Cost:
    """A backup of value iteration; `length` is how many next states the longest row has.

    >>> planning(1e6, 4, 3, 8).held / 1e6
    44.0
    """
    rows = states * actions * (12 * length + 8) / devices
    own = states * (16 + 8 * actions) / devices
    copies = 2 * 8 * states  # all values, and these discounted
    return Cost(rows + own + copies, 8 * states * share(devices), rows + own + copies)


def size(x: float) -> str:
    """A number of bytes in words.

    >>> size(246_824.0), size(16e9)
    ('247 kB', '16 GB')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if x >= factor:
            return f"{x / factor:.3g} {unit}"
    return f"{x:.3g} bytes"


def time(x: float) -> str:
    """A number of seconds in words.

    >>> time(0.0123), time(90.0)
    ('12.3 ms', '90 s')
    """
    return f"{x:.3g} s" if x >= 1 else f"{1e3 * x:.3g} ms" if x >= 1e-3 else f"{1e6 * x:.3g} us"


MODELS = {"LeNet-5": 61_706, "VGG-16": 138_357_544, "a billion": 10**9}


def tables(link: Link, memory: float, devices: int = 64) -> str:
    """The plan of `docs/scale.md` for this link and memory."""
    lines = [
        f"{size(link.bandwidth)}/s and {time(link.latency)} between devices, {size(memory)}/s of memory",
        f"| model | parameters | whole | split over {devices} | sent, whole / split | a step, whole / split |",
        "|---|---|---|---|---|---|",
    ]
    for name, count in MODELS.items():
        whole, split = training(count, devices), training(count, devices, split=True)
        lines.append(
            f"| {name} | {count:,} | {size(whole.held)} | {size(split.held)} | {size(whole.sent)} / {size(split.sent)} "
            f"| {time(whole.seconds(link, memory))} / {time(split.seconds(link, memory))} |"
        )
    lines += [
        "",
        "| states | devices | on each (A = 4, L = 3) | received in a backup | seconds of a backup |",
        "|---|---|---|---|---|",
    ]
    for states, count in ((10**6, 8), (10**8, 8), (10**9, devices)):
        cost = planning(states, 4, 3, count)
        lines.append(
            f"| {states:,} | {count} | {size(cost.held)} | {size(cost.sent)} | {time(cost.seconds(link, memory))} |"
        )
    return "\n".join(lines)
