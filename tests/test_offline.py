"""difflab speaks to no network: not when it is imported, not in its commands, and nothing that it writes asks for more.

A hook in every Python that is started (a `sitecustomize.py`) writes down each name that is looked up and each address
that is connected to, sent to or bound, and refuses all but sockets within the machine's own processes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from patience import HANGS

import difflab

ROOT = Path(difflab.__file__).parents[1]
HOOK = """
import os, sys
def hook(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
        asked = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"):
        asked = arguments[1]
        if isinstance(asked, (str, bytes)) or asked is None:  # a socket of the file system, or a connected pair
            return
    else:
        return
    with open(os.environ["ASKED"], "a") as file:
        file.write(f"{event} {asked!r}\\n")
    if event != "socket.bind":
        raise OSError(f"{event}: {asked!r}")
sys.addaudithook(hook)
"""
IMPORTS = """
import importlib, pkgutil, difflab
for module in pkgutil.walk_packages(difflab.__path__, "difflab."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ImportError as error:  # an extra that is not installed
            assert not error.name.startswith("difflab"), error
for name in dir(difflab):
    getattr(difflab, name)
"""
COMMANDS = """
version
doctor
compare "(x + y) * z" --at x=-2,y=5,z=-4 --plot compare.png
check math_of_mine.py:f --at x=1
accuracy --rows sin --points 50 --no-peers
draw "q = x + y; f = q * z" --at x=-2,y=5,z=-4 -o pass.svg
draw "x * y" --at x=1,y=2 -o pass.png
step "1/(1+exp(-(w*x+b)))" --at w=2,x=-1,b=-3 -o step.html
step-size "sin(x)" --at x=1 -o steps.svg
swell logistic --depth 2 -o swell.svg
source "x * sin(y)" --at x=1,y=2
descent ravine -o descent.svg
train mlp --epochs 1 --out trained
mdp gridworld --out planned
gallery gallery
tour tour
"""
RUN = """
import shlex, sys
from difflab.cli.app import run
for line in open(sys.argv[1]).read().strip().splitlines():
    status = run(shlex.split(line))
    assert status in (0, 1), f"{line}: {status}"
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """Runs Python with the hook in a folder; gives what was asked for and the folder."""
    place = tmp_path_factory.mktemp("hook")
    (place / "sitecustomize.py").write_text(HOOK)

    def environment(asked):
        paths = [str(place), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "ASKED": str(asked), "MPLBACKEND": "Agg"}

    def python(folder, *arguments):
        asked = folder / "asked.txt"
        asked.touch()
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=folder, env=environment(asked), capture_output=True, text=True, timeout=HANGS
        )
        assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
        return asked.read_text()

    python.environment = environment
    return python


@pytest.fixture(scope="module")
def written(offline, tmp_path_factory):
    """The folder in which every command ran, and what they asked for."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "commands.txt").write_text(COMMANDS)
    (folder / "math_of_mine.py").write_text("import numpy as np\ndef f(x): return np.sin(x)\n")
    return folder, offline(folder, "-c", RUN, "commands.txt")


@pytest.mark.parametrize(
    "line, event",
    [
        ("import socket; socket.create_connection(('192.0.2.1', 80), 1)", "socket.getaddrinfo '192.0.2.1'"),
        ("import socket; socket.socket().connect(('192.0.2.1', 80))", "socket.connect ('192.0.2.1', 80)"),
        ("import urllib.request as u; u.urlopen('http://example.org')", "socket.getaddrinfo 'example.org'"),
        (
            "import os, sys; os.spawnv(0, sys.executable, ['p', '-c', 'import socket; socket.getfqdn()'])",
            "gethostbyaddr",
        ),
    ],
)
def test_the_hook_sees_what_asks(offline, tmp_path, line, event):
    told = offline(tmp_path, "-c", f"try: exec({line!r})\nexcept OSError: pass")
    assert event in told


def test_imports_ask_nobody(offline, tmp_path):
    assert offline(tmp_path, "-c", IMPORTS) == ""


def test_commands_ask_nobody(written):
    folder, asked = written
    assert asked == ""
    assert (folder / "tour/index.html").exists() and (folder / "trained/report.html").exists()


def test_the_local_page_is_bound_to_this_machine_alone(offline, tmp_path):
    pytest.importorskip("starlette", reason="the lab extra is not installed")
    pytest.importorskip("uvicorn", reason="the lab extra is not installed")
    asked = tmp_path / "asked.txt"
    command = [sys.executable, "-m", "difflab", "lab", "--no-browser"]
    server = subprocess.Popen(command, env=offline.environment(asked), stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline()
    server.terminate()
    server.communicate()
    assert address.startswith("http://127.0.0.1:")
    assert [line.partition(", ")[0] for line in asked.read_text().splitlines()] == ["socket.bind ('127.0.0.1'"]


# What is written: a page, a picture, a document.
ELSEWHERE = re.compile(r"^\s*(\w+:)?//")
IN_STYLES = re.compile(r"""@import|url\(\s*['"]?(?!#|data:)([^)]+)""")
NOT_LOADED = {("a", "href")}  # a link that a reader may follow


class Loaded(HTMLParser):
    """What the parser of a page or picture would fetch from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.policy = ""
        self.scripts = 0
        self.styled = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.styled, self.scripts = tag == "style", self.scripts + (tag == "script")
        given = {name: value or "" for name, value in attributes}
        if tag == "meta" and given.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = given["content"]
        for name, value in given.items():
            if name in ("src", "href", "xlink:href", "srcset", "poster", "data", "action", "formaction", "background"):
                if ELSEWHERE.match(value) and not value.startswith("data:") and (tag, name) not in NOT_LOADED:
                    self.found.append(f"{tag} {name}={value[:80]}")
            if name == "srcdoc":
                self.found += Loaded(value).found
            if name == "style":
                self.handle_style(value)

    def handle_data(self, data):
        if self.styled:
            self.handle_style(data)

    def handle_style(self, text):
        self.found += [m[0][:80] for m in IN_STYLES.finditer(text)]

    def handle_endtag(self, tag):
        self.styled = False


@pytest.mark.parametrize(
    "text",
    [
        "<img src='//x.org/a.png'>", "<link rel=stylesheet href=https://x.org/a.css>", "<style>@import 'a.css'</style>",
        "<style>p { background: url(https://x.org/a.png) }</style>", "<svg><image xlink:href='http://x.org'/></svg>",
        "<iframe srcdoc=\"<script src='http://x.org/a.js'></script>\"></iframe>",
    ],
)  # fmt: skip
def test_what_would_be_fetched_is_seen(text):
    assert Loaded(text).found and not Loaded("<a href='https://x.org'>x</a><img src='data:image/png;base64,'>").found


def test_what_is_written_loads_nothing(written):
    folder, _ = written
    files = [p for p in folder.rglob("*") if p.suffix in (".html", ".svg")]
    assert {p.suffix for p in files} == {".html", ".svg"} and len(files) > 30
    pages = {path.name: Loaded(path.read_text(encoding="utf-8")) for path in files}
    assert {name: page.found for name, page in pages.items() if page.found} == {}
    running = {name: page.policy for name, page in pages.items() if page.scripts}
    assert "step.html" in running and all("default-src 'none'" in policy for policy in running.values())
