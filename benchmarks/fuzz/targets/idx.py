"""IDX files: the first byte says which of a folder's four files the rest is."""

from __future__ import annotations

import gzip
import struct
from functools import cache
from pathlib import Path
from random import Random

from difflab.nn.data import load, read_idx

from ..mutate import of_bytes
from .files import folder

SECONDS = 2.0
ROLES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
CODES = (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E)


def idx(code: int, sizes: tuple[int, ...], body: bytes) -> bytes:
    return bytes((0, 0, code, len(sizes) % 256)) + b"".join(struct.pack(">I", n % 2**32) for n in sizes) + body


IMAGES, LABELS = idx(8, (3, 2, 2), bytes(range(12))), idx(8, (3,), b"\0\1\2")


@cache
def home() -> Path:
    made = folder() / "idx"
    made.mkdir(exist_ok=True)
    return made


def run(data: bytes) -> None:
    role = data[0] % 4 if data else 0
    for k, name in enumerate(ROLES):
        (home() / name).write_bytes(data[1:] if k == role else LABELS if k % 2 else IMAGES)
    read_idx(home() / ROLES[role])
    repr(load(home()))


def seeds() -> list[bytes]:
    plain = [bytes([k]) + (LABELS if k % 2 else IMAGES) for k in range(4)]
    others = [b"\0" + idx(code, (3, 2, 2), bytes(12 * size)) for code, size in zip(CODES, (1, 1, 2, 4, 4, 8))]
    return [*plain, *others, b"\0" + gzip.compress(IMAGES, mtime=0), b"\1" + gzip.compress(LABELS, mtime=0)]


def mutate(data: bytes, rng: Random) -> bytes:
    role, body = data[:1] or b"\0", data[1:]
    what = rng.random()
    if what < 0.25:
        return of_bytes(data, rng)
    packed = body[:2] == b"\x1f\x8b"
    if packed and what < 0.6:
        return role + of_bytes(body, rng)
    sizes = tuple(
        rng.choice((0, 1, 2, 3, 4, 255, 65536, 2**31, 2**32 - 1))
        for _ in range(rng.choice((0, 1, 1, 2, 3, 3, 4, 5, 65, 255)))
    )
    count = 1
    for n in sizes:
        count *= n
    code = rng.choice((*CODES, 0, 7, 10, 255))
    filled = rng.choice(
        (rng.randbytes(min(count * 8, 4000)), bytes(min(count, 4000)), rng.randbytes(rng.randrange(64)))
    )
    made = idx(code, sizes, filled)
    return bytes([rng.randrange(4)]) + (gzip.compress(made, mtime=0) if rng.random() < 0.3 else made)
