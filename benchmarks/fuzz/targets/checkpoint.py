"""Checkpoints: loaded, predicted with, resumed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from difflab import nn
from difflab.errors import DifflabError
from difflab.nn.predict import predict

from ..mutate import json_text, member_bytes, of_npy, of_tree, of_zip, split_member
from .files import folder

SECONDS = 2.0


@cache
def run_folder() -> Path:
    made = folder() / "run"
    made.mkdir(exist_ok=True)
    np.save(made / "x.npy", np.zeros((2, 2)))
    return made


def train(resume: bool = False) -> nn.Run:
    x, y = nn.data.blobs(12)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 3))
    about = {"sample_shape": [2], "classes": ["a", "b", "c"], "mean": [0.0, 0.0], "std": [1.0, 1.0]}
    optimiser = nn.optim.Adam(lr=0.01)
    return nn.fit(
        model, (x, y), epochs=1, batch_size=6, optimiser=optimiser, out=run_folder(), resume=resume, about=about
    )


def run(data: bytes) -> None:
    for name in ("last.npz", "best.npz"):
        (run_folder() / name).write_bytes(data)
    for use in (
        lambda: nn.load_checkpoint(run_folder() / "best.npz"),
        lambda: predict(run_folder() / "best.npz", [run_folder() / "x.npy"]),
        lambda: train(resume=True),
    ):
        try:
            use()
        except DifflabError as error:
            str(error)


def seeds() -> list[bytes]:
    for path in run_folder().glob("*.npz"):
        path.unlink()
    train()
    return [(run_folder() / name).read_bytes() for name in ("last.npz", "best.npz")]


def mutate(data: bytes, rng: Random) -> bytes:
    return of_zip(data, rng, member)


def member(name: str, content: bytes, rng: Random) -> bytes:
    if name != "about.npy" or rng.random() < 0.1:
        return of_npy(content, rng)
    try:
        _, body = split_member(content)
        text = json_text(of_tree(json.loads(body.decode()), rng), rng)
    except (ValueError, SyntaxError, RecursionError):
        return of_npy(content, rng)
    return member_bytes({"descr": "|u1", "fortran_order": False, "shape": (len(text),)}, text)
