"""python -m benchmarks.judged [--write]: JAX's and PyTorch's derivatives at points where derivatives go wrong, judged.

Known threads in the frameworks' trackers are the cases: tails, cancellation, points where a formula has 0/0, kinks.
`--write` writes the table to docs/judged.md. The verdicts are those of `dl.judge`.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import difflab as dl
from difflab import files

PAGE = Path(__file__).parents[1] / "docs" / "judged.md"
# name, points, JAX's function, PyTorch's; {} stands for the argument. Vectors are summed.
CASES: list[tuple[str, list[Any], str, str]] = [
    ("tanh", [0.3, 20.0, -20.0, 1e-9], "jnp.tanh({})", "torch.tanh({})"),
    ("sigmoid", [0.3, 40.0, -40.0, -700.0], "jax.nn.sigmoid({})", "torch.sigmoid({})"),
    ("expm1", [0.3, 1e-10, -40.0], "jnp.expm1({})", "torch.expm1({})"),
    ("log1p", [0.3, 1e-10, -0.999999], "jnp.log1p({})", "torch.log1p({})"),
    ("arcsin", [0.3, 1 - 1e-9, 1 - 1e-15], "jnp.arcsin({})", "torch.asin({})"),
    ("arccos", [0.3, 1 - 1e-9, 1.0], "jnp.arccos({})", "torch.acos({})"),
    ("arctanh", [0.3, 1 - 1e-9], "jnp.arctanh({})", "torch.atanh({})"),
    ("arccosh", [1.5, 1 + 1e-9], "jnp.arccosh({})", "torch.acosh({})"),
    ("arcsinh", [0.3, 1e10, -1e10], "jnp.arcsinh({})", "torch.asinh({})"),
    ("sinc", [0.3, 0.0, 1e-6, 1e-3], "jnp.sinc({})", "torch.sinc({})"),
    ("sqrt", [0.3, 0.0], "jnp.sqrt({})", "torch.sqrt({})"),
    ("softplus", [0.3, 40.0, -40.0], "jax.nn.softplus({})", "torch.nn.functional.softplus({})"),
    ("log_sigmoid", [0.3, 40.0, -40.0], "jax.nn.log_sigmoid({})", "torch.nn.functional.logsigmoid({})"),
    ("silu", [0.3, -40.0, 40.0], "jax.nn.silu({})", "torch.nn.functional.silu({})"),
    ("gelu", [0.3, -8.0, 8.0], "jax.nn.gelu({}, approximate=False)", "torch.nn.functional.gelu({})"),
    ("erf", [0.3, 5.0, -5.0], "jax.scipy.special.erf({})", "torch.erf({})"),
    ("erfinv", [0.3, 1 - 1e-9], "jax.scipy.special.erfinv({})", "torch.erfinv({})"),
    ("lgamma", [0.3, 1e-8, 50.0], "jax.scipy.special.gammaln({})", "torch.lgamma({})"),
    ("digamma", [0.3, 1e-8, 50.0], "jax.scipy.special.digamma({})", "torch.digamma({})"),
    ("xlogy at 0", [0.0], "jax.scipy.special.xlogy({}, 2.0)", "torch.xlogy({}, torch.tensor(2.0))"),
    ("x ** 2.5", [0.3, 0.0], "{} ** 2.5", "{} ** 2.5"),
    ("tan", [0.3, np.pi / 2], "jnp.tan({})", "torch.tan({})"),
    ("abs", [0.3, 0.0], "jnp.abs({})", "torch.abs({})"),
    ("relu", [0.3, 0.0], "jax.nn.relu({})", "torch.relu({})"),
    ("clip at its bound", [0.3, 1.0], "jnp.clip({}, 0.0, 1.0)", "torch.clamp({}, 0.0, 1.0)"),
    ("max of equal numbers", [[1.0, 1.0, 0.5]], "jnp.max({})", "torch.max({})"),
    ("norm at 0", [[0.0, 0.0]], "jnp.linalg.norm({})", "torch.linalg.norm({})"),
    ("std of equal numbers", [[2.0, 2.0, 2.0]], "jnp.std({})", "torch.std({})"),
    ("where(x > 0, sqrt(x), 0)", [-1.0], "jnp.where({0} > 0, jnp.sqrt({0}), 0.0)",
     "torch.where({0} > 0, torch.sqrt({0}), 0.0)"),
    ("where(x != 0, sin(x) / x, 1)", [0.0], "jnp.where({0} != 0, jnp.sin({0}) / {0}, 1.0)",
     "torch.where({0} != 0, torch.sin({0}) / {0}, torch.ones_like({0}))"),
    ("logsumexp", [[0.0, -800.0, 1.0]], "jax.scipy.special.logsumexp({})", "torch.logsumexp({}, 0)"),
    ("log(softmax)", [[0.0, -100.0, 1.0]], "jnp.log(jax.nn.softmax({}))", "torch.log(torch.softmax({}, 0))"),
    ("cumprod with a 0", [[2.0, 0.0, 3.0]], "jnp.cumprod({})", "torch.cumprod({}, 0)"),
    ("prod with a 0", [[2.0, 0.0, 3.0]], "jnp.prod({})", "torch.prod({})"),
    ("hypot", [[3.0, 4.0]], "jnp.hypot({0}[0], {0}[1])", "torch.hypot({0}[0], {0}[1])"),
    ("arctan2", [[1e-200, 1e-200]], "jnp.arctan2({0}[0], {0}[1])", "torch.atan2({0}[0], {0}[1])"),
    ("logaddexp", [[800.0, 1.0]], "jnp.logaddexp({0}[0], {0}[1])", "torch.logaddexp({0}[0], {0}[1])"),
    ("det of a singular matrix", [[[1.0, 2.0], [2.0, 4.0]]], "jnp.linalg.det({})", "torch.linalg.det({})"),
    ("cosine similarity of 0", [[0.0, 0.0]],
     "jnp.dot({0}, jnp.ones(2)) / jnp.linalg.norm({0})",
     "torch.nn.functional.cosine_similarity({0}, torch.ones_like({0}), 0)"),
]  # fmt: skip


def judgements(dtype: str) -> Iterator[tuple[str, str, Any, Any]]:
    """Framework, case, point, and what the judge says, or the reason why it says nothing."""
    import jax
    import jax.numpy as jnp
    import torch

    for name, points, of_jax, of_torch in CASES:
        for at in points:
            point = np.asarray(at, dtype)
            for framework, text, total in (("JAX", of_jax, "jnp.sum"), ("PyTorch", of_torch, "torch.sum")):
                space: dict[str, Any] = {"jax": jax, "jnp": jnp, "torch": torch}
                f: Callable[[Any], Any] = eval(f"lambda x: {total}({text.format('x')})", space)
                f.__name__ = name
                try:
                    yield framework, name, at, dl.judge(f, point, framework=framework.lower().removeprefix("py"))
                except dl.DifflabError as error:
                    yield framework, name, at, str(error).splitlines()[0]


def row(name: str, at: Any, found: Any) -> list[str]:
    at = f"{at:.16g}" if isinstance(at, float) else str(at)
    if isinstance(found, str):
        return [name, at, "not judged", "", "", found[:80]]
    worst = next(iter(found.findings), None)
    if worst is None:
        return [name, at, "right", "", "", ""]
    truth = f"{worst.ours:.9g}" if worst.kind in ("bug", "rounding") else worst.reason.partition(";")[0]
    ulps = f"{worst.ulps:.2g}" if np.isfinite(worst.ulps) and worst.kind in ("bug", "rounding") else ""
    return [name, at, f"{worst.kind} ({worst.operation})", f"{worst.theirs:.9g}", truth, ulps]


def page(dtype: str = "float64") -> str:
    tables: dict[str, list[list[str]]] = {"JAX": [], "PyTorch": []}
    for framework, name, at, found in judgements(dtype):
        tables[framework].append(row(name, at, found))
        print(framework, *tables[framework][-1], sep=" | ", flush=True)
    versions = f"JAX {version('jax')} and torch {version('torch').partition('+')[0]}"
    lines = [
        "# Derivatives of JAX and PyTorch, judged",
        "",
        "Written by `python -m benchmarks.judged --write`: what `dl.judge` says of the frameworks' derivatives in",
        f"{dtype}, on a CPU, with {versions}, at points where trackers have threads about wrong ones.",
        "A *bug* is off by more than rounding explains (a formula that gives 0 where the derivative is 1e-17 is one,",
        "and seldom matters); a *convention* lies between the one-sided derivatives of a kink, a *kink* does not. How",
        "it is "
        "judged: [bring your own code](bring.md).",
    ]  # fmt: skip
    for framework, rows in tables.items():
        wrong = sum(cells[2].startswith("bug") for cells in rows)
        head = f"{len(rows)} derivatives, {wrong} of them wrong by more than rounding."
        lines += ["", f"## {framework}", "", head, "", "| function | at | verdict | theirs | truth | ulps |"]
        lines += [
            "|---|---|---|---|---|---|",
            *[f"| {' | '.join(c.replace('|', '/') for c in cells)} |" for cells in rows],
        ]
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        text = page(asked.dtype)
    if asked.write:
        files.write(PAGE, text, force=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
