"""The options of CI's lanes see every skipped test: of one process and of several, single tests and whole files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from skips import extra

FILES = {
    "test_whole.py": "import pytest\npytest.importorskip('no_such_peer')\ndef test_never(): pass\n",
    "test_some.py": """
import pytest
@pytest.mark.parametrize("name", ["a b", "c::d"])
def test_peer(name): pytest.importorskip("no_such_peer", reason="no_such_peer is not installed")
def test_device(): pytest.skip("there is no GPU on this machine")
def test_fine(): pass
""",
    "test_lazy.py": "import pytest\ndef test_lazy(): pytest.skip('not today')\n",
}


def run(folder, *arguments):
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "skips", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("processes", [(), ("-p", "xdist", "-n", "2")], ids=["one", "several"])
def test_tests_without_their_package_are_written_down(tmp_path, processes):
    done = run(tmp_path, "--write-missing", "missing.txt", *processes)
    assert done.returncode == 0, done.stdout
    written = (tmp_path / "missing.txt").read_text().splitlines()
    assert sorted(written) == ["test_some.py::test_peer[a b]", "test_some.py::test_peer[c::d]", "test_whole.py"]
    again = run(tmp_path, "@missing.txt", "-rs")
    assert "3 skipped" in again.stdout


@pytest.mark.parametrize("processes", [(), ("-p", "xdist", "-n", "2")], ids=["one", "several"])
def test_every_run_ends_with_the_reasons(tmp_path, processes):
    said = run(tmp_path, *processes).stdout.partition("5 skipped, and why")[2].splitlines()
    assert "    2  no_such_peer is not installed" in said and "    1  there is no GPU on this machine" in said
    assert any(line.startswith("    1  could not import 'no_such_peer'") for line in said)
    assert "to run those that lack a package: pip install -e '.[peers]'" in said
    assert "skipped, and why" not in run(tmp_path, "test_some.py::test_fine").stdout


@pytest.mark.parametrize(
    "told, name",
    [
        ("X is not installed (extra test)", "test"),
        ("the lab extra is not installed", "lab"),
        ("X is not installed", "peers"),
    ],
)
def test_the_extra_that_is_missing_is_named(told, name):
    assert extra(told) == name


@pytest.mark.parametrize("processes", [(), ("-p", "xdist", "-n", "2")], ids=["one", "several"])
def test_only_a_missing_device_is_a_reason(tmp_path, processes):
    done = run(tmp_path, "--no-skips", *processes)
    assert done.returncode == 1
    said = done.stdout.partition("no device is missing")[2]
    assert "test_lazy" in said and "test_whole.py" in said and "test_peer[a b]" in said and "test_device" not in said
    assert run(tmp_path, "--no-skips", "test_some.py::test_fine", "test_some.py::test_device").returncode == 0
    assert run(tmp_path, "--no-skips", "test_whole.py").returncode == 1
