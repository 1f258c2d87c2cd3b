"""Whatever fails while files are written: what was there before is whole, and nothing half-written has its name."""

from __future__ import annotations

import ast
import contextlib
import errno
import os
import pathlib
import pkgutil
import shutil
import signal
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from faults import KINDS, Faults, contents

import difflab
from difflab import files, nn
from difflab.errors import InputError
from difflab.files import claimed, write, write_all
from difflab.gallery import FIGURES
from difflab.lab.tour import STOPS

ROOT = pathlib.Path(difflab.__file__).parent
OLD = {"a.txt": b"old a", "b.txt": b"old b", "other.txt": b"stays"}
NEW = {"a.txt": b"new a" * 1000, "b.txt": "new b" * 1000, "c.txt": b"new c"}


def raw(data):
    return data.encode() if isinstance(data, str) else data


def after(before, new):
    return {**before, **{name: raw(data) for name, data in new.items()}}


# What is written, into which folder, and over what.
WORKS = {
    "a new file": ({}, {"a.txt": NEW["a.txt"]}, lambda f, new: write(f / "a.txt", new["a.txt"])),
    "a file replaced": (OLD, {"a.txt": NEW["a.txt"]}, lambda f, new: write(f / "a.txt", new["a.txt"], force=True)),
    "a durable file": (OLD, {"a.txt": NEW["a.txt"]}, lambda f, new: write(f / "a.txt", new["a.txt"], True, True)),
    "files beside others": ({"other.txt": b"stays"}, NEW, lambda f, new: write_all(f, new)),
    "files replaced": (OLD, NEW, lambda f, new: write_all(f, new, force=True)),
    "a new folder": (None, NEW, lambda f, new: write_all(f, new)),
}


def prepared(folder, before):
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir()
    if before is not None:
        folder.mkdir()
        for name, data in before.items():
            (folder / name).write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", WORKS)
def test_the_nth_use_of_the_disk_fails(tmp_path, what, kind):
    before, new, work = WORKS[what]
    folder = tmp_path / "home" / "folder"
    prepared(folder, before)
    with Faults()() as counted:
        work(folder, new)
    assert contents(folder) == after(before or {}, new) and len(counted.seen) >= 4
    for n in range(1, len(counted.seen) + 1):
        prepared(folder, before)
        was = contents(folder.parent)
        if (counted.seen[n - 1], kind) == ("mkdir", "folder gone"):  # it is made a second time
            continue
        with pytest.raises((InputError, KeyboardInterrupt)) as caught, Faults(n, KINDS[kind])():
            work(folder, new)
        assert contents(folder.parent) == was, f"{counted.seen[n - 1]}, number {n}"
        if kind == "interrupt":
            assert caught.type is KeyboardInterrupt
        else:
            assert str(folder) in str(caught.value) and "cannot be" in str(caught.value)
            assert ";" in str(caught.value), "the message says what to do"
        work(folder, new)
        assert contents(folder) == after(before or {}, new)


@pytest.mark.parametrize("what", WORKS)
def test_an_interrupt_at_every_line(tmp_path, what):
    """Wherever a signal arrives, the folder is as it was, or all is written; nothing else is in it."""
    before, new, work = WORKS[what]
    folder, lines = tmp_path / "home" / "folder", []

    def line(at):
        def trace(frame, event, _):
            if frame.f_code.co_filename != files.__file__:
                return None
            if event == "line":
                lines.append(frame.f_code.co_name)
                if len(lines) == at:
                    signal.raise_signal(signal.SIGINT)
            return trace

        return trace

    def run(at):
        prepared(folder, before)
        lines.clear()
        watching = sys.gettrace()
        sys.settrace(line(at))
        try:
            work(folder, new)
        finally:
            sys.settrace(watching)

    run(0)
    count = len(lines)
    assert count > 30
    for n in range(1, count + 1):
        with pytest.raises(KeyboardInterrupt):
            run(n)
        there = contents(folder) if folder.exists() else {}
        assert there in (before or {}, after(before or {}, new)), f"line {n}, in {lines[n - 1]}"


@pytest.mark.parametrize("what", WORKS)
def test_a_file_system_without_hard_links(tmp_path, what):
    before, new, work = WORKS[what]
    folder = tmp_path / "home" / "folder"
    prepared(folder, before)
    refused = mock.patch.object(os, "link", side_effect=OSError(errno.EPERM, os.strerror(errno.EPERM)))
    with refused:
        work(folder, new)
        assert contents(folder) == after(before or {}, new)
        with contextlib.suppress(InputError):  # where it asks first, it is refused
            work(folder, new)
    assert contents(folder) == after(before or {}, new)


def test_a_file_that_somebody_makes_meanwhile_stays(tmp_path):
    real = os.link

    def link(source, place, **options):
        pathlib.Path(place).write_bytes(b"theirs")
        real(source, place, **options)

    with mock.patch.object(os, "link", link), pytest.raises(InputError, match="somebody made it meanwhile"):
        write_all(tmp_path, {"a": b"1", "b": b"2"})
    assert contents(tmp_path) == {"a": b"theirs"}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.ENAMETOOLONG, errno.EDQUOT, errno.EMFILE])
def test_the_message_names_path_cause_and_mend(tmp_path, error):
    told = lambda: OSError(error, os.strerror(error))
    with pytest.raises(InputError) as caught, Faults(1, told)():
        write(tmp_path / "a", b"")
    assert str(caught.value).startswith(f"{tmp_path / 'a'} cannot be written: {os.strerror(error)}")
    assert (error in files.MENDS) == (";" in str(caught.value))


def test_a_real_limit_of_a_files_size(tmp_path):
    resource = pytest.importorskip("resource")
    (tmp_path / "a").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(InputError, match=r"a cannot be written: File too large; .*ulimit -f"):
            write(tmp_path / "a", b"new" * 5000, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == {"a": b"old"}


def test_the_umask_holds(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


# Other processes.
def dead_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    names = {
        f".difflab-{files.HOST}-{dead_process()}-0123456789ab": False,
        f".difflab-{files.HOST}-{os.getpid()}-01": True,
        f".difflab-00000000-{dead_process()}-01": True,
        ".difflab-mine": True,
        "notes": True,
    }
    for name in names:
        (tmp_path / name).write_bytes(b"")
    write(tmp_path / "a", b"")
    assert set(contents(tmp_path)) == {"a", *(n for n, stays in names.items() if stays)}


def test_a_folder_that_another_process_holds(tmp_path):
    pytest.importorskip("fcntl")
    with claimed(tmp_path / "new") as claim, mock.patch.object(files, "PAUSE", 0.0):
        with pytest.raises(InputError, match="another process is writing into .*new; wait for it"):
            write_all(tmp_path / "new", {"a": b"1"})
        claim.write({"a": b"2"})
    assert contents(tmp_path / "new") == {"a": b"2"}
    write_all(tmp_path / "new", {"b": b"1"})


def test_two_runs_in_one_folder(tmp_path):
    second = []

    def other(history):
        with mock.patch.object(files, "PAUSE", 0.0), pytest.raises(InputError, match="another process is writing"):
            train(tmp_path / "run")
        second.append(True)

    train(tmp_path / "run", callbacks=[other])
    assert second and sorted(contents(tmp_path / "run")) == ["best.npz", "last.npz", "metrics.jsonl"]


WRITER = """
import sys
from difflab.files import write_all
folder, mark = sys.argv[1], sys.argv[2].encode()
print("ready", flush=True)
sys.stdin.readline()
for k in range(60):
    write_all(folder, {name: mark * 50_000 for name in ("a", "b", "c")}, force=True)
"""


def test_processes_that_write_into_one_folder(tmp_path):
    """Every file is always whole, and in the end all are of one process."""
    folder = tmp_path / "shared"
    write_all(folder, dict.fromkeys("abc", b"0" * 50_000))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(folder), mark], **pipes) for mark in "123"]
    for writer in writers:
        writer.stdout.readline()
    for writer in writers:
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    while any(writer.poll() is None for writer in writers):
        for name in "abc":
            data = (folder / name).read_bytes()
            assert len(data) == 50_000 and len(set(data)) == 1
    told = [writer.communicate()[1].decode() for writer in writers]
    assert [t for t in told if t and "another process is writing" not in t] == []
    assert set(contents(folder)) == set("abc")
    assert len({(folder / name).read_bytes() for name in "abc"}) == 1


# Training.
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 2)), np.arange(24) % 3


def train(folder, epochs=3, **options):
    return nn.fit(nn.Linear(2, 3), (X, Y, X[:8], Y[:8]), epochs=epochs, batch_size=12, out=folder, **options)


def numbers(run):
    return [x.tobytes() for x in run.params.values()]


@pytest.mark.parametrize("kind", ["disk full", "interrupt"])
def test_a_run_goes_on_from_the_last_whole_checkpoint(tmp_path, kind):
    whole = train(None)
    with Faults()() as counted:
        train(tmp_path / "counted")
    assert len(counted.seen) > 40
    for n in range(1, len(counted.seen) + 1):
        folder = tmp_path / str(n)
        with pytest.raises((InputError, MemoryError, KeyboardInterrupt)), Faults(n, KINDS[kind])():
            train(folder)
        there = contents(folder) if folder.exists() else {}
        assert set(there) in (set(), {"best.npz", "last.npz", "metrics.jsonl"}), counted.seen[n - 1]
        if there:
            nn.load_checkpoint(folder / "best.npz")
            last = nn.load_checkpoint(folder / "last.npz")
            assert there["metrics.jsonl"].count(b"\n") == last.about["place"]["epoch"]
        if n % 5 == 0:
            assert numbers(train(folder, resume=True)) == numbers(whole)


def test_a_folder_that_is_removed_while_it_trains(tmp_path):
    remove = lambda history: shutil.rmtree(tmp_path / "run", ignore_errors=True)
    with pytest.raises(InputError, match=r"run.* does not exist; make it first|its folder is gone"):
        train(tmp_path / "run", callbacks=[remove])
    assert contents(tmp_path) == {}


# The commands. What they compute is kept from the first time on, so that only the writing is done again.
def kept(monkeypatch, places):
    for module, name in places:
        owner = pkgutil.resolve_name(f"difflab.{module}")
        monkeypatch.setattr(owner, name, keeper(getattr(owner, name)))


def keeper(real):
    known = {}

    def ask(*args, **kwargs):
        plain = (str, int, float, dict)
        key = repr([a if isinstance(a, plain) else getattr(a, "name", type(a).__name__) for a in args])
        if key not in known:
            known[key] = real(*args, **kwargs)
        return known[key]

    return ask


# The arguments, how many files they write, and what is kept.
COMMANDS = {
    "draw": (["draw", "x*y", "--at", "x=1,y=2", "-o", "{}/a.svg"], 1, []),
    "step": (["step", "x*y", "--at", "x=1,y=2", "-o", "{}/a.html"], 1, [("draw.page", "page_of")]),
    "step-size": (
        ["step-size", "exp(x)", "--at", "x=1", "-o", "{}/a.png"],
        1,
        [("lab.step_size", "step_size_study"), ("lab.plots", "encoded")],
    ),
    "accuracy": (
        ["accuracy", "--rows", "exp", "--points", "2", "--no-peers", "-o", "{}/a.md"],
        1,
        [("lab.accuracy", "accuracy")],
    ),
    "mdp": (
        ["mdp", "gridworld", "--shape", "2x2", "--out", "{}"],
        4,
        [("mdp.report", "encoded"), ("mdp.report", "page")],
    ),
    "tour": (
        ["tour", "{}"],
        len(STOPS) + 4,
        [
            *[("lab.tour", n) for n in "compare passes svg narrow_svg step_size_study expression_swell".split()],
            *[("lab.tour", n) for n in "curves plotted page".split()],
            ("lab.compare.Comparison", "to_json"),
        ],
    ),
    "gallery": (
        ["gallery", "{}"],
        len(FIGURES) + 1,
        [("gallery.registry.Figure", "svg"), ("gallery.write", "page")],
    ),
    "train": (["train", "mlp", "--data", "blobs", "--epochs", "1", "--out", "{}"], 4, [("nn.report", "report")]),
}


def shell(arguments):
    from difflab.cli.app import run

    return run(arguments)


@pytest.mark.parametrize("what", COMMANDS)
def test_the_nth_fault_of_a_command(tmp_path, monkeypatch, capsys, what):
    arguments, count, places = COMMANDS[what]
    kept(monkeypatch, places)
    folder = tmp_path / "there"

    def run(faults):
        with faults():
            status = shell([word.format(folder) for word in arguments])
        return status, capsys.readouterr().err

    def begin():
        shutil.rmtree(tmp_path)
        (folder if count == 1 else tmp_path).mkdir(parents=True)
        return contents(tmp_path)

    begin()
    assert shell([word.format(folder) for word in arguments]) == 0  # what is kept is computed
    capsys.readouterr()
    begin()
    counted = Faults()
    assert run(counted)[0] == 0
    whole = contents(tmp_path)
    assert sum(not name.endswith("/") for name in whole) == count
    for n in range(1, len(counted.seen) + 1):
        kind = ("disk full", "no memory", "interrupt")[n % 3]
        was = begin()
        status, told = run(Faults(n, KINDS[kind]))
        place = f"{what}: {kind} at {counted.seen[n - 1]}, number {n}: {told}"
        if status == 0:  # a part that can be left out, such as a picture by Graphviz
            assert contents(tmp_path).keys() == whole.keys(), place
            continue
        assert status == (130 if kind == "interrupt" else 2), place
        assert [line.startswith("difflab: ") for line in told.splitlines()].count(True) == (kind != "interrupt")
        assert "Traceback" not in told and "internal error" not in told, place
        if what == "train":  # the report comes after the run, whose files are whole
            assert contents(tmp_path).keys() in (was.keys(), whole.keys(), whole.keys() - {"there/report.html"})
        else:
            assert contents(tmp_path) == was, place


# Nothing else writes.
WRITERS = set(
    "write_text write_bytes mkstemp NamedTemporaryFile TemporaryFile TemporaryDirectory mkdtemp mkdir makedirs rmtree "
    "symlink touch tofile".split()
)
TO_BUFFERS = {"savefig", "savez", "savez_compressed", "save"}


def writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if name in ("open", "fdopen"):
        modes = [a.value for a in [*call.args, *(k.value for k in call.keywords)] if isinstance(a, ast.Constant)]
        return any(isinstance(m, str) and set(m) & set("wxa+") and len(m) <= 3 for m in modes)
    if name in ("replace", "link", "unlink", "rename"):
        return owner == "os" or (not call.args and name == "unlink")
    if name in TO_BUFFERS and owner in ("np", "made", "figure", "image"):
        ours = [ast.unparse(a) for a in call.args] == ["path", "force"]  # a drawing of difflab's, which asks files.py
        return not ours and ast.unparse(call.args[0]) != "buffer"
    return name in WRITERS


PIPES = ("os.fdopen(mine.output", "os.fdopen(mine.errors")  # to the process that watches over this one


def test_nothing_but_files_py_writes():
    found = []
    for path in ROOT.rglob("*.py"):
        if path.name == "files.py" and path.parent == ROOT:
            continue
        text = path.read_text()
        found += [
            f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call)
            and writes(node)
            and ast.unparse(node) != "open(os.devnull, 'w', encoding='utf-8')"
            and not ast.unparse(node).startswith(PIPES)
        ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("open(p, 'w')", True), ("open(p)", False), ("path.open('xb')", True), ("path.open(mode='rb')", False),
     ("p.write_text(t)", True), ("np.savez(path, a=1)", True), ("np.savez(buffer, a=1)", False),
     ("text.replace('a', 'b')", False), ("os.replace(a, b)", True), ("p.unlink()", True)],
)  # fmt: skip
def test_the_search_for_writers_finds_them(text, expected):
    assert writes(ast.parse(text, mode="eval").body) is expected


@pytest.mark.parametrize("what", ["draw", "mdp"])
def test_every_file_that_is_opened_for_writing_is_temporary(tmp_path, monkeypatch, what):
    arguments, count, places = COMMANDS[what]
    kept(monkeypatch, places)
    opened, watching = [], [True]

    def hook(event, args):
        if watching and event == "open" and isinstance(args[0], str) and args[0].startswith(str(tmp_path)):
            opened.append((args[0], args[2]))

    folder = tmp_path / "there"
    folder.mkdir()
    sys.addaudithook(hook)
    try:
        assert shell([word.format(folder) for word in arguments]) == 0
    finally:
        watching.clear()
    written = [pathlib.Path(path) for path, flags in opened if flags & (os.O_WRONLY | os.O_RDWR)]
    assert len(written) >= count and all(path.name.startswith(".difflab-") for path in written)
