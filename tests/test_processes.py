"""`difflab train` and `difflab mdp` by many processes of one machine: clear ends where one is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from patience import HANGS, until
from processes import children_of, is_running

from difflab import mdp
from difflab.cli.processes import OWN, Place, likeness, place_of
from difflab.cli.supervisor import Line, first_message
from difflab.errors import InputError

pytest.importorskip("jax")
TRAIN = ("train", "mlp", "--data", "blobs", "--schedule", "constant", "--batch-size", 12, "--no-report")
PLAN = ("mdp", "gridworld", "--shape", "6x7", "--gamma", 0.9, "--slip", 0.2)
COMMANDS = pytest.mark.parametrize("command", [TRAIN, PLAN], ids=["train", "mdp"])


ROOT = str(Path(__file__).parent.parent)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(count, *args, port=None, ids=None, folder=None, each=lambda k: (), variables=lambda k: {}):
    """The processes of one command, with pipes for what they say."""
    port = free_port() if port is None else port
    meet = ("--coordinator", f"127.0.0.1:{port}", "--processes", count, "--process-id")
    environment = os.environ | {"PYTHONPATH": ROOT}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "difflab", *map(str, (*args, *meet, k, *each(k)))],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment | variables(k), cwd=folder and folder(k),
        )
        for k in (range(count) if ids is None else ids)
    ]  # fmt: skip


def ends(processes):
    """Status, standard output and standard error of each."""
    told = [p.communicate(timeout=HANGS) for p in processes]
    return [(p.returncode, *texts) for p, texts in zip(processes, told)]


def write_pictures(folder):
    """40 training images and 8 test images of 16 x 16, as IDX files: (16, 16) makes an mlp of 256-256-128 units."""
    rng, images = np.random.default_rng(1), folder / "pictures"
    images.mkdir()
    for name, count in (("train", 40), ("t10k", 8)):
        y = rng.integers(0, 3, count).astype(np.uint8)
        x = rng.integers(0, 60, (count, 16, 16)).astype(np.uint8)
        x[np.arange(count), y, y] = 255
        for kind, array in (("images-idx3", x), ("labels-idx1", y)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            (images / f"{name}-{kind}-ubyte").write_bytes(head + array.tobytes())
    return images


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


@pytest.mark.parametrize(("count", "more"), [(2, ("--devices", 2)), (4, ())])
def test_many_processes_come_to_the_losses_of_one(tmp_path, alone, count, more):
    out = tmp_path / "run"
    first, *others = ends(start(count, *TRAIN, "--epochs", 6, *more, "--out", out, "--json"))
    assert [first[0], *(status for status, *_ in others)] == [0] * count, (first, others)
    assert json.loads(first[1])["epochs"] == 6 and not any(text for _, text, _ in others)
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


def test_two_processes_with_four_devices_each_split_parameters_by_rule(tmp_path):
    """Weights of 256 x 256 and 256 x 128 lie in eight parts, and a checkpoint has them whole."""
    digits = ("train", "mlp", "--data", write_pictures(tmp_path), "--batch-size", 16, "--epochs", 2, "--no-report")
    found = {}
    for parameters in ("whole", "split"):
        out = tmp_path / parameters
        for status, _, told in ends(start(2, *digits, "--devices", 4, "--parameters", parameters, "--out", out)):
            assert status == 0, told
        found[parameters] = losses(out)
    np.testing.assert_allclose(found["split"], found["whole"], rtol=1e-4)
    assert json.loads((tmp_path / "split" / "metrics.jsonl").read_text().splitlines()[-1])["epoch"] == 2


def test_a_page_watches_two_processes(tmp_path):
    """What it shows lies on the devices of both, which fetch it together."""
    pytest.importorskip("starlette"), pytest.importorskip("uvicorn")
    out = tmp_path / "run"
    running = start(2, *TRAIN, "--epochs", 100000, "--devices", 2, "--out", out, "--live", "--no-browser")
    address = next(found[0] for line in running[0].stderr if (found := re.search(r"http://\S+", line)))
    home, _, token = address.partition("/?token=")
    page = urllib.request.Request(home + "/now", headers={"x-difflab-token": token})
    now = lambda: json.load(urllib.request.urlopen(page))
    assert until(lambda: len(now()["history"]) > 1 and now()["layers"])
    running[1].send_signal(signal.SIGTERM)
    assert [status for status, *_ in ends(running)] == [2, 128 + signal.SIGTERM]
    assert (out / "last.npz").exists()


@pytest.mark.parametrize(("count", "more"), [(2, ("--devices", 2)), (4, ())])
def test_planning_by_many_processes(count, more):
    first, *others = ends(start(count, *PLAN, "--json", *more))
    assert [first[0], *(status for status, *_ in others)] == [0] * count, (first, others)
    lone = subprocess.run(
        [sys.executable, "-m", "difflab", *map(str, PLAN), "--json"], capture_output=True, timeout=HANGS
    )
    many, one = json.loads(first[1]), json.loads(lone.stdout)
    np.testing.assert_allclose(many["values"], one["values"], atol=2e-6)
    assert many["error_bound"] <= 1e-6


@pytest.mark.parametrize(("ids", "words"), [([0], "process 1 of 2 did not come within 1 s"), ([1], "no process 0 at")])
@COMMANDS
def test_a_process_that_never_comes(tmp_path, command, ids, words):
    ((status, _, told),) = ends(start(2, *command, "--out", tmp_path / "run", "--wait", 1, ids=ids))
    assert status == 2 and words in told
    assert not (tmp_path / "run").exists()


@COMMANDS
def test_a_port_in_use(tmp_path, command):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ((status, _, told),) = ends(start(2, *command, "--out", tmp_path / "run", port=port, ids=[0]))
    assert status == 2 and f"127.0.0.1:{port}" in told and "the port is in use, take another" in told
    assert not (tmp_path / "run").exists()


@COMMANDS
def test_two_commands_that_differ(tmp_path, command):
    option = "--seed" if command is TRAIN else "--step-reward"
    for status, _, told in ends(start(2, *command, "--out", tmp_path / "run", each=lambda k: (option, k))):
        assert status == 2 and "the command: process 0 has" in told and "make them the same" in told
    assert not (tmp_path / "run").exists()


@COMMANDS
def test_versions_that_differ(tmp_path, command):
    """Process 1 finds another numpy, as its packages say, which is nothing that it would find out by itself."""
    other = tmp_path / "site" / "numpy-0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 0.1\n")
    path = lambda k: {"PYTHONPATH": os.pathsep.join([str(other.parent), ROOT])} if k else {}
    for status, _, told in ends(start(2, *command, "--out", tmp_path / "run", variables=path)):
        assert status == 2 and f"numpy: process 0 has {np.__version__}, process 1 has 0.1; make them the same" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("count", [1, 2])
@COMMANDS
def test_more_devices_than_there_are(tmp_path, command, count):
    few = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    wanted = (*command, "--devices", 3, "--out", tmp_path / "run")
    if count == 1:
        line = [sys.executable, "-m", "difflab", *map(str, wanted)]
        done = subprocess.run(line, capture_output=True, text=True, env=os.environ | few, timeout=HANGS)
        found = [(done.returncode, done.stdout, done.stderr)]
    else:
        found = ends(start(count, *wanted, variables=lambda k: few))
    why = "devices=3: JAX has 2 here, of kind cpu; ask for fewer"
    for status, _, told in found:  # one may find the other gone before it has looked at the devices itself
        assert status == 2 and (why in told or "ended with status 2, and says why" in told), told
    assert any(why in told for _, _, told in found)
    assert not (tmp_path / "run").exists()


def test_a_batch_that_does_not_divide_over_the_devices_of_all(tmp_path):
    for status, _, told in ends(start(2, *TRAIN, "--devices", 4, "--out", tmp_path / "run")):
        assert status == 2 and "batch_size=12 does not divide over 8 devices; take 16" in told, told
    assert not (tmp_path / "run").exists()


CORRIDOR = {
    "discount": lambda m: m.replace(discount=0.8),
    "rewards": lambda m: m.replace(rewards=m.rewards + 1e-9),
    "one end less": lambda m: mdp.gridworld((3, 4), terminals=[(0, 0)], slip=0.2, discount=0.9),
    "one chance": lambda m: mdp.gridworld((3, 4), slip=0.2 + 1e-12, discount=0.9),
}


@pytest.mark.parametrize("change", CORRIDOR)
def test_processes_that_differ(tmp_path, change):
    one = mdp.gridworld((3, 4), slip=0.2, discount=0.9)
    for k, process in enumerate((one, CORRIDOR[change](one))):
        (tmp_path / f"{k}").mkdir()
        mdp.save(process, tmp_path / f"{k}" / "p.npz")
    run = start(2, "mdp", "p.npz", "--out", tmp_path / "out", folder=lambda k: tmp_path / f"{k}")
    for status, _, told in ends(run):
        assert status == 2 and "has other data or settings than" in told, told
    assert not (tmp_path / "out").exists()


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
