"""The command; see the package's docstring."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import machine

from .jobs import run
from .plan import Link, planning, size, tables, time, training

COUNTS = (1, 2, 4, 8)
SIZES = tuple(1 << k for k in (10, 14, 18, 20, 22, 24, 26))  # bytes
JOINED = ((1, 2), (1, 4), (1, 8), (2, 1), (4, 1))  # processes, devices of each
LAYOUTS = ((2, 1, "whole"), (4, 1, "whole"), (1, 8, "whole"), (2, 4, "whole"), (2, 4, "split"), (4, 2, "split"))


def curves() -> Iterator[str]:
    """The largest relative difference of a step's loss from that of one process on one device."""
    alone = np.array(run("curve")["losses"])
    yield f"{len(alone)} steps of mlp 64-512-256-10 on the digits, batches of 64, beside one process on one device"
    yield "| processes | devices of each | parameters | largest relative difference of a step | median |"
    yield "|---|---|---|---|---|"
    for processes, devices, parameters in LAYOUTS:
        other = np.array(run("curve", processes, devices, parameters=parameters)["losses"])
        apart = np.abs(other - alone) / np.abs(alone)
        yield f"| {processes} | {devices} | {parameters} | {apart.max():.1e} | {np.median(apart):.1e} |"


def collectives(found: dict[str, Any]) -> Iterator[str]:
    """Seconds by size, and the bandwidth that a device reaches in sending; `found` gets the figures."""
    yield "| processes x devices | what | " + " | ".join(size(n) for n in SIZES) + " | at most |"
    yield "|---|---|" + "---|" * (len(SIZES) + 1)
    for processes, devices in JOINED:
        told = run("collectives", processes, devices, sizes=SIZES)
        count, name = told["devices"], f"{processes} x {devices}"
        found[name] = told
        for what, twice in (("all-reduce", 2), ("all-gather", 1)):
            sent = {n: twice * n * (count - 1) / count for n in SIZES}
            best = max(sent[n] / told[what][str(n)] for n in SIZES)
            told[f"{what} bandwidth"] = best
            cells = " | ".join(time(told[what][str(n)]) for n in SIZES)
            yield f"| {name} | {what} | {cells} | {best / 1e9:.2g} GB/s |"
    yield f"memory: {found[f'{processes} x {devices}']['memory'] / 1e9:.3g} GB/s"


def devices() -> Iterator[str]:
    """Seconds and bytes on a device of training and of value iteration, and what the formulas say of these bytes."""
    yield "| devices | what | seconds | processor's seconds | held | the plan says | XLA's temporaries |"
    yield "|---|---|---|---|---|---|---|"
    row = "| {} | {} | {} | {} | {} | {} | {} |"
    told = lambda f: (time(f["seconds"]), time(f["processor"]))
    for parameters in ("whole", "split"):
        for n in COUNTS:
            f = run("train", 1, n, parameters=parameters)
            said = training(f["count"], n, parameters == "split").held * 3 / 4  # the gradient is a temporary
            yield row.format(n, f"step, {parameters}", *told(f), size(f["held"]), size(said), size(f["temporary"]))
    for n in COUNTS:
        f = run("plan", 1, n)
        said = planning(f["states"], f["actions"], f["length"], n).held - 16 * f["states"]  # copies are temporaries
        yield row.format(n, "backup", *told(f), size(f["held"]), size(said), size(f["temporary"]))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.scale", description=__doc__)
    parser.add_argument("parts", nargs="*", help="curves, collectives, devices, plan; all by default")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON for the figures of collectives")
    parser.add_argument("--links", type=Path, metavar="FILE", help="the figures of collectives that the plan takes")
    parser.add_argument("--link", type=float, help="bytes a second between devices that the plan takes")
    parser.add_argument("--latency", type=float, default=1e-5, help="seconds until anything arrives, beside --link")
    parser.add_argument("--memory", type=float, default=1e12, help="bytes a second of a device's memory, beside --link")
    given = parser.parse_args(arguments)
    parts = given.parts or ["curves", "collectives", "devices", "plan"]
    found: dict[str, Any] = json.loads(given.links.read_text()) if given.links else {}
    print(machine("jax", "jaxlib", "numpy"))
    for name, lines in {"curves": curves(), "collectives": collectives(found), "devices": devices()}.items():
        if name in parts:
            print(f"\n{name}: {(globals()[name].__doc__ or '').splitlines()[0]}")
            for line in lines:
                print(line, flush=True)
    if given.out:
        given.out.write_text(json.dumps(found) + "\n")
    if "plan" in parts:
        print(f"\nplan: {tables.__doc__}")
        for title, link, memory in links(given, found):
            print(f"\n{title}: {tables(link, memory)}", flush=True)


def links(given: argparse.Namespace, found: dict[str, Any]) -> Iterator[tuple[str, Link, float]]:
    """What the plan takes: the bandwidth that was given, or what was measured."""
    if given.link:
        yield "given", Link(given.latency, given.link), given.memory
    for name, told in found.items():
        yield name, Link(told["all-reduce"][str(SIZES[0])], told["all-reduce bandwidth"]), told["memory"]


if __name__ == "__main__":
    main(sys.argv[1:])
