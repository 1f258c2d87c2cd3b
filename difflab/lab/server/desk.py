"""Who is answered when: light questions at once, long ones beside them, outdated ones not at all."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Awaitable
from typing import Any

from .lanes import BusyError, Lane
from .question import Question
from .work import Answer, Work, refusal

SHORT_PLACES = min((os.cpu_count() or 1) + 2, 8)
LONG_PLACES = 4
LONGEST_QUEUE = 64
SHORT = 1.0  # seconds of the processor after which a computation is a long one
LOOK = 0.1  # seconds after which that is looked at again
PAGES = 256  # whose newest round is remembered

OUTDATED = refusal(409, "outdated", "a newer expression took its place")
ENDING = refusal(503, "ending", "difflab lab has been ended on its terminal; start it again")
GONE = refusal(499, "gone", "nobody waits for it any more")


class Desk:
    """Takes questions, and answers each.

    All begin in the short lane. What has not ended after a second of the processor goes on, politely, in the long lane;
    where that has no free place, it is ended, and begun again when there is one. So long computations keep a light one
    waiting for little more than a second, and no more of them are in memory than there are places.
    """

    short: Lane
    long: Lane

    def __init__(self) -> None:
        self.short, self.long = Lane(SHORT_PLACES, LONGEST_QUEUE), Lane(LONG_PLACES, LONGEST_QUEUE)
        self.newest: OrderedDict[str, int] = OrderedDict()
        self.open: set[tuple[Question, asyncio.Future[Answer]]] = set()
        self.closed: bool = False
        self.loop: asyncio.AbstractEventLoop | None = None

    async def answer(self, question: Question, gone: Awaitable[Any]) -> Answer:
        """The answer; the work for it ends when `gone` does, or a newer question of the same page comes."""
        self.loop = asyncio.get_running_loop()
        if self.closed:
            return ENDING
        if self.outdated(question):
            return OUTDATED
        stopped: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        work, left = asyncio.create_task(self.computed(question)), asyncio.ensure_future(gone)
        entry = (question, stopped)
        self.open.add(entry)
        try:
            await asyncio.wait({work, stopped, left}, return_when=asyncio.FIRST_COMPLETED)
            return stopped.result() if stopped.done() else work.result() if work.done() else GONE
        finally:
            self.open.discard(entry)
            work.cancel()
            left.cancel()
            await asyncio.gather(work, left, return_exceptions=True)

    def outdated(self, question: Question) -> bool:
        """Whether a newer one was asked; if not, the older ones of this page are stopped."""
        if question.round is None:
            return False
        if question.round < self.newest.get(question.page, 0):
            return True
        self.newest[question.page] = question.round
        self.newest.move_to_end(question.page)
        if len(self.newest) > PAGES:
            self.newest.popitem(last=False)
        for other, stopped in self.open:
            older = other.round is not None and other.round < question.round
            if other.page == question.page and older and not stopped.done():
                stopped.set_result(OUTDATED)
        return False

    async def computed(self, question: Question) -> Answer:
        try:
            await self.short.enter(question.page)
            return await self.in_lanes(question)
        except BusyError as error:
            return refusal(503, "busy", str(error))

    async def in_lanes(self, question: Question) -> Answer:
        lane: Lane | None = self.short
        work = Work(question)
        try:
            if not await ended(work):
                if self.long.enter_at_once():
                    self.short.leave()
                    work.be_polite()
                else:
                    await work.end()
                    self.short.leave()
                    lane = None
                    await self.long.enter(question.page)
                    work = Work(question, polite=True)
                lane = self.long
            return await work.task
        finally:
            await work.end()
            if lane is not None:
                lane.leave()

    def close_soon(self) -> None:
        """From a signal handler: everything ends, and who still waits is told so."""
        self.closed = True
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.close)

    def close(self) -> None:
        for _, stopped in self.open:
            if not stopped.done():
                stopped.set_result(ENDING)


async def ended(work: Work) -> bool:
    """Whether it has ended before it has become a long one: a busy machine does not make it one."""
    while not (await asyncio.wait({work.task}, timeout=LOOK))[0]:
        if work.used() >= SHORT:
            return False
    return True
