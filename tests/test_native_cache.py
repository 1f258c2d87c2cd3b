"""Machine code of earlier processes: taken where it is the user's own and whole, and compiled anew where it is not."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from types import FunctionType
from weakref import WeakValueDictionary

import numpy as np
import pytest
from patience import HANGS

import difflab as dl
from difflab import cache, files
from difflab.compile.native import kept
from difflab.compile.native.backend import Jit
from difflab.compile.native.functions import functions
from difflab.errors import FallbackWarning

numba = pytest.importorskip("numba")
from numba.core import event  # noqa: E402

# Numbers, loops over arrays, sine and cosine together, a scan over numbers, a scan over small arrays, a convolution.
PROGRAMS = """
import hashlib
from numba.core import event
import numpy as np, optree
import difflab as dl

def decay(a):
    return dl.scan(lambda c, x: (a * c + np.sin(x), c * x), 0.5, np.arange(9.0))[0]

def cell(w):
    return np.sum(dl.scan(lambda h, x: (np.tanh(w @ h + x), h), np.ones(3), np.ones((5, 3)))[0])

def layer(w):
    return np.sum(dl.numpy.max_pool(dl.numpy.conv(np.ones((64, 2, 6, 6)), w, padding=1), 2) ** 2)

x = np.linspace(-2.0, 2.0, 30_000)
CASES = [
    (layer, (np.arange(36.0).reshape(2, 2, 3, 3),)),
    (lambda x, y: np.where(x > y, np.cbrt(x), np.exp(y)) ** 3, (0.3, -2.0)),
    (lambda x: np.sum((x * x - 1.0) ** 2 / (1.0 + x * x) + np.sin(x) * np.tanh(x)), (x,)),
    (decay, (0.7,)),
    (cell, (0.1 * np.arange(9.0).reshape(3, 3),)),
]
bits = hashlib.sha256()
with event.install_recorder("numba:compile") as record:
    programs = []
    for f, args in CASES:
        program = dl.compile(dl.value_and_grad(f), backend="native")
        for _ in range(3):
            result = program(*args)
        programs.append(program)
        for y in optree.tree_leaves(result):
            bits.update(np.asarray(y).tobytes())
told = "; ".join(line for p in programs for line in p.explain().splitlines() if line.startswith("native:"))
print(sum(e.is_start for _, e in record.buffer), bits.hexdigest(), told, sep="|")
"""


class Ran:
    """A process that runs PROGRAMS: how much it compiled, its results, and what it says of that."""

    def __init__(self, place, seed):
        environment = {**os.environ, "DIFFLAB_CACHE": str(place), "PYTHONHASHSEED": str(seed)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAMS], stdout=subprocess.PIPE, text=True, env=environment
        )

    def end(self):
        out, _ = self.process.communicate(timeout=HANGS)
        assert self.process.returncode == 0
        count, self.bits, self.told = out.strip().split("|")
        self.count = int(count)
        return self


def test_a_second_process_compiles_nothing_and_finds_the_same_bits(tmp_path):
    place = tmp_path / "cache"
    first = [Ran(place, 1), Ran(place, 2)]  # two at once, in a folder that is not there yet
    first = [ran.end() for ran in first]
    second = Ran(place, 3).end()
    assert sum(ran.count for ran in first) > 5 and second.count == 0
    assert {ran.bits for ran in first} == {second.bits}
    assert "native: the whole program, from the cache in" in second.told
    assert (
        second.told.count("from the cache") == second.told.count("native: ") and "compiled by numba" not in second.told
    )
    assert place.stat().st_mode & 0o077 == 0
    assert all(path.suffix == cache.NATIVE and path.stat().st_mode & 0o077 == 0 for path in place.iterdir())


# In this process: each call of `run` is as in a new one, as far as the cache goes.
def f(x, y):
    return np.exp(x) * y + 3.0


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def run(monkeypatch):
    """Compiles `f` and calls it; how many functions numba compiled."""

    def ran(g=f):
        monkeypatch.setattr(kept, "_here", WeakValueDictionary())
        with event.install_recorder("numba:compile") as record:
            program = dl.compile(g, backend="native")
            assert [program(1.0, 2.0) for _ in range(3)] == [g(1.0, 2.0)] * 3
        return sum(e.is_start for _, e in record.buffer)

    return ran


def the_file(place):
    (path,) = place.iterdir()
    return path


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def other(path):
    """What was kept for another function, under this one's name."""
    Jit()(made("def f(x, y):\n    return x - y\n"), (numba.float64,) * 2)
    (another,) = set(path.parent.iterdir()) - {path}
    another.replace(path)


def not_numbas(path):
    data = pickle.dumps(("what", "is", "this"))
    path.write_bytes(cache.digest(path.name, data) + data)


def link(path):
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def folder(path):
    path.unlink()
    path.mkdir()


def pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGE = {
    "cut off": lambda path: os.truncate(path, path.stat().st_size - 1),
    "cut off early": lambda path: os.truncate(path, 20),
    "empty": lambda path: os.truncate(path, 0),
    "one bit": flipped,
    "of another function": other,
    "whole, but no program": not_numbas,
    "a link": link,
    "a folder": folder,
    "a pipe": pipe,
    "others may write": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_or_not_the_users_is_compiled_anew(place, run, damage):
    assert (run(), run()) == (1, 0)
    DAMAGE[damage](the_file(place))
    assert run() == 1
    assert run() == (damage in ("a link", "a folder"))  # which are never written over; the others are mended
    assert cache.told()["native"] == cache.clear() == (damage != "a folder")


class Bomb:
    """Says that it was unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("mode, read", [(0o600, True), (0o660, False), (0o602, False)])
def test_what_others_may_have_written_is_not_unpickled(place, run, tmp_path, mode, read):
    run()
    path, data = the_file(place), pickle.dumps(Bomb(tmp_path / "unpickled"))
    path.write_bytes(cache.digest(path.name, data) + data)
    path.chmod(mode)
    assert run() == 1 and (tmp_path / "unpickled").exists() is read


@pytest.mark.parametrize("whose", ["folder", "file"])
def test_what_belongs_to_another_user_is_not_read(place, run, monkeypatch, whose):
    assert (run(), run()) == (1, 0)
    path = the_file(place)
    ours, stat, lstat, fstat = os.getuid(), os.stat(path), os.lstat, os.fstat

    def seen(found):
        theirs = found.st_ino == (path.lstat() if whose == "file" else place.stat()).st_ino
        return os.stat_result([*found[:4], ours + 1, *found[5:]]) if theirs else found

    with monkeypatch.context() as patch:
        if whose == "file":
            patch.setattr(os, "fstat", lambda handle: seen(fstat(handle)))
        else:
            patch.setattr(cache.Path, "lstat", lambda self: seen(lstat(self)) if self == place else lstat(self))
        if whose == "folder":
            with pytest.warns(FallbackWarning, match=r"the cache .* is not read: .*belongs to another user"):
                assert run() == 1
        else:
            assert run() == 1
    assert stat.st_uid == ours


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_folder_that_others_may_write_to_is_left_alone(place, run, mode):
    place.mkdir()
    place.chmod(mode)
    with pytest.warns(FallbackWarning, match=r"the cache .* is not read: .*; chmod 700 it"):
        assert (run(), run()) == (1, 1)
    assert list(place.iterdir()) == []


def test_without_a_place_to_write_to_it_is_compiled_each_time(tmp_path, run, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "cache", tmp_path / "file"):
        monkeypatch.setenv("DIFFLAB_CACHE", str(place))
        assert (run(), run()) == (1, 1)

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("DIFFLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "write", full)
    assert (run(), run()) == (1, 1)


def test_turned_off_nothing_is_kept(tmp_path, run, monkeypatch):
    monkeypatch.setenv("DIFFLAB_CACHE", "off")
    monkeypatch.chdir(tmp_path)
    assert (run(), run()) == (1, 1) and list(tmp_path.iterdir()) == []


def test_the_same_function_is_compiled_once_in_a_process(place, run):
    program, again = [dl.compile(f, backend="native") for _ in range(2)]
    with event.install_recorder("numba:compile") as record:
        for p in (program, again):
            assert [p(1.0, 2.0) for _ in range(3)] == [f(1.0, 2.0)] * 3
    assert sum(e.is_start for _, e in record.buffer) == 1
    assert "compiled by numba" in program.explain() and "from the cache" in again.explain()


def test_doctor_tells_and_clears(place, run):
    from difflab.cli import doctor

    run()
    found = {**doctor.examine(), "cache": cache.told()}
    assert any("1 programs of" in line and "(1 numba's, 0 XLA's)" in line for line in doctor.lines(found))
    assert cache.clear() == 1 and run() == 1


# The key.
TEXT = "def f(x, y):\n    return helper(x) * y + factor + table[1] + np.exp(y)\n"


def shifted(x):
    return x + offset  # noqa: F821


def helper_of(offset, **options):
    return numba.njit(**options)(FunctionType(shifted.__code__, {"offset": offset}))


def made(text=TEXT, **names):
    space = {"np": np, "factor": 2.0, "table": np.arange(4.0), "helper": helper_of(1.0), **names}
    exec(compile(text, "<text>", "exec"), space)
    return space["f"]


def key(function, types=("a", "b"), options=None):
    return kept.fingerprint(numba, function, types, options or {"nogil": True})


OTHERS = {
    "an instruction": made(TEXT.replace("* y", "- y")),
    "a number in the text": made(TEXT.replace("[1]", "[2]")),
    "a number": made(factor=-2.0),
    "a number's sign": made(factor=-0.0),
    "a number's type": made(factor=2),
    "a number's precision": made(factor=np.float32(2.0)),
    "a table": made(table=np.array([0.0, 1.0, 2.0, 3.5])),
    "a table's dtype": made(table=np.arange(4)),
    "a table's shape": made(table=np.arange(4.0).reshape(2, 2)),
    "a table's layout": made(table=np.repeat(np.arange(4.0), 2)[::2]),
    "what a function reads": made(helper=helper_of(3.0)),
    "how a function is compiled": made(helper=helper_of(1.0, error_model="numpy")),
    "another function": made(helper=math.sin),
    "one more of the same name": made(helper=functions()["_exp"]),
}


@pytest.mark.parametrize("what", OTHERS)
def test_the_key_hangs_on(what):
    if what == "a number's sign":
        assert key(made(factor=0.0)) != key(OTHERS[what])
    assert key(made()) == key(made()) != key(OTHERS[what]) != None  # noqa: E711


def test_the_key_hangs_on_types_options_settings_versions_and_the_processor(monkeypatch):
    import llvmlite

    found = [key(made()), key(made(), ("a", "c")), key(made(), options={"nogil": False})]
    monkeypatch.setattr(numba.core.config, "LOOP_VECTORIZE", 0)
    found.append(key(made()))
    for module in (numba, llvmlite, np):
        monkeypatch.setattr(module, "__version__", "0.0")
        found.append(key(made()))
    target = numba.core.registry.cpu_target.target_context
    monkeypatch.setattr(type(target.codegen()), "magic_tuple", lambda self: ("triple", "another processor", ""))
    found.append(key(made()))
    monkeypatch.setattr(cache, "__version__", "0.0")
    found.append(key(made()))
    assert len(set(found)) == len(found) == 9


def test_types_with_another_layout_or_permission_have_another_text():
    array = numba.types.Array
    kinds = [array(numba.float64, 1, layout, readonly=r, aligned=a) for layout in "CA" for r in (0, 1) for a in (0, 1)]
    kinds += [array(numba.float32, 1, "C"), array(numba.float64, 2, "C"), numba.float64]
    assert len({key(made(), (kind,)) for kind in kinds}) == len(kinds)


def test_what_has_no_text_is_compiled_and_not_kept(place):
    assert key(made(helper=object())) is None
    assert key(made(table=np.array([object()]))) is None
    calls = numba.njit(numba.float64(numba.float64))(lambda x: x)
    outside = {"h": calls, "s": numba.typed.List([1.0])}
    code = Jit()(made("def f(x):\n    return h(x)\n", **outside), (numba.float64,))
    assert code(2.0) == 2.0


@numba.njit
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def test_code_with_symbols_that_another_may_have_is_not_kept(place):
    """numba numbers functions anew in each process: a helper that stays a function of its own may meet another."""
    jit = Jit()
    assert jit(made("def f(n):\n    return fib(n) + 1\n", fib=fib), (numba.int64,))(10) == 56
    assert not place.exists() and jit.told().startswith("compiled by numba")
