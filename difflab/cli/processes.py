"""Many processes for one command: who takes part, from options or from SLURM, and what a process does that does."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from ..errors import InputError, LostError
from ..types import Function
from ..version import __version__
from .common import Number

VARIABLE = "DIFFLAB_PROCESS"  # what a supervisor tells the process that works
SLURM = "slurm"
LOST = 75  # the exit status of a process that works and has lost the others: the cause is elsewhere
BEAT = 1.0  # seconds between signs of life
LONGEST_WAIT = 1e6  # seconds, eleven days: what clocks and sockets take
OWN = ("--process-id", "--coordinator")  # options that processes may give differently


@dataclass(frozen=True)
class Place:
    """One of so many processes, which meet at an address: that of process 0, HOST:PORT.

    >>> Place("10.0.0.7", 4000, 4, 1).address
    '10.0.0.7:4000'
    """

    host: str
    port: int
    processes: int
    id: int
    wait: float = 60.0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def name(self) -> str:
        return f"process {self.id} of {self.processes}"


@dataclass(frozen=True)
class Part:
    """What the process that works is told: JAX's address, how many there are, which it is, and two open files."""

    address: str
    processes: int
    id: int
    heart: int  # a pipe for signs of life
    output: int  # standard output and error; the files that have these numbers get what libraries write
    errors: int


def process_options(function: Function) -> Function:
    """`--coordinator`, `--processes`, `--process-id`, `--wait`."""
    for option in (
        click.option("--wait", type=Number(0, LONGEST_WAIT, min_open=True), default=60.0, show_default=True,
                     help="Seconds in which all processes have to come."),
        click.option("--process-id", type=click.IntRange(0), help="Which of the processes this is, from 0."),
        click.option("--processes", type=click.IntRange(1), help="How many processes take part."),
        click.option("--coordinator", metavar="HOST:PORT",
                     help="Where process 0 waits for the others; slurm: all three from SLURM's variables."),
    ):  # fmt: skip
        function = option(function)
    return function


def place_of(
    coordinator: str | None,
    processes: int | None,
    process_id: int | None,
    wait: float,
    variables: Mapping[str, str] = os.environ,
) -> Place | None:
    """The place that the options say; None for a command that works alone."""
    if coordinator == SLURM:
        return slurm_place(variables, wait)
    given = {"--coordinator": coordinator, "--processes": processes, "--process-id": process_id}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing:
        raise InputError(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; give all three")
    assert coordinator is not None and processes is not None and process_id is not None
    found = re.fullmatch(r"\[?([^\[\]]+?)\]?:(\d{1,5})", coordinator)
    if found is None or not 0 < int(found[2]) < 65536:
        raise InputError(f"--coordinator {coordinator!r} is no address; give HOST:PORT, such as 10.0.0.7:4000")
    return checked(Place(found[1], int(found[2]), processes, process_id, wait))


def writes(place: Place | None) -> bool:
    """Whether this process is the one that prints and writes what came out."""
    return place is None or place.id == 0


def checked(place: Place) -> Place:
    if place.id >= place.processes:
        raise InputError(
            f"--process-id {place.id} with {place.processes} processes; they are 0 to {place.processes - 1}"
        )
    return place


def slurm_place(variables: Mapping[str, str], wait: float) -> Place:
    """From the variables that srun sets for each task.

    >>> set_by_srun = dict(SLURM_NTASKS="8", SLURM_PROCID="3", SLURM_STEP_NODELIST="gpu[07-09,11]", SLURM_JOB_ID="4711")
    >>> slurm_place(set_by_srun, 60.0).host
    'gpu07'
    """
    lists = [variables[name] for name in ("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST") if variables.get(name)]
    counts = [variables[name] for name in ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS") if variables.get(name)]
    try:
        return checked(
            Place(
                first_host(lists[0]),
                20000 + int(variables["SLURM_JOB_ID"]) % 20000,
                int(counts[0]),
                int(variables["SLURM_PROCID"]),
                wait,
            )
        )
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"--coordinator slurm: SLURM's variables do not say who takes part ({error}); start the command with srun"
        ) from None


def first_host(nodes: str) -> str:
    """The first of a list of SLURM's.

    >>> first_host("a[007-011,20],b3"), first_host("login,a1"), first_host("r[1-2]n[3,4]")
    ('a007', 'login', 'r1n3')
    """
    first = re.match(r"(?:[^,\[]|\[[^\]]*\])+", nodes)
    if first is None:
        raise ValueError(f"the list of nodes is {nodes!r}")
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", first[0])


def likeness(arguments: list[str]) -> dict[str, str]:
    """What has to be the same in all processes: code and versions, and the command but for each one's own options."""
    found = {"Python": ".".join(map(str, sys.version_info[:3])), "difflab": __version__, "difflab's code": code()}
    for package in ("numpy", "jax", "jaxlib"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    kept, skip = [], False
    for word in arguments:
        if not skip and word.split("=")[0] not in OWN:
            kept.append(word)
        skip = not skip and word in OWN
    return found | {"the command": " ".join(kept)}


def code() -> str:
    """A hash of difflab's own files."""
    root, found = Path(__file__).parent.parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def own_part() -> Part | None:
    """What this process has been told by its supervisor, where it has one."""
    told = os.environ.get(VARIABLE)
    return None if told is None else Part(**json.loads(told))


def told(mine: Part) -> str:
    return json.dumps(asdict(mine))


def take_part() -> None:
    """In the process that works, first of all: signs of life, and no messages of libraries on the terminal."""
    mine = own_part()
    if mine is None:
        return
    sys.stdout = os.fdopen(mine.output, "w", errors="replace", closefd=False)
    sys.stderr = os.fdopen(mine.errors, "w", buffering=1, errors="replace", closefd=False)
    threading.Thread(target=beat, args=(mine.heart,), daemon=True).start()


def join() -> None:
    """Meets the other processes in JAX, where there are any."""
    mine = own_part()
    if mine is None:
        return
    jax: Any = import_module("jax")
    if "jax_cpu_collectives_implementation" in jax.config.values:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(mine.address, mine.processes, mine.id, cluster_detection_method="deactivate")
        jax.devices()  # here the processes tell each other of their devices, which waits for all of them
    except RuntimeError as error:
        raise LostError(f"process {mine.id} of {mine.processes} did not meet the others in JAX: {error}") from None


def beat(heart: int, leave: Callable[[int], object] = os._exit) -> None:
    """Signs of life as long as somebody reads them; whose supervisor is gone ends as well."""
    while True:
        try:
            os.write(heart, b".")
        except OSError:
            leave(2)
            return
        time.sleep(BEAT)
