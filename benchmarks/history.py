"""python -m benchmarks.history [WORKLOAD ...]: how the workloads' times moved from commit to commit.

`python -m benchmarks` (with names of workloads, too) adds one line of JSON to history.jsonl for the commit that it
ran: medians in seconds, and the peers' times as multiples of difflab's. Times of different machines do not compare;
the multiples do, as far as the peers' versions are the same, and so the trend is told in multiples of the fastest peer.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from difflab import files

from .workload import Result, readable

HISTORY = Path(__file__).parent / "history.jsonl"
BARS = "▁▂▃▄▅▆▇█"
NOISE = 0.1  # a multiple that moved by less than a tenth says nothing


def commit() -> str:
    """The commit that is measured; a `+` says that the package's files differ from it."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=HISTORY.parents[1], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "difflab")
    return git("rev-parse", "--short=10", "HEAD") + "+" * bool(changed)


def add(results: list[Result], machine: str, path: Path = HISTORY, of: str | None = None) -> None:
    """Adds the results to the line of their commit."""
    of = of or commit()
    lines = read(path)
    line = next((x for x in lines if x["commit"] == of and x["machine"] == machine), None)
    if line is None:
        line = {"commit": of, "date": datetime.date.today().isoformat(), "machine": machine, "workloads": {}}
        lines.append(line)
    for r in results:
        peers = {n: round(k, 3) for n, k in r.ratios.items() if n != "difflab"}
        line["workloads"][r.name] = {"seconds": float(f"{r.seconds['difflab']:.3g}"), "multiples": peers}
    files.write(path, "".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines), force=True)


def read(path: Path = HISTORY) -> list[dict[str, Any]]:
    return [json.loads(x) for x in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def trend(lines: list[dict[str, Any]], name: str) -> str:
    """One workload: the multiple of the peer that is fastest in the last run, from the first run to the last."""
    seen = [x["workloads"][name] for x in lines if name in x["workloads"]]
    told = f"{name}: {readable(seen[-1]['seconds'])}"
    if not (multiples := seen[-1]["multiples"]):
        return told
    peer = min(multiples, key=multiples.__getitem__)
    row = [x["multiples"][peer] for x in seen if peer in x["multiples"]]
    low, high = min(row), max(row)
    bars = "".join(BARS[round((k - low) / (high - low) * (len(BARS) - 1)) if high > low else 0] for k in row)
    told += f"; {peer} takes {row[-1]:.2f} times as long {bars}"
    change = row[-1] / row[-2] - 1 if len(row) > 1 else 0.0
    return told + (f"; {'better' if change > 0 else 'worse'} by {abs(change):.0%}" if abs(change) > NOISE else "")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history")
    parser.add_argument("words", nargs="*", metavar="WORKLOAD", help="part of a workload's name; all without one")
    parser.add_argument("--file", type=Path, default=HISTORY)
    given = parser.parse_args(words)
    lines = read(given.file)
    names = dict.fromkeys(n for x in lines for n in x["workloads"])
    chosen = [n for n in names if not given.words or any(w in n for w in given.words)]
    if not chosen:
        parser.error(f"{given.file} has no such workload; python -m benchmarks adds them")
    print(f"{len(lines)} runs, the last of {lines[-1]['commit']} on {lines[-1]['date']}: {lines[-1]['machine']}")
    print("\n".join(trend(lines, n) for n in chosen))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
