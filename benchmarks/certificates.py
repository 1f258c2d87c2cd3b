"""Certificates against a referee: `python -m benchmarks.certificates --cases 100000 --seed 0 --jobs 2`.

Random functions over all rows that have enclosures, as text and as traced NumPy, at ordinary points and at kinks,
branch points, edges of domains, tails, denormals, zeros and ties. Each answer of `certify` is judged by mpmath, which
evaluates the expression itself at 50 digits and more and uses nothing of difflab (`benchmarks/referee/`). A false
answer is printed with lines to paste; what mpmath cannot settle is counted as unjudged. `--only N` shows one case. The
exit status is 1 where an answer is false, or where fewer than 97 % of smooth points with ordinary values are certified.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial

from .referee.generate import generate
from .referee.hearing import SECONDS, Outcome, hear, hear_case

CHUNK = 50
SHARE = 0.97  # of smooth points with ordinary values: so many are to be certified


def main() -> int:
    read = argparse.ArgumentParser(prog="python -m benchmarks.certificates", description=__doc__.splitlines()[0])
    read.add_argument("--cases", type=int, default=100_000)
    read.add_argument("--first", type=int, default=0, help="the number of the first case")
    read.add_argument("--seed", type=int, default=0)
    read.add_argument("--jobs", type=int, default=1)
    read.add_argument("--only", type=int, help="one case, with all that is known about it")
    read.add_argument("--refusals", type=int, default=12, help="so many reasons of smooth cases without a certificate")
    options = read.parse_args()
    if options.only is not None:
        return show_one(options.seed, options.only)
    report = Report(options.refusals)
    start = time.perf_counter()
    for outcome in outcomes(options.seed, options.first, options.cases, options.jobs):
        report.add(outcome)
    report.show(time.perf_counter() - start)
    speed(options.seed)
    return 1 if report.false or report.share < SHARE else 0


def outcomes(seed: int, first: int, count: int, jobs: int, seconds: float = SECONDS) -> Iterator[Outcome]:
    """All outcomes, in order."""
    numbers = range(first, first + count)
    one = partial(hear, seed, seconds=seconds)
    if jobs < 2:
        yield from map(one, numbers)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=40) as pool:
        yield from pool.imap(one, numbers, chunksize=CHUNK)


def show_one(seed: int, index: int) -> int:
    case = generate(seed, index)
    print(case.paste())
    outcome = hear_case(case)
    print(f"{outcome.verdict} in {outcome.seconds * 1e3:.1f} ms; {outcome.reason}")
    print(f"referee: {outcome.found or outcome.unjudged or 'nothing against it'} {outcome.detail}")
    return 1 if outcome.found else 0


class Report:
    """Counts, and the false ones."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.false: list[Outcome] = []
        self.verdicts: Counter[tuple[str, str]] = Counter()
        self.rows: Counter[str] = Counter()
        self.certified_rows: Counter[str] = Counter()
        self.unjudged: Counter[str] = Counter()
        self.smooth: Counter[bool] = Counter()
        self.missed: dict[str, list[Outcome]] = {}
        self.seconds: list[float] = []
        self.slowest = 0

    def add(self, outcome: Outcome) -> None:
        self.verdicts[outcome.kind, outcome.verdict or outcome.found] += 1
        self.rows.update(outcome.rows)
        self.seconds.append(outcome.seconds)
        if outcome.seconds >= max(self.seconds):
            self.slowest = outcome.index
        if outcome.verdict == "certified":
            self.certified_rows.update(outcome.rows)
        if outcome.unjudged:
            self.unjudged[f"{outcome.verdict}: {outcome.unjudged}"] += 1
        if outcome.ordinary:
            self.smooth[outcome.verdict == "certified"] += 1
            if outcome.verdict != "certified":
                self.missed.setdefault(cause(outcome), []).append(outcome)
        if outcome.found:
            self.false.append(outcome)
            where = f"case {outcome.index}, {outcome.kind}"
            print(
                f"FALSE {outcome.verdict} ({outcome.found}), {where}: {outcome.detail[:400]}\n{outcome.paste}",
                flush=True,
            )

    @property
    def share(self) -> float:
        """Of the smooth points with ordinary values, the certified ones."""
        return self.smooth[True] / max(sum(self.smooth.values()), 1)

    def show(self, seconds: float) -> None:
        verdicts = sorted({v for _, v in self.verdicts})
        print(f"\n{sum(self.verdicts.values())} cases in {seconds:.0f} s")
        print(f"{'kind':>10} " + " ".join(f"{v:>18}" for v in verdicts))
        for kind in dict.fromkeys(k for k, _ in self.verdicts):
            print(f"{kind:>10} " + " ".join(f"{self.verdicts[kind, v]:18}" for v in verdicts))
        totals = Counter(v for _, v in self.verdicts.elements())
        print(f"{'all':>10} " + " ".join(f"{totals[v]:18}" for v in verdicts))
        print(f"rows: {len(self.rows)} occur, {len(self.certified_rows)} in a certified case")
        never = sorted(set(self.rows) - set(self.certified_rows))
        print("never certified: " + (", ".join(f"{r} ({self.rows[r]})" for r in never) or "none"))
        print(f"unjudged: {sum(self.unjudged.values())}")
        for what, count in self.unjudged.most_common(12):
            print(f"  {count:6} {what}")
        print(f"smooth points with ordinary values: {sum(self.smooth.values())}, certified {100 * self.share:.2f} %")
        for reason, found in sorted(self.missed.items(), key=lambda item: -len(item[1]))[: self.refusals]:
            print(f"  {len(found):6} {reason}")
            print("         " + min((o.paste for o in found), key=len).replace("\n", "\n         "))
        median, most = statistics.median(self.seconds) * 1e3, max(self.seconds)
        print(f"seconds of certify: median {median:.2f} ms, most {most:.2f} s (case {self.slowest})")
        print(f"FALSE: {len(self.false)} {dict(Counter((o.verdict, o.found) for o in self.false))}")


def cause(outcome: Outcome) -> str:
    """A reason without its numbers and names."""
    reason = re.sub(r"\[[^\]]*\]", "[...]", outcome.reason)
    reason = re.sub(r" of \w+(?=[:( ])|\(t\d+\)", "", reason)
    return f"{outcome.verdict}: {re.sub(r'[-+]?[0-9.]+(e[-+]?[0-9]+)?', '#', reason)[:110]}"


def speed(seed: int, count: int = 300) -> None:
    """How long an expression of 20 operations takes: certify on text, and the certificate alone."""
    import difflab as dl
    from difflab.differentiate.problem import as_problem

    rng = random.Random(seed)
    whole, alone = [], []
    while len(whole) < count:
        text = expression(rng, 20)
        at = {n: round(rng.uniform(0.3, 1.7), 3) for n in "xyz" if n in text}
        start = time.perf_counter()
        answer = dl.certify(text, at)
        middle = time.perf_counter()
        problem = as_problem(text, at)
        after = time.perf_counter()
        dl.certify(problem, at)
        if answer.certified:
            whole.append(middle - start)
            alone.append(time.perf_counter() - after)
    print(
        f"20 operations, {count} certified: certify(text) {statistics.median(whole) * 1e3:.2f} ms in the median, "
        f"the certificate alone {statistics.median(alone) * 1e3:.2f} ms"
    )


UNARY = "sin cos exp tanh arctan square softplus sigmoid".split()


def expression(rng: random.Random, operations: int) -> str:
    """A random expression in x, y and z with so many operations."""
    terms = ["x", "y", "z", "2", "0.5", "x", "y"]
    last = "x"
    for k in range(operations):
        if rng.random() < 0.45:
            last = f"{rng.choice(UNARY)}({last})" if rng.random() < 0.8 else f"log(1 + ({last})**2)"
        else:
            other = rng.choice(terms)
            last = f"({last} {rng.choice('+-*')} {other})"
        if k % 5 == 4:
            last = f"sin({last})"
    return last


if __name__ == "__main__":
    sys.exit(main())
