"""Which sites are tried, and which of them make nothing wrong."""

from __future__ import annotations

import fnmatch
import random
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

from .operators import Site, find
from .reach import ROOMS

EQUIVALENT = Path(__file__).with_name("equivalent.toml")


def all_sites(root: Path, rooms: list[str], files: list[str]) -> tuple[list[Site], Counter[str]]:
    """The sites of the rooms' files, and how many others were left out, by reason."""
    sites: list[Site] = []
    left_out: Counter[str] = Counter()
    for room in rooms:
        for path in sorted(root.glob(f"difflab/{room}/**/*.py")):
            name = path.relative_to(root).as_posix()
            if files and not any(fnmatch.fnmatch(name, f"*{pattern}") for pattern in files):
                continue
            found = find(name, path.read_bytes())
            sites += found.sites
            left_out += found.left_out
    return sites, left_out


def room_of(site: Site) -> str:
    return site.file.split("/")[1]


def draw(sites: list[Site], count: int, seed: int) -> list[Site]:
    """Equally many from each room, and there from each kind as far as there are; each beginning is such a sample."""
    rng = random.Random(seed)
    strata: dict[str, dict[str, list[Site]]] = {room: defaultdict(list) for room in ROOMS}
    for site in sorted(sites, key=lambda s: (s.file, s.start, s.kind, s.new)):
        strata[room_of(site)][site.kind].append(site)
    chosen: list[Site] = []
    turns = {room: sorted(kinds) for room, kinds in strata.items() if kinds}
    for kinds in turns.values():
        rng.shuffle(kinds)
    while turns and len(chosen) < count:
        for room in list(turns):
            kind = turns[room].pop(0)
            own = strata[room][kind]
            if own and len(chosen) < count:
                chosen.append(own.pop(rng.randrange(len(own))))
            if own:
                turns[room].append(kind)
            elif not turns[room]:
                del turns[room]
    return chosen


def equivalents(path: Path = EQUIVALENT) -> list[dict[str, str]]:
    """The entries of equivalent.toml: file, a line's text and kind (perhaps `old`, `new`) or a name, and the reason."""
    return tomllib.loads(path.read_text())["mutant"]


def equivalent(site: Site, entries: list[dict[str, str]]) -> str:
    """Why a site makes nothing wrong; empty where it does."""
    for entry in entries:
        if entry["file"] != site.file:
            continue
        if "name" in entry:
            same = site.at_import and site.names[-1:] == (entry["name"],)
        else:
            same = (entry["line"], entry["kind"]) == (site.text, site.kind)
        if same and entry.get("new", site.new) == site.new and entry.get("old", site.old) == site.old:
            return entry["reason"]
    return ""
