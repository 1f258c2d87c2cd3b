"""ADBench's bundle adjustment: the 2 x 15 blocks of the Jacobian of 20,000 reprojection errors."""

from __future__ import annotations

from typing import Any

import numpy as np

import difflab as dl

from .workload import Workload

OBSERVATIONS = 20_000


def data() -> tuple[Any, Any, Any, Any]:
    """Cameras (11, n), points (3, n), weights (n,) and measured features (2, n)."""
    rng = np.random.default_rng(0)
    n = OBSERVATIONS
    cameras = rng.normal(size=(11, n)) * 0.1 + np.array([0.5, 0.3, 0.2, 0, 0, -5, 1.0, 0, 0, 0.1, 0.05])[:, None]
    return cameras, rng.normal(size=(3, n)), rng.random(n) + 0.5, rng.normal(size=(2, n))


def errors(m: Any, cam: Any, point: Any, weight: Any, feature: Any) -> tuple[Any, Any]:
    """The weighted differences between projected and measured image points (Rodrigues rotation, radial distortion)."""
    rx, ry, rz = cam[0], cam[1], cam[2]
    dx, dy, dz = point[0] - cam[3], point[1] - cam[4], point[2] - cam[5]
    angle2 = rx * rx + ry * ry + rz * rz
    angle = m.sqrt(angle2)
    c, s = m.cos(angle), m.sin(angle) / angle
    t = (rx * dx + ry * dy + rz * dz) * (1.0 - c) / angle2
    px = dx * c + (ry * dz - rz * dy) * s + rx * t
    py = dy * c + (rz * dx - rx * dz) * s + ry * t
    pz = dz * c + (rx * dy - ry * dx) * s + rz * t
    u, v = px / pz, py / pz
    r2 = u * u + v * v
    distortion = 1.0 + cam[9] * r2 + cam[10] * r2 * r2
    ex = weight * (cam[6] * u * distortion + cam[7] - feature[0])
    ey = weight * (cam[6] * v * distortion + cam[8] - feature[1])
    return ex, ey


def by_difflab() -> Any:
    """Each observation's errors depend on its own parameters alone: two pulls of ones give all blocks."""
    cams, points, weights, features = data()
    ones, none = np.ones(OBSERVATIONS), np.zeros(OBSERVATIONS)

    def blocks(c: Any, p: Any, w: Any, f: Any) -> Any:
        _, pull = dl.vjp(lambda c, p, w: errors(np, c, p, w, f), c, p, w)
        return pull((ones, none)), pull((none, ones))

    program = dl.compile(blocks)
    return lambda: program(cams, points, weights, features)


def by_jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    def one(c: Any, p: Any, w: Any, f: Any) -> Any:
        return errors(jnp, c, p, w, f)

    rows = jax.vmap(jax.jacrev(one, argnums=(0, 1, 2)), in_axes=(1, 1, 0, 1))
    program = jax.jit(rows)
    points = [jnp.asarray(a) for a in data()]

    def run() -> Any:
        found = jax.block_until_ready(program(*points))
        return [[a.T for a in row] for row in found]

    return run


def by_torch(compiled: bool) -> Any:
    def make() -> Any:
        import torch

        points = [torch.tensor(a) for a in data()]
        ones, none = torch.ones(OBSERVATIONS, dtype=torch.float64), torch.zeros(OBSERVATIONS, dtype=torch.float64)
        f = (lambda *a: errors(torch, *a)) if not compiled else torch.compile(lambda *a: errors(torch, *a))

        def run() -> Any:
            xs = [p.detach().requires_grad_() for p in points[:3]]
            y = f(*xs, points[3])
            first = torch.autograd.grad(y, xs, (ones, none), retain_graph=True)
            return first, torch.autograd.grad(y, xs, (none, ones))

        return run

    return make


def by_autograd() -> Any:
    import autograd
    import autograd.numpy as anp

    cams, points, weights, features = data()

    def total(k: int) -> Any:
        return autograd.grad(lambda p: anp.sum(errors(anp, *p, features)[k]))

    first, second = total(0), total(1)
    return lambda: (first((cams, points, weights)), second((cams, points, weights)))


def workloads() -> list[Workload]:
    peers = {"JAX jit": by_jax, "torch.compile": by_torch(True), "torch": by_torch(False), "autograd": by_autograd}
    return [Workload("bundle adjustment, 20,000 observations, block Jacobian", by_difflab, peers, rtol=1e-7)]
