"""Planning over many devices: each has a part of the states, with their rows, and all values while it backs up.

A state's sum over what follows lies on one device whole, so no sum is cut; what goes over all devices is the copy of
the values, and the smallest and the largest change, which round nothing. So the bounds hold as they do on one device:
they count as many roundings as a row has entries, in whatever order these are added (N. Higham, "Accuracy and Stability
of Numerical Algorithms", section 3.1), and beside them what the device flushes to 0.
"""

from __future__ import annotations

import math
import zlib
from functools import cache, cached_property, partial
from importlib import import_module

import numpy as np

from ..compile.xla.carrier import jax, x64
from ..compile.xla.mesh import AXIS, SPLIT, Mesh, in_company, processes, same_everywhere
from ..errors import InputError, UnsupportedError
from ..types import Array, Function, Value
from .bounds import Bounds
from .process import MDP
from .run import AT_REST, Run
from .solution import Found
from .types import Floats

TINY = 2.0**-1022  # what is smaller may count as 0 on a device
PATIENCE = 2000
MOST_SWEEPS = 60  # of one policy, between improvements
MOST_TERMS = 10_000_000  # of a linear system's series


class DeviceBounds(Bounds):
    """Bounds of backups on a device that has no denormal numbers."""

    def noise(self, size: float) -> float:
        """The rounding of a backup of values of this size, and the products, values and sums that became 0."""
        return super().noise(size) + (3 * self.longest + 8) * TINY


def whole_devices(devices: object, what: str) -> Mesh:
    if not isinstance(devices, int) or isinstance(devices, bool) or devices < 1:
        raise InputError(f"{what}: devices={devices!r}; give how many of them, at least 1")
    jax()
    return Mesh(devices)


class Cut:
    """A process whose states are cut over the devices of a mesh; rows of states and pairs are filled up to one length.

    In the arrays (states, actions, entries) an action that is missing has the reward -inf, an entry that is missing the
    probability 0. States beyond the last are there so that all devices have equally many.
    """

    def __init__(self, process: MDP, mesh: Mesh, *told: object) -> None:
        self.process: MDP = process
        self.mesh: Mesh = mesh
        P = process.transitions
        self.width: int = max(1, int(np.diff(process.starts).max(initial=0)))
        self.length: int = max(1, int(np.diff(P.indptr).max(initial=0)))
        self.size: int = -(-process.n_states // mesh.count) * mesh.count
        if processes() > 1:  # `told` is what else has to be the same in all of them
            same_everywhere((*hashes(process), mesh.count, *told))
        self.arrays: tuple[Value, ...] = self.placed()

    def placed(self) -> tuple[Value, ...]:
        """Next states, probabilities, rewards, and which states have a value, each device's part made by itself."""
        module, shape = jax(), (self.size, self.width, self.length)
        sharding = self.mesh.along(0)
        parts: list[list[Value]] = [[], [], [], []]
        with x64():
            for device, index in sharding.addressable_devices_indices_map(shape).items():
                a, b, _ = index[0].indices(self.size)
                for found, x in zip(parts, self.block(a, b)):
                    found.append(module.device_put(x, device))
            return tuple(
                module.make_array_from_single_device_arrays((self.size, *found[0].shape[1:]), sharding, found)
                for found in parts
            )

    def block(self, a: int, b: int) -> tuple[Array, ...]:
        """The arrays of the states from a to b."""
        process, P, n = self.process, self.process.transitions, b - a
        last = min(b, process.n_states)
        first = min(a, last)
        pairs = slice(process.starts[first], process.starts[last])
        state = process.states[pairs] - a
        slot = np.arange(pairs.start, pairs.stop) - process.starts[process.states[pairs]]
        lengths = np.diff(P.indptr[pairs.start : pairs.stop + 1])
        row = np.repeat(np.arange(len(lengths)), lengths)
        entries = slice(P.indptr[pairs.start], P.indptr[pairs.stop])
        column = np.arange(entries.stop - entries.start) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        following = np.zeros((n, self.width, self.length), np.int32 if self.size < 2**31 else np.int64)
        probabilities = np.zeros((n, self.width, self.length))
        rewards = np.full((n, self.width), -np.inf)
        following[state[row], slot[row], column] = P.indices[entries]
        probabilities[state[row], slot[row], column] = P.data[entries]
        rewards[state, slot] = process.rewards[pairs]
        alive = np.zeros(n, bool)
        alive[state] = True
        alive[: last - first] &= ~process.terminal[first:last]
        return following, probabilities, rewards, alive

    def vector(self, x: Floats) -> Value:
        """Values (S,) on the devices."""
        return self.mesh.place(np.concatenate([x, np.zeros(self.size - len(x))]), SPLIT)

    def fetch(self, x: Value) -> Floats:
        """Values of states as NumPy's array (S,), or (S, actions)."""
        found: Floats = self.mesh.fetch(x)[: self.process.n_states]
        return found

    def pairs(self, q: Value) -> Floats:
        """Action values on the devices, as a vector over pairs (K,)."""
        states = self.process.states
        found: Floats = self.fetch(q)[states, np.arange(self.process.n_pairs) - self.process.starts[states]]
        return found


def hashes(process: MDP) -> tuple[object, ...]:
    """What tells a process from another one: of two that differ in anything that is computed with, they differ."""
    P = process.transitions
    return process.discount, *map(
        hash_of, (P.data, P.indices, P.indptr, process.rewards, process.starts, process.terminal)
    )


def hash_of(x: Array | None) -> int:
    return 0 if x is None else zlib.crc32(np.ascontiguousarray(x).tobytes())


class Programs:
    """What runs on a mesh: each body sees its device's part of the states. Compiled once for processes of one shape."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh: Mesh = mesh

    def over(self, body: Function, takes: int, numbers: int, gives: int, whole: int) -> Function:
        """The body of so many cut arrays and numbers, which gives so many cut arrays and numbers."""
        module = jax()
        cut, same = (module.sharding.PartitionSpec(AXIS),), (module.sharding.PartitionSpec(),)
        shard = getattr(module, "shard_map", None) or import_module("jax.experimental.shard_map").shard_map
        made = shard(
            body, mesh=self.mesh.mesh, in_specs=cut * takes + same * numbers, out_specs=cut * gives + same * whole
        )
        jitted = module.jit(made)

        def call(*args: Value) -> Value:
            with x64(), in_company():
                return jitted(*args)

        return call

    @cached_property
    def backup(self) -> Function:
        """Of v, `Cut.arrays`, discount and number of states: w, the action values, the choices, and `changes`."""

        def body(v: Value, following: Value, chances: Value, rewards: Value, alive: Value, g: Value, n: Value) -> Value:
            q = looked_ahead(v, following, chances, rewards, g)
            w = jax().numpy.where(alive, jax().numpy.max(q, axis=1), 0.0)
            return w, q, jax().numpy.argmax(q, axis=1), *changes(v, w, n)

        return self.over(body, 5, 2, 3, 3)

    @cached_property
    def sweeps(self) -> Function:
        """Of v, choices, `Cut.arrays`, discount, number of states, and whether there is an end: the values after sweeps
        under the policy that takes these choices, until what has to fall has fallen to a tenth."""

        def body(v: Value, choice: Value, *more: Value) -> tuple[Value]:
            numpy, lax = jax().numpy, jax().lax
            *rows, alive, g, n, ends = more
            mine = [numpy.take_along_axis(x, choice.reshape(-1, *[1] * (x.ndim - 1)), axis=1)[:, 0] for x in rows]

            def sweep(v: Value) -> tuple[Value, Value]:
                w = numpy.where(alive, looked_ahead(v, mine[0], mine[1], mine[2], g), 0.0)
                lo, hi, _ = changes(v, w, n)
                return w, numpy.where(ends, numpy.maximum(numpy.abs(lo), numpy.abs(hi)), hi - lo)

            first, spread = sweep(v)
            on = lambda state: (state[2] < MOST_SWEEPS) & (state[1] > 0.1 * spread)
            return (lax.while_loop(on, lambda state: (*sweep(state[0]), state[2] + 1), (first, spread, 1))[0],)

        return self.over(body, 6, 3, 1, 0)

    def series(self, transpose: bool) -> Function:
        """Of x, b, `Cut.arrays`, discount and aim: x = b + g P x, or with P transposed, again and again until the
        change is at most the aim, or rounding; and the number of terms."""
        return self.to_states if transpose else self.from_states

    @cached_property
    def from_states(self) -> Function:
        def product(x: Value, on: Value, weight: Value) -> Value:
            return jax().numpy.sum(weight * jax().lax.all_gather(x, AXIS, tiled=True)[on], axis=1)

        return self.summed(product, jax().numpy.max, jax().lax.pmax)

    @cached_property
    def to_states(self) -> Function:
        def product(x: Value, on: Value, weight: Value) -> Value:
            sent = jax().numpy.zeros(len(x) * self.mesh.count).at[on].add(weight * x[:, None])
            return jax().lax.psum_scatter(sent, AXIS, tiled=True)

        return self.summed(product, jax().numpy.sum, jax().lax.psum)

    def summed(self, product: Function, many: Function, over: Function) -> Function:
        def body(x: Value, b: Value, following: Value, chances: Value, *rest: Value) -> Value:
            *_, g, aim = rest

            def size(x: Value) -> Value:
                return over(many(jax().numpy.abs(x)), AXIS)

            floor = 2.0**-50 * size(b)

            def ahead(state: tuple[Value, ...]) -> tuple[Value, ...]:
                x, change, _, terms = state
                new = b + product(x, following[:, 0], g * chances[:, 0])
                return new, size(new - x), change, terms + 1

            def unsettled(state: tuple[Value, ...]) -> Value:
                _, change, before, terms = state
                resting = (change <= floor) & (change >= before)
                return (change > aim) & ~resting & (terms < MOST_TERMS)

            x, _, _, terms = jax().lax.while_loop(unsettled, ahead, (x, np.inf, np.inf, 0))
            return x, terms

        return self.over(body, 6, 2, 1, 1)


@cache
def programs(mesh: Mesh) -> Programs:
    return Programs(mesh)


def looked_ahead(v: Value, following: Value, chances: Value, rewards: Value, g: Value) -> Value:
    """Rewards, and the discounted values of what follows."""
    worth = g * jax().lax.all_gather(v, AXIS, tiled=True)
    return rewards + jax().numpy.sum(chances * worth[following], axis=-1)


def changes(v: Value, w: Value, count: Value) -> tuple[Value, Value, Value]:
    """The smallest and the largest change of a state, and the largest value, over all devices."""
    numpy, lax = jax().numpy, jax().lax
    place = lax.axis_index(AXIS) * v.shape[0] + numpy.arange(v.shape[0])
    real, change = place < count, w - v
    lo, hi = numpy.min(numpy.where(real, change, numpy.inf)), numpy.max(numpy.where(real, change, -numpy.inf))
    return lax.pmin(lo, AXIS), lax.pmax(hi, AXIS), lax.pmax(numpy.max(numpy.abs(v)), AXIS)


def solve_on(process: MDP, run: Run, start: Floats | None, devices: object, sweeps: bool) -> Found:
    """Value iteration, with `sweeps` under the greedy policy in between: modified policy iteration."""
    mesh, bounds = whole_devices(devices, run.method), DeviceBounds(process)
    cut = Cut(process, mesh, run.method, run.tolerance, run.max_iterations, hash_of(start))
    run_on, g, n = programs(cut.mesh), float(process.discount), process.n_states
    v = cut.vector(np.zeros(process.n_states) if start is None else start)
    while True:
        w, q, choice, *told = run_on.backup(v, *cut.arrays, g, n)
        lo, hi, size = (float(x) for x in cut.mesh.fetch(told))
        if bounds.contracts:
            bound = bounds.bound_at(lo, hi, bounds.noise(size))
            found = None
            if bound <= run.tolerance:
                found = bounds.prove(cut.fetch(v), cut.fetch(w), cut.pairs(q), lo, hi)
                bound = max(bound, found.bound)
        else:
            bound, found = run.proof_of_paths(process, lo, hi, partial(cut.fetch, w))
        if run.record(bound) and found is not None:
            run.notes.append(f"{cut.size // cut.mesh.count:,} states on each of {cut.mesh.count} devices")
            return found
        if run.stalled(PATIENCE) or (lo == hi == 0 and run.stalled(AT_REST)):
            raise run.refuse(bound if bounds.contracts or found is not None else math.inf)
        v = run_on.sweeps(w, choice, *cut.arrays, g, n, bounds.ends)[0] if sweeps else w


def resolvent_on(chain: MDP, b: Floats, tolerance: float, devices: object, transpose: bool) -> Floats:
    """The solution x (S,) of (I - discount P) x = b for a process with one pair a state, or of the transposed system.

    By its series, which discount < 1 ends: within the tolerance, for the transposed system in the sum of all errors.
    """
    bounds = DeviceBounds(chain)
    if not bounds.contracts:
        raise UnsupportedError(
            f"optimal_values: devices={devices} with discount {chain.discount:g}: a series ends by a discount below 1; "
            "leave devices out"
        )
    cut = Cut(chain, whole_devices(devices, "optimal_values"), tolerance, transpose, hash_of(b))
    right = cut.vector(b)
    aim = tolerance * (1 - bounds.most) / bounds.most if bounds.most else math.inf
    x, terms = programs(cut.mesh).series(transpose)(right, right, *cut.arrays, float(chain.discount), aim)
    if int(cut.mesh.fetch(terms)) >= MOST_TERMS:
        raise InputError(f"optimal_values: the series has not settled in {MOST_TERMS:,} terms; leave devices out")
    return cut.fetch(x)
