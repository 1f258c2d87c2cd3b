"""python -m benchmarks.autograd_clients [--rounds N] [NAME ...]: fits of programs that are written for HIPS/autograd.

Each fit of lifelines, pymanopt and SurPyval runs in three processes, which take turns: on autograd, on
`difflab.autograd`, and there with `compile_gradients()`. A process answers with the processor time of a fit and its
numbers; those are compared with autograd's before a time counts. The first fit of a process, with what it imports and
records, is told apart from the least of the later ones. A round is one fit in each process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Fit = Callable[[], Any]
WAYS = {"autograd": [], "difflab": ["-m", "difflab.autograd"], "compiled": ["-m", "difflab.autograd", "--compile"]}
AGREE = 1e-5  # optimisers stop where a gradient is small, and roundings decide at which step


def lifelines_fits() -> dict[str, Fit]:
    import lifelines
    from lifelines.datasets import load_rossi, load_waltons

    waltons, rossi = load_waltons(), load_rossi()
    settings: dict[str, dict[str, Any]] = {
        "SplineFitter": {"knot_locations": [10, 30, 60]},
        "PiecewiseExponentialFitter": {"breakpoints": [20, 50]},
        "PiecewiseExponentialRegressionFitter": {"breakpoints": [20, 40]},
    }

    def one(name: str) -> Fit:
        def fit() -> Any:
            model = getattr(lifelines, name)(**settings.get(name, {})).fit(waltons["T"], waltons["E"])
            return [*model._fitted_parameters_, *np.diag(model.variance_matrix_)]

        return fit

    def regression(name: str) -> Fit:
        def fit() -> Any:
            model = getattr(lifelines, name)(**settings.get(name, {})).fit(rossi, "week", "arrest")
            return [model.log_likelihood_, *model.standard_errors_[:4]]

        return fit

    ones = ("WeibullFitter", "LogNormalFitter", "LogLogisticFitter", "SplineFitter", "PiecewiseExponentialFitter")
    regressions = ("WeibullAFTFitter", "LogNormalAFTFitter", "LogLogisticAFTFitter")
    found = {f"lifelines {n}": one(n) for n in ones}
    return found | {f"lifelines {n}": regression(n) for n in (*regressions, "PiecewiseExponentialRegressionFitter")}


def pymanopt_fits() -> dict[str, Fit]:
    import autograd.numpy as anp
    import pymanopt
    from pymanopt import manifolds, optimizers

    A = np.random.default_rng(0).normal(size=(8, 8))
    A = A + A.T

    def solved(manifold: Any, cost: Any, optimizer: Any) -> Fit:
        def fit() -> Any:
            np.random.seed(0)  # pymanopt draws its starts, and tangents within, from there
            problem = pymanopt.Problem(manifold, pymanopt.function.autograd(manifold)(cost))
            return [optimizer(verbosity=0).run(problem, initial_point=manifold.random_point()).cost]

        return fit

    pair = manifolds.Product([manifolds.Stiefel(8, 2), manifolds.Euclidean(3)])
    trust, conjugate = optimizers.TrustRegions, optimizers.ConjugateGradient
    return {
        "pymanopt Stiefel, trust regions": solved(manifolds.Stiefel(8, 3), lambda X: anp.trace(X.T @ A @ X), trust),
        "pymanopt sphere, conjugate gradient": solved(manifolds.Sphere(8), lambda x: -x @ A @ x, conjugate),
        "pymanopt product, trust regions": solved(
            pair, lambda X, y: anp.trace(X.T @ A @ X) + anp.sum((y - 1) ** 2) * (1 + X[0, 0] ** 2), trust
        ),
    }


def surpyval_fits() -> dict[str, Fit]:
    import surpyval

    x = np.random.default_rng(1).weibull(2, 200) * 10
    x, censored = np.minimum(x, 14), (x > 14).astype(int)
    covariates = np.random.default_rng(2).normal(size=(200, 2))

    def fitted(name: str) -> Fit:
        def fit() -> Any:
            model = getattr(surpyval, name).fit(x, censored)
            return [*model.params, model.neg_ll()]

        return fit

    names = ("Weibull", "Gamma", "LogNormal", "Gumbel", "ExpoWeibull", "LogLogistic", "Rayleigh")
    found = {f"SurPyval {name}": fitted(name) for name in names}
    found["SurPyval WeibullPH"] = lambda: surpyval.WeibullPH.fit(x, covariates, c=censored).params
    return found


FITS = {"lifelines": lifelines_fits, "pymanopt": pymanopt_fits, "surpyval": surpyval_fits}


def answer() -> None:
    """A process: the names of its fits, then for each name that comes in the seconds and the numbers of one fit."""
    warnings.simplefilter("ignore")
    fits: dict[str, Fit] = {}
    for client in sys.argv[2:]:
        fits |= FITS[client]()
    print(json.dumps(list(fits)), flush=True)
    for line in sys.stdin:
        start = time.process_time()
        found = fits[line.strip()]()
        seconds = time.process_time() - start
        print(json.dumps([seconds, np.ravel(np.asarray(found, float)).tolist()]), flush=True)


class Process:
    """One of the ways, waiting for the next fit."""

    def __init__(self, options: list[str], clients: list[str]) -> None:
        command = [sys.executable, "-W", "ignore", *options, str(Path(__file__)), "--answer", *clients]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.names: list[str] = self.read()

    def read(self) -> Any:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit("a process ended before it answered; what it said stands above")
        return json.loads(line)

    def fit(self, name: str) -> tuple[float, list[float]]:
        assert self.child.stdin is not None
        self.child.stdin.write(name + "\n")
        self.child.stdin.flush()
        seconds, found = self.read()
        return seconds, found


def measured(name: str, processes: dict[str, Process], rounds: int) -> tuple[dict[str, list[float]], float]:
    """The seconds of each round by way, and the largest difference of a number from autograd's."""
    seconds: dict[str, list[float]] = {way: [] for way in processes}
    worst = 0.0
    for k in range(rounds):
        results = {}
        for way in np.roll(list(processes), k):  # whoever comes first meets the coldest caches
            spent, results[way] = processes[way].fit(name)
            seconds[way].append(spent)
        expected = np.array(results["autograd"])
        for found in results.values():
            worst = max(worst, float(np.max(np.abs(np.array(found) - expected) / (np.abs(expected) + 1e-12))))
    return seconds, worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *FITS], metavar="NAME", help="lifelines, pymanopt, surpyval")
    parser.add_argument("--rounds", type=int, default=8)
    asked = parser.parse_args()
    processes = {way: Process(options, asked.names or list(FITS)) for way, options in WAYS.items()}
    print("| fit | autograd, ms | autograd / difflab | autograd / compiled | first fit: / difflab | / compiled |")
    print("|---|---|---|---|---|---|")
    totals, wrong = dict.fromkeys(WAYS, 0.0), []
    for name in processes["autograd"].names:
        seconds, worst = measured(name, processes, asked.rounds)
        least, first = (
            {way: pick(s) for way, s in seconds.items()} for pick in (lambda s: min(s[1:] or s), lambda s: s[0])
        )
        totals = {way: totals[way] + least[way] for way in WAYS}
        ratios = [t["autograd"] / t[way] for t in (least, first) for way in ("difflab", "compiled")]
        told = "" if worst <= AGREE else f" differs by {worst:.0e}"
        wrong += [name] if told else []
        print(
            f"| {name}{told} | {1e3 * least['autograd']:.1f} | {' | '.join(f'{r:.2f}' for r in ratios)} |", flush=True
        )
    print("all: " + ", ".join(f"{way} {s:.2f} s" for way, s in totals.items()))
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(answer() if "--answer" in sys.argv[1:2] else main())
