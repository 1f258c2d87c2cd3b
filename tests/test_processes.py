"""`difflab train` and `difflab mdp` by many processes of one machine: clear ends where one is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS, until
from processes import children_of, is_running

from difflab.cli.processes import OWN, Place, likeness, place_of
from difflab.cli.supervisor import Line, first_message
from difflab.errors import InputError

pytest.importorskip("jax")
TRAIN = ("train", "mlp", "--data", "blobs", "--schedule", "constant", "--batch-size", 12, "--no-report")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(count, *args, port=None, ids=None, folder=None, each=lambda k: ()):
    """The processes of one command, with pipes for what they say."""
    port = free_port() if port is None else port
    meet = ("--coordinator", f"127.0.0.1:{port}", "--processes", count, "--process-id")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "difflab", *map(str, (*args, *meet, k, *each(k)))],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder and folder(k),
        )
        for k in (range(count) if ids is None else ids)
    ]  # fmt: skip


def ends(processes):
    """Status, standard output and standard error of each."""
    told = [p.communicate(timeout=HANGS) for p in processes]
    return [(p.returncode, *texts) for p, texts in zip(processes, told)]


def losses(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return np.array([[r["train_loss"], r["test_loss"]] for r in map(json.loads, lines)])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The losses of one process on one device, of six epochs."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    command = [sys.executable, "-m", "difflab", *map(str, (*TRAIN, "--epochs", 6, "--devices", 1, "--out", folder))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS)
    assert done.returncode == 0, done.stderr
    return losses(folder)


def test_two_processes_come_to_the_losses_of_one(tmp_path, alone):
    out = tmp_path / "run"
    first, second = ends(
        start(2, *TRAIN, "--epochs", 6, "--devices", 2, "--parameters", "split", "--out", out, "--json")
    )
    assert first[0] == second[0] == 0, (first[2], second[2])
    assert json.loads(first[1])["epochs"] == 6 and second[1] == ""
    np.testing.assert_allclose(losses(out), alone, rtol=1e-5)
    assert sorted(p.name for p in out.iterdir()) == ["best.npz", "last.npz", "metrics.jsonl"]


def test_one_is_killed_the_others_end_and_three_go_on(tmp_path, alone):
    out = tmp_path / "run"
    running = start(2, *TRAIN, "--epochs", 100000, "--out", out)
    assert until(lambda: (out / "metrics.jsonl").exists() and len(losses(out)) > 1)
    workers = [children_of(p.pid) for p in running]
    os.kill(workers[1][0], signal.SIGKILL)
    for status, _, told in ends(running):
        assert status == 2 and "process 1 of 2 was ended by signal 9; --resume goes on" in told, told
    assert not any(is_running(pid) for pids in workers for pid in pids)
    assert not [p for p in out.iterdir() if p.name.startswith(".difflab")]
    done = len(losses(out))
    for status, _, told in ends(start(3, *TRAIN, "--epochs", done + 1, "--out", out, "--resume")):
        assert status == 0, told
    assert len(losses(out)) == done + 1
    count = min(len(alone), done + 1)
    np.testing.assert_allclose(losses(out)[:count], alone[:count], rtol=1e-5)


def test_a_supervisor_is_killed_and_its_worker_goes_with_it(tmp_path):
    out = tmp_path / "run"
    running = start(2, *TRAIN, "--epochs", 100000, "--out", out)
    assert until(lambda: (out / "last.npz").exists())
    workers = [pid for p in running for pid in children_of(p.pid)]
    running[0].kill()
    status, _, told = ends(running)[1]
    assert status == 2 and "process 0 of 2 is gone" in told
    assert until(lambda: not any(is_running(pid) for pid in workers))


def test_a_signal_to_one_saves_and_ends_all(tmp_path):
    out = tmp_path / "run"
    running = start(2, *TRAIN, "--epochs", 100000, "--out", out)
    assert until(lambda: (out / "last.npz").exists())
    running[1].send_signal(signal.SIGTERM)
    first, second = ends(running)
    assert first[0] == 2 and "stop" in first[2]
    assert second[0] == 128 + signal.SIGTERM


def test_planning_by_two_processes():
    grid = ("mdp", "gridworld", "--shape", "6x7", "--gamma", 0.9, "--slip", 0.2, "--json")
    first, second = ends(start(2, *grid, "--devices", 2))
    assert first[0] == second[0] == 0, (first[2], second[2])
    lone = subprocess.run([sys.executable, "-m", "difflab", *map(str, grid)], capture_output=True, timeout=HANGS)
    many, one = json.loads(first[1]), json.loads(lone.stdout)
    np.testing.assert_allclose(many["values"], one["values"], atol=2e-6)
    assert many["error_bound"] <= 1e-6


@pytest.mark.parametrize(("ids", "words"), [([0], "process 1 of 2 did not come within 1 s"), ([1], "no process 0 at")])
def test_a_process_that_never_comes(tmp_path, ids, words):
    ((status, _, told),) = ends(start(2, *TRAIN, "--out", tmp_path / "run", "--wait", 1, ids=ids))
    assert status == 2 and words in told
    assert not (tmp_path / "run").exists()


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ((status, _, told),) = ends(start(2, *TRAIN, "--out", tmp_path / "run", port=port, ids=[0]))
    assert status == 2 and f"127.0.0.1:{port}" in told and "the port is in use, take another" in told
    assert not (tmp_path / "run").exists()


def test_two_commands_that_differ(tmp_path):
    seeds = start(2, *TRAIN, "--out", tmp_path / "run", each=lambda k: ("--seed", k))
    for status, _, told in ends(seeds):
        assert status == 2 and "the command: process 0 has" in told and "make them the same" in told
    assert not (tmp_path / "run").exists()


def test_data_that_differ(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(2):
        table = np.column_stack([rng.normal(size=(40, 3)).round(3) + k, rng.integers(0, 2, 40)])
        (tmp_path / f"{k}").mkdir()
        np.savetxt(tmp_path / f"{k}" / "t.csv", table, delimiter=",", header="a,b,c,label", comments="", fmt="%g")
    train = ("train", "mlp", "--data", "t.csv", "--batch-size", 8, "--out", tmp_path / "run", "--no-report")
    for status, _, told in ends(start(2, *train, folder=lambda k: tmp_path / f"{k}")):
        assert status == 2 and "has other data or settings than" in told, told
    assert not (tmp_path / "run" / "last.npz").exists()


def test_two_with_one_number(tmp_path):
    for status, _, told in ends(start(3, *TRAIN, "--out", tmp_path / "run", ids=[0, 1, 1], each=lambda k: ())):
        assert status == 2 and ("two processes are number 1" in told or "no process 0" in told), told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("10.0.0.7:4000", 4, None), "--process-id is missing"),
        ((None, None, 1), "--coordinator and --processes are missing"),
        (("10.0.0.7", 4, 1), "give HOST:PORT"),
        (("10.0.0.7:0", 4, 1), "give HOST:PORT"),
        (("a:70000", 4, 1), "give HOST:PORT"),
        (("a:4000", 4, 4), "they are 0 to 3"),
        (("slurm", None, None), "start the command with srun"),
    ],
)
def test_places_that_cannot_be(given, words):
    with pytest.raises(InputError) as caught:
        place_of(*given, 60.0, {})
    assert words in str(caught.value)


SLURM = dict(SLURM_JOB_ID="123456", SLURM_NTASKS="8", SLURM_PROCID="5", SLURM_JOB_NODELIST="n[003,007-9],x1")


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, Place("n003", 20000 + 123456 % 20000, 8, 5)),
        ({"SLURM_STEP_NODELIST": "x1", "SLURM_STEP_NUM_TASKS": "6"}, Place("x1", 20000 + 123456 % 20000, 6, 5)),
        ({"SLURM_PROCID": "8"}, None),
        ({"SLURM_JOB_ID": ""}, None),
    ],
)
def test_places_from_slurm(variables, place):
    if place is None:
        with pytest.raises(InputError):
            place_of("slurm", None, None, 60.0, SLURM | variables)
    else:
        assert place_of("slurm", None, None, 60.0, SLURM | variables) == place


def test_no_options_are_no_place():
    assert place_of(None, None, None, 60.0, SLURM) is None
    assert place_of("[::1]:4000", 2, 1, 60.0, {}) == Place("::1", 4000, 2, 1)


def test_what_has_to_be_alike():
    a = likeness(["train", "--process-id", "1", "--out", "x", "--coordinator=a:1"])
    b = likeness(["train", "--coordinator", "b:2", "--out", "x", "--process-id", "0"])
    assert a == b and len(OWN) == 2
    assert a != likeness(["train", "--out", "y", "--process-id", "1"])
    assert {"Python", "difflab", "difflab's code", "numpy", "jax", "jaxlib"} < set(a)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b"\xff\xfe\n", b"{" * 40 + b"\n", b"x" * 99]
)
def test_strangers_on_the_port_are_no_process(sent):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.close()
        assert first_message(Line(ours)) == []


def test_messages_come_whole_however_they_are_cut():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line, found = Line(ours), []
        for part in (b'{"be', b'at": 0}\n{"ended"', b': 2}\n{"lost": "x"}\n'):
            theirs.sendall(part)
            found += line.read()
        assert found == [{"beat": 0}, {"ended": 2}, {"lost": "x"}] and line.open
        Line(theirs).send(go="a:1")
        assert line.read() == [{"go": "a:1"}]
