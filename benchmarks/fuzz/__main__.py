"""python -m benchmarks.fuzz: starts workers, starts them again where they died, and tells what was found."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from .guard import examine
from .targets import NAMES, target

TURN = 300.0  # seconds of processor time of a target before the next one has its turn


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("targets", nargs="*", help=f"all, or some of {', '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each target, in processor time, with OUT's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="the folder of findings, corpora and counts")
    parser.add_argument("--plain", action="store_true", help="without atheris, even where it is installed")
    parser.add_argument("--replay", type=Path, nargs="+", help="run these inputs once, and show how they end")
    parser.add_argument("--report", action="store_true", help="show the counts and findings of the folder")
    given = parser.parse_args()
    names = list(NAMES) if given.targets in ([], ["all"]) else given.targets
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no target {min(unknown)}; they are {', '.join(NAMES)}")
    if given.replay:
        return replay(names[0], given.replay)
    if not given.report:
        rotate(names, given.minutes * 60, given.seed, given.out, given.plain)
    return report(names, given.out)


def replay(name: str, paths: list[Path]) -> int:
    found = 0
    for path in paths:
        began = time.process_time()
        finding = examine(target(name), path.read_bytes())
        found += finding is not None
        ended = "is read or refused" if finding is None else f"{finding.key}\n{finding.text}"
        print(f"{path.name}: {ended} ({time.process_time() - began:.2f} s)")
    return min(found, 1)


def rotate(names: list[str], seconds: float, seed: int, out: Path, plain: bool) -> None:
    """Every target in turns, so that a run that is cut off has seen all of them, and goes on where it stopped."""
    turn = 0
    while short := [n for n in names if seconds - counts(out / n)["processor"] > 1]:
        for name in short:
            go(name, min(TURN, seconds - counts(out / name)["processor"]), seed + turn, out / name, plain)
        turn += 1


def go(name: str, seconds: float, seed: int, folder: Path, plain: bool) -> None:
    """One turn of a target; a worker that dies leaves a finding, and another goes on."""
    end = counts(folder)["processor"] + seconds
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    while (left := end - counts(folder)["processor"]) > 1:
        words = [name, str(folder), str(left), str(seed), "plain" if plain else "guided"]
        with (folder / "log.txt").open("ab") as log:
            ended = subprocess.run([sys.executable, "-m", f"{__package__}.worker", *words], env=environment, stderr=log)
        add(folder)
        if ended.returncode:
            died(folder, ended.returncode)
        seed += 1000


def counts(folder: Path) -> dict[str, float]:
    """What the workers of a target have done, the present one included."""
    found = {"inputs": 0, "seconds": 0.0, "processor": 0.0}
    for file in (folder / "total.json", folder / "state.json"):
        if file.exists():
            for key, value in json.loads(file.read_text()).items():
                found[key] += value
    return found


def add(folder: Path) -> None:
    """The worker's counts onto those of the target; one that died before it counted is held to have run a second."""
    found = counts(folder)
    if not (folder / "state.json").exists():
        found["processor"] += 1
    (folder / "total.json").write_text(json.dumps(found))
    (folder / "state.json").unlink(missing_ok=True)


def died(folder: Path, status: int) -> None:
    data = (folder / "current").read_bytes() if (folder / "current").exists() else b""
    path = folder / "findings" / f"died-{-status}.{hashlib.sha256(data).hexdigest()[:8]}"
    path.parent.mkdir(exist_ok=True)
    path.with_suffix(path.suffix + ".input").write_bytes(data)
    print(f"{folder.name}: the process ended with status {status}: {path}.input", flush=True)
    time.sleep(1)


def report(names: list[str], out: Path) -> int:
    found = 0
    for name in names:
        done = counts(out / name)
        findings = sorted((out / name / "findings").glob("*.input")) if (out / name).exists() else []
        found += len(findings)
        print(
            f"{name:12} {done['inputs']:>9,.0f} inputs in {done['seconds'] / 60:6.1f} minutes "
            f"({done['processor'] / 60:.1f} of processor time), {len(findings)} findings"
        )
        for path in findings:
            print(f"    {path.name}")
    return min(found, 1)


if __name__ == "__main__":
    raise SystemExit(main())
