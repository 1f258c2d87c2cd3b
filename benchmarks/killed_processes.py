"""One of many processes is killed at a random moment: how long the others take to end, and what comes of the work."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from difflab import mdp

from .slowly import descendants

TRAIN = ("train", "mlp", "--data", "blobs", "--schedule", "constant", "--batch-size", "12", "--no-report", "--quiet")
ENDLESS, EPOCHS = "100000", 200  # of the run that is killed, and of the one that the end is compared with
STATES, DISCOUNT = 500, 0.998  # of a ring, which takes value iteration thousands of backups
TAKEN_UP = (1, 2, 3, 4)  # processes that may go on
LONGEST = 60.0  # seconds in which the others have to end
HANGS = 600.0  # seconds after which a process counts as one that never ends


@dataclass
class Work:
    """Processes of one command, each with its supervisor, and what they write in a folder of their own."""

    count: int
    arguments: Sequence[str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
        for k in range(self.count):
            meet = ("--coordinator", address, "--processes", str(self.count), "--process-id", str(k))
            many = meet if self.count > 1 else ("--devices", "1")
            self.started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "difflab", *self.arguments, *many],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                )
            )  # fmt: skip

    def end(self) -> list[tuple[int, str, str]]:
        texts = [p.communicate(timeout=HANGS) for p in self.started]
        return [(p.returncode, *t) for p, t in zip(self.started, texts)]

    def finish(self) -> list[tuple[int, str, str]]:
        self.start()
        return self.end()


def losses(folder: Path) -> list[list[float]]:
    file = folder / "metrics.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [[r["train_loss"], r["test_loss"]] for r in map(json.loads, lines)]


def train(folder: Path, epochs: object, *more: str) -> tuple[str, ...]:
    return (*TRAIN, "--epochs", str(epochs), "--out", str(folder), *more)


def apart(found: Sequence[object], wanted: Sequence[object]) -> float:
    """The largest relative difference."""
    a, b = np.asarray(found, float), np.asarray(wanted, float)
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-300), initial=0.0))


def killed(work: Work, rng: random.Random, folder: Path | None) -> tuple[str, float, float, bool]:
    """Kills one: who it was, after how long, in how many seconds the others have ended, and whether all is well.

    A moment counts from the first checkpoint on, or, where nothing is written, from the start of all workers.
    """
    work.start()
    wait = (lambda: len(losses(folder)) > 0) if folder else (lambda: all(workers(p.pid) for p in work.started))
    end = time.monotonic() + HANGS
    while not wait() and time.monotonic() < end:
        time.sleep(0.02)
    moment, victim = rng.uniform(0, 6.0 if folder is None else 2.0), rng.randrange(work.count)
    time.sleep(moment)
    supervisor = work.started[victim].pid
    started = [pid for p in work.started for pid in descendants(p.pid)]
    worker = rng.random() < 0.5 and workers(supervisor)
    os.kill(worker[0] if worker else supervisor, signal.SIGKILL)
    began = time.monotonic()
    others = [p for k, p in enumerate(work.started) if worker or k != victim]
    for p in others:
        p.wait(HANGS)
    took = time.monotonic() - began
    told = [t for k, t in enumerate(work.end()) if worker or k != victim]
    left = [pid for pid in started if alive(pid)]
    good = took < LONGEST and all(status == 2 and f"process {victim} of" in text for status, _, text in told)
    good = good and not left and not (folder and any(f.name.startswith(".difflab") for f in folder.iterdir()))
    return f"{'worker' if worker else 'supervisor'} {victim}", moment, took, good


def workers(supervisor: int) -> list[int]:
    return descendants(supervisor)[1:]


def alive(pid: int) -> bool:
    """Whether it still runs a second later, when whoever lost its supervisor has noticed it."""
    end = time.monotonic() + 5.0
    while running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return running(pid)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def trained(rng: random.Random, count: int, then: int, scratch: Path, whole: list[list[float]]) -> tuple[str, bool]:
    folder = scratch / "run"
    who, moment, took, good = killed(Work(count, train(folder, ENDLESS)), rng, folder)
    done = len(losses(folder))
    epochs = max(done + 1, 3)
    found = Work(then, train(folder, epochs, "--resume")).finish()
    good = good and all(status == 0 for status, *_ in found) and len(losses(folder)) == epochs
    same = min(epochs, len(whole))
    off = apart(losses(folder)[:same], whole[:same])
    line = f"{who} | {moment:.2f} s | {took:.2f} s | {done} epochs | {then} | {off:.1e}"
    return line, good and same == epochs and off < 1e-4


def ring() -> mdp.MDP:
    """States in a circle, with steps both ways that may fail, and rewards that differ."""
    P = np.zeros((2, STATES, STATES))
    for a, way in enumerate((1, -1)):
        P[a] = 0.8 * np.roll(np.eye(STATES), way, axis=1) + 0.2 * np.eye(STATES)
    return mdp.MDP.from_arrays(P, np.random.default_rng(0).normal(size=(STATES, 2)), DISCOUNT)


def planned(rng: random.Random, count: int, then: int, scratch: Path, whole: Sequence[float]) -> tuple[str, bool]:
    out, file = scratch / "plan", mdp.save(ring(), scratch / "ring.npz")
    command = ("mdp", str(file), "--method", "value_iteration", "--json", "--quiet", "--out", str(out))
    who, moment, took, good = killed(Work(count, command), rng, None)
    good = good and not out.exists()
    found = Work(then, command).finish()
    good = good and all(status == 0 for status, *_ in found)
    values = json.loads(found[0][1])["values"] if good else []
    off = float(np.max(np.abs(np.subtract(values, whole)))) if good else np.nan
    return f"{who} | {moment:.2f} s | {took:.2f} s | nothing | {then} | {off:.1e}", good and off <= 2e-6


def table(kills: int, processes: Sequence[int], rng: random.Random) -> Iterator[str]:
    """A line for each kill, and how many were as they should be."""
    yield "| | work | processes | killed | after | all others ended in | left behind | resumed on | apart by |"
    yield "|---|---|---|---|---|---|---|---|---|"
    good = 0
    values = ring().solve(tolerance=1e-9).values.tolist()
    with tempfile.TemporaryDirectory() as scratch:
        alone = Path(scratch, "alone")
        status = Work(1, train(alone, EPOCHS)).finish()[0][0]
        whole = losses(alone)
        assert status == 0 and len(whole) == EPOCHS
        for k in range(kills):
            count, own = processes[(k // 2) % len(processes)], Path(scratch, str(k))
            own.mkdir()
            then = rng.choice([n for n in TAKEN_UP if n != count])
            line, well = trained(rng, count, then, own, whole) if k % 2 == 0 else planned(rng, count, then, own, values)
            good += well
            yield f"| {k + 1} | {'planning' if k % 2 else 'training'} | {count} | {line} |{'' if well else ' WRONG'}"
    yield f"{good} of {kills} as they should be: status 2 within {LONGEST:g} s, nothing left, the same result"
