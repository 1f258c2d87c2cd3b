"""The fast lane: `pytest --fast` runs the first case of every test that is not in slow.txt and wants no browser.

Random examples are few there.

`pytest --write-slow` runs the first case of every test and writes that file: the tests that took more than SLOW seconds
of processor time, child processes included. It is no promise about a machine, only about the order of their sizes.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import settings

SLOW = 0.15
LISTED = Path(__file__).parent / "slow.txt"
BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser):
    group = parser.getgroup("fast lane")
    group.addoption("--fast", action="store_true", help="the first case of each quick test")
    group.addoption("--no-browser", action="store_true", help="leave out what is looked at in a browser")
    group.addoption("--write-slow", action="store_true", help="write to tests/slow.txt what --fast leaves out")


def pytest_configure(config):
    if config.option.fast or config.option.write_slow:
        settings.register_profile("fast", settings(), max_examples=8)
        settings.load_profile("fast")
    if config.option.write_slow and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Writer(), "writer of slow.txt")


def name(nodeid):
    """The test without the case."""
    return nodeid.partition("[")[0]


def browses(item):
    return "chromium" in getattr(item, "fixturenames", ())


def chosen(items, slow=()):
    """The places of the first case of each test that is not slow and wants no browser, whose work is not seen here."""
    first = {}
    for place, item in enumerate(items):
        if not browses(item):
            first.setdefault(name(item.nodeid), place)
    return [place for test, place in first.items() if test not in slow]


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    """Only the first case is made of each test: making all of them takes longer than running what is kept."""
    if metafunc.config.option.fast or metafunc.config.option.write_slow:
        metafunc.parametrize = partial(first_case, metafunc.parametrize)


def first_case(parametrize, argnames, argvalues, *args, ids=None, **options):
    ids = ids if ids is None or callable(ids) else list(islice(ids, 1))
    return parametrize(argnames, list(islice(argvalues, 1)), *args, ids=ids, **options)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if config.option.fast or config.option.write_slow:
        slow = () if config.option.write_slow else set(LISTED.read_text().splitlines())
        kept = chosen(items, slow)
    elif config.option.no_browser:
        kept = [place for place, item in enumerate(items) if not browses(item)]
    else:
        return
    left = set(range(len(items))) - set(kept)
    config.hook.pytest_deselected(items=[items[k] for k in sorted(left)])
    items[:] = [items[k] for k in kept]


def spent():
    """Processor time of this process, of its children that have ended, and of those that live, where /proc tells."""
    now = os.times()
    return time.process_time() + now.children_user + now.children_system + living()


def living():
    """Processor time of the processes under this one: servers and their helpers, browsers."""
    parent, used = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            words = path.read_text().rpartition(")")[2].split()
            process = int(path.parent.name)
            parent[process], used[process] = (
                int(words[1]),
                sum(map(int, words[11:15])),
            )  # its own and its ended children's
    under, new = set(), {os.getpid()}
    while new := {process for process, above in parent.items() if above in new} - under:
        under |= new
    return sum(used[process] for process in under) / os.sysconf("SC_CLK_TCK") if under else 0.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    if item.config.option.write_slow:  # to look through /proc takes longer than most tests
        item.stash[BEGAN] = spent()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    if call.when == "teardown" and item.config.option.write_slow:
        item.user_properties.append(("processor", spent() - item.stash.get(BEGAN, 0.0)))
    return (yield)


class Writer:
    """Of the main process: what its workers have measured comes with their reports."""

    def __init__(self):
        self.slow = set()

    def pytest_runtest_logreport(self, report):
        for said, seconds in report.user_properties:
            if said == "processor" and report.when == "teardown" and seconds > SLOW:
                self.slow.add(name(report.nodeid))

    def pytest_sessionfinish(self):
        LISTED.write_text("".join(f"{test}\n" for test in sorted(self.slow)))
