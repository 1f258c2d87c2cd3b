"""Files to predict for: .npy arrays and pictures, told apart by how they begin."""

from __future__ import annotations

import io
from random import Random

import numpy as np
from PIL import Image

from difflab.errors import DifflabError
from difflab.nn.predict import read_samples

from ..mutate import of_bytes, of_npy
from .files import file

SECONDS = 2.0
KINDS = ("PNG", "BMP", "GIF", "PPM", "JPEG", "TIFF", "WEBP")


def run(data: bytes) -> None:
    array = data[:1] == b"\x93"
    path = file("sample.npy" if array else "sample.png", data)
    for shape in ((1, 2, 2), (3, 2, 2), (4,)):
        try:
            read_samples(path, shape, False)
        except DifflabError as error:
            str(error)


def seeds() -> list[bytes]:
    found = []
    for x in (
        np.arange(8.0).reshape(2, 4),
        np.arange(4, dtype=np.uint8).reshape(1, 2, 2),
        np.float32(1),
        np.zeros((0, 4)),
    ):
        out = io.BytesIO()
        np.save(out, x)
        found.append(out.getvalue())
    for kind in KINDS:
        for mode in ("L", "RGB"):
            out = io.BytesIO()
            Image.new(mode, (5, 4), 100 if mode == "L" else (1, 2, 3)).save(out, kind)
            found.append(out.getvalue())
    return found


def mutate(data: bytes, rng: Random) -> bytes:
    return of_npy(data, rng) if data[:1] == b"\x93" else of_bytes(data, rng)
