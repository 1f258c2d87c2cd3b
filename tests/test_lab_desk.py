"""Who is answered when at the local page's desk, with work that ends when the test says so."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from patience import HANGS

from difflab.lab.server import desk as module
from difflab.lab.server.desk import Desk
from difflab.lab.server.lanes import BusyError, Lane
from difflab.lab.server.question import Question
from difflab.lab.server.work import Answer


def in_a_loop(story):
    """Runs it in a thread: the tests with a browser leave a running loop in the main one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, story).result()


async def turns(count=20):
    for _ in range(count):
        await asyncio.sleep(0)


def in_lane(places, longest, story):
    async def told():
        lane = Lane(places, longest)
        await story(lane)
        assert len(lane) == 0 and lane.waiting == {}

    in_a_loop(told())


def test_pages_take_turns():
    async def story(lane):
        served = []

        async def visit(page):
            await lane.enter(page)
            served.append(page)
            await turns(1)
            lane.leave()

        await asyncio.gather(*(visit(page) for page in "aaaabbc"))
        assert "".join(served) == "aabcaba" and lane.free == 1

    in_lane(1, 10, story)


def test_a_full_queue_is_said():
    async def story(lane):
        await lane.enter("a")
        waiting = asyncio.create_task(lane.enter("b"))
        await turns()
        with pytest.raises(BusyError, match="1 computations wait already; try again"):
            await lane.enter("c")
        lane.leave()
        await waiting
        lane.leave()
        assert lane.free == 1

    in_lane(1, 1, story)


@pytest.mark.parametrize("given", [False, True], ids=["while it waits", "as it is given its place"])
def test_who_goes_leaves_no_gap(given):
    async def story(lane):
        await lane.enter("a")
        first, second = (asyncio.create_task(lane.enter(page)) for page in "bc")
        await turns()
        if given:
            lane.leave()
        first.cancel()
        if not given:
            lane.leave()
        await asyncio.gather(first, second, return_exceptions=True)
        assert first.cancelled() and not second.cancelled()
        lane.leave()
        assert lane.free == 1

    in_lane(1, 9, story)


class FakeWork:
    """Ends when its event is set; the log tells what became of it."""

    def __init__(self, question, polite=False):
        self.question, self.polite = question, polite
        LOG.append(("begun", question.expression, polite))
        self.task = asyncio.create_task(self.run())

    async def run(self):
        name = self.question.expression
        try:
            await EVENTS.setdefault(name, asyncio.Event()).wait()
        except asyncio.CancelledError:
            LOG.append(("ended", name))
            raise
        return Answer(200, {"html": name})

    def used(self):
        return 1.0 if self.question.expression not in SHORT_WORK else 0.0

    def be_polite(self):
        LOG.append(("polite", self.question.expression))

    async def end(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


LOG: list[tuple] = []
EVENTS: dict[str, asyncio.Event] = {}
SHORT_WORK: set[str] = set()


@pytest.fixture
def at_desk(monkeypatch):
    """Runs a story with a desk; `short` places, `long` places, and so many may wait."""
    LOG.clear()
    EVENTS.clear()
    SHORT_WORK.clear()
    monkeypatch.setattr(module, "Work", FakeWork)

    def run(story, short=1, long=1, longest=9, short_work=()):
        monkeypatch.setattr(module, "SHORT_PLACES", short)
        monkeypatch.setattr(module, "LONG_PLACES", long)
        monkeypatch.setattr(module, "LONGEST_QUEUE", longest)
        monkeypatch.setattr(module, "LOOK", 0.0)
        SHORT_WORK.update(short_work)

        async def told():
            desk = Desk()
            await story(desk)
            await turns()
            assert desk.open == set() and (desk.short.free, desk.long.free) == (short, long)

        in_a_loop(asyncio.wait_for(told(), HANGS))  # who waits for ever has failed

    return run


def ask(desk, name, page="", round=None, gone=None):
    gone = asyncio.Event() if gone is None else gone
    return asyncio.create_task(desk.answer(Question("page", name, "", page, round), gone.wait()))


async def release(name):
    EVENTS.setdefault(name, asyncio.Event()).set()
    await settle()


async def settle():
    """Until nothing moves any more: a wait of no time takes a few turns of the loop."""
    await turns(100)


def test_a_light_one_goes_before_the_heavy_ones_that_came_first(at_desk):
    async def story(desk):
        heavy = [ask(desk, f"heavy {k}", page=str(k)) for k in range(4)]
        await settle()
        EVENTS["light"] = asyncio.Event()
        EVENTS["light"].set()
        assert (await ask(desk, "light", page="l")).said == {"html": "light"}
        assert not any(h.done() for h in heavy)
        for k in range(4):
            await release(f"heavy {k}")
        assert [(await h).status for h in heavy] == [200] * 4

    at_desk(story)


def test_long_work_goes_on_politely_or_is_begun_again(at_desk):
    async def story(desk):
        first, second = ask(desk, "a"), ask(desk, "b")
        await settle()
        await release("a")
        await first
        await release("b")
        await second
        assert [e for e in LOG if e[1] == "a"] == [("begun", "a", False), ("polite", "a")]
        assert [e for e in LOG if e[1] == "b"] == [("begun", "b", False), ("ended", "b"), ("begun", "b", True)]

    at_desk(story)


@pytest.mark.parametrize(
    "old, new, stopped",
    [
        (("p", 1), ("p", 2), True),
        (("p", 2), ("p", 2), False),
        (("p", 1), ("q", 2), False),
        (("p", None), ("p", 2), False),
        (("", 1), ("", 2), True),
    ],
)
def test_a_newer_round_of_the_same_page_replaces(at_desk, old, new, stopped):
    async def story(desk):
        first = ask(desk, "old", *old)
        await settle()
        second = ask(desk, "new", *new)
        await settle()
        assert first.done() == stopped and (("ended", "old") in LOG) == stopped
        if stopped:
            assert (first.result().status, first.result().said["kind"]) == (409, "outdated")
        await release("old")
        await release("new")
        assert (await second).status == 200

    at_desk(story, short=2, long=2)


def test_an_older_round_that_comes_late_is_not_begun(at_desk):
    async def story(desk):
        await release("new")
        assert (await ask(desk, "new", "p", 5)).status == 200
        assert (await ask(desk, "old", "p", 4)).status == 409
        assert [e[1] for e in LOG if e[0] == "begun"] == ["new"]

    at_desk(story)


def test_rounds_of_many_pages_are_not_kept_for_ever(at_desk, monkeypatch):
    monkeypatch.setattr(module, "PAGES", 3)

    async def story(desk):
        await release("a")
        for k in range(10):
            await ask(desk, "a", f"p{k}", 1)
        assert list(desk.newest) == ["p7", "p8", "p9"]

    at_desk(story)


@pytest.mark.parametrize("waits", [False, True], ids=["at work", "in the queue"])
def test_work_ends_when_nobody_waits(at_desk, waits):
    async def story(desk):
        gone = asyncio.Event()
        others = [ask(desk, "other")] if waits else []
        await settle()
        mine = ask(desk, "mine", gone=gone)
        await settle()
        gone.set()
        assert (await mine).status == 499
        assert waits or LOG[-1] == ("ended", "mine")
        await release("other")
        await asyncio.gather(*others)
        assert ("begun", "mine", False) not in LOG or not waits

    at_desk(story, short_work=["other"] if waits else [])


def test_a_full_desk_says_so(at_desk):
    async def story(desk):
        asked = [ask(desk, "a") for _ in range(3)]
        await settle()
        answer = await ask(desk, "b")
        assert (answer.status, answer.said["kind"]) == (503, "busy") and "2 computations wait" in answer.said["error"]
        await release("a")
        assert {(await a).status for a in asked} == {200}

    at_desk(story, longest=2, short_work=["a"])


def test_closing_answers_everybody_and_ends_the_work(at_desk):
    async def story(desk):
        asked = [ask(desk, str(k)) for k in range(3)]
        await settle()
        desk.close_soon()
        assert {((await a).status, a.result().said["kind"]) for a in asked} == {(503, "ending")}
        assert (await ask(desk, "late")).status == 503
        begun, ended = ({e[1] for e in LOG if e[0] == kind} for kind in ("begun", "ended"))
        assert begun == ended

    at_desk(story)
