"""Arguments of the commands, one a line."""

from __future__ import annotations

from random import Random

from .. import grammar
from ..mutate import WEIRD_TEXTS, bytes_of, of_bytes, of_tokens, text_of
from .shell import command

SECONDS = 20.0  # what they ask for may be long: 60 levels of a formula, a comparison by all methods
COMMANDS = (
    "mdp",
    "swell",
    "compare",
    "source",
    "draw",
    "step",
    "step-size",
    "descent",
    "accuracy",
    "predict",
    "version",
)
WRITTEN = (
    ("mdp", "gridworld", "--shape", "3x4", "--walls", "1,1;2,1", "--terminals", "0,0;2,3", "--slip", "0.2",
        "--gamma", "0.9"),
    ("mdp", "gridworld", "--method", "finite", "--horizon", "3", "--json"),
    ("swell", "nested", "--depth", "3", "--json"),
    ("compare", "x*y", "--at", "x=1", "--at", "y=2", "--wrt", "x", "--method", "reverse", "--seconds", "0.5"),
    ("source", "sum(v)", "--at", "v=[1,2]"),
    ("step-size", "sin(x)", "--at", "x=1", "--json"),
    ("draw", "-x", "--view", "graph"),
    ("accuracy", "--rows", "sin,exp", "--points", "5", "--no-peers", "--json"),
    ("predict", "best.npz", "x.npy"),
)  # fmt: skip
WORDS = (
    "--json", "--force", "--debug", "--help", "--", "-", "--at", "--wrt", "--method", "--seconds", "--view",
    "--shape", "--slip",
    "--gamma", "--walls", "--terminals", "--tolerance", "--horizon", "--step-reward", "--depth", "--rows",
    "--points", "--seed",
    "nan", "inf", "-1", "1e999", "0", "x", "x=1", "5x5", "0x0", "99999x99999", "1,1", "1;2", "policy_iteration",
    "value_iteration",
    "linear_programming", "finite", "certified", "symbolic:raw", "numerical:central", "forward", "1_0", "٣x٣",
    "²x²", *WEIRD_TEXTS[:12],
)  # fmt: skip


def run(data: bytes) -> None:
    words = [w for w in text_of(data).split("\n") if w and w not in ("--debug", "--help", "-h")]
    written = any(w.startswith("-") and ("o" in w[:3]) for w in words) or any("/" in w or ".." in w for w in words)
    whole = words[:1] == ["accuracy"] and not {"--no-peers", "--rows"} <= {*words}  # all rows take minutes
    if not words or words[0] not in COMMANDS or written or whole:
        return  # nothing is written, and nothing started that runs for long by itself
    if words[0] == "descent":
        words = [*words, "-o", "picture.svg"]
    command(*words)


def seeds() -> list[bytes]:
    return [bytes_of("\n".join(words)) for words in WRITTEN]


def mutate(data: bytes, rng: Random) -> bytes:
    if rng.random() < 0.1:
        return of_bytes(data, rng)
    words = text_of(rng.choice(seeds()) if rng.random() < 0.3 else data).split("\n")
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(1, len(words) + 1)
        what = rng.randrange(5)
        if what == 0:
            words.insert(at, rng.choice(WORDS))
        elif what == 1:
            words[at:] = words[at + 1 :]
        elif what == 2 and at < len(words):
            words[at] = of_tokens(words[at], (*WORDS, *grammar.WORDS), rng)
        elif at < len(words):
            words[at] = rng.choice(WORDS)
    return bytes_of("\n".join(words))
