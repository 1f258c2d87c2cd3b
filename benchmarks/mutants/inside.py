"""What runs in a forked process: a session of pytest with chosen tests, or one that records what each test reaches."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import resource
import signal
from typing import Any

import pytest

# Packages of the extra `peers`: references that a test may use where they are, but must not need.
PEERS = "autograd casadi gymnasium jax mdptoolbox micrograd mygrad numdifftools quantecon sklearn torch".split()
MEMORY = 8 * 2**30
OPTIONS = ["-p", "no:cacheprovider", "-p", "no:faulthandler", "--assert=plain", "--tb=line", "-q"]


class Chosen:
    """A plugin: only the given tests, in the given order, and why the first of them failed."""

    def __init__(self, tests: list[str]) -> None:
        self.order = {test: k for k, test in enumerate(tests)}
        self.bases = {t.split("[", 1)[0] for t in tests}
        self.holders = {b.rpartition("::")[0] for b in self.bases}
        self.passed: list[str] = []
        self.failed: tuple[str, str] | None = None

    def pytest_sessionstart(self) -> None:
        from hypothesis import Phase, settings

        plain = settings(deadline=None, phases=(Phase.explicit, Phase.generate), derandomize=True, database=None)
        settings.register_profile("mutants", plain, report_multiple_bugs=False)
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: Any, name: str, obj: Any) -> list[Any] | None:
        """Tests that nobody asked for are not even made: large tables take long."""
        here = f"{collector.nodeid}::{name}"
        test = callable(obj) and name.startswith(("test", "Test"))
        return [] if test and here not in self.bases and here not in self.holders else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = (report.nodeid, str(getattr(report.longrepr, "reprcrash", "") or report.longrepr)[-300:])
        elif report.when == "call" and report.passed:
            self.passed.append(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = (report.nodeid, "not collected: " + str(report.longrepr)[-300:])


class Recorder:
    """A plugin: the seconds that each passing test takes, and the lines of `folders` that it runs."""

    def __init__(self, folders: list[str]) -> None:
        import coverage

        self.coverage = coverage.Coverage(data_file=None, include=[f"{f}/*" for f in folders], config_file=False)
        self.tests: dict[str, float] = {}
        self.bad: set[str] = set()
        self.coverage.start()

    pytest_sessionstart = Chosen.pytest_sessionstart

    def pytest_collection_finish(self) -> None:
        """Loads all of the package now: what its modules do when they are loaded is no test's doing."""
        import difflab

        for module in pkgutil.walk_packages(difflab.__path__, "difflab."):
            if not module.name.endswith("__main__"):
                with contextlib.suppress(ImportError):
                    importlib.import_module(module.name)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Any:
        self.coverage.switch_context(item.nodeid)
        began = processor_seconds()
        result = yield
        self.tests[item.nodeid] = processor_seconds() - began
        self.coverage.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.passed:
            self.bad.add(report.nodeid)

    def answer(self, tree: str) -> dict[str, Any]:
        """Tests with their seconds, and for each file and line the set of tests as bits of a number, in hexadecimal."""
        self.coverage.stop()
        data = self.coverage.get_data()
        kept = [t for t in self.tests if t not in self.bad]
        bit = {test: 1 << k for k, test in enumerate(kept)}
        lines: dict[str, dict[int, str]] = {}
        for file in sorted(data.measured_files()):
            found = {
                line: sum(bit.get(test, 0) for test in set(tests))
                for line, tests in data.contexts_by_lineno(file).items()
            }
            lines[os.path.relpath(file, tree)] = {line: f"{bits:x}" for line, bits in found.items() if bits}
        return {"processor": True, "tests": {t: round(self.tests[t], 4) for t in kept}, "lines": lines}


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(
        u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def session(request: dict[str, Any], tree: str) -> dict[str, Any]:
    """One session of pytest in this process, which must be one of its own; see `server.py` for what is asked."""
    soft = int(request["seconds"])
    resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "record" in request:
        recorder = Recorder(request["record"])
        pytest.main([*OPTIONS, *request["arguments"]], plugins=[recorder])
        return recorder.answer(tree)
    tests = request["tests"]
    files = list(dict.fromkeys(t.split("::", 1)[0] for t in tests))
    doctests = ["--doctest-modules"] if any(f.startswith("difflab/") for f in files) else []
    chosen = Chosen(tests)
    code = int(pytest.main([*OPTIONS, "-x", *doctests, *files], plugins=[chosen]))
    return {"code": code, "failed": chosen.failed, "passed": len(chosen.passed)}
