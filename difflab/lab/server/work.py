"""One question in a process of its own, without a thread that waits: what comes back, and what its limits say."""

from __future__ import annotations

import asyncio
import math
import os
import pickle
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...clock import SLOWER
from ...differentiate.limits import LATE, PATIENCE, Helper, can_fork, outcome, request_of
from ...differentiate.worker import HEAD, SILENT, Request, packed, verified
from ...errors import DifflabError, TimeLimitError
from .question import Question

SECONDS, MEGABYTES = 10.0, 1024
BACKGROUND = 10  # how much politer than others a long computation is
HELPER = Helper("difflab.lab.server.answers")
MEND = "take smaller arrays or a shorter expression"


class Answer(NamedTuple):
    """An HTTP status, and what is said with it: `html`, or `error` and its `kind`; or a whole document."""

    status: int
    said: dict[str, str]
    document: str | None = None


def refusal(status: int, kind: str, error: str) -> Answer:
    return Answer(status, {"error": error, "kind": kind})


def computed(question: Question) -> tuple[str, ...]:
    """Runs in the other process; it has loaded `answers` already."""
    from .answers import answered

    return answered(question.part, question.expression, question.at, question.code)


class Work:
    """A question that is being computed: `task` ends with the Answer; cancelled, it ends the process."""

    question: Question
    process: int
    since: float
    polite: bool

    def __init__(self, question: Question, polite: bool = False) -> None:
        self.question, self.polite, self.process, self.since = question, polite, 0, math.inf
        self.task: asyncio.Task[Answer] = asyncio.create_task(self.run())

    async def run(self) -> Answer:
        if not can_fork():  # Windows: a thread of this process, and no limits
            return self.answer("ok", await asyncio.to_thread(computed, self.question))
        request = request_of(partial(computed, self.question), SECONDS, MEGABYTES)
        try:
            return self.answer(*outcome(await exchange(request, self.begun)))
        except DifflabError as error:
            return refusal(503, "busy", f"{error}; try again in a few seconds")

    def begun(self, process: int) -> None:
        self.process, self.since = process, time.monotonic()
        if self.polite:
            self.be_polite()

    def be_polite(self) -> None:
        """From now on it takes only the processor time that nobody else wants."""
        self.polite = True
        if self.process:
            with suppress(OSError):
                os.setpriority(os.PRIO_PGRP, self.process, BACKGROUND)

    def used(self) -> float:
        """Seconds of the processor so far, or of the clock where the system does not tell."""
        waited = time.monotonic() - self.since
        told = processor_time(self.process)
        return waited if told is None else max(told, waited / SLOWER)

    async def end(self) -> None:
        """Ends it, if it still runs."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def answer(self, kind: str, result: Any) -> Answer:
        part, more = self.question.part, [""]
        if kind == "ok":
            kind, result, *more = result
        if kind == "html":
            return Answer(200, {}, result) if part == "page" else Answer(200, {"html": result})
        if kind == "names":  # the page may take the point that names what the expression does
            return Answer(200, {"error": result, "kind": "input", "at": more[0]})
        if kind == "input":
            return refusal(200, kind, result)  # an expression that is half typed is no failure
        if kind == "time":
            return refusal(422, "limit", f"the {part} took longer than {SECONDS:g} s and was stopped; {MEND}")
        if kind == "silent":
            return refusal(422, "limit", f"the {part} gave no answer for too long and was stopped; {MEND}")
        if kind == "memory":
            size = f"{MEGABYTES / 1024:g} GiB of memory" + (f" ({result})" if result else "")
            return refusal(422, "limit", f"the {part} needs more than {size}; {MEND}")
        if kind == "error":
            return refusal(500, kind, f"an error in difflab: {result}")
        return refusal(500, "crash", f"the process that computed the {part} ended without an answer ({result}); {MEND}")


def processor_time(process: int) -> float | None:
    """Seconds that a process and what it has waited for took of the processor; None where there is no /proc."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


async def exchange(request: Request, begun: Callable[[int], None]) -> bytes | None:
    """The helper's answer to a request, or None where it ended twice. Leaving early ends the work."""
    for _ in range(2):
        ours, process = HELPER.connection()
        with ours, suppress(ConnectionError):
            ours.setblocking(False)
            try:
                who = await asyncio.wait_for(received(ours), PATIENCE)
            except TimeoutError:
                raise TimeLimitError(LATE) from None
            if who is not None and not who.isdigit():
                return who  # it has ended before it could say who it is
            if who is not None:
                begun(int(who))
                try:
                    return await asyncio.wait_for(conversation(ours, request), request.patience)
                except TimeoutError:
                    return SILENT
        HELPER.lost(process)
    return None


async def conversation(connection: socket.socket, request: Request) -> bytes | None:
    try:
        with suppress(ConnectionError):  # it has ended: how, is there to be read
            await asyncio.get_running_loop().sock_sendall(connection, packed(pickle.dumps(request)))
        return await received(connection)
    except ConnectionError:
        return None


async def received(connection: socket.socket) -> bytes | None:
    """One message; None where the other side ended before it was whole."""
    head = await exactly(connection, HEAD.size)
    if head is None:
        return None
    length, checksum = HEAD.unpack(head)
    return verified(await exactly(connection, length), checksum)


async def exactly(connection: socket.socket, count: int) -> bytes | None:
    loop, parts = asyncio.get_running_loop(), bytearray()
    while len(parts) < count:
        part = await loop.sock_recv(connection, min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
