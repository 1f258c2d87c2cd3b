"""Lanes: a few places, and a queue before them that is fair to the pages that wait."""

from __future__ import annotations

import asyncio
from collections import deque

from ...errors import DifflabError


class BusyError(DifflabError):
    """The queue is full."""


class Lane:
    """So many places; who finds none waits, and the pages that wait take turns.

    A page that asks for much is not served before one that asks for little. BusyError where `longest` wait already.
    """

    free: int
    longest: int

    def __init__(self, places: int, longest: int) -> None:
        self.free, self.longest = places, longest
        self.waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self.waiting.values()))

    async def enter(self, page: str) -> None:
        """Returns when there is a place, which then is taken."""
        if self.enter_at_once():
            return
        if len(self) >= self.longest:
            raise BusyError(f"{len(self)} computations wait already; try again in a few seconds")
        turn = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(page, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was given in the same moment
                self.leave()
            else:
                self.forget(page, turn)
            raise

    def enter_at_once(self) -> bool:
        """Takes a place if there is one."""
        if self.free == 0:
            return False
        self.free -= 1
        return True

    def leave(self) -> None:
        """Gives the place to the page whose turn it is."""
        while self.waiting:
            page = next(iter(self.waiting))
            queue = self.waiting.pop(page)
            turn = queue.popleft()
            if queue:
                self.waiting[page] = queue  # behind the others
            if not turn.done():  # else its request has gone, and has not noticed yet
                turn.set_result(None)
                return
        self.free += 1

    def forget(self, page: str, turn: asyncio.Future[None]) -> None:
        queue = self.waiting.get(page, deque())
        if turn in queue:
            queue.remove(turn)
            if not queue:
                del self.waiting[page]
