"""Small real uses of programs that are written for HIPS/autograd, on difflab.autograd and on autograd itself.

The programs come from the registry. Each use runs in a process of its own, because `install` is for a whole process.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import difflab

USES = {
    "lifelines": """
import lifelines, numpy as np
from lifelines.datasets import load_rossi, load_waltons
data = load_waltons()
one = lifelines.WeibullFitter().fit(data["T"], data["E"])
many = lifelines.WeibullAFTFitter().fit(load_rossi(), "week", "arrest")
found = [*one._fitted_parameters_, *np.diag(one.variance_matrix_), many.log_likelihood_, *many.standard_errors_]
""",
    "pymanopt": """
import numpy as np, pymanopt, autograd.numpy as anp
from pymanopt.manifolds import Stiefel
from pymanopt.optimizers import TrustRegions
np.random.seed(0)
manifold = Stiefel(8, 3)
A = np.random.default_rng(0).normal(size=(8, 8))
cost = pymanopt.function.autograd(manifold)(lambda X: anp.trace(X.T @ (A + A.T) @ X))
found = [TrustRegions(verbosity=0).run(pymanopt.Problem(manifold, cost), initial_point=manifold.random_point()).cost]
""",
    "surpyval": """
import numpy as np, surpyval
x = np.random.default_rng(1).weibull(2, 200) * 10
c = (x > 14).astype(int)
models = [getattr(surpyval, name).fit(np.minimum(x, 14), c) for name in ("Weibull", "Gamma", "LogLogistic")]
found = [v for m in models for v in (*m.params, m.neg_ll())]
""",
    "pyerrors": """
import numpy as np, pyerrors as pe, autograd.numpy as anp
draw = lambda k: np.random.default_rng(k).normal(2 * np.exp(-0.3 * k), 0.01, 500)
y = [pe.Obs([draw(k)], ["e"]) for k in range(6)]
[e.gamma_method() for e in y]
fit = pe.fits.least_squares(np.arange(6), y, lambda a, x: a[0] * anp.exp(-a[1] * x), silent=True)
[e.gamma_method() for e in fit.fit_parameters]
found = [v for e in fit.fit_parameters for v in (e.value, e.dvalue)]
""",
    "pymoo": """
import numpy as np
from pymoo.gradient.automatic import AutomaticDifferentiation
from pymoo.problems import get_problem
found = []
for name in ("zdt1", "dtlz2", "osy", "welded_beam"):
    problem = get_problem(name)
    at = problem.xl + (problem.xu - problem.xl) * np.linspace(0.2, 0.7, 2 * problem.n_var).reshape(2, -1)
    wanted = ["F", "dF", *(["G", "dG"] if problem.n_constr else [])]
    answer = AutomaticDifferentiation(problem).evaluate(at, return_values_of=wanted, return_as_dictionary=True)
    found += [v for key in wanted for v in np.ravel(answer[key])]
""",
    "reliability": """
import numpy as np
from reliability.Fitters import Fit_Gamma_2P, Fit_Weibull_3P
draws = np.random.default_rng(3).weibull(2, 60) * 20 + 5
found = []
for fit in (Fit_Weibull_3P, Fit_Gamma_2P):
    model = fit(failures=draws[:50], right_censored=draws[50:], print_results=False, show_probability_plot=False)
    found += [model.loglik, *model.results["Standard Error"][:2]]
""",
    "autograd_gamma": """
import autograd, autograd_gamma as ag
found = [float(g) for f, at in ((ag.gammainc, (2.0, 1.5)), (ag.betainc, (2.0, 1.5, 0.3)), (ag.gammaincln, (2.0, 1.5)))
         for g in autograd.grad(f, list(range(len(at))))(*at)]
""",
}
# On autograd, reliability's slopes in a gamma function's shape are autograd-gamma's differences; here they are exact.
TOLERANCES = {"reliability": 1e-4}
ENDING = "\nimport json\nprint(json.dumps([float(v) for v in found]))"


def answers(code, *options):
    command = [sys.executable, "-W", "ignore", *options, "-c", code + ENDING]
    root = str(Path(difflab.__file__).parents[1])
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": root, "HOME": "/"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_peers_lane_installs_every_client():
    project = tomllib.loads((Path(difflab.__file__).parents[1] / "pyproject.toml").read_text())
    peers = {line.partition(">")[0].replace("-", "_") for line in project["project"]["optional-dependencies"]["peers"]}
    assert set(USES) <= peers


@pytest.mark.parametrize("client", USES)
def test_clients_give_the_same_results(client):
    for module in (client, "autograd"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: the peers' lane runs this")
    expected = answers(USES[client])
    eager = answers(USES[client], "-m", "difflab.autograd")
    compiled = answers(USES[client], "-m", "difflab.autograd", "--compile")
    tolerance = TOLERANCES.get(client, 1e-6)
    np.testing.assert_allclose(eager, expected, rtol=tolerance)
    np.testing.assert_allclose(compiled, expected, rtol=tolerance)
