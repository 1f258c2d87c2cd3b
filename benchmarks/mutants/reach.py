"""Which tests reach a line, and in which order they are tried on a mutant there.

The map is made by running every test file once with coverage, in a session of its own, and kept in a folder outside the
repository. A test file is run again when it, or a helper that it names, has changed; where difflab has changed since,
lines that moved keep their tests, and what is new has those of the definition around it.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from queue import Queue

import numpy as np

from .operators import Site
from .server import Server

ROOMS = ("primitives", "graph", "differentiate", "compile", "nn", "mdp")
# They need a browser, or run for minutes; and this one's own tests start this command.
LEFT_OUT = {
    "test_lab_browser.py", "test_page_browser.py", "test_page_rows.py", "test_tutorials.py", "test_mutants.py",
    "test_gallery.py", "test_lab.py",
}  # fmt: skip
LONGEST = 10.0  # seconds: tests that take longer are not tried


def tracked(root: Path) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    return [f for f in listed.stdout.decode().split("\0") if f and (root / f).is_file()]


def copy_tree(root: Path, to: Path) -> None:
    """The project's files as they are now, with difflab and its tests compiled."""
    for file in tracked(root):
        place = to / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((root / file).read_bytes())
    os.utime(to)
    subprocess.run(["python3", "-m", "compileall", "-q", "difflab", "tests", "benchmarks"], cwd=to, check=False)


def digest(root: Path, files: Iterable[str]) -> str:
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(file.encode() + b"\0" + (root / file).read_bytes())
    return found.hexdigest()[:16]


@dataclass
class Moved:
    """Where the lines of a source that the map was made from stand now. The sources are kept beside the map."""

    root: Path
    cache: Path
    known: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)

    def keep(self, file: str, tree: Path) -> str:
        """Puts a source away, and the name it has there."""
        data = (tree / file).read_bytes()
        name = hashlib.sha256(data).hexdigest()[:16]
        (self.cache / f"{name}.source").write_bytes(data)
        return name

    def lines(self, file: str, name: str) -> dict[int, int]:
        """The number that a line has now by the number that it had; of lines that are the same."""
        if (file, name) not in self.known:
            path = self.root / file
            now = path.read_text().splitlines() if path.exists() else []
            old = (self.cache / f"{name}.source").read_text().splitlines()
            match = difflib.SequenceMatcher(None, old, now, autojunk=False) if old != now else None
            blocks = match.get_matching_blocks() if match else [(0, 0, len(old))]
            self.known[file, name] = {a + k + 1: b + k + 1 for a, b, size in blocks for k in range(size)}
        return self.known[file, name]


@dataclass
class Reach:
    """Tests, their seconds and how many lines each runs; for each line of each file the tests, as bits of a number."""

    tests: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    lines: dict[str, dict[int, int]] = field(default_factory=dict)
    root: Path = Path()

    def add(self, part: dict, moved: Moved) -> None:
        shift = len(self.tests)
        self.tests += part["tests"]
        self.seconds += [s * (1 if part.get("processor") else 0.2) for s in part["tests"].values()]
        for file, lines in part["lines"].items():
            mine, now = self.lines.setdefault(file, {}), moved.lines(file, part["sources"][file])
            for line, bits in lines.items():
                place = now.get(int(line))
                if place:
                    mine[place] = mine.get(place, 0) | int(bits, 16) << shift

    @cached_property
    def index(self) -> dict[str, int]:
        return {test: k for k, test in enumerate(self.tests)}

    @cached_property
    def breadth(self) -> np.ndarray:
        """For each test how many lines it runs: few means that it is about them."""
        found = np.zeros(len(self.tests), np.int64)
        for lines in self.lines.values():
            for bits, many in Counter(lines.values()).items():  # neighbouring lines have the same tests
                found[members(bits)] += many
        return found

    @cached_property
    def words(self) -> list[frozenset[str]]:
        """What each test's parameters are made of."""
        return [frozenset(re.split(r"[-.\[\]]", t.partition("[")[2])) for t in self.tests]

    @cached_property
    def source(self) -> dict[str, str]:
        """The text of each test function, by its id without parameters."""
        found: dict[str, str] = {}
        for file in {t.split("::", 1)[0] for t in self.tests}:
            text = Path(self.root, file).read_text()
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    found[f"{file}::{node.name}"] = ast.get_source_segment(text, node) or ""
        return found

    def within(self, file: str, first: int, last: int) -> int:
        """The tests that run one of the lines."""
        found = 0
        for line, bits in self.lines.get(file, {}).items():
            if first <= line <= last:
                found |= bits
        return found

    def order(self, site: Site, budget: float) -> list[list[str]]:
        """Two lists: a few tests that are quick and about the line, then more, up to `budget` seconds together."""
        near = 0 if site.at_import else self.within(site.file, site.line, site.last)
        groups = [near] if near else [self.within(site.file, *site.scope) | self.users(site)]
        if not near and not site.at_import:  # another process runs it, or machine code made of it
            groups.append(self.namesakes(site))
        if not near:
            groups.append(self.within(site.file, 1, 10**9))
        ranked: list[int] = []
        done = 0
        for group in groups:
            ranked += self.ranked(site, group & ~done)
            done |= group
        first = self.some(ranked, min(3.0, budget), files=3, many=40)
        rest = self.some([t for t in ranked if t not in set(first)], budget, files=12, many=400)
        return [[self.tests[t] for t in part] for part in (first, rest) if part]

    def namesakes(self, site: Site) -> int:
        """The tests of files that share a word of their name with the site's file."""
        mine = set(Path(site.file).stem.split("_"))
        theirs = {f for f in {t.split("::", 1)[0] for t in self.tests} if mine & set(Path(f).stem.split("_"))}
        return sum(1 << k for k, t in enumerate(self.tests) if t.split("::", 1)[0] in theirs)

    def users(self, site: Site) -> int:
        """The tests that run functions of the file which read a name that the statement gives."""
        if not site.at_import:
            return 0
        found, names = 0, set(site.names)
        for node in ast.walk(ast.parse(Path(self.root, site.file).read_bytes())):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(n, ast.Name) and n.id in names for n in ast.walk(node)
            ):
                found |= self.within(site.file, node.lineno, node.end_lineno or node.lineno)
        return found

    def ranked(self, site: Site, bits: int) -> list[int]:
        """The tests of a set: quick and narrow ones first, those that name what is changed before all, one a function
        before the second of any."""

        names = [n for n in site.names if n]

        def rank(test: int) -> float:
            base = self.tests[test].partition("[")[0]
            named = any(n in self.words[test] for n in names)
            told = any(n in self.source.get(base, "") for n in names)
            return self.seconds[test] + self.breadth[test] / 3000 - 2 * named - 1 * told

        of_function: Counter[str] = Counter()
        keyed = []
        for key, test in sorted((rank(t), t) for t in members(bits).tolist()):
            base = self.tests[test].partition("[")[0]
            keyed.append((of_function[base] + key, test))
            of_function[base] += 1
        return [test for _, test in sorted(keyed)]

    def some(self, ranked: list[int], budget: float, files: int, many: int) -> list[int]:
        chosen: list[int] = []
        seen: set[str] = set()
        for test in ranked:
            file = self.tests[test].split("::", 1)[0]
            if (file not in seen and len(seen) >= files) or self.seconds[test] > min(budget, LONGEST):
                continue
            if len(chosen) >= many:
                break
            budget -= self.seconds[test]
            seen.add(file)
            chosen.append(test)
        return chosen


def members(bits: int) -> np.ndarray:
    """The positions of the ones."""
    data = np.frombuffer(bits.to_bytes(bits.bit_length() // 8 + 1, "little"), np.uint8)
    return np.flatnonzero(np.unpackbits(data, bitorder="little"))


def build(root: Path, servers: list[Server], trees: list[Path], cache: Path, partial: bool = False) -> Reach:
    """The map; what is in the cache already is not run again, and with `partial` nothing else is."""
    files = tracked(root)
    helpers = [
        f for f in files if f.startswith("tests/") and f.endswith(".py") and not Path(f).name.startswith("test_")
    ]
    sets = {
        f: [f] for f in files if f.startswith("tests/test_") and f.endswith(".py") and Path(f).name not in LEFT_OUT
    } | {f"difflab/{room}": ["--doctest-modules", f"difflab/{room}"] for room in ROOMS}
    free: Queue[int] = Queue()
    for k in range(len(servers)):
        free.put(k)

    def one(name: str) -> Path | None:
        own = [f for f in files if f.startswith(name) and f.endswith(".py")]
        text = "".join((root / f).read_text() for f in own)
        place = (
            cache / f"{name.replace('/', '.')}-{digest(root, own + [h for h in helpers if Path(h).stem in text])}.json"
        )
        if not place.exists() and partial:
            return None
        if not place.exists():
            k = free.get()
            try:
                folders = [str(trees[k] / "difflab" / room) for room in ROOMS]
                answer = servers[k].ask(record=folders, arguments=sets[name], seconds=1500)
            finally:
                free.put(k)
            if "ended" in answer:
                print(f"{name}: no map, its tests are left out ({answer['ended']})", flush=True)
                answer = {"tests": {}, "lines": {}}
            print(f"{name}: {len(answer['tests'])} tests, {sum(answer['tests'].values()):.0f} s", flush=True)
            answer["sources"] = {file: moved.keep(file, trees[0]) for file in answer["lines"]}
            place.write_text(json.dumps(answer))
        return place

    cache.mkdir(parents=True, exist_ok=True)
    reach, moved = Reach(root=root), Moved(root, cache)
    with ThreadPoolExecutor(len(servers)) as pool:
        for place in filter(None, pool.map(one, sets)):
            reach.add(json.loads(place.read_text()), moved)
    return reach
