"""One process that fuzzes one target for so much processor time; what it finds goes to the folder at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

LARGEST = 60_000  # bytes of an input
SAVE_EVERY = 5.0  # seconds between two states of the counters


class Session:
    """Counts inputs, and keeps the first input of every finding."""

    def __init__(self, name: str, folder: Path, seconds: float) -> None:
        from .targets import target

        self.target, self.folder, self.name = target(name), folder, name
        self.began, self.most, self.saved, self.inputs = time.monotonic(), seconds, 0.0, 0
        self.imported = time.process_time()  # what came before is not fuzzing
        self.known = {p.name.partition(".")[0] for p in folder.glob("findings/*")}
        (folder / "findings").mkdir(parents=True, exist_ok=True)
        self.current = (folder / "current").open("wb", buffering=0)

    def one(self, data: bytes) -> None:
        from .guard import examine

        data = data[:LARGEST]
        self.current.seek(0)
        self.current.write(data)  # where this process dies, its parent finds the input here
        self.current.truncate()
        found = examine(self.target, data)
        self.inputs += 1
        if found is not None:
            self.keep(found.key, data, found.text)
        if time.monotonic() - self.saved > SAVE_EVERY:
            self.save()

    def keep(self, key: str, data: bytes, text: str) -> None:
        if key in self.known:
            return
        self.known.add(key)
        stem = key.replace("/", "_").replace(".", "-")[:120]
        self.known.add(stem)
        path = self.folder / "findings" / f"{stem}.{hashlib.sha256(data).hexdigest()[:8]}"
        path.with_suffix(path.suffix + ".input").write_bytes(data)
        path.with_suffix(path.suffix + ".txt").write_text(text, errors="replace")
        print(f"{self.name}: {key}", flush=True)

    def save(self) -> None:
        self.saved = time.monotonic()
        state = {"inputs": self.inputs, "seconds": self.saved - self.began, "processor": self.spent}
        (self.folder / "state.json").write_text(json.dumps(state))

    @property
    def spent(self) -> float:
        return time.process_time() - self.imported

    @property
    def over(self) -> bool:
        return self.spent > self.most


def plainly(session: Session, seed: int) -> None:
    """Without atheris: mutations of the seeds, and of their mutations."""
    rng, pool = Random(seed), session.target.seeds()
    for data in pool:
        session.one(data)
    while not session.over:
        data = rng.choice(pool)
        for _ in range(rng.choice((1, 1, 2, 4))):
            data = session.target.mutate(data, rng)
        session.one(data)


def guided(session: Session, seed: int, atheris: Any) -> None:
    """atheris keeps the inputs that reach new code of difflab, and mutates them further."""
    corpus = session.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for data in session.target.seeds():
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)

    def mutator(data: bytes, most: int, seed: int) -> bytes:
        rng = Random(seed)
        made = atheris.Mutate(data, most) if rng.random() < 0.25 else session.target.mutate(data, rng)
        return made[:most]

    def test(data: bytes) -> None:
        session.one(data)
        if session.over:
            session.save()
            os._exit(0)

    flags = [
        f"-seed={seed + 1}",
        f"-max_len={LARGEST}",
        f"-artifact_prefix={session.folder}/",
        "-rss_limit_mb=0",
        "-timeout=100000",
        "-verbosity=0",
        "-print_final_stats=0",
    ]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], test, custom_mutator=mutator)
    atheris.Fuzz()


def main(name: str, folder: Path, seconds: float, seed: int, plain: bool) -> None:
    start: Callable[[Session], None] = lambda session: plainly(session, seed)
    try:
        if plain:
            raise ImportError
        import atheris
    except ImportError:
        print(f"{name}: without atheris", flush=True)
        session = Session(name, folder, seconds)
    else:
        with atheris.instrument_imports(include=["difflab"]):
            session = Session(name, folder, seconds)
            for data in session.target.seeds():
                with contextlib.suppress(Exception):
                    session.target.run(data)  # what is imported on the way is instrumented, and atheris says so
        start = lambda session: guided(session, seed, atheris)
    start(session)
    session.save()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "plain")
