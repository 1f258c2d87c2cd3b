"""python -m benchmarks.mutants.server TREE: a process that forks once for each session of pytest it is asked for.

It has loaded what tests import, except difflab itself, so a session begins with importing difflab from TREE. TREE is a
copy of the project: the changed file is written there, so that every process that a test starts sees it too.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .inside import PEERS, session

LOADED = """
    numpy numpy.testing scipy.special scipy.linalg scipy.signal scipy.optimize scipy.sparse.csgraph scipy.stats
    scipy.ndimage scipy.integrate sympy mpmath networkx optree click click.testing rich rich.console rich.table
    rich.progress matplotlib matplotlib.figure matplotlib.backends.backend_agg PIL.Image flint pygraphviz graphviz
    hypothesis hypothesis.strategies hypothesis.extra.numpy hypothesis.errors numba coverage httpx starlette.testclient
    multiprocessing.pool concurrent.futures asyncio sqlite3 xml.etree.ElementTree unittest.mock _pytest.doctest
""".split()


def main(tree: str, bare: bool = False) -> None:
    """Reads requests from stdin, one JSON object a line, and answers each with one line.

    A request has `seconds` of processor time and either `tests` (with `file` and `text`, what to write first) or
    `record`, the folders, and pytest's `arguments`. The answer is `session`'s, or {"ended": why} where there is none.
    """
    os.chdir(tree)
    here = str(Path(__file__).parents[2])
    sys.path[:] = [tree, os.path.join(tree, "tests"), *[p for p in sys.path if p not in ("", tree, here)]]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.meta_path.insert(0, NoPeers())
    for name in () if bare else LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in [n for n in sys.modules if n.split(".")[0] == "difflab"]:
        del sys.modules[name]  # a plugin of theirs may have asked for it
    for line in sys.stdin:
        request = json.loads(line)
        with changed(Path(tree, request["file"]), request["text"]) if "file" in request else contextlib.nullcontext():
            answers.write(json.dumps(forked(request, tree)) + "\n")


class NoPeers:
    """A finder that says of the peers that they are not installed."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.split(".")[0] in PEERS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextlib.contextmanager
def changed(file: Path, text: str) -> Any:
    """The file with another text, and then as it was: its time too, so that its compiled form is right again."""
    before, times = file.read_bytes(), file.stat()
    try:
        file.write_bytes(text.encode())
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns + (1 + hash(text) % 10**6) * 10**9))
        yield
    finally:
        file.write_bytes(before)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def forked(request: dict[str, Any], tree: str) -> dict[str, Any]:
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.close(out)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if "MUTANTS_SHOW" not in os.environ:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        else:
            os.dup2(2, 1)
        try:
            with os.fdopen(into, "w") as pipe:
                pipe.write(json.dumps(session(request, tree)) + "\n")
        finally:
            os._exit(0)
    os.close(into)
    text, deadline = b"", time.monotonic() + 4 * request["seconds"] + 60
    while (left := deadline - time.monotonic()) > 0 and not text.endswith(b"\n"):
        if select.select([out], [], [], left)[0]:
            piece = os.read(out, 1 << 20)
            if not piece:
                break
            text += piece
    os.close(out)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what it started ends with it
    _, status = os.waitpid(pid, 0)
    if text:
        with contextlib.suppress(ValueError):
            return json.loads(text)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    late = left <= 0 or ended in (signal.SIGXCPU, signal.SIGKILL)
    return {"ended": "timeout" if late else f"crash (signal {ended})"}


class Server:
    """The other end: starts a server on a copy of the project and asks it."""

    def __init__(self, tree: Path, bare: bool = False) -> None:
        here = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
        here |= {"OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0"}
        here.pop("PYTEST_ADDOPTS", None)  # those of a pytest that this runs in are its own
        here["PYTHONPATH"] = os.pathsep.join([str(tree), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.mutants.server", str(tree), *["bare"] * bare],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=here,
            cwd=Path(__file__).parents[2],
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("a server of the mutants ended; see what it wrote above")
        return json.loads(answer)

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


if __name__ == "__main__":
    main(sys.argv[1], "bare" in sys.argv[2:])
