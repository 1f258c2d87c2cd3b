"""The history of the benchmarks: one line of JSON a commit, and the trend that is read off it."""

import json

import pytest

from benchmarks import history
from benchmarks.workload import Result


def result(seconds, **multiples):
    return Result("chain", {"difflab": seconds}, {"difflab": 1.0, **multiples}, {})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "history.jsonl"
    history.add([result(2e-6, jax=3.0, torch=9.0)], "a machine", path, "aaaa")
    history.add([result(1e-6, jax=4.5, torch=8.0)], "a machine", path, "bbbb")
    return path


def test_one_line_for_each_commit(path):
    history.add([result(4e-6, jax=1.0)], "a machine", path, "bbbb")
    lines = [json.loads(x) for x in path.read_text().splitlines()]
    assert [x["commit"] for x in lines] == ["aaaa", "bbbb"]
    assert lines[1]["workloads"]["chain"] == {"seconds": 4e-6, "multiples": {"jax": 1.0}}


def test_lines_of_two_machines_stay_apart(path):
    history.add([result(4e-6, jax=1.0)], "another", path, "bbbb")
    assert [x["machine"] for x in history.read(path)] == ["a machine", "a machine", "another"]


@pytest.mark.parametrize("last, told", [(6.0, "better by 33%"), (3.0, "worse by 33%"), (4.6, None)])
def test_trend_tells_what_is_more_than_noise(path, last, told):
    history.add([result(1e-6, jax=last)], "a machine", path, "cccc")
    said = history.trend(history.read(path), "chain")
    assert said.startswith("chain: 1 us; jax takes")
    assert (told in said) if told else ("by" not in said)


def test_command_names_what_it_has(path, capsys):
    assert history.main(["--file", str(path), "ch"]) == 0
    assert "2 runs, the last of bbbb" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        history.main(["--file", str(path), "network"])
    assert stop.value.code == 2
