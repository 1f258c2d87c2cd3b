"""What was once found by fuzzing, a few hundred fresh inputs for each target, and the limits of the readers."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from difflab import mdp, nn
from difflab.errors import DifflabError, InputError
from difflab.mdp import files as mdp_files
from difflab.nn.predict import read_samples
from difflab.reading import Archive, read_array, read_bytes

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is no part of the installed package

from benchmarks.fuzz.guard import examine
from benchmarks.fuzz.mutate import member_bytes
from benchmarks.fuzz.targets import NAMES, target

CORPUS = Path(__file__).with_name("fuzz_corpus")
FOUND = sorted((p.parent.name, p.name) for p in CORPUS.glob("*/*"))
ROOM = 3.0  # on a busy machine
FRESH = dict.fromkeys(NAMES, 150) | {"checkpoint": 40, "commands": 6, "options": 30, "text": 250, "samples": 250}


def test_the_corpus_is_there():
    assert {name for name, _ in FOUND} <= set(NAMES) and len(FOUND) >= 20


@pytest.mark.parametrize(("name", "file"), FOUND, ids=["-".join(f) for f in FOUND])
def test_what_was_found_once(name, file):
    finding = examine(target(name), (CORPUS / name / file).read_bytes(), ROOM)
    assert finding is None, finding.text


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damage that it can live with
@pytest.mark.parametrize("name", NAMES)
def test_fresh_inputs(name):
    one, rng = target(name), random.Random(name)
    seeds = one.seeds()
    one.run(seeds[0])  # imports what it needs, outside the limit
    for _ in range(FRESH[name]):
        data = one.mutate(rng.choice(seeds), rng)
        finding = examine(one, data, ROOM)
        assert finding is None, f"{data[:300]!r}\n{finding.text}"


@pytest.mark.parametrize(
    ("kind", "run"),
    [
        ("ValueError", lambda data: int(data)),
        ("hang", lambda data: [None for _ in iter(int, 1)]),
        ("MemoryError", lambda data: np.zeros(1 << 31, np.uint8)),
        ("IndexError", lambda data: [][0]),
    ],
)
def test_the_guard_sees(kind, run):
    class Wrong:
        SECONDS = 0.2

    Wrong.run = staticmethod(run)
    assert examine(Wrong, b"x").kind == kind


def test_the_guard_lets_pass_what_is_refused():
    class Right:
        SECONDS = 0.2

        @staticmethod
        def run(data):
            raise InputError("no")

    assert examine(Right, b"") is None


# Arrays in files.
HEADER = {"descr": "<f8", "fortran_order": False, "shape": (2,)}
TWO = np.array([1.0, 2.0]).tobytes()
ARRAYS = [
    (b"", "does not begin"),
    (b"\x93NUMPY\x03\x00" + TWO, "version 3.0"),
    (member_bytes(HEADER, TWO[:9]), "room for 9"),
    (member_bytes(HEADER | {"shape": (-2,)}, TWO), "shape is"),
    (member_bytes(HEADER | {"shape": (True, 2)}, TWO), "shape is"),
    (member_bytes(HEADER | {"shape": (10**18, 10**18)}, TWO), "room for"),
    (member_bytes(HEADER | {"shape": (0, 10**18, 10**18)}, TWO), "shape is"),
    (member_bytes(HEADER | {"shape": (1,) * 70}, TWO), "70 axes"),
    (member_bytes(HEADER | {"descr": "|O"}, b"\x80\x04N."), "must be numbers"),
    (member_bytes(HEADER | {"descr": "<U2"}, TWO), "must be numbers"),
    (member_bytes(HEADER | {"descr": "<f8,<f8"}, TWO * 2), "numbers"),
    (member_bytes(HEADER | {"descr": "<M8[s]"}, TWO), "must be numbers"),
    (member_bytes("{'descr': (", TWO), "header is damaged"),
    (member_bytes("__import__('os').system('true')", TWO), "header is damaged"),
    (member_bytes("[" * 9000, TWO), "header is damaged"),
    (member_bytes("x" * 20_000, TWO), "20002 bytes long"),
]


@pytest.mark.parametrize(("raw", "saying"), ARRAYS, ids=[s for _, s in ARRAYS])
def test_arrays_refused(raw, saying):
    with pytest.raises(InputError, match=saying):
        read_array(io.BytesIO(raw), len(raw))


@pytest.mark.parametrize("x", [np.arange(6.0).reshape(2, 3).T, np.array(3, ">i2"), np.zeros((0, 4)), np.array([True])])
def test_arrays_come_back(x):
    out = io.BytesIO()
    np.save(out, x)
    found = read_array(io.BytesIO(out.getvalue()), len(out.getvalue()))
    assert found.dtype == x.dtype.newbyteorder("=") and found.shape == x.shape and np.array_equal(found, x)
    assert found.flags.writeable and found.flags.c_contiguous


def packed(*members, how=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", how) as archive:
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


GOOD = member_bytes(HEADER, TWO)


def test_archives():
    assert Archive(packed(("x.npy", GOOD), how=zipfile.ZIP_DEFLATED)).array("x").tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match="x twice"):
        Archive(packed(("x.npy", GOOD), ("x.npy", GOOD)))
    with pytest.raises(InputError, match="method 14"):
        Archive(packed(("x.npy", GOOD), how=zipfile.ZIP_LZMA)).array("x")
    with pytest.raises(InputError, match="no zip file"):
        Archive(packed(("x.npy", GOOD))[:-30])
    whole = packed(("x.npy", GOOD))
    with pytest.raises(InputError, match="x is damaged"):
        Archive(whole.replace(TWO, TWO[::-1])).array("x")
    locked = bytearray(whole)
    for sign in (b"PK\x03\x04", b"PK\x01\x02"):
        at = locked.index(sign) + (6 if sign[2] == 3 else 8)
        locked[at] |= 1  # "encrypted"
    with pytest.raises(InputError, match="x is damaged"):
        Archive(bytes(locked)).array("x")


def test_a_zip_bomb_is_refused_by_its_size(monkeypatch):
    monkeypatch.setattr(mdp_files, "LARGEST", 10**6)
    zeros = member_bytes(HEADER | {"shape": (10**6,)}, bytes(8 * 10**6))
    raw = packed(("P.npy", zeros), how=zipfile.ZIP_DEFLATED)
    assert len(raw) < 10**5
    with pytest.raises(InputError, match="unpack to 8,000"):
        mdp_files.parse(raw)


# What is no ordinary file.
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize("name", ["p.npz", "p.json", "p.txt", "p.csv", "train-images-idx3", "p.npy", "p.png"])
def test_pipes_folders_and_devices(tmp_path, name):
    def read(path):
        if name == "p.npz":
            nn.load_checkpoint(path)
        elif name.endswith((".json", ".txt")):
            mdp.load(path)
        elif name == "p.csv":
            nn.data.read_csv(path)
        elif "idx" in name:
            nn.data.read_idx(path)
        else:
            read_samples(path, (1, 2, 2), False)

    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="pipe or a device|not a file"):
        read(tmp_path / name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).mkdir()
    with pytest.raises(InputError, match="folder|not a file"):
        read(tmp_path / "folder" / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / name).write_bytes(b"")
    with pytest.raises(InputError):
        read(tmp_path / "empty" / name)


def test_names_that_are_none():
    with pytest.raises(InputError, match="no name of a file"):
        read_bytes("a\0b", 10)
    with pytest.raises(InputError, match="pipe or a device"):
        read_bytes("/dev/zero", 10)


def test_large_files_are_refused_unread(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a file of holes
    with pytest.raises(InputError, match="more than 10"):
        read_bytes(path, 10)


# Processes.
def saved(**changes):
    process = mdp.gridworld((1, 3), terminals=[(0, 2)])
    P = process.transitions
    arrays = {
        "data": P.data, "indices": P.indices, "indptr": P.indptr, "rewards": process.rewards, "states": process.states,
        "actions": process.actions, "shape": np.array([3, 4]), "terminals": np.array([2]), "discount": np.array(1.0),
    }  # fmt: skip
    out = io.BytesIO()
    np.savez(out, **(arrays | changes))
    return out.getvalue()


STARTS = np.arange(13)
CSR = [
    ({"indptr": np.zeros(13, int)}, "rows from 0 to 0"),
    ({"indptr": np.array([0, *[8] * 11, 0])}, "end before they begin"),
    ({"indptr": np.arange(12)}, "12 starts"),
    ({"indptr": np.array([*range(12), 2**60])}, "cannot be right"),
    ({"indptr": np.array([1, *range(1, 13)])}, "rows from 1"),
    ({"indices": np.full(8, 3)}, "beyond its shape"),
    ({"indices": np.full(8, -1)}, "beyond its shape"),
    ({"indices": np.zeros(0, int)}, "8 probabilities"),
    ({"states": np.array([2, 1, 0] * 4, np.uint8)}, "do not fit its rows"),
    ({"rewards": np.zeros(11)}, "no CSR"),
    ({"data": np.zeros(8, complex)}, "vector of numbers"),
    ({"shape": np.array([2**62, 4])}, "its shape"),
    ({"discount": np.array([0.5, 0.5])}, "discount"),
]


@pytest.mark.parametrize(("changes", "saying"), CSR, ids=[s for _, s in CSR])
def test_rows_that_are_no_csr(changes, saying):
    raw = saved()
    assert mdp_files.parse(raw).n_states == 3
    with pytest.raises(InputError, match=saying):
        mdp_files.parse(saved(**changes))


def test_a_large_map_is_refused_or_read():
    side = "." * 1500 + "\n"
    with pytest.raises(InputError, match="1,500 x 1,500 cells"):
        mdp_files.parse((side * 1500).encode(), 0.9)
    with pytest.raises(InputError, match="3,000 x 3,000 cells"):  # short lines are filled up with walls
        mdp_files.parse(b"." * 3000 + b"\n." * 2999, 0.9)
    with pytest.raises(InputError, match="7,000,000 bytes, more than"):
        mdp_files.parse(b"G" * 7_000_000)
    rows = (("#G" + "." * 198 + "\n") * 200).encode()
    process = mdp_files.parse(rows, 0.9)
    assert process.n_states == 40_000 and process.layout.terminals == frozenset(range(1, 40_000, 200))


def test_a_map_means_what_it_says():
    process = mdp_files.parse(b"S.G\n#H\n", 0.5)
    assert process.layout.walls == {3, 5} and process.layout.terminals == {2, 4}
    assert process.solve().values.round(6).tolist() == [0.44, 0.96, 0.0, 0.0, 0.0, 0.0]
    with pytest.raises(InputError, match="line 2, column 3 is 'x'"):
        mdp_files.parse(b"..G\n..x.y\n")


def test_rewards_as_an_array():
    same = mdp.gridworld((2, 2), [(1, 1)], rewards={(1, 1): 3.0, (0, 1): -1.0})
    found = mdp.gridworld((2, 2), np.array([[1, 1]]), rewards=np.array([[0.0, -1.0], [0.0, 3.0]]))
    assert np.array_equal(found.rewards, same.rewards)
    with pytest.raises(DifflabError, match="shape"):
        mdp.gridworld((2, 2), rewards=np.zeros(4))
    with pytest.raises(InputError, match="outside the grid"):
        mdp.gridworld((2, 2), np.array([[1, 2]]))


def test_a_round_that_pays_has_no_values():
    for S in (2, 500):
        table = [[s, 0, 1, s + 1, -1] for s in range(S - 1)] + [[s, 1, 1, max(s - 1, 0), 5] for s in range(S - 1)]
        process = mdp_files.parse(json.dumps({"discount": 1, "transitions": table, "terminals": [S - 1]}).encode())
        with pytest.raises(DifflabError):
            process.solve("policy_iteration")


# Checkpoints.
@pytest.mark.parametrize(
    ("about", "saying"),
    [
        ('{"schema": "difflab.checkpoint/1", "x": "\\ud800"}', "surrogates"),
        ('{"schema": "difflab.checkpoint/1", "x": NaN}', "damaged"),
        ('{"schema": "difflab.checkpoint/1", "x": ' + "9" * 5000 + "}", "damaged"),
        ("[" * 100_000, "damaged"),
        ('{"schema": "other"}', "schema is 'other'"),
        ("[]", "schema is 'None'"),
    ],
)
def test_descriptions_refused(tmp_path, about, saying):
    path = tmp_path / "x.npz"
    np.savez(path, about=np.frombuffer(about.encode(), np.uint8))
    with pytest.raises(InputError, match=saying) as refused:
        nn.load_checkpoint(path)
    str(refused.value).encode()


def test_a_picture_may_say_what_it_likes(tmp_path):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    path = tmp_path / "x.png"
    size = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(InputError):
        read_samples(path, (1, 2, 2), False)
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")  # no other program is started for it
    with pytest.raises(InputError, match="none of PNG, JPEG"):
        read_samples(path, (1, 2, 2), False)


def test_labels_are_read_once(tmp_path):
    """Thousands of classes: linear in the rows, where a search through a list was quadratic."""
    path = tmp_path / "x.csv"
    path.write_text("x,y\n" + "".join(f"{k},c{k:05d}\n" for k in range(20_000)))
    _, y, classes, _ = nn.data.read_csv(path)
    assert len(classes) == 20_000 and np.array_equal(y, np.arange(20_000))
