"""How much of what the package exports has a type that pyright knows: `typed.py [PYRIGHT]` holds it against FLOOR.

Run it by the Python whose environment has difflab's dependencies. Without the path of a pyright it makes an
environment for one. What other packages leave untyped does not count (`--ignoreexternal`): pyright's own stubs do not
know all of NumPy's arrays.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR = 100.0  # in per cent of the exported symbols


def pyright_in(folder):
    """An environment with pyright and the Node.js that it runs on."""
    venv.create(folder, with_pip=True)
    scripts = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", "pyright[nodejs]==1.1.414"], check=True)
    return scripts / "pyright"


def told(pyright, folder):
    """What pyright says of the package of this checkout, read with the packages of the Python that runs this."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # --pythonpath is not heeded here
    environment = os.environ | {"PATH": path, "VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(ROOT)}
    words = [pyright, "--verifytypes", "difflab", "--ignoreexternal", "--outputjson"]
    run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    found = json.loads(run.stdout)["typeCompleteness"]
    if Path(found["packageRootDirectory"]).resolve() != ROOT / "difflab":
        raise SystemExit(f"pyright read {found['packageRootDirectory']}, not {ROOT / 'difflab'}")
    return found


def main(pyright=None):
    with tempfile.TemporaryDirectory() as folder:
        found = told(pyright or pyright_in(Path(folder) / "pyright"), folder)
    bad = [s for s in found["symbols"] if s["isExported"] and (not s["isTypeKnown"] or s["isTypeAmbiguous"])]
    rooms = Counter(s["name"].split(".")[1] for s in bad)
    score = 100 * found["completenessScore"]
    print(f"{score:.2f} % of {sum(found['exportedSymbolCounts'].values()):,} symbols have a known type; not known:")
    print(", ".join(f"{room} {count}" for room, count in rooms.most_common()) or "none")
    if score < FLOOR:
        print(f"the floor is {FLOOR} %; for each symbol and its reason: pyright --verifytypes difflab --ignoreexternal")
    return 1 if score < FLOOR else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
