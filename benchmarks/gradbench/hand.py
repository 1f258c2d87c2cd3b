"""Hand tracking: the distances of measured points from a mesh that a hand's 22 bones move, and their Jacobian.

26 numbers pose the hand: a turn (axis times angle), a shift, and four angles for each finger. In the simple form each
point belongs to a vertex; in the complicated one it lies in a triangle, at two coordinates of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..workload import Workload
from .family import in_libraries

FINGERS, JOINTS = 5, 4
BONES = 1 + FINGERS * JOINTS + 1  # the wrist, the fingers, the forearm
PARENTS = [-1, *[0 if j == 0 else 4 * k + j for k in range(FINGERS) for j in range(JOINTS)], 0]
SEEDS = 2  # directions of a triangle's coordinates: the points do not depend on each other's


@dataclass
class Hand:
    """The mesh at rest: bones relative to their parents and their inverses, vertices, weights, and the measurement."""

    relative: Any  # (bones, 4, 4)
    inverse: Any  # (bones, 4, 4), of the absolute ones
    vertices: Any  # (4, V)
    weights: Any  # (bones, V)
    corners: Any  # (points,) or (3, points)
    measured: Any  # (3, points)


def angle_places() -> Any:
    """For each bone and axis its place in (theta, 0): the base of a finger has two angles, the next joints one."""
    places = np.full((BONES, 3), 26)
    for k in range(FINGERS):
        first, bone = 6 + 4 * k, 1 + JOINTS * k
        places[bone + 1, 0], places[bone + 1, 1] = first, first + 1
        places[bone + 2, 0], places[bone + 3, 0] = first + 2, first + 3
    return places


def hand(vertices: int, points: int, complicated: bool) -> tuple[Hand, tuple[Any, ...]]:
    """A random hand and its arguments: theta (26,), and the triangles' coordinates (2, points)."""
    rng = np.random.default_rng(0)
    turns = np.linalg.qr(rng.normal(size=(BONES, 3, 3)))[0]
    relative = np.tile(np.eye(4), (BONES, 1, 1))
    relative[:, :3, :3], relative[:, :3, 3] = turns, rng.normal(size=(BONES, 3))
    absolute: list[Any] = []
    for parent, r in zip(PARENTS, relative):
        absolute.append(r if parent < 0 else absolute[parent] @ r)
    places = np.vstack([rng.normal(size=(3, vertices)), np.ones(vertices)])
    weights = rng.random((BONES, vertices)) ** 8
    shape = (3, points) if complicated else (points,)
    corners, measured = rng.integers(0, vertices, shape), rng.normal(size=(3, points))
    found = Hand(relative, np.linalg.inv(absolute), places, weights / weights.sum(0), corners, measured)
    theta = rng.normal(size=26) * 0.3
    return found, (theta, rng.random((2, points)) * 0.5) if complicated else (theta,)


def euler(m: Any, angles: Any) -> Any:
    """(n, 4, 4) transformations that turn about the x, then the y, then the z axis; angles (n, 3) in order x, z, y."""
    c, s = m.cos(angles), m.sin(angles)
    cx, cz, cy, sx, sz, sy = c[:, 0], c[:, 1], c[:, 2], s[:, 0], s[:, 1], s[:, 2]
    none, one = 0.0 * cx, 0.0 * cx + 1.0
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx, none],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx, none],
        [-sy, cy * sx, cy * cx, none],
        [none, none, none, one],
    ]
    return m.stack([m.stack(row, 1) for row in rows], 1)


def turned(m: Any, w: Any) -> Any:
    """The rotation about w by its length, by Rodrigues' formula."""
    angle = m.sqrt(m.sum(w * w))
    x, y, z = w[0] / angle, w[1] / angle, w[2] / angle
    c, s = m.cos(angle), m.sin(angle)
    rows = [
        [x * x + (1.0 - x * x) * c, x * y * (1.0 - c) - z * s, x * z * (1.0 - c) + y * s],
        [x * y * (1.0 - c) + z * s, y * y + (1.0 - y * y) * c, y * z * (1.0 - c) - x * s],
        [x * z * (1.0 - c) - y * s, y * z * (1.0 - c) + x * s, z * z + (1.0 - z * z) * c],
    ]
    return m.stack([m.stack(row) for row in rows])


def skinned(lib: Any, of: Hand, theta: Any) -> Any:
    """The vertices (3, V) in the pose."""
    m, constant = lib.m, lib.constant
    angles = m.concatenate([theta, 0.0 * theta[:1]])[constant(angle_places())]
    relative = constant(of.relative) @ euler(m, angles)
    absolute: list[Any] = []
    for k, parent in enumerate(PARENTS):
        absolute.append(relative[k] if parent < 0 else absolute[parent] @ relative[k])
    moves = m.stack(absolute) @ constant(of.inverse)
    moved = moves[:, :3] @ constant(of.vertices)  # (bones, 3, V)
    blended = m.sum(moved * constant(of.weights)[:, None, :], 0)
    return turned(m, theta[:3]) @ blended + theta[3:6][:, None]


def errors(of: Hand) -> Any:
    def f(lib: Any, theta: Any, coordinates: Any = None) -> Any:
        places, corners = skinned(lib, of, theta), lib.constant(of.corners)
        if coordinates is None:
            return lib.constant(of.measured) - places[:, corners]
        u, v = coordinates[0], coordinates[1]
        at = [places[:, corners[k]] for k in range(3)]
        return lib.constant(of.measured) - (u * at[0] + v * at[1] + (1.0 - u - v) * at[2])

    return f


def jacobian(of: Hand, args: tuple[Any, ...]) -> Any:
    """The columns: one for each of theta, and two for all coordinates, as each moves its own point only."""
    count = 26 + SEEDS * (len(args) - 1)
    directions = [np.eye(count, 26)]
    if len(args) > 1:
        seeds = np.zeros((count, *args[1].shape))
        seeds[26, 0] = seeds[27, 1] = 1.0
        directions.append(seeds)

    def columns(lib: Any, *point: Any) -> Any:
        f = lambda *p: errors(of)(lib, *p)
        push = lib.vmap(lambda *direction: lib.jvp(f, point, direction)[1])
        return push(*[lib.constant(d) for d in directions])

    return columns


def workloads(quick: bool = False) -> list[Workload]:
    found = []
    sizes = (("tiny", 12, 5),) if quick else (("small", 544, 100), ("big", 10_000, 5_000))
    for size, vertices, points in sizes:
        for form in ("simple", "complicated"):
            of, args = hand(vertices, points, form == "complicated")
            name = f"hand tracking, {form}, {size} mesh of {vertices:,} vertices, {points:,} points"
            peers = ("JAX jit", "torch", "autograd")
            found.append(in_libraries(f"{name}: value", errors(of), args, peers))
            found.append(in_libraries(f"{name}: Jacobian", jacobian(of, args), args, peers))
    return found
