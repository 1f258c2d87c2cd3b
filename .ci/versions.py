"""The versions of a lane: `lowest EXTRA ...` prints constraints for pip, `newest PYTHON` looks for what is held back.

Only what pyproject.toml names is held: what these packages need in turn is pip's choice.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]


def lines(extras):
    """What is required, with extras of extras: names and lowest versions. What is pinned has no lowest nor newest."""
    found = {}
    for line in [*PROJECT["dependencies"], *(r for e in extras for r in PROJECT["optional-dependencies"][e])]:
        name, inner, how, bound = re.fullmatch(r"([\w-]+)(?:\[([\w,]+)\])?(?:(>=|==)(.+))?", line).groups()
        if how == "==":
            continue
        found |= lines(inner.split(",")) if name == PROJECT["name"] else {name: bound}
    return found


def lowest(*extras):
    for name, version in sorted(lines(extras).items()):
        print(f"{name}=={version}")


def newest(python):
    """Says the version of each direct dependency that is there, and fails where the index has a newer release."""
    ask = lambda *words: json.loads(
        subprocess.run([python, "-m", "pip", "list", "--format=json", *words], check=True, capture_output=True).stdout
    )
    known = {p["name"].lower(): p["version"] for p in ask()}
    direct = lines(PROJECT["optional-dependencies"])
    print(", ".join(f"{name} {known[name]}" for name in direct if name in known))
    behind = [f"{p['name']} {p['version']}, newest {p['latest_version']}" for p in ask("--outdated")
              if p["name"].lower() in direct]  # fmt: skip
    if behind:
        sys.exit(f"held back: {'; '.join(behind)}")


if __name__ == "__main__":
    {"lowest": lowest, "newest": newest}[sys.argv[1]](*sys.argv[2:])
