"""Sparse Jacobians: bundle adjustment whose observations share cameras and points, a call and the first call.

JAX has no sparse Jacobians: its peer is given difflab's colours, and pushes one tangent for each of them. CasADi finds
pattern and colours itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import difflab as dl

from .bundle import errors
from .workload import Workload

CAMERAS, POINTS, OBSERVATIONS = 49, 1500, 4800


def data(observations: int = OBSERVATIONS) -> tuple[Any, ...]:
    """The cameras, points and weights as one vector; which camera sees which point, and the measured features."""
    rng = np.random.default_rng(0)
    means = np.array([0.5, 0.3, 0.2, 0, 0, -5, 1.0, 0, 0, 0.1, 0.05])[:, None]
    cameras = rng.normal(size=(11, CAMERAS)) * 0.1 + means
    parts = [cameras, rng.normal(size=(3, POINTS)), rng.random(observations) + 0.5]
    seen_by, seen = rng.integers(0, CAMERAS, observations), rng.integers(0, POINTS, observations)
    return np.concatenate([p.ravel() for p in parts]), seen_by, seen, rng.normal(size=(2, observations))


def residuals(m: Any, v: Any, seen_by: Any, seen: Any, features: Any) -> Any:
    cameras, points = v[: 11 * CAMERAS].reshape(11, CAMERAS), v[11 * CAMERAS : 11 * CAMERAS + 3 * POINTS]
    ex, ey = errors(
        m, cameras[:, seen_by], points.reshape(3, POINTS)[:, seen], v[11 * CAMERAS + 3 * POINTS :], features
    )
    return m.concatenate([ex, ey])


def matrix_of(where: Any) -> Any:
    return dl.jacobian(lambda v: residuals(np, v, *where), sparse=True)


def by_difflab(first: bool) -> Any:
    v, *where = data()

    def make() -> Any:
        matrix = matrix_of(where)
        return (lambda: matrix_of(where)(v)) if first else (lambda: matrix(v))

    return make


def by_jax(first: bool) -> Any:
    """The compressed matrix by difflab's colours, its elements read on the host."""

    def make() -> Any:
        import jax

        jax.config.update("jax_enable_x64", True)
        import jax.numpy as jnp

        from difflab.differentiate.colouring import direction, seeds

        v, *where = data()
        pattern = matrix_of(where)(v)
        forward, colours = direction(pattern, "auto")
        assert forward
        rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
        tangents, places = jnp.asarray(seeds(colours, float)), (colours[pattern.indices], rows)

        def program() -> Any:
            f = lambda x: residuals(jnp, x, *where)
            return jax.jit(lambda x: jax.vmap(lambda t: jax.jvp(f, (x,), (t,))[1])(tangents)[places])

        kept = program()

        def run() -> Any:
            made = pattern.copy()
            made.data = np.asarray((program() if first else kept)(v))
            return made

        return run

    return make


def by_hand() -> Any:
    """Two pulls through the blocks of each observation, on arrays gathered beforehand: what the shared cameras cost."""
    v, seen_by, seen, features = data()
    cut = 11 * CAMERAS + 3 * POINTS
    cameras = v[: 11 * CAMERAS].reshape(11, CAMERAS)[:, seen_by]
    points = v[11 * CAMERAS : cut].reshape(3, POINTS)[:, seen]
    ones, none = np.ones(OBSERVATIONS), np.zeros(OBSERVATIONS)

    def run() -> Any:
        _, pull = dl.vjp(lambda c, p, w: errors(np, c, p, w, features), cameras, points, v[cut:])
        return pull((ones, none)), pull((none, ones))

    return run


def workloads() -> list[Workload]:
    name = f"bundle adjustment, {OBSERVATIONS:,} observations, sparse Jacobian"
    jax, hand = "JAX jit, difflab's colours", {"two pulls by blocks, not compiled": by_hand}
    return [
        Workload(name, by_difflab(False), {jax: by_jax(False)}, rtol=1e-7, floors=hand),
        Workload(f"{name}, first call", by_difflab(True), {jax: by_jax(True)}, rtol=1e-7, rounds=3),
    ]
