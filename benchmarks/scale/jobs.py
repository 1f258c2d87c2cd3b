"""What is measured, in one or several processes that JAX joins: `run` starts them, and gives what process 0 found."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

Found = dict[str, Any]
LONGEST = 1200.0  # seconds
JOBS: dict[str, Callable[..., Found]] = {}


def run(job: str, processes: int = 1, devices: int = 1, **options: object) -> Found:
    """The job in so many processes with so many devices each."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    flags = f"--xla_force_host_platform_device_count={devices}"
    commands = [
        [sys.executable, "-m", "benchmarks.scale.jobs", job, address, str(processes), str(k), json.dumps(options)]
        for k in range(processes)
    ]
    started = [subprocess.Popen(c, stdout=subprocess.PIPE, env=os.environ | {"XLA_FLAGS": flags}) for c in commands]
    told = [p.communicate(timeout=LONGEST)[0] for p in started]
    if any(p.returncode for p in started):
        raise SystemExit(f"{job} with {processes} processes: statuses {[p.returncode for p in started]}")
    found: Found = json.loads(told[0].splitlines()[-1])  # behind what libraries say there
    return found


def job(f: Callable[..., Found]) -> Callable[..., Found]:
    JOBS[f.__name__] = f
    return f


def least(work: Callable[[], Any], times: int) -> tuple[float, float]:
    """The least seconds of so many runs, and the processor's seconds of the middle one; the first is not counted.

    So many and not for so long: all processes have to run equally often.
    """
    jax: Any = import_module("jax")
    jax.block_until_ready(work())
    took, spent = [], []
    for _ in range(times):
        began, before = time.perf_counter(), time.process_time()
        jax.block_until_ready(work())
        took.append(time.perf_counter() - began)
        spent.append(time.process_time() - before)
    return min(took), sorted(spent)[times // 2]


@job
def curve(devices: int, epochs: int = 4, parameters: str = "whole", processes: int = 1) -> Found:
    """The loss of every step of an mlp on the digits."""
    from difflab import nn
    from difflab.nn.training.devices import DevicePrograms

    losses, take = [], DevicePrograms.take

    def noted(self: DevicePrograms, trees: Any, x: Any, y: Any) -> Any:
        found = take(self, trees, x, y)
        losses.append(float(found[1]))
        return found

    DevicePrograms.take = noted  # type: ignore[method-assign]
    data = nn.data.load("digits")
    nn.fit(
        nn.models.mlp((64, 512, 256, 10)),
        (data.x_train.reshape(-1, 64).astype(np.float32) / 16, data.y_train),
        epochs=epochs,
        batch_size=64,
        devices=devices,
        parameters=parameters,
        progress=False,
    )
    return {"losses": losses}


@job
def collectives(devices: int, sizes: Sequence[int] = (), processes: int = 1) -> Found:
    """Seconds of an all-reduce, where each device has an array of so many bytes, and of an all-gather that gives it."""
    from difflab.compile.xla.mesh import AXIS, SPLIT, Mesh

    jax: Any = import_module("jax")
    mesh, lax = Mesh(devices), jax.lax
    spec = jax.sharding.PartitionSpec(AXIS)
    bodies = {
        "all-reduce": (lambda x: lax.psum(x, AXIS), mesh.count),
        "all-gather": (lambda x: lax.all_gather(x, AXIS, tiled=True), 1),
    }
    found: Found = {"devices": mesh.count}
    for name, (body, times) in bodies.items():
        program = jax.jit(jax.shard_map(body, mesh=mesh.mesh, in_specs=spec, out_specs=spec))
        for n in sizes:
            x = mesh.place(np.ones(times * n // 4, np.float32), SPLIT)
            repeats = max(5, min(50, (1 << 26) // n))
            found.setdefault(name, {})[str(n)] = least(lambda p=program, x=x: p(x), repeats)[0]
    x = np.ones(1 << 25, np.float32)
    y, best = np.empty_like(x), float("inf")
    for _ in range(10):
        began = time.perf_counter()
        np.add(x, x, out=y)
        best = min(best, time.perf_counter() - began)
    return found | {"memory": 3 * x.nbytes / best}


@job
def train(devices: int, parameters: str = "whole", processes: int = 1) -> Found:
    """A step of Adam over a batch of 256, of an mlp with 1.3 million parameters: seconds and bytes on a device."""
    import optree

    from difflab import nn
    from difflab.compile.xla.mesh import SPLIT, Mesh, bytes_per_device, largest_axis, replicated
    from difflab.nn.training.devices import DevicePrograms
    from difflab.nn.training.step import loss_of, unclipped

    model, adam, rng = nn.models.mlp((256, 1024, 1024, 10)), nn.optim.Adam(lr=1e-3), np.random.default_rng(0)
    mesh = Mesh(devices, largest_axis(devices * processes) if parameters == "split" else replicated)
    made = DevicePrograms(model, loss_of("cross_entropy"), adam, True, unclipped, mesh, None)
    params, state = model.init(0, dtype=np.float32)
    trees = [made.placed(params, adam.init(params), state)]
    x = mesh.place(rng.normal(size=(256, 256)).astype(np.float32), SPLIT)
    y = mesh.place(rng.integers(0, 10, 256), SPLIT)
    held = bytes_per_device(trees[0])

    def step() -> None:
        trees[0] = made.take(trees[0], x, y)[0]

    seconds, processor = least(step, 20)
    told = made.sharded.program((*trees[0], x, y, made.wished)).compiled.memory_analysis()
    count = sum(p.size for p in optree.tree_leaves(params))
    return {"count": int(count), "held": held, "seconds": seconds, "processor": processor} | analysed(told)


@job
def plan(devices: int, side: int = 300, processes: int = 1) -> Found:
    """A backup of value iteration on a grid: seconds and bytes on a device."""
    from difflab import mdp
    from difflab.compile.xla.carrier import x64
    from difflab.compile.xla.mesh import Mesh, bytes_per_device
    from difflab.mdp.devices import Cut, programs

    process = mdp.gridworld((side, side), slip=0.2, discount=0.99)
    cut = Cut(process, Mesh(devices))
    v = cut.vector(np.zeros(process.n_states))
    backup = programs(cut.mesh).backup
    found = backup(v, *cut.arrays, 0.99, process.n_states)
    held = bytes_per_device((v, cut.arrays, found[:3]))
    seconds, processor = least(lambda: backup(v, *cut.arrays, 0.99, process.n_states), 20)
    with x64():
        jitted = import_module("jax").jit(backup.__closure__[0].cell_contents)  # type: ignore[attr-defined]
        told = jitted.lower(v, *cut.arrays, 0.99, process.n_states).compile().memory_analysis()
    sizes = {"states": process.n_states, "actions": cut.width, "length": cut.length}
    return sizes | {"held": held, "seconds": seconds, "processor": processor} | analysed(told)


def analysed(told: Any) -> Found:
    """What XLA says that its program needs on a device beside arguments and results."""
    return {"temporary": getattr(told, "temp_size_in_bytes", None)}


def main(name: str, address: str, processes: int, number: int, options: str) -> None:
    devices = int(os.environ["XLA_FLAGS"].rpartition("=")[2])
    if processes > 1:
        jax: Any = import_module("jax")
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(address, processes, number, cluster_detection_method="deactivate")
    found = JOBS[name](devices, processes=processes, **json.loads(options))
    if number == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
