"""The command; see the package's docstring."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import Queue
from typing import Any

from .operators import KINDS, Site
from .reach import ROOMS, Reach, build, copy_tree
from .sample import all_sites, draw, equivalent, equivalents
from .server import Server

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "difflab-mutants"
SURVIVED = ("survived", "no test")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=1000, metavar="N", help="how many mutants")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--only", action="append", choices=ROOMS, help="a room; may be given again")
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="a kind; may be given again")
    parser.add_argument("--files", nargs="+", default=[], metavar="PATTERN", help="files of the rooms, as endings")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budget", type=float, default=10, metavar="S", help="seconds of tests for one mutant")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON lines; what is in it already is not run again")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="FOLDER", help="for the map of lines to tests")
    parser.add_argument("--partial", action="store_true", help="go by the tests that the map has already")
    parser.add_argument("--again", action="store_true", help="run the survivors in --out again")
    return parser.parse_args(arguments)


def judge(site: Site, source: bytes, reach: Reach, server: Server, budget: float) -> dict[str, Any]:
    """Runs tests on one mutant until one fails."""
    began, tried = time.perf_counter(), 0
    about = {**asdict(site), "id": site.id, "reached": reach.within(site.file, site.line, site.last).bit_count()}
    text = site.apply(source).decode()
    try:
        compile(text, site.file, "exec")
    except SyntaxError:
        return {**about, "result": "not Python", "seconds": 0.0}
    result = {"result": "no test"}
    for tests in reach.order(site, budget):
        longest = sum(reach.seconds[reach.index[t]] for t in tests)
        answer = server.ask(file=site.file, text=text, tests=tests, seconds=15 + 3 * longest)
        tried += len(tests)
        if "ended" in answer:
            result = {"result": "killed", "by": answer["ended"], "tests": tests}
            break
        if answer["failed"] or answer["code"] not in (0, 5):
            test, message = answer["failed"] or ("", f"pytest ended with {answer['code']}")
            result = {"result": "killed", "by": test, "message": message}
            break
        if answer["passed"]:
            result = {"result": "survived"}
    return {**about, **result, "tried": tried, "seconds": round(time.perf_counter() - began, 2)}


def confirmed(found: list[dict[str, Any]], server: Server) -> set[str]:
    """Of the tests that killed, those that fail on the unchanged source too: their kills count for nothing."""
    killers = sorted({r["by"] for r in found if r["result"] == "killed" and "::" in r.get("by", "")})
    wrong: set[str] = set()
    for start in range(0, len(killers), 100):
        left = killers[start : start + 100]
        while left:
            answer = server.ask(tests=left, seconds=1200)
            bad = answer["failed"][0] if answer.get("failed") else None
            if bad not in left:
                break
            wrong.add(bad)
            left = left[left.index(bad) + 1 :]
    return wrong


def table(found: list[dict[str, Any]]) -> list[str]:
    """Killed of all, for each room and kind; equivalent mutants are in neither."""
    counted = [r for r in found if r["result"] in ("killed", *SURVIVED)]
    cell = lambda rows: f"{sum(r['result'] == 'killed' for r in rows)}/{len(rows)}" if rows else "-"
    lines = [f"{'':14}" + "".join(f"{room:>15}" for room in ROOMS) + f"{'all':>13}"]
    for kind in [*KINDS, "all"]:
        rows = [r for r in counted if kind in ("all", r["kind"])]
        cells = [cell([r for r in rows if r["file"].split("/")[1] == room]) for room in ROOMS]
        lines.append(f"{kind:14}" + "".join(f"{c:>15}" for c in cells) + f"{cell(rows):>13}")
    return lines


def report(found: list[dict[str, Any]], left_out: Counter[str]) -> None:
    for row in found:
        if row["result"] in SURVIVED:
            known = f"{row['reached']} tests run the line, {row['tried']} tried"
            print(f"\n{row['file']}:{row['line']}  {row['kind']}  {row['result']} ({known})")
            print(f"  - {row['text']}\n    {row['old']}  ->  {row['new']}")
    print("\nkilled of tried, by room and kind")
    print(*table(found), sep="\n")
    results = Counter(r["result"] for r in found)
    killed, alive = results["killed"], sum(results[s] for s in SURVIVED)
    late = sum(str(r.get("by", "")).startswith(("timeout", "crash")) for r in found if r["result"] == "killed")
    print(f"\n{killed} of {killed + alive} killed: {100 * killed / max(1, killed + alive):.1f} %", end="")
    print(f" ({late} by a limit of time or memory or a crash); {results['equivalent']} equivalent, not counted", end="")
    print(f"; {results['not Python']} not Python")
    print("sites left out:", ", ".join(f"{n} {reason}" for reason, n in left_out.most_common()) or "none")
    seconds = [r["seconds"] for r in found if r["result"] in ("killed", *SURVIVED)]
    print(f"{sum(seconds) / max(1, len(seconds)):.1f} s a mutant")


def known(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    if not options.out or not options.out.exists():
        return {}
    rows = [json.loads(line) for line in options.out.read_text().splitlines() if line.endswith("}")]
    return {r["id"]: r for r in rows if not (options.again and r["result"] in SURVIVED)}


def main(arguments: list[str]) -> None:
    options, root = parse(arguments), Path(__file__).resolve().parents[2]
    sites, left_out = all_sites(root, options.only or list(ROOMS), options.files)
    sites = [s for s in sites if not options.kind or s.kind in options.kind]
    sample, entries, done = draw(sites, options.sample, options.seed), equivalents(), known(options)
    rev = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True).stdout
    print(f"{len(sample)} of {len(sites)} sites, seed {options.seed}, at {rev.strip()}", flush=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as scratch:
        trees = [Path(scratch, str(k)) for k in range(options.jobs)]
        for tree in trees:
            copy_tree(root, tree)
        servers = [Server(tree) for tree in trees]
        reach = build(root, servers, trees, options.cache, options.partial)
        run(sample, entries, done, reach, servers, options)
        found = [done[s.id] for s in sample]
        wrong = confirmed(found, servers[0])
        for server in servers:
            server.end()
    for row in found:
        if row.get("by") in wrong:
            row["result"] = "survived"
            print(f"{row['by']} fails on the unchanged source: it killed nothing")
    report(found, left_out)


def run(
    sample: list[Site],
    entries: list[dict[str, str]],
    done: dict[str, dict[str, Any]],
    reach: Reach,
    servers: list[Server],
    options: argparse.Namespace,
) -> None:
    """Puts into `done`, and writes down, what became of every site of the sample."""
    free: Queue[Server] = Queue()
    for server in servers:
        free.put(server)
    out = options.out.open("a") if options.out else open(os.devnull, "w")  # noqa: SIM115
    count = Counter(done[s.id]["result"] for s in sample if s.id in done)

    def one(site: Site) -> None:
        why = equivalent(site, entries)
        if why:
            done[site.id] = {**asdict(site), "id": site.id, "result": "equivalent", "reason": why, "seconds": 0.0}
            return
        if site.id in done:
            return
        server = free.get()
        try:
            row = judge(site, (reach.root / site.file).read_bytes(), reach, server, options.budget)
        finally:
            free.put(server)
        done[site.id] = row
        count[row["result"]] += 1
        out.write(json.dumps(row) + "\n")
        out.flush()
        if row["result"] in SURVIVED or sum(count.values()) % 20 == 0:
            told = f"{row['file']}:{row['line']} {row['old'][:40]!r} -> {row['new'][:40]!r} {row['result']}"
            print(f"{sum(count.values())}: {dict(count)} {told if row['result'] in SURVIVED else ''}", flush=True)

    with out, ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(one, sample))


if __name__ == "__main__":
    main(sys.argv[1:])
