"""The properties with many random programs: `python -m benchmarks.properties --minutes 30 --seed 1`.

Runs `tests/test_properties*.py` again and again, each time with another seed and `--times` as many examples as in the
tests, until the time is over. A program that breaks a property is shrunk and printed as source; the exit status is
then 1. `--only WORD` runs the properties whose names have that word.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    read = argparse.ArgumentParser(prog="python -m benchmarks.properties", description=__doc__.splitlines()[0])
    read.add_argument("--minutes", type=float, default=30.0)
    read.add_argument("--seed", type=int, default=1, help="of the first round")
    read.add_argument("--times", type=int, default=10, help="so many times the examples of the tests in each round")
    read.add_argument("--only", default="", help="a word in the properties' names")
    options = read.parse_args()
    environment = {**os.environ, "DIFFLAB_PROPERTIES": str(options.times), "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("CI", None)  # there the examples are the same in each run
    files = sorted(str(f.relative_to(ROOT)) for f in (ROOT / "tests").glob("test_properties*.py"))
    end, seed, broken = time.monotonic() + 60 * options.minutes, options.seed, 0
    while time.monotonic() < end:
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--hypothesis-seed={seed}", *files]
        run = subprocess.run([*command, *["-k", options.only][: 2 * bool(options.only)]], cwd=ROOT, env=environment)
        print(f"seed {seed}: {'nothing found' if run.returncode == 0 else 'BROKEN'}", flush=True)
        broken += run.returncode != 0
        seed += 1
    print(f"{seed - options.seed} rounds, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
