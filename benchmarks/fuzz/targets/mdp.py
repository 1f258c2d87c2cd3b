"""Decision processes in files: .npz (dense, and as mdp.save writes them), .json and maps; small ones are solved."""

from __future__ import annotations

import io
import json
from functools import cache
from random import Random

import numpy as np

from difflab import mdp
from difflab.mdp.files import parse

from ..mutate import WEIRD_TEXTS, bytes_of, json_text, of_bytes, of_npy, of_tokens, of_tree, of_zip, text_of
from .files import folder

SECONDS = 2.0
SOLVED = 30  # states, up to which a process is also solved
MAP = "S.#G\n....\nH.#.\n"
TABLE = {"discount": 0.9, "transitions": [[0, 0, 0.5, 1, 1.0], [0, 0, 0.5, 0, 0.0], [0, 1, 1, 1, 2]], "terminals": [1]}
NAMED = {"discount": 0.5, "transitions": [["a", "go", 1, "b", 1], ["b", "stay", 1, "b", 0]], "terminals": ["b"]}
CELLS = ("#", ".", "G", "H", "S", " ", "\n", "\r\n", "x", "é", "\0", "\t", "\u2028", "\x0c")


def run(data: bytes) -> None:
    process = parse(data)
    repr(process)
    if process.n_states <= SOLVED and process.n_actions <= SOLVED:
        process.solve()


@cache
def seeds() -> list[bytes]:
    found = [MAP.encode(), json.dumps(TABLE).encode(), json.dumps(NAMED).encode()]
    for k, process in enumerate((mdp.gridworld((2, 3)), mdp.gridworld((2, 2), slip=0.2, discount=0.9))):
        found.append(mdp.save(process, folder() / f"seed{k}.npz", force=True).read_bytes())
    out = io.BytesIO()
    P = np.array([np.eye(2), [[0, 1], [1, 0]]])
    np.savez(out, P=P, R=np.array([[0.0, -1.0], [1.0, 0.0]]), discount=np.float64(0.9), terminals=np.array([1]))
    return [*found, out.getvalue()]


def mutate(data: bytes, rng: Random) -> bytes:
    if data[:2] == b"PK":
        return of_zip(data, rng, lambda name, content, rng: of_npy(content, rng))
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            tree = of_tree(json.loads(data), rng)
        except (ValueError, RecursionError):
            return of_bytes(data, rng)
        made = json_text(tree, rng)
        return (
            made
            if rng.random() < 0.9
            else bytes_of(of_tokens(text_of(made), ('"', "{", "}", "NaN", "1e999", *WEIRD_TEXTS), rng))
        )
    if rng.random() < 0.3:
        return of_bytes(data, rng)
    text = list(text_of(data) or MAP)
    for _ in range(rng.choice((1, 2, 8))):
        at = rng.randrange(len(text) + 1)
        text[at : at + rng.choice((0, 1, 1, 3))] = rng.choice(CELLS) * rng.choice((1, 1, 1, 40))
        text = text or ["."]
    return bytes_of("".join(text))[:20_000]
