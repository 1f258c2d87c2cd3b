"""Smoke moved through a velocity field that is found, so that the smoke ends as a square: roll, floor, indices."""

import autograd.numpy as np
from autograd import value_and_grad

random = np.random.RandomState(8)
n = 8
rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
start = np.exp(-((rows - 3.0) ** 2 + (columns - 3.0) ** 2) / 4)
target = ((rows > 1) & (rows < 6) & (columns > 1) & (columns < 6)).astype(float)


def projected(vx, vy, rounds=4):
    """With less divergence, by Jacobi's iteration for the pressure."""
    divergence = -0.5 / n * (np.roll(vx, -1, axis=0) - np.roll(vx, 1, axis=0) + np.roll(vy, -1, 1) - np.roll(vy, 1, 1))
    p = np.zeros(vx.shape)
    for _ in range(rounds):
        p = (divergence + np.roll(p, 1, 0) + np.roll(p, -1, 0) + np.roll(p, 1, axis=1) + np.roll(p, -1, axis=1)) / 4.0
    vx = vx - 0.5 * n * (np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0))
    return vx, vy - 0.5 * n * (np.roll(p, -1, axis=1) - np.roll(p, 1, axis=1))


def advected(f, vx, vy):
    """What comes to each cell, between the four cells from which it came."""
    x, y = (rows - vx).ravel(), (columns - vy).ravel()
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, low = x - left, y - top
    left, top = np.mod(left, n), np.mod(top, n)
    left_, top_ = np.mod(left + 1, n), np.mod(top + 1, n)
    moved = (1 - right) * ((1 - low) * f[left, top] + low * f[left, top_]) + right * (
        (1 - low) * f[left_, top] + low * f[left_, top_]
    )
    return np.reshape(moved, f.shape)


def miss(velocities):
    vx, vy = velocities[: n * n].reshape(n, n), velocities[n * n :].reshape(n, n)
    smoke = start
    for _ in range(3):
        vx, vy = projected(advected(vx, vx, vy), advected(vy, vx, vy))
        smoke = advected(smoke, vx, vy)
    return np.mean((target - smoke) ** 2)


at = 0.3 * random.randn(2 * n * n)
value, gradient = value_and_grad(miss)(at)
found = [value, *gradient[::5]]
