"""Tables in CSV files: as data to train with, and as rows to predict for."""

from __future__ import annotations

from random import Random

from difflab.errors import DifflabError
from difflab.nn.data import load, read_csv
from difflab.nn.predict import read_samples

from ..mutate import WEIRD_TEXTS, bytes_of, of_bytes, text_of
from .files import file

SECONDS = 2.0
CELLS = (
    "1",
    "0.5",
    "-2e3",
    "nan",
    "inf",
    "1e999",
    "",
    " ",
    "a",
    '"',
    '"a,b"',
    "1_000",
    "0x10",
    "é",
    "\0",
    "٣",
    "1,2",
    "\ufeff",
    "#",
    *WEIRD_TEXTS,
)
ENDS = ("\n", "\n", "\r\n", "\r", "\n\n", "\x0b", "\u2028", "\x1a")


def run(data: bytes) -> None:
    path = file("table.csv", data)
    for read in (
        lambda: repr(load(path)),
        lambda: read_csv(path, label="y"),
        lambda: read_csv(path, label=0),
        lambda: read_samples(path, (2,), False),
    ):
        try:
            read()
        except DifflabError as error:
            str(error)


def seeds() -> list[bytes]:
    return [
        b"a,b,y\n1,2,0\n3,4,1\n5,6,0\n7,8,1\n9,10,1\n",
        b"1,2,cat\r\n3,4,dog\r\n5,6,cat\r\n7,8,dog\r\n9,9,cat\r\n",
        b"\xef\xbb\xbfx,y\n0.5,1.25\n1.5,2.5\n-1e-3,0.125\n2,0.1\n3,0.1\n",
        b'"a ""q""",y\n" 1",2\n2,3\n',
    ]


def mutate(data: bytes, rng: Random) -> bytes:
    if rng.random() < 0.25:
        return of_bytes(data, rng)
    rows = [line.split(",") for line in text_of(data).split("\n")]
    for _ in range(rng.choice((1, 1, 2, 4))):
        row = rng.choice(rows)
        what = rng.randrange(6)
        if what == 0:
            row.insert(rng.randrange(len(row) + 1), rng.choice(CELLS))
        elif what == 1 and len(row) > 1:
            row.pop(rng.randrange(len(row)))
        elif what == 2 and len(rows) < 200:
            rows.extend([r[:2000] for r in rows * rng.choice((1, 1, 5))])
        elif what == 3:
            row[:] = (row * rng.choice((2, 50)))[:2000]
        else:
            row[rng.randrange(len(row))] = rng.choice(CELLS)
    return bytes_of(rng.choice(ENDS).join(",".join(r) for r in rows[:2000]))[:60_000]
