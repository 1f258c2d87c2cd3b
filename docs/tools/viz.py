"""Graphviz for the playground: takes the npm package @viz-js/viz apart into a script and the WebAssembly in it.

    python docs/tools/viz.py 3.31.0        # asks npm for the package
    python docs/tools/viz.py viz.tgz       # or takes a file that is here

It writes `viz.js`, `viz.wasm` and `viz.json` (version, licence, the hash of the package and of each file) into
`difflab/draw/playground/assets/`. In the script the call that unpacks the WebAssembly from a text is replaced by
`vizWasm()`, which the page defines; nothing else is changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ASSETS = Path(__file__).parents[2] / "difflab" / "draw" / "playground" / "assets"
PACKAGE = "@viz-js/viz"
LITERAL = re.compile(r"binaryDecode\('((?:\\.|[^'\\])*)'\)", re.DOTALL)
ESCAPES = {"n": "\n", "r": "\r"}


def package(wanted: str) -> Path:
    """The package's archive: a file that is here, or the version that npm has."""
    if Path(wanted).is_file():
        return Path(wanted)
    folder = tempfile.mkdtemp()
    asked = subprocess.run(
        ["npm", "pack", f"{PACKAGE}@{wanted}", "--silent"], cwd=folder, capture_output=True, check=True
    )
    return Path(folder) / asked.stdout.decode().split()[-1]


def parts(script: str) -> tuple[str, bytes]:
    """The script without its WebAssembly, and that, whose bytes are characters there: U+0100 stands for zero."""
    found = LITERAL.search(script)
    if found is None or "o[i]=~c>>8&c" not in script:
        raise SystemExit("the package writes its WebAssembly in another way now; see how, and change docs/tools/viz.py")
    text = re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), found[1], flags=re.DOTALL)
    wasm = bytes(0 if ord(c) > 255 else ord(c) for c in text)
    if wasm[:4] != b"\0asm":
        raise SystemExit(f"this is no WebAssembly: it begins with {wasm[:4]!r}")
    return script[: found.start()] + "vizWasm()" + script[found.end() :], wasm


def renew(archive: Path) -> dict[str, object]:
    """Writes the files; returns what `viz.json` says."""
    with tarfile.open(archive) as tar:
        member = lambda name: tar.extractfile(f"package/{name}").read()  # type: ignore[union-attr]
        about = json.loads(member("package.json"))
        script, wasm = parts(member("dist/viz.cjs").decode())
    written = {"viz.js": script.encode(), "viz.wasm": wasm}
    for name, data in written.items():
        (ASSETS / name).write_bytes(data)
    said = {
        "package": about["name"],
        "version": about["version"],
        "licence": about["license"],
        "sha256": {archive.name: digest(archive.read_bytes())} | {k: digest(v) for k, v in written.items()},
    }
    (ASSETS / "viz.json").write_text(json.dumps(said, indent=1) + "\n")
    return said


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    print(json.dumps(renew(package(sys.argv[1])), indent=1))
