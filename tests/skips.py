"""Skipped tests: every run ends with their reasons, and the lanes of CI promise something about them, by two options.

`--write-missing FILE` writes the tests that are skipped for want of a package, one a line: the arguments of a second
run (`pytest @FILE`) where the packages are. `--no-skips` holds that run to its word.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

MISSING_PACKAGE = re.compile(r"could not import|not installed")
EXTRA = re.compile(r"\bextra (\w+)|\bthe (\w+) extra\b")  # what a reason says is missing; else it is one of the peers
MISSING_DEVICE = re.compile(r"\bno (device|GPU|TPU|accelerator)\b")


def pytest_addoption(parser):
    group = parser.getgroup("skipped tests")
    group.addoption(
        "--write-missing", metavar="FILE", help="write the tests that are skipped for want of a package to FILE"
    )
    group.addoption(
        "--no-skips", action="store_true", help="fail where a test is skipped and its reason names no missing device"
    )


def reason(report):
    told = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    return " ".join(told.removeprefix("Skipped: ").split())


def skipped(config):
    return config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])


def broken_promises(config):
    if not config.option.no_skips:
        return []
    return [r for r in skipped(config) if not MISSING_DEVICE.search(reason(r))]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    config = session.config
    if hasattr(config, "workerinput"):  # one of xdist's workers: its reports reach the main process
        return
    if config.option.write_missing:
        missing = dict.fromkeys(r.nodeid for r in skipped(config) if MISSING_PACKAGE.search(reason(r)))
        Path(config.option.write_missing).write_text("".join(f"{test}\n" for test in missing))
    if broken_promises(config) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def extra(told):
    """The extra of pyproject.toml that has what is missing."""
    named = EXTRA.search(told)
    return "peers" if named is None else named[1] or named[2]


def sum_up(reporter, found):
    """Each reason with its number of tests, and what to install so that those for want of a package run."""
    counts = Counter(map(reason, found))
    reporter.section(f"{len(found)} skipped, and why")
    for told, count in counts.most_common():
        reporter.write_line(f"{count:5d}  {told}")
    extras = sorted({extra(told) for told in counts if MISSING_PACKAGE.search(told)})
    if extras:
        reporter.write_line(f"to run those that lack a package: pip install -e '.[{','.join(extras)}]'")
    if any("browser" in told for told in counts):
        reporter.write_line("to run those that lack a browser: put chromium on the PATH")


def pytest_terminal_summary(terminalreporter, config):
    if skipped(config):
        sum_up(terminalreporter, skipped(config))
    wrong = broken_promises(config)
    if wrong:
        terminalreporter.section("skipped, and no device is missing", red=True)
    for report in wrong:
        terminalreporter.write_line(f"{report.nodeid}: {reason(report)}")
