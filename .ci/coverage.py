"""How much of each room the fast lane runs: `coverage.py REPORT` holds coverage's JSON report against the floors below.

The floors are what was reached when they were written, in whole per cent (a little below it, since which tests are
quick differs), where the peers are not installed; raise them with what you add.
"""

import json
import sys
from collections import Counter
from pathlib import Path

FLOORS = {
    "primitives": 88, "graph": 90, "compile": 93, "differentiate": 86, "draw": 91, "lab": 83, "nn": 82, "sketch": 95,
    "mdp": 85, "testing": 85, "gallery": 75, "cli": 77, "cards": 90, "autograd": 84,
}  # fmt: skip
# What runs in the peers' lane alone, which has JAX and numba.
OF_PEERS = (
    "difflab/compile/xla/", "difflab/compile/native/", "difflab/compile/plan/again.py",
    "difflab/primitives/kernels/xla", "difflab/differentiate/to_jax.py", "difflab/bridges/",
    "difflab/mdp/devices.py", "difflab/nn/training/devices.py",
    "difflab/cli/supervisor.py", "difflab/cli/processes.py", "difflab/cli/devices.py", "difflab/cli/judge.py",
)  # fmt: skip


def rooms(report):
    """Each room's share of lines that ran, in per cent."""
    ran, lines = Counter(), Counter()
    for file, found in report["files"].items():
        if any(part in Path(file).as_posix() for part in OF_PEERS):
            continue
        room = Path(file).parts[Path(file).parts.index("difflab") + 1]
        ran[room] += found["summary"]["covered_lines"]
        lines[room] += found["summary"]["num_statements"]
    return {room: 100 * ran[room] / lines[room] for room in lines if not room.endswith(".py")}


def main(path):
    found = rooms(json.loads(Path(path).read_text()))
    print(", ".join(f"{room} {share:.1f} %" for room, share in sorted(found.items())))
    low = [room for room, floor in FLOORS.items() if found.get(room, 0.0) < floor]
    for room in low:
        print(f"{room}: {found.get(room, 0.0):.1f} % of its lines run in the fast lane; the floor is {FLOORS[room]} %")
    for room in sorted(set(found) - set(FLOORS)):
        print(f"{room} has no floor in {Path(__file__).name}")
    return 1 if low or set(found) - set(FLOORS) else 0


sys.exit(main(sys.argv[1]))
